"""Ways around a policy, as Python programs that say OUT where they lead out, and the world that they try to reach:
for policies.py, which checks each, and escapes.py, which compares.
SPDX-License-Identifier: MIT"""
import os
import socket
import subprocess
import threading

import live
from live import run

SYSTEM = [p for p in ("/usr", "/bin", "/lib", "/lib64", "/etc", "/proc") if os.path.exists(p)]

PRELUDE = """
import ctypes, fcntl, mmap, os, socket, stat, struct, sys
top, a, b, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)
def sys_(*args):
    rc = libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in args])
    if rc < 0:
        raise OSError(ctypes.get_errno(), 'call')
    return rc
def out(data=True):
    if data:
        print('OUT')
def looked():
    if ctypes.get_errno() == 1: raise PermissionError(1, 'call')
    print('LOOKED OUT') # something else than a filter or a lack of rights refused it
def read(path):
    out('SECRET' in open(path).read())
secret, ok, ro, run = top + '/secret/file', top + '/ok', top + '/ro/file', top + '/run'
"""

# Ways to files: read what is not allowed, or change what may only be read.
FILES = (
    ("open", "read(secret)"),
    ("a symbolic link", "os.symlink(secret, ok + '/l'); read(ok + '/l')"),
    ("a hard link", "os.link(secret, ok + '/h'); read(ok + '/h')"),
    ("rename into an open folder", "os.rename(secret, ok + '/f')\ntry: read(ok + '/f')\n"
     "finally: os.rename(ok + '/f', secret)"),
    ("/proc/self/root", "read('/proc/self/root' + secret)"),
    ("/proc/self/cwd", "os.chdir(ok); read('/proc/self/cwd/../secret/file')"),
    ("a bind mount in a namespace", "uid = os.getuid()\nif libc.unshare(0x20000 | (0x10000000 if "
     "uid else 0)): raise OSError(ctypes.get_errno(), 'unshare')\nos.mkdir(ok + '/m')\nif libc.mount((top + '/secret')"
     ".encode(), (ok + '/m').encode(), None, 4096, None): raise OSError(ctypes.get_errno(), 'mount')\n"
     "read(ok + '/m/file')"),
    ("a detached mount (open_tree)", "uid = os.getuid()\nif libc.unshare(0x20000 | (0x10000000 if "
     "uid else 0)): raise OSError(ctypes.get_errno(), 'unshare')\nfd = sys_(428, -100, (top + '/secret').encode(), "
     "1 | 0x8000)\nout(b'SECRET' in os.read(os.open('file', 0, dir_fd=fd), 100))"),
    ("a file of /proc of another process", "read(f'/proc/{pid}/root' + secret)"),
    ("memory of another process", "open(f'/proc/{pid}/mem', 'rb').close(); out()"),
    ("a signal to another process", "os.kill(pid, 18); out()"),
    ("limits of another process", "sys_(302, pid, 7, (ctypes.c_ulong * 2)(64, 64), 0); out()"),
    ("write", "open(ro, 'r+').close(); out()"),
    ("truncate", "os.truncate(ro, 0); out()"),
    ("open to read, and truncate", "os.open(ro, os.O_RDONLY | os.O_TRUNC); out()"),
    ("unlink", "os.unlink(top + '/ro/extra'); open(top + '/ro/extra', 'w'); out()"),
    ("create", "open(top + '/ro/new', 'w'); out()"),
    ("chmod", "os.chmod(ro, 0o640); out()"),
    ("chmod by a link", "os.symlink(ro, ok + '/c'); os.chmod(ok + '/c', 0o640); out()"),
    ("fchmod of what was opened to read", "os.fchmod(os.open(ro, 0), 0o640); out()"),
    ("chown", "os.chown(ro, os.getuid(), os.getgid()); out()"),
    ("utime", "os.utime(ro); out()"),
    ("futimens", "os.utime(os.open(ro, 0)); out()"),
    ("an extended attribute", "os.setxattr(ro, 'user.a', b'1'); out()"),
    ("attributes of the file system", "fd = os.open(ro, 0)\nf = struct.unpack('i', fcntl.ioctl(fd, "
     "0x80086601, bytes(8))[:4])[0]\nfcntl.ioctl(fd, 0x40086602, struct.pack('q', f)); out()"),
    ("the mode of /dev/null", "fd = os.open('/dev/null', 1); os.fchmod(fd, os.fstat(fd).st_mode & 0o777); out()"),
    ("the owner of /dev/null", "os.fchown(os.open('/dev/null', 1), -1, os.stat('/dev/null').st_gid); out()"),
    ("an extended attribute of /dev/null", "os.setxattr(os.open('/dev/null', 1), 'trusted.a', b'1'); "
     "os.removexattr('/dev/null', 'trusted.a'); out()"),
    ("a version of ext4", "libc.ioctl(os.open(ro, 0), 0x40086604, ctypes.byref(ctypes.c_long())); looked()"),
    ("a subvolume of btrfs", "libc.ioctl(os.open(top + '/ro', 0), 0x5000940e, bytes(4096)); looked()"),
    ("a file of xfs by its handle", "libc.ioctl(os.open(ro, 0), 0xc038586b, bytes(56)); looked()"),
    ("a namespace", "if libc.setns(os.open('/proc/self/ns/uts', 0), 0): raise OSError(ctypes.get_errno(), 'setns')\nout()"),
    ("a device node", "os.mknod(ok + '/dev', stat.S_IFCHR | 0o600, os.makedev(1, 5)); "
     "out(os.read(os.open(ok + '/dev', 0), 1))"),
    ("a socket of Unix", "s = socket.socket(socket.AF_UNIX); s.connect(top + '/server'); out()"),
    ("a datagram of a pair to a path", "s = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]"
     "; s.sendto(b'x', top + '/dgram'); out()"),
)

