#!/usr/bin/env python3
"""sluice run with a policy: what is allowed works, and what each of many ways around it gets. Every way is
tried without the policy first, where it must lead out; else it is skipped. policies.py SLUICE PRESETS.
Prints TAP.
SPDX-License-Identifier: MIT"""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import live
import ways
from live import check, folder, run, skip
from ways import FILES, IN_ITS_PLACE, NETWORK, World

SLUICE, PRESETS = (live.tool(p) for p in sys.argv[1:3])
SYSTEM = [f"--ro={p}" for p in ways.SYSTEM]

# Questions to a name server, by TCP: RFC 1035.
ASK = """
def ask(*messages):
    s = socket.create_connection(('192.0.2.1', 53), 5)
    s.settimeout(5)
    for m in messages:
        s.sendall(struct.pack('>H', len(m)) + m)
    data = b''
    while len(data) < 2 or len(data) < 2 + struct.unpack('>H', data[:2])[0]:
        more = s.recv(4096)
        if not more:
            break
        data += more
    return data[2:]
def question(name, kind=1):
    labels = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\\0'
    return struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + labels + struct.pack('>2H', kind, 1)
def told(name, kind=1):
    r = ask(question(name, kind))
    return r[3] & 15, struct.unpack('>H', r[6:8])[0], r[-4:]
"""


def escapes(who, world, kind, tries, policy):
    for name, code in tries:
        free = world.free.get(code) or world.attempt(code, [])
        world.free[code] = free
        if "OUT" not in free.stdout:
            skip(f"{who}: {kind}: {name}", "it leads nowhere here without a policy either: "
                 + free.stderr.strip().rpartition("\n")[2])
            continue
        r = world.attempt(code, policy)
        check(f"{who}: {kind}: {name}", "OUT" not in r.stdout and (r.returncode in (0, 1) or
              r.returncode in (-signal.SIGSYS, 128 + signal.SIGSYS)) and
              "sluice" not in r.stderr, (r.returncode, r.stdout, r.stderr))


def works(who, world, name, code, policy):
    r = world.attempt(code, policy)
    check(f"{who}: allowed: {name}", r.stdout == "OUT\n" and r.returncode == 0, r)


def allowed_files(who, world, policy):
    for name, code in (
            ("read", "read(ro)"),
            ("write, rename, link, remove", "open(ok+'/a','w').write('SECRET'); os.mkdir(ok+'/d')\n"
             "os.rename(ok+'/a', ok+'/d/b'); os.link(ok+'/d/b', ok+'/c'); os.unlink(ok+'/c')\n"
             "os.symlink('d/b', ok+'/s'); read(ok+'/s')"),
            ("chmod", "open(ok+'/a','w'); os.chmod(ok+'/a', 0o751)\n"
             "out(os.stat(ok+'/a').st_mode & 0o777 == 0o751)"),
            ("chmod by a descriptor", "f = open(ok+'/a','w'); os.fchmod(f.fileno(), 0o711)\n"
             "out(os.stat(ok+'/a').st_mode & 0o777 == 0o711)"),
            ("chmod of a folder, from it", "os.mkdir(ok+'/d'); os.chdir(ok+'/d'); "
             "os.chmod('.', 0o711); out(os.stat('.').st_mode & 0o777 == 0o711)"),
            ("times", "open(ok+'/a','w'); os.utime(ok+'/a', (5, 7)); s = os.stat(ok+'/a')\n"
             "out((s.st_atime, s.st_mtime) == (5, 7))"),
            ("times of a link", "os.symlink('x', ok+'/s'); os.utime(ok+'/s', (5, 7), "
             "follow_symlinks=False); out(os.lstat(ok+'/s').st_mtime == 7)"),
            ("chown", "open(ok+'/a','w'); os.chown(ok+'/a', os.getuid(), -1); out()")):
        works(who, world, name, code, policy)


