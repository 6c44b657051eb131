#!/usr/bin/env python3
"""sluice serve answers containers of runc and crun: what policies allow and refuse, limits, log, metrics,
SIGHUP, upgrades under load. serve.py SLUICE [--long] [--own-library]. Prints TAP.
SPDX-License-Identifier: MIT

--own-library leaves runtimes their own libseccomp, where ours is built for something that they are not."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402
from serving import ENV, LIMIT, SLUICE, Place, kill_container, runtimes, say, until, wrap  # noqa: E402

LONG = "--long" in sys.argv


# ---- policies alone --------------------------------------------------------------------

def run_check(policies):
    return subprocess.run([SLUICE, "serve", "--check", "--policy", policies], capture_output=True, text=True,
                          timeout=LIMIT)


def test_check():
    with Place() as p:
        p.policy("web", mkdir=["/data"], mknod=["null"], limits={"max_pending": 4, "errno": "EBUSY"})
        r = run_check(p.policies)
        check("--check: no mistake", r.returncode == 0 and r.stdout == "web\n", (r.returncode, r.stderr))
        (p.policies / "bad.json").write_text(
            '{"serve": {\n  "mkdir": ["/data/../x"],\n  "mknood": [],\n  "refuse": {"swapon": "EPREM"},\n'
            '  "mount": {"types": ["tmpfs", "proc"]}, "setxattr": ["trusted.x"],\n'
            '  "allow": ["swapofff", "getpid", "getpid"], "bpf": [], "sched_setscheduler": 1\n}}\n')
        (p.policies / "cut.json").write_text('{"serve": ')
        r = run_check(p.policies)
        told = r.stderr.splitlines()
        for place, words in (("bad.json:2:13", "absolute path"), ("bad.json:3:3", 'did you mean "mknod"'),
                             ("bad.json:4:24", 'did you mean "EPERM"'), ("bad.json:5:32", "soundly"),
                             ("bad.json:5:54", "overlayfs"), ("bad.json:6:13", 'did you mean "swapoff"'),
                             ("bad.json:6:35", "already"), ("bad.json:6:53", "rights of sluice"),
                             ("bad.json:6:79", '"value" can'), ("cut.json:1:", "")):
            check(f"--check: the mistake at {place}",
                  any(place in line and words in line for line in told), r.stderr)
        check("--check: as many as there are", r.returncode == 1 and "10 mistakes" in r.stderr and r.stdout == "web\n",
              (r.returncode, r.stdout, r.stderr))
        r = subprocess.run([SLUICE, "serve", "--oci", p.dir / "oci", "--policy", p.policies],
                           capture_output=True, text=True, timeout=LIMIT)
        check("it does not serve mistakes", r.returncode == 2 and not (p.dir / "oci").exists(), r.stderr)
        r = run_check(p.dir / "nowhere")
        check("--check: no such folder", r.returncode == 2 and "nowhere" in r.stderr, r.stderr)


def test_schema():
    """The schema and the reader say the same of each policy."""
    try:
        import jsonschema
    except ImportError:
        skip("the schema", "no python3-jsonschema")
        return
    schema = json.loads((pathlib.Path(__file__).parents[2] / "cli/serve/serve.schema.json").read_text())
    policies = [
        {"mkdir": ["/data", "/a/b.c"], "mknod": ["null", "fifo"], "mount": {"types": ["tmpfs"], "size": 1, "count": 2},
         "refuse": {"swapon": "ENOSYS", "swapoff": 5}, "value": {"getpid": 0, "getppid": -4096},
         "allow": ["sched_yield"], "limits": {"max_pending": 1, "per_second": 1000000, "errno": "EBUSY"}}, {},
        {"mkdir": "/data"}, {"mkdir": ["data"]}, {"mkdir": ["/"]}, {"mkdir": ["/a/../b"]}, {"mkdir": ["/a/"]},
        {"mknod": ["mem"]}, {"mount": {}}, {"mount": {"types": ["proc"]}}, {"mount": {"types": [], "size": 0}},
        {"sysinfo": True}, {"sysinfo": False}, {"sysinfo": {}}, {"mount": {"volumes": {}}},
        {"mount": {"volumes": {"/v": {"path": "/srv/v"}}}}, {"mount": {"volumes": {"/v/w": {"path": "/srv", "writable": True}},
                                                                       "types": ["tmpfs"], "count": 1}},
        {"mount": {"volumes": {"v": {"path": "/srv"}}}}, {"mount": {"volumes": {"/v": {"path": "srv"}}}},
        {"mount": {"volumes": {"/v": {"path": "/srv/../etc"}}}}, {"mount": {"volumes": {"/v": {}}}},
        {"mount": {"volumes": {"/v": {"path": "/srv", "writable": 1}}}}, {"mount": {"volumes": {"/v": {"path": "/srv", "x": 1}}}},
        {"mount": {"volumes": {"/": {"path": "/srv"}}}}, {"mount": {"volumes": ["/v"]}}, {"mount": {"size": 1}}, {"bpf": {}},
        {"refuse": {"swapon": 0}}, {"refuse": {"swapon": 4096}}, {"refuse": {"swapon": "perm"}},
        {"value": {"getpid": -1}}, {"value": {"getpid": 1.5}}, {"allow": {"getpid": 1}}, {"limits": {"max_pending": 0}},
        {"limits": {"per_second": 1000001}}, {"limits": {"more": 1}}, {"setxattr": []}, {"other": 1}, 7]
    validator = jsonschema.Draft202012Validator(schema)
    differ = []
    with Place() as p:
        for policy in policies:
            (p.policies / "a.json").write_text(json.dumps({"serve": policy}))
            if (run_check(p.policies).returncode == 0) != validator.is_valid({"serve": policy}):
                differ.append(policy)
    check("the schema says what the reader says", not differ, differ)


# ---- containers ------------------------------------------------------------------------

def test_files(runtime):
    with Place() as p:
        p.policy("web", mkdir=["/data"], mknod=["null", "whiteout", "fifo"], mount={"types": ["tmpfs"]})
        p.start()
        r = p.box(runtime, "umask 027; " + say(
            "busybox mkdir /data/a", "busybox mkdir /data/a/b", "busybox mkdir -p /data/a/c/d",
            "busybox mkdir /other", "busybox mkdir /data/../other", "busybox mkdir /tmp/link/other"), "web")
        check(f"{runtime}: mkdir allowed in its folder, refused elsewhere",
              r.stdout.split() == ["0", "0", "0", "1", "1", "1"], (r.stdout, r.stderr))
        st = (p.dir / "box-1/rootfs/data/a").stat()
        check(f"{runtime}: with the mode that was asked for", st.st_mode & 0o7777 == 0o750, oct(st.st_mode))
        r = p.box(runtime, "busybox mv /data /old; busybox mkdir /tmp/z; busybox ln -s / /data; "
                  + say("busybox mkdir /data/x", "busybox mkdir /old/x"), "web")
        check(f"{runtime}: no other folder in the place of the one that was there",
              r.stdout.split() == ["1", "1"], (r.stdout, r.stderr))
        r = p.box(runtime, say(
            "busybox mknod /tmp/null c 1 3", "echo x > /tmp/null", "busybox mknod /tmp/white c 0 0",
            "busybox mknod /tmp/mem c 1 1", "busybox mknod /tmp/sda b 8 0", "busybox mknod /tmp/zero c 1 5",
            "busybox mkfifo /tmp/fifo", "busybox mknod /proc/null c 1 3"), "web")
        check(f"{runtime}: mknod of what is listed, and of nothing else",
              r.stdout.split() == ["0", "0", "0", "1", "1", "1", "0", "1"], (r.stdout, r.stderr))
        r = p.box(runtime, say(
            "busybox mount -t tmpfs none /mnt", "busybox mkdir /mnt/x || echo y > /mnt/y",
            "busybox mount -t proc none /tmp", "busybox mount -t tmpfs none /proc",
            "busybox mount -o bind /tmp /data", "busybox mount -t tmpfs -o uid=0 none /data")
            + "; busybox grep -o '/mnt .*' /proc/mounts", "web")
        check(f"{runtime}: mount of a tmpfs, and of nothing else",
              r.stdout.split()[:6] == ["0", "0", "1", "1", "1", "1"] and
              "nosuid,nodev" in r.stdout and "size=16384k" in r.stdout, (r.stdout, r.stderr))
        check(f"{runtime}: nothing of it is mounted outside", str(p.dir) not in
              pathlib.Path("/proc/self/mounts").read_text())
        r = p.box(runtime, say("busybox mkdir /data/a", "busybox mkdir /data/root/x",
                               "busybox mknod /tmp/null c 1 3", "busybox mknod /bin/null c 1 3",
                               "busybox mount -t tmpfs none /mnt", "busybox mount -t tmpfs none /bin",
                               "echo x > /mnt/x"), "web", uid=1000)
        owner = (p.dir / "box-5/rootfs/data/a").stat()
        check(f"{runtime}: an ordinary user of the container, with its own rights and as the owner",
              r.stdout.split() == ["0", "1", "0", "1", "0", "1", "0"] and (owner.st_uid, owner.st_gid) == (1000, 1000),
              (r.stdout, r.stderr, owner))


def test_metadata(runtime):
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        (p.dir / "secret.json").write_text(json.dumps({"serve": {"mkdir": ["/data"]}}))
        p.start()
        for name, metadata in (("unknown", "nobody"), ("hostile", "../secret"), ("hostile", "policies/web"),
                               ("empty", ""), ("missing", None), ("hostile", "web.json"), ("long", "w" * 100000)):
            r = p.box(runtime, say("busybox mkdir /data/a"), metadata)
            check(f"{runtime}: metadata that is {name} ({(metadata or '')[:12]!r}): refused",
                  r.stdout.split() == ["1"] and "not implemented" not in r.stderr, (r.stdout, r.stderr))
        told = [line["refused"] for line in p.log() if "refused" in line]
        check(f"{runtime}: the log says why", len(told) == 7 and "../secret" in told[1] and "default.json" in told[4],
              told)
    with Place() as p:
        p.policy("default", mkdir=["/data"], refuse={"swapon": "EOWNERDEAD"}, value={"sethostname": 0})
        p.start("--default-errno", "ENOLINK")
        r = p.box(runtime, say("busybox mkdir /data/a") + "; busybox mkdir /x; > /y; busybox swapon /y; "
                  "busybox hostname x && busybox hostname")
        check(f"{runtime}: default.json, an errno, a value, --default-errno",
              r.stdout.split() == ["0", "box"] and "link has been severed" in r.stderr.lower()
              and "owner died" in r.stderr.lower(), (r.stdout, r.stderr))


def value(text, name):
    found = re.search(r"^" + re.escape(name) + r" (\S+)$", text, re.M)
    return float(found[1]) if found else None


def test_running(runtime):
    with Place() as p:
        p.policy("web", mkdir=["/data"], limits={"per_second": 5, "errno": "EBUSY"}, allow=["sched_yield"])
        p.policy("free", mkdir=["/data"])
        server = p.start("--metrics", p.dir / "metrics")
        r = p.box(runtime, "i=0; while [ $i -lt 60 ]; do busybox mkdir /data/$i 2>/dev/null; i=$((i+1)); done; "
                  "busybox ls /data | busybox wc -l", "web")
        made = int(r.stdout or 0)
        text = p.metrics()
        done_ = value(text, 'sluice_serve_calls_total{policy="web",verdict="done"}')
        limited = value(text, 'sluice_serve_calls_total{policy="web",verdict="limited"}')
        check(f"{runtime}: calls per second are limited", 5 <= made < 60 and limited and done_ == made,
              (made, text, r.stderr))
        check(f"{runtime}: metrics over HTTP", text.startswith("HTTP/1.0 200 OK\r\n") and
              "text/plain; version=0.0.4" in text and
              value(text, 'sluice_serve_containers_total{policy="web"}') == 1 and
              value(text, "sluice_serve_latency_seconds_count") >= 60, text)
        check("metrics: another method", " 405 " in p.metrics(b"POST / HTTP/1.0\r\n\r\n"))
        check("metrics: a long request ends", p.metrics(b"x" * 1023) == "")
        verdicts = [line for line in p.log() if "verdict" in line]
        check(f"{runtime}: the log has a line a decision",
              sum(v["verdict"] == "reply" and v["syscall"].startswith("mkdir") for v in verdicts) == made and
              sum(v.get("errno") == 16 for v in verdicts) == limited, verdicts[-3:])
        p.policy("web", mkdir=["/tmp"])
        (p.policies / "broken.json").write_text("{")
        server.send_signal(signal.SIGHUP)
        until(lambda: "stay as they were" in server.said())
        r = p.box(runtime, say("busybox mkdir /data/a", "busybox mkdir /tmp/a"), "web")
        check(f"{runtime}: SIGHUP with a mistake: said, and the old policies go on",
              r.stdout.split() == ["0", "1"] and "broken.json:1:2" in server.said(), (r.stdout, server.said()))
        (p.policies / "broken.json").unlink()
        server.send_signal(signal.SIGHUP)
        until(lambda: "read 2 policies" in server.said())
        r = p.box(runtime, say("busybox mkdir /data/a", "busybox mkdir /tmp/a"), "web")
        check(f"{runtime}: SIGHUP: the new policies", r.stdout.split() == ["1", "0"], (r.stdout, server.said()))
        server.send_signal(signal.SIGTERM)
        check("SIGTERM: it ends, and its sockets go", server.wait(LIMIT) == 0 and
              not (p.dir / "oci").exists() and not (p.dir / "metrics").exists(), server.said())


def test_user_namespace(runtime):
    """Root of a container with a user namespace: it may make neither devices nor such mounts itself."""
    with Place() as p:
        p.dir.chmod(0o711)
        p.policy("web", mkdir=["/data"], mknod=["null"], mount={"types": ["tmpfs"]})
        p.start()
        script = say("busybox mkdir /data/a", "busybox mkdir /tmp/a", "busybox mknod /tmp/null c 1 3",
                     "echo x > /tmp/null", "busybox mknod /tmp/zero c 1 5", "busybox mount -t tmpfs none /mnt",
                     "busybox mount -t proc none /tmp", "echo y > /mnt/y")
        r = p.box(runtime, script, "web", userns=True)
        made = p.dir / "box-1/rootfs/data/a"
        check(f"{runtime}: in a user namespace", r.stdout.split() == ["0", "1", "0", "0", "1", "0", "1", "0"] and
              made.stat().st_uid == 100000, (r.stdout, r.stderr, made.exists()))


def test_exec(runtime):
    """A second process in a container that runs: the folders are those of its start."""
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        p.start()
        # The answer to its first call says that its folders have been looked up.
        script = ("busybox mkdir /data/first; busybox mv /data /old; busybox mv /tmp /data; echo > /data/begun; "
                  "while ! [ -e /data/go ]; do busybox sleep 0.05; done")
        with subprocess.Popen(**p.command(runtime, script, "web"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as box:
            until(lambda: (p.dir / "box-1/rootfs/data/begun").exists() or box.poll() is not None)
            r = subprocess.run(wrap(*p.words, "exec", f"sluice-{os.getpid()}-1", "/bin/sh", "-c",
                                    say("busybox mkdir /data/x", "echo > /data/go")),
                               capture_output=True, text=True, timeout=LIMIT, env=ENV, stdin=subprocess.DEVNULL)
            (p.dir / "box-1/rootfs/data/go").touch()
            said = box.communicate(timeout=LIMIT)
        named = [line for line in p.log() if line.get("policy") == "web"]
        check(f"{runtime}: exec in a running container", r.stdout.split() == ["1", "0"] and len(named) == 2,
              (r.stdout, r.stderr, said, named))


def test_slow(runtime):
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip(f"{runtime}: a file system that never answers", "no /dev/fuse")
        return
    with Place() as p:
        p.policy("web", mkdir=["/data"], limits={"max_pending": 2, "errno": "EBUSY"})
        server = p.start("--metrics", p.dir / "metrics")
        script = ("busybox mkdir /slow/a/b 2>/dev/null & busybox mkdir /slow/c/d 2>/dev/null & "
                  "while ! [ -e /tmp/go ]; do busybox sleep 0.05; done; busybox mkdir /data/x; wait; "
                  "echo > /tmp/waited; while ! [ -e /tmp/end ]; do busybox sleep 0.05; done; echo end")
        with subprocess.Popen(**p.command(runtime, script, "web", slow=True), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as box:
            inside = p.dir / "box-1/rootfs/tmp"
            slow = until(lambda: box.poll() is not None or value(p.metrics(), "sluice_serve_pending") == 2)
            (inside / "go").touch()
            begun = time.monotonic()
            other = p.box(runtime, say("busybox mkdir /data/a"), "web")
            took = time.monotonic() - begun
            until(lambda: box.poll() is not None or (inside / "waited").exists())
            waited = value(p.metrics(), "sluice_serve_timeouts_total")
            server.send_signal(signal.SIGTERM)
            try:
                ended = server.wait(LIMIT)
            except subprocess.TimeoutExpired:
                ended = None
            (inside / "end").touch()
            said = box.communicate(timeout=LIMIT)
        if "no FUSE" in said[1]:
            skip(f"{runtime}: a file system that never answers", "FUSE cannot be mounted")
            return
        check(f"{runtime}: a file system that never answers: the limit of pending calls, and the end of their time",
              slow and waited == 2 and "resource busy" in said[1].lower() and said[0].split() == ["end"],
              (said, waited, server.said()))
        check(f"{runtime}: other containers do not wait for it ({took:.1f} s)", other.stdout.split() == ["0"],
              (other.stdout, other.stderr))
        check(f"{runtime}: SIGTERM does not wait for it", ended == 0 and not (p.dir / "oci").exists(), server.said())


LOOP = ("i=0; good=0; while [ $i -lt {n} ]; do busybox mkdir /data/$i 2>>/tmp/errors && good=$((good+1)); "
        "i=$((i+1)); [ $i = 5 ] && echo begun > /tmp/begun; done; echo $good; busybox cat /tmp/errors >&2")


def test_upgrade(runtime, calls, upgrades):
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        keeper = ["--keeper", p.dir / "keeper", "--metrics", p.dir / "metrics"]
        servers = [p.start(*keeper)]
        with subprocess.Popen(**p.command(runtime, LOOP.format(n=calls), "web"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as box:
            until(lambda: (p.dir / "box-1/rootfs/tmp/begun").exists())
            for _ in range(upgrades):
                servers.append(p.start(*keeper))
            running = box.poll() is None
            modes = {f.name: oct(f.stat().st_mode & 0o7777) for f in p.dir.iterdir()
                     if f.name.startswith(("keeper", "metrics", "oci", "log"))}
            said = box.communicate(timeout=LIMIT * 5)
        check(f"{runtime}: {upgrades} upgrades under load, and no call of {calls} was lost",
              running and said[0].split() == [str(calls)], (said, [s.said() for s in servers]))
        check(f"{runtime}: the old ones ended, the last one serves",
              [s.poll() for s in servers] == [0] * upgrades + [None] and
              "taken over" in servers[-1].said(), [(s.poll(), s.said()) for s in servers])
        check(f"{runtime}: sockets and files are for nobody else", len(modes) == 6 and
              set(modes.values()) == {"0o600"}, modes)
        r = p.box(runtime, say("busybox mkdir /data/a"), "web")
        check(f"{runtime}: new containers come to the successor", r.stdout.split() == ["0"] and
              value(p.metrics(), 'sluice_serve_containers_total{policy="web"}') == 1, (r.stdout, r.stderr))


def test_killed(runtime):
    """Two containers, so that the one's policy must not become the other's."""
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        p.policy("tmp", mkdir=["/tmp"])
        first = p.start("--keeper", p.dir / "keeper")
        script = ("echo > /tmp/begun; while ! [ -e /tmp/go ]; do busybox sleep 0.05; done; "
                  + say("busybox mkdir /data/a", "busybox mkdir /tmp/a"))
        boxes = []
        for name in ("web", "tmp"):
            boxes.append(subprocess.Popen(**p.command(runtime, script, name), stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True))
            until(lambda: (p.dir / f"box-{p.boxes}/rootfs/tmp/begun").exists())
        first.kill()
        first.wait()
        second = p.start("--keeper", p.dir / "keeper")
        for i in (1, 2):
            (p.dir / f"box-{i}/rootfs/tmp/go").touch()
        said = [box.communicate(timeout=LIMIT) for box in boxes]
        check(f"{runtime}: after kill -9 the next one knows the containers and their policies",
              [s[0].split() for s in said] == [["0", "1"], ["1", "0"]] and "taken over" in second.said(),
              (said, second.said()))


def test_restart(runtime):
    """SIGTERM, and the next one while the container runs: refused in between, and then as before."""
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        first = p.start("--keeper", p.dir / "keeper")
        script = "; ".join(f"echo > /tmp/step{i}; while ! [ -e /tmp/go{i} ]; do busybox sleep 0.05; done; "
                           f"busybox mkdir /data/{i} && echo made || echo refused" for i in (1, 2))
        with subprocess.Popen(**p.command(runtime, script, "web"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as box:
            inside = p.dir / "box-1/rootfs/tmp"
            until(lambda: (inside / "step1").exists())
            first.send_signal(signal.SIGTERM)
            status = first.wait(LIMIT)
            (inside / "go1").touch()
            until(lambda: (inside / "step2").exists())
            second = p.start("--keeper", p.dir / "keeper")
            (inside / "go2").touch()
            said = box.communicate(timeout=LIMIT)
        check(f"{runtime}: SIGTERM and another start: calls between fail with the default errno, those after do not",
              status == 0 and said[0].split() == ["refused", "made"] and "not permitted" in said[1],
              (status, said, second.said()))


def test_stranger():
    """Where anybody makes files, who listens beside the keeper's path is not asked for a hand-over."""
    if os.geteuid():
        skip("a stranger in the place of a supervisor", "needs root")
        return
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        anybody = p.dir / "anybody"
        anybody.mkdir()
        anybody.chmod(0o1777)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.bind(str(anybody / "keeper.next"))
            os.seteuid(1234)
            s.listen(1)  # the kernel remembers who did
            os.seteuid(0)
            server = p.start("--keeper", anybody / "keeper")
            check("a stranger in the place of a supervisor is not asked", server.poll() is None and
                  "taken over" not in server.said(), server.said())


