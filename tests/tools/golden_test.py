#!/usr/bin/env python3
"""tools/golden.py tells what moved, and takes new figures only with a reason, which it puts into the changelog.

    golden_test.py PROGRAM"""

import shutil
import subprocess
import sys

from tokenyard_cli import ROOT, CliTest, environment, main

sys.path.insert(0, str(ROOT / "tools"))
from golden import of_this_run  # noqa: E402


class Golden(CliTest):
    def setUp(self):
        super().setUp()
        for name in ("tools", "configs", "tests/golden"):
            (self.here / name).mkdir(parents=True)
        for name in ("tools/golden.py", "configs/smoke.yaml"):
            shutil.copy(ROOT / name, self.here / name)
        self.changelog = self.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n### Changed results\n\n"
                                                    "## 0.1.0\n\n### Changed results\n- Old news.\n")
        self.golden = self.here / "tests/golden/smoke.summary.json"
        self.works("run", "configs/smoke.yaml")
        self.now = of_this_run((self.here / "out/smoke/summary.json").read_text())

    def run_golden(self, *arguments):
        return subprocess.run([sys.executable, "-B", self.here / "tools/golden.py", self.program, *arguments],
                              env=environment(), capture_output=True, text=True, timeout=100, check=False)

    def test_nothing_moved(self):
        self.golden.write_text(self.now)
        done = self.run_golden()
        self.assertEqual((done.returncode, done.stdout), (0, "tests/golden/smoke.summary.json: nothing moved\n"))

    def test_what_moved_is_told_and_kept_until_there_is_a_reason(self):
        old = self.now.replace('"chips": 4,', '"chips": 5,')
        self.assertNotEqual(old, self.now)
        self.golden.write_text(old)
        for arguments in ([], ["--renew", "because"]):
            done = self.run_golden(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn("chips: 5 -> 4 (-20.000%)\n", done.stdout)
            self.assertEqual(self.golden.read_text(), old)
            self.assertNotIn("because", self.changelog.read_text())

    def test_a_reason_goes_into_the_topmost_list(self):
        self.golden.write_text("{}\n")
        self.assertEqual(self.run_golden("--renew", "First figures of smoke.yaml.").returncode, 0)
        # Nothing moved since: nothing to say.
        self.assertEqual(self.run_golden("--renew", "Not needed at all.").returncode, 0)
        self.assertEqual(self.golden.read_text(), self.now)
        self.assertEqual(self.changelog.read_text(),
                         "# Changelog\n\n## Unreleased\n\n### Changed results\n- First figures of smoke.yaml.\n\n"
                         "## 0.1.0\n\n### Changed results\n- Old news.\n")


if __name__ == "__main__":
    main()
