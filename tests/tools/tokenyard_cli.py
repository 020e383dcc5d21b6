"""How the end-to-end tests call the program: as a user does, in a folder and an environment of their own."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 100  # for one call; a build with sanitizers is some ten times slower than a usual one

# Small enough for a second, large enough that requests meet: one pool on one node.
SMALL = """\
schema: 1
name: small
topology: hgx-h100
llm: llama-3.1-8b
pools:
  serve: {instances: 2, parallel: {tensor: 2}, router: least_outstanding_tokens}
workload:
  kind: synthetic
  arrivals: {kind: gamma, rate: 30 /s, cv: 2}
  prompt: {kind: lognormal, median: 600, sigma: 1, max: 8000}
  output: {kind: lognormal, median: 120, sigma: 0.8, max: 1000}
  duration: 20 s
  warm_up: 2 s
"""


def environment():
    """The catalogue is then the one of the source tree, whatever the developer's shell says."""
    return {key: value for key, value in os.environ.items() if key != "TOKENYARD_HOME"}


class CliTest(unittest.TestCase):
    """Each test has an empty working folder, self.here; everything the program leaves behind is in it."""

    program = None  # set by main()

    def setUp(self):
        self.here = pathlib.Path(tempfile.mkdtemp(prefix="tokenyard-cli-"))
        self.addCleanup(shutil.rmtree, self.here, ignore_errors=True)

    def tokenyard(self, *arguments, cwd=None):
        return subprocess.run([self.program, *map(str, arguments)], cwd=cwd or self.here, env=environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False)

    def works(self, *arguments, cwd=None):
        """What a call prints that has to succeed, without a word on stderr."""
        done = self.tokenyard(*arguments, cwd=cwd)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"tokenyard {arguments}")
        return done.stdout

    def refused(self, *arguments, cwd=None):
        """The one line of a call that the user got wrong: exit code 2, nothing on stdout."""
        done = self.tokenyard(*arguments, cwd=cwd)
        self.assertEqual((done.returncode, done.stdout), (2, ""), f"tokenyard {arguments}: {done.stderr}")
        self.assertTrue(done.stderr.endswith("\n") and done.stderr.count("\n") == 1, f"not one line: {done.stderr!r}")
        return done.stderr[:-1]

    def left_behind(self):
        """Everything in the working folder, hidden files too."""
        return sorted(str(path.relative_to(self.here)) for path in self.here.rglob("*"))

    def write(self, name, text):
        path = self.here / name
        path.write_text(text)
        return path


def main():
    """python3 this_test.py PROGRAM [unittest's own arguments]"""
    CliTest.program = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
