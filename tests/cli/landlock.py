#!/usr/bin/env python3
"""Landlock alone, for comparison: landlock.py [--ro PATH | --rw PATH | --tcp PORT]... -- COMMAND. All that the kernel's
Landlock can restrict is restricted, but for what the options name. Numbers: include/uapi/linux/landlock.h.
SPDX-License-Identifier: MIT"""
import ctypes
import os
import stat
import struct
import sys

READ, FILE, ALL = 0x0d, 0x9007, {1: 0x1fff, 2: 0x3fff, 3: 0x7fff, 4: 0x7fff}  # by ABI; from 5 on 0xffff
DEVICES = 0x840  # MAKE_CHAR, MAKE_BLOCK
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    rc = libc.syscall(ctypes.c_long(number), *args)
    if rc < 0:
        sys.exit(f"landlock.py: call {number}: {os.strerror(ctypes.get_errno())}")
    return rc


def allow(ruleset, kind, rule):
    call(445, ruleset, kind, rule, 0)


def allow_path(ruleset, path, access):
    fd = os.open(path, os.O_PATH)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        access &= FILE
    allow(ruleset, 1, struct.pack("=Qi", access, fd))
    os.close(fd)


def main():
    words = sys.argv[1:sys.argv.index("--")]
    command = sys.argv[sys.argv.index("--") + 1:]
    options = list(zip(words[::2], words[1::2]))
    abi = call(444, None, ctypes.c_size_t(0), 1)
    files = any(o != "--tcp" for o, _ in options)
    full = ALL.get(abi, 0xffff)
    attr = struct.pack("=QQQ", full if files else DEVICES, 3 if abi >= 4 and not files else 0, 3 if abi >= 6 else 0)
    ruleset = call(444, attr, ctypes.c_size_t(len(attr)), 0)
    for option, value in options:
        if option == "--tcp":
            allow(ruleset, 2, struct.pack("=QQ", 2, int(value)))
        else:
            allow_path(ruleset, value, (READ if option == "--ro" else full & ~DEVICES) & full)
    if libc.prctl(38, 1, 0, 0, 0):
        sys.exit("landlock.py: no_new_privs")
    call(446, ruleset, 0)
    os.execvp(command[0], command)


main()
