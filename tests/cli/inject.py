#!/usr/bin/env python3
"""sluice inject: do calls fail as the expression says, and as strace lets them? Do sweeps find what is planted?
inject.py SLUICE VICTIM. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])
VICTIM = live.tool(sys.argv[2])

# Which of 12 calls failed; as children and threads make them, too.
CALLS = """
import ctypes, os, threading
libc = ctypes.CDLL(None, use_errno=True)
def some(n=12):
    return ''.join('x' if libc.umask(0o22) < 0 else '.' for i in range(n))
def told(text):
    os.write(1, (text + '\\n').encode())
"""
MAIN = CALLS + "told(some())"
CHILD = CALLS + """
told(some(3))
if os.fork() == 0:
    told(some(5))
    os._exit(0)
os.wait()
told(some(4))
"""
THREAD = CALLS + """
told(some(3))
t = threading.Thread(target=lambda: told(some(5)))
t.start()
t.join()
told(some(4))
"""


def python(code):
    return [live.PYTHON, "-S", "-c", code]


def inject(uid, tmp, words, *expressions, more=()):
    return run([SLUICE, "inject", "-q", *more, *(w for e in expressions for w in ("-e", e)),
                *words], uid, tmp)


WHEN = ("", ":when=1", ":when=3", ":when=2+", ":when=2+3", ":when=2..4", ":when=1..9+2",
        ":when=3..10+", ":when=40")


def expected(when, n):
    """What strace(1) says of FIRST[..LAST][+[STEP]], computed anew."""
    m = re.fullmatch(r":when=(\d+)(?:\.\.(\d+))?(?:(\+)(\d*))?", when)
    if not m:
        return "x" * n
    first, step = int(m[1]), int(m[4] or 1)
    last = int(m[2]) if m[2] else 10 ** 9 if m[3] else first
    chosen = range(first, last + 1, step)
    return "".join("x" if i in chosen else "." for i in range(1, n + 1))


def occurrences(who, uid, tmp):
    for when in WHEN:
        r = inject(uid, tmp, python(MAIN), "fault=umask" + when)
        check(f"{who}: umask{when}", r.stdout.strip() == expected(when, 12), r)
    for name, code in (("process", CHILD), ("thread", THREAD)):
        r = inject(uid, tmp, python(code), "inject=umask:error=EIO:when=2+2")
        check(f"{who}: each {name} counts for itself",
              r.stdout.split() == [".x.", ".x.x.", "x.x."], r)


PROGRAMS = (["mkdir", "new"], ["cat", "file"], ["ls", "file"], ["cp", "file", "copy"],
            ["sh", "-c", "cd /; echo a > /dev/full; echo $?"])
EXPRESSIONS = ("inject=mkdir:error=ENOSPC", "fault=read:error=EIO:when=2",
               "inject=openat:error=ENOENT:when=3", "inject=write:error=EIO",
               "inject=write:retval=1", "inject=newfstatat,fstat,statx:error=EACCES:when=2+",
               "fault=%file:when=4", "inject=/^mk:error=13", "fault=?nosuch,close:when=3",
               "inject=brk:error=ENOMEM:when=2+", "inject=mmap:error=ENOMEM:when=7",
               "inject=copy_file_range:error=EXDEV", "fault=copy_file_range,chdir",
               "inject=fadvise64:signal=USR1", "inject=write:signal=SIGTERM:error=EINTR",
               "inject=close:delay_enter=1ms", "inject=all:error=EPERM:when=60",
               "inject=!all:error=EPERM", "inject=exit_group:signal=9",
               "inject=ioctl:error=ENOTTY:when=1")


def fresh(uid, tmp):
    for name in os.listdir(tmp):
        path = os.path.join(tmp, name)
        if os.path.isdir(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    with open(tmp + "/file", "w") as f:
        f.write("text\n" * 100)
    if uid is not None:
        os.chown(tmp + "/file", uid, uid)


def left(tmp):
    return sorted((n, os.path.isdir(f"{tmp}/{n}") or os.path.getsize(f"{tmp}/{n}"))
                  for n in os.listdir(tmp))


def like_strace(who, uid, tmp):
    fresh(uid, tmp)
    if not shutil.which("strace") or run(["strace", "-o", "/dev/null", "true"], uid, tmp).returncode:
        skip(f"{who}: as strace", "no strace that works")
        return
    for expression in EXPRESSIONS:
        bad = []
        for words in PROGRAMS:
            fresh(uid, tmp)
            r = inject(uid, tmp, words, expression)
            own = (r.returncode, r.stdout, r.stderr, left(tmp))
            fresh(uid, tmp)
            r = run(["strace", "-f", "-qqq", "-o", "/dev/null", "-e", expression, *words], uid,
                    tmp)
            status = 128 - r.returncode if r.returncode < 0 else r.returncode
            other = (status, r.stdout, r.stderr, left(tmp))
            if own != other:
                bad.append(f"{words}\n ours: {own}\nstrace: {other}")
        check(f"{who}: as strace: {expression}", not bad, "\n".join(bad))
    fresh(uid, tmp)


def conditions(who, uid, tmp):
    with open(tmp + "/other", "w") as f:
        f.write("other\n")
    r = inject(uid, tmp, ["cat", "file", "other"], "fault=%file:path=oth*:error=EIO")
    check(f"{who}: by path", r.stdout.count("text") == 100 and "other: Input/output" in r.stderr, r)
    r = inject(uid, tmp, ["mkdir", "-m", "755", "a:b", "ab"], r"fault=mkdir:path=a\:b:error=EIO")
    check(f"{who}: a path with a colon", "a:b" in r.stderr and os.path.isdir(tmp + "/ab"), r)
    code = CALLS + "told(''.join('x' if libc.umask(i) < 0 else '.' for i in (1, 2, -3, 2)))"
    for value, want in ((2, ".x.x"), (-3, "..x."), ("0x1", "x...")):
        r = inject(uid, tmp, python(code), f"fault=umask:arg0={value}")
        check(f"{who}: arg0={value}", r.stdout.strip() == want, r)
    r = inject(uid, tmp, python(code), "fault=umask:arg0=2:when=2")
    check(f"{who}: occurrences that meet the condition count", r.stdout.strip() == "...x", r)
    r = inject(uid, tmp, python(MAIN), "fault=umask:when=2", "fault=umask:when=5")
    check(f"{who}: two expressions of one call", r.stdout.strip() == ".x..x.......", r)


def chances(who, uid, tmp):
    code = CALLS + "told(some(400))"
    first = inject(uid, tmp, python(code), "fault=umask:prob=25%")
    seed = re.search(r"--seed=(0x[0-9a-f]+)", first.stderr)
    share = first.stdout.count("x")
    # 400 draws of 1/4: fewer than 40 or more than 170 come once in 10^10 runs.
    check(f"{who}: about a quarter", seed and 40 <= share <= 170, (share, first.stderr))
    again = inject(uid, tmp, python(code), "fault=umask:prob=25%",
                   more=["--seed", seed[1] if seed else "0"])
    check(f"{who}: the seed gives the same run", again.stdout == first.stdout, again)
    other = inject(uid, tmp, python(code), "fault=umask:prob=25%", more=["--seed", "1"])
    check(f"{who}: another seed another one", other.stdout != first.stdout, other)


TREE = """
import os
for k in range(3):
    if os.fork() == 0:
        break
    os.wait()
