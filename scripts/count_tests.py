#!/usr/bin/env python3
"""Count the checks of a meson test run: count_tests.py JUNIT.xml EXIT-STATUS. The log of the tests,
testlog*.json, is beside the file.

Names what failed and what was skipped, prints "N passed, N failed, N skipped", and exits
non-zero when anything failed or nothing ran."""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

BAD = ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS")


def cases(path):
    """(suite, name, "passed", "failed" or "skipped", message) of each check."""
    # meson copies what tests print, control characters included, which no XML may hold.
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?",
                  pathlib.Path(path).read_text(encoding="utf-8", errors="replace"))
    for suite in ET.fromstring(text.encode()).iter("testsuite"):
        for case in suite.iter("testcase"):
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                yield suite.get("name"), case.get("name"), "failed", ""
            elif skip is not None:
                yield suite.get("name"), case.get("name"), "skipped", skip.get("message") or ""
            else:
                yield suite.get("name"), case.get("name"), "passed", ""


def broken(path, failed):
    """Tests that did not end well, and none of whose checks failed: JUnit has not a word of them."""
    for log in pathlib.Path(path).parent.glob(pathlib.Path(path).name.replace(".junit.xml", ".json")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            test = json.loads(line)
            if test["result"] in BAD and not any(suite.endswith(test["name"]) for suite in failed):
                yield f'{test["name"]}: ended with {test["result"]}'


def main():
    count = {"passed": 0, "failed": 0, "skipped": 0}
    failed_suites = set()
    try:
        for suite, name, result, message in cases(sys.argv[1]):
            count[result] += 1
            if result == "failed":
                failed_suites.add(suite)
                print(f"FAILED  {suite}: {name}")
            elif result == "skipped":
                print(f"skipped {suite}: {name} {message}")
        for what in broken(sys.argv[1], failed_suites):
            count["failed"] += 1
            print("FAILED ", what)
    except (OSError, ET.ParseError, ValueError) as error:
        print(f"FAILED  no results: {error}")
        count["failed"] += 1
    if int(sys.argv[2]) != 0 and not count["failed"]:
        print("FAILED  meson test exited with", sys.argv[2])
        count["failed"] = 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return 0 if not count["failed"] and count["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
