#!/usr/bin/env python3
"""slirp4netns --enable-seccomp: a deny list around a network for another namespace.
SPDX-License-Identifier: MIT"""
import client

SCRIPT = client.WAIT_FOR + """
unshare --net sleep 60 &
other=$!
wait_for "! [ /proc/$other/ns/net -ef /proc/self/ns/net ]" $other
slirp4netns --enable-seccomp --configure --ready-fd=3 --api-socket=api $other tap0 3>ready &
slirp=$!
wait_for '[ -s ready ]' $slirp
printf '{"execute": "list_hostfwd"}' | python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("api")
s.sendall(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
print(s.recv(4096).decode())'
nsenter --target $other --net ip -brief address show tap0
kill $slirp $other
wait $slirp
echo "ended with $?"
"""


def run(box):
    out = box.run(["sh", "-c", SCRIPT], ok=None)
    for wanted in ('"entries"', "10.0.2.100", "ended with 143"):
        if wanted not in out.stdout_text:
            raise client.Failed(f"no {wanted}: " + client.last_line(out.stdout_text + out.stderr_text))


client.main("slirp4netns", run, needs=["slirp4netns", "nsenter"],
            sabotages=["rules", "load"])  # none of its rules has arguments
