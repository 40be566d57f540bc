#!/usr/bin/env python3
"""Whether the intervals of short recordings hold what much longer ones show.

    intervals_cover.py DIR CHANGE...

DIR/CHANGE.json and DIR/CHANGE-long.json are what `perf2pprof diff --json` says of the same change. Looked at are the
whole and every function that was called, its total. The long figure has an error of its own, which is added to the
short one's as errors of independent measurements are.
"""
import json, math, sys


def half(change):
    return (change["interval"][1] - change["interval"][0]) / 2


directory, changes = sys.argv[1], sys.argv[2:]
held = wide = looked_at = 0
wholes = []
for name in changes:
    short, long = (json.load(open(f"{directory}/{name}{suffix}.json")) for suffix in ("", "-long"))
    functions = {(f["name"], f.get("file")): f["total"] for f in long["functions"]}
    pairs = [("all of it", short["overall"], long["overall"])]
    for function in short["functions"]:
        truth = functions.get((function["name"], function.get("file")))
        if function["total"]["call"] != "same" and truth:
            pairs.append((function["name"], function["total"], truth))
    for what, change, truth in pairs:
        low, high = change["interval"]
        both = math.hypot(half(change), half(truth))
        middle = (low + high) / 2
        is_held, is_wide = low <= truth["difference"] <= high, abs(truth["difference"] - middle) <= both
        if what == "all of it":
            wholes.append(is_wide)
            print(f"{name}: {what} {change['difference']:+.4g} [{low:+.4g}, {high:+.4g}], "
                  f"in recordings six times as long {truth['difference']:+.4g}{'' if is_held else ', outside'}")
        else:
            looked_at, held, wide = looked_at + 1, held + is_held, wide + is_wide
print(f"of {looked_at} functions that were called, the interval holds the long figure of {held}, "
      f"with the long one's own error of {wide}")
# 95 % of intervals hold the truth; of so few, a tenth may miss it.
sys.exit(0 if all(wholes) and looked_at and wide >= 0.9 * looked_at else 1)
