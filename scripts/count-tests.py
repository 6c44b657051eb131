#!/usr/bin/env python3
"""Count the checks of a meson test run: count-tests.py JUNIT.xml EXIT-STATUS.

Names what failed and what was skipped, prints "N passed, N failed, N skipped", and exits
non-zero when anything failed or nothing ran."""
import re
import sys
import xml.etree.ElementTree as ET

# meson copies what tests print, control characters included, which no XML may hold.
with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", log.read())

passed = failed = skipped = 0
for suite in ET.fromstring(text.encode()).iter("testsuite"):
    for case in suite.iter("testcase"):
        name = f'{suite.get("name")}: {case.get("name")}'
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print("FAILED ", name)
        elif (skip := case.find("skipped")) is not None:
            skipped += 1
            print("skipped", name, skip.get("message") or "")
        else:
            passed += 1
if int(sys.argv[2]) != 0 and failed == 0:
    print("FAILED  meson test exited with", sys.argv[2])
    failed = 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(0 if failed == 0 and passed > 0 else 1)
