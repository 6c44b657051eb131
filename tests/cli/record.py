#!/usr/bin/env python3
"""sluice record: does it note every call once, whoever makes it, and leave the program as it is?
record.py SLUICE COUNTED [--long], COUNTED is counted.c. --long makes a million calls. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys

import live
from live import check, folder, run, skip

SLUICE, COUNTED = live.tool(sys.argv[1]), live.tool(sys.argv[2])

NUMBERS = """
import ctypes
syscall = ctypes.CDLL(None).syscall
for i in range(5000):
    syscall(100000 + i * 7)
"""

INT80 = """
import ctypes, mmap
code = bytes.fromhex("b814000000cd80c3")
m = mmap.mmap(-1, 4096, prot=7)
m.write(code)
f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))
import os
os._exit(0 if f() == os.getpid() else 1)
"""


def counts(text):
    """{name: calls} of the table."""
    return {m[2]: int(m[1]) for m in re.finditer(r"^ +(\d+)[+ ] (\w+) ", text, flags=re.M)}


def entries(path):
    with open(path) as f:
        return json.load(f)["syscalls"]


def recorded(path):
    return {n for e in entries(path) if e.get("comment", "").startswith("recorded")
            for n in e["names"]}


def lost_nothing(who, uid, tmp, processes=8, calls=1000):
    out = tmp + "/counted.json"
    r = run([SLUICE, "record", "-o", out, COUNTED, str(processes), str(calls)], uid, tmp)
    made = {name: int(n) for name, n in map(str.split, r.stdout.splitlines())}
    noted = {name: counts(r.stderr).get(name) for name in made}
    check(f"{who}: {processes * calls} calls of {processes} processes, each noted once, as they count themselves",
          r.returncode == 0 and sum(made.values()) == processes * calls + 1 and noted == made, f"{made}\n{r.stderr}")


def without_names(who, uid, tmp):
    r = run([SLUICE, "record", "-q", "-o", tmp + "/n.json", live.PYTHON, "-c", NUMBERS], uid, tmp)
    warned = re.findall(r"number (\d+) of architecture 0x\w+ was called 1 times", r.stderr)
    check(f"{who}: 5000 numbers without a name: 16 of them, and how many more",
          r.returncode == 0 and warned == [str(100000 + i * 7) for i in range(16)] and
          "the same for 4984 more numbers without a name" in r.stderr, r.stderr)


def like_strace(who, uid, tmp):
    if not shutil.which("strace"):
        skip(f"{who}: the calls that strace sees", "no strace")
        return
    for words in (["ls", "-l", "/"], ["sh", "-c", "echo a | cat; mkdir m; rmdir m"],
                  [live.PYTHON, "-c", "import json, socket; socket.socket()"]):
        trace, out = tmp + "/trace", tmp + "/like.json"
        s = run(["strace", "-f", "-qq", "-o", trace, *words], uid, tmp)
        if s.returncode:
            skip(f"{who}: the calls that strace sees of {words[0]}", "strace does not work")
            continue
        for _ in range(5):
            # dash handles SIGCHLD without SA_RESTART: on a busy machine fork(2) may fail (the page tells).
            if "Cannot fork" not in run([SLUICE, "record", "-q", "-o", out, *words], uid, tmp).stderr:
                break
        with open(trace) as f:
            seen = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", f.read(), flags=re.M))
        # strace has started what sluice starts; both name the same calls.
        check(f"{who}: the calls that strace sees of {os.path.basename(words[0])}",
              seen == recorded(out), f"strace only: {seen - recorded(out)}\n"
              f"record only: {recorded(out) - seen}")


def obeyed(who, uid, tmp):
    out = tmp + "/true.json"
    run([SLUICE, "record", "-q", "-o", out, "ls", "/"], uid, tmp)
    bpf = subprocess.run([SLUICE, "disasm", "--raw", out], capture_output=True).stdout

    def enter():
        live.become(uid)
        live.load(bpf)
    r = subprocess.run(["ls", "/"], capture_output=True, preexec_fn=enter)
    check(f"{who}: the program runs under its profile", r.returncode == 0 and r.stdout, r.stderr)
    r = subprocess.run(["mkdir", "d"], capture_output=True, preexec_fn=enter, cwd=tmp)
    check(f"{who}: another one is refused what it needs", r.returncode != 0, r)
    exact = tmp + "/exact.json"
    run([SLUICE, "record", "-q", "--exact", "-o", exact, "true"], uid, tmp)
    check(f"{who}: --exact adds nothing",
          len(entries(exact)) == 1 and "rt_sigreturn" not in recorded(exact), entries(exact))
    added = {e["comment"].split(":")[0] for e in entries(out)[1:]}
    check(f"{who}: each added entry says why", len(added) > 2 and
          all(re.fullmatch(r"added \(\w+\)", a) for a in added), added)


def statuses(who, uid, tmp):
    out = tmp + "/s.json"
    for what, words, status in (("7", ["sh", "-c", "exit 7"], 7),
                                ("128+15", ["sh", "-c", "kill -TERM $$"], 143),
                                ("127 without a program", ["./nothing"], 127),
                                ("126 where it is none", ["/etc/passwd"], 126)):
        r = run([SLUICE, "record", "-q", "-o", out, *words], uid, tmp)
        check(f"{who}: status {what}", r.returncode == status, (r.returncode, r.stderr))
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        p = subprocess.Popen([SLUICE, "record", "-q", "-o", out, "sh", "-c",
                              f"trap 'exit 42' {sig.value}; echo up; while :; do sleep 0.1; done"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp,
                             preexec_fn=lambda: live.become(uid))
        p.stdout.readline()
        p.send_signal(sig)
        check(f"{who}: {sig.name} goes to the program", p.wait(60) == 42, p.returncode)
    r = run([SLUICE, "record", "-q", "-o", out, "sh", "-c",
             "(sleep 0.5; mkdir late) >/dev/null 2>&1 & exit 3"], uid, tmp)
    check(f"{who}: what outlives the program is noted, too",
          r.returncode == 3 and "mkdir" in recorded(out) and os.path.isdir(tmp + "/late"), r)


def merged(who, uid, tmp):
    out, new = tmp + "/m.json", tmp + "/n.json"
    run([SLUICE, "record", "-q", "-o", out, "true"], uid, tmp)
    again = [SLUICE, "record", "-q", "--merge", out, "-o", new]
    r = run([*again, "--diff-fail", "true"], uid, tmp)
    check(f"{who}: a second run asks for nothing", r.returncode == 0 and
          r.stderr.startswith("0 calls noted"), r.stderr)
    r = run([*again, "--diff-fail", "mkdir", "x"], uid, tmp)
    check(f"{who}: --diff-fail: a new call ends with 1", r.returncode == 1 and
          re.search(r" [1-9]\d* different and new", r.stderr), r)
    check(f"{who}: which the profile has now",
          any("mkdir" in e["names"] for e in entries(new)) and
          not any("mkdir" in e["names"] for e in entries(out)), new)
    r = run([*again, "mkdir", "y"], uid, tmp)
    check(f"{who}: without it the status is the program's", r.returncode == 0, r)
    r = run([SLUICE, "record", "--diff-fail", "true"], uid, tmp)
    check(f"{who}: --diff-fail needs --merge", r.returncode == 2, r)
    r = run([SLUICE, "record", "-o", tmp + "/no/such/x", "true"], uid, tmp)
    check(f"{who}: a profile that cannot be written is trouble", r.returncode == 2, r)


def outputs(who, uid, tmp):
    fifo, link, real = tmp + "/fifo", tmp + "/link", tmp + "/real"
    os.mkfifo(fifo, 0o666)
    os.chmod(fifo, 0o666)
    with open(real, "w") as f:
        f.write("old")
    os.chmod(real, 0o606)
    os.symlink("real", link)
    if uid is not None:
        os.chown(real, uid, uid)
    cat = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    run([SLUICE, "record", "-q", "-o", fifo, "true"], uid, tmp)
    check(f"{who}: a FIFO gets the profile and stays one",
          b"exit_group" in cat.communicate(timeout=60)[0] and
          stat.S_ISFIFO(os.stat(fifo).st_mode))
    run([SLUICE, "record", "-q", "-o", link, "true"], uid, tmp)
    check(f"{who}: a link stays a link, its file keeps its mode", os.path.islink(link) and
          "exit_group" in recorded(real) and os.stat(real).st_mode & 0o777 == 0o606)


def arguments(who, uid, tmp):
    out = tmp + "/a.json"
    run([SLUICE, "record", "-q", "--args", "-o", out, live.PYTHON, "-c",
         "import socket; socket.socket(socket.AF_UNIX)"], uid, tmp)
    for family, verdict in ((1, "ALLOW"), (2, "ERRNO(1)"), (0x500000001, "ALLOW")):
        r = run([SLUICE, "sim", out, "socket", str(family)])
        check(f"{who}: --args: socket({family:#x}) is {verdict}", r.stdout.strip() == verdict,
              r.stdout + r.stderr)


def other_abi(tmp):
    if os.uname().machine != "x86_64" or subprocess.run([live.PYTHON, "-c", INT80]).returncode:
        skip("calls of the 32-bit ABI", "none here")
        return
    out = tmp + "/abi.json"
    r = run([SLUICE, "record", "-q", "-o", out, live.PYTHON, "-c", INT80])
    with open(out) as f:
        profile = json.load(f)
    check("calls of the 32-bit ABI", r.returncode == 0 and
          "SCMP_ARCH_X86" in profile["architectures"] and "getpid" in recorded(out), profile)


def on_a_terminal(tmp):
    live.on_a_terminal("recorded", f"{SLUICE} record -o t.json", tmp)
    check("recorded: the profile is written after Ctrl-C",
          "rt_sigtimedwait" in str(entries(tmp + "/t.json")))


def rows(text, word):
    """{name: what follows} of rows of the table that begin with this word."""
    return {m[1]: m[2] for m in re.finditer(rf"^ +{word} +(\w+) +(.*)$", text, flags=re.M)}


def possible(who, uid, tmp):
    out, cat = tmp + "/static.json", os.path.realpath(shutil.which("cat", path="/usr/bin:/bin"))
    r = run([SLUICE, "record", "--static", "-o", out, cat, "/dev/null"], uid, tmp)
    if "lacks libcapstone" in r.stderr:
        skip(f"{who}: --static", "this build lacks libcapstone")
        return
    static = set(run([SLUICE, "calls", cat], uid, tmp).stdout.split())
    made, added, can = set(counts(r.stderr)), set(rows(r.stderr, "added")), rows(r.stderr, "possible")
    check(f"{who}: --static: possible is what sluice calls finds, without the rest",
          set(can) == static - made - added and can and set(can.values()) == {cat} and
          f"{len(can)} possible and never made" in r.stderr and "by 1 program" in r.stderr,
          (r.stderr, sorted(static - made - added)))
    again = run([SLUICE, "record", "--static", "--merge", out, "-o", out, cat, "/dev/null"], uid, tmp)
    check(f"{who}: --static: the same of a second run, which makes no call anew",
          set(rows(again.stderr, "possible")) == set(can), again.stderr)
    r = run([SLUICE, "record", "-q", "--static", "-o", out, "sh", "-c",
             "cat /dev/null | cat; nosuchprogram; ls / >/dev/null; exec sh -c :"], uid, tmp)
    check(f"{who}: --static: each program that was executed, once", "by 3 programs" in r.stderr, r.stderr)


MADE = """
cp /bin/true "$OUT/mine" && "$OUT/mine" && mv "$OUT/mine" "$OUT/other" && ln -s other "$OUT/link" && chmod 700 "$OUT/other"
rm "$OUT/other" "$OUT/link"; cat "$1"
"""

CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[2])
print(open(sys.argv[1]).read())
"""


