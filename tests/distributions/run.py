#!/usr/bin/env python3
"""The README's commands on fresh minimal Debian systems: run.py [--write] [SUITE...] [--as WHO]...

Each system is a debootstrap of the minbase variant, from the mirror that apt is configured with. In it
every block of README.md and docs/ that is commands is run as it stands there, in a copy of this tree:

    root  as root, on a system where nothing has been installed
    sudo  as an ordinary user who may use sudo, on another such system
    user  as an ordinary user who may not; what the tests need is already installed

Prints TAP. --write puts what was run into RESULTS.md beside this file. Systems and downloaded packages
are kept in $XDG_CACHE_HOME/sluice/distributions, logs too. --keep leaves the systems that were used.
SPDX-License-Identifier: MIT"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests/kernels"))
sys.path.append(str(HERE))
sys.path.append(str(HERE.parents[1] / "scripts"))
import count_tests  # pylint: disable=wrong-import-position
import readme  # pylint: disable=wrong-import-position
import results  # pylint: disable=wrong-import-position
from system import (CACHE, SOURCE, SUITES, TREE, Cannot, base,  # pylint: disable=wrong-import-position
                    copy_tree, in_system, must, tell, unable)

WHO = ["root", "sudo", "user"]
# Before each command of a block: when, and how many KiB the installed packages have.
STEP = r"""trap 'echo "@@ $EPOCHSECONDS $(dpkg-query -W -f "\${Installed-Size}\n" | """ \
       r"""awk "{ s += \$1 } END { print s }") $BASH_COMMAND" >&3' DEBUG
set -e
cd /home/tester/sluice
"""


def prepare(suite, who, log):
    """A system for one run; its root directory."""
    root = CACHE / f"{suite}-{who}"
    shutil.rmtree(root, ignore_errors=True)
    packed = base(suite)
    installed = CACHE / f"{suite}-root"
    if who == "user" and installed.exists():
        os.rename(installed, root)  # what root's tests have installed
    else:
        root.mkdir()
        subprocess.run(["tar", "-C", root, "-xf", packed], check=True)
    must(root, suite, "id tester 2>/dev/null || useradd --create-home --shell /bin/bash tester", log)
    copy_tree(root)
    if who == "sudo":
        must(root, suite, """apt-get update -q && apt-get install -y -q --no-install-recommends sudo
            echo 'tester ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/tester""", log)
    if who == "user":
        tell(suite, "installs what the tests need, as root")
        must(root, suite, f"/{TREE}/scripts/setup --test", log)
    if who != "root":
        must(root, suite, "chown -R tester:tester /home/tester", log)
    return root


