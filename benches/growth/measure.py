"""Counts what conversions of growing recordings cost, fits exponents, and draws plots: see scripts/check-growth."""

import math
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import plot

SIZES = {
    "samples": [5_000, 50_000, 500_000],
    "stacks": [2_000, 20_000, 200_000],
    "threads": [100, 1_000, 10_000],
    "mappings": [1_000, 10_000, 100_000],
    "processes": [100, 1_000, 10_000],
    "binaries": [100, 1_000, 10_000],
}
# What ten times as much may cost: so many more digits.
STEEPEST = 1.15
RUNS = 5


def main():
    ours, growth = sys.argv[1:]
    # The check can fail: what grows with the square is told from what grows with n log n.
    assert steepest([(n, n * n) for n in SIZES["mappings"]]) > STEEPEST
    assert steepest([(n, n * math.log(n)) for n in SIZES["mappings"]]) < STEEPEST

    failed = []
    print("| grows | smallest | largest | instructions at the largest | CPU ms | exponent | steepest decade | last, of CPU time |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        for axis, sizes in SIZES.items():
            # What a recording of one costs, start of the program included, is not the cost of growth.
            (_, *instructions), (_, *times) = measure(ours, growth, axis, [1, *sizes], Path(work))
            exponent, decade = fitted(instructions), steepest(instructions)
            print(
                f"| {axis} | {sizes[0]:,} | {sizes[-1]:,} | {instructions[-1][1]:,} | {times[-1][1] * 1e3:.0f} "
                f"| {exponent:.2f} | {decade:.2f} | {fitted(times[-2:]):.2f} |",
                flush=True,
            )
            plot.draw(Path(__file__).parent / f"{axis}.svg", axis, instructions, times, exponent)
            if decade > STEEPEST:
                failed.append(f"{axis}: ten times as many cost 10^{decade:.2f} times as much, {STEEPEST} is allowed")
    for failure in failed:
        print("FAILED", failure, file=sys.stderr)
    sys.exit(bool(failed))


def measure(ours, growth, axis, sizes, work):
    """Instructions and CPU seconds by size, less those of the first."""
    instructions, times = [], []
    for size in sizes:
        recording = work / "growing.perf"
        subprocess.run([growth, axis, str(size), recording], check=True)
        command = [ours, recording, "-q", "--threads", "1", "--sysroot", work / "nowhere", "-o", work / "out.pb.gz"]
        instructions.append((size, counted(command, work)))
        times.append((size, sorted(cpu_seconds(command) for _ in range(RUNS))[RUNS // 2]))
        recording.unlink()
    return [[(size, cost - series[0][1]) for size, cost in series] for series in (instructions, times)]


def counted(command, work):
    """The instructions that a command takes in user mode."""
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work / 'callgrind.out'}"]
    done = subprocess.run([*tool, *command], check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env={**os.environ, "DEBUGINFOD_URLS": ""})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fitted(series):
    """The exponent of the power of n that fits best: the slope in logarithms."""
    points = [(math.log(size), math.log(max(cost, 1e-9))) for size, cost in series]
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def steepest(series):
    return max(fitted(pair) for pair in zip(series, series[1:]))


if __name__ == "__main__":
    main()