def use_files(who, uid, tmp):
    """[(name, words with the file F)]: programs that print what is in it."""
    script = tmp + "/script"
    with open(script, "w") as f:
        f.write('#!/bin/sh -e\ntouch "$OUT/new"; cat "$1"; rm "$OUT/new"\n')
    os.chmod(script, 0o755)
    return [
        ("cat", ["cat", "F"]),
        ("sh and a folder of its own", ["sh", "-ec", 'd=$(mktemp -d); sort "$1" >$d/a; cat $d/a; rm -r $d', "sh", "F"]),
        ("a script", [script, "F"]),
        ("python3", [live.PYTHON, "-I", "-c", "import sys, json; print(json.dumps(open(sys.argv[1]).read()))", "F"]),
        ("a program that it made", ["sh", "-ec", MADE, "sh", "F"]),
        ("a socket", [live.PYTHON, "-I", "-c", CONNECT, "F", tmp + "/socket"]),
        ("gcc", ["gcc", "-x", "c", "-E", "F"]),
        ("perl", ["perl", "-MPOSIX", "-pe", "1", "F"]),
        ("git", ["git", "-c", "safe.directory=*", "diff", "--no-index", "/dev/null", "F"]),
    ]


def refused_elsewhere(who, uid, tmp):
    if run([SLUICE, "run", "--ro", "/", "true"], uid, tmp).returncode:
        skip(f"{who}: --paths: programs run again", "no Landlock here")
        return
    for folder_name in ("in", "other", "out", "t", "home"):
        os.mkdir(f"{tmp}/{folder_name}")
        if uid is not None:
            os.chown(f"{tmp}/{folder_name}", uid, uid)
    given, other = tmp + "/in/given", tmp + "/other/secret"
    for path in (given, other):
        with open(path, "w") as f:
            f.write(f"the {os.path.basename(path)} text\n")
    env = os.environ | {"TMPDIR": tmp + "/t", "OUT": tmp + "/out", "HOME": tmp + "/home"}
    server = socket.socket(socket.AF_UNIX)
    server.bind(tmp + "/socket")
    os.chmod(tmp + "/socket", 0o777)
    server.listen(64)
    for name, words in use_files(who, uid, tmp):
        if not shutil.which(words[0], path="/usr/bin:/bin"):
            skip(f"{who}: --paths: {name}", "not installed")
            continue
        profile, policy = tmp + "/p.json", tmp + "/p.policy"
        words = [given if w == "F" else w for w in words]
        r = run([SLUICE, "record", "-o", profile, "--paths", policy, *words], uid, tmp, env=env)
        again = run([SLUICE, "run", "-p", profile, "--policy", policy, *words], uid, tmp, env=env)
        check(f"{who}: --paths: {name}: it runs again under profile and policy",
              "the given text" in r.stdout and again.stdout == r.stdout and again.returncode == r.returncode,
              (r, again, open(policy).read()))
        words = [other if w == given else w for w in words]
        r = run([SLUICE, "run", "--policy", policy, *words], uid, tmp, env=env)
        check(f"{who}: --paths: {name}: and does not read another file", "the secret text" not in r.stdout and
              "denied" in r.stderr, (r, open(policy).read()))
    server.close()