def files(who, world):
    top = world.top
    reading = [*SYSTEM, "--ro", top + "/ro"]
    policy = [*reading, "--rw", top + "/ok"]
    escapes(who, world, "files", FILES, policy)
    allowed_files(who, world, policy)
    escapes(who, world, "files, read only", [w for w in FILES if "ok" not in w[1]], reading)
    code = ("import shutil; shutil.copy('/bin/true', ok + '/t'); os.chmod(ok + '/t', 0o755)\n"
            "import subprocess; out(subprocess.run([ok + '/t']).returncode == 0)")
    works(who, world, "execute what was written, without --exec", code, policy)
    escapes(who, world, "files", [("execute what was written", code)],
            [*(w.replace("--ro=", "--exec=") for w in SYSTEM), "--rw", top + "/ok"])
    works(who, world, "/dev/null, /dev/zero and /dev/full", "for name in ('null', 'zero', 'full'):\n"
          "    fd = os.open('/dev/' + name, os.O_RDWR | os.O_TRUNC); os.read(fd, 1); os.isatty(fd)\n"
          "os.write(os.open('/dev/null', os.O_WRONLY), b'x'); out()", reading)
    works(who, world, "flags and clones of files", "libc.ioctl(os.open(ro, 0), 0x80086601, ctypes.byref("
          "ctypes.c_long())); flags = ctypes.get_errno()\nlibc.ioctl(os.open(ok + '/a', 65), 0x40049409, os.open(ro, 0)); "
          "out(1 not in (flags, ctypes.get_errno()))", policy)
    escapes(who, world, "files", [("another device", "os.open('/dev/random', 0); out()")], reading)
    in_its_place(who, world, reading)
    # In the confined process LeakSanitizer cannot look for leaks, which is an error to it.
    env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    r = run([SLUICE, "run", "--ro", top + "/ro", "true"], world.uid, top, env=env)
    check(f"{who}: a program outside of all folders", r.returncode == 126 and "--exec" in r.stderr,
          r)
    r = run([SLUICE, "run", "--ro", top + "/nothing", "true"], world.uid, top)
    check(f"{who}: a rule about nothing", r.returncode == 2 and "nothing" in r.stderr, r)


def in_its_place(who, world, policy):
    """A file where /dev/full was."""
    name = f"{who}: files: what stands in the place of /dev/full"
    inside = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"]), "sh", "-c",
              'mount --bind "$1" /dev/full && shift && exec "$@"', "sh", world.top + "/secret/file"]
    free = run([*inside, "cat", "/dev/full"])
    if "SECRET" not in free.stdout:
        skip(name, "nothing can be mounted there: " + free.stderr.strip())
        return
    r = run([*inside, SLUICE, "run", *policy, "cat", "/dev/full"])
    check(name, r.returncode == 1 and "SECRET" not in r.stdout and "denied" in r.stderr, r)


