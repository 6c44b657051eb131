#!/usr/bin/env python3
"""What sluice serve does for containers of runc and crun beside files (serve.py): sysinfo(2) from their control groups,
and volumes. emulations.py SLUICE [--own-library]. Prints TAP.
SPDX-License-Identifier: MIT"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402
from serving import LIMIT, Place, runtimes, say, until  # noqa: E402

MEMORY = 64 << 20
SOURCE = pathlib.Path(__file__).parent / "memory.c"


# ---- sysinfo -----------------------------------------------------------------------------

def own_group(controller):
    """The folder of this process's group, and its version; None: it cannot be seen."""
    paths = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, names, path = line.split(":", 2)
        paths.update({name: path for name in names.split(",")})
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, right = line.split(" - ")
        if left.split()[3] != "/":
            continue
        kind, options = right.split()[0], right.split()[-1].split(",")
        if kind == "cgroup" and controller in options and controller in paths:
            return pathlib.Path(left.split()[4] + paths[controller]), 1
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, right = line.split(" - ")
        if right.split()[0] == "cgroup2" and left.split()[3] == "/" and "" in paths:
            return pathlib.Path(left.split()[4] + paths[""]), 2
    return None


def removed(path):
    """A group, once the last of its processes has been reaped."""
    try:
        path.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


