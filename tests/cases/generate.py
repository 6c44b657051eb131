#!/usr/bin/env python3
"""Writes the systematic case files: generate.py CASES-PROGRAM LIBRARY [--check] DIRECTORY.

The script says which rules and which probes; the naive evaluator (cases --fill) says what they
give. --check compares with what is in DIRECTORY instead, and speaks TAP."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OPS = ["NE", "LT", "LE", "EQ", "GE", "GT"]
DATA = [0, 1, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x100000001,
        0x200000003, 0x123456789ABC, 0x8000000000000000, 0xFFFFFFFF00000000,
        0xFFFFFFFFFFFFFFFF]
MASKS = [(0xF, 5), (0xFF00, 0x1200), (0xFFFFFFFF, 7), (0xFFFFFFFF00000000, 0x500000000),
         (0xFFFFFFFFFFFFFFF7, 1), (0x8000000000000001, 0x8000000000000000),
         (0x300000003, 0x100000002), (0xFFFFFFFFFFFFFFFF, 0x100000005), (0xF0, 0x35)]
ARCHES = ("x86 x86_64 x32 arm aarch64 loongarch64 m68k mips mips64 mips64n32 mipsel mipsel64 "
          "mipsel64n32 parisc parisc64 ppc ppc64 ppc64le riscv64 s390 s390x sh sheb").split()
ALL = (1 << 64) - 1


def names():
    """name -> (numbers, direct numbers), by the order of ARCHES."""
    text = (Path(__file__).parent.parent / "oracle-names.inc").read_text()
    text = text.replace("NO_MUX", ", ".join(["-2"] * len(ARCHES)))
    out = {}
    for name, nr, direct in re.findall(r'\{"(\w+)",\s*\{([^}]*)\},\s*\{([^}]*)\}\}', text):
        out[name] = ([int(x) for x in nr.split(",")], [int(x) for x in direct.split(",")])
    return out


def around(d):
    """The datum and its neighbours, and the same word by word."""
    hi, lo = d & ~0xFFFFFFFF, d & 0xFFFFFFFF
    points = [d, d - 1, d + 1, hi | (lo - 1) & 0xFFFFFFFF, hi | (lo + 1) & 0xFFFFFFFF,
              hi + (1 << 32) | lo, hi - (1 << 32) | lo, hi - (1 << 32) | 0xFFFFFFFF,
              hi + (1 << 32), 0, ALL]
    return sorted({p & ALL for p in points})


def only(arch):
    """A filter for this architecture alone, whatever machine makes it."""
    return ["init ALLOW", "arch_remove native", f"arch_add {arch}"]


def row(arch, nr, *args):
    return " ".join(["call", arch, str(nr)] + [hex(a) for a in args]) + " -> ?"


def operators(known):
    """Each operator with each datum, on a wide, a narrow and a big-endian architecture."""
    for arch, other in (("x86_64", 3), ("x86", 0), ("s390x", 5), ("ppc", 2)):
        nr = known["getpid"][0][ARCHES.index(arch)]
        tests = [(op, (d,)) for op in OPS for d in DATA] + [("MASKED_EQ", m) for m in MASKS]
        for op, data in tests:
            points = around(data[-1])
            if op == "MASKED_EQ":
                m, d = data
                points = sorted({*around(d & m), d, d | ~m & ALL, d ^ (m & -m), ~d & ALL})
            text = " ".join(hex(d) for d in data)
            yield f"{arch}-{op}-" + "-".join(hex(d) for d in data), only(arch) + [
                f"rule ERRNO(1) getpid A{other} {op} {text} -> ?"] + [
                row(arch, nr, *([0x1111] * other), p) for p in points]


def pairs(known):
    """Two rules on one argument, in both orders of insertion."""
    del known
    data = {op: f"{op} 0x100000005" for op in OPS} | {"MASKED_EQ": "MASKED_EQ 0x10000000f 5"}
    more = {op: f"{op} 0x300000002" for op in OPS} | {"MASKED_EQ": "MASKED_EQ 0xff 0x12"}
    points = sorted({*around(0x100000005), *around(0x300000002), 0x12, 0x15, 5, 0x112})
    for a in data:
        for b in more:
            for way, (x, y) in (("", (data[a], more[b])), ("-turned", (more[b], data[a]))):
                yield f"{a}-{b}{way} may-differ:ordering-64", [
                    "init ALLOW", f"rule ERRNO(1) 1000 A2 {x} -> ?",
                    f"rule ERRNO(2) 1000 A2 {y} -> ?"] + [
                    row("x86_64", 1000, 0, 0, p) for p in points]


def arguments(known):
    """Two rules over two arguments."""
    del known
    tests = {op: f"{op} 0x100000005" for op in OPS} | {"MASKED_EQ": "MASKED_EQ 0x10000000f 5"}
    points = [0, 4, 5, 0x100000004, 0x100000005, 0x100000006, 0x200000000]
    for a in tests:
        for b in tests:
            yield f"{a}-and-{b}-over-{b} may-differ:mixed-two-args", [
                "init ERRNO(9)", f"rule ERRNO(1) 1000 A0 {tests[a]}, A1 {tests[b]} -> ?",
                f"rule ALLOW 1000 A0 {tests[b]} -> ?"] + [
                row("x86_64", 1000, p, q) for p in points for q in points]


def multiplexed(known):
    """Every call of socketcall and ipc on every architecture that has them."""
    for arch in ARCHES:
        at = ARCHES.index(arch)
        for name, (nr, direct) in known.items():
            if direct[at] == -2:
                continue
            code = -nr[at] - (100 if nr[at] > -200 else 200)
            mux = (102 if nr[at] > -200 else 117) + (4000 if arch.startswith("mips") else 0)
            ops = only(arch) + [f"rule ERRNO(1) {name} A1 EQ 7 -> ?",
                                f"rule ERRNO(2) {name} A1 EQ 8, A0 EQ 2 -> ?",
                                f"rule ERRNO(3) {name} A1 EQ 8, A0 EQ 3 -> ?",
                                f"rule_exact ERRNO(4) {name} A2 EQ 1 -> ?"]
            for n, firsts in ((direct[at], (0, 2, 3)), (mux, (code, code + 1, 0))):
                ops += [row(arch, n, a, b) for a in firsts for b in (7, 8, 9) if n >= 0]
            # direct or not, the rule of the one is lost where no direct call follows it
            flag = " may-differ:empty-entry" if direct[at] < 0 else ""
            yield f"{arch}-{name}{flag}", ops
            # what the kernel does not read of argument 0 selects the same call
            yield f"{arch}-{name}-word may-differ:multiplexer-word", only(arch) + [
                f"rule ERRNO(1) {name} -> ?"] + [
                row(arch, mux, first) for first in (
                    code, code | 1 << 16, code | 0xFFFF << 16, code | 1 << 32,
                    code | 0xFFFFFFFF0000 << 16, code | 1 << 15, code + 64)]


def everywhere(known):
    """On each architecture: its number, its words, its byte order, its neighbours."""
    for arch in ARCHES:
        ops = only(arch) + ["attr_set ACT_BADARCH ERRNO(99)",
                            "rule ERRNO(1) getpid A0 EQ 0x100000005 -> ?",
                            "rule ERRNO(2) read A5 GT 0x80000000 -> ?",
                            "rule ERRNO(3) personality A1 MASKED_EQ 0xff00000000 0 -> ?",
                            "rule ERRNO(4) kill -> ?"]
        for name in ("getpid", "read", "personality", "kill", "getuid"):
            nr = known[name][0][ARCHES.index(arch)]
            for v in (0, 5, 0x80000001, 0x100000005, 0x500000000, ALL):
                ops.append(row(arch, nr, v, v, 0, 0, 0, v))
        if arch != "x32":
            ops += [row(arch, n) for n in (-1, 0x40000000, 0x80000000)]
        yield f"{arch} may-differ:always-holds", ops


FILES = {"operators": operators, "pairs": pairs, "arguments": arguments,
         "multiplexed": multiplexed, "everywhere": everywhere}


def generate(program, library, name):
    lines = []
    for scenario, ops in FILES[name](names()):
        lines += [f"scenario {scenario}", *ops]
    with tempfile.NamedTemporaryFile("w", suffix=".case") as f:
        f.write("\n".join(lines) + "\n")
        f.flush()
        filled = subprocess.run([program, library, "--fill", f.name], check=True,
                                capture_output=True, text=True).stdout
    about = FILES[name].__doc__.splitlines()[0]
    return f"# Generated by generate.py, judged by the naive evaluator.\n# {about}\n" + filled


def main():
    args = [a for a in sys.argv[1:] if a != "--check"]
    program, library, directory = args
    failed = 0
    for i, name in enumerate(FILES, 1):
        path = Path(directory) / f"{name}.case"
        text = generate(program, library, name)
        if "--check" not in sys.argv:
            path.write_text(text)
            continue
        same = path.read_text() == text
        failed += not same
        print("ok" if same else "not ok", i, "-", name + ".case is what generate.py gives")
    if "--check" in sys.argv:
        print(f"1..{len(FILES)}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
