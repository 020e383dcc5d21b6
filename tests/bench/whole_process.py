#!/usr/bin/env python3
"""Times whole runs of the program, as a user waits for them: wall and CPU seconds, peak memory, best of several.

    tests/bench/whole_process.py build/release/tokenyard [--runs 5]

Jobs whose trace is not there are left out, with a word. Output is a Markdown table (for the README).
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOBS = [
    ("Azure conversation hour, 8 replicas", ["configs/replay/azure-2023-conv.yaml"]),
    ("the same, 4 prefill + 4 decode replicas, every hand-off a flow", ["tests/bench/azure_hour_split.yaml"]),
    ("1 M synthetic requests, 64 replicas, with requests.csv", ["tests/bench/million.yaml"]),
    ("the same without requests.csv", ["tests/bench/million.yaml", "--set", "output.requests=false"]),
    ("decode-heavy, 20,000 long answers", ["tests/bench/decode_heavy.yaml", "--no-files"]),
    ("the same with --step-by-step", ["tests/bench/decode_heavy.yaml", "--no-files", "--step-by-step"]),
]


def once(command):
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    error = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    return os.waitstatus_to_exitcode(status), error, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("--runs", type=int, default=5)
    given = arguments.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    print("| job | wall s | CPU s | peak memory MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as out:
        for name, words in JOBS:
            command = [program, "run", *words] + ([] if "--no-files" in words else ["--out", out])
            best = None
            for _ in range(given.runs):
                code, error, wall, cpu, memory = once(command)
                if code != 0:
                    print(f"{name}: left out: {error.strip()}", file=sys.stderr)
                    break
                best = min(best, (wall, cpu, memory)) if best else (wall, cpu, memory)
            if best:
                print(f"| {name} | {best[0]:.2f} | {best[1]:.2f} | {best[2] / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
