"""Numbers and texts at the edge of what an option may hold: a sentence, never a traceback."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from fundus_core.cli.main import app
from fundus_core.domain.recipe import HIGHEST_SEED
from tests.cli.conftest import Fundus, Probed

NUMBERS = ("-1", "0", "nan", "inf", "-inf", "1e308", "1e-308", str(10**30), str(10**9), "x")
LONGEST = 2_000
"""Characters of an error."""

LONG = "L" * 100_000
CONTROL = "\x1b[2J\x07\x01a"
HALF = "\udcff\ud800"
TEXTS = ("", "''", "-x", LONG, CONTROL, HALF)

APP: Any = typer.main.get_command(app)


def commands(group: Any = APP, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields the name and the command of every command there is."""
    if not hasattr(group, "commands") or group.invoke_without_command:
        yield " ".join(path), group
    for name, one in getattr(group, "commands", {}).items():
        yield from commands(one, (*path, name))


COMMANDS = dict(commands())
NUMBER_OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.type_descriptor.annotation in (int, float, list[int], list[float])
]
OF_NUMBERS = pytest.mark.parametrize(
    ("name", "option"),
    NUMBER_OPTIONS,
    ids=[f"{name} {option.opts[0]}" for name, option in NUMBER_OPTIONS],
)


def is_whole(option: Any) -> bool:
    return option.type_descriptor.annotation in (int, list[int])


def required(command: Any, but: Any) -> list[str]:
    """Returns words for all that a command cannot do without."""
    needed = [one for one in command.params if one.required and one is not but]
    arguments = ["nowhere" for one in needed if one.param_type_name == "argument"]
    options = [one for one in needed if one.param_type_name == "option"]
    value = {int: "1", float: "0.5"}
    return arguments + [
        word
        for one in options
        for word in (one.opts[0], value.get(one.type_descriptor.annotation, "x"))
    ]


def assert_told(exit_code: int, stderr: str) -> None:
    """Asserts that a command did what was asked, or said in a sentence why not."""
    assert exit_code in (0, 2), stderr[-2_000:]
    assert "Traceback" not in stderr
    assert len(stderr) < LONGEST, len(stderr)
    assert "\x1b" not in stderr
    assert exit_code == 0 or stderr.strip()


@OF_NUMBERS
def test_number__has_bounds(name: str, option: Any) -> None:
    if is_whole(option):
        assert None not in (option.min, option.max), "use `options.number`"
    else:
        assert option.callback, "use `options.number`: click's ranges take NaN"


@OF_NUMBERS
def test_number__out_of_bounds_is_refused_by_name(name: str, option: Any) -> None:
    command, refused = COMMANDS[name], list[str]()

    for value in NUMBERS:
        words = [*required(command, option), option.opts[0], value]
        try:
            taken = command.make_context(name, words).params[option.name]
        except typer.TyperException as error:
            refused.append(error.format_message())
        else:
            number = taken[0] if isinstance(taken, list | tuple) else taken
            assert math.isfinite(number), value
            assert not is_whole(option) or option.min <= number <= option.max

    assert all(option.opts[0] in said and len(said) < LONGEST for said in refused)
    assert len(refused) >= 4  # what is no number, and what is infinite


PROBE = ("probe", "DATA", "--backbone", "mean_colour", "--target", "dr")
HIGHEST = str(HIGHEST_SEED)