def resources(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return (len(os.listdir(f"/proc/{server.pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", status)[1]))


def test_many(runtime, number):
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        server = p.start("--keeper", p.dir / "keeper", "--metrics", p.dir / "metrics")
        before, bad = None, []
        for i in range(number):
            if i == 10:
                time.sleep(2)
                before = resources(server)
            r = p.box(runtime, say("busybox mkdir /data/a"), "web")
            if r.stdout.split() != ["0"]:
                bad.append((r.stdout, r.stderr))
            shutil.rmtree(p.dir / f"box-{p.boxes}", ignore_errors=True)
        until(lambda: value(p.metrics(), "sluice_serve_listeners") == 0)
        time.sleep(2)
        after = resources(server)
        check(f"{runtime}: {number} containers came and went", not bad, bad[:3])
        check(f"{runtime}: descriptors and memory are where they were ({before}, {after})",
              after[0] <= before[0] and after[1] <= before[1] + 1024)


def test_flood(runtime):
    """Whoever may connect to the socket sends rubbish: containers go on."""
    with Place() as p:
        p.policy("web", mkdir=["/data"])
        server = p.start()
        for i in range(200):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                try:
                    s.connect(str(p.dir / "oci"))
                    s.sendall(b'{"metadata":"' + b"x" * (i * 5000) if i % 2 else b"rubbish")
                except OSError:
                    pass
        check("a flood of connections with rubbish", server.poll() is None, server.said())
        r = p.box(runtime, say("busybox mkdir /data/a"), "web")
        check("and a container after it", r.stdout.split() == ["0"], (r.stdout, r.stderr))
        killed = []
        for i in range(20):
            with subprocess.Popen(**p.command(runtime, "while :; do busybox mkdir /data/$((i=i+1)); done", "web"),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as box:
                root = p.dir / f"box-{p.boxes}/rootfs/data"
                until(lambda: (root / str(i + 1)).exists())
                # Process 1 of the container: everything in it ends with it.
                killed.append(kill_container(f"sluice-{os.getpid()}-{p.boxes}"))
                box.wait(LIMIT)
        check("targets that die while they call", server.poll() is None and all(killed), (killed, server.said()))
        r = p.box(runtime, say("busybox mkdir /data/a"), "web")
        check("and a container after those", r.stdout.split() == ["0"], (r.stdout, r.stderr))


def main():
    test_check()
    test_schema()
    test_stranger()
    found = None
    for name, runtime, why in runtimes():
        if why:
            skip(f"containers of {name}", why)
            continue
        found = found or runtime
        if LONG:
            test_many(runtime, 200)
            test_upgrade(runtime, 3000, 10)
            continue
        test_files(runtime)
        test_metadata(runtime)
        test_running(runtime)
        test_upgrade(runtime, 400, 3)
        test_killed(runtime)
        test_restart(runtime)
        test_slow(runtime)
        test_exec(runtime)
        test_user_namespace(runtime)
    if not LONG and found:
        test_flood(found)
    done()


main()
