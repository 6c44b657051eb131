#!/usr/bin/env python3
"""The static archives of libseccomp and libsluice, in one program: archives.py SOURCE SECCOMP_A SLUICE_A INCLUDE
COMPILER... (prints TAP).

Each archive is one object whose global names are those of its headers. So both go whole into a program that has
functions and data named as theirs inside."""
import pathlib
import subprocess
import sys
import tempfile

source, seccomp, sluice, include = sys.argv[1:5]
compiler = sys.argv[5:]
INCLUDES = ["-I", f"{source}/include", "-I", include]
CLIENT = f"{source}/tests/abi/archives.c"
checks = []


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def say(good, name, text=""):
    for line in text.splitlines():
        print("#", line)
    checks.append(good)
    print(f"{'' if good else 'not '}ok {len(checks)} - {name}")


def names(archive):
    found = run("nm", "-g", "--defined-only", "--format=posix", archive).stdout
    return [line.split()[0] for line in found.splitlines() if " " in line]


for archive, prefix in ((seccomp, "seccomp_"), (sluice, "sluice_")):
    found = names(archive)
    foreign = [n for n in found if not n.startswith(prefix)]
    say(found and not foreign, f"{pathlib.Path(archive).name}: {len(found)} global names, all begin with {prefix}",
        "\n".join(foreign))
with tempfile.TemporaryDirectory() as directory:
    program = pathlib.Path(directory) / "program"
    (pathlib.Path(directory) / "empty.c").write_text("int main(void) { return 0; }\n")
    link = [*compiler, *INCLUDES, "-D_GNU_SOURCE", "-o", program]
    if run(*link, "-static", f"{directory}/empty.c").returncode:
        print("ok 3 - linked together # SKIP no static C library")
        checks.append(True)
    else:
        linked = run(*link, "-static", CLIENT, "-Wl,--whole-archive", sluice, seccomp, "-Wl,--no-whole-archive",
                     "-lpthread")
        ran = linked if linked.returncode else run(program)
        say(ran.returncode == 0, "linked together, whole and static", ran.stdout + ran.stderr)
print(f"1..{len(checks)}")
sys.exit(not all(checks))
