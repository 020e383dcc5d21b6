#!/usr/bin/env python3
"""Put coefficients that `tokenyard calibrate --output FILE` wrote into a catalogue entry.

usage: put_into_entry.py FITTED.yaml ENTRY.yaml [FAMILY...]     e.g. put_into_entry.py h100.yaml h100-sxm.yaml gemm mla_decode

Replaces the block of every fitted family (gemm.bf16, ...) in place and adds those the entry lacks, in the order of the
fitted file; all other lines, comments too, stay as they are, and so does what a block says of figures that are
not fitted. With FAMILY... only those groups. Into an entry of models/catalog/collectives go the coefficients of
communication.
"""
import pathlib
import sys

NOT_FITTED = ("up_to", "from", "flash", "launch_across", "eff_across", "act_io", "per_token")


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def key_of(line: str) -> str:
    return line.strip().split(":")[0]


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


def blocks(lines: list[str], start: int, end: int, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], list[str]]]:
    """(keys, lines below them) of every family: a block that says its source."""
    found, at = [], start
    while at < end:
        stop = block_end(lines, at)
        inside = lines[at + 1 : stop]
        here = (*path, key_of(lines[at]))
        if any(key_of(line) == "source" and indent(line) == indent(lines[at]) + 2 for line in inside):
            found.append((here, inside))
        elif inside:
            found += blocks(lines, at + 1, stop, here)
        at = stop
    return found


def put(entry: list[str], path: tuple[str, ...], block: list[str]) -> None:
    """The block below the keys of `path`, opened where the entry lacks them."""
    start, end, depth = 0, len(entry), 0
    for key in path:
        at = find_key(entry, key, start, end, depth)
        if at is None:
            entry.insert(end, " " * depth + key + ":")
            at, end = end, end + 1
        start, end, depth = at + 1, block_end(entry, at), depth + 2
    kept = [line for line in entry[start:end] if key_of(line) in NOT_FITTED and indent(line) == depth]
    cut = indent(block[0]) - depth
    entry[start:end] = kept + [line[cut:] for line in block]


def main(fitted_path: str, entry_path: str, groups: list[str]) -> None:
    entry_file = pathlib.Path(entry_path)
    entry = entry_file.read_text(encoding="utf-8").splitlines()
    fitted = pathlib.Path(fitted_path).read_text(encoding="utf-8").splitlines()
    for path, block in blocks(fitted, 0, len(fitted)):
        if path[1] == "collectives":
            path = path[2:]
        if not groups or path[1 if path[0] == "kernels" else 0] in groups:
            put(entry, path, block)
    entry_file.write_text("\n".join(entry) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
