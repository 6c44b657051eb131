#!/usr/bin/env python3
"""Debian's packages of this tree, on fresh minimal systems: run.py [--write] [SUITE...]

For each suite: dpkg-buildpackage as an ordinary user, with the build dependencies that debian/control
names; lintian, where an error or a warning fails; the packages installed over the distribution's
libseccomp on another system, on which apt, man, systemd as PID 1, crun and podman go on working; the
packages removed again, which brings the distribution's library back. And the recipes for other distributions:
the RPM spec built and judged by rpmlint, the APKBUILD's functions checked and its build run with musl.

Prints TAP. --write puts what was run into RESULTS.md beside this file. Logs are kept in
$XDG_CACHE_HOME/sluice/distributions/logs. --keep leaves the systems that were used.
SPDX-License-Identifier: MIT"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
for neighbour in ("distributions", "kernels"):
    sys.path.append(str(HERE.parent / neighbour))
import results  # pylint: disable=wrong-import-position
from system import (CACHE, SUITES, TREE, Cannot, base,  # pylint: disable=wrong-import-position
                    boot, copy_tree, in_system, must, tell, unable)

QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -y --no-install-recommends"
OURS = "libsluice-seccomp2 libsluice-seccomp-dev libsluice0 libsluice-dev libsluice-seccomp-bin sluice"
# What uses libseccomp there, and what these programs need to be tried.
CLIENTS = "man-db crun podman systemd dbus busybox-static python3 gcc libc6-dev pkg-config libseccomp-dev"
# Debian's archive has no bug to close: these packages are kept in the project's own tree.
NO_UPLOAD = "initial-upload-closes-no-bugs"
# Fetches what it installs, as a user whose calls are filtered.
APT = f"""set -e
rm -rf /var/lib/apt/lists/* /tmp/a
mkdir -p /tmp/a/partial
{QUIET} update -o APT::Update::Error-Mode=any -o APT::Sandbox::Seccomp=true
{QUIET} install --reinstall -o APT::Sandbox::Seccomp=true -o Dir::Cache::archives=/tmp/a hostname"""
# A command during which the library may not be missing for a moment: systemd and apt need it.
WATCHED = """rm -f /tmp/gone; mkdir -p /root/tree && cd /root/tree && (
	while :; do set -- /usr/lib/*/libseccomp.so.2; [ -e "$1" ] || echo "$1" >>/tmp/gone; done &
	trap "kill $!" EXIT
	%s
) && ! cat /tmp/gone 2>/dev/null"""
LIBRARY = "$(readlink -f /usr/lib/*/libseccomp.so.2)"

BUNDLE = """set -e
mount -t cgroup2 none /sys/fs/cgroup  # here only: crun refuses a machine that has both versions
rm -rf /tmp/bundle
for d in bin dev proc tmp; do mkdir -p /tmp/bundle/rootfs/$d; done
cd /tmp/bundle
cp /bin/busybox rootfs/bin/; for i in sh echo mkdir chmod; do ln -s busybox rootfs/bin/$i; done
tar -C rootfs -cf /tmp/image.tar .
"""
# A container without a cgroup, whose filter refuses one call and lets another happen.
CRUN = BUNDLE + r"""
crun spec
python3 - <<'EOF' || exit 1
import json
c = json.load(open("config.json"))
c["process"].update(terminal=False, args=["/bin/sh", "-c", "chmod 700 /bin; mkdir /tmp/d && echo made"])
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] not in ("cgroup", "network")]
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
c["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"},
               {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]
json.dump(c, open("config.json", "w"))
EOF
crun --cgroup-manager=disabled run c1 >out 2>&1 || :; cat out
grep -q made out && grep -qi "not supported" out
"""
# Podman's own profile; keyctl(2) is none of what it lets happen, mkdir(2) is.
PODMAN = BUNDLE + """
export STORAGE_DRIVER=vfs
podman import /tmp/image.tar try
podman run --rm --network=none --cgroups=disabled --cgroup-manager=cgroupfs --log-driver=none try \
    /bin/sh -c 'mkdir /d && echo made; while read -r l; do case $l in Seccomp:*) echo "$l";; esac; done </proc/self/status' >out 2>&1 || :
