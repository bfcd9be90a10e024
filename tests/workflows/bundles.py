"""Bundles that were changed by somebody who knows how to make their sums right again."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

Change = Callable[[dict[str, Any]], object]


class Forged:
    """The files of a bundle, to be changed and packed again with sums that fit."""

    def __init__(self, bundle: Path) -> None:
        """Reads a bundle."""
        with zipfile.ZipFile(bundle) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}

    def find(self, end: str) -> str:
        """Returns the first name that ends so, in the order of the alphabet."""
        return min(name for name in self.files if name.endswith(end))

    def change(self, end: str, change: Change) -> "Forged":
        """Changes the content of a file of JSON; its name ends so."""
        name = self.find(end)
        about = json.loads(self.files[name])
        change(about)
        self.files[name] = json.dumps(about).encode()
        return self

    def table(self, end: str) -> pd.DataFrame:
        """Returns a table; its name ends so."""
        return pd.read_parquet(io.BytesIO(self.files[self.find(end)]))

    def put_table(self, end: str, table: pd.DataFrame) -> "Forged":
        """Replaces a table; its name ends so."""
        file = io.BytesIO()
        table.to_parquet(file, index=False)
        self.files[self.find(end)] = file.getvalue()
        return self

    def put(self, end: str, content: bytes | None) -> "Forged":
        """Replaces a file, or takes it out; its name ends so."""
        name = self.find(end)
        del self.files[name]
        if content is not None:
            self.files[name] = content
        return self

    def packed(self, out: Path) -> Path:
        """Writes the bundle, its list of contents fitting."""
        contents = json.loads(self.files["bundle.json"])
        contents["files"] = {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in self.files.items()
            if name != "bundle.json"
        }
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.files.items():
                if name != "bundle.json":
                    archive.writestr(name, data)
            archive.writestr("bundle.json", json.dumps(contents))
        return out