def folded(who, uid, tmp):
    policy, home, many = tmp + "/f.policy", tmp + "/home", tmp + "/many"
    env = os.environ | {"HOME": home}
    for top in (home, many, many + "/deep"):
        os.makedirs(top, exist_ok=True)
        for i in range(12):
            with open(f"{top}/{i}", "w") as f:
                f.write("text")
    os.symlink(many + "/deep/3", tmp + "/a-link")
    if uid is not None:
        os.chown(home, uid, uid)

    def files(*words, more=()):
        r = run([SLUICE, "record", *more, "-o", tmp + "/f.json", "--paths", policy, *words], uid, tmp, env=env)
        return json.load(open(policy))["sluice"]["files"], r.stderr
    got, _ = files("sh", "-c", f"cd {home}; cat 0 1 2 3 4 5 6 7 8 9 10 11 {many}/deep/* {many}/1")
    below = {p for p in got["read"] if p.startswith(tmp)}
    check(f"{who}: --paths: many files of a folder are the folder, but not of the home directory",
          below == {f"{home}/{i}" for i in range(12)} | {many + "/deep", many + "/1"}, got)
    got, said = files("ls", "/", home)
    check(f"{who}: --paths: a warning for what was listed and is wide", {"/", home} & set(got["read"]) == {"/"} and
          "read everything in /\n" in said, (got, said))
    got, said = files("touch", home + "/new")
    check(f"{who}: --paths: a warning for what was made in the home directory", home in got["write"] and
          f"write, make and remove everything in {home}\n" in said and got["read"] and "/" not in got["read"], (got, said))
    got, _ = files("cat", tmp + "/a-link")
    check(f"{who}: --paths: no links", many + "/deep/3" in got["read"] and tmp + "/a-link" not in str(got), got)
    got, _ = files("cat", many + "/7", more=["--merge", tmp + "/f.json"])
    check(f"{who}: --paths: with --merge the files of known calls, too, and those of the older policy",
          {many + "/7", many + "/deep/3"} <= set(got["read"]), got)
    got, _ = files("cat", many + "/8")
    check(f"{who}: --paths: without --merge nothing of the older policy", many + "/7" not in got["read"], got)
    for text in ('{"sluice": {"files": {"hide": []}}}', '{"sluice": {"network": {}}}', '{"sluice": {"files": {"read": ["x"]}}}',
                 '{"sluice": {}, "more": 1}', '{}', "no JSON"):
        with open(tmp + "/bad.policy", "w") as f:
            f.write(text)
        r = run([SLUICE, "record", "-o", tmp + "/g.json", "--merge", tmp + "/f.json", "--paths", tmp + "/bad.policy", "touch",
                 tmp + "/ran"], uid, tmp)
        check(f"{who}: --paths: --merge of another document is trouble: {text}", r.returncode == 2 and
              r.stderr.startswith(tmp + "/bad.policy:1:") and not os.path.exists(tmp + "/ran") and
              open(tmp + "/bad.policy").read() == text, r)
    got, said = files("sh", "-c", f"echo > {tmp}/gone; rm {tmp}/gone; cat /dev/null")
    check(f"{who}: --paths: what is gone is said, what is always allowed is not", f"gone  {tmp}/gone\n" in said and
          tmp in got["write"] and "/gone" not in str(got) and "/dev/null" not in str(got), (got, said))
    got, _ = files("sh", "-c", "cat /proc/self/stat; cat /proc/version")
    check(f"{who}: --paths: numbers of processes", "/proc" in got["read"] and "/proc/version" not in got["read"], got)


