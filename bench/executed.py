#!/usr/bin/env python3
"""How many instructions the library executes from names to a program: executed.py TOOL LIBRARY, as TAP.

TOOL is bench/names.c: a context from the policy, each name looked up, its program, and all freed.
callgrind counts what it executes; nothing of it depends on time. What does differ: compilers, the C
library (malloc, memset), and a little the seed of hashes. So there are limits, not counts.
--show prints the counts alone, of LIBRARY, which may be another libseccomp."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import policies

# What is promised for Docker's profile; for Debian's, what it took and a hundredth.
LIMITS = {"docker": 150000, "docker-3": 450000, "container": 259000, "container-3": 869000}
# What another compiler than Debian 12's, and its C library, may add (gcc 16 of sid: 8 %).
ROOM = 1.10
COMPILER = b"GCC: (Debian 12."
DOCKER = "536529b665dd0972"  # of the profile that the promise is about


def count(tool, library, policy):
    # Meson asks malloc(3) to overwrite what it hands out; that would be counted, too.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--toggle-collect=from_names",
         "--callgrind-out-file=/dev/null", tool, library, policy],
        capture_output=True, text=True, env=env | {"SECCOMP_SELF_CHECK": "0"})
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found or not int(found[1]):
        sys.exit(f"executed.py: {' '.join(run.args)}: status {run.returncode}\n{run.stderr}")
    return int(found[1])


def main():
    show = "--show" in sys.argv
    tool, library = [a for a in sys.argv[1:] if a != "--show"]
    if not shutil.which("valgrind"):
        print("1..1\nok 1 - instructions from names to a program # SKIP no valgrind")
        return 0
    failed = 0
    with open(library, "rb") as file:
        room = 1 if COMPILER in file.read() else ROOM
    with tempfile.TemporaryDirectory() as directory:
        made = policies.write(directory, None)
        if not show:
            print(f"1..{len(LIMITS)}")
        for number, (name, limit) in enumerate(LIMITS.items(), 1):
            path, origin = made.get(name, (None, None))
            text = f"{name}: instructions from names to a program, at most {limit * room:.0f}"
            if not path or name.startswith("docker") and origin != DOCKER:
                print("#" if show else f"ok {number} - {text} # SKIP", "no such profile on this machine")
                continue
            executed = count(tool, library, path)
            if show:
                print(f"{name},{executed}")
                continue
            above = executed > limit * room
            failed += above
            print("not ok" if above else "ok", number, "-", f"{text}, is {executed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
