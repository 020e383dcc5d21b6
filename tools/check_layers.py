#!/usr/bin/env python3
"""Check what the compiler does not: that includes run down, that libraries stay behind their door, that the build
lists every file, and that files are named, sized and tested as CONVENTIONS.md says.

usage: check_layers.py [ROOT]      one line a fault, exit status 1 when there is one
"""
import pathlib
import re
import sys

# Who may include whom: a room itself, and the rooms or single headers named here. A room that is not here has no place.
MAY_INCLUDE = {
    "models/base": [],
    "models/device": ["models/base"],
    "models/llm": ["models/base", "models/device"],
    "models/cost": ["models/base", "models/device", "models/llm"],
    "models/fit": ["models/base", "models/device", "models/cost"],
    "topologies": ["models/base"],
    "workloads": ["models/base"],
    "workloads/traces": ["models/base", "workloads/request.hpp"],
    "sim/log": ["models/base"],
    "sim/files": ["models/base", "workloads/traces", "sim/log"],
    "sim/metrics": ["models/base"],
    "sim/policy": ["models/base", "models/llm", "models/cost/step_shape.hpp", "workloads", "sim/kv"],
    "sim/kv": ["models/base", "workloads"],
    "sim/engine": ["models/base", "topologies", "sim/log"],
    "sim/serving": ["models", "topologies", "workloads", "sim/log", "sim/metrics", "sim/policy", "sim/engine", "sim/kv"],
    "sim/config": ["models", "topologies", "workloads", "sim/metrics", "sim/policy", "sim/serving", "sim/kv"],
    "sim/report": ["models/base", "sim/metrics", "sim/files"],
    "sim/calibrate": ["models", "workloads", "sim/files"],
    "sim/traffic": ["models/base", "workloads", "sim/config", "sim/files", "sim/report"],
    "sim/run": ["models", "topologies", "workloads", "sim"],
    "sim/validate": ["models", "sim"],
    "sim/claims": ["models", "topologies", "sim"],
    "tools/tokenyard": ["models/base", "models/device", "sim"],
}
# What a room may not see although the table above would let it: a policy must not know how long an answer will be.
HIDDEN = {"sim/policy": ["workloads/fate.hpp"]}
# The one room of each library that is not the standard one, by the start of its headers.
DOORS = {
    "simgrid/": "sim/engine",
    "xbt/": "sim/engine",
    "yaml-cpp/": "sim/config",
    "nlohmann/": "sim/report",
    "boost/graph/": "topologies",
    "boost/random/": "workloads",
    "pcg_": "workloads",
    "CLI/": "tools/tokenyard",
    "simdjson": "workloads/traces",
    "zlib.h": "sim/files",
    "nlopt": "models/fit",
    "spdlog/": "sim/log",
}
CODE = ("models", "topologies", "workloads", "sim", "tools")
LONG, TOO_LONG = 400, 600  # lines: a warning above the first, a fault above the second
EMPTY_NAME = re.compile(r"(^|[/_.-])(utils?|helpers?|misc|common|managers?)(?=[/_.-]|$)")

INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
TEST_CASE = re.compile(r"\bTEST_CASE(?:_FIXTURE\(\s*\w+\s*,|_TEMPLATE\(|\()\s*" + STRINGS)
ASSERTION = re.compile(r"\b(CHECK|REQUIRE|RC_ASSERT|FAIL)\w*\(|\brc::check\(")


def room_of(path: str) -> str | None:
    return next((room for room in sorted(MAY_INCLUDE, key=len, reverse=True) if path.startswith(room + "/")), None)


def is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


