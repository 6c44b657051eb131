#!/usr/bin/env python3
"""What commands remember of a program: does the work grow with how much it is, and no faster?
growth.py GROWTH, which is growth.c. Prints TAP. valgrind counts instructions; no time decides.
SPDX-License-Identifier: MIT"""
import os
import re
import shutil
import subprocess
import sys

from live import check, done, skip

# What one of many may cost more than one of few: the sort, and the last doubling of a table. A quadratic
# structure takes 8 times as much for each.
N, TIMES, ROOM = 4000, 8, 1.6


def instructions(tool, what, n):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    r = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=remember", "--callgrind-out-file=/dev/null",
                        tool, what, str(n)], capture_output=True, text=True, env=env, check=False)
    found = re.search(r"Collected : (\d+)", r.stderr)
    return r, int(found[1]) if found else 0


def main():
    tool = sys.argv[1]
    for what in ("calls", "threads"):
        r = subprocess.run([tool, what, str(N)], check=False)
        check(f"{what}: {N} are told apart, and counted", r.returncode == 0, r)
        if not shutil.which("valgrind"):
            skip(f"{what}: the work grows with their number", "no valgrind")
            continue
        r, few = instructions(tool, what, N)
        if not few:
            skip(f"{what}: the work grows with their number", "valgrind cannot run this build: " +
                 r.stderr.replace("\n", " ")[-200:])
            continue
        _, many = instructions(tool, what, TIMES * N)
        check(f"{what}: {TIMES} times as many take at most {TIMES * ROOM:g} times the instructions",
              TIMES * 0.5 < many / few < TIMES * ROOM, f"{few} instructions for {N}, {many} for {TIMES * N}")
    done()


main()
