"""The kernel of a machine: Debian's, or one of Debian's source that is built in the cross root.
SPDX-License-Identifier: MIT"""
import os
import pathlib
import shutil
import subprocess

import cross
from machines import ABIS

HERE = pathlib.Path(__file__).resolve().parent


def build_kernel(machine, directory, log):
    """Builds directory's source.tar.xz by the machine's configuration, unless that is done."""
    config = (HERE / machine.build.config).read_text()
    done = directory / "config"
    if done.exists() and done.read_text() == config:
        return
    done.unlink(missing_ok=True)
    tree = directory / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    inside = f"/mnt/work/kernels/{directory.name}"
    cross.run("tar", "-xJf", f"{inside}/source.tar.xz", "-C", f"{inside}/tree",
              "--strip-components=1", log=log)
    make = ["make", "-C", f"{inside}/tree", f"ARCH={machine.build.arch}",
            f"CROSS_COMPILE={ABIS[machine.init].prefix}-",
            f"KCONFIG_ALLCONFIG=/mnt/source/tests/kernels/{machine.build.config}"]
    cross.run(*make, "allnoconfig", log=log)
    # Kconfig drops in silence what it does not know or what depends on something missing.
    got = set((tree / ".config").read_text().splitlines())
    lost = [line for line in config.splitlines() if "CONFIG_" in line and line not in got]
    if lost:
        raise cross.Cannot(f"{machine.build.config}: no such choice here: {', '.join(lost)}")
    cross.run(*make, f"-j{os.cpu_count()}", machine.build.image, log=log, time_limit=7200)
    cross.run(f"{ABIS[machine.init].prefix}-strip", "-o", f"{inside}/kernel",
              f"{inside}/tree/{machine.build.image}", log=log)
    shutil.copy(tree / "include/config/kernel.release", directory / "release")
    shutil.rmtree(tree)
    done.write_text(config)


def get_kernel(machine):
    """(the kernel's path in the root, its version)"""
    directory = cross.WORK / "kernels" / f"{machine.suite}-{machine.arch}"
    directory.mkdir(parents=True, exist_ok=True)
    log = directory.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as out:
        done = subprocess.run([HERE / "get-kernel", machine.suite, machine.arch, machine.package,
                               directory], stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise cross.Cannot(f"cannot download {machine.package} of {machine.suite}: see {log}")
    if machine.build:
        try:
            build_kernel(machine, directory, log)
        except cross.Cannot as why:
            raise cross.Broken(str(why)) from None
    return (f"/mnt/work/kernels/{directory.name}/kernel",
            (directory / ("release" if machine.build else "version")).read_text().strip())
