"""The policies that are measured, as files for the bench programs (policy.c tells the form)."""
import hashlib
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN = "/usr/share/containers/seccomp.json"  # golang-github-containers-common
DOCKER = os.path.join(HERE, "..", "..", "shared", "data", "docker-default.json")
OURS = {"amd64", "x86", "x32"}

# What sandboxes that deny by list deny: time, modules, mounts, raw I/O, reboot, swap, obsolete.
DENIED = """acct add_key adjtimex afs_syscall bpf chroot clock_adjtime clock_settime
create_module delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick
get_kernel_syms get_mempolicy getpmsg init_module ioperm iopl kcmp kexec_file_load kexec_load
keyctl lookup_dcookie mbind migrate_pages mount move_mount move_pages name_to_handle_at
nfsservctl open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv
process_vm_writev ptrace putpmsg query_module quotactl reboot request_key set_mempolicy
setdomainname sethostname settimeofday""".split()

# Calls of the policies by argument; the probes' own are added.
SPREAD = "personality"


def names_of_system_service():
    with open(os.path.join(HERE, "system-service.txt")) as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def action(entry):
    name = entry["action"].removeprefix("SCMP_ACT_")
    return f'ERRNO {entry.get("errnoRet", 1)}' if name == "ERRNO" else name


def chains(args):
    """runc takes several comparisons on one argument as alternatives."""
    def element(a):
        two = f' {a.get("valueTwo", 0):#x}' if a["op"] == "SCMP_CMP_MASKED_EQ" else ""
        return f'A{a["index"]} {a["op"].removeprefix("SCMP_CMP_")} {a["value"]:#x}{two}'
    if len({a["index"] for a in args}) < len(args):
        return [element(a) for a in args]
    return [" ".join(element(a) for a in args)]


def profile(path):
    """A container engine's profile for a container on amd64 without capabilities."""
    with open(path) as f:
        p = json.load(f)
    yield f'default {action({"action": p["defaultAction"], "errnoRet": p.get("defaultErrnoRet", 1)})}'
    for entry in p["syscalls"]:
        inc, exc = entry.get("includes") or {}, entry.get("excludes") or {}
        if inc.get("caps") or (inc.get("arches") and not OURS & set(inc["arches"])):
            continue
        if "amd64" in (exc.get("arches") or []):
            continue
        for name in entry.get("names") or [entry["name"]]:
            for chain in chains(entry.get("args") or []):
                yield f"rule {action(entry)} {name} {chain}".rstrip()
    yield "probe allowed getppid 0"
    yield "probe argument personality 0xffffffff"
    yield "probe denied acct 0"


def system_service():
    yield "default ERRNO 1"
    for name in names_of_system_service():
        yield f"rule ALLOW {name}"
    yield "probe allowed getppid 0"
    yield "probe denied acct 0"


def deny_50():
    for name in DENIED:
        yield f"rule ERRNO 1 {name}"
    yield "probe allowed getppid 0"
    yield "probe denied acct 0"


def by_argument(n, calls, run):
    """n rules EQ on argument 0: `run` values that follow each other, then a gap. Values are
    above every descriptor and below every address."""
    names = [x for x in names_of_system_service() if x not in (SPREAD, "getppid")]
    names = [SPREAD] + names[:calls - 1]
    for i in range(n):
        group = i // run
        yield f"rule ERRNO 1 {names[group % calls]} A0 EQ {0x10000 + group * 64 + i % run:#x}"
    yield "probe allowed getppid 0"
    yield f"probe argument {SPREAD} 0xffffffff"
    yield f"probe denied {SPREAD} 0x10000"


def write(directory, docker=None):
    """Writes NAME.policy files; returns {name: (path, origin)}, in the order of tables."""
    made = {}

    def put(name, lines, origin):
        path = os.path.join(directory, name + ".policy")
        with open(path, "w") as f:
            f.write("".join(line + "\n" for line in lines))
        made[name] = (path, origin)

    docker = docker or (DOCKER if os.path.exists(DOCKER) else None)
    for name, path in (("docker", docker), ("container", DEBIAN)):
        if not path or not os.path.exists(path):
            continue
        with open(path, "rb") as f:
            origin = hashlib.sha256(f.read()).hexdigest()[:16]
        lines = list(profile(path))
        put(name, lines, origin)
        put(name + "-3", ["arch x86", "arch x32"] + lines, origin)
    put("system-service", system_service(), "-")
    put("deny-50", deny_50(), "-")
    put("args-2000", by_argument(2000, 200, 1), "-")
    put("rules-10000", by_argument(10000, 50, 16), "-")
    return made
