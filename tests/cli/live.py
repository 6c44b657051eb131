"""What the tests of commands that run a program share: TAP, runs as root and as an ordinary user,
loading a filter.
SPDX-License-Identifier: MIT"""
import atexit
import ctypes
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

NOBODY = 65534
# One that every user can execute.
PYTHON = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or sys.executable
count = failed = 0


def check(name, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print("ok" if good else "not ok", count, "-", name, flush=True)
    for line in ("" if good else str(why)).splitlines():
        print("#", line)


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def done():
    print(f"1..{count}")
    sys.exit(failed > 0)


def users():
    """Who runs the checks: [(name, uid or None)]."""
    if os.getuid() == 0:
        return [("root", None), ("an ordinary user", NOBODY)]
    return [("this user", None)]


def become(uid):
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def tool(path):
    """The tool, or a file of it, where every user can read it: a build in a home directory is its owner's alone."""
    path = os.path.abspath(path)
    pid = os.fork()
    if pid == 0:
        become(NOBODY if os.getuid() == 0 else None)
        os._exit(not os.access(path, os.R_OK))
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        return path
    place = tempfile.TemporaryDirectory()
    atexit.register(place.cleanup)
    os.chmod(place.name, 0o755)
    return shutil.copy(path, place.name)


def folder(uid):
    """A directory of that user's, to be kept in a variable."""
    tmp = tempfile.TemporaryDirectory()
    os.chmod(tmp.name, 0o755)
    if uid is not None:
        os.chown(tmp.name, uid, uid)
    return tmp


def run(words, uid=None, cwd=None, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=cwd,
                          stdin=subprocess.DEVNULL, preexec_fn=lambda: become(uid), **more)


def running(words):
    """Ids of the processes with exactly these words as command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                text = f.read()
        except OSError:
            continue
        if text == b"".join(w.encode() + b"\0" for w in words):
            found.append(int(pid))
    return found


def works(sluice):
    """Whether notifications can be had here (kernel, container)."""
    r = run([sluice, "record", "-q", "true"])
    return "cannot supervise" not in r.stderr and "listener" not in r.stderr, r.stderr


def load(program):
    """Load a BPF program (bytes) into this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(fprog), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def read_until(fd, what, seconds=60):
    """What came until @what did."""
    got, end = b"", time.monotonic() + seconds
    while what not in got and select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
        try:
            got += os.read(fd, 1000)
        except OSError:
            break
    return got


LOOP = """
import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
awaited = [signal.SIGCONT, signal.SIGWINCH]
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
os.write(1, b'up\\n' if os.isatty(0) else b'no terminal\\n')
while True:
    if signal.sigwait(awaited) == signal.SIGCONT:
        os.write(1, b'back\\n')
    else:
        os.write(1, b'%d lines\\n' % os.get_terminal_size(0).lines)
"""


def on_a_terminal(who, words, tmp):
    """A shell with job control, in @tmp: the tool, with @words in front of the program, is a job of its own."""
    pid, fd = pty.fork()
    if pid == 0:
        # What nohup(1) and jobs in the background ignore, a shell would pass on.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(tmp)
        os.execvp("bash", ["bash", "--norc", "-i", "-m"])
    os.write(fd, b"PS1='@@'; stty -echo\n")
    read_until(fd, b"@@")
    # It says when it goes on: it has the terminal by then. It starts no process, as one that is
    # stopped within vfork(2) holds its parent.
    with open(tmp + "/loop.py", "w") as f:
        f.write(LOOP)
    os.write(fd, f"{words} {PYTHON} -S {tmp}/loop.py\n".encode())
    text = read_until(fd, b"up\r")
    check(f"{who}: the program has the terminal", b"up\r" in text, text)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    text = read_until(fd, b"31 lines\r")
    check(f"{who}: it learns of a new size", b"31 lines\r" in text, text)
    os.write(fd, b"\x1a")
    text = read_until(fd, b"Stopped")
    check(f"{who}: Ctrl-Z stops it", b"Stopped" in text, text)
    os.write(fd, b"fg\n")
    read_until(fd, b"back\r")
    os.write(fd, b"\x03")
    os.write(fd, b"echo status=$?=\n")
    text = read_until(fd, b"status=130=")
    check(f"{who}: fg goes on, Ctrl-C ends it with 130", b"status=130=" in text, text)
    os.close(fd)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
