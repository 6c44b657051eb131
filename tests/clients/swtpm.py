#!/usr/bin/env python3
"""swtpm --seccomp action=kill: a deny list around a TPM that is spoken to through its sockets.
SPDX-License-Identifier: MIT"""
import client

SCRIPT = client.WAIT_FOR + """
mkdir state
swtpm socket --tpm2 --tpmstate dir=state --ctrl type=unixio,path=control \
	--server type=unixio,path=data --seccomp action=kill &
tpm=$!
wait_for '[ -S control ]' $tpm
swtpm_ioctl --unix control -i && swtpm_ioctl --unix control -g && swtpm_ioctl --unix control -s
said=$?
wait $tpm && [ $said = 0 ]
"""


def run(box):
    box.run(["sh", "-c", SCRIPT])


client.main("swtpm", run, needs=["swtpm", "swtpm_ioctl"],
            sabotages=["rules", "load"])  # none of its rules has arguments
