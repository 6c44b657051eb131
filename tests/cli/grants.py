#!/usr/bin/env python3
"""sluice run: what a policy gives to a program that it could not do itself (--mknod, --mount, --fake-root), and
that it gives no more. Nodes and mounts are made in mount namespaces of their own. grants.py SLUICE. Prints TAP.
SPDX-License-Identifier: MIT"""
import ctypes
import json
import os
import shutil
import sys

import live
from live import check, folder, run, skip

SLUICE = live.tool(sys.argv[1])
# A tmpfs over the folder $1, in a namespace of its own, and there the rest of the words; then what is seen of
# it from beside the program.
INSIDE = ('mount -t tmpfs -o mode=777 x "$1" && cd "$1" && mkdir -m 777 ok ok/d ok/m secret && shift && "$@"; '
          'echo "status=$?"; ls -lR . | grep -n "^c" ; grep -c " $PWD/.* - tmpfs none" /proc/self/mountinfo; true')


def namespaces(uid):
    """Words that give a mount namespace to that user, or None."""
    words = ["unshare", "-m"] if os.getuid() == 0 and uid is None else ["unshare", "-r", "-m"]
    return words if run([*words, "true"], uid).returncode == 0 else None


def inside(uid, top, policy, code):
    return run([*namespaces(uid), "sh", "-c", INSIDE, "sh", top, SLUICE, "run", *policy, live.PYTHON, "-S", "-c",
                "import ctypes, os, stat, sys, threading\nlibc = ctypes.CDLL(None, use_errno=True)\n" + code], uid)


# ---- nodes ----

MKNOD = """
def node(path, major, minor, kind=stat.S_IFCHR):
    try:
        os.mknod(path, kind | 0o666, os.makedev(major, minor))
        print('MADE', path)
    except OSError as e:
        print('NOT', path, e.errno)
os.umask(0o027)
"""
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0),
           "whiteout": (0, 0)}
# A thread makes ok/l lead to the allowed folder and to the secret one, in turns.
FLIP = """
os.symlink('d', 'ok/l')
stop = []
def flip():
    while not stop:
        for to in ('d', '../secret'):
            os.symlink(to, 'ok/n')
            os.rename('ok/n', 'ok/l')
t = threading.Thread(target=flip)
t.start()
"""
LINK_RACE = FLIP + """
for i in range(100000):
    node(f'ok/l/{i}', 1, 3)
    if i >= 400 and os.listdir('ok/d'): break
stop.append(1)
t.join()
print('WON', len(os.listdir('secret')), 'MADE', len(os.listdir('ok/d')))
"""
# Looks at the path, and then uses it.
NAIVE = LINK_RACE.replace("node(f'ok/l/{i}', 1, 3)", """
    if os.path.realpath('ok/l').endswith('/d'):
        try: open(f'ok/l/{i}', 'x').close()
        except OSError: pass""").replace("i >= 400 and os.listdir('ok/d')", "os.listdir('secret')")


