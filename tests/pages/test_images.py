"""The images page: thumbnails that can be filtered, and one photograph in full."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer.main
from streamlit.testing.v1 import AppTest

from fundus_core.backbones import catalogue
from fundus_core.backbones.base import BackboneSpec, Pooling
from fundus_core.cli.main import app
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.workspace import Workspace
from fundus_core.jobs.store import JobStore
from fundus_core.ui import state, wiring
from fundus_core.ui.components.gallery import SELECTED
from fundus_core.workflows.models.prototypes import (
    Prototype,
    Reading,
    TowerAt,
    recipe_of,
    write_prototypes,
)
from tests.fakes import write_photograph
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "data" / "images.py"

SPEAKING = BackboneSpec(
    id="speaking",
    title="Understands words",
    architecture="test_resnet",
    embed_dim=2,
    poolings=(Pooling("projected", "projected", 2),),
    pooling="projected",
    weights_files=("words.safetensors",),
    text_tower="flair",
)


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=30)


@pytest.fixture
def ids(workspace: Path, tmp_path: Path) -> tuple[str, ...]:
    """Ids of the photographs of the one data set in the workspace."""
    name = opened.open_photographs(workspace, tmp_path / "photographs")
    return opened.image_ids(workspace, name)


def shown(page: AppTest) -> list[str]:
    """Returns the ids under the thumbnails."""
    keys = [button.key or "" for button in page.button]
    return [key.removeprefix("images.") for key in keys if key.startswith("images.")]


def pictures(page: AppTest, part: str) -> list[str]:
    """Returns the addresses of the pictures whose alternative text has this part."""
    found = [image.proto.imgs[0] for image in page.get("image")]
    return [picture.url for picture in found if part in picture.alt]


def test_every_picture_says_what_it_shows(page: AppTest, ids: tuple[str, ...]) -> None:
    page.query_params["image"] = ids[0]

    page.run()

    texts = [image.proto.imgs[0].alt for image in page.get("image")]
    assert len(texts) == len(ids) + 2
    assert all("Fundus photograph, P" in alt for alt in texts)


def test_every_photograph_has_a_thumbnail_named_by_patient_and_eye(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()

    assert not page.exception
    assert shown(page) == list(ids)
    assert [page.button(key=f"images.{ids[0]}").label] == ["P0 OD"]


def test_filters_leave_what_matches_all_of_them(page: AppTest, ids: tuple[str, ...]) -> None:
    page.run()
    page.multiselect(key="images.filter.disease").select("dr").run()
    page.multiselect(key="images.filter.eye").select("OS").run()

    assert shown(page) == [ids[5], ids[7]]


def test_a_part_of_the_patients_id_is_enough(page: AppTest, ids: tuple[str, ...]) -> None:
    page.run()
    page.text_input(key="images.patient").input("p2").run()

    assert shown(page) == [ids[4], ids[5]]


def test_filters_that_nothing_matches_say_so(page: AppTest, ids: tuple[str, ...]) -> None:
    page.run()
    page.text_input(key="images.patient").input("nobody").run()

    assert "No photograph matches" in page.info[0].value


def test_a_click_opens_the_photograph_and_what_is_known_of_it(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.button(key=f"images.{ids[3]}").click().run()

    assert not page.exception
    assert page.subheader[0].value == "P1 OS"
    facts = page.dataframe[0].value.set_index("column")["value"]
    assert facts["disease"] == "healthy"
    assert page.query_params["image"] == ids[3]


def test_the_preview_follows_the_switches(page: AppTest, ids: tuple[str, ...]) -> None:
    page.query_params["image"] = ids[0]
    page.run()
    plain = pictures(page, "as a network")
    page.toggle(key="images.clahe").set_value(True).run()

    assert not page.exception
    assert len(plain) == 1
    assert pictures(page, "as a network") != plain


def test_an_unknown_photograph_in_the_address_is_said(page: AppTest, ids: tuple[str, ...]) -> None:
    page.query_params["image"] = "f00"
    page.run()

    assert not page.exception
    assert "f00" in page.warning[0].value
    assert shown(page) == list(ids)


def test_a_photograph_that_was_deleted_is_said_not_crashed(
    page: AppTest, ids: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "photographs" / "photo0.png").unlink()

    page.run()

    assert not page.exception
    assert "photo0" in evaluated.texts(page)


def test_filters_are_in_the_address_and_come_back_from_it(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.multiselect(key="images.filter.disease").select("dr").run()
    page.multiselect(key="images.filter.eye").select("OS").run()
    page.text_input(key="images.patient").input("P3").run()
    address = dict(page.query_params)

    again = AppTest.from_file(PAGE, default_timeout=30)
    again.query_params.update(address)
    again.run()

    assert shown(again) == shown(page) == [ids[7]]
    assert again.multiselect(key="images.filter.disease").value == ["dr"]


def test_an_expression_finds_photographs_and_makes_them_the_selection(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.text_input(key="images.query").input('disease == "dr" and eye == "OD"').run()
    page.button(key="images_select").click().run()

    assert not page.exception
    assert shown(page) == [ids[4], ids[6]]
    session = page.session_state[state.KEY]
    assert session.selection == (ids[4], ids[6])
    assert session.selection_origin == 'disease == "dr" and eye == "OD"'
    assert page.query_params["query"] == 'disease == "dr" and eye == "OD"'


def test_an_expression_that_cannot_be_read_is_said_with_the_columns(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.text_input(key="images.query").input("diseases == 1").run()

    assert not page.exception
    assert "did you mean" in page.error[0].value
    assert "patient" in page.error[0].value
    assert shown(page) == list(ids)


def test_what_of_the_address_was_not_applied_is_said_and_not_kept_with_the_selection(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.query_params["filter"] = ["eye=OD", "eye=XX", "gone=3"]
    page.query_params["query"] = "age >"
    page.run()
    page.button(key="images_select").click().run()

    assert not page.exception
    assert shown(page) == list(ids[::2])
    assert "`eye=XX`, `gone=3`" in page.warning[0].value
    assert page.session_state[state.KEY].selection_origin == "eye=OD"


def test_the_selection_is_named_in_words_and_nothing_is_hidden(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.multiselect(key="images.filter.disease").select("dr").run()
    page.button(key="images_select").click().run()
    page.multiselect(key="images.filter.disease").set_value([]).run()

    assert shown(page) == list(ids)
    assert [caption.value for caption in page.caption].count(SELECTED) == 4
    assert len(pictures(page, ", selected")) == 4


def test_only_the_selected_photographs_when_asked_for(page: AppTest, ids: tuple[str, ...]) -> None:
    selected = {"selection": ids[:3], "only": "selection"}
    page.session_state[state.KEY] = state.Session(**selected)
    page.run()

    assert shown(page) == list(ids[:3])
    page.segmented_control(key="images.only").set_value("").run()
    assert shown(page) == list(ids)
    assert "only" not in page.query_params


def test_one_photograph_is_added_to_the_selection_and_taken_out(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.query_params["image"] = ids[3]
    page.run()
    page.button(key=f"selection.toggle.{ids[3]}").click().run()
    added = page.session_state[state.KEY].selection
    page.button(key=f"selection.toggle.{ids[3]}").click().run()

    assert added == (ids[3],)
    assert page.session_state[state.KEY].selection == ()
    assert "selection" not in page.query_params


def test_the_table_names_what_is_selected(page: AppTest, ids: tuple[str, ...]) -> None:
    page.session_state[state.KEY] = state.Session(selection=ids[:2])
    page.run()
    page.segmented_control(key="images.view").set_value("Table").run()

    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["Selected"]) == ["selected"] * 2 + [""] * 6
    assert page.button(key="images_select_rows").disabled


def test_photographs_are_ranked_by_likeness_to_the_open_one(
    page: AppTest, ids: tuple[str, ...], workspace: Path
) -> None:
    opened.store_embeddings(workspace, ids)
    page.query_params["image"] = ids[6]
    page.run()
    page.segmented_control(key="images.example").set_value("open").run()
    page.number_input(key="images.select_count").set_value(3).run()
    page.button(key="images_select").click().run()

    assert not page.exception
    assert set(page.session_state[state.KEY].selection) == {ids[4], ids[5], ids[7]}
    assert "3 most like photograph" in page.session_state[state.KEY].selection_origin


def test_a_photograph_from_elsewhere_is_embedded_by_a_job_then_ranked_without_one(
    page: AppTest,
    ids: tuple[str, ...],
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(wiring, "submit", lambda argv, title: started.append([*argv, title]))
    fingerprint = opened.store_embeddings(workspace, ids)
    content = write_photograph(tmp_path / "mine.png", (9, 90, 30)).read_bytes()
    page.run()
    page.segmented_control(key="images.example").set_value("upload").run()
    name = "Smithson_Jane_1961.png"
    page.file_uploader[0].upload(name, content, "image/png").run()
    page.button(key="images.embed_one").click().run()

    assert not page.exception
    (example,) = (workspace / "examples").iterdir()
    assert started[0][0] == "similar"
    assert str(example) in started[0]
    assert "Smithson" not in " ".join(started[0])
    store = EmbeddingStore(Workspace(workspace).embeddings, evaluated.recipe())
    with store.lock():
        store.add(np.full((1, 6), 30, np.float32), [example.stem], {})
    page.run()
    assert store.fingerprint == fingerprint
    assert set(shown(page)[:4]) == set(ids[4:])
    assert "cosine +" in evaluated.texts(page)
    page.button(key="images_select").click().run()
    assert page.session_state[state.KEY].selection_origin.endswith(
        "most like an uploaded photograph"
    )


def _upload(page: AppTest, content: bytes) -> None:
    page.run()
    page.segmented_control(key="images.example").set_value("upload").run()
    page.file_uploader[0].upload("mine.png", content, "image/png").run()


def test_an_example_is_forgotten_by_a_button_with_all_that_was_computed_of_it(
    page: AppTest, ids: tuple[str, ...], workspace: Path, tmp_path: Path
) -> None:
    opened.store_embeddings(workspace, ids)
    before = {path.name for path in (workspace / "embeddings").rglob("*")}
    _upload(page, write_photograph(tmp_path / "mine.png", (9, 90, 30)).read_bytes())
    (example,) = (workspace / "examples").iterdir()
    place = Workspace(workspace / "examples" / f"{example.stem}.computed")
    store = EmbeddingStore(place.embeddings, evaluated.recipe())
    with store.lock():
        store.add(np.full((1, 6), 30, np.float32), [example.stem], {})
    page.run()
    ranked = "cosine +" in evaluated.texts(page)

    page.button(key="example.forget").click().run()
    page.run()

    assert not page.exception
    assert ranked
    assert list((workspace / "examples").iterdir()) == []
    assert [p for p in workspace.rglob("*") if example.stem in p.name] == []
    assert {path.name for path in (workspace / "embeddings").rglob("*")} == before
    assert "example.forget" not in {button.key for button in page.button}


def test_an_example_that_was_deleted_does_not_come_back_and_leaves_no_picture(
    page: AppTest, ids: tuple[str, ...], workspace: Path, tmp_path: Path
) -> None:
    opened.store_embeddings(workspace, ids)
    _upload(page, write_photograph(tmp_path / "mine.png", (9, 90, 30)).read_bytes())
    (example,) = (workspace / "examples").iterdir()

    example.unlink()
    page.run()

    assert not page.exception
    assert "upload it again" in " ".join(one.value for one in page.info)
    assert [p for p in workspace.rglob("*") if example.stem in p.name] == []


def test_a_photograph_that_was_changed_since_is_not_shown_and_said(
    page: AppTest, ids: tuple[str, ...], tmp_path: Path
) -> None:
    page.query_params["image"] = ids[0]
    page.run()
    (tmp_path / "photographs" / "photo0.png").write_bytes(
        (tmp_path / "photographs" / "photo7.png").read_bytes()
    )

    page.run()

    assert not page.exception
    assert len(page.get("image")) == len(ids)  # the thumbnails, made of the photographs themselves
    said = [one.value for one in page.error]
    assert len(said) == 2
    assert all("another photograph" in one for one in said)


def test_what_is_no_photograph_cannot_be_asked_about(
    page: AppTest, ids: tuple[str, ...], workspace: Path
) -> None:
    opened.store_embeddings(workspace, ids)
    page.run()
    page.segmented_control(key="images.example").set_value("upload").run()
    page.file_uploader[0].upload("mine.png", b"text", "image/png").run()

    assert not page.exception
    assert "is not a JPEG" in page.error[0].value.replace("\\", "")


def test_without_a_data_set_the_page_says_where_to_open_one(page: AppTest) -> None:
    page.run()

    assert "Overview" in page.info[0].value
    assert not page.button


@pytest.fixture
def speaking(workspace: Path, ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> EmbedRecipe:
    """Embeddings of a backbone that understands words: photo0 lies at 0 degrees, photo7 at 70."""
    monkeypatch.setitem(catalogue.BACKBONES, "speaking", SPEAKING)
    recipe = replace(evaluated.recipe("speaking", "words"), pooling="projected")
    radians = np.radians(10 * np.arange(len(ids)))
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    store = EmbeddingStore(Workspace(workspace).embeddings, recipe)
    with store.lock():
        store.add(vectors, ids, {})
    return recipe


def read_before(workspace: Path, recipe: EmbedRecipe, words: str, degrees: float) -> None:
    """Stores the direction of some words, as a search from the shell leaves it."""
    tower = TowerAt(SPEAKING, None, recipe.weights_sha256)
    vector = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)
    made = recipe_of(tower, (words,), Reading(prototypes="renormalised"))
    write_prototypes(
        workspace / "prototypes" / f"{made.fingerprint()}.safetensors",
        [Prototype(made, vector, 1.0, "")],
    )


def test_words_rank_the_photographs_that_match_the_filters(
    page: AppTest, ids: tuple[str, ...], workspace: Path, speaking: EmbedRecipe
) -> None:
    read_before(workspace, speaking, "hard exudates", 42)
    page.run()
    page.multiselect(key="images.filter.eye").select("OS").run()

    page.text_input(key="images.words").input(" hard  exudates").run()

    assert not page.exception
    assert shown(page) == [ids[5], ids[3], ids[7], ids[1]]
    assert "cosine +0.990" in evaluated.texts(page)


def test_new_words_are_read_by_a_job(
    page: AppTest, ids: tuple[str, ...], speaking: EmbedRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(JobStore, "submit", lambda _, argv, **_rest: started.append(list(argv)))
    page.run()
    page.text_input(key="images.words").input("--macular hole").run()

    page.button(key="images.read_words").click().run()

    assert not page.exception
    name, *arguments = started[0]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    read = command.make_context(name, arguments).params
    assert (name, read["words"], read["pooling"]) == ("search", "--macular hole", "projected")
    assert read["as_json"]
    assert shown(page) == ["read_words", *ids]


def test_without_a_backbone_that_understands_words_there_is_no_field_for_them(
    page: AppTest, ids: tuple[str, ...], workspace: Path
) -> None:
    opened.store_embeddings(workspace, ids)

    page.run()

    assert "images.words" not in {field.key for field in page.text_input}