CGROUPS = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "


def contained(runtime, tmp, name, profile):
    """What a container with that profile says."""
    top = f"{tmp}/{runtime}-{name}"
    os.makedirs(top + "/rootfs/bin")
    os.mkdir(top + "/rootfs/dev")
    os.mkdir(top + "/rootfs/proc")
    shutil.copy(shutil.which("busybox"), top + "/rootfs/bin/busybox")
    caps = {k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted")}
    with open(profile) as f:
        seccomp = json.load(f)
    for entry in seccomp["syscalls"]:
        entry.pop("comment", None)
    config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "box",
              "process": {"user": {"uid": 1000, "gid": 1000}, "cwd": "/", "env": ["PATH=/bin"], "capabilities": caps,
                          "args": ["/bin/busybox", "echo", "inside"], "noNewPrivileges": False},
              "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
              "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")],
                        "seccomp": {"defaultAction": seccomp["defaultAction"],
                                    "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
                                        {"names": e["names"], "action": e["action"]} for e in seccomp["syscalls"]]}}}
    with open(top + "/config.json", "w") as f:
        json.dump(config, f)
    return run(["unshare", "-m", "sh", "-c", CGROUPS + 'exec "$@"', "sh", runtime, "--root", top + "/state", "run", "-b", top,
                f"sluice-record-{os.getpid()}-{name}"])


