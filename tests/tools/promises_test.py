#!/usr/bin/env python3
"""What the program promises whoever uses it: same input, same bytes; results on stdout, nothing else; honest tables.

    promises_test.py PROGRAM [-k PATTERN]"""

import csv
import json
import re
import shutil

from tokenyard_cli import ROOT, SMALL, CliTest, main

FILES = ["summary.json", "requests.csv", "timeseries.csv", "links.csv", "scenario.resolved.yaml"]
QUICKSTART = ROOT / "configs/quickstart.yaml"
SHORT = ["--set", "workload.duration=30 s", "--set", "workload.warm_up=5 s"]
COMPARED = [ROOT / f"configs/compare/{name}.yaml" for name in ("gb200-nvl72", "hgx-h200", "supernode-1024")]

# A prefill and a decode pool on two nodes, so that hand-offs leave the scale-up domain.
APART = SMALL.replace("name: small", "name: apart") \
    .replace("topology: hgx-h100", "topology: {base: hgx-h100, nodes: 2}") \
    .replace("  serve: {instances: 2, parallel: {tensor: 2}, router: least_outstanding_tokens}\n",
             "  prefill: {role: prefill, instances: 2, parallel: {tensor: 4}}\n"
             "  decode: {role: decode, instances: 2, parallel: {tensor: 4}}\n")


class Promises(CliTest):
    def setUp(self):
        super().setUp()
        self.small = self.write("small.yaml", SMALL)
        self.apart = self.write("apart.yaml", APART)

    def run_into(self, out, *arguments, cwd=None):
        """Runs an experiment; gives its folder of results."""
        self.works("run", *arguments, "--out", self.here / out, cwd=cwd)
        return next((self.here / out).iterdir())

    def summary(self, out, *arguments):
        return json.loads((self.run_into(out, *arguments) / "summary.json").read_text())

    def assert_same(self, one, other, files=tuple(FILES)):
        for name in files:
            self.assertTrue((one / name).read_bytes() == (other / name).read_bytes(), f"{name} differs")


class SameBytes(Promises):
    def test_twice(self):
        self.assert_same(self.run_into("a", self.small), self.run_into("b", self.small))
        self.assert_same(self.run_into("c", self.apart), self.run_into("d", self.apart))

    def test_the_resolved_experiment_gives_the_same(self):
        for experiment in (self.small, self.apart, QUICKSTART):
            with self.subTest(experiment=experiment.name):
                shutil.rmtree(self.here / "a", ignore_errors=True)
                shutil.rmtree(self.here / "b", ignore_errors=True)
                first = self.run_into("a", experiment, *(SHORT if experiment == QUICKSTART else []))
                self.assert_same(first, self.run_into("b", first / "scenario.resolved.yaml"))

    def test_step_by_step(self):
        for number, arguments in enumerate(([self.small], [self.apart], [QUICKSTART, *SHORT])):
            with self.subTest(arguments=arguments):
                self.assert_same(self.run_into(f"a{number}", *arguments),
                                 self.run_into(f"b{number}", *arguments, "--step-by-step"))

    def test_flows_by_either_solver(self):
        ours = self.run_into("a", self.apart)
        theirs = self.run_into("b", self.apart, "--set", "network.solver=simgrid")
        self.assertGreater(json.loads((ours / "manifest.json").read_text())["flows"], 100)
        self.assert_same(ours, theirs, ["summary.json", "requests.csv", "timeseries.csv", "links.csv"])

    def test_calls_and_tokens_are_counted_at_both_ends(self):
        for number, more in enumerate(([], ["--set", "network.fidelity=flow", "--set", "network.rounds=1"])):
            for experiment in (self.small, self.apart):
                with self.subTest(experiment=experiment.name, more=more):
                    folder = self.run_into(f"{experiment.stem}{number}", experiment, "--set",
                                           "planes.front_end=frontend", *more)
                    rows = list(csv.DictReader((folder / "requests.csv").read_text().splitlines()))
                    prompts = sum(int(row["prompt_tokens"]) for row in rows)
                    tokens = sum(int(row["output_tokens"]) for row in rows)
                    links = {row["link"]: float(row["carried_bytes"])
                             for row in csv.DictReader((folder / "links.csv").read_text().splitlines())
                             if row["plane"] == "frontend"}
                    self.assertAlmostEqual(links["users up"] / (4 * prompts), 1, 9)
                    self.assertAlmostEqual(links["users down"] / (249 * tokens), 1, 9)
                    others = [link for link in links if link.split()[0] in ("group", "chip")]
                    self.assertAlmostEqual(sum(links[link] for link in others if link.endswith("up")),
                                           links["users down"], delta=1)
                    self.assertAlmostEqual(sum(links[link] for link in others if link.endswith("down")),
                                           links["users up"], delta=1)
                    summary = json.loads((folder / "summary.json").read_text())
                    plane = next(plane for plane in summary["planes"] if plane["plane"] == "frontend")
                    self.assertAlmostEqual(plane["requests"]["bytes"], 4 * prompts + 249 * tokens, delta=2)

    def test_calls_on_the_network_of_caches_and_collectives(self):
        # Two nodes an instance, so that stages send to each other on that network.
        staged = self.write("staged.yaml", SMALL.replace("name: small", "name: staged")
                            .replace("topology: hgx-h100", "topology: {base: hgx-h100, nodes: 4}")
                            .replace("parallel: {tensor: 2}", "parallel: {tensor: 8, pipeline: 2}"))
        for experiment in (staged, self.apart):
            with self.subTest(experiment=experiment.name):
                folder = self.run_into("a", experiment, "--set", "planes.front_end=ib")
                rows = list(csv.DictReader((folder / "requests.csv").read_text().splitlines()))
                summary = json.loads((folder / "summary.json").read_text())
                plane = next(plane for plane in summary["planes"] if plane["plane"] == "ib")
                self.assertAlmostEqual(plane["requests"]["bytes"],
                                       sum(4 * int(row["prompt_tokens"]) + 249 * int(row["output_tokens"])
                                           for row in rows), delta=2)
                self.assertGreater(plane["kv_bytes"] + plane["collective_bytes"], 0)

    def test_calls_step_by_step(self):
        front_end = ["--set", "planes.front_end=frontend"]
        self.assert_same(self.run_into("a", self.apart, *front_end),
                         self.run_into("b", self.apart, *front_end, "--step-by-step"))

    def test_from_another_folder_and_over_old_results(self):
        here = self.run_into("a", self.small)
        self.assert_same(here, self.run_into("b", self.small, cwd="/"))
        self.assert_same(here, self.run_into("b", self.small.name))  # into the folder that is there already

    def test_another_seed_gives_another_run(self):
        one = self.run_into("a", self.small)
        other = self.run_into("b", self.small, "--set", "seed=2")
        self.assertNotEqual((one / "requests.csv").read_bytes(), (other / "requests.csv").read_bytes())

    def test_what_is_not_asked_for_is_not_written(self):
        folder = self.run_into("a", self.small, "--set", "output.requests=false", "--set", "output.steps=true")
        self.assertFalse((folder / "requests.csv").exists())
        self.assertTrue((folder / "steps.csv").exists())
        before = self.left_behind()
        self.works("run", self.small, "--no-files")
        self.assertEqual(self.left_behind(), before)

    def test_records_and_their_absence_do_not_change_the_summary(self):
        one = self.run_into("a", self.small)
        other = self.run_into("b", self.small, "--set", "output.requests=false", "--set", "output.steps=true")
        self.assert_same(one, other, ("summary.json", "timeseries.csv", "links.csv"))


