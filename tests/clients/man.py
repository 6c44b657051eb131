#!/usr/bin/env python3
"""man-db: a pipeline of filters, each in a sandbox, as an ordinary user.
SPDX-License-Identifier: MIT"""
import gzip

import client

PAGE = '.TH TRY 1\n.SH NAME\ntry \\- a page\n.SH TABLE\n.TS\nl l.\nsixty\tseven\n.TE\n'


def run(box):
    page = box.dir / "try.1.gz"
    page.write_bytes(gzip.compress(PAGE.encode()))
    out = box.run(["man", "-l", page], user="nobody", env={"MANPAGER": "cat"})
    if "try - a page" not in out.stdout_text or "sixty" not in out.stdout_text:
        raise client.Failed("the page is not there: " + client.last_line(out.stderr_text))


client.main("man-db", run, needs=["man", "setpriv"])
