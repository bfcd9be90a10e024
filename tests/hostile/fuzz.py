"""Fuzzing of everything that reads what somebody else wrote.

    python -m tests.hostile.fuzz --minutes 60 [--target image] [--seed 0] [--crashes FOLDER]

Inputs are sound and hostile files that are mutated: bytes flipped, cut, repeated, put in from other
files and from a list of telling tokens. Each must be opened, or refused by an error of ours, within
five seconds of work and a bound of memory. The reader runs in a process of its own, which a crash
of native code ends; the input that ended it is kept. What the inputs met is counted by outcome, and
new outcomes (by the place the error was raised at) make an input a parent of further ones.
"""

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError, FundusError, ImageError

SLICE_SECONDS = 60
SECONDS_FOR_ONE, SECONDS_OF_WAITING = 5, 60
MOST_MEGABYTES = 1500
LARGEST = 200_000
"""Bytes of an input; larger ones are only slower."""

TOKENS = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"=1+1", b'"', b"\n",
    b"\r", b",", b";", b"\t", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"{", b"[", b"[" * 999,
    b"nan", b"1e999", b"9" * 400, b"-0", b"../", b"/etc/passwd", b"%00", b"&a", b"*a", b"<<: ",
    b"!!python/object/apply:os.system", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"IDAT",
    b"IEND", b"\xff\xda", b"\xff\xc0", b"\xff\xc2", b"\xff\xd9", b"VP8X", b"cos\nsystem\n",
    b"\x80\x04",
)  # fmt: skip


def read_picture(path: Path) -> None:
    """Reads a photograph both ways."""
    from fundus_core.io.images import read_image, scan_image

    scan_image(path)
    read_image(path)
    read_image(path, decoder="exact")


def read_manifest(path: Path) -> None:
    """Reads a table as a data set; the photographs that it names are not there."""
    from fundus_core.io.manifest import DataSource, read_dataset

    read_dataset(DataSource(path))


def read_checkpoint(path: Path) -> None:
    """Reads a checkpoint's tensors."""
    from fundus_core.backbones.checkpoints import read_state_dict
    from fundus_core.backbones.pickled import pickled_objects

    pickled_objects(path)
    read_state_dict(path)


def read_study_file(path: Path) -> None:
    """Reads a study at all its sizes."""
    from fundus_core.studies.files import read_study

    for size in ("full", "small", "smoke"):
        read_study(path, size)  # type: ignore[arg-type]


def list_archive(path: Path) -> None:
    """Opens a bundle in a workspace of its own."""
    from fundus_core.io.workspace import Workspace
    from fundus_core.workflows.reports.bundle_open import open_bundle

    with tempfile.TemporaryDirectory() as folder:
        open_bundle(Workspace(Path(folder) / "workspace"), path)


def open_member(path: Path) -> None:
    """Opens a bundle whose sums are right and one of whose files is the input."""
    from tests.hostile.bad_archives import bundle

    data = path.read_bytes()
    name = "dataset/table.parquet" if data.startswith(b"PAR1") else "dataset/dataset.json"
    path.write_bytes(bundle({name: data}))
    list_archive(path)


def read_dicom(path: Path) -> None:
    """Takes a DICOM file over."""
    from fundus_core.imports.dicom import dicom_photographs, is_dicom
    from fundus_core.imports.records import Pseudonyms, RefusedPhotograph

    if is_dicom(path):
        for one in dicom_photographs([path], path.parent, Pseudonyms(b"x" * 32)):
            if isinstance(one, RefusedPhotograph):
                raise DataError(one.reason, hint="")


def read_scores(path: Path) -> None:
    """Reads a table of predictions."""
    from fundus_core.io.predictions import read_predictions

    read_predictions(path)


TARGETS: dict[str, tuple[Callable[[Path], None], str]] = {
    "image": (read_picture, "picture.jpg"),
    "manifest": (read_manifest, "table.csv"),
    "parquet": (read_manifest, "table.parquet"),
    "predictions": (read_scores, "scores.csv"),
    "checkpoint": (read_checkpoint, "weights.pth"),
    "safetensors": (read_checkpoint, "weights.safetensors"),
    "study": (read_study_file, "study.yaml"),
    "archive": (list_archive, "bundle.zip"),
    "member": (open_member, "bundle.zip"),
    "dicom": (read_dicom, "picture.dcm"),
}
"""Name -> what reads, and the name of the file it is given."""