class FasterIsNotSlower(Promises):
    def tpot(self, out, *arguments):
        return self.summary(out, *arguments)["latency"]["tpot"]["mean_s"]

    def test_memory_bandwidth(self):
        for experiment in (self.small, self.apart):
            plain = self.tpot(f"plain-{experiment.stem}", experiment)
            fast = self.tpot(f"fast-{experiment.stem}", experiment, "--set", "chips.h100-sxm.memory.bandwidth=6.7 TB/s")
            self.assertLess(fast, plain)  # decode steps of a dense model read all weights: memory decides

    def test_networks(self):
        time = "  duration: 20 s\n  warm_up: 2 s\n"
        # A lone user sends the same requests in both, however long they take. Under load a faster hand-off also brings
        # requests into one batch that never met before.
        for users, length, spare in (("{kind: closed_loop, concurrency: 1}", "  requests: 100\n", 0.0),
                                     ("{kind: gamma, rate: 30 /s, cv: 2}", time, 1e-3)):
            self.write("apart.yaml", APART.replace("{kind: gamma, rate: 30 /s, cv: 2}", users).replace(time, length))
            plain = self.tpot(f"plain-{spare}", self.apart)
            for plane, value in (("ib", "800 Gbps"), ("nvlink", "50 GB/s")):
                fast = self.tpot(f"{plane}-{spare}", self.apart, "--set", f"topology.planes.{plane}.link={value}")
                self.assertLessEqual(fast, plain * (1 + spare), f"{plane}, {users}")

    def test_more_instances_shorten_the_queue(self):
        one = self.summary("one", self.small, "--set", "pools.serve.instances=1", "--set", "workload.scale=3")
        four = self.summary("four", self.small, "--set", "pools.serve.instances=4", "--set", "workload.scale=3")
        self.assertLess(four["latency"]["ttft"]["mean_s"], one["latency"]["ttft"]["mean_s"])


