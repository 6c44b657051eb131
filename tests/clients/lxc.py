#!/usr/bin/env python3
"""lxc: a version 2 policy with every operator, per architecture rules that are merged, trap.
SPDX-License-Identifier: MIT"""
import shutil

import client

CONFIG = """lxc.uts.name = test
lxc.seccomp.profile = {dir}/policy
lxc.net.0.type = none
lxc.mount.auto = proc:rw
lxc.rootfs.path = dir:{dir}/root
"""
POLICY = """2
denylist allow
[all]
kexec_load errno 1
mkdir errno 13
mkdirat errno 13
reject_force_umount
[x86_64]
socket errno 22 [0,16,SCMP_CMP_EQ]
personality trap [0,8,SCMP_CMP_MASKED_EQ,8]
setpriority errno 5 [2,10,SCMP_CMP_GE]
getpriority errno 6 [1,7,SCMP_CMP_NE][0,1,SCMP_CMP_LE]
kill errno 7 [1,60,SCMP_CMP_GT]
sched_setparam errno 8 [0,4294967296,SCMP_CMP_LT]
[x86]
mount kill
[x32]
umount2 errno 9
"""
# lxc would put directories in the machine's cgroups; it does without any.
SCRIPT = """
mount -t tmpfs none /sys/fs/cgroup
mkdir -p state root/bin root/dev root/proc root/sys
ln -s busybox root/bin/sh
exec lxc-execute -n test -P "$PWD/state" -f config -- /bin/sh -c \
	'busybox grep Seccomp: /proc/self/status; busybox mkdir /made || echo denied'
"""


def run(box):
    (box.dir / "config").write_text(CONFIG.format(dir=box.dir))
    (box.dir / "policy").write_text(POLICY)
    (box.dir / "root" / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox", path=client.PATH), box.dir / "root" / "bin" / "busybox")
    out = box.run(["sh", "-c", SCRIPT])
    if out.stdout_text.split() != ["Seccomp:", "2", "denied"]:
        raise client.Failed(client.last_line(out.stdout_text + out.stderr_text))


client.main("lxc", run, needs=["lxc-execute", "busybox"])
