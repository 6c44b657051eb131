#!/usr/bin/env python3
"""sluice run: calls that are counted (--limit) and calls that the user decides on the terminal (--ask).
asking.py SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import ctypes
import json
import os
import pty
import shutil
import signal
import socket
import sys
import time

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])
CODE = "import ctypes, os, socket, struct, sys, threading, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def program(code):
    return [live.PYTHON, "-S", "-c", CODE + code]


# ---- limits ----

MANY = """
def many(n, call, *args):
    good, errors = 0, set()
    for i in range(n):
        try:
            call(*(a(i) if callable(a) else a for a in args))
            good += 1
        except OSError as e:
            errors.add(e.errno)
    return good, sorted(errors)
"""


def limits(who, uid, top):
    def limited(words, code, policy=()):
        shutil.rmtree(top + "/d", ignore_errors=True)
        os.mkdir(top + "/d")
        if uid is not None:
            os.chown(top + "/d", uid, uid)
        limit = [w for word in words for w in ("--limit", word)]
        return run([SLUICE, "run", *policy, *limit, *program(MANY + code)], uid, top)
    code = "print(many(10, os.mkdir, lambda i: f'd/{i}'))"
    for words, said in ((["mkdir=3/h"], "(3, [11])"), (["mkdir=3/m:ENOSPC"], "(3, [28])"),
                        (["rmdir=3/h"], "(10, [])"), (["mkdir=1000/s"], "(10, [])"),
                        (["mkdir=3/h", "rmdir=1/h"], "(3, [11])")):
        r = limited(words, code)
        check(f"{who}: {' '.join(words)}", r.stdout == said + "\n", r)
    r = limited(["mkdir,rmdir=5/h"], "print(many(10, lambda: (os.mkdir('d/a'), os.rmdir('d/a'))))")
    check(f"{who}: two calls with one limit", r.stdout == "(2, [11])\n", r)
    r = limited(["mkdir=5/h"], "for k in range(4):\n    if os.fork() == 0:\n        print(many(10, os.mkdir, "
                "lambda i: f'd/{k}{i}')[0], flush=True); os._exit(0)\nfor k in range(4): os.wait()\n"
                "print(len(os.listdir('d')))")
    check(f"{who}: of all processes together", r.stdout.endswith("\n5\n"), r)
    r = limited(["mkdir=20/h"], "def work(k): many(50, os.mkdir, lambda i: f'd/{k}-{i}')\n"
                "ts = [threading.Thread(target=work, args=(k,)) for k in range(8)]\n"
                "[t.start() for t in ts]; [t.join() for t in ts]\nprint(len(os.listdir('d')))")
    check(f"{who}: of threads that race for it", r.stdout == "20\n", r)
    r = limited(["mkdir=200/s"], "n = i = 0\nwhile n < 450:\n    i += 1\n    n += many(1, os.mkdir, f'd/{i}')[0]\n"
                "print(n)")
    check(f"{who}: it is filled again", r.stdout == "450\n", r)
    files = ["--ro", "/", "--rw", top + "/d"]
    r = limited(["chmod=3/h"], "open('d/a', 'w'); print(many(2, os.chmod, 'd/a', 0o600), many(1, os.chmod, '/etc', 0o755), "
                "many(2, os.chmod, 'd/a', 0o611), oct(os.stat('d/a').st_mode))", files)
    check(f"{who}: what else is judged still is", r.stdout == "(2, []) (0, [1]) (0, [11]) 0o100600\n", r)
    r = limited(["mkdir=3/h"], code, ["--ro", "/"])
    check(f"{who}: within it Landlock judges", r.stdout == "(0, [11, 13])\n", r)
    r = limited(["connect=2/h"], "print(many(4, lambda: socket.create_connection(('127.0.0.1', 9))))",
                ["--connect", "127.0.0.1:1"])
    check(f"{who}: connections, too", r.stdout == "(0, [1, 11])\n", r)
    r = limited(["connect=1/h"], "print(many(4, lambda: socket.create_connection(('127.0.0.1', 1))))",
                ["--connect", "*:1"])
    check(f"{who}: and with Landlock's ports", r.stdout == "(0, [11, 111])\n", r)
    r = limited(["mkdir=3/h"], code, ["--deny", "mkdir"])
    check(f"{who}: --deny comes before --limit", r.stdout == "(0, [1])\n", r)
    r = limited(["fork,vfork,clone,clone3=2/h"], "def go():\n    if os.fork() == 0: os._exit(0)\nprint(many(5, go))")
    check(f"{who}: processes", r.stdout == "(2, [11])\n", r)
    around(who, lambda code: limited(["mkdir=3/h"], code), uid, top)


def around(who, held, uid, top):
    """Ways by the supervisor: each is tried without the policy first."""
    for name, code in (
            ("io_uring", "print('OUT' if libc.syscall(425, 1, ctypes.create_string_buffer(120)) >= 0 else 'NO')"),
            ("the memory of the parent", "open(f'/proc/{os.getppid()}/mem', 'r+b'); print('OUT')"),
            ("the device of userfaultfd", "print('NO' if libc.ioctl(0, 0xaa00, 0) < 0 and ctypes.get_errno() == 1 else 'OUT')"),
            ("a signal to the parent", "os.kill(os.getppid(), 18); print('OUT')"),
            ("a socket of the terminal's server", "socket.socket(socket.AF_UNIX); print('OUT')")):
        if "OUT" not in run(program(code), uid, top).stdout:
            skip(f"{who}: {name}", "it leads nowhere without a policy either")
            continue
        r = held(code)
        check(f"{who}: not by {name}", "OUT" not in r.stdout and "sluice" not in r.stderr, r)


# ---- questions ----

class Terminal:
    """The tool on a terminal of its own, in the foreground of its session."""

    def __init__(self, uid, top, words):
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # ignored by nohup(1) and in the background
                signal.signal(number, signal.SIG_DFL)
            os.chdir(top)
            live.become(uid)
            os.execv(SLUICE, [SLUICE, "run", *words])

    def until(self, what):
        """What came since the last time, until @what."""
        if what not in self.text:
            self.text += live.read_until(self.fd, what)
        if what not in self.text:
            raise RuntimeError(f"{what} did not come: {self.text}")
        got, _, self.text = self.text.partition(what)
        return got + what

    def say(self, text):
        os.write(self.fd, text)

    def end(self):
        text = self.text + live.read_until(self.fd, b"no such text")
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), text.decode(errors="replace").replace("\r\n", "\n")


PROMPT = b"never (n after "
KILL = """
def kill(sig=0):
    try:
        os.kill(os.getpid(), sig)
        return 'KILLED'
    except OSError as e:
        return f'NOT {e.errno}'
