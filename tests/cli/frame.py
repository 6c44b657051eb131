#!/usr/bin/env python3
"""Do --help, the manual pages and the completions of the shells say the same? frame.py SLUICE
PAGES_DIR PROSE_DIR. Also: errors of usage, exit codes, colours. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from live import check, done, skip  # noqa: E402

SLUICE = os.path.abspath(sys.argv[1])
PAGES, PROSE = (pathlib.Path(p) for p in sys.argv[2:4])


def run(*args, **more):
    ran = subprocess.run([SLUICE, *args], capture_output=True, text=True, timeout=60, **more)
    return ran.returncode, ran.stdout, ran.stderr


def same(name, one, other):
    check(name, one == other, f"only here:  {sorted(one - other)}\n"
          f"only there: {sorted(other - one)}")


def commands_of_help():
    text = run("--help")[1]
    return dict(re.findall(r"^  ([a-z]+)\s+(\S.*)$", text.split("Commands:\n")[1]
                           .split("\n\n")[0], flags=re.M))


def options_of_help(command):
    """{(letter, name, value)} as --help lists them."""
    text = run(command, "--help")[1].split("\nOptions:\n")[1].split("\n\n")[0]
    return set(re.findall(r"^  (?:(-\w), )?(--[\w-]+)(?:=(\S+))?", text, flags=re.M))


def words_of_help(command):
    text = run(command, "--help")[1]
    if "\nArguments:\n" not in text:
        return []
    return re.findall(r"^  (\S+)\s", text.split("\nArguments:\n")[1].split("\n\n")[0],
                      flags=re.M)


def plain(text):
    return text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def options_of_page(text):
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", plain(text), flags=re.M):
        m = re.fullmatch(r'(?:Fl (\w) , )?Fl (-[\w-]+)(?: Ns = Ns Ar "?([^"]+)"?)?', line)
        if m:
            found.add(("-" + m[1] if m[1] else "", "-" + m[2], m[3] or ""))
    return found


def flags_in(text):
    """Long options that the prose speaks of."""
    return {"-" + f for f in re.findall(r"\bFl (-[a-z][\w-]*)", plain(text))}


def bash_complete(script, *words):
    """What bash offers for the last of the words."""
    code = (f"source {script}; COMP_WORDS=({' '.join(map(repr, words))}); "
            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sluice 2>/dev/null; "
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    ran = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True,
                          env=dict(os.environ, PATH=os.path.dirname(SLUICE) + ":" +
                                   os.environ["PATH"]))
    return set(ran.stdout.split())


def options_of_zsh(text, command):
    block = text.split(f"\t\t{command})\n", 1)[1].split(" ;;\n")[0]
    found = set()
    for line in block.splitlines():
        m = re.search(r"\{-(\w)\+?,(--[\w-]+)=?\}", line) or re.search(r"()'\*?(--[\w-]+)=?'",
                                                                     line)
        if m:
            found.add(("-" + m[1] if m[1] else "", m[2]))
    return found


def options_of_fish(text, command):
    found = set()
    for line in text.splitlines():
        if f"'__fish_seen_subcommand_from {command}'" in line and " -l " in line:
            letter = re.search(r" -s (\w)", line)
            found.add(("-" + letter[1] if letter else "",
                       "--" + re.search(r" -l ([\w-]+)", line)[1]))
    return found


def check_command(command, summary, scripts):
    options = options_of_help(command)
    names = {(letter, name) for letter, name, _ in options}
    page = (PAGES / f"sluice-{command}.1").read_text()
    prose = (PROSE / f"{command}.mdoc").read_text()
    check(f"{command}: the page has the summary", plain(page).count(summary) >= 1)
    same(f"{command}: options of help and page", options, options_of_page(page))
    unknown = flags_in(prose) - {name for _, name, _ in options}
    # A page may speak of another command's option beside that command's name.
    unknown = {o for o in unknown if not re.search(
        r"\.Xr sluice-\w+ 1[^.]*\n\.Fl " + re.escape(o[1:].replace("-", "\\-")), prose)}
    check(f"{command}: the prose speaks of no other option", not unknown, unknown)
    words = [w.rstrip(".") for w in words_of_help(command)]
    check(f"{command}: arguments of help and page",
          all(f'.It Ar "{w}"' in page for w in words), words)
    for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        check(f"{command}: the page has {part}", f".Sh {part}\n" in page)
    examples = re.findall(r"^  (sluice .*)$", run(command, "--help")[1], flags=re.M)
    missing = [e for e in examples if "$ " + e not in plain(page)]
    check(f"{command}: the page shows every example of help", not missing, missing)
    flat = {o for pair in names for o in pair if o}
    same(f"{command}: options of help and bash", flat,
         bash_complete(scripts["bash"], "sluice", command, "-"))
    same(f"{command}: options of help and zsh", names,
         options_of_zsh(scripts["zsh"].read_text(), command))
    same(f"{command}: options of help and fish", names,
         options_of_fish(scripts["fish"].read_text(), command))
    code, out, err = run(command, "--no-such-option")
    check(f"{command}: an unknown option", code == 2 and not out and "unknown option" in err, err)
    check(f"{command}: sluice help", run("help", command) == run(command, "--help"))


def check_page(path):
    if not shutil.which("mandoc"):
        skip(f"{path.name} is clean to mandoc", "mandoc is not installed")
        return
    out = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True,
                         text=True).stdout
    check(f"{path.name} is clean to mandoc", not out, out)


def check_shell(shell, script, *arguments):
    if not shutil.which(shell):
        skip(f"{shell} reads its completion", f"{shell} is not installed")
        return
    ran = subprocess.run([shell, *arguments, script], capture_output=True, text=True)
    check(f"{shell} reads its completion", ran.returncode == 0 and not ran.stderr, ran.stderr)


def on_terminal(*args, **env):
    """What it prints on a terminal."""
    main, other = pty.openpty()
    subprocess.run([SLUICE, *args], stdout=other, stdin=other,
                   env=dict({k: v for k, v in os.environ.items() if k != "NO_COLOR"},
                            TERM="xterm", **env))
    os.close(other)
    out = b""
    try:
        while chunk := os.read(main, 65536):
            out += chunk
    except OSError:
        pass
    os.close(main)
    return out.decode()


def check_frame(commands):
    code, out, err = run()
    check("no command", code == 2 and not out and "Usage" in err)
    code, _, err = run("doctr")
    check("a misspelt command", code == 2 and 'did you mean "doctor"' in err, err)
    check("help on what is no command", run("help", "nothing")[0] == 2)
    check("--version", re.fullmatch(r"sluice \d+\.\d+\.\d+\S*\n", run("--version")[1]))
    code, _, err = run("doctor", "--jsn")
    check("a misspelt option", code == 2 and "did you mean --json" in err, err)
    code, _, err = run("doctor", "--color=sometimes")
    check("a choice that is none", code == 2 and "is no choice" in err, err)
    code, _, err = run("doctor", "--color=12345")
    check("a choice like none: all of them", code == 2 and "auto, always, never" in err, err)
    check("an option without its value", run("doctor", "--color")[0] == 2)
    check("a flag with a value", run("doctor", "--json=1")[0] == 2)
    check("a word too many", "too many" in run("doctor", "word")[2])
    check("a word too few", "missing" in run("completion")[2])
    check("-- ends the options", '"--json" is one word too many' in run(
        "doctor", "--", "--json")[2])
    check("help wins over what follows", run("doctor", "--help", "--nothing")[0] == 0)
    check("commands are in order", list(commands) == sorted(commands), list(commands))
    with open("/dev/full", "w") as full:
        ran = subprocess.run([SLUICE, "--help"], stdout=full, stderr=subprocess.PIPE)
    check("a full disk", ran.returncode == 2 and b"No space" in ran.stderr)
    ran = subprocess.run(["sh", "-c", f"{SLUICE} --version >&-"], capture_output=True)
    check("no standard output", ran.returncode in (0, 2))
    check("no colour in a pipe", "\033" not in run("doctor")[1])
    check("colour on a terminal", "\033[" in on_terminal("doctor"))
    check("NO_COLOR", "\033[" not in on_terminal("doctor", NO_COLOR="1"))
    check("an empty NO_COLOR is none", "\033[" in on_terminal("doctor", NO_COLOR=""))
    check("--color=never", "\033[" not in on_terminal("doctor", "--color=never"))
    check("--color=always", "\033[" in run("doctor", "--color", "always")[1])


def check_doctor():
    code, out, _ = run("doctor", "--json")
    rows = json.loads(out)
    states = {row["state"] for row in rows}
    check("doctor: JSON", {"name", "state", "value", "means"} == set(rows[0]), rows[0])
    check("doctor: exit status", code == (1 if states & {"no", "partly"} else 0), code)
    release = {row["name"]: row["value"] for row in rows}["kernel"]
    check("doctor: this kernel", os.uname().release in release, release)


def check_bash(script, commands):
    same("bash completes commands", set(commands) | {"help"},
         bash_complete(script, "sluice", "") - {"--help", "--version"})
    same("bash completes a choice", {"auto", "always"},
         bash_complete(script, "sluice", "doctor", "--color", "a"))
    same("bash completes a choice behind =", {"auto", "always"},
         bash_complete(script, "sluice", "doctor", "--color", "=", "a"))
    same("bash completes a word", {"bash"}, bash_complete(script, "sluice", "completion", "b"))
    same("bash completes no second word", set(),
         bash_complete(script, "sluice", "completion", "bash", "b"))


def main():
    commands = commands_of_help()
    check_frame(commands)
    check_doctor()
    with tempfile.TemporaryDirectory() as tmp:
        scripts = {}
        for shell in ("bash", "zsh", "fish"):
            scripts[shell] = pathlib.Path(tmp) / shell
            scripts[shell].write_text(run("completion", shell)[1])
        check_shell("bash", scripts["bash"], "-n")
        check_shell("zsh", scripts["zsh"], "-n")
        check_shell("fish", scripts["fish"], "--no-execute")
        check_bash(scripts["bash"], commands)
        for command, summary in commands.items():
            check_command(command, summary.split("  ")[0], scripts)
    pages = {p.stem for p in PAGES.glob("sluice*.1")}
    same("a page for every command", {"sluice"} | {f"sluice-{c}" for c in commands}, pages)
    overview = (PAGES / "sluice.1").read_text()
    same("sluice(1) names every command", set(commands),
         set(re.findall(r"^\.It Xr sluice-(\w+) 1$", overview, flags=re.M)))
    for path in sorted(PAGES.glob("sluice*.1")):
        check_page(path)
    done()


main()