def network(who, world):
    top, a = world.top, world.a
    for kind, rule in (("address", f"127.0.0.1:{a}"), ("port", f"*:{a}"),
                       ("network", f"127.0.0.0/8:{a}")):
        policy = ["--connect", rule]
        escapes(who, world, f"network by {kind}", NETWORK if kind != "network" else NETWORK[:4],
                policy)
        works(who, world, f"connect, by {kind}", "socket.create_connection(('127.0.0.1', a)); out()",
              policy)
        works(who, world, f"connect without waiting, by {kind}", "import select; s = socket.socket(); "
              "s.setblocking(False); s.connect_ex(('127.0.0.1', a))\n"
              "select.select([], [s], []); out(not s.getsockopt(1, 4))", policy)
        works(who, world, f"looking at interfaces, by {kind}", "fcntl.ioctl(socket.socket(), 0x8913, b'lo' + bytes(38)); "
              "out()", policy)
        works(who, world, f"a pair, by {kind}", "socket.socketpair(); out()", policy)
    escapes(who, world, "no network", NETWORK[:10], ["--connect", "none"])
    policy = ["--connect", f"127.0.0.1:{a}", "--unix", top + "/server"]
    works(who, world, "a socket of Unix", "s = socket.socket(socket.AF_UNIX); "
          "s.connect(top + '/server'); out()", policy)
    works(who, world, "by a path from here", "s = socket.socket(socket.AF_UNIX); "
          "os.chdir(ok); s.connect('../server'); out()", policy)
    works(who, world, "of a folder", "s = socket.socket(socket.AF_UNIX); "
          "s.connect(top + '/server'); out()", ["--unix", top])
    escapes(who, world, "with one socket", [w for w in NETWORK if "listen" in w[0] or
                                            "abstract" in w[0] or "bind" in w[0]], policy)
    escapes(who, world, "with another one", [w for w in NETWORK if "a socket of Unix" == w[0]],
            ["--unix", top + "/ok"])
    for name, policy in (("and one folder", ["--ro", "/", "--rw", top + "/run"]), ("and no folders", [])):
        policy = [*policy, "--unix", top + "/run/a"]
        escapes(who, world, f"with one socket {name}", IN_ITS_PLACE, policy)
        works(who, world, f"with one socket {name}: TCP and UDP, which no rule is about", "socket.create_connection("
              "('127.0.0.1', b))\nsocket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', b)); out()", policy)
        works(who, world, f"with one socket {name}: under another name", "os.rename(run + '/a', run + '/c')\n"
              "try: socket.socket(socket.AF_UNIX).connect(run + '/c'); out()\n"
              "finally: os.rename(run + '/c', run + '/a')", policy)
    starts_again(who, world)
    free = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    serve = f"s = socket.create_server(('127.0.0.1', {free})); out()"
    works(who, world, "listen on one port", serve, ["--bind", str(free)])
    escapes(who, world, "with one port", [(f"listen on another {n}", c) for n, c in (
        ("by bind", serve), ("without bind", "s = socket.socket(); s.listen(); out()"))],
        ["--bind", str(world.a)])


def starts_again(who, world):
    """A server that makes its socket again, where the program cannot."""
    asks, path = world.top + "/ok/again", world.top + "/run/a"

    def server():
        while not os.path.exists(asks):
            time.sleep(0.01)
        os.unlink(path)
        world.unix(socket.SOCK_STREAM, path)
        os.chmod(path, 0o777)
        os.unlink(asks)
    thread = threading.Thread(target=server)
    thread.start()
    works(who, world, "a socket that was made again", "import time; open(ok + '/again', 'w')\n"
          "while os.path.exists(ok + '/again'): time.sleep(0.01)\n"
          "socket.socket(socket.AF_UNIX).connect(run + '/a'); out()",
          ["--ro", "/", "--rw", world.top + "/ok", "--unix", path])
    thread.join()


def names(who, world):
    """The supervisor answers for the hosts of the rules, and for no others."""
    policy = ["--connect", f"localhost:{world.a}"]
    for name, code in (
            ("a host of the rules", "out(told('localhost') == (0, 1, bytes([127, 0, 0, 1])))"),
            ("in large letters", "out(told('LOCALhost') == (0, 1, bytes([127, 0, 0, 1])))"),
            ("another host does not exist", "out(told('example.org')[:2] == (3, 0))"),
            ("another kind of record has no answer", "out(told('localhost', 16)[:2] == (0, 0))"),
            ("hostile messages end their connection alone", "import random\nrandom.seed(1)\n"
             "for i in range(200):\n    m = bytes(random.randrange(256) for _ in range(random.randrange(600)))\n"
             "    if i % 2: m = question('localhost')[:random.randrange(27)] + m[:50]\n"
             "    s = socket.create_connection(('192.0.2.1', 53), 5)\n"
             "    s.sendall(struct.pack('>H', len(m)) + m)\n"
             "out(told('localhost')[0] == 0)"),
            ("a hundred connections that say nothing", "s = [socket.create_connection(('192.0.2.1', 53), 5) "
             "for i in range(100)]; out(told('localhost')[0] == 0)")):
        works(who, world, f"names: {name}", ASK + code, policy)
    escapes(who, world, "names", [("the host by another port", "socket.create_connection(('localhost', b)); "
                                   "out()")], policy)
    r = world.attempt(ASK + "ask(question('localhost'))", ["--connect", f"127.0.0.1:{world.a}"])
    check(f"{who}: names: rules without one have no name server", "not permitted" in r.stderr, r)
    if os.getuid() != 0:
        skip(f"{who}: names: the resolver of libc", "not root: /etc/hosts is what it is")
        return
    with open(world.top + "/hosts", "w") as f:
        f.write("127.0.0.1 localhost\n127.0.0.5 made.up.example\n")
    script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
    become = [] if world.uid is None else ["setpriv", f"--reuid={world.uid}", f"--regid={world.uid}",
                                           "--clear-groups"]
    r = run(["unshare", "--mount", "sh", "-c", script, "sh", world.top + "/hosts", *become, SLUICE, "run", "--ro",
             "/", "--hide", "/etc/hosts", "--connect", f"made.up.example:{world.a}", live.PYTHON, "-c",
             "import socket; print(socket.gethostbyname('made.up.example'))"])
    check(f"{who}: names: the resolver of libc", r.stdout == "127.0.0.5\n", r)


