#!/usr/bin/env python3
"""crun and runc start a container whose profile notifies mkdir, with our example as the
listener: allowed in one directory, refused elsewhere; container and listener end.
SPDX-License-Identifier: MIT

containers.py EXAMPLE [--own-library]: EXAMPLE is the oci-listener program; --own-library leaves the
runtime its own libseccomp, where ours is built for something that the runtime is not."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RUNTIME_ENV = {k: v for k, v in os.environ.items()
               if k != "LD_LIBRARY_PATH" or "--own-library" not in sys.argv}
# Both runtimes refuse a mixture of cgroup v1 and v2: a tree of the container's own.
CGROUPS = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "
SCRIPT = ("busybox mkdir /tmp/allowed; echo first $?; busybox mkdir /refused; echo second $?; "
          "busybox mkdir /tmp/../refused2; echo third $?; busybox mkdir /tmp/link/x; "
          "echo fourth $?; "
          # In place of the directory that was offered, a link.
          "busybox mv /tmp /tmp2; busybox ln -s / /tmp; busybox mkdir /tmp/x; echo fifth $?; "
          "busybox mkdir /tmp2/last; echo last $?")


def bundle(top, listener, metadata):
    root = top / "rootfs"
    for name in ("bin", "proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "tmp" / "link").symlink_to("/")
    shutil.copy(shutil.which("busybox", path=PATH), root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    config = {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
                    "args": ["/bin/sh", "-c", SCRIPT], "noNewPrivileges": True},
        "root": {"path": "rootfs"}, "hostname": "box",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86_64"],
                "listenerPath": str(listener), "listenerMetadata": metadata,
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}}}
    (top / "config.json").write_text(json.dumps(config))


def run(runtime, example, metadata):
    with tempfile.TemporaryDirectory(prefix="sluice-oci-", ignore_cleanup_errors=True) as top:
        return run_in(pathlib.Path(top), runtime, example, metadata)


def run_in(top, runtime, example, metadata):
    listener = top / "listener.sock"
    bundle(top, listener, metadata)
    server = subprocess.Popen([example, listener, "1"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    while not listener.exists() and server.poll() is None:
        time.sleep(0.01)
    inner = f"{CGROUPS} exec {runtime} --root {top}/state run -b {top} sluice-{os.getpid()}"
    box = subprocess.run(["unshare", "-m", "sh", "-c", inner], capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=60, env=RUNTIME_ENV)
    try:
        log, told = server.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        log, told = server.communicate()
        told += "did not end"
    made = [p for p in ("tmp2/allowed", "tmp2/last", "refused", "refused2", "x")
            if (top / "rootfs" / p).exists()]
    return box, log, told, server.returncode, made


def problem_with(runtime, example):
    box, log, told, status, made = run(runtime, example, "/tmp")
    want = "first 0\nsecond 1\nthird 1\nfourth 1\nfifth 1\nlast 1\n"
    if box.stdout != want:
        return f"container: {box.stdout!r} {box.stderr!r} listener: {told!r}"
    if made != ["tmp2/allowed"]:
        return f"made: {made}"
    if status != 0 or "may make directories in /tmp" not in told:
        return f"listener ended with {status}: {told!r}"
    # The runtime itself makes directories before it starts the program, and is refused like it.
    verdicts = [json.loads(line) for line in log.splitlines()]
    if sum(v["verdict"] == "reply" for v in verdicts) != 1:
        return f"decisions: {verdicts}"
    if sum(v.get("errno") == 13 for v in verdicts) < 3:
        return f"decisions: {verdicts}"
    return None


def refusal(runtime, example):
    """A container that the callback refuses: every notified call fails, none with ENOSYS."""
    box, log, told, status, made = run(runtime, example, "no directory")
    if made or status != 0 or "not implemented" in box.stderr:
        return f"made {made}, status {status}, {box.stderr!r}"
    verdicts = [json.loads(line) for line in log.splitlines()]
    if not verdicts or any(v["verdict"] != "fail" or v["errno"] != 1 for v in verdicts):
        return f"decisions: {verdicts} {box.stderr!r}"
    return None


def main():
    n = 0
    bad = False
    for runtime in ("crun", "runc"):
        for name, check in ((f"{runtime}: mkdir allowed and refused, listener ends", problem_with),
                            (f"{runtime}: a container that is refused", refusal)):
            n += 1
            found = shutil.which(runtime, path=PATH)
            if not found or not shutil.which("busybox", path=PATH):
                print(f"ok {n} - {name} # SKIP {runtime} or busybox is not installed")
                continue
            if os.geteuid() != 0:
                print(f"ok {n} - {name} # SKIP needs root")
                continue
            problem = check(found, sys.argv[1])
            if problem:
                bad = True
                print(f"# {problem}")
            print(f"{'not ok' if problem else 'ok'} {n} - {name}", flush=True)
    print(f"1..{n}")
    return bad


sys.exit(main())
