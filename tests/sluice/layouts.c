/* Structures of targets at the edges of what they may say: lengths, counts, layouts of 64 and of 32
 * bits. The supervisor writes them to the target itself, and says that the call is one of a 32-bit
 * program, so that no kernel that runs such programs is needed.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "tap.h"

#include "sluice-calls.h"

#include <limits.h>

#define BLOCK 0x20000000u /* where the target has memory, also for 32 bits */
#define PAGES 20u
#define ROOM  4096u       /* of the page behind them there is none */

static uint64_t page, end; /* the target's: what lies at @end cannot be read */

static int target_block(int argc, char **argv)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE) * (PAGES + 1);
	char *p = mmap((void *)(uintptr_t)BLOCK, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	(void)argc;
	(void)argv;
	if (p == MAP_FAILED || munmap(p + size - size / (PAGES + 1), size / (PAGES + 1)))
		return 1;
	return syscall(SYS_mkdirat, -1, p, 0700) == 7 ? 0 : 2;
}

static void put(struct sluice_request *req, uint64_t to, const void *data, size_t size)
{
	CHECK_EQ(sc_target_write_exact(req, to, data, size), 0);
}

/* Where this program is one of 32 bits, there is only that. */
static void become(struct sluice_request *req, bool narrow, const char *name)
{
	req->notif.data.arch = narrow && sizeof(void *) == 8 ? SCMP_ARCH_X86 : seccomp_arch_native();
	CHECK_EQ(sluice_call_nr(req->notif.data.arch, name, &req->notif.data.nr), 0);
	req->name[0] = '\0';
	CHECK(strcmp(sluice_name(req), name) == 0);
}

/* ---- iovecs ---- */

#define LIST (BLOCK + ROOM)

static void put_iovec(struct sluice_request *req, bool narrow, unsigned i, uint64_t base, uint64_t len)
{
	uint32_t small[2] = {(uint32_t)base, (uint32_t)len};
	struct iovec wide = {(void *)(uintptr_t)base, (size_t)len};

	if (narrow)
		put(req, LIST + i * sizeof(small), small, sizeof(small));
	else
		put(req, LIST + i * sizeof(wide), &wide, sizeof(wide));
}

static void lengths_of_iovecs(struct sluice_request *req, bool narrow)
{
	static struct iovec iov[1025];
	uint64_t most = narrow ? INT32_MAX : SSIZE_MAX;

	for (unsigned i = 0; i < 1025; i++)
		put_iovec(req, narrow, i, BLOCK, 0);
	CHECK_EQ(sluice_read_iovec(req, LIST, 1024, iov), 0);
	CHECK_EQ(sluice_read_iovec(req, LIST, 1025, iov), -EINVAL);
	CHECK_EQ(sluice_read_iovec(req, 8, 0, iov), 0);
	CHECK_EQ(sluice_read_iovec(req, 8, 1, iov), -EFAULT);
	CHECK_EQ(sluice_read_iovec(req, end - 4, 1, iov), -EFAULT);
	put_iovec(req, narrow, 0, BLOCK, most);
	CHECK_EQ(sluice_read_iovec(req, LIST, 2, iov), 0);
	CHECK_EQ(iov[0].iov_len, most);
	CHECK_EQ((uintptr_t)iov[0].iov_base, BLOCK);
	put_iovec(req, narrow, 1, BLOCK, most);
	if (!narrow) /* together they are more than a call can say */
		CHECK_EQ(sluice_read_iovec(req, LIST, 2, iov), -EINVAL);
	put_iovec(req, narrow, 0, BLOCK, 6);
	put_iovec(req, narrow, 1, BLOCK, UINT64_MAX); /* with the first it would be 5 */
	CHECK_EQ(sluice_read_iovec(req, LIST, 2, iov), -EINVAL);
	put_iovec(req, narrow, 1, BLOCK, most + 1);
	CHECK_EQ(sluice_read_iovec(req, LIST, 2, iov), -EINVAL);
	CHECK_EQ(iov[0].iov_len, most); /* as before: nothing was read that was wrong */
}

#define AT_END LONG_MIN

static const char hello[] = "hello world";

