"""Exports a fleet's recordings with Ray: one task per shard, each of which runs `perf2pprof-fleet export --shard`.

    ray job submit -- python fleet/ray_job.py --binary /usr/local/bin/perf2pprof-fleet --shards 2000 \
        s3://recordings/2026-11-16 -o s3://profiles \
        --path-template '{service}/{version}/{pod}/{time}.perf' --debug-image /symbols/envoy-1.40.0.symbols

Everything but --binary, --shards and --local is handed on. Ray schedules and retries, also on other nodes when one is
lost; nothing comes back but how each shard went. A task may run twice: a shard's files have the names of its inputs
and are replaced whole. Four failures of one shard end the job. --local N starts a Ray of N processors on this
machine, bound to its loopback.
"""
import argparse
import json
import subprocess
import sys
import time

import ray


@ray.remote(num_cpus=1, max_retries=3, retry_exceptions=True)
def export(binary, shard, shards, arguments):
    """What a task does: one shard, by a process of its own."""
    begun = time.monotonic()
    command = [binary, "export", "--quiet", "--shard", f"{shard}/{shards}", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"shard {shard} of {shards} failed with status {done.returncode}: {done.stderr.strip()}")
    return {"shard": shard, "seconds": round(time.monotonic() - begun, 3), "said": done.stderr.strip()}


def start(processors):
    """Joins the cluster, or starts one that nobody else can reach."""
    if processors is None:
        ray.init()
    else:
        ray.init(num_cpus=processors, include_dashboard=False, _node_ip_address="127.0.0.1",
                 object_store_memory=80 << 20)


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False, usage="ray_job.py [--binary PATH] [--local N] --shards N INPUT... -o TARGET [OPTION...]")
    parser.add_argument("--binary", default="perf2pprof-fleet", help="where it is on the nodes")
    parser.add_argument("--shards", type=int, required=True, help="how many tasks: some hundred recordings each")
    parser.add_argument("--local", type=int, help="start a Ray of this many processors here")
    options, arguments = parser.parse_known_args()

    start(options.local)
    try:
        went = ray.get([export.remote(options.binary, shard, options.shards, arguments) for shard in range(options.shards)])
    finally:
        ray.shutdown()
    for shard in went:
        if shard["said"]:
            print(f"shard {shard['shard']}: {shard['said']}", file=sys.stderr)
    print(json.dumps({
        "engine": "ray",
        "shards": len(went),
        "seconds": round(sum(shard["seconds"] for shard in went), 3),
    }))


if __name__ == "__main__":
    main()