INT80 = """
code = bytes.fromhex('b814000000cd80c3')
m = mmap.mmap(-1, 4096, prot=7)
m.write(code)
f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))
out(f() == os.getpid())
"""

MMSG = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
class iovec(ctypes.Structure): _fields_ = [('b', ctypes.c_char_p), ('n', ctypes.c_size_t)]
class mmsg(ctypes.Structure): _fields_ = [('name', ctypes.c_char_p), ('len', ctypes.c_uint32),
    ('iov', ctypes.POINTER(iovec)), ('n', ctypes.c_size_t), ('control', ctypes.c_void_p),
    ('clen', ctypes.c_size_t), ('flags', ctypes.c_int), ('sent', ctypes.c_uint)]
address = struct.pack('=HH4s8x', 2, socket.htons(b), bytes([127, 0, 0, 1]))
m = mmsg(address, 16, ctypes.pointer(iovec(b'x', 1)), 1)
sys_(307, s.fileno(), ctypes.byref(m), 1, 0)
out()
"""

# A thread writes another port into the address while connect(2) looks at it.
RACE = """
import threading
address = ctypes.create_string_buffer(struct.pack('=HH4s8x', 2, socket.htons(a),
    bytes([127, 0, 0, 1])))
stop = []
def flip():
    while not stop:
        for port in (a, b):
            struct.pack_into('=H', address, 2, socket.htons(port))
t = threading.Thread(target=flip)
t.start()
reached = 0
for i in range(100):
    s = socket.socket()
    if libc.connect(s.fileno(), address, 16) == 0:
        reached += s.getpeername()[1] == b
    s.close()
