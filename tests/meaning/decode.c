/* Calls as text: every kind of argument, other ABIs, and memory that lies.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sluice-calls.h"

/* The target's memory: @bytes at @base, nothing else. */
struct memory {
	uint64_t base;
	size_t size;
	unsigned char bytes[8192];
	unsigned reads;
};

static ssize_t read_memory(uint64_t addr, void *buffer, size_t size, void *data)
{
	struct memory *m = data;
	size_t offset = (size_t)(addr - m->base);

	/* Nothing, NULL, and what goes on behind the end are asked of nobody. */
	assert_true(addr && addr + size > addr);
	m->reads++;
	if (addr < m->base || offset >= m->size)
		return -EFAULT;
	if (size > m->size - offset)
		size = m->size - offset;
	memcpy(buffer, m->bytes + offset, size);
	return (ssize_t)size;
}

static void check(uint32_t arch, const char *name, const uint64_t args[6],
	struct memory *m, const char *expected)
{
	char text[2048];
	int nr;
	ssize_t length;

	assert_int_equal(sluice_call_nr(arch, name, &nr), 0);
	length = sluice_decode_call(
		arch, nr, args, m ? read_memory : NULL, m, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
	/* A small buffer gets the beginning, and the length of all. */
	memset(text, 'x', sizeof(text));
	assert_int_equal(
		sluice_decode_call(arch, nr, args, m ? read_memory : NULL, m, text, 8),
		length);
	assert_memory_equal(text, expected, 7);
	assert_int_equal(text[7], 0);
	assert_int_equal(text[8], 'x');
}

#define A(...)			    ((const uint64_t[6]){__VA_ARGS__})
#define CHECK(name, args, expected) check(SCMP_ARCH_X86_64, name, args, NULL, expected)

static void put(struct memory *m, size_t at, const void *bytes, size_t size)
{
	memcpy(m->bytes + at, bytes, size);
}

static void put64(struct memory *m, size_t at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		m->bytes[at + i] = (unsigned char)(value >> 8 * i);
}

static void numbers_are_cut_as_the_kernel_cuts_them(void **state)
{
	(void)state;
	CHECK("openat", A(0xffffff9c, 0, 0x80000),
		"openat(AT_FDCWD, NULL, O_RDONLY|O_CLOEXEC)");
	CHECK("openat", A(0xffffffffffffff9c, 0, 0x5a5a000000080041, 0xffff01a4),
		"openat(AT_FDCWD, NULL, O_WRONLY|O_CREAT|O_CLOEXEC, 0644)");
	CHECK("close", A(0x500000003), "close(3)");
	CHECK("close", A(0xffffffff), "close(-1)");
	CHECK("socket", A(16, 0x80003, 9),
		"socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, 9)");
	CHECK("socket", A(2, 1, 6), "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	CHECK("kill", A(0xffffffff, 9), "kill(-1, SIGKILL)");
	CHECK("kill", A(1, 34), "kill(1, SIGRT_2)");
	CHECK("getpid", A(1, 2, 3), "getpid()");
	CHECK("mknod", A(0, 020666, 0x103),
		"mknod(NULL, S_IFCHR|0666, makedev(0x1, 0x3))");
	CHECK("clone", A(0x11, 0), "clone(SIGCHLD, NULL, NULL, NULL, NULL)");
	CHECK("clone", A(0x4111, 0x1000),
		"clone(CLONE_VM|CLONE_VFORK|SIGCHLD, 0x1000, NULL, NULL, NULL)");
	CHECK("lseek", A(3, 0xfffffffffffffffe, 1), "lseek(3, -2, SEEK_CUR)");
	CHECK("mmap", A(0, 4096, 3, 0x22, 0xffffffff, 0),
		"mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, "
		"0)");
	CHECK("fcntl", A(1, 0x999, 0), "fcntl(1, 0x999, NULL)");
	CHECK("chown", A(0, 0xffffffff, 5), "chown(NULL, -1, 5)");
}

static void names_end_where_their_sets_end(void **state)
{
	(void)state;
	CHECK("kill", A(1, 31), "kill(1, SIGSYS)");
	CHECK("kill", A(1, 32), "kill(1, SIGRTMIN)");
	CHECK("kill", A(1, 64), "kill(1, SIGRT_32)");
	CHECK("kill", A(1, 65), "kill(1, 65)");
	CHECK("kill", A(1, 0), "kill(1, 0)");
	CHECK("kill", A(1, 0xffffffff), "kill(1, -1)");
	CHECK("clone", A(0), "clone(0, NULL, NULL, NULL, NULL)");
	CHECK("clone", A(0x100), "clone(CLONE_VM, NULL, NULL, NULL, NULL)");
	CHECK("clone", A(0x122), "clone(CLONE_VM|SIGRT_2, NULL, NULL, NULL, NULL)");
	/* Protocols are those of the internet's families. */
	CHECK("socket", A(10, 1, 6), "socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)");
	CHECK("socket", A(0xffffffff0000000a, 1, 6), "socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)");
	CHECK("socket", A(1, 1, 6), "socket(AF_UNIX, SOCK_STREAM, 6)");
	/* The mode of a file that may be made. */
	CHECK("open", A(0, 0x40, 0600), "open(NULL, O_RDONLY|O_CREAT, 0600)");
	CHECK("open", A(0, 0x410000, 0600), "open(NULL, O_RDONLY|O_TMPFILE, 0600)");
	CHECK("open", A(0, 0x400000, 0600), "open(NULL, O_RDONLY|0x400000)");
	CHECK("open", A(0, 0x10000, 0600), "open(NULL, O_RDONLY|O_DIRECTORY)");
	CHECK("mkdir", A(0, 0600), "mkdir(NULL, 0600)");
	/* Flags are as wide as their argument, whatever its sign. */
	CHECK("umount2", A(0, 0xffffffff80000001), "umount2(NULL, MNT_FORCE|0x80000000)");
	CHECK("mount", A(0, 0, 0, 0x8000000000001000, 0), "mount(NULL, NULL, NULL, MS_BIND|0x8000000000000000, NULL)");
	CHECK("alarm", A(0xffffffff), "alarm(4294967295)");
	CHECK("socket", A(0x80000010, 1, 6), "socket(0x80000010, SOCK_STREAM, 6)");
	CHECK("write", A(1, 0, 0), "write(1, NULL, 0)");
}

static void memory_is_shown(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	put(&m, 0, "/etc/pass\"wd", 13);
	check(SCMP_ARCH_X86_64, "openat", A(3, 0x10000, 0), &m,
		"openat(3, \"/etc/pass\\\"wd\", O_RDONLY)");
	put(&m, 0,
		"a\n\x01"
		"1\xff",
		6);
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 5), &m,
		"write(1, \"a\\n\\0011\\377\", 5)");
	/* A digit behind an octal number is no part of it. */
	put(&m, 0, "\1" "0\1" "9\1/\1:\1 ~\x7f\xa0", 13);
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 13), &m,
		"write(1, \"\\0010\\0019\\1/\\1:\\1 ~\\177\\240\", 13)");
	memset(m.bytes, 'x', 100);
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 100), &m,
		"write(1, \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"..., 100)");
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 1), &m, "write(1, \"x\", 1)");
	check(SCMP_ARCH_X86_64, "read", A(1, 0x10000, 100), &m, "read(1, 0x10000, 100)");
	/* What is behind a number in octal; the bounds of what is printed as it is. */
	put(&m, 0, "\1" "0\1" "9\1/\1: ~\x7f\x1f\1", 13);
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 13), &m,
		"write(1, \"\\0010\\0019\\1/\\1: ~\\177\\37\\1\", 13)");
	put64(&m, 0, 0x10020);
	put64(&m, 8, 0x10024);
	put64(&m, 16, 0);
	put(&m, 0x20, "ls\0\0-l", 7);
	check(SCMP_ARCH_X86_64, "execve", A(0x10020, 0x10000, 0), &m,
		"execve(\"ls\", [\"ls\", \"-l\"], NULL)");
	check(SCMP_ARCH_X86_64, "execve", A(0x10020, 0x10010, 0x10000), &m,
		"execve(\"ls\", [], 0x10000 /* 2 vars */)");
	put64(&m, 8, 2);
	put64(&m, 16, 0x10020);
	put64(&m, 24, 0);
	check(SCMP_ARCH_X86_64, "writev", A(1, 0x10000, 2), &m,
		"writev(1, [{iov_base=\"ls\", iov_len=2}, {iov_base=\"\", iov_len=0}], "
		"2)");
	check(SCMP_ARCH_X86_64, "readv", A(1, 0x10000, 1), &m,
		"readv(1, [{iov_base=0x10020, iov_len=2}], 1)");
	put64(&m, 0, 5);
	put64(&m, 8, 7);
	check(SCMP_ARCH_X86_64, "nanosleep", A(0x10000, 0), &m,
		"nanosleep({tv_sec=5, tv_nsec=7}, NULL)");
	put64(&m, 0, 0x80000);
	put64(&m, 8, 0);
	put64(&m, 16, 8);
	check(SCMP_ARCH_X86_64, "openat2", A(3, 0, 0x10000, 24), &m,
		"openat2(3, NULL, {flags=O_RDONLY|O_CLOEXEC, mode=0, "
		"resolve=RESOLVE_BENEATH}, 24)");
	/* Of five fields the last, too. */
	put64(&m, 0, 0x100);
	put64(&m, 8, 0);
	put64(&m, 16, 0x20);
	put64(&m, 24, 0);
	put64(&m, 32, 17);
	check(SCMP_ARCH_X86_64, "clone3", A(0x10000, 88), &m,
		"clone3({flags=CLONE_VM, pidfd=0, child_tid=0x20, parent_tid=0, exit_signal=SIGCHLD}, 88)");
}

