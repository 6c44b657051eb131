#!/usr/bin/env python3
"""What lint finds: lint.py PROFILE-TOOL [SLUICE]
Each fault in a profile that has it, at its line; nothing in ten profiles that are right; the repaired one has it no more, and
repairs that promise to change nothing are proved to. In profiles of other projects, where they lie beside the checkout, it
finds what a few lines of Python find in them, and no more of these kinds. Prints TAP.
SPDX-License-Identifier: MIT"""
import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile

TOOL, PROVE = sys.argv[1], (sys.argv[2:] + [None])[0]
ARCHES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
COMMON = """accept accept4 access bind brk chdir chmod clock_getres clock_gettime clock_nanosleep
close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat
faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat chown lchown fcntl fdatasync flock
clone3 fstat fstatfs fsync ftruncate futex futex_wait futex_wake futex_waitv futex_requeue getcpu getcwd getdents
getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
inotify_init inotify_init1 inotify_rm_watch ioctl kill lgetxattr link linkat listen lseek
lstat madvise process_madvise membarrier mkdir mkdirat mmap mprotect pkey_mprotect mremap munmap nanosleep newfstatat open openat openat2
pipe pipe2 poll ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readlink readlinkat readv
recvfrom recvmmsg recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo sched_getaffinity sched_yield select sendfile sendmmsg
sendmsg sendto set_robust_list set_tid_address setitimer setpgid setsid setsockopt shutdown sigaltstack
signalfd signalfd4 socket socketpair stat statfs statx symlink symlinkat sync_file_range tgkill time timer_create
timerfd_create timerfd_gettime timerfd_settime tkill truncate umask uname unlink unlinkat utime utimensat utimes futimesat wait4
waitid write writev mlock mlock2 msync mincore getxattrat setxattr setxattrat lsetxattr listxattr listxattrat llistxattr flistxattr
fgetxattr fsetxattr removexattr removexattrat lremovexattr fremovexattr mknod mknodat pidfd_open pidfd_send_signal sched_setaffinity alarm pause arch_prctl
splice tee vmsplice statmount listmount file_getattr file_setattr cachestat""".split()
ENOSYS = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
NAMES = [n for n in COMMON if n != "clone3"]
WIDE = {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_NE"}]}
count = bad = 0


def check(ok, name, detail=""):
    global count, bad
    count += 1
    bad += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        print("#", str(detail).replace("\n", "\n# ")[:3000])


def text(profile):
    """One line for each entry, so that lines tell entries apart: the first is line 4."""
    head = {k: v for k, v in profile.items() if k != "syscalls"}
    rows = ",\n".join(json.dumps(e) for e in profile["syscalls"])
    return ("{" + json.dumps(head)[1:-1] + ",\n\"syscalls\": [\n\n" + rows + "\n]}\n").encode()


def run(what, data, *options):
    return subprocess.run([TOOL, what, *options], input=data, capture_output=True, check=False)


def findings(data, *options):
    """[(severity, rule, line)]"""
    found = []
    for line in run("lint", data, *options).stderr.decode().splitlines():
        if m := re.match(r"stdin:(\d+):(\d+): (note|warning|error): ([\w-]+): ", line):
            found.append((m[3], m[4], int(m[1])))
    return found


def allow(*more, names=None, **head):
    return {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            "syscalls": [{"names": names or NAMES, "action": "SCMP_ACT_ALLOW"}, ENOSYS, *more], **head}


def deny(*entries, **head):
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            "syscalls": list(entries), **head}


def errno(*names, **more):
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", **more}


def without(*gone):
    return [n for n in NAMES if n not in gone]


def entry(*names, **more):
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **more}


def arg(index, op, value, two=None):
    found = {"index": index, "value": value, "op": "SCMP_CMP_" + op}
    return found if two is None else {**found, "valueTwo": two}


