#!/usr/bin/env python3
"""`tokenyard claims`: verdicts come from runs, a mistake names file and key, one failing claim leaves the others, and
docs/claims.md is what the program writes.

    claims_test.py PROGRAM [-k PATTERN]"""

import json
import re

from tokenyard_cli import ROOT, CliTest, main

EXPERIMENT = """\
schema: 1
name: tiny
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve: {}
workload:
  kind: synthetic
  arrivals: {kind: closed_loop, concurrency: 1}
  prompt: {kind: constant, tokens: 128}
  output: {kind: constant, tokens: 16}
  requests: 2
"""

CLAIM = """\
claim: An eight billion model has 16 GB of weights
quote: sixteen
document: none.txt
measured: bytes
fair: it is counted
runs:
  tiny: {experiment: tiny.yaml, explain: {decodes: 1, context: 128}}
  many: {experiment: tiny.yaml, sweep: {key: workload.prompt.tokens, values: [128, 256]}}
tests:
  - what: weights
    value: tiny.serve.weights_bytes
    unit: GB
    claimed: {from: 15, to: 17}
"""

# Claims whose figures are counted: no change of a step's price moves them.
COUNTED = ["S2-24", "S3-11", "S3-22"]


class Claims(CliTest):
    def folder(self, name, text):
        folder = self.here / "claims" / name
        folder.mkdir(parents=True)
        (folder / "tiny.yaml").write_text(EXPERIMENT)
        (folder / "claim.yaml").write_text(text)
        return folder

    def wrong(self, old, new, place, told):
        """CLAIM with one thing changed is refused at that place, by one line, and nothing is counted as supported."""
        self.assertIn(old, CLAIM)
        self.folder("A", CLAIM.replace(old, new))
        done = self.tokenyard("claims", "--claims", "claims", "--out", "out")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertTrue(done.stderr.startswith(f"claims/A/claim.yaml:{place}"), done.stderr)
        self.assertIn(told, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_claim_is_judged_by_its_runs(self):
        self.folder("A", CLAIM)
        self.folder("B", CLAIM.replace("from: 15, to: 17", "from: 30, to: 40"))
        out = self.works("claims", "--claims", "claims", "--out", "out", "-j", "1")
        self.assertRegex(out, r"(?m)^A +supported +weights 16\.\d+ GB, claimed 15\.00 to 17\.00 GB$")
        self.assertRegex(out, r"(?m)^B +contradicted ")
        rows = json.loads((self.here / "out/claims.json").read_text())["claims"]
        self.assertEqual([row["verdict"] for row in rows], ["supported", "contradicted"])
        self.assertAlmostEqual(rows[0]["tests"][0]["values"][0]["value"], 16.06, delta=0.05)  # 8.03 G of 2 bytes
        again = self.works("claims", "--claims", "claims", "--out", "again", "-j", "2")
        self.assertEqual(again.replace("again", "out"), out)
        self.assertEqual((self.here / "again/claims.md").read_bytes(), (self.here / "out/claims.md").read_bytes())

    def test_it_depends_where_a_variant_flips_it(self):
        variants = "variants:\n  - {name: in FP8, set: [pools.serve.precision.weights=fp8]}\ntests:\n"
        self.folder("A", CLAIM.replace("tests:\n", variants))
        out = self.works("claims", "--claims", "claims", "--out", "out")
        self.assertIn("weights: holds as run; not in FP8", out)
        self.assertRegex(out, r"(?m)^A +depends ")

    def test_a_variant_of_runs_that_a_test_does_not_read_adds_no_value(self):
        variants = "variants:\n  - {name: in FP8, runs: [many], set: [pools.serve.precision.weights=fp8]}\ntests:\n"
        self.folder("A", CLAIM.replace("tests:\n", variants))
        self.works("claims", "--claims", "claims", "--out", "out")
        values = json.loads((self.here / "out/claims.json").read_text())["claims"][0]["tests"][0]["values"]
        self.assertEqual([value["set_up"] for value in values], [None])

    def test_a_missing_field(self):
        self.wrong("quote: sixteen\n", "", "1:1: quote: required", "document's own words")

    def test_a_measure_that_does_not_exist(self):
        self.wrong("tiny.serve.weights_bytes", "tiny.serve.weight_bytes", "11:12: tests.0.value: run 'tiny' has no figure",
                   "is 'serve.weights_bytes' meant?")

    def test_a_run_that_does_not_exist(self):
        self.wrong("value: tiny.", "value: huge.", "11:12: tests.0.value: 'huge.serve.weights_bytes' names no run",
                   "the runs are many, tiny")

    def test_an_experiment_that_is_not_there(self):
        self.wrong("tiny: {experiment: tiny.yaml", "tiny: {experiment: gone.yaml", "7:22: runs.tiny.experiment: there is no file",
                   "claims/A/gone.yaml")

    def test_a_list_is_no_value(self):
        self.wrong("tiny.serve.weights_bytes", "many.x", "11:12: tests.0.value: is a list of 2 points", "take first, last")

    def test_a_unit_nobody_knows(self):
        self.wrong("unit: GB", "unit: stone", "12:11: tests.0.unit: 'stone' is not known", "GB")

    def test_an_empty_range(self):
        self.wrong("{from: 15, to: 17}", "{from: 17, to: 15}", "13:", "is less than `from`")

    def test_a_scenario_that_does_not_resolve_leaves_the_others(self):
        self.folder("A", CLAIM)
        bad = self.folder("B", CLAIM)
        (bad / "tiny.yaml").write_text(EXPERIMENT.replace("hgx-h100", "hgx-h1000"))
        done = self.tokenyard("claims", "--claims", "claims", "--out", "out")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, r"(?m)^A +supported ")
        self.assertIn("claims/B/claim.yaml: runs.", done.stderr)
        self.assertIn("tiny.yaml:3:11: topology: ", done.stderr)

    def test_an_id_nobody_has(self):
        self.folder("S2-24", CLAIM)
        self.assertIn("is 'S2-24' meant?", self.refused("claims", "S2-42", "--claims", "claims"))
        self.assertEqual(sorted(path.name for path in self.here.iterdir()), ["claims"])

    def test_the_page_is_what_the_program_writes(self):
        self.works("claims", *COUNTED, "--out", "out", "--figures", "claims/")
        section = re.compile(r"(?ms)^## (\S+)$.*?(?=^## |\Z)")
        page = {match[1]: match[0].rstrip() for match in section.finditer((ROOT / "docs/claims.md").read_text())}
        for match in section.finditer((self.here / "out/claims.md").read_text()):
            self.assertEqual(match[0].rstrip(), page.get(match[1]), "run `tokenyard claims` and renew docs/claims.md")
        self.assertEqual((self.here / "out/S2-24.svg").read_bytes(), (ROOT / "docs/claims/S2-24.svg").read_bytes())


if __name__ == "__main__":
    main()
