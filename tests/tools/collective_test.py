#!/usr/bin/env python3
"""`tokenyard collective`: the table it prints, and how it refuses."""
from tokenyard_cli import CliTest, main


def rows(table):
    return [line.split() for line in table.splitlines()[2:]]


class Collective(CliTest):
    def test_a_table_has_a_row_a_size_and_longer_ones_below(self):
        table = rows(self.works("collective", "--topology", "hgx-h100", "--ranks", "8"))
        times = [float(row[1]) for row in table]
        self.assertEqual(times, sorted(times))
        self.assertEqual({"one-shot", "two-shot", "in-network"}, {row[3] for row in table})

    def test_one_size_and_one_library(self):
        table = rows(self.works("collective", "--topology", "dgx-a100", "--op", "all_gather", "--ranks", "4",
                                "--bytes", "64 MiB"))
        self.assertEqual(["67108864", "ring"], [table[0][0], table[0][3]])

    def test_an_exchange_is_by_tokens(self):
        table = rows(self.works("collective", "--topology", "gb200-nvl72", "--op", "dispatch", "--ranks", "64",
                                "--tokens", "128"))
        self.assertEqual(["128", "trtllm-one-sided"], [table[0][0], table[0][3]])

    def test_what_one_rank_sends_to_another_goes_directly(self):
        for op in ("send", "all_to_all"):
            table = rows(self.works("collective", "--topology", "hgx-h100", "--op", op, "--bytes", "1 MiB"))
            self.assertEqual("direct", table[0][3])

    def test_nothing_runs_between_sites(self):
        for op in ("all_reduce", "send", "all_gather", "dispatch"):
            self.assertIn("collectives do not run between sites", self.refused(
                "collective", "--topology", "two-sites", "--op", op, "--ranks", "64"))

    def test_what_is_not_heard_is_refused(self):
        small = ("collective", "--topology", "hgx-h100")
        for size in ("-1 KiB", "0 B", "1e30 B"):
            self.assertIn("is out of range", self.refused(*small, f"--bytes={size}"))
        self.assertIn("--tokens: has no meaning for all_reduce", self.refused(*small, "--tokens", "8"))
        self.assertIn("--bytes: has no meaning for dispatch", self.refused(*small, "--op", "dispatch", "--bytes", "1 KiB"))
        self.assertIn("--top-k", self.refused(*small, "--op", "dispatch", "--top-k", "513"))

    def test_ranks_beyond_an_engines_kernels_take_no_longer_for_less(self):
        pod = ("--set", "nodes=2304", "--set", "planes.ici.dims=16x24x24")
        for machine, ranks, more in (("tpu-v7-pod", "9216", pod), ("gb200-nvl72", "72", ())):
            table = rows(self.works("collective", "--topology", machine, "--ranks", ranks, *more))
            times = [float(row[1]) for row in table]
            self.assertEqual(times, sorted(times))
            self.assertFalse({"one-shot", "two-shot"} & {row[3].rstrip(",") for row in table})

    def test_latency_of_a_domain_is_in_the_time(self):
        for machine, plane in (("tpu-v7-pod", "ici"), ("hgx-h100", "nvlink")):
            for op in ("all_reduce", "all_gather", "all_to_all", "send", "dispatch"):
                what = ("--tokens", "8") if op == "dispatch" else ("--bytes", "1 KiB")
                asked = ("collective", "--topology", machine, "--op", op, *what)
                near = rows(self.works(*asked))
                far = rows(self.works(*asked, "--set", f"planes.{plane}.latency=1 ms"))
                self.assertGreater(float(far[0][1]), float(near[0][1]) + 900)

    def test_refusals_name_what_there_is(self):
        self.assertIn("--set groups.prefill.nodes=N makes it larger", self.refused(
            "collective", "--topology", "supernode-1024", "--ranks", "2048"))
        self.assertIn("is 'hgx-h100' meant?", self.refused("collective", "--topology", "hgx-h10"))
        self.assertIn("there are: nccl-2.29", self.refused("collective", "--topology", "hgx-h100", "--op", "all_gather",
                                                           "--software", "nccl"))
        self.assertIn("has 8 h100-sxm chips", self.refused("collective", "--topology", "hgx-h100", "--ranks", "9",
                                                           "--set", "nodes=1"))
        self.assertIn("--op sum", self.refused("collective", "--topology", "hgx-h100", "--op", "sum"))


if __name__ == "__main__":
    main()
