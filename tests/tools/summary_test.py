#!/usr/bin/env python3
"""What a summary says holds of the rows in requests.csv that it is a summary of.

    summary_test.py PROGRAM [-k PATTERN]"""

import csv
import json

from tokenyard_cli import CliTest, main

EXPERIMENT = """\
schema: 1
name: sums
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve: {instances: 1, parallel: {tensor: 1}, engine: {prefix_caching: true, blocks: %(blocks)s}}
workload:
  kind: synthetic
  arrivals: %(arrivals)s
  duration: 30 s
  warm_up: 6 s
  clients:
    - {name: a, tenant: 1, slo_class: fast, prompt: {kind: uniform, min: 50, max: 900}, output: %(output)s, prefix: {groups: 20, tokens: 700}}
    - {name: b, tenant: 2, slo_class: slow, prompt: {kind: uniform, min: 50, max: 900}, output: %(output)s}
  slo: {fast: {ttft: %(ttft)s}, slow: {ttft: %(ttft)s}}
"""
SESSIONS = """\
schema: 1
name: sums
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve: {instances: 2, parallel: {tensor: 1}}
workload:
  kind: synthetic
  arrivals: {kind: poisson, rate: 2 /s}
  duration: 20 s
  clients:
    - name: chat
      prompt: {kind: constant, tokens: 300}
      output: {kind: constant, tokens: 40}
      session: {turns: {kind: uniform, min: 2, max: 4}, append: {kind: constant, tokens: 50}, think: {kind: constant, time: 1 s}}
"""
PIPELINE = """\
schema: 1
name: sums
topology: hgx-h100
llm: llama-3.1-70b
pools:
  serve: {instances: 1, parallel: {tensor: 1, pipeline: 8}, precision: {weights: int8}}
workload:
  kind: synthetic
  arrivals: {kind: closed_loop, concurrency: 128}
  prompt: {kind: constant, tokens: 500}
  output: {kind: constant, tokens: 100}
  requests: 400
"""
FEW = "{kind: constant, tokens: 20}"
MANY = "{kind: constant, tokens: 500}"


