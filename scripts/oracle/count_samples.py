#!/usr/bin/env python3
"""Counts the samples in a perf.data file by hopping over its records, those in compressed ones
included, and prints the number. For files that perf itself does not read: never finished, or
compressed into a pipe. Inflates with the `zstd` program.

    count_samples.py FILE.perf
"""
import struct
import subprocess
import sys

SAMPLE, TRACING_DATA, AUXTRACE, COMPRESSED, COMPRESSED2 = 9, 66, 71, 81, 83


def records(data):
    """The type and body of each whole record."""
    at = 0
    while at + 8 <= len(data):
        kind, _misc, size = struct.unpack_from("<IHH", data, at)
        if size < 8 or at + size > len(data):
            return
        yield kind, data[at + 8 : at + size]
        at += size
        if kind == AUXTRACE:
            at += struct.unpack_from("<Q", data, at - size + 8)[0]
        elif kind == TRACING_DATA:
            at += (struct.unpack_from("<I", data, at - size + 8)[0] + 7) // 8 * 8


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"PERFILE2")
    header_size = struct.unpack_from("<Q", data, 8)[0]
    if header_size == 16:
        stream = data[16:]
    else:
        start, size = struct.unpack_from("<QQ", data, 40)
        stream = data[start : start + size] if size else data[start:]
    found, compressed = 0, []
    for kind, body in records(stream):
        found += kind == SAMPLE
        if kind == COMPRESSED:
            compressed.append(body)
        elif kind == COMPRESSED2:
            compressed.append(body[8 : 8 + struct.unpack_from("<Q", body)[0]])
    if compressed:
        # A stream that perf never ended makes zstd complain behind the last block.
        inflated = subprocess.run(["zstd", "-dcq"], input=b"".join(compressed), capture_output=True)
        found += sum(kind == SAMPLE for kind, _ in records(inflated.stdout))
    print(found)


main(sys.argv[1])
