#!/usr/bin/env python3
"""systemd's own test-seccomp: 19 tests over most of the interface.
SPDX-License-Identifier: MIT"""
import os

import client

# Debian 12 has it in the first place, later ones in the second.
PLACES = ["/usr/lib/systemd/tests/test-seccomp", "/usr/lib/systemd/tests/unit-tests/test-seccomp"]
PROGRAM = next((place for place in PLACES if os.path.exists(place)), PLACES[0])


def run(box):
    out = box.run([PROGRAM])
    done = [line for line in out.stderr_text.splitlines() if line.startswith("/* test_")]
    if len(done) < 19:
        raise client.Failed(f"only {len(done)} of its tests ran")


client.main("systemd's test-seccomp", run, needs=[PROGRAM])
