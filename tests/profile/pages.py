#!/usr/bin/env python3
"""The pages of libsluice-profile: pages.py SOURCE BUILD HEADER_DIR...
Every exported function is on one, as the header has it; mandoc finds nothing; each program of EXAMPLES compiles without
a warning, runs and succeeds. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(a) for a in sys.argv[1:3])
INCLUDES = [f"-I{d}" for d in sys.argv[3:]]
SECTIONS = ["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "ERRORS", "EXAMPLES", "SEE ALSO"]
count = bad = 0


def check(ok, name, why=""):
    global count, bad
    count += 1
    bad += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    for line in (str(why) if not ok else "").strip().splitlines():
        print("#", line)


def plain(text):
    return text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def squeeze(prototype):
    return re.sub(r"\s*([*(),])\s*", r"\1", " ".join(prototype.split()))


def in_header():
    text = re.sub(r"/\*.*?\*/", "", (SOURCE / "include/sluice-profile.h").read_text(), flags=re.S)
    found = re.findall(r"^([a-z][\w ]*?[ *])(sluice_profile_\w+)(\([^;{]*\));", text, flags=re.M)
    return {name: squeeze(f"{kind} {name}{args}") for kind, name, args in found}


def on_page(text):
    found, kind = {}, None
    for line in text.splitlines():
        if line.startswith(".Ft "):
            kind = line[4:]
        elif line.startswith(".Fn ") and kind:
            name, *args = shlex.split(plain(line[4:]))
            found[name] = squeeze(f"{kind} {name}({', '.join(args)})")
            kind = None
    return found


def exported():
    out = subprocess.run(["nm", "-D", "--defined-only", BUILD / "profile/libsluice-profile.so.0"], check=True,
                         capture_output=True, text=True).stdout
    return sorted(re.findall(r" T (sluice_\w+)", out))


def run_example(name, code, scratch):
    source, program = scratch / f"{name}.c", scratch / name
    source.write_text(code)
    libraries = [f"-L{BUILD / d}" for d in ("profile", "sluice", "src")]
    cc = shlex.split(os.environ.get("CC", "cc") + " " + os.environ.get("CFLAGS", ""))
    done = subprocess.run([*cc, "-Wall", "-Wextra", "-Werror", *INCLUDES, source, "-o", program, *libraries,
                           "-lsluice-profile", "-lsluice", "-lseccomp"], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{name} compiles", done.stderr)
    if done.returncode:
        return
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(str(BUILD / d) for d in ("profile", "sluice", "src")))
    done = subprocess.run([program], env=env, capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f"{name} runs", f"{done.returncode}\n{done.stdout}{done.stderr}")


def main():
    pages = {p: p.read_text() for p in sorted((SOURCE / "man").glob("sluice_profile_*.3"))}
    described = {}
    for text in pages.values():
        described.update(on_page(text))
    header = in_header()
    for name in exported():
        check(described.get(name) == header.get(name) is not None, f"{name} is on a page as the header has it",
              f"page:   {described.get(name)}\nheader: {header.get(name)}")
    with tempfile.TemporaryDirectory() as scratch:
        for path, text in pages.items():
            if path.stem not in exported():
                continue
            missing = [s for s in SECTIONS if f"\n.Sh {s}\n" not in text]
            check(not missing, f"{path.name} has its sections", missing)
            if shutil.which("mandoc"):
                said = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True,
                                      check=False).stdout
                check(not said, f"{path.name} is clean to mandoc", said)
            programs = [plain(b) for b in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", text, flags=re.M | re.S)
                        if "int main(" in b]
            check(programs, f"{path.name} has a program")
            for i, code in enumerate(programs):
                run_example(f"{path.stem}-{i + 1}", code, pathlib.Path(scratch))
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
