"""Questions of the opening page: each is a study that can be planned at every size."""

from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from fundus_core.probes import PROBES
from fundus_core.studies.files import read_study
from fundus_core.studies.grid import expand
from fundus_core.studies.presets import PRESETS, preset_files
from fundus_core.ui.study_wiring import list_studies, sizes_of


@pytest.mark.parametrize("name", PRESETS)
def test_presets__have_a_study_of_their_title_at_all_three_sizes(name: str) -> None:
    preset = PRESETS[name]

    document = read_study(preset.path)

    assert document.title == preset.question
    assert preset.path.stem == name
    assert list(sizes_of(document)) == ["full", "small", "smoke"]
    assert all(expand(read_study(preset.path, size)) for size in ("full", "small", "smoke"))


def test_presets__the_first_compares_everyday_pictures_with_retinas_by_probes_alone() -> None:
    document = read_study(PRESETS["better_on_my_data"].path)

    assert {model.weights_name for model in document.models} >= {"ImageNet", "retinas"}
    assert all(strategy in PROBES for strategy in document.axes.strategy)


def test_presets__labels_are_counted_in_nested_shares_of_several_draws() -> None:
    cells = expand(read_study(PRESETS["how_many_labels"].path))

    shares = {(cell.fraction, cell.draw) for cell in cells}
    assert {share for share, _ in shares} == {0.1, 0.25, 0.5, 1.0}
    assert {draw for share, draw in shares if share < 1} == {0, 1, 2}


def test_list_studies__has_them_in_the_menu(tmp_path: Path) -> None:
    listed = {one.path: one for one in list_studies(Workspace(tmp_path))}

    assert all(listed[path].shipped and listed[path].problem is None for path in preset_files())
