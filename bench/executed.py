#!/usr/bin/env python3
"""How many instructions the library executes from names to a program: executed.py TOOL LIBRARY [SAID], as TAP.

TOOL is bench/names.c: a context from the policy, each name looked up, its program, and all freed. SAID is
bench/said.c: the same as a filter of libsluice, whose program must not be longer.
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
# The same said to libsluice: what it took and a hundredth.
SAID_LIMITS = {"docker": 176400, "docker-3": 451900}
# And how many times as much as through seccomp_rule_add() it may take; for docker it is 1.197 to 1.200, as
# addresses and seeds have it.
SAID_TIMES = {"docker": 1.21, "docker-3": 1.05}
# What another compiler than Debian 12's, and its C library, may add (gcc 16 of sid: 8 %).
ROOM = 1.10
COMPILER = b"GCC: (Debian 12."
DOCKER = "536529b665dd0972"  # of the profile that the promise is about


def count(tool, library, policy):
    """What is executed, and the length of the program."""
    # Meson asks malloc(3) to overwrite what it hands out; that would be counted, too.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--toggle-collect=from_names*",
         "--callgrind-out-file=/dev/null", tool, library, policy],
        capture_output=True, text=True, env=env | {"SECCOMP_SELF_CHECK": "0", "LD_BIND_NOW": "1"})
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found or not int(found[1]):
        sys.exit(f"executed.py: {' '.join(run.args)}: status {run.returncode}\n{run.stderr}")
    return int(found[1]), int(run.stdout)


def main():
    show = "--show" in sys.argv
    tool, library, *said = [a for a in sys.argv[1:] if a != "--show"]
    if not shutil.which("valgrind"):
        print("1..1\nok 1 - instructions from names to a program # SKIP no valgrind")
        return 0
    failed = 0
    with open(library, "rb") as file:
        room = 1 if COMPILER in file.read() else ROOM
    with tempfile.TemporaryDirectory() as directory:
        made = policies.write(directory, None)
        if not show:
            print(f"1..{len(LIMITS) + len(said) * len(SAID_LIMITS)}")
        lengths, through_rules = {}, {}
        held = [(tool, name, limit) for name, limit in LIMITS.items()]
        held += [(t, name, limit) for t in said for name, limit in SAID_LIMITS.items()]
        for number, (what, name, limit) in enumerate(held, 1):
            path, origin = made.get(name, (None, None))
            said_so = ", said to libsluice" if what != tool else ""
            text = f"{name}{said_so}: instructions from names to a program, at most {limit * room:.0f}"
            if not path or name.startswith("docker") and origin != DOCKER:
                print("#" if show else f"ok {number} - {text} # SKIP", "no such profile on this machine")
                continue
            executed, length = count(what, library, path)
            if show:
                print(f"{name}{said_so},{executed}")
                continue
            longer = length > lengths.setdefault(name, length)
            if longer:
                print(f"# the program has {length} instructions, not {lengths[name]}")
            times = executed / through_rules.setdefault(name, executed)
            slower = what != tool and times > SAID_TIMES[name] * room
            if slower:
                print(f"# {times:.3f} times what it takes through rules, at most {SAID_TIMES[name]}")
            above = executed > limit * room or longer or slower
            failed += above
            print("not ok" if above else "ok", number, "-", f"{text}, is {executed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
