#!/usr/bin/env python3
"""What each way around a policy gets: without one, under bubblewrap, under Landlock alone, under sluice run. The ways are those
of ways.py. escapes.py SLUICE checks that sluice refuses each that leads out without it, and that escapes.md has them all;
escapes.py SLUICE --write makes escapes.md anew. Prints TAP.
SPDX-License-Identifier: MIT"""
import ctypes
import errno
import os
import re
import shutil
import signal
import sys
import time

import live
import ways
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = HERE + "/escapes.md"
OUT, LOOKED = "**got through**", "not stopped"


def bwrap_files(world):
    words = ["bwrap", "--unshare-all", "--share-net", "--die-with-parent", "--dev", "/dev", "--proc", "/proc"]
    for path in ways.SYSTEM:
        words += ["--ro-bind", path, path] if path != "/proc" else []
    return [*words, "--ro-bind", world.top + "/ro", world.top + "/ro", "--bind", world.top + "/ok", world.top + "/ok",
            "--chdir", world.top]


def bwrap_network(world):
    """It has no rule for ports: who needs one gets the network."""
    return ["bwrap", "--unshare-all", "--share-net", "--die-with-parent", "--dev-bind", "/", "/", "--proc", "/proc", "--chdir",
            world.top]


def bwrap_socket(world):
    words = bwrap_files(world)
    return [*words, "--bind", world.top + "/run", world.top + "/run"]


def landlock(*options):
    return [live.PYTHON, "-S", live.tool(HERE + "/landlock.py"), *options, "--"]


def landlock_files(world, *more):
    system = [w for p in ways.SYSTEM for w in ("--ro", p)]
    return landlock(*system, "--ro", "/dev/null", "--ro", world.top + "/ro", "--rw", world.top + "/ok", *more)


def sluice(*options):
    return [SLUICE, "run", *options]


def sluice_files(world, *more):
    return sluice(*(f"--ro={p}" for p in ways.SYSTEM), "--ro", world.top + "/ro", "--rw", world.top + "/ok", *more)


# Name, ways, and the launchers with what should be the same rules.
PARTS = (
    ("Files: the system and one folder may be read, another one written", ways.FILES, bwrap_files, landlock_files, sluice_files),
    ("Network: one port of 127.0.0.1 may be connected to", ways.NETWORK, bwrap_network,
     lambda w: landlock("--tcp", str(w.a)), lambda w: sluice("--connect", f"127.0.0.1:{w.a}")),
    ("Sockets of Unix: one, in a folder that may be written", ways.IN_ITS_PLACE, bwrap_socket,
     lambda w: landlock_files(w, "--rw", w.top + "/run"),
     lambda w: sluice_files(w, "--rw", w.top + "/run", "--unix", w.top + "/run/a")),
)


def what(r):
    """OUT, or why not."""
    if "OUT" in r.stdout:
        return LOOKED if "LOOKED" in r.stdout else OUT
    ended = -r.returncode if r.returncode < 0 else r.returncode - 128
    if ended > 0:
        return "killed: " + signal.Signals(ended).name
    number = re.search(r"\[Errno (\d+)\]", r.stderr)
    if number:
        return "refused: " + errno.errorcode[int(number[1])]
    return "refused" if r.returncode in (0, 1) and "sluice" not in r.stderr and "bwrap" not in r.stderr else "**broken**"


def rows(world, columns):
    """(part, name, [what each launcher of @columns gives]); a column is a place in PARTS, 0 for none."""
    for part in PARTS:
        for name, code in part[1]:
            yield part[0], name, [what(world.under(part[c](world) if c else [], code)) for c in columns]


def name_of(who, part, name):
    return f"{who}: {part.partition(':')[0].lower()}: {name}"


def table():
    """{(who, part, name): cells} of escapes.md."""
    found, who, part = {}, None, None
    with open(TABLE, encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if line.startswith("## "):
                who = line[3:].strip().lower()
            elif line.startswith("### "):
                part = line[4:].strip()
            elif line.startswith("| ") and len(cells) == 5:
                found[who, part, cells[0]] = cells[1:]
    return found


def test():
    written = table()
    who, uid = live.users()[-1]
    with folder(uid) as top:
        world = ways.World(top, uid, SLUICE)
        for part, name, (got,) in rows(world, (4,)):
            check(name_of(who, part, name), got.startswith(("refused", "killed")), got)
        world.end()
    names = {(p[0], name) for p in PARTS for name, _ in p[1]}
    for user in {key[0] for key in written}:
        has = {key[1:] for key in written if key[0] == user and key[2] != "escape"}
        check(f"escapes.md, {user}: has these escapes and no others", has == names, has ^ names)
    cells = [c[3] for key, c in written.items() if key[2] != "escape"]
    check("escapes.md: sluice lets none out", len(cells) == 2 * len(names) and all(
        c.startswith(("refused", "killed")) for c in cells), cells)


HEAD = """# What 20 escapes and more get

Written by `tests/cli/escapes.py build/cli/sluice --write` on {day}: Linux {kernel}, Landlock ABI {abi}, {bwrap}.
The escapes are the programs of [ways.py](ways.py). Each runs four times: free, and under what comes closest to the same
rules in bubblewrap, in Landlock alone ([landlock.py](landlock.py)) and in `sluice run`.

"Leads nowhere" is an escape that this kernel or this user's rights stop without any rules. A refusal shows the errno.
"Not stopped" is a request of which this machine knows nothing (another file system, no such module, no such interface), and which
came as far as to the kernel's code that says so.
bubblewrap has no rules for ports or addresses, so its rows of the network have the whole network, and it has no
rules for single calls without a filter that the user brings. Landlock has no rules for addresses, other protocols than TCP,
attributes of files and sockets of Unix with a path; its ports are for all addresses. The address that changes meanwhile is a
race: a refusal by bubblewrap only means that it was not won.

"""


def write():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    text = [HEAD.format(day=time.strftime("%Y-%m-%d"), kernel=os.uname().release, abi=abi,
                        bwrap=run(["bwrap", "--version"]).stdout.strip())]
    for who, uid in live.users():
        text.append(f"## {who.capitalize()}\n")
        part_before, out = None, [0, 0, 0, 0]
        with folder(uid) as top:
            world = ways.World(top, uid, SLUICE)
            for part, name, got in rows(world, (0, 2, 3, 4)):
                if part != part_before:
                    text.append(f"\n### {part}\n\n| escape | free | bubblewrap | Landlock alone | sluice run |\n|---|---|---|---|---|\n")
                    part_before = part
                out = [n + (g == OUT) for n, g in zip(out, got)]
                got[0] = got[0] if got[0] in (OUT, LOOKED) else "leads nowhere: " + got[0]
                text.append(f"| {name} | {' | '.join(got)} |\n")
            world.end()
        text.append(f"\nGot through: {out[0]} free, {out[1]} under bubblewrap, {out[2]} under Landlock alone, {out[3]} under "
                    "sluice run.\n\n")
    with open(TABLE, "w", encoding="utf-8") as f:
        f.write("".join(text).rstrip() + "\n")


def main():
    good, why = live.works(SLUICE)
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 6 or not good:
        skip("escapes", "Landlock 6 is needed; " + why.strip())
    elif "--write" in sys.argv:
        if not shutil.which("bwrap"):
            sys.exit("escapes.py: bwrap is needed")
        write()
    else:
        test()
    live.done()


main()
