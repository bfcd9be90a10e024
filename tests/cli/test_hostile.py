"""A folder as the world sends it: the good photographs are embedded, the rest listed."""

from pathlib import Path

import pytest

from tests.cli.conftest import Fundus
from tests.hostile.pictures import make_hostile_corpus


def test_embed__good_files_are_embedded_and_bad_ones_listed_with_reasons(
    fundus: Fundus, tmp_path: Path
) -> None:
    files = make_hostile_corpus(tmp_path / "hostile")
    good = {file.path.name for file in files if file.reason is None}
    bad = {file.path.name: file.reason for file in files if file.reason is not None}

    outcome = fundus(
        "embed", tmp_path / "hostile", "--backbone", "mean_colour", "--out", tmp_path / "out",
        "--json",
    )  # fmt: skip

    report = outcome.json
    listed = {Path(row["path"]).name: row["reason"] for row in report["rejected"]}
    embedded = (tmp_path / "out" / "image_ids.csv").read_text(encoding="utf-8")
    assert outcome.exit_code == 0
    assert report["n_embedded"] == report["n_images"]
    assert {name: listed.get(name) for name in bad} == bad
    assert not [name for name in good if name not in embedded and name not in listed]
    assert not set(listed) & good


@pytest.mark.parametrize(
    "wrong",
    [
        ("--seed", "-1"),
        ("--seed", str(10**20)),
        ("--weights-seed", "-1"),
        ("--image-size", "200000"),
        ("--image-size", "0"),
    ],
    ids=" ".join,
)
def test_numbers_out_of_range__are_refused_before_anything_is_read(
    fundus: Fundus, data: Path, wrong: tuple[str, str]
) -> None:
    refused = fundus("probe", data, "--backbone", "mean_colour", "--target", "dr", *wrong)

    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in refused.stderr
    assert "Traceback" not in refused.stderr
