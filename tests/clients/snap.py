#!/usr/bin/env python3
"""snap-seccomp compile: a profile with arguments to a program, through export_bpf.
SPDX-License-Identifier: MIT"""
import client

PROGRAM = "/usr/lib/snapd/snap-seccomp"
PROFILE = """read
write
exit_group
mkdir
setpriority PRIO_PROCESS 0 -
setpriority PRIO_PROCESS 0 >5
socket AF_UNIX
socket AF_INET SOCK_STREAM
ioctl - !TIOCSTI
quotactl Q_GETQUOTA
"""


def run(box):
    (box.dir / "profile").write_text(PROFILE)
    box.run([PROGRAM, "compile", "profile", "out.bin"])
    box.export("profile", box.dir / "out.bin")


client.main("snap-seccomp", run, needs=[PROGRAM])
