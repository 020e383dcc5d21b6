#!/usr/bin/env python3
"""Put coefficients that `tokenyard calibrate --output FILE` wrote into a chip's catalogue entry.

usage: put_into_entry.py FITTED.yaml ENTRY.yaml [FAMILY...]     e.g. put_into_entry.py h100.yaml h100-sxm.yaml gemm mla_decode

Replaces the block of every fitted family (gemm.bf16, ...) in place and adds those the entry lacks, in the order of the
fitted file; all other lines, comments too, stay as they are. With FAMILY... only those groups.
"""
import pathlib
import sys


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def block_end(lines: list[str], start: int) -> int:
    """Index after the block that the key at `start` opens."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or indent(lines[end]) > indent(lines[start])):
        end += 1
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1  # blank lines belong to what follows
    return end


def find_key(lines: list[str], key: str, start: int, end: int, depth: int) -> int | None:
    return next((i for i in range(start, end) if lines[i].startswith(" " * depth + key + ":")), None)


def blocks(fitted: list[str]) -> list[tuple[str, str, list[str]]]:
    """(group, name, lines) of every family of a fitted file."""
    found, group, at = [], "", fitted.index("kernels:") + 1
    while at < len(fitted):
        if indent(fitted[at]) == 2:
            group, at = fitted[at].strip(" :"), at + 1
            continue
        end = block_end(fitted, at)
        found.append((group, fitted[at].strip(" :"), fitted[at:end]))
        at = end
    return found


def put(entry: list[str], group: str, name: str, block: list[str]) -> None:
    kernels = entry.index("kernels:")
    at = find_key(entry, group, kernels, len(entry), 2)
    if at is None:
        entry.insert(kernels + 1, f"  {group}:")
        at = kernels + 1
    end = block_end(entry, at)
    old = find_key(entry, name, at + 1, end, 4)
    if old is None:
        entry[end:end] = block
    else:
        entry[old : block_end(entry, old)] = block


def main(fitted_path: str, entry_path: str, groups: list[str]) -> None:
    entry_file = pathlib.Path(entry_path)
    entry = entry_file.read_text(encoding="utf-8").splitlines()
    for group, name, block in blocks(pathlib.Path(fitted_path).read_text(encoding="utf-8").splitlines()):
        if not groups or group in groups:
            put(entry, group, name, block)
    entry_file.write_text("\n".join(entry) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
