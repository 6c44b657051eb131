"""What the tests with other people's programs have in common.

A client is a small file: what it needs, a function run(box) that raises Failed unless the
program works in its sandbox, and one line: client.main(...). main() runs it

  1. on the system's own library, whose filters are taken as the reference;
  2. on the library under test: it works, and every filter decides like the reference's (but for
     numbers that only one of the two libraries has a name for);
  3. through broken.c passing everything on (so that what follows is not the wrapper's doing);
  4. with each sabotage of broken.c: the client fails or its filters differ.

Every run has namespaces of its own (mounts, processes, network, IPC), with the library bound over
the system's, so that programs that drop their environment meet it too, and is traced by getfilter.
Nothing outlives a run: its process 1 is killed with everything in it when the time is over.
SPDX-License-Identifier: MIT
"""
import argparse
import itertools
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# scripts/setup unpacks there what it does not want to install.
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
                     "sluice/clients")
PATH = ":".join([f"{CACHE}/usr/sbin", f"{CACHE}/usr/bin", "/usr/local/sbin", "/usr/local/bin",
                 "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
I386 = 0x40000003  # AUDIT_ARCH_I386
TIME_LIMIT = 60  # seconds a run; only to end a hang
CANNOT_TAKE = 99  # getfilter's exit status
MARKER = b"@@sabotage-config@@"
SABOTAGES = {
    "rules": "whose rule_add adds nothing",
    "args": "that ignores the arguments of rules",
    "load": "that loads and exports nothing",
}
# For shell scripts in a box. The tries only end a hang.
WAIT_FOR = """
wait_for() # CONDITION PID...: until the condition holds or one of the processes has ended
{
	condition=$1 tries=0
	shift
	until eval "$condition"; do
		[ $((tries += 1)) -le 400 ] || return 1
		for pid; do
			if ! [ -d /proc/$pid ] || grep -q '^State:.Z' /proc/$pid/status; then return 1; fi
		done
		sleep 0.1
	done
}
"""


class Failed(Exception):
    """The client does not work; the text says what was seen."""


class Skip(Exception):
    """Cannot run here; the text says why."""


def system_library():
    out = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True, check=True)
    for line in out.stdout.splitlines():
        match = re.search(r"libseccomp\.so\.2 \(.*x86-64.*\) => (\S+)", line)
        if match:
            return os.path.realpath(match[1])
    raise Skip("the system has no libseccomp.so.2")


ARCHES = {0xc000003e: 0, 0x40000003: 0, 0x4000003e: 0x40000000}  # token: where its numbers begin
AUDIT_ARCH = {0x4000003e: 0xc000003e}


def names(library):
    """{"audit arch:number"} of what a library has a name for. In a process of its own: one process
    cannot be sure to have two libraries of one soname apart."""
    code = f"""
import ctypes, sys
resolve = ctypes.CDLL(sys.argv[1]).seccomp_syscall_resolve_num_arch
resolve.restype, resolve.argtypes = ctypes.c_void_p, [ctypes.c_uint32, ctypes.c_int]
for token, base in {ARCHES}.items():
    for nr in range(base, base + 1024):
        if resolve(token, nr):
            print(f"{{ {AUDIT_ARCH}.get(token, token):x}}:{{nr:x}}")
"""
    out = subprocess.run([sys.executable, "-c", code, str(library)], stdout=subprocess.PIPE,
                         text=True, check=True)
    return set(out.stdout.split())


class Box:
    """One run of one client on one library."""

    def __init__(self, options, library, directory, time_limit):
        self.options, self.library, self.time_limit = options, library, time_limit
        self.dir = pathlib.Path(directory)  # the client's own files; any user may write
        self.filter_dir = self.dir / "filters"
        self.filter_dir.mkdir(parents=True)
        self.exported = {}
        for path in (self.dir, self.filter_dir):
            path.chmod(0o1777)

    def run(self, argv, stdin="", user=None, ok=(0,), env=None):
        """Runs a program to its end and returns it (returncode, stdout, stderr); Failed unless
        its exit status is one of @ok (None: any). @user drops to that user's ids."""
        target = system_library()
        inside = ('mount --make-rprivate / && mount --bind "$1" "$2" && mount -t tmpfs none /run && '
                  'mount -t tmpfs none /var/tmp && ip link set lo up && cd "$3" && shift 3 && '
                  'exec "$@"')
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
                   "--ipc", "--uts", "sh", "-c", inside, "sh",
                   str(self.library), target, str(self.dir),
                   str(self.options.getfilter), str(self.filter_dir)]
        if user:
            ids = pwd.getpwnam(user)
            command += ["setpriv", f"--reuid={ids.pw_uid}", f"--regid={ids.pw_gid}", "--clear-groups"]
        clean = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(self.dir), "SECCOMP_SELF_CHECK": "1",
                 "TMPDIR": str(self.dir), **(env or {})}
        with subprocess.Popen(command + [str(a) for a in argv], text=True, errors="replace",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean) as child:
            try:
                said = child.communicate(stdin, self.time_limit)
                child.stdout_text, child.stderr_text = said
            except subprocess.TimeoutExpired:
                child.kill()  # unshare --kill-child: takes the whole namespace along
                child.communicate()
                raise Failed(f"{argv[0]} did not end in {self.time_limit:.0f} s") from None
        if child.returncode == CANNOT_TAKE and "getfilter:" in child.stderr_text:
            raise Skip("the kernel does not hand filters out: " + last_line(child.stderr_text))
        if ok is not None and child.returncode not in ok:
            raise Failed(f"{argv[0]} ended with {child.returncode}: "
                         + last_line(child.stderr_text or child.stdout_text))
        return child

    def export(self, name, path):
        """A program that the client exported to a file counts as a filter too."""
        self.exported[name] = (pathlib.Path(path).read_bytes(),)

    def filters(self):
        """{program name: [distinct chains in the order of their ends]}; a chain is what a thread
        ended with, each filter as bytes, the last one loaded first."""
        chains = {}
        for path in sorted(self.filter_dir.glob("*.bpf")):
            sequence, rest = path.name[:-4].split("-", 1)
            comm, _pid, depth = rest.rsplit("-", 2)
            chains.setdefault((sequence, comm), {})[int(depth)] = path.read_bytes()
        found = {}
        for (_sequence, comm), chain in chains.items():
            found.setdefault(comm, []).append(tuple(chain[d] for d in sorted(chain)))
        for name, chain in self.exported.items():
            found.setdefault(name, []).append(chain)
        return {name: list(dict.fromkeys(chains)) for name, chains in found.items()}


