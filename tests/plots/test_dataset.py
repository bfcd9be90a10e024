"""Class counts: every photograph is counted where it belongs."""

import pandas as pd

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.plots.dataset import class_bars, class_counts

GRADE = Target("grade", "multiclass", ("0", "1", "2"), ("grade",))
BOTH = Target("dr,dme", "multilabel", ("dr", "dme"), ("dr", "dme"))

TABLE = pd.DataFrame(
    {
        "split": ["test", "train", "train", "val", None],
        "grade": ["2", "0", "0", None, "2"],
        "dr": ["1", "0", "1", "0", "1"],
        "dme": ["1", "0", "0", "0", "0"],
    },
    dtype=object,
)


def test_class_counts__classes_and_splits_keep_their_order() -> None:
    counts = class_counts(FundusDataset("tiny", "", TABLE, (GRADE,)), GRADE)

    assert list(counts.index) == ["0", "1", "2", "no label"]
    assert list(counts.columns) == ["train", "val", "test", "no split"]


def test_class_counts__every_photograph_is_counted_once() -> None:
    counts = class_counts(FundusDataset("tiny", "", TABLE, (GRADE,)), GRADE)

    assert counts.loc["2"].to_dict() == {"train": 0, "val": 0, "test": 1, "no split": 1}
    assert counts.loc["1"].sum() == 0
    assert counts.to_numpy().sum() == len(TABLE)


def test_class_counts__without_splits_there_is_one_column() -> None:
    table = TABLE.assign(split=None)

    counts = class_counts(FundusDataset("tiny", "", table, (GRADE,)), GRADE)

    assert list(counts.columns) == ["all photographs"]


def test_class_counts__a_photograph_with_two_labels_counts_for_both() -> None:
    counts = class_counts(FundusDataset("tiny", "", TABLE, (BOTH,)), BOTH)

    assert counts.sum(axis=1).to_dict() == {"dr": 3, "dme": 1}


def test_class_bars__have_a_bar_per_split_and_name_the_target() -> None:
    figure = class_bars(FundusDataset("tiny", "", TABLE, (GRADE,)), GRADE)

    assert [bar.name for bar in figure.data] == ["train", "val", "test", "no split"]
    assert figure.layout.yaxis.title.text == "grade"
