#!/usr/bin/env python3
"""The tool on real and on hostile filters: filters.py SLUICE SOURCE. Text of 20 and more filters
gives the same bytes; broken files end with status 2; an ordinary user can do it all. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile

SLUICE = os.path.abspath(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
PROFILES = [p for p in sorted((SOURCE.parent / "shared/data/profiles").glob("*.json"))]
count = failed = 0


def check(name, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print("ok" if good else "not ok", count, "-", name)
    for line in ("" if good else str(why)).splitlines():
        print("#", line)


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def run(*args, stdin=b"", **more):
    done = subprocess.run([SLUICE, *args], input=stdin, capture_output=True, timeout=280, **more)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def round_trip(name, bpf):
    code, text, err = run("disasm", "-", stdin=bpf)
    code2, back, err2 = run("asm", stdin=text)
    check(f"{name}: text gives the same bytes", (code, code2) == (0, 0) and back == bpf, err + err2)


def real_filters(tmp):
    found = []
    for path in sorted((SOURCE / "tests/cli/files").iterdir()):
        if path.suffix == ".txt":
            found.append((path.name, run("asm", path)[1]))
        elif path.suffix == ".json":
            found.append((path.name, run("disasm", "--raw", path)[1]))
    for path in PROFILES:
        code, bpf, _ = run("disasm", "--raw", path)
        if code == 0:
            found.append((path.name, bpf))
    for name, bpf in found:
        round_trip(name, bpf)
    if PROFILES:
        check("20 filters and more", len(found) >= 20, len(found))
    else:
        skip("20 filters and more", "no profiles of other projects beside the checkout")
    return found


def check_hostile(found, tmp):
    """Mutated and random files: nothing but 0, 1 and 2, and for what is no filter 2."""
    rng = random.Random(7)
    bad = []
    refused = 0
    for i in range(150):
        bpf = bytearray(rng.choice(found)[1][:400] if i % 3 else rng.randbytes(8 * rng.randrange(40)))
        for _ in range(rng.randrange(6) if bpf else 0):
            bpf[rng.randrange(len(bpf))] = rng.randrange(256)
        path = tmp / "hostile"
        path.write_bytes(bytes(bpf))
        codes = [run(*words)[0] for words in (
            ["disasm", path], ["sim", path, "read"], ["explain", path, "read"])]
        if any(code not in (0, 1, 2) for code in codes):
            bad.append((bytes(bpf).hex(), codes))
        refused += codes[0] == 2
    check("150 hostile files: status 0, 1 or 2", not bad, bad)
    check("most of them are refused", refused > 75, refused)


def check_words(old):
    code, _, err = run("sim", old, "openta")
    check("an unknown call", code == 2 and "openta" in err, err)
    check("a bad value", run("sim", old, "read", "many")[0] == 2)
    check("seven arguments", run("sim", old, "read", *"1234567")[0] == 2)
    check("a negative argument", run("sim", old, "read", "-1")[0] in (0, 1))
    check("an unknown architecture", "did you mean" in run("sim", "-a", "x86_46", old, "read")[2])
    check("no such process", run("disasm", "pid:2147483647")[0] == 2)
    check("no process", run("disasm", "pid:x")[0] == 2)
    code, _, err = run("disasm", f"pid:{os.getpid()}")
    check("a process without a filter", code in (1, 0, 2) and err, err)
    check("--raw to more than one", run("disasm")[0] == 2)
    code, _, err = run("asm", stdin=b"ret ALLOW\nfrob\n")
    check("a mistake has its place", code == 2 and "standard input:2:1: " in err, err)


def check_user(old, tmp):
    if os.geteuid() != 0:
        skip("as an ordinary user", "the tests run as one already")
        return
    os.chmod(tmp, 0o755)
    reach = dict(user=65534, group=65534, extra_groups=[])
    try:
        code, _, err = run("--version", **reach)
    except PermissionError:
        skip("as an ordinary user", "the build is in a directory that others cannot read")
        return
    check("an ordinary user: --version", code == 0, err)
    for words in (["disasm", old], ["prove", old, old], ["sim", old, "read"], ["diff", old, old],
                  ["explain", old, "socket"], ["syscalls", "read"], ["completion", "bash"]):
        code, _, err = run(*words, **reach)
        check(f"an ordinary user: {words[0]}", code == 0, err)
    check("an ordinary user: doctor", run("doctor", **reach)[0] in (0, 1))


def main():
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        found = real_filters(tmp)
        old = tmp / "old.bpf"
        old.write_bytes(run("asm", SOURCE / "tests/cli/files/old.txt")[1])
        os.chmod(old, 0o644)
        check_hostile(found, tmp)
        check_words(old)
        check_user(old, tmp)
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