else:
    k = 'p'
ts = [threading.Thread(target=lambda: some(30)) for i in range(2)]
for t in ts:
    t.start()
    t.join()
told(f'{k} {some(60)}')
"""


def replays(who, uid, tmp):
    log, again = tmp + "/log", tmp + "/again"
    code = CALLS + TREE
    first = inject(uid, tmp, python(code), "fault=umask:prob=20%", more=["--log", log])
    r = inject(uid, tmp, python(code), more=["--replay", log, "--log", again])
    lines = open(log).readlines()[1:]
    check(f"{who}: --replay: the same of four processes and their threads", r.stdout == first.stdout and
          "x" in r.stdout and "did not happen" not in r.stderr and len(lines) > 20, (first, r))
    check(f"{who}: and the same log", lines == open(again).readlines()[1:] and
          {w.split()[0] for w in lines} >= {"1", "1.1", "1.2", "1.3", "1/1", "1.1/2"}, lines)
    other = inject(uid, tmp, python(code), "fault=umask:prob=20%")
    check(f"{who}: without it the run is another", other.stdout != first.stdout, other)
    inject(uid, tmp, ["mkdir", "r"], "inject=mkdir:error=ENOSPC:signal=0x11:delay_enter=7us", more=["--log", log])
    check(f"{who}: --log: all of an effect", "inject=mkdir:error=ENOSPC:signal=17:delay_enter=7000ns\n" in
          open(log).read(), open(log).read())
    r = inject(uid, tmp, ["mkdir", "r"], more=["--replay", log])
    check(f"{who}: which --replay does again", "No space left" in r.stderr, r)
    r = run([SLUICE, "inject", "--replay", log, "true"], uid, tmp)
    check(f"{who}: --replay: another program", "1 of 1 injections did not happen again" in r.stderr and
          r.returncode == 0, r)
    for text, said in (("1 x86_64 1\n", ":1: found other words, expected TASK"), ("1 nothing 1 inject=mkdir:error=1\n", ":1: found other words, expected TASK"),
                       ("1 x86_64 0 inject=mkdir:error=1\n", ":1: found other words, expected TASK"),
                       ("# x\n1 x86_64 1 inject=mkdri:error=1\n", ":2: this is no"),
                       ("1 x86_64 1 inject=mkdir,rmdir:error=1\n", ":1: expected the name"),
                       ("1 x86_64 1 inject=mkdir:error=1:when=2\n", ":1: expected the name"),
                       ("1 x86_64 1 inject=mkdir:error=1\n" * 2, "two lines"), ("# x\n", "nothing to inject")):
        with open(log, "w") as f:
            f.write(text)
        r = inject(uid, tmp, ["true"], more=["--replay", log])
        check(f"{who}: --replay: {text.strip()[:40]!r}", r.returncode == 2 and said in r.stderr, r)
    for words in (["--sweep", "--log", log, "-e", "fault=mkdir"], ["--replay", log, "-e", "fault=mkdir"]):
        r = run([SLUICE, "inject", *words, "true"], uid, tmp)
        check(f"{who}: not together: {words[0]} {words[1]}", r.returncode == 2, r)


def others(who, uid, tmp):
    start = time.monotonic()
    inject(uid, tmp, ["mkdir", "late"], "inject=mkdir:delay_enter=1500ms")
    check(f"{who}: a delayed call comes later, and comes",
          time.monotonic() - start >= 1.5 and os.path.isdir(tmp + "/late"))
    r = run([SLUICE, "inject", "-v", "-e", "inject=mkdir:error=ENOSPC", "mkdir", "q"], uid, tmp)
    check(f"{who}: -v says what", re.search(r'\[\d+\] mkdir\("q", 0777\) = -1 ENOSPC \(injected\)',
                                            r.stderr), r.stderr)
    many = "import os\nfor i in range(3000):\n try: os.mkdir('q')\n except OSError: pass"
    with subprocess.Popen([SLUICE, "inject", "-v", "-e", "inject=mkdir:error=ENOSPC", live.PYTHON, "-I", "-c", many], cwd=tmp,
                          stderr=subprocess.PIPE, text=True, preexec_fn=lambda: live.become(uid)) as p:
        time.sleep(1)
        said = p.stderr.read()
    check(f"{who}: -v loses nothing where nobody reads for a while", said.count(" = -1 ENOSPC (injected)\n") == 3000 and
          said.count("\n") == 3000, said[-200:])
    r = run([SLUICE, "inject", "-e", "fault=ptrace", "true"], uid, tmp)
    check(f"{who}: what never happened is said", "never happened" in r.stderr and
          r.returncode == 0, r)
    for text, word in (("inject=read:delay_exit=1", "delay_exit"), ("fault=reed", '"read"'),
                       ("inject=read", "nothing is injected"), ("inject=read:when=0", "FIRST"),
                       ("inject=read:error=EFOO", "EFOO"), ("inject=read:retval=1:error=1", "exclude"),
                       ("trace=read", "inject="), ("inject=%nonsense:error=1", "class"),
                       ("inject=read:poke_exit=@arg1=00", "poke_exit"),
                       ("inject=/(:error=1", "regular"), ("fault=read:prob=0%", "probability"),
                       ("fault=read:delay_enter=1h", "time"), ("fault=read:when=3..2", "FIRST")):
        r = run([SLUICE, "inject", "-e", text, "touch", "ran"], uid, tmp)
        check(f"{who}: refused: {text}", r.returncode == 2 and word in r.stderr and
              not os.path.exists(tmp + "/ran"), r)


def sweep(uid, tmp, expressions, words, *more):
    return run([SLUICE, "inject", "--sweep", *more, *(w for e in expressions for w in ("-e", e)),
                *words], uid, tmp)


def sweeps(who, uid, tmp):
    every = ["inject=mmap,brk:error=ENOMEM", "inject=lseek,write,close:error=EIO"]
    r = sweep(uid, tmp, every, [VICTIM], "--timeout", "10")
    for name, pattern in (("unchecked memory", r"crash: SIGSEGV +\d+  mmap\(NULL, 1048576, .* = -1 ENOMEM"),
                          ("leak", rf"leak: {VICTIM} +\d+  lseek\(.* = -1 EIO"),
                          ("hang", r"hang: .* \d+  write\(\d+, \"x\", 1\) = -1 EIO")):
        check(f"{who}: a sweep finds the planted {name}", re.search(pattern, r.stdout), r)
    check(f"{who}: and exits with 1", r.returncode == 1, r)
    r = sweep(uid, tmp, ["inject=lseek:error=EIO"], [VICTIM], "--no-leaks")
    check(f"{who}: --no-leaks", r.returncode == 0 and "leak:" not in r.stdout, r)
    r = sweep(uid, tmp, every[1:], [VICTIM], "--timeout", "10", "--json")
    found = json.loads(r.stdout)
    runs = found["runs"]
    check(f"{who}: --json", r.returncode == 1 and found["hangs"] == 1 and found["complete"] and
          found["undisturbed"]["status"] == 0 and
          [run["occurrence"] for run in runs] == list(range(1, len(runs) + 1)) and
          any(run["hang"] and run["call"].startswith("write(") for run in runs) and
          any(run["leaks"] == [VICTIM] and run["call"].startswith("lseek(") for run in runs), r)
    words = ["sh", "-c", "echo a; echo b; echo c"]
    r = sweep(uid, tmp, ["inject=write:error=EIO:when=2+"], words, "-v")
    check(f"{who}: each occurrence that the expression selects once",
          re.findall(r' (\d+)  write\(1, "(\w)', r.stdout) == [("1", "b"), ("2", "c")] and
          "a\n" not in r.stdout.splitlines() and r.returncode == 0, r)
    for expressions, words, more, word in (
            (["inject=reboot:error=EIO"], ["true"], (), "no call that"),
            (["inject=read:error=EIO"], ["sh", "-c", "kill -SEGV $$"], (), "without any change"),
            (["inject=read:error=EIO"], ["/nonexistent"], (), "No such file")):
        r = sweep(uid, tmp, expressions, words, *more)
        check(f"{who}: no sweep of {words[-1]}: {word}", r.returncode in (2, 127) and word in r.stderr, r)
    r = run([SLUICE, "inject", "--timeout", "1", "-e", "fault=read", "true"], uid, tmp)
    check(f"{who}: --timeout needs --sweep", r.returncode == 2 and "--sweep" in r.stderr, r)


def sweep_of(uid, tmp, code, *more, call="inject=openat:path=/etc/hostname:error=EIO"):
    """A sweep of one call, which python code makes."""
    return sweep(uid, tmp, [call], [live.PYTHON, "-S", "-c", code], *more)


TRY = """
import os, signal, sys
try:
    failed = not os.open('/etc/hostname', os.O_RDONLY)
