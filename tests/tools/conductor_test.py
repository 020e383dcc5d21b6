#!/usr/bin/env python3
"""Routers that expect latencies and prompts that skip the prefill pool, through the experiment file.

    conductor_test.py PROGRAM [-k PATTERN]"""

import csv
import json

from tokenyard_cli import CliTest, main

APART = """\
schema: 1
name: apart
topology: hgx-h100
llm: llama-3.1-8b
kv_transfer: {non_cached_tokens: 64}
pools:
  p:
    role: prefill
    instances: 2
    parallel: {tensor: 1}
    router: {kind: mooncake, view: events, copy_threshold: 2, reject: true}
    engine: {prefix_caching: true}
  d:
    role: decode
    instances: 2
    parallel: {tensor: 1}
    router: {kind: mooncake, view: events}
    engine: {prefix_caching: true}
workload:
  kind: synthetic
  arrivals: {kind: poisson, rate: 60 /s}
  clients:
    - name: hot
      prompt: {kind: uniform, min: 10, max: 4000}
      output: {kind: constant, tokens: 20}
      prefix: {groups: 10, tokens: 2048}
  slo: {default: {ttft: 0.3 s, tpot: 30 ms}}
  duration: 20 s
"""


class Conductor(CliTest):
    def played(self, *settings):
        self.write("a.yaml", APART)
        words = [word for setting in settings for word in ("--set", setting)]
        self.works("run", "a.yaml", "--out", "out", *words)
        summary = json.loads((self.here / "out/apart/summary.json").read_text())
        with open(self.here / "out/apart/requests.csv", newline="", encoding="utf-8") as rows:
            return summary, list(csv.DictReader(rows))

    def test_requests_are_answered_or_rejected_and_each_has_a_row(self):
        summary, rows = self.played()
        requests = summary["requests"]
        rejected = requests["given_up"]["rejected"]
        self.assertGreater(rejected, 50)
        self.assertEqual(requests["arrived"], requests["finished"] + rejected)
        self.assertEqual(requests["arrived"], len(rows))
        self.assertEqual(rejected, sum(row["ending"] == "rejected" for row in rows))
        self.assertGreater(summary["pools"][0]["prefix_cache"]["copied_blocks"], 0)

    def test_without_rejection_all_are_answered_and_later(self):
        some, _ = self.played()
        all_of_them, rows = self.played("pools.p.router.reject=false")
        self.assertNotIn("given_up", all_of_them["requests"])
        self.assertEqual(all_of_them["requests"]["finished"], len(rows))
        self.assertGreater(all_of_them["latency"]["ttft"]["p99_s"], some["latency"]["ttft"]["p99_s"])

    def test_short_remainders_of_prompts_skip_the_prefill_pool(self):
        _, rows = self.played()
        skipped = [row for row in rows if row["prefill_instance"] in ("2", "3")]
        self.assertGreater(len(skipped), 0)
        for row in skipped:
            self.assertLess(int(row["prompt_tokens"]) - int(row["cached_tokens"]), 64)
            self.assertEqual(row["prefill_instance"], row["decode_instance"])
            self.assertEqual(float(row["kv_transfer_s"]), 0.0)
        _, none = self.played("kv_transfer.non_cached_tokens=0")
        self.assertFalse([row for row in none if row["prefill_instance"] in ("2", "3")])

    def test_a_high_threshold_copies_nothing(self):
        summary, _ = self.played("pools.p.router.copy_threshold=1000000", "pools.p.router.reject=false")
        # Only an instance that has nothing at all is given a copy.
        few = summary["pools"][0]["prefix_cache"].get("copied_blocks", 0)
        many, _ = self.played("pools.p.router.reject=false")
        self.assertLessEqual(few, many["pools"][0]["prefix_cache"]["copied_blocks"])


if __name__ == "__main__":
    main()
