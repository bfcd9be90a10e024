"""Learning curves: written after every epoch, read whole or not at all."""

from pathlib import Path

import pytest

from fundus_core.finetune.curves import CurveFile, read_curves
from fundus_core.finetune.state import Epoch

FIRST = Epoch(1, 0.9, 0.8, 1e-3, 1.5)
SECOND = Epoch(2, 0.7, None, 1e-4, 1.5)


def test_curve_file__each_epoch_is_there_as_soon_as_it_is_told(tmp_path: Path) -> None:
    written = CurveFile(tmp_path / "run" / "curve.json", "tiny", 2)

    written.add(FIRST)
    after_one = read_curves(tmp_path / "run" / "curve.json")
    written.add(SECOND)
    written.add(FIRST, fold=1)
    after_three = read_curves(tmp_path / "run" / "curve.json")

    assert after_one is not None
    assert after_one.folds == ((FIRST,),)
    assert after_three is not None
    assert (after_three.title, after_three.n_epochs) == ("tiny", 2)
    assert after_three.folds == ((FIRST, SECOND), (FIRST,))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"title": "t", "n_epochs": 1, "folds": [[{"number": 1}]]}']
)
def test_read_curves__a_file_that_is_none_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "curve.json"
    path.write_text(content)

    assert read_curves(path) is None
    assert read_curves(tmp_path / "missing.json") is None