def nodes(who, uid, top):
    if uid is not None or os.getuid():
        r = run([SLUICE, "run", "--rw", top, "--mknod", "null", "true"], uid)
        check(f"{who}: no device without CAP_MKNOD", r.returncode == 2 and "CAP_MKNOD" in r.stderr, r)
        return
    if not namespaces(uid):
        skip(f"{who}: nodes", "no mount namespaces here")
        return
    r = run(["unshare", "-r", SLUICE, "run", "--rw", top, "--mknod", "null", "true"])
    check(f"{who}: nor in a user namespace", r.returncode == 2 and "CAP_MKNOD" in r.stderr, r)
    base = ["--ro", "/", "--rw", top + "/ok"]
    r = inside(uid, top, base, MKNOD + "node('ok/null', 1, 3)")
    check(f"{who}: without --mknod there is none", "NOT ok/null" in r.stdout, r)
    for name, (major, minor) in DEVICES.items():
        r = inside(uid, top, [*base, "--mknod", name], MKNOD + f"node('ok/it', {major}, {minor})\n"
                   f"node('ok/zero', 1, {5 if name != 'zero' else 3}); node('ok/mem', 1, 1)\n"
                   f"node('ok/disk', {major}, {minor}, stat.S_IFBLK)\n"
                   "s = os.lstat('ok/it'); print(oct(s.st_mode), s.st_rdev == "
                   f"os.makedev({major}, {minor}))")
        check(f"{who}: --mknod {name}: this one and no other, with the umask", r.stdout.split("status")[0] ==
              "MADE ok/it\nNOT ok/zero 1\nNOT ok/mem 1\nNOT ok/disk 13\n0o20640 True\n", r)
    r = inside(uid, top, [*base, "--mknod", "null"], MKNOD + "node('secret/null', 1, 3)\n"
               "os.symlink('../secret', 'ok/s'); node('ok/s/null', 1, 3); node('/proc/self/cwd/secret/x', 1, 3)\n"
               "d = os.open('secret', os.O_PATH)\n"
               "print(libc.mknodat(d, b'y', 0o20666, os.makedev(1, 3)), os.listdir('secret'))\n"
               "os.chdir('ok'); node('n', 1, 3); open('n', 'w').write('x'); node('f', 0, 0, stat.S_IFIFO)")
    check(f"{who}: only in folders of --rw", r.stdout.split("status")[0] == "NOT secret/null 1\nNOT ok/s/null 1\n"
          "NOT /proc/self/cwd/secret/x 1\n-1 []\nMADE n\nMADE f\n", r)
    r = inside(uid, top, [*base, "--mknod", "null"], "os.setresuid(65534, 65534, 65534)\n" + MKNOD +
               "node('ok/null', 1, 3)")
    check(f"{who}: not for a program that gave its rights up", "NOT ok/null 1" in r.stdout, r)
    r = inside(uid, top, [*base, "--mknod", "null", "--errno", "ENOSPC"], MKNOD + "node('ok/zero', 1, 5)")
    check(f"{who}: with another errno", "NOT ok/zero 28" in r.stdout, r)
    r = inside(uid, top, [*base, "--rw", top + "/secret", "--deny", "chroot"], MKNOD + NAIVE)
    check(f"{who}: a path that is looked at first leads elsewhere", "WON 1" in r.stdout, r)
    r = inside(uid, top, [*base, "--mknod", "null", "--rw", top + "/ok"], MKNOD + LINK_RACE)
    check(f"{who}: a link that changes meanwhile does not", "WON 0 MADE " in r.stdout and
          "MADE 0" not in r.stdout, r.stdout[-300:])


# ---- mounts ----

MOUNT = """
def mount(path, kind='tmpfs', flags=0, data=None, source='x'):
    rc = libc.mount(source.encode(), path.encode(), kind.encode() if kind else None, flags, data and data.encode())
    print('MOUNTED' if rc == 0 else 'NOT', path, 0 if rc == 0 else ctypes.get_errno())
"""
MOUNT_RACE = FLIP + """
before, n, i = os.stat('secret').st_dev, 0, 0
while i < 400 or not n:
    i += 1
    n += libc.mount(b'x', b'ok/l', b'tmpfs', 0, None) == 0
stop.append(1)
t.join()
print('SECRET', os.stat('secret').st_dev == before, 'MOUNTED', n > 0)
"""


