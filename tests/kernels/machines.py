"""The ABIs that tests are built for, and the machines that run Debian's kernels.
SPDX-License-Identifier: MIT"""
import collections

# name: meson's cpu_family, the compiler's prefix, flags, byte order, the name of qemu-user's program
ABI = collections.namedtuple("ABI", "cpu prefix flags endian user")
ABIS = {
    "aarch64": ABI("aarch64", "aarch64-linux-gnu", [], "little", "qemu-aarch64"),
    "arm": ABI("arm", "arm-linux-gnueabihf", [], "little", "qemu-arm"),
    "riscv64": ABI("riscv64", "riscv64-linux-gnu", [], "little", "qemu-riscv64"),
    "loongarch64": ABI("loongarch64", "loongarch64-linux-gnu", [], "little", "qemu-loongarch64"),
    "s390x": ABI("s390x", "s390x-linux-gnu", [], "big", "qemu-s390x"),
    "s390": ABI("s390", "s390x-linux-gnu", ["-m31"], "big", None),
    "ppc64le": ABI("ppc64", "powerpc64le-linux-gnu", [], "little", "qemu-ppc64le"),
    "ppc64": ABI("ppc64", "powerpc64-linux-gnu", [], "big", "qemu-ppc64"),
    "ppc": ABI("ppc", "powerpc-linux-gnu", [], "big", "qemu-ppc"),
    "mipsel": ABI("mips", "mipsel-linux-gnu", [], "little", "qemu-mipsel"),
    "mips": ABI("mips", "mips-linux-gnu", [], "big", "qemu-mips"),
    "mipsel64": ABI("mips64", "mips64el-linux-gnuabi64", [], "little", "qemu-mips64el"),
    "mipsel64n32": ABI("mips64", "mips64el-linux-gnuabi64", ["-mabi=n32"], "little",
                       "qemu-mipsn32el"),
    "mips64": ABI("mips64", "mips64-linux-gnuabi64", [], "big", "qemu-mips64"),
    "mips64n32": ABI("mips64", "mips64-linux-gnuabi64", ["-mabi=n32"], "big", "qemu-mipsn32"),
    "x86_64": ABI("x86_64", "x86_64-linux-gnu", [], "little", None),
    "x86": ABI("x86", "i686-linux-gnu", [], "little", "qemu-i386"),
    "x32": ABI("x86_64", "x86_64-linux-gnux32", [], "little", None),
    "m68k": ABI("m68k", "m68k-linux-gnu", [], "big", "qemu-m68k"),
    "parisc": ABI("parisc", "hppa-linux-gnu", [], "big", "qemu-hppa"),
    "sh": ABI("sh4", "sh4-linux-gnu", [], "little", "qemu-sh4"),
}

# The packages of the root with the compilers and emulators (one suite has them all).
ROOT_SUITE = "trixie"
ROOT_PACKAGES = """gcc libc6-dev meson ninja-build pkgconf cpio python3
gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-riscv64-linux-gnu gcc-loongarch64-linux-gnu
gcc-s390x-linux-gnu lib32gcc-14-dev-s390x-cross libc6-dev-s390-s390x-cross
gcc-powerpc64le-linux-gnu gcc-powerpc64-linux-gnu gcc-powerpc-linux-gnu
gcc-mipsel-linux-gnu gcc-mips-linux-gnu gcc-mips64el-linux-gnuabi64 gcc-mips64-linux-gnuabi64
libn32gcc-14-dev-mips64el-cross libc6-dev-mipsn32-mips64el-cross
libn32gcc-14-dev-mips64-cross libc6-dev-mipsn32-mips64-cross
gcc-i686-linux-gnu gcc-x86-64-linux-gnux32 gcc-m68k-linux-gnu gcc-hppa-linux-gnu
gcc-sh4-linux-gnu
bc bison flex make xz-utils cmake
libc6-dev-arm64-cross libc6-dev-armhf-cross libc6-dev-riscv64-cross libc6-dev-loong64-cross
libc6-dev-s390x-cross libc6-dev-ppc64el-cross libc6-dev-ppc64-cross libc6-dev-powerpc-cross
libc6-dev-mipsel-cross libc6-dev-mips-cross libc6-dev-mips64el-cross libc6-dev-mips64-cross
libc6-dev-i386-cross libc6-dev-x32-cross libc6-dev-m68k-cross libc6-dev-hppa-cross
libc6-dev-sh4-cross
qemu-user qemu-system-arm qemu-system-mips qemu-system-misc qemu-system-ppc qemu-system-riscv
qemu-system-s390x qemu-system-x86 qemu-efi-loongarch64 opensbi""".split()

# Which kernel: Debian's suite, architecture and package; the emulator's command; the kernel's
# command line; the ABI of process 1; the ABIs whose tests run; for linux-source, what to build.
Machine = collections.namedtuple("Machine", "suite arch package qemu append init abis build",
                                 defaults=[None])
# The configuration's file beside this one, the kernel's name of the architecture, its make target.
Build = collections.namedtuple("Build", "config arch image")
ARM64 = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"]
ARM = ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15"]
RISCV = ["qemu-system-riscv64", "-M", "virt"]
S390 = ["qemu-system-s390x", "-M", "s390-ccw-virtio", "-cpu", "max"]
PPC = ["qemu-system-ppc64", "-M", "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,"
       "cap-ccf-assist=off", "-cpu", "POWER9"]
