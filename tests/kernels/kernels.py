#!/usr/bin/env python3
"""The live tests on kernels of other architectures, each in an emulated machine.

kernels.py [--write] [PART OF A MACHINE'S NAME...]

Cross-builds the live tests as static programs, puts them with init.c into a small initramfs, boots
each kernel of machines.py (Debian's, or built of Debian's source) with it, and reports every check
as TAP. --write puts its rows into the table in RESULTS.md beside this file. Everything downloaded
or built stays in the cache, see cross.py.
SPDX-License-Identifier: MIT"""
import argparse
import collections
import re
import shutil
import subprocess
import sys
import threading
import time

import cross
from kernel import get_kernel
from machines import ABIS, MACHINES, ONE_VERSION
from results import SECTIONS, Tap, named, write

TIME_LIMIT = 900  # seconds for one machine; only to end a hang
Result = collections.namedtuple("Result", "machine version abi passed failed skipped skips seconds")


def make_initramfs(machine):
    """An archive with init.c and the live tests; returns (its path in the root, ABIs left out)."""
    name = f"initramfs-{machine.suite}-{machine.arch}"
    directory = cross.WORK / name
    log = cross.WORK / f"{name}.log"
    log.unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "tests").mkdir(parents=True)
    missing = {}
    for abi in machine.abis:
        try:
            built = cross.build(abi, ["tests/live/live"], static=True)
            shutil.copy(built / "tests/live/live", directory / "tests" / abi)
        except cross.Cannot as why:
            missing[abi] = str(why)
    abi = ABIS[machine.init]
    cross.run(f"{abi.prefix}-gcc", *abi.flags, "-O2", "-static", "-D_GNU_SOURCE", "-o",
              f"/mnt/work/{name}/init", "/mnt/source/tests/kernels/init.c", log=log)
    cross.run("sh", "-c", f"cd /mnt/work/{name} && find . | cpio -o -H newc --quiet | "
              f"gzip -1 >../{name}.gz", log=log)
    return f"/mnt/work/{name}.gz", missing


def boot(machine, kernel, initramfs, log):
    """Lines of the console until the machine says that it is done; (lines, seconds)."""
    command = cross.enter(*machine.qemu, "-m", "512", "-nographic", "-no-reboot", "-nic", "none",
                          "-kernel", kernel, "-initrd", initramfs,
                          "-append", f"{machine.append} panic=-1 quiet")
    begin, lines = time.monotonic(), []
    with open(log, "w", encoding="utf-8") as out, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace") as child:
        timer = threading.Timer(TIME_LIMIT, child.kill)
        timer.start()
        for line in child.stdout:
            line = line.rstrip("\r\n")
            print(line, file=out)
            lines.append(line)
            if line == "all done":
                break
        timer.cancel()
        child.kill()  # unshare --kill-child: the emulator goes with it
    return lines, time.monotonic() - begin


def report(tap, machine, version, lines, seconds, missing):
    """Every check of the console's as one of ours; returns the rows of the table."""
    name, results, abi, skips = f"{machine.arch} {version}", [], None, {}
    for line in lines:
        if start := re.match(r"start (\w+)$", line):
            abi, skips = start[1], {}
        elif check := re.match(r"(not )?ok \d+(?: - )?(.*?)(?: # SKIP(.*))?$", line):
            tap.say(not check[1], f"{name} {abi}: {check[2]}", check[3])
            if check[3] is not None:
                skips[check[2]] = check[3]
        elif done := re.match(r"done (\w+): (\d+) passed, (\d+) failed, (\d+) skipped, exit (\d+)$",
                              line):
            results.append(Result(machine, version, done[1], *map(int, done.group(2, 3, 4)),
                                  named(skips), seconds))
            tap.say(int(done[5]) == 0 and int(done[2]) > 0, f"{name} {done[1]} ended well")
    finished = {r.abi for r in results}
    for abi in machine.abis:
        if abi in missing:
            tap.say(False, f"{name} {abi} builds: {missing[abi]}")
        elif abi not in finished:
            tap.say(False, f"{name} {abi} ran to its end")
    return results


def test(tap, machine):
    with cross.only_one():
        kernel, version = get_kernel(machine)
        initramfs, missing = make_initramfs(machine)
    log = cross.WORK / f"console-{machine.suite}-{machine.arch}.log"
    lines, seconds = boot(machine, kernel, initramfs, log)
    print(f"# {machine.arch} {version}: {seconds:.0f} s, console in {log}", flush=True)
    return report(tap, machine, version, lines, seconds, missing)


def write_table(results):
    write(SECTIONS[0], ["`scripts/test --kernels`, with `SECCOMP_SELF_CHECK=1`. Seconds: from the emulator's",
              "start (TCG) to the last test, for all programs of that machine."],
          ["kernel", "version", "programs", "passed", "failed", "skipped", "seconds"],
          {(r.machine.arch, r.version, r.abi):
           (r.passed, r.failed, f"{r.skipped} ({r.skips})" if r.skips else r.skipped,
            f"{r.seconds:.0f}") for r in results},
          ["Built, as Debian has no such kernel:", "",
           *(f"- {m.arch}: `{m.package}` of {m.suite} and `tests/kernels/{m.build.config}`"
             for m in MACHINES if m.build), "",
           "6.1 is Debian 12's, 7.2 sid's. On one of them only:", "",
           *(f"- {name}: {why}" for name, why in ONE_VERSION.items())],
          [m.arch for m in MACHINES])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    parser.add_argument("machine", nargs="*", help="only those with this in suite-architecture")
    options = parser.parse_args()
    tap = Tap()
    machines = [m for m in MACHINES if not options.machine
                or any(part in f"{m.suite}-{m.arch}" for part in options.machine)]
    try:
        with cross.only_one():
            cross.make_root()
    except cross.Cannot as why:
        tap.say(True, "live tests on other kernels", why)
        machines = []
    for machine in machines:
        try:
            results = test(tap, machine)
            if options.write and results:
                write_table(results)
        except cross.Cannot as why:
            tap.say(True, f"{machine.suite} {machine.arch}", why)
        except cross.Broken as why:
            tap.say(False, f"{machine.suite} {machine.arch} builds: {why}")
    print(f"1..{tap.count}")
    sys.exit(1 if tap.bad else 0)


main()
