#!/usr/bin/env python3
"""Prints the samples of a perf.data file as perf itself understands them, for tests to compare with.

    perf_script_samples.py FILE.perf > FILE.samples.tsv

One line per sample, in the order of `perf script`:

    time_ns <TAB> pid <TAB> tid <TAB> event <TAB> period <TAB> frames

Frames are separated by spaces, leaf first, spaces in names written as %20:

    DSO+0xHEX        file-backed mapping: the offset in the file (ip - map.start + map.pgoff)
    DSO@0xHEX        kernel, vdso, //anon and other mappings without a file: the runtime address
    [unknown]@0xHEX  no mapping covers the runtime address

Two sources are combined, both from one run of `perf script -D`. The dump of the raw records gives
the recorded addresses and the mappings, which are replayed here: a later mapping overrides the
overlapped part of earlier ones, fork inherits, exec clears. The samples that perf script prints
give event, period, and perf's own DSO and offset for each frame. Where the two disagree, the
replay is printed, the first few cases go to stderr, and a count of all of them.

Callers are as recorded: return addresses, not call sites. The exception are recordings with
`--call-graph dwarf`. Their user frames are not recorded but unwound, so they are perf's, and perf
hands out callers as return address - 1.

A callchain with a context marker that perf does not know (garbage, say ffffffffffffffff) is
discarded by perf as a whole. Here it keeps its frames, and counts as a disagreement.

Anonymous memory, for which perf prints `/tmp/perf-PID.map`, is `//anon` here, as recorded.

A file that was cut short, or whose perf was killed, first needs repair_header.py.

Needs perf (made with 6.1) in PATH and, for DWARF recordings, the recorded binaries in place.
"""

import re
import subprocess
import sys
from collections import namedtuple

Map = namedtuple("Map", "start end pgoff name")
Raw = namedtuple("Raw", "pid ips has_user_stack")  # ips: (is_user, address), leaf first

PERF_SCRIPT = ["perf", "script", "-D", "--ns", "--no-inline", "--max-stack", "4096",
               "-F", "pid,tid,time,event,period,ip,dso"]

RECORD = re.compile(r"^(?:-?\d+ )*0x[0-9a-f]+ \[0x[0-9a-f]+\]: PERF_RECORD_(\w+)(.*)$")
MMAP = re.compile(r"^ (-?\d+)/-?\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (0x[0-9a-f]+|0)[^\]]*\]: \S+ (.*)$")
FORK = re.compile(r"^\((\d+):\d+\):\((\d+):\d+\)$")
COMM_EXEC = re.compile(r"^ exec: .*:(\d+)/\d+$")
SAMPLE = re.compile(r"^\(\w+, 0x([0-9a-f]+)\): (-?\d+)/-?\d+: (0x[0-9a-f]+|0) ")
CHAIN_ENTRY = re.compile(r"^\.{5} +\d+: ([0-9a-f]{16})$")
# An address, a symbol that was not asked for (pipe recordings print it nonetheless), and the DSO.
PLACE = r"([0-9a-f]+) (?:\S.* )?\(([^()]*(?: \(deleted\))?)\)"
HEAD = re.compile(rf"^ *(-?\d+)/(-?\d+) +(\d+)\.(\d{{9}}): +(\d+) +(\S+): *(?:{PLACE})?$")
FRAME = re.compile(rf"^\s+{PLACE}$")

CONTEXT_MAX = 2**64 - 4095  # entries from here on are PERF_CONTEXT_* markers
CONTEXT_USER = 2**64 - 512
MISC_CPUMODE_MASK, MISC_USER = 7, 2
NOT_A_FILE = ("//anon", "/dev/zero", "/anon_hugepage", "/SYSV", "[")


class AddressSpaces:
    """The mappings of each process, oldest first."""

    def __init__(self):
        self.maps = {}

    def apply(self, kind, rest):
        if kind in ("MMAP", "MMAP2") and (m := MMAP.match(rest)):
            start = int(m[2], 16)
            new = Map(start, start + int(m[3], 16), int(m[4], 16), m[5])
            self.maps.setdefault(int(m[1]), []).append(new)
        elif kind == "FORK" and (m := FORK.match(rest)) and m[1] != m[2]:
            self.maps[int(m[1])] = list(self.maps.get(int(m[2]), []))
        elif kind == "COMM" and (m := COMM_EXEC.match(rest)):
            self.maps[int(m[1])] = []

    def find(self, pid, ip):
        return next((m for m in reversed(self.maps.get(pid, [])) if m.start <= ip < m.end), None)

    def find_by_name(self, pid, name):
        return next((m for m in reversed(self.maps.get(pid, [])) if m.name == name), None)


class Disagreements:
    def __init__(self):
        self.count = 0

    def report(self, text):
        self.count += 1
        if self.count <= 10:
            print(f"disagreement: {text}", file=sys.stderr)


