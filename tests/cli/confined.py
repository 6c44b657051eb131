#!/usr/bin/env python3
"""run, record, why and inject inside of containers: under the filters of Docker and Podman, as root with the
capabilities that they leave and as an ordinary user; and whole tests of these commands there. confined.py SLUICE
PRESETS VICTIM COUNTED. Prints TAP. The profiles are ../shared/data/profiles/moby-default.json and
/usr/share/containers/seccomp.json.
SPDX-License-Identifier: MIT"""
import ctypes
import errno
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

import live
from live import check, folder, skip

SLUICE, PRESETS, VICTIM, COUNTED = (live.tool(path) for path in sys.argv[1:5])
WHOLE = {"policies.py": [PRESETS], "escapes.py": [], "grants.py": [], "agent.py": [PRESETS], "record.py": [COUNTED], "inject.py": [VICTIM]}
TOP = pathlib.Path(__file__).resolve().parents[2]
# What the engine refuses and supervisors like to use.
ENGINES = (("Docker", TOP.parent / "shared/data/profiles/moby-default.json", "pidfd_getfd"),
           ("Podman", pathlib.Path("/usr/share/containers/seccomp.json"), "kcmp"))
# Checks of calls that the engine refuses: what a filter refuses another one does not notify.
UNSEEN = "numbers without a name"
REFUSED = {"pidfd_getfd": (438, -1, 0, 0), "kcmp": (312, -1, -1, 0, 0, 0)}
CAPABILITIES = "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+setfcap"
CONNECT = "import socket; socket.create_connection(('{}', {}), 10)"


# A port that was bound is free again, a peer sees the end, a connection that is waited for, a
# child's, also one that the parent has closed, one of Unix; and a port of a process that was killed.
SOCKETS = """
import os, select, socket
def server():
    s = socket.socket()
    s.bind(('127.0.0.1', {b}))
    return s
def told(*words):
    os.write(1, (' '.join(map(str, words)) + '\\n').encode())
server().close()
if os.fork() == 0:
    server()
    os.kill(os.getpid(), 9)
os.wait()
s = server()
s.listen()
told('bound')
u = socket.socket(socket.AF_UNIX)
u.bind('u')
u.listen()
c = socket.socket(socket.AF_UNIX)
c.connect('u')
p = u.accept()[0]
c.close()
p.settimeout(20)
told('unix', p.recv(1))
for i in range(300):
    c = socket.create_connection(('127.0.0.1', {a}))
    c.close()
told('many')
c = socket.socket()
c.setblocking(False)
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if c.connect_ex(('127.0.0.1', {a})):
    select.select([], [c], [])
told('waited', c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), c.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
d = socket.socket()
if os.fork() == 0:
    d.connect(('127.0.0.1', {a}))
    told('child')
    os._exit(0)
os.wait()
d, (r, w) = socket.socket(), os.pipe()
if os.fork() == 0:
    os.read(r, 1)
    d.connect(('127.0.0.1', {a}))
    told('heir')
    os._exit(0)
d.close()
socket.socket()
os.write(w, b'.')
os.wait()
kept = [socket.socket() for i in range(200)]
kept[0].connect(('127.0.0.1', {a}))
kept[199].connect(('127.0.0.1', {a}))
told('kept')
"""
DATAGRAMS = """
import socket
u = socket.socket(type=socket.SOCK_DGRAM)
u.connect(('127.0.0.1', {0}))
u.connect(('127.0.0.1', {1}))
socket.create_connection(('127.0.0.1', {0}))
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
print('free')
"""
SOCKETS_SAY = "bound unix b'' many waited 0 1 child heir kept"


# Of another network, or of another user. The last number is the owner's, which packet filters see.
APART = """
import os, socket
s = socket.socket()
try: s.connect(('127.0.0.1', {}))
except OSError as e: print(e.errno, os.fstat(s.fileno()).st_uid == os.getuid())
else: print('connected')
"""
THREADS = """
import socket, threading
def connect():
    for i in range(100):
        socket.create_connection(('127.0.0.1', {})).close()
all = [threading.Thread(target=connect) for i in range(8)]
[t.start() for t in all]
[t.join() for t in all]
"""
# More connections that are waited for than the supervisor has threads.
WAITING = """
import os, socket, threading, time
def wait():
    try: socket.socket().connect(('127.0.0.1', {}))
    except OSError: pass
for i in range(70):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(1)
threading.Timer(60, lambda: os._exit(1)).start()
socket.socket()
os._exit(0)
"""


