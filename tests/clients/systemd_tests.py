#!/usr/bin/env python3
"""systemd's own test-seccomp: 19 tests over most of the interface.
SPDX-License-Identifier: MIT"""
import client

PROGRAM = "/usr/lib/systemd/tests/test-seccomp"


def run(box):
    out = box.run([PROGRAM])
    done = [line for line in out.stderr_text.splitlines() if line.startswith("/* test_")]
    if len(done) < 19:
        raise client.Failed(f"only {len(done)} of its tests ran")


client.main("systemd's test-seccomp", run, needs=[PROGRAM])
