"""The checks of scripts/check-time: see there."""

import csv
import json
import pathlib
import re
import sys

from phases import begins, read_samples

# Around where a phase begins, since load does not begin at once.
EDGE = 0.7


def main():
    work, phases = pathlib.Path(sys.argv[1]), sys.argv[2]
    at = begins(phases, work / "samples")
    times = sorted(time for _, time in read_samples(work / "samples"))
    with open(work / "slices.csv", newline="") as file:
        slices = list(csv.DictReader(file))
    check_counts(slices, [time - times[0] for time in times])
    end = times[-1] - times[0]
    parts = {
        "idle": mix(slices, 0, at["tls"] - EDGE),
        "tls": mix(slices, at["tls"] + EDGE, at["lua"] - EDGE),
        "lua": mix(slices, at["lua"] + EDGE, end - EDGE),
    }
    check_phases(parts)
    check_lens(json.loads((work / "lens.json").read_text()), slices, at["lua"])
    check_split(json.loads((work / "diff.json").read_text()))
    check_burst((work / "timeline.txt").read_text(), at)


def check_counts(slices, times):
    """perf counts as many samples in every slice."""
    # Nanoseconds, of which Python's floats keep the ones.
    counts = [0] * len(slices)
    length = float(slices[0]["to_seconds"]) - float(slices[0]["from_seconds"])
    for time in times:
        counts[min(int((time + 5e-8) / length), len(slices) - 1)] += 1
    ours = [int(row["samples"]) for row in slices]
    assert sum(ours) == len(times), f"{sum(ours)} samples, perf has {len(times)}"
    differ = sum(abs(own - perf) for own, perf in zip(ours, counts))
    # A sample on an edge may be on either side of it, as perf's own seconds are rounded.
    assert differ <= 4, f"the counts of slices differ from perf's by {differ}"
    print(f"check-time: {len(ours)} slices have the {len(times)} samples that perf counts in them (off by {differ})")


def mix(slices, begin, end):
    """CPUs that were busy, and the share of each group."""
    own = [row for row in slices if begin <= float(row["from_seconds"]) and float(row["to_seconds"]) <= end]
    weight = sum(int(row["weight"]) for row in own)
    seconds = sum(float(row["to_seconds"]) - float(row["from_seconds"]) for row in own)
    names = list(slices[0])[4:]
    shares = {name: sum(int(row[name]) for row in own) / max(weight, 1) for name in names}
    return weight / 1e9 / seconds, shares


def check_phases(parts):
    for name, (cpus, shares) in parts.items():
        jit = sum(share for group, share in shares.items() if group.startswith("jit"))
        print(f"check-time: {name}: {cpus:.3f} CPUs, code made at run time {jit:.1%}")
    jit = {name: sum(s for g, s in shares.items() if g.startswith("jit")) for name, (_, shares) in parts.items()}
    idle, tls, lua = (parts[name][0] for name in ("idle", "tls", "lua"))
    assert idle * 5 < tls and idle * 5 < lua, "what is idle is not told from load"
    assert jit["tls"] < 0.01 and jit["lua"] > 0.05, "TLS is not told from Lua"


def check_lens(lens, slices, begin):
    """`--time` takes the same samples for the lens as for the slices."""
    own = sum(int(row["samples"]) for row in slices if float(row["from_seconds"]) >= begin)
    within = sum(int(row["samples"]) for row in slices if float(row["to_seconds"]) > begin)
    assert own <= lens["samples"] <= within, f"{lens['samples']}, {own} to {within}"


def check_split(diff):
    changed = {row["name"]: row for row in diff["subsystems"] if row["call"] == "regressed"}
    jit = [row for name, row in changed.items() if name.startswith("jit")]
    assert jit, f"the split does not name LuaJIT's code: {sorted(changed)}"
    low, high = jit[0]["interval"]
    print(f"check-time: --split-at: {jit[0]['name']} {jit[0]['base']:.1%} -> {jit[0]['head']:.1%}, [{low:+.3f}, {high:+.3f}]")


def check_burst(text, at):
    found = re.findall(r"^  \d+  ([\d.]+)-([\d.]+) s: ([\d.]+) standard deviations", text, re.M)
    spans = [(float(begin), float(end), float(score)) for begin, end, score in found]
    hits = [span for span in spans if span[0] < at["burst-end"] and at["burst"] < span[1]]
    assert hits, f"no outlier is at {at['burst']:.2f}-{at['burst-end']:.2f} s: {spans}"
    begin, end, score = hits[0]
    print(
        f"check-time: --outliers: {begin}-{end} s, {score} standard deviations, number {spans.index(hits[0]) + 1}"
        f" of {len(spans)}; the burst was noted at {at['burst']:.2f}-{at['burst-end']:.2f} s"
    )


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"check-time: {failure}")
