#!/usr/bin/env python3
"""Tiers behind prefix caches by each engine's rules, through the experiment file.

    tiers_test.py PROGRAM [-k PATTERN]"""

import json

from tokenyard_cli import CliTest, main

# 2,000 blocks of 16 tokens hold 16 of the 40 beginnings: the others come from below or are computed again.
TIERS = """\
schema: 1
name: tiers
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve:
    instances: 2
    parallel: {tensor: 1}
    engine:
      kind: sglang
      page_size: 16
      blocks: 2000
      prefix_caching: true
      cache:
        tiers:
          - {kind: host, capacity: 6 GB, policy: write_through}
          - {kind: pool, capacity: 200 GB}
workload:
  kind: synthetic
  arrivals: {kind: poisson, rate: 8 /s}
  clients:
    - name: hot
      prompt: {kind: uniform, min: 10, max: 200}
      output: {kind: constant, tokens: 10}
      prefix: {groups: 40, tokens: 2000}
  duration: 60 s
"""
CACHE = "pools.serve.engine.cache."
HOST_ALONE = CACHE + "tiers=[{kind: host, capacity: 20 GB, policy: %s}]"


def mooncake_row(second, names):
    """20,480 tokens, 40 blocks of 512."""
    return json.dumps({"timestamp": 1000 * second, "input_length": 20480, "output_length": 2, "hash_ids": names}) + "\n"


