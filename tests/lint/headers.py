#!/usr/bin/env python3
"""The tables beside the kernel's headers of every architecture, as the C preprocessor reads
them (scripts/import-syscalls parses their text: this is the second opinion), and the
committed data beside what scripts/import-syscalls makes of the same headers.

  headers.py COMPILER...    prints TAP; skips where Debian's packages cannot be had
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from tables import DATA, read_arches, read_syscalls, version  # noqa: E402

# What the compiler of each ABI defines, so that asm/unistd.h picks its numbers.
MACROS = {
    "x86": ["__i386__"], "x86_64": ["__x86_64__"], "x32": ["__x86_64__", "__ILP32__"],
    "arm": ["__ARM_EABI__"], "mips": ["_MIPS_SIM=1"], "mips64": ["_MIPS_SIM=3"],
    "mips64n32": ["_MIPS_SIM=2"], "parisc64": ["__LP64__"], "ppc64": ["__powerpc64__"],
    "s390x": ["__s390x__"],
}
COMMON = ["_MIPS_SIM_ABI32=1", "_MIPS_SIM_NABI32=2", "_MIPS_SIM_ABI64=3", "__CHAR_BIT__=8"]
NOT_CALLS = re.compile(r"(unused|reserved)\d+$|Linux|\w*syscalls$|\w*BASE$|SYSCALL_MASK$")
# Spellings that the API does not have.
ALIASES = {("arm", "sync_file_range2")}
SHARED_FIRST = 424


class Headers:
    """The uapi headers of one linux-libc-dev package."""

    def __init__(self, package):
        self.uapi = package / "usr/lib/linux/uapi"
        self.include = package / "usr/include"
        text = (self.include / "linux/version.h").read_text()
        code = int(re.search(r"LINUX_VERSION_CODE (\d+)", text)[1])
        self.version = (code >> 16, code >> 8 & 255)

    def preprocess(self, cc, arch, text, *flags):
        size = f"={arch['bits'] // 8}"
        macros = [*MACROS.get(arch["table"], []), *COMMON,
                  "__SIZEOF_LONG__" + size, "__SIZEOF_POINTER__" + size]
        command = [*cc, "-E", "-P", "-undef", "-nostdinc", "-x", "c", *flags,
                   "-I", str(self.uapi / arch["headers"].split("/")[0]),
                   "-I", str(self.include), *("-D" + m for m in macros), "-"]
        return subprocess.run(command, input=text, capture_output=True, text=True,
                              check=True).stdout

    def numbers(self, cc, arch):
        """name -> number of asm/unistd.h as a program for that ABI sees them."""
        start = "#include <asm/unistd.h>\n"
        names = set(re.findall(r"^#define (__(?:ARM_)?NR_\w+) ",
                               self.preprocess(cc, arch, start, "-dM"), re.M))
        asked = start + "".join(f"@@@ '{n}' = {n}\n" for n in sorted(names))
        found = {}
        for name, value in re.findall(r"^@@@ '(\w+)' = (.*)$",
                                      self.preprocess(cc, arch, asked), re.M):
            name = name.split("NR_", 1)[1]
            if not NOT_CALLS.match(name) and re.fullmatch(r"[\da-fA-FxX+() ]+", value):
                found[name] = eval(value)  # digits, plus and parentheses only
        return found


def fetch(suite):
    run = subprocess.run([ROOT / "scripts/fetch-debs", suite, "amd64", "linux-libc-dev"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return Headers(pathlib.Path(run.stdout.strip())) if run.returncode == 0 else None


def wrong_numbers(arch, calls, header, newest):
    """Numbers of the header that we say otherwise, or do not know though they are no news."""
    for name, nr in header.items():
        call = calls.get(name)
        if (arch["table"], name) in ALIASES:
            continue
        if call is None or arch["table"] not in call.nr:
            if nr - arch["base"] <= newest:
                yield f"{name}: the header has {nr}, we nothing"
            else:
                print(f"# {arch['name']}: {name} {nr} is newer than the tables")
        elif call.nr[arch["table"]] + arch["base"] != nr:
            yield f"{name}: the header has {nr}, we {call.nr[arch['table']] + arch['base']}"


def wrong_versions(arch, calls, old, header):
    """Calls that the older header has too early, or lacks though it should not."""
    for call in calls.values():
        since = call.since.get(arch["table"])
        if since and (version(since) <= old.version) != (call.name in header):
            yield f"{call.name}: since {since}, but {old.version} " + \
                ("has it" if call.name in header else "lacks it")


class Tap:
    def __init__(self):
        self.count, self.failed = 0, False

    def check(self, name, complaints):
        complaints = list(complaints)
        for line in complaints:
            print("#", line)
        self.count += 1
        print(f"{'not ' if complaints else ''}ok {self.count} - {name}")
        self.failed |= bool(complaints)


def check_import(tap, new, old):
    """The committed data are what the script makes; a newer kernel adds calls, no more."""
    with tempfile.TemporaryDirectory() as tmp:
        path = pathlib.Path(tmp) / "syscalls.csv"
        subprocess.run([ROOT / "scripts/import-syscalls", new.uapi, old.uapi, "-o", path],
                       check=True)
        made = {line.split(",")[0]: line for line in path.read_text().splitlines()}
    ours = {line.split(",")[0]: line for line in (DATA / "syscalls.csv").read_text().splitlines()}
    tap.check("import-syscalls makes data/syscalls.csv",
              (f"{line} -> {made.get(name)}" for name, line in ours.items()
               if made.get(name) != line))


def main():
    cc, tap = sys.argv[1:], Tap()
    new, old = fetch("sid"), fetch("trixie")
    if not new or not old:
        print("1..1\nok 1 - tables against kernel headers # SKIP no linux-libc-dev to fetch")
        return 0
    calls = {c.name: c for c in read_syscalls() if c.nr}
    newest = max(c.nr.get("x86_64", 0) for c in calls.values())
    for arch in read_arches():
        table = arch["table"]
        current = old if table == "s390" else new  # the 31-bit ABI ended after 6.18
        header, old_header = current.numbers(cc, arch), old.numbers(cc, arch)
        tap.check(f"{arch['name']}: every number of the header",
                  wrong_numbers(arch, calls, header, newest))
        tap.check(f"{arch['name']}: no call that the header lacks",
                  (c.name for c in calls.values() if table in c.nr and c.name not in header
                   and not (current is old and c.nr[table] >= SHARED_FIRST)))
        tap.check(f"{arch['name']}: no version that the older header contradicts",
                  wrong_versions(arch, calls, old, old_header))
    check_import(tap, new, old)
    print(f"1..{tap.count}")
    return tap.failed


sys.exit(main())