"""


def answers(who, uid, top):
    def on(code, *policy):
        return Terminal(uid, top, [*(policy or ("--ask", "kill")), *program(KILL + code)])
    for answer, result in ((b"y", "KILLED"), (b"yes", "KILLED"), (b"n", "NOT 1"), (b"no", "NOT 1"),
                           (b"always", "KILLED"), (b"never", "NOT 1"), (b"\x04", "NOT 1")):
        t = on("print(kill())")
        shown = t.until(PROMPT)
        t.say(answer + (b"\n" if answer.isalpha() else b""))
        status, text = t.end()
        check(f"{who}: {answer.decode()!r}", b"kill(" in shown and result in text and status == 0, (shown, text))
    t = on("print(kill())")
    t.until(PROMPT)
    t.say(b"yess\n")
    t.until(PROMPT)
    t.say(b"y" * 300 + b"\n")
    t.until(PROMPT)
    t.say(b"y\n")
    check(f"{who}: another word is no answer, and asked again", "KILLED" in t.end()[1])
    for answer, results in ((b"always\n", "KILLED KILLED"), (b"never\n", "NOT 1 NOT 1")):
        t = on("print(kill(), kill()); print(kill(18))")
        t.until(PROMPT)
        t.say(answer)
        t.until(results.encode())
        t.until(PROMPT)
        t.say(b"n\n")
        text = t.end()[1]
        check(f"{who}: {answer.decode().strip()} is for the same call, and not for another signal", "NOT 1" in text, text)
    t = on("print(kill())", "--ask", "kill", "--errno", "ENOSPC")
    t.until(PROMPT)
    t.say(b"n\n")
    check(f"{who}: the errno of a refused call", "NOT 28" in t.end()[1])
    t = on("print(kill())", "--ask", "kill", "--ask-timeout", "1")
    t.until(PROMPT)
    check(f"{who}: no answer is no", "NOT 1" in t.end()[1])
    t = on("while not os.path.exists('go'): time.sleep(0.01)\nos.remove('go'); print(kill())",
           "--ask", "kill", "--ask-timeout", "1")
    t.say(b"y\ny\n")
    t.until(b"y\r\ny\r\n")  # the terminal has it
    with open(top + "/go", "w"):
        os.chmod(top + "/go", 0o666)
    t.until(PROMPT)
    check(f"{who}: what was typed before is no answer", "NOT 1" in t.end()[1])
    t = on("import fcntl, termios\nm = termios.tcgetattr(0); m[0] &= ~termios.ICRNL; m[3] &= ~(termios.ICANON | termios.ECHO)\n"
           "termios.tcsetattr(0, 0, m); print(kill())\nprint(termios.tcgetattr(0)[3] & termios.ICANON)")
    t.until(PROMPT)
    t.say(b"y\r")
    status, text = t.end()
    check(f"{who}: on a terminal that the program has changed, which stays so", "KILLED\n0\n" in text, text)
    r = run([SLUICE, "run", "--ask", "kill", *program(KILL + "print(kill())")], uid, top, start_new_session=True)
    check(f"{who}: without a terminal: no", r.stdout == "NOT 1\n", r)
    t = on("os.setpgid(0, 0)\nimport signal\nsignal.signal(signal.SIGTTOU, signal.SIG_IGN); os.tcsetpgrp(0, os.getpid())\n"
           "print(kill())")
    text = t.end()[1]
    check(f"{who}: in the background: no, and no question", "NOT 1" in text and "allow it" not in text, text)
    t = on("ts = [threading.Thread(target=lambda: print(kill() + '\\n', end='', flush=True)) for i in range(3)]\n"
           "[x.start() for x in ts]; [x.join() for x in ts]")
    text = ""
    for answer in (b"y\n", b"n\n", b"y\n"):
        text += t.until(PROMPT).decode()
        t.say(answer)
    text += t.end()[1]
    check(f"{who}: one question at a time", text.count("KILLED") == 2 and text.count("NOT 1") == 1, text)
    t = on("libc.getpgid(0); time.sleep(100)", "--ask", "getpgid")  # Python ends itself with kill
    t.until(PROMPT)
    t.say(b"\x03")
    status, text = t.end()
    check(f"{who}: Ctrl-C ends the program and the question", status == 130, (status, text))


# Without its eighth bit a byte is an end of line, and the one before removes what is before it.
TERMINAL = """
import termios
def change():
    m = termios.tcgetattr(0)
    m[0] |= termios.ISTRIP
    m[0] &= ~termios.IUTF8 if hasattr(termios, 'IUTF8') else ~0o40000
    m[6][termios.VERASE] = b'J'
    termios.tcsetattr(0, 0, m)
