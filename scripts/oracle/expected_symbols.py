#!/usr/bin/env python3
"""Prints what llvm-symbolizer-19 says about every recorded address of one binary, as JSON lines.

    expected_symbols.py DSO SAMPLES.tsv.gz ELF > expected.jsonl

DSO is the name of the binary in SAMPLES (from perf_script_samples.py); ELF is the unstripped
binary, with its debug package beside it as ELF.dwp. One line per distinct address, sorted:

    {"address": "0x<ELF vaddr>", "file_offset": "0x..", "kind": "ip" or "return",
     "symbols": [{"function": .., "file": .., "line": .., "start_line": ..}, innermost first]}

The leaf of a stack is kind `ip` and looked up as it is. All other frames are kind `return`: both
`address` and `file_offset` are the recorded return address minus 1. The first user frame below
kernel frames stands there as both kinds: it is where a system call returns to, but it is an exact
instruction when the kernel was entered by an interrupt or a page fault. Functions are linkage names.
For a function known from the symbol table alone, llvm-symbolizer takes some object's file name from
there and no line; the file is left empty here. Where it knows nothing, `symbols` is empty.

The command is printed on stderr.
"""

import gzip
import json
import struct
import subprocess
import sys

PT_LOAD = 1


def load_segments(path):
    """(p_offset, p_vaddr, p_filesz) of each PT_LOAD of a 64-bit little-endian ELF."""
    with open(path, "rb") as elf:
        data = elf.read()
    e_phoff, = struct.unpack_from("<Q", data, 32)
    e_phentsize, e_phnum = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, e_phoff + i * e_phentsize) for i in range(e_phnum)]
    return [(offset, vaddr, filesz) for kind, _, offset, vaddr, _, filesz in headers if kind == PT_LOAD]


def to_vaddr(segments, file_offset):
    for offset, vaddr, filesz in segments:
        if offset <= file_offset < offset + filesz:
            return file_offset - offset + vaddr
    raise ValueError(f"file offset {file_offset:#x} is in no PT_LOAD")


def is_kernel(frame):
    return int(frame.rpartition("@")[2], 16) >= 1 << 63 if "@" in frame else False


def recorded(samples, dso):
    """The distinct (file offset, kind) of the frames in `dso`, callers as return address - 1."""
    found = set()
    with gzip.open(samples, "rt") as lines:
        for line in lines:
            frames = line.rstrip("\n").split("\t")[5].split(" ")
            for depth, frame in enumerate(frames):
                name, _, offset = frame.rpartition("+")
                if name != dso:
                    continue
                if depth == 0 or is_kernel(frames[depth - 1]):
                    found.add((int(offset, 16), "ip"))
                if depth > 0:
                    found.add((int(offset, 16) - 1, "return"))
    return sorted(found)


def symbolize(elf, addresses):
    command = ["llvm-symbolizer-19", "--output-style=JSON", "--inlines", "--functions=linkage",
               "--no-demangle", f"--dwp={elf}.dwp", f"--obj={elf}"]
    print(" ".join(command), file=sys.stderr)
    asked = "".join(f"{address:#x}\n" for address in addresses)
    run = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def reduced(symbol):
    known_line = symbol["Line"] != 0 or symbol["StartLine"] != 0
    return {"function": symbol["FunctionName"], "file": symbol["FileName"] if known_line else "",
            "line": symbol["Line"], "start_line": symbol["StartLine"]}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    dso, samples, elf = sys.argv[1:]
    segments = load_segments(elf)
    frames = recorded(samples, dso)
    addresses = [to_vaddr(segments, offset) for offset, _ in frames]
    for (offset, kind), address, answer in zip(frames, addresses, symbolize(elf, addresses)):
        symbols = [reduced(s) for s in answer.get("Symbol", []) if s["FunctionName"]]
        print(json.dumps({"address": f"{address:#x}", "file_offset": f"{offset:#x}", "kind": kind,
                          "symbols": symbols}))


if __name__ == "__main__":
    main()
