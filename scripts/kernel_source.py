"""What the scripts read of the kernel's sources: tables of system calls and their prototypes.

A tree holds the *.c, *.h and *.tbl files of one version (Debian's linux-source packages)."""
import pathlib
import re

# Where the table of each column of data/syscalls.csv stands, the words in its second column
# that count there, and the directories of code beside the common ones. The words of the
# architectures that use scripts/syscall.tbl are those of arch/*/kernel/Makefile.syscalls.
GENERIC = {"common", "64"}
TABLES = {
    "x86": ("arch/x86/entry/syscalls/syscall_32.tbl", {"i386"}, "x86"),
    "x86_64": ("arch/x86/entry/syscalls/syscall_64.tbl", {"common", "64"}, "x86"),
    "x32": ("arch/x86/entry/syscalls/syscall_64.tbl", {"common", "x32"}, "x86"),
    "arm": ("arch/arm/tools/syscall.tbl", {"common", "eabi"}, "arm"),
    "aarch64": ("scripts/syscall.tbl", GENERIC | {"renameat", "rlimit", "memfd_secret"}, "arm64"),
    "loongarch64": ("scripts/syscall.tbl", GENERIC, "loongarch"),
    "m68k": ("arch/m68k/kernel/syscalls/syscall.tbl", {"common"}, "m68k"),
    "mips": ("arch/mips/kernel/syscalls/syscall_o32.tbl", {"o32"}, "mips"),
    "mips64": ("arch/mips/kernel/syscalls/syscall_n64.tbl", {"n64"}, "mips"),
    "mips64n32": ("arch/mips/kernel/syscalls/syscall_n32.tbl", {"n32"}, "mips"),
    "parisc": ("arch/parisc/kernel/syscalls/syscall.tbl", {"common", "32"}, "parisc"),
    "parisc64": ("arch/parisc/kernel/syscalls/syscall.tbl", {"common", "64"}, "parisc"),
    "ppc": ("arch/powerpc/kernel/syscalls/syscall.tbl", {"common", "32", "nospu", "spu"},
            "powerpc"),
    "ppc64": ("arch/powerpc/kernel/syscalls/syscall.tbl", {"common", "64", "nospu", "spu"},
              "powerpc"),
    "riscv64": ("scripts/syscall.tbl", GENERIC | {"riscv", "rlimit", "memfd_secret"}, "riscv"),
    "s390": ("arch/s390/kernel/syscalls/syscall.tbl", {"common", "32"}, "s390"),
    "s390x": ("arch/s390/kernel/syscalls/syscall.tbl", {"common", "64"}, "s390"),
    "sh": ("arch/sh/kernel/syscalls/syscall.tbl", {"common"}, "sh"),
}
SKIPPED = {"tools", "Documentation", "samples", "scripts", "usr"}
DEFINE = re.compile(r"^[ \t]*((?:COMPAT_|PPC32_)?SYSCALL(?:32)?_DEFINE)(\d)\(", re.M)
PLAIN = re.compile(r"^(?:asmlinkage|notrace|unsigned|int|long|off_t|loff_t|static|ssize_t|[ \t])+"
                   r"\b((?:sys|sys32|compat_sys|parisc|ppc64|ppc32|ppc|old|sys_m68k|hpux|do_pci)_\w+)"
                   r"\s*\(", re.M)
PREFIX = {"SYSCALL_DEFINE": "sys_", "COMPAT_SYSCALL_DEFINE": "compat_sys_",
          "SYSCALL32_DEFINE": "sys32_", "PPC32_SYSCALL_DEFINE": "sys_"}
