"""Tables and a plot from the figures that the bench programs print."""
import datetime
import os
import platform

import plot

VARIANTS = [("ours", 1), ("ours", 2), ("theirs", 1), ("theirs", 2)]
HEAD = ["ours, 1", "ours, 2", "theirs, 1", "theirs, 2"]
growth_svg = plot.growth


def machine():
    cpu = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{cpu}, {os.cpu_count()} processors",
        "kernel": platform.release(),
    }


def find(figures, **want):
    """The figure with these fields, None when it was not measured."""
    for f in figures:
        if all(f.get(k) == v for k, v in want.items()):
            return f
    return None


def short(value):
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.4g}" if value < 100 else f"{value:.0f}"


def cell(figure):
    """Median, and the machine's noise: lowest and highest sample."""
    if not figure:
        return "–"
    if figure.get("ended") is False:
        return f'over {short(figure["median"])}'
    return f'**{short(figure["median"])}** ({short(figure["min"])} … {short(figure["max"])})'


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(out + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def policies_of(figures):
    return list(dict.fromkeys(f["policy"] for f in figures if f["what"] == "compile"))


def by_variant(figures, what):
    return table(["policy"] + HEAD, [
        [p] + [cell(find(figures, what=what, policy=p, lib=lib, optimize=o))
               for lib, o in VARIANTS] for p in policies_of(figures)])


def proved(figures):
    return table(["policy", "ours, 1", "ours, 2"], [
        [p] + [cell(find(figures, what="proved", policy=p, lib="ours", optimize=o))
               for o in (1, 2)] for p in policies_of(figures)])


def counts(figures):
    def one(f):
        if not f or not f["cbpf"]:
            return "none"
        if f["cbpf"] > 4096:
            return f'{f["cbpf"]} (refused: over 4096)'
        return (f'{f["cbpf"]} / {f["ebpf"]}; {f["mean"]:.2f} / {f["mix"]:.2f} / {f["worst"]}')
    return table(["policy"] + HEAD, [
        [p] + [one(find(figures, what="counts", policy=p, lib=lib, optimize=o))
               for lib, o in VARIANTS] for p in policies_of(figures)])


def heap(figures):
    def one(f):
        return f'{f["peak"] / 1024:.0f} ({f["allocations"]})' if f else "–"
    return table(["policy"] + HEAD, [
        [p] + [one(find(figures, what="heap", policy=p, lib=lib, optimize=o))
               for lib, o in VARIANTS] for p in policies_of(figures)])


def calls(figures):
    rows = []
    for p in policies_of(figures):
        for c in ("allowed", "argument", "denied"):
            got = [find(figures, what="call", policy=p, **{"class": c}, lib=lib, optimize=o)
                   for lib, o in [("none", 0), ("shortest", 0)] + VARIANTS]
            if any(got):
                rows.append([f"{p}: {c}"] + [cell(f) for f in got])
    return table(["policy: class", "no filter", "shortest"] + HEAD, rows)


def others(figures):
    def row(name, what, libs):
        return [name] + [cell(find(figures, what=what, lib=lib)) if lib else "" for lib in libs]
    rows = [
        row("resolve a name, ns", "resolve_name", ["ours", "theirs", None]),
        row("resolve a number, ns (bound: malloc + free)", "resolve_number",
            ["ours", "theirs", "floor"]),
        row("notification there and back, µs (bound: ioctl)", "roundtrip",
            ["ours", "theirs", "ioctl"]),
        row("futex there and back, µs", "roundtrip", [None, None, "futex"]),
        row("start of a program, µs (bound: without the library)", "startup",
            ["ours", "theirs", "none"]),
    ]
    sizes = [find(figures, what="library", lib=lib) for lib in ("ours", "theirs")]
    for key, name in (("text", ".text, bytes"), ("rodata", ".rodata, bytes"),
                      ("relocated", ".data.rel.ro and .data, bytes"),
                      ("relocations", "relocations"), ("file", "all sections, bytes")):
        rows.append([name] + [short(s[key]) if s[key] < 1000 else f"{s[key]}" for s in sizes]
                    + [""])
    return table(["", "ours", "theirs", "bound"], rows)


SETTINGS = [(1, 1), (16, 1), (1, 2), (16, 2)]  # threads of the target, processors


def supervise(figures):
    got = [f for f in figures if f["what"] == "supervise"]
    rows = []
    for way in dict.fromkeys(f["way"] for f in got):
        row = [way]
        for threads, cpus in SETTINGS:
            f, raw = (find(got, way=w, threads=threads, cpus=cpus)
                      for w in (way, "raw RECV+SEND"))
            row.append(f'{cell(f)}: {f["median"] / raw["median"]:.2f}' if f else "")
        rows.append(row)
    return table([""] + [f'{t} thread{"s" * (t > 1)}, {c} CPU{"s" * (c > 1)}'
                         for t, c in SETTINGS], rows)


def growth(figures):
    rows = []
    for values in ("runs", "scattered"):
        for n in sorted({f["rules"] for f in figures if f["what"] == "growth"}):
            got = [find(figures, what="growth", values=values, rules=n, lib=lib)
                   for lib in ("ours", "theirs")]
            if any(got):
                rows.append([values, n] + [x for f in got for x in
                                           (cell(f), f["cbpf"] or "none" if f else "")])
    return table(["values", "rules", "ours", "cBPF", "theirs", "cBPF"], rows)


def targets(figures):
    """The promises, on Docker's profile, and what was measured."""
    def value(what, policy, lib, optimize, key="median"):
        f = find(figures, what=what, policy=policy, lib=lib, optimize=optimize)
        return f[key] if f else None

    def ratio(what, policy, o_ours, o_theirs):
        return value(what, policy, "theirs", o_theirs) / value(what, policy, "ours", o_ours)

    def resolve(what):
        return find(figures, what=what, lib="theirs")["median"] / \
            find(figures, what=what, lib="ours")["median"]

    def worst_call(versus):
        worst, where = 0, ""
        for f in figures:
            if f["what"] != "call" or f["lib"] != "ours":
                continue
            if versus == ("shortest", 0) and f["class"] == "allowed":
                continue
            other = find(figures, what="call", policy=f["policy"], lib=versus[0],
                         optimize=versus[1], **{"class": f["class"]})
            if other:
                worst, where = max((worst, where), (
                    f["min"] / other["min"],
                    f'{f["policy"]}, optimize {f["optimize"]}, {f["class"]}'))
        return f"{worst:.2f} ({where})"
    if "docker" not in policies_of(figures):
        return "Docker's profile was not given: no figures to compare with the targets."
    def supervised(way, versus, threads=1, cpus=1):
        f, other = (find(figures, what="supervise", way=w, threads=threads, cpus=cpus)
                    for w in (way, versus))
        return f'{f["median"] / other["median"]:.2f}'

    trip = [find(figures, what="roundtrip", lib=lib)["median"] for lib in ("ours", "ioctl")]
    size = [find(figures, what="library", lib=lib) for lib in ("ours", "theirs")]
    big, small = (find(figures, what="growth", values="runs", rules=n, lib="ours")
                  for n in (10000, 1000))
    rows = [
        ["cBPF instructions, x86_64", "≤ 75", value("counts", "docker", "ours", 1, "cbpf")],
        ["cBPF instructions, 3 architectures", "≤ 230",
         value("counts", "docker-3", "ours", 1, "cbpf")],
        ["mean executed, optimize 2", "≤ 9.0",
         f'{value("counts", "docker", "ours", 2, "mean"):.2f}'],
        ["init + rules + export, 1 architecture", "≥ 100 times faster",
         f'{ratio("compile", "docker", 1, 1):.0f}'],
        ["init + rules + export, 3 architectures", "≥ 150 times faster",
         f'{ratio("compile", "docker-3", 1, 1):.0f}'],
        ["10 000 rules with arguments", "≤ 20 ms", f'{big["median"] / 1000:.2f} ms'],
        ["from 1000 to 10 000 of them (n log n: 13.3 times)", "n log n",
         f'{big["median"] / small["median"]:.1f} times'],
        ["attach against optimize 1", "≤ 1/5", f'1/{ratio("attach", "docker", 1, 1):.1f}'],
        ["attach against optimize 2", "≤ 1/2", f'1/{ratio("attach", "docker", 2, 2):.1f}'],
        ["from init to attached against the bare attach of the same program", "≤ 1.5",
         f'{value("whole", "docker", "ours", 1) / value("attach", "docker", "ours", 1):.2f}'],
        ["ns per call against their tree, worst class (of the lowest samples)", "≤ 1",
         worst_call(("theirs", 2))],
        ["ns per call against the shortest program, worst class (of the lowest samples)",
         "≤ 1.10", worst_call(("shortest", 0))],
        ["resolve a name", "≤ 1/2", f'1/{resolve("resolve_name"):.1f}'],
        ["resolve a number", "≤ 1/20", f'1/{resolve("resolve_number"):.1f}'],
        ["rules to program and its proof, Docker's and systemd's set, optimize 1 and 2",
         "≤ 20 ms", ", ".join(f'{value("proved", p, "ours", o) / 1000:.2f} ms'
                              for p in ("docker", "system-service") for o in (1, 2))],
        ["text + rodata", "smaller", " against ".join(
            str(s["text"] + s["rodata"]) for s in size)],
        ["relocations", "none in the tables", " against ".join(
            str(s["relocations"]) for s in size)],
        ["notification round trip against ioctl", "1", f"{trip[0] / trip[1]:.2f}"],
        ["libsluice: dispatch, handler, reply against raw RECV+SEND", "≤ 1.15",
         supervised("libsluice", "raw RECV+SEND")],
        ["libsluice with a path captured against raw with process_vm_readv(2)", "≤ 1.25",
         supervised("libsluice, path captured", "raw RECV+readv+SEND")],
        ["ptrace(2) against libsluice", "≥ 1.7", supervised("ptrace", "libsluice")],
        ["libsluice, 16 threads, against raw: on 1 CPU, on 2", "≤ 1",
         ", ".join(supervised("libsluice", "raw RECV+SEND", 16, cpus) for cpus in (1, 2))],
        ["libsluice, 16 threads, against raw behind epoll: on 1 CPU, on 2", "",
         ", ".join(supervised("libsluice", "raw epoll+RECV+SEND", 16, c) for c in (1, 2))],
        ["SYNC_WAKE_UP, 1 thread, 2 CPUs: with against without", "",
         supervised("libsluice", "libsluice, no SYNC_WAKE_UP", 1, 2)],
    ]
    return table(["what", "target", "measured"], rows)


def refused(figures):
    return table(["rules", "ms", "MiB"],
                 [[f["set"], f'{f["ms"]:.1f}' + (f' ({f["instructions"]} instructions)' if not f["errno"] else ""),
                   f'{f["kib"] / 1024:.1f}'] for f in figures if f["what"] == "refused"])


SECTIONS = [
    ("Targets", targets, "Docker's default profile without capabilities; libseccomp at "
     "optimize 1 unless said. Ratios are of medians unless said."),
    ("Instructions", counts, "cBPF / eBPF; executed: mean over the listed numbers / over a "
     "mix of calls as programs make them (bench/mix.txt) / worst."),
    ("From seccomp_init() to the exported program, µs", lambda f: by_variant(f, "compile"),
     "Caches and heap warm: one run before each sample is not timed."),
    ("The same with SECCOMP_SELF_CHECK=1, µs", proved,
     "Every program proved against its rules before it is handed out."),
    ("seccomp(2) with the exported program in a fresh process, µs",
     lambda f: by_variant(f, "attach"), ""),
    ("seccomp_load() in a fresh process, µs", lambda f: by_variant(f, "load"),
     "Compiles and attaches; asks the kernel what the attributes need."),
    ("From seccomp_init() to the attached filter in a fresh process, µs",
     lambda f: by_variant(f, "whole"), "Beside \"seccomp(2) with the exported program\"."),
    ("Memory, KiB at the most (allocations)", heap, "malloc(3), from init to release."),
    ("One system call, ns", calls, "allowed: getppid, a constant answer that the kernel "
     "caches; argument: personality(0xffffffff), allowed for its argument; denied: an errno. "
     "A denied call costs less than one that is made. \"Shortest\": by hand, these calls only."),
    ("A supervisor, ns a call", supervise, "mkdir(2) answered by a supervisor, by the target's "
     "clock; after the colon: to raw RECV+SEND of the same column. libsluice sets SYNC_WAKE_UP; "
     "one listener and nothing else to wait for lets it wait in RECV, a keeper or a loop of the "
     "caller's makes it ask epoll first."),
    ("Everything else", others, ""),
    ("Growth, µs", growth, "EQ rules over 50 calls, optimize 1, each in a fresh process: values "
     "in runs of 16 or scattered. Where there is no program it would be over 4096 "
     "instructions."),
    ("Refusals", refused, "Random rules that fit into no program, ours, optimize 1: from seccomp_init() to "
     "the error, median of five processes, and the memory that the process took. Six: comparisons of a rule, one "
     "on each argument. All kinds: NE, LT, LE, EQ, GE, GT and MASKED_EQ."),
]


def tables(figures):
    return "\n\n".join(f"## {title}\n\n{text}{text and chr(10) * 2}{make(figures)}"
                       for title, make, text in SECTIONS)


def document(figures):
    m = machine()
    versions = {f["lib"]: f["version"] for f in figures if f["what"] == "version"}
    notes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes.md")
    with open(notes) as f:
        remarks = f.read()
    return f"""# Results

`scripts/bench --save`, {m["date"]}, {m["cpu"]}, Linux {m["kernel"]}. "Theirs" is libseccomp
{versions["theirs"]} of Debian; 1 and 2 are the values of SCMP_FLTATR_CTL_OPTIMIZE. All variants
take turns in one process or in processes pinned to one processor. Times are **median**
(lowest … highest sample).

{tables(figures)}

![Growth](growth.svg)

{remarks}"""
