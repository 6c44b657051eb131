#!/usr/bin/env python3
"""chronyd -F 1 and -F 2: long allow lists with arguments; a server and a client on loopback.
SPDX-License-Identifier: MIT"""
import client

SERVER = """port 11123
local stratum 5
allow 127.0.0.1
bindaddress 127.0.0.1
cmdport 0
bindcmdaddress {dir}/server.sock
pidfile {dir}/server.pid
"""
CLIENT = """server 127.0.0.1 port 11123 iburst minpoll 0 maxpoll 0
port 0
cmdport 0
bindcmdaddress {dir}/client.sock
pidfile {dir}/client.pid
"""
SCRIPT = client.WAIT_FOR + """
chronyd -x -d -u "$(id -un)" -F 1 -f server.conf >server.log 2>&1 &
server=$!
chronyd -x -d -u "$(id -un)" -F 2 -f client.conf >client.log 2>&1 &
client=$!
wait_for "grep -q 'Selected source' client.log" $server $client
kill -TERM $client $server
wait $server; server=$?
wait $client; client=$?
echo "server $server client $client"
grep -q 'Selected source' client.log && [ $server$client = 00 ]
"""


def run(box):
    (box.dir / "server.conf").write_text(SERVER.format(dir=box.dir))
    (box.dir / "client.conf").write_text(CLIENT.format(dir=box.dir))
    out = box.run(["sh", "-c", SCRIPT], ok=None)
    if out.returncode != 0:
        logs = [client.log_end(box.dir / f) for f in ("server.log", "client.log")]
        raise client.Failed(f"{client.last_line(out.stdout_text)}: {logs}")


client.main("chronyd", run, needs=["chronyd"])
