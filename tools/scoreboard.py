#!/usr/bin/env python3
"""Writes what `tokenyard validate` found of InferenceX into README.md and docs/validation.md.

    tokenyard validate --set points.csv.gz --out FOLDER > FOLDER/board.txt
    tools/scoreboard.py FOLDER

README.md: the rows of the sets by kind of model, and the table by model, chip, format and engine (at least five points
whose columns mean what they say). docs/validation.md: the scoreboard as printed. Targets are those of the project."""

import argparse
import csv
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DENSE = {"llama-3.1-70b", "llama-3.1-8b", "qwen3-32b"}
CHIPS = {"b200-sxm": "B200", "h100-sxm": "H100", "h200-sxm": "H200"}
ENGINES = {"trtllm": "TensorRT-LLM", "vllm": "vLLM", "sglang": "SGLang"}
# TPOT and its bias, TTFT: medians of |ln(predicted / measured)|.
TARGETS = {"dense": (0.05, 0.04, 0.15), "MoE": (0.09, 0.04, 0.15), "prefill and decode apart": (0.12, None, None)}
FEWEST = 5


def kind_of(row):
    if "P/D" in row["engine"]:
        return "prefill and decode apart"
    return "dense" if row["model"] in DENSE else "MoE"


def errors(rows, metric):
    """Errors of rows that were played, by kind, without those whose column means something else."""
    found = {kind: [] for kind in TARGETS}
    for row in rows:
        if row["fate"] == "played" and row[f"{metric}_error"] and not row[f"{metric}_trap"]:
            found[kind_of(row)].append(float(row[f"{metric}_error"]))
    return found


def spread(values):
    """Median and 90th percentile of the magnitudes, and the median with its sign."""
    sizes = sorted(abs(value) for value in values)
    return statistics.median(sizes), sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))], statistics.median(values)


def verdict(reached, target):
    return "met" if reached <= target else "missed"


def set_lines(rows):
    """One line of README's first table for each kind of model."""
    tpot, ttft = errors(rows, "tpot"), errors(rows, "ttft")
    lines = {}
    for kind, (target, bias_target, ttft_target) in TARGETS.items():
        median, p90, bias = spread(tpot[kind])
        first, _, first_bias = spread(ttft[kind])
        told = f"{target}, {verdict(median, target)}"
        if bias_target is not None:
            both = verdict(median, target), verdict(abs(bias), bias_target)
            told = f"{target}, bias {bias_target}: {both[0]}" if both[0] == both[1] else (
                f"{target}, {both[0]}; bias {bias_target}, {both[1]}")
        first_told = "-" if ttft_target is None else f"{ttft_target}, {verdict(first, ttft_target)}"
        lines[f"| InferenceX, {kind} |"] = (
            f"| InferenceX, {kind} | {len(tpot[kind]):,} | {median:.3f} | {p90:.3f} | {bias:+.3f} | {told} | "
            f"{first:.3f} | {first_bias:+.3f} | {first_told} |")
    return lines


def table_lines(board):
    """README's table by model, chip, format and engine."""
    by_line = {}
    for row in board:
        if row["model"]:
            key = row["model"], row["chip"], row["precision"], row["engine"]
            by_line.setdefault(key, {})[row["metric"]] = row

    def figure(row, name, sign=""):
        return "-" if row is None or int(row["n"] or 0) == 0 else f"{float(row[name]):{sign}.3f}"

    lines = []
    for (model, chip, precision, engine), metrics in sorted(by_line.items()):
        tpot, ttft = metrics.get("TPOT"), metrics.get("TTFT")
        if tpot is None or int(tpot["n"] or 0) < FEWEST:
            continue
        name, *apart = engine.split(" ", 1)
        engine = ", ".join([ENGINES.get(name, name), *apart])
        lines.append(f"| {model} | {CHIPS.get(chip, chip)} | {precision} | {engine} | {tpot['n']} of {tpot['all_n']} | "
                     f"{figure(tpot, 'median')} | {figure(tpot, 'p90')} | {figure(tpot, 'bias', '+')} | "
                     f"{figure(ttft, 'median')} | {figure(ttft, 'bias', '+')} |")
    return lines


def replaced(text, begin, end, by):
    """`text` with what stands from `begin` to the next `end` replaced."""
    at = text.index(begin)
    return text[:at] + by + text[text.index(end, at):]


def renew_readme(text, rows, board):
    for begin, line in set_lines(rows).items():
        text = replaced(text, begin, "\n", line)
    head = "| model | chip | format | engine | points |"
    at = text.index("|---", text.index(head))
    first = text.index("\n", at) + 1
    return text[:first] + replaced(text[first:], "|", "\n\n", "\n".join(table_lines(board)))


def renew_document(text, printed):
    """The first block of code below the heading holds the scoreboard, from its first metric to what was counted."""
    tables = printed[printed.index("TPOT "):printed.index("\ncounted")].rstrip() + "\n"
    at = text.index("```\n", text.index("## Scoreboard")) + len("```\n")
    return text[:at] + tables + text[text.index("```", at):]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="that `validate --out` wrote, with its output as board.txt")
    folder = parser.parse_args().folder
    for name in ("points.csv", "scoreboard.csv", "board.txt"):
        if not (folder / name).is_file():
            sys.exit(f"{folder}: {name} is not there; see --help for how it is made")
    rows = list(csv.DictReader((folder / "points.csv").open(encoding="utf-8")))
    board = list(csv.DictReader((folder / "scoreboard.csv").open(encoding="utf-8")))
    readme, document = ROOT / "README.md", ROOT / "docs/validation.md"
    texts = {
        readme: renew_readme(readme.read_text(encoding="utf-8"), rows, board),
        document: renew_document(document.read_text(encoding="utf-8"), (folder / "board.txt").read_text(encoding="utf-8")),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