class ClosedLoop(Promises):
    def test_it_ends_with_its_duration_and_never_holds_more_than_its_users(self):
        users = 6
        loop = f"{{kind: closed_loop, concurrency: {users}}}"
        self.write("loop.yaml", SMALL.replace("{kind: gamma, rate: 30 /s, cv: 2}", loop).replace("warm_up: 2 s", ""))
        folder = self.run_into("a", "loop.yaml")
        with (folder / "requests.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        arrivals = [float(row["arrival_s"]) for row in rows]
        self.assertLessEqual(max(arrivals), 20.0)
        self.assertGreater(max(arrivals), 19.0)
        self.assertEqual(sum(1 for time in arrivals if time == 0.0), users)
        # A user asks again when its answer has come: at the instant of an end, the end goes first.
        changes = sorted([(float(row["last_token_s"]), -1) for row in rows] + [(time, 1) for time in arrivals])
        inside = 0
        for _, change in changes:
            inside += change
            self.assertLessEqual(inside, users)


class Tables(Promises):
    def test_results_alone_are_on_stdout(self):
        table = self.works("run", self.small)  # works() holds that stderr is empty
        self.assertTrue(table.startswith("small\n"), table[:80])
        self.assertTrue(table.endswith("results in out/small/\n"), table[-80:])
        for word in ("TTFT", "TPOT", "goodput", "MFU", "energy", "h100-sxm"):
            self.assertIn(word, table)
        self.assertLessEqual(max(map(len, table.splitlines())), 120)

    def test_compare_prints_a_column_for_each_design(self):
        one = self.works("compare", *COMPARED, "-j", "1", "--out", "a", *SHORT)
        two = self.works("compare", *COMPARED, "-j", "2", "--out", "b", *SHORT)
        self.assertTrue(one.endswith("results in a/, a folder a design\n"))
        self.assertEqual(one.replace("results in a/", "results in b/"), two)
        names = one.splitlines()[0].split()
        self.assertEqual(len(names), 1 + len(COMPARED))
        self.assertEqual(names[1:3], ["gb200-nvl72", "hgx-h200"])
        self.assertIn("scenario", one)  # the supernode's chips are no products, and the table says so
        for design in ("gb200-nvl72", "hgx-h200", "supernode-1024"):
            self.assert_same(self.here / "a" / design, self.here / "b" / design)
        chips = next(line.split()[1:] for line in one.splitlines() if line.startswith("chips "))
        told = [json.loads((self.here / "a" / design / "summary.json").read_text())["chips"]
                for design in ("gb200-nvl72", "hgx-h200", "supernode-1024")]
        self.assertEqual([int(one.replace(",", "")) for one in chips], told)

    def test_compare_and_run_agree(self):
        self.works("compare", self.small, self.apart, "--out", "a")
        self.assert_same(self.here / "a/small", self.run_into("b", self.small))


class Help(Promises):
    def test_version(self):
        version = re.search(r"project\(tokenyard VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
        self.assertIn(version, self.works("--version"))

    def test_help(self):
        text = self.works("--help")
        for command in ("run", "compare", "check", "keys"):
            self.assertRegex(text, rf"\n  {command} ")
            self.assertIn("Usage: ", self.works(command, "--help"))

    def test_keys_has_every_key_that_shipped_experiments_use(self):
        known = set(re.findall(r"^  (\w+) ", self.works("keys"), re.MULTILINE))
        self.assertIn("max_num_batched_tokens", known)
        for file in sorted((ROOT / "configs").rglob("*.yaml")):
            for key in used_keys(file.read_text()):
                self.assertTrue(key in known, f"{file}: `tokenyard keys` does not list {key}")

    def test_keys_of_one_section(self):
        text = self.works("keys", "parallel")
        self.assertEqual(re.findall(r"^(\S+):$", text, re.MULTILINE), ["parallel"])
        names = re.findall(r"^  (\w+) ", text, re.MULTILINE)
        self.assertEqual(names, ["tensor", "pipeline", "attention_data", "expert", "context", "redundant_experts",
                                 "shared_expert_ranks", "eplb",
                                 "expert_load", "expert_load_alpha", "expert_load_sigma",
                                 "expert_load_drift", "expert_shares", "kv"])

    def test_keys_as_markdown(self):
        plain = self.works("keys")
        tables = self.works("keys", "--markdown")
        self.assertEqual(re.findall(r"^  (\w+) ", plain, re.MULTILINE),
                         re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE))
        for row in tables.splitlines():
            if row.startswith("|"):
                self.assertEqual(len(re.split(r"(?<!\\)\|", row)), 6, row)  # four cells between five bars


def used_keys(text):
    """Keys of an experiment, less the names that are free: those of pools, chips, classes and a claim's runs."""
    text = re.sub(r"^( *)\w+: [>|]-?\n(?:\1 +.*\n)+", "", text, flags=re.MULTILINE)  # folded text
    text = re.sub(r'"[^"\n]*"', '""', text)
    plain = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines()
                      if not line.startswith(("description:", "name:")))
    keys = set(re.findall(r"(?:^|[\s{,])([a-z_][a-z_0-9]*):(?=\s|$)", plain, re.MULTILINE))
    free = set()
    for block in re.findall(r"^(?:pools|chips|runs):\n((?:  .*\n?|\n)*)", plain, re.MULTILINE):
        free |= set(re.findall(r"^  ([\w.-]+):", block, re.MULTILINE))
    return keys - free


if __name__ == "__main__":
    main()
