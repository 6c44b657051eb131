#!/usr/bin/env python3
"""How long the tool takes to start, beside /bin/true, in turns: startup.py SLUICE [N]. A benchmark: it
prints medians and decides nothing.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import statistics
import sys
import time

SLUICE = os.path.abspath(sys.argv[1])
N = int(sys.argv[2]) if len(sys.argv) > 2 else 300
COMMANDS = {"/bin/true": ["/bin/true"], "sluice --version": [SLUICE, "--version"],
            "sluice prove A A": [SLUICE, "prove", "a.bpf", "a.bpf"]}
# Docker's default profile, for three architectures.
DOCKER = pathlib.Path(__file__).resolve().parents[3] / "shared/data/profiles/moby-default.json"
if DOCKER.exists():
    COMMANDS["sluice compile"] = [SLUICE, "compile", "-o", "/dev/null", str(DOCKER)]


def once(argv):
    start = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    usage = os.wait4(pid, 0)[2]
    return (time.perf_counter_ns() - start) / 1000, (usage.ru_utime + usage.ru_stime) * 1e6


def main():
    os.chdir(os.environ.get("TMPDIR", "/tmp"))
    with open("a.bpf", "wb") as f:
        f.write((6).to_bytes(2, sys.byteorder) + b"\0\0" + (0x7FFF0000).to_bytes(4, sys.byteorder))
    times = {name: [] for name in COMMANDS}
    for _ in range(N):
        for name, argv in COMMANDS.items():
            times[name].append(once(argv))
    base = [statistics.median(t[i] for t in times["/bin/true"]) for i in (0, 1)]
    for name, values in times.items():
        middle = [statistics.median(t[i] for t in values) for i in (0, 1)]
        print(f"{name:18} median {middle[0]:6.0f} us ({middle[0] - base[0]:+.0f}), "
              f"processor {middle[1]:6.0f} us ({middle[1] - base[1]:+.0f}), "
              f"least {min(values)[0]:6.0f} us")


main()
