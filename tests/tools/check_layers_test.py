#!/usr/bin/env python3
"""Each case plants one fault in a small sound tree and expects exactly that fault to be named."""
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"
SPEC = importlib.util.spec_from_file_location("check_layers", TOOL)
check_layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_layers)

SOUND = {
    "models/CMakeLists.txt": "tokenyard_room(base SOURCES base/units.cpp HEADERS base/units.hpp)\n",
    "models/base/units.hpp": "#pragma once\n\n#include <vector>\n",
    "models/base/units.cpp": '#include "models/base/units.hpp"\n',
    "sim/engine/room.cmake": "tokenyard_room(engine SOURCES engine/engine.cpp)\n",
    "sim/engine/engine.cpp": '#include "models/base/units.hpp"\n\n#include <simgrid/s4u.hpp>\n',
    "tests/CMakeLists.txt": "# wings name their files from here\n",
    "tests/wings/base.cmake": "tokenyard_tests(base unit ROOMS base FILES unit/units_test.cpp)\n",
    "tests/unit/units_test.cpp": 'TEST_CASE("units: one is one") { CHECK(1 == 1); }\n',
}


def plant(root: pathlib.Path, planted: dict[str, str]) -> None:
    """Writes the sound tree with these files added or replaced."""
    for path, text in {**SOUND, **planted}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