static long first_part(size_t length, long all)
{
	return (long)length < all ? (long)length : all;
}

/* As much as there is, in order; where it ends, what has been copied counts. */
static void copies(struct sluice_request *req)
{
	static const struct {
		struct {
			long at, len; /* from BLOCK on; negative: before the end */
		} iov[2];
		long rc;
	} cases[] = {
		{{{0, 6}, {6, 5}}, 11},
		{{{0, 0}, {0, 11}}, 11},
		{{{-6, 6}, {0, 5}}, 11},
		{{{-6, 7}, {0, 5}}, 6},
		{{{-1, 100}, {0, 5}}, 1},
		{{{0, 6}, {AT_END, 5}}, 6},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct iovec iov[2];
		char text[12] = "";
		long done = 0;

		for (int k = 0; k < 2; k++) {
			long at = cases[i].iov[k].at;

			iov[k].iov_base = (void *)(uintptr_t)(at == AT_END ? end
					: at < 0 ? end - (uint64_t)-at : BLOCK + (uint64_t)at);
			iov[k].iov_len = (size_t)cases[i].iov[k].len;
		}
		/* What lies behind the last iovec of a call is no iovec. */
		CHECK_EQ(sluice_scatter(req, iov, 1, hello, 11), first_part(iov[0].iov_len, cases[i].rc));
		CHECK_EQ(sluice_gather(req, iov, 1, text, 11), first_part(iov[0].iov_len, cases[i].rc));
		CHECK_EQ(sluice_scatter(req, iov, 2, hello, 11), cases[i].rc);
		CHECK_EQ(sluice_gather(req, iov, 2, text, 11), cases[i].rc);
		CHECK(memcmp(text, hello, (size_t)cases[i].rc) == 0);
		for (long n = 0; n < 2 && done < cases[i].rc; n++) {
			long here = cases[i].rc - done < cases[i].iov[n].len ? cases[i].rc - done
									   : cases[i].iov[n].len;

			CHECK_EQ(sluice_read(req, (uintptr_t)iov[n].iov_base, text, (size_t)here), here);
			CHECK(memcmp(text, hello + done, (size_t)here) == 0);
			done += here;
		}
	}
	CHECK_EQ(sluice_gather(req, &(struct iovec){(void *)(uintptr_t)end, 1}, 1, (char[1]){0}, 1),
		-EFAULT);
}

/* ---- messages ---- */

struct header {
	uint64_t name, name_length, iov, iov_count, control, control_length;
};

static int read_it(struct sluice_request *req, bool narrow, const struct header *h,
	struct sluice_msghdr *m)
{
	uint32_t small[7] = {(uint32_t)h->name, (uint32_t)h->name_length, (uint32_t)h->iov,
		(uint32_t)h->iov_count, (uint32_t)h->control, (uint32_t)h->control_length, 0};
	struct msghdr wide = {.msg_name = (void *)(uintptr_t)h->name,
		.msg_namelen = (socklen_t)h->name_length,
		.msg_iov = (void *)(uintptr_t)h->iov,
		.msg_iovlen = (size_t)h->iov_count,
		.msg_control = (void *)(uintptr_t)h->control,
		.msg_controllen = (size_t)h->control_length};

	*m = (struct sluice_msghdr){.size = sizeof(*m)};
	if (narrow)
		put(req, BLOCK, small, sizeof(small));
	else
		put(req, BLOCK, &wide, sizeof(wide));
	return sluice_read_msghdr(req, BLOCK, m);
}

static void names(struct sluice_request *req, bool narrow)
{
	static const struct {
		uint32_t said, room;
		int rc;
	} cases[] = {{0, 0, 0}, {1, 1, 0}, {127, 127, 0}, {128, 128, 0}, {129, 128, 0}, {4096, 128, 0},
		{INT32_MAX, 128, 0}, {0x80000000, 0, -EINVAL}, {UINT32_MAX, 0, -EINVAL}};
	static const char *const calls[] = {"sendmsg", "recvmsg"};
	struct sluice_msghdr m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int receives = 0; receives < 2; receives++) {
			struct header h = {.name = LIST, .name_length = cases[i].said};

			become(req, narrow, calls[receives]);
			CHECK_EQ(read_it(req, narrow, &h, &m), cases[i].rc);
			CHECK_EQ(m.name_room, cases[i].room);
			CHECK_EQ(m.name_length, receives ? 0 : cases[i].room);
			if (!cases[i].rc)
				sluice_msghdr_free(&m);
			h.name = 0; /* no name: then its length says nothing */
			CHECK_EQ(read_it(req, narrow, &h, &m), 0);
			CHECK_EQ(m.name_room, 0);
			sluice_msghdr_free(&m);
		}
}

