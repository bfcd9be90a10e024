"""Finding photographs from the shell: by the table, by likeness, by a saved selection."""

from pathlib import Path

from tests.cli.conftest import Fundus


def test_query__prints_the_photographs_that_match(fundus: Fundus, data: Path) -> None:
    outcome = fundus("query", data, 'dr == 1 and eye == "OD"', "--json")

    assert outcome.exit_code == 0, outcome.stderr
    found = outcome.json
    assert found["counts"]["n_images"] == found["counts"]["n_patients"] == 6
    assert all("_OD" in row["path"] for row in found["photographs"])
    assert found["columns"] == ["dr", "eye"]
    assert found["n_images_in_all"] == 24


def test_query__what_it_cannot_read_is_said_in_a_sentence(fundus: Fundus, data: Path) -> None:
    outcome = fundus("query", data, "drr == 1")

    assert outcome.exit_code == 2
    assert "no column “drr”; did you mean “dr”?" in outcome.stderr


def test_query__tells_people_how_many(fundus: Fundus, data: Path) -> None:
    text = fundus("query", data, "dr == 1").stdout

    assert "photographs: 12, eyes: 12, patients: 6, of 24 photographs" in text


def test_selections__one_that_was_saved_is_listed_shown_and_deleted(
    fundus: Fundus, data: Path
) -> None:
    fundus("query", data, "dr == 1", "--save", "Diseased", "--json")

    listed = fundus("selections", data, "--json")
    shown = fundus("selections", data, "show", "Diseased", "--json")
    deleted = fundus("selections", data, "delete", "Diseased", "--json")
    after = fundus("selections", data)

    assert [one["name"] for one in listed.json] == ["Diseased"]
    assert shown.json["counts"]["n_images"] == len(shown.json["photographs"]) == 12
    assert (shown.json["origin"], shown.json["n_gone"]) == ("dr == 1", 0)
    assert deleted.exit_code == 0
    assert "No selection is saved" in after.stdout


def test_query__a_name_that_is_taken_is_given_away_only_where_that_was_asked_for(
    fundus: Fundus, data: Path
) -> None:
    first = fundus("query", data, "dr == 1", "--save", "Mine")
    again = fundus("query", data, "dr == 1", "--save", "Mine", "--json")
    refused = fundus("query", data, 'eye == "OD" and dr == 0', "--save", "Mine")
    kept = fundus("selections", data, "show", "Mine", "--json").json
    replaced = fundus("query", data, 'eye == "OD" and dr == 0', "--save", "Mine", "--replace")
    after = fundus("selections", data, "show", "Mine", "--json").json

    assert "saved as Mine" in first.stdout
    assert "replaced" not in first.stdout
    assert (again.exit_code, again.json["n_replaced"]) == (0, None)
    assert refused.exit_code == 2
    assert "'Mine' is a selection of 12 photographs" in refused.stderr
    assert kept["counts"]["n_images"] == 12
    assert "saved as Mine, replaced a selection of 12 photographs" in replaced.stdout
    assert after["counts"]["n_images"] == 6


def test_selections__that_are_damaged_are_named(fundus: Fundus, data: Path) -> None:
    fundus("query", data, "dr == 1", "--save", "Mine")
    (stored,) = data.parent.rglob("selections/*/names/*.json")
    stored.write_text(stored.read_text().replace("Mine", "Mime"))

    listed = fundus("selections", data)

    assert listed.exit_code == 0
    assert f"left out because it is damaged: selections/{stored.parents[1].name}/" in listed.stderr
    assert "No selection is saved" not in listed.stdout


def test_query__to_replace_is_for_saving_only(fundus: Fundus, data: Path) -> None:
    refused = fundus("query", data, "dr == 1", "--replace")

    assert refused.exit_code == 2
    assert "--replace is only for --save NAME" in refused.stderr


def test_query__an_empty_name_to_save_by_is_refused(fundus: Fundus, data: Path) -> None:
    refused = fundus("query", data, "dr == 1", "--save", "")

    assert refused.exit_code == 2
    assert "A name of 0 characters cannot be kept" in refused.stderr


def test_selections__photographs_that_vanished_are_said(fundus: Fundus, data: Path) -> None:
    fundus("query", data, "dr == 1", "--save", "Diseased", "--json")
    removed = fundus("query", data, "dr == 1", "--json").json["photographs"][0]["path"]
    Path(removed).unlink()
    fundus("check", data, "--json")

    assert "1 is no longer in the data set" in fundus("selections", data, "show", "Diseased").stdout


def test_selections__an_unknown_name_or_word_is_refused(fundus: Fundus, data: Path) -> None:
    fundus("check", data, "--json")

    unknown = fundus("selections", data, "show", "Mine")
    word = fundus("selections", data, "rename", "Mine")

    assert unknown.exit_code == word.exit_code == 2
    assert "No selection is saved as 'Mine'" in unknown.stderr
    assert "none of list, show, delete" in word.stderr


def test_similar__ranks_by_likeness_to_a_file(fundus: Fundus, data: Path) -> None:
    image = data / "images" / "p00_OD.jpg"

    outcome = fundus("similar", data, image, "--backbone", "mean_colour", "--top", "3", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    cosines = [row["cosine"] for row in outcome.json["photographs"]]
    assert cosines == sorted(cosines, reverse=True)
    assert len(cosines) == 3
    assert str(image) not in {row["path"] for row in outcome.json["photographs"]}