ENDS: list[tuple[str, ...]] = [
    (*PROBE, "--fraction", "0.5", "--draw", HIGHEST, "--seed", HIGHEST),
    (*PROBE, "--fraction", "1e-308"),
    (*PROBE, "--folds", "0"),
    (*PROBE, "--folds", "1000"),
    ("operating", "RUN", "--threshold", "1e308"),
    ("operating", "RUN", "--threshold=-1e308"),
    ("operating", "RUN", "--rule", "cost=nan", "--prevalence", "0.1"),
    ("operating", "RUN", "--rule", "cost=1e6", "--prevalence", "1e-308"),
    ("operating", "RUN", "--rule", "sensitivity=1e308"),
    ("operating", "RUN", "--rule", "specificity=" + LONG),
    ("curves", "RUN", "--from", "1", "--to", "0"),
    ("curves", "RUN", "--from", "0", "--to", "1e-308", "--resamples", "100"),
    ("tests", "RUN", "RUN", "--test", "specificity-at", "--at", "1e-308", "--resamples", "100"),
    ("calibrate", "RUN", "--bins", "1000", "--prevalence", "1e-308", "--resamples", "100"),
    ("compare", "RUN", "RUN", "--margin", "1e-308"),
    ("power", "--auc", "0.999999", "--null", "1e-6"),
    ("power", "--auc", "0.8", "--null", "0.7999999"),
    ("power", "--auc", "0.8", "--auc-b", "0.2", "--correlation", "0.9999"),
    ("power", "--auc", "0.8", "--auc-b", "0.7", "--correlation", "-1"),
    ("power", "--auc", "0.8", "--alpha", "1e-308"),
    ("power", "--auc", "0.8", "--power", "0.9999999999999999"),
    ("power", "--auc", "0.8", "--images-per-patient", "10000", "--within-patient", "1"),
    ("power", "--auc", "0.8", "--images-per-patient", "10000", "--within-patient", "0"),
    ("power", "--auc", "0.8", "--healthy-per-diseased", "1e6"),
    ("power", "--auc", "0.8", "--healthy-per-diseased", "1e-6"),
    ("power", "--auc", "0.8", "--diseased", "1000000000", "--healthy", "2"),
]


@pytest.mark.parametrize("words", ENDS, ids=lambda words: " ".join(words)[:70])
def test_numbers__that_are_taken_give_a_finite_result_or_a_sentence(
    fundus: Fundus, probed: Probed, words: tuple[str, ...]
) -> None:
    places = {"DATA": str(probed.data), "RUN": probed.run_id}

    outcome = fundus(*(places.get(word, word) for word in words))

    assert_told(outcome.exit_code, outcome.stderr)
    assert len(outcome.stdout) < 5_000
    assert not {"nan", "inf"} & set(outcome.stdout.replace(",", " ").split())


def test_operating__a_rule_that_needs_a_prevalence_names_the_option(
    fundus: Fundus, probed: Probed
) -> None:
    refused = fundus("operating", probed.run_id, "--rule", "cost=10")

    assert refused.exit_code == 2
    assert "asks for --prevalence as well" in refused.stderr


OF_TEXTS = [
    (*PROBE, "--classes", "TEXT"),
    (*PROBE, "--target-column", "TEXT"),
    ("probe", "DATA", "--backbone", "TEXT", "--target", "dr"),
    ("probe", "DATA", "--backbone", "mean_colour", "--target", "TEXT"),
    (*PROBE, "--weights", "TEXT"),
    (*PROBE, "--probe", "TEXT"),
    ("query", "DATA", "TEXT"),
    ("query", "DATA", "dr == 1", "--save", "TEXT"),
    ("operating", "TEXT"),
    ("operating", "RUN", "--rule", "TEXT"),
    ("explain", "RUN", "--image", "TEXT"),
    ("pretrain", "DATA", "--backbone", "mean_colour", "--name", "TEXT"),
    ("segment", "train", "DATA", "--channels", "TEXT"),
    ("segment", "predict", "TEXT", "DATA"),
    ("bundle", "export", "TEXT", "--out", "OUT"),
    ("report", "RUN", "--out", "OUT", "--class", "TEXT"),
    ("similar", "DATA", "TEXT", "--backbone", "mean_colour"),
    ("check", "TEXT"),
]


@pytest.mark.parametrize("words", OF_TEXTS, ids=" ".join)
def test_text__is_used_or_refused_in_a_sentence(
    fundus: Fundus, probed: Probed, tmp_path: Path, words: tuple[str, ...]
) -> None:
    places = {"DATA": str(probed.data), "RUN": probed.run_id, "OUT": str(tmp_path / "out.html")}

    for text in TEXTS:
        outcome = fundus(*((places | {"TEXT": text}).get(word, word) for word in words))

        assert_told(outcome.exit_code, outcome.stderr)
        assert "\x1b" not in outcome.stdout
        assert len(outcome.stdout) < 5_000