def calls(who, world):
    code = "os.mkdir(ok + '/d'); out()"
    works(who, world, "a call that is not named", code, ["--deny", "chroot"])
    escapes(who, world, "calls", [("a refused one", code)], ["--deny", "mkdir"])
    escapes(who, world, "calls", [("one of a group", "os.nice(0); out()")], ["--deny", "@resources"])
    r = world.attempt(code, ["--deny", "mkdir", "--errno", "ENOSPC"])
    check(f"{who}: calls: with another errno", "No space left" in r.stderr, r)
    works(who, world, "a call of a refused group", "os.setpriority(0, 0, os.getpriority(0, 0)); out()",
          ["--deny", "@resources", "--allow", "setpriority"])
    for words, said in ((["--deny", "mkdri"], "did you mean"), (["--allow", "io_uring_setup"],
                        "cannot be allowed"), (["--allow", "prlimit64"], "cannot be allowed"), (["--connect", "127.0.0.1"], "HOST:PORT"),
                        (["--connect", "10.1.0.0/8:1"], "bits behind"),
                        (["--connect", "::1:80"], "[ADDRESS]:PORT"),
                        (["--connect", "[::ffff:10.0.0.0/104]:1"], "of IPv4 as such"),
                        (["--bind", "65536"], "no port"), (["--errno", "EWRONG"], "no errno"),
                        (["--hide", "/etc"], "--hide takes"),
                        (["--rw", world.top, "--hide", world.top + "/secret"], "cannot take a")):
        r = run([SLUICE, "run", *words, "true"], world.uid)
        check(f"{who}: refused: {' '.join(words[:2])}", r.returncode == 2 and said in r.stderr, r)


def plans(who, world):
    def plan(*words):
        r = run([SLUICE, "run", "--plan", *words], world.uid)
        return {m[2].split()[0]: m[1] for m in re.finditer(r"^(\w+) +(.*?):", r.stdout, re.M)}, r
    got, r = plan("--connect", f"*:{world.a}")
    check(f"{who}: plan: a port is Landlock's", got.get("--connect") == "landlock" and
          "no process stays" in r.stdout, r)
    got, r = plan("--connect", f"127.0.0.1:{world.a}")
    check(f"{who}: plan: an address is the supervisor's", got.get("--connect") == "supervisor" and
          "a supervisor stays" in r.stdout, r)
    got, r = plan("--ro", "/etc", "--deny", "mkdir")
    check(f"{who}: plan: a folder and a call", got.get("--ro") == "landlock" and
          got.get("--deny") == "filter" and "no process stays" in r.stdout, r)


