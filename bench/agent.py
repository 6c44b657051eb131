#!/usr/bin/env python3
"""What the preset "agent" costs a coding agent: agent.py BUILD [ROUNDS [JOB...]], tables in Markdown.

  make   ninja builds libseccomp.so.2 of this tree
  clone  git clones this repository
  npm    npm installs a package from the registry that it is configured with; left out if that cannot be reached

Each job runs without anything; under `sluice run --preset agent`; the same with a host to reach, for which a supervisor
stays beside the job; in bubblewrap with the same folders; and under a supervisor that makes each openat(2) (bench/opens.c).
Commands take turns. "CPU" is the processor time of the job and all that watches it, which other work on the machine
disturbs less than the clock. Medians, and ratios to the first row. "Notifications" is what the supervisor received, in one
more run under strace. A benchmark: it decides nothing.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[1]
REPOSITORY = pathlib.Path(subprocess.run(["git", "-C", TOP, "rev-parse", "--path-format=absolute", "--git-common-dir"],
                                         check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
NULL = subprocess.DEVNULL
PACKAGE = "express@4.19.2"


def processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Job:
    """One job, in one project folder: words that run it, and how the folder becomes as before."""

    def __init__(self, name, project, words, clean, host=None, **env):
        self.name, self.project, self.words, self.clean, self.host = name, project, [str(w) for w in words], clean, host
        self.env = {**os.environ, **env}

    def once(self, before, words=None, **more):
        self.clean()
        words = [str(w) for w in [*before, *(words or self.words)]]
        begin, used = time.perf_counter(), processor()
        done = subprocess.run(words, cwd=self.project, env=self.env, stdin=NULL, stdout=NULL, stderr=subprocess.PIPE, check=False,
                              **more)
        if done.returncode:
            sys.exit(f"{self.name}: {' '.join(words)}: {done.returncode}\n{done.stderr.decode()[-2000:]}")
        return time.perf_counter() - begin, processor() - used


def notified(job, before):
    """What the supervisor of sluice run receives: by strace, of the tool alone."""
    if not shutil.which("strace"):
        return "no strace"
    with tempfile.NamedTemporaryFile("r") as log:
        job.once(["strace", "-qq", "-e", "trace=ioctl", "-o", log.name, *before])
        return str(len(re.findall(r"NOTIF_RECV.* = 0$", log.read(), re.M)))


def opened(job, opens):
    with tempfile.NamedTemporaryFile("r") as log:
        with open(log.name, "w", encoding="ascii") as out:
            job.once(["sh", "-c", f'exec 3>&{out.fileno()}; exec "$@"', "sh", opens], pass_fds=(out.fileno(),))
        return log.read().strip()


def ways(job, sluice, opens, tmp):
    """[(name, words in front of the job, notifications)]"""
    agent = [sluice, "run", "--presets", TOP / "cli/policy/presets.json", "--preset", "agent", "--ro", TOP, "--ro", REPOSITORY]
    host = ["--connect", job.host or "localhost:9"]
    found = [("bare", [], "")]
    if not job.host:
        found.append(("sluice run --preset agent", agent, "no supervisor"))
    found.append((f"sluice run --preset agent --connect {host[1]}", [*agent, *host], notified(job, [*agent, *host])))
    if shutil.which("bwrap"):
        found.append(("bwrap, the same folders", ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--bind", tmp, tmp,
                                                  *([] if job.host else ["--unshare-net"])], ""))
    if opens.exists():
        found.append(("each openat by a supervisor", [opens], opened(job, opens)))
    return found


def show(job, rounds, all_ways):
    samples = {name: [] for name, _, _ in all_ways}
    for turn in range(rounds + 1):
        for name, before, _ in all_ways:
            spent = job.once(before)
            if turn:  # the first only warms the caches
                samples[name].append(spent)
    base = [statistics.median(v) for v in zip(*samples["bare"])]
    print(f"\n## {job.name}, {rounds} rounds\n\n| | s, median (lowest) | ratio | CPU s, median (lowest) | ratio | notifications |\n"
          "|---|---|---|---|---|---|")
    for name, _, count in all_ways:
        wall, cpu = zip(*samples[name])
        m = [statistics.median(wall), statistics.median(cpu)]
        print(f"| {name} | {m[0]:.2f} ({min(wall):.2f}) | {m[0] / base[0]:.3f} | {m[1]:.2f} ({min(cpu):.2f}) | "
              f"{m[1] / base[1]:.3f} | {count} |", flush=True)


def make(place):
    out = place / "libraries"
    options = ["-Dtests=false", "-Dexamples=false", "-Dbench=false", "-Dman=false", "-Ddocs=false", "-Dcli=false"]
    subprocess.run(["meson", "setup", out, TOP, *options], check=True, stdout=NULL)
    targets = subprocess.run(["ninja", "-C", out, "-t", "targets", "all"], check=True, stdout=subprocess.PIPE, text=True).stdout
    library = re.search(r"^(src/libseccomp\.so\.[\d.]+): ", targets, re.M)[1]
    return Job("ninja src/libseccomp.so.2", place, ["ninja", "-C", out, library],
               lambda: subprocess.run(["ninja", "-C", out, "-t", "clean"], check=True, stdout=NULL), CCACHE_DISABLE="1")


def clone(place):
    return Job("git clone", place, ["git", "clone", "-q", "--no-local", "--no-hardlinks", REPOSITORY, place / "copy"],
               lambda: shutil.rmtree(place / "copy", ignore_errors=True))


def npm(place):
    if not shutil.which("npm"):
        print("\nnot installed: npm")
        return None
    project = place / "project"
    project.mkdir()
    said = subprocess.run(["npm", "config", "get", "registry"], stdout=subprocess.PIPE, stdin=NULL, text=True, check=True)
    registry = urllib.parse.urlparse(said.stdout.strip())
    words = ["npm", "install", "--no-audit", "--no-fund", "--no-update-notifier", "--registry", registry.geturl(), PACKAGE]

    def clean():
        shutil.rmtree(project)
        project.mkdir()
    # The cache that the preset sets, for all of them.
    job = Job(f"npm install {PACKAGE}", project, words, clean,
              f"{registry.hostname}:{registry.port or (443 if registry.scheme == 'https' else 80)}",
              npm_config_cache=str(project / "node_modules/.cache/npm"))
    reached = subprocess.run([*words, "--fetch-retries", "0"], cwd=project, env=job.env, stdin=NULL, stdout=NULL, stderr=NULL,
                             check=False)
    if reached.returncode:
        print(f"\nnpm: {registry.geturl()} cannot be reached")
        return None
    return job


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    names = sys.argv[3:] or ["make", "clone", "npm"]
    print(f"{os.cpu_count()} processors, Linux {os.uname().release}")
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            job = {"make": make, "clone": clone, "npm": npm}[name](pathlib.Path(place))
            if job:
                show(job, rounds, ways(job, build / "cli/sluice", build / "bench/opens", place))


main()
