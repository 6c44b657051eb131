#!/usr/bin/env python3
"""sluice record on programs of all kinds: the calls that strace -f sees, and the program runs under its profile.
programs.py SLUICE [--save]: --save writes the table into programs.md beside this file. A program that is not
installed is skipped by name. Prints TAP.

Threads and signals make other calls in each run. So both look at one run: strace -f follows sluice record, and what
counts are the calls of the program and of its children. Then the program is recorded without strace, and the profile
grows with --merge until a run adds nothing, up to 12 times.
SPDX-License-Identifier: MIT"""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import live
from live import check, skip

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS = 12
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sluice/clients")
NULL = subprocess.DEVNULL

GIT = """rm -rf r; git init -q r; cd r; echo text >a; git add a
git -c user.name=n -c user.email=e commit -qm message; git log --stat; git gc -q; git clone -q . ../r2; rm -rf ../r2"""
TAR = "mkdir -p d; cp /etc/passwd d; tar czf t.tgz d; mkdir -p e; tar xzf t.tgz -C e; tar tf t.tgz; rm -r e"
SQL = "create table if not exists t(a); insert into t values (1); select count(*) > 0 from t;"
PERL = 'print sort map { ucfirst } qw(b a); open(my $f, "<", "/etc/passwd") or die; my @l = <$f>; system("true"); print 0+@l > 0;'
PY = "import json, os, socket, subprocess, threading; t = threading.Thread(target=os.getppid); t.start(); t.join(); " \
     "subprocess.run(['true'], check=True); print(json.dumps([1]))"
NODE = "require('fs').readFile('/etc/passwd', (e, d) => { console.log(d.length > 0); require('child_process').execSync('true'); })"
MAKE = "all:\n\t@echo one\n\t@echo two | cat\n"
GO = """package main
import ("fmt"; "os"; "sync")
func main() {
	var w sync.WaitGroup
	for i := 0; i < 4; i++ { w.Add(1); go func() { defer w.Done(); os.ReadFile("/etc/passwd") }() }
	w.Wait()
	fmt.Println("done")
}
"""
RUST = """use std::{fs, thread};
fn main() {
    let t: Vec<_> = (0..4).map(|_| thread::spawn(|| fs::read("/etc/passwd").unwrap().len())).collect();
    println!("{}", t.into_iter().all(|h| h.join().unwrap() > 0));
}
"""
JAVA = """class Main { public static void main(String[] a) throws Exception {
    Thread t = new Thread(() -> System.out.println("thread")); t.start(); t.join();
    System.out.println(java.nio.file.Files.size(java.nio.file.Path.of("/etc/passwd")) > 0); } }
"""
NGINX = """daemon off; master_process on; worker_processes 2; pid nginx.pid; error_log err.log;
events {{ worker_connections 64; }}
http {{ access_log acc.log; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {{ listen 127.0.0.1:{port}; root .; }} }}
"""


class Program:
    """One line of the table: @words run in a folder of their own."""

    def __init__(self, name, words, load=None, needs=None):
        self.name, self.words, self.load, self.needs = name, words, load, needs or words[0]


