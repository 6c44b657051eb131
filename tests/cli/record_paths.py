#!/usr/bin/env python3
"""sluice record --paths of programs that try to get more into the policy than they used.
record_paths.py SLUICE. Prints TAP. SPDX-License-Identifier: MIT"""
import json
import os
import shutil
import sys

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])


class Recorder:
    def __init__(self, who, uid, tmp):
        self.who, self.uid, self.tmp = who, uid, tmp
        self.env = os.environ | {"HOME": tmp + "/home"}
        self.said = ""

    def folder(self, *names):
        """Folders of the user, and a file in each."""
        for name in names:
            os.makedirs(f"{self.tmp}/{name}")
            with open(f"{self.tmp}/{name}/file", "w") as f:
                f.write("text")
            for path in (name, name + "/file"):
                os.chown(f"{self.tmp}/{path}", *([self.uid] * 2 if self.uid is not None else [-1, -1]))

    def python(self, *lines):
        """The policy of a Python program, whose @ is the folder of the test."""
        return self.of(live.PYTHON, "-I", "-c", "import os\n" + "\n".join(lines).replace("@", self.tmp))

    def of(self, *words):
        r = run([SLUICE, "record", "-o", self.tmp + "/p.json", "--paths", self.tmp + "/p.policy", *words], self.uid,
                self.tmp, env=self.env)
        self.said = r.stderr
        if r.returncode:
            raise RuntimeError(r)
        with open(self.tmp + "/p.policy") as f:
            return json.load(f)["sluice"]["files"]

    def check(self, name, good, why):
        check(f"{self.who}: {name}", good, (why, self.said))


def tried(line):
    return f"try: {line}\nexcept OSError: pass"


def failed_calls(r):
    """A call that fails changes nothing, so it needs no right."""
    r.folder("a", "b", "c", "d", "e")
    for line in ("os.mkdir('@/a')", "os.mkdir('@/a/file')", "os.mkdir('@/a/..')", "os.mkdir('/')",
                 "os.unlink('@/a/none')", "os.rmdir('@/a/none')", "os.rename('@/a/none', '@/b/new')",
                 "os.link('@/a/none', '@/b/new')", "os.link('@/a/file', '@/b/file')", "os.symlink('x', '@/a/file')",
                 "os.rename('/proc/self/comm', '@/a/new')", "os.link('/proc/self/comm', '@/a/new')",
                 "os.open('@/a/file', os.O_CREAT | os.O_EXCL | os.O_WRONLY)", "os.open('@/a', os.O_WRONLY)",
                 "os.open('@/a', os.O_RDONLY | os.O_CREAT)", "os.open('@/a', os.O_RDWR | os.O_TRUNC)"):
        got = r.python(tried(line))
        r.check(f"a call that fails gives nothing to write: {line}", got["write"] == [], got)
    if r.uid is not None:
        got = r.python(tried("os.mkdir('/usr/lib/sluice-test')"), tried("open('/etc/sluice-test', 'w')"),
                       tried("os.rename('/etc/passwd', '/usr/sluice-test')"))
        r.check("names in folders that the user may not write give nothing", got["write"] == [], got)
    got = r.python("os.makedirs('@/a/x/y')", "os.unlink('@/b/file')", "os.rename('@/c/file', '@/d/file')")
    r.check("calls that succeed give the folder", got["write"] == [f"{r.tmp}/{n}" for n in "abcd"], got)
    got = r.of("mkdir", "-p", r.tmp + "/e/x/y")
    r.check("mkdir -p gives the folder that it makes something in alone", got["write"] == [r.tmp + "/e"], got)