class Tiers(CliTest):
    def cache(self, *settings):
        self.write("a.yaml", TIERS)
        words = [word for setting in settings for word in ("--set", setting)]
        self.works("run", "a.yaml", "--out", "out", *words)
        pool = json.loads((self.here / "out/tiers/summary.json").read_text())["pools"][0]
        return pool["prefix_cache"]

    def test_the_longer_a_request_waits_for_the_pool_the_more_it_finds(self):
        # 125 blocks, 262 MB, are one batch: 5 ms and more from the pool, longer where other batches are in the way.
        best, timed, whole = (self.cache(CACHE + "prefetch=" + policy, CACHE + "prefetch_timeout_base=10 ms",
                                         CACHE + "prefetch_timeout_per_1024=0 s")
                              for policy in ("best_effort", "timeout", "wait_complete"))
        self.assertLess(best["hit_rate_tokens"], timed["hit_rate_tokens"])
        self.assertLess(timed["hit_rate_tokens"], whole["hit_rate_tokens"])
        self.assertGreater(whole["host"]["found_tokens"], 0)
        self.assertEqual(whole["pool"]["found_tokens"], 0)  # what it has comes by way of the host
        self.assertGreater(whole["pool"]["read_blocks"], best["pool"]["read_blocks"])

    def test_time_outs_of_requests_that_have_long_left_hurt_nobody(self):
        # Their numbers are used again by requests of other instances.
        found = self.cache("pools.serve.instances=8", "workload.arrivals.rate=40 /s")
        self.assertGreater(found["pool"]["read_blocks"], 10_000)

    def test_steps_that_load_and_steps_that_are_flows_go_together(self):
        # On links that carry little else, flows end when they were expected to: every byte and ns counts whole.
        for kind, size in (("sglang", "page_size"), ("tensorrt_llm", "tokens_per_block")):
            with self.subTest(kind=kind):
                ttft = []
                for fidelity in ("step", "flow"):
                    found = self.cache(f"pools.serve.engine={{kind: {kind}, {size}: 16, blocks: 2000, "
                                       "prefix_caching: true, cache: {tiers: [{kind: host, capacity: 20 GB}]}}",
                                       "pools.serve.parallel.tensor=2", f"network.fidelity={fidelity}")
                    self.assertGreater(found["host"]["read_blocks"], 10_000)
                    summary = json.loads((self.here / "out/tiers/summary.json").read_text())
                    ttft.append(summary["latency"]["ttft"]["mean_s"])
                self.assertAlmostEqual(ttft[1] / ttft[0], 1.0, delta=1e-4)

    def test_held_steps_are_the_same_one_by_one(self):
        # In a pipeline, with attention ranks, and where a chunk's KV is sent at the end of its step.
        trtllm = "pools.serve.engine={kind: tensorrt_llm, tokens_per_block: 16, blocks: 2000, prefix_caching: true, " \
                 "cache: {tiers: [{kind: host, capacity: 20 GB}]}}"
        apart = "pools.decode={role: decode, parallel: {tensor: 1}, engine: {kind: sglang, page_size: 16}}"
        for settings in ((trtllm, "pools.serve.parallel={pipeline: 2}"),
                         ("pools.serve.parallel={attention_data: 4, expert: 4}", "llm=mixtral-8x7b",
                          "workload.arrivals.rate=30 /s"),
                         ("pools.serve.role=prefill", apart, "topology={base: hgx-h100, nodes: 2}")):
            with self.subTest(settings=settings):
                rows = []
                for option in ((), ("--step-by-step",)):
                    self.write("a.yaml", TIERS)
                    words = [word for setting in settings for word in ("--set", setting)]
                    self.works("run", "a.yaml", "--out", "out", *option, *words)
                    rows.append((self.here / "out/tiers/requests.csv").read_bytes())
                self.assertEqual(rows[0], rows[1])
                pool = json.loads((self.here / "out/tiers/summary.json").read_text())["pools"][0]["prefix_cache"]
                self.assertGreater(pool["host"]["read_blocks"], 1_000)

    def test_what_is_below_the_threshold_is_not_read_ahead(self):
        none = self.cache(CACHE + "prefetch=wait_complete", CACHE + "prefetch_threshold=100000")
        self.assertEqual(none["pool"]["read_blocks"], 0)

    def test_more_than_a_step_holds_is_fetched_where_that_is_faster(self):
        # vLLM's steps hold 8,192 tokens. The third prompt shares 39 names of 512 tokens with the first: 19,968 tokens,
        # 1,248 blocks. Of the 1,500 on the chip the second prompt and its output take 1,281: 219 are left of the first
        # one's beginning, 1,029 come from the host.
        first = list(range(1, 41))
        rows = [(0, first), (20, list(range(101, 141))), (40, first[:39] + [900])]
        self.write("c.jsonl", "".join(mooncake_row(second, names) for second, names in rows))
        self.write("a.yaml", TIERS[:TIERS.index("workload:")] + "workload: {kind: trace, trace: {path: c.jsonl}}\n")
        for fetch in ("when_faster", "always"):
            with self.subTest(fetch=fetch):
                self.works("run", "a.yaml", "--out", "out", "--set", "pools.serve.instances=1", "--set",
                           "pools.serve.engine={prefix_caching: true, blocks: 1500, "
                           "cache: {fetch: %s, tiers: [{kind: host}]}}" % fetch)
                rows = (self.here / "out/tiers/requests.csv").read_text().splitlines()
                column = rows[0].split(",").index("cached_tokens")
                self.assertEqual([row.split(",")[column] for row in rows[1:]], ["0", "0", "19968"])
                pool = json.loads((self.here / "out/tiers/summary.json").read_text())["pools"][0]
                self.assertEqual(pool["prefix_cache"]["host"]["read_blocks"], 1029)

    def test_write_policies_show_in_what_is_written(self):
        through, selective, back = (self.cache(HOST_ALONE % policy)["host"]
                                    for policy in ("write_through", "selective", "write_back"))
        self.assertGreater(through["written_blocks"], selective["written_blocks"])
        self.assertGreater(selective["written_blocks"], 0)
        self.assertGreater(back["written_blocks"], 0)
        self.assertGreaterEqual(through["found_tokens"], selective["found_tokens"])

    def test_a_load_back_threshold_above_all_prompts_loads_nothing(self):
        cache = self.cache(HOST_ALONE % "write_through", CACHE + "load_back_threshold=100000")
        self.assertEqual(cache["host"]["read_blocks"], 0)

    def test_every_engine_finds_in_host_memory_what_its_chips_have_lost(self):
        host = "{kind: host, capacity: 20 GB}"
        for kind, size in (("vllm", "block_tokens"), ("sglang", "page_size"), ("tensorrt_llm", "tokens_per_block")):
            with self.subTest(kind=kind):
                found = self.cache(f"pools.serve.engine={{kind: {kind}, {size}: 16, blocks: 2000, prefix_caching: true, "
                                   f"cache: {{tiers: [{host}]}}}}")["host"]
                self.assertGreater(found["found_tokens"], 0)
                self.assertGreaterEqual(found["read_blocks"] * 16, found["found_tokens"])


if __name__ == "__main__":
    main()
