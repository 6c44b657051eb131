#!/usr/bin/env python3
"""crun: a container with the default profile, three architectures, through export_bpf.
SPDX-License-Identifier: MIT"""
import client
import container


def run(box):
    container.bundle(box, container.INSIDE)
    script = container.CGROUPS + ('exec crun --root state --cgroup-manager=disabled '
                                  'run -b bundle test')
    container.check(box.run(["sh", "-c", script]))


client.main("crun", run, needs=["crun", "busybox"])
