"""A busybox container with the distribution's default profile, for the tests of runtimes.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import shutil

import client

PROFILE = "/usr/share/containers/seccomp.json"  # golang-github-containers-common
CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"]


def oci_seccomp():
    """The profile as a runtime wants it: what depends on capabilities that the container has not,
    or on other architectures, is left out."""
    if not os.path.exists(PROFILE):
        raise client.Skip(f"no {PROFILE} (golang-github-containers-common)")
    profile = json.loads(pathlib.Path(PROFILE).read_text())
    calls = []
    for entry in profile["syscalls"]:
        includes, excludes = entry.get("includes", {}), entry.get("excludes", {})
        if "amd64" not in includes.get("arches", ["amd64"]):
            continue
        if not set(includes.get("caps", [])) <= set(CAPABILITIES):
            continue
        if set(excludes.get("caps", [])) & set(CAPABILITIES):
            continue
        call = {"names": entry["names"], "action": entry["action"]}
        if entry.get("args"):
            call["args"] = entry["args"]
        if entry.get("errnoRet") is not None:
            call["errnoRet"] = entry["errnoRet"]
        calls.append(call)
    return {"defaultAction": profile["defaultAction"],
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": calls}


def bundle(box, script):
    root = box.dir / "bundle" / "rootfs"
    for name in ("bin", "proc", "dev", "sys"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox", path=client.PATH), root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    sets = ("bounding", "effective", "permitted")
    config = {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
                    "args": ["/bin/sh", "-c", script], "noNewPrivileges": True,
                    "capabilities": {s: CAPABILITIES for s in sets}},
        "root": {"path": "rootfs"}, "hostname": "box",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network")],
                  "seccomp": oci_seccomp()},
    }
    (box.dir / "bundle" / "config.json").write_text(json.dumps(config))


# A cgroup tree of the box's own; both runtimes refuse the mixture of v1 and v2.
CGROUPS = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "
INSIDE = "echo works; busybox grep Seccomp: /proc/self/status"


def check(out):
    said = out.stdout_text.split()
    if said != ["works", "Seccomp:", "2"]:
        raise client.Failed(f"the container said {said}: " + client.last_line(out.stderr_text))
