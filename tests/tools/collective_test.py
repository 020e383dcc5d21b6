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

    def test_refusals_name_what_there_is(self):
        self.assertIn("is 'hgx-h100' meant?", self.refused("collective", "--topology", "hgx-h10"))
        self.assertIn("there are: nccl-2.29", self.refused("collective", "--topology", "hgx-h100", "--op", "all_gather",
                                                           "--software", "nccl"))
        self.assertIn("has 8 h100-sxm chips", self.refused("collective", "--topology", "hgx-h100", "--ranks", "9",
                                                           "--set", "nodes=1"))
        self.assertIn("--op sum", self.refused("collective", "--topology", "hgx-h100", "--op", "sum"))


if __name__ == "__main__":
    main()