def find(word):
    places = "/usr/bin:/bin:/usr/sbin:/sbin"
    return shutil.which(word, path=places + f":{CACHE}/usr/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve_files():
    """A server for curl; its port."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def nginx_load(port, place):
    """400 requests of 8 threads once it listens; then it is asked to end."""
    def ask():
        for _ in range(50):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/file", timeout=60).read()
    def work(_process):
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        os.kill(int((place / "nginx.pid").read_text()), signal.SIGQUIT)
    return work


def compiled(place):
    """{name: words} of what is built here, where there is a compiler; None: there is none."""
    made = {}
    (place / "main.go").write_text(GO)
    (place / "main.rs").write_text(RUST)
    (place / "Main.java").write_text(JAVA)
    for name, words in (
            ("go", ["go", "build", "-o", "main-go", "main.go"]),
            ("rust", ["rustc", "-O", "-C", "target-feature=+crt-static", "-o", "main-rust", "main.rs"]),
            ("java", ["javac", "-d", ".", "Main.java"])):
        env = os.environ | {"CGO_ENABLED": "0", "GOCACHE": str(place / "go-cache"), "GO111MODULE": "off"}
        made[name] = shutil.which(words[0]) and subprocess.run(
            words, cwd=place, env=env, stdout=NULL, stderr=NULL, check=False).returncode == 0
    shutil.rmtree(place / "go-cache", ignore_errors=True)
    return made


def programs(place):
    port, nginx_port = serve_files(), free_port()
    made = compiled(place)
    (place / "a.c").write_text("#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n")
    (place / "Makefile").write_text(MAKE)
    (place / "file").write_text("text\n" * 100)
    (place / "nginx.conf").write_text(NGINX.format(port=nginx_port))
    return [
        Program("ls", ["ls", "-la", "/etc"]),
        Program("cp", ["cp", "-a", "/etc/passwd", "copy"]),
        Program("sort", ["sort", "-u", "/etc/passwd"]),
        Program("sha256sum", ["sha256sum", "/etc/passwd"]),
        Program("find", ["find", "/etc", "-maxdepth", "1", "-newer", "/etc/passwd"]),
        Program("grep", ["grep", "-rs", "root", "/etc/passwd", "/etc/group"]),
        Program("gzip", ["gzip", "-kf", "file"]),
        Program("sh", ["sh", "-c", "echo a | cat; mkdir m; rmdir m; (exit 3) || trap - INT"]),
        Program("bash", ["bash", "-c", "for i in 1 2; do echo $i; done | cat; echo $(( $(date +%s) > 0 ))"]),
        Program("python3", [live.PYTHON, "-c", PY]),
        Program("perl", ["perl", "-e", PERL]),
        Program("git", ["sh", "-ec", GIT], needs="git"),
        Program("curl, of a local server", ["curl", "-sf", "-o", "got", f"http://127.0.0.1:{port}/"]),
        Program("nginx under load", ["nginx", "-p", str(place), "-c", "nginx.conf", "-e", "err.log"],
                nginx_load(nginx_port, place)),
        Program("sqlite3", ["sqlite3", "base", SQL]),
        Program("gcc", ["gcc", "-O1", "-o", "a.out", "a.c"]),
        Program("make", ["make"]),
        Program("tar", ["sh", "-ec", TAR], needs="tar"),
        Program("ssh-keygen", ["sh", "-ec", "rm -f key; ssh-keygen -q -t ed25519 -N '' -f key"], needs="ssh-keygen"),
        Program("node", ["node", "-e", NODE]),
        Program("busybox, static", ["busybox", "sh", "-c", "ls -l /etc | wc -l"]),
        Program("Go, static", [str(place / "main-go")] if made["go"] else ["go"]),
        Program("Rust, static", [str(place / "main-rust")] if made["rust"] else ["rustc"]),
        Program("a JVM", ["java", "-cp", str(place), "Main"] if made["java"] else ["javac"]),
    ]


def run(program, words, place, uid):
    """What became of it: (status, stderr)."""
    env = os.environ | {"HOME": str(place), "LC_ALL": "C"}
    with open(place / "stderr", "w+b") as errors:
        p = subprocess.Popen(words, cwd=place, stdin=NULL, stdout=NULL, stderr=errors, env=env,
                             preexec_fn=lambda: live.become(uid))
        try:
            if program.load:
                program.load(p)
            p.wait(600)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            p.kill()
            p.wait()
            return -1, str(error)
        errors.seek(0)
        return p.returncode, errors.read().decode(errors="replace")[-1500:]


def calls_of(log, path):
    """The names of the calls that the program @path and its children make, from its execve on, by strace's @log."""
    line = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)(.*)")
    with open(log, errors="replace") as f:
        calls = [m.groups() for m in map(line.match, f) if m]
    start, program = next((i, pid) for i, (pid, name, rest) in enumerate(calls)
                          if name == "execve" and rest.startswith(f'"{path}"'))
    parents = {}
    for pid, name, rest in calls[start:]:
        child = re.search(r"\) += (\d+)$", rest) if name in ("clone", "clone3", "fork", "vfork") else None
        if child:
            parents[child[1]] = pid
    def belongs(pid):
        while pid in parents and pid != program:
            pid = parents[pid]
        return pid == program
    # The kernel puts restart_syscall in place of a call that a tracer has interrupted. Profiles have it always.
    return {name for pid, name, _ in calls[start:] if belongs(pid)} - {"restart_syscall"}