static void counts(struct sluice_request *req, bool narrow)
{
	struct header h = {.iov = LIST};
	struct sluice_msghdr m;

	become(req, narrow, "sendmsg");
	for (unsigned i = 0; i < 1025; i++)
		put_iovec(req, narrow, i, BLOCK, 1);
	h.iov_count = 1024;
	CHECK_EQ(read_it(req, narrow, &h, &m), 0);
	CHECK_EQ(m.iov_count, 1024);
	sluice_msghdr_free(&m);
	h.iov_count = 1025;
	CHECK_EQ(read_it(req, narrow, &h, &m), -EMSGSIZE);
	h.iov_count = UINT32_MAX;
	CHECK_EQ(read_it(req, narrow, &h, &m), -EMSGSIZE);
	h.iov_count = 0;
	h.control = BLOCK + ROOM;
	h.control_length = 65536;
	if (!narrow) {
		CHECK_EQ(read_it(req, narrow, &h, &m), 0);
		CHECK_EQ(m.control_length, 65536);
		sluice_msghdr_free(&m);
	}
	h.control_length++;
	CHECK_EQ(read_it(req, narrow, &h, &m), -ENOBUFS);
	h.control_length = UINT32_MAX;
	CHECK_EQ(read_it(req, narrow, &h, &m), -ENOBUFS);
	become(req, narrow, "recvmsg"); /* only a room */
	CHECK_EQ(read_it(req, narrow, &h, &m), 0);
	CHECK_EQ(m.control_room, UINT32_MAX);
	sluice_msghdr_free(&m);
	h.control = 0;
	CHECK_EQ(read_it(req, narrow, &h, &m), 0);
	CHECK_EQ(m.control_room, 0);
	sluice_msghdr_free(&m);
}

/* Control data of 32 bits: each length of a message in each length of all. */
static void narrow_control(struct sluice_request *req)
{
	static const struct {
		uint32_t all, first, second; /* the second begins where the first, filled up, ends */
		long rc;                     /* or the length in our own layout */
	} cases[] = {
		{0, 0, 0, 0},
		{1, 0, 0, 0},
		{11, 12, 0, 0}, /* no room for a header: the end */
		{12, 12, 0, CMSG_SPACE(0)},
		{12, 11, 0, -EINVAL},
		{12, 0, 0, -EINVAL},
		{12, 13, 0, -EINVAL},
		{12, UINT32_MAX, 0, -EINVAL},
		{12, 0xfffffffd, 0, -EINVAL},
		{12, 0x80000000, 0, -EINVAL},
		{13, 13, 0, CMSG_SPACE(1)},
		{15, 13, 0, CMSG_SPACE(1)},
		{16, 13, 0, CMSG_SPACE(1)},
		{27, 13, 99, CMSG_SPACE(1)},
		{28, 13, 12, CMSG_SPACE(1) + CMSG_SPACE(0)},
		{28, 13, 13, -EINVAL},
		{28, 13, 11, -EINVAL},
		{36, 20, 16, CMSG_SPACE(8) + CMSG_SPACE(4)},
	};
	struct header h = {.control = LIST};
	struct sluice_msghdr m;

	become(req, true, "sendmsg");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t words[16] = {cases[i].first, SOL_SOCKET, 7, 0x01010101, 0x02020202};
		uint32_t second = (cases[i].first + 3) / 4;
		struct cmsghdr c;

		if (cases[i].second) {
			words[second] = cases[i].second;
			words[second + 1] = SOL_SOCKET;
			words[second + 2] = 8;
			words[second + 3] = 0x03030303;
		}
		put(req, LIST, words, sizeof(words));
		h.control_length = cases[i].all;
		CHECK_EQ(read_it(req, true, &h, &m), cases[i].rc < 0 ? cases[i].rc : 0);
		if (cases[i].rc < 0)
			continue;
		CHECK_EQ(m.control_length, cases[i].rc);
		if (cases[i].rc) {
			memcpy(&c, m.control, sizeof(c));
			CHECK(c.cmsg_level == SOL_SOCKET && c.cmsg_type == 7);
			CHECK_EQ(c.cmsg_len, CMSG_LEN(cases[i].first - 12));
			CHECK(memcmp((char *)m.control + CMSG_LEN(0), &words[3], cases[i].first - 12) == 0);
			for (size_t at = CMSG_LEN(cases[i].first - 12); at < CMSG_SPACE(cases[i].first - 12); at++)
				CHECK_EQ(((char *)m.control)[at], 0); /* what fills it up */
		}
		if ((size_t)cases[i].rc > CMSG_SPACE(cases[i].first - 12)) {
			memcpy(&c, (char *)m.control + CMSG_SPACE(cases[i].first - 12), sizeof(c));
			CHECK(c.cmsg_type == 8 && c.cmsg_len == CMSG_LEN(cases[i].second - 12));
		}
		sluice_msghdr_free(&m);
	}
}

