#!/usr/bin/env python3
"""A container profile (OCI, as containers-common and Docker ship it) as a list of API calls:
profile.py PROFILE.json ARCH... prints a case file for x86_64 and the further ARCHes, without
capabilities."""
import json
import sys

OPS = {"SCMP_CMP_NE": "NE", "SCMP_CMP_LT": "LT", "SCMP_CMP_LE": "LE", "SCMP_CMP_EQ": "EQ",
       "SCMP_CMP_GE": "GE", "SCMP_CMP_GT": "GT", "SCMP_CMP_MASKED_EQ": "MASKED_EQ"}
ACTIONS = {"SCMP_ACT_ALLOW": "ALLOW", "SCMP_ACT_KILL": "KILL", "SCMP_ACT_TRAP": "TRAP",
           "SCMP_ACT_LOG": "LOG", "SCMP_ACT_KILL_PROCESS": "KILL_PROCESS"}
EPERM = 1


def action(name, errno):
    if name == "SCMP_ACT_ERRNO":
        return f"ERRNO({EPERM if errno is None else errno})"
    return ACTIONS[name]


def applies(rule):
    inc, exc = rule.get("includes") or {}, rule.get("excludes") or {}
    if inc.get("caps") or "amd64" not in (inc.get("arches") or ["amd64"]):
        return False
    return "amd64" not in (exc.get("arches") or [])


def comparison(arg):
    op, value = OPS[arg["op"]], arg["value"]
    second = f" {arg.get('valueTwo', 0)}" if op == "MASKED_EQ" else ""
    return f"A{arg['index']} {op} {value}{second}"


def rule_lines(rule):
    """A second comparison of one argument cannot be part of the same rule: then each
    comparison is a rule of its own, as the container runtimes do it."""
    act = action(rule["action"], rule.get("errnoRet"))
    args = rule.get("args") or []
    indices = [a["index"] for a in args]
    alternatives = [[a] for a in args] if len(set(indices)) < len(args) else [args]
    for name in rule.get("names") or [rule["name"]]:
        for cmps in alternatives:
            yield f"rule {act} {name} " + ", ".join(map(comparison, cmps))


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        profile = json.load(f)
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    print("scenario", sys.argv[1].rsplit("/", 1)[-1])
    print("init", default)
    for arch in sys.argv[2:]:
        print("arch_add", arch)
    for rule in profile["syscalls"]:
        if applies(rule) and action(rule["action"], rule.get("errnoRet")) != default:
            print("\n".join(rule_lines(rule)))


if __name__ == "__main__":
    main()