static void addresses_are_shown(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	put(&m, 0, "\x02\0\0\x50\x7f\0\0\x01\0\0\0\0\0\0\0", 16);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 16), &m,
		"connect(3, {sa_family=AF_INET, sin_port=htons(80), "
		"sin_addr=inet_addr(\"127.0.0.1\")}, 16)");
	put(&m, 0, "\x0a\0\0\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\0\0\0",
		28);
	check(SCMP_ARCH_X86_64, "bind", A(3, 0x10000, 28), &m,
		"bind(3, {sa_family=AF_INET6, sin6_port=htons(80), "
		"sin6_flowinfo=htonl(0), "
		"inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=2}, 28)");
	put(&m, 24, "\x02\0\0\x01", 4); /* the scope has four bytes, or is not there */
	check(SCMP_ARCH_X86_64, "bind", A(3, 0x10000, 28), &m,
		"bind(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
		"inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=16777218}, 28)");
	check(SCMP_ARCH_X86_64, "bind", A(3, 0x10000, 27), &m,
		"bind(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
		"inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 27)");
	check(SCMP_ARCH_X86_64, "bind", A(3, 0x10000, 23), &m,
		"bind(3, {sa_family=AF_INET6, sa_data=\"\\0P\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0"
		"\\0\\0\\0\\0\\0\\0\\0\"}, 23)");
	put(&m, 0, "\x01\0/run/x\0yz", 11);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 11), &m,
		"connect(3, {sa_family=AF_UNIX, sun_path=\"/run/x\"}, 11)");
	put(&m, 0, "\x01\0\0a\0b", 6);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 6), &m,
		"connect(3, {sa_family=AF_UNIX, sun_path=@\"a\\0b\"}, 6)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 2), &m,
		"connect(3, {sa_family=AF_UNIX}, 2)");
	put(&m, 0, "\x10\0\0\0\x05\0\0\0\x01\0\0\0", 12);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 12), &m,
		"connect(3, {sa_family=AF_NETLINK, nl_pid=5, nl_groups=00000001}, 12)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 11), &m,
		"connect(3, {sa_family=AF_NETLINK, sa_data=\"\\0\\0\\5\\0\\0\\0\\1\\0\\0\"}, 11)");
	/* As long as the kernel takes them, and longer. */
	put(&m, 0, "\x01\0/", 3);
	memset(m.bytes + 3, 'x', 130);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 128), &m,
		"connect(3, {sa_family=AF_UNIX, sun_path=\"/"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}, 128)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 129), &m,
		"connect(3, 0x10000, 129)");
}