def seeds(target: str) -> list[bytes]:
    """Returns what the inputs of a target are made of: its cases, as far as they are small."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = Path(folder)
        found = _STARTS[target](place)
    return [data for data in dict.fromkeys(found) if 0 < len(data) <= LARGEST]


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Returns a changed copy of an input."""
    changed = bytearray(data)
    for _ in range(1 << rng.randrange(5)):
        place = rng.randrange(len(changed) + 1)
        length = rng.choice((1, 2, 4, 16, 200))
        match rng.randrange(7):
            case 0 if changed:
                changed[place % len(changed)] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[place % len(changed)] = rng.randrange(256)
            case 2:
                del changed[place : place + length]
            case 3:
                changed[place:place] = rng.choice(TOKENS)
            case 4:
                changed[place : place + length] = rng.choice(TOKENS)
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                changed[place : place + length] = other[start : start + length]
            case _:
                changed[place:place] = changed[place : place + length] * rng.choice((1, 2, 50))
    return bytes(changed[:LARGEST])


def outcome_of(read: Callable[[Path], None], path: Path) -> str:
    """Returns what became of an input; anything that is no error of ours begins with `crash`."""
    try:
        read(path)
    except ImageError as error:
        return f"refused: {error.reason} {_place(error)}"
    except FundusError as error:
        return f"refused: {type(error).__name__} {_place(error)}"
    except Exception as error:  # noqa: BLE001 - to be reported by its name
        return f"crash: {type(error).__name__} {_place(error)}"
    except _TooSlow as error:
        return f"crash: too slow {_place(error)}"
    return "opened"


class _TooSlow(BaseException):
    """An input took longer than it may; no error of the program catches it."""


def _too_slow(*_: object) -> None:
    raise _TooSlow


def _place(error: BaseException) -> str:
    """Returns where the first cause of an error was raised, in files of ours."""
    first = error
    while first.__cause__ is not None:
        first = first.__cause__
    frames = traceback.extract_tb(first.__traceback__)
    ours = [one for one in frames if "fundus_core" in one.filename] or frames
    last = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "nowhere"
    return f"{type(first).__name__} at {last}"


def write_small(path: Path, shade: int) -> None:
    """Writes a small photograph."""
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(path)


