#!/usr/bin/env python3
"""Large profiles that cannot become a filter are refused for what they are, and soon: hostile.py SLUICE.

callgrind counts the instructions that "sluice compile" executes. They are compared with those for a profile of the
same size whose comparisons fold into one range, of which nearly all goes into reading. No time is measured. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402

SLUICE = os.path.abspath(sys.argv[1])
COMPARISONS = 50000  # of one call
TIMES = 5  # as much work as for what folds, at most
REFUSED = "it needs more than the 4096 instructions"
THREE = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


def comparison(index, value, op="SCMP_CMP_EQ", two=0):
    return {"index": index, "value": value, "valueTwo": two, "op": op}


def entry(args, name="read", action="SCMP_ACT_ALLOW", errno=None):
    made = {"names": [name], "action": action, "args": args}
    return made if errno is None else made | {"errnoRet": errno}


def masks():
    rng = random.Random(1)
    for _ in range(COMPARISONS):
        mask = rng.getrandbits(64) | 1
        yield comparison(0, mask, "SCMP_CMP_MASKED_EQ", rng.getrandbits(64) & mask | 1)


# name: (entries, architectures). One entry that asks about an argument again and again is as many rules.
HOSTILE = {
    "values of six arguments": ([entry([comparison(i % 6, i * 977) for i in range(COMPARISONS)])], THREE[:1]),
    "the same on three architectures, and of a multiplexed call": (
        [entry([comparison(i % 6, i * 977 + 1) for i in range(COMPARISONS)], "socket")], THREE),
    "values of one argument": ([entry([comparison(0, i * 3) for i in range(COMPARISONS)])], THREE[:1]),
    "as many masks": ([entry(list(masks()))], THREE[:1]),
    "as many actions": ([entry([comparison(0, i)], action="SCMP_ACT_TRACE", errno=i + 1) for i in range(COMPARISONS)],
                        THREE[:1]),
}
FOLDED = [entry([comparison(0, i) for i in range(COMPARISONS)])]


def compile_under(words, entries, arches):
    """How @words + sluice compile ends with a profile of @entries."""
    # Meson asks malloc(3) to overwrite what it hands out, and for a proof; that would be counted, too.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | {"SECCOMP_SELF_CHECK": "0"}
    with tempfile.TemporaryDirectory() as tmp:
        profile = pathlib.Path(tmp, "profile.json")
        profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "architectures": arches, "syscalls": entries}))
        return subprocess.run([*words, SLUICE, "compile", "-o", os.path.join(tmp, "out"), profile],
                              capture_output=True, text=True, timeout=1200, check=False, env=env)


def executed(entries, arches):
    """Instructions; the status; what was said."""
    ran = compile_under(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], entries, arches)
    found = re.search(r"Collected : (\d+)", ran.stderr)
    return int(found[1]) if found else None, ran.returncode, ran.stderr


def main():
    folded = compile_under([], FOLDED, THREE[:1])
    check(f"{COMPARISONS} values in a row are one range", folded.returncode == 0, folded.stderr)
    base = executed(FOLDED, THREE[:1])[0] if shutil.which("valgrind") else None
    for name, (entries, arches) in HOSTILE.items():
        if base is None:
            ran = compile_under([], entries, arches)
            check(f"{name}: refused as too large", ran.returncode == 2 and REFUSED in ran.stderr, ran.stderr)
            skip(f"{name}: the work", "no valgrind that runs the tool")
            continue
        work, status, said = executed(entries, arches)
        check(f"{name}: refused as too large", status == 2 and REFUSED in said, said)
        check(f"{name}: at most {TIMES} times the work for what folds", work and work <= TIMES * base,
              f"{work} instructions, and {base} for what folds")
        print(f"# {name}: {work / base:.1f} times" if work else "# no count")
    done()


main()