def links(r):
    r.folder("a", "b", "c", "d")
    os.symlink("../b/new", r.tmp + "/a/relative")
    os.symlink(r.tmp + "/c/new", r.tmp + "/a/absolute")
    os.symlink("relative", r.tmp + "/a/twice")
    os.symlink(r.tmp + "/d/file", r.tmp + "/a/link")
    if r.uid is not None:
        os.lchown(r.tmp + "/a/link", r.uid, r.uid)
    got = r.python("open('@/a/twice', 'w')", "os.chdir('@/a')", "open('absolute', 'w')")
    r.check("what is made through a link gives the folder of the file", got["write"] == [r.tmp + "/b", r.tmp + "/c"], got)
    got = r.python(tried("os.open('@/a/relative', os.O_CREAT | os.O_EXCL | os.O_WRONLY)"))
    r.check("O_EXCL makes nothing through a link", got["write"] == [], got)
    got = r.python("os.utime('@/a/link', (1, 1), follow_symlinks=False)", "os.lchown('@/a/link', -1, -1)")
    r.check("to change a link is not to change its file", got["write"] == [], got)
    got = r.python("os.utime('@/a/link', (1, 1))")
    r.check("to change its file is", got["write"] == [r.tmp + "/d/file"], got)
    got = r.python("import ctypes", "fd = os.open('@/a', os.O_TMPFILE | os.O_RDWR)",
                   "rc = ctypes.CDLL(None).linkat(-100, b'/proc/self/fd/%d' % fd, -100, b'@/b/linked', 0x400)",
                   "os._exit(rc != 0)")
    r.check("linkat(2) through /proc gives the folders, and not /proc", got["write"] == [r.tmp + "/a", r.tmp + "/b"], got)


def replaced(r):
    """The program puts a link where a file was. The policy is read with links."""
    true, secret = shutil.which("true"), r.tmp + "/secret"
    with open(secret, "w") as f:
        f.write("the secret text")
    for name, line in (("file", "os.unlink('@/N/true'); os.symlink('/', '@/N/true')"),
                       ("folder", "os.rename('@/N', '@/N-old'); os.symlink('/usr/bin', '@/N')")):
        r.folder(name)
        shutil.copy(true, f"{r.tmp}/{name}")
        got = r.python("os.spawnl(os.P_WAIT, '@/N/true', 'true')".replace("N", name), line.replace("N", name))
        r.check(f"a link in place of a {name} is not in the policy", f"{r.tmp}/{name}/true" not in got["execute"] and
                f"gone  {r.tmp}/{name}/true\n" in r.said, got)
    if run([SLUICE, "run", "--ro", "/", "true"], r.uid, r.tmp).returncode:
        skip(f"{r.who}: a link in place of a file opens nothing", "no Landlock here")
        return
    r.folder("run")
    shutil.copy(true, r.tmp + "/run")
    cat = shutil.which("cat")
    r.of("sh", "-c", f"{cat} /dev/null; cd {r.tmp}; run/true; rm run/true; ln -s / run/true")
    again = run([SLUICE, "run", "--policy", r.tmp + "/p.policy", cat, secret], r.uid, r.tmp)
    r.check("a link in place of a file opens nothing", "denied" in again.stderr and "secret text" not in again.stdout,
            (again, open(r.tmp + "/p.policy").read()))


def homes(r):
    many = [str(i) for i in range(12)]
    for name in ("home/.keys", "home/plain", "home/.keys/deep"):
        r.folder(name)
        for i in many:
            shutil.copy(f"{r.tmp}/{name}/file", f"{r.tmp}/{name}/{i}")
    got = r.of("cat", *(f"{r.tmp}/home/{n}/{i}" for n in (".keys", "plain", ".keys/deep") for i in many))["read"]
    below = {p for p in got if p.startswith(r.tmp)}
    r.check("many files never become a hidden folder of the home directory",
            below == {f"{r.tmp}/home/.keys/{i}" for i in many} | {r.tmp + "/home/plain", r.tmp + "/home/.keys/deep"}, got)
    got = r.of("ls", r.tmp + "/home/.keys")
    r.check("a warning if such a folder was listed", f"read everything in {r.tmp}/home/.keys\n" in r.said, got)
    if os.getuid() or r.uid is not None:
        return
    script = "mount -t tmpfs none /home && mkdir /home/other && cd /home/other && touch $2 && exec $0 record -q -o $1.json --paths $1 cat $2"
    run(["unshare", "-m", "sh", "-c", script.replace("$2", " ".join(many)), SLUICE, r.tmp + "/other"], None, r.tmp, env=r.env)
    got = json.load(open(r.tmp + "/other"))["sluice"]["files"]["read"]
    r.check("many files never become the home directory of another user",
            {p for p in got if p.startswith("/home")} == {f"/home/other/{i}" for i in many}, got)


