#!/usr/bin/env python3
"""sluice record: does a profile hold where the same program makes other calls? elsewhere.py SLUICE NOVDSO ENDING FETCH-DEBS.
Without a vDSO (NOVDSO hides it), through abort(3) (ENDING), and with the C library and the programs of other Debians (FETCH-DEBS
gets them; needs root). The same with --exact fails, where calls are missing then: that shows that they are made.
Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import subprocess
import sys

import live
from live import check, folder, run, skip

SLUICE, NOVDSO, ENDING = (live.tool(path) for path in sys.argv[1:4])
FETCH = os.path.abspath(sys.argv[4])
PACKAGES = ["libc6", "dash", "coreutils", "tar", "grep", "libselinux1", "libacl1", "libattr1", "libgmp10", "libpcre2-8-0"]
# Libraries that some releases link with, and others do not have.
MORE = {"bullseye": ["libpcre3"], "trixie": ["libssl3t64", "zlib1g", "libzstd1", "libsystemd0", "libcap2"],
        "sid": ["libssl3t64", "zlib1g", "libzstd1", "libsystemd0", "libcap2", "openssl-provider-legacy"]}
WORDS = [
    ["ls", "-la", "/"],
    ["sh", "-ec", "echo b >f; echo a >>f; sort f | grep -c a; cp f g; mv g h; mkdir d; rmdir d; rm f h"],
    ["sh", "-ec", "mkdir -p t; echo x >t/x; tar cf t.tar t; tar tf t.tar; rm -r t t.tar"],
    ["date", "+%s"],
]


def profiles(uid, tmp, words):
    """Of the same run: (with what belongs to the calls, exact)."""
    made = []
    for name, more in (("whole", []), ("exact", ["--exact"])):
        made.append(f"{tmp}/{name}.json")
        r = run([SLUICE, "record", "-q", *more, "-o", made[-1], *words], uid, tmp)
        if r.returncode:
            check(f"{words[0]} is recorded", False, r)
    # Without these "sluice run" starts nothing.
    with open(made[1]) as f:
        profile = json.load(f)
    profile["syscalls"].append({"names": ["execve", "exit_group", "rt_sigreturn"], "action": "SCMP_ACT_ALLOW"})
    with open(made[1], "w") as f:
        json.dump(profile, f)
    return made


def without_vdso(who, uid, tmp):
    if run([NOVDSO, ENDING], uid, tmp).returncode == 125:
        skip(f"{who}: without a vDSO", "no ptrace(2) here, or another architecture")
        return
    for words in ([ENDING], [live.PYTHON, "-c", "import time; time.monotonic(); time.sleep(0.01); print(time.time() > 1)"],
                  ["date", "+%s"]):
        whole, exact = profiles(uid, tmp, words)
        name = os.path.basename(words[0])
        trace = run([SLUICE, "record", "--exact", "-q", "-o", tmp + "/seen.json", NOVDSO, *words], uid, tmp)
        with open(tmp + "/seen.json") as new, open(exact) as old:
            fresh = "clock_gettime" in new.read() and "clock_gettime" not in old.read()
        r = run([NOVDSO, SLUICE, "run", "-p", whole, *words], uid, tmp)
        check(f"{who}: {name}: without a vDSO it makes other calls, and runs under its profile",
              fresh and r.returncode == 0 and r.stdout.strip(), (trace, r))
    r = run([NOVDSO, SLUICE, "run", "-p", profiles(uid, tmp, [ENDING])[1], ENDING], uid, tmp)
    check(f"{who}: control: it has no clock under the exact profile", r.returncode == 3 and r.stdout == "no clock\n", r)


def aborted(who, uid, tmp):
    whole, exact = profiles(uid, tmp, [ENDING])
    for how in ("abort", "assert"):
        bare = run([ENDING, how], uid, tmp)
        r = run([SLUICE, "run", "-p", whole, ENDING, how], uid, tmp)
        check(f"{who}: {how}: it ends as without a profile", r.returncode == bare.returncode == -6 and r.stderr == bare.stderr,
              (bare, r))
    r = run([SLUICE, "run", "-p", exact, ENDING, "abort"], uid, tmp)
    check(f"{who}: control: under the exact profile it does not", r.returncode < 0 and r.returncode != -6, r)


def root_of(suite, tmp):
    """A root directory with a few packages of another release, or None."""
    r = subprocess.run([FETCH, suite, "amd64", *PACKAGES, *MORE.get(suite, [])], capture_output=True, text=True, check=False)
    if r.returncode:
        return None
    root = pathlib.Path(tmp, "root-" + suite)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to("usr/" + name)
    (root / "work").mkdir()
    for place in r.stdout.split():
        subprocess.run(["sh", "-c", 'tar -C "$1" -c . | tar -C "$2" -x --keep-directory-symlink', "sh", place, root], check=True)
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("dash")
    return root


def inside(root, words, bpf):
    def enter():
        os.chroot(root)
        os.chdir("/work")
        if bpf:
            live.load(bpf)
    return subprocess.run(words, capture_output=True, text=True, preexec_fn=enter, check=False, timeout=120,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})


def other_debian(tmp):
    if os.getuid() or os.uname().machine != "x86_64":
        skip("in a root of another Debian", "needs root, and packages of amd64")
        return
    for suite in ("bullseye", "bookworm", "trixie", "sid"):
        root = root_of(suite, tmp)
        if not root or inside(root, ["ls"], None).returncode:
            skip(f"in a root of {suite}", "its packages cannot be had, or do not run")
            continue
        for words in WORDS:
            whole, _ = profiles(None, tmp, words)
            bpf = subprocess.run([SLUICE, "disasm", "--raw", whole], capture_output=True, check=True).stdout
            bare, r = inside(root, words, None), inside(root, words, bpf)
            check(f"in a root of {suite}: {words[0]} {words[-1][:20]}", bare.returncode == 0 and r.returncode == 0 and
                  r.stderr == bare.stderr, (bare, r))


def main():
    good, why = live.works(SLUICE)
    if not good:
        skip("elsewhere", "no notifications here: " + why.replace("\n", " "))
        live.done()
    for who, uid in live.users():
        with folder(uid) as tmp:
            for part in (without_vdso, aborted):
                part(who, uid, tmp)
    with folder(None) as tmp:
        other_debian(tmp)
    live.done()


main()
