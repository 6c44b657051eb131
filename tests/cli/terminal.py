#!/usr/bin/env python3
"""run, record and inject as a user of a terminal sees them: what is printed, Ctrl-C, Ctrl-Z, fg, a new size.
terminal.py SLUICE. Prints TAP. The terminal is tmux: keys are typed into it, and its screen is read. Each
step waits for what has to appear.
SPDX-License-Identifier: MIT"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import live
from live import check, folder, skip

SLUICE = live.tool(sys.argv[1])
TMUX = shutil.which("tmux")
LIMIT = 60  # seconds; only to end a hang
# Makes calls until there is a file "go".
BUSY = "until test -e go; do :; done; echo done"


class Terminal:
    """A shell with job control. Its prompt is <N:S>: the number of the command, the status of the last one."""

    def __init__(self, uid, tmp):
        self.words, self.uid, self.number = [TMUX, "-u", "-S", tmp + "/tmux", "-f", "/dev/null"], uid, 1
        # What nohup(1) and jobs in the background ignore, a shell would pass on.
        self.tmux("new-session", "-d", "-x", "100", "-y", "40", "-c", tmp, "env", "-i", "PATH=" + os.environ["PATH"],
                  "TERM=screen", "HOME=" + tmp, "HISTFILE=", r"PS1=<\#:$?>", "bash", "--norc", "--noprofile", "-i",
                  preexec_fn=self.plain)
        self.tmux("set-option", "-g", "history-limit", "5000")
        self.shell = int(self.tmux("display-message", "-p", "#{pane_pid}").stdout)
        self.prompt(0)

    def plain(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        live.become(self.uid)

    def tmux(self, *words, **more):
        more.setdefault("preexec_fn", lambda: live.become(self.uid))
        return subprocess.run([*self.words, *words], capture_output=True, text=True, timeout=LIMIT, check=False,
                              stdin=subprocess.DEVNULL, **more)

    def screen(self):
        """All that was ever printed, a long line as one."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-").stdout

    def waits(self, condition):
        """Whether the screen meets the condition (a pattern, or a function of the screen), and the screen."""
        if isinstance(condition, str):
            pattern = re.compile(condition, re.M)
            condition = pattern.search
        end = time.monotonic() + LIMIT
        while not (good := condition(text := self.screen())) and time.monotonic() < end:
            time.sleep(0.05)
        return bool(good), text

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.keys("Enter")
        self.number += 1

    def prompt(self, status=r"\d+"):
        return self.waits(rf"^.*<{self.number}:{status}> *\n*\Z")

    def says(self, line):
        """The output of a command."""
        mark = f"<{self.number}:"
        self.type(line)
        text = self.prompt()[1]
        return text[text.rindex(mark):].split("\n", 1)[1].rsplit("<", 1)[0]

    def job(self):
        """[(process, its state)]: what the shell started, and what that started."""
        found, left = [], [self.shell]
        while left:
            pid = left.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                    left += map(int, f.read().split())
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    found.append((pid, f.read().rsplit(")", 1)[1].split()[0]))
            except OSError:
                pass
        return found[1:]

    def end(self):
        self.tmux("kill-server")


def settings(text):
    """What stty(1) says behind the size."""
    return text.split("columns", 1)[-1].split(";", 1)[-1].split()


