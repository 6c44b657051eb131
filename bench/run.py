#!/usr/bin/env python3
"""Runs everything (scripts/bench calls it): run.py BUILD OURS THEIRS [OPTIONS] [DOCKER-PROFILE].

--json prints every figure as one JSON document in place of the tables; --save writes
bench/RESULTS.md and bench/growth.svg."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import elf
import policies
import report

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 2  # seconds for one program; a library that takes longer is stopped


def lines(command, **environment):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                         env=os.environ | environment).stdout
    return [json.loads(line) for line in out.splitlines()]


class Bench:
    def __init__(self, build, ours, theirs):
        self.tool = os.path.join(build, "bench", "bench")
        self.heap_tool = os.path.join(build, "bench", "heap")
        self.start = os.path.join(build, "bench", "start")
        self.notify = os.path.join(build, "bench", "notify")
        self.refused_tool = os.path.join(build, "bench", "refused")
        self.libs = {"ours": ours, "theirs": theirs}
        self.figures = []

    def run(self, *args, only_ours=False):
        print(" ", *(os.path.basename(str(a)) for a in args), file=sys.stderr)
        command = [self.tool] + ["--only-ours"] * only_ours + list(self.libs.values())
        got = lines(command + [str(a) for a in args])
        self.figures += got
        return got

    def heap(self, name, path, lib, optimize):
        figure = lines([self.heap_tool, self.libs[lib], path, str(optimize)])[0]
        self.figures.append({"what": "heap", "policy": name, "lib": lib, "optimize": optimize}
                            | figure)

    def proved(self, path):
        """Ours with the proof of each program, against compile without."""
        command = [self.tool, "--only-ours", *self.libs.values(), "compile", path, "1", str(LIMIT)]
        self.figures += [f | {"what": "proved"} for f in lines(command, SECCOMP_SELF_CHECK="1")]

    def policy(self, name, path):
        timed = self.run("compile", path, 2, LIMIT)
        slow = not all(f["ended"] for f in timed)
        self.proved(path)
        self.run("counts", path, os.path.join(HERE, "mix.txt"), only_ours=slow)
        self.run("attach", path, 40, only_ours=slow)
        self.run("calls", path, 100, only_ours=slow)
        for lib in ["ours"] if slow else ["ours", "theirs"]:
            for optimize in (1, 2):
                self.heap(name, path, lib, optimize)

    def refused(self):
        """Rules that fit into no program: ours alone, each set in a process of its own."""
        command = [self.refused_tool, self.libs["ours"]]
        for name in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
            print("  refused", name, file=sys.stderr)
            runs = sorted((lines([*command, name])[0] for _ in range(5)), key=lambda f: f["ms"])
            self.figures.append(runs[2])

    def library(self):
        for name, path in self.libs.items():
            self.figures.append({"what": "library", "lib": name} | elf.measure(path))

    def supervise(self, calls, rounds):
        print("  supervise", calls, rounds, file=sys.stderr)
        self.figures += lines([self.notify, str(calls), str(rounds)])

    def everything(self, made):
        self.run("version")
        self.library()
        for name, (path, _) in made.items():
            self.policy(name, path)
        self.run("growth", LIMIT)
        self.refused()
        self.run("resolve", 200)
        self.run("roundtrip", 100)
        self.supervise(5000, 25)
        self.run("startup", self.start, *(os.path.dirname(p) for p in self.libs.values()), 100)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("docker", nargs="?")
    args = parser.parse_intermixed_args()
    bench = Bench(args.build, os.path.realpath(args.ours), os.path.realpath(args.theirs))
    with tempfile.TemporaryDirectory() as directory:
        made = policies.write(directory, args.docker)
        bench.everything(made)
    if args.json:
        json.dump({"machine": report.machine(), "figures": bench.figures}, sys.stdout, indent=1)
        print()
    else:
        print(report.tables(bench.figures))
    if args.save:
        with open(os.path.join(HERE, "RESULTS.md"), "w") as f:
            f.write(report.document(bench.figures))
        with open(os.path.join(HERE, "growth.svg"), "w") as f:
            f.write(report.growth_svg(bench.figures))


if __name__ == "__main__":
    main()
