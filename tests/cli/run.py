#!/usr/bin/env python3
"""sluice run: is the program held to its profile and otherwise left as it is? run.py SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import re
import signal
import subprocess
import sys

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])


def profile(home, name="profile.json", default="SCMP_ACT_ALLOW", **entry):
    path = home + "/" + name
    with open(path, "w") as f:
        json.dump({"defaultAction": default, "syscalls": [entry]}, f)
    os.chmod(path, 0o644)
    return path


def held(who, uid, tmp, home):
    path = profile(home, names=["mkdir", "mkdirat"], action="SCMP_ACT_ERRNO", errnoRet=28)
    r = run([SLUICE, "run", "-p", path, "mkdir", "d"], uid, tmp)
    check(f"{who}: a refused call", r.returncode == 1 and "No space left" in r.stderr and
          not os.path.exists(tmp + "/d"), r)
    r = run([SLUICE, "run", "-p", path, "sh", "-c", "sh -c 'mkdir d || exit 9'"], uid, tmp)
    check(f"{who}: of a grandchild, too", r.returncode == 9 and not os.path.exists(tmp + "/d"), r)
    r = run(["mkdir", "d"], uid, tmp)
    check(f"{who}: which works without it", r.returncode == 0, r)
    path = profile(home, "caps.json", names=["mkdir", "mkdirat"], action="SCMP_ACT_ERRNO",
                   excludes={"caps": ["CAP_SYS_ADMIN"]})
    r = run([SLUICE, "run", "-p", path, "mkdir", "e"], uid, tmp)
    check(f"{who}: a profile is for a program without capabilities", r.returncode == 1, r)
    r = run([SLUICE, "run", "--cap=SYS_ADMIN", "-p", path, "mkdir", "e"], uid, tmp)
    check(f"{who}: or for the one that the options say", r.returncode == 0, r)
    os.rmdir(tmp + "/e")
    path = home + "/profile.json"
    bpf = tmp + "/p.bpf"
    with open(bpf, "wb") as f:
        f.write(subprocess.run([SLUICE, "disasm", "--raw", path], capture_output=True).stdout)
    r = run([SLUICE, "run", "-p", bpf, "mkdir", "e"], uid, tmp)
    check(f"{who}: a BPF file", r.returncode == 1 and "No space left" in r.stderr, r)
    out = home + "/recorded.json"
    run([SLUICE, "record", "-q", "-o", out, "true"], None, home)
    os.chmod(out, 0o644)
    r = run([SLUICE, "run", "-p", out, "true"], uid, tmp)
    check(f"{who}: a recorded program runs under its profile", r.returncode == 0, r)
    r = run([SLUICE, "run", "-p", out, "mkdir", "e"], uid, tmp)
    check(f"{who}: another one does not", r.returncode != 0 and not os.path.exists(tmp + "/e"), r)


def explained(who, uid, tmp, home):
    if not live.works(SLUICE)[0]:
        return skip(f"{who}: --why", "no notifications here")
    path = profile(home, names=["mkdir", "mkdirat"], action="SCMP_ACT_ERRNO", errnoRet=28)
    r = run([SLUICE, "run", "--why", "-p", path, "mkdir", "d"], uid, tmp)
    check(f"{who}: --why names the refused call and its rule", r.returncode == 1 and re.search(
        r'refused: mkdir(at)?\(.*"d".*\): ERRNO\(28\), 1 time, by /.*\n    rule: +\S*profile.json:1:\d+: ',
        r.stderr), r)
    r = run([SLUICE, "run", "--why", "-p", path, "--deny", "chdir", "sh", "-c", "cd / || exit 7"], uid, tmp)
    check(f"{who}: --why tells the policy's rules from the profile's", r.returncode == 7 and
          'refused: chdir("/"): ERRNO(1)' in r.stderr and "of the policy, not of the profile" in r.stderr, r)
    r = run([SLUICE, "run", "--why", "-p", path, "--ro", "/", "sh", "-c", "echo > x || mkdir d"], uid, tmp)
    check(f"{who}: --why with Landlock", r.returncode == 1 and "Permission denied" in r.stderr and
          "ERRNO(28)" in r.stderr and not os.path.exists(tmp + "/x"), r)
    r = run([SLUICE, "run", "--why", "--json", "-o", tmp + "/report.json", "-p", path, "mkdir", "d"], uid, tmp)
    with open(tmp + "/report.json", encoding="utf-8") as f:
        report = json.load(f)
    check(f"{who}: --why --json: a report in a file", r.returncode == 1 and "refused:" not in r.stderr and
          any(e["call"] == "mkdir" and e["count"] == 1 and path in e["rule"] for e in report["refused"]), (r, report))
    for words in (["--json"], ["-o", tmp + "/none"]):
        r = run([SLUICE, "run", *words, "-p", path, "true"], uid, tmp)
        check(f"{who}: {words[0]} without --why", r.returncode == 2 and "report of --why" in r.stderr and
              not os.path.exists(tmp + "/none"), r)
    r = run([SLUICE, "run", "--why", "-o", tmp + "/none/x", "-p", path, "touch", "ran"], uid, tmp)
    check(f"{who}: --why: a report that cannot be written", r.returncode == 2 and not os.path.exists(tmp + "/ran"), r)
    r = run([SLUICE, "run", "--why", "--deny", "chdir", "true"], uid, tmp)
    check(f"{who}: --why without a profile", r.returncode == 2 and "-p PROFILE" in r.stderr, r)
    return None


def statuses(who, uid, tmp, home):
    path = profile(home, names=["mkdir"], action="SCMP_ACT_ERRNO")
    for what, words, status in (("7", ["sh", "-c", "exit 7"], 7),
                                ("of a signal", ["sh", "-c", "kill -TERM $$"], -15),
                                ("127 without a program", ["./nothing"], 127),
                                ("127 nowhere in PATH", ["no-such-program"], 127),
                                ("126 where it is none", ["/etc/passwd"], 126),
                                ("126 of a directory", ["/etc"], 126)):
        r = run([SLUICE, "run", "-p", path, *words], uid, tmp, env={"PATH": "/usr/bin:/bin"})
        check(f"{who}: status {what}", r.returncode == status, (r.returncode, r.stderr))
    r = run([SLUICE, "run", "-p", path, "sh", "-c", "echo $$"], uid, tmp)
    p = subprocess.Popen([SLUICE, "run", "-p", path, "sh", "-c", "echo $$; exec sleep 100"],
                         stdout=subprocess.PIPE, cwd=tmp, preexec_fn=lambda: live.become(uid))
    check(f"{who}: the program has the process id of the tool", int(p.stdout.readline()) == p.pid)
    p.send_signal(signal.SIGTERM)
    check(f"{who}: and gets its signals", p.wait(60) == -15, p.returncode)
    p.stdout.close()
    r = subprocess.run([SLUICE, "run", "-p", path, "sh", "-c", "exec 2>/dev/full; kill -USR1 $$"],
                       preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))
    check(f"{who}: ignored signals stay ignored", r.returncode == 0, r)


def refused(who, uid, tmp, home):
    for call in ("execve", "exit_group", "rt_sigreturn"):
        for default, action in (("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"),
                                ("SCMP_ACT_ALLOW", "SCMP_ACT_KILL_PROCESS")):
            path = profile(home, default=default, names=[call], action=action)
            r = run([SLUICE, "run", "-p", path, "true"], uid, tmp)
            check(f"{who}: a profile with {action} for {call}", r.returncode == 2 and
                  f"{call} is not allowed" in r.stderr and f'Add "{call}"' in r.stderr, r)
    path = profile(home, names=["exit_group"], action="SCMP_ACT_ERRNO",
                   args=[{"index": 0, "value": 77, "op": "SCMP_CMP_EQ"}])
    r = run([SLUICE, "run", "-p", path, "true"], uid, tmp)
    check(f"{who}: one that refuses some exits only is taken", r.returncode == 0, r)
    path = profile(home, "bad.json", default="SCMP_ACT_NOTHING", names=["read"],
                   action="SCMP_ACT_ALLOW")
    r = run([SLUICE, "run", "-p", path, "true"], uid, tmp)
    check(f"{who}: a profile that is none", r.returncode == 2 and "bad.json:1:" in r.stderr, r)
    r = run([SLUICE, "run", "true"], uid, tmp)
    check(f"{who}: nothing to hold it to", r.returncode == 2, r)


def privileges(who, uid, tmp, home):
    path = profile(home, names=["mkdir"], action="SCMP_ACT_ERRNO")
    text = "grep -c '^NoNewPrivs:.1$' /proc/self/status"
    check(f"{who}: no_new_privs is set", run([SLUICE, "run", "-p", path, "sh", "-c", text], uid,
                                             tmp).stdout == "1\n")
    check(f"{who}: where it was not", run(["sh", "-c", text], uid, tmp).stdout == "0\n")
    check(f"{who}: one filter, and no process beside it", run(
        [SLUICE, "run", "-p", path, "sh", "-c",
         "grep ^Seccomp_filters: /proc/self/status; grep PPid /proc/self/status"], uid,
        tmp).stdout.split()[:2] == ["Seccomp_filters:", "1"])


def main():
    for who, uid in live.users():
        with folder(uid) as tmp, folder(None) as home:
            for part in (held, explained, statuses, refused, privileges):
                part(who, uid, tmp, home)
    with folder(None) as tmp:
        path = profile(tmp, names=["mkdir"], action="SCMP_ACT_ERRNO")
        live.on_a_terminal("profile", f"{SLUICE} run -p {path}", tmp)
        if live.works(SLUICE)[0]:
            live.on_a_terminal("supervised", f"{SLUICE} run --best-effort --connect 127.0.0.1:1", tmp)
        else:
            skip("supervised: on a terminal", "no notifications here")
    live.done()


main()
