#!/usr/bin/env python3
"""sluice why: is each refused call named, refused as the filter would do it, and does the change that is
said help? why.py SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import re
import shutil
import subprocess
import sys

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])

# Programs and the call that each cannot do without.
PROGRAMS = ((["mkdir", "d"], "mkdir"), (["ln", "-s", "a", "b"], "symlinkat"),
            (["ln", "file", "hard"], "linkat"), (["mv", "file", "new"], "renameat2"),
            (["rm", "file"], "unlinkat"), (["rmdir", "old"], "rmdir"),
            (["chmod", "700", "file"], "fchmodat"), (["touch", "file"], "utimensat"),
            (["truncate", "-s", "3", "file"], "ftruncate"), (["mkfifo", "f"], "mknodat"),
            (["sleep", "0.01"], "clock_nanosleep"), (["uname"], "uname"),
            (["nice", "-n", "1", "true"], "setpriority"), (["readlink", "link"], "readlink"),
            (["sync", "file"], "fsync"), (["df", "."], "statfs"), (["pwd"], "getcwd"),
            (["ls", "."], "getdents64"), (["kill", "-0", "1"], "kill"),
            (["sh", "-c", "ls | cat"], "pipe2"))


def fill(uid, tmp):
    for name in os.listdir(tmp):
        path = tmp + "/" + name
        if os.path.isdir(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    run(["sh", "-c", "echo a > file; mkdir old; ln -s file link"], uid, tmp)


def profile(tmp, allowed, default="SCMP_ACT_ERRNO", more=()):
    path = tmp + "/profile.json"
    with open(path, "w") as f:
        json.dump({"defaultAction": default, "syscalls": [
            {"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}, *more]}, f, indent=1)
    os.chmod(path, 0o644)
    return path


def needs(uid, tmp, words):
    """What the program calls, as sluice record has it."""
    fill(uid, tmp)
    r = run([SLUICE, "record", "-q", *words], uid, tmp)
    text = r.stdout[r.stdout.find("{"):]
    return {n for e in json.loads(text)["syscalls"] for n in e["names"]}


def refused(text):
    return {m[1]: m[2] for m in re.finditer(r"^refused: (\w+)\(.*\): (\S+), \d+ times?, by /",
                                            text, flags=re.M)}


def each_program(who, uid, tmp, home):
    for words, call in PROGRAMS:
        if not shutil.which(words[0]):
            skip(f"{who}: {' '.join(words)}", f"no {words[0]} here")
            continue
        calls = needs(uid, tmp, words)
        if call not in calls:
            skip(f"{who}: {' '.join(words)}", f"it does without {call} here")
            continue
        path = profile(home, calls - {call})
        fill(uid, tmp)
        r = run([SLUICE, "why", "-p", path, *words], uid, tmp)
        said = re.search(r'change: add "(\w+)" to the names of the entry at '
                         + re.escape(path) + r":4:3$", r.stderr, flags=re.M)
        check(f"{who}: {' '.join(words)}: {call}", list(refused(r.stderr))[:1] == [call] and
              refused(r.stderr)[call] == "ERRNO(1)" and said and said[1] == call, r)
        fill(uid, tmp)
        r = run([SLUICE, "why", "-p", profile(home, calls), *words], uid, tmp)
        check(f"{who}: {' '.join(words)}: nothing with it", "refused" not in r.stderr, r)


def as_loaded(who, uid, tmp, home):
    """Output and status are those of the program under the loaded filter."""
    calls = needs(uid, tmp, ["mkdir", "d"])
    for action, more in (("SCMP_ACT_ERRNO", {"errnoRet": 28}), ("SCMP_ACT_KILL_PROCESS", {}),
                         ("SCMP_ACT_TRAP", {})):
        path = profile(home, calls - {"mkdir"},
                       more=[{"names": ["mkdir"], "action": action, **more}])
        bpf = subprocess.run([SLUICE, "disasm", "--raw", path], capture_output=True).stdout

        def enter():
            live.become(uid)
            live.load(bpf)
        fill(uid, tmp)
        own = subprocess.run(["mkdir", "d"], capture_output=True, text=True, preexec_fn=enter,
                             cwd=tmp)
        status = 128 - own.returncode if own.returncode < 0 else own.returncode
        r = run([SLUICE, "why", "-p", path, "mkdir", "d"], uid, tmp)
        check(f"{who}: {action}: as under the filter", r.returncode == status and
              r.stderr.startswith(own.stderr) and not os.path.exists(tmp + "/d"), (own, r))
        check(f"{who}: {action}: the entry is named", f"{path}:" in r.stderr and
              'this entry names it' in r.stderr and 'take "mkdir" out there' in r.stderr, r)


def conditions(who, uid, tmp, home):
    code = ("import os, contextlib\nfor i in (1, 2, 2, 3):\n"
            "    with contextlib.suppress(OSError):\n        os.umask(i)")
    calls = needs(uid, tmp, [live.PYTHON, "-S", "-c", code])
    path = profile(home, calls - {"umask"}, more=[{"names": ["umask"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}])
    r = run([SLUICE, "why", "-p", path, live.PYTHON, "-S", "-c", code], uid, tmp)
    check(f"{who}: a condition that does not hold", r.stderr.count("refused:") == 1 and
          re.search(r"refused: umask\(.*\): ERRNO\(1\), 3 times", r.stderr) and
          "conditions of this entry" in r.stderr, r)
    r = run([SLUICE, "why", "-p", path, "sh", "-c", "exit 9"], uid, tmp)
    check(f"{who}: the status is the program's", r.returncode == 9, r)
    path = profile(home, calls - {"execve"})
    r = run([SLUICE, "why", "-p", path, "true"], uid, tmp)
    check(f"{who}: a profile without execve", r.returncode == 126 and
          "execve" in refused(r.stderr), r)
    r = run([SLUICE, "why", "true"], uid, tmp)
    check(f"{who}: no profile is trouble", r.returncode == 2, r)


def as_json(who, uid, tmp, home):
    path = profile(home, needs(uid, tmp, ["mkdir", "d"]) - {"mkdir"})
    fill(uid, tmp)
    r = run([SLUICE, "why", "--json", "-o", "report.json", "-p", path, "mkdir", "d"], uid, tmp)
    with open(tmp + "/report.json", encoding="utf-8") as f:
        report = json.load(f)
    one = next((e for e in report["refused"] if e["call"] == "mkdir"), {})
    check(f"{who}: --json: what the text says", r.returncode == 1 and "refused:" not in r.stderr and
          report["profile"] == path and
          (one.get("action"), one.get("count")) == ("ERRNO(1)", 1) and
          one["text"] == 'mkdir("d", 0777)' and one["program"].endswith("/mkdir") and
          one["rule"].endswith("the default action") and
          one["change"] == f'add "mkdir" to the names of the entry at {path}:4:3', (r, report))
    path = profile(home, needs(uid, tmp, ["mkdir", "d"]) - {"mkdir"},
                   more=[{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}])
    fill(uid, tmp)
    r = run([SLUICE, "why", "--json", "-o", "report.json", "-p", path, "mkdir", "d"], uid, tmp)
    with open(tmp + "/report.json", encoding="utf-8") as f:
        lines = {e["call"]: e.get("line") for e in json.load(f)["refused"]}
    check(f"{who}: --json: the line of the entry that refuses", r.returncode == 159 and
          isinstance(lines.get("mkdir"), int), (r, lines))
    os.unlink(tmp + "/report.json")
    r = run([SLUICE, "why", "-o", "none/report", "-p", path, "touch", "ran"], uid, tmp)
    check(f"{who}: a report that cannot be written is known before the program runs", r.returncode == 2 and
          "none/report" in r.stderr and not os.path.exists(tmp + "/ran"), r)


MANY = "import ctypes\nlibc = ctypes.CDLL(None)\nfor i in range(5000): libc.syscall(10000 + i)"


def hostile(who, uid, tmp, home):
    name = home + "/\x1b[2J\u202ex"
    shutil.copy(shutil.which("sh"), name)
    words = ["sh", "-c", "cd /"]
    path = profile(home, needs(uid, tmp, words) - {"chdir"})
    r = run([SLUICE, "why", "-p", path, name, *words[1:]], uid, tmp)
    check(f"{who}: the name of a program moves no cursor", "refused: chdir" in r.stderr and "/?[2J???x\n" in r.stderr, r)
    words = [live.PYTHON, "-S", "-c", MANY]
    path = profile(home, needs(uid, tmp, [*words[:-1], MANY.replace("5000", "0")]))
    r = run([SLUICE, "why", "-p", path, *words], uid, tmp)
    n = r.stderr.count("refused: ")
    check(f"{who}: of more kinds of calls than there are, the number", n == 4096 and
          f"{5000 - n} other refused calls" in r.stderr, (n, r.stderr[-200:]))
    r = run([SLUICE, "why", "--json", "-o", "many.json", "-p", path, *words], uid, tmp)
    with open(tmp + "/many.json", encoding="utf-8") as f:
        report = json.load(f)
    check(f"{who}: --json: the same", (len(report["refused"]), report["more"]) == (n, 5000 - n), r)


LOG = '''audit: type=1326 audit(1700000000.123:45): auid=0 uid=0 pid=12 comm="mount" exe="/usr/bin/mount" sig=31 arch=c000003e syscall=165 compat=0 ip=0x7f code=0x80000000
type=SECCOMP msg=audit(1700000001.1:46): auid=0 pid=13 comm="mount" exe="/usr/bin/mount" sig=31 arch=c000003e syscall=165 compat=0 ip=0x7f code=0x80000000
type=1300 audit(1.1:1): arch=c000003e syscall=1 code=0x0
type=1326 audit(1700000002.9:47): comm="a b" sig=0 arch=40000003 syscall=20 compat=1 ip=0x1 code=0x7ffc0000
type=1326 audit(1.1:1): nothing
'''


def audit(tmp):
    log = tmp + "/log"
    with open(log, "w") as f:
        f.write(LOG)
    r = run([SLUICE, "why", "--audit", log])
    check("audit: each call once, with its count", r.returncode == 1 and r.stdout.splitlines() == [
        "refused: mount(...): KILL_PROCESS, 2 times, by /usr/bin/mount",
        "refused: getpid(...): LOG, 1 time, by a b"], r)
    check("audit: a line without numbers is said", "log:5:" in r.stderr, r)
    r = run([SLUICE, "why", "-p", profile(tmp, {"read"}, "SCMP_ACT_KILL_PROCESS"), "--audit", log])
    check("audit: with a profile, the rule", 'change: add "mount" to the names' in r.stdout, r)
    with open(log, "wb") as f:
        f.write(b'type=1326 comm="x" exe="/\x1b[2J\xc2\x9b\x9b\xe2\x80\xaeb" arch=c000003e syscall=165 code=0x0\n')
    r = run([SLUICE, "why", "--audit", log])
    check("audit: a log moves no cursor", r.stdout.endswith("by /?[2J??????b\n"), r)
    open(log, "w").close()
    check("audit: nothing is 0", run([SLUICE, "why", "--audit", log]).returncode == 0)
    check("audit: no file is trouble", run([SLUICE, "why", "--audit", log + "x"]).returncode == 2)


def main():
    good, why = live.works(SLUICE)
    if not good:
        skip("why", "no notifications here: " + why.replace("\n", " "))
        live.done()
    for who, uid in live.users():
        with folder(uid) as tmp, folder(None) as home:
            for part in (each_program, as_loaded, conditions, as_json, hostile):
                part(who, uid, tmp, home)
    with folder(None) as tmp:
        audit(tmp)
    live.done()


main()
