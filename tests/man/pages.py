#!/usr/bin/env python3
"""Judge the manual pages: pages.py SOURCE BUILD HEADER_DIR... (prints TAP).

Each public function has a page with the prototype of its header. Each page has all sections, is clean
to mandoc, and is titled as a page of this project. Each program of an EXAMPLES section compiles
without a warning, runs and succeeds."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(a) for a in sys.argv[1:3])
INCLUDES = [f"-I{d}" for d in sys.argv[3:]]
LIBRARY = BUILD / "src"
SECTIONS = ["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "EXAMPLES",
            "ERRORS", "SEE ALSO"]
# groff 1.22 (Debian 12) titles pages "BSD Library Functions Manual" unless told otherwise.
VOLUME = re.compile(r"^\.Dd .*\n\.ds doc-volume-operating-system sluice\n\.Dt ", re.M)
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
count = bad = 0


def check(name, ok, why=""):
    global count, bad
    count += 1
    bad += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    for line in (why if not ok else "").strip().splitlines():
        print("#", line)


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def plain(text):
    """Without the escapes that literal text needs."""
    return text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def squeeze(prototype):
    return re.sub(r"\s*([*(),])\s*", r"\1", " ".join(prototype.split()))


def header_prototypes(header=SOURCE / "include/seccomp.h.in", prefix="seccomp_"):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    found = re.findall(r"^([a-z][\w ]*?[ *])(" + prefix + r"\w+)(\([^;{]*\));", text,
                       flags=re.M)
    return {name: squeeze(f"{kind} {name}{args}") for kind, name, args in found}


def page_prototypes(text):
    """From .Ft and .Fn of the SYNOPSIS."""
    found, kind = {}, None
    for line in section(text, "SYNOPSIS").splitlines():
        if line.startswith(".Ft "):
            kind = line[4:].strip('"')
        elif line.startswith(".Fn ") and kind:
            name, *args = shlex.split(plain(line[4:]))
            if not name.startswith("("):  # a type of functions
                found[name] = squeeze(f"{kind} {name}({', '.join(args)})")
            kind = None
    return found


def section(text, name):
    parts = re.split(r"^\.Sh (.*)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2])).get(name, "")


def examples(text):
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", section(text, "EXAMPLES"),
                        flags=re.M | re.S)
    return [plain(b) for b in blocks if "int main(" in b]


def exported():
    out = subprocess.run(["nm", "-D", "--defined-only", LIBRARY / "libseccomp.so.2"],
                         check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[2] for line in out.splitlines() if " T " in line)


def check_functions(pages, header):
    described = {}
    for text in pages.values():
        described.update(page_prototypes(text))
    for name in exported():
        # An alias was written to the build directory, and includes its page.
        alias = BUILD / "man" / f"{name}.3"
        has = name in pages or (alias.exists() and
                                alias.read_text().split("/")[1].strip()[:-2] in pages)
        check(f"{name} has a page", has and name in described)
        check(f"{name} has the header's prototype", described.get(name) == header.get(name),
              f"page:   {described.get(name)}\nheader: {header.get(name)}")


def refused(text):
    """What is wrong with the form of a page."""
    wrong = [f"missing: {s}" for s in SECTIONS if not section(text, s).strip()]
    if not VOLUME.search(text):
        wrong.append("no .ds doc-volume-operating-system sluice between .Dd and .Dt")
    # A version in a page would have to be changed at each release.
    if not re.search(r"^\.Os sluice$", text, flags=re.M):
        wrong.append("not .Os sluice")
    if re.search(r"^\.TH ", text, flags=re.M):
        wrong.append("not mdoc")
    if not examples(text):
        wrong.append("no program in EXAMPLES")
    return wrong


def check_refusals(text):
    """The check of the form can fail: for each section, and for each part of the title."""
    for name in SECTIONS:
        less = re.sub(rf"^\.Sh {name}\n.*?(?=^\.Sh |\Z)", "", text, flags=re.M | re.S)
        check(f"a page without {name} is refused", f"missing: {name}" in refused(less))
    for line in (".ds doc-volume-operating-system sluice\n", ".Os sluice\n"):
        check(f"a page without {line.strip()} is refused", refused(text.replace(line, "")))
    check("a page with a version is refused", refused(text.replace(".Os sluice", ".Os sluice 1.0")))


def check_title(path):
    name = f"{path.name} is titled"
    if not shutil.which("man"):
        skip(name, "man is not installed")
        return
    out = subprocess.run(["man", "-l", path], env=dict(os.environ, MANWIDTH="80", LC_ALL="C"),
                         capture_output=True, text=True).stdout.strip().splitlines()
    if not out:
        skip(name, "man shows no pages here")
        return
    check(name, "BSD" not in out[0] + out[-1], f"{out[0]}\n{out[-1]}")


def check_form(name, text):
    wrong = refused(text)
    check(f"{name} has its form", not wrong, "\n".join(wrong))
    unnamed = [f for f in page_prototypes(text) if f".Nm {f}" not in section(text, "NAME")]
    check(f"{name} names its functions", not unnamed, f"not in NAME: {unnamed}")


def check_lint(path):
    name = f"{path.name} is clean to mandoc"
    if not shutil.which("mandoc"):
        skip(name, "mandoc is not installed")
        return
    out = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True,
                         text=True).stdout
    check(name, not out, out)


def check_example(name, code, tmp, libraries=(("src", "seccomp"),)):
    source, program = tmp / f"{name}.c", tmp / name
    source.write_text(code)
    cc = shlex.split(os.environ.get("CC", "cc") + " " + os.environ.get("CFLAGS", ""))
    links = [flag for where, lib in libraries for flag in (f"-L{BUILD / where}", f"-l{lib}")]
    done = subprocess.run([*cc, *WARNINGS, *INCLUDES, source, "-o", program, *links],
                          capture_output=True, text=True)
    check(f"{name} compiles", done.returncode == 0, done.stderr)
    if done.returncode:
        return
    if "-fsanitize" in os.environ.get("CFLAGS", ""):
        skip(f"{name} runs", "a sanitizer makes calls that its filter forbids")
        return
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(str(BUILD / w) for w, _ in libraries))
    try:
        done = subprocess.run([program], env=env, capture_output=True, text=True, timeout=60)
        check(f"{name} runs", done.returncode == 0,
              f"status {done.returncode}\n{done.stdout}{done.stderr}")
    except subprocess.TimeoutExpired:
        check(f"{name} runs", False, "does not end")


def check_sluice(path, tmp):
    """A page of libsluice: the prototypes of its header, and programs that run. Returns its functions."""
    text = path.read_text()
    header = re.search(r"^\.In (sluice\S*\.h)$", text, flags=re.M)
    check(f"{path.name} names its header", header)
    check_form(path.name, text)
    mute = unexplained(text)
    check(f"{path.name} explains its functions", not mute, f"not explained: {mute}")
    check_title(path)
    there = header_prototypes(SOURCE / "include" / header[1], "sluice_") if header else {}
    for name, prototype in page_prototypes(text).items():
        check(f"{name} has the header's prototype", prototype == there.get(name),
              f"page:   {prototype}\nheader: {there.get(name)}")
    for i, code in enumerate(examples(text)):
        check_example(f"{path.stem}-{i + 1}", code, tmp,
                      (("profile", "sluice-profile"), ("sluice", "sluice"), ("src", "seccomp")))
    return set(page_prototypes(text))


def declared(header):
    """What a program needs besides functions: (fields of structures, constants, types of callbacks)."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    fields = {f"{struct}.{field}"
              for struct, body in re.findall(r"^struct (\w+) \{(.*?)^\}", text, flags=re.M | re.S)
              for line in body.split(";")
              for field in re.findall(r"(\w+)(?:\[[^]]*\])?\s*(?:,|\Z)", line.strip())}
    constants = {name for body in re.findall(r"^enum \w+ \{(.*?)^\}", text, flags=re.M | re.S)
                 for name in re.findall(r"^\s*(SLUICE_\w+)", body, flags=re.M)}
    return fields, constants, set(re.findall(r"^typedef [^;]*?\(\*(\w+)\)", text, flags=re.M))


