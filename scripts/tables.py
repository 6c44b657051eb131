"""What the table scripts share: the facts of data/*.csv, read and written.

A cell of data/syscalls.csv is NUMBER or NUMBER@VERSION (the Linux version that introduced
the call there), empty where the architecture lacks the call. Numbers are relative to the
architecture's base (mips 4000, 5000, 6000; x32 0x40000000); arm's private calls, which
start at 0x0f0000, are written in full."""
import csv
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
ARM_PRIVATE = 0x0F0000


def read_arches():
    """Rows of data/arches.csv, numbers as int."""
    with open(DATA / "arches.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    for row in rows:
        for key in ("token", "audit", "bits", "base"):
            row[key] = int(row[key], 0)
    return rows


def columns(arches):
    """The columns of syscalls.csv in order; architectures may share one."""
    return list(dict.fromkeys(a["table"] for a in arches))


class Call:
    """One row of syscalls.csv: nr and since by column, pseudo None or negative."""

    def __init__(self, name, pseudo):
        self.name, self.pseudo, self.nr, self.since = name, pseudo, {}, {}


def read_syscalls():
    calls = []
    with open(DATA / "syscalls.csv", newline="") as f:
        for row in csv.DictReader(f):
            call = Call(row.pop("name"), int(row.pop("pseudo") or 0) or None)
            for column, cell in row.items():
                if cell:
                    nr, _, since = cell.partition("@")
                    call.nr[column] = int(nr)
                    call.since[column] = since
            calls.append(call)
    return calls


def write_syscalls(calls, cols, path):
    with open(path, "w") as f:
        f.write(",".join(["name", "pseudo", *cols]) + "\n")
        for call in sorted(calls, key=lambda c: c.name):
            cells = [call.name, str(call.pseudo or "")]
            for col in cols:
                since = call.since.get(col)
                cells.append("" if col not in call.nr else
                             f"{call.nr[col]}@{since}" if since else str(call.nr[col]))
            f.write(",".join(cells) + "\n")


def version(text):
    """'2.6.16' as (2, 6, 16), to be compared."""
    return tuple(int(part) for part in text.split("."))


def read_header(path):
    """Names and numbers (without base) of one asm/unistd*.h, arm's private calls too."""
    numbers = {}
    text = path.read_text()
    if path.name == "unistd-eabi.h":
        text += (path.parent / "unistd.h").read_text()
    for prefix, name, value in re.findall(
            r"^#define __(ARM_NR|NR)_(\w+)\s+(.+?)\s*$", text, re.M):
        # "42", "(__NR_Linux + 42)", "(__ARM_NR_BASE+1)"; never the bases themselves.
        digits = re.fullmatch(r"(?:\(\w+\s*\+\s*)?(\d+)\)?", value)
        if digits and not re.match(r"Linux|.*BASE$|reserved|unused", name):
            numbers[name] = int(digits[1]) + (ARM_PRIVATE if prefix == "ARM_NR" else 0)
    return numbers