/* What a handler writes: its own mistakes, and rooms beyond what anybody has. */
static void written_control(struct sluice_request *req, bool narrow)
{
	union {
		char bytes[CMSG_SPACE(200)];
		struct cmsghdr head;
	} c = {{0}};
	struct sluice_msghdr m = {.size = sizeof(m), .addr = BLOCK, .control_addr = LIST};
	size_t header = narrow ? 12 : CMSG_LEN(0);

	become(req, narrow, "recvmsg");
	c.head = (struct cmsghdr){CMSG_LEN(200), SOL_SOCKET, 7};
	m.control_room = SIZE_MAX / 2;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), 0);
	m.control_room = SIZE_MAX;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), 0);
	m.control_room = header + 200;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), 0);
	m.control_room = header + 199;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), MSG_CTRUNC);
	m.control_room = 0;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), MSG_CTRUNC);
	m.control_room = 4096;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, CMSG_LEN(200)), 0);
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, CMSG_LEN(199)), -EINVAL);
	c.head.cmsg_len = CMSG_LEN(197); /* all that there is, and nothing that fills it up */
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, CMSG_LEN(197)), 0);
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, CMSG_LEN(198)), 0);
	c.head.cmsg_len = CMSG_LEN(0) - 1;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), -EINVAL);
	c.head.cmsg_len = SIZE_MAX;
	CHECK_EQ(sluice_write_msg_control(req, &m, &c, sizeof(c)), -EINVAL);
}

/* ---- open_how, addresses ---- */

static void hows(struct sluice_request *req)
{
	struct open_how how = {.flags = O_RDWR};

	put(req, LIST, &how, sizeof(how));
	how.flags = 0;
	CHECK_EQ(sluice_read_open_how(req, LIST, 23, &how), -EINVAL);
	CHECK_EQ(sluice_read_open_how(req, LIST, (size_t)page + 1, &how), -E2BIG);
	CHECK_EQ(sluice_read_open_how(req, LIST, SIZE_MAX, &how), -E2BIG);
	CHECK_EQ(how.flags, 0);
	CHECK_EQ(sluice_read_open_how(req, LIST, 24, &how), 0);
	CHECK_EQ(sluice_read_open_how(req, LIST, (size_t)page, &how), 0);
	CHECK_EQ(how.flags, O_RDWR);
	put(req, LIST + page - 1, "x", 1);
	CHECK_EQ(sluice_read_open_how(req, LIST, (size_t)page - 1, &how), 0);
	CHECK_EQ(sluice_read_open_how(req, LIST, (size_t)page, &how), -E2BIG);
	put(req, LIST + page - 1, "", 1);
}

