#!/usr/bin/env python3
"""Our headers compile everywhere, and say what libseccomp's say.

  headers.py OUR_INCLUDE OUR_BUILT_INCLUDE COMPILER...    prints TAP
"""
import ast
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
OURS = ["-I" + sys.argv[2], "-I" + sys.argv[1]]
CC = sys.argv[3:]
WARN = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
count, failed = 0, False


def report(name, complaints=(), why=None):
    global count, failed
    count += 1
    for line in complaints:
        print("#", line)
    failed |= bool(complaints)
    skip = f" # SKIP {why}" if why else ""
    print(f"{'not ' if complaints else ''}ok {count} - {name}{skip}")


def compile_check(name, command, source=HERE / "prototypes.c"):
    if not shutil.which(command[0]):
        return report(name, why=f"no {command[0]}")
    run = subprocess.run([*command, "-fsyntax-only", source], capture_output=True, text=True)
    report(name, run.stderr.splitlines()[:20] if run.returncode else [])


def run_check(name, command, source):
    """Compiles and runs @source; what it prints is what is wrong."""
    if not shutil.which(command[0]):
        return report(name, why=f"no {command[0]}")
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "program"
        run = subprocess.run([*command, "-o", program, source], capture_output=True, text=True)
        if run.returncode:
            return report(name, run.stderr.splitlines()[:20])
        run = subprocess.run([program], capture_output=True, text=True)
        report(name, (run.stdout.splitlines() or ["failed"]) if run.returncode else [])


def initializers():
    """SCMP_CMP() as an initializer in each language, with the warnings of a strict program."""
    strict = ["-Wall", "-Wextra", "-Werror"]
    for std in ("c99", "c11", "gnu17", "gnu2x"):
        for cc in (CC[0], "clang"):
            run_check(f"{cc} {std}: members by name in any order",
                      [*(CC if cc == CC[0] else [cc]), *OURS, *strict, f"-std={std}"],
                      HERE / "designators.c")
    for cxx in ("g++", "clang++"):
        for std in ("c++11", "c++14", "c++17", "c++20"):
            run_check(f"{cxx} {std}: initializers", [cxx, *OURS, *strict, f"-std={std}", "-x", "c++"],
                      HERE / "designators.c")


def structures():
    """The macros that begin a structure of libsluice, in programs that warn of everything."""
    strict = [*OURS, "-Wall", "-Wextra", "-pedantic", "-Werror"]
    source = HERE / "initializers.c"
    languages = [([*(CC if cc == CC[0] else [cc]), f"-std={std}"]) for cc in (CC[0], "clang")
                 for std in ("c99", "c11", "c17", "c2x", "gnu17")]
    languages += [[cxx, "-std=c++17", "-x", "c++"] for cxx in ("g++", "clang++")]
    for command in languages:
        std = next(word for word in command if word.startswith("-std="))[5:]
        compile_check(f"{command[0]} {std}: headers and initializers of libsluice", [*command, *strict],
                      source)
        if shutil.which(command[0]):
            planted = subprocess.run([*command, *strict, "-DPLANTED", "-fsyntax-only", source],
                                     capture_output=True, text=True)
            report(f"{command[0]} {std}: a field that is left out is seen",
                   [] if "missing" in planted.stderr else ["no warning"])


def macros(flags):
    """Names of the macros that seccomp.h defines, functions with their parentheses."""
    def names(text):
        run = subprocess.run([*CC, "-E", "-dM", "-x", "c", *flags, "-"], input=text,
                             capture_output=True, text=True, check=True)
        return set(re.findall(r"^#define (\w+\(?)", run.stdout, re.M))
    before = "".join(f"#include <{h}>\n" for h in (
        "elf.h", "inttypes.h", "stdlib.h", "asm/unistd.h", "linux/audit.h", "linux/types.h",
        "linux/seccomp.h"))
    return names(before + "#include <seccomp.h>\n") - names(before)


def values(flags, names):
    """What each name expands to, as a number where it is one."""
    text = "#include <seccomp.h>\n" + "".join(f"@@@ '{n}' = {n}\n" for n in sorted(names) if "(" not in n)
    run = subprocess.run([*CC, "-E", "-P", "-x", "c", *flags, "-"], input=text,
                         capture_output=True, text=True, check=True)
    found = {}
    for name, value in re.findall(r"^@@@ '(\w+)' = (.*)$", run.stdout, re.M):
        plain = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1", value)
        if re.fullmatch(r"[\dxXa-fA-F|&()+\-~<>* ]+", plain):
            found[name] = eval(compile(ast.parse(plain.strip(), mode="eval"), "", "eval"))
    return found


def compare(label, theirs, level):
    """theirs: directory with libseccomp's own seccomp.h, or None"""
    if not theirs:
        for what in ("prototypes", "macros", "values"):
            report(f"{label}: {what}", why=f"no header of {label}")
        return
    flags = ["-I" + str(theirs)]
    compile_check(f"{label}: the list of prototypes holds for its header",
                  [*CC, *flags, f"-DAPI_LEVEL={level}"])
    names = {n for n in macros(flags) if not n.startswith("_SCMP_")}
    report(f"{label}: every macro exists", sorted(names - macros(OURS)))
    old, new = values(flags, names), values(OURS, names)
    versions = {"SCMP_VER_MAJOR", "SCMP_VER_MINOR", "SCMP_VER_MICRO"}
    report(f"{label}: every number is the same ({len(old)} names)",
           [f"{n}: theirs {v}, ours {new.get(n)}" for n, v in sorted(old.items())
            if new.get(n) != v and n not in versions] or
           ([] if len(old) > 600 else [f"only {len(old)} names found"]))


def sid_include():
    run = subprocess.run([HERE / "../../scripts/fetch-debs", "sid", "amd64", "libseccomp-dev"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return pathlib.Path(run.stdout.strip()) / "usr/include" if run.returncode == 0 else None


def installed_include():
    path = pathlib.Path("/usr/include/seccomp.h")
    return path.parent if path.exists() else None


def main():
    for std in ("c99", "c11", "gnu17"):
        compile_check(f"{CC[0]} {std}", [*CC, *OURS, *WARN, f"-std={std}"])
        compile_check(f"clang {std}", ["clang", *OURS, *WARN, f"-std={std}"])
    for cxx in ("g++", "clang++"):
        for std in ("c++11", "c++17", "c++20"):
            compile_check(f"{cxx} {std}", [cxx, *OURS, *WARN, f"-std={std}", "-x", "c++"])
    initializers()
    structures()
    with tempfile.NamedTemporaryFile("w", suffix=".c") as every:
        names = sorted(n for n in macros(OURS) if n.startswith("__SNR_"))
        every.write("#include <seccomp.h>\nextern const int all[];\nconst int all[] = {" +
                    ", ".join(names) + "};\n")
        every.flush()
        compile_check(f"every __SNR_ compiles with these kernel headers ({len(names)} names)",
                      [*CC, *OURS, *WARN], every.name)
    compare("libseccomp installed", installed_include(), 254)
    compare("libseccomp of sid", sid_include(), 261)
    print(f"1..{count}")
    return failed


sys.exit(main())
