#!/usr/bin/env python3
"""qemu-system-x86_64 -sandbox on: a deny list with TSYNC, and QMP spoken inside.
SPDX-License-Identifier: MIT"""
import client

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
QMP = "\n".join('{"execute": "%s"}' % c for c in ("qmp_capabilities", "query-status", "quit"))


def run(box):
    out = box.run(["qemu-system-x86_64", "-sandbox", SANDBOX, "-machine", "microvm,accel=tcg",
                   "-m", "32", "-S", "-nodefaults", "-display", "none", "-qmp", "stdio"], stdin=QMP + "\n")
    if '"status": "prelaunch"' not in out.stdout_text:
        raise client.Failed("no answer to query-status: " + client.last_line(out.stderr_text))


client.main("qemu", run, needs=["qemu-system-x86_64"])
