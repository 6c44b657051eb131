#!/usr/bin/env python3
"""bubblewrap --seccomp: a program from seccomp_export_bpf, made by a script like flatpak does.
SPDX-License-Identifier: MIT"""
import client

# mkdir gets EACCES (13), kill with signal 10 gets EXDEV (18).
MAKE = """
import ctypes, sys
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
class Cmp(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
ALLOW, ERRNO, EQ = 0x7fff0000, 0x50000, 4
ctx = ctypes.c_void_p(lib.seccomp_init(ALLOW))
for name in (b"mkdir", b"mkdirat"):
    nr = lib.seccomp_syscall_resolve_name(name)
    assert lib.seccomp_rule_add_array(ctx, ERRNO | 13, nr, 0, None) == 0
nr = lib.seccomp_syscall_resolve_name(b"kill")
cmp = Cmp(1, EQ, 10, 0)
assert lib.seccomp_rule_add_array(ctx, ERRNO | 18, nr, 1, ctypes.byref(cmp)) == 0
with open("filter.bpf", "wb") as out:
    assert lib.seccomp_export_bpf(ctx, out.fileno()) == 0
"""
INSIDE = """
import os, signal
def errno(call, *args):
    try:
        call(*args)
    except OSError as e:
        return e.errno
    return 0
print(errno(os.mkdir, "made"), errno(os.kill, os.getpid(), 10), errno(os.kill, os.getpid(), 0))
"""


def run(box):
    (box.dir / "make.py").write_text(MAKE)
    (box.dir / "inside.py").write_text(INSIDE)
    out = box.run(["sh", "-c", "python3 make.py && exec bwrap --dev-bind / / --seccomp 3 "
                   "python3 inside.py 3<filter.bpf"])
    if out.stdout_text.strip() != "13 18 0":
        raise client.Failed("mkdir, kill with 10, kill with 0 gave " + out.stdout_text.strip())


client.main("bubblewrap", run, needs=["bwrap"])
