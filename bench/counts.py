#!/usr/bin/env python3
"""Instruction counts against those of bench/counts.csv: counts.py TOOL, as TAP.

Counts are the same on every machine. More instructions than committed is a failure; fewer
is a reason to commit them: counts.py TOOL --update writes the file, and refuses when
anything became worse unless --force says that it shall."""
import csv
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import policies

FILE = os.path.join(HERE, "counts.csv")
# cbpf, ebpf: of the program; executed, mixed: sums, over the `listed` numbers without
# arguments and over bench/mix.txt; worst: of the longest path found.
JUDGED = ["cbpf", "ebpf", "executed", "mixed", "worst"]
FIELDS = ["policy", "origin", "optimize", "cbpf", "ebpf", "listed", "executed", "mixed", "worst"]
# What is promised for Docker's profile: (policy, optimize, what, limit).
PROMISED = [
    ("docker", 1, "cbpf instructions", lambda r: r["cbpf"], 75),
    ("docker", 2, "cbpf instructions", lambda r: r["cbpf"], 75),
    ("docker-3", 1, "cbpf instructions", lambda r: r["cbpf"], 230),
    ("docker", 2, "mean of executed instructions", lambda r: r["executed"] / r["listed"], 9.0),
]


def measure(tool):
    with tempfile.TemporaryDirectory() as directory:
        made = policies.write(directory, None)
        out = subprocess.run([tool, os.path.join(HERE, "mix.txt")] + [p for p, _ in made.values()],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = {}
    for line in out.splitlines():
        name, *numbers = line.split(",")
        optimize, cbpf, ebpf, listed, executed, mixed, worst = map(int, numbers)
        rows[name, optimize] = {
            "policy": name, "origin": made[name][1], "optimize": optimize, "cbpf": cbpf,
            "ebpf": ebpf, "listed": listed, "executed": executed, "mixed": mixed, "worst": worst}
    return rows


def committed():
    if not os.path.exists(FILE):
        return {}
    with open(FILE, newline="") as f:
        rows = [{k: v if k in ("policy", "origin") else int(v) for k, v in row.items()}
                for row in csv.DictReader(f)]
    return {(r["policy"], r["optimize"]): r for r in rows}


def worse(now, then):
    return [k for k in JUDGED if now[k] > then[k]]


def update(rows, old, force):
    bad = [f'{key[0]}, optimize {key[1]}: {k} {old[key][k]} -> {row[k]}'
           for key, row in rows.items() if key in old and old[key]["origin"] == row["origin"]
           for k in worse(row, old[key])]
    if bad and not force:
        sys.exit("worse, not written (--force):\n" + "\n".join(bad))
    with open(FILE, "w", newline="") as f:
        out = csv.DictWriter(f, FIELDS, lineterminator="\n")
        out.writeheader()
        out.writerows((old | rows).values())


def check(rows, old):
    results = []
    for key, then in old.items():
        name = f"{key[0]}, optimize {key[1]}"
        now = rows.get(key)
        if not now or now["origin"] != then["origin"]:
            results.append((True, f"{name} # SKIP no such profile on this machine"))
            continue
        for k in JUDGED:
            better = f" (better: {now[k]}, update counts.csv)" if now[k] < then[k] else ""
            results.append((now[k] <= then[k], f"{name}: {k}, at most {then[k]}{better}"
                            + (f", is {now[k]}" if now[k] > then[k] else "")))
    for policy, optimize, what, of, limit in PROMISED:
        row = rows.get((policy, optimize))
        name = f"{policy}, optimize {optimize}: {what}, promised {limit}"
        results.append((of(row) <= limit, name) if row else (True, f"{name} # SKIP no profile"))
    print(f"1..{len(results)}")
    for i, (good, text) in enumerate(results, 1):
        print("ok" if good else "not ok", i, "-", text)
    return 0 if all(good for good, _ in results) else 1


def main():
    rows, old = measure(sys.argv[1]), committed()
    if "--update" in sys.argv:
        update(rows, old, "--force" in sys.argv)
        return 0
    return check(rows, old)


if __name__ == "__main__":
    sys.exit(main())