def full():
    """A server that accepts nothing more, and what fills it."""
    sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
    for _ in range(4):
        sockets.append(socket.socket())
        sockets[-1].setblocking(False)
        sockets[-1].connect_ex(sockets[0].getsockname())
    return sockets


class Inside:
    """Programs that run as in a container of that engine."""

    def __init__(self, bpf, uid, tmp):
        self.bpf, self.uid, self.tmp = bpf, uid, tmp
        self.words = [] if uid is not None or os.getuid() else ["setpriv", "--bounding-set", CAPABILITIES]

    def enter(self):
        live.become(self.uid)
        live.load(self.bpf)

    def run(self, *words, timeout=120, stdin=subprocess.DEVNULL):
        return subprocess.run([*self.words, *words], capture_output=True, text=True, timeout=timeout, check=False, cwd=self.tmp,
                              stdin=stdin, preexec_fn=self.enter, env={**os.environ, "HOME": self.tmp})


def serve(server):
    while True:
        server.accept()[0].close()


def refuses(inside, call):
    """Whether the filter is the engine's."""
    arguments = ", ".join(map(str, REFUSED[call]))
    r = inside.run(live.PYTHON, "-S", "-c", "import ctypes; libc = ctypes.CDLL(None, use_errno=True); "
                   f"libc.syscall({arguments}); print(ctypes.get_errno())")
    return r.stdout.strip() == str(errno.EPERM)


def supervised(who, inside, ports):
    for host in ("127.0.0.1", "localhost"):
        rules = ("--ro", "/", "--rw", inside.tmp, "--connect", f"{host}:{ports[0]}")
        r = inside.run(SLUICE, "run", *rules, live.PYTHON, "-S", "-c", CONNECT.format(host, ports[0]))
        check(f"{who}: run: {host} is reached", r.returncode == 0, r)
        r = inside.run(SLUICE, "run", *rules, live.PYTHON, "-S", "-c", CONNECT.format(host, ports[1]))
        check(f"{who}: run: {host}, another port is not", r.returncode == 1 and "Operation not permitted" in r.stderr, r)
    rules = ("--ro", "/", "--rw", inside.tmp, "--unix", inside.tmp, "--connect", f"127.0.0.1:{ports[0]}", "--bind", str(ports[2]))
    r = inside.run(SLUICE, "run", *rules, live.PYTHON, "-S", "-c", SOCKETS.format(a=ports[0], b=ports[2]))
    check(f"{who}: run: sockets behave as elsewhere", r.stdout.split() == SOCKETS_SAY.split(), r)
    r = inside.run(SLUICE, "run", "--unix", inside.tmp, live.PYTHON, "-S", "-c", DATAGRAMS.format(ports[0], ports[1]))
    check(f"{who}: run: with rules for sockets of Unix alone, other sockets are free", r.stdout == "free\n", r)
    with socket.socket() as inherited:
        r = inside.run(SLUICE, "run", *rules, live.PYTHON, "-S", "-c", "import socket, os\ntry: socket.socket(fileno=0).connect(('127.0.0.1', "
                       f"{ports[0]}))\nexcept OSError as e: print(e.errno)\nelse: print('connected')", stdin=inherited)
    check(f"{who}: run: an inherited socket is connected, or refused", r.stdout.strip() == ("1" if refuses(inside, "pidfd_getfd") else
                                                                                      "connected"), r)
    r = inside.run(SLUICE, "run", "--limit", "socket=9/h", "--unix", inside.tmp, live.PYTHON, "-S", "-c",
                   "import socket; socket.socket(16, 3); socket.socket(2, 1); print('made')")
    check(f"{who}: run: a limit of sockets, also of those that it does not make", r.stdout == "made\n", r)
    r = inside.run(SLUICE, "run", "--ro", "/", "--rw", inside.tmp + "/in", "sh", "-c",
                   "touch in/f && chmod 751 in/f && chmod 751 out; stat -c %a in/f out")
    check(f"{who}: run: a mode is changed in one folder only", r.stdout.split() == ["751", "640"], r)
    r = inside.run(SLUICE, "run", "--ro", "/", "--rw", inside.tmp + "/in", live.PYTHON, "-S", "-c", "import os\nos.fchmod(os.open('in/f', 0), 0o600)\n"
                   "os.utime(os.open('in/f', 0))\ntry: os.fchmod(os.open('out', 0), 0o777)\nexcept PermissionError: print('no')")
    check(f"{who}: run: a mode is changed by a descriptor", r.stdout == "no\n" and
          [os.stat(f"{inside.tmp}/{n}").st_mode & 0o777 for n in ("in/f", "out")] == [0o600, 0o640], r)
    r = inside.run(SLUICE, "run", "--limit", "mkdir=3/h:EDQUOT", "sh", "-c", "mkdir in/1; mkdir in/2; mkdir in/3; mkdir in/4")
    check(f"{who}: run: a limit", r.stderr.count("quota exceeded") == 1 and not os.path.exists(inside.tmp + "/in/4"), r)
    r = inside.run(SLUICE, "run", "--connect", "127.0.0.1:1", "sh", "-c", "kill -TERM $$")
    check(f"{who}: run: the status of a signal", r.returncode == 143, r)