except OSError:
    failed = True
"""


def sweep_findings(who, uid, tmp):
    """What is a finding, and what only looks like one."""
    for name, code, pattern, status in (
            ("a status that a signal has", TRY + "if failed: os._exit(139)", r"0 crashed", 0),
            ("kill(0), which stays on the program's side", TRY + "if failed: os.kill(0, signal.SIGUSR1)",
             r"1 of 1 runs", 0),
            ("a program that ends its supervisor", TRY + "if failed: os.kill(os.getppid(), 9)",
             r"supervisor killed +1  openat", 1),
            ("many descriptors", TRY + "for i in range(900 * failed): os.dup(0)", r"leak: /dev/null +1  openat", 1),
            ("more names than can be kept", TRY + "if failed:\n for i in range(1100):\n  os.open(f'n{i}', os.O_CREAT)",
             r"0 left descriptors", 0),
            ("temporary files, which have other names each time",
             "import os, tempfile\nf = tempfile.TemporaryFile(dir='.')\nos.dup(f.fileno())\n"
             "g = open('/proc/self/status')" + TRY, r"0 left descriptors", 0),
            ("what a child keeps that could not execute anything",
             "import os, subprocess\nos.pipe()\ntry: subprocess.run(['/bin/true'])\nexcept OSError: pass",
             r"0 left descriptors", 0)):
        call = ({"call": "inject=execve:path=/bin/true:error=ENOENT"} if "subprocess" in code else {})
        r = sweep_of(uid, tmp, code, **call)
        check(f"{who}: sweep: {name}", re.search(pattern, r.stdout) and r.returncode == status and
              ("not compared" in r.stderr) == ("more names" in name), r)
    name = "x\\ncrash: SIGSEGV              7  mmap()"
    r = sweep_of(uid, tmp, TRY + f"if failed: os.open('{name}', os.O_CREAT)")
    check(f"{who}: sweep: the name of a file forges no row", "leak: " in r.stdout and
          "\ncrash" not in r.stdout, r)
    code = TRY + "os.kill(os.getpid(), signal.SIGSTOP) if failed else 0"
    r = sweep_of(uid, tmp, code, "--timeout", "2")
    check(f"{who}: sweep: a program that stops itself hangs", "1 hung" in r.stdout, r)
    r = sweep_of(uid, tmp, "import time\ntime.sleep(5)", "--timeout", "1")
    check(f"{who}: sweep: the undisturbed run has the same limit", r.returncode == 2 and
          "undisturbed run did not end in 1 s" in r.stderr, r)
    r = run([SLUICE, "inject", "--only", "2", "-v", "-e", "inject=write:error=EIO", "sh", "-c",
             "echo a; echo b; echo c"], uid, tmp)
    check(f"{who}: --only changes the call of that number", r.stdout == "a\nc\n" and
          'write(1, "b' in r.stderr, r)


def sweep_ends(who, uid, tmp):
    """Whatever the program leaves behind: nothing of it is there after the tool."""
    mark = f"31{os.getpid()}"
    # A child in a session of its own, and a grandchild, which both outlive the failing call.
    words = ["sh", "-c", f"mkdir d && rmdir d && exit; setsid sleep {mark} & sleep {mark}"]
    r = sweep(uid, tmp, ["inject=mkdir:error=EIO"], words, "--timeout", "2")
    left = live.running(["sleep", mark])
    check(f"{who}: a hang is ended with all its processes", "1 hung" in r.stdout and not left, (r, left))
    with subprocess.Popen(
            [SLUICE, "inject", "--sweep", "-e", "inject=mkdir:error=EIO", *words], cwd=tmp,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=lambda: live.become(uid)) as tool:
        end = time.monotonic() + 60
        while not live.running(["sleep", mark]) and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(tool.pid, signal.SIGINT)
        out, err = tool.communicate(timeout=60)
        left = live.running(["sleep", mark])
        check(f"{who}: SIGINT ends a sweep and what it runs", tool.returncode == 130 and not left,
              (tool.returncode, out, err, left))
    # What the tool was before it was the tool may have children.
    r = run(["bash", "-c", f"sleep {mark} >/dev/null 2>&1 & exec {SLUICE} inject --sweep -e fault=mkdir sh -c 'mkdir d; rmdir d'"],
            uid, tmp)
    left = live.running(["sleep", mark])
    check(f"{who}: children of others stay", len(left) == 1 and "1 of 1 runs" in r.stdout, (r, left))
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def main():
    good, why = live.works(SLUICE)
    if not good:
        skip("inject", "no notifications here: " + why.replace("\n", " "))
        live.done()
    for who, uid in live.users():
        with folder(uid) as tmp:
            for part in (occurrences, like_strace, conditions, chances, replays, others, sweeps, sweep_findings,
                         sweep_ends):
                part(who, uid, tmp)
    with folder(None) as tmp:
        live.on_a_terminal("inject", f"{SLUICE} inject -q -e fault=mkdir", tmp)
    live.done()


main()