class CheckLayers(unittest.TestCase):
    def faults_of(self, planted: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            plant(pathlib.Path(folder), planted)
            return check_layers.check(pathlib.Path(folder))[1]

    def test_a_sound_tree_has_no_fault(self) -> None:
        self.assertEqual(self.faults_of({}), [])

    def test_an_include_upward(self) -> None:
        planted = '#include "models/base/units.hpp"\n\n#include "sim/engine/engine.cpp"\n'
        self.assertEqual(
            self.faults_of({"models/base/units.cpp": planted}),
            ["models/base/units.cpp:3: models/base may not include sim/engine/engine.cpp"],
        )

    def test_an_include_of_what_is_not_there(self) -> None:
        self.assertEqual(
            self.faults_of({"sim/engine/engine.cpp": '#include "models/base/unit.hpp"\n'}),
            ["sim/engine/engine.cpp:1: there is no models/base/unit.hpp"],
        )

    def test_a_library_beside_its_door(self) -> None:
        planted = '#include "models/base/units.hpp"\n#include <yaml-cpp/yaml.h>\n'
        self.assertEqual(
            self.faults_of({"models/base/units.cpp": planted}),
            ["models/base/units.cpp:2: <yaml-cpp/yaml.h> enters only by sim/config"],
        )

    def test_a_policy_that_would_know_the_length_of_the_answer(self) -> None:
        faults = self.faults_of({
            "workloads/CMakeLists.txt": "tokenyard_room(workloads HEADERS fate.hpp)\n",
            "workloads/fate.hpp": "#pragma once\n",
            "sim/policy/room.cmake": "tokenyard_room(policy SOURCES policy/rules.cpp)\n",
            "sim/policy/rules.cpp": '#include "workloads/fate.hpp"\n',
        })
        self.assertEqual(faults, ["sim/policy/rules.cpp:1: sim/policy may not include workloads/fate.hpp"])

    def test_one_header_of_a_room_may_be_open_and_the_others_shut(self) -> None:
        faults = self.faults_of({
            "models/cost/room.cmake": "tokenyard_room(cost HEADERS cost/step_shape.hpp cost/step_cost.hpp)\n",
            "models/cost/step_shape.hpp": "#pragma once\n",
            "models/cost/step_cost.hpp": "#pragma once\n",
            "sim/policy/room.cmake": "tokenyard_room(policy SOURCES policy/rules.cpp)\n",
            "sim/policy/rules.cpp": '#include "models/cost/step_shape.hpp"\n#include "models/cost/step_cost.hpp"\n',
        })
        self.assertEqual(faults, ["sim/policy/rules.cpp:2: sim/policy may not include models/cost/step_cost.hpp"])

    def test_a_room_that_nobody_named(self) -> None:
        faults = self.faults_of({
            "sim/attic/room.cmake": "tokenyard_room(attic SOURCES attic/box.cpp)\n", "sim/attic/box.cpp": "\n"
        })
        self.assertEqual(faults, ["sim/attic/box.cpp: stands in no room; name its room in tools/check_layers.py"])

    def test_files_that_the_build_does_not_know(self) -> None:
        faults = self.faults_of({"models/base/ids.hpp": "#pragma once\n", "tests/unit/ids_test.cpp": "CHECK(true);\n"})
        self.assertEqual(
            faults,
            [
                "models/base/ids.hpp: no room.cmake or CMakeLists.txt lists it",
                "tests/unit/ids_test.cpp: no room.cmake or CMakeLists.txt lists it",
            ],
        )

    def test_a_listed_file_that_is_not_there(self) -> None:
        planted = "tokenyard_room(engine SOURCES engine/engine.cpp engine/flows.cpp)  # engine/old.cpp\n"
        self.assertEqual(
            self.faults_of({"sim/engine/room.cmake": planted}),
            ["sim/engine/room.cmake: lists sim/engine/flows.cpp, which is not there"],
        )

    def test_a_name_that_says_nothing(self) -> None:
        faults = self.faults_of({"tools/trace_utils.py": "pass\n", "configs/commonplace.yaml": "schema: 1\n"})
        self.assertEqual(faults, ["tools/trace_utils.py: 'utils' says nothing; name it after what it holds"])

    def test_a_file_above_600_lines(self) -> None:
        planted = '#include "models/base/units.hpp"\n' + "\n" * 600
        self.assertEqual(
            self.faults_of({"models/base/units.cpp": planted}), ["models/base/units.cpp: 601 lines; nothing above 600"]
        )

    def test_a_test_that_asserts_nothing(self) -> None:
        self.assertEqual(
            self.faults_of({"tests/unit/units_test.cpp": 'TEST_CASE("units: it runs") {}\n'}),
            ["tests/unit/units_test.cpp: asserts nothing (no CHECK, REQUIRE or RC_ASSERT)"],
        )

    def test_a_case_that_cmake_would_split(self) -> None:
        planted = 'TEST_CASE("units: one; "\n          "two") { CHECK(true); }\n'
        self.assertEqual(
            self.faults_of({"tests/unit/units_test.cpp": planted}),
            ["tests/unit/units_test.cpp:1: the name of a test case may not hold ';': units: one; two"],
        )

    def test_two_cases_of_one_name(self) -> None:
        planted = 'TEST_CASE("units: one") { CHECK(true); }\nTEST_CASE("units: one") { CHECK(true); }\n'
        place = "tests/unit/units_test.cpp"
        self.assertEqual(
            self.faults_of({"tests/unit/units_test.cpp": planted}),
            [f"{place}:2: a test case of this name stands in {place}:1: units: one"],
        )

    def test_a_file_above_400_lines_is_only_a_warning(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plant(pathlib.Path(folder), {"models/base/units.cpp": "\n" * 401})
            expected = (["models/base/units.cpp: 401 lines; split it (400 is the aim)"], [])
            self.assertEqual(check_layers.check(pathlib.Path(folder)), expected)

    def test_the_exit_status_tells_ctest(self) -> None:
        for planted, status in (({}, 0), ({"models/base/units.cpp": '#include "sim/engine/engine.cpp"\n'}, 1)):
            with tempfile.TemporaryDirectory() as folder:
                plant(pathlib.Path(folder), planted)
                ran = subprocess.run([sys.executable, "-B", str(TOOL), folder], capture_output=True, check=False)
                self.assertEqual(ran.returncode, status)


if __name__ == "__main__":
    unittest.main()
