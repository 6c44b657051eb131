#!/usr/bin/env python3
"""runc: a container with the default profile, three architectures, through export_bpf.
SPDX-License-Identifier: MIT"""
import client
import container


def run(box):
    container.bundle(box, container.INSIDE)
    script = container.CGROUPS + 'exec runc --root state run -b bundle "$1"'
    container.check(box.run(["sh", "-c", script, "sh", f"sluice-test-{box.dir.parent.name}"]))


client.main("runc", run, needs=["runc", "busybox"])
