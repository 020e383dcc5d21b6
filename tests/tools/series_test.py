#!/usr/bin/env python3
"""Requests that run and wait, second by second, beside those of a measured engine.

    series_test.py PROGRAM

LLMServingSim (github.com/casys-kaist/LLMServingSim, MIT) ran vLLM 0.19 on an RTX PRO 6000: Llama 3.1 8B, 300 ShareGPT
requests at about 10 a second, 128 places. Row t of its series is the state 0.08 s before t seconds after the first request
was queued. Skipped where the run is not at hand: $TOKENYARD_DATA, else shared/data beside the tree."""

import csv
import gzip
import os
import pathlib

from tokenyard_cli import ROOT, CliTest, main

DATA = pathlib.Path(os.environ.get("TOKENYARD_DATA", ROOT / "../shared/data"))
MEASURED = DATA / "serving/llmservingsim/RTXPRO6000_Llama-3.1-8B/timeseries.csv.gz"
TRACE = DATA / "traces/llmservingsim/sharegpt-llama-3.1-8b-300-sps10_lengths_hash16.jsonl"
READ_BEFORE_S = 0.08
TARGET = 0.05  # of the mean level: mean absolute difference


class MeasuredSeries(CliTest):
    def test_running_and_waiting_of_llama_8b(self):
        if not (MEASURED.exists() and TRACE.exists()):
            self.skipTest(f"no {MEASURED} or no {TRACE}; set TOKENYARD_DATA")
        self.works("run", ROOT / "configs/validation/trace.yaml", "--out", self.here, "--set",
                   f"workload.trace.path={TRACE}", "--set", "output.interval=20 ms")
        with open(self.here / "trace/timeseries.csv", newline="", encoding="utf-8") as file:
            simulated = list(csv.DictReader(file))
        with open(self.here / "trace/requests.csv", newline="", encoding="utf-8") as file:
            first = float(next(csv.DictReader(file))["arrival_s"])
        with gzip.open(MEASURED, "rt", newline="", encoding="utf-8") as file:
            measured = list(csv.DictReader(file))
        self.assertEqual(len(measured), 67)
        interval = float(simulated[0]["interval_s"])
        for level in ("running", "waiting"):
            apart = 0.0
            for row in measured:
                place = int((first + float(row["t"]) - READ_BEFORE_S) / interval)
                here = float(simulated[place][f"{level}_mean"]) if place < len(simulated) else 0.0
                apart += abs(here - float(row[level]))
            share = apart / sum(float(row[level]) for row in measured)
            print(f"{level}: {share:.4f} of the mean level apart, target {TARGET}")
            self.assertLess(share, TARGET, level)


if __name__ == "__main__":
    main()