def mounts(who, uid, top):
    words = namespaces(uid)
    if uid is not None or os.getuid():
        r = run([SLUICE, "run", "--rw", top, "--mount", "tmpfs", "true"], uid)
        check(f"{who}: no mount without CAP_SYS_ADMIN", r.returncode == 2 and "CAP_SYS_ADMIN" in r.stderr, r)
    if not words:
        skip(f"{who}: mounts", "no mount namespaces here")
        return
    base = ["--ro", "/", "--rw", top + "/ok"]
    r = inside(uid, top, base, MOUNT + "mount('ok/m')")
    check(f"{who}: without --mount there is none", "NOT ok/m 1" in r.stdout, r)
    policy = [*base, "--mount", "tmpfs"]
    r = inside(uid, top, policy, MOUNT + "mount('ok/m', data='size=1m,mode=700')\n"
               "open('ok/m/a', 'w').write('a'); s = os.statvfs('ok/m')\n"
               "print(s.f_blocks * s.f_frsize, s.f_flag & 6, open('ok/m/a').read(), oct(os.stat('ok/m').st_mode))\n"
               "print(libc.umount2(b'ok/m', 0))")
    check(f"{who}: a tmpfs below a folder of --rw, nosuid and nodev, which stays", r.stdout.startswith(
          "MOUNTED ok/m 0\n1048576 6 a 0o40700\n-1\n"), r)
    check(f"{who}: and nobody else sees it", r.stdout.endswith("status=0\n0\n"), r)
    r = inside(uid, top, policy, MOUNT + "mount('ok/m', data='size=100g')\n"
               "s = os.statvfs('ok/m'); print(s.f_blocks * s.f_frsize)")
    check(f"{who}: at most 64 MiB", r.stdout.startswith("MOUNTED ok/m 0\n67108864\n"), r)
    r = inside(uid, top, policy, MOUNT + "mount('ok'); mount('secret'); mount('.'); mount('/'); mount('/proc')\n"
               "os.symlink('../secret', 'ok/s'); mount('ok/s'); mount('ok/m/..'); mount('/proc/self/cwd/secret')")
    check(f"{who}: nowhere else, and not over the folder itself", "MOUNTED" not in r.stdout and
          r.stdout.count("NOT") == 8, r)
    r = inside(uid, top, policy, MOUNT + "mount('ok/m', 'proc'); mount('ok/m', 'sysfs'); mount('ok/m', 'overlay')\n"
               "mount('ok/m', None, 4096, source='secret'); mount('ok/m', 'tmpfs', 4096, source='secret')\n"
               "mount('ok/m', 'tmpfs', 32); mount('ok/m', 'tmpfs', 1 << 20); mount('ok/m', data='huge=always')\n"
               "print(libc.syscall(428, -100, b'secret', 1), libc.syscall(430, b'tmpfs', 0))")
    check(f"{who}: no other type, flag, option or call", "MOUNTED" not in r.stdout and
          r.stdout.count("NOT") == 8 and "-1 -1\n" in r.stdout, r)
    r = inside(uid, top, policy, MOUNT + "for i in range(20): os.mkdir(f'ok/d/{i}'); mount(f'ok/d/{i}')")
    check(f"{who}: sixteen of them", r.stdout.count("MOUNTED") == 16 and r.stdout.count(" 28\n") == 4, r)
    r = inside(uid, top, policy, MOUNT + "print(libc.unshare(0x20000))\nmount('ok/m')")
    check(f"{who}: none in a namespace of the program's own", "MOUNTED" not in r.stdout and "NOT" in r.stdout, r)
    r = inside(uid, top, policy, MOUNT_RACE)
    check(f"{who}: a link that changes meanwhile leads nowhere else", "SECRET True MOUNTED True" in r.stdout, r)


# ---- root's answers ----

FAKED = """
import os
print(os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getresuid(), os.getresgid())
open('f', 'w')
os.chown('f', 5, 6); os.lchown('f', 5, 6); fd = os.open('f', 0); os.fchown(fd, 5, 6)
os.chown('f', 5, 6, dir_fd=os.open('.', 0))
os.setgroups([1, 2]); os.setgid(7); os.setuid(8); os.setresgid(1, 2, 3); os.setresuid(1, 2, 3); os.setreuid(4, 4)
print(os.getuid(), os.getresuid(), os.stat('f').st_uid)
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
print(libc.getresuid(None, None, None), ctypes.get_errno())
m = mmap.mmap(-1, 4096)
at = ctypes.addressof(ctypes.c_char.from_buffer(m))
ctypes.memset(at, 0x55, 4096)
print(libc.getresuid(ctypes.c_void_p(at), ctypes.c_void_p(at + 4), ctypes.c_void_p(at + 8)), m[:16].hex())
print([l.split()[1:] for l in open('/proc/self/status') if l.startswith('Uid')][0])
"""


