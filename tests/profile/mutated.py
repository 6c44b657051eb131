#!/usr/bin/env python3
"""The JSON reader on mutated profiles, beside Python's json and jansson:
    mutated.py TOOL COUNT SEED [--jansson]
Real profiles (../shared beside the checkout) or those written for other tests are changed at random places;
the verdict and every value must be the same. Prints TAP.
SPDX-License-Identifier: MIT"""
import json
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = [b'{"a":[1,-2,0.5,1e3,true,false,null,"x\\u00e9\\ud83d\\ude00\\n"],"b":{"c":{}},"":[[],{}]}',
         '{"é":"€😀","k":18446744073709551615,"l":-9223372036854775808}'.encode()]
PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\udc00", b"0", b"-",
          b"1e9", b".5", b"1e400", b"null", b"true", b" ", b"\n", b"\t", b"\x00", b"\xff", b"\xc3", b"\xa9",
          b"\xed\xa0\x80", b"\xef\xbb\xbf", b"/*", b"18446744073709551616", b'"a":1,', b'"names":[],',
          b"NaN", b"'", b"[[[[[[[[[[", b"]]]]]]]]]]", b"\x7f", b"\x1f"]
MAX_DEPTH = 64


class Twice(ValueError):
    pass


def no_twice(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Twice
    return found


def refuse_word(word):
    raise ValueError(word)


# A float is compared as the text that it had, so that 1e400 is not 1e500.
READ = json.JSONDecoder(object_pairs_hook=no_twice, parse_constant=refuse_word,
                        parse_float=lambda s: ("float", s)).decode


def depth(text):
    most = level = 0
    for piece in re.findall(r'"(?:\\.|[^"\\])*"|[\[{]|[\]}]', text, flags=re.S):
        level += (piece in "[{") - (piece in "]}")
        most = max(most, level)
    return most


def has_surrogate(value):
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return any(map(has_surrogate, value)) or any(map(has_surrogate, value.values()))
    return isinstance(value, list) and any(map(has_surrogate, value))


def expected(data):
    """(whether it is a document, its value). What Python takes and RFC 8259 lets a reader refuse
    (lone surrogates, depth) is refused here."""
    try:
        text = data.decode()  # strict
        value = READ(text)
    except (ValueError, RecursionError):
        return False, None
    if has_surrogate(value) or depth(text) > MAX_DEPTH:
        return False, None
    return True, value


def sources():
    paths = sorted((ROOT.parent / "shared/data/profiles").glob("*.json"))
    paths += sorted((ROOT / "tests/profile").glob("**/*.json"))
    found = [p.read_bytes() for p in paths]
    return SEEDS + [data for data in found if len(data) < 8000]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:at + rng.choice([1, 1, 2, 5, 40])]
        elif kind == 2:
            data[at:at] = rng.choice(PIECES)
        elif kind == 3:
            data[at:at + 1] = rng.choice(PIECES)
        elif kind == 4:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[other:other + rng.randrange(60)]
        else:
            # What keeps the grammar: another number, another string.
            numbers = list(re.finditer(rb"\d+", data)) or [re.match(b"", data)]
            spot = rng.choice(numbers)
            data[spot.start():spot.end()] = str(rng.choice([
                0, 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30])).encode()
    return bytes(data)


def ask(tool, documents, *options):
    text = b"".join(b"%08x\n" % len(d) + d for d in documents)
    done = subprocess.run([tool, *options], input=text, stdout=subprocess.PIPE, check=True)
    return done.stdout.split(b"\n")[:-1]


def main():
    tool, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    whole = sources()
    documents = whole + [mutate(rng, rng.choice(whole)) for _ in range(count)]
    answers = ask(tool, documents)
    wrong, accepted = [], 0
    for data, line in zip(documents, answers):
        good, value = expected(data)
        accepted += good
        if good == line.startswith(b"error ") or (good and READ(line.decode()) != value):
            wrong.append((data, line))
    for data, line in wrong[:5]:
        print("#", data[:300], "->", line[:300])
    same = len(answers) == len(documents) and not wrong
    print(f"{'ok' if same else 'not ok'} 1 - {len(documents)} documents, {accepted} accepted: "
          "Python's json says the same")
    failed = not same
    if "--jansson" in sys.argv:
        # jansson overlooks a NUL byte that follows a number.
        asked = [d for d in documents if b"\0" not in d]
        differing = [(d, line) for d, line in zip(asked, ask(tool, asked, "--jansson"))
                     if line.startswith(b"differs")]
        for data, line in differing[:5]:
            print("#", data[:300], "->", line[:300])
        print(f"{'not ok' if differing else 'ok'} 2 - jansson says the same")
        failed |= bool(differing)
    else:
        print("ok 2 - jansson says the same # SKIP built without jansson")
    # Half of them must be documents, or the values were hardly compared.
    enough = count // 5 < accepted < len(documents) * 4 // 5
    print(f"{'ok' if enough else 'not ok'} 3 - {accepted} of {len(documents)} are documents")
    print("1..3")
    sys.exit(failed or not enough)


main()
