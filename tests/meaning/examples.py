#!/usr/bin/env python3
"""The programs in EXAMPLES of the pages of sluice-calls.h compile without a warning and succeed, and
each of its functions is in a SYNOPSIS.

  examples.py SOURCE BUILD    prints TAP"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(a) for a in sys.argv[1:3])
PAGES = [SOURCE / "man" / f"{n}.3" for n in ("sluice_call_info", "sluice_decode_call")]


def programs(text):
    part = text.split("\n.Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    return [b.replace("\\e", "\\") for b in
            re.findall(r"^\.Bd -literal\n(.*?)^\.Ed", part, re.M | re.S)]


def run(code, directory):
    """None, or why it failed."""
    source, program = directory / "example.c", directory / "example"
    source.write_text(code)
    libraries = [str(BUILD / "sluice"), str(BUILD / "src")]
    built = subprocess.run(
        [*shlex.split(os.environ.get("CC", "cc") + " " + os.environ.get("CFLAGS", "")), "-Wall",
         "-Wextra", "-Wpedantic", "-Werror", f"-I{BUILD}/include", f"-I{SOURCE}/include",
         str(source), "-o", str(program), *("-L" + d for d in libraries), "-lsluice",
         "-lseccomp", "-Wl,-rpath-link," + libraries[1]], capture_output=True, text=True,
        check=False)
    if built.returncode:
        return built.stderr
    done = subprocess.run([program], env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
                          capture_output=True, text=True, check=False, timeout=60)
    return None if done.returncode == 0 else f"{done.returncode}: {done.stdout}{done.stderr}"


def main():
    text = "".join(p.read_text() for p in PAGES)
    header = (SOURCE / "include/sluice-calls.h").read_text()
    results = [(f"{name} is in a page", None if f".Fn {name} " in text else "not there")
               for name in re.findall(r"\b(sluice_\w+)\((?!\w+\))", re.sub(
                   r"/\*.*?\*/", "", header, flags=re.S))]
    with tempfile.TemporaryDirectory() as directory:
        for page in PAGES:
            for code in programs(page.read_text()):
                results.append((f"the program of {page.name}", run(code, pathlib.Path(directory))))
    print(f"1..{len(results)}")
    for number, (name, why) in enumerate(results, 1):
        print(f"{'not ok' if why else 'ok'} {number} - {name}")
        for line in (why or "").splitlines():
            print("#", line)
    sys.exit(any(why for _, why in results))


main()
