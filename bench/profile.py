#!/usr/bin/env python3
"""A profile's way to its program: profile.py BUILD LIBSECCOMP [PROFILE], a Markdown table.

In one process, from the text in memory to the program, for three architectures: with this tree's library
and with LIBSECCOMP (another one) below the same reader, in turns. And as a process: "sluice compile" beside
/bin/true, in turns. PROFILE is Docker's default profile, ../shared/data/profiles/moby-default.json where
present. Medians (lowest). A benchmark: it decides nothing.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
DOCKER = TOP.parent / "shared/data/profiles/moby-default.json"
ROUNDS = 15
PROCESSES = 300


def inside(tool, library, text):
    with tempfile.TemporaryDirectory() as place:
        os.symlink(os.path.abspath(library), f"{place}/libseccomp.so.2")
        done = subprocess.run([tool, "time", "arches=x86_64,x86,x32"], input=text, check=True,
                              stdout=subprocess.PIPE, env={"LD_LIBRARY_PATH": place})
    return [float(line) for line in done.stdout.split()]


def process(argv):
    start = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    os.waitpid(pid, 0)
    return (time.perf_counter_ns() - start) / 1000


def row(what, samples, base=None):
    ratio = "" if base is None else f"{statistics.median(samples) / statistics.median(base):.2f}"
    print(f"| {what} | {statistics.median(samples):.0f} µs ({min(samples):.0f}) | {ratio} |")


def main():
    build, theirs = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    profile = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else DOCKER
    tool, ours = build / "tests/profile/profile-tool", build / "src/libseccomp.so.2"
    text = profile.read_bytes()
    samples = {ours: [], theirs: []}
    for _ in range(ROUNDS):
        for library, found in samples.items():
            found += inside(tool, library, text)
    commands = {"/bin/true": ["/bin/true"],
                "sluice compile": [str(build / "cli/sluice"), "compile", "-o", "/dev/null", str(profile)]}
    started = {name: [] for name in commands}
    for _ in range(PROCESSES):
        for name, argv in commands.items():
            started[name].append(process(argv))
    print("| what | median (lowest) | of the row above |\n|---|---|---|")
    row("text to program, 3 architectures, this libseccomp", samples[ours])
    row("the same reader on the other libseccomp", samples[theirs], samples[ours])
    row("/bin/true", started["/bin/true"])
    row("`sluice compile`, the machine's architectures", started["sluice compile"], started["/bin/true"])


main()
