"""A table in a folder is its data set's own, or is said to be left out: never passed over."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.checks import dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, FundusError, TargetError
from fundus_core.io.manifest import ColumnMapping, DataSource, read_dataset

ROWS = ["picture,patient,label"] + [
    f"{name}/{number}.png,P{number},{name}" for name in ("amd", "normal") for number in range(3)
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs, all different, in a folder per class, and a table that names patients."""
    folder = tmp_path_factory.mktemp("drawn") / "cf"
    for seed, row in enumerate(ROWS[1:]):
        path = folder / row.partition(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    (folder / "manifest.csv").write_text("\n".join(ROWS) + "\n")
    return folder


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "cf"))


def _left_out(dataset: FundusDataset) -> list[str]:
    return [Path(row.path).name for row in dataset.rejected if row.reason == "other_table"]


def _cautions(dataset: FundusDataset) -> dict[str, str]:
    return {caution.code: caution.text for caution in dataset_cautions(dataset)}


def _emptied(table: Path) -> None:
    table.write_text("")


def _cut_to_the_header(table: Path) -> None:
    table.write_text(ROWS[0] + "\n")


def _ended_by_an_open_quote(table: Path) -> None:
    table.write_text(table.read_text() + '"open\n')


def _with_an_open_quote_in_a_row(table: Path) -> None:
    table.write_text(table.read_text().replace("P1", '"P1', 1).replace("\namd/2", '\n"amd/2'))


def _with_too_many_cells(table: Path) -> None:
    table.write_text(table.read_text() + "a,b,c,d\n")


def _of_other_files(table: Path) -> None:
    table.write_text(table.read_text().replace(".png", "_x.png"))


def _of_other_files_by_a_name_of_no_column_known(table: Path) -> None:
    table.with_name("Aufnahmen.csv").write_text("Bild,Befund\n1_x.png,amd\n2_x.png,normal\n")
    table.unlink()


def _of_numbers_that_are_no_photographs(table: Path) -> None:
    rows = [f"{number},P{number},amd" for number in range(6)]
    table.with_name("cohort.csv").write_text("\n".join(["Nr,patient,label", *rows]) + "\n")
    table.unlink()


def _made_a_link_to_nothing(table: Path) -> None:
    table.unlink()
    table.symlink_to(table.with_name("gone.csv"))


def _of_other_things(table: Path) -> None:
    table.write_text("topic,text\ncamera,Topcon\n")


def _renamed(name: str) -> Callable[[Path], object]:
    return lambda table: table.rename(table.with_name(name))


def _damaged_as(name: str) -> Callable[[Path], object]:
    return lambda table: (table.unlink(), table.with_name(name).write_bytes(b"\0\1\2"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_emptied, "manifest.csv cannot be read as a table: it is empty"),
        (_cut_to_the_header, "manifest.csv has no rows below its header"),
        (_ended_by_an_open_quote, "manifest.csv cannot be read as a table: unexpected end of data"),
        (_with_an_open_quote_in_a_row, "manifest.csv cannot be read as a table"),
        (_with_too_many_cells, "row 7 has 4 cells and the header 3"),
        (_of_other_files, "None of the files that column 'picture' of manifest.csv names"),
        (_of_other_files_by_a_name_of_no_column_known, "Aufnahmen.csv has no column of photogr"),
        (
            _of_numbers_that_are_no_photographs,
            "cohort.csv has no column of photographs; it has: Nr",
        ),
        (_made_a_link_to_nothing, "manifest.csv cannot be read as a table"),
        (_of_other_things, "manifest.csv has no column of photographs"),
        (_renamed("photographs.xlsx"), "photographs.xlsx is a table of a format that is not read"),
        (_renamed("LABELS.ODS"), "LABELS.ODS is a table of a format that is not read"),
        (_damaged_as("LABELS.CSV"), "LABELS.CSV cannot be read as a table: it is not a text file"),
        (_damaged_as("notes.tsv"), "notes.tsv cannot be read as a table: it is not a text file"),
        (_damaged_as("visits.parquet"), "visits.parquet cannot be read as a table"),
    ],
)
def test_read_dataset__the_names_of_folders_never_replace_a_table_that_cannot_be_used(
    folder: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(folder / "manifest.csv")

    with pytest.raises(DataError) as refused:
        read_dataset(DataSource(folder))

    assert refused.value.message.startswith(told) or told in refused.value.message
    assert "move that away" in refused.value.hint
    assert "--table" in refused.value.hint


@pytest.mark.parametrize("name", ["cohort.csv", "trainLabels.CSV"])
@pytest.mark.parametrize("spoil", [_emptied, _with_too_many_cells, _of_other_files])
def test_read_dataset__the_only_table_counts_by_any_name(
    folder: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    table = (folder / "manifest.csv").rename(folder / name)
    assert read_dataset(DataSource(folder)).n_patients == 3
    spoil(table)

    with pytest.raises(DataError, match=name):
        read_dataset(DataSource(folder))


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (ColumnMapping(patient="MRN"), DataError),
        (ColumnMapping(split="MRN"), DataError),
        (ColumnMapping(eye="MRN"), DataError),
        (ColumnMapping(path="MRN"), DataError),
        (ColumnMapping(target="MRN"), TargetError),
    ],
)
def test_read_dataset__a_column_that_the_table_lacks_is_told_of_the_table(
    folder: Path, columns: ColumnMapping, kind: type[FundusError]
) -> None:
    with pytest.raises(kind) as refused:
        read_dataset(DataSource(folder, columns=columns))

    assert refused.value.message.endswith("has no column 'MRN'; it has: picture, patient, label.")