def later():
    while not os.path.exists('shown'): time.sleep(0.01)
    change()
    open('changed', 'w')
"""


def hostile(who, uid, top):
    name = top + "/\x1b[2J\nsluice: allow\x9b it?"
    shutil.copy(shutil.which("sh"), name)
    t = Terminal(uid, top, ["--ask", "kill", name, "-c", "kill -0 $$ && echo KILLED"])
    shown = t.until(PROMPT)
    t.say(b"n\n")
    text = t.end()[1]
    check(f"{who}: a hostile name of a program", b"\x1b" not in shown and shown.count(b"\n") == 1 and
          b"?[2J?sluice" in shown and "KILLED" not in text, shown)
    name = top + "/\u202egpj.\u2066x"
    shutil.copy(shutil.which("sh"), name)
    t = Terminal(uid, top, ["--ask", "kill", name, "-c", "kill -0 $$"])
    shown = t.until(PROMPT)
    t.say(b"n\n")
    t.end()
    check(f"{who}: a name that is written from right to left", b"???gpj.???x" in shown, shown)
    for when, code in (("before", "change(); print(kill())"), ("after", "threading.Thread(target=later).start(); "
                        "print('KILLED' if libc.kill(os.getpid(), 0) == 0 else f'NOT {ctypes.get_errno()}')")):  # without the GIL
        # What a terminal answers to a question for its title: the program chooses it, but has no ends of lines.
        t = Terminal(uid, top, ["--ask", "kill", "--ask-timeout", "3", *program(KILL + TERMINAL + code)])
        t.until(PROMPT)
        with open(top + "/shown", "w"):
            pass
        while when == "after" and not os.path.exists(top + "/changed"):
            time.sleep(0.01)
        t.say(b"yy\xca\x8a")
        text = t.end()[1]
        check(f"{who}: no answer of the terminal's, though the program changes it {when} the question",
              "NOT 1" in text, text)
        for file in ("shown", "changed"):
            if os.path.exists(f"{top}/{file}"):
                os.remove(f"{top}/{file}")
    t = Terminal(uid, top, ["--ask", "kill", *program(
        "import fcntl\nfor request in (0x5412, 0x541c, 0x4b47, 0x4b49):\n    try: print('OUT', fcntl.ioctl(0, request, b'y'))\n"
        "    except OSError as e: print('NOT', e.errno)\n")])
    text = t.end()[1]
    check(f"{who}: no characters into the terminal", text.count("NOT 1\n") == 4 and "OUT" not in text, text)
    around(who, lambda code: run([SLUICE, "run", "--ask", "getpgid", *program(code)], uid, top), uid, top)


# The other thread puts another port into memory after the question was shown.
SWAP = """
a, b = map(int, sys.argv[1:3])
address = ctypes.create_string_buffer(struct.pack('=HH4s8x', 2, socket.htons(a), bytes([127, 0, 0, 1])))
def swap():
    while not os.path.exists('shown'): time.sleep(0.01)
    struct.pack_into('=H', address, 2, socket.htons(b))
    open('swapped', 'w')