def escape(name):
    return name.replace("%", "%25").replace(" ", "%20")


def is_file(name):
    return not name.startswith(NOT_A_FILE)


def same_dso(recorded, printed):
    anonymous = printed.startswith("/tmp/perf-") and printed.endswith(".map")
    return recorded == printed or (recorded.startswith("//anon") and anonymous)


def user_frame(spaces, pid, ip, printed, disagreements):
    """Places `ip` by the replayed mappings; `printed` is perf's (address, DSO) for it, or None."""
    found = spaces.find(pid, ip)
    if found is None:
        if printed and printed[1] != "[unknown]":
            disagreements.report(f"pid {pid} ip {ip:#x}: no mapping here, perf says {printed[1]}")
        return f"[unknown]@{ip:#x}"
    offset = ip - found.start + found.pgoff
    if printed and not same_dso(found.name, printed[1]):
        disagreements.report(f"pid {pid} ip {ip:#x}: {found.name} here, perf says {printed[1]}")
    elif printed and is_file(found.name) and printed[0] not in (offset, ip):  # ip if there is no chain
        disagreements.report(f"pid {pid} ip {ip:#x}: offset {offset:#x} here, perf says {printed[0]:#x}")
    return f"{escape(found.name)}+{offset:#x}" if is_file(found.name) else f"{escape(found.name)}@{ip:#x}"


def unwound_frame(spaces, pid, address, dso):
    """A user frame that perf unwound from a copy of the stack."""
    if is_file(dso):
        return f"{escape(dso)}+{address:#x}"
    found = spaces.find_by_name(pid, dso)  # perf prints an offset for the vdso
    return f"{escape(dso)}@{address - found.pgoff + found.start if found else address:#x}"


def frames(spaces, raw, printed, disagreements):
    if raw.has_user_stack:
        kernel = sum(not is_user for is_user, _ in raw.ips)
        return [f"{escape(dso)}@{address:#x}" for address, dso in printed[:kernel]] + [
            unwound_frame(spaces, raw.pid, address, dso) for address, dso in printed[kernel:]]
    if len(raw.ips) != len(printed):
        disagreements.report(f"pid {raw.pid}: {len(raw.ips)} recorded frames, perf prints {len(printed)}")
    out = []
    for i, (is_user, ip) in enumerate(raw.ips):
        perf = printed[i] if i < len(printed) else None
        if is_user:
            out.append(user_frame(spaces, raw.pid, ip, perf, disagreements))
        else:
            out.append(f"{escape(perf[1]) if perf else '[unknown]'}@{ip:#x}")
    return out


def read_raw(lines, rest):
    """Reads the dump of one SAMPLE up to its last line, `...... dso:`."""
    m = SAMPLE.match(rest)
    is_user = int(m[1], 16) & MISC_CPUMODE_MASK == MISC_USER
    ip = (is_user, int(m[3], 16))
    chain, has_user_stack = [], False
    for line in lines:
        if entry := CHAIN_ENTRY.match(line):
            value = int(entry[1], 16)
            if value >= CONTEXT_MAX:
                is_user = value == CONTEXT_USER
            else:
                chain.append((is_user, value))
        elif line.startswith("... ustack"):
            has_user_stack = True
        elif line.startswith(" ...... dso:"):
            break
    return Raw(int(m[2]), chain or [ip], has_user_stack)


def samples(lines, disagreements):
    spaces, raw, head, printed = AddressSpaces(), None, None, []

    def finished():
        pid, tid, seconds, nanos, period, event = head
        placed = frames(spaces, raw, printed, disagreements)
        return "\t".join([str(int(seconds + nanos)), pid, tid, event, period, " ".join(placed)])

    lines = (line.rstrip("\n") for line in lines)
    for line in lines:
        record, new_head = RECORD.match(line), HEAD.match(line)
        if head and (record or new_head):
            yield finished()
            head = None
        if record and record[1] == "SAMPLE":
            raw = read_raw(lines, record[2])
        elif record:
            spaces.apply(record[1], record[2])
        elif new_head:  # one record of a {group}:S gives several
            head = new_head.groups()[:6]
            printed = [(int(new_head[7], 16), new_head[8])] if new_head[7] else []
        elif head and (frame := FRAME.match(line)):
            printed.append((int(frame[1], 16), frame[2]))
    if head:
        yield finished()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    disagreements, count = Disagreements(), 0
    command = PERF_SCRIPT + ["-i", sys.argv[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="surrogateescape") as perf:
        for line in samples(perf.stdout, disagreements):
            count += 1
            print(line)
    print(f"{sys.argv[1]}: {count} samples, {disagreements.count} disagreements, "
          f"perf script ended with {perf.returncode}", file=sys.stderr)


if __name__ == "__main__":
    main()