class Sums(CliTest):
    def played(self, text, *options):
        """Summary, rows and table."""
        self.write("a.yaml", text)
        table = self.works("run", "a.yaml", "--out", "out", *options)
        summary = json.loads((self.here / "out/sums/summary.json").read_text())
        with open(self.here / "out/sums/requests.csv", newline="", encoding="utf-8") as rows:
            return summary, list(csv.DictReader(rows)), table

    def test_caches_found_what_measured_requests_had_in_them(self):
        # Of all that came after warm-up, those too that came last and ended when nothing came any more: in the pool,
        # in the tenants, in the rows. The cache is small enough to evict, tenants' prompts long enough to be preempted.
        text = EXPERIMENT % {"blocks": 1200, "arrivals": "{kind: poisson, rate: 7 /s}", "output": MANY, "ttft": "9 s"}
        summary, rows, table = self.played(text)
        measured = [row for row in rows if float(row["arrival_s"]) >= 6.0 and row["ending"] == "answered"]
        self.assertLess(len(measured), len(rows))
        asked = sum(int(row["prompt_tokens"]) for row in measured)
        found = sum(int(row["cached_tokens"]) for row in measured)
        cache = summary["pools"][0]["prefix_cache"]
        self.assertEqual((cache["asked_tokens"], cache["found_tokens"]), (asked, found))
        self.assertEqual(cache["hit_rate_tokens"], found / asked)
        self.assertEqual(cache["asked_blocks"], sum(int(row["prompt_tokens"]) // 16 for row in measured))
        self.assertEqual(cache["found_blocks"], found // 16)  # vLLM finds whole blocks
        self.assertEqual(sum(tenant["prompt_tokens"] for tenant in summary["tenants"]), asked)
        self.assertEqual(sum(tenant["cached_tokens"] for tenant in summary["tenants"]), found)
        self.assertIn(f"{found / asked:.4f}"[1:], table)
        last_arrival = max(float(row["arrival_s"]) for row in rows)
        self.assertGreater(sum(float(row["admitted_s"]) > last_arrival for row in measured), 10)

    def test_no_more_is_good_than_is_answered(self):
        # An overloaded instance answers far fewer requests in the window than come in it. All are good by these targets.
        text = EXPERIMENT % {"blocks": 1200, "arrivals": "{kind: poisson, rate: 7 /s}", "output": MANY, "ttft": "9 h"}
        summary, rows, _ = self.played(text, "--set", "workload.slo.fast.tpot=1 h", "--set", "workload.slo.slow.tpot=1 h")
        end = 6.0 + summary["window_s"]
        self.assertEqual(summary["window_end"], "last_arrival")
        self.assertAlmostEqual(end, max(float(row["arrival_s"]) for row in rows), places=8)
        ended = sum(6.0 < float(row["last_token_s"]) < end for row in rows)
        self.assertLess(ended, 0.8 * summary["requests"]["measured"])
        self.assertAlmostEqual(summary["throughput"]["requests_per_s"], ended / summary["window_s"])
        self.assertEqual(summary["goodput"]["requests_per_s"], summary["throughput"]["requests_per_s"])
        self.assertLessEqual(summary["goodput"]["output_tokens_per_s"], summary["throughput"]["output_tokens_per_s"])
        self.assertEqual(summary["goodput"]["share"], 1.0)
        classes = summary["goodput"]["classes"]
        self.assertAlmostEqual(sum(one["requests_per_s"] for one in classes), summary["goodput"]["requests_per_s"])

    def test_good_requests_are_those_of_the_window_that_met_their_targets(self):
        text = EXPERIMENT % {"blocks": 1200, "arrivals": "{kind: poisson, rate: 7 /s}", "output": MANY, "ttft": "2 s"}
        summary, rows, _ = self.played(text, "--set", "workload.slo.fast.tpot=30 ms", "--set", "workload.slo.slow.tpot=30 ms")
        end = 6.0 + summary["window_s"]
        good = sum(6.0 < float(row["last_token_s"]) < end and float(row["ttft_s"]) <= 2.0 and float(row["tpot_s"]) <= 0.03
                   for row in rows)
        self.assertGreater(good, 10)
        self.assertAlmostEqual(summary["goodput"]["requests_per_s"], good / summary["window_s"])
        self.assertLess(summary["goodput"]["requests_per_s"], summary["throughput"]["requests_per_s"])

    def test_a_window_says_where_it_ends(self):
        # Of a closed loop the last arrival is an answer's end before the one at which a user finds nothing more to send.
        text = EXPERIMENT % {"blocks": 9000, "arrivals": "{kind: closed_loop, concurrency: 8}", "output": MANY, "ttft": "1 s"}
        summary, rows, table = self.played(text)
        self.assertEqual((summary["window_end"], summary["window_to_last_arrival"]), ("end_of_sending", False))
        self.assertGreater(6.0 + summary["window_s"], max(float(row["arrival_s"]) for row in rows))
        self.assertIn("to the end of sending", " ".join(table.split()))
        text = EXPERIMENT % {"blocks": 9000, "arrivals": "{kind: poisson, rate: 4 /s}", "output": FEW, "ttft": "1 s"}
        summary, rows, table = self.played(text)
        self.assertEqual((summary["window_end"], summary["window_to_last_arrival"]), ("last_arrival", True))
        self.assertIn("to the last arrival", " ".join(table.split()))

    def test_turns_of_a_session_wait_for_the_answer_to_the_one_before(self):
        _, rows, _ = self.played(SESSIONS)
        sessions = {}
        for row in (row for row in rows if row["session"]):
            turns = sessions.setdefault(row["session"], [])
            self.assertEqual(int(row["turn"]), len(turns))
            if turns:
                self.assertAlmostEqual(float(row["arrival_s"]), float(turns[-1]["last_token_s"]) + 1.0, places=8)
            turns.append(row)
        self.assertEqual(max(len(turns) for turns in sessions.values()), 4)
        self.assertGreater(len(sessions), 20)

    def test_rows_without_sessions_name_none(self):
        text = EXPERIMENT % {"blocks": 9000, "arrivals": "{kind: poisson, rate: 4 /s}", "output": FEW, "ttft": "1 s"}
        _, rows, _ = self.played(text)
        self.assertEqual({(row["session"], row["turn"]) for row in rows}, {("", "")})

    def test_what_is_priced_outside_of_what_was_measured_is_a_share_of_steps_in_a_pipeline_too(self):
        priced = self.played(PIPELINE)[0]["pools"][0]["priced"]
        self.assertGreater(priced["outside_measured"], 0.5)  # products in INT8 are measured on no H100
        self.assertLessEqual(priced["outside_measured"], 1.0)
        self.assertLess(sum(priced["outside_by_family"].values()), 1.0 + 1e-6)  # families are rounded one by one


if __name__ == "__main__":
    main()
