#!/usr/bin/env python3
"""Runs the examples of the tool's manual pages: examples.py SLUICE PAGES_DIR FILES_DIR. In a literal
block a line "$ COMMAND" is given to sh (a backslash at its end continues it), and the lines
behind it are what it prints, stderr included; "..." stands for any number of lines. A block starts
in a copy of FILES_DIR, where each NAME.txt is assembled to NAME.bpf but mine.txt. The filters
are of x86_64. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SLUICE = os.path.abspath(sys.argv[1])
PAGES, FILES = (pathlib.Path(p) for p in sys.argv[2:4])


def plain(text):
    return (text.replace("\\-", "-").replace("\\&", "").replace("\\(dq", '"')
            .replace("\\e", "\\"))


def sessions(page):
    """[[(command, lines), ...], ...]: blocks of the page."""
    parts = re.split(r"^\.Sh EXAMPLES\n", page, flags=re.M)
    text = re.split(r"^\.Sh ", parts[1], flags=re.M)[0] if len(parts) > 1 else ""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, flags=re.M | re.S):
        steps = []
        for line in plain(block).splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif steps and steps[-1][0].endswith("\\") and not steps[-1][1]:
                steps[-1] = (steps[-1][0][:-1] + line, [])
            elif steps:
                steps[-1][1].append(line)
        if steps:
            yield steps


def matches(expected, got):
    parts = [re.escape(line) if line != "..." else None for line in expected]
    pattern = "".join(p + "\n" if p is not None else "(?:.*\n)*" for p in parts)
    return re.fullmatch(pattern, got) is not None


def prepare(directory, env):
    shutil.copytree(FILES, directory, dirs_exist_ok=True)
    for path in pathlib.Path(directory).glob("*.txt"):
        if path.stem != "mine":
            subprocess.run([SLUICE, "asm", "-o", path.with_suffix(".bpf"), path], check=True,
                           env=env)


def main():
    if os.uname().machine != "x86_64":
        print("1..1\nok 1 - examples # SKIP their filters are of x86_64")
        return
    env = dict(os.environ, PATH=os.path.dirname(SLUICE) + ":" + os.environ["PATH"], LC_ALL="C")
    count = failed = 0
    for path in sorted(PAGES.glob("sluice*.1")):
        found = False
        for steps in sessions(path.read_text()):
            with tempfile.TemporaryDirectory() as tmp:
                prepare(tmp, env)
                for command, expected in steps:
                    done = subprocess.run(["sh", "-c", command], cwd=tmp, env=env, text=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, timeout=120)
                    good = matches(expected, done.stdout)
                    found = True
                    count += 1
                    failed += not good
                    print(f"{'ok' if good else 'not ok'} {count} - {path.stem}: "
                          + command.replace("#", "\\#"))
                    if not good:
                        for line in done.stdout.splitlines():
                            print("#", line)
        if not found:
            count += 1
            failed += 1
            print(f"not ok {count} - {path.stem} has an example")
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