class Tree:
    """The files of a source tree by their path from its root; what is hidden or built is left out."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def files(self, *tops: str, suffixes: tuple[str, ...]) -> list[str]:
        found = (p for top in tops for p in (self.root / top).rglob("*") if p.suffix in suffixes and p.is_file())
        return sorted(p.relative_to(self.root).as_posix() for p in found if "__pycache__" not in p.parts)

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")


def include_faults(tree: Tree) -> list[str]:
    faults = []
    for path in tree.files(*CODE, suffixes=(".hpp", ".cpp")):
        room = room_of(path)
        if room is None:
            faults.append(f"{path}: stands in no room; name its room in tools/check_layers.py")
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            match = INCLUDE.match(line)
            if match and match[1]:
                allowed = any(is_in(match[1], place) for place in (room, *MAY_INCLUDE[room]))
                if not allowed or match[1] in HIDDEN.get(room, []):
                    faults.append(f"{path}:{number}: {room} may not include {match[1]}")
                elif not (tree.root / match[1]).is_file():
                    faults.append(f"{path}:{number}: there is no {match[1]}")
            elif match:
                for start, door in DOORS.items():
                    if match[2].startswith(start) and room != door:
                        faults.append(f"{path}:{number}: <{match[2]}> enters only by {door}")
    return faults


def listed_files(tree: Tree) -> dict[str, str]:
    """Every .hpp and .cpp that a CMake file names -> the CMake file. A room.cmake or wing is included from the folder
    above it and names its files from there."""
    listed = {}
    for path in tree.files(*CODE, "tests", suffixes=(".txt", ".cmake")):
        here = pathlib.PurePosixPath(path).parent
        if path.startswith("tools/cmake/"):
            continue
        base = here if path.endswith("CMakeLists.txt") else here.parent
        text = re.sub(r"#[^\n]*", "", tree.text(path))
        for name in re.findall(r"[^\s()\";]+\.[ch]pp\b", text):
            name = re.sub(r"^\$\{(PROJECT|CMAKE)_SOURCE_DIR\}/", "/", name)
            name = re.sub(r"^\$\{CMAKE_CURRENT_SOURCE_DIR\}/", "", name)
            name = re.sub(r"^\$\{CMAKE_CURRENT_LIST_DIR\}/", f"/{here}/", name)
            listed[name[1:] if name.startswith("/") else (base / name).as_posix()] = path
    return listed


def list_faults(tree: Tree) -> list[str]:
    listed = listed_files(tree)
    there = set(tree.files(*CODE, suffixes=(".hpp", ".cpp"))) | set(tree.files("tests", suffixes=(".cpp",)))
    faults = [f"{path}: no room.cmake or CMakeLists.txt lists it" for path in sorted(there - set(listed))]
    gone = sorted(path for path in set(listed) - there if not (tree.root / path).is_file())
    return faults + [f"{listed[path]}: lists {path}, which is not there" for path in gone]


def name_faults(tree: Tree) -> list[str]:
    suffixes = (".hpp", ".cpp", ".py", ".cmake", ".yaml", ".md", ".sh")
    return [
        f"{path}: '{match[2]}' says nothing; name it after what it holds"
        for path in tree.files(*CODE, "tests", "configs", "docs", suffixes=suffixes)
        if (match := EMPTY_NAME.search(path))
    ]


def size_faults(tree: Tree) -> tuple[list[str], list[str]]:
    warnings, faults = [], []
    for path in tree.files(*CODE, "tests", suffixes=(".hpp", ".cpp", ".py")):
        lines = tree.text(path).count("\n")
        if lines > TOO_LONG:
            faults.append(f"{path}: {lines} lines; nothing above {TOO_LONG}")
        elif lines > LONG:
            warnings.append(f"{path}: {lines} lines; split it ({LONG} is the aim)")
    return warnings, faults


def test_faults(tree: Tree) -> list[str]:
    faults, places = [], {}
    for path in tree.files("tests", suffixes=(".cpp",)):
        text = tree.text(path)
        if path.endswith("_test.cpp") and not ASSERTION.search(text):
            faults.append(f"{path}: asserts nothing (no CHECK, REQUIRE or RC_ASSERT)")
        for match in TEST_CASE.finditer(text):
            name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[1]))
            place = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
            if ";" in name:  # CMake splits lists at it: the case would never run
                faults.append(f"{place}: the name of a test case may not hold ';': {name}")
            if name in places:  # one process would run both, and SimGrid bears one engine a process
                faults.append(f"{place}: a test case of this name stands in {places[name]}: {name}")
            places.setdefault(name, place)
    return faults


def check(root: pathlib.Path) -> tuple[list[str], list[str]]:
    """Warnings and faults, a line each."""
    tree = Tree(root)
    warnings, faults = size_faults(tree)
    return warnings, include_faults(tree) + list_faults(tree) + name_faults(tree) + faults + test_faults(tree)


def main(root: pathlib.Path) -> int:
    warnings, faults = check(root)
    for line in [*(f"warning: {warning}" for warning in warnings), *faults]:
        print(line)
    print(f"{len(faults)} faults" if faults else "layers: every include runs down, every file is listed")
    return 1 if faults else 0


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here))
