#!/usr/bin/env python3
"""universal-ctags: a strict allow list around a parser that reads from a pipe.
SPDX-License-Identifier: MIT"""
import json

import client

SOURCE = "int seven(void)\n{\n\treturn 7;\n}\n"


def run(box):
    request = {"command": "generate-tags", "filename": "seven.c", "size": len(SOURCE)}
    out = box.run(["ctags-universal", "--_interactive=sandbox"],
                  stdin=json.dumps(request) + "\n" + SOURCE)
    if '"name": "seven"' not in out.stdout_text or '"completed"' not in out.stdout_text:
        raise client.Failed("no tag: " + client.last_line(out.stdout_text + out.stderr_text))


client.main("universal-ctags", run, needs=["ctags-universal"],
            sabotages=["rules", "load"])  # none of its rules has arguments
