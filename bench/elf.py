"""Sections and relocations of a 64-bit little-endian shared object."""
import struct


def sections(path):
    """{name: (type, size)} from the section headers."""
    with open(path, "rb") as f:
        data = f.read()
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
    strings = headers[names][4]

    def name(at):
        return data[strings + at:data.index(b"\0", strings + at)].decode()
    return {name(h[0]): (h[1], h[5]) for h in headers}


def measure(path):
    s = sections(path)

    def size(*names):
        return sum(s[n][1] for n in names if n in s)
    return {
        "text": size(".text"),
        "rodata": size(".rodata"),
        "relocated": size(".data.rel.ro", ".data"),
        "relocations": size(".rela.dyn", ".rela.plt") // 24 + 0,
        "file": sum(z for n, (t, z) in s.items() if not n.startswith(".debug") and t != 8),
    }
