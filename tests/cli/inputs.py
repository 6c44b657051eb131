#!/usr/bin/env python3
"""What each command says about a file that it cannot use: inputs.py SLUICE. As root and as an ordinary
user: the name of the file, what was found, what was expected, status 2, and nothing is run. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
import live  # noqa: E402
from live import check, done, folder, run, skip  # noqa: E402

SLUICE = live.tool(sys.argv[1])
GOOD = ('{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}')

FILTER, PROFILE, TEXT, LOG, PROGRAM = (
    "expected a profile, a BPF file or pid:N", "expected a profile", "expected the text of a filter",
    "expected a log of", "expected a program or a shared library")
# FILE is the file; the program would make the file "ran".
COMMANDS = {
    "asm": (["asm", "-o", "out", "FILE"], TEXT),
    "calls": (["calls", "--no-cache", "FILE"], PROGRAM),
    "compile": (["compile", "-o", "out", "FILE"], PROFILE),
    "diff": (["diff", "good.json", "FILE"], FILTER),
    "disasm": (["disasm", "FILE"], FILTER),
    "explain": (["explain", "FILE", "read"], FILTER),
    "inject --replay": (["inject", "--replay", "FILE", "touch", "ran"], LOG),
    "lint": (["lint", "FILE"], PROFILE),
    "merge": (["merge", "--union", "good.json", "FILE"], PROFILE),
    "prove": (["prove", "FILE", "good.json"], FILTER),
    "record": (["record", "-o", "out", "--merge", "FILE", "touch", "ran"], FILTER),
    "run": (["run", "--profile", "FILE", "touch", "ran"], FILTER),
    "sim": (["sim", "FILE", "read"], FILTER),
    "syscalls": (["syscalls", "--profile", "FILE"], FILTER),
    "why": (["why", "-o", "out", "-p", "FILE", "touch", "ran"], FILTER),
    "why --audit": (["why", "-o", "out", "--audit", "FILE"], LOG),
}
# What is said about a file; None: in place of it what the command expected.
KINDS = {
    "missing": ("No such file or directory", None),
    "good.json/x": ("Not a directory", None),
    "loop": ("Too many levels of symbolic links", None),
    "directory": ("found a directory", None),
    "socket": ("found a socket", None),
    "/dev/zero": ("found a device", None),
    "closed": ("Permission denied", "readable by you"),
    "empty": ("found an empty file|found nothing to inject", None),
    "cut.json": ("found", ""),
    "cut.bpf": ("found", ""),
    "cut.elf": ("found", ""),
    "head.elf": ("found", ""),
    "list.json": ("found", ""),
    "noise": ("found", ""),
}
# A log without a line is one, and so is a text without a line of the audit system: there is a warning.
FINE = {("why --audit", "empty"), ("why --audit", "cut.json"), ("why --audit", "list.json")}


def fill(tmp, uid):
    path = pathlib.Path(tmp)
    (path / "good.json").write_text(GOOD)
    bpf = path / "good.bpf"
    subprocess.run([SLUICE, "compile", "-o", bpf, path / "good.json"], check=True)
    true = pathlib.Path("/bin/true").read_bytes()
    for name, data in (("empty", b""), ("closed", b"x"), ("cut.json", GOOD[:60].encode()),
                       ("cut.bpf", bpf.read_bytes()[:-3]), ("cut.elf", true[:5000]), ("head.elf", true[:30]),
                       ("list.json", b"[1, 2]"), ("noise", bytes(range(1, 256)) + b"\0\xff\0")):
        (path / name).write_bytes(data)
    (path / "closed").chmod(0)
    (path / "directory").mkdir()
    (path / "loop").symlink_to("loop")
    (path / "out").write_text("as it was")
    # Its name may be longer than an address can be.
    here = os.getcwd()
    os.chdir(tmp)
    socket.socket(socket.AF_UNIX).bind("socket")
    os.chdir(here)
    for name in ("out", "socket"):
        if uid is not None:
            os.chown(path / name, uid, uid)


def place(kind, text):
    """FILE: or FILE:LINE:COLUMN: at the beginning of the one line."""
    return re.match(re.escape(kind) + r"(:\d+){0,2}: \S", text)


def check_kind(who, uid, tmp, name, kind):
    words, expected = COMMANDS[name]
    r = run([SLUICE, *(kind if w == "FILE" else w for w in words)], uid, tmp)
    found, more = KINDS[kind]
    good = (r.returncode == 2 and place(kind, r.stderr) and r.stderr.count("\n") == 1 and
            re.search(found, r.stderr) and (expected if more is None else more) in r.stderr)
    if (name, kind) in FINE:
        good = r.returncode == 0 and (kind == "empty" or "warning: " + kind + ": found" in r.stderr)
    elif kind == "empty" and more is None:
        good = r.returncode == 2 and place(kind, r.stderr) and re.search(found, r.stderr)
    check(f"{who}: {name}: {kind}", good and not r.stdout, r)
    check(f"{who}: {name}: {kind}: nothing was run or written", not os.path.exists(tmp + "/ran") and
          (name == "why --audit" or pathlib.Path(tmp, "out").read_text() == "as it was"))


def check_writable(who, uid, tmp):
    """A result that cannot be written is known before a program runs."""
    for name, words in (("record", ["record", "-q"]), ("why", ["why", "-p", "good.json"])):
        for path, why in (("none/out", "No such file or directory"), ("directory", "Is a directory"),
                          ("good.json/out", "Not a directory"), ("loop", "Too many levels")):
            r = run([SLUICE, *words, "-o", path, "touch", "ran"], uid, tmp)
            check(f"{who}: {name} -o {path}", r.returncode == 2 and not os.path.exists(tmp + "/ran") and
                  r.stderr == f"{path}: {why}\n" or why in r.stderr and why.startswith("Too"), r)
        before = sorted(os.listdir(tmp))
        os.symlink("later", tmp + "/dangling")
        r = run([SLUICE, *words, "-o", "dangling", "/none/such"], uid, tmp)
        check(f"{who}: {name} -o of a link to nothing: nothing stays when nothing was run",
              r.returncode == 127 and sorted(os.listdir(tmp)) in (
                  sorted([*before, "dangling"]), sorted([*before, "dangling", "later"])), r)
        for left in ("dangling", "later"):
            if os.path.lexists(tmp + "/" + left):
                os.unlink(tmp + "/" + left)
    if uid is None:
        return
    os.mkdir(tmp + "/owned", 0o755)
    pathlib.Path(tmp, "owned/file").write_text("as it was")
    for name, words in (("record", ["record", "-q"]), ("why", ["why", "-p", "good.json"])):
        for path in ("owned/new", "owned/file"):
            r = run([SLUICE, *words, "-o", path, "touch", "ran"], uid, tmp)
            check(f"{who}: {name} -o {path} of somebody else", r.returncode == 2 and
                  not os.path.exists(tmp + "/ran") and r.stderr == f"{path}: Permission denied\n" and
                  os.listdir(tmp + "/owned") == ["file"], r)


def check_report(who, uid, tmp):
    """The report of why: whole, or not at all."""
    r = run([SLUICE, "why", "-p", "good.json", "-o", "out", "true"], uid, tmp)
    text = pathlib.Path(tmp, "out").read_text()
    check(f"{who}: why -o: a program that its profile does not let start", r.returncode == 126 and
          text.startswith("refused: execve(") and "refused" not in r.stderr, (r, text))
    with open(tmp + "/audit.log", "w", encoding="utf-8") as log:
        log.write("type=1326 audit(1:1): arch=c000003e syscall=165 code=0x50000\n\0\n")
    r = run([SLUICE, "why", "-o", "out", "--audit", "audit.log"], uid, tmp)
    check(f"{who}: why -o: a log that breaks off in the middle leaves the old report", r.returncode == 2 and
          "audit.log:2: found a NUL byte" in r.stderr and pathlib.Path(tmp, "out").read_text() == text, r)
    r = run([SLUICE, "why", "-o", "-", "--audit", "good.json"], uid, tmp)
    check(f"{who}: why -o -: standard output", r.returncode == 0 and not os.path.exists(tmp + "/-"), r)


def main():
    for who, uid in live.users():
        with folder(uid) as tmp:
            fill(tmp, uid)
            for name in COMMANDS:
                if name == "calls" and "unknown command" in run([SLUICE, "calls", "--help"]).stderr:
                    skip(f"{who}: calls", "built without libcapstone")
                    continue
                for kind in KINDS:
                    if kind != "closed" or uid is not None or os.getuid() != 0:
                        check_kind(who, uid, tmp, name, kind)
            check_writable(who, uid, tmp)
            check_report(who, uid, tmp)
    done()


main()