def settled(condition):
    end = time.monotonic() + LIMIT
    while not (good := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return good


def job_control(who, words, uid, processes):
    """@words before a program that waits; @processes: how many the job then has."""
    with folder(uid) as tmp:
        with open(tmp + "/loop.py", "w", encoding="ascii") as f:
            f.write(live.LOOP)
        t = Terminal(uid, tmp)
        before = t.says("stty -a")
        t.type(f"{words} {live.PYTHON} -S loop.py")
        check(f"{who}: the program has the terminal", *t.waits(r"^up$"))
        t.tmux("resize-window", "-x", "97", "-y", "31")
        check(f"{who}: it learns of a new size", *t.waits(r"^31 lines$"))
        job = t.job()
        t.keys("C-z")
        check(f"{who}: Ctrl-Z: the shell has the terminal", *t.prompt(128 + signal.SIGTSTP if processes == 1
                                                                      else rf"(?:{128 + signal.SIGTSTP}|{128 + signal.SIGSTOP})"))
        check(f"{who}: Ctrl-Z: all of the job has stopped", settled(
            lambda: len(t.job()) == processes and all(state == "T" for _, state in t.job())), (job, t.job()))
        text = t.says("jobs; stty -a")
        check(f"{who}: Ctrl-Z: the shell knows it, and the terminal is as before",
              re.search(r"^\[1\]\+ +Stopped .*loop\.py", text) and settings(text) == settings(before), (before, text))
        t.type("fg")
        check(f"{who}: fg: the program goes on", *t.waits(r"^back$"))
        t.tmux("resize-window", "-x", "98", "-y", "33")
        check(f"{who}: fg: it learns of a new size, still", *t.waits(r"^33 lines$"))
        t.keys("C-c")
        check(f"{who}: Ctrl-C: status 130", *t.prompt(130))
        check(f"{who}: Ctrl-C: nothing is left", settled(lambda: not t.job()), t.job())
        text = t.says("stty -a")
        check(f"{who}: Ctrl-C: the terminal is as before", settings(text) == settings(before), (before, text))
        check(f"{who}: Ctrl-C: it shows what is typed, once", t.says("echo us''able").split() == ["usable"] and
              t.screen().count("echo us''able") == 1, t.screen())
        t.end()


def counter(text):
    """The number that record shows last."""
    found = re.findall(r"(\d+): calls, \d+ different", text)
    return int(found[-1]) if found else 0


def recorded(who, uid):
    with folder(uid) as tmp:
        t = Terminal(uid, tmp)
        t.type(f"{SLUICE} record -o busy.json sh -c '{BUSY}'")
        good, text = t.waits(counter)
        check(f"{who}: record: the number of calls so far", good, text)
        first = counter(text)
        check(f"{who}: record: it grows", *t.waits(lambda screen: counter(screen) > first))
        lines = len(re.findall(r": calls, \d+ different", t.screen()))
        check(f"{who}: record: in one line", lines == 1, t.screen())
        open(tmp + "/go", "w", encoding="ascii").close()
        good, text = t.prompt(0)
        table = re.search(r"^ +calls +name +first made by\n(?: *\d+ +\w+ +/.*\n)+", text, re.M)
        check(f"{who}: record: at the end a table of the calls", good and table and
              re.search(r"^ *\d+ +\w*stat\w* +/\S*$", table[0], re.M), text)
        total = re.search(r"^(\d+) calls noted, \d+ different; \d+ added", text, re.M)
        check(f"{who}: record: and their number; the running one is gone", total and int(total[1]) > first and
              ": calls," not in text and "done" in text, text)
        os.unlink(tmp + "/go")
        t.type(f"{SLUICE} record -o few.json sh -c 'read line'")
        check(f"{who}: record: of a program that makes few calls and waits, too", *t.waits(counter))
        t.keys("Enter")
        t.prompt(0)
        # More calls between the two than those at which it looks at the clock, and no time for them to be many.
        t.type(f"{SLUICE} record -o ask.json sh -c 'printf \"name? \"; "
               "i=0; while [ $i -lt 1000 ]; do test -e go; i=$((i+1)); done; read line; echo hello $line'")
        check(f"{who}: record: it leaves a question of the program alone", *t.waits(r"^name\? \s*\Z"))
        t.type("you")
        check(f"{who}: record: and its answer", *t.waits(r"^name\? you\nhello you\n"))
        t.number -= 1
        t.prompt(0)
        t.type(f"{SLUICE} record -o cut.json sh -c '{BUSY}'")
        t.waits(counter)
        t.keys("C-c")
        good, text = t.prompt(130)
        check(f"{who}: record: Ctrl-C: the table of what was called, and the profile", good and
              text.count("first made by") == 4 and os.path.getsize(tmp + "/cut.json") > 100, text)
        t.end()


def injected(who, uid):
    with folder(uid) as tmp:
        t = Terminal(uid, tmp)
        t.type(f"{SLUICE} inject -v -e inject=mkdir:error=ENOSPC mkdir folder")
        good, text = t.prompt(1)
        check(f"{who}: inject: the call that failed, as the program says it, too", good and
              re.search(r'^\[\d+\] mkdir\("folder", 0777\) = -1 ENOSPC \(injected\)$', text, re.M) and
              re.search(r"^mkdir: .*No space left on device$", text, re.M), text)
        t.type(f"{SLUICE} inject --sweep -e inject=openat,read:error=EIO sh -c '"
               "test -e slow || echo > slow; for i in 1 2 3 4 5 6 7 8 9; do read line < slow; done; sleep 0.1'")
        good, text = t.waits(r"(\d+) of \d+: runs$")
        check(f"{who}: inject --sweep: which run of how many", good, text)
        t.keys("C-c")
        good, text = t.prompt(r"(?!0)\d+")
        check(f"{who}: inject --sweep: Ctrl-C ends it, and says how far it came",
              good and re.search(r"\d+ of \d+ runs", text) and ": runs" not in text, text)
        check(f"{who}: inject --sweep: nothing is left", settled(lambda: not t.job()), t.job())
        t.type("echo us''able")
        check(f"{who}: inject --sweep: the terminal is usable", *t.waits(r"^usable$"))
        t.end()


def main():
    if not TMUX:
        skip("a terminal", "no tmux")
        live.done()
    good, why = live.works(SLUICE)
    for who, uid in live.users():
        job_control(f"{who}: run, no supervisor", f"{SLUICE} run --deny reboot", uid, 1)
        if not good:
            skip(f"{who}: run with a supervisor, record, inject", "no notifications here: " + why.replace("\n", " "))
            continue
        job_control(f"{who}: run", f"{SLUICE} run --best-effort --connect 127.0.0.1:1", uid, 2)
        job_control(f"{who}: record", f"{SLUICE} record -o t.json", uid, 2)
        job_control(f"{who}: inject", f"{SLUICE} inject -q -e fault=mkdir", uid, 2)
        recorded(who, uid)
        injected(who, uid)
    live.done()


main()