def alone(who, inside, profile):
    r = inside.run(SLUICE, "run", "--ro", "/", "--rw", inside.tmp + "/in", "--deny", "rmdir", "sh", "-c",
                   "mkdir in/d; echo a > in/a; echo b > b; rmdir in/d; cat in/a")
    check(f"{who}: run: files and calls", r.stdout == "a\n" and os.path.isdir(inside.tmp + "/in/d") and
          not os.path.exists(inside.tmp + "/b"), r)
    r = inside.run(SLUICE, "run", "-p", profile, "mkdir", "x")
    check(f"{who}: run: a profile", r.returncode == 1 and "No space left" in r.stderr, r)


def watched(who, inside, profile):
    recorded = inside.tmp + "/recorded.json"
    r = inside.run(SLUICE, "record", "-q", "-o", recorded, "sh", "-c", "mkdir r; ls r | cat; exit 3")
    names = {n for e in json.load(open(recorded, encoding="utf-8"))["syscalls"] for n in e["names"]} if r.returncode == 3 else ()
    check(f"{who}: record", {"mkdir", "getdents64", "execve"} <= set(names), (r, names))
    r = inside.run(SLUICE, "run", "-p", recorded, "sh", "-c", "mkdir r2; ls r2 | cat; exit 3")
    check(f"{who}: run: what was recorded runs under its profile", r.returncode == 3 and os.path.isdir(inside.tmp + "/r2"), r)
    for words in (["why", "-p", profile], ["run", "--why", "-p", profile]):
        r = inside.run(SLUICE, *words, "mkdir", "w")
        check(f"{who}: {' '.join(words[:2])} names the refused call and its rule", r.returncode == 1 and re.search(
            r'refused: mkdir\("w", 0777\): ERRNO\(28\), 1 time, by /.*\n    rule: +\S*profile.json:1:\d+: ', r.stderr), r)
    r = inside.run(SLUICE, "inject", "-v", "-e", "inject=mkdir:error=EDQUOT", "mkdir", "i")
    check(f"{who}: inject", r.returncode == 1 and "= -1 EDQUOT (injected)" in r.stderr and "quota exceeded" in r.stderr, r)
    r = inside.run(SLUICE, "inject", "--sweep", "-e", "inject=mkdir:error=EDQUOT", "sh", "-c", "rm -rf s; mkdir s t; rm -rf t; true")
    check(f"{who}: inject --sweep", r.returncode == 0 and re.search(r"^[12] of [12] runs", r.stdout, re.M), r)
    # What the engine refuses is the program's to see, and no verdict of ours.
    r = inside.run(SLUICE, "record", "-q", "-o", recorded, "unshare", "-m", "true")
    check(f"{who}: record: what the engine refuses stays refused", r.returncode == 1 and "not permitted" in r.stderr, r)