LOONG = ["qemu-system-loongarch64", "-M", "virt", "-cpu", "la464",
         "-bios", "/usr/share/qemu-efi-loongarch64/QEMU_EFI.fd"]
PC = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"]
PC32 = ["qemu-system-i386", "-M", "q35", "-cpu", "max"]
MALTA = ["qemu-system-mipsel", "-M", "malta", "-cpu", "24Kf"]
MALTA64 = ["qemu-system-mips64el", "-M", "malta", "-cpu", "5KEf"]
TTYS0, AMA0 = "console=ttyS0", "console=ttyAMA0"
# A busy machine emulates the timer too late for the kernel's check of it, which then panics.
X32 = "console=ttyS0 syscall.x32=y no_timer_check"
SCLP, HVC = "console=sclp0", "console=hvc0"

MACHINES = [
    Machine("sid", "arm64", "linux-image-arm64", ARM64, AMA0, "aarch64", ["aarch64", "arm"]),
    Machine("bookworm", "arm64", "linux-image-arm64", ARM64, AMA0, "aarch64", ["aarch64", "arm"]),
    Machine("sid", "armhf", "linux-image-armmp", ARM, AMA0, "arm", ["arm"]),
    Machine("bookworm", "armhf", "linux-image-armmp", ARM, AMA0, "arm", ["arm"]),
    Machine("sid", "riscv64", "linux-image-riscv64", RISCV, TTYS0, "riscv64", ["riscv64"]),
    Machine("sid", "s390x", "linux-image-s390x", S390, SCLP, "s390x", ["s390x"]),
    Machine("bookworm", "s390x", "linux-image-s390x", S390, SCLP, "s390x", ["s390x", "s390"]),
    Machine("bookworm", "ppc64el", "linux-image-powerpc64le", PPC, HVC, "ppc64le", ["ppc64le"]),
    # Debian builds no big-endian kernel for these two.
    Machine("bookworm", "ppc64", "linux-source", PPC, HVC, "ppc64", ["ppc64", "ppc"],
            Build("ppc64.config", "powerpc", "vmlinux")),
    Machine("bookworm", "mipsel", "linux-image-4kc-malta", MALTA, TTYS0, "mipsel", ["mipsel"]),
    Machine("bookworm", "mips64el", "linux-image-5kc-malta", MALTA64, TTYS0, "mipsel64",
            ["mipsel64", "mipsel64n32", "mipsel"]),
    Machine("sid", "loong64", "linux-image-loong64", LOONG, TTYS0, "loongarch64",
            ["loongarch64"]),
    Machine("sid", "amd64", "linux-image-amd64", PC, X32, "x86_64", ["x86_64", "x86", "x32"]),
    Machine("bookworm", "amd64", "linux-image-amd64", PC, X32, "x86_64", ["x86_64", "x86", "x32"]),
    Machine("bookworm", "i386", "linux-image-686-pae", PC32, TTYS0, "x86", ["x86"]),
]

# Which programs of tests/sluice run as programs of which ABIs.
SLUICE = """addresses crowd doors ends handover identity later lingering listeners memory messages mounts
multiplexed namespaces oci openings paths peers pids requests runtimes servers shares spawn starts strange
stuck surroundings takeover target verdicts whole""".split()
# More, which nobody has run as aarch64 programs.
NOT_AARCH64 = """acting bare clock core failing foreign forged gone keeper kept layouts links older places procfs
reused rights steps umask util zero""".split()
SLUICE_TESTS = {"x86_64": SLUICE + NOT_AARCH64, "aarch64": SLUICE, "x32": ["whole"], "mipsel64n32": ["whole"]}
# The others, and why not.
NO_SLUICE_TESTS = {
    "races, soak": "hours of emulation",
    "examples, containers, engines": "need programs of a whole system: a shell, runtimes, the tool",
    "bounds, guards, keeperless, scarce, status": "not tried there yet",
    f"{', '.join(NOT_AARCH64)} of aarch64": "not tried there yet",
    "siblings": "asks no kernel; scripts/test runs it",
}

# What has one version of the kernel, and why.
ONE_VERSION = {
    "riscv64": "7.2; Debian 12 does not have the architecture",
    "loong64": "7.2; Debian 12 does not have the architecture",
    "s390 programs": "6.1; 7.2 runs no 31-bit programs any more",
    "ppc64el": "6.1; on 7.2 a call that a notification answers with a value returns 0, without any "
               "library too, and tests then wait for ever (errors do arrive)",
    "ppc64": "6.1, which is built; Debian has no kernel for it",
    "mipsel, mips64el": "6.1; sid does not have the architectures any more",
    "i386": "6.1; sid has no kernel for it any more; its programs run on amd64's 7.2",
}

# What runs nowhere in qemu-user, and why.
NO_USER = {
    "x86_64": "scripts/test runs it",
    "x32": "qemu-user has no x32; its live tests are in scripts/test",
    "s390": "qemu-user has no 31-bit programs",
    "parisc64": "no C library for it",
    "sheb": "no cross compiler for it",
}