def log_end(path):
    """The last line of a log, which may not exist yet."""
    return last_line(path.read_text(errors="replace") if path.exists() else "")


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "(it said nothing)"


class Comparison:
    """Compares filters; remembers, because processes share them."""

    def __init__(self, options, directory):
        self.options, self.dir, self.known = options, pathlib.Path(directory), {}
        self.numbers = itertools.count()
        self.may_differ = []  # what only one of the libraries has a name for

    def difference(self, a, b):
        """None where two filters decide alike, else an input that tells them apart."""
        if a == b:
            return None
        if (a, b) not in self.known:
            self.known[a, b] = self.judge(a, b)
        return self.known[a, b]

    def judge(self, a, b):
        paths = []
        for program in (a, b):
            paths.append(self.dir / f"{next(self.numbers)}.bpf")
            paths[-1].write_bytes(program)
        out = self.ask(self.options.samefilter, *paths, *self.may_differ)
        if out.returncode != 0:
            return (out.stdout or out.stderr).strip()
        if not self.options.prove:
            return None
        out = self.ask(self.options.prove, "prove", "--regions", "--json", *paths)
        if out.returncode != 1:  # 2: outside of what it can prove
            return None
        return next((json.dumps(region["witness"]) for region in json.loads(out.stdout)["regions"]
                     if not self.excepted(region)), None)

    def excepted(self, region):
        """Only one of the libraries has a name for each of these calls, or no value there is one that
        the kernel reads: samefilter.c's is_read()."""
        whole = {c["field"]: (int(c["first"], 0), int(c["last"], 0)) for c in region["conditions"]
                 if int(c["mask"], 0) == 0xffffffff}
        (arch, other), (first, last) = whole.get("arch", (-1, -1)), whole.get("nr", (-1, -1))
        if arch != other or last - first > 64:
            return False
        unread = {117: 0x10000, 102: 0x100000000}.get(first) if arch == I386 and first == last else None
        above = any(int(c["first"], 0) >= unread for c in region["conditions"]
                    if c["field"] == "a0") if unread else False
        return above or all(f"{arch:x}:{nr:x}" in self.may_differ for nr in range(first, last + 1))

    @staticmethod
    def ask(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIME_LIMIT, check=False)

    def chains_differ(self, one, other):
        if len(one) != len(other):
            return f"{len(one)} filters against {len(other)}"
        return next((d for a, b in zip(one, other) if (d := self.difference(a, b))), None)

    def unmatched(self, chains, others, swap=False):
        """None where each of @chains decides like one of @others, else the first difference (@swap:
        in which A is of @others)."""
        for at, chain in enumerate(chains):
            # Most programs end in the same order every time: ask the likeliest first.
            likely = others[at:at + 1] + others[:at] + others[at + 1:]
            first = None
            for other in likely:
                difference = self.chains_differ(*((other, chain) if swap else (chain, other)))
                if not difference:
                    break
                first = first or difference
            else:
                return first or "one has a filter, the other none"
        return None

    def runs_differ(self, one, other):
        """None, or the first difference between the filters of two runs (A: of the first)."""
        for name in sorted(one.keys() | other.keys()):
            ours, theirs = one.get(name, []), other.get(name, [])
            difference = self.unmatched(ours, theirs) or self.unmatched(theirs, ours, True)
            if difference:
                return f"{name}: {difference}"
        return None


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def say(self, ok, name, detail=None):
        self.count += 1
        self.bad += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}")
        if detail:
            print("# " + str(detail).replace("\n", "\n# "))
        sys.stdout.flush()

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.bad else 0


