#!/usr/bin/env python3
"""What a coding agent does, under the preset "agent": npm install from a host that is named, git, a build with
ccache. agent.py SLUICE PRESETS. Prints TAP. The registry is a server of this test.
SPDX-License-Identifier: MIT"""
import base64
import ctypes
import hashlib
import http.server
import io
import json
import os
import shutil
import sys
import tarfile
import threading

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])
PRESETS = live.tool(sys.argv[2])


def package():
    """A package that has a file and a script."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in (("package.json", json.dumps({"name": "little", "version": "1.2.3", "bin": "little.js"})),
                           ("little.js", "#!/usr/bin/env node\nconsole.log('little ' + 6 * 7)\n")):
            info = tarfile.TarInfo("package/" + name)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


class Registry(http.server.BaseHTTPRequestHandler):
    tarball = package()

    def do_GET(self):
        port = self.server.server_address[1]
        if self.path == "/little":
            version = {"name": "little", "version": "1.2.3", "bin": {"little": "little.js"}, "dist": {
                "tarball": f"http://localhost:{port}/little-1.2.3.tgz",
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()}}
            body = json.dumps({"name": "little", "dist-tags": {"latest": "1.2.3"}, "versions": {"1.2.3": version}}).encode()
        else:
            body = self.tarball if self.path == "/little-1.2.3.tgz" else None
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


class World:
    """A home with secrets, and a project in it."""

    def __init__(self, top, uid):
        self.top, self.uid, self.home, self.project = top, uid, top + "/home", top + "/home/project"
        for d in (self.project, self.home + "/.ssh", top + "/tmp"):
            os.makedirs(d)
        for name, text in ((".npmrc", "//localhost/:_authToken=SECRET\n"), (".ssh/id", "SECRET"),
                           (".gitconfig", "[user]\nname = A\nemail = a@b\n")):
            with open(f"{self.home}/{name}", "w", encoding="ascii") as f:
                f.write(text)
        if uid is not None:
            for at, dirs, files in os.walk(top):
                for name in (*dirs, *files):
                    os.chown(os.path.join(at, name), uid, uid)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "TMPDIR": top + "/tmp"}

    def agent(self, words, *more, preset="agent", **env):
        return run([SLUICE, "run", "--presets", PRESETS, "--preset", preset, *more, *words], self.uid, self.project,
                   env={**self.env, **env})

    def free(self, words, **env):
        return run(words, self.uid, self.project, env={**self.env, **env})


def everybodys(name):
    """Whether every user can run that program."""
    path = shutil.which(name)
    return path and run([path, "--version"], live.NOBODY if os.getuid() == 0 else None).returncode == 0


def npm(who, world, port):
    if not everybodys("npm"):
        return skip(f"{who}: npm", "no npm here")
    install = ["npm", "install", "--no-audit", "--no-fund", "--registry", f"http://localhost:{port}", "little"]
    named = ("--connect", f"localhost:{port}")
    r = world.agent([*install, "--fetch-retries", "0"])
    check(f"{who}: npm install: no host is named", r.returncode and not os.path.exists(world.project + "/node_modules/little"), r)
    r = world.agent(install, *named)
    check(f"{who}: npm install from a host that is named", r.returncode == 0 and
          os.path.exists(world.project + "/node_modules/little/little.js"), r)
    r = world.agent(["npx", "--offline", "little"], *named)
    check(f"{who}: npx runs what was installed", r.stdout == "little 42\n", r)
    r = world.agent(["npm", "ci", "--no-audit", "--no-fund"], *named)
    check(f"{who}: npm ci", r.returncode == 0 and os.path.exists(world.project + "/node_modules/little/little.js"), r)
    check(f"{who}: npm: home is as it was", sorted(os.listdir(world.home)) == [".gitconfig", ".npmrc", ".ssh", "project"],
          os.listdir(world.home))
    r = world.agent(["npm", "config", "get", "cache"], npm_config_cache=world.top + "/tmp/mine")
    check(f"{who}: npm: a cache that the user has set stays", r.stdout.strip() == world.top + "/tmp/mine", r)
    return None


def git(who, world):
    if not everybodys("git"):
        return skip(f"{who}: git", "no git here")
    world.free(["git", "init", "-q", "-b", "main", world.top + "/other"])
    world.free(["sh", "-c", f"cd {world.top}/other && echo text > file && git add file && git commit -q -m one"])
    r = world.agent(["git", "clone", "-q", world.top + "/other", "copy"])
    check(f"{who}: git clone of what may not be read", r.returncode and not os.path.exists(world.project + "/copy"), r)
    r = world.agent(["git", "clone", "-q", world.top + "/other", "copy"], "--ro", world.top + "/other")
    check(f"{who}: git clone", r.returncode == 0 and os.path.exists(world.project + "/copy/file"), r)
    r = world.agent(["sh", "-c", "cd copy && echo more >> file && git commit -q -a -m two && git log --format=%an:%s"])
    check(f"{who}: git commit, with the name that home has", r.stdout == "A:two\nA:one\n", r)
    return None


def ccache(who, world):
    if not everybodys("ccache") or not everybodys("cc"):
        return skip(f"{who}: ccache", "no ccache, or no compiler")
    for name in ("a", "b"):
        with open(f"{world.project}/{name}.c", "w", encoding="ascii") as f:
            f.write(f"int {name};\n")
    world.free(["ccache", "cc", "-c", "a.c", "-o", "a.o"])
    before = sorted(os.walk(world.home + "/.cache"))
    for preset in ("compiler", "tests", "agent"):
        r = world.agent(["sh", "-c", "rm -f b.o && ccache cc -c b.c -o b.o && test -e b.o"], preset=preset)
        check(f"{who}: ccache under the preset {preset}", r.returncode == 0, r)
    r = world.agent(["ccache", "cc", "-c", "a.c", "-o", "a.o"], CCACHE_LOGFILE=world.top + "/tmp/log")
    with open(world.top + "/tmp/log", encoding="utf-8") as f:
        log = f.read()
    check(f"{who}: ccache takes what home has, and leaves it as it was", r.returncode == 0 and "cache_hit" in log and
          sorted(os.walk(world.home + "/.cache")) == before, log)
    return None


def main():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    good, why = live.works(SLUICE)
    if abi < 6 or not good:
        skip("a coding agent", f"Landlock {abi} here, 6 is needed; {why.strip()}")
        live.done()
    server = http.server.ThreadingHTTPServer(("localhost", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for who, uid in live.users():
        with folder(uid) as top:
            world = World(top, uid)
            npm(who, world, server.server_address[1])
            git(who, world)
            ccache(who, world)
            r = world.agent(["sh", "-c", "cat ~/.npmrc ~/.ssh/id"])
            check(f"{who}: what is secret stays so", r.returncode and "SECRET" not in r.stdout, r)
    server.shutdown()
    live.done()


main()