/* Too short for its family: bytes. And no longer than the kernel's largest. */
static void short_addresses_are_bytes(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	put(&m, 0, "\x02\0\0\x50\x7f\0\0\x01\0\0\0\0\0\0\0", 16);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 15), &m,
		"connect(3, {sa_family=AF_INET, sa_data=\"\\0P\\177\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\"}, 15)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 2), &m, "connect(3, {sa_family=AF_INET}, 2)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 1), &m, "connect(3, 0x10000, 1)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x20000, 16), &m, "connect(3, 0x20000, 16)");
	put(&m, 0, "\x0a\0\0\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\0\0\0", 28);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 24), &m,
		"connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
		"inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 24)");
	m.bytes[27] = 1;
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 28), &m,
		"connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
		"inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=16777218}, 28)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 4), &m,
		"connect(3, {sa_family=AF_INET6, sa_data=\"\\0P\"}, 4)");
	put(&m, 0, "\x10\0\0\0\x05\0\0\0\x01\0\0\0", 12);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 4), &m,
		"connect(3, {sa_family=AF_NETLINK, sa_data=\"\\0\\0\"}, 4)");
	put(&m, 0, "\x01\0", 2);
	memset(m.bytes + 2, 'p', 126);
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, 128), &m,
		"connect(3, {sa_family=AF_UNIX, "
		"sun_path=\"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
		"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\"}, 128)");
	check(SCMP_ARCH_X86_64, "connect", A(3, 0x10000, UINT64_C(0xf00000003)), &m,
		"connect(3, {sa_family=AF_UNIX, sun_path=\"p\"}, 3)");
}

