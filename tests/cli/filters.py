#!/usr/bin/env python3
"""The tool on real and on hostile filters: filters.py SLUICE SOURCE. Text of 20 and more filters
gives the same bytes; broken files end with status 2; an ordinary user can do it all. Prints TAP.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402

SLUICE = os.path.abspath(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
PROFILES = [p for p in sorted((SOURCE.parent / "shared/data/profiles").glob("*.json"))]


def run(*args, stdin=b"", **more):
    ran = subprocess.run([SLUICE, *args], input=stdin, capture_output=True, timeout=280, **more)
    return ran.returncode, ran.stdout, ran.stderr.decode(errors="replace")


def round_trip(name, bpf):
    code, text, err = run("disasm", "-", stdin=bpf)
    code2, back, err2 = run("asm", stdin=text)
    check(f"{name}: text gives the same bytes", (code, code2) == (0, 0) and back == bpf, err + err2)


def real_filters(tmp):
    found = []
    for path in sorted((SOURCE / "tests/cli/files").iterdir()):
        if path.suffix == ".txt":
            found.append((path.name, run("asm", path)[1]))
        elif path.suffix == ".json":
            found.append((path.name, run("disasm", "--raw", path)[1]))
    for path in PROFILES:
        code, bpf, _ = run("disasm", "--raw", path)
        if code == 0:
            found.append((path.name, bpf))
    for name, bpf in found:
        round_trip(name, bpf)
    if PROFILES:
        check("20 filters and more", len(found) >= 20, len(found))
    else:
        skip("20 filters and more", "no profiles of other projects beside the checkout")
    return found


def check_hostile(found, tmp):
    """Mutated and random files: nothing but 0, 1 and 2, and for what is no filter 2."""
    rng = random.Random(7)
    bad = []
    refused = 0
    for i in range(150):
        bpf = bytearray(rng.choice(found)[1][:400] if i % 3 else rng.randbytes(8 * rng.randrange(40)))
        for _ in range(rng.randrange(6) if bpf else 0):
            bpf[rng.randrange(len(bpf))] = rng.randrange(256)
        path = tmp / "hostile"
        path.write_bytes(bytes(bpf))
        codes = [run(*words)[0] for words in (
            ["disasm", path], ["sim", path, "read"], ["explain", path, "read"])]
        if any(code not in (0, 1, 2) for code in codes):
            bad.append((bytes(bpf).hex(), codes))
        refused += codes[0] == 2
    check("150 hostile files: status 0, 1 or 2", not bad, bad)
    check("most of them are refused", refused > 75, refused)


def check_words(old):
    code, _, err = run("sim", old, "openta")
    check("an unknown call", code == 2 and "openta" in err, err)
    check("the nearest call", "did you mean \"openat\"?" in run("sim", old, "opnat")[2])
    check("socket of x86, which has two numbers: its own",
          '"nr": 359' in run("sim", "--json", "-a", "x86", old, "socket")[1].decode())
    check("a call that another architecture alone has",
          "no call \"time\" of its own" in run("sim", "-a", "riscv64", old, "time")[2])
    check("a bad value", run("sim", old, "read", "many")[0] == 2)
    check("seven arguments", run("sim", old, "read", *"1234567")[0] == 2)
    check("a negative argument", run("sim", old, "read", "-1")[0] in (0, 1))
    words = ["openat", "AT_FDCWD", "x", "O_RDWR|O_CREAT|0x100000", "0644"]
    out = run("sim", "--json", old, *words)[1].decode()
    check("constants by name, an address, an octal mode", all(f'"{v}"' in out for v in (
        "0xffffffffffffff9c", "0x1000", "0x100042", "0x1a4")), out)
    check("constants of the call's architecture",
          '"0x10000"' in run("sim", "--json", "-a", "x86_64", old, "open", "x", "O_DIRECTORY")[1].decode() and
          '"0x4000"' in run("sim", "--json", "-a", "arm", old, "open", "x", "O_DIRECTORY")[1].decode())
    check("a signal by name", '"0x9"' in run("sim", "--json", old, "kill", "1", "SIGKILL")[1].decode())
    code, _, err = run("sim", old, "socket", "AF_NETLIN")
    check("a wrong constant", code == 2 and "did you mean \"AF_NETLINK\"" in err, err)
    for wrong in ("", "O_RDWR|", "|O_RDWR", "O_RDWR||O_CREAT", "x" * 100):
        check(f"no constant: {wrong[:10]!r}", run("sim", old, "open", "x", wrong)[0] == 2)
    check("a constant where a number belongs", run("sim", old, "dup", "O_RDWR")[0] == 2)
    check("an unknown architecture", "did you mean" in run("sim", "-a", "x86_46", old, "read")[2])
    check("no such process", run("disasm", "pid:2147483647")[0] == 2)
    check("no process", run("disasm", "pid:x")[0] == 2)
    code, _, err = run("disasm", f"pid:{os.getpid()}")
    check("a process without a filter", code in (1, 0, 2) and err, err)
    check("--raw to more than one", run("disasm")[0] == 2)
    code, _, err = run("asm", stdin=b"ret ALLOW\nfrob\n")
    check("a mistake has its place", code == 2 and "standard input:2:1: " in err, err)


def check_target(tmp):
    """What compile does with its options, the others do with theirs."""
    path = tmp / "conditional.json"
    path.write_text("""{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64",
        "subArchitectures": ["SCMP_ARCH_X86"]}], "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}}]}""")
    base = ["--machine=x86_64"]

    def sim(*options):
        return run("sim", *base, *options[:-1], path, options[-1])[1].decode().strip()

    check("no capability", sim("mount") == "ERRNO(1)", sim("mount"))
    check("a capability", sim("--cap=SYS_ADMIN", "mount") == "ALLOW")
    check("the last of several", sim("--cap=NET_RAW", "--cap=CAP_SYS_ADMIN", "mount") == "ALLOW")
    check("an older kernel", (sim("--kernel=4.7", "ptrace"), sim("--kernel=4.8", "ptrace")) ==
          ("ERRNO(1)", "ALLOW"))
    wrong = tmp / "wrong.json"
    for version in ("4. 8", " 4.8", "+4.8", "4.-0", "4.8-rc1", "4", "256.1", "4.65536"):
        wrong.write_text(path.read_text().replace('"4.8"', f'"{version}"'))
        code, _, err = run("prove", *base, wrong, wrong)
        check(f"no kernel: {version!r}", code == 2 and "expected a kernel's version" in err, err)
    check("runc's cut-off, and none of crun's", (sim("fork"), sim("--as=crun", "fork"),
          sim("openat2"), sim("--as=crun", "openat2")) ==
          ("ERRNO(1)", "ERRNO(1)", "ERRNO(38)", "ERRNO(1)"), sim("openat2"))
    check("other architectures", sim("-a", "arm", "--filter-arch=arm", "read") == "ALLOW" and
          sim("-a", "arm", "read") == "KILL_THREAD", sim("-a", "arm", "read"))
    for options in ([], ["--cap=all"], ["--as=crun"], ["--kernel=4.0"], ["--arch=arm"], ["--arch=x86_64"]):
        bpf = tmp / "compiled.bpf"
        run("compile", *base, *options, "-o", bpf, path)
        raw = run("disasm", "--raw", *base, *options, path)[1]
        check(f"disasm compiles as compile does: {options}", raw == bpf.read_bytes() and raw)
        check(f"prove compiles as compile does: {options}",
              run("prove", *base, *options, path, bpf)[0] == 0)
        check(f"diff compiles as compile does: {options}",
              run("diff", *base, *options, path, bpf)[1] == b"equal\n")
        check(f"the kernel's view, too: {options}",
              run("diff", "--kernel-view", *base, *options, path, bpf)[1] == b"equal\n")
    check("explain resolves for the target", b"rules that name it" not in
          run("explain", *base, path, "mount")[1] and b"conditional.json:4:" in
          run("explain", *base, "--cap=SYS_ADMIN", path, "mount")[1])
    for option in ("--cap=FLY", "--kernel=new", "--arch=vax", "--machine=vax", "--as=lxc"):
        check(f"{option} is refused", run("prove", option, path, path)[0] == 2)


