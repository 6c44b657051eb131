#!/usr/bin/env python3
"""What the linker and the loader see of the built library: library.py SO ARCHIVE VERSION HEADER PC.
VERSION is the project's. TAP."""
import ctypes
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
so, archive, project, header, pc = sys.argv[1:6]
expected = (HERE / "symbols.txt").read_text().split()
checks = []


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          check=True).stdout


def check(name, complaints):
    complaints = list(complaints)
    for line in complaints:
        print("#", line)
    checks.append(not complaints)
    print(f"{'not ' if complaints else ''}ok {len(checks)} - {name}")


def skip(name, why):
    checks.append(True)
    print(f"ok {len(checks)} - {name} # SKIP {why}")


def differences(found, wanted):
    for name in sorted(set(found) | set(wanted)):
        if (name in found) != (name in wanted):
            yield f"{name} {'leaks' if name in found else 'is missing'}"


def sections(path):
    """name -> (first address, end)"""
    found = {}
    for name, address, size in re.findall(
            r"\] (\.\S+)\s+\S+\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", run("readelf", "-SW", path)):
        found[name] = (int(address, 16), int(address, 16) + int(size, 16))
    return found


def symbols(path, *flags):
    lines = [line.split() for line in run("nm", "--defined-only", *flags, path).splitlines()]
    return {line[-1]: line[0] for line in lines if len(line) == 3}


def text_size(path):
    """text and rodata, as size(1) counts them"""
    return int(run("size", path).splitlines()[1].split()[0])


def check_size():
    fetch = subprocess.run([HERE / "../../scripts/fetch-debs", "sid",
                            run("dpkg", "--print-architecture").strip(), "libseccomp2"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    theirs = list(pathlib.Path(fetch.stdout.strip()).glob("usr/lib/*/libseccomp.so.2")) \
        if fetch.returncode == 0 else []
    if not theirs:
        return skip("smaller than libseccomp", "no libseccomp2 of sid to fetch")
    if "asan" in run("nm", "-D", so) or "ubsan" in run("nm", "-D", so):
        return skip("smaller than libseccomp", "built with sanitizers")
    ours, limit = text_size(so), text_size(theirs[0])
    print(f"# text and rodata: ours {ours}, theirs {limit}")
    check("smaller than libseccomp", [] if ours < limit else [f"{ours} is not below {limit}"])


def said_versions():
    """Each place that says the library's version, as three numbers."""
    text = pathlib.Path(header).read_text()
    yield "header", [int(re.search(rf"#define SCMP_VER_{part} (\d+)", text)[1])
                     for part in ("MAJOR", "MINOR", "MICRO")]
    for place, said in (("file name", pathlib.Path(so).resolve().name.partition(".so.")[2]),
                        ("pc", re.search(r"^Version: (.*)", pathlib.Path(pc).read_text(), re.M)[1])):
        yield place, [int(n) for n in said.split(".")]
    if "san.so" in dynamic:
        return  # not to be loaded into this process
    library = ctypes.CDLL(so)
    library.seccomp_version.restype = ctypes.POINTER(ctypes.c_uint * 3)
    yield "seccomp_version", list(library.seccomp_version().contents)


def check_version():
    x, y, z = (int(n) for n in project.split("."))
    wanted = [2, 6, 100000 + 10000 * x + 100 * y + z]
    said = list(said_versions())
    check(f"{len(said)} places say {wanted}",
          [f"{place} says {version}" for place, version in said if version != wanted])
    # libseccomp-golang, meson and pkg-config compare all three numbers, others two.
    check("newer than each libseccomp 2.6, older than 2.7",
          [place for place, version in said if not [2, 6, 99999] < version < [2, 7, 0]])


dynamic = run("readelf", "-dW", so)
check("exported symbols are the API", differences(symbols(so, "-D"), expected))
check("global symbols of the archive are the API",
      differences(symbols(archive, "-g"), expected))
check("symbols have no version",
      [s for s in symbols(so, "-D") if "@" in s] + re.findall(r"\(VERDEF\).*", dynamic))
check("soname", [] if "soname: [libseccomp.so.2]" in dynamic else [dynamic])
check("needs libc alone",
      (n for n in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
       if not re.match(r"libc\.so|ld-linux|lib[a-z]*san\.so", n)))
check("no text relocation, no executable stack",
      re.findall(r"TEXTREL.*", dynamic) + re.findall(r"GNU_STACK.*RWE.*", run("readelf", "-lW", so)))
# A table that needs a relocation is not in .rodata, and one in .rodata cannot have any.
start, end = sections(so)[".rodata"]
tables = {n: int(a, 16) for n, a in symbols(so).items() if n.startswith("sc_arch_data_")}
check("tables are constant", [f"{n} is not in .rodata" for n, a in tables.items()
                              if not start <= a < end] or ([] if tables else ["no table found"]))
check("no relocation in the tables",
      (line for line in run("readelf", "-rW", so).splitlines()
       if re.match(r"[0-9a-f]{8,} ", line) and start <= int(line.split()[0], 16) < end))
check_size()
check_version()
print(f"1..{len(checks)}")
sys.exit(not all(checks))