def test_read_dataset__a_table_of_other_things_is_left_out_and_named(folder: Path) -> None:
    _of_other_things((folder / "manifest.csv").rename(folder / "README.csv"))
    (folder / "amd" / "eyes.tsv").write_text("eye\tgrade\nOD\t1\n")

    dataset = read_dataset(DataSource(folder))

    assert len(dataset) == 6
    assert dataset.targets[0].name == "label"
    assert _left_out(dataset) == ["README.csv", "eyes.tsv"]
    assert "It names no photographs." in {row.detail for row in dataset.rejected}
    assert _cautions(dataset)["FD027"].startswith("2 tables in its folder were left out")
    assert "FD009" not in _cautions(dataset)  # of rows that were rejected, there are none
    assert not any("README" in text for text in _cautions(dataset).values())


def test_read_dataset__a_column_is_sought_in_the_table_that_is_left_out_too(folder: Path) -> None:
    _of_other_things((folder / "manifest.csv").rename(folder / "README.csv"))

    with pytest.raises(DataError, match=r"README\.csv has no column of photographs"):
        read_dataset(DataSource(folder, columns=ColumnMapping(patient="MRN")))

    by_class = read_dataset(DataSource(folder, columns=ColumnMapping(patient="label")))
    assert by_class.n_patients == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("abbreviations.csv", "short,long\ndr,diabetic retinopathy\n"),
        ("metadata.csv", "site,camera\nA,Topcon\n"),
        ("test.csv", "path,dr\nnot-here.png,1\n"),
        ("manifest.xlsx", "PK"),
    ],
)
def test_read_dataset__what_lies_beside_the_table_that_is_used_is_named(
    folder: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)

    dataset = read_dataset(DataSource(folder))

    assert dataset.n_patients == 3
    assert _left_out(dataset) == [name]
    assert _cautions(dataset)["FD027"].startswith("1 table in its folder was left out")


@pytest.mark.parametrize(
    ("name", "text"),
    [("labels.csv", ""), ("LABELS.CSV", "path,dr\nnot-here.png,1\n"), ("notes.csv", 'a,b\n"1,2\n')],
)
def test_read_dataset__a_broken_table_is_told_beside_one_that_could_be_used(
    folder: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)

    with pytest.raises(DataError, match=name):
        read_dataset(DataSource(folder))

    assert read_dataset(DataSource(folder, table=folder / "manifest.csv")).n_patients == 3


def test_read_dataset__an_empty_table_of_no_usual_name_holds_nothing_that_is_missed(
    folder: Path,
) -> None:
    (folder / "refused.csv").write_text("\r\n")
    (folder / "~$manifest.xlsx").write_bytes(b"PK")  # a spreadsheet is open

    dataset = read_dataset(DataSource(folder))

    assert (dataset.n_patients, dataset.rejected) == (3, ())


def test_read_dataset__of_two_tables_the_named_column_chooses(folder: Path) -> None:
    (folder / "scores.csv").write_text("picture,MRN\namd/0.png,7\nnormal/0.png,8\n")

    dataset = read_dataset(DataSource(folder, columns=ColumnMapping(patient="MRN")))

    assert dataset.n_patients == 2
    assert _left_out(dataset) == ["manifest.csv"]


@pytest.mark.parametrize("suffix", [".tsv", ".parquet", ".CSV"])
def test_read_dataset__a_whole_table_of_any_format_is_used(folder: Path, suffix: str) -> None:
    (folder / "manifest.csv").unlink()
    frame = pd.DataFrame([row.split(",") for row in ROWS[1:]], columns=ROWS[0].split(","))
    if suffix == ".parquet":
        frame.to_parquet(folder / "LABELS.parquet")
    else:
        frame.to_csv(folder / f"LABELS{suffix}", sep="\t", index=False)

    assert read_dataset(DataSource(folder)).n_patients == 3


@pytest.mark.parametrize(
    ("place", "kept"), [("", ["images"]), ("amd", ["amd", "normal"]), ("normal", ["amd", "normal"])]
)
def test_read_dataset__masks_beside_photographs_are_no_class(
    folder: Path, place: str, kept: list[str]
) -> None:
    (folder / "manifest.csv").unlink()
    if not place:
        for name in ("amd", "normal"):
            shutil.move(folder / name, folder / "images" / name)
    for kind in ("masks", "vessels"):
        marks = folder / place / kind / "amd"
        marks.mkdir(parents=True)
        pixels = np.random.default_rng(len(kind)).integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(pixels).save(marks / "0.png")
    if place:
        (folder / place / "images").mkdir()
        for path in sorted((folder / place).glob("*.png")):
            path.rename(path.parent / "images" / path.name)

    dataset = read_dataset(DataSource(folder))

    assert sorted({Path(path).relative_to(folder).parts[0] for path in dataset.table["path"]}) == (
        kept
    )
    assert dataset.targets[0].classes == ("normal", "amd")
    assert [(Path(row.path).name, row.reason) for row in dataset.rejected] == [
        ("masks", "masks"),
        ("vessels", "masks"),
    ]
    assert _cautions(dataset)["FD027"].startswith("2 folders of masks in its folder were left out")


def test_read_dataset__a_table_without_header_loses_no_photograph(folder: Path) -> None:
    (folder / "manifest.csv").write_text("\n".join(ROWS[1:]) + "\n")

    with pytest.raises(DataError, match=r"first row of manifest\.csv is no header"):
        read_dataset(DataSource(folder))