def no_room():
    """Every write to a file fails from now on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def check_output(tmp):
    """With -o a file is written whole or not at all."""
    folder = tmp / "output"
    folder.mkdir()
    profile, text = tmp / "output.json", tmp / "output.txt"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_ERRNO"}]}')
    text.write_bytes(run("disasm", profile)[1])
    for name, words in (("compile", [profile]), ("merge", ["--union", profile, profile]),
                        ("lint", ["--fix", profile]), ("asm", [text])):
        out = folder / name
        code, _, err = run(name, "-o", out, *words, preexec_fn=no_room)
        check(f"{name} -o: nothing is left where there is no room",
              code == 2 and f"{out}: " in err and not os.listdir(folder), (code, err, os.listdir(folder)))
        out.write_text("as it was")
        out.chmod(0o640)
        code, _, err = run(name, "-o", out, *words, preexec_fn=no_room)
        check(f"{name} -o: nor is a file that was there changed",
              code == 2 and out.read_text() == "as it was" and os.listdir(folder) == [name], (code, err))
        (folder / "link").symlink_to(name)
        code, _, err = run(name, "-o", folder / "link", *words)
        check(f"{name} -o: a link stays, and the mode", code in (0, 1) and out.read_bytes() != b"as it was" and
              (folder / "link").is_symlink() and out.stat().st_mode & 0o777 == 0o640, (code, err))
        code, _, err = run(name, "-o", folder, *words)
        check(f"{name} -o: a folder", code == 2 and f"{folder}: Is a directory\n" in err, (code, err))
        code, _, err = run(name, "-o", "/dev/full", *words)
        check(f"{name} -o: a device stays one", code == 2 and "/dev/full: No space left" in err, (code, err))
        (folder / "link").unlink()
        out.unlink()


def check_explained(tmp):
    """explain names the rule as the runtimes make it."""
    path = tmp / "explained.json"
    path.write_text("""{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["dup"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 15, "valueTwo": 31, "op": "SCMP_CMP_MASKED_EQ"}]},
        {"names": ["close"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}""")
    for words, line in ((["dup", "15"], b":2:9: ALLOW if a0 & 0xf = 0xf\n"),
                        (["close", "2"], b":4:9: ALLOW if a0 = 0x1 or a0 = 0x2\n")):
        code, out, err = run("explain", path, *words)
        check(f"explain {' '.join(words)}: the rule that decides", code == 0 and b"decided by:\n" in out and
              line in out, (out, err))
    for words in (["dup", "14"], ["close", "3"]):
        code, out, err = run("explain", path, *words)
        check(f"explain {' '.join(words)}: no rule", b"no rule holds for it: the default" in out, (out, err))


def check_closed(tmp):
    """A result that nobody can read is none, and a name of a file moves no cursor."""
    profile = tmp / "closed.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    for words in (["compile", profile], ["disasm", profile], ["prove", profile, profile], ["lint", profile],
                  ["syscalls"], ["--version"], ["--help"], ["compile", "--help"]):
        ran = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", SLUICE, *words], stderr=subprocess.PIPE, text=True,
                              check=False)
        check(f"{words[0]}: standard output is closed", ran.returncode == 2 and "standard output: " in ran.stderr, ran)
    ran = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", SLUICE, "disasm", "-"], capture_output=True, text=True,
                          check=False)
    check("disasm: standard input is closed", ran.returncode == 2 and "standard input: " in ran.stderr, ran)
    code, _, err = run("why", "--audit", tmp)
    check("why --audit: a folder", code == 2 and err == f"{tmp}: found a directory, expected a log of the audit system\n", (code, err))
    odd = tmp / "a\x1b[31m\nb.json"
    odd.write_text("{")
    for name in ("compile", "disasm", "lint", "explain"):
        code, _, err = run(name, odd, *(["read"] if name == "explain" else []))
        check(f"{name}: a name with an escape and an end of a line",
              code == 2 and "a?[31m?b.json: " in err.replace(":1:2: ", ": ") and err.count("\n") == 1, (code, err))


def check_one_form(tmp):
    profile = tmp / "form.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    for words in (["explain", "--dot", "--svg", profile, "read"], ["explain", "--dot", "--json", profile, "read"],
                  ["lint", "--sarif", "--json", profile]):
        code, out, err = run(*words)
        check(f"{words[0]} {words[1]} {words[2]}: one of both", code == 2 and not out and "expected one of" in err, err)


def check_no_yaml(tmp):
    """libyaml is loaded for YAML alone, and is missed with a place and its name."""
    (tmp / "broken").mkdir()
    (tmp / "broken/libyaml-0.so.2").write_bytes(b"")
    env = dict(os.environ, LD_LIBRARY_PATH=str(tmp / "broken"))
    yaml = tmp / "profile.yaml"
    yaml.write_text("apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\n"
                    "spec:\n  defaultAction: SCMP_ACT_ALLOW\n")
    (tmp / "profile.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    code, out, err = run("compile", "--base64", yaml, env=env)
    check("YAML without libyaml", code == 2 and not out and f"{yaml}:1:1: found YAML" in err and "libyaml" in err,
          (code, out, err))
    code, out, err = run("compile", "--base64", tmp / "profile.json", env=env)
    check("JSON without libyaml", code == 0 and out and not err, (code, out, err))


def check_user(old, tmp):
    if os.geteuid() != 0:
        skip("as an ordinary user", "the tests run as one already")
        return
    os.chmod(tmp, 0o755)
    reach = dict(user=65534, group=65534, extra_groups=[])
    try:
        code, _, err = run("--version", **reach)
    except PermissionError:
        skip("as an ordinary user", "the build is in a directory that others cannot read")
        return
    check("an ordinary user: --version", code == 0, err)
    for words in (["disasm", old], ["prove", old, old], ["sim", old, "read"], ["diff", old, old],
                  ["explain", old, "socket"], ["syscalls", "read"], ["completion", "bash"]):
        code, _, err = run(*words, **reach)
        check(f"an ordinary user: {words[0]}", code == 0, err)
    check("an ordinary user: doctor", run("doctor", **reach)[0] in (0, 1))


def main():
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        found = real_filters(tmp)
        old = tmp / "old.bpf"
        old.write_bytes(run("asm", SOURCE / "tests/cli/files/old.txt")[1])
        os.chmod(old, 0o644)
        check_hostile(found, tmp)
        check_words(old)
        check_target(tmp)
        check_output(tmp)
        check_explained(tmp)
        check_closed(tmp)
        check_one_form(tmp)
        check_no_yaml(tmp)
        check_user(old, tmp)
    done()


main()
