"""Exports a fleet's recordings with Spark: one task per shard, each of which runs `perf2pprof-fleet export --shard`.

    spark-submit --files perf2pprof-fleet,envoy-1.40.0.symbols fleet/spark_job.py \
        --binary ./perf2pprof-fleet --shards 2000 s3://recordings/2026-11-16 -o s3://profiles \
        --path-template '{service}/{version}/{pod}/{time}.perf' --debug-image envoy-1.40.0.symbols

Everything but --binary and --shards is handed on. Spark schedules, retries and speculates; nothing is shuffled and
nothing comes back but how each shard went. A task may run twice, or twice at once: a shard's files have the names of its
inputs and are replaced whole. Four failures of one shard (`spark.task.maxFailures`) end the job.
"""
import argparse
import json
import subprocess
import sys
import time

from pyspark import TaskContext
from pyspark.sql import SparkSession


def export(binary, shards, arguments):
    """What a task does: one shard, by a process of its own."""

    def run(shard):
        begun = time.monotonic()
        command = [binary, "export", "--quiet", "--shard", f"{shard}/{shards}", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"shard {shard} of {shards} failed with status {done.returncode}: {done.stderr.strip()}")
        return {
            "shard": shard,
            "attempt": TaskContext.get().attemptNumber(),
            "seconds": round(time.monotonic() - begun, 3),
            "said": done.stderr.strip(),
        }

    return run


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False, usage="spark_job.py [--binary PATH] --shards N INPUT... -o TARGET [OPTION...]")
    parser.add_argument("--binary", default="perf2pprof-fleet", help="where it is on the executors")
    parser.add_argument("--shards", type=int, required=True, help="how many tasks: some hundred recordings each")
    options, arguments = parser.parse_known_args()

    session = SparkSession.builder.appName("perf2pprof-fleet").getOrCreate()
    try:
        shards = session.sparkContext.parallelize(range(options.shards), options.shards)
        went = shards.map(export(options.binary, options.shards, arguments)).collect()
    finally:
        session.stop()
    for shard in went:
        if shard["said"]:
            print(f"shard {shard['shard']}: {shard['said']}", file=sys.stderr)
    print(json.dumps({
        "engine": "spark",
        "shards": len(went),
        "again": sum(shard["attempt"] > 0 for shard in went),
        "seconds": round(sum(shard["seconds"] for shard in went), 3),
    }))


if __name__ == "__main__":
    main()
