#!/usr/bin/env python3
"""The simulated tests, built for every other ABI and run by qemu-user.

qemu_user.py [--write] [ABI...]

Big and little endian, 32 and 64 bits, alignments and long doubles of other machines: what a
compiler makes of the sources there has to decide the same. Of the case files only those that begin
by removing the native architecture: the others are about x86_64. (qemu-user has no seccomp: no
live tests here, see kernels.py for those.) --write puts each ABI's row into the table in RESULTS.md
beside this file.
SPDX-License-Identifier: MIT"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess

import cross
from machines import ABIS, NO_USER
from results import SIMULATED, Tap, named, write

TIME_LIMIT = 3600  # only to end a hang
LIBRARY = "src/libseccomp.so.2"
CASES = [f"/mnt/source/tests/cases/{f}.case" for f in ("everywhere", "multiplexed", "operators")]
# Suite, program and arguments; the library's name stands for the one that was built.
PROGRAMS = [
    ("cases", "tests/cases/cases", [LIBRARY, "--sim", *CASES]),
    ("alloc", "tests/alloc/alloc", CASES[:1]),
    ("random", "tests/differential/random", ["--count", "2000", "--jobs", "1", LIBRARY]),
    *(("unit", f"tests/unit/test-{name}", []) for name in
      ("alphabetic", "arch", "calls", "low_word", "many", "order", "pfc")),
    *(("prove", f"tests/prove/test_prove_{name}", []) for name in
      ("bounds", "bpf", "prove", "memory")),
    ("prove", "tests/prove/test_prove_mutate", ["200", "100", "100"]),
]
# What else scripts/test runs of these suites, and why not here.
NO_PROGRAM = {
    "cases: arguments, arches, attributes, history, pairs, precedence, returns, size, transactions":
    "x86_64 is the native architecture in them",
    "cases-live, prove-kernel": "load filters; qemu-user has no seccomp",
    "prove-peers": "there is no other libseccomp for these ABIs",
}
# What these runs have found that is no fault of ours.
FINDINGS = """\
m68k is built with `-fno-fold-mem-offsets` (`meson.build`). With that pass, at `-O2`, GCC 14.2.0-19
for m68k moves the offset of `pieces[n]` in `compare()` of `src/dag/linear.c` into one of three
stores only: the start of a piece goes to `-36(%a1)` instead of `56(%a1)`. Filters then match
where `A0 == 0` does not hold. The prover and the oracle found it.""".splitlines()
SUITES = list(dict.fromkeys(suite for suite, _, _ in PROGRAMS))
CHECK = re.compile(r"\s*(not )?ok \d+(?: - )?(.*?)(?: # SKIP(.*))?$")


def start(name, program, arguments):
    """Runs one program to its end; (its lines, its exit status), None when it hangs."""
    directory = f"/mnt/work/{name}"
    arguments = [f"{directory}/{a}" if a == LIBRARY else a for a in arguments]
    try:
        done = subprocess.run(
            cross.enter("env", "CMOCKA_MESSAGE_OUTPUT=TAP", "SECCOMP_SELF_CHECK=1",
                        *cross.user_command(name), f"{directory}/{program}", *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return [f"did not end in {TIME_LIMIT} s"], None
    return done.stdout.splitlines(), done.returncode


def report(tap, title, lines, status, counts, skips):
    """Every check of a program as one of ours."""
    checks = 0
    for line in lines:
        if check := CHECK.match(line):
            tap.say(not check[1], f"{title}: {check[2]}", check[3])
            counts["failed" if check[1] else "passed" if check[3] is None else "skipped"] += 1
            if check[3] is not None:
                skips[check[2]] = check[3]
            checks += 1
        elif line.startswith("#") or status:
            print("#", line.lstrip("# "))
    ok = status == 0 and checks > 0
    tap.say(ok, f"{title} ended well" + ("" if ok else f": exit status {status}"))
    counts["failed"] += not ok


def test(tap, name):
    """Builds and runs all for one ABI; ({suite: Counter of passed, failed, skipped}, {skipped
    check: why})."""
    with cross.only_one():
        built = cross.build(name, [program for _, program, _ in PROGRAMS], static=False)
        # The soname is a link, which the build does not make for a target of its own.
        cross.build(name, ["src/" + os.readlink(built / LIBRARY)], static=False)
    counts, skips = {suite: collections.Counter() for suite in SUITES}, {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [(suite, program, pool.submit(start, name, program, arguments))
                   for suite, program, arguments in PROGRAMS]
        for suite, program, future in running:
            report(tap, f"{name} {os.path.basename(program)}", *future.result(), counts[suite],
                   skips)
    return counts, skips


def write_table(name, counts, skips):
    write(SIMULATED, ["`scripts/test --qemu-user`, with `SECCOMP_SELF_CHECK=1`. A cell: passed, failed,",
              "skipped."],
          ["ABI", *SUITES, "skipped"],
          {(name,): [*(f"{counts[s]['passed']}, {counts[s]['failed']}, {counts[s]['skipped']}"
                       for s in SUITES), named(skips)]},
          ["Not run for any of them:", "",
           *(f"- {what}: {why}" for what, why in NO_PROGRAM.items()), "",
           "Not run at all:", "", *(f"- {abi}: {why}" for abi, why in NO_USER.items()), "",
           *FINDINGS], list(ABIS))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    parser.add_argument("abi", nargs="*", help="only these")
    options = parser.parse_args()
    tap = Tap()
    names = options.abi or [name for name, abi in ABIS.items() if abi.user]
    try:
        with cross.only_one():
            cross.make_root()
    except cross.Cannot as why:
        tap.say(True, "tests under qemu-user", why)
        names = []
    for name in names:
        try:
            counts, skips = test(tap, name)
            if options.write:
                write_table(name, counts, skips)
        except cross.Cannot as why:
            tap.say(False, f"{name} builds: {why}")
    for name, why in NO_USER.items():
        tap.say(True, f"simulated tests of {name}", why)
    print(f"1..{tap.count}")
    raise SystemExit(1 if tap.bad else 0)


main()
