"""Recipes: equal ones have equal fingerprints, on every machine and after an update."""

from dataclasses import dataclass, replace

import pytest

from fundus_core.domain.recipe import Recipe, added_later, fingerprint_of


@dataclass(frozen=True, slots=True)
class Inner(Recipe):
    epochs: int = 3
    optimiser: str = added_later("adamw")


@dataclass(frozen=True, slots=True)
class Outer(Recipe):
    inner: Inner
    sizes: tuple[int, ...] = (1, 2)
    loss: str = added_later("usual")


def test_to_dict__fields_added_later_are_left_out_where_they_say_nothing_new() -> None:
    plain = Outer(Inner()).to_dict()

    assert plain == {
        "kind": "Outer",
        "schema": plain["schema"],
        "inner": {"epochs": 3},
        "sizes": (1, 2),
    }


@pytest.mark.parametrize(
    "other",
    [
        Outer(Inner(optimiser="sgd")),
        Outer(Inner(), loss="ordinal"),
        Outer(Inner(epochs=4)),
        Outer(Inner(), sizes=(2, 1)),
    ],
    ids=["later field inside", "later field", "field inside", "field"],
)
def test_fingerprint__every_difference_changes_it(other: Outer) -> None:
    assert other.fingerprint() != Outer(Inner()).fingerprint()


def test_fingerprint__default_of_a_later_field_said_aloud_changes_nothing() -> None:
    said = replace(Outer(Inner(optimiser="adamw")), loss="usual")

    assert said.fingerprint() == Outer(Inner()).fingerprint()


def test_fingerprint_of__does_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
