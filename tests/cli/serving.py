"""What the tests of sluice serve share: servers, and containers of crun and runc.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SLUICE = os.path.abspath(sys.argv[1])
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH" or "--own-library" not in sys.argv}
# Both runtimes refuse a mixture of cgroup v1 and v2: a tree of the container's own.
CGROUPS = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "
NOTIFIED = ["mkdir", "mkdirat", "mknod", "mknodat", "mount", "swapon", "sethostname", "sched_yield",
            "sysinfo"]
# A FUSE file system whose server says nothing, in this mount namespace: FOLDER COMMAND...
SLOW = """
import ctypes, os, subprocess, sys
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other"
if ctypes.CDLL(None).mount(b"slow", sys.argv[1].encode(), b"fuse", 0, options.encode()):
    sys.exit("no FUSE")
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""
LIMIT = 60  # seconds; only to end a hang


class Place:
    """A folder with policies, sockets, and the servers that were started in it."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="sluice-serve-", ignore_cleanup_errors=True)
        self.dir = pathlib.Path(self.tmp.name)
        self.policies = self.dir / "policies"
        self.policies.mkdir()
        self.servers, self.boxes = [], 0

    def policy(self, name, **serve):
        (self.policies / f"{name}.json").write_text(json.dumps({"serve": serve}))

    def start(self, *more, wait="policies", inside=()):
        """@inside: words in front of the server."""
        out = open(self.dir / f"said-{len(self.servers)}", "w+")
        server = subprocess.Popen(
            [*inside, SLUICE, "serve", "--oci", self.dir / "oci", "--policy", self.policies,
             "--log", self.dir / "log", *more], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        server.said = lambda: (out.flush(), pathlib.Path(out.name).read_text())[1]
        self.servers.append(server)
        until(lambda: wait in server.said() or server.poll() is not None)
        return server

    def log(self):
        return [json.loads(line) for line in (self.dir / "log").read_text().splitlines()]

    def metrics(self, request=b"GET /metrics HTTP/1.0\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(str(self.dir / "metrics"))
            s.sendall(request)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        return answer.decode()

    def close(self):
        for server in self.servers:
            if server.poll() is None:
                server.kill()
            server.wait()
        self.tmp.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def box(self, runtime, script, metadata=None, preexec_fn=None, **more):
        return subprocess.run(preexec_fn=preexec_fn, **self.command(runtime, script, metadata, **more), capture_output=True,
                              text=True, timeout=LIMIT)

    def command(self, runtime, script, metadata=None, uid=0, slow=False, userns=False, programs=(), capabilities=()):
        """Words for subprocess: a container with that script; @slow: /slow of it never answers; @userns: its
        users are those from 100000 on; @programs: what else is in its /bin."""
        self.boxes += 1
        top = self.dir / f"box-{self.boxes}"
        bundle(top, self.dir / "oci", script, metadata, uid, userns, capabilities)
        for program in programs:
            shutil.copy(program, top / "rootfs/bin")
        self.words = [runtime, "--root", str(top / "state")]
        run = [runtime, "--root", str(top / "state"), "run", "-b", str(top), f"sluice-{os.getpid()}-{self.boxes}"]
        if slow:
            (top / "rootfs/slow").mkdir()
            run = [sys.executable, "-c", SLOW, str(top / "rootfs/slow"), *run]
        return {"args": wrap(*run), "stdin": subprocess.DEVNULL, "env": ENV}


def wrap(*words):
    return ["unshare", "-m", "sh", "-c", CGROUPS + ' exec "$@"', "sh", *words]


def until(condition, limit=LIMIT):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def bundle(top, listener, script, metadata, uid, userns, capabilities=()):
    root = top / "rootfs"
    for name in ("bin", "proc", "dev", "tmp", "data", "mnt"):
        (root / name).mkdir(parents=True)
    for name in ("tmp", "data", "mnt"):
        os.chown(root / name, uid, uid)
    (root / "tmp" / "link").symlink_to("/")
    shutil.copy(shutil.which("busybox", path=PATH), root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
               "listenerPath": str(listener),
               "syscalls": [{"names": NOTIFIED, "action": "SCMP_ACT_NOTIFY"}]}
    if metadata is not None:
        seccomp["listenerMetadata"] = metadata
    config = {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": uid, "gid": uid}, "cwd": "/", "env": ["PATH=/bin"],
                    "args": ["/bin/sh", "-c", script], "noNewPrivileges": True,
                    # runc 1.3 takes no capabilities away where the bundle says nothing.
                    "capabilities": {k: list(capabilities) for k in ("bounding", "effective", "permitted")}},
        "root": {"path": "rootfs"}, "hostname": "box",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")],
                  "seccomp": seccomp}}
    if userns:
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        config["linux"].update(uidMappings=mapping, gidMappings=mapping)
        config["linux"]["namespaces"].append({"type": "user"})
        for path in (root, *root.rglob("*")):
            os.chown(path, 100000, 100000, follow_symlinks=False)
    (top / "config.json").write_text(json.dumps(config))


def say(*commands):
    """A script that prints 0 or 1 for each command."""
    return "; ".join(f"{c} 2>/dev/null && echo 0 || echo 1" for c in commands)


def kill_container(name):
    """Kill processes whose runtime's state has that name: its init, found by its own command line."""
    killed = False
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            if b"run" in words and name.encode() in words:
                for child in pathlib.Path(f"/proc/{entry}/task/{entry}/children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
                    killed = True
        except OSError:
            pass
    return killed


def runtimes():
    """[(name, path or None, why there are none)]"""
    reason = "needs root" if os.geteuid() != 0 else "no busybox" if not shutil.which("busybox", path=PATH) else None
    for name in ("crun", "runc"):
        found = shutil.which(name, path=PATH)
        why = reason or (None if found else f"{name} is not installed")
        yield name, None if why else found, why
