#!/usr/bin/env python3
"""Runs one experiment of configs/ and checks that its result files are whole and add up.

    run_config.py PROGRAM EXPERIMENT

Exit code 77 when the experiment replays a trace that is not on this machine."""

import collections
import csv
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
from decimal import Decimal

from tokenyard_cli import SECONDS, environment

SKIPPED = 77
PARTS = ["queue_s", "prefill_s", "kv_wait_s", "kv_transfer_s", "decode_wait_s", "preempted_s", "decode_s", "front_end_s"]
ALWAYS = {"manifest.json", "summary.json", "timeseries.csv", "links.csv", "scenario.resolved.yaml"}


def expect(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def call(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=SECONDS, check=False)


def read_json(path):
    def refuse(word):
        sys.exit(f"FAILED: {path.name}: {word} is not JSON")
    return json.loads(path.read_text(), parse_constant=refuse)


def read_rows(path):
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    expect(rows and all(len(row) == len(rows[0]) for row in rows), f"{path.name}: every row has every column")
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def nearest_rank(values, share):
    return values[max(math.ceil(share * len(values)), 1) - 1]


def check_requests(rows, summary):
    """Row by row exactly, in decimal; then the summary's figures from the rows."""
    for number, row in enumerate(rows):
        expect(int(row["request"]) == number, f"requests.csv: row {number} is that of request {number}")
    rows = [row for row in rows if row["ending"] == "answered"]
    expect(len(rows) == summary["requests"]["finished"] > 0, "requests.csv: a row for every finished request")
    warm_up = round(Decimal(summary["warm_up_s"]), 9)
    measured = []
    for row in rows:
        number = row["request"]
        time = {key: Decimal(value) for key, value in row.items() if key.endswith("_s") and value}
        expect(sum(time[part] for part in PARTS) == time["latency_s"], f"request {number}: parts add up to its latency")
        expect(min(time[part] for part in PARTS) >= 0, f"request {number}: no part is negative")
        expect(time["last_token_s"] - time["arrival_s"] == time["latency_s"], f"request {number}: latency")
        expect(time["first_token_s"] - time["arrival_s"] == time["ttft_s"], f"request {number}: TTFT")
        expect(time["arrival_s"] <= time["admitted_s"] < time["first_token_s"] <= time["last_token_s"],
               f"request {number}: its instants are in order")
        expect(("tpot_s" in time) == (int(row["output_tokens"]) > 1), f"request {number}: TPOT needs two tokens")
        if time["arrival_s"] >= warm_up:
            measured.append((row, time))
    expect(len(measured) == summary["requests"]["measured"] > 0, "requests.csv: as many measured as the summary says")
    for column, key in (("ttft_s", "ttft"), ("tpot_s", "tpot"), ("latency_s", "e2e")):
        values = sorted(time[column] for _, time in measured if column in time)
        told = summary["latency"][key]
        expect(told["count"] == len(values), f"{key}: samples")
        mean = float(sum(values) / len(values))
        expect(math.isclose(told["mean_s"], mean, rel_tol=1e-9), f"{key}: mean {told['mean_s']}, rows give {mean}")
        for share, name in ((0.5, "p50_s"), (0.9, "p90_s"), (0.99, "p99_s")):
            rank = float(nearest_rank(values, share))
            expect(math.isclose(told[name], rank, rel_tol=1e-9 if summary["exact_percentiles"] else 1e-3),
                   f"{key} {name}: {told[name]}, rows give {rank}")
    tokens = sum(int(row["output_tokens"]) for row, _ in measured)
    told = sum(one["output_tokens"] for one in summary["goodput"]["classes"])
    expect(told == tokens, f"output tokens of all classes: {told}, rows give {tokens}")


def check_links(rows, summary):
    carried = collections.Counter()
    for row in rows:
        expect(0.0 <= float(row["utilisation"]) <= 1.0 + 1e-9, f"links.csv: {row['link']}: utilisation is in [0, 1]")
        # What leaves a group of chips or a store goes over one link of its own, and arrives over another's.
        if row["link"].endswith(" up") and not row["link"].startswith(("domain ", "pod ")):
            carried[row["plane"]] += float(row["carried_bytes"])
    for plane in summary["planes"]:
        expect(math.isclose(carried[plane["plane"]], plane["kv_bytes"], rel_tol=1e-6, abs_tol=1.0),
               f"links.csv: plane {plane['plane']} carried {carried[plane['plane']]}, summary {plane['kv_bytes']}")


def check_time_series(rows, summary):
    names = [pool["name"] for pool in summary["pools"] for _ in range(pool["instances"])]
    expect(rows and len(rows) % len(names) == 0, "timeseries.csv: a row for each instance and interval")
    for number, row in enumerate(rows):
        expect(row["pool"] == names[number % len(names)], "timeseries.csv: instances in order of pools")
        for column in ("busy", "kv_occupancy"):
            expect(-1e-12 <= float(row[column]) <= 1.0 + 1e-9, f"timeseries.csv: {column} is in [0, 1]: {row}")


def check_results(folder, experiment, stdout):
    summary = read_json(folder / "summary.json")
    manifest = read_json(folder / "manifest.json")
    there = {path.name for path in folder.iterdir()}
    expect(there == set(manifest["files"]) | {"manifest.json"}, f"manifest.json names what is there: {sorted(there)}")
    expect(ALWAYS <= there, f"missing: {ALWAYS - there}")
    expect(summary["complete"] is True and manifest["complete"] is True, "the run is complete")
    expect(summary["name"] == folder.name and summary["name"] in stdout, "the name is told everywhere")
    expect(str(experiment) in manifest["arguments"], "manifest.json holds the command line")
    if "requests.csv" in there:
        check_requests(read_rows(folder / "requests.csv"), summary)
    check_links(read_rows(folder / "links.csv"), summary)
    check_time_series(read_rows(folder / "timeseries.csv"), summary)


def main():
    program, experiment = sys.argv[1], pathlib.Path(sys.argv[2])
    checked = call(program, "check", experiment)
    if checked.returncode == 2 and "trace.path" in checked.stderr and "cannot be opened" in checked.stderr:
        print(f"skipped: {checked.stderr.strip()}")
        sys.exit(SKIPPED)
    expect((checked.returncode, checked.stderr) == (0, ""), f"check: {checked}")

    with tempfile.TemporaryDirectory(prefix="tokenyard-config-") as out:
        done = call(program, "run", experiment, "--out", out)
        expect((done.returncode, done.stderr) == (0, ""), f"run: exit code {done.returncode}: {done.stderr}")
        folders = os.listdir(out)
        expect(len(folders) == 1, f"one folder of results, nothing beside it: {folders}")
        check_results(pathlib.Path(out) / folders[0], experiment, done.stdout)
        again = call(program, "check", pathlib.Path(out) / folders[0] / "scenario.resolved.yaml")
        expect(again.returncode == 0, f"scenario.resolved.yaml can be run again: {again.stderr}")


if __name__ == "__main__":
    main()