# The type or the name that a macro stands for among the arguments of a definition.
MACROS = {"arg_u32p": ["u32", "{0}_1", "u32", "{0}_2"],
          "compat_arg_u64": ["u32", "{0}_1", "u32", "{0}_2"],
          "compat_arg_u64_dual": ["u32", "{0}_1", "u32", "{0}_2"],
          "SC_ARG64": ["u32", "{0}_1", "u32", "{0}_2"]}


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def closing(text, start):
    """The index of the bracket that closes the one before @start."""
    depth = 1
    for at in range(start, min(len(text), start + 3000)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    return None


def pieces(text):
    """Text between commas that no bracket encloses."""
    out, depth, piece = [], 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            out.append(piece)
            piece = ""
        else:
            piece += char
    return [" ".join(p.split()) for p in [*out, piece] if p.strip()]


def tidy_type(text):
    text = re.sub(r"\b(__user|__force|__restrict|restrict|asmlinkage)\b", " ", text)
    text = re.sub(r"\bconst (?=\w+$)", "", " ".join(text.replace("*", " * ").split()))
    return re.sub(r" ?\* ?", " *", text).replace("* *", "**").strip()


def arguments_of_macro(items):
    """[(type, name)] of what stands between the brackets of SYSCALL_DEFINEn, name left out."""
    flat = []
    for item in items:
        macro = re.fullmatch(r"(\w+)\((\w+)\)", item)
        flat += [m.format(macro[2]) for m in MACROS[macro[1]]] \
            if macro and macro[1] in MACROS else [item]
    return [(tidy_type(flat[i]), flat[i + 1]) for i in range(0, len(flat) - 1, 2)]


def arguments_of_function(items):
    out = []
    for i, item in enumerate(items):
        if item in ("void", "struct pt_regs *regs"):
            continue
        match = re.fullmatch(r"(.*?[\s*])(\w+)(\[\])?", item)
        if not match or item.split()[-1] in ("int", "long", "size_t", "char"):
            out.append((tidy_type(item), f"arg{i}"))
        else:
            out.append((tidy_type(match[1] + ("*" if match[3] else "")), match[2]))
    return out


def scan(path, where, found):
    text = path.read_text(errors="replace")
    if "SYSCALL" not in text and not where.startswith("arch/"):
        return
    text = without_comments(text)
    for match in DEFINE.finditer(text):
        end = closing(text, match.end())
        if end is None:
            continue
        name, *items = pieces(text[match.end():end])
        args = arguments_of_macro(items)
        if len(args) != int(match[2]):
            continue  # the macro's own definition
        found.setdefault(PREFIX[match[1]] + name, []).append((where, args))
    if not where.startswith("arch/"):
        return
    for match in PLAIN.finditer(text):
        end = closing(text, match.end())
        if end is not None and text[end + 1:end + 20].lstrip().startswith("{"):
            found.setdefault(match[1], []).append(
                (where, arguments_of_function(pieces(text[match.end():end]))))


class Tree:
    """One version of the kernel: entry points of calls, prototypes of entry points."""

    def __init__(self, root, definitions=True):
        self.root = pathlib.Path(root)
        self.found = {}
        self.tables = {column: self.table(*TABLES[column]) for column in TABLES}
        if definitions:
            self.scan_all()

    def scan_all(self):
        for path in sorted(self.root.glob("**/*.c")):
            where = path.relative_to(self.root)
            if where.parts[0] not in SKIPPED:
                scan(path, str(where), self.found)

    def table(self, path, abis, _):
        """name -> (entry point, entry point for 32-bit programs of a 64-bit kernel)."""
        path = self.root / path
        rows = {}
        if not path.exists():
            return rows
        for line in path.read_text().splitlines():
            fields = line.split("#")[0].split()
            if len(fields) >= 3 and fields[1] in abis:
                entries = [e for e in fields[3:] if e != "-"][:2]
                rows[fields[2]] = tuple(entries) if entries else ("sys_ni_syscall",)
        return rows

    def prototypes(self, entry, column):
        """All definitions of @entry that a kernel for @column could be built with, those of
        its own directory before the common ones: [(file, [(type, name)])]."""
        own = f"arch/{TABLES[column][2]}/"
        all_of = self.found.get(entry, [])
        mine = [d for d in all_of if d[0].startswith(own)]
        return mine or [d for d in all_of if not d[0].startswith("arch/")]
