#!/usr/bin/env python3
"""apt with APT::Sandbox::Seccomp: its http method fetches from a server in the box.
SPDX-License-Identifier: MIT"""
import client

SCRIPT = client.WAIT_FOR + """
mkdir -p repository state/lists/partial cache/archives/partial
printf 'Package: none\\nVersion: 1\\nArchitecture: all\\nDescription: nothing\\nFilename: x\\nSize: 1\\n\\n' \
	>repository/Packages
: >state/status
chmod -R 777 repository state cache
echo "deb [trusted=yes] http://127.0.0.1:8123/repository ./" >sources.list
python3 -m http.server --bind 127.0.0.1 8123 >server.log 2>&1 &
server=$!
wait_for "python3 -c 'import socket; socket.create_connection((\\"127.0.0.1\\", 8123))' 2>/dev/null" \
	$server
apt-get -o APT::Sandbox::Seccomp=true -o APT::Sandbox::Seccomp::Print=true -o Dir::State="$PWD/state" \
	-o Dir::State::status="$PWD/state/status" -o Dir::Cache="$PWD/cache" \
	-o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null \
	-o Acquire::http::Proxy=DIRECT -o Acquire::Languages=none -o APT::Update::Post-Invoke::=true update
result=$?
kill $server
ls state/lists
exit $result
"""


def run(box):
    out = box.run(["sh", "-c", SCRIPT])
    if "_Packages" not in out.stdout_text:
        raise client.Failed("no list came: " + client.last_line(out.stdout_text + out.stderr_text))


client.main("apt", run, needs=["apt-get"], sabotages=["rules", "load"])
