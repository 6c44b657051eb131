#!/usr/bin/env python3
"""How long the tool takes to start, beside /bin/true, in turns: startup.py [-n N] SLUICE [ANOTHER]... A
benchmark: it prints medians and decides nothing.
SPDX-License-Identifier: MIT"""
import argparse
import os
import pathlib
import statistics
import sys
import time

# Docker's default profile, for three architectures.
DOCKER = pathlib.Path(__file__).resolve().parents[3] / "shared/data/profiles/moby-default.json"


def commands(tools):
    """{what is shown: words}"""
    found = {"/bin/true": ["/bin/true"]}
    for tool in tools:
        path, name = os.path.abspath(tool), tool if len(tools) > 1 else "sluice"
        found[f"{name} --version"] = [path, "--version"]
        found[f"{name} prove A A"] = [path, "prove", "a.bpf", "a.bpf"]
        if DOCKER.exists():
            found[f"{name} compile"] = [path, "compile", "-o", "/dev/null", str(DOCKER)]
    return found


def once(argv):
    start = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    usage = os.wait4(pid, 0)[2]
    return (time.perf_counter_ns() - start) / 1000, (usage.ru_utime + usage.ru_stime) * 1e6, usage.ru_minflt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=300)
    parser.add_argument("tools", nargs="+")
    options = parser.parse_args()
    words = commands(options.tools)
    os.chdir(os.environ.get("TMPDIR", "/tmp"))
    with open("a.bpf", "wb") as f:
        f.write((6).to_bytes(2, sys.byteorder) + b"\0\0" + (0x7FFF0000).to_bytes(4, sys.byteorder))
    times = {name: [] for name in words}
    for _ in range(options.n):
        for name, argv in words.items():
            times[name].append(once(argv))
    base = [statistics.median(t[i] for t in times["/bin/true"]) for i in (0, 1)]
    for name, values in times.items():
        middle = [statistics.median(t[i] for t in values) for i in (0, 1, 2)]
        print(f"{name:18} median {middle[0]:6.0f} us ({middle[0] - base[0]:+.0f}), "
              f"processor {middle[1]:6.0f} us ({middle[1] - base[1]:+.0f}), "
              f"least {min(values)[0]:6.0f} us, {middle[2]:.0f} page faults")


main()