/* The longest text of a path that is shown, and the one behind it. */
static void long_paths_are_cut(void **state)
{
	struct memory m = {.base = 0x10ffd, .size = sizeof(m.bytes)};
	static char text[8192], expected[8192];
	int nr;

	(void)state;
	assert_int_equal(sluice_call_nr(SCMP_ARCH_X86_64, "rmdir", &nr), 0);
	for (size_t length = 4095; length <= 4097; length++) {
		memset(m.bytes, 'x', sizeof(m.bytes));
		m.bytes[length] = 0;
		memset(expected, 0, sizeof(expected));
		strcpy(expected, "rmdir(\"");
		memset(expected + strlen(expected), 'x', length < 4096 ? length : 4096);
		strcat(expected, length > 4096 ? "\"...)" : "\")");
		assert_int_equal(sluice_decode_call(SCMP_ARCH_X86_64, nr, A(0x10ffd), read_memory, &m, text,
					 sizeof(text)),
			strlen(expected));
		assert_string_equal(text, expected);
	}
}

/* A buffer is shown where the next argument is its size, and a structure where its form is known. */
static void other_memory_is_an_address(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	put(&m, 0, "abcd", 4);
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 1), &m, "write(1, \"a\", 1)");
	check(SCMP_ARCH_X86_64, "write", A(1, 0x10000, 0), &m, "write(1, \"\", 0)");
	check(SCMP_ARCH_X86_64, "write", A(1, 0, 1), &m, "write(1, NULL, 1)");
	check(SCMP_ARCH_X86_64, "setsockopt", A(3, 1, 2, 0x10000, 4), &m, "setsockopt(3, 0x1, 2, 0x10000, 4)");
	check(SCMP_ARCH_X86_64, "rt_sigsuspend", A(0x10000, 4), &m, "rt_sigsuspend(0x10000, 4)");
	check(SCMP_ARCH_X86_64, "pselect6", A(0, 0, 0, 0, 0, 0x10000), &m,
		"pselect6(0, NULL, NULL, NULL, NULL, 0x10000)");
	memset(m.bytes, 0, 64);
	put64(&m, 0, 0x100);
	put64(&m, 8, 0x20000);
	put64(&m, 32, 17);
	check(SCMP_ARCH_X86_64, "clone3", A(0x10000, 40), &m,
		"clone3({flags=CLONE_VM, pidfd=0x20000, child_tid=0, parent_tid=0, exit_signal=SIGCHLD}, 40)");
	put64(&m, 32, 34);
	check(SCMP_ARCH_X86_64, "clone3", A(0x10000, 40), &m,
		"clone3({flags=CLONE_VM, pidfd=0x20000, child_tid=0, parent_tid=0, exit_signal=SIGRT_2}, 40)");
}