static void rooms(struct sluice_request *req)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	static const struct {
		int room, rc;
	} cases[] = {{0, 0}, {1, 0}, {128, 0}, {INT_MAX, 0}, {-1, -EINVAL}, {INT_MIN, -EINVAL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int length = cases[i].room;

		put(req, LIST, &length, sizeof(length));
		CHECK_EQ(sluice_write_sockaddr(req, LIST + 64, LIST, &ss, sizeof(ss)), cases[i].rc);
		CHECK_EQ(sc_target_read_exact(req, LIST, &length, sizeof(length)), 0);
		CHECK_EQ(length, cases[i].rc ? cases[i].room : (int)sizeof(ss));
	}
	CHECK_EQ(sluice_write_sockaddr(req, LIST + 64, LIST, &ss, sizeof(ss) + 1), -EINVAL);
	CHECK_EQ(sluice_write_sockaddr(req, LIST + 64, end - 2, &ss, sizeof(ss)), -EFAULT);
}

/* As many bytes of an address as the target says, and nothing else. */
static void addresses(struct sluice_request *req)
{
	static const struct {
		int length, rc;
	} cases[] = {{0, 0}, {1, 1}, {2, 2}, {127, 127}, {128, 128}, {129, -EINVAL}, {-1, -EINVAL},
		{INT_MAX, -EINVAL}, {INT_MIN, -EINVAL}};
	uint64_t args[6];
	char bytes[128], expected[128];
	struct sockaddr_storage ss;

	memset(bytes, 'x', sizeof(bytes));
	put(req, LIST, bytes, sizeof(bytes));
	memcpy(args, req->notif.data.args, sizeof(args));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		req->notif.data.args[3] = LIST;
		req->notif.data.args[4] = (uint32_t)cases[i].length;
		memset(&ss, 'y', sizeof(ss));
		memset(expected, cases[i].rc < 0 ? 'y' : 0, sizeof(expected));
		if (cases[i].rc > 0)
			memset(expected, 'x', (size_t)cases[i].rc);
		CHECK_EQ(sluice_read_sockaddr(req, 3, 4, &ss), cases[i].rc);
		CHECK(memcmp(&ss, expected, sizeof(expected)) == 0);
		req->notif.data.args[3] = end - 1;
		memset(&ss, 'y', sizeof(ss));
		CHECK_EQ(sluice_read_sockaddr(req, 3, 4, &ss), cases[i].rc > 1 ? -EFAULT : cases[i].rc);
	}
	memcpy(req->notif.data.args, args, sizeof(args));
}

/* ---- calls inside of socketcall(2) and ipc(2) ---- */

/* @ptr: where the arguments of socketcall are, and the last of ipc; from the end of memory back if
 * negative. The handler answers 7, who cannot be unpacked gets the default errno. */
static const struct {
	const char *carrier, *name;
	uint32_t code;
	long ptr;
	int rc; /* 0 or errno */
} packed[] = {
	{"socketcall", "connect", 3, 0, 0},
	{"socketcall", "connect", 3, -12, 0},
	{"socketcall", "connect", 3, -11, EPERM},
	{"socketcall", "connect", 3, -8, EPERM},
	{"socketcall", "connect", 3, -1, EPERM},
	{"socketcall", "connect", 0, 0, EPERM},
	{"socketcall", "connect", 4, 0, EPERM}, /* nobody has asked for it */
	{"socketcall", "connect", 21, 0, EPERM},
	{"socketcall", "connect", UINT32_MAX, 0, EPERM},
	{"ipc", "semctl", 3, 0, 0},
	{"ipc", "semctl", 3, -4, 0},
	{"ipc", "semctl", 3, -3, EPERM},
	{"ipc", "msgrcv", 12, 0, 0},
	{"ipc", "msgrcv", 12, -8, 0},
	{"ipc", "msgrcv", 12, -7, EPERM},
	{"ipc", "msgrcv", 1u << 16 | 12, -1, 0}, /* its arguments are its own */
	{"ipc", "shmat", 21, 0, 0},
	{"ipc", "shmat", 1u << 16 | 21, 0, EPERM},
	{"ipc", "shmat", 25, 0, EPERM},
	{"ipc", "shmat", 0xffff, 0, EPERM},
};
#define PACKED ((int)(sizeof(packed) / sizeof(*packed)))

