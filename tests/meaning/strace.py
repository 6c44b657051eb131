#!/usr/bin/env python3
"""The prototypes beside what strace(1) knows: names, how many arguments each call has (its raw
form prints as many registers as its table says), and the widths of the numbers that its decoders print.

  strace.py DUMP EVERY...    DUMP: the program of dump.c; EVERY: ARCH=PROGRAM of every.c

Prints TAP. strace injects an error in each call, so that none is carried out; where it
or ptrace(2) does not work the test is skipped by name."""
import re
import shutil
import subprocess
import sys
import tempfile

# Calls of which strace 6.1 counts other arguments than the kernel has, each with the reason.
COUNTS = {
    "bpf": "two came in 7.0",
    "ftime": "no kernel has it, and so strace counts none",
    "preadv": "strace takes the two words of the offset as one, where one suffices",
    "pwritev": "strace takes the two words of the offset as one, where one suffices",
    "vm86": "strace counts five of i386, arch/x86/kernel/vm86_32.c has two",
}
# Numbers that strace prints as registers though the kernel reads an int: formats.py has the
# kernel's word for them; query_module(2) and nfsservctl(2) have it for calls that are gone.
REGISTERS = {
    "socket": {"protocol"}, "socketpair": {"protocol"}, "readlink": {"bufsiz"},
    "readlinkat": {"bufsiz"}, "sysfs": {"option"}, "query_module": {"which"},
    "nfsservctl": {"cmd"}, "rseq": {"rseq_len", "flags", "sig"},
    "mbind": {"mode"},  # an unsigned long that the kernel copies to an int
}
HIGH = 0x5A5A5A5A00000000
MARKS = [0x1001 + 0x100 * i for i in range(6)]
SET = "inject=!execve,exit,exit_group:error=ENOSYS"


def traced(program, *flags):
    """[(name, [arguments])] in order."""
    with tempfile.NamedTemporaryFile("r") as out:
        done = subprocess.run(["strace", "-o", out.name, *flags, "-e", SET, program],
                              capture_output=True, text=True, check=False, timeout=120)
        text = out.read()
    if done.returncode == 3:
        sys.exit("strace.py: strace did not inject")
    calls = []
    for line in text.splitlines():
        match = re.match(r"(\w+)\((.*)\)\s+= -1 ENOSYS .*\(INJECTED\)$", line)
        if match:
            calls.append((match[1], split(match[2])))
    return calls


def split(text):
    """Arguments between commas that no bracket or comment encloses."""
    text = re.sub(r"/\*.*?\*/", "", text)
    out, depth, piece = [], 0, ""
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            out.append(piece.strip())
            piece = ""
        else:
            piece += char
    return [*out, piece.strip()] if piece.strip() else out


def prototypes(dump, arch):
    """name -> [(argument, bits, type)]."""
    here = {}
    for line in subprocess.run([dump, arch], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        name, _, known, *args = line.split("\t")
        if known == "1":
            here[name] = [(a.split(";")[0], int(a.split(";")[2]), int(a.split(";")[4]))
                          for a in args]
    return here


def widths(name, args, shown):
    """Numbers that strace prints: of 32 bits without the high word, of 64 with it."""
    wrong = []
    for (arg, bits, _), text, mark in zip(args, shown, MARKS):
        if not re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", text):
            continue
        value = int(text, 8 if re.match(r"-?0\d", text) else 0)
        if value == mark and bits == 64:
            wrong.append(f"{name}: {arg} has 64 bits here, strace shows the low word alone")
        elif value == HIGH | mark and bits < 64 and arg not in REGISTERS.get(name, ()):
            wrong.append(f"{name}: {arg} has {bits} bits here, strace shows the high word")
    return wrong


def main():
    dump, *programs = sys.argv[1:]
    if not shutil.which("strace"):
        print("1..1\nok 1 - strace # SKIP strace: it is not installed")
        return
    results = []
    for item in programs:
        arch, _, program = item.partition("=")
        here = prototypes(dump, arch)
        try:
            raw, decoded = traced(program, "-e", "raw=all"), traced(program)
        except OSError as error:
            results.append((f"{arch} # SKIP strace: {error}", []))
            continue
        if not raw:
            results.append((f"{arch} # SKIP strace: cannot trace, or no such programs here", []))
            continue
        known = [(n, a) for n, a in raw if n in here]
        wrong = [f"{n}: {len(a)} arguments there, {len(here[n])} here" for n, a in known
                 if len(a) != len(here[n]) and n not in COUNTS]
        strange = [n for n, _ in raw if n not in here]
        results.append((f"{arch}: arguments of {len(known)} calls counted", wrong))
        results.append((f"{arch}: more than 300 calls were compared",
                        [] if len(known) > 300 else [str(len(known))]))
        results.append((f"{arch}: numbers are as wide",
                        [s for n, a in decoded if n in here for s in widths(n, here[n], a)]))
        print("# not in the tables, or without a prototype:", " ".join(strange))
    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for sentence in wrong:
            print("#", sentence)
    sys.exit(any(wrong for _, wrong in results))


main()
