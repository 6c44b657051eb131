#!/usr/bin/env python3
"""Profiles as filters of ordered rules and as lines of systemd: filters.py PROFILE-TOOL SLUICE. Each is proved
equal to the context's program. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL, SLUICE = (os.path.abspath(p) for p in sys.argv[1:3])
ERRNO = "SCMP_ACT_ERRNO"
count = bad = 0


def check(good, name, why=""):
    global count, bad
    count += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    for line in ("" if good else str(why)).strip().splitlines()[:40]:
        print("#", line)


def run(*args, text=b"", env=None):
    done = subprocess.run(args, input=text, capture_output=True, check=False, timeout=280, env=env)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def equal(tmp, a, b):
    for name, data in (("a", a), ("b", b)):
        (tmp / name).write_bytes(data)
    code, out, err = run(SLUICE, "prove", tmp / "a", tmp / "b")
    return code == 0 and out == b"equal\n", out.decode() + err


def check_filter(tmp, name, text, *options, refused=None):
    """cutoff=1: none, as neither form has one."""
    code, context, err = run(TOOL, "compile", "cutoff=1", *options, text=text)
    code2, ordered, err2 = run(TOOL, "filter", *options, text=text)
    if refused:
        check(code2 == 1 and refused in err2, f"{name}: no filter", err2)
    elif code:
        check(code2 == 1, f"{name}: no context, no filter", err + err2)
    else:
        check(code2 == 0 and equal(tmp, context, ordered)[0],
              f"{name}: ordered rules decide as the context does {' '.join(options)}",
              err2 or equal(tmp, context, ordered)[1])


def profile(*entries, default=ERRNO, arches=("X86_64", "X86", "X32")):
    return json.dumps({"defaultAction": default, "architectures": [f"SCMP_ARCH_{a}" for a in arches],
                       "syscalls": list(entries)}).encode()


def entry(names, action="SCMP_ACT_ALLOW", *args, **more):
    return {"names": names.split(), "action": action, "args": [
        {"index": i, "op": f"SCMP_CMP_{op}", "value": v, "valueTwo": w} for i, op, v, w in args], **more}


def check_written(tmp):
    kill = "SCMP_ACT_KILL_PROCESS"
    check_filter(tmp, "widths", profile(
        entry("openat", "SCMP_ACT_ALLOW", (2, "EQ", 0x100000005, 0)),
        entry("dup", "SCMP_ACT_ALLOW", (0, "GT", 0xffffffff, 0)),
        entry("dup2", "SCMP_ACT_ALLOW", (0, "LT", 0, 0)),
        entry("read", "SCMP_ACT_ALLOW", (2, "LE", 2**64 - 1, 0)),
        entry("write", "SCMP_ACT_ALLOW", (1, "GE", 0, 0)),
        entry("close", kill, (0, "NE", 7, 0)),
        entry("pread64", "SCMP_ACT_ALLOW", (3, "MASKED_EQ", 0xff00000000, 0x100000000)),
        entry("ioctl", "SCMP_ACT_ALLOW", (1, "MASKED_EQ", 0xff, 0x1ff), (0, "GE", 3, 0))))
    check_filter(tmp, "multiplexed calls", profile(
        entry("socket", "SCMP_ACT_ALLOW", (0, "EQ", 1, 0)), entry("bind"),
        entry("semop", kill, (0, "LT", 5, 0)), entry("connect", kill, (0, "EQ", 3, 0)), entry("shmget")))
    check_filter(tmp, "a multiplexer by name", profile(
        entry("socketcall", kill), entry("socket"), entry("bind", "SCMP_ACT_ALLOW", (0, "EQ", 1, 0))))
    check_filter(tmp, "one without conditions wins", profile(
        entry("dup", kill, (0, "EQ", 1, 0)), entry("dup"), entry("dup", kill, (0, "EQ", 2, 0))))
    check_filter(tmp, "asked twice", profile(entry("dup", kill, (0, "EQ", 1, 0), (0, "EQ", 2, 0))))
    check_filter(tmp, "x86_64 alone", profile(entry("dup"), arches=["X86_64"]))
    check_filter(tmp, "nothing", profile(default="SCMP_ACT_ALLOW", arches=[]))
    check_filter(tmp, "an order of libseccomp's own", profile(
        entry("dup", kill, (0, "LT", 9, 0)), entry("dup", "SCMP_ACT_ALLOW", (0, "GT", 3, 0))),
        refused="no-order")
    check_filter(tmp, "apart", profile(
        entry("dup", kill, (0, "LT", 3, 0)), entry("dup", "SCMP_ACT_ALLOW", (0, "GT", 3, 0)),
        entry("dup", "SCMP_ACT_LOG", (0, "EQ", 3, 0))))
    other = ("arch=aarch64",)
    check_filter(tmp, "another machine", profile(entry("dup openat"), arches=["AARCH64", "ARM"]), *other)
    check_filter(tmp, "a machine with a multiplexer", profile(
        entry("socket semop", "SCMP_ACT_ALLOW", (0, "EQ", 1, 0)), arches=["PPC64LE"]), "arch=ppc64le")


def check_random(tmp):
    rng = random.Random(3)
    names = "socket bind dup read openat semop msgget ioctl clone ipc socketcall pread64 chown32".split()
    for i in range(40):
        entries = [entry(rng.choice(names), rng.choice(["SCMP_ACT_ALLOW", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"]),
                         *[(k, rng.choice(["EQ", "NE", "LT", "LE", "GE", "GT", "MASKED_EQ"]),
                            rng.choice([0, 1, 7, 2**31, 2**32 - 1, 2**32, 2**32 + 7, 2**64 - 1]),
                            rng.choice([0, 1, 7]))
                           for k in rng.sample(range(3), rng.randrange(3))]) for _ in range(rng.randrange(1, 7))]
        text = profile(*entries)
        code, _, err = run(TOOL, "filter", text=text)
        if code and "no-order" in err:
            check_filter(tmp, f"random {i}", text, refused="no-order")
        else:
            check_filter(tmp, f"random {i}", text)


# ---- systemd ------------------------------------------------------------------------------

GROUPS = {}


def members(word):
    """What systemd makes of a word; x86_64, x86 and x32 have these groups."""
    if not word.startswith("@"):
        return [word]
    if word not in GROUPS:
        GROUPS[word] = sorted({name for arch in ("x86_64", "x86", "x32") for name in
                               run(SLUICE, "syscalls", "-n", "-a", arch, "-g", word)[1].decode().split()})
    return GROUPS[word]


def understood(lines, kill):
    """The profile that systemd makes of the lines."""
    action, allows, listed, arches = None, None, {}, []
    for line in lines.splitlines():
        key, value = line.split("=", 1)
        if key == "SystemCallArchitectures":
            arches += value.split()
        elif key == "SystemCallErrorNumber":
            action = {"action": ERRNO, "errno": value}
        else:
            assert key == "SystemCallFilter", line
            inverted = value.startswith("~")
            if allows is None:
                allows = not inverted
                if allows:
                    listed.update((name, None) for name in members("@default"))
            for word in value.lstrip("~").split():
                word, _, errno = word.partition(":")
                for name in members(word):
                    if inverted == allows:
                        listed.pop(name, None)
                    else:
                        listed[name] = errno or None
    default = action or {"action": kill}
    if not allows:
        default = {"action": "SCMP_ACT_ALLOW"}
    entries = []
    for name, errno in listed.items():
        if errno == "kill":
            entries.append({"names": [name], "action": kill})
        elif errno:
            entries.append({"names": [name], "action": ERRNO, "errno": errno})
        elif allows:
            entries.append({"names": [name], "action": "SCMP_ACT_ALLOW"})
        else:
            entries.append({"names": [name], **(action or {"action": kill})})
    tokens = {"native": "X86_64", "x86": "X86", "x32": "X32"}
    result = {"defaultAction": default["action"], "architectures": [
        "SCMP_ARCH_" + tokens[a] for a in arches if a in tokens], "syscalls": entries}
    if "errno" in default:
        result["defaultErrno"] = default["errno"]
    return json.dumps(result).encode()


def check_systemd(tmp, name, text, refused=None, holds=()):
    path = tmp / "profile"
    path.write_bytes(text)
    base = ["--machine=x86_64", "--enosys=none"]
    code, out, err = run(SLUICE, "compile", "--systemd", *base, path)
    if refused is not None:
        check(code == 2 and not out and re.search(refused, err), f"{name}: not for systemd", (code, err))
        return
    check(code == 0 and all(h in out.decode() for h in holds), f"{name}: for systemd", (out.decode(), err))
    kill = "SCMP_ACT_KILL_PROCESS" if b"KILL_PROCESS" in text else "SCMP_ACT_KILL"
    _, context, _ = run(SLUICE, "compile", *base, path)
    code, back, err = run(SLUICE, "compile", *base, "-", text=understood(out.decode(), kill))
    good, why = equal(tmp, context, back)
    check(code == 0 and good, f"{name}: systemd's lines decide alike", why + err + out.decode()[:1500])


def check_verified(tmp, name):
    """systemd itself knows every word."""
    unit = tmp / "profile.service"
    lines = run(SLUICE, "compile", "--systemd", tmp / "profile")[1]
    unit.write_bytes(b"[Service]\nExecStart=/bin/true\n" + lines)
    # With the libraries of the system: it cannot load what a sanitizer is in.
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    code, out, err = run("systemd-analyze", "verify", unit, env=env)
    check(code == 0 and "SystemCall" not in err, f"{name}: systemd takes the lines", out.decode() + err)


def check_systemd_written(tmp):
    all_arches = ("X86_64", "X86", "X32")
    clock = " ".join(members("@clock"))
    check_systemd(tmp, "an allow list", profile(entry(clock + " read dup exit")), holds=[
        "SystemCallArchitectures=native x32 x86\n", "SystemCallFilter=@default @clock dup read\n",
        "SystemCallErrorNumber=EPERM\n", "~"])
    if shutil.which("systemd-analyze"):
        check_verified(tmp, "an allow list")
    else:
        check(True, "systemd takes the lines # SKIP systemd-analyze is not installed")
    check_systemd(tmp, "an empty one", profile(), holds=["SystemCallFilter=@default\n", "SystemCallFilter=~"])
    check_systemd(tmp, "KILL", profile(entry("read"), entry("dup", ERRNO, errnoRet=38),
                                       default="SCMP_ACT_KILL_PROCESS"), holds=["dup:ENOSYS"])
    check_systemd(tmp, "a deny list", profile(
        entry(clock, ERRNO), entry("dup", ERRNO, errnoRet=4000), entry("read", "SCMP_ACT_KILL_PROCESS"),
        default="SCMP_ACT_ALLOW", arches=all_arches),
        holds=["SystemCallFilter=~@clock:EPERM\n", "dup:4000\n", "read:kill\n"])
    check_systemd(tmp, "of @default, another errno", profile(entry("execve", ERRNO, errnoRet=13)), holds=["execve:EACCES"])
    check_systemd(tmp, "a condition that never counts", profile(
        entry("dup", "SCMP_ACT_ALLOW", (0, "EQ", 1, 0)), entry("dup")))
    check_systemd(tmp, "a condition", profile(entry("dup", "SCMP_ACT_ALLOW", (0, "EQ", 1, 0))),
                  refused=r"profile:1:\d+: found a condition on an argument of dup")
    check_systemd(tmp, "TRAP", profile(entry("dup", "SCMP_ACT_TRAP")), refused="the action TRAP")
    check_systemd(tmp, "a default of LOG", profile(default="SCMP_ACT_LOG"), refused="the default action LOG")
    check(run(SLUICE, "compile", "--systemd", "--base64", tmp / "profile")[0] == 2, "two forms are refused")


def main():
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        check_written(tmp)
        check_random(tmp)
        if os.uname().machine == "x86_64":
            check_systemd_written(tmp)
        paths = sorted((ROOT / "tests/cli/files").glob("*.json"))
        real = sorted(p for p in (ROOT.parent / "shared/data/profiles").glob("*.*") if p.suffix in (".json", ".yaml"))
        for path in paths + real:
            text = path.read_bytes()
            for options in ([], ["as=crun"], ["caps=CAP_SYS_ADMIN,CAP_NET_ADMIN"]):
                check_filter(tmp, path.name, text, *options)
            code, _, err = run(SLUICE, "compile", "--systemd", "--machine=x86_64", path)
            if code:
                check("systemd" in err or run(TOOL, "compile", text=text)[0], f"{path.name}: not for systemd", err)
            else:
                check_systemd(tmp, path.name, text)
        if not real:
            check(True, "other projects' profiles # SKIP there are none beside the checkout")
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
