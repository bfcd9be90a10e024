"""Folders and tables become data sets; every row is a photograph or has a reason why not."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.checks import dataset_cautions
from fundus_core.domain.dataset import RESERVED_COLUMNS, FundusDataset
from fundus_core.errors import DataError, TargetError
from fundus_core.io.manifest import ColumnMapping, DataSource, ScanFile, read_dataset
from fundus_core.io.workspace_format import STAMP, write_stamp
from tests.hostile.pictures import make_hostile_corpus


def _photograph(path: Path, seed: int) -> Path:
    """Writes a small photograph that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((64, 64, 3), 90, np.uint8)
    pixels[:8, :8] = np.random.default_rng(seed).integers(0, 255, (8, 8, 3))
    Image.fromarray(pixels).save(path)
    return path


def _photographs(folder: Path, *names: str) -> Path:
    """Writes photographs, all different, and returns the folder."""
    for name in names:
        _photograph(folder / name, seed=sum(map(ord, name)) * 31 + len(name))
    return folder


def _table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def _column(dataset: FundusDataset, name: str) -> list[str | None]:
    return dataset.table[name].tolist()


def _names(dataset: FundusDataset) -> list[str]:
    return [Path(path).name for path in _column(dataset, "path") if path]


def _reasons(dataset: FundusDataset) -> dict[str, str]:
    return {Path(row.path).name: row.reason for row in dataset.rejected}


# Folders


def test_read_dataset__a_folder_per_class(tmp_path: Path) -> None:
    _photographs(tmp_path, "normal/1.png", "normal/2.png", "dr/3.jpg", "dr/4.JPG")

    dataset = read_dataset(DataSource(tmp_path))

    assert dataset.name == tmp_path.name
    assert tuple(dataset.table.columns) == (*RESERVED_COLUMNS, "label")
    assert list(zip(_names(dataset), _column(dataset, "label"), strict=True)) == [
        ("3.jpg", "dr"),
        ("4.JPG", "dr"),
        ("1.png", "normal"),
        ("2.png", "normal"),
    ]
    assert dataset.targets[0].classes == ("normal", "dr")
    assert all(Path(path).is_absolute() for path in _column(dataset, "path") if path)


@pytest.mark.parametrize("layout", ["{split}/{label}/{n}.png", "{label}/{split}/{n}.png"])
def test_read_dataset__splits_and_classes_may_be_nested_either_way(
    tmp_path: Path, layout: str
) -> None:
    cases = [("Training", "normal"), ("Training", "dr"), ("valid", "dr"), ("test", "normal")]
    for n, (split, label) in enumerate(cases):
        _photograph(tmp_path / layout.format(split=split, label=label, n=n), seed=n)

    dataset = read_dataset(DataSource(tmp_path))

    rows = {Path(r.path).stem: (r.split, r.label) for r in dataset.table.itertuples()}
    assert rows == {
        "0": ("train", "normal"),
        "1": ("train", "dr"),
        "2": ("val", "dr"),
        "3": ("test", "normal"),
    }


def test_read_dataset__levels_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    _photographs(tmp_path, "set1/train/images/dr/1.png", "set1/train/images/normal/2.png")

    dataset = read_dataset(DataSource(tmp_path))

    assert _column(dataset, "label") == ["dr", "normal"]
    assert _column(dataset, "split") == ["train", "train"]


def test_read_dataset__of_site_and_class_the_class_is_the_label(tmp_path: Path) -> None:
    _photographs(tmp_path, "a/dr/1.png", "a/normal/2.png", "b/dr/3.png", "b/normal/4.png")

    dataset = read_dataset(DataSource(tmp_path))

    assert _column(dataset, "label") == ["dr", "normal", "dr", "normal"]
    assert _column(dataset, "folder_1") == ["a", "a", "b", "b"]
    assert [target.name for target in dataset.targets] == ["label", "folder_1"]


