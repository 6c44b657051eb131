#!/usr/bin/env python3
"""What runc and crun load for a profile, taken from a container, beside what the library compiles:
    runtimes.py --tool PROFILE-TOOL --prove SLUICE --getfilter GETFILTER --samefilter S --broken B
                [--lib LIBRARY] [--suite SUITE] [--only NAME]
Each profile of ../shared beside the checkout and of tests/profile/runtimes becomes the one of a busybox container; the filter
that its process ends with is proved equal to the program that the library makes. Both use the same libseccomp:
the system's own, or LIBRARY. With SUITE the runtimes and their libraries are those of another release of
Debian: unpacked in the cache, merged to a root directory, and run there. sluice-compile(1) has what the two do
differently. Prints TAP.
SPDX-License-Identifier: MIT"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
import client  # noqa: E402
import container  # noqa: E402

LIMIT = 30  # seconds a container; only to end a hang
RUNTIMES = {
    "runc": 'exec runc --root state run -b bundle "$1"',
    "crun": 'exec crun --root state --cgroup-manager=disabled run -b bundle "$1"',
}


PACKAGES = ["runc", "crun", "libc6", "libseccomp2", "libsystemd0", "libcap2", "libblake3-0", "libjson-c5",
            "busybox-static"]
# Words: the name of the container, the root directory, the library. Runtimes want a root that is a mount.
ENTER = """mkdir root && mount --bind "$2" root && mount --bind "$3" root/usr/lib/x86_64-linux-gnu/libseccomp.so.2 &&
mount --rbind /proc root/proc && mount --rbind /sys root/sys && mount --rbind /dev root/dev &&
mount -t tmpfs none root/run && mount -t tmpfs none root/tmp && mkdir -p "root$PWD" && mount --bind . "root$PWD" &&
exec chroot root /bin/sh -c 'cd "$0" && %s' "$PWD" "$1"
"""


class Here:
    """The runtimes of this machine."""

    def __init__(self, options):
        self.library = options.lib or client.system_library()

    def has(self, runtime):
        return shutil.which(runtime, path=client.PATH)

    def version(self, runtime):
        return subprocess.run([runtime, "--version"], stdout=subprocess.PIPE, text=True, check=False,
                              env={"PATH": client.PATH}).stdout

    def command(self, runtime, name):
        return ["sh", "-c", container.CGROUPS + RUNTIMES[runtime], "sh", name]


class Release:
    """Those of another release of Debian."""

    def __init__(self, options, scratch):
        fetched = subprocess.run([ROOT / "scripts/fetch-debs", options.suite, "amd64", *PACKAGES],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if fetched.returncode:
            raise client.Skip(client.last_line(fetched.stderr))
        self.root = scratch / options.suite
        for name in ("proc", "sys", "dev", "run", "tmp", "etc"):
            (self.root / name).mkdir(parents=True)
        for package in fetched.stdout.split():
            shutil.copytree(pathlib.Path(package, "usr"), self.root / "usr", symlinks=True, dirs_exist_ok=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / name).symlink_to("usr/" + name)
        (self.root / "usr/bin/sh").symlink_to("busybox")
        self.library = options.lib or os.path.realpath(
            self.root / "usr/lib/x86_64-linux-gnu/libseccomp.so.2")

    def has(self, runtime):
        return (self.root / "usr/bin" / runtime).exists()

    def version(self, runtime):
        script = 'mount --bind /proc "$1/proc" && exec chroot "$1" "$2" --version'
        return subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", self.root, "/usr/bin/" + runtime],
                              stdout=subprocess.PIPE, text=True, check=False, env={"PATH": client.PATH}).stdout

    def command(self, runtime, name):
        return ["sh", "-c", container.CGROUPS + ENTER % RUNTIMES[runtime], "sh", name, str(self.root),
                str(self.library)]


def profiles():
    here = pathlib.Path(__file__).resolve().parent
    paths = sorted((here / "runtimes").glob("*.json"))
    for suffix in ("json", "yaml"):
        paths += sorted((ROOT.parent / "shared/data/profiles").glob("*." + suffix))
    return paths


class Tool:
    def __init__(self, options, place):
        self.path = options.tool
        self.env = dict(os.environ, LD_PRELOAD=str(place.library))

    def run(self, what, text, runtime):
        return subprocess.run([self.path, what, f"as={runtime}", "caps=" + ",".join(container.CAPABILITIES)],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env,
                              check=False)


class Agent(threading.Thread):
    """Who listens at listenerPath: takes what comes and keeps it until the end."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.start()

    def run(self):
        try:
            while True:
                peer, _ = self.socket.accept()
                _, fds, _, _ = socket.recv_fds(peer, 65536, 8)
                for fd in fds:
                    os.close(fd)  # its calls fail with ENOSYS from now on
        except OSError:
            pass


