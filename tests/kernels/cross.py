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

# Not exec: no signal ends process 1 of a namespace, so an abort(3) there would hang.
INSIDE = """set -e
mount --make-rprivate /
mount --bind "$1" "$3/mnt/source"
mount -o remount,bind,ro "$3/mnt/source"
mount --bind "$2" "$3/mnt/work"
mount -t proc none "$3/proc"
mount --rbind /dev "$3/dev"
root=$3
shift 3
chroot "$root" "$@" || exit $?
"""

CROSS_FILE = """[binaries]
c = '{prefix}-gcc'
ar = '{prefix}-ar'
strip = '{prefix}-strip'
objcopy = '{prefix}-objcopy'
pkg-config = 'pkg-config'
{wrapper}

[built-in options]
c_args = {flags}
c_link_args = {flags} + {link}
pkg_config_path = '/mnt/work/{cmocka}/lib/pkgconfig'
prefer_static = {static}

[project options]
sluice = {sluice}
cli = false
examples = false
man = false
bench = false

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


def cmocka(name):
    """Builds the library of the unit tests for an ABI: Debian has it for its own architectures
    only. Returns its directory's name in /mnt/work."""
    abi, directory = ABIS[name], f"{name}-cmocka"
    if (WORK / directory / "lib/pkgconfig/cmocka.pc").exists():
        return directory
    log = WORK / f"{directory}.log"
    source, build_directory = "/mnt/work/cmocka", f"/mnt/work/{directory}.build"
    if not (WORK / "cmocka/CMakeLists.txt").exists():
        (WORK / "cmocka").mkdir(exist_ok=True)
        run("sh", "-ec", f"""
            echo 'deb-src {MIRROR} {ROOT_SUITE} main' >/etc/apt/sources.list.d/source.list
            apt-get update
            cd {source} && apt-get source --tar-only -o APT::Sandbox::User=root cmocka
            tar -xf cmocka_*.orig.tar.* --strip-components=1""", log=log)
    run("cmake", "-S", source, "-B", build_directory, "-DCMAKE_SYSTEM_NAME=Linux",
        f"-DCMAKE_C_COMPILER={abi.prefix}-gcc", f"-DCMAKE_C_FLAGS={' '.join(abi.flags)}",
        f"-DCMAKE_INSTALL_PREFIX=/mnt/work/{directory}", "-DCMAKE_INSTALL_LIBDIR=lib",
        "-DBUILD_SHARED_LIBS=OFF", "-DWITH_EXAMPLES=OFF", log=log)
    run("cmake", "--build", build_directory, "--target", "install", log=log)
    shutil.rmtree(WORK / f"{directory}.build")
    return directory


def build(name, targets, static, sluice=False):
    """Cross-builds the project's @targets for an ABI, with libsluice if @sluice; returns the build
    directory as seen outside of the root, whose name inside is /mnt/work/NAME."""
    abi = ABIS[name]
    directory = name + ("-static" if static else "")
    log = WORK / f"{directory}.log"
    log.unlink(missing_ok=True)
    cross = WORK / f"{directory}.cross"
    text = CROSS_FILE.format(prefix=abi.prefix, flags=abi.flags, cpu=abi.cpu, endian=abi.endian,
                             link=["-static"] if static else [], cmocka=cmocka(name),
                             static=str(static).lower(), sluice=str(sluice).lower(),
                             wrapper=f"exe_wrapper = {user_command(name)}" if abi.user else "")
    if not cross.exists() or cross.read_text() != text:
        shutil.rmtree(WORK / directory, ignore_errors=True)
        cross.write_text(text)
    if not (WORK / directory / "build.ninja").exists():
        run("meson", "setup", "--cross-file", f"/mnt/work/{cross.name}", "-Dbuildtype=release",
            f"/mnt/work/{directory}", "/mnt/source", log=log)
    run("ninja", "-C", f"/mnt/work/{directory}", *targets, log=log)
    return WORK / directory
