#!/usr/bin/env python3
"""The live tests, and those of libsluice, on kernels of other architectures, in emulated machines.

kernels.py [--write] [PART OF A MACHINE'S NAME...]

Cross-builds the tests as static programs, puts them with init.c into a small initramfs, boots each
kernel of machines.py (Debian's, or built of Debian's source) with it, and reports every check as
TAP. --write puts its rows into the tables in RESULTS.md beside this file. Everything downloaded
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
from machines import ABIS, MACHINES, NO_SLUICE_TESTS, ONE_VERSION, SLUICE_TESTS
from results import LIVE, SLUICE, Tap, named, write

TIME_LIMIT = 5400  # seconds for one machine; only to end a hang
Result = collections.namedtuple("Result", "machine version abi passed failed skipped skips seconds")
CHECK = re.compile(r"(not )?ok \d+(?: - )?(.*?)(?: # SKIP(.*))?$")


def programs_of(abi):
    """Paths of what runs there in a build directory."""
    return ["tests/live/live",
            *(f"tests/sluice/test-sluice-{name}" for name in SLUICE_TESTS.get(abi, []))]


def make_initramfs(machine):
    """An archive with init.c and the tests; returns (its path in the root, ABIs left out)."""
    name = f"initramfs-{machine.suite}-{machine.arch}"
    directory = cross.WORK / name
    log = cross.WORK / f"{name}.log"
    log.unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
    missing = {}
    for abi in machine.abis:
        programs = programs_of(abi)
        try:
            built = cross.build(abi, programs, static=True, sluice=abi in SLUICE_TESTS)
            (directory / "tests" / abi).mkdir(parents=True)
            for program in programs:
                shutil.copy(built / program, directory / "tests" / abi)
        except cross.Cannot as why:
            missing[abi] = str(why)
    compile_one(machine.init, "tests/kernels/init.c", f"{name}/init", log)
    if "x86" in machine.abis and "x86_64" in machine.abis:
        # As tests/sluice/meson.build does: the 32-bit program of test-sluice-multiplexed.
        compile_one("x86", "tests/sluice/packed_target.c", f"{name}/target32", log, "-DPACKED_ALONE")
    cross.run("sh", "-c", f"cd /mnt/work/{name} && find . | cpio -o -H newc --quiet | "
              f"gzip -1 >../{name}.gz", log=log)
    return f"/mnt/work/{name}.gz", missing


def compile_one(name, source, program, log, *flags):
    abi = ABIS[name]
    cross.run(f"{abi.prefix}-gcc", *abi.flags, "-O2", "-static", "-D_GNU_SOURCE", *flags, "-o",
              f"/mnt/work/{program}", f"/mnt/source/{source}", log=log)


def boot(machine, kernel, initramfs, log):
    """Lines of the console until the machine says that it is done; (lines, seconds)."""
    command = cross.enter(*machine.qemu, "-m", "512", "-nographic", "-no-reboot", "-nic", "none",
                          "-kernel", kernel, "-initrd", initramfs,
                          "-append", f"{machine.append} panic=-1 quiet")
    begin, lines = time.monotonic(), []
    with open(log, "w", buffering=1, encoding="utf-8") as out, \
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
    """Every check of the console's as one of ours; returns the rows of each table."""
    name, running, counts = f"{machine.arch} {version}", None, collections.defaultdict(
        lambda: {"passed": 0, "failed": 0, "skipped": 0, "skips": {}})
    ended = set()
    for line in lines:
        if start := re.match(r"start (\S+)$", line):
            running = start[1]
        elif running and (check := CHECK.match(line)):
            tap.say(not check[1], f"{name} {running}: {check[2]}", check[3])
            if check[3] is not None:
                counts[table_of(running)]["skips"][check[2]] = check[3]
        elif done := re.match(r"done (\S+): (\d+) passed, (\d+) failed, (\d+) skipped, exit (\d+)$",
                              line):
            passed, failed, skipped, status = map(int, done.group(2, 3, 4, 5))
            well = status == 0 and passed + skipped > 0
            count = counts[table_of(done[1])]
            count["passed"] += passed
            count["failed"] += failed + (not well and not failed)
            count["skipped"] += skipped
            ended.add(done[1])
            tap.say(well, f"{name} {done[1]} ended well")
    for abi in machine.abis:
        if abi in missing:
            tap.say(False, f"{name} {abi} builds: {missing[abi]}")
            continue
        for program in programs_of(abi):
            running = f"{abi}/{program.split('/')[-1]}"
            if running not in ended:
                tap.say(False, f"{name} {running} ran to its end")
                counts[table_of(running)]["failed"] += 1
    return {table: [Result(machine, version, abi, c["passed"], c["failed"], c["skipped"],
                           named(c["skips"]), seconds)
                    for (of, abi), c in counts.items() if of == table]
            for table in (LIVE, SLUICE)}


def table_of(program):
    """(the table, the ABI) that a program's checks count for"""
    abi, _, name = program.partition("/")
    return LIVE if name == "live" else SLUICE, abi


def test(tap, machine):
    with cross.only_one():
        kernel, version = get_kernel(machine)
        initramfs, missing = make_initramfs(machine)
    log = cross.WORK / f"console-{machine.suite}-{machine.arch}.log"
    lines, seconds = boot(machine, kernel, initramfs, log)
    print(f"# {machine.arch} {version}: {seconds:.0f} s, console in {log}", flush=True)
    return report(tap, machine, version, lines, seconds, missing)


def write_tables(results):
    order = [m.arch for m in MACHINES]
    if results[LIVE]:
        write(LIVE, ["`scripts/test --kernels`, with `SECCOMP_SELF_CHECK=1`. Seconds: from the emulator's",
                     "start (TCG) to the last test, for all programs of that machine."],
              ["kernel", "version", "programs", "passed", "failed", "skipped", "seconds"],
              {(r.machine.arch, r.version, r.abi): (*cells_of(r), f"{r.seconds:.0f}")
               for r in results[LIVE]},
              ["Built, as Debian has no such kernel:", "",
               *(f"- {m.arch}: `{m.package}` of {m.suite} and `tests/kernels/{m.build.config}`"
                 for m in MACHINES if m.build), "",
               "6.1 is Debian 12's, 7.2 sid's. On one of them only:", "",
               *(f"- {name}: {why}" for name, why in ONE_VERSION.items())], order)
    if results[SLUICE]:
        write(SLUICE, ["`scripts/test --kernels`, as above: `tests/sluice`, linked with the archives of both",
                       "libraries. The machines have no system but these programs."],
              ["kernel", "version", "programs", "passed", "failed", "skipped"],
              {(r.machine.arch, r.version, r.abi): cells_of(r) for r in results[SLUICE]},
              ["Not run for any of them:", "",
               *(f"- {names}: {why}" for names, why in NO_SLUICE_TESTS.items())], order)


def cells_of(r):
    return r.passed, r.failed, f"{r.skipped} ({r.skips})" if r.skips else r.skipped


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
            if options.write:
                write_tables(results)
        except cross.Cannot as why:
            tap.say(True, f"{machine.suite} {machine.arch}", why)
        except cross.Broken as why:
            tap.say(False, f"{machine.suite} {machine.arch} builds: {why}")
    print(f"1..{tap.count}")
    sys.exit(1 if tap.bad else 0)


main()
