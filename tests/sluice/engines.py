#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests of supervisors below the default profiles of Docker and Podman, with the capabilities that
these engines leave, as root and as an ordinary user. Prints TAP: each check of each test, named after both.

engines.py SLUICE UNDER TEST...: the tool, the program that becomes a container's, test programs."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared/data/profiles"
PODMAN = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
          "SETUID", "SYS_CHROOT"]
NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
           "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31}
# Each engine: its profile, where else it may be, the runtime, the capabilities of a container.
ENGINES = {
    "docker": (DATA / "moby-default.json", None, "runc", [*PODMAN, "AUDIT_WRITE", "MKNOD", "NET_RAW"]),
    "podman": (DATA / "containers-common.json", "/usr/share/containers/seccomp.json", "crun", PODMAN)}
USERS = {"root": 0, "user": 54321}
LINE = re.compile(r"(not )?ok \d+ - (.*)")

number = bad = 0


def say(ok, name, skip=None):
    global number, bad
    number += 1
    bad |= not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)


def run(command, where):
    """One test program; what it says of itself. Returns how many checks it had."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    checks = failed = 0
    for line in done.stdout.splitlines():
        match = LINE.match(line)
        if match:
            name, _, skip = match[2].partition(" # SKIP ")
            say(not match[1], f"{where}: {name}", skip)
            checks += 1
            failed += bool(match[1])
        elif line.startswith("#"):
            print(line)
    if done.returncode == 125 and not checks:
        say(True, where, "this user cannot execute the test")
    elif not checks or (done.returncode != 0) != (failed > 0):
        say(False, f"{where}: status {done.returncode} after {checks} checks")


def reaches(uid, path):
    """Whether a user may execute this file: a checkout may be in a folder of root's."""
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os._exit(not os.access(os.path.abspath(path), os.X_OK))
    return not os.waitpid(pid, 0)[1]


def main():
    sluice, under, *tests = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        for engine, (profile, other, runtime, caps) in ENGINES.items():
            if not profile.exists() and other and os.path.exists(other):
                profile = pathlib.Path(other)
            if not profile.exists():
                say(True, engine, "its profile is not here")
                continue
            program = os.path.join(directory, engine)
            os.chmod(directory, 0o755)
            subprocess.run([sluice, "compile", f"--as={runtime}", "--cap=" + ",".join("CAP_" + c for c in caps),
                            "-o", program, profile], check=True)
            mask = sum(1 << NUMBERS[c] for c in caps)
            for user, uid in USERS.items():
                if os.geteuid() and not uid:
                    say(True, f"{engine}, {user}", "needs root")
                    continue
                if not os.geteuid() and not reaches(uid, tests[0]):
                    say(True, f"{engine}, {user}", "this user cannot execute the tests")
                    continue
                for test in tests:
                    name = os.path.basename(test).removeprefix("test-sluice-")
                    run([under, program, f"{mask:x}", str(uid), test], f"{engine}, {user}, {name}")
    print(f"1..{number}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
