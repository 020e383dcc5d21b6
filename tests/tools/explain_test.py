#!/usr/bin/env python3
"""`tokenyard explain`: its tables and its JSON tell of the same step."""
import json

from tokenyard_cli import SMALL, CliTest, main

# 128 sequences, so that a graph holds them without padding.
ASKED = ("explain", "small.yaml", "--decodes", "128", "--context", "2000")
LLAMA_8B = {"layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "ffn": 14336, "vocab": 128256}


class Explain(CliTest):
    def setUp(self):
        super().setUp()
        self.write("small.yaml", SMALL)

    def test_a_line_of_the_table_is_one_of_the_json(self):
        step = json.loads(self.works(*ASKED, "--json"))["steps"][0]
        table = [line for line in self.works(*ASKED).splitlines() if line.startswith("  ")]
        for line in step["lines"]:
            row = next(text for text in table if text.startswith("  " + line["name"] + " "))
            cells = row[26:].split()
            self.assertAlmostEqual(1e3 * line["time_s"], float(cells[0]), delta=0.0006)
            if line["chip_work"] is None:
                self.assertEqual(["-"] * 4, cells[2:])
                continue
            self.assertAlmostEqual(1e-6 * line["chip_work"]["bytes"], float(cells[3]), delta=0.0006)
            self.assertAlmostEqual(line["chip_work"]["memory_bandwidth_share"], float(cells[5]), delta=0.0001)

    def test_the_figures_are_those_of_the_model(self):
        step = json.loads(self.works(*ASKED, "--json"))["steps"][0]
        work = {line["name"]: line["chip_work"] for line in step["lines"]}
        m = LLAMA_8B
        tokens, chips = 128, 2
        qkv = (m["heads"] + 2 * m["kv_heads"]) * m["head_dim"] // chips
        self.assertEqual(2 * tokens * m["hidden"] * qkv * m["layers"], work["qkv"]["flop"])
        # BF16: weights, activations, results.
        self.assertEqual(2 * m["layers"] * (m["hidden"] * qkv + tokens * m["hidden"] + tokens * qkv),
                         work["qkv"]["bytes"])
        # Every decode reads keys and values of 2,000 tokens; queries and outputs besides.
        cache = tokens * 2000 * 2 * m["kv_heads"] // chips * m["head_dim"] * 2
        queries = 2 * tokens * m["heads"] // chips * m["head_dim"] * 2
        self.assertEqual(m["layers"] * (cache + queries), work["decode attention"]["bytes"])
        # All products of a token but its share of both chips, and 4 FLOP a head, element and cached token.
        parameters = m["layers"] * (2 * m["hidden"] * m["hidden"] + 2 * m["hidden"] * m["kv_heads"] * m["head_dim"]
                                    + 3 * m["hidden"] * m["ffn"]) + m["hidden"] * m["vocab"]
        attention = 4 * m["layers"] * m["heads"] * m["head_dim"] * 2000
        self.assertAlmostEqual(1.0, tokens * (2 * parameters + attention) / chips / step["chip_work"]["flop"], places=9)


if __name__ == "__main__":
    main()
