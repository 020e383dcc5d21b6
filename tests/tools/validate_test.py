#!/usr/bin/env python3
"""`tokenyard validate`: every row of a set is played, repeated or refused with a reason; same bytes whatever -j.

    validate_test.py PROGRAM [-k PATTERN]"""

import csv
import importlib.util
import json
import math
import shlex
import subprocess
import sys

from tokenyard_cli import ROOT, CliTest, main

HEADER = "id,model,system,precision,mode,backend,version,isl,osl,concurrency,tp,attn_dp,moe_tp,moe_ep,gpus,ttft_ms,tpot_ms\n"
GOOD = "a,meta-llama/Llama-3.1-8B-Instruct,h200_sxm,fp8,agg,vllm,,256,64,4,1,1,1,1,1,40,5\n"
ROWS = GOOD + GOOD + (
    "b,meta-llama/Llama-3.1-8B-Instruct,h200_sxm,fp8,agg,vllm,,256,64,4,1,1,1,1,1,44,6\n"      # the same set-up, other figures
    "c,Qwen/Qwen3-32B,h100_sxm,fp8,agg,trtllm,1.0.0rc3,256,64,8,2,1,1,1,2,200,7\n"              # its TTFT is trapped
    "d,acme/Giant-9T,h200_sxm,fp8,agg,vllm,,256,64,4,1,1,1,1,1,40,5\n"                          # no such model
    "e,meta-llama/Llama-3.1-70B,h100_sxm,,agg,vllm,,256,64,4,1,1,1,1,1,40,5\n"                  # 141 GB on 80 GB
    "f,Qwen/Qwen3-32B,h100_sxm,fp8,disagg,vllm,,256,64,,,,,,,40,5\n")                           # no concurrency

MLPERF = ("version,submitter,system,model,scenario,loadgen_scenario,valid,samples_per_s,tokens_per_s,target_qps\n"
          "v5.1,NVIDIA,B200-SXM-180GBx8_TRT,llama3.1-405b,Offline,Offline,VALID,2.5,1625,2.2\n"
          "v5.1,NVIDIA,B200-SXM-180GBx8_TRT,llama3.1-405b,Offline,Offline,INVALID,2.5,1625,2.2\n"
          "v5.1,AMD,8xMI300X_2xEPYC_9575F,llama2-70b-99,Offline,Offline,VALID,92,27804,93\n")