def bundle(box, profile):
    container.bundle(box, container.INSIDE)
    path = box.dir / "bundle/config.json"
    config = json.loads(path.read_text())
    if "listenerPath" in profile:
        profile["listenerPath"] = str(box.dir / "agent")
        box.agent = Agent(box.dir / "agent")
    config["linux"]["seccomp"] = profile
    path.write_text(json.dumps(config))


# Without them a process under the profile, runc's own after the load with them, can neither go on nor end, and its
# filter is not always seen.
TO_END = ["exit", "exit_group", "rt_sigreturn", "futex", "tgkill", "execve", "getpid", "gettid", "nanosleep",
          "sched_yield", "sigaltstack", "rt_sigprocmask", "epoll_pwait", "epoll_ctl"]


def that_ends(profile):
    """The profile with what a process needs to end; whether something was added."""
    names = {n for entry in profile.get("syscalls") or [] for n in entry.get("names", [])
             if entry["action"] == "SCMP_ACT_ALLOW"}
    missing = [n for n in TO_END if n not in names]
    if profile["defaultAction"] in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG") or not missing:
        return profile, False
    entry = {"names": missing, "action": "SCMP_ACT_ALLOW"}
    return dict(profile, syscalls=(profile.get("syscalls") or []) + [entry]), True


def loaded(options, place, runtime, profile, directory):
    """(the filters that processes of the container ended with, what the runtime said)"""
    box = client.Box(options, place.library, directory, LIMIT)
    bundle(box, profile)
    child = box.run(place.command(runtime, f"sluice-{os.getpid()}-{box.dir.name}"), ok=None)
    found = {chain[0] for chains in box.filters().values() for chain in chains if chain}
    return found, client.last_line(child.stderr_text)


def prove(options, directory, a, b):
    paths = [directory / "a.bpf", directory / "b.bpf"]
    paths[0].write_bytes(a)
    paths[1].write_bytes(b)
    out = subprocess.run([options.prove, "prove", *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, check=False)
    return out.returncode, (out.stdout or out.stderr).strip()


def model(place, runtime):
    """What the library calls the runtime that is there."""
    said = place.version(runtime)
    version = re.search(r"runc version (\d+)\.(\d+)\.(\d+)", said)
    old = version and tuple(map(int, version.groups())) < (1, 1, 15)
    return "runc-1.1" if old else runtime


def compare(options, place, tap, path, runtime, directory):
    tool, name, text = Tool(options, place), f"{runtime} {path.name}", path.read_bytes()
    known = model(place, runtime)
    resolved = tool.run("resolve", text, known)
    if resolved.returncode:
        tap.say(False, name, resolved.stderr.decode())
        return None
    written = tool.run("write-oci", resolved.stdout, known).stdout
    profile, added = that_ends(json.loads(written))
    if added:
        name += " (and what ends a process)"
        text = json.dumps(profile).encode()
    ours = tool.run("compile", text, known)
    theirs, said = loaded(options, place, runtime, profile, directory / "box")
    if ours.returncode:
        tap.say(not theirs, f"{name}: refused by both",
                f"{ours.stderr.decode().strip()}\n{said}")
        return None
    if len(theirs) != 1:
        tap.say(False, f"{name}: loads one filter", f"{len(theirs)}; {said}")
        return None
    rc, difference = prove(options, directory, ours.stdout, next(iter(theirs)))
    tap.say(rc == 0, f"{name}: equal, {len(ours.stdout) // 8} instructions, "
            f"theirs {len(next(iter(theirs))) // 8}", difference if rc else None)
    return next(iter(theirs)) if rc == 0 else None


def main():
    parser = argparse.ArgumentParser()
    for option in ("tool", "prove", "getfilter", "samefilter", "broken"):
        parser.add_argument("--" + option, type=os.path.abspath, required=True)
    parser.add_argument("--lib", type=os.path.abspath)
    parser.add_argument("--suite")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tap = client.Tap()
    found = [p for p in profiles() if options.only in p.name]
    with tempfile.TemporaryDirectory(prefix="runtimes-") as scratch:
        os.chmod(scratch, 0o755)
        try:
            place = Release(options, pathlib.Path(scratch)) if options.suite else Here(options)
        except client.Skip as skip:
            tap.skip(f"runtimes of {options.suite or 'this machine'}", skip)
            sys.exit(tap.end())
        for runtime in RUNTIMES:
            if os.geteuid() or not place.has(runtime) or not shutil.which("busybox", path=client.PATH):
                tap.skip(runtime, "needs root, the runtime and busybox")
                continue
            print("#", place.version(runtime).partition("\n")[0])
            for path in found:
                directory = pathlib.Path(scratch, f"{runtime}-{path.stem}")
                directory.mkdir(mode=0o755)
                try:
                    compare(options, place, tap, path, runtime, directory)
                except client.Skip as skip:
                    tap.skip(f"{runtime} {path.name}", skip)
                except client.Failed as failed:
                    tap.say(False, f"{runtime} {path.name}", failed)
    sys.exit(tap.end())


if __name__ == "__main__":
    main()
