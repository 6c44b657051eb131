#!/usr/bin/env python3
"""Run a program that prints TAP outside of meson: run-tap.py PROGRAM [ARGUMENTS...]

Shows its output, ends with "N passed, N failed, N skipped", and exits non-zero when anything
failed, when nothing ran, or when the program did not end well."""
import re
import subprocess
import sys

passed = failed = skipped = 0
with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True, errors="replace") as child:
    for line in child.stdout:
        print(line, end="", flush=True)
        if re.match(r"not ok\b", line):
            failed += 1
        elif re.match(r"ok\b", line):
            if "# SKIP" in line:
                skipped += 1
            else:
                passed += 1
if child.returncode != 0 and failed == 0:
    print("FAILED ", *sys.argv[1:], "exited with", child.returncode)
    failed = 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(0 if failed == 0 and passed > 0 else 1)
