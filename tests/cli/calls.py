#!/usr/bin/env python3
"""What strace sees a program do is in the list that "sluice calls" makes of it.

calls.py SLUICE [--long] [--save]: --long runs programs of all kinds that are installed here; --save
writes their table into calls.md beside this file. The programs run with strace -f, those of aarch64 with
qemu-aarch64 -strace; where that is not allowed, or a program is not installed, the check is skipped. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SLUICE = os.path.abspath(sys.argv[1])
LONG, SAVE = "--long" in sys.argv, "--save" in sys.argv

SHORT_LIST = """
true
ls -la /etc
sort /etc/passwd
tar cf /dev/null /etc/passwd
grep root /etc/passwd
find /etc -maxdepth 1
dash -c true
bash -c true
busybox ls
perl -e 1
"""
LONG_LIST = SHORT_LIST + """
awk 1 /etc/passwd
sed -n 1p /etc/passwd
gzip -c /etc/passwd
bzip2 -c /etc/passwd
xz -c /etc/passwd
zstd -c /etc/passwd
cp /etc/passwd /dev/null
mv --version
diff /etc/passwd /etc/passwd
cmp /etc/passwd /etc/passwd
du -s /etc/passwd
df
date
id
uname -a
env
ps
head /etc/passwd
tail /etc/passwd
wc /etc/passwd
sha256sum /etc/passwd
dd if=/etc/passwd of=/dev/null
stat /etc/passwd
mktemp -u
expr 1 + 1
seq 3
git --version
make --version
gcc --version
cpp --version
ld --version
objdump --version
readelf -h /bin/true
gdb --version
valgrind --version
strace -V
curl --version
openssl version
ssh-keygen -l -f /dev/null
sqlite3 :memory: .help
python3 -c pass
node -e 1
runc --version
crun --version
bwrap --version
qemu-system-x86_64 --version
clang --version
ninja --version
cmake --version
jq --version
tmux -V
man --version
mandoc -V
cargo --version
rg root /etc/passwd
fdfind passwd /etc
fzf --version
"""
# clang with libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross and binutils-aarch64-linux-gnu, which leave gcc-multilib
# in peace; what the programs do is seen by qemu-user.
ARM = ["clang", "--target=aarch64-linux-gnu"]
ARM_ROOT, QEMU = "/usr/aarch64-linux-gnu", "qemu-aarch64"
# Compiled here, for kinds that no package has.
SOURCES = {
    "static": (["gcc", "-O2", "-static"], "C, static"),
    "static-pie": (["gcc", "-O2", "-static-pie"], "C, static PIE"),
    "no-pie": (["gcc", "-O0", "-no-pie"], "C, at a fixed address"),
    "stripped": (["gcc", "-O2", "-static", "-s"], "C, static, stripped"),
    "musl": (["musl-gcc", "-O2"], "C, musl"),
    "musl-static": (["musl-gcc", "-O2", "-static"], "C, musl, static"),
    "aarch64": ([*ARM, "-O2"], "C, aarch64"),
    "aarch64-static": ([*ARM, "-O2", "-static"], "C, aarch64, static"),
    "aarch64-plain": ([*ARM, "-O0", "-no-pie"], "C, aarch64, at a fixed address"),
    "aarch64-stripped": ([*ARM, "-O2", "-static-pie", "-s"], "C, aarch64, static PIE, stripped"),
}
INTERPRETERS = {"python3": "Python", "perl": "Perl", "node": "JavaScript", "dash": "shell", "bash": "shell", "awk": "awk"}
PROGRAM = """
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static long indirect(long nr) { return syscall(nr, 0, 0, 0); }
static void *thread(void *p) { indirect(SYS_getppid); return p; }
int main(int argc, char **argv)
{
	pthread_t t;
	pthread_create(&t, 0, thread, 0);
	pthread_join(t, 0);
	printf("%d\\n", (int)indirect(argc > 1 ? SYS_getsid : SYS_gettid));
	(void)argv;
	return 0;
}
"""
count = failed = 0
rows = []


def say(good, what, skip=None):
    global count, failed  # pylint: disable=global-statement
    count += 1
    failed += not good and skip is None
    print(f"{'ok' if good or skip else 'not ok'} {count} - {what}" + (f" # SKIP {skip}" if skip else ""),
          flush=True)


def kind_of(path, name):
    """What the program was made of, as far as its file shows."""
    data = pathlib.Path(path).read_bytes()
    headers, size, number = struct.unpack_from("<Q14xHH", data, 32)
    types = [struct.unpack_from("<I", data, headers + i * size)[0] for i in range(number)]
    language = ("Go" if b"\0.note.go.buildid\0" in data else "Rust" if b"RUST_BACKTRACE" in data else
                "C++" if b"\0libstdc++.so.6\0" in data or b"\0libc++.so.1\0" in data else "C")
    kinds = [language + (f", interpreter of {INTERPRETERS[name]}" if name in INTERPRETERS else "")]
    kinds += [] if 3 in types else ["static"]  # PT_INTERP
    kinds += [] if struct.unpack_from("<H", data, 16)[0] == 3 else ["at a fixed address"]  # ET_DYN
    return ", ".join(kinds)


def recorded_aarch64(path):
    done = subprocess.run([QEMU, "-L", ARM_ROOT, "-strace", path], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300, check=False)
    names = set(re.findall(r"^\d+ (\w+)\(", done.stderr, flags=re.M))
    for number in set(re.findall(r"^\d+ Unknown syscall (\d+)", done.stderr, flags=re.M)):
        names |= set(subprocess.run([SLUICE, "syscalls", "--names", "-a", "aarch64", number],
                                    stdout=subprocess.PIPE, text=True, check=True).stdout.split())
    return names


def recorded(command, tmp):
    log = f"{tmp}/strace"
    subprocess.run(["strace", "-f", "-qq", "-o", log, *command], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=False)
    names, first = set(), True
    for line in open(log, errors="replace"):
        match = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", line)
        if match and not first:
            names.add(match[1])
        first = False  # strace's own execve
    return names


def analysed(path, cache, *more):
    done = subprocess.run([SLUICE, "calls", "--cache", cache, *more, path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    return done.returncode, set(done.stdout.split()), done.stderr


def compare(name, command, kind, tmp, cache):
    path = shutil.which(command[0])
    if not path:
        say(True, f"{name}: what it does is in the list", "it is not installed")
        return
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            say(True, f"{name}: what it does is in the list", "a script here")
            return
    compiled, arm = kind is not None, kind is not None and "aarch64" in kind
    status, static, errors = analysed(path, cache, *(["--root", ARM_ROOT] if arm else []))
    seen = recorded_aarch64(path) if arm else recorded([path, *command[1:]], tmp)
    kind = kind or kind_of(path, name)
    missing = seen - static
    # A program that loads objects by itself does what these do; the list says so.
    # What is compiled here does not.
    told = not compiled and ("loads objects at run time" in errors or "cannot be told" in errors)
    good = status in (0, 1) and static and seen and (not missing or told)
    say(bool(good), f"{name}: {len(seen)} calls seen, {len(static)} listed"
        + (f", missing: {' '.join(sorted(missing))}" if missing else ""))
    if status not in (0, 1):
        print("#", errors)
    rows.append((name, kind, len(static), len(seen), len(missing), errors.count("cannot be told"),
                 errors.count("loads objects")))


def refusals(tmp):
    """Files that lie."""
    script = pathlib.Path(tmp, "script")
    script.write_text("#!/bin/sh\n")
    done = subprocess.run([SLUICE, "calls", script], stderr=subprocess.PIPE, text=True, check=False)
    say(done.returncode == 2 and "interpreter" in done.stderr, "a script is refused with a hint")
    data = bytearray(pathlib.Path("/bin/true").read_bytes())
    bad = 0
    seed = 1
    for trial in range(600 if LONG else 60):
        broken = bytearray(data)
        for _ in range(1 + trial % 8):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            # Headers, tables and code: the first part of the file is the richest.
            at = (seed >> 33) % (len(data) if trial % 2 else 4096)
            broken[at] = (seed >> 25) & 255
        if trial % 10 == 9:
            del broken[(seed >> 20) % len(broken):]
        file = pathlib.Path(tmp, "broken")
        file.write_bytes(broken)
        done = subprocess.run([SLUICE, "calls", "--no-cache" if trial % 7 == 0 else f"--cache={tmp}",
                               file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)
        if done.returncode not in (0, 1, 2) or re.search(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]", done.stderr):
            bad += 1
            print(f"# trial {trial}: exit status {done.returncode}: {ascii(done.stderr)}")
    say(bad == 0, "damaged files end in an answer or an error, and nothing in it moves a cursor")


def control(tmp, cache):
    """The comparison notices a list that lacks a call: true does not set a mask for its files."""
    _, static, _ = analysed(shutil.which("true"), cache)
    seen = recorded(["/bin/sh", "-c", "umask 022"], tmp)
    say("umask" in seen - static, "control: a shell does more than true can")
    done = subprocess.run([SLUICE, "calls", "--why", "write", shutil.which("true")],
                          stdout=subprocess.PIPE, text=True, check=False)
    say(done.returncode == 0 and len(done.stdout.splitlines()) > 2, "--why shows a way to write")
    done = subprocess.run([SLUICE, "calls", "--why", "reboot", shutil.which("true")],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    say(done.returncode == 1 and not done.stdout, "--why of a call that is not made: status 1")


def save():
    with open(HERE / "calls.md", "w", encoding="utf-8") as out:
        out.write("# What `sluice calls` finds, beside what one run does\n\n"
                  "Written by `tests/cli/calls.py build/cli/sluice --long --save`. \"Missing\" are calls "
                  "of the run\nthat are not in the list; they come from objects that are loaded at run "
                  "time,\nor from places whose number cannot be told. The kind is what the file shows.\n\n"
                  "| program | kind | listed | seen in one run | missing | places not told | loads |\n"
                  "|---|---|---|---|---|---|---|\n")
        for row in rows:
            out.write("| " + " | ".join(str(c) for c in row) + " |\n")
        sizes = sorted(r[2] for r in rows)
        out.write(f"\n{len(rows)} programs; the median list has {sizes[len(sizes) // 2]} calls, the mean "
                  f"{sum(sizes) / len(sizes):.0f}. Published figures of other analyses, on other sets of "
                  "programs:\n43 (B-Side), 95 (sysfilter), 271 (Chestnut) on average.\n")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        cache = os.path.join(tmp, "cache")
        os.mkdir(cache)
        probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False,
                               stderr=subprocess.DEVNULL) if shutil.which("strace") else None
        if probe is None or probe.returncode:
            say(True, "calls", "no strace, or it is not allowed")
        else:
            for line in (LONG_LIST if LONG else SHORT_LIST).split("\n"):
                if line:
                    compare(line.split()[0], line.split(), None, tmp, cache)
            source = pathlib.Path(tmp, "program.c")
            source.write_text(PROGRAM)
            for name, (compiler, kind) in SOURCES.items():
                made = os.path.join(tmp, name)
                if compiler[:2] == ARM and not shutil.which(QEMU):
                    say(True, name, f"no {QEMU}")
                elif shutil.which(compiler[0]) and subprocess.run(
                        [*compiler, "-pthread", "-o", made, source], stderr=subprocess.DEVNULL,
                        check=False).returncode == 0:
                    compare(name, [made], kind, tmp, cache)
                else:
                    say(True, name, f"{' '.join(compiler)} cannot build it here")
            control(tmp, cache)
        refusals(tmp)
    if SAVE:
        save()
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