def size(filters):
    """How many instructions all distinct filters of a run have."""
    distinct = {program for chains in filters.values() for chain in chains for program in chain}
    return f"{len(distinct)} filters, {sum(len(p) for p in distinct) // 8} instructions"


class Client:
    def __init__(self, name, function, options, directory, normalise):
        self.name, self.function, self.options = name, function, options
        self.dir = pathlib.Path(directory)
        self.dir.chmod(0o755)
        self.tap = Tap()
        self.comparison = Comparison(options, directory)
        self.normalise = normalise
        self.runs = itertools.count()
        self.reference = None

    def place(self, source, mode=None):
        """A copy of a library where any user can read it; with @mode, broken.c in front of it."""
        number = next(self.runs)
        copy = self.dir / f"library-{number}.so"
        shutil.copyfile(source, copy)
        copy.chmod(0o755)
        if not mode:
            return copy
        image = pathlib.Path(self.options.broken).read_bytes()
        config = f"{mode} {copy}\0".encode()
        at = image.index(MARKER)
        broken = self.dir / f"broken-{number}.so"
        broken.write_bytes(image[:at] + config + image[at + len(config):])
        broken.chmod(0o755)
        return broken

    def once(self, library, time_limit=TIME_LIMIT):
        """(filters, None), or ({}, why it failed)."""
        box = Box(self.options, library, self.dir / f"run-{next(self.runs):03}", time_limit)
        try:
            self.function(box)
        except Failed as failure:
            return {}, str(failure)
        filters = box.filters()
        if self.normalise:
            filters = {name: [tuple(self.normalise(p) for p in chain) for chain in chains]
                       for name, chains in filters.items()}
        return filters, None

    def works(self, library, what):
        filters, failure = self.once(library)
        self.tap.say(not failure, f"{self.name} runs {what}", failure or size(filters))
        return filters if not failure else None

    def alike(self, filters, what):
        difference = self.comparison.runs_differ(self.reference, filters)
        self.tap.say(not difference, f"{self.name}'s filters {what} decide as the system's do",
                     difference)

    def test(self, sabotages):
        system = system_library()
        self.reference, failure = self.once(self.place(system))
        if failure:
            # Nothing of ours has run yet.
            self.tap.skip(self.name, f"it does not work here on the system's own library: {failure}")
            return
        self.tap.say(True, f"{self.name} runs on the system's own library", size(self.reference))
        if not self.reference:
            self.tap.say(False, f"{self.name} has a filter at all")
            return
        under_test = self.options.lib or system
        self.comparison.may_differ = sorted(names(system) ^ names(under_test))
        for what, library in (("on the library under test", self.place(under_test)),
                              ("through a wrapper", self.place(under_test, "forward"))):
            begin = time.monotonic()
            filters = self.works(library, what)
            if filters is not None:
                self.alike(filters, what)
        # A sabotaged program may hang (exit_group denied): many times what it took just now.
        time_limit = min(TIME_LIMIT, 5 + 10 * (time.monotonic() - begin))
        for mode in sabotages:
            filters, failure = self.once(self.place(under_test, mode), time_limit)
            noticed = failure or self.comparison.runs_differ(self.reference, filters)
            self.tap.say(bool(noticed), f"{self.name} notices a library {SABOTAGES[mode]}", noticed)


def main(name, function, needs=(), sabotages=("rules", "args", "load"), normalise=None):
    """@needs: programs that must be there. @normalise: bytes to bytes, takes out of a filter what
    differs from run to run (addresses)."""
    parser = argparse.ArgumentParser(description=f"{name} on a libseccomp.so.2")
    parser.add_argument("--lib", type=os.path.abspath,
                        help="the library under test (default: the system's own)")
    parser.add_argument("--getfilter", type=os.path.abspath, required=True)
    parser.add_argument("--samefilter", type=os.path.abspath, required=True)
    parser.add_argument("--broken", type=os.path.abspath, required=True)
    parser.add_argument("--prove", type=os.path.abspath, help="build/cli/sluice, a second judge by its prove")
    parser.add_argument("--keep", help="work in this new directory and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="client-") as directory:
        if options.keep:
            directory = os.path.abspath(options.keep)
            os.mkdir(directory)
        client = Client(name, function, options, directory, normalise)
        missing = [n for n in (*needs, "unshare", "ip") if not shutil.which(n, path=PATH)]
        try:
            if missing:
                raise Skip(f"{', '.join(missing)} not installed")
            if os.geteuid() != 0:
                raise Skip("needs root, for namespaces and to take filters")
            client.test(sabotages)
        except Skip as skip:
            client.tap.skip(name, skip)
        sys.exit(client.tap.end())