threading.Thread(target=swap).start()
s = socket.socket()
rc = libc.connect(s.fileno(), address, 16)
print('TO', {a: 'a', b: 'b'}[s.getpeername()[1]] if rc == 0 else ctypes.get_errno())
"""


def connections(who, uid, top):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    a, b = (s.getsockname()[1] for s in servers)
    for answer, result in ((b"y\n", "TO a"), (b"n\n", "TO 1")):
        t = Terminal(uid, top, ["--ask", "connect", *program(SWAP), str(a), str(b)])
        shown = t.until(PROMPT)
        for name in ("shown", "swapped"):
            if name == "shown":
                with open(top + "/shown", "w"):
                    pass
            while not os.path.exists(f"{top}/{name}"):
                time.sleep(0.01)
        t.say(answer)
        text = t.end()[1]
        check(f"{who}: connect, {answer[:1].decode()}: what was shown, though another thread changes it",
              f"connect to 127.0.0.1:{a}".encode() in shown and result in text, (shown, text))
        os.remove(top + "/shown")
        os.remove(top + "/swapped")
    # A supervisor that lets the call go on after its answer.
    t = subprocess_naive(uid, top, a, b)
    check(f"{who}: one that lets the call go on connects to what was not shown", "TO b" in t, t)
    code = ("def go(port, host='127.0.0.1'):\n    try: socket.create_connection((host, port)); return 'IN'\n"
            f"    except OSError as e: return e.errno\n")
    t = Terminal(uid, top, ["--ask", "connect", "--connect", f"127.0.0.1:{a}", *program(code + f"print(go({a}))")])
    check(f"{who}: what --connect allows is not asked about", t.end() == (0, "IN\n"))
    t = Terminal(uid, top, ["--ask", "connect", *program(code + f"print(go({b}), go({b}), go({a}))")])
    t.until(f"127.0.0.1:{b}".encode())
    t.until(PROMPT)
    t.say(b"always\n")
    t.until(f"127.0.0.1:{a}".encode())
    t.until(PROMPT)
    t.say(b"n\n")
    check(f"{who}: always is for one address", "IN IN 1" in t.end()[1])
    r = run([SLUICE, "run", "--ask", "connect", *program(
        "for kind in ((2, 2, 0), (2, 3, 1), (1, 1, 0), (16, 3, 0), (2, 1, 262)):\n    try: socket.socket(*kind); print('OUT')\n"
        "    except OSError: pass\ns = socket.socket()\ntry: s.bind(('127.0.0.1', 0)); print('OUT')\nexcept OSError: pass")], uid, top)
    check(f"{who}: the rest of the network is closed", r.stdout == "" and r.returncode == 0, r)
    for s in servers:
        s.close()


def subprocess_naive(uid, top, a, b):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(top)
        live.become(uid)
        os.execv(SLUICE, [SLUICE, "inject", "-e", "inject=connect:delay_enter=3s", *program(SWAP), str(a), str(b)])
    time.sleep(1)
    with open(top + "/shown", "w"):
        pass
    text = live.read_until(fd, b"TO b")
    os.close(fd)
    os.waitpid(pid, 0)
    os.remove(top + "/shown")
    return text.decode()


# ---- how it is said ----

def said(who, uid, top):
    for words, text in (
            (["--limit", "mkdir"], "is no limit"), (["--limit", "mkdir=0/s"], "is no limit"),
            (["--limit", "mkdir=3"], "is no limit"), (["--limit", "mkdir=3/d"], "is no limit"),
            (["--limit", "mkdir=3/s:EWRONG"], "is no limit"), (["--limit", "=3/s"], "is no limit"),
            (["--limit", "mkdir=1000001/s"], "is no limit"), (["--limit", "mkdri=3/s"], "did you mean"),
            (["--limit", "mkdir,=3/s"], "neither"), (["--limit", "exit_group=3/s"], "cannot be limited"),
            (["--limit", "io_uring_enter=3/s"], "pass no filter"), (["--limit", "@clock=3/s"], "one by one"),
            (["--limit", "mkdir=3/s", "--limit", "mkdir=4/s"], "only one"),
            (["--limit", "mkdir=3/s", "--log", "mkdir"], "only one"),
            (["--limit", "mkdir=3/s", "--allow", "mkdir"], "only one"),
            (["--ask", "openat"], "in memory"), (["--ask", "execve"], "in memory"), (["--ask", "mkdir"], "in memory"),
            (["--ask", "ioctl"], "in memory"), (["--ask", "clone3"], "in memory"), (["--ask", "sendto"], "in memory"),
            (["--ask", "exit"], "cannot be asked"), (["--ask", "@clock"], "one by one"),
            (["--ask", "listen"], "by its arguments"), (["--ask", "kill", "--log", "kill"], "only one"),
            (["--ask", "kill", "--ask-timeout", "86401"], "86400")):
        r = run([SLUICE, "run", *words, "true"], uid)
        check(f"{who}: refused: {' '.join(words)}", r.returncode == 2 and text in r.stderr, r)
    path = top + "/policy.json"

    def policy(calls):
        with open(path, "w") as f:
            json.dump({"sluice": {"calls": calls}}, f, indent=1)
    for calls, place in (({"limit": ["mkdir=x"]}, ":5:"), ({"limit": "mkdir=1/s"}, ":4:"), ({"ask": ["open"]}, ":5:"),
                         ({"ask_seconds": "1"}, ":4:"), ({"ask_seconds": 0}, ":4:")):
        policy(calls)
        r = run([SLUICE, "run", "--policy", path, "true"], uid)
        check(f"{who}: a mistake at its line: {json.dumps(calls)}", r.returncode == 2 and path + place in r.stderr, r)
    policy({"limit": ["mkdir=3/h:ENOSPC"], "ask": ["kill"], "ask_seconds": 1})
    os.mkdir(top + "/d", 0o777)
    os.chmod(top + "/d", 0o777)
    r = run([SLUICE, "run", "--policy", path, *program(MANY + KILL + "print(many(5, os.mkdir, lambda i: f'd/{i}'), kill())")],
            uid, top, start_new_session=True)
    check(f"{who}: a file says the same", r.stdout == "(3, [28]) NOT 1\n", r)
    r = run([SLUICE, "run", "--policy", path, "--plan"], uid)
    check(f"{who}: the plan", "mkdir: at most 3 in 3600 s" in r.stdout and "kill: the user" in r.stdout and
          "a supervisor stays" in r.stdout, r)
    r = run([SLUICE, "run", "--deny", "mkdir", *program("print(libc.syscall(425, 1, ctypes.create_string_buffer(120)), "
             "ctypes.get_errno())")], uid, top)
    check(f"{who}: io_uring does not do what --deny refuses", r.stdout == "-1 38\n", r)


def main():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    good, why = live.works(SLUICE)
    if abi < 6 or not good:
        skip("asking", f"Landlock {abi} here, 6 is needed; {why.strip()}")
        live.done()
    for who, uid in live.users():
        for part in (limits, answers, hostile, connections, said):
            with folder(uid) as top:
                part(who, uid, top)
    live.done()


main()
