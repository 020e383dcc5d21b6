#!/usr/bin/env python3
"""Length quantiles and arrival figures of a request trace, as YAML for workloads/presets.

    trace_quantiles.py trace.csv --prompt ContextTokens --output GeneratedTokens --time TIMESTAMP
    trace_quantiles.py trace.jsonl --prompt input_length --output output_length --time timestamp --tick 3000
    trace_quantiles.py --servegen FOLDER        # chunk-N-trace.csv and chunk-N-dataset.json of one ServeGen model

The knots of a table are quantiles of the sorted lengths, linear between ranks, at 0, 0.001, 0.005, 0.01, 0.02, ... 0.99,
0.995, 0.997, 0.999, 0.9995, 0.9999, 1; those inside a flat stretch are left out. The printed mean of the table
is the area under that line, which is the mean of what tokenyard draws from it but for rounding to whole tokens.
Standard library only.
"""

import argparse
import ast
import bisect
import csv
import datetime
import json
import math
import pathlib
import random
import textwrap

AT = sorted({0, 0.001, 0.005, *(i / 100 for i in range(1, 100)), 0.995, 0.997, 0.999, 0.9995, 0.9999, 1})
PDF_SAMPLES = 1_000_000  # a ServeGen distribution function is read at this many equally likely points


def quantile(ordered, share):
    """Quantile of sorted values, linear between ranks (Hyndman, Fan 1996, type 7)."""
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


def knots(ordered):
    table = [(share, round(max(quantile(ordered, share), 1), 1)) for share in AT]
    inner = [b for a, b, c in zip(table, table[1:], table[2:]) if not a[1] == b[1] == c[1]]
    return [table[0], *inner, table[-1]]


def table_mean(table):
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(table, table[1:]))


def print_length(name, ordered, mean):
    table = knots(ordered)
    ours = table_mean(table)
    print(f"# {name}: mean {mean:.2f}, median {quantile(ordered, 0.5):.0f}, 99 % {quantile(ordered, 0.99):.0f}, "
          f"largest {ordered[-1]:.0f}; the table below has mean {ours:.2f} ({100 * (ours / mean - 1):+.2f} %)")
    print(f"{name}:\n  kind: empirical")
    for key, column in (("at", 0), ("tokens", 1)):
        values = ", ".join(f"{row[column]:g}" if row[column] < 1e5 else f"{row[column]:.0f}" for row in table)
        print(f"  {key}:\n" + textwrap.fill(values, 119, initial_indent="    [", subsequent_indent="     ") + "]")


def seconds(stamp):
    try:
        return float(stamp)
    except ValueError:
        date, _, fraction = stamp.replace("T", " ").replace("Z", "").split("+")[0].partition(".")
        whole = datetime.datetime.strptime(date, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
        return whole.timestamp() + float("0." + (fraction or "0"))


def print_arrivals(times, tick):
    times = sorted(times)
    span = times[-1] - times[0] + tick
    if tick:  # stamps rounded down to a tick: spread those of one tick at random over it
        draw = random.Random(1)
        times = sorted(t + tick * draw.random() for t in times)
    gaps = [b - a for a, b in zip(times, times[1:])]
    mean = sum(gaps) / len(gaps)
    cv = math.sqrt(sum((g - mean) ** 2 for g in gaps) / len(gaps)) / mean
    print(f"# {len(times)} requests in {span:.1f} s: {len(times) / span:.4g} /s, CV of the gaps {cv:.4g}")


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as lines:
        if path.suffix == ".jsonl":
            yield from (json.loads(line) for line in lines if line.strip())
        else:
            yield from csv.DictReader(lines)


def parse_pdf(text):
    """ServeGen writes a distribution function as the text of a Python dictionary: "{138: 0.0004, ...}"."""
    return ast.literal_eval(text) if isinstance(text, str) else text


def read_servegen(folder):
    """Distribution functions of prompt and output over all clients and windows, weighted by requests sent."""
    total = {"input_tokens": {}, "output_tokens": {}}
    sent = covered = 0.0
    ends = []
    for trace in sorted(folder.glob("chunk-*-trace.csv")):
        windows = [row for row in csv.reader(open(trace, encoding="utf-8")) if row]
        ends.append(float(windows[-1][0]))
        pdfs = json.loads(trace.with_name(trace.name.replace("trace.csv", "dataset.json")).read_text())
        pdfs = {float(start): {f: parse_pdf(fields[f]) for f in total} for start, fields in pdfs.items()}
        starts = sorted(pdfs)
        for start, rate, *_ in windows:
            weight = float(rate)
            if weight <= 0:
                continue
            sent += weight
            # A client's lengths stand once for many windows: the latest table at or before the window holds.
            at = bisect.bisect_right(starts, float(start)) - 1
            if at < 0:
                continue
            covered += weight
            for field, sums in total.items():
                pdf = pdfs[starts[at]][field]
                mass = sum(pdf.values())
                for tokens, share in pdf.items():
                    sums[int(tokens)] = sums.get(int(tokens), 0.0) + weight * share / mass
    windows = max(ends) / 600 + 1
    print(f"# {sent / windows:.4g} requests/s on average; lengths cover {100 * covered / sent:.1f} % of them")
    return total["input_tokens"], total["output_tokens"]


def samples_of(pdf):
    values = sorted(pdf)
    mass = sum(pdf.values())
    ordered, running, at = [], pdf[values[0]], 0
    for i in range(PDF_SAMPLES):
        while (i + 0.5) / PDF_SAMPLES * mass > running and at + 1 < len(values):
            at += 1
            running += pdf[values[at]]
        ordered.append(values[at])
    return ordered, sum(v * p for v, p in pdf.items()) / mass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=pathlib.Path, nargs="?", help="CSV with a header, or JSONL")
    parser.add_argument("--prompt", help="column of the prompt's tokens")
    parser.add_argument("--output", help="column of the output's tokens")
    parser.add_argument("--time", help="column of the arrival: a number or a time stamp")
    parser.add_argument("--unit", type=float, default=1.0, help="seconds in one unit of a numeric --time")
    parser.add_argument("--tick", type=float, default=0.0, help="units that recorded times were rounded to")
    parser.add_argument("--servegen", type=pathlib.Path, metavar="FOLDER")
    args = parser.parse_args()
    if args.servegen:
        for name, pdf in zip(("prompt", "output"), read_servegen(args.servegen)):
            print_length(name, *samples_of(pdf))
        return
    if not (args.trace and args.prompt and args.output):
        parser.error("give a trace with --prompt and --output, or --servegen FOLDER")
    rows = list(read_rows(args.trace))
    if args.time:
        print_arrivals([seconds(str(row[args.time])) * args.unit for row in rows], args.tick * args.unit)
    for name, column in (("prompt", args.prompt), ("output", args.output)):
        ordered = sorted(float(row[column]) for row in rows)
        print_length(name, ordered, sum(ordered) / len(ordered))


if __name__ == "__main__":
    main()
