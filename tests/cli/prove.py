#!/usr/bin/env python3
"""sluice prove on good, different and hostile files: prove.py SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import struct
import subprocess
import sys
import tempfile

SLUICE = sys.argv[1]
ALLOW, ERRNO = 0x7FFF0000, 0x50001
LD, JEQ, RET, RET_A, TAX, LSH_X, LDX = 0x20, 0x15, 0x06, 0x16, 0x07, 0x6C, 0x61
count = 0
failed = 0


def program(*insns):
    return b"".join(struct.pack("=HBBI", *insn) for insn in insns)


def run(*args, **more):
    done = subprocess.run([SLUICE, "prove", *args], capture_output=True, text=True, timeout=280,
                          **more)
    return done.returncode, done.stdout, done.stderr


def check(name, got, status, out="", err=""):
    global count, failed
    count += 1
    good = got[0] == status and out in got[1] and err in got[2]
    if status == 2:
        good = good and got[1] == "" and got[2] != ""
    failed += not good
    print("ok" if good else "not ok", count, "-", name)
    if not good:
        print("#", got)


def main():
    def write(name, data):
        with open(name, "wb") as f:
            f.write(data)
        return name

    one = write("one", program((LD, 0, 0, 4), (JEQ, 0, 3, 0xC000003E), (LD, 0, 0, 24),
                               (JEQ, 1, 0, 7), (RET, 0, 0, ALLOW), (RET, 0, 0, ERRNO)))
    same = write("same", program((LD, 0, 0, 4), (JEQ, 1, 0, 0xC000003E), (RET, 0, 0, ERRNO),
                                 (LD, 0, 0, 24), (JEQ, 0, 1, 7), (RET, 0, 0, ERRNO),
                                 (RET, 0, 0, ALLOW)))
    other = write("other", program((LD, 0, 0, 4), (JEQ, 0, 3, 0xC000003E), (LD, 0, 0, 24),
                                   (JEQ, 1, 0, 8), (RET, 0, 0, ALLOW), (RET, 0, 0, ERRNO)))
    check("equal", run(one, same), 0, "equal\n")
    got = run(one, other)
    check("different", got, 1, "arch=0xc000003e nr=0 args=0x0,0x7,0x0,0x0,0x0,0x0 "
          "A=ERRNO(1) B=ALLOW\n")
    check("different: one line", (len(got[1].splitlines()), "", ""), 1)
    check("JSON", run("--json", one, other), 1, '"equal": false')
    check("standard input", (*run("-", one, stdin=open(same, "rb"))[:1], "", ""), 0)
    check("regions", run("--regions", one, other), 1,
          "arch=0xc000003e a1.lo=0x7 ERRNO(1), ALLOW\n"
          "arch=0xc000003e a1.lo=0x8 ALLOW, ERRNO(1)\n")
    wide = write("wide", program((LD, 0, 0, 4), (JEQ, 0, 5, 0xC000003E), (LD, 0, 0, 0),
                                 (JEQ, 0, 3, 41), (LD, 0, 0, 20), (JEQ, 0, 1, 1),
                                 (RET, 0, 0, ERRNO), (RET, 0, 0, ALLOW)))
    high = write("high", program((LD, 0, 0, 4), (JEQ, 0, 5, 0xC000003E), (LD, 0, 0, 0),
                                 (JEQ, 0, 3, 41), (LD, 0, 0, 20), (JEQ, 0, 1, 7),
                                 (RET, 0, 0, ERRNO), (RET, 0, 0, ALLOW)))
    none = write("none", program((RET, 0, 0, ALLOW)))
    check("two high words that nobody reads differ", run(wide, high), 1, "nr=41 ")
    check("but not in the kernel's view", run("--kernel-view", wide, high), 0, "equal\n")
    check("nor in its regions", run("--kernel-view", "--regions", wide, high), 0, "equal\n")
    check("a refusal for a high word is one at worst",
          run("--kernel-view", "--regions", none, wide), 1, "nr=41 ALLOW, ERRNO(1) (at worst)\n")
    check("and has a witness", run("--kernel-view", none, wide), 1,
          "args=0x100000000,0x0,0x0,0x0,0x0,0x0 A=ALLOW B=ERRNO(1)\n")
    check("what the kernel reads differs in its view", run("--kernel-view", one, other), 1, "A=")
    check("the view as JSON", run("--json", "--kernel-view", "--regions", none, wide), 1,
          '"view": "worst"')
    check("--help", run("--help"), 0, "Usage: sluice prove")
    check("no arguments", run(), 2, err="A is missing")
    check("one argument", run(one), 2, err="B is missing")
    check("missing file", run(one, "missing"), 2, err="missing: No such file")
    check("directory", run(one, "."), 2, err=".: found a directory, expected a profile")
    check("device", run(one, "/dev/zero"), 2, err="/dev/zero: found a device")
    os.mkfifo("fifo")
    check("a FIFO that nobody writes to", run("fifo", one), 2, err="fifo: found an empty file")
    for script, name in (('"$0" prove <(cat "$1") <(cat "$1")', "pipes by name"),
                         ('cat "$1" | "$0" prove /dev/stdin "$1"', "/dev/stdin")):
        done = subprocess.run(["bash", "-c", script, SLUICE, one], capture_output=True, text=True)
        check(name, (done.returncode, done.stdout, done.stderr), 0, out="equal")
    check("empty", run(one, write("empty", b"")), 2, err="empty")
    check("odd size", run(one, write("odd", open(one, "rb").read()[:15])), 2, err="8 bytes each")
    check("truncated", run(write("cut", open(one, "rb").read()[:-8]), one), 2,
          err="cut: instruction 1: jump past the end")
    check("too long", run(one, write("long", program((RET, 0, 0, 0)) * 4097)), 2, err="4096")
    with open("huge", "wb") as f:
        f.truncate(1 << 40)
    check("a terabyte", run(one, "huge"), 2, err="4096")
    check("text that is no profile", run(write("text", b"allow read\n"), one), 2, err="text:1:1: ")
    check("an empty profile", run(write("p.json", b"{}"), one), 2, err="p.json:")
    check("noise", run(write("noise", bytes(range(64))), one), 2, err="noise: instruction 0")
    shift = write("shift", program((LD, 0, 0, 16), (TAX, 0, 0, 0), (LD, 0, 0, 24),
                                   (LSH_X, 0, 0, 0), (RET_A, 0, 0, 0)))
    check("outside what can be proved", run(shift, one), 2, err="outside what can be proved")
    product = write("product", program((LD, 0, 0, 16), (TAX, 0, 0, 0), (LD, 0, 0, 24),
                                       (0x2C, 0, 0, 0), (RET_A, 0, 0, 0)))
    check("over the limits", run(product, one), 2, err="limits")
    with open("/dev/full", "w") as full:
        done = subprocess.run([SLUICE, "prove", one, same], stdout=full, stderr=subprocess.PIPE)
    check("full disk", (done.returncode, "", done.stderr.decode()), 2, err="No space left")
    print(f"1..{count}")
    return 1 if failed else 0


with tempfile.TemporaryDirectory() as directory:
    SLUICE = os.path.abspath(SLUICE)
    os.chdir(directory)
    sys.exit(main())
