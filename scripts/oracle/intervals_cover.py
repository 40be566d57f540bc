#!/usr/bin/env python3
"""Whether the intervals of short recordings hold what much longer ones show.

    intervals_cover.py DIR CHANGE...

DIR/CHANGE.json and DIR/CHANGE-long.json are what `perf2pprof diff --json` says of the same change. Looked at is
every function that was called, its total. The long figure has an error of its own, which is added to the
short one's as errors of independent measurements are.
"""
import json, math, sys


def half(change):
    return (change["interval"][1] - change["interval"][0]) / 2


directory, changes = sys.argv[1], sys.argv[2:]
held = wide = looked_at = 0
for name in changes:
    short, long = (json.load(open(f"{directory}/{name}{suffix}.json")) for suffix in ("", "-long"))
    functions = {(f["name"], f.get("file")): f["total"] for f in long["functions"]}
    for function in short["functions"]:
        change, truth = function["total"], functions.get((function["name"], function.get("file")))
        if change["call"] == "same" or truth is None:
            continue
        low, high = change["interval"]
        is_held = low <= truth["difference"] <= high
        is_wide = abs(truth["difference"] - (low + high) / 2) <= math.hypot(half(change), half(truth))
        looked_at, held, wide = looked_at + 1, held + is_held, wide + is_wide
        if not is_held:
            print(f"{name}: {function['name']} [{100 * low:+.2f}, {100 * high:+.2f}] pp, "
                  f"in the long recordings {100 * truth['difference']:+.2f} pp")
print(f"of {looked_at} functions that were called, the interval holds the long figure of {held}, "
      f"with the long one's own error of {wide}")
# 95 % of intervals hold the truth; of so few, a tenth may miss it.
sys.exit(0 if looked_at and wide >= 0.9 * looked_at else 1)