class Validate(CliTest):
    def setUp(self):
        super().setUp()
        self.set = self.write("points.csv", HEADER + ROWS)

    def points(self, folder):
        with open(self.here / folder / "points.csv", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_every_row_is_told(self):
        text = self.works("validate", "--set", "points.csv", "--out", "out")
        self.assertIn("7 points of 7 rows: 3 played, 1 repeat another, 3 could not be played", text)
        rows = self.points("out")
        self.assertEqual([row["fate"] for row in rows],
                         ["played", "repeat", "played", "played", "refused", "refused", "refused"])
        self.assertTrue(rows[4]["why"].startswith("no model 'acme/Giant-9T'"), rows[4]["why"])
        self.assertIn("does not fit", rows[5]["why"])
        self.assertIn("no concurrency", rows[6]["why"])
        self.assertNotEqual(rows[3]["ttft_trap"], "")
        self.assertEqual(rows[3]["tpot_trap"], "")

    def test_without_a_set_the_published_figures_that_ship_are_played(self):
        text = self.works("validate", "--model", "llama-3.1-8b", "--limit", "1", "--out", "out")
        self.assertIn("1 points of 1 rows", text)
        (row,) = self.points("out")
        self.assertEqual(row["set"].rsplit("/", 1)[-1], "mlperf.csv")
        self.assertEqual(row["fate"], "played")
        self.assertGreater(float(row["throughput_predicted_tokens_per_s"]), 0)

    def test_errors_follow_from_their_columns_and_the_board_from_the_errors(self):
        self.works("validate", "--set", "points.csv", "--out", "out")
        errors = []
        for row in self.points("out"):
            if row["fate"] != "played":
                continue
            error = math.log(float(row["tpot_predicted_s"]) / float(row["tpot_measured_s"]))
            self.assertAlmostEqual(error, float(row["tpot_error"]), delta=1e-12)
            self.assertAlmostEqual(sum(float(row["share_" + part]) for part in
                                       ("projections", "attention", "experts", "communication", "other", "host")), 1, delta=1e-9)
            errors.append(abs(error))
        board = json.loads((self.here / "out/scoreboard.json").read_text())
        total = board["sets"][0]["TPOT"]["meant"]
        self.assertEqual(total["n"], 3)
        self.assertAlmostEqual(total["median"], sorted(errors)[1], delta=1e-12)

    def test_a_row_is_played_as_its_command_says(self):
        self.works("validate", "--set", "points.csv", "--out", "out")
        row = self.points("out")[0]
        command = shlex.split(row["command"])
        self.assertEqual(command[:2], ["tokenyard", "run"])
        command = [argument for argument in command[1:] if argument != "--no-files"]
        self.works(*command, "--out", self.here / "one", cwd=ROOT)
        summary = json.loads((self.here / "one/closed-loop/summary.json").read_text())
        self.assertEqual(summary["latency"]["tpot"]["p50_s"], float(row["tpot_predicted_s"]))
        self.assertEqual(summary["latency"]["ttft"]["mean_s"], float(row["ttft_predicted_s"]))

    def test_the_same_bytes_whatever_the_number_of_processes(self):
        one = self.works("validate", "--set", "points.csv", "--list", "-j", "1", "--out", "a")
        four = self.works("validate", "--set", "points.csv", "--list", "-j", "4", "--out", "b")
        self.assertEqual(one.replace(" a/", " b/"), four)
        for name in ("points.csv", "scoreboard.csv", "scoreboard.json"):
            self.assertEqual((self.here / "a" / name).read_bytes(), (self.here / "b" / name).read_bytes())

    def test_a_part_of_the_rows(self):
        text = self.works("validate", "--set", "points.csv", "--model", "qwen3-32b", "--engine", "trtllm")
        self.assertIn("1 points of 1 rows: 1 played", text)
        self.assertIn("3 points of 3 rows:", self.works("validate", "--set", "points.csv", "--limit", "3"))
        self.assertEqual(self.refused("validate", "--set", "points.csv", "--model", "nothing"),
                         "validate: no row of the sets is of such a model, chip and engine")
        self.assertEqual(self.refused("validate", "--set", "points.csv", "--model", "qwen3-23b", "--engine", "trtlm"),
                         "validate: no row of the sets is of such a model, chip and engine; --model qwen3-23b: is "
                         "'qwen3-32b' meant?; --engine trtlm: is 'trtllm' meant?")

    def test_a_name_that_nobody_knows_is_told_with_the_nearest(self):
        self.write("names.csv", HEADER + GOOD.replace("Llama-3.1-8B", "Lama-3.1-8B") + GOOD.replace("h200_sxm", "h220")
                   + GOOD.replace(",vllm,", ",vlm,"))
        self.works("validate", "--set", "names.csv", "--out", "out")
        why = [row["why"] for row in self.points("out")]
        self.assertTrue(why[0].endswith("; the nearest is llama-3.1-8b"), why[0])
        self.assertTrue(why[1].endswith("; the nearest is h200"), why[1])
        self.assertTrue(why[2].endswith("; is 'vllm' meant?"), why[2])

    def test_runs_of_mlperf(self):
        self.write("mlperf.csv", MLPERF)
        self.assertIn("3 points of 3 rows: 1 played, 0 repeat another, 2 could not be played",
                      self.works("validate", "--set", "mlperf.csv", "--out", "out"))
        rows = self.points("out")
        self.assertEqual([row["why"].split(":")[0].split(";")[0] for row in rows],
                         ["", "loadgen calls the run INVALID", "no configuration is known for MI300X"])
        # An answer of 650 tokens to 9,400 takes 2 x 405e9 operations a token; a B200 has 9e15 a second in FP4.
        most = 9e15 / (2 * 405e9 * (9400 + 650) / 650)
        self.assertLess(float(rows[0]["throughput_predicted_tokens_per_s"]), most)
        self.assertAlmostEqual(float(rows[0]["throughput_measured_tokens_per_s"]), 1625 / 8, delta=1e-9)
        self.write("bad.csv", MLPERF.replace("27804", "n/a"))
        self.assertTrue(self.refused("validate", "--set", "bad.csv").startswith("bad.csv:4: tokens_per_s: 'n/a' is not a number"))

    def test_the_highest_rate_of_mlperf_is_the_last_within_the_limits(self):
        self.write("mlperf.csv", MLPERF.split("\n")[0] + ",ttft_p99_ms,tpot_p99_ms\n"
                   "v5.1,NVIDIA,B200-SXM-180GBx8_TRT,llama3.1-405b,Server,Server,VALID,1.90,1240.42,1.9,5134.2,138.2\n")
        text = self.works("validate", "--set", "mlperf.csv", "--out", "out")
        self.assertIn("2 points of 1 rows: 2 played", text)  # its 99th percentiles, its highest rate
        self.assertIn("  b200-sxm llama-3.1-405b nvfp4 trtllm server, highest rate ", text)
        row = next(row for row in self.points("out") if row["engine"].endswith("highest rate"))
        command = shlex.split(row["command"])
        rate = next(float(part.split("=")[1].removesuffix("/s")) for part in command if "arrivals.rate=" in part)
        tokens = 1240.42 / 1.90 / 8  # an answer, of a chip
        self.assertAlmostEqual(float(row["throughput_measured_tokens_per_s"]), 1.9 * tokens, places=6)
        self.assertAlmostEqual(float(row["throughput_predicted_tokens_per_s"]) / (rate * tokens), 1, delta=1e-4)  # rate of 5 digits

        def latencies(rate):
            settings = [part if "arrivals.rate=" not in part else f"workload.arrivals.rate={rate:.5g}/s" for part in command[1:]
                        if part != "--no-files"]
            folder = self.here / f"run-{rate:.3f}"
            self.works(*settings, "--out", folder, cwd=ROOT)
            summary = json.loads((folder / "mlperf-server" / "summary.json").read_text())
            return summary["latency"]["ttft"]["p99_s"], summary["latency"]["tpot"]["p99_s"]

        ttft, tpot = latencies(rate)
        self.assertTrue(ttft <= 6 and tpot <= 0.175, (ttft, tpot))
        ttft, tpot = latencies(1.02 * rate)
        self.assertTrue(ttft > 6 or tpot > 0.175, (ttft, tpot))

    def test_a_set_without_rows_is_told(self):
        for header in (HEADER, MLPERF.split("\n")[0] + "\n", "id,config,settings,model,figure,value,unit,source\n"):
            self.write("empty.csv", header)
            self.assertEqual(self.refused("validate", "--set", "empty.csv"),
                             "empty.csv:1: is a header without rows; each row is a measurement")

    def test_mistakes_are_told_with_file_row_and_column_and_leave_nothing(self):
        self.write("bad.csv", HEADER + GOOD.replace(",40,5", ",40 ms,5"))
        self.write("other.csv", "a,b\n1,2\n")
        self.write("ragged.csv", HEADER + "a,b\n")
        before = self.left_behind()
        self.assertTrue(self.refused("validate", "--set", "bad.csv", "--out", "out").startswith("bad.csv:2: ttft_ms: '40 ms' is not a number"))
        self.assertTrue(self.refused("validate", "--set", "other.csv", "--out", "out").startswith("other.csv:1: the header is of no kind"))
        self.assertEqual(self.refused("validate", "--set", "ragged.csv"), "ragged.csv:2: has 2 fields; the header has 17")
        self.assertTrue(self.refused("validate", "--set", "nothing.csv").startswith("nothing.csv: cannot be opened"))
        self.assertEqual(self.left_behind(), before)

    def test_the_accuracy_that_runs_look_up(self):
        self.works("validate", "--set", "points.csv", "--write", "models/accuracy.csv")
        with open(self.here / "models/accuracy.csv", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        tpot = [line for line in lines if line["metric"] == "TPOT"]
        self.assertEqual([(line["chip"], line["model"], line["n"]) for line in tpot],
                         [("h100-sxm", "qwen3-32b", "1"), ("h200-sxm", "llama-3.1-8b", "2")])
        # the trapped TTFT of Qwen is not among them
        self.assertEqual([line["chip"] for line in lines if line["metric"] == "TTFT"], ["h200-sxm"])

    def test_scatter_draws_what_was_written(self):
        if importlib.util.find_spec("matplotlib") is None:
            self.skipTest("no matplotlib")
        self.works("validate", "--set", "points.csv", "--out", "out")
        for arguments in (["out/points.csv"], ["out/points.csv", "--metric", "ttft", "--by", "model", "--out", "x.png"]):
            done = subprocess.run([sys.executable, "-B", ROOT / "tools/plot/scatter.py", *arguments], cwd=self.here,
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue((self.here / done.stdout.strip()).read_bytes().startswith(b"\x89PNG"))
        done = subprocess.run([sys.executable, "-B", ROOT / "tools/plot/scatter.py", "points.csv"], cwd=self.here,
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("points.csv:1: has no column", done.stderr)


if __name__ == "__main__":
    main()