static int target_packed(int argc, char **argv)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap((void *)(uintptr_t)BLOCK, 2 * size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	(void)argc;
	(void)argv;
	if (p == MAP_FAILED || munmap(p + size, size))
		return 100;
	for (int i = 0; i < PACKED; i++) {
		long rc = syscall(SYS_mkdirat, -1, p, i);

		if (rc != (packed[i].rc ? -1 : 7) || (packed[i].rc && errno != packed[i].rc)) {
			fprintf(stderr, "# %d: %s, %s: %ld, errno %d\n", i, packed[i].carrier,
				packed[i].name, rc, errno);
			return i + 1;
		}
	}
	return 0;
}

static int seven(struct sluice_request *req, void *data)
{
	CHECK(strcmp(sluice_name(req), data) == 0);
	return sluice_reply(req, 7);
}

static int as_packed(struct sluice_request *req, void *data)
{
	int i = sluice_arg_int(req, 2), pseudo;
	uint64_t ptr = BLOCK + (packed[i].ptr < 0 ? (uint64_t)sysconf(_SC_PAGESIZE) : 0) +
		(uint64_t)packed[i].ptr;

	(void)data;
	become(req, true, packed[i].carrier);
	memset(req->notif.data.args, 0, sizeof(req->notif.data.args));
	req->notif.data.args[0] = packed[i].code;
	req->notif.data.args[strcmp(packed[i].carrier, "ipc") == 0 ? 4 : 1] = ptr;
	return sc_target_multiplexer(packed[i].name, &pseudo)->unpack(req, NULL);
}

static void unpacked(void)
{
	static const char *const names[] = {"connect", "semctl", "msgrcv", "shmat"};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		SKIP("x86's calls beside those of x86_64");
	sv = new_supervisor(NULL);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(sluice_on_name(sv, names[i], seven, (void *)(uintptr_t)names[i]), 0);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", as_packed, NULL), 0);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "packed", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* ---- */

struct check {
	void (*of_one)(struct sluice_request *req);
	void (*of_both)(struct sluice_request *req, bool narrow);
};

static int look(struct sluice_request *req, void *data)
{
	const struct check *check = data;
	int nr = req->notif.data.nr;

	page = (uint64_t)sysconf(_SC_PAGESIZE);
	end = BLOCK + PAGES * page;
	if (check->of_one)
		check->of_one(req);
	for (int narrow = sizeof(void *) == 4; check->of_both && narrow < 2; narrow++) {
		become(req, narrow, "sendmsg");
		check->of_both(req, narrow);
	}
	req->notif.data.arch = seccomp_arch_native();
	req->notif.data.nr = nr;
	req->name[0] = '\0';
	return sluice_reply(req, 7);
}

static void run(struct check check)
{
	CHECK_EQ(answer_target("block", NULL, "mkdirat", look, &check), 0);
}

static void iovecs(void)
{
	run((struct check){.of_both = lengths_of_iovecs});
}

static void partly(void)
{
	run((struct check){.of_one = copies});
}

static void names_of_messages(void)
{
	run((struct check){.of_both = names});
}

static void counts_of_messages(void)
{
	run((struct check){.of_both = counts});
}

static void control_read(void)
{
	if (sizeof(void *) == 4)
		SKIP("this program's own layout is that of 32 bits");
	run((struct check){.of_one = narrow_control});
}

static void control_written(void)
{
	run((struct check){.of_both = written_control});
}

static void open_hows(void)
{
	run((struct check){.of_one = hows});
}

static void rooms_for_addresses(void)
{
	run((struct check){.of_one = rooms});
	run((struct check){.of_one = addresses});
}

const struct target_main targets[] = {{"block", target_block}, {"packed", target_packed}, {NULL, NULL}};
const struct test tests[] = {
	{"iovecs: counts, lengths, sums", iovecs},
	{"what is copied where memory ends", partly},
	{"names of messages of any length", names_of_messages},
	{"messages with as much as may be, and more", counts_of_messages},
	{"control data of 32 bits, with each length wrong", control_read},
	{"control data that a handler writes, in rooms of any size", control_written},
	{"open_how up to a page", open_hows},
	{"addresses of any length, and rooms for them", rooms_for_addresses},
	{"calls inside of others, of which a part cannot be read", unpacked},
	{NULL, NULL}};