def undescribed(header, pages):
    """What of a header no page of it mentions outside of its EXAMPLES."""
    prose = "\n".join(page.replace(section(page, "EXAMPLES"), "") for page in pages)
    words = set(re.findall(r"\w+", prose))
    fields, constants, callbacks = declared(header)
    return sorted([f for f in fields if f.split(".")[1] not in words | {"internal", "reserved"}] +
                  list(constants - words) + [c for c in callbacks if f"(*{c})" not in prose])


def unexplained(text):
    """Functions of the SYNOPSIS that are named nowhere below it."""
    prose = section(text, "DESCRIPTION") + section(text, "RETURN VALUES")
    return [f for f in page_prototypes(text) if not re.search(rf"^\.Fn {f}\b", prose, flags=re.M)]


def check_contents(name, header, pages):
    missing = undescribed(header, pages)
    check(f"the pages of {name} describe its structures, constants and callbacks", not missing,
          f"in no page: {missing}")


def check_contents_can_fail():
    header = "struct a {\n\tint one, two;\n\tint three[2];\n};\nenum e {\n\tSLUICE_X = 1,\n};\n" \
        "typedef int (*sluice_f)(int);\n"
    page = ".Sh SYNOPSIS\n.Ft int\n.Fn f\n.Sh DESCRIPTION\none\n.Sh EXAMPLES\ntwo\n.Sh ERRORS\n"
    check("what only an example mentions is not described",
          undescribed(header, [page]) == ["SLUICE_X", "a.three", "a.two", "sluice_f"])
    check("a function that no sentence explains is found", unexplained(page) == ["f"])


