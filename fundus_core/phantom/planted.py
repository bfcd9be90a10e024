"""Problems planted in the demo, as any real collection has them, for the quality pages to find.

What was planted is written into a table of its own; the table of photographs does not tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.phantom import Phantom
from fundus_core.phantom.shots import LABEL_COLUMNS, Alteration, Damage, Shot

Problem = Literal["near_duplicate", "mislabelled", "unreadable"]

ONE_IN: dict[Problem, int] = {"near_duplicate": 75, "mislabelled": 50, "unreadable": 150}
"""There is one such problem per this many photographs: 8, 12 and 4 among 600."""

_ALTERATIONS: tuple[tuple[str, Alteration], ...] = (
    ("stored again at lower quality", Alteration(0.0, 1.0, 62)),
    ("slightly cropped", Alteration(0.03, 1.0, 88)),
    ("brightened", Alteration(0.0, 1.12, 86)),
    ("slightly cropped and darkened", Alteration(0.02, 0.9, 80)),
)
_DAMAGES: dict[Damage, str] = {
    "cut short": "the file ends after a third of its bytes",
    "empty": "the file has no bytes",
    "text": "a text file with the name of a photograph",
    "wrong header": "the first bytes of the file are overwritten",
}
_CLEARLY_ILL = 0.55
"""Severity from which a mislabelled eye is plain to see."""


@dataclass(frozen=True, slots=True)
class PlantedProblem:
    """One problem, as `planted.csv` describes it."""

    path: str
    """Of the photograph that has it."""

    problem: Problem
    explanation: str
    """One sentence."""

    of: str
    """Path of the photograph it was copied from; empty for other problems."""


def plant(shots: Sequence[Shot], seed: int) -> tuple[tuple[Shot, ...], tuple[PlantedProblem, ...]]:
    """Returns the photographs with planted ones among them, by path, and what was planted.

    Near-duplicates and unreadable files come in addition, as one more visit; mislabelled
    photographs are among those given. No photograph has two problems.

    Args:
        shots: All photographs, each under a path of its own.
        seed: That of the demo.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    wanted = {problem: len(shots) // one_in for problem, one_in in ONE_IN.items()}
    order = [shots[index] for index in rng.permutation(len(shots))]
    mislabelled = _mislabelled(order, wanted["mislabelled"], rng)
    wrong = {shot.path: shot for shot in mislabelled}
    free = [shot for shot in order if shot.path not in wrong]
    n_copied, n_broken = wanted["near_duplicate"], wanted["unreadable"]
    copied, broken = free[:n_copied], free[n_copied : n_copied + n_broken]
    numbers = _NextVisits(shots)
    copies = [_copy(shot, turn, free, numbers) for turn, shot in enumerate(copied)]
    damaged = [_broken(shot, turn, numbers) for turn, shot in enumerate(broken)]
    problems = [_wrongly_labelled(shot) for shot in mislabelled]
    problems += [_near_duplicate(copy, of) for copy, of in zip(copies, copied, strict=True)]
    problems += [_unreadable(shot) for shot in damaged]
    kept = [wrong.get(shot.path, shot) for shot in shots]
    everything = sorted((*kept, *copies, *damaged), key=lambda shot: shot.path)
    return tuple(everything), tuple(sorted(problems, key=lambda problem: problem.path))


def alter(phantom: Phantom, alteration: Alteration) -> Phantom:
    """Returns a phantom with picture cropped and brightened, and masks cropped alike.

    Its fovea stays where it was; `moved` tells where that is now.
    """
    size = len(phantom.picture)
    first = round(alteration.crop * size)
    kept = slice(first, size - first)
    full = (size, size)
    picture = cv2.resize(phantom.picture[kept, kept], full, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(phantom.mask[kept, kept], full, interpolation=cv2.INTER_NEAREST)
    vessels = cv2.resize(phantom.vessels[kept, kept], full, interpolation=cv2.INTER_NEAREST)
    return replace(
        phantom,
        picture=np.asarray(cv2.convertScaleAbs(picture, alpha=alteration.gain), np.uint8),
        mask=np.asarray(mask, phantom.mask.dtype),
        vessels=np.asarray(vessels, np.uint8),
        exposure=replace(
            phantom.exposure,
            brightness=phantom.exposure.brightness * alteration.gain,
            jpeg_quality=alteration.jpeg_quality,
        ),
    )


def moved(point: tuple[float, float], alteration: Alteration, size: int) -> tuple[float, float]:
    """Returns where a point in pixels lies after `alter`."""
    first = round(alteration.crop * size)
    x, y = ((at - first) * size / (size - 2 * first) for at in point)
    return (x, y)


def damage_file(content: bytes, damage: Damage) -> bytes:
    """Returns what is left of a JPEG file."""
    match damage:
        case "cut short":
            return content[: len(content) // 3]
        case "empty":
            return b""
        case "text":
            return f"{SYNTHETIC_NOTE}\nThe photograph could not be exported.\n".encode()
        case "wrong header":
            return b"\0" * 16 + content[16:]


class _NextVisits:
    """Hands out visit numbers that no photograph of a patient has yet."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        """Starts after the last visit of everybody."""
        self._last: dict[str, int] = {}
        for shot in shots:
            self._last[shot.patient_id] = max(shot.number, self._last.get(shot.patient_id, 0))

    def take(self, patient_id: str) -> int:
        """Returns the patient's next number, another one at each call."""
        self._last[patient_id] += 1
        return self._last[patient_id]


def _mislabelled(shots: Sequence[Shot], wanted: int, rng: np.random.Generator) -> list[Shot]:
    """Returns ill eyes labelled normal and healthy ones labelled ill, in turns."""
    ill = [s for s in shots if max(s.severity.values(), default=0.0) >= _CLEARLY_ILL]
    healthy = [shot for shot in shots if not shot.severity]
    missed = [replace(shot, label="normal") for shot in ill[: (wanted + 1) // 2]]
    diseases = list(LABEL_COLUMNS)
    invented = [
        replace(shot, label=diseases[int(rng.integers(len(diseases)))])
        for shot in healthy[: wanted // 2]
    ]
    return missed + invented


def _copy(shot: Shot, turn: int, others: Sequence[Shot], numbers: _NextVisits) -> Shot:
    """Returns a near-duplicate; every other one is filed under a patient of the other split."""
    alteration = _ALTERATIONS[turn % len(_ALTERATIONS)][1]
    strangers = [other for other in others[::-1] if other.split != shot.split]
    patient_id, split = shot.patient_id, shot.split
    if (turn + turn // len(_ALTERATIONS)) % 2 == 1 and strangers:
        stranger = strangers[turn % len(strangers)]
        patient_id, split = stranger.patient_id, stranger.split
    number = numbers.take(patient_id)
    return replace(shot, patient_id=patient_id, split=split, number=number, alteration=alteration)


def _broken(shot: Shot, turn: int, numbers: _NextVisits) -> Shot:
    """Returns one more visit whose file cannot be read."""
    damage = list(_DAMAGES)[turn % len(_DAMAGES)]
    return replace(shot, number=numbers.take(shot.patient_id), damage=damage)


def _wrongly_labelled(shot: Shot) -> PlantedProblem:
    """Says what a mislabelled photograph shows."""
    severity = max(shot.severity.values(), default=0.0)
    grade = f" at severity {severity:.2f}" if shot.severity else ""
    explanation = f"Labelled {shot.label}, drawn as {shot.true_label}{grade}."
    return PlantedProblem(shot.path, "mislabelled", explanation, "")


def _near_duplicate(copy: Shot, of: Shot) -> PlantedProblem:
    """Says how a near-duplicate was made."""
    how = next(text for text, alteration in _ALTERATIONS if alteration == copy.alteration)
    where = "the same patient"
    if copy.patient_id != of.patient_id:
        where = f"{copy.patient_id} in {copy.split} instead of {of.patient_id} in {of.split}"
    explanation = f"The same photograph, {how}, filed under {where}."
    return PlantedProblem(copy.path, "near_duplicate", explanation, of.path)


def _unreadable(shot: Shot) -> PlantedProblem:
    """Says what is wrong with a file."""
    explanation = f"Not a photograph that can be read: {_DAMAGES[shot.damage or 'empty']}."
    return PlantedProblem(shot.path, "unreadable", explanation, "")
