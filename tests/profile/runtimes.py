#!/usr/bin/env python3
"""What runc and crun load for a profile, taken from a container, beside what the library compiles:
    runtimes.py --tool PROFILE-TOOL --prove SLUICE --getfilter GETFILTER --samefilter S --broken B
                [--lib LIBRARY] [--only NAME]
Each profile of ../shared beside the checkout and of tests/profile/runtimes becomes the one of a busybox container; the filter
that its process ends with is proved equal to the program that the library makes. Both use the same libseccomp:
the system's own, or LIBRARY. sluice-compile(1) has what the two do differently. Prints TAP.
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


def profiles():
    here = pathlib.Path(__file__).resolve().parent
    paths = sorted((here / "runtimes").glob("*.json"))
    for suffix in ("json", "yaml"):
        paths += sorted((ROOT.parent / "shared/data/profiles").glob("*." + suffix))
    return paths


class Tool:
    def __init__(self, options):
        self.path = options.tool
        library = options.lib or client.system_library()
        self.env = dict(os.environ, LD_PRELOAD=str(library))

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


def loaded(options, runtime, profile, directory):
    """(the filters that processes of the container ended with, what the runtime said)"""
    library = options.lib or client.system_library()
    box = client.Box(options, library, directory, LIMIT)
    bundle(box, profile)
    script = container.CGROUPS + RUNTIMES[runtime]
    child = box.run(["sh", "-c", script, "sh", f"sluice-{os.getpid()}-{box.dir.name}"], ok=None)
    found = {chain[0] for chains in box.filters().values() for chain in chains if chain}
    return found, client.last_line(child.stderr_text)


def prove(options, directory, a, b):
    paths = [directory / "a.bpf", directory / "b.bpf"]
    paths[0].write_bytes(a)
    paths[1].write_bytes(b)
    out = subprocess.run([options.prove, "prove", *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, check=False)
    return out.returncode, (out.stdout or out.stderr).strip()


def model(runtime):
    """What the library calls the runtime that is here."""
    said = subprocess.run([runtime, "--version"], stdout=subprocess.PIPE, text=True, check=False,
                          env={"PATH": client.PATH}).stdout
    version = re.search(r"runc version (\d+)\.(\d+)\.(\d+)", said)
    old = version and tuple(map(int, version.groups())) < (1, 1, 15)
    return "runc-1.1" if old else runtime


def compare(options, tool, tap, path, runtime, directory):
    name = f"{runtime} {path.name}"
    text = path.read_bytes()
    resolved = tool.run("resolve", text, model(runtime))
    if resolved.returncode:
        tap.say(False, name, resolved.stderr.decode())
        return None
    written = tool.run("write-oci", resolved.stdout, model(runtime)).stdout
    profile, added = that_ends(json.loads(written))
    if added:
        name += " (and what ends a process)"
        text = json.dumps(profile).encode()
    ours = tool.run("compile", text, model(runtime))
    theirs, said = loaded(options, runtime, profile, directory / "box")
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
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tap, tool = client.Tap(), Tool(options)
    found = [p for p in profiles() if options.only in p.name]
    with tempfile.TemporaryDirectory(prefix="runtimes-") as scratch:
        os.chmod(scratch, 0o755)
        for runtime in RUNTIMES:
            if os.geteuid() or not shutil.which(runtime, path=client.PATH) or not shutil.which(
                    "busybox", path=client.PATH):
                tap.skip(runtime, "needs root, the runtime and busybox")
                continue
            for path in found:
                directory = pathlib.Path(scratch, f"{runtime}-{path.stem}")
                directory.mkdir(mode=0o755)
                try:
                    compare(options, tool, tap, path, runtime, directory)
                except client.Skip as skip:
                    tap.skip(f"{runtime} {path.name}", skip)
                except client.Failed as failed:
                    tap.say(False, f"{runtime} {path.name}", failed)
    sys.exit(tap.end())


if __name__ == "__main__":
    main()