class Run:
    """One system and who runs the commands in it."""

    def __init__(self, tap, suite, who):
        self.tap, self.suite, self.who = tap, suite, who
        self.name = f"{suite} {who}"
        self.log = CACHE / "logs" / f"{suite}-{who}.log"
        self.steps = []  # (seconds since 1970, KiB of packages, command)
        self.counts, self.skips, self.bad = [0, 0, 0], {}, 0
        self.versions = ""

    def say(self, good, what):
        self.bad += not good
        self.tap.say(good, f"{self.name}: {what}")

    def all(self, keep):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        try:
            root = prepare(self.suite, self.who, self.log)
        except Cannot as cannot:
            return self.say(False, f"the system is made: {cannot}")
        pages = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
        files, commands = readme.files_and_commands("\n".join(p.read_text() for p in pages))
        for name, text in files.items():
            (root / TREE / name).write_text(text)
        for block in commands:
            self.run_block(root, block)
        self.judge(root)
        if not keep and self.who != "root":
            shutil.rmtree(root, ignore_errors=True)
        return None

    def run_block(self, root, block):
        first = block.strip().splitlines()[0]
        tell(self.name, "runs:", first)
        user = "root" if self.who == "root" else "tester"
        # The last step says what there is after the block.
        status, lines = in_system(root, self.suite, STEP + block + "\n:\n", self.log, user)
        for line in lines:
            match = re.match(r"@@ (\d+) (\d+) (.*)", line)
            if match:
                self.steps.append((int(match[1]), int(match[2]), match[3]))
        self.say(status == 0, f"README: {re.sub('#.*', '', first).strip()} (and its block)")

    def judge(self, root):
        junit = root / TREE / "build/meson-logs/testlog.junit.xml"
        if not junit.exists():
            return self.say(False, "the tests ran")
        logs = self.log.with_suffix("")
        shutil.rmtree(logs, ignore_errors=True)
        shutil.copytree(junit.parent, logs)
        failed = set()
        for suite, case, result, message in count_tests.cases(junit):
            name = f'{suite.split(".")[-1]}: {case}'
            self.counts[("passed", "failed", "skipped").index(result)] += 1
            if result == "failed":
                failed.add(suite)
                tell(self.name, "FAILED", name)
            elif result == "skipped":
                self.skips[name] = message
        for what in count_tests.broken(junit, failed):
            self.counts[1] += 1
            tell(self.name, "FAILED", what)
        _, lines = in_system(root, self.suite, """
            gcc --version | head -n 1 >&3; clang --version | head -n 1 >&3
            echo "meson $(meson --version)" >&3""", self.log)
        found = [re.sub(r"^(gcc) \(.*?\)|^Debian (clang) version", r"\1\2", line) for line in lines]
        self.versions = ", ".join(re.sub(r"(\d) .*", r"\1", line) for line in found)
        return self.say(self.counts[1] == 0 and self.counts[0] > 0,
                        "scripts/test: {} passed, {} failed, {} skipped".format(*self.counts))

    def row(self):
        """The cells of the table."""
        spent = {"demo": 0, "test": 0}
        before = self.steps[0][1] if self.steps else 0
        size = {"demo": before, "test": before}
        for (at, _, command), (end, after, _) in zip(self.steps, self.steps[1:]):
            for what in spent:
                if command.startswith(f"scripts/{what}"):
                    spent[what] += end - at
                    size[what] = after
        return [self.versions, *self.counts, *(f"{spent[w] / 60:.1f}" for w in spent),
                *(round((size[w] - before) / 1024) for w in size)]


BEFORE = ["`scripts/test --distributions`: every block of commands in README.md and docs/, run as it stands there on",
          "minimal systems of Debian (debootstrap, minbase). root: nothing was installed before. sudo: the same,",
          "as an ordinary user with sudo. user: an ordinary user without, where everything is installed.",
          "Minutes are those of `scripts/demo` and `scripts/test`, installation and build included; MB is what",
          "the packages take that the machine had not, after each."]
HEAD = ["suite", "as", "compilers", "passed", "failed", "skipped", "minutes demo", "minutes test",
        "MB demo", "MB test"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE")
    parser.add_argument("--as", dest="who", action="append", choices=WHO)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    tap = results.Tap()
    if unable():
        tap.say(True, "distributions", unable())
        print("1..1")
        return 0
    rows, skips = {}, {}
    for suite in options.suites:
        (CACHE / f"archives-{suite}").mkdir(parents=True, exist_ok=True)
        for who in options.who or WHO:
            run = Run(tap, suite, who)
            run.all(options.keep)
            rows[suite, who] = run.row()
            skips[suite, who] = run.skips
            if options.write:
                save({(suite, who): run.row()}, {(suite, who): run.skips})
        if not options.keep:
            shutil.rmtree(CACHE / f"{suite}-root", ignore_errors=True)
    print(f"1..{tap.count}")
    return tap.bad > 0


def save(rows, skips):
    document = HERE / "RESULTS.md"
    results.write("## Fresh systems", BEFORE, HEAD, rows, [], SUITES, document,
                  "# The README's commands on fresh systems\n", ["## Fresh systems", "## Skipped"])
    results.write("## Skipped", ["What could not run, and why."], ["suite", "as", "skipped checks"],
                  {key: [results.named(value) or "none"] for key, value in skips.items()}, [], SUITES,
                  document, "# The README's commands on fresh systems\n",
                  ["## Fresh systems", "## Skipped"])


if __name__ == "__main__":
    sys.exit(main())
