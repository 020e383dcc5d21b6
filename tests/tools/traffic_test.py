#!/usr/bin/env python3
"""tokenyard trace and tokenyard workload, end to end.

    traffic_test.py PROGRAM [-k PATTERN]"""

import csv
import gzip
import json

from tokenyard_cli import SMALL, CliTest, main

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2023-11-16 18:{15 + row // 60:02}:{row % 60:02}.5000000,{100 + row},{10 + row % 7}\n" for row in range(120))
SESSIONS = """\
session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms
0,0,0,0,600,20,2000
0,0,1,620,100,20,0
1,1000,0,0,500,30,500
1,1000,1,530,50,30,500
1,1000,2,610,50,30,0
"""
REPLAY = """\
schema: 1
name: replay
topology: hgx-h100
llm: llama-3.1-8b
pools: {serve: {}}
workload:
  kind: trace
  trace: {path: FILE}
"""


class Trace(CliTest):
    def row(self, text, name):
        return next(line.split()[len(name.split()):] for line in text.splitlines() if line.strip().startswith(name))

    def test_stats_of_rows(self):
        self.write("a.csv", AZURE)
        text = self.works("trace", "stats", "a.csv")
        self.assertEqual(self.row(text, "requests"), ["120"])
        self.assertEqual(self.row(text, "span"), ["119", "s"])
        self.assertEqual(self.row(text, "CV of gaps"), ["0"])
        # lengths 100 .. 219: mean 159.5
        self.assertEqual(self.row(text, "prompt")[0], "159.5")
        self.assertEqual(self.row(text, "prompt")[-1], "19,140")
        self.assertNotIn("no prefix ids", text)
        self.assertIn("note: there are no prefix ids, so an LRU", self.works("trace", "stats", "a.csv", "--lru", "10"))

    def test_stats_of_prefixes_and_sessions(self):
        self.write("s.csv", SESSIONS)
        text = self.works("trace", "stats", "s.csv", "--lru", "10", "--lru", "1000")
        self.assertEqual(self.row(text, "sessions")[0], "2")
        # Full blocks of 16: 37 of the first turn of session 0; 31 and 36 of the two first of session 1. All fit into 1000.
        hit = 16 * (37 + 31 + 36) / (600 + 720 + 500 + 580 + 660)
        self.assertAlmostEqual(float(self.row(text, "infinite cache")[0]), hit, delta=1e-4)
        self.assertEqual(self.row(text, "LRU of 1,000 blocks"), self.row(text, "infinite cache"))
        # Ten blocks are the front of the prompt before, as tails go first: all of them hit in the next turn of its session.
        self.assertAlmostEqual(float(self.row(text, "LRU of 10 blocks")[0]), 16 * 30 / 3060, delta=1e-4)

    def test_a_slice_is_of_the_same_format_and_a_piece_of_the_whole(self):
        self.write("a.csv", AZURE)
        said = self.works("trace", "slice", "a.csv", "--from", "10 s", "--for", "5 s", "--out", "piece.csv")
        self.assertTrue(said.startswith("5 requests written to piece.csv, format azure\n"), said)
        rows = (self.here / "piece.csv").read_text().splitlines()
        self.assertEqual(rows[0], "TIMESTAMP,ContextTokens,GeneratedTokens")
        self.assertEqual([row.split(",")[1] for row in rows[1:]], ["110", "111", "112", "113", "114"])
        self.assertTrue(rows[1].startswith("2023-11-16 18:15:10.5"), rows[1])

    def test_conversion_there_and_back_keeps_everything(self):
        self.write("s.csv", SESSIONS)
        self.works("trace", "convert", "s.csv", "--out", "one.jsonl")
        self.works("trace", "convert", "one.jsonl", "--out", "two.jsonl")
        self.assertEqual((self.here / "one.jsonl").read_bytes(), (self.here / "two.jsonl").read_bytes())
        stats = [self.works("trace", "stats", name) for name in ("s.csv", "one.jsonl")]
        self.assertEqual(stats[0], stats[1])

    def test_conversion_tells_what_is_lost(self):
        self.write("s.csv", SESSIONS)
        self.assertTrue(self.refused("trace", "convert", "s.csv", "--to", "azure", "--out", "x.csv").startswith(
            "a trace of format azure needs a time of every request"))
        self.write("m.jsonl", '{"timestamp": 5, "input_length": 600, "output_length": 2, "hash_ids": [1, 2]}\n')
        said = self.works("trace", "convert", "m.jsonl", "--to", "azure", "--out", "x.csv")
        self.assertIn("note: azure has no place for prefix ids\n", said)
        self.assertEqual((self.here / "x.csv").read_text(), "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                         "1970-01-01 00:00:00.005000000,600,2\n")

    def test_bad_rows_are_counted_by_policy(self):
        self.write("a.csv", AZURE + "2023-11-16 18:30:00,0,5\n" + "2023-11-16 18:30:01,x,5\n")
        line = self.refused("trace", "stats", "a.csv")
        self.assertTrue(line.startswith("a.csv:122: ContextTokens: 0 tokens;") or ":122: ContextTokens: " in line, line)
        text = self.works("trace", "stats", "a.csv", "--set", "bad_rows.zero_tokens=drop", "--set", "bad_rows.malformed=drop")
        self.assertIn("note: 1 of 122 rows of the trace were dropped: malformed\n", text)
        self.assertIn("note: 1 of 122 rows of the trace were dropped: zero tokens\n", text)
        self.assertEqual(self.row(text, "requests"), ["120"])

    def test_rows_over_the_context_are_played_dropped_or_mended(self):
        # Two rows fit 4,096 tokens, one has 5,000 + 100.
        self.write("a.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
            f"2023-11-16 18:30:0{i},{prompt},100\n" for i, prompt in enumerate((1000, 5000, 3000))))
        over = "bad_rows.over_context="
        self.assertTrue(self.refused("trace", "stats", "a.csv", "--set", over + "drop").startswith(
            "--set bad_rows.over_context: here is no model that has a context"))
        line = self.refused("trace", "stats", "a.csv", "--set", over + "refuse", "--set", "max_context=4096")
        self.assertIn("a.csv:3: ContextTokens + GeneratedTokens: 5100 tokens, but the model's context is 4096;", line)
        text = self.works("trace", "stats", "a.csv", "--set", over + "drop", "--set", "max_context=4096")
        self.assertIn("note: 1 of 3 rows of the trace were dropped: over context\n", text)
        self.assertEqual(self.row(text, "requests"), ["2"])
        self.write("e.yaml", "schema: 1\nname: e\ntopology: hgx-h100\nllm: llama-3.1-8b\npools: {p: {instances: 1}}\n"
                   "workload: {kind: trace, trace: {path: a.csv}}\n")
        most = {"play": 5000, "mend": 3996, "drop": 3000}  # of prompts; a context of 4,096 leaves 3,996 beside 100
        for policy, prompt in most.items():
            with self.subTest(policy=policy):
                settings = () if policy == "play" else ("--set", "workload.trace.max_context=4096", "--set",
                                                        "workload.trace." + over + policy)
                self.works("run", "e.yaml", "--out", "out", *settings)
                with open(self.here / "out/e/requests.csv", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))
                self.assertEqual(max(int(row["prompt_tokens"]) for row in rows), prompt)
                self.assertEqual(len(rows), 2 if policy == "drop" else 3)

    def test_broken_files_end_in_one_line(self):
        whole = gzip.compress(AZURE.encode())
        for name, data, text in (("cut.gz", whole[:len(whole) // 2], "truncated gzip file"),
                                 ("damaged.gz", whole[:40] + b"\x00\x00\x00\x00" + whole[44:], "gzip"),
                                 ("empty", b"", "is empty"), ("noise", bytes(range(256)), "its format cannot be told"),
                                 ("half.json", b'{"block_size": 64, "requests": [', "has no end")):
            with self.subTest(name=name):
                (self.here / name).write_bytes(data)
                self.assertIn(text, self.refused("trace", "stats", name))
        (self.here / "folder").mkdir()
        for arguments, text in ((["stats", "nothing"], "cannot be opened"), (["stats", "folder"], "without .json"),
                                (["stats", "a.csv", "--set", "format=azur"], "is 'azure' meant?"),
                                (["stats", "a.csv", "--set", "rate=5 /s"], "are of runs"),
                                (["stats", ""], "file: must not be empty"),
                                (["slice", "a.csv", "--for", "60", "--out", "x"], "--for: '60' needs a unit"),
                                (["slice", "a.csv", "--for", "0 s", "--out", "x"], "--for: must be above 0 s"),
                                (["slice", "a.csv", "--from", "-1 s", "--out", "x"], "--from: "),
                                (["convert", "a.csv", "--to", "mooncake", "--set", "block_tokens=64", "--out", "x"],
                                 "--set block_tokens=64: ids of a mooncake trace are of 512 tokens"),
                                (["convert", "a.csv", "--out", "folder"], "names a folder; give the name of a file"),
                                (["convert", "a.csv", "--out", "new/"], "names a folder; give the name of a file"),
                                (["convert", "a.csv", "--out", ""], "--out: must not be empty"),
                                (["convert", "a.csv", "--to", "weka", "--out", "x"], "cannot be written; one of")):
            with self.subTest(arguments=arguments):
                self.write("a.csv", AZURE)
                self.assertIn(text, self.refused("trace", *arguments))
        self.assertFalse((self.here / "x").exists())


class Workload(CliTest):
    def results(self, name):
        return {path.name: path.read_bytes() for path in sorted((self.here / "out" / name).iterdir())
                if path.suffix == ".csv"}

    def test_a_preview_offers_what_the_run_gets(self):
        self.write("small.yaml", SMALL)
        text = self.works("workload", "preview", "small.yaml", "--out", "offered.jsonl")
        offered = (self.here / "offered.jsonl").read_text().splitlines()
        self.works("run", "small.yaml")
        summary = json.loads((self.here / "out/small/summary.json").read_text())
        self.assertIn(f"{len(offered) - 1} requests written to offered.jsonl\n", text.replace(",", ""))
        self.assertIn(f": {len(offered) - 1}", json.dumps(summary))
        self.assertIn("#", text)

    def test_an_entry_of_a_list_of_the_preset_can_be_set(self):
        self.write("rag.yaml", SMALL.split("  kind:")[0] + "  preset: rag\n  requests: 20\n")
        last = ("workload", "preview", "rag.yaml", "--set", "workload.clients.0.prompt={kind: constant, tokens: 77}")
        prompt = next(line.split() for line in self.works(*last).splitlines() if line.startswith("  prompt"))
        self.assertEqual(prompt[1:6], ["77.00"] * 5)
        self.assertIn("--set clients.7: '7' is not an entry of this list; it has 1, counted from 0",
                      self.refused("workload", "preview", "rag.yaml", "--set", "workload.clients.7.weight=2"))

    def test_an_exported_stream_gives_the_same_run_to_the_byte(self):
        clients = """\
  clients:
  - name: chat
    prefix: {groups: 5, tokens: 300, alpha: 1}
    rank_correlation: 0.4
    tenant: 3
    prompt: {kind: lognormal, median: 600, sigma: 1, max: 8000}
    output: {kind: gamma, mean: 120, cv: 1, max: 1000}
  - {name: batch, prompt: {kind: constant, tokens: 900}, output: {kind: constant, tokens: 9}, priority: 4}
  curve: {kind: ramp, from: 0.5, to: 2, over: 10 s, bursts: [{at: 5 s, for: 2 s, factor: 3}]}
"""
        head, tail = SMALL.split("  prompt:")
        drawn = head + clients + "  duration:" + tail.split("  duration:")[1]
        self.write("drawn.yaml", drawn)
        self.works("workload", "preview", "drawn.yaml", "--out", "offered.jsonl")
        workload = "workload:\n  kind: trace\n  trace: {path: offered.jsonl}\n  warm_up: 2 s\n"
        self.write("again.yaml", drawn.split("workload:")[0].replace("name: small", "name: again") + workload)
        self.works("run", "drawn.yaml")
        self.works("run", "again.yaml")
        self.assertEqual(self.results("small"), self.results("again"))

    def test_an_exported_stream_that_waits_for_answers_gives_the_same_run_to_the_byte(self):
        """Conversations and agents with starts, the same with users of a closed loop, and such users without sessions."""
        loop = "{kind: closed_loop, concurrency: 4}"
        patience = "  slo: {default: {ttft: 2 s, tpot: 50 ms, patience: {answer: {kind: exponential, mean: 2 s}}}}\n"
        for name, drawn, users in (
                ("starts", self.with_story("starts", "{kind: poisson, rate: 2 /s}"), ""),
                ("patience", self.with_story("patience", "{kind: poisson, rate: 2 /s}") + patience, ""),
                ("users", self.with_story("users", loop).replace("duration: 20 s", "requests: 150"), ", users: 4"),
                ("loop", SMALL.replace("{kind: gamma, rate: 30 /s, cv: 2}", loop).replace("name: small", "name: loop")
                 .replace("duration: 20 s", "requests: 150"), ", users: 4")):
            with self.subTest(name=name):
                cached = drawn.replace("serve: {", "serve: {engine: {prefix_caching: true}, ")
                self.write("drawn.yaml", cached)
                text = self.works("workload", "preview", "drawn.yaml", "--out", "offered.jsonl")
                self.assertIn("turns of sessions written to offered.jsonl", text)
                ending = "".join(line + "\n" for line in drawn.splitlines()
                                 if line.strip().startswith(("duration:", "requests:", "warm_up:", "slo:")))
                workload = f"workload:\n  kind: trace\n  trace: {{path: offered.jsonl{users}}}\n" + ending
                self.write("again.yaml", cached.split("workload:")[0].replace(f"name: {name}", "name: again") + workload)
                self.works("run", "drawn.yaml")
                self.works("run", "again.yaml")
                self.assertGreater(len(self.results(name)["requests.csv"].splitlines()), 60)
                self.assertEqual(self.results(name), self.results("again"))

    def test_a_closed_loop_without_an_end_of_its_own_is_not_exported(self):
        self.write("loop.yaml", SMALL.replace("{kind: gamma, rate: 30 /s, cv: 2}", "{kind: closed_loop, concurrency: 4}"))
        self.assertIn("give workload.requests, or --limit",
                      self.refused("workload", "preview", "loop.yaml", "--out", "offered.jsonl"))
        self.assertFalse((self.here / "offered.jsonl").exists())

    def test_who_gives_up_has_a_row(self):
        patience = "  slo: {default: {ttft: 2 s, tpot: 50 ms, patience: {answer: {kind: exponential, mean: 1 s}}}}\n"
        self.write("small.yaml", SMALL + patience)
        self.works("run", "small.yaml")
        summary = json.loads((self.here / "out/small/summary.json").read_text())
        rows = (self.here / "out/small/requests.csv").read_text().splitlines()
        endings = [row.rsplit(",", 3)[1] for row in rows[1:]]  # session and turn behind it
        self.assertEqual([int(row.split(",")[0]) for row in rows[1:]], list(range(len(rows) - 1)))
        self.assertEqual(endings.count("answered"), summary["requests"]["finished"])
        self.assertGreater(endings.count("timed_out"), 20)

    def test_sessions_are_causal_in_the_simulation(self):
        self.write("s.csv", SESSIONS)
        self.write("replay.yaml", REPLAY.replace("FILE", "s.csv"))
        self.works("run", "replay.yaml")
        rows = (self.here / "out/replay/requests.csv").read_text().splitlines()
        title = rows[0].split(",")
        table = [dict(zip(title, row.split(","))) for row in rows[1:]]
        self.assertEqual(len(table), 5)
        arrival = next(key for key in title if key.startswith("arrival"))
        last = next(key for key in title if "last" in key)
        prompt = next(key for key in title if key.startswith("prompt"))
        by_prompt = {int(row[prompt]): row for row in table}
        for before, after, wait in ((600, 720, 2.0), (500, 580, 0.5), (580, 660, 0.5)):
            gap = float(by_prompt[after][arrival]) - float(by_prompt[before][last])
            self.assertAlmostEqual(gap, wait, places=8)

    STORY = """\
  clients:
  - name: chat
    prompt: {kind: constant, tokens: 200}
    output: {kind: constant, tokens: 50}
    reasoning: 0.5
    session: {turns: {kind: uniform, min: 1, max: 4}, append: {kind: constant, tokens: 40}, think: {kind: exponential, mean: 1 s}}
  - name: agent
    prefix: {groups: 2, tokens: 500}
    prompt: {kind: constant, tokens: 300}
    output: {kind: constant, tokens: 30}
    agent:
      steps: {kind: constant, tokens: 6}
      append: {kind: constant, tokens: 100}
      tool: {kind: constant, time: 100 ms}
      fan_out: 0.5
      width: {kind: constant, tokens: 2}
      sub_steps: {kind: constant, tokens: 2}
      compact_at: 1200
      compact_to: 100
"""

    def with_story(self, name, arrivals):
        head, tail = SMALL.split("  prompt:")
        return (head + self.STORY + "  duration:" + tail.split("  duration:")[1]).replace(
            "{kind: gamma, rate: 30 /s, cv: 2}", arrivals).replace("name: small", f"name: {name}")

    def test_drawn_sessions_and_agents_run(self):
        for name, arrivals in (("open", "{kind: poisson, rate: 2 /s}"), ("closed", "{kind: closed_loop, concurrency: 4}")):
            with self.subTest(name=name):
                self.write("drawn.yaml", self.with_story(name, arrivals))
                self.works("run", "drawn.yaml")
                first = self.results(name)
                self.works("run", "drawn.yaml", "--step-by-step")
                self.assertEqual(self.results(name), first)
                self.works("workload", "preview", "drawn.yaml")


if __name__ == "__main__":
    main()
