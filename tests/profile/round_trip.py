#!/usr/bin/env python3
"""Profiles through the library and back: round_trip.py PROFILE-TOOL
Each file of ../shared beside the checkout and of tests/profile is read and written; Python's json (and yaml) says that nothing
is lost, but what is null, empty or "name", which says the same otherwise. Written again, the text stays. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import pathlib
import subprocess
import sys

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = sys.argv[1]
count = bad = 0


def check(ok, name, detail=""):
    global count, bad
    count += 1
    bad += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        print("#", str(detail).replace("\n", "\n# ")[:2000])


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


def write(text, form):
    return subprocess.run([TOOL, "write", str(form)], input=text, capture_output=True, check=False)


def plain(value, at=""):
    """Without what says nothing; "name" as "names"."""
    if isinstance(value, list):
        return [plain(v, at) for v in value]
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if at == "syscalls" and "name" in value:
        value.setdefault("names", [value.pop("name")])
    found = {k: plain(v, k) for k, v in value.items()}
    return {k: v for k, v in found.items() if v not in (None, [], {}) and not (k == "comment" and v == "")}


def load(path, text):
    return yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)


def seccomp(value):
    if "linux" in value:
        return value["linux"]["seccomp"]
    return value.get("spec", value)


def no_yaml():
    """Why not, or None."""
    if not yaml:
        return "no module yaml of Python"
    said = write(b"defaultAction: SCMP_ACT_ALLOW\n", 0).stderr.decode()
    return "the library reads no YAML: libyaml is missing" if "libyaml" in said else None


def main():
    without = no_yaml()
    if without:
        skip("profiles in YAML, and as YAML", without)
    here = ROOT / "tests/profile"
    paths = sorted(p for p in here.glob("**/*.json")) + sorted(here.glob("**/*.yaml"))
    paths += sorted((ROOT.parent / "shared/data/profiles").glob("*.*"))
    for path in paths:
        if path.suffix not in (".json", ".yaml") or (path.suffix == ".yaml" and without):
            continue
        if path.parent.name == "wrong":
            continue
        text = path.read_bytes()
        once = write(text, 0)
        if once.returncode:
            check(False, f"{path.name} is read", once.stderr.decode())
            continue
        check(plain(load(path, once.stdout)) == plain(load(path, text)), f"{path.name} loses nothing",
              once.stdout.decode()[:1500])
        check(write(once.stdout, 0).stdout == once.stdout, f"{path.name} stays as it was written")
        docker = write(text, 2)
        check(docker.returncode == 0 and
              plain(json.loads(docker.stdout)) == plain(seccomp(load(path, text))),
              f"{path.name} as Docker's", docker.stderr.decode())
        spo = write(text, 4)
        if not without and spo.returncode == 0:
            back = write(spo.stdout, 2)
            check(plain(json.loads(back.stdout or "{}")) == plain(json.loads(docker.stdout)),
                  f"{path.name} as YAML and back", spo.stdout.decode()[:1500] + back.stderr.decode())
    print(f"1..{count}")
    sys.exit(bad > 0)


main()