cat out
grep -q made out && grep -q 'Seccomp:.*2' out
"""
MAN = "man --no-hyphenation --pager=cat apt-get 2>/dev/null | head -n 5 | grep -qi apt"
# What Fedora's meson package defines, for Debian's rpm.
RPM_MACROS = """%meson meson setup output --prefix=/usr --libdir=%{_lib} --buildtype=plain
%meson_build meson compile -C output
%meson_install DESTDIR=%{buildroot} meson install --no-rebuild -C output
"""
RPM = f"""set -e
{QUIET} install rpm rpmlint xz-utils
cd /{TREE}/.. && version=$(sh sluice/scripts/version)
tar --transform "s,^sluice,sluice-$version," --exclude=sluice/debian -cJf /tmp/sluice-$version.tar.xz sluice
mkdir -p /tmp/rpm && mv /tmp/sluice-$version.tar.xz /tmp/rpm/
export CFLAGS="-O2 -g" RPM_BUILD_NCPUS=$(nproc)
rpmbuild --nodeps --load /tmp/rpm.macros --define "_topdir /tmp/rpm/out" -tb /tmp/rpm/sluice-$version.tar.xz
ls /tmp/rpm/out/RPMS/*/*.rpm
rpmlint -c sluice/packaging/rpmlint.toml sluice/packaging/sluice.spec
"""
# Alpine's own tools are not Debian's: its shell functions are read by a shell of their kind, each that a
# subpackage names must be there, and what they build is built with musl and the kernel's headers.
ALPINE = f"""set -e
{QUIET} install shellcheck musl-tools linux-libc-dev dash
cd /{TREE}
shellcheck --shell=dash --exclude=SC2034,SC2154,SC2016 packaging/APKBUILD
dash -eu -c '. packaging/APKBUILD
	[ "$pkgver" = "$(sh scripts/version)" ] || exit 1
	[ "$_seccomp" = "$(sh scripts/version seccomp)" ] || exit 1
	[ "$(sed -n "s/^%global seccomp_version //p" packaging/sluice.spec)" = "$_seccomp" ] || exit 1
	for p in $subpackages; do case $p in *:*) command -v "${{p#*:}}";; *-doc|*-completion) ;; *) exit 1;; esac; done
	command -v build check package'
scripts/build-musl /tmp/musl -Dexamples=false -Dbench=false -Ddocs=false -Dtests=false
/tmp/musl/cli/sluice syscalls mkdir
"""
# A service whose filter makes its only call fail is a service that fails with that errno.
UNITS = {
    "denied.service": """[Service]
Type=oneshot
SystemCallFilter=~mkdir mkdirat
SystemCallErrorNumber=EDOM
ExecStart=/bin/mkdir /run/denied
""",
    "probe.service": """[Unit]
After=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
StandardOutput=file:/run-result
StandardError=file:/run-result
ExecStart=/bin/sh -c 'systemctl start denied; systemctl show -p Result -p ExecMainStatus denied; \
journalctl -q -o cat -u denied; ls -d /run/denied'
""",
}
# $1: a name, $2: a command. What libseccomp is, is asked of dpkg.
OWNED = f"dpkg -S {LIBRARY} | grep -q '^%s:'"


def readme_line(begin):
    """The command of README.md that begins so: what is shown there is what is tried."""
    line = next(line for line in (HERE.parents[1] / "README.md").read_text().splitlines() if line.startswith(begin))
    return re.sub(r"\s+#.*", "", line)


class Run:
    def __init__(self, tap, suite):
        self.tap, self.suite, self.bad = tap, suite, 0
        self.log = CACHE / "logs" / f"packages-{suite}.log"
        self.roots = {}
        self.cells = {"packages": "0", "lintian": "", "others": [], "installed": "", "worked": [], "removed": ""}

    def say(self, good, what):
        self.bad += not good
        self.tap.say(good, f"{self.suite}: {what}")
        return good

    def runs(self, where, what, command, user="root"):
        tell(self.suite, what)
        status, _ = in_system(self.roots[where], self.suite, command, self.log, user)
        return self.say(status == 0, what)

    def fresh(self, where):
        root = self.roots[where] = CACHE / f"{self.suite}-{where}"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        subprocess.run(["tar", "-C", root, "-xf", base(self.suite)], check=True)
        must(root, self.suite, f"{QUIET} update", self.log)
        return root

    def all(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        if not self.build():
            return
        (self.roots["packages"] / "tmp/rpm.macros").write_text(RPM_MACROS)
        for name, command in {"RPM spec: built, rpmlint": RPM, "APKBUILD: linted, built with musl": ALPINE}.items():
            if self.runs("packages", name, command):
                self.cells["others"].append(name.split(":", maxsplit=1)[0])
        self.install()

    def build(self):
        root = self.fresh("packages")
        copy_tree(root)
        must(root, self.suite, f"""useradd --create-home --shell /bin/bash tester
            {QUIET} install dpkg-dev fakeroot lintian build-essential
            {QUIET} build-dep /{TREE}
            chown -R tester:tester /home/tester""", self.log)
        if not self.runs("packages", "dpkg-buildpackage",
                         f"cd /{TREE} && dpkg-buildpackage --unsigned-changes --build=binary", "tester"):
            return False
        debs = sorted((root / TREE).parent.glob("*.deb"))
        self.cells["packages"] = str(len([d for d in debs if "-dbgsym" not in d.name]))
        clean = self.runs("packages", "lintian: no error, no warning",
                          f"cd /{TREE}/.. && lintian --fail-on error,warning --suppress-tags {NO_UPLOAD} "
                          "sluice_*.changes",
                          "tester")
        self.cells["lintian"] = "clean" if clean else "findings"
        return True

    def install(self):
        root = self.fresh("over")
        must(root, self.suite, f"{QUIET} install {CLIENTS}", self.log)
        for deb in (self.roots["packages"] / TREE).parent.glob("*.deb"):
            shutil.copy(deb, root / "root")
        self.use("before", "libseccomp2")
        names = " ".join(f"/root/{name}_*.deb" for name in OURS.split())
        done = self.runs("over", "the packages are installed over libseccomp2, which is there at every moment",
                         WATCHED % f"{readme_line('dpkg -B -i')} /root/libsluice-seccomp-dev_*.deb" +
                         f" && {QUIET} install {names} && " + OWNED % "libsluice-seccomp2")
        self.cells["installed"] = "yes" if done else "no"
        if not done:
            return
        self.use("after", "libsluice-seccomp2")
        self.runs("over", "the tool and a program that pkg-config compiles work", """set -e
            cd /tmp
            sluice syscalls mkdir
            printf '#include <seccomp.h>\\nint main(void) { return !seccomp_version(); }\\n' >v.c
            gcc v.c $(pkg-config --cflags --libs libseccomp) -o v && ./v""")
        done = self.runs("over", "libseccomp2 comes back, which is there at every moment; the packages go",
                         f"{readme_line('apt-get remove')} -y libsluice-dev libsluice-seccomp-bin && "
                         f"mkdir -p /root/tree && cd /root/tree && rm -f *.deb && {readme_line('apt-get download')} libseccomp-dev && "
                         "echo libsluice-seccomp-dev deinstall | dpkg --set-selections && " +
                         WATCHED % f"{readme_line('echo libsluice-seccomp2')} libseccomp-dev_*.deb" +
                         f" && {QUIET} purge '*sluice*' && " + OWNED % "libseccomp2" +
                         " && ! dpkg -l | grep sluice && dpkg --audit && apt-get check")
        self.cells["removed"] = "yes" if done else "no"
        self.use("removed", "libseccomp2")

    def use(self, when, owner):
        """Programs of the distribution on the library that is there now."""
        for name, command in {
                "apt": APT,
                "man": MAN, "crun": CRUN, "podman": PODMAN}.items():
            if self.runs("over", f"{name} works ({when}: {owner})",
                         f"{OWNED % owner} || exit 1\n{command}") and when == "after":
                self.cells["worked"].append(name)
        if self.systemd(when, owner) and when == "after":
            self.cells["worked"].append("systemd as PID 1")

    def systemd(self, when, owner):
        root = self.roots["over"]
        for name, text in UNITS.items():
            (root / "etc/systemd/system" / name).write_text(text)
        result = root / "run-result"
        result.unlink(missing_ok=True)
        tell(self.suite, "boots", when)
        boot(root, self.suite, "probe.service", self.log)
        text = result.read_text() if result.exists() else ""
        with open(self.log, "a", encoding="utf-8") as log:
            print(text, file=log)
        good = "Result=exit-code" in text and "argument out of domain" in text and \
            "cannot access" in text
        return self.say(good, f"systemd as PID 1 filters a service ({when}: {owner})")

    def row(self):
        return [", ".join(cell) if isinstance(cell, list) else cell for cell in self.cells.values()]


BEFORE = ["`scripts/test --packages`: Debian's packages of this tree built by dpkg-buildpackage on minimal",
          "systems, checked by lintian (errors and warnings), installed over the distribution's libseccomp2,",
          "and removed again. What worked on the library was run before, after, and after the removal."]
HEAD = ["suite", "packages", "lintian", "others built and linted", "installed over", "worked on it", "removed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    tap = results.Tap()
    if unable():
        tap.say(True, "packages", unable())
        print("1..1")
        return 0
    for suite in options.suites:
        (CACHE / f"archives-{suite}").mkdir(parents=True, exist_ok=True)
        run = Run(tap, suite)
        try:
            run.all()
        except Cannot as cannot:
            run.say(False, f"the system is made: {cannot}")
        if options.write:
            results.write("## Debian", BEFORE, HEAD, {(suite,): run.row()}, [], SUITES,
                          HERE / "RESULTS.md", "# Packages\n", ["## Debian"])
        for root in run.roots.values() if not options.keep else ():
            shutil.rmtree(root, ignore_errors=True)
    print(f"1..{tap.count}")
    return tap.bad > 0


if __name__ == "__main__":
    sys.exit(main())