static void other_abis_have_their_words(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	check(SCMP_ARCH_X86, "pread64", A(3, 0, 10, 5, 1), NULL,
		"pread64(3, NULL, 10, 4294967301)");
	check(SCMP_ARCH_ARM, "pread64", A(3, 0, 10, 99, 5, 1), NULL,
		"pread64(3, NULL, 10, 4294967301)");
	check(SCMP_ARCH_PPC, "pread64", A(3, 0, 10, 99, 1, 5), NULL,
		"pread64(3, NULL, 10, 4294967301)");
	check(SCMP_ARCH_ARM, "openat", A(0xffffff9c, 0, 0x4000), NULL,
		"openat(AT_FDCWD, NULL, O_RDONLY|O_DIRECTORY)");
	check(SCMP_ARCH_MIPS, "socket", A(2, 2, 6), NULL,
		"socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	/* 32-bit and big-endian pointers */
	put(&m, 0, "\0\1\0\x20\0\0\0\2", 8);
	put(&m, 0x20, "ls", 3);
	check(SCMP_ARCH_PPC, "writev", A(1, 0x10000, 1), &m,
		"writev(1, [{iov_base=\"ls\", iov_len=2}], 1)");
}

static void what_nobody_knows_is_shown_as_registers(void **state)
{
	char text[200];

	(void)state;
	assert_true(sluice_decode_call(SCMP_ARCH_X86_64, 5000, A(1, 2, 3, 4, 5, 6), NULL,
			    NULL, text, sizeof(text)) > 0);
	assert_string_equal(text, "syscall_0x1388(0x1, 0x2, 0x3, 0x4, 0x5, 0x6)");
	CHECK("tuxcall", A(1, 2), "tuxcall(0x1, 0x2, 0, 0, 0, 0)");
	assert_int_equal(
		sluice_decode_call(1, 0, A(0), NULL, NULL, text, sizeof(text)), -EINVAL);
	assert_true(
		sluice_decode_call(SCMP_ARCH_X86_64, 0, A(0), NULL, NULL, NULL, 0) > 0);
}

static ssize_t says_too_much(uint64_t addr, void *buffer, size_t size, void *data)
{
	(void)addr;
	(void)data;
	memset(buffer, 'a', size);
	return (ssize_t)size + 1;
}

static void one_argument_is_shown(void **state)
{
	struct sluice_call_info call = {.size = sizeof(call)};
	char text[64];

	(void)state;
	assert_int_equal(sluice_call_info(SCMP_ARCH_X86_64, "openat", &call), 0);
	assert_int_equal(
		sluice_decode_arg(&call, A(0, 0, 1), 2, NULL, NULL, text, sizeof(text)),
		8);
	assert_string_equal(text, "O_WRONLY");
	assert_int_equal(
		sluice_decode_arg(&call, A(0), 4, NULL, NULL, text, sizeof(text)),
		-EINVAL);
	assert_int_equal(sluice_decode_arg(&call, A(0, 0x1000), 1, says_too_much, NULL,
				 text, sizeof(text)),
		6);
	assert_string_equal(text, "0x1000");
	/* Half of an argument, where the call ends before the other. */
	assert_int_equal(sluice_call_info(SCMP_ARCH_X86, "pread64", &call), 0);
	assert_int_equal(sluice_decode_arg(&call, A(3, 0, 10, 5, 1), 3, NULL, NULL, text, sizeof(text)), 10);
	assert_string_equal(text, "4294967301");
	call.n_args = 4;
	assert_int_equal(sluice_decode_arg(&call, A(3, 0, 10, 5, 1), 3, NULL, NULL, text, sizeof(text)), 1);
	assert_string_equal(text, "5");
	call.args[0] = call.args[3];
	assert_int_equal(sluice_decode_arg(&call, A(5, 1), 0, NULL, NULL, text, sizeof(text)), 10);
	assert_string_equal(text, "4294967301");
	assert_int_equal(sluice_call_info(SCMP_ARCH_X86_64, "openat", &call), 0);
	/* What a caller made itself is no more believed than what a target says. */
	call.arch = 1;
	assert_int_equal(sluice_decode_arg(&call, A(0), 0, NULL, NULL, text, sizeof(text)), -EINVAL);
	call.arch = SCMP_ARCH_X86_64;
	call.n_args = 7;
	assert_int_equal(sluice_decode_arg(&call, A(0), 6, NULL, NULL, text, sizeof(text)), -EINVAL);
	call.n_args = 4;
	call.size--;
	assert_int_equal(sluice_decode_arg(&call, A(0), 0, NULL, NULL, text, sizeof(text)), -EINVAL);
}

/* What a caller says of a call is believed as far as it goes. */
static void calls_that_were_made_up(void **state)
{
	struct sluice_call_info call = {
		.size = sizeof(call), .arch = SCMP_ARCH_X86, .n_args = 2, .has_prototype = true};
	struct memory m = {.base = 0x1000, .size = sizeof(m.bytes), .bytes = "text"};
	char text[64];

	(void)state;
	/* Halves of a number, the lower one first; and one whose other half is no argument. */
	call.args[0] = (struct sluice_arg_info){.bits = 32, .part = SLUICE_PART_LOW};
	sluice_decode_arg(&call, A(7, 1), 0, NULL, NULL, text, sizeof(text));
	assert_string_equal(text, "4294967303");
	call.n_args = 1;
	sluice_decode_arg(&call, A(7, 1), 0, NULL, NULL, text, sizeof(text));
	assert_string_equal(text, "7");
	call.args[0].part = SLUICE_PART_HIGH;
	call.n_args = 2;
	sluice_decode_arg(&call, A(1, 7), 0, NULL, NULL, text, sizeof(text));
	assert_string_equal(text, "4294967303");
	/* Memory is text if its length is there, and its type says so. */
	call.args[0] = (struct sluice_arg_info){.bits = 32, .type = SLUICE_ARG_IN, .ctype = "const char *"};
	call.args[1] = (struct sluice_arg_info){.bits = 32, .type = SLUICE_ARG_SIZE};
	sluice_decode_arg(&call, A(0x1000, 4), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, "\"text\"");
	call.args[0].ctype = "const long *";
	sluice_decode_arg(&call, A(0x1000, 4), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, "0x1000");
	call.args[0].ctype = NULL;
	sluice_decode_arg(&call, A(0x1000, 4), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, "0x1000");
	call.args[0].ctype = "const char *";
	call.n_args = 1;
	sluice_decode_arg(&call, A(0x1000, 4), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, "0x1000");
	call.n_args = 2;
	call.args[1].type = SLUICE_ARG_NUMBER;
	sluice_decode_arg(&call, A(0x1000, 4), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, "0x1000");
}

/* A path that is longer than one can be. */
static void paths_are_cut(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};
	static char expected[5000];
	struct sluice_call_info call = {.size = sizeof(call)};
	char text[5000];

	(void)state;
	assert_int_equal(sluice_call_info(SCMP_ARCH_X86_64, "rmdir", &call), 0);
	memset(m.bytes, 'p', sizeof(m.bytes));
	snprintf(expected, sizeof(expected), "\"%.4096s\"...", (const char *)m.bytes);
	for (uint64_t at = 0x10000; at <= 0x10001; at++) {
		sluice_decode_arg(&call, A(at), 0, read_memory, &m, text, sizeof(text));
		assert_string_equal(text, expected);
	}
	m.bytes[4096] = 0; /* and one that is just as long */
	snprintf(expected, sizeof(expected), "\"%.4096s\"", (const char *)m.bytes);
	sluice_decode_arg(&call, A(0x10000), 0, read_memory, &m, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* Numbers of 4 bytes end there: what fills the word behind them is nobody's. */
static void messages_are_shown(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};

	(void)state;
	put(&m, 0, "hi", 3);
	put64(&m, 16, 0x10000);
	put64(&m, 24, 2);
	put64(&m, 64 + 8, UINT64_MAX << 32 | 0x1000000);
	put64(&m, 64 + 16, 0x10010);
	put64(&m, 64 + 24, 1);
	put64(&m, 64 + 48, UINT64_MAX << 32 | 0x40000040);
	check(SCMP_ARCH_X86_64, "sendmsg", A(3, 0x10040, 1), &m,
		"sendmsg(3, {msg_name=NULL, msg_namelen=16777216, msg_iov=[{iov_base=\"hi\", iov_len=2}], "
		"msg_iovlen=1, msg_controllen=0, msg_flags=MSG_DONTWAIT|MSG_CMSG_CLOEXEC}, MSG_OOB)");
}

/* Strings and arrays at the very end of memory and of the address space, and without one.
 */
static void memory_that_ends_is_no_trap(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};
	struct memory top = {.base = UINT64_MAX - 8191, .size = 8191};

	(void)state;
	put(&m, sizeof(m.bytes) - 4, "end", 4);
	check(SCMP_ARCH_X86_64, "rmdir", A(0x10000 + sizeof(m.bytes) - 4), &m,
		"rmdir(\"end\")");
	memset(m.bytes + sizeof(m.bytes) - 4, 'x', 4);
	check(SCMP_ARCH_X86_64, "rmdir", A(0x10000 + sizeof(m.bytes) - 4), &m,
		"rmdir(0x11ffc)");
	put64(&m, sizeof(m.bytes) - 8, 0x10000);
	m.bytes[0] = 0;
	check(SCMP_ARCH_X86_64, "execve", A(0x10000, 0x10000 + sizeof(m.bytes) - 8, 0),
		&m, "execve(\"\", [\"\", 0x12000], NULL)");
	/* An environment that has no end, and one that nobody ends. */
	check(SCMP_ARCH_X86_64, "execve", A(0x10000, 0, 0x10000 + sizeof(m.bytes) - 8), &m,
		"execve(\"\", NULL, 0x11ff8)");
	memset(m.bytes, 1, sizeof(m.bytes));
	check(SCMP_ARCH_X86_64, "execve", A(0, 0, 0x10000), &m,
		"execve(NULL, NULL, 0x10000 /* 1024 or more vars */)");
	memset(top.bytes, 'y', sizeof(top.bytes));
	check(SCMP_ARCH_X86_64, "write", A(1, UINT64_MAX - 3, 100), &top,
		"write(1, 0xfffffffffffffffc, 100)");
	check(SCMP_ARCH_X86_64, "writev", A(1, UINT64_MAX - 3, UINT64_MAX), &top,
		"writev(1, 0xfffffffffffffffc, 18446744073709551615)");
}