def documents(who, world):
    path = world.top + "/policy.json"

    def write(policy, **more):
        with open(path, "w") as f:
            json.dump({"sluice": policy, **more}, f, indent=1)
        os.chmod(path, 0o644)
    system = [w[5:] for w in SYSTEM]
    write({"files": {"read": [*system, "$PROJECT/ro", "?/no/such/thing"], "write": ["$PROJECT/ok"]},
           "network": {"connect": [f"127.0.0.1:{world.a}"]}})
    policy = ["--policy", path]
    works(who, world, "connect, by a file", "socket.create_connection(('127.0.0.1', a)); out()",
          policy)
    allowed_files(who, world, policy)
    escapes(who, world, "a file", [*FILES[:4], *NETWORK[:3]], policy)
    write({"network": {}})
    escapes(who, world, "a file without hosts", NETWORK[:1], policy)
    for policy_, place in (({"files": {"raed": []}}, ":4:"), ({"file": {}}, ":3:"),
                           ({"files": {"read": "x"}}, ":4:"), ({"network": {"bind": [99999]}}, ":5:"),
                           ({"calls": {"deny": ["mkdri"]}}, ":5:"),
                           ({"files": {"read": ["$NOTHING/x"]}}, ":5:"),
                           ({"network": {"connect": ["1.2.3.4"]}}, ":5:"),
                           ({"environment": {"A=B": "x"}}, ":4:"), ({"environment": {"2": "x"}}, ":4:"),
                           ({"environment": {"TMPDIR": "/x"}}, ":4:"), ({"environment": {"HOME": "/x"}}, ":4:"),
                           ({"environment": {"A": "$NOTHING/x"}}, ":4:"), ({"environment": {"A": 1}}, ":4:"),
                           ({"environment": {"A": ""}}, ":4:"), ({"environment": {"A\0B": "x"}}, ":4:"), ({"environment": {"A": "x\0y"}}, ":4:"), ({"environment": {"": "x"}}, ":4:")):
        write(policy_)
        r = run([SLUICE, "run", "--policy", path, "true"], world.uid)
        check(f"{who}: a mistake at its line: {json.dumps(policy_)[:40]}", r.returncode == 2 and
              path + place in r.stderr, r)
    write({"calls": {"deny": ["rmdir"]}, "environment": {"SET": "a\n\x1b[2Jb", "PATH": "/nowhere"}})
    r = run([SLUICE, "run", "--policy", path, "--plan"], world.uid)
    check(f"{who}: plan: variables", re.search(r"^environment .*:\d+:\d+ SET: a.+2Jb$", r.stdout, re.M) and "\x1b" not in r.stdout and
          re.search(r"^environment .*:\d+:\d+ PATH: stays as it is$", r.stdout, re.M), r)
    for more, call in (([], "confined"), (["--connect", f"127.0.0.1:{world.a}"], "supervised")):
        write({"calls": {"deny": ["rmdir"]}, "environment": {"SET": "a b", "_own": "$PROJECT/x", "PATH": "/nowhere"}})
        r = run([SLUICE, "run", "--policy", path, *more, "sh", "-c", "echo $SET:$_own:$PATH"], world.uid, world.top)
        check(f"{who}: variables are set, if they are not ({call})",
              r.stdout == f"a b:{os.path.realpath(world.top)}/x:{os.environ['PATH']}\n", r)
    write({"calls": {"deny": ["rmdir"]}}, defaultAction="SCMP_ACT_ALLOW",
          syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}])
    r = world.attempt("os.mkdir(ok + '/d')", ["-p", path, "--policy", path])
    check(f"{who}: one file is both: the profile", "not permitted" in r.stderr, r)
    r = world.attempt("os.rmdir(ok)", ["-p", path, "--policy", path])
    check(f"{who}: one file is both: the policy", "not permitted" in r.stderr, r)


