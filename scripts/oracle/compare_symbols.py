#!/usr/bin/env python3
"""Makes addresses to look up, and compares the answers with llvm-symbolizer's.

    compare_symbols.py addresses ELF COUNT > addresses
    compare_symbols.py compare OURS LLVM.json

`addresses` spreads COUNT over `.text`, the same ones each time. OURS is what the example `addresses`
printed for them, LLVM.json what `llvm-symbolizer --output-style=JSON --inlines --no-demangle` did.
Compared are the linkage names, files, lines and lines of declaration of all inlined calls, the
paths folded as perf2pprof folds them. A difference is counted by its kind, and the first of each
unexplained kind is printed; any of these makes the exit status 1. Explained are:

- `no lines: label or object file`: the address is in no line table. llvm-symbolizer then takes the
  nearest label of the symbol table, and as the file the name of some object file; perf2pprof the
  function that covers the address, and no file.
"""

import json
import random
import re
import subprocess
import sys
from collections import Counter

EXPLAINED = "no lines: label or object file"


def addresses(elf, count):
    headers = subprocess.run(["readelf", "-SW", elf], capture_output=True, text=True, check=True).stdout
    text = re.search(r"\] \.text\s+\S+\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)", headers)
    start, size = int(text[1], 16), int(text[2], 16)
    for address in sorted(random.Random(1).sample(range(start, start + size), count)):
        print(hex(address))


def folded(path):
    """`.` and `..` folded, as in crates/symbolize/src/source_path.rs."""
    parts = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part == ".." and not parts and path.startswith("/"):
            pass
        else:
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def read_ours(path):
    answers = {}
    with open(path) as lines:
        for line in lines:
            line = line.rstrip("\n")
            if re.fullmatch("0x[0-9a-f]+", line):
                answer = answers[int(line, 16)] = []
            elif line:
                # `name file:line (declared at line)`; names have spaces.
                named, number, start = re.fullmatch(r"(.*):(\d+) \((\d+)\)", line).groups()
                answer.append((named, int(number), int(start)))
    return answers


def read_llvm(path):
    with open(path) as lines:
        for line in lines:
            row = json.loads(line)
            yield int(row["Address"], 16), [
                (f"{s['FunctionName']} {folded(s['FileName'])}", s["Line"], s["StartLine"])
                for s in row["Symbol"] if s["FunctionName"]
            ]


def kind_of(ours, llvm):
    if len(ours) == len(llvm) == 1 and ours[0][1] == llvm[0][1] == 0:
        return EXPLAINED
    if len(ours) != len(llvm):
        return "depth"
    for column, kind in enumerate(("names or files", "lines", "lines of declaration")):
        if [row[column] for row in ours] != [row[column] for row in llvm]:
            return kind
    return None


def compare(ours_path, llvm_path):
    ours, kinds, inlined, shown = read_ours(ours_path), Counter(), 0, set()
    for address, llvm in read_llvm(llvm_path):
        answer = ours.pop(address)
        inlined += len(llvm) > 1
        if answer == llvm:
            kinds["equal"] += 1
            continue
        kind = kind_of(answer, llvm)
        kinds[kind] += 1
        if kind != EXPLAINED and kind not in shown:
            shown.add(kind)
            print(f"{kind} at {address:#x}:\n  ours: {answer}\n  llvm: {llvm}")
    total = sum(kinds.values())
    print(f"  {kinds['equal']} of {total} addresses equal, {inlined} of them with inlined calls; "
          + (", ".join(f"{kind}: {n}" for kind, n in kinds.items() if kind != "equal") or "no difference"))
    if ours:
        print(f"  {len(ours)} addresses were not answered by llvm-symbolizer")
    return not shown and not ours


if __name__ == "__main__":
    if sys.argv[1] == "addresses":
        addresses(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(0 if compare(sys.argv[2], sys.argv[3]) else 1)
