"""Whatever bytes come, every reader opens them or refuses them by an error of ours.

The long run is `python -m tests.hostile.fuzz --minutes 60`; its figures are in docs/reliability.md.
"""

import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import fuzz

FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
seeds = cache(fuzz.seeds)


def _opened_or_refused(target: str, data: bytes, folder: Path) -> None:
    read, name = fuzz.TARGETS[target]
    path = folder / name
    path.write_bytes(data)

    outcome = fuzz.outcome_of(read, path)

    assert outcome == "opened" or outcome.startswith("refused: "), outcome


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", sorted(fuzz.TARGETS))
@FEW
@given(seed=st.integers(0, 2**32))
def test_a_mutated_file_is_opened_or_refused(target: str, tmp_path: Path, seed: int) -> None:
    parents, rng = seeds(target), random.Random(seed)

    _opened_or_refused(target, fuzz.mutated(rng.choice(parents), parents, rng), tmp_path)


@pytest.mark.filterwarnings("ignore")
@FEW
@given(cells=st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=5), mark=st.booleans())
def test_any_table_of_text_is_opened_or_refused(
    tmp_path: Path, cells: list[list[str]], mark: bool
) -> None:
    text = "\n".join(["path,label", *(",".join(row) for row in cells)])

    data = ("\ufeff" * mark + text).encode("utf-8", "surrogatepass")
    _opened_or_refused("manifest", data, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b"GIF89a", b"P6", b""]
)
@FEW
@given(rest=st.binary(max_size=400))
def test_any_bytes_after_a_signature_are_opened_or_refused(
    tmp_path: Path, start: bytes, rest: bytes
) -> None:
    _opened_or_refused("image", start + rest, tmp_path)


def test_outcome_of__does_not_take_a_crash_for_a_refusal(tmp_path: Path) -> None:
    def broken(path: Path) -> None:
        raise KeyError(path)

    assert fuzz.outcome_of(broken, tmp_path).startswith("crash: KeyError")


@pytest.mark.slow
def test_the_fuzzer_finds_nothing_in_a_minute(tmp_path: Path) -> None:
    for target in fuzz.TARGETS:
        report = fuzz.fuzz(target, 6, 7, tmp_path / "crashes")

        assert report["executions"] > 5
        assert not [one for one in report["outcomes"] if one.startswith("crash")]
