#!/usr/bin/env python3
"""Everything that configs/README.md and the front page show runs as it stands there.

    readme_test.py PROGRAM

A fenced yaml block with `schema: 1` is a whole experiment; a first line `# NAME.yaml` is the name it is saved under
(else the `name:` in it). Lines of fenced sh blocks are run, in order, beside those files."""

import re
import shlex

from tokenyard_cli import ROOT, CliTest, main

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Pages(CliTest):
    def save_experiments(self, text):
        """Gives the names of the files."""
        names = []
        for kind, block in FENCE.findall(text):
            if kind != "yaml" or not re.search(r"^schema: 1\b", block, re.MULTILINE):
                continue
            told = re.match(r"# (\S+\.yaml)\n", block)
            name = re.search(r"^name: ([\w-]+)", block, re.MULTILINE).group(1)
            names.append(told.group(1) if told else name + ".yaml")
            self.write(names[-1], block)
        return names

    def test_configs(self):
        text = (ROOT / "configs/README.md").read_text()
        names = self.save_experiments(text)
        self.assertEqual(names, ["first.yaml", "apart.yaml", "faster.yaml"])
        self.works("check", *names)
        commands = [line for kind, block in FENCE.findall(text) if kind == "sh" for line in block.splitlines()]
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            words = shlex.split(command)
            self.assertEqual(words[0], "tokenyard")
            self.works(*words[1:])
        self.assertTrue((self.here / "elsewhere/first/steps.csv").exists())
        self.assertLessEqual(len(text.splitlines()), 120)

    def test_front_page(self):
        names = self.save_experiments((ROOT / "README.md").read_text())
        self.assertTrue(names)
        self.works("check", *names)


if __name__ == "__main__":
    main()
