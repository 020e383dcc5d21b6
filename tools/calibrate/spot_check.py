#!/usr/bin/env python3
"""Plays measured serving points with tokenyard and prints how far it is off.

    tools/calibrate/spot_check.py build/release/tokenyard points.csv[.gz] [--model SUBSTRING] [--list]

Reads the columns of InferenceX as NVIDIA's aiconfigurator ships them (systems/silicon_sample.csv). Takes aggregated
points of dense models with tensor parallelism; nothing is fitted. TTFT is compared as a mean over all requests with
the opening burst of the closed loop, which is how the measured column behaves; TPOT as a median.
"""
import argparse
import concurrent.futures
import csv
import gzip
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = {"Llama-3.1-70B": "llama-3.1-70b", "Llama-3.1-8B": "llama-3.1-8b", "Qwen3-32B": "qwen3-32b"}
TOPOLOGIES = {"h100_sxm": "hgx-h100", "h200_sxm": "hgx-h200", "b200_sxm": "hgx-b200"}


def points(path, model):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        for row in csv.DictReader(file):
            llm = next((ours for theirs, ours in MODELS.items() if theirs in row["model"]), None)
            plain = row["mode"] == "agg" and row["pp"] in ("", "1") and row["attn_dp"] in ("", "1") and row["concurrency"]
            if llm is None or not plain or row["system"] not in TOPOLOGIES or model not in llm:
                continue
            if row["precision"] not in ("", "fp8"):
                continue
            yield row, llm


def settings(row, llm):
    isl, osl, users = int(row["isl"]), int(row["osl"]), int(row["concurrency"])
    weights = "bf16" if row["precision"] == "" else "fp8_block" if llm == "qwen3-32b" else "fp8"
    kv = "fp8" if row["backend"] == "trtllm" and weights != "bf16" else "bf16"
    return {
        "topology": TOPOLOGIES[row["system"]], "llm": llm, "pools.serve.parallel.tensor": row["tp"],
        "pools.serve.precision.weights": weights, "pools.serve.precision.kv": kv,
        "workload.arrivals.concurrency": users, "workload.requests": 10 * users,
        "workload.prompt.min": math.ceil(0.8 * isl), "workload.prompt.max": isl,
        "workload.output.min": math.ceil(0.8 * osl), "workload.output.max": osl,
    }


def play(program, row, llm):
    with tempfile.TemporaryDirectory() as out:
        command = [program, "run", str(ROOT / "configs/validation/closed-loop.yaml"), "--out", out]
        for key, value in settings(row, llm).items():
            command += ["--set", f"{key}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, done.stderr.strip()
        summary = json.loads((pathlib.Path(out) / "closed-loop/summary.json").read_text())
        latency = summary["latency"]
        return (latency["tpot"]["p50_s"] * 1e3, latency["ttft"]["mean_s"] * 1e3), None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("points")
    arguments.add_argument("--model", default="")
    arguments.add_argument("--list", action="store_true", help="one line a point as well")
    given = arguments.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    groups = {}
    chosen = list(points(given.points, given.model))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda point: play(program, *point), chosen))
    refused = 0
    for (row, llm), (result, error) in zip(chosen, results):
        if error:
            refused += 1
            if given.list:
                print(f"{row['id']}: {error}")
            continue
        tpot = math.log(result[0] / float(row["tpot_ms"]))
        ttft = math.log(result[1] / float(row["ttft_ms"]))
        groups.setdefault((llm, row["system"], row["precision"] or "bf16", row["backend"]), []).append((tpot, ttft))
        if given.list:
            print(f"{row['id']}: TPOT {result[0]:.2f} / {row['tpot_ms']} ms, TTFT {result[1]:.0f} / {row['ttft_ms']} ms")
    print("| model | chip | format | engine | points | TPOT error p50 | p90 | bias | TTFT error p50 | bias |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    everything = [error for errors in groups.values() for error in errors]
    for name, errors in [*sorted(groups.items()), (("all", "", "", ""), everything)]:
        tpot, ttft = [e[0] for e in errors], [e[1] for e in errors]
        size = sorted(abs(e) for e in tpot)
        print("| " + " | ".join(name) + f" | {len(errors)} | {statistics.median(size):.3f} | {size[int(0.9 * (len(size) - 1))]:.3f}"
              f" | {statistics.median(tpot):+.3f} | {statistics.median(abs(e) for e in ttft):.3f} | {statistics.median(ttft):+.3f} |")
    print(f"\n{len(everything)} points; {refused} could not be played (they do not fit as described)")


if __name__ == "__main__":
    main()