def whole(who, inside):
    """Tests that know nothing of the filter around them."""
    for name, more in WHOLE.items():
        path = pathlib.Path(__file__).parent / name
        if inside.run("test", "-r", str(path)).returncode:
            skip(f"{who}: {name}", "this user cannot read the tests")
            continue
        r = inside.run(live.PYTHON, "-B", str(path), SLUICE, *more, timeout=800)
        bad = [line for line in r.stdout.splitlines() if line.startswith("not ok") and UNSEEN not in line]
        good = len(re.findall(r"^ok (?!.*# SKIP)", r.stdout, re.M))
        ended = re.search(r"^1\.\.\d+$", r.stdout, re.M)  # without npm and ccache, agent.py has four
        check(f"{who}: all of {name}", ended and r.returncode <= 1 and good > 3 and not bad,
              (bad, r.stdout[-500:], r.stderr[-2000:]))


def apart(ports):
    """Where nothing but pidfd_getfd is refused."""
    with folder(None) as top:
        with open(top + "/engine.json", "w", encoding="utf-8") as f:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["pidfd_getfd"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}, f)
        bpf = subprocess.run([SLUICE, "compile", top + "/engine.json"], capture_output=True, check=True).stdout
    for user, uid in live.users():
        with folder(uid) as tmp:
            inside = Inside(bpf, uid, tmp)
            inside.words = []
            for what, rules in (("an address", ("--connect", f"127.0.0.1:{ports[0]}")), ("sockets of Unix", ("--unix", tmp))):
                who = f"{user}, rules for {what}"
                r = inside.run(SLUICE, "run", *rules, live.PYTHON, "-S", "-c", THREADS.format(ports[0]))
                check(f"{who}: threads connect at the same time", r.returncode == 0 and not r.stderr, r)
                busy = full()
                port = busy[0].getsockname()[1]
                r = inside.run(SLUICE, "run", *rules, "--connect", f"127.0.0.1:{port}", live.PYTHON, "-S", "-c", WAITING.format(port))
                check(f"{who}: a socket is made while many connections are waited for", r.returncode == 0, r)
                other = ["unshare", "-rn"]
                if inside.run(*other, "true").returncode:
                    skip(f"{who}: another network", "no user namespace can be made")
                else:
                    r = inside.run(SLUICE, "run", *rules, *other, live.PYTHON, "-S", "-c", APART.format(ports[0]))
                    check(f"{who}: a program that left the network has no socket of it", r.stdout == "1 True\n", r)
                if os.getuid() or uid is not None or not shutil.which("setpriv"):
                    continue
                r = inside.run(SLUICE, "run", *rules, "setpriv", "--reuid", str(live.NOBODY), "--clear-groups", live.PYTHON, "-S", "-c",
                               APART.format(ports[0]))
                check(f"{who}: a program that gave up its user has no socket of it", r.stdout == "1 True\n", r)


def main():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    good, why = live.works(SLUICE)
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [s.getsockname()[1] for s in servers]
    threading.Thread(target=serve, args=(servers[0],), daemon=True).start()
    # A free one.
    with socket.create_server(("127.0.0.1", 0)) as s:
        ports.append(s.getsockname()[1])
    if good and abi >= 6:
        apart(ports)
    else:
        skip("networks and users apart", "no notifications or no Landlock here")
    for engine, path, call in ENGINES:
        if not path.exists():
            skip(f"{engine}'s filter", f"no {path.name} here")
            continue
        bpf = subprocess.run([SLUICE, "compile", path], capture_output=True, check=True).stdout
        for user, uid in live.users():
            who = f"{engine}, {user}"
            if uid is None and os.getuid() == 0 and not shutil.which("setpriv"):
                skip(who, "no setpriv")
                continue
            with folder(uid) as tmp:
                inside = Inside(bpf, uid, tmp)
                inside.run("sh", "-c", "mkdir in; touch out; chmod 640 out")
                check(f"{who}: the filter is the engine's", refuses(inside, call))
                profile = tmp + "/profile.json"
                with open(profile, "w", encoding="utf-8") as f:
                    json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}, f)
                if abi < 6:
                    skip(f"{who}: run with rules for files", f"Landlock {abi} here, 6 is needed")
                else:
                    alone(who, inside, profile)
                if not good:
                    skip(f"{who}: record, why, inject", "no notifications here: " + why.replace("\n", " "))
                    continue
                watched(who, inside, profile)
                if abi >= 6:
                    supervised(who, inside, ports)
                    if uid is not None or os.getuid():
                        whole(who, inside)
    live.done()


main()
