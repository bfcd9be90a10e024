"""Names of files leave texts, and nothing else does."""

import pytest

from fundus_core.report.privacy import NO_NAME, Discretion

PATHS = ["/data/Doe, Jane/Jane Doe OD.jpg", "/data/P0024_OS_3.jpg", "/data/images/12.png"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("first P0024_OS_3.jpg and P0231_OS_1.jpg (similarity 1.00)", "first [file] and [file] "),
        ("2 files repeat Jane Doe OD.jpg.", "2 files repeat [file]."),
        ("P0024_OS_3 looks odd", "[file] looks odd"),
        ("see /home/someone/secret/place.csv now", "see [file] now"),
        (r"see C:\people\Doe\x.tif now", "see [file] now"),
        ("12 of 24 photographs", "12 of 24 photographs"),
        ("ViT-S/16, and/or 3/4", "ViT-S/16, and/or 3/4"),
        ("images of Jane", "images of Jane"),
        ("a P0024_OS_31 of another", "a P0024_OS_31 of another"),
    ],
)
def test_discretion__takes_out_names_of_files(text: str, told: str) -> None:
    assert Discretion(PATHS)(text).startswith(told)


def test_discretion__knows_each_of_many_photographs() -> None:
    kept = Discretion([f"/data/photographs/P{number:05d}_OD.jpg" for number in range(20_000)])

    told = {kept(f"photographs P{number:05d}_OD and more words") for number in range(0, 20_000, 40)}

    assert told == {f"photographs {NO_NAME} and more words"}
