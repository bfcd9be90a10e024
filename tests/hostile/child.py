"""Hands hostile inputs to the program, as a process of its own with little memory.

    python -m tests.hostile.child KIND FOLDER [SECONDS_FOR_ONE]

`FOLDER` holds `cases` (what to hand over) and `workspace`; what came of each case is printed as
JSON, with how much the process grew. Whatever is no error of ours is reported by its name, so that
no expectation can be met by a crash.
"""

import json
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from fundus_core.errors import FundusError, ImageError
from fundus_core.io.images import read_image
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.imports import import_photographs
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.hostile.cases import NOT_THERE, OPENED
from tests.hostile.pictures import picture

MOST_MEGABYTES = {
    "pictures": 700,
    "masks": 600,
    "tables": 900,
    "archives": 300,
    "dicoms": 300,
    "checkpoints": 400,
}
"""How much a process may grow over all cases of a kind; it is ended beyond twice as much."""

STARTS_PROCESSES = {
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
}
"""Events by which Python tells that a process is started."""

Outcomes = dict[str, tuple[str, str]]
"""Name of a case -> what became of it, and the words."""


def main(kind: str, folder: Path, seconds: int = 20) -> None:
    """Hands every case of a kind over and prints what came of it."""
    warnings.simplefilter("ignore")
    run = _RUNS[kind]
    run(folder, [])  # imports and makes all that has nothing to do with the cases
    before = _grown()
    _limit_memory(2 * MOST_MEGABYTES[kind] << 20)
    signal.signal(signal.SIGALRM, _too_slow)
    processes: list[str] = []
    sys.addaudithook(
        lambda event, _: processes.append(event) if event in STARTS_PROCESSES else None
    )
    cases = sorted(path for path in (folder / "cases").iterdir())
    started = time.monotonic()
    found = run(folder, cases) if kind == "pictures" else _one_by_one(run, folder, cases, seconds)
    about = {
        "outcomes": {ascii(name): told for name, told in found.items()},
        "megabytes": _grown() - before,
        "seconds": time.monotonic() - started,
        "processes": processes,
    }
    sys.stdout.write(json.dumps(about))


Run = Callable[[Path, list[Path]], Outcomes]


class TooSlow(BaseException):
    """A case took too long; no error of the program catches it."""


def _too_slow(*_: object) -> None:
    raise TooSlow


def _one_by_one(run: Run, folder: Path, cases: list[Path], seconds: int) -> Outcomes:
    found: Outcomes = {}
    for case in cases:
        signal.alarm(seconds)
        try:
            found |= run(folder, [case])
        except FundusError as error:
            found[case.name] = type(error).__name__, error.message
        except (Exception, TooSlow) as error:  # noqa: BLE001 - to be reported by its name
            found[case.name] = f"crashed: {type(error).__name__}", str(error)[:300]
        finally:
            signal.alarm(0)
    return found


def _pictures(folder: Path, cases: list[Path]) -> Outcomes:
    """Opens the whole folder at once, then reads every accepted photograph both ways."""
    if not cases:
        return {}
    dataset = open_dataset(Workspace(folder / "workspace"), DataSource(folder / "cases"))
    found = {case.name: (NOT_THERE, "") for case in cases}
    for row in dataset.rejected:
        name = next((c.name for c in cases if row.path.endswith(_shown(c.name))), row.path)
        found[name] = (row.reason, row.detail)
    for path in map(Path, dataset.table["path"]):
        found[path.name] = (OPENED, _what_it_shows(path))
    return found


def _shown(name: str) -> str:
    from fundus_core.domain.visible import visible

    return f"/{visible(name)}"


def _what_it_shows(path: Path) -> str:
    """Says whether both decoders show the upright picture, in colour or in grey."""
    shown = set()
    for decoder in ("fast", "exact"):
        try:
            pixels = read_image(path, decoder=decoder).astype(float)
        except ImageError as error:
            return f"refused by the {decoder} decoder: {error.reason}"
        shown.add(_likeness(pixels))
    return shown.pop() if len(shown) == 1 else "decoders differ"


def _likeness(pixels: np.ndarray) -> str:
    grey = np.repeat(np.asarray(Image.fromarray(picture()).convert("L"))[..., None], 3, axis=2)
    for name, wanted in (("picture", picture()), ("grey", grey)):
        same_size = pixels.shape == wanted.shape
        if same_size and np.sqrt(((pixels - wanted) ** 2).mean()) < 2.5:
            return name
    return "something"


def _masks(folder: Path, cases: list[Path]) -> Outcomes:
    """Lets everything that reads masks read each: as truth, as field, as lesions, for training."""
    from tests.hostile import mask_ways

    place = folder / "workspace"
    found: Outcomes = {}
    for case in cases or [mask_ways.sound_mask(place)]:
        refused: list[FundusError] = []
        shown: list[bool] = []
        for way in mask_ways.WAYS:
            try:
                shown.append(way(place, case))
            except FundusError as error:
                refused.append(error)
        if refused:
            in_part = " in part" if shown else ""
            found[case.name] = f"{type(refused[0]).__name__}{in_part}", refused[0].message
        else:
            found[case.name] = OPENED, "marks" if all(shown) else "something"
    return found


def _tables(folder: Path, cases: list[Path]) -> Outcomes:
    """Opens each as a data set, its photographs beside it."""
    for case in cases:
        open_dataset(Workspace(folder / "workspace"), DataSource(case))
    return {case.name: (OPENED, "") for case in cases}


def _archives(folder: Path, cases: list[Path]) -> Outcomes:
    for case in cases:
        place = folder / "workspace" / "bundles"
        try:
            open_bundle(Workspace(place), case)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return {case.name: (OPENED, "") for case in cases}


def _dicoms(folder: Path, cases: list[Path]) -> Outcomes:
    for number, case in enumerate(cases):
        import_photographs(case, folder / "workspace" / f"{case.stem} {number}")
    return {case.name: (OPENED, "") for case in cases}


def _checkpoints(folder: Path, cases: list[Path]) -> Outcomes:
    """Loads each as the weights of a network, then converts it; both must say the same."""
    from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, load_for, resolve
    from fundus_core.workflows.weights.convert import convert
    from tests.hostile.bad_checkpoints import BACKBONE

    place = Workspace(folder / "workspace")
    weights = [str(case) for case in cases] or ["scratch"]
    for name in weights:
        out = folder / "workspace" / "converted.safetensors"
        try:
            convert(place, Path(name), BACKBONE, out=out)
            converts = True
        except FundusError:
            converts = False
        finally:
            out.unlink(missing_ok=True)
            out.with_suffix(".json").unlink(missing_ok=True)
        load_for(resolve(place, BackboneChoice(BACKBONE, name, 64, "fp32")))
        if cases and not converts:
            return {case.name: ("loads but does not convert", "") for case in cases}
    return {case.name: (OPENED, "") for case in cases}


def _grown() -> int:
    """Returns the most memory that this process ever held, in megabytes.

    Not by `getrusage`, which begins at what the process held that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def _limit_memory(more_bytes: int) -> None:
    """Lets this process reserve so much more than by now; the rest fails instead of swapping."""
    n_pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = n_pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


_RUNS: dict[str, Run] = {
    "pictures": _pictures,
    "masks": _masks,
    "tables": _tables,
    "archives": _archives,
    "dicoms": _dicoms,
    "checkpoints": _checkpoints,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