def too_long(r):
    got = r.python("os.chdir('@')", "for i in range(25):", "    os.mkdir('a' * 200); os.chdir('a' * 200)",
                   "open('file', 'w').close()", "open('file').read()",
                   "for i in range(25):", "    os.chdir('..')", "import shutil; shutil.rmtree('a' * 200)")
    r.check("a warning for paths that are too long", "times the program used a file that has no path here" in r.said, got)


def processes(r):
    """Root can write everything in /proc."""
    got = r.python("open('/proc/self/comm', 'w').write('name')", "open('/proc/self/comm', 'r+').read()")
    said = "files of processes that root wrote: 1; the policy lets the program only read in /proc\n" in r.said
    root = os.getuid() == 0 and r.uid is None
    r.check("files of processes that were written", (got["write"] == [] and "/proc" in got["read"] and said) if root else
            (got["write"] == ["/proc"] and not said), got)


def merged(r):
    """An older policy, in whose place a link was put since."""
    r.folder("a")
    got = r.of("cat", r.tmp + "/a/file")
    old = open(r.tmp + "/p.policy").read()
    words = [SLUICE, "record", "-q", "-o", "/dev/null", "--merge", r.tmp + "/p.json", "--paths", r.tmp + "/p.policy"]
    for name in ("a/file", "a"):
        os.rename(f"{r.tmp}/{name}", r.tmp + "/moved")
        os.symlink("/etc/passwd" if "/" in name else r.tmp + "/moved", f"{r.tmp}/{name}")
        again = run([*words, "touch", r.tmp + "/ran"], r.uid, r.tmp)
        r.check(f"--merge of a policy with a link is trouble: {name}", again.returncode == 2 and
                not os.path.exists(r.tmp + "/ran") and "without symbolic links" in again.stderr and
                open(r.tmp + "/p.policy").read() == old, (got, again))
        os.unlink(f"{r.tmp}/{name}")
        os.rename(r.tmp + "/moved", f"{r.tmp}/{name}")
    again = run([*words, "true"], r.uid, r.tmp)
    r.check("without links it is extended", again.returncode == 0 and r.tmp + "/a/file" in open(r.tmp + "/p.policy").read(), again)


def one_file(r):
    """Two documents in one file are none."""
    for file in ("-", r.tmp + "/one"):
        got = run([SLUICE, "record", "-q", "-o", file, "--paths", file, "touch", r.tmp + "/ran"], r.uid, r.tmp)
        r.check(f"profile and policy in one file are refused: {os.path.basename(file)}", got.returncode == 2 and
                "same file" in got.stderr and not got.stdout and not os.path.exists(r.tmp + "/ran"), got)
    got = run([SLUICE, "record", "-q", "-o", "/dev/null", "--paths", "/dev/null", "true"], r.uid, r.tmp)
    r.check("but not in /dev/null", got.returncode == 0, got)


def main():
    good, why = live.works(SLUICE)
    if not good:
        skip("record --paths", "no notifications here: " + why.replace("\n", " "))
        live.done()
    for who, uid in live.users():
        for part in (failed_calls, links, replaced, homes, too_long, processes, merged, one_file):
            with folder(uid) as tmp:
                part(Recorder(who, uid, tmp))
    live.done()


main()
