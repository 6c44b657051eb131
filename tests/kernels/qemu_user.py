#!/usr/bin/env python3
"""The simulated cases of every architecture, built for others and run by qemu-user.

qemu_user.py [ABI...]

Only the case files that begin by removing the native architecture: the others are about x86_64. Big and little endian, 32 and 64 bits, alignments and long doubles of other machines: what a
compiler makes of the sources there has to decide the same. (qemu-user's seccomp is not the
kernel's: no live tests here, see kernels.py for those.)
SPDX-License-Identifier: MIT"""
import re
import subprocess
import sys

import cross
from machines import ABIS

TIME_LIMIT = 1800
LIBRARY = "src/libseccomp.so.2.6.1"
CASES = ["everywhere.case", "multiplexed.case", "operators.case"]
RUNNER = "tests/cases/cases"
count = bad = 0


def say(ok, name, skip=None):
    global count, bad
    count += 1
    bad += not ok
    skip = f" # SKIP {skip}" if skip is not None else ""
    print(f"{'ok' if ok else 'not ok'} {count} - {name}{skip}", flush=True)


def test(name, mode):
    """Runs all case files in one way and reports each of the runner's checks."""
    files = [f"/mnt/source/tests/cases/{f}" for f in CASES]
    try:
        out = subprocess.run(
            cross.enter(*cross.user_command(name), f"/mnt/work/{name}/{RUNNER}",
                        f"/mnt/work/{name}/{LIBRARY}", mode, *files),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        say(False, f"{name} {mode}: ended in {TIME_LIMIT} s")
        return
    checks = 0
    for line in out.stdout.splitlines():
        if check := re.match(r"\s*(not )?ok \d+(?: - )?(.*?)(?: # SKIP(.*))?$", line):
            say(not check[1], f"{name} {mode}: {check[2]}", check[3])
            checks += 1
        elif line.startswith("#"):
            print(line)
    last = out.stdout.splitlines()[-1:] or [""]
    say(out.returncode == 0 and checks > 0, f"{name} {mode} ended well"
        + ("" if out.returncode == 0 else f": {out.returncode}, {last[0][:200]}"))


def main():
    names = sys.argv[1:] or [name for name, abi in ABIS.items() if abi.user]
    try:
        with cross.only_one():
            cross.make_root()
    except cross.Cannot as why:
        say(True, "cases under qemu-user", why)
        names = []
    for name in names:
        try:
            with cross.only_one():
                cross.build(name, [RUNNER, LIBRARY], static=False)
        except cross.Cannot as why:
            say(False, f"{name} builds: {why}")
            continue
        test(name, "--sim")
    print(f"1..{count}")
    sys.exit(1 if bad else 0)


main()
