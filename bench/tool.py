#!/usr/bin/env python3
"""What the live commands cost: tool.py BUILD [ROUNDS], tables in Markdown.

Each table has commands that do the same work, in turns; medians (lowest), and the ratio to the first
command, which is the work without any tool. Processor time is that of the command and all it started: other work on the
machine changes it less.

  start     /bin/true under Docker's default profile, beside bubblewrap with the same program
  compiler  gcc compiles small files (of src/dag), and then fewer and larger ones with more work for each call:
            recorded, recorded again with --merge, under what was recorded, and under strace
  inject    the small files under expressions that look at many calls and change none: sluice inject and strace

The jobs of a coding agent under its preset are in bench/agent.py.
What is not installed is left out by name. PROFILE is ../shared/data/profiles/moby-default.json, else Debian's
/usr/share/containers/seccomp.json. A benchmark: it decides nothing.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
PROFILES = (TOP.parent / "shared/data/profiles/moby-default.json", pathlib.Path("/usr/share/containers/seccomp.json"))
NULL = subprocess.DEVNULL


def ask(words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, **more).stdout


class Table:
    """Commands that do the same: {name: words}. A command begins in @place."""

    def __init__(self, title, place, rounds, clean=None):
        self.title, self.place, self.rounds, self.clean = title, place, rounds, clean
        self.commands, self.missing = {}, []

    def add(self, name, words):
        if shutil.which(words[0]):
            self.commands[name] = [str(w) for w in words]
        else:
            self.missing.append(words[0])

    def once(self, words):
        if self.clean:
            self.clean()
        with open(self.place / "bpf", "rb") as bpf:
            os.dup2(bpf.fileno(), 10)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            begin = time.perf_counter_ns()
            done = subprocess.run(words, cwd=self.place, stdin=NULL, stdout=NULL, stderr=subprocess.PIPE, pass_fds=(10,),
                                  check=False)
            spent = (time.perf_counter_ns() - begin) / 1e6
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{self.title}: {' '.join(words)}: {done.returncode}\n{done.stderr.decode()[-2000:]}")
        return spent, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3

    def show(self):
        samples = {name: [] for name in self.commands}
        for turn in range(self.rounds + 1):
            for name, words in self.commands.items():
                spent = self.once(words)
                if turn:  # the first only warms the caches
                    samples[name].append(spent)
        base = [statistics.median(column) for column in zip(*next(iter(samples.values())))]
        print(f"\n{self.title}, {self.rounds} rounds\n\n| | ms, median (lowest) | ratio | more | processor time, ms | ratio |\n"
              "|---|---|---|---|---|---|")
        for name, found in samples.items():
            wall, cpu = (statistics.median(column) for column in zip(*found))
            print(f"| {name} | {wall:.2f} ({min(found)[0]:.2f}) | {wall / base[0]:.3f} | {wall - base[0]:+.2f} ms "
                  f"| {cpu:.1f} | {cpu / base[1]:.3f} |", flush=True)
        for word in self.missing:
            print(f"\nnot installed: {word}")


def start(sluice, place, rounds):
    table = Table("/bin/true", place, rounds * 20)
    table.add("bare", ["/bin/true"])
    table.add("sluice run -p", [sluice, "run", "-p", place / "profile.json", "/bin/true"])
    table.add("bwrap --seccomp", ["bwrap", "--dev-bind", "/", "/", "--seccomp", "10", "/bin/true"])
    table.show()


def compiler_job(place, build, files, options):
    script = place / "job.sh"
    script.write_text("for f in {}; do gcc {} -D_GNU_SOURCE -I{}/src -I{}/include -I{}/include -c $f -o out.o || exit; "
                      "done\n".format(" ".join(map(str, files)), options, TOP, TOP, build))
    return ["sh", script]


def compiler(sluice, place, rounds, build, files, options):
    job = compiler_job(place, build, files, options)
    done = subprocess.run([sluice, "record", "-q", "-o", place / "job.json", *job], cwd=place, check=True,
                          stderr=subprocess.PIPE, text=True)
    calls = done.stderr.split()[0]
    table = Table(f"gcc {options}, {len(files)} files, {calls} system calls", place, rounds)
    table.add("bare", job)
    table.add("sluice record, first run", [sluice, "record", "-q", "-o", place / "again.json", *job])
    table.add("sluice record --merge, second run", [sluice, "record", "-q", "--merge", place / "job.json", "-o",
                                                    place / "again.json", *job])
    table.add("sluice run -p, what was recorded", [sluice, "run", "-p", place / "job.json", *job])
    table.add("strace -f -c", ["strace", "-f", "-c", *job])
    table.add("strace -f --seccomp-bpf -c -e openat", ["strace", "-f", "--seccomp-bpf", "-c", "-e", "openat", *job])
    table.show()


def inject(sluice, place, rounds, build, files):
    job = compiler_job(place, build, files, "-O1")
    for calls in ("openat", "%file,read,mmap,close"):
        expression = f"inject={calls}:error=EIO:when=60000"
        table = Table(f"gcc, {len(files)} files, {expression}", place, rounds)
        table.add("bare", job)
        table.add("sluice inject", [sluice, "inject", "-q", "-e", expression, *job])
        table.add("strace -f", ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", expression, *job])
        table.add("strace -f --seccomp-bpf", ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", expression, *job])
        table.show()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    sluice = build / "cli/sluice"
    profile = next((p for p in PROFILES if p.exists()), None)
    if not profile:
        sys.exit(f"tool.py: neither {PROFILES[0]} nor {PROFILES[1]}")
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        shutil.copy(profile, place / "profile.json")
        (place / "bpf").write_bytes(ask([sluice, "compile", profile]))
        print(f"{profile.name}, {os.cpu_count()} processors, Linux {os.uname().release}")
        start(sluice, place, rounds)
        small = sorted((TOP / "src/dag").glob("*.c"))
        compiler(sluice, place, rounds, build, small, "-O1")
        large = sorted((f for f in (TOP / "src").glob("*/*.c") if "gen" not in f.name), key=lambda f: -f.stat().st_size)
        compiler(sluice, place, rounds, build, large[:5], "-O2 -g")
        inject(sluice, place, rounds, build, small)


if __name__ == "__main__":
    main()
