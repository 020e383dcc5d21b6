#!/usr/bin/env python3
"""Draws predicted against measured figures of `tokenyard validate --out DIR`.

    tools/plot/scatter.py DIR/points.csv [--metric tpot] [--by engine] [--out FILE.png]

One dot a played row; hollow where the measured figure does not mean what its column says. The lines are equality and a
factor of 1.1 and of 1.5 either way. Needs matplotlib (Debian: python3-matplotlib); nothing else of the project does."""

import argparse
import csv
import pathlib
import sys

METRICS = {"tpot": "s", "ttft": "s", "throughput": "tokens_per_s", "e2e": "s"}
COLUMNS = ("chip", "model", "precision", "engine", "set")


def dots(path, metric, by):
    """{group: [(measured, predicted, trapped)]} of the rows that have the metric."""
    unit = METRICS[metric]
    groups = {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"fate", by, f"{metric}_predicted_{unit}", f"{metric}_measured_{unit}"} - set(rows.fieldnames or ())
        if missing:
            sys.exit(f"{path}:1: has no column {', '.join(sorted(missing))}; points.csv of `tokenyard validate --out` is needed")
        for row in rows:
            if row["fate"] == "played" and row[f"{metric}_measured_{unit}"]:
                groups.setdefault(row[by], []).append((float(row[f"{metric}_measured_{unit}"]),
                                                       float(row[f"{metric}_predicted_{unit}"]), bool(row[f"{metric}_trap"])))
    return groups


def draw(groups, metric, out):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 7))
    every = [value for group in groups.values() for dot in group for value in dot[:2]]
    low, high = min(every) / 1.3, max(every) * 1.3
    for factor, style in ((1.0, "-"), (1.1, "--"), (1.5, ":")):
        for side in {factor, 1 / factor}:
            axes.plot([low, high], [low * side, high * side], style, color="0.6", linewidth=0.8)
    for name, group in sorted(groups.items()):
        colour = None
        for trapped in (False, True):
            chosen = [dot for dot in group if dot[2] == trapped]
            if not chosen:
                continue
            drawn = axes.scatter([dot[0] for dot in chosen], [dot[1] for dot in chosen], s=14, linewidths=0.7,
                                 facecolors="none" if trapped else colour, edgecolors=colour,
                                 label=f"{name} ({len(chosen)}{', trapped' if trapped else ''})")
            colour = drawn.get_edgecolor()[0] if colour is None else colour
    unit = METRICS[metric].replace("_per_", "/")
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), xlabel=f"{metric} measured, {unit}",
             ylabel=f"{metric} predicted, {unit}")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(out, dpi=150, metadata={"Software": None})
    pyplot.close(figure)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("points")
    arguments.add_argument("--metric", choices=sorted(METRICS), default="tpot")
    arguments.add_argument("--by", choices=COLUMNS, default="engine", help="what a colour stands for")
    arguments.add_argument("--out", help="picture; METRIC.png beside the points without it")
    given = arguments.parse_args()
    groups = dots(given.points, given.metric, given.by)
    if not groups:
        sys.exit(f"{given.points}: no played row has {given.metric}")
    out = given.out or pathlib.Path(given.points).parent / f"{given.metric}.png"
    draw(groups, given.metric, out)
    print(out)


if __name__ == "__main__":
    main()