def test_read_dataset__of_class_and_patient_the_class_is_the_label(tmp_path: Path) -> None:
    _photographs(tmp_path, "dr/p1/1.png", "dr/p1/2.png", "dr/p2/3.png", "normal/p3/4.png")

    dataset = read_dataset(DataSource(tmp_path, columns=ColumnMapping(patient="folder_1")))

    assert _column(dataset, "label") == ["dr", "dr", "dr", "normal"]
    assert _column(dataset, "patient_id") == ["p1", "p1", "p2", "p3"]
    assert dataset.n_patients == 3


def test_read_dataset__photographs_without_folders_have_no_label(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png")

    dataset = read_dataset(DataSource(tmp_path))

    assert len(dataset) == 2
    assert dataset.targets == ()
    assert _column(dataset, "patient_id") == [None, None]


def test_read_dataset__other_files_are_no_photographs(tmp_path: Path) -> None:
    _photographs(tmp_path, "a/1.png", "b/2.png", ".hidden/3.png", "__MACOSX/a/._1.png")
    for name in ("LICENSE.txt", ".DS_Store", "a/Thumbs.db", "a/._1.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a" / "scan.dcm").write_bytes(b"x")

    dataset = read_dataset(DataSource(tmp_path))

    assert _names(dataset) == ["1.png", "2.png"]
    assert _reasons(dataset) == {"scan.dcm": "unreadable"}


def test_read_dataset__links_in_circles_end(tmp_path: Path) -> None:
    _photographs(tmp_path, "data/a/1.png", "data/b/2.png", "elsewhere/3.png")
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "c").symlink_to(tmp_path / "elsewhere")

    dataset = read_dataset(DataSource(tmp_path / "data"))

    assert _names(dataset) == ["1.png", "2.png", "3.png"]


def test_read_dataset__a_workspace_in_the_folder_is_no_part_of_it(tmp_path: Path) -> None:
    folder = _photographs(tmp_path / "data", "amd/1.png", "normal/2.png")
    place = _photographs(folder / "workspace", "thumbnails/1.png", "thumbnails/3.jpg", "demo/4.jpg")
    _table(place / "thumbnails" / "predictions.csv", "image,label", "1.png,amd")
    write_stamp(place)
    _table(folder / "labels.csv", "image,label", "1,amd", "2,normal")

    by_table = read_dataset(DataSource(folder))
    (folder / "labels.csv").unlink()

    by_folder = read_dataset(DataSource(folder))
    assert by_folder.rejected == by_table.rejected == ()
    assert _column(by_folder, "label") == _column(by_table, "label") == ["amd", "normal"]
    assert _names(by_folder) == _names(by_table) == ["1.png", "2.png"]
    assert _names(read_dataset(DataSource(place / "demo"))) == ["4.jpg"]


def test_read_dataset__another_programs_file_makes_a_folder_no_workspace(
    tmp_path: Path,
) -> None:
    folder = _photographs(tmp_path / "data", "amd/1.png", "normal/2.png")
    (folder / "amd" / STAMP).write_text('{"kept_by": "another program"}')

    assert _names(read_dataset(DataSource(folder))) == ["1.png", "2.png"]


def test_read_dataset__hostile_files_are_listed_with_their_reasons(tmp_path: Path) -> None:
    corpus = make_hostile_corpus(tmp_path / "hostile")
    expected = {file.path.name: file.reason for file in corpus if file.reason}

    dataset = read_dataset(DataSource(tmp_path / "hostile"))

    assert _reasons(dataset) == expected
    assert len(dataset) + len(dataset.rejected) == len(corpus)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None])
def test_read_dataset__nothing_to_read_is_told(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "empty")

    with pytest.raises(DataError, match=r"no photographs|nothing at"):
        read_dataset(DataSource(tmp_path / "empty"))


def test_read_dataset__one_photograph_is_a_data_set(tmp_path: Path) -> None:
    path = _photograph(tmp_path / "eye.png", seed=0)

    dataset = read_dataset(DataSource(path))

    assert (dataset.name, _column(dataset, "path")) == ("eye", [str(path)])


# Tables


