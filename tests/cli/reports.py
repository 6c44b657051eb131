#!/usr/bin/env python3
"""What commands draw and report for other programs: reports.py SLUICE SOURCE. The decision graph decides as the filter
does, SARIF says what JSON says, long work shows its progress on a terminal and nowhere else, and what syscalls prints.
Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import pty
import random
import re
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402

SLUICE = os.path.abspath(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
SVG = "{http://www.w3.org/2000/svg}"
TESTS = {"=": lambda a, k: a == k, ">": lambda a, k: a > k, ">=": lambda a, k: a >= k}
# Comparisons of every kind, on both words of three arguments.
ARGS = [[(0, "NE", 38, 0)], [(0, "GE", 2**33 + 5, 0), (1, "LT", 7, 0)], [(1, "MASKED_EQ", 0xf0, 0x30)],
        [(2, "EQ", 2**40, 0)], [(0, "LE", 3, 0), (2, "GT", 2**32 - 1, 0)], [(1, "EQ", 0, 0), (2, "EQ", 1, 0)]]
INTERESTING = [0, 1, 2, 3, 4, 6, 7, 8, 37, 38, 39, 0x30, 0x3f, 0xf0, 2**32 - 1, 2**32, 2**33 + 4, 2**33 + 5, 2**40,
               2**40 + 1, 2**63, 2**64 - 1]


def run(*args):
    ran = subprocess.run([SLUICE, *args], capture_output=True, text=True, timeout=280, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def profile(path, rng):
    """Refuses dup3 by some of ARGS, each with an errno of its own."""
    entries = [{"names": ["dup3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 10 + i, "args": [
        {"index": a, "op": "SCMP_CMP_" + op, "value": v, "valueTwo": two} for a, op, v, two in args]}
        for i, args in enumerate(rng.sample(ARGS, 3))]
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                "syscalls": entries}))


def parse(dot):
    """{node: label}, {(node, answer): node}; the root is the node of no other."""
    labels = dict(re.findall(r'^\t(n\d+) \[label="(.*?)",', dot, flags=re.M))
    edges = {(a, answer): b for a, b, answer in
             re.findall(r'^\t(n\d+) -> (n\d+) \[label="(yes|no)"', dot, flags=re.M)}
    roots = set(labels) - set(edges.values())
    return labels, edges, roots.pop() if len(roots) == 1 else None


def decide(labels, edges, node, args):
    while (node, "yes") in edges:
        word, mask, op, k = re.fullmatch(r"a(\d\.\w\w)(?: & (0x[0-9a-f]+))? (!=|=|>=|>) (\w+)", labels[node]).groups()
        value = args[int(word[0])] >> (32 if word.endswith("hi") else 0) & 0xffffffff
        if mask:
            value &= int(mask, 16)
        holds = value != 0 if op == "!=" else TESTS[op](value, int(k, 16))
        node = edges[node, "yes" if holds else "no"]
    return labels[node]


def check_graph(tmp):
    rng = random.Random(11)
    path, wrong, asked, unlike = tmp / "graph.json", [], 0, []
    for _ in range(6):
        profile(path, rng)
        labels, edges, root = parse(run("explain", "--dot", "-a", "x86_64", path, "dup3")[1])
        for _ in range(25):
            args = [rng.choice(INTERESTING) for _ in range(3)]
            drawn = decide(labels, edges, root, args)
            said = json.loads(run("sim", "--json", "-a", "x86_64", path, "dup3", *map(str, args))[1])["verdict"]
            asked += 1
            if drawn != said:
                wrong.append((path.read_text(), args, drawn, said))
        svg = xml.etree.ElementTree.fromstring(run("explain", "--svg", "-a", "x86_64", path, "dup3")[1])
        texts = sorted(t.text for t in svg.iter(SVG + "text") if t.get("text-anchor") == "middle")
        if texts != sorted(labels.values()) or len(list(svg.iter(SVG + "line"))) != len(edges) or \
                len(list(svg.iter(SVG + "rect"))) != len(labels):
            unlike.append((texts, labels))
    check(f"--dot: the graph decides as the filter does ({asked} calls)", not wrong and asked == 150, wrong[:3])
    check("--svg: the same nodes and edges as XML", not unlike, unlike[:2])


def check_sarif(tmp):
    odd = tmp / "a b#%:é.json"
    odd.write_text((SOURCE / "tests/cli/files/wide.json").read_text())
    code, out, _ = run("lint", "--sarif", odd)
    code2, out2, _ = run("lint", "--json", odd)
    log, findings = json.loads(out), json.loads(out2)
    check("SARIF: version and tool", log["version"] == "2.1.0" and log["runs"][0]["tool"]["driver"]["name"] == "sluice lint")
    results = [(r["ruleId"], r["level"], r["locations"][0]["physicalLocation"]) for r in log["runs"][0]["results"]]
    check("SARIF: the findings of --json, at their places", code == code2 == 1 and results and
          [(rule, level, at["region"]["startLine"], at["region"]["startColumn"]) for rule, level, at in results] ==
          [(f["rule"], f["severity"], f["line"], f["column"]) for f in findings], results)
    uris = {at["artifactLocation"]["uri"] for _, _, at in results}
    check("SARIF: a file's name as a URI", len(uris) == 1 and all(
        re.fullmatch(r"(?:[\w.~/-]|%[0-9A-F]{2})+", uri, flags=re.A) and urllib.parse.unquote(uri) == str(odd)
        for uri in uris), uris)
    fine = tmp / "fine.json"
    fine.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NO"]}')
    code, out, err = run("lint", "--sarif", fine)
    check("SARIF: no profile, no log", code == 2 and "SCMP_ARCH_NO" in err, (code, out, err))


def on_terminal(errors_too, *args):
    """What a terminal gets; @errors_too: standard error is the terminal, and else only the output."""
    pid, fd = pty.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1 if errors_too else 2)
        os.execv(SLUICE, [SLUICE, *args])
    got = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        got += data
    os.waitpid(pid, 0)
    os.close(fd)
    return got.decode(errors="replace")


def check_progress(tmp):
    base = str(SOURCE / "tests/cli/files/base.json")
    merge = ["merge", "--union", "-o", "/dev/null", *[base] * 200]
    got = on_terminal(True, *merge)
    check("merge: progress on a terminal", "\r\033[K0 of 200: " in got, repr(got[:200]))
    check("merge: its line is cleared at the end", got.endswith("\r\033[K"), repr(got[-200:]))
    check("merge: none elsewhere", "\033" not in on_terminal(False, *merge) and run(*merge)[2] == "")
    if "expected a program" in run("calls", "/dev/null")[2] and os.path.exists("/bin/true"):
        calls = ["calls", "--cache", str(tmp), "/bin/true"]
        got = on_terminal(True, *calls)
        # What cannot be told of a program is said behind the line.
        check("calls: progress on a terminal", re.search(r"\r\033\[K\d+ of \d+: reading functions", got) and
              got.rpartition("reading functions")[2].startswith("\r\033[K"), repr(got[:200] + "…" + got[-200:]))
        check("calls: none elsewhere", "\033" not in run("calls", "--no-cache", "/bin/true")[2])
    else:
        skip("calls: progress on a terminal", "no libcapstone")


def check_syscalls():
    code, out, _ = run("syscalls", "--names", "-a", "aarch64", "293", "read")
    check("syscalls: the names of calls", (code, out) == (0, "rseq\nread\n"), out)
    for number in ("4294967296", "18446744073709551616", "-5"):
        code, out, err = run("syscalls", "--", number)
        check(f"syscalls: no number {number}", code == 2 and not out and f"number {number}" in err, (out, err))
    code, out, _ = run("syscalls", "--names", "--since", "6.0", "read", "futex_wait")
    check("syscalls: only those of the calls that match", (code, out) == (0, "futex_wait\n"), out)
    check("syscalls: none of the calls matches", run("syscalls", "--group", "@clock", "read")[:2] == (1, ""))
    for option, word in (("--architectures", "aarch64"), ("--groups", "@clock")):
        plain, listed = run("syscalls", option)[1].split(), json.loads(run("syscalls", option, "--json")[1])
        check(f"syscalls {option}: JSON has the words of the text", plain == listed and word in plain, listed)
    (call,) = json.loads(run("syscalls", "--json", "-a", "x86_64", "openat2")[1])
    check("syscalls: JSON", (call["name"], call["nr"], call["since"], [a["name"] for a in call["arguments"]]) ==
          ("openat2", 437, "5.6", ["dfd", "filename", "how", "usize"]) and "@file-system" in call["groups"], call)
    for words, said in ((["opnat"], 'did you mean "openat"?'), (["--since", "six"], "no version"),
                        (["--group", "@clok"], "no group"), (["-a", "x86_46"], 'did you mean "x86_64"')):
        code, out, err = run("syscalls", *words)
        check(f"syscalls {' '.join(words)}", code == 2 and not out and said in err, (code, out, err))


def main():
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        check_graph(tmp)
        check_sarif(tmp)
        check_progress(tmp)
        check_syscalls()
    done()


main()
