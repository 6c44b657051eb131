#!/usr/bin/env python3
"""scmp_sys_resolver beside what it must say, and beside Debian's own (package seccomp).

  scmp_sys_resolver.py OURS    prints TAP
"""
import os
import subprocess
import sys

DEBIAN = "/usr/bin/scmp_sys_resolver"
USAGE = (22, "")
# Arguments, exit status and output (on x86_64 where no -a is given).
EXPECTED = [
    ("", *USAGE), ("-h", *USAGE), ("-h read", *USAGE), ("-x", *USAGE), ("-a", *USAGE),
    ("-t", *USAGE), ("-a nonesuch read", *USAGE), ("-1", *USAGE),
    ("-a x86_64 read", 0, "0"), ("-a x86_64 0", 0, "read"), ("-a x86 read", 0, "3"),
    ("-a x86 socket", 0, "-101"), ("-a x86 -t socket", 0, "102"), ("-t -a x86 semop", 0, "117"),
    ("-a x86 -t 102", 0, "socketcall"), ("-a x86 -- -101", 0, "socket"),
    ("-a x86_64 -- -101", 0, "UNKNOWN"), ("nonesuch", 0, "-1"), ("-t nonesuch", 0, "-1"),
    ("9999", 0, "UNKNOWN"), ("99999999999", 0, "UNKNOWN"), ("-- -1", 0, "UNKNOWN"),
    ("-a x86_64 0x10", 0, "read"), ("-a x86_64 010", 0, "mprotect"),
    ("-a x86_64 5abc", 0, "fstat"), ("-a x86_64 -- -abc", 0, "read"), ("+1", 0, "-1"),
    ("-a x32 read", 0, "1073741824"), ("-a x32 0", 0, "read"), ("-a mips 4003", 0, "read"),
    ("-a arm -a x86 read", 0, "3"), ("read -a x86", 0, "3"), ("-a x86_64 read write", 0, "0"),
    ("-a aarch64 56", 0, "openat"), ("-a s390x -t shmat", 0, "117"),
]
NEWER = [("-a loongarch64 openat", 0, "56"), ("-a m68k getpagesize", 0, "166"),
         ("-a x86_64 mseal", 0, "462"), ("-a sheb read", 0, "3")]


def run(tool, arguments):
    env = dict(os.environ)
    if tool == DEBIAN:
        env.pop("LD_LIBRARY_PATH", None)  # meson's, which would give it our library
    done = subprocess.run([tool, *arguments.split()], capture_output=True, text=True, env=env)
    return (done.returncode, done.stdout.rstrip("\n"),
            done.stderr.replace(tool, "scmp_sys_resolver"))


def main():
    ours, count, failed = sys.argv[1], 0, False
    for arguments, code, output in EXPECTED + NEWER:
        got = run(ours, arguments)
        count += 1
        good = got[:2] == (code, output) and (got[2] == "") == (code == 0)
        failed |= not good
        print(f"{'' if good else 'not '}ok {count} - scmp_sys_resolver {arguments or 'alone'}"
              + ("" if good else f": {got}"))
    for arguments, _, _ in EXPECTED:
        count += 1
        name = f"as Debian's: {arguments or 'alone'}"
        if not os.path.exists(DEBIAN):
            print(f"ok {count} - {name} # SKIP package seccomp is not installed")
            continue
        pair = run(ours, arguments), run(DEBIAN, arguments)
        failed |= pair[0] != pair[1]
        print(f"{'' if pair[0] == pair[1] else 'not '}ok {count} - {name}")
        if pair[0] != pair[1]:
            print("#", pair)
    full = subprocess.run([ours, "read"], stdout=open("/dev/full", "w")).returncode
    print(f"{'' if full == 28 else 'not '}ok {count + 1} - a full disk is an error (ENOSPC)")
    print(f"1..{count + 1}")
    return failed or full != 28


sys.exit(main())
