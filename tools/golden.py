#!/usr/bin/env python3
"""Compares the summary of configs/smoke.yaml with the one in tests/golden, byte by byte; or renews it.

    tools/golden.py PROGRAM                         compare; exit code 1 when a figure moved
    tools/golden.py PROGRAM --renew "what and why"  take the new figures and say so in CHANGELOG.md

A change that moves a figure has to say which, by how much and why: the reason goes under "Changed results"."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXPERIMENT = ROOT / "configs/smoke.yaml"
GOLDEN = ROOT / "tests/golden/smoke.summary.json"
CHANGELOG = ROOT / "CHANGELOG.md"
HEADING = "### Changed results\n"
MOST_LINES = 12


def of_this_run(summary):
    """Without what is known of accuracy elsewhere, which moves with models/catalog/accuracy.csv and with the ranges that
    the catalogue states for its coefficients."""
    summary = re.sub(r'\n      "priced": \{.*?\n      \},', "", summary, flags=re.DOTALL)
    return re.sub(r'\n  "confidence": \[.*?\n  \],', "", summary, flags=re.DOTALL)


def play(program):
    environment = {key: value for key, value in os.environ.items() if key != "TOKENYARD_HOME"}
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([program, "run", EXPERIMENT, "--out", out], check=True, env=environment,
                       stdout=subprocess.DEVNULL)
        return of_this_run((pathlib.Path(out) / "smoke/summary.json").read_text())


def figures(value, path=""):
    """Every figure of a summary with its path: "latency.ttft.mean_s"."""
    if isinstance(value, dict):
        return {k: v for key, below in value.items() for k, v in figures(below, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {k: v for at, below in enumerate(value) for k, v in figures(below, f"{path}.{at}").items()}
    return {path.lstrip("."): value}


def moved(old, new):
    """A line for each figure that differs."""
    before, after = figures(json.loads(old)), figures(json.loads(new))
    lines = []
    for path in list(before) + [path for path in after if path not in before]:
        was, now = before.get(path, "absent"), after.get(path, "absent")
        if was == now and type(was) is type(now):
            continue
        numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (was, now))
        share = f" ({(now - was) / was:+.3%})" if numbers and was else ""
        lines.append(f"{path}: {was} -> {now}{share}")
    return lines


def renew(new, reason):
    text = CHANGELOG.read_text()
    if HEADING not in text:
        sys.exit(f"{CHANGELOG.name} has no line '{HEADING.strip()}'")
    head, tail = text.split(HEADING, 1)  # the topmost one belongs to what is not released yet
    entries = tail.lstrip("\n")
    if entries and not entries.startswith("-"):
        entries = "\n" + entries  # a heading follows, which keeps its distance
    CHANGELOG.write_text(f"{head}{HEADING}- {reason}\n{entries}")
    GOLDEN.write_text(new)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", help="the tokenyard to run, e.g. build/release/tokenyard")
    arguments.add_argument("--renew", metavar="REASON", help="which figures move, by how much, why")
    given = arguments.parse_args()
    new = play(pathlib.Path(given.program).resolve())
    old = GOLDEN.read_text() if GOLDEN.exists() else "{}"
    if new == old:
        print(f"{GOLDEN.relative_to(ROOT)}: nothing moved")
        return
    lines = moved(old, new) or ["the same figures, written differently"]
    print("\n".join(lines[:MOST_LINES]))
    if len(lines) > MOST_LINES:
        print(f"... and {len(lines) - MOST_LINES} more")
    if given.renew is None:
        sys.exit(f"{len(lines)} figures of {EXPERIMENT.name} moved; when that is meant: "
                 "tools/golden.py PROGRAM --renew \"what and why\"")
    if len(given.renew.split()) < 3:
        sys.exit("say in words which figures move and why; the line goes into CHANGELOG.md")
    renew(new, given.renew)
    print(f"renewed {GOLDEN.relative_to(ROOT)}; see {CHANGELOG.name}")


if __name__ == "__main__":
    main()