NO_SOCKET = without("socket")
FAULTS = [  # rule, line, profile, options
    ("width-opens", 6, allow(entry("socket", args=[arg(0, "NE", 38)]), names=NO_SOCKET), []),
    ("width-opens", 6, allow(entry("socket", args=[arg(0, "GE", 2)]), names=NO_SOCKET), []),
    ("width-opens", 4, deny(errno("socket", args=[arg(0, "EQ", 38)])), []),
    ("width-opens", 4, deny(errno("socket", args=[arg(0, "LE", 1)])), []),
    ("width-opens", 4, deny(errno("socket", args=[arg(0, "MASKED_EQ", 2**64 - 1, 38)])), []),
    ("width-closes", 6, allow(entry("socket", args=[arg(0, "EQ", 1)]), names=NO_SOCKET), []),
    ("width-closes", 4, deny(errno("socket", args=[arg(0, "NE", 1)])), []),
    ("sign-extended", 6, allow(entry("kcmp", args=[arg(0, "EQ", 2**64 - 1)])), []),
    ("sign-extended", 6, allow(entry("dup3", args=[arg(0, "EQ", 2**64 - 100)]), names=without("dup3")), []),
    ("value-too-wide", 6, allow(entry("kcmp", args=[arg(2, "EQ", 2**32 + 1)])), []),
    ("dropped", 6, allow(errno("kcmp")), []),
    ("same-argument", 6, allow(entry("kcmp", args=[arg(3, "GE", 1), arg(3, "LE", 5)])), []),
    ("too-many-args", 6, allow(entry("kcmp", args=[arg(i % 6, "GE", i + 1) for i in range(7)])), []),
    ("multiplexed", 6, allow(entry("sendto", args=[arg(4, "EQ", 0)]), names=without("sendto")), []),
    ("abi-hole", 4, deny(errno("chown", "fchown", "lchown", "fchownat")), []),
    ("abi-hole", 4, deny(errno("setuid")), []),
    ("clone3-errno", 1, {**allow(names=NAMES + ["clone"]), "syscalls": [entry(*NAMES, "clone")]}, []),
    ("clone3-open", 4, {**allow(), "syscalls": [entry(*NAMES, "clone3"), entry("clone", args=[
        arg(0, "MASKED_EQ", 0x7e020000, 0)])]}, []),
    ("sibling-open", 4, deny(errno("openat", "open", "creat")), []),
    ("sibling-open", 4, deny(errno("execve")), []),
    ("sibling-missing", 4, allow(names=without("openat2")), []),
    ("io-uring-open", 6, allow(entry("io_uring_setup", "io_uring_enter", "io_uring_register"),
                               names=without("socket", "connect")), []),
    ("dangerous", 6, allow(entry("bpf")), []),
    ("dangerous", 1, deny(errno("swapon")), []),
    ("unknown-name", 6, allow(entry("opeanat")), []),
    ("unknown-name", 6, allow(entry("wait3")), []),
    ("empty-name", 6, allow(entry("")), []),
    ("empty-entry", 6, allow(entry()), []),
    ("errno-unused", 6, allow(entry("kcmp", errnoRet=1)), []),
    ("errno-unused", 1, deny(errno("swapon"), defaultErrnoRet=0), []),
    ("errno-unused", 6, allow(entry("kcmp", errnoRet=1)), ["as=crun"]),
    ("doubled-name", 6, allow(entry("read")), []),
    ("doubled-name", 4, allow(names=NAMES + ["read"]), []),
    ("end-missing", 1, allow(names=without("exit")), []),
    ("end-missing", 1, allow(names=without("exit_group")), []),
    ("end-missing", 1, allow(names=without("rt_sigreturn")), []),
    ("vdso-missing", 1, allow(names=without("clock_gettime")), []),
    ("vdso-missing", 1, allow(names=without("getcpu")), []),
    ("dead-rule", 6, allow(entry("read", args=[arg(0, "EQ", 0)])), []),
    ("dead-rule", 6, allow(entry("kcmp", args=[arg(0, "EQ", 0), arg(1, "EQ", 1)]), entry("kcmp")), []),
    ("arch-missing", 1, allow(architectures=["SCMP_ARCH_X86"]), []),
    ("arch-missing", 1, allow(architectures=["SCMP_ARCH_X86_64"]), []),
    ("arch-missing", 1, {k: v for k, v in allow().items() if k != "architectures"}, []),
]
LOW = 0xffffffff
ENOSYS_ONLY = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38}
RIGHT = [
    ("a list of what is allowed", allow()),
    ("killing otherwise", allow(defaultAction="SCMP_ACT_KILL_PROCESS")),
    ("one family of sockets, as the kernel reads it", {**allow(entry("socket", args=[
        arg(0, "MASKED_EQ", LOW, 1)]), names=NO_SOCKET), "architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]}),
    ("clone without namespaces", allow(entry("clone", args=[arg(0, "MASKED_EQ", 0x7e020000, 0)]))),
    ("ENOSYS for everything else", {**allow(), **ENOSYS_ONLY, "syscalls": [entry(*NAMES)]}),
    ("a call for a capability", allow(entry("bpf", "perf_event_open", includes={"caps": ["CAP_BPF"]}))),
    ("a whole argument of 64 bits", allow(entry("prlimit64", args=[arg(2, "EQ", 0)]),
                                          names=without("prlimit64"))),
    ("io_uring, refused", allow(errno("io_uring_setup", "io_uring_enter", "io_uring_register", errnoRet=38))),
    ("comments and flags", allow(flags=["SECCOMP_FILTER_FLAG_LOG"], **{}) | {"syscalls": [
        {**entry(*NAMES), "comment": "what most programs need"}, ENOSYS]}),
    ("archMap of an engine", {k: v for k, v in allow().items() if k != "architectures"} | {
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]}),
]
# Repairs that change no decision.
SAME = {"dropped", "same-argument", "doubled-name", "empty-name"}
REPAIRED = SAME | {"width-opens", "width-closes", "sign-extended"}


def same_program(a, b):
    with tempfile.TemporaryDirectory() as scratch:
        paths = [pathlib.Path(scratch, n) for n in ("a.bpf", "b.bpf")]
        for path, data in zip(paths, (a, b)):
            path.write_bytes(run("compile", data, "as=crun", "arch=x86_64").stdout)
        done = subprocess.run([PROVE, "prove", *paths], capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout


# Arguments that are 32 bits to the kernel, of calls that such profiles compare (include/linux/syscalls.h).
INTS = {"socket": {0, 1, 2}, "socketpair": {0, 1, 2}, "personality": {0}, "ioctl": {0, 1}, "fcntl": {0, 1}, "prctl": {0},
        "clone": {0}, "dup3": {0, 1, 2}, "kill": {0, 1}, "umount2": {1}}
ROOT = pathlib.Path(__file__).resolve().parents[2]


def object_of(document):
    """The profile's object, and its path with a dot."""
    for path in ("linux.seccomp.", "spec."):
        inner = document
        for word in path[:-1].split("."):
            inner = inner.get(word, {}) if isinstance(inner, dict) else {}
        if "defaultAction" in inner:
            return inner, path
    return document, ""


def is_wide(arg):
    """Does it ask for bits above 32? At the least value GE says nothing."""
    if arg["op"] == "SCMP_CMP_MASKED_EQ":
        return arg.get("value", 0) >> 32 != 0
    return arg["op"] != "SCMP_CMP_GE" or arg.get("value", 0) != 0


def faults_of(profile, at, known):
    """{(rule, path)}: found without sluice."""
    found = set()
    for i, e in enumerate(profile.get("syscalls") or []):
        names, args, place = e.get("names") or [e.get("name", "")], e.get("args") or [], f"{at}syscalls[{i}]"
        found |= {("empty-name" if not n else "unknown-name", f"{place}.names[{j}]")
                  for j, n in enumerate(names) if n not in known}
        indices = [a["index"] for a in args]
        found |= {("same-argument", f"{place}.args[{k}]")
                  for k in range(len(args)) if indices[k] in indices[:k]} if len(args) < 7 else set()
        found |= {("too-many-args", place)} if len(args) > 6 else set()
        if e["action"] == profile["defaultAction"] and e.get("errnoRet") == profile.get("defaultErrnoRet"):
            found.add(("dropped", place))
            continue
        found |= {("width", f"{place}.args[{k}].value") for k, a in enumerate(args)
                  if is_wide(a) and any(a["index"] in INTS.get(n, ()) for n in names)}
    return found


def check_real():
    paths = sorted((ROOT.parent / "shared/data/profiles").glob("*.json"))
    if not paths or not PROVE:
        check(True, "profiles of other projects # SKIP none beside the checkout, or no sluice")
        return
    with open(ROOT / "data/syscalls.csv", encoding="utf-8") as file:
        known = {row[0] for row in csv.reader(line for line in file if line[0] != "#")}
    total = set()
    for number, path in enumerate(paths, 1):
        done = subprocess.run([PROVE, "lint", "--json", "--machine=x86_64", "--cap=all", path], capture_output=True, check=False)
        expected = faults_of(*object_of(json.loads(path.read_text())), known)
        kinds = {"empty-name", "unknown-name", "same-argument", "too-many-args", "dropped", "width"}
        found = {(re.sub("^width-.*|^sign-.*|^value-too.*", "width", f["rule"]), f["path"]) for f in json.loads(done.stdout)}
        found = {f for f in found if f[0] in kinds and (f[0] != "width" or f in expected or names_ints(path, f[1]))}
        check(done.returncode in (0, 1) and found == expected, f"profile {number} of other projects",
              f"only sluice: {sorted(found - expected)}\nonly here: {sorted(expected - found)}")
        total |= {(rule, number) for rule, _ in expected}
    rules = {rule for rule, _ in total}
    check(len(rules) >= 3, f"they have {len(rules)} kinds of these faults", rules)


def names_ints(path, where):
    """Is the comparison at @where of a call that INTS has?"""
    profile, _ = object_of(json.loads(path.read_text()))
    e = profile["syscalls"][int(re.search(r"syscalls\[(\d+)\]", where)[1])]
    return any(n in INTS for n in e.get("names") or [e.get("name")])


def main():
    for rule, line, profile, options in FAULTS:
        data = text(profile)
        found = findings(data, "arch=x86_64", *options)
        check(rule in [r for _, r, at in found if at == line], f"{rule} is found in line {line}", found)
        if rule not in REPAIRED:
            continue
        fixed = run("fix", data, "arch=x86_64").stdout
        left = [r for _, r, _ in findings(fixed, "arch=x86_64")]
        check(fixed and rule not in left, f"{rule} is repaired", left or "nothing was written")
        if rule in SAME and PROVE:
            same, why = same_program(data, fixed)
            check(same, f"{rule}: the repair changes no decision", why)
    for name, profile in RIGHT:
        arch = "arch=aarch64" if "SCMP_ARCH_AARCH64" in profile.get("architectures", []) else "arch=x86_64"
        found = findings(text(profile), arch)
        check(not found, f"right: {name}", found)
    many = deny(*(errno("read", args=[arg(0, "EQ", i)]) for i in range(1500)))
    found = [(severity, at) for severity, rule, at in findings(text(many), "arch=x86_64") if rule == "dead-rule"]
    check(len(found) == 1 and found[0][0] == "note", "a large profile: where the search for dead rules ended", found)
    calls = ("accept bind brk chdir chmod close connect dup dup2 epoll_wait fchdir fchmod fchown fcntl flock fork fstat "
             "fsync futex getcwd getdents getpid gettid getuid ioctl kill listen lseek lstat madvise mkdir mmap mprotect "
             "msync munmap nanosleep open openat pause pipe poll pread64 prctl pwrite64 read readlink readv recvfrom "
             "rename rmdir sched_yield select sendto setgid setsid setuid shutdown socket stat sync tgkill time umask "
             "uname unlink wait4 write writev").split()
    doubled = [entry(call, args=[arg(k % 2, "EQ", 7 + 3 * k)]) for call in calls for k in range(20) for _ in range(2)]
    huge = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": doubled}
    found = [rule for _, rule, _ in findings(text(huge), "arch=x86_64") if rule == "dead-rule"]
    check(len(found) == len(doubled), "a large profile: all doubled rules are found, call by call", len(found))
    same = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [entry("read"), entry("read")]}
    for e in same["syscalls"]:
        e["names"] = ["read"] * 50000
    found = [rule for _, rule, _ in findings(text(same), "arch=x86_64") if rule == "dead-rule"]
    check(len(found) == 2, "one name 50 000 times in each of two entries", len(found))
    check_real()
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
