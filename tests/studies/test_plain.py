"""The plain values of a study file: what is written is what is read, or refused with its line."""

import pytest

from fundus_core.studies.plain import MOST_VALUES, plain_values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("NO", "NO"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("010", "010"),
        ("0o10", "0o10"),
        ("0x10", "0x10"),
        ("1_0", "1_0"),
        ("1:30", "1:30"),
        ("2024-01-31", "2024-01-31"),
        ("12", 12),
        ("-3", -3),
        ("1e3", 1000.0),
        ("3e-4", 3e-4),
        ("0.5", 0.5),
        (".inf", float("inf")),
        ("=", "="),
        ("~", None),
        ("", None),
        ('"0"', "0"),
        ("!!str 0", "0"),
        ("\ufeffa", "a"),
        ("{a: 1}", {"a": 1}),
        ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
        ("a: &x {b: 1, c: 1}\nd: {<<: *x, c: 2}\n", {"a": {"b": 1, "c": 1}, "d": {"b": 1, "c": 2}}),
    ],
)
def test_plain_values__are_what_they_look_like(text: str, value: object) -> None:
    found = plain_values(text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' is written 2 times, in the lines 1, 3"),
        ('map: {0: a,\n "0": b}', "the key '0' is written 2 times, in the lines 1, 2"),
        ("a:\n  b: {c: 1, c: 1}", "the key 'c' is written 2 times, in the lines 2, 2"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']", "the tag .* in line 2"),
        ("a: !!timestamp soon", "the tag !!timestamp is not for study files, in line 1"),
        ("a: !!binary aGk=", "the tag !!binary"),
        ("a: !!set {1, 2}", "the tag !!set"),
        ("a: !!bool perhaps", "not of the kind that its tag says"),
        ("a: &x [*x]", "a value holds itself, in line 1"),
        ("a: 1\n\tb: 2", "tab|cannot start any token.*line 2"),
        ("a: 1\n---\nb: 2", "expected a single document.*in line 2"),
        ("a: *nothing", "undefined alias.*in line 1"),
        ("? [a]\n: 1", "unhashable key, in line 1"),
        ("a: \x00", "special characters"),
        ("[" * 5000 + "]" * 5000, "nested too deep"),
    ],
)
def test_plain_values__what_is_not_plain_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plain_values(text)


def test_plain_values__references_that_multiply_are_counted_and_not_made() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]

    with pytest.raises(ValueError, match=f"more than {MOST_VALUES:,} values, in line 5"):
        plain_values("\n".join(lines))
