#!/usr/bin/env python3
"""The static archive of a library that was built with -flto: lto.py SOURCE BUILD OBJCOPY (prints TAP).

Compiles src/ with each way of link-time optimisation of each compiler that is here, packs the objects as the
build does, and links a client with the archive: by each compiler, with and without -flto. A packed
archive holds machine code alone, so all of them can."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
OBJCOPY = sys.argv[3]
PACK = SOURCE / "scripts/pack-archive"
CLIENT = SOURCE / "tests/abi/static.c"
INCLUDES = [f"-I{d}" for d in (SOURCE / "src", SOURCE / "include", BUILD / "include")]
COMMON = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-fvisibility=hidden", "-w", *INCLUDES]
WAYS = [  # compiler, name, options, the archiver that can index such objects
    ("gcc", "slim", ["-flto"], "gcc-ar"),
    ("gcc", "fat", ["-flto", "-ffat-lto-objects"], "ar"),
    ("clang", "slim", ["-flto"], "llvm-ar"),
    ("clang", "thin", ["-flto=thin"], "llvm-ar"),
    ("clang", "fat", ["-flto", "-ffat-lto-objects"], "llvm-ar"),
]
number = bad = 0


def say(good, name, why=""):
    global number, bad
    number += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in why.splitlines()[-40:]), end="")


def skip(name, reason):
    global number
    number += 1
    print(f"ok {number} - {name} # SKIP {reason}", flush=True)


def run(*command):
    done = subprocess.run([str(c) for c in command], text=True, errors="replace", check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


def sources():
    paths = [p for p in (SOURCE / "src").rglob("*.c")]
    assert len(paths) > 20, paths
    return sorted(paths)


def compile_all(compiler, options, directory):
    def one(path):
        out = directory / ("-".join(path.relative_to(SOURCE).parts) + ".o")
        return run(compiler, *COMMON, *options, "-c", path, "-o", out), out
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(one, sources()))
    return [out for _, out in done], "".join(text for (ok, text), _ in done if not ok)


def links(tmp, archive, name):
    """Clients of all compilers, linked with the archive and run."""
    for compiler in ("gcc", "clang"):
        for options in ([], ["-flto"]):
            what = f"{name}: a client of {' '.join([compiler, *options])} links and runs"
            if not can(compiler, options, tmp, link=True):
                skip(what, f"no {compiler} here that links {' '.join(options) or 'at all'}")
                continue
            ok, text = run(compiler, "-O2", "-D_GNU_SOURCE", *options, *INCLUDES, CLIENT, archive,
                           "-o", tmp / "client")
            if ok:
                ok, text = run(tmp / "client")
            say(ok and "ok 1" in text, what, text)


def can(compiler, options, tmp, link=False):
    if not shutil.which(compiler):
        return False
    (tmp / "try.c").write_text("int main(void) { return 0; }\n")
    return run(compiler, "-Werror", *options, *([] if link else ["-c"]), tmp / "try.c", "-o", tmp / "tried")[0]


def check(compiler, way, options, archiver):
    name = f"{compiler} {way}"
    with tempfile.TemporaryDirectory(prefix="lto-") as directory:
        tmp = pathlib.Path(directory)
        if not can(compiler, options, tmp):
            return skip(name, f"no {compiler} here that takes {' '.join(options)}")
        objects, text = compile_all(compiler, options, tmp)
        if text:
            return say(False, f"{name}: compiles", text)
        archiver = shutil.which(archiver) or "ar"
        ok, text = run(archiver, "rcs", tmp / "in.a", *objects)
        if ok:
            ok, text = run(PACK, tmp / "in.a", tmp / "out.a", "seccomp_*", OBJCOPY, "ar", compiler, *options)
        say(ok, f"{name}: the archive is packed", text)
        if not ok:
            return None
        # What the optimiser says of the whole program, but for how many jobs it takes.
        text = "".join(f"{line}\n" for line in text.splitlines() if "lto-wrapper: " not in line)
        say(not text, f"{name}: without a warning", text)
        _, sections = run("readelf", "--wide", "-S", tmp / "out.a")
        say(".gnu.lto_" not in sections and ".llvm.lto" not in sections and ".text" in sections,
            f"{name}: it holds machine code alone", sections)
        _, names = run("nm", "--defined-only", "--extern-only", "--format=posix", tmp / "out.a")
        public = {line.split()[0] for line in names.splitlines() if len(line.split()) > 1}
        say(public and all(p.startswith("seccomp_") for p in public),
            f"{name}: only seccomp_* is global", names)
        return links(tmp, tmp / "out.a", name)


for each in WAYS:
    check(*each)
print(f"1..{number}")
sys.exit(bad > 0)
