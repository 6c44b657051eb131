#!/usr/bin/env python3
"""The prototypes beside what the running kernel says of its calls: the number of arguments and the
C types of /sys/kernel/tracing/events/syscalls/*/format.

  formats.py DUMP     DUMP: the program of dump.c

Prints TAP. tracefs is mounted in a mount namespace of this process alone; skips where that
is not possible, where the kernel has no such events, and on other machines than x86_64."""
import ctypes
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

# The kernel's name of an entry point where it is not sys_ and the call's.
EVENTS = {"newfstat": "fstat", "newstat": "stat", "newlstat": "lstat", "newuname": "uname",
          "umount": "umount2", "sendfile64": "sendfile"}
# Calls that got arguments after the kernels on which this may run: name -> the first version.
GREW = {"bpf": "7.0"}
# NARROWER of scripts/prototype_facts.py: the kernel reads less than the type says.
NARROWER = {("clone", "clone_flags"), ("mmap", "fd"), ("readv", "fd"), ("writev", "fd"),
            ("preadv", "fd"), ("pwritev", "fd"), ("preadv2", "fd"), ("pwritev2", "fd"),
            ("ptrace", "pid"), ("mbind", "mode")}
# Types that later kernels changed, of the same width: the argument is not read at all.
CHANGED = {("getcpu", "unused")}
BITS = {"int": 32, "unsigned int": 32, "u32": 32, "__u32": 32, "__s32": 32, "uid_t": 32,
        "gid_t": 32, "pid_t": 32, "qid_t": 32, "mqd_t": 32, "timer_t": 32, "key_t": 32,
        "key_serial_t": 32, "rwf_t": 32, "unsigned": 32, "umode_t": 16, "clockid_t": 32,
        "enum landlock_rule_type": 32, "unsigned short": 16}


def skip(reason):
    print(f"1..1\nok 1 - formats # SKIP formats: {reason}")
    sys.exit()


def events():
    """name -> [(type, name)] of the running kernel."""
    libc = ctypes.CDLL(None, use_errno=True)
    there = pathlib.Path("/sys/kernel/tracing/events/syscalls")
    if not os.access(there, os.R_OK) or not any(there.glob("sys_enter_*")):
        if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x44000, None):
            skip("no tracefs, and no mount namespace to mount one in")
        place = tempfile.mkdtemp()
        if libc.mount(b"none", place.encode(), b"tracefs", 0, None):
            os.rmdir(place)
            skip("tracefs cannot be mounted")
        there = pathlib.Path(place) / "events/syscalls"
    found = {}
    for path in there.glob("sys_enter_*/format"):
        fields = re.findall(r"field:(.*?)\s*\b(\w+);", path.read_text())
        name = path.parent.name.removeprefix("sys_enter_")
        # common_* of every event, the number of the call, and texts that it copied
        found[EVENTS.get(name, name)] = [
            (ctype.strip(), n) for ctype, n in fields
            if not n.startswith("common_") and n != "__syscall_nr" and
            not ctype.startswith("__data_loc")]
    return found


def plain(ctype):
    """Without what means nothing to a caller: const of the argument itself, __user, spaces."""
    if "*" not in ctype:
        ctype = ctype.removeprefix("const ")
    ctype = re.sub(r"\b(__user|__force)\b", "", ctype).replace("*", " * ")
    return " ".join(re.sub(r"\bunsigned(?! int| long| char| short)\b", "unsigned int",
                           re.sub(r"\bu(int)\b", "unsigned int", ctype)).split())


def compare(name, args, fields):
    """What differs, as sentences."""
    if len(args) != len(fields):
        return [f"{name}: {len(args)} arguments here, {len(fields)} there"]
    wrong = []
    for (arg, ctype, bits), (real_type, real_name) in zip(args, fields):
        there = 64 if "*" in real_type else BITS.get(plain(real_type), 64)
        if arg != real_name or plain(ctype) != plain(real_type) and (name, arg) not in CHANGED:
            wrong.append(f"{name}: {ctype} {arg} here, {real_type} {real_name} there")
        elif bits != there and (name, arg) not in NARROWER:
            wrong.append(f"{name}: {arg} has {bits} bits here, {there} there")
    return wrong


def main():
    if platform.machine() != "x86_64":
        skip(f"the events of {platform.machine()} have other types")
    real = events()
    if not real:
        skip("this kernel has no events of system calls")
    here = {}
    for line in subprocess.run([sys.argv[1], "x86_64"], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        name, _, known, *args = line.split("\t")
        if known == "1":
            here[name] = [(n, t, int(b)) for n, t, b, *_ in (a.split(";") for a in args)]
    wrong, compared, unknown = [], 0, []
    for name, fields in sorted(real.items()):
        if name not in here:
            unknown.append(name)
            continue
        if name in GREW and len(fields) < len(here[name]):
            fields += [(t, n) for n, t, _ in here[name][len(fields):]]
        compared += 1
        wrong += compare(name, here[name], fields)
    print(f"1..2\n{'not ok' if wrong else 'ok'} 1 - {compared} calls as the kernel says")
    for sentence in wrong:
        print("#", sentence)
    print(f"{'ok' if compared > 300 else 'not ok'} 2 - more than 300 of them")
    print("# of other ABIs:", " ".join(unknown))
    sys.exit(bool(wrong) or compared <= 300)


main()
