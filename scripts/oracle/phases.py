"""When the phases of a recording began, in seconds since its first sample: phases.py PHASES SAMPLES NAME."""

import sys


def begins(phases, samples):
    """By name; both are in seconds of the same clock."""
    first = min(time for _, time in read_samples(samples))
    with open(phases) as lines:
        rows = (line.split("\t") for line in lines)
        return {name: float(time) - first for name, time in rows}


def read_samples(path):
    """Thread and time of each sample, as `perf script --ns -F tid,time` prints them."""
    with open(path) as lines:
        for line in lines:
            tid, time = line.split()
            yield int(tid), float(time.rstrip(":"))


if __name__ == "__main__":
    print(f"{begins(sys.argv[1], sys.argv[2])[sys.argv[3]]:.2f}")
