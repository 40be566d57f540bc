#!/usr/bin/env python3
"""Makes a perf.data file readable for perf again that was cut short, or whose perf was killed.

    repair_header.py BROKEN.perf REPAIRED.perf

Sets the size of the data section to the records that are whole, and drops what follows it: the
feature sections, which such a file does not have or whose place is unknown. For little-endian files.
"""

import struct
import sys

DATA_SECTION = 40  # struct perf_file_header: where `data` (offset, size) stands
FEATURE_BITS = slice(72, 104)


def end_of_whole_records(data, at):
    while at + 8 <= len(data):
        size, = struct.unpack_from("<H", data, at + 6)
        if size < 8 or at + size > len(data):
            break
        at += size
    return at


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as broken:
        data = bytearray(broken.read())
    offset, claimed = struct.unpack_from("<QQ", data, DATA_SECTION)
    limit = min(len(data), offset + claimed) if claimed else len(data)
    end = end_of_whole_records(data[:limit], offset)
    struct.pack_into("<QQ", data, DATA_SECTION, offset, end - offset)
    data[FEATURE_BITS] = bytes(32)
    with open(sys.argv[2], "wb") as repaired:
        repaired.write(data[:end])


if __name__ == "__main__":
    main()
