#!/usr/bin/env python3
"""What a pool of KV blocks gives a prefill side, beside what CloudMatrix384's paper reports of its own (EMS).

    pool_test.py PROGRAM [-k PATTERN]

arXiv 2506.12708: at 50 % reuse of 4,096-token prompts 1.42 times the prefill throughput and 34 % less TTFT, at 90 % 2.28
times and 59 %. With reads at the rate of the links the simulator meets the throughput of the first, misses its TTFT, and is
far too fast at the second. A bound on reads, taken from the throughput at 90 %, leaves the first as it is: see docs/engines.md."""

import json

from tokenyard_cli import ROOT, CliTest, main

CONFIG = ROOT / "configs/validation/cloudmatrix-ems.yaml"
WITHIN = 0.15
NINETY = ("workload.clients.0.prompt.tokens=410", "workload.clients.0.prefix.tokens=3686")
# 2.28 times the 6,027 tokens/s a chip without reuse are 3.35 prompts, 3,686 of whose tokens are read: 70,272 bytes each
# (576 latents of 2 bytes in 61 layers), 0.87 GB/s a chip.
EFFECTIVE = ("topology.stores.ems=~", "topology.stores.storage=~",
             "pools.prefill.engine.cache.tiers=[{kind: pool, capacity: 20 TB, read: 13.9 GB/s, write: 4384 GB/s, "
             "policy: write_through}]")


class Pool(CliTest):
    def summary(self, name, *settings):
        words = [word for setting in settings for word in ("--set", setting)]
        self.works("run", CONFIG, "--out", self.here / name, *words)
        return json.loads((self.here / name / "cloudmatrix-ems/summary.json").read_text())

    def gain(self, *settings):
        """(times the throughput, share of TTFT saved) against no reuse; all that is found comes from the pool."""
        alone = self.summary("alone", "workload.clients.0.prefix=~", "workload.clients.0.prompt.tokens=4096")
        reused = self.summary("reused", *settings)
        cache = reused["pools"][0]["prefix_cache"]
        self.assertGreater(cache["pool"]["found_tokens"], 0.95 * cache["found_tokens"])  # not by the chips' own memory
        faster = reused["throughput"]["prompt_tokens_per_s"] / alone["throughput"]["prompt_tokens_per_s"]
        sooner = 1.0 - reused["latency"]["ttft"]["mean_s"] / alone["latency"]["ttft"]["mean_s"]
        print(f"hit rate {cache['hit_rate_tokens']:.3f}, throughput x {faster:.3f}, TTFT - {sooner:.3f}")
        return cache["hit_rate_tokens"], faster, sooner

    def test_half_of_every_prompt_reused(self):
        hits, faster, sooner = self.gain()
        self.assertGreater(hits, 0.48)
        self.assertLess(abs(faster / 1.42 - 1.0), WITHIN)
        # A miss of the 15 %, told in docs/engines.md: 25 % less TTFT and not 34 %, since prompts without reuse are 17 %
        # too fast; what is left of TTFT is 13 % too long.
        self.assertLess(sooner, 0.34 * (1.0 - WITHIN))
        self.assertLess((1.0 - sooner) / 0.66 - 1.0, WITHIN)

    def test_a_bound_on_reads_that_meets_nine_tenths_leaves_half_as_it_is(self):
        _, faster, sooner = self.gain(*EFFECTIVE)
        self.assertLess(abs(faster / 1.42 - 1.0), WITHIN)
        self.assertLess((1.0 - sooner) / 0.66 - 1.0, WITHIN)
        # The rate comes from the reported throughput; over a base that is 17 % too fast it gives 1.98 times and not
        # 2.28, and 50 % less TTFT and not 59 %, a miss told in docs/engines.md.
        hits, faster, sooner = self.gain(*EFFECTIVE, *NINETY)
        self.assertGreater(hits, 0.88)
        self.assertLess(abs(faster / 2.28 - 1.0), WITHIN)
        self.assertLess(abs(sooner - 0.59), 0.10)

    def test_at_the_rate_of_the_links_nine_tenths_of_reuse_are_far_faster_than_reported(self):
        # A miss, told in docs/engines.md; whoever finds what is missing will see it here.
        _, faster, sooner = self.gain(*NINETY)
        self.assertGreater(faster / 2.28, 1.8)
        self.assertGreater(sooner, 0.75)


if __name__ == "__main__":
    main()
