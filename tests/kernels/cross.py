"""A root with cross compilers and emulators in the cache, and builds of this project in it.

The machine's own packages stay untouched: its cross compilers would displace gcc-multilib, and
its qemu may be too old. The root is made once, by debootstrap, and used through a mount namespace.
SPDX-License-Identifier: MIT"""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess

from machines import ABIS, ROOT_PACKAGES, ROOT_SUITE

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "sluice")
ROOT = CACHE / "cross"
WORK = CACHE / "work"  # seen in the root as /mnt/work, the sources as /mnt/source
MIRROR = "http://deb.debian.org/debian"

INSIDE = """mount --make-rprivate / &&
mount --bind "$1" "$3/mnt/source" && mount -o remount,bind,ro "$3/mnt/source" &&
mount --bind "$2" "$3/mnt/work" && mount -t proc none "$3/proc" && mount --rbind /dev "$3/dev" &&
root=$3 && shift 3 && exec chroot "$root" "$@"
"""

CROSS_FILE = """[binaries]
c = '{prefix}-gcc'
ar = '{prefix}-ar'
strip = '{prefix}-strip'
objcopy = '{prefix}-objcopy'
{wrapper}

[built-in options]
c_args = {flags}
c_link_args = {flags} + {link}

[properties]
needs_exe_wrapper = true

[host_machine]
system = 'linux'
cpu_family = '{cpu}'
cpu = '{cpu}'
endian = '{endian}'
"""


class Cannot(Exception):
    """The cross root or a build in it cannot be had; the text says why."""


class Broken(Exception):
    """What was downloaded cannot be built: ours to mend, no reason to skip."""


def enter(*argv):
    """The command that runs argv in the root; killing it kills all that it started."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh",
            str(SOURCE), str(WORK), str(ROOT), *map(str, argv)]


def run(*argv, log, time_limit=1800):
    """Runs argv in the root, its output appended to a log. Cannot, when it fails."""
    with open(log, "a", encoding="utf-8") as out:
        print("+", *argv, file=out, flush=True)
        try:
            done = subprocess.run(enter(*argv), stdout=out, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=time_limit, check=False)
        except subprocess.TimeoutExpired:
            raise Cannot(f"{argv[0]} did not end in {time_limit} s: {log}") from None
    if done.returncode:
        raise Cannot(f"{' '.join(map(str, argv[:3]))}: exit status {done.returncode}, see {log}")


@contextlib.contextmanager
def only_one():
    """Two work trees may share the cache: one builds at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_root():
    """Makes the root, or completes it when the list of packages has grown."""
    if os.geteuid() != 0:
        raise Cannot("needs root, for debootstrap and chroot")
    for tool in ("debootstrap", "unshare"):
        if not shutil.which(tool):
            raise Cannot(f"{tool} is not installed")
    WORK.mkdir(parents=True, exist_ok=True)
    if not (ROOT / "etc/debian_version").exists():
        shutil.rmtree(ROOT, ignore_errors=True)
        made = subprocess.run(["debootstrap", "--variant=minbase", ROOT_SUITE, ROOT, MIRROR],
                              stdout=subprocess.DEVNULL, check=False)
        if made.returncode:
            shutil.rmtree(ROOT, ignore_errors=True)
            raise Cannot("debootstrap failed")
    for directory in ("source", "work"):
        (ROOT / "mnt" / directory).mkdir(exist_ok=True)
    wanted = "\n".join(ROOT_PACKAGES)
    stamp = ROOT / "etc/sluice-packages"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    log = WORK / "root.log"
    run("apt-get", "update", log=log)
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q",
        "--no-install-recommends", *ROOT_PACKAGES, log=log)
    stamp.write_text(wanted)


def user_command(name):
    """What runs a program of that ABI in the root, its shared libraries found."""
    return [f"/usr/bin/{ABIS[name].user}", "-L", f"/usr/{ABIS[name].prefix}"]


def build(name, targets, static):
    """Cross-builds the project's @targets for an ABI; returns the build directory as seen outside
    of the root, whose name inside is /mnt/work/NAME."""
    abi = ABIS[name]
    directory = name + ("-static" if static else "")
    log = WORK / f"{directory}.log"
    log.unlink(missing_ok=True)
    cross = WORK / f"{directory}.cross"
    text = CROSS_FILE.format(prefix=abi.prefix, flags=abi.flags, cpu=abi.cpu, endian=abi.endian,
                             link=["-static"] if static else [],
                             wrapper=f"exe_wrapper = {user_command(name)}" if abi.user else "")
    if not cross.exists() or cross.read_text() != text:
        shutil.rmtree(WORK / directory, ignore_errors=True)
        cross.write_text(text)
    if not (WORK / directory / "build.ninja").exists():
        run("meson", "setup", "--cross-file", f"/mnt/work/{cross.name}", "-Dbuildtype=release",
            "-Dwerror=false",
            "-Dsluice=false", f"/mnt/work/{directory}", "/mnt/source", log=log)
    run("ninja", "-C", f"/mnt/work/{directory}", *targets, log=log)
    return WORK / directory