stop.append(1)
t.join()
out(reached)
"""

# Ways to the network: 127.0.0.1 may be reached on port @a only.
NETWORK = (
    ("connect to another port", "socket.create_connection(('127.0.0.1', b)); out()"),
    ("through an address of IPv6", "s = socket.socket(socket.AF_INET6); "
     "s.connect(('::ffff:127.0.0.1', b)); out()"),
    ("0.0.0.0", "socket.create_connection(('0.0.0.0', b)); out()"),
    ("once more with the same socket", "s = socket.socket(); s.connect(('127.0.0.1', a))\n"
     "libc.connect(s.fileno(), bytes(16), 16); s.connect(('127.0.0.1', b)); out()"),
    ("sendto of UDP", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', b)); out()"),
    ("sendmsg of UDP", "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, "
     "('127.0.0.1', b)); out()"),
    ("sendmmsg of UDP", MMSG),
    ("a question to a name server", "s = socket.socket(type=socket.SOCK_DGRAM); "
     "s.connect(('127.0.0.1', 53)); s.send(b'x'); out()"),
    ("TCP fast open", "s = socket.socket(); s.sendto(b'x', 0x20000000, ('127.0.0.1', b)); out()"),
    ("TCP fast open by sendmsg", "s = socket.socket(); s.sendmsg([b'x'], [], 0x20000000, "
     "('127.0.0.1', b)); out()"),
    ("multipath TCP", "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); "
     "s.connect(('127.0.0.1', b)); out()"),
    ("a route of the sender's", "s = socket.socket(); s.setsockopt(0, 4, "
     "bytes([0x83, 7, 4, 127, 0, 0, 2, 0])); out()"),
    ("another protocol over a socket of TCP", "libc.setsockopt(socket.socket().fileno(), 6, 31, b'smc', 4); looked()"),
    ("a virtual server", "libc.setsockopt(socket.socket().fileno(), 0, 1154, bytes(100), 48); looked()"),
    ("tables of a bridge", "libc.setsockopt(socket.socket().fileno(), 0, 128, bytes(100), 100); looked()"),
    ("routes of multicast", "libc.setsockopt(socket.socket(10).fileno(), 41, 202, bytes(100), 100); looked()"),
    ("an address of an interface", "libc.ioctl(socket.socket().fileno(), 0x8916, b'none' + bytes(36)); looked()"),
    ("a route", "libc.ioctl(socket.socket().fileno(), 0x890b, bytes(120)); looked()"),
    ("a pair of another family", "libc.socketpair(30, 5, 0, (ctypes.c_int * 2)()); looked()"),
    ("netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); out()"),
    ("a packet socket", "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0); out()"),
    ("an abstract socket", "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + top); out()"),
    ("a socket of Unix", "s = socket.socket(socket.AF_UNIX); s.connect(top + '/server'); out()"),
    ("io_uring", "sys_(425, 1, ctypes.create_string_buffer(120)); out()"),
    ("calls of the 32-bit ABI", INT80),
    ("calls of x32", "out(sys_(0x40000000 | 39))"),
    ("listen on any port", "s = socket.socket(); s.listen(); out()"),
    ("bind to another port", "s = socket.socket(); s.bind(('127.0.0.1', 0)); out()"),
    ("an address that changes meanwhile", RACE),
    ("another one's socket, by pidfd_getfd", "fd = sys_(434, pid, 0); sys_(438, fd, 0, 0); out()"),
)

# Another socket in the place of the one that a rule names.
OTHER = """
os.rename(run + '/a', run + '/c')
try:
    os.%s, run + '/a')
    s = socket.socket(socket.AF_UNIX)
    s.connect(%s); out()
finally:
    os.unlink(run + '/a'); os.rename(run + '/c', run + '/a')
"""
IN_ITS_PLACE = (
    ("a link in place of a socket", OTHER % ("symlink(top + '/server'", "top + '/server'")),
    ("another socket under its name", OTHER % ("link(run + '/b'", "run + '/a'")),
)


class World:
    """Files, servers and a process outside of the policy."""

    def __init__(self, top, uid, sluice):
        self.top, self.uid, self.sluice, self.sockets, self.free = top, uid, sluice, [], {}
        for name in ("secret", "ok", "ro", "run"):
            os.mkdir(f"{top}/{name}")
        for name in ("secret/file", "ro/file", "ro/extra"):
            with open(f"{top}/{name}", "w") as f:
                f.write("SECRET")
        self.a, self.b = self.serve(), self.serve()
        self.unix(socket.SOCK_STREAM, top + "/server")
        self.unix(socket.SOCK_STREAM, "\0" + top)
        self.unix(socket.SOCK_DGRAM, top + "/dgram")
        self.unix(socket.SOCK_STREAM, top + "/run/a")
        self.unix(socket.SOCK_STREAM, top + "/run/b")
        for directory, _, names in os.walk(top):
            for name in (".", *names):
                os.chmod(f"{directory}/{name}", 0o777)
                if uid is not None:
                    os.chown(f"{directory}/{name}", uid, uid)
        self.process = subprocess.Popen(["sleep", "1000"], preexec_fn=lambda: live.become(uid),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)  # whoever reads us would wait for it

    def accept(self, server):
        def loop():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return
        server.listen(100)
        threading.Thread(target=loop, daemon=True).start()

    def serve(self):
        s = socket.create_server(("127.0.0.1", 0))
        self.sockets.append(s)
        self.accept(s)
        return s.getsockname()[1]

    def unix(self, kind, path):
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind(path)
        self.sockets.append(s)
        if kind == socket.SOCK_STREAM:
            self.accept(s)

    def clean(self):
        subprocess.run(["sh", "-c", 'rm -rf "$1"/ok/* "$1"/ro/new; cd "$1"/ro; echo SECRET > file'
                        '; : > extra; chmod 666 *', "sh", self.top],
                       preexec_fn=lambda: live.become(self.uid))

    def under(self, words, code):
        """The program below the launcher @words."""
        self.clean()
        return run([*words, live.PYTHON, "-S", "-c", PRELUDE + code, self.top, str(self.a), str(self.b),
                    str(self.process.pid)], self.uid, self.top)

    def attempt(self, code, policy):
        return self.under([self.sluice, "run", *policy] if policy else [], code)

    def end(self):
        self.process.kill()
        self.process.wait()
        for s in self.sockets:
            s.close()
