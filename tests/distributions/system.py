"""Fresh minimal systems of Debian: made by debootstrap, kept packed, and commands run in them.

A system is the minbase variant, from the mirror that apt is configured with. Packed systems and
downloaded packages are kept in $XDG_CACHE_HOME/sluice/distributions.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import shutil
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SUITES = ["bookworm", "trixie", "sid"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
                     "sluice/distributions")
TIME_LIMIT = 7200  # seconds a block; only to end a hang
DAYS = 7  # a system that is older is made anew
TREE = "home/tester/sluice"

# pivot_root, not chroot: in a chroot no user namespace can be made, as on no machine.
INSIDE = """set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind "$2" "$1/var/cache/apt/archives"
mount -t proc none "$1/proc"
mount --rbind /sys "$1/sys"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 none "$1/dev/shm"
cd "$1"
mkdir -p mnt/outside
pivot_root . mnt/outside
umount -l /mnt/outside
cd /
shift 2
"$@" || exit $?
"""
class Cannot(Exception):
    """A system cannot be had; the text says why."""


def tell(*words):
    print("#", time.strftime("%H:%M:%S"), *words, flush=True)


def unable():
    """Why no system can be made here, or None."""
    lacking = [tool for tool in ("debootstrap", "unshare", "git", "tar") if not shutil.which(tool)]
    if os.geteuid() != 0:
        return "not root"
    return f"no {', '.join(lacking)}" if lacking else None


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout


def mirror():
    uris = output("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                  "Component: main", "Origin: Debian").split()
    plain = [u for u in uris if "security" not in u]
    return (plain or ["http://deb.debian.org/debian"])[0]


def enter(root, suite, argv):
    """The command that runs argv in a system; killing it kills all that it started."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh",
            str(root), str(CACHE / f"archives-{suite}"), *argv]


def in_system(root, suite, command, log, user="root", time_limit=TIME_LIMIT):
    """Runs bash commands in a system; (exit status, lines that they wrote to descriptor 3)."""
    home = "/root" if user == "root" else f"/home/{user}"
    argv = ["env", "-i", f"HOME={home}", f"USER={user}", f"LOGNAME={user}", "LC_ALL=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    if user != "root":
        argv += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
    argv += ["bash", "-c", f"exec 3>>/tmp/steps\n{command}"]
    steps = root / "tmp/steps"
    steps.touch()
    steps.chmod(0o666)
    with open(log, "a", encoding="utf-8", errors="replace") as out:
        print(f"+ as {user}:", command.strip(), file=out, flush=True)
        try:
            status = subprocess.run(enter(root, suite, argv), stdout=out, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, timeout=time_limit,
                                    check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"did not end in {time_limit} s", file=out)
            status = -1
    lines = steps.read_text(errors="replace").splitlines()
    steps.unlink()
    return status, lines


def must(root, suite, command, log):
    status, _ = in_system(root, suite, command, log)
    if status:
        raise Cannot(f"{command.strip().splitlines()[0]}: exit status {status}, see {log}")


def base(suite):
    """A packed fresh system."""
    packed = CACHE / f"{suite}.tar"
    if packed.exists() and time.time() - packed.stat().st_mtime < DAYS * 86400:
        return packed
    root, debs = CACHE / f"{suite}.new", CACHE / f"archives-{suite}"
    shutil.rmtree(root, ignore_errors=True)
    tell("debootstrap of", suite, "from", mirror())
    log = CACHE / f"debootstrap-{suite}.log"
    with open(log, "w", encoding="utf-8") as out:
        made = subprocess.run(["debootstrap", "--force-check-gpg", "--variant=minbase", f"--cache-dir={debs}", suite, root,
                               mirror()], stdout=out, stderr=subprocess.STDOUT, check=False)
    if made.returncode:
        raise Cannot(f"debootstrap of {suite} failed, see {log}")
    # How this machine's apt reaches the mirror.
    (root / "etc/apt/apt.conf.d/90outside").write_text("".join(
        f"{line}\n" for line in output("apt-config", "dump").splitlines()
        if line.startswith(("Acquire::http", "Acquire::Check", "Acquire::Retries"))))
    # A system that is thrown away need not survive a loss of power; dpkg waits for the disk a lot.
    (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
    shutil.rmtree(root / "var/cache/apt/archives")
    (root / "var/cache/apt/archives").mkdir()
    subprocess.run(["tar", "-C", root, "--one-file-system", "-cf", f"{packed}.new", "."], check=True)
    shutil.rmtree(root)
    os.rename(f"{packed}.new", packed)
    return packed


def copy_tree(root):
    """This tree as it is now, without what is built, as the ordinary user's."""
    there = root / TREE
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir(parents=True)
    names = subprocess.run(["git", "-C", SOURCE, "ls-files", "-coz", "--exclude-standard"],
                           stdout=subprocess.PIPE, check=True).stdout
    existing = b"\0".join(n for n in names.split(b"\0") if n and os.path.lexists(SOURCE / os.fsdecode(n)))
    with subprocess.Popen(["tar", "-C", SOURCE, "--null", "-T", "-", "-c"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as pack:
        with subprocess.Popen(["tar", "-C", there, "-x"], stdin=pack.stdout):
            pack.stdin.write(existing)
            pack.stdin.close()


# A machine's PID 1 has its own view of all that it changes; cgroups from here down.
BOOT = """set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc none "$1/proc"
mount -t sysfs -o ro none "$1/sys"
mount -t cgroup2 none "$1/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$1/dev"
for node in null zero full random urandom tty; do
	touch "$1/dev/$node"
	mount --bind "/dev/$node" "$1/dev/$node"
done
ln -s /proc/self/fd "$1/dev/fd"
mount -t tmpfs none "$1/run"
mount -t tmpfs none "$1/tmp"
cd "$1"
mkdir -p mnt/outside
pivot_root . mnt/outside
umount -l /mnt/outside
cd /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
	--log-target=console --show-status=no --unit="$2"
"""


def boot(root, suite, unit, log, time_limit=180):
    """Boots systemd as PID 1 of a system to @unit, which ends it. Its cgroups are below one of its own,
    which is the only thing of this machine that it sees, and is removed."""
    mounted = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()
               if line.split()[2] == "cgroup2"]
    if not mounted:
        raise Cannot("no cgroup2 hierarchy is mounted")
    group = pathlib.Path(mounted[0]) / f"sluice-boot-{os.getpid()}"
    group.mkdir()
    argv = ["sh", "-c", f'echo $$ >"{group}/cgroup.procs" && exec "$@"', "sh", "unshare", "--mount",
            "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup",
            "sh", "-c", BOOT, "sh", str(root), unit]
    with open(log, "a", encoding="utf-8", errors="replace") as out:
        print(f"+ boots {suite} to {unit}", file=out, flush=True)
        try:
            return subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  timeout=time_limit, check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"did not end in {time_limit} s", file=out)
            return -1
        finally:
            for below, _, _ in os.walk(group, topdown=False):
                for _ in range(50):  # the kernel may still be ending what was in it
                    try:
                        os.rmdir(below)
                        break
                    except OSError:
                        time.sleep(0.1)