def runtimes(tmp):
    if not shutil.which("busybox"):
        return skip("--for", "no busybox")
    words = [SLUICE, "record", "--exact", "-q", "-o"]
    run([*words, tmp + "/plain.json", shutil.which("busybox"), "echo", "inside"], None, tmp)
    run([*words, tmp + "/none.json", "--for", "none", shutil.which("busybox"), "echo", "inside"], None, tmp)
    names = [[e["names"] for e in json.load(open(f"{tmp}/{n}.json"))["syscalls"]] for n in ("plain", "none")]
    check("--for none adds nothing", names[0] == names[1], names)
    with open(tmp + "/all.json", "w") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}, f)
    for runtime in ("runc", "crun"):
        path = f"{tmp}/{runtime}.json"
        r = run([*words, path, "--for", runtime, shutil.which("busybox"), "echo", "inside"], None, tmp)
        text = open(path).read()
        check(f"--for {runtime}: a reason for each", r.returncode == 0 and f"added (runtime): {runtime} calls it" in text, text)
        if os.getuid() or not shutil.which(runtime) or contained(runtime, tmp, "all", tmp + "/all.json").stdout != "inside\n":
            skip(f"--for {runtime}: in a container", "none can be started here")
            continue
        r = contained(runtime, tmp, "for", path)
        check(f"--for {runtime}: the container starts under the profile", r.stdout == "inside\n", (r.stdout, r.stderr))
        r = contained(runtime, tmp, "plain", tmp + "/plain.json")
        check(f"--for {runtime}: it does not without", r.stdout != "inside\n", (r.stdout, r.stderr))
    return None


def main():
    good, why = live.works(SLUICE)
    if not good:
        skip("record", "no notifications here: " + why.replace("\n", " "))
        live.done()
    if "--long" in sys.argv:
        for who, uid in live.users():
            with folder(uid) as tmp:
                lost_nothing(who, uid, tmp, 100, 10000)
        live.done()
    for who, uid in live.users():
        with folder(uid) as tmp:
            for part in (lost_nothing, without_names, like_strace, obeyed, statuses, merged, outputs,
                         arguments, possible, refused_elsewhere, folded):
                part(who, uid, tmp)
    with folder(None) as tmp:
        other_abi(tmp)
        runtimes(tmp)
        on_a_terminal(tmp)
    live.done()


main()
