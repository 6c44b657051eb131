#!/usr/bin/env python3
"""What a repair changes, seen in a container: fixed.py --tool PROFILE-TOOL --wide PROGRAM --getfilter … (as runtimes.py)
A profile refuses one family of sockets with a comparison of 64 bits: garbage in the upper half of the register gets past
it. Under the repaired profile it is refused, by runc and by crun. Prints TAP.
SPDX-License-Identifier: MIT"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
import client  # noqa: E402
import container  # noqa: E402
from runtimes import RUNTIMES  # noqa: E402

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO",
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}


def says(options, runtime, profile, directory):
    box = client.Box(options, client.system_library(), directory, client.TIME_LIMIT)
    container.bundle(box, "/bin/wide")
    shutil.copy(options.wide, box.dir / "bundle/rootfs/bin/wide")
    path = box.dir / "bundle/config.json"
    config = json.loads(path.read_text())
    config["linux"]["seccomp"] = profile
    path.write_text(json.dumps(config))
    child = box.run(["sh", "-c", container.CGROUPS + RUNTIMES[runtime], "sh",
                     f"sluice-fixed-{os.getpid()}-{box.dir.name}"])
    return child.stdout_text.strip()


def main():
    parser = argparse.ArgumentParser()
    for option in ("tool", "wide", "getfilter", "samefilter", "broken", "prove"):
        parser.add_argument("--" + option, type=os.path.abspath, required=True)
    options = parser.parse_args()
    tap = client.Tap()
    done = subprocess.run([options.tool, "fix", "arch=x86_64"], input=json.dumps(PROFILE).encode(),
                          capture_output=True, check=True)
    fixed = json.loads(done.stdout)
    with tempfile.TemporaryDirectory(prefix="fixed-") as scratch:
        os.chmod(scratch, 0o755)
        for runtime in RUNTIMES:
            if os.geteuid() or not all(shutil.which(p, path=client.PATH) for p in (runtime, "busybox")):
                tap.skip(runtime, "needs root, the runtime and busybox")
                continue
            for name, profile, expected in (("as it was", PROFILE, "refused open"),
                                            ("repaired", fixed, "refused refused")):
                try:
                    said = says(options, runtime, profile, pathlib.Path(scratch, f"{runtime}-{len(name)}"))
                    tap.say(said == expected, f"{runtime}, {name}: {expected}", said)
                except client.Failed as failed:
                    tap.say(False, f"{runtime}, {name}", failed)
    sys.exit(tap.end())


main()
