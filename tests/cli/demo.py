#!/usr/bin/env python3
"""scripts/demo, as root and as an ordinary user; and it fails where nothing is enforced.
demo.py DEMO SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import sys

import live
from live import check, folder, run

DEMO, SLUICE = (live.tool(p) for p in sys.argv[1:3])
# A tool that runs the programs and enforces nothing.
IDLE = """#!/bin/sh
case $1 in
record) exec "$TOOL" "$@" ;;
esac
while [ "$1" != tar ] && [ "$1" != sh ]; do shift; done
exec "$@"
"""

for who, uid in live.users():
    place = folder(uid)
    env = dict(os.environ, TMPDIR=place.name, TOOL=SLUICE)
    r = run([DEMO, SLUICE], uid, place.name, env=env)
    check(f"{who}: the demo works", r.returncode == 0 and "The demo worked" in r.stdout and
          "WRONG" not in r.stdout, r.stdout + r.stderr)
    check(f"{who}: it leaves nothing behind", os.listdir(place.name) == [], os.listdir(place.name))
    idle = place.name + "/idle"
    with open(idle, "w") as f:
        f.write(IDLE)
    os.chmod(idle, 0o755)
    r = run([DEMO, idle], uid, place.name, env=env)
    wrong = r.stdout.count("WRONG: ")
    check(f"{who}: it fails where nothing is enforced", r.returncode == 1 and "FAILED" in r.stdout and
          wrong >= 4, (wrong, r.stdout + r.stderr))
live.done()