@contextlib.contextmanager
def limited(name):
    """A group with a limit of memory below this process's, and one without below that: what enters the second, and
    why there is none."""
    found = own_group("memory")
    if not found:
        yield None, "no control groups"
        return
    top, version = found
    outer = top / f"sluice-serve-{os.getpid()}-{name}"
    inner = outer / "inner"
    try:
        outer.mkdir()
        (outer / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(MEMORY), encoding="ascii")
        inner.mkdir()
    except OSError as e:
        yield None, f"no group with a limit of memory can be made: {e.strerror}"
    else:
        yield lambda: (inner / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii"), None
    for path in (inner, outer):
        until(lambda: removed(path))


def runs(program):
    """Whether the kernel executes it: one without 32-bit programs says ENOEXEC."""
    try:
        return subprocess.run([program], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def probes(folder):
    """Programs of both word sizes that ask sysinfo(2): {name: path}."""
    made = {}
    for name, flags in (("ask64", ["-m64"]), ("ask32", ["-m32"])):
        words = ["cc", *flags, "-static", "-O1", "-o", folder / name, SOURCE]
        if shutil.which("cc") and subprocess.run(words, capture_output=True, check=False).returncode == 0 and \
                runs(folder / name):
            made[name] = folder / name
    return made


def numbers(line):
    return [int(w) for w in line.split()] if line[:1].isdigit() else None


def test_sysinfo(name, runtime):
    with Place() as p, limited(name) as (enter, why):
        made = probes(p.dir)
        if "ask64" not in made or why:
            skip(f"{name}: sysinfo", why or "no program can be linked statically")
            return
        p.policy("web", sysinfo=True)
        p.policy("other", mkdir=["/data"])
        first = p.start("--keeper", p.dir / "keeper")
        host = numbers(subprocess.run([made["ask64"]], capture_output=True, text=True, check=True).stdout.splitlines()[0])
        r = p.box(runtime, "; ".join(made), "web", preexec_fn=enter, programs=made.values())
        lines = r.stdout.splitlines()
        for i, program in enumerate(("ask64", "ask32")):
            if program not in made:
                skip(f"{name}: sysinfo: {program}", "none can be linked or run")
                continue
            n = numbers(lines[3 * i]) if len(lines) > 3 * i + 2 else None
            check(f"{name}: sysinfo: {program}: memory is what its groups let it have", n and n[0] == MEMORY and
                  0 < n[1] < MEMORY and n[1] < host[1] and n[2] <= host[2], (host, r))
            check(f"{name}: sysinfo: {program}: processes and uptime of the container", n and 1 <= n[3] <= 8 and
                  n[4] < host[4] and n[4] <= LIMIT and n[5] == 0, (host, r))
            check(f"{name}: sysinfo: {program}: addresses that are none", lines[3 * i + 1:3 * i + 3] == ["error 14"] * 2, r)
        for program in made:
            r = p.box(runtime, program, "web", programs=made.values())
            n = numbers(r.stdout.splitlines()[0]) if r.stdout else None
            # Of 32 bits the unit is larger.
            check(f"{name}: sysinfo: {program}: without a limit, the machine's memory", n and n[5] == 0 and
                  (n[0] == host[0] if program == "ask64" else 0 <= host[0] - n[0] < 65536), (host, r))
        r = p.box(runtime, "ask64", "other", programs=made.values())
        check(f"{name}: sysinfo: refused by a policy without it", r.stdout.splitlines()[:1] == ["error 1"], r)
        r = p.box(runtime, "i=0; while [ $i -lt 30 ]; do { while :; do ask64; done; } >/dev/null & p=$!; "
                  "busybox usleep 10000; kill -9 $p; i=$((i+1)); done; ask64", "web", preexec_fn=enter,
                  programs=made.values())
        n = numbers(r.stdout.splitlines()[0]) if r.stdout else None
        check(f"{name}: sysinfo: callers that are killed meanwhile", n and n[0] == MEMORY and first.poll() is None,
              (r, first.said()))
        with subprocess.Popen(**p.command(runtime, "echo > /tmp/begun; while ! [ -e /tmp/go ]; do busybox sleep 0.05; "
                                          "done; ask64", "web", programs=made.values()),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as box:
            inside = p.dir / f"box-{p.boxes}/rootfs/tmp"
            until(lambda: (inside / "begun").exists())
            first.kill()
            first.wait()
            second = p.start("--keeper", p.dir / "keeper")
            state = (p.dir / "keeper.state").read_text(encoding="ascii")
            (inside / "go").touch()
            said = box.communicate(timeout=LIMIT)
        n = numbers(said[0].splitlines()[0]) if said[0] else None
        check(f"{name}: sysinfo: a successor knows when the container began", n and n[4] <= LIMIT < host[4] + LIMIT and
              '"started": 0' not in state and '"started":0' not in state and '"started"' in state,
              (n, host, state, second.said()))


# Added to the machine's: none may be on here.
SWAP = 1 << 30
SWAPPED = """
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>
int sysinfo(struct sysinfo *s)
{
	int rc = (int)syscall(SYS_sysinfo, s);
	s->totalswap += %dUL / s->mem_unit;
	s->freeswap += %dUL / s->mem_unit;
	return rc;
}
""" % (SWAP, SWAP)


def test_swap(name, runtime):
    """A machine that has swap. The first version of control groups limits memory and swap as a sum."""
    with Place() as p, limited(name + "-swap") as (enter, why):
        made, library = probes(p.dir), p.dir / "swapped.so"
        cc = ["cc", "-shared", "-fPIC", "-o", library, "-x", "c", "-"]
        if "ask64" not in made or why or subprocess.run(cc, input=SWAPPED, text=True, capture_output=True, check=False).returncode:
            skip(f"{name}: sysinfo: swap", why or "no library can be linked")
            return
        p.policy("web", sysinfo=True)
        server = p.start(inside=("env", f"LD_PRELOAD={library}"))
        if server.poll() is not None:
            skip(f"{name}: sysinfo: swap", "this build takes no library before its own")
            return
        for what, entered in (("no limit", None), ("a limit of memory alone", enter)):
            r = p.box(runtime, "ask64", "web", preexec_fn=entered, programs=made.values())
            n = numbers(r.stdout.splitlines()[0]) if r.stdout else None
            check(f"{name}: sysinfo: {what}: swap is the machine's", n and n[2] >= SWAP, (n, r))
        group, version = own_group("memory")
        group /= f"sluice-serve-{os.getpid()}-{name}-swap"
        try:
            (group / ("memory.memsw.limit_in_bytes" if version == 1 else "memory.swap.max")).write_text(
                str(2 * MEMORY if version == 1 else MEMORY), encoding="ascii")
        except OSError as e:
            skip(f"{name}: sysinfo: a limit of swap", f"none can be set: {e.strerror}")
            return
        r = p.box(runtime, "ask64", "web", preexec_fn=enter, programs=made.values())
        n = numbers(r.stdout.splitlines()[0]) if r.stdout else None
        check(f"{name}: sysinfo: a limit of swap", n and n[:3:2] == [MEMORY, MEMORY], (n, r))


# ---- volumes -----------------------------------------------------------------------------

def test_volumes(name, runtime):
    with Place() as p:
        top = p.dir / "volumes"
        for folder in ("ro", "rw"):
            (top / folder).mkdir(parents=True)
            (top / folder / "file").write_text(folder, encoding="ascii")
        (top / "link").symlink_to("ro")
        p.policy("web", mount={"volumes": {"/v/ro": {"path": str(top / "ro")}, "/v/rw": {"path": str(top / "rw"), "writable": True},
                                           "/v/link": {"path": str(top / "link")}, "/v/none": {"path": str(top / "none")}}})
        # Mounts of the server's namespace appear in others: the container's must not.
        p.start(inside=("unshare", "-m", "--propagation", "shared"))
        bind = "busybox mount -o bind"
        r = p.box(runtime, say(f"{bind} /v/ro /mnt", f"{bind} /v/rw /data") + "; busybox cat /mnt/file /data/file; echo; " + say(
            "echo > /mnt/new", "echo > /data/new", f"{bind} /v/link /tmp", f"{bind} /v/none /tmp", f"{bind} /v/other /tmp",
            f"{bind} {top}/ro /tmp", f"{bind} /v/ro/../rw /tmp", f"{bind} /etc /tmp", "busybox mount -o rbind /v/rw /tmp",
            "busybox mount -t tmpfs none /tmp", f"{bind} /v/rw /proc", "busybox mount -o bind,remount /v/ro /mnt",
            "busybox mknod /data/null c 1 3") + "; busybox cat /proc/self/mountinfo", "web")
        lines = r.stdout.splitlines()
        check(f"{name}: volumes of the policy are mounted", lines[:3] == ["0", "0", "rorw"] and
              (top / "rw/new").exists(), (r.stdout, r.stderr))
        check(f"{name}: and nothing else: read only, links, other sources, flags and types",
              lines[3:5] == ["1", "0"] and lines[5:16] == ["1"] * 11 and not (top / "ro/new").exists(), (r.stdout, r.stderr))
        mounts = {line.split()[4]: line for line in lines[16:] if " - " in line}
        check(f"{name}: volumes: nosuid, nodev, and apart from the machine's",
              all("nosuid" in mounts.get(m, "") and "nodev" in mounts[m] and "shared:" not in mounts[m] and
                  "master:" not in mounts[m] for m in ("/mnt", "/data")) and " ro," in mounts["/mnt"], mounts)
        r = p.box(runtime, say("busybox mount -o bind,noexec /v/rw /mnt", "busybox mount -o bind /v/rw /bin"), "web", uid=1000)
        check(f"{name}: volumes: of an ordinary user of the container, on its own folders only", r.stdout.split() == ["0", "1"],
              (r.stdout, r.stderr))
        for path in (p.dir, top, top / "ro", top / "rw"):
            path.chmod(0o755)
        r = p.box(runtime, say(f"{bind} /v/ro /mnt", f"{bind} /v/rw /mnt", "busybox cat /mnt/file"), "web", userns=True)
        check(f"{name}: volumes in a user namespace: none that is to stay read only", r.stdout.split() == ["1", "0", "rw0"],
              (r.stdout, r.stderr))
        r = p.box(runtime, say(f"{bind} /v/ro /mnt", f"{bind} /v/rw /mnt", "busybox cat /mnt/file"), "web", capabilities=["CAP_SYS_ADMIN"])
        check(f"{name}: volumes of who may change mounts: none that is to stay read only", r.stdout.split() == ["1", "0", "rw0"],
              (r.stdout, r.stderr))
    with Place() as p:
        p.policy("web", mount={"types": []})
        p.start()
        r = p.box(runtime, say("busybox mount -t tmpfs none /mnt"), "web")
        check(f"{name}: no type, no mount", r.stdout.split() == ["1"], (r.stdout, r.stderr))


def main():
    for name, runtime, why in runtimes():
        if why:
            skip(f"containers of {name}", why)
            continue
        test_sysinfo(name, runtime)
        test_swap(name, runtime)
        test_volumes(name, runtime)
    done()


main()