def check_sluice_pages(tmp):
    described = set()
    texts = []
    for path in sorted((SOURCE / "man").glob("sluice_*.3")):
        described |= check_sluice(path, tmp)
        texts.append(path.read_text())
    check_contents_can_fail()
    for header in ("sluice.h", "sluice-calls.h", "sluice-filter.h", "sluice-profile.h",
                   "sluice-program.h"):
        text = (SOURCE / "include" / header).read_text()
        check_contents(header, text, [t for t in texts if f"\n.In {header}\n" in t])
        for name in header_prototypes(SOURCE / "include" / header, "sluice_"):
            page = BUILD / "man" / f"{name}.3"
            check(f"{name} has a page", name in described and
                  (page.exists() or (SOURCE / "man" / f"{name}.3").exists()))


def main():
    paths = sorted((SOURCE / "man").glob("seccomp_*.3"))
    pages = {p.stem: p.read_text() for p in paths}
    check_functions(pages, header_prototypes())
    with tempfile.TemporaryDirectory() as tmp:
        for path in paths:
            text = pages[path.stem]
            check_form(path.name, text)
            check_lint(path)
            check_title(path)
            for i, code in enumerate(examples(text)):
                check_example(f"{path.stem}-{i + 1}", code, pathlib.Path(tmp))
        check_refusals(pages["seccomp_init"])
        if (BUILD / "sluice").exists():
            check_sluice_pages(pathlib.Path(tmp))
    for path in sorted((SOURCE / "man").glob("*.[1-9]")):
        if path not in paths:
            check_lint(path)
    # The tool's pages are made by the build, if its programs can run here.
    for path in sorted((BUILD / "cli").glob("sluice*.1")):
        check(f"{path.name} has the title's line", VOLUME.search(path.read_text()))
        check_title(path)
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
