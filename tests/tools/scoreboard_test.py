#!/usr/bin/env python3
"""tools/scoreboard.py: what README says of accuracy is what validate wrote.

    scoreboard_test.py PROGRAM"""

import sys
import unittest

from tokenyard_cli import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import scoreboard  # noqa: E402


def point(model, error, trap="", engine="vllm", ttft=""):
    return {"model": model, "engine": engine, "fate": "played", "tpot_error": str(error), "tpot_trap": trap,
            "ttft_error": ttft, "ttft_trap": ""}


def line(metric, n, median, **more):
    return {"model": "m", "chip": "h100-sxm", "precision": "fp8", "engine": "trtllm P/D", "metric": metric, "n": str(n),
            "all_n": "9", "median": str(median), "p90": "0.2", "bias": "-0.06", **more}


ROWS = [point("llama-3.1-8b", error, ttft="0.3") for error in (-0.02, 0.04, -0.06, -0.08)]
ROWS += [point("mixtral", 0.5, ttft="-0.1"), point("mixtral", 9.0, trap="means something else")]
ROWS += [point("mixtral", -0.11, engine="sglang P/D", ttft="1")]
README = """before
| InferenceX, dense | old |
| InferenceX, MoE | old |
| InferenceX, prefill and decode apart | old |

| model | chip | format | engine | points | more |
|---|---|
| old | old |
| older | old |

after
"""


class Scoreboard(unittest.TestCase):
    def test_a_set_is_judged_by_medians_of_what_its_columns_mean(self):
        lines = scoreboard.set_lines(ROWS)
        # |-.02| .04 |-.06| |-.08|: median .05, the fourth of four is the 90th percentile; with signs -.04.
        self.assertEqual(lines["| InferenceX, dense |"],
                         "| InferenceX, dense | 4 | 0.050 | 0.080 | -0.040 | 0.05, bias 0.04: met | 0.300 | +0.300 | 0.15, missed |")
        self.assertEqual(lines["| InferenceX, MoE |"],
                         "| InferenceX, MoE | 1 | 0.500 | 0.500 | +0.500 | 0.09, bias 0.04: missed | 0.100 | -0.100 | 0.15, met |")
        self.assertEqual(lines["| InferenceX, prefill and decode apart |"],
                         "| InferenceX, prefill and decode apart | 1 | 0.110 | 0.110 | -0.110 | 0.12, met | 1.000 | +1.000 | - |")

    def test_the_table_has_what_has_five_points_and_the_rest_of_the_page_stays(self):
        board = [line("TPOT", 5, 0.07), line("TTFT", 0, 0.0), line("TPOT", 4, 0.01, model="few")]
        text = scoreboard.renew_readme(README, ROWS, board)
        self.assertIn("|---|---|\n| m | H100 | fp8 | TensorRT-LLM, P/D | 5 of 9 | 0.070 | 0.200 | -0.060 | - | - |\n\nafter\n", text)
        self.assertTrue(text.startswith("before\n| InferenceX, dense | 4 |"))
        self.assertNotIn("old", text)
        self.assertNotIn("few", text)

    def test_the_document_takes_the_tables_as_they_were_printed(self):
        page = "x\n## Scoreboard\n\n```\nold\n```\ny\n"
        printed = "9 rows\n\nTPOT  n\n  a 1\n\nTTFT  n\n  a 2\n\ncounted\n  rest\n"
        self.assertEqual(scoreboard.renew_document(page, printed), "x\n## Scoreboard\n\n```\nTPOT  n\n  a 1\n\nTTFT  n\n  a 2\n```\ny\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
