#!/usr/bin/env python3
"""tor with Sandbox 1: 500 instructions, pointers as data.
SPDX-License-Identifier: MIT"""
import struct

import client

TORRC = """Sandbox 1
DisableNetwork 1
SocksPort 0
ControlSocket {dir}/private/control
DataDirectory {dir}/data
Log notice stdout
RunAsDaemon 0
"""
# The control socket is there: it works inside. Then it has to end by itself, on SIGINT, but not
# before all of its threads wait for work: one that starts while it ends finds its mutex gone.
SCRIPT = client.WAIT_FOR + """
setarch -R tor -f torrc --defaults-torrc /dev/null >tor.log 2>&1 &
tor=$!
wait_for "grep -q 'Bootstrapped 0%' tor.log && [ -S private/control ] &&
	! grep -L '^State:.S' /proc/$tor/task/*/status | grep -q ." $tor
kill -INT $tor
wait $tor
"""
CLUSTER = 1 << 16  # tor keeps the strings that it allows together in one mapping,
AROUND = 32 << 20  # and forbids changes of a range around that mapping
NEW_BASE = 0x50000000


def without_addresses(program):
    """The mapping with the allowed strings lies elsewhere when the libraries have other sizes."""
    insns = [list(i) for i in struct.iter_unpack("=HBBI", program)]
    jumps = [i for i in insns if i[0] & 7 == 5]
    low = sorted({i[3] for i in jumps if 0x10000000 <= i[3] < 0xff000000})
    if len(low) < 8:
        return program
    most = max(low, key=lambda base: sum(base <= k < base + CLUSTER for k in low))
    base = most & ~0xfff
    for insn in jumps:
        if abs(insn[3] - base) < AROUND:
            insn[3] = insn[3] - base + NEW_BASE
    return b"".join(struct.pack("=HBBI", *i) for i in insns)


def run(box):
    (box.dir / "data").mkdir(mode=0o700)
    (box.dir / "private").mkdir(mode=0o700)
    (box.dir / "torrc").write_text(TORRC.format(dir=box.dir))
    out = box.run(["sh", "-c", SCRIPT], ok=None)
    log = (box.dir / "tor.log").read_text()
    if out.returncode != 0 or "exiting cleanly" not in log:
        raise client.Failed(f"tor ended with {out.returncode}: {client.last_line(log)}")


client.main("tor", run, needs=["tor", "setarch"], normalise=without_addresses,
            sabotages=["rules", "load"])  # "args" keeps it waiting for its threads for 30 s