def both(who, world):
    """A profile and a supervised policy are one filter."""
    path = world.top + "/profile.json"
    with open(path, "w") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}, f)
    policy = ["-p", path, "--connect", f"127.0.0.1:{world.a}"]
    r = world.attempt("os.mkdir(ok + '/d')", policy)
    check(f"{who}: profile and policy: the profile holds", "No space left" in r.stderr, r)
    works(who, world, "the policy with a profile",
          "socket.create_connection(('127.0.0.1', a)); out()", policy)
    escapes(who, world, "with a profile", NETWORK[:3], policy)
    for call, code in (("socket", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"), ("connect", f"s.connect(('127.0.0.1', {world.a}))"),
                       ("getresuid", "os.getresuid()")):
        with open(path, "w") as f:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [call], "action": "SCMP_ACT_NOTIFY"}]}, f)
        r = run([SLUICE, "run", "-p", path, "--limit", "rmdir=3/h", live.PYTHON, "-S", "-c", "import os, socket\n" +
                 ("s = socket.socket()\n" if call == "connect" else "") +
                 f"try: {code}\nexcept OSError as e: print(e.errno)\nelse: print('made')"], world.uid, world.top)
        check(f"{who}: {call}, which the profile leaves to a supervisor, and no rule is about, fails", r.stdout == "1\n", r)
    for what, words, status in (("7", ["sh", "-c", "exit 7"], 7),
                                ("128+15", ["sh", "-c", "kill -TERM $$"], 143),
                                ("127", ["./nothing"], 127), ("126", ["/etc/passwd"], 126)):
        r = run([SLUICE, "run", *policy, *words], world.uid, world.top)
        check(f"{who}: status {what} under a supervisor", r.returncode == status, r)


def presets(who, world):
    home, project = world.top + "/home", world.top + "/home/project"
    for d in (project, home + "/.ssh", home + "/.config/gh", home + "/.config/other"):
        os.makedirs(d)
    for f in ("/.ssh/id", "/.netrc", "/.config/gh/hosts", "/.bashrc", "/.config/other/x"):
        with open(home + f, "w") as out:
            out.write("SECRET")
    os.symlink(".ssh/id", home + "/link")
    subprocess.run(["chmod", "-R", "a+rwX", home], check=True)
    if world.uid is not None:
        subprocess.run(["chown", "-R", str(world.uid), home], check=True)
    env = dict(os.environ, HOME=home, TMPDIR=world.top + "/ok")

    def inside(preset, script, *more):
        return run([SLUICE, "run", "--presets", PRESETS, "--preset", preset, *more, "sh", "-c",
                    script], world.uid, project, env=env)
    r = inside("agent", "cat ~/.bashrc ~/.config/other/x && echo a > f && chmod 700 f && ./f; cat f")
    check(f"{who}: agent: reads home, writes the project", r.stdout == "SECRETSECRETa\n", r)
    for path in (".ssh/id", ".netrc", ".config/gh/hosts", "link"):
        r = inside("agent", f"cat ~/{path}")
        check(f"{who}: agent: not ~/{path}", r.returncode and "SECRET" not in r.stdout, r)
    r = inside("agent", "echo x >> ~/.bashrc")
    check(f"{who}: agent: does not write home", r.returncode and "x" not in
          open(home + "/.bashrc").read(), r)
    connect = f"{live.PYTHON} -c 'import socket; socket.create_connection((\"127.0.0.1\", %d))'"
    check(f"{who}: agent: no host", inside("agent", connect % world.a).returncode)
    more = ("--connect", f"127.0.0.1:{world.a}")
    check(f"{who}: agent: a named one", inside("agent", connect % world.a, *more).returncode == 0)
    check(f"{who}: agent: no other", inside("agent", connect % world.b, *more).returncode)
    check(f"{who}: tests: this machine", inside("tests", connect % world.b).returncode == 0)
    r = inside("compiler", "echo 'int main(void){return 3;}' > m.c && cc -o m m.c && ./m")
    if shutil.which("cc"):
        check(f"{who}: compiler: compiles, and what it made runs", r.returncode == 3, r)
    else:
        skip(f"{who}: compiler: compiles", "no compiler")
    check(f"{who}: compiler: no network", inside("compiler", connect % world.a).returncode)
    r = inside("nothing", "true")
    check(f"{who}: no such preset", r.returncode == 2 and "no preset" in r.stderr, r)


def main():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    good, why = live.works(SLUICE)
    if abi < 6 or not good:
        skip("policies", f"Landlock {abi} here, 6 is needed; {why.strip()}")
        live.done()
    for who, uid in live.users():
        with folder(uid) as top:
            world = World(top, uid, SLUICE)
            for part in (files, network, names, calls, plans, documents, both, presets):
                part(who, world)
            world.end()
    live.done()


main()
