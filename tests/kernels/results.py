"""What the scripts here report: TAP on the output, and a table each in RESULTS.md.
SPDX-License-Identifier: MIT"""
import datetime
import pathlib
import re

DOCUMENT = pathlib.Path(__file__).resolve().parent / "RESULTS.md"
TITLE = "# The tests on other kernels and other ABIs\n"
LIVE, SLUICE, SIMULATED = SECTIONS = [
    "## Live tests on other kernels", "## Tests of libsluice on other kernels",
    "## Simulated tests on other ABIs"]


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def say(self, ok, name, skip=None):
        self.count += 1
        self.bad += not ok
        skip = f" # SKIP {skip}" if skip is not None else ""
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{skip}", flush=True)


def named(skips):
    """A cell that names skipped checks, from {name: reason}."""
    reasons = {}
    for name, why in skips.items():
        reasons.setdefault(why.strip(), []).append(name.strip())
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def write(section, before, head, rows, after, order, document=DOCUMENT, title=TITLE,
          headings=tuple(SECTIONS)):
    """Writes a section of a document: text, a table with these column heads, text. @rows has a key (the columns
    that name a row) and the other cells of each row of this run; what the table has on other keys
    stays, with the day on which it was run. @order: all that the first column can be."""
    text = document.read_text() if document.exists() else ""
    parts = re.split(r"^(## .*)\n", text, flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2]))
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    n_key = len(next(iter(rows)))
    kept = [cells(line) for line in sections.get(section, "").splitlines()
            if line.startswith("|")][2:]
    table = {tuple(row[:n_key]): row[n_key:] for row in kept if len(row) == len(head) + 1}
    table.update({key: [*map(str, row), day] for key, row in rows.items()})
    table = dict(sorted((row for row in table.items() if row[0][0] in order),
                        key=lambda row: order.index(row[0][0])))
    lines = [*before, "", f"| {' | '.join(head)} | run on |", "|---" * (len(head) + 1) + "|",
             *(f"| {' | '.join([*key, *row])} |" for key, row in table.items()), "", *after]
    sections[section] = "\n" + "\n".join(lines)
    document.write_text(title + "".join(f"\n{heading}\n{sections[heading].rstrip()}\n"
                                        for heading in headings if heading in sections))