def test_read_dataset__a_table_keeps_what_it_says(tmp_path: Path) -> None:
    _photographs(tmp_path, "images/1.png", "images/2.png", "images/3.png")
    table = _table(
        tmp_path / "labels.csv",
        "Image,Patient ID,Laterality,Set,DR,comment",
        'images/1.png , 007,Left,training,0,"said: ""NA"", twice"',
        "images/2.png,007,R,Test,1.0,NA",
        "images/3.png,010,,,,",
    )

    dataset = read_dataset(DataSource(table))

    assert dataset.name == tmp_path.name
    assert tuple(dataset.table.columns) == (*RESERVED_COLUMNS, "DR", "comment")
    assert _column(dataset, "patient_id") == ["007", "007", "010"]
    assert _column(dataset, "eye") == ["OS", "OD", None]
    assert _column(dataset, "split") == ["train", "test", None]
    assert _column(dataset, "DR") == ["0", "1", None]
    assert _column(dataset, "comment") == ['said: "NA", twice', "NA", None]
    y_true, known = dataset.labels(dataset.target("DR"))
    assert (y_true[:, 0].tolist(), known.tolist()) == ([False, True, False], [True, True, False])


@pytest.mark.parametrize(
    ("delimiter", "encoding"),
    [(",", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8")],
)
def test_read_dataset__tables_of_other_programs_are_read(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    _photographs(tmp_path, "\u00e4 1.png", "2.png")
    lines = ["path,gr\u00f6\u00dfe", "\u00e4 1.png,m\u00e4\u00dfig", "2.png,keine"]
    _table(tmp_path / "t.csv", *(line.replace(",", delimiter) for line in lines), encoding=encoding)

    dataset = read_dataset(DataSource(tmp_path / "t.csv"))

    assert _column(dataset, "gr\u00f6\u00dfe") == ["m\u00e4\u00dfig", "keine"]


def test_read_dataset__parquet_numbers_become_the_text_of_a_csv(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png", "3.png")
    frame = {
        "path": ["1.png", "2.png", "3.png"],
        "patient": [7, 7, 8],
        "grade": [0.0, 2.0, np.nan],
        "referable": [False, True, None],
    }
    pd.DataFrame(frame).to_parquet(tmp_path / "labels.parquet")

    dataset = read_dataset(DataSource(tmp_path / "labels.parquet"))

    assert _column(dataset, "patient_id") == ["7", "7", "8"]
    assert _column(dataset, "grade") == ["0", "2", None]
    assert _column(dataset, "referable") == ["0", "1", None]


def test_read_dataset__a_folder_uses_the_one_table_of_photographs_in_it(tmp_path: Path) -> None:
    _photographs(tmp_path, "images/1.png", "masks/1.png")
    _table(tmp_path / "labels.csv", "image,mask,dr", "images/1.png,masks/1.png,0")
    _table(tmp_path / "abbreviations.csv", "short,long", "dr,diabetic retinopathy")

    dataset = read_dataset(DataSource(tmp_path))

    assert _column(dataset, "path") == [str(tmp_path / "images" / "1.png")]
    assert dataset.source == str(tmp_path / "labels.csv")


def test_read_dataset__several_tables_are_named(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png")
    _table(tmp_path / "train.csv", "path,dr", "1.png,0")
    _table(tmp_path / "test.csv", "path,dr", "1.png,0")

    with pytest.raises(DataError, match=r"test\.csv, train\.csv") as caught:
        read_dataset(DataSource(tmp_path))

    assert "--table" in caught.value.hint


def test_read_dataset__a_table_that_fits_nothing_is_not_passed_over_in_silence(
    tmp_path: Path,
) -> None:
    _photographs(tmp_path, "1.png")
    _table(tmp_path / "labels.csv", "path,dr", "one.png,0")

    with pytest.raises(DataError, match=r"column 'path' of labels\.csv") as caught:
        read_dataset(DataSource(tmp_path))

    assert "move that away" in caught.value.hint


def test_read_dataset__a_folder_and_a_table_elsewhere(tmp_path: Path) -> None:
    _photographs(tmp_path / "photos", "x/1.png", "x/2.png")
    (tmp_path / "tables").mkdir()
    table = _table(tmp_path / "tables" / "t.csv", "id_code,diagnosis", "1,0", "2,1")

    dataset = read_dataset(DataSource(tmp_path / "photos", table=table))

    assert _names(dataset) == ["1.png", "2.png"]
    assert _column(dataset, "id_code") == ["1", "2"]


@pytest.mark.parametrize(
    "value",
    [
        "images/1.png",
        "./images/1.png",
        "images\\1.png",
        "1.png",
        "1",
        "1.PNG",
        "/home/other/data/images/1.png",
        "C:\\data\\images\\1.png",
    ],
)
def test_read_dataset__paths_may_be_written_in_many_ways(tmp_path: Path, value: str) -> None:
    _photographs(tmp_path, "images/1.png", "masks/1.tif", "images/2.png")
    table = _table(tmp_path / "t.csv", "path,dr", f"{value},0", "images/2.png,1")

    dataset = read_dataset(DataSource(table))

    assert _names(dataset) == ["1.png", "2.png"]


@pytest.mark.parametrize(
    "value", ["train/1.png", "train/5.png", "3.png", "4", "../1.png", "images/1.tif"]
)
def test_read_dataset__another_file_of_a_similar_name_is_not_taken(
    tmp_path: Path, value: str
) -> None:
    _photographs(
        tmp_path, "test/1.png", "test/5.png", "a/3.png", "b/3.png", "masks/4.png", "images/1.png"
    )
    _photographs(tmp_path, "ok.png")
    table = _table(tmp_path / "t.csv", "path,dr", f"{value},0", "ok.png,1")

    dataset = read_dataset(DataSource(table))

    assert _names(dataset) == ["ok.png"]
    assert [(row.path, row.reason) for row in dataset.rejected] == [(value, "missing")]


def test_read_dataset__columns_with_reserved_names_are_kept_under_others(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png")
    table = _table(tmp_path / "t.csv", "image_id,path,eye,eye_given", "1,10,brown,x", "2,11,blue,y")

    dataset = read_dataset(DataSource(table, columns=ColumnMapping(path="image_id")))

    assert _names(dataset) == ["1.png", "2.png"]
    assert _column(dataset, "image_id_given") == ["1", "2"]
    assert _column(dataset, "path_given") == ["10", "11"]
    assert _column(dataset, "eye_given") == ["x", "y"]
    assert _column(dataset, "eye_given_given") == ["brown", "blue"]
    assert _column(dataset, "eye") == [None, None]


def test_read_dataset__the_eye_itself_may_be_the_target(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png")
    table = _table(tmp_path / "t.csv", "path,Laterality", "1.png,left", "2.png,right")

    dataset = read_dataset(DataSource(table, columns=ColumnMapping(target="laterality")))

    assert (dataset.targets[0].name, dataset.targets[0].classes) == ("eye", ("OD", "OS"))


def test_read_dataset__a_named_target_that_is_constant_is_refused(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png")
    table = _table(tmp_path / "t.csv", "path,dr", "1.png,0", "2.png,0")

    with pytest.raises(TargetError, match="is '0' in every row"):
        read_dataset(DataSource(table, columns=ColumnMapping(target="dr")))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "it is empty"),
        (["path,dr"], "no rows below"),
        (["path,dr", "1.png,0,,1"], "row 1 has 4 cells and the header 2"),
        (["\0\1\2"], "not a text file"),
    ],
)
def test_read_dataset__what_is_no_table_is_refused(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    (tmp_path / "t.csv").write_text("\n".join(lines))

    with pytest.raises(DataError, match=told):
        read_dataset(DataSource(tmp_path / "t.csv"))


def test_read_dataset__a_demo_is_known_by_its_column(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png")
    table = _table(tmp_path / "manifest.csv", "path,synthetic", "1.png,1", "2.png,1")

    assert read_dataset(DataSource(table)).synthetic
    assert not read_dataset(DataSource(_photographs(tmp_path / "x", "3.png"))).synthetic


# Rejected rows


def test_read_dataset__every_row_is_counted_once(tmp_path: Path) -> None:
    _photographs(tmp_path, "1.png", "2.png", "7.png")
    (tmp_path / "3.png").write_bytes((tmp_path / "1.png").read_bytes())
    (tmp_path / "4.png").write_bytes(b"")
    (tmp_path / "5.png").symlink_to(tmp_path / "2.png")
    (tmp_path / "6.png").symlink_to(tmp_path / "nowhere.png")
    rows = ["1.png,0", "2.png,1", "3.png,1", "4.png,1", "5.png,0", "6.png,1", "7.png,?", ",1"]
    rows += ["./1.png,0", "nowhere.png,1"]
    table = _table(tmp_path / "t.csv", "path,dr", *rows)

    dataset = read_dataset(
        DataSource(table, columns=ColumnMapping(target="dr"), classes=("0", "1"))
    )

    assert _names(dataset) == ["1.png", "2.png"]
    assert len(dataset) + len(dataset.rejected) == len(rows)
    assert [row.reason for row in dataset.rejected] == [
        "duplicate_image",
        "unreadable",
        "duplicate_path",
        "missing",
        "unknown_label",
        "missing",
        "duplicate_path",
        "missing",
    ]


def test_read_dataset__duplicates_with_other_labels_say_both(tmp_path: Path) -> None:
    _photographs(tmp_path, "a.png", "c.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    table = _table(tmp_path / "t.csv", "path,grade,sex", "a.png,0,f", "b.png,4,f", "c.png,1,m")

    dataset = read_dataset(DataSource(table))

    (row,) = dataset.rejected
    assert row.detail == ("The same bytes as a.png in row 1, but grade is '0' there and '4' here.")


@pytest.mark.parametrize("again", ["b.png", "a.png"])
@pytest.mark.parametrize(
    ("row", "differing"),
    [
        ("P1,OD,train,0", ""),
        ("P1,OD,train,1", ", but dr is '0' there and '1' here"),
        ("Jane,OD,train,0", ", but patient_id differs"),
        ("P1,OS,test,0", ", but eye differs; split differs"),
        ("Jane,OD,train,1", ", but dr is '0' there and '1' here; patient_id differs"),
    ],
)
def test_read_dataset__a_photograph_listed_again_says_which_columns_contradict(
    tmp_path: Path, again: str, row: str, differing: str
) -> None:
    _photographs(tmp_path, "a.png", "c.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    rows = ("a.png,P1,OD,train,0", f"{again},{row}", "c.png,P2,OD,test,1")
    table = _table(tmp_path / "t.csv", "path,patient_id,eye,split,dr", *rows)

    dataset = read_dataset(DataSource(table))

    same = "The same bytes as a.png in row 1" if again == "b.png" else "The same file as in row 1"
    assert [one.detail for one in dataset.rejected] == [f"{same}{differing}."]
    (caution,) = [one for one in dataset_cautions(dataset) if one.code == "FD005"] or [None]
    contradicts = caution is not None and "1 of 1 repeated rows differ" in caution.text
    assert contradicts == bool(differing)


def test_read_dataset__unknown_labels_are_told_with_the_accepted_ones(tmp_path: Path) -> None:
    _photographs(tmp_path, "normal/1.png", "dr/2.png", "ungradable/3.png")

    dataset = read_dataset(DataSource(tmp_path, classes=("normal", "dr")))

    assert dataset.targets[0].classes == ("normal", "dr")
    assert dataset.rejected[0].detail == (
        "Its label is 'ungradable', which is none of: normal, dr."
    )


def test_read_dataset__all_rejected_gives_an_empty_data_set(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "b/2.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("no photograph")

    dataset = read_dataset(DataSource(tmp_path))

    assert (len(dataset), dataset.targets, dataset.n_patients) == (0, (), None)
    assert Counter(row.reason for row in dataset.rejected) == {"unreadable": 2}
    assert tuple(dataset.table.columns) == (*RESERVED_COLUMNS, "label")


# Scans


def test_read_dataset__image_ids_come_from_content_alone(tmp_path: Path) -> None:
    _photograph(tmp_path / "one" / "a.png", seed=1)
    _photograph(tmp_path / "two" / "b.png", seed=1)

    one, two = (read_dataset(DataSource(tmp_path / name)) for name in ("one", "two"))

    assert one.image_ids == two.image_ids
    assert len(one.image_ids[0]) == 32


def test_read_dataset__unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _photographs(tmp_path / "data", "a/1.png", "b/2.png")
    (tmp_path / "data" / "b" / "3.jpg").write_bytes(b"\xff\xd8\xff")
    with ScanFile(tmp_path / "scans.parquet") as scans:
        first = read_dataset(DataSource(tmp_path / "data"), scans=scans)
    _photograph(tmp_path / "data" / "b" / "2.png", seed=99)
    opened: list[str] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: (opened.append(p.name), read_bytes(p))[1])

    second = read_dataset(DataSource(tmp_path / "data"), scans=ScanFile(tmp_path / "scans.parquet"))

    assert sorted(opened) == ["2.png", "3.jpg"]  # the changed one, and one that may get readable
    assert first.image_ids[0] == second.image_ids[0]
    assert first.image_ids[1] != second.image_ids[1]
    assert first.rejected == second.rejected


def test_scan_file__remembers_truncated_files_too(tmp_path: Path) -> None:
    photograph = _photograph(tmp_path / "data" / "1.jpg", seed=0)
    photograph.write_bytes(photograph.read_bytes()[:-200])
    with ScanFile(tmp_path / "scans.parquet") as scans:
        read_dataset(DataSource(tmp_path / "data"), scans=scans)
    status = photograph.stat()

    found = ScanFile(tmp_path / "scans.parquet").get(
        str(photograph), status.st_size, status.st_mtime_ns
    )

    assert getattr(found, "reason", None) == "truncated"


@pytest.mark.parametrize("content", [b"", b"PAR1 not really PAR1"])
def test_scan_file__a_damaged_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    _photographs(tmp_path / "data", "1.png")
    (tmp_path / "scans.parquet").write_bytes(content)

    with ScanFile(tmp_path / "scans.parquet") as scans:
        read_dataset(DataSource(tmp_path / "data"), scans=scans)

    status = (tmp_path / "data" / "1.png").stat()
    again = ScanFile(tmp_path / "scans.parquet")
    assert again.get(str(tmp_path / "data" / "1.png"), status.st_size, status.st_mtime_ns)


def test_scan_file__two_writers_keep_each_others_findings(tmp_path: Path) -> None:
    _photographs(tmp_path, "a/1.png", "b/2.png")
    one, two = ScanFile(tmp_path / "s.parquet"), ScanFile(tmp_path / "s.parquet")

    for scans, name in ((one, "a"), (two, "b")):
        read_dataset(DataSource(tmp_path / name), scans=scans)
        scans.save()

    merged = ScanFile(tmp_path / "s.parquet")
    for path in (tmp_path / "a" / "1.png", tmp_path / "b" / "2.png"):
        assert merged.get(str(path), path.stat().st_size, path.stat().st_mtime_ns)


def test_read_dataset__progress_counts_to_the_end(tmp_path: Path) -> None:
    _photographs(tmp_path, "a/1.png", "a/2.png", "b/3.png")
    told: list[tuple[int, int]] = []

    read_dataset(DataSource(tmp_path), progress=lambda done, total, _: told.append((done, total)))

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_read_dataset__is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    make_hostile_corpus(tmp_path / "hostile")

    one, many = (read_dataset(DataSource(tmp_path / "hostile"), workers=n) for n in (1, 8))

    assert one.table.equals(many.table)
    assert one.rejected == many.rejected


# Real photographs


@pytest.mark.parametrize(
    ("folder", "n_images", "n_rejected", "target"),
    [
        ("classification/idrid", 383, 0, "dr_any"),
        ("classification/hrf", 33, 0, "label"),
        ("classification/idrid_duplicates", 6, 4, "dr_grade"),
        ("lesions/idrid", 61, 0, None),
        ("vessels/chase_db1", 20, 0, None),
        ("vessels/hrf", 33, 0, "label"),
    ],
)
def test_read_dataset__opens_real_data(
    real_data: Path, folder: str, n_images: int, n_rejected: int, target: str | None
) -> None:
    dataset = read_dataset(DataSource(real_data / "data" / folder))

    assert (len(dataset), len(dataset.rejected)) == (n_images, n_rejected)
    assert target is None or dataset.target(target)
    assert all(os.path.isabs(path) for path in _column(dataset, "path") if path)  # noqa: PTH117
