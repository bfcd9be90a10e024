"""Tables as they should not be: of every encoding, with every kind of cell, or no tables at all."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from tests.hostile.cases import OPENED, Case, made, of_bytes

PHOTOGRAPHS = tuple(f"images/{number}.png" for number in range(6))
"""What the tables name, relative to their folder."""

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b>",
    "<a href='http://example.invalid'>link</a>",
    "![x](http://example.invalid/leak)",
    "[x](javascript:alert(1))",
    "$\\frac{1}{2}$",
    ":red[red] :material/home:",
    "**bold** _it_ `code` # head",
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(1,1)",
    "+1+cmd",
    "-2+3+cmd",
    "%{x} %{customdata}",
    "{{7*7}} ${7*7}",
    "a\u202eb\u2066c",
    "a\u200bb\u00adc",
    "'; DROP TABLE x; --",
    "../../etc/passwd",
    "%2e%2e%2f",
    "NaN",
    "None",
    "\U0001f441 \u00e9 \u4e2d",
    "x" * 3000,
)
"""Labels that mean something to a page, a figure, a spreadsheet or a parser."""


def table_cases() -> list[Case]:
    """Returns hostile tables, each with a folder of six photographs beside it."""
    return [
        *_text_tables(),
        *_encodings(),
        *_payloads(),
        *_parquet_tables(),
        *_no_tables(),
        *_huge(),
    ]


def _rows(*labels: str, sep: str = ",") -> str:
    lines = [f"{path}{sep}{label}" for path, label in zip(PHOTOGRAPHS, labels, strict=False)]
    return "\n".join([f"path{sep}label", *lines, ""])


def _text_tables() -> Iterator[Case]:
    plain = _rows(*"ababab")
    yield _text("plain.csv", plain, OPENED)
    for name, sep in (("semicolon", ";"), ("tab", "\t"), ("bar", "|")):
        yield _text(f"{name}.csv", _rows(*"ababab", sep=sep), OPENED)
    yield _text("blank between.csv", _rows(*"ababab", sep=" "), "DataError")
    yield _text("comma.tsv", plain, OPENED)
    yield _text("twice a column.csv", plain.replace("label", "path"), OPENED)
    yield _text("many the same.csv", f"path,{'a,' * 3000}\n{PHOTOGRAPHS[0]}\n", OPENED, "DataError")
    yield _text("no header.csv", "\n".join(PHOTOGRAPHS), "DataError", OPENED)
    yield _text("header only.csv", "path,label\n", "EmptyTableError")
    yield _text("empty.csv", "", "EmptyTableError")
    yield _text("blank.csv", " \n\n , \n", "EmptyTableError")
    yield _text("short rows.csv", f"path,label\n{PHOTOGRAPHS[0]}\n{PHOTOGRAPHS[1]},a\n", OPENED)
    yield _text("long rows.csv", f"path,label\n{PHOTOGRAPHS[0]},a,b,c\n", "DataError")
    yield _text("open quote.csv", plain.replace(",b", ',"b', 1), "DataError")
    yield _text("quote in a cell.csv", plain.replace(",b", ',b"b', 1), OPENED, "DataError")
    yield _text("old line ends.csv", plain.replace("\n", "\r"), OPENED)
    yield _text("mixed line ends.csv", plain.replace("\n", "\r\n", 3), OPENED)
    yield _text("line in a cell.csv", plain.replace(",a", ',"a\nb"', 1), OPENED)
    yield _text("mixed types.csv", _rows("1", "1.0", "one", "", "TRUE", "2020-01-01"), OPENED)
    yield _text("not finite.csv", _rows("nan", "inf", "-inf", "1e999", "0x10", "1_000"), OPENED)
    yield _text("long numbers.csv", _rows("9" * 4400, "1", "9" * 4400, "1", "1", "1"), OPENED)
    yield _text("reserved.csv", plain.replace("label", "image_id"), OPENED)
    yield _text("columns named.csv", plain.replace("label", "__class__"), OPENED)
    yield _text("outside.csv", "path,label\n../../../etc/passwd,a\n/etc/shadow,b\n", "DataError")
    yield _text(
        "odd paths.csv", _rows(*"ab") + "\\\\host\\share\\x.png,a\nfile:///etc/x.png,b\n", OPENED
    )
    yield _text("address.csv", _rows(*"ab") + "http://example.invalid/x.png,a\n", OPENED)
    yield _text("home.csv", _rows(*"ab") + "~root/x.png,a\n$HOME/x.png,b\n", OPENED)
    yield _text("long path.csv", _rows(*"ab") + f"{'d/' * 5000}x.png,a\n", OPENED)
    yield _text("thousand columns.csv", _wide(1000), OPENED)


def _encodings() -> Iterator[Case]:
    plain = _rows(*"ababab").replace("label", "gr\u00f6\u00dfe")
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        yield of_bytes(f"{encoding}.csv", plain.encode(encoding), OPENED)
    for encoding in ("utf-16-le", "utf-32", "utf-7", "cp037"):
        yield of_bytes(f"{encoding}.csv", plain.encode(encoding), OPENED, "DataError")
    yield of_bytes("cut.csv", plain.encode("utf-16")[:-1], "DataError")
    yield of_bytes("half a letter.csv", plain.encode()[:10] + b"\xc3", "EmptyTableError", OPENED)
    yield of_bytes("nul.csv", plain.replace(",a", ",a\0b").encode(), "DataError")
    late = plain.replace("\n", ", \n").encode() + b" \n" * 5000 + b"x\0.png,a\n"
    yield of_bytes("late nul.csv", late, OPENED, "DataError")
    yield of_bytes("surrogate.csv", plain.encode() + b"\xed\xa0\x80.png,a\n", OPENED)
    yield of_bytes(
        "controls.csv", _rows("\x1b[31m", "\x07", "\x9b", "a", "\x7f", "a").encode(), OPENED
    )


def _payloads() -> Iterator[Case]:
    for number, payload in enumerate(PAYLOADS):
        label = '"' + payload.replace('"', '""') + '"'
        text = _rows(label, "b", label, "b", label, "b")
        yield _text(f"label {number}.csv", text, OPENED)
        yield _text(f"column {number}.csv", text.replace("label", label, 1), OPENED, "DataError")


def _parquet_tables() -> Iterator[Case]:
    paths = list(PHOTOGRAPHS)
    columns: dict[str, object] = {
        "bytes": [b"\xff\x00"] * 6,
        "lists": [[1, 2]] * 6,
        "structs": [{"a": 1}] * 6,
        "decimals": pa.array([1, 2, 3, 4, 5, 6]).cast(pa.decimal128(25, 2)),
        "times": pa.array([2**62] * 6, pa.timestamp("us")),
        "days": pa.array([2**31 - 1] * 6, pa.date32()),
        "durations": pa.array([2**62] * 6, pa.duration("ns")),
        "dictionary": pa.array(list("ababab")).dictionary_encode(),
        "nothing": pa.nulls(6),
        "large": pa.array([2**64 - 1] * 6, pa.uint64()),
    }
    for name, values in columns.items():
        table = pa.table({"path": paths, name: values})
        yield of_bytes(f"{name}.parquet", _parquet(table), OPENED, "DataError")
    twice = pa.table([pa.array(paths), pa.array(paths)], names=["path", "path"])
    yield of_bytes("twice.parquet", _parquet(twice), OPENED, "DataError")
    plain = _parquet(pa.table({"path": paths, "label": list("ababab")}))
    for share in (0.1, 0.5, 0.9):
        yield of_bytes(f"cut {share:.0%}.parquet", plain[: int(share * len(plain))], "DataError")
    for place in (4, 40, len(plain) // 2, len(plain) - 40, len(plain) - 6):
        turned = bytearray(plain)
        turned[place] ^= 0xFF
        yield of_bytes(f"flipped {place}.parquet", bytes(turned), OPENED, "DataError")
    for name, note in (
        ("no note", b"{"),
        ("wrong note", b'{"columns": 5}'),
        ("note of an index", json.dumps({"index_columns": ["nowhere"], "columns": []}).encode()),
    ):
        table = pa.table({"path": paths}).replace_schema_metadata({b"pandas": note})
        yield of_bytes(f"{name}.parquet", _parquet(table), OPENED, "DataError")
    yield made("billion rows.parquet", _many_rows, "DataError")
    yield made("long cells.parquet", _long_cells, "DataError")
    yield made(
        "wide.parquet",
        lambda: _parquet(pa.table({f"c{i}": ["x"] for i in range(3000)})),
        "DataError",
    )


def _no_tables() -> Iterator[Case]:
    yield of_bytes("program.csv", b"\x7fELF\x02\x01\x01" + bytes(4000), "DataError")
    yield of_bytes("workbook.csv", b"PK\x03\x04\x14\0\x06\0" + bytes(range(256)) * 20, "DataError")
    yield of_bytes("page.csv", b"<!doctype html>\n<html><body>404</body></html>\n", "DataError")
    yield of_bytes("json.csv", b'[{"path": "images/0.png"}]\n', "EmptyTableError")
    yield Case("pipe.csv", os.mkfifo, frozenset({"DataError"}))
    yield Case("folder.csv", Path.mkdir, frozenset({"DataError"}))
    yield Case("endless.csv", _link("/dev/zero"), frozenset({"DataError"}))
    yield Case("nowhere.csv", _link("/nonexistent.csv"), frozenset({"DataError"}))
    yield Case("itself.csv", lambda path: path.symlink_to(path), frozenset({"DataError"}))
    yield Case("process.csv", _link("/proc/self/environ"), frozenset({"DataError"}))
    yield Case("endless.parquet", _link("/dev/zero"), frozenset({"DataError"}))
    yield Case("pipe.parquet", os.mkfifo, frozenset({"DataError"}))


def _huge() -> Iterator[Case]:
    yield made("cell of 1 MB.csv", lambda: _rows("x" * (1 << 20), "b").encode(), "DataError")
    yield made(
        "cell of 50 MB.csv", lambda: _rows("x" * (50 << 20), "b").encode(), "DataError", slow=True
    )
    yield made("line of commas.csv", lambda: b"path" + b"," * (20 << 20), "DataError", slow=True)
    yield made(
        "same names.csv", lambda: b"path" + b",a" * 100_000 + b"\nx,\n", "DataError", slow=True
    )
    yield Case("sparse.csv", _sparse, frozenset({"DataError"}))


def _text(name: str, text: str, *expected: str) -> Case:
    return of_bytes(name, text.encode(), *expected)


def _wide(n_columns: int) -> str:
    header = ",".join(["path", *(f"c{number}" for number in range(n_columns))])
    return "\n".join([header, *(path + ",1" * n_columns for path in PHOTOGRAPHS)])


def _parquet(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    parquet.write_table(table, file, **options)
    return file.getvalue()


def _many_rows() -> bytes:
    """Returns fifty million times the same two cells: in runs, they take next to no room."""
    file = io.BytesIO()
    block = pa.table({"path": pa.array([PHOTOGRAPHS[0]] * 500_000), "label": ["a"] * 500_000})
    with parquet.ParquetWriter(file, block.schema) as writer:
        for _ in range(100):
            writer.write_table(block)
    return file.getvalue()


def _many_columns() -> bytes:
    return _parquet(pa.table({f"c{number}": ["x"] for number in range(3000)}))


def _long_cells() -> bytes:
    """Returns 2,000 cells of a megabyte that are all the same."""
    cells = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["x" * (1 << 20)])
    return _parquet(pa.table({"path": cells}))


def _sparse(path: Path) -> None:
    """Leaves a file of 3 GiB that takes no room on disk."""
    with path.open("wb") as file:
        file.write(b"path,label\n")
        file.truncate(3 << 30)


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)