def run_slice(target: str, seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Mutates and reads for some seconds; what ended badly is kept in the folder."""
    warnings.simplefilter("ignore")
    read, name = TARGETS[target]
    rng = random.Random(seed)
    parents = seeds(target)
    path = folder / name
    for number in range(6):  # what tables name
        write_small(folder / "images" / f"{number}.png", number)
    path.write_bytes(parents[0])
    outcome_of(read, path)  # imports
    _limit_memory()
    signal.signal(signal.SIGALRM, _too_slow)
    signal.signal(signal.SIGPROF, _too_slow)
    counted: Counter[str] = Counter()
    n_done, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(rng.choice(parents), parents, rng) if n_done else parents[0]
        path.write_bytes(data)
        # Seconds of work, since the machine may be busy, and of waiting, in which nothing is done.
        signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)
        signal.alarm(SECONDS_OF_WAITING)
        try:
            outcome = outcome_of(read, path)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        n_done += 1
        if outcome not in counted:
            parents.append(data or b"\0")
        if outcome.startswith("crash") and counted[outcome] < 3:
            (folder / f"crash-{target}-{seed}-{n_done}{path.suffix}").write_bytes(data)
        counted[outcome] += 1
    return {"executions": n_done, "outcomes": dict(counted)}


def _limit_memory() -> None:
    n_pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = n_pages * resource.getpagesize() + (MOST_MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def fuzz(target: str, seconds: float, seed: int, crashes: Path) -> dict[str, Any]:
    """Runs a slice in a process of its own; a signal that ends it is a crash too."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        arguments = ["--slice", target, "--seconds", str(seconds), "--seed", str(seed)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.hostile.fuzz", *arguments, "--crashes", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        kept = sorted(Path(folder).glob("crash-*"))
        if done.returncode != 0:
            last = Path(folder) / TARGETS[target][1]
            kept = [*kept, *([last] if last.is_file() else [])]
            report = {"executions": 0, "outcomes": {f"crash: ended by {done.returncode}": 1}}
            report["said"] = done.stderr[-500:]
        else:
            report = json.loads(done.stdout)
        if kept:
            crashes.mkdir(parents=True, exist_ok=True)
        for path in kept:
            (crashes / f"{seed}-{path.name}").write_bytes(path.read_bytes())
    return report


def main() -> int:
    """Runs slices of all targets in turn until the time is up, and prints what they met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"))
    parser.add_argument("--slice", choices=sorted(TARGETS), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.slice:
        report = run_slice(given.slice, given.seconds, given.seed, given.crashes)
        sys.stdout.write(json.dumps(report))
        return 0
    chosen = given.target or list(TARGETS)
    seconds = min(SLICE_SECONDS, 60 * given.minutes / len(chosen))
    totals: dict[str, Counter[str]] = {name: Counter() for name in chosen}
    executions: Counter[str] = Counter()
    until, seed = time.monotonic() + 60 * given.minutes - seconds / 2, given.seed
    while time.monotonic() < until or seed == given.seed:
        for target in chosen:
            report = fuzz(target, seconds, seed, given.crashes)
            executions[target] += report["executions"]
            totals[target].update(report["outcomes"])
        seed += 1
    n_crashes = 0
    for target in chosen:
        n_crashes += _print(target, executions[target], totals[target])
    sys.stdout.write(
        f"{sum(executions.values()):,} executions in {given.minutes:g} minutes, seeds "
        f"{given.seed} to {seed - 1}; {n_crashes} ended in no error of ours.\n"
    )
    return 1 if n_crashes else 0


def _print(target: str, executions: int, counted: "Counter[str]") -> int:
    """Prints the outcomes of a target, gathered by kind; returns the number of crashes."""
    kinds: Counter[str] = Counter()
    for outcome, count in counted.items():
        words = outcome.split()
        kinds[" ".join(words[:2]) if len(words) > 1 else outcome] += count
    said = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    sys.stdout.write(f"{target}: {executions:,} executions, {len(counted)} outcomes: {said}\n")
    crashes = {one: count for one, count in counted.items() if one.startswith("crash")}
    for outcome, count in sorted(crashes.items()):
        sys.stdout.write(f"  {count} x {outcome}\n")
    return sum(crashes.values())


def _written(cases: list[Any], place: Path) -> list[bytes]:
    """Returns the content of cases that are small plain files."""
    found = []
    for number, case in enumerate(cases):
        if case.slow or "bomb" in case.name or "," in case.name:
            continue
        path = place / str(number)
        case.make(path)
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            found.append(path.read_bytes())
    return found


def _pictures(place: Path) -> list[bytes]:
    from tests.hostile.damaged_pictures import damaged_formats
    from tests.hostile.pictures import sound_or_refused

    return [*damaged_formats(), *_written(list(sound_or_refused()), place)]


def _tables(place: Path) -> list[bytes]:
    from tests.hostile.bad_tables import table_cases

    return _written([one for one in table_cases() if one.name.endswith("csv")], place)


def _parquets(place: Path) -> list[bytes]:
    from tests.hostile.bad_tables import table_cases

    chosen = [one for one in table_cases() if one.name.endswith("parquet")]
    return _written([one for one in chosen if "billion" not in one.name], place)


def _scores(_: Path) -> list[bytes]:
    rows = "a,p1,1,0.9\nb,p2,0,0.2\n"
    return [
        f"image_id,patient_id,y_true,y_score\n{rows}".encode(),
        b"image_id,y_true_a,y_true_b,y_score_a,y_score_b\nx,1,0,0.9,0.1\ny,0,1,0.2,0.8\n",
    ]


def _checkpoints(place: Path) -> list[bytes]:
    import pickle

    import torch

    from tests.hostile.bad_checkpoints import Payload, saved

    small = {"a.weight": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.int64)}
    attack = pickle.dumps(Payload(place / "marker"))
    return [saved(small), saved(small, old=True), saved({"model": small}), attack]


def _safetensors(_: Path) -> list[bytes]:
    import torch
    from safetensors.torch import save

    return [save({"a.weight": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.int64)})]


def _studies(_: Path) -> list[bytes]:
    from fundus_core.studies.files import STUDIES_FOLDER

    return [path.read_bytes() for path in sorted(STUDIES_FOLDER.rglob("*.yaml"))]


def _archives(_: Path) -> list[bytes]:
    from tests.hostile.bad_archives import bundle

    return [bundle(), bundle({"runs/a/run.json": b"{}"}), bundle({"trust/a/about.json": b"{}"})]


def _members(_: Path) -> list[bytes]:
    from tests.hostile.bad_archives import files_of_bundle

    return list(files_of_bundle().values())


def _dicoms(place: Path) -> list[bytes]:
    from tests.hostile.bad_dicoms import dicom_cases

    return _written(dicom_cases(), place)


_STARTS: dict[str, Callable[[Path], list[bytes]]] = {
    "image": _pictures,
    "manifest": _tables,
    "parquet": _parquets,
    "predictions": _scores,
    "checkpoint": _checkpoints,
    "safetensors": _safetensors,
    "study": _studies,
    "archive": _archives,
    "member": _members,
    "dicom": _dicoms,
}

if __name__ == "__main__":
    sys.exit(main())
