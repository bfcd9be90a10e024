"""Drawing phantoms: photographs a second, encoded but not written, in one and two processes.

Figures are medians over photographs, or over rounds; each photograph is of another patient, so
that no eye is drawn twice.

    python -m benchmarks.phantom
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import cv2

from fundus_core.phantom.camera import CAMERAS, encode_jpeg, photograph, sample_exposure
from fundus_core.phantom.patients import Patient, plan_patients
from fundus_core.phantom.phantom import draw_phantom
from fundus_core.phantom.texture import Light

SIZES = (256, 512)
N_PHOTOGRAPHS = 60
ROUNDS = 3


def main() -> None:
    """Prints a table per size, and what the camera's part of a photograph takes."""
    patients = plan_patients(2 * N_PHOTOGRAPHS * ROUNDS, seed=0)
    print(f"{'px':>4} {'ms of processor':>16} {'one process':>12} {'two processes':>14}")
    for size in SIZES:
        single = [alone(patients[turn * N_PHOTOGRAPHS :], size) for turn in range(ROUNDS)]
        seconds = statistics.median(spent for times, _ in single for spent in times)
        rate = statistics.median(rate for _, rate in single)
        both = two_processes(patients, size)
        print(f"{size:>4} {1000 * seconds:>16.1f} {rate:>10.1f}/s {both:>12.1f}/s")
    for size in SIZES:
        taken, encoded = camera_milliseconds(size)
        print(f"{size} px: photograph {taken:.1f} ms, JPEG {encoded:.1f} ms of processor time")


def draw(patient: Patient, size: int) -> int:
    """Draws and encodes the right eye of a patient; returns the bytes."""
    phantom = draw_phantom(patient, patient.visits[0], "OD", size)
    return len(encode_jpeg(phantom.picture, phantom.exposure.jpeg_quality))


def alone(patients: Sequence[Patient], size: int) -> tuple[list[float], float]:
    """Returns processor seconds of each photograph, and photographs per second of the clock."""
    chosen, start = patients[:N_PHOTOGRAPHS], time.perf_counter()
    times = [processor_seconds(lambda p=patient: draw(p, size)) for patient in chosen]
    return times, N_PHOTOGRAPHS / (time.perf_counter() - start)


def two_processes(patients: Sequence[Patient], size: int) -> float:
    """Returns photographs per second with two processes, after both have started."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=_one_thread) as pool:
        list(pool.map(draw, patients[-4:], [size] * 4))
        rates = []
        for turn in range(ROUNDS):
            chosen = patients[2 * turn * N_PHOTOGRAPHS :][: 2 * N_PHOTOGRAPHS]
            start = time.perf_counter()
            list(pool.map(draw, chosen, [size] * len(chosen)))
            rates.append(len(chosen) / (time.perf_counter() - start))
    return statistics.median(rates)


def camera_milliseconds(size: int) -> tuple[float, float]:
    """Returns the median processor time of `photograph` and of `encode_jpeg`."""
    taken, encoded = [], []
    for patient in plan_patients(20, seed=1):
        phantom = draw_phantom(patient, patient.visits[0], "OD", size)
        rng = patient.generator("OD")
        camera = CAMERAS[patient.camera]
        exposure = sample_exposure(rng, camera, haze=0.05)
        light: Light = (phantom.picture.transpose(2, 0, 1) / 255).astype("float32")
        field = phantom.model.field
        taken.append(
            processor_seconds(lambda: photograph(light, field, camera, exposure, rng))  # noqa: B023 (called at once)
        )
        encoded.append(processor_seconds(lambda: encode_jpeg(phantom.picture, 90)))  # noqa: B023
    return 1000 * statistics.median(taken), 1000 * statistics.median(encoded)


def processor_seconds(function: Callable[[], object]) -> float:
    """Returns the processor time that one call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def _one_thread() -> None:
    cv2.setNumThreads(1)


if __name__ == "__main__":
    _one_thread()
    main()
