#!/usr/bin/env python3
"""Mistakes of a user: each ends with exit code 2 and one line that starts with its place, and leaves nothing behind.

    bad_inputs_test.py PROGRAM [-k PATTERN]

tests/config/bad/*.yaml holds one broken experiment a file. Its first line says what the program must answer:
`# expect: LINE:COLUMN: text of the message`, or `# expect when run:` where only playing it can show the mistake."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

from tokenyard_cli import ROOT, SMALL, CliTest, environment, main

EXPECTATION = re.compile(r"# (expect|expect when run): (\d+:\d+): (.+)\n")

TRACE = """\
schema: 1
name: rows
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve: {}
workload:
  kind: trace
  trace: {path: rows.csv}
"""
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROW = "2023-11-16 18:15:46.6805900,374,44\n"


class BrokenExperiments(CliTest):
    def told(self, file):
        """One file of the corpus, in a folder where nothing else stands."""
        expectation = EXPECTATION.match(file.read_text())
        self.assertIsNotNone(expectation, f"{file.name}: the first line must be `# expect: LINE:COLUMN: text`")
        when, place, text = expectation.groups()
        shutil.copy(file, self.here)
        line = self.refused("run", file.name)
        self.assertTrue(line.startswith(f"{file.name}:{place}: "), f"must start with {file.name}:{place}: {line}")
        self.assertIn(text, line)
        if when == "expect":
            self.assertEqual(self.refused("check", file.name), line)
        else:
            self.assertEqual(self.works("check", file.name), f"{file.name}: ok\n")
        self.assertEqual(self.left_behind(), [file.name])


def add_corpus():
    for file in sorted((ROOT / "tests/config/bad").glob("*.yaml")):
        def test(self, file=file):
            self.told(file)
        setattr(BrokenExperiments, "test_" + file.stem.replace("-", "_"), test)


add_corpus()


class Files(CliTest):
    def test_a_missing_file(self):
        self.assertEqual(self.refused("run", "nothing.yaml"), "nothing.yaml: cannot be read; is the path right?")

    def test_a_folder_instead_of_a_file(self):
        (self.here / "folder").mkdir()
        self.assertEqual(self.refused("run", "folder"), "folder: is a folder; a .yaml file is needed")

    def test_an_empty_file(self):
        self.write("empty.yaml", "")
        self.assertTrue(self.refused("check", "empty.yaml").startswith("empty.yaml:1:1: is empty"))

    def test_bytes_that_are_no_text(self):
        (self.here / "binary.yaml").write_bytes(bytes(range(256)))
        self.assertTrue(self.refused("check", "binary.yaml").startswith("binary.yaml:1:"))

    def test_the_bytes_missing_are_told_when_a_model_does_not_fit(self):
        shutil.copy(ROOT / "tests/config/bad/does-not-fit.yaml", self.here)
        line = self.refused("run", "does-not-fit.yaml")
        missing = int(re.search(r"; (\d+) bytes \([0-9.]+ GB\) are missing a chip", line).group(1))
        told = re.search(r"take ([0-9.]+) GB .* offers ([0-9.]+) GB", line)
        weights, offer = (float(one) * 1e9 for one in told.groups())
        # Weights and offer are told in tenths of a GB; the first KV block adds a few MB.
        self.assertAlmostEqual(missing, weights - offer, delta=0.2e9)

    def test_an_output_that_cannot_be_written(self):
        self.write("small.yaml", SMALL)
        self.write("in-the-way", "")
        before = self.left_behind()
        for out in ("/proc/x", "in-the-way", "in-the-way/deeper", "/dev/null"):
            with self.subTest(out=out):
                line = self.refused("run", "small.yaml", "--out", out)
                self.assertTrue(line.startswith(f"{out}/small: cannot be written: "), line)
                self.assertEqual(self.left_behind(), before)

    def test_a_file_where_the_folder_of_the_run_would_stand(self):
        self.write("small.yaml", SMALL)
        (self.here / "out").mkdir()
        self.write("out/small", "mine")
        before = self.left_behind()
        self.assertEqual(self.refused("run", "small.yaml"), "out/small: is a file; results need a folder")
        self.assertEqual(self.left_behind(), before)

    def test_a_full_disk_for_the_table(self):
        self.write("small.yaml", SMALL)
        with open("/dev/full", "w") as full:
            done = subprocess.run([self.program, "run", "small.yaml", "--no-files"], cwd=self.here, env=environment(),
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 74)
        self.assertEqual(done.stderr, "tokenyard: the results could not be written to the standard output\n")


class TraceRows(CliTest):
    def test_rows_are_told_by_file_and_row(self):
        for name, text, start in (
                ("words", HEADER + ROW + "2023-11-16 18:15:47,many,44\n", ":3: ContextTokens: "),
                ("too few columns", HEADER + "2023-11-16 18:15:47,1\n", ":2: "),
                ("negative", HEADER + "2023-11-16 18:15:47,-5,44\n", ":2: ContextTokens: "),
                ("zero", HEADER + "2023-11-16 18:15:47,5,0\n", ":2: GeneratedTokens: "),
                ("no such day", HEADER + "2023-02-30 18:15:47,5,4\n", ":2: TIMESTAMP: "),
                ("back in time", HEADER + ROW + "2023-11-16 18:15:40,5,4\n", ":3: TIMESTAMP: "),
                ("a column missing", "TIMESTAMP,ContextTokens\n" + ROW, ":1: "),
                ("not a table", "\x00\x01\x02\n", ":1: "),
                ("a request that no KV cache holds", HEADER + ROW + "2023-11-16 18:15:47,100000000,4\n", None),
                ("no rows", HEADER, ": has no rows"),
                ("nothing", "", ": is empty; there is nothing to replay")):
            with self.subTest(name=name):
                self.write("rows.yaml", TRACE)
                csv = self.write("rows.csv", text)
                line = self.refused("run", "rows.yaml")
                wanted = f"{csv}{start}" if start else "rows.yaml:8:3: workload: request 1 "
                self.assertTrue(line.startswith(wanted), f"{line!r} must start with {wanted!r}")
                self.assertEqual(self.left_behind(), ["rows.csv", "rows.yaml"])


class CommandLine(CliTest):
    def setUp(self):
        super().setUp()
        self.write("small.yaml", SMALL)

    def test_set_is_told_without_a_line_number(self):
        for setting, text in (("seed", "--set seed: PATH=VALUE is needed"),
                              ("=3", "--set =3: PATH=VALUE is needed"),
                              ("sed=3", "--set: sed: unknown key; is 'seed' meant?"),
                              ("seed=-3", "--set: seed: -3 is out of range"),
                              ("seed=[1", "--set seed=[1: not YAML: "),
                              ("seed=", "--set seed=: a value is needed"),
                              ("workload.duration=10", "--set: workload.duration: '10' needs a unit"),
                              ("pools.serve.parallel.tensor=3", "--set: pools.serve.parallel.tensor: 3 does not"),
                              ("pools.serv.instances=3", "small.yaml:6:3: pools: must be one pool"),
                              ("topology=hgx-h10", "--set: topology: there is no 'hgx-h10'"),
                              ("topology.base=hgx-h10", "--set: topology.base: there is no 'hgx-h10'"),
                              ("topology.nodes=0", "--set: topology.nodes: 0 is out of range"),
                              ("chips.h100-sxm.memory.bandwith=1 TB/s", "--set: chips.h100-sxm.memory.bandwith: unk"),
                              ("seed.deeper=1", "--set"),
                              ("workload.clients.0.name=a", "--set"),
                              ("workload.arrivals={kind: mmpp, states: [{rate: 5 /s}]}",
                               "--set: workload.arrivals.states.0.dwell: required")):
            with self.subTest(setting=setting):
                line = self.refused("check", "small.yaml", "--set", setting)
                self.assertTrue(line.startswith(text), f"{line!r} must start with {text!r}")

    def test_the_command_line_itself(self):
        for arguments in ([], ["frobnicate"], ["run"], ["run", "small.yaml", "other.yaml"],
                          ["run", "small.yaml", "--fast"], ["compare"], ["check"], ["run", "small.yaml", "--set"],
                          ["run", "small.yaml", "--out"],
                          ["compare", "small.yaml", "-j", "many"], ["compare", "small.yaml", "-j", "-1"],
                          ["trace", "stats", "small.yaml", "--limit", "-1"], ["trace", "stats", "small.yaml", "--lru", "-5"],
                          ["workload", "preview", "small.yaml", "--limit", "-1"],
                          ["workload", "preview", "small.yaml", "--lru", "-5"], ["explain", "small.yaml", "--context", "-1"]):
            with self.subTest(arguments=arguments):
                line = self.refused(*arguments)
                self.assertTrue(line.startswith("tokenyard"), line)
                self.assertIn("--help", line)

    def test_an_option_without_a_value_is_told(self):
        for option, arguments in (("--out", ["run", "small.yaml"]), ("--out", ["compare", "small.yaml"]),
                                  ("--out", ["workload", "preview", "small.yaml"]), ("--out", ["claims"]),
                                  ("--out", ["validate"]), ("--write", ["validate"]), ("--out", ["trace", "convert", "a"]),
                                  ("--output", ["calibrate", "a.csv"]), ("--claims", ["claims"])):
            for given in ([option, ""], [f"{option}="]):
                with self.subTest(arguments=arguments + given):
                    line = self.refused(*arguments, *given)
                    self.assertIn(option, line)
                    self.assertIn("must not be empty" if given[-1] == "" else "--help", line)
                    self.assertEqual(self.left_behind(), ["small.yaml"])

    def test_steps_that_no_engine_runs_are_not_explained(self):
        # llama-3.1-8b has a context of 131,072 tokens, vLLM runs 256 requests on this chip by default.
        for options, text in ((["--context", "200000"], "--context: 200000 tokens are more than the context of llama-3.1-8b"),
                              (["--context", "0"], "--context: must be at least 1"),
                              (["--decodes", "2000"], "--decodes: pool 'serve' runs at most 256 requests a rank"),
                              (["--prompt", "5000"], "--prompt: no pool here has `role: prefill`"),
                              (["--chunk", "200000"], "--chunk: 200000 tokens are more than the context"),
                              (["--chunk", "10000"], "--chunk: 10000 tokens beside 32 decodes; a step of pool 'serve' has at most"),
                              (["--decodes", "0"], "--decodes: must be at least 1, or --chunk above 0"),
                              (["--set", "pools.serve.engine.kind=sglang", "--chunk", "512"],
                               "--chunk: pool 'serve' computes prompts in steps of their own")):
            with self.subTest(options=options):
                self.assertIn(text, self.refused("explain", "small.yaml", *options))
        # Of 80 GB a chip what two chips leave beside 16 GB of weights holds no 33.5 million tokens.
        told = self.works("explain", "small.yaml", "--decodes", "256", "--context", "131072")
        self.assertIn("no engine runs this step: its requests have 33554432 tokens a rank, the KV cache holds ", told)
        self.assertIn(" GB read a step by all chips together\n", told)
        self.assertNotIn("no engine", self.works("explain", "small.yaml", "--decodes", "256", "--context", "1024"))

    def test_a_section_that_is_not_there(self):
        self.assertEqual(self.refused("keys", "pol"), "keys: there is no section 'pol'; is 'pool' meant?")

    def test_check_tells_of_every_file(self):
        self.write("broken.yaml", SMALL.replace("hgx-h100", "hgx-h1"))
        done = self.tokenyard("check", "small.yaml", "broken.yaml", "nothing.yaml", "small.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "small.yaml: ok\nsmall.yaml: ok\n")
        first, second = done.stderr.splitlines()
        self.assertTrue(first.startswith("broken.yaml:3:11: topology: "), first)
        self.assertTrue(second.startswith("nothing.yaml: "), second)

    def test_compare_plays_what_is_right_and_tells_of_the_rest(self):
        self.write("second.yaml", SMALL.replace("name: small", "name: second"))
        self.write("broken.yaml", SMALL.replace("tensor: 2", "tensor: 3"))
        self.write("does-not-fit.yaml", SMALL.replace("name: small", "name: large").replace("3.1-8b", "3.1-405b"))
        done = self.tokenyard("compare", "small.yaml", "broken.yaml", "second.yaml", "does-not-fit.yaml", "small.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout.splitlines()[0].split(), ["design", "small", "second"])
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 3, done.stderr)
        self.assertTrue(lines[0].startswith("broken.yaml:6:44: pools.serve.parallel.tensor: 3 does not"), lines[0])
        self.assertTrue(lines[1].startswith("does-not-fit.yaml:6:"), lines[1])
        self.assertTrue(lines[2].startswith("small.yaml:2:7: name: 'small' is also the name of small.yaml"), lines[2])
        self.assertEqual(sorted(path.name for path in (self.here / "out").iterdir()), ["second", "small"])

    def test_compare_of_nothing_but_mistakes(self):
        self.write("broken.yaml", SMALL.replace("tensor: 2", "tensor: 3"))
        self.assertTrue(self.refused("compare", "broken.yaml").startswith("broken.yaml:6:44: "))


class Interrupted(CliTest):
    """Ctrl-C: what a terminal does is a signal to the whole process group."""

    def started(self, *arguments):
        child = subprocess.Popen([self.program, *arguments], cwd=self.here, env=environment(), start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.kill)
        deadline = time.monotonic() + 60
        while not list(self.here.glob("out/.*partial*")):  # its results have a place: it reads no more, it plays
            self.assertIsNone(child.poll(), "ended before it was interrupted")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return child

    def interrupt(self, child):
        os.killpg(child.pid, signal.SIGINT)
        return child.communicate(timeout=60)

    def test_a_long_run_ends_soon_with_what_it_has(self):
        self.write("small.yaml", SMALL.replace("duration: 20 s", "duration: 1000 h"))
        child = self.started("run", "small.yaml")
        time.sleep(0.5)
        began = time.monotonic()
        out, err = self.interrupt(child)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual((child.returncode, err), (130, ""))
        self.assertTrue(out.startswith("INCOMPLETE: "), out[:200])
        folder = self.here / "out/small"
        summary = json.loads((folder / "summary.json").read_text())
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertIs(summary["complete"], False)
        self.assertIs(manifest["complete"], False)
        self.assertGreater(summary["requests"]["finished"], 0)
        rows = (folder / "requests.csv").read_text().splitlines()
        self.assertEqual(len(rows) - 1, summary["requests"]["finished"])
        self.assertEqual({row.count(",") for row in rows}, {rows[0].count(",")})
        self.assertEqual([path.name for path in (self.here / "out").iterdir()], ["small"])

    def test_a_run_that_has_nothing_yet(self):
        self.write("small.yaml", SMALL.replace("duration: 20 s", "duration: 1000 h\n  requests: 100000000")
                   .replace("warm_up: 2 s", "warm_up: 999 h"))
        out, err = self.interrupt(self.started("run", "small.yaml"))
        self.assertEqual(err, "")
        self.assertTrue(out.startswith("INCOMPLETE: "), out[:200])
        self.assertIs(json.loads((self.here / "out/small/summary.json").read_text())["complete"], False)

    def test_compare_shows_what_it_has(self):
        long = SMALL.replace("duration: 20 s", "duration: 1000 h")
        for name in ("one", "two", "three"):
            self.write(f"{name}.yaml", long.replace("name: small", f"name: {name}"))
        child = self.started("compare", "one.yaml", "two.yaml", "three.yaml", "-j", "2")
        time.sleep(0.5)
        out, err = self.interrupt(child)
        self.assertEqual(child.returncode, 130)
        self.assertTrue(out.startswith("INCOMPLETE: one, two"), out[:200])
        self.assertEqual(err, "three.yaml: not played: interrupted before it began\n")


if __name__ == "__main__":
    main()