def fake_root(who, uid, top):
    if uid is None and os.getuid() == 0:
        r = run([SLUICE, "run", "--fake-root", "true"], uid)
        check(f"{who}: --fake-root: not for root, who would keep the rights", r.returncode == 2 and
              "root's rights" in r.stderr, r)
        if run(["unshare", "-r", "true"], live.NOBODY).returncode == 0:
            r = run(["unshare", "-r", SLUICE, "run", "--fake-root", "true"], live.NOBODY)
            check(f"{who}: --fake-root: nor in a user namespace", r.returncode == 2, r)
        return
    me = uid if uid is not None else os.getuid()
    words = [live.PYTHON, "-S", "-c", FAKED]
    r = run([SLUICE, "run", "--fake-root", *words], uid, top)
    check(f"{who}: --fake-root: root's answers, without effect", r.stdout ==
          "0 0 0 0 (0, 0, 0) (0, 0, 0)\n" f"0 (0, 0, 0) {me}\n-1 14\n0 " + "00" * 12 + "55555555\n" +
          str([str(me)] * 4) + "\n", r)
    check(f"{who}: which nobody else gets", run(words, uid, top).returncode != 0)
    for tool, code in (("tar", "mkdir t && touch t/a && tar --owner=0 --group=0 -cf t.tar t && rm -r t && "
                        "tar --same-owner -xf t.tar && test -e t/a"),
                       ("install", "install -o 0 -g 0 f g && id -u")):
        r = run([SLUICE, "run", "--fake-root", "sh", "-c", code], uid, top)
        check(f"{who}: --fake-root: {tool}", r.returncode == 0, r)
        r = run(["sh", "-c", code], uid, top)
        check(f"{who}: {tool} as it is", r.returncode != 0 or tool == "tar", r)
    if shutil.which("dpkg-deb"):
        code = ("mkdir -p p/DEBIAN p/usr && printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@m>\\n"
                "Description: d\\n' > p/DEBIAN/control && chown -R root:root p && dpkg-deb --root-owner-group -b p p.deb")
        r = run([SLUICE, "run", "--fake-root", "sh", "-c", code], uid, top)
        check(f"{who}: --fake-root: dpkg-deb", r.returncode == 0 and os.path.exists(top + "/p.deb"), r)
    else:
        skip(f"{who}: --fake-root: dpkg-deb", "it is not installed")
    r = run([SLUICE, "run", "--fake-root", "--ro", "/", "--rw", top + "/t", "sh", "-c", "chown 1 f && echo > f"], uid, top)
    check(f"{who}: --fake-root opens nothing", r.returncode and "denied" in r.stderr, r)
    r = run([SLUICE, "run", "--fake-root", "--deny", "chown", "--deny", "fchownat",
             "chown", "1", "f"], uid, top)
    check(f"{who}: --deny comes before --fake-root", r.returncode == 1, r)


# ---- how it is said ----

def said(who, uid, top):
    for words, text in ((["--mknod", "nul"], 'did you mean "null"'), (["--mknod", "sda"], "none of"),
                        (["--mknod", "console"], "whole machine"), (["--mknod", "fifo"], "--rw lets"),
                        (["--mount", "bind"], "bind cannot"), (["--mount", "proc"], "proc cannot"),
                        (["--mount", "zfs"], "nobody has looked")):
        r = run([SLUICE, "run", "--rw", top, *words, "true"], uid)
        check(f"{who}: refused: {' '.join(words)}", r.returncode == 2 and text in r.stderr, r)
    path = top + "/policy.json"
    for grants, text in (({"mknod": ["nul"]}, ":5:"), ({"mount": ["proc"]}, ":5:"), ({"fake_root": 1}, ":4:"),
                         ({"mkdir": []}, "mknod, mount or fake_root")):
        with open(path, "w") as f:
            json.dump({"sluice": {"grants": grants}}, f, indent=1)
        r = run([SLUICE, "run", "--policy", path, "true"], uid)
        check(f"{who}: a mistake at its line: {json.dumps(grants)}", r.returncode == 2 and text in r.stderr, r)
    root = uid is None and os.getuid() == 0
    with open(path, "w") as f:
        json.dump({"sluice": {"files": {"write": [top]}, "grants": {"mknod": ["null"], "mount": ["tmpfs"]} if root
                              else {"fake_root": True}}}, f)
    r = run([SLUICE, "run", "--policy", path, "--plan"], uid)
    lines = [f"supervisor  {path}:1:" in r.stdout] if root else ["filter      " in r.stdout]
    check(f"{who}: a file grants it, too", r.returncode == 0 and all(lines) and
          ("null: it makes" in r.stdout and "tmpfs: it mounts" in r.stdout if root else
           "getresuid, getresgid: the answer" in r.stdout), r)
    if root:
        r = run([SLUICE, "run", "--mknod", "null", "true"], uid)
        check(f"{who}: --mknod without --rw", r.returncode == 2 and "need --rw" in r.stderr, r)


def main():
    abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
    good, why = live.works(SLUICE)
    if abi < 6 or not good:
        skip("grants", f"Landlock {abi} here, 6 is needed; {why.strip()}")
        live.done()
    for who, uid in live.users():
        for part in (nodes, mounts, fake_root, said):
            with folder(uid) as top:
                part(who, uid, top)
    live.done()


main()
