"""Training steps with the C library's defaults beside steps that keep freed memory.

Run as `python -m benchmarks.freed_memory`. The setting holds for a whole process, so each way runs
in processes of its own, turn by turn.
"""

import argparse
import subprocess
import sys
import time

import numpy as np

ROUNDS, STEPS, BATCH, SIDE = 3, 6, 16, 224


def measure(keep: bool) -> float:
    """Returns the median seconds of a training step of MobileNet V2 in this process."""
    import timm
    import torch

    from fundus_core.compute import keep_freed_memory

    if keep:
        keep_freed_memory()
    module = timm.create_model("mobilenetv2_100", pretrained=False, num_classes=2)
    module = module.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(module.parameters())
    pixels = torch.rand(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(BATCH, dtype=torch.long)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(module(pixels).float(), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


def main() -> None:
    """Runs both ways in turn and prints the ratio of medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", choices=("yes", "no"), help="measure one way and print seconds")
    one = parser.parse_args().keep
    if one:
        print(measure(one == "yes"))
        return
    seconds: dict[str, list[float]] = {"no": [], "yes": []}
    for _ in range(ROUNDS):
        for way, found in seconds.items():
            command = [sys.executable, "-m", "benchmarks.freed_memory", "--keep", way]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(float(done.stdout))
    default, kept = (float(np.median(seconds[way])) for way in ("no", "yes"))
    print(f"MobileNet V2, batch {BATCH} at {SIDE} px, bf16 autocast, median of {ROUNDS} processes")
    print(f"default {default:.3f} s, kept {kept:.3f} s: {default / kept:.2f} times as fast")


if __name__ == "__main__":
    main()