def names_in(profile):
    """What was recorded, without the calls that were added because they belong to it."""
    with open(profile) as f:
        entries = json.load(f)["syscalls"]
    return {n for e in entries if e.get("comment", "").startswith("recorded") for n in e["names"]}


def traced(program, words, place, uid, sluice):
    """Recorded below strace: (status, what strace saw, what was recorded, stderr)."""
    log, profile = place / "trace", place / "profile.json"
    profile.unlink(missing_ok=True)
    status, errors = run(program, ["strace", "-f", "-qq", "-o", log, sluice, "record", "-q", "-o", profile, "--", *words],
                         place, uid)
    if status or not profile.exists():
        return status or -1, set(), set(), errors
    return status, calls_of(log, words[0]), names_in(profile), errors


def recorded(program, words, place, uid, sluice):
    """Recorded again: (status, whether the profile grew, stderr)."""
    profile = place / "profile.json"
    before = names_in(profile)
    status, errors = run(program, [sluice, "record", "-q", "--merge", profile, "-o", profile, "--", *words], place, uid)
    return status, names_in(profile) != before, errors


def judge(program, place, uid, sluice, rows):
    path = program.needs if os.path.isabs(program.needs) else find(program.needs)
    if path and CACHE in pathlib.Path(path).parents:
        path = live.tool(path)
    if not path:
        rows.append((program.name, "not installed", "", "", ""))
        skip(f"{program.name}: the calls that strace sees", f"no {program.needs}")
        return
    words = [find(program.words[0]) or program.words[0], *program.words[1:]]
    if program.needs == program.words[0]:
        words[0] = path
    status, seen, noted, errors = traced(program, words, place, uid, sluice)
    check(f"{program.name}: the calls that strace sees", status == 0 and seen and seen == noted,
          f"{status} {errors}\nstrace only: {seen - noted}\nrecord only: {noted - seen}")
    rounds, grew = 0, status == 0
    while grew and rounds < ROUNDS:
        status, grew, errors = recorded(program, words, place, uid, sluice)
        grew = grew and status == 0
        rounds += 1
    if status == 0:
        status, errors = run(program, [sluice, "run", "-p", place / "profile.json", "--", *words], place, uid)
    check(f"{program.name}: it runs under its profile", status == 0, f"{status} {errors}")
    rows.append((program.name, len(seen), len(noted), rounds, "yes" if status == 0 else "no"))


def save(rows):
    with open(HERE / "programs.md", "w", encoding="utf-8") as out:
        out.write("# What `sluice record` notes, beside strace\n\n"
                  "Written by `tests/cli/programs.py build/cli/sluice --save`. Both looked at one run, as `strace -f` "
                  "followed\n`sluice record`. The program was then recorded without strace, and the profile grew until a run "
                  "added nothing.\nThen it ran under this profile.\n\n"
                  "| program | calls that `strace -f` saw | calls that were recorded | further runs | runs under its profile |\n"
                  "|---|---|---|---|---|\n")
        for row in rows:
            out.write("| " + " | ".join(str(c) for c in row) + " |\n")


def main():
    sluice, rows = live.tool(sys.argv[1]), []
    good, why = live.works(sluice)
    if not good or not shutil.which("strace") or live.run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode:
        skip("programs", "no strace that works" if good else "no notifications here: " + why.replace("\n", " "))
        live.done()
    _, uid = live.users()[-1]
    with live.folder(uid) as name:
        place = pathlib.Path(name).resolve()
        for program in programs(place):
            for p in [place, *place.rglob("*")] if uid is not None else []:
                os.chown(p, uid, uid, follow_symlinks=False)
            judge(program, place, uid, sluice, rows)
    if "--save" in sys.argv:
        save(rows)
    live.done()


main()