/* Whatever registers and memory say: an end, a bounded number of reads, printable text.
 */
static void hostile_memory_is_bounded(void **state)
{
	struct memory m = {.base = 0x10000, .size = sizeof(m.bytes)};
	static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32,
		SCMP_ARCH_PPC, SCMP_ARCH_S390X, SCMP_ARCH_ARM};
	const unsigned rounds = 60000;

	(void)state;
	srandom(7);
	for (unsigned round = 0; round < rounds; round++) {
		uint32_t arch = arches[round % 6];
		char text[512];
		uint64_t args[6];
		int nr = (int)(random() % 480);
		ssize_t length;

		if (arch == SCMP_ARCH_X32)
			nr += 0x40000000;
		for (size_t i = 0; i < sizeof(m.bytes); i += 64 + (size_t)random() % 64)
			put64(&m, i < sizeof(m.bytes) - 8 ? i : 0,
				random() % 2 ? 0x10000 + (uint64_t)random() % 8200
					     : (uint64_t)random() << (random() % 64));
		for (unsigned i = 0; i < 6; i++)
			args[i] = random() % 3 ? 0x10000 + (uint64_t)random() % 8200
					       : (uint64_t)random() << (random() % 64);
		m.reads = 0;
		length = sluice_decode_call(
			arch, nr, args, read_memory, &m, text, sizeof(text));
		assert_true(length > 0);
		assert_true(m.reads <= 300);
		assert_true(length < 200000);
		for (size_t i = 0; text[i]; i++)
			if (text[i] < ' ' || text[i] > '~')
				fail_msg(
					"a byte %#x in the text", (unsigned char)text[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_cut_as_the_kernel_cuts_them),
		cmocka_unit_test(names_end_where_their_sets_end),
		cmocka_unit_test(memory_is_shown),
		cmocka_unit_test(addresses_are_shown),
		cmocka_unit_test(short_addresses_are_bytes),
		cmocka_unit_test(long_paths_are_cut),
		cmocka_unit_test(other_memory_is_an_address),
		cmocka_unit_test(other_abis_have_their_words),
		cmocka_unit_test(what_nobody_knows_is_shown_as_registers),
		cmocka_unit_test(one_argument_is_shown),
		cmocka_unit_test(calls_that_were_made_up),
		cmocka_unit_test(paths_are_cut),
		cmocka_unit_test(messages_are_shown),
		cmocka_unit_test(memory_that_ends_is_no_trap),
		cmocka_unit_test(hostile_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
