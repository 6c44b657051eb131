#!/usr/bin/env python3
"""Shows that each lint can fail: plants what it looks for in a small tree of its own. TAP.
SPDX-License-Identifier: MIT"""
import json
import pathlib
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"
HEAD = "/* A file.\n * SPDX-License-Identifier: MIT */\n"
LEAK = HEAD + """#include <stdlib.h>
int planted(int n);
int planted(int n)
{
	char *p = malloc(8);

	if (!p || n)
		return 1;
	free(p);
	return p[0];
}
"""

NULL = HEAD + """int planted(int n);
int planted(int n)
{
	int *p = 0;

	return n ? n : *p;
}
"""
TIME_LIMIT = 300  # seconds a case; only to end a hang


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def output(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=TIME_LIMIT)
    return done.stdout, done.returncode


def function(lines):
    return HEAD + "static void planted(void)\n{\n" + "\t;\n" * lines + "}\n"


CASES = [  # name, script, files, what the finding says (None: there is none)
    ("an arrow backwards", "check-includes",
     {"src/policy/policy.h": HEAD, "src/dag/x.c": HEAD + '#include "policy/policy.h"\n'},
     "src/dag/x.c:3 includes src/policy/policy.h"),
    ("an arrow backwards in the own directory's words", "check-includes",
     {"src/policy/policy.h": HEAD, "src/dag/x.c": HEAD + '#include "../policy/policy.h"\n'},
     "src/dag/x.c:3 includes src/policy/policy.h"),
    ("bpf may not see what was lowered", "check-includes",
     {"src/lower/lower.h": HEAD, "src/bpf/emit.c": HEAD + '#include "lower/lower.h"\n'},
     "src/bpf/emit.c:3 includes src/lower/lower.h"),
    ("but the proof may", "check-includes",
     {"src/lower/lower.h": HEAD, "src/bpf/prove.h": HEAD + '#include "lower/lower.h"\n'},
     None),
    ("sluice may not see the policy", "check-includes",
     {"src/policy/policy.h": HEAD, "sluice/util/y.c": HEAD + '#include "policy/policy.h"\n'},
     "sluice/util/y.c:3 includes src/policy/policy.h"),
    ("the middle knows no public API", "check-includes",
     {"src/dag/x.c": HEAD + "#include <seccomp.h>\n"}, "src/dag/x.c:3 includes public"),
    ("a module without arrows", "check-includes",
     {"src/new/x.c": HEAD}, "src/new is in no module"),
    ("a cycle", "check-includes",
     {"src/util/a.h": HEAD + '#include "util/b.h"\n',
      "src/util/b.h": HEAD + '#include "util/a.h"\n'}, "src/util/a.h -> src/util/b.h"),
    ("no licence", "check-style", {"src/util/x.c": "/* A file. */\n"}, "src/util/x.c has no SPDX"),
    ("a long file", "check-style", {"src/util/x.c": HEAD + "\n" * 599}, "has 601 lines"),
    ("a file just short enough", "check-style", {"src/util/x.c": HEAD + "\n" * 598}, None),
    ("a long function", "check-style", {"src/util/x.c": function(61)},
     "src/util/x.c:4 has 61 lines"),
    ("a function just short enough", "check-style", {"src/util/x.c": function(60)}, None),
    ("a use after free", "analyse", {"src/util/x.c": LEAK}, "not ok 3 - gcc -fanalyzer"),
    ("no object, for clang-tidy", "analyse", {"src/util/x.c": NULL}, "not ok 1 - clang-tidy"),
    ("no object, for cppcheck", "analyse", {"src/util/x.c": NULL}, "not ok 2 - cppcheck"),
    ("a silence without a reason", "analyse",
     {"src/util/x.c": HEAD + "extern int x; /* NOLINT */\n"}, "does not say why"),
    ("a silence with one", "analyse",
     {"src/util/x.c": HEAD + "extern int x; /* NOLINT(cert-x): it must be */\n"}, None),
]


def main():
    print(f"1..{len(CASES)}")
    bad = 0
    for number, (name, script, files, says) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as tmp:
            root = pathlib.Path(tmp)
            plant(root, files)
            arguments = [root]
            if script == "analyse":
                plant(root, {"compile_commands.json": json.dumps(
                    [{"directory": tmp, "file": n, "command": f"cc -c {n}"} for n in files])})
                arguments = [root, root]
            text, rc = output(SCRIPTS / script, *arguments)
        lacking = f"{says[4:]} src/util/x.c # SKIP" if says and says.startswith("not ok") else None
        skip = lacking and lacking in text
        ok = skip or ((rc == 1 and says in text) if says else rc == 0)
        bad += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {script}: {name}"
              + (" # SKIP it is not installed" if skip else ""))
        if not ok:
            print("".join(f"# {line}\n" for line in text.splitlines()), end="")
    sys.exit(bool(bad))


main()
