"""The commands of README.md and docs/, to be run as they stand there.

A block is fenced or indented. A fenced block of C is a file: its first line is a comment that begins
with the file's name. Every other block is commands, but for fenced ones of a language that is no
shell's, and blocks in which no line is one (a list of names, what a program prints).
SPDX-License-Identifier: MIT"""
import re

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?:(?: {4}|\t).*\n(?:[ \t]*\n(?= {4}|\t))?)+", re.M)
SHELL = ("", "sh", "bash", "shell", "console")


def blocks(text):
    """[(language, text)] in the order of the document; indented ones have no language."""
    found = [(m.start(), m[1], m[2]) for m in FENCE.finditer(text)]
    # What is indented inside of a fence is no block of its own.
    rest = FENCE.sub(lambda m: re.sub(r"[^\n]", "`", m[0]), text)
    for m in INDENTED.finditer(rest):
        found.append((m.start(), "", re.sub(r"^(?: {4}|\t)", "", m[0], flags=re.M)))
    return [block[1:] for block in sorted(found)]


def files_and_commands(text):
    """({file name: its text}, [commands of a block])"""
    files, commands = {}, []
    for language, block in blocks(text):
        name = re.match(r"/\* ([\w.-]+\.c)\b|// ([\w.-]+\.c)\b", block)
        if language == "c" and name:
            files[name[1] or name[2]] = block
        elif language in SHELL:
            commands.append(re.sub(r"^\$ ", "", block, flags=re.M))
    return files, commands
