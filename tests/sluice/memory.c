/* Captures: copied once, by the target's own layout.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/uio.h>

static char *two_pages(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + 4096, 4096, PROT_NONE))
		_exit(120);
	return p;
}

/* Strings that end at, cross and run into the end of memory. */
static int target_strings(int argc, char **argv)
{
	char *p = two_pages(), *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long rc = 0;

	(void)argc;
	(void)argv;
	strcpy(p + 4096 - 6, "edge!");
	memset(q, 'x', 8000);
	strcpy(q + 4090, "across the pages");
	rc |= syscall(SYS_mkdir, p + 4096 - 6, 0) != 5;
	rc |= syscall(SYS_mkdir, q + 4090, 0) != 16;
	memset(p + 4000, 'y', 96);
	rc |= !(syscall(SYS_mkdir, p + 4000, 0) == -1 && errno == EFAULT);
	rc |= !(syscall(SYS_mkdir, q, 0) == -1 && errno == ENAMETOOLONG);
	rc |= !(syscall(SYS_mkdir, NULL, 0) == -1 && errno == EFAULT);
	rc |= !(syscall(SYS_mkdir, -1L, 0) == -1 && errno == EFAULT);
	rc |= syscall(SYS_mkdir, "", 0) != 0;
	return (int)rc;
}

static int measure(struct sluice_request *req, void *data)
{
	char text[2048];
	ssize_t n = sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text));

	(void)data;
	if (n >= 0)
		CHECK_EQ(strlen(text), n);
	return n < 0 ? sluice_fail(req, (int)n) : sluice_reply(req, n);
}

static int run(const char *target, bool all, const char *call, sluice_handler handler)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int rc, before = count_fds();

	CHECK_EQ(sluice_on_name(sv, call, handler, NULL), 0);
	spawn_target(sv, filter_of(all, call, NULL), &child, target, NULL);
	rc = wait_target(sv, &child);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
	return rc;
}

static void strings(void)
{
	CHECK_EQ(run("strings", false, MKDIR, measure), 0);
}

static int target_buffers(int argc, char **argv)
{
	char *p = two_pages();
	static const char fixed[] = "read only";
	char mine[16] = "before";

	(void)argc;
	(void)argv;
	memset(p, 7, 4096);
	if (syscall(SYS_getrandom, p + 4090, 100, 0) != 6) /* as far as memory goes */
		return 1;
	if (syscall(SYS_getrandom, mine, sizeof(mine), 1) != 16 || strcmp(mine, "written"))
		return 2;
	if (syscall(SYS_getrandom, 16, 4, 1) != -1 || errno != EFAULT)
		return 3;
	return strcmp(fixed, "read only") ? 4 : 0;
}

static int copy_or_write(struct sluice_request *req, void *data)
{
	char buffer[128] = "written";
	size_t size = (size_t)sluice_arg(req, 1);
	ssize_t n;

	(void)data;
	if (sluice_arg_int(req, 2) == 0)
		n = sluice_read(req, sluice_arg(req, 0), buffer, size);
	else
		n = sluice_write(req, sluice_arg(req, 0), buffer, size);
	return n < 0 ? sluice_fail(req, (int)n) : sluice_reply(req, n);
}

static void buffers(void)
{
	CHECK_EQ(run("buffers", false, "getrandom", copy_or_write), 0);
}

static int target_connect(int argc, char **argv)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	char big[256] = "";

	(void)argc;
	(void)argv;
	if (syscall(SYS_connect, 5, &in, sizeof(in)) != 80)
		return 1;
	if (syscall(SYS_connect, 5, big, 200) != -1 || errno != EINVAL)
		return 2;
	if (syscall(SYS_connect, 5, &in, -1) != -1 || errno != EINVAL)
		return 3;
	if (syscall(SYS_connect, 5, NULL, 0) != 0)
		return 4;
	return syscall(SYS_connect, 5, 8, 16) == -1 && errno == EFAULT ? 0 : 5;
}

static int port_of(struct sluice_request *req, void *data)
{
	struct sockaddr_storage ss;
	int n = sluice_read_sockaddr(req, 1, 2, &ss);

	(void)data;
	if (n < 0)
		return sluice_fail(req, n);
	CHECK_EQ(((char *)&ss)[sizeof(ss) - 1], 0);
	return sluice_reply(req, n ? ntohs(((struct sockaddr_in *)&ss)->sin_port) : 0);
}

static void sockaddr(void)
{
	CHECK_EQ(run("connect", false, "connect", port_of), 0);
}

static int target_sendmsg(int argc, char **argv)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct iovec iov[2] = {{(void *)(uintptr_t) "hello ", 6}, {(void *)(uintptr_t) "world", 5}};
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr m = {.msg_name = &in,
		.msg_namelen = sizeof(in),
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	int fds[2] = {40, 41};

	(void)argc;
	(void)argv;
	control.align = (struct cmsghdr){CMSG_LEN(8), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), fds, 8);
	if (syscall(SYS_sendmsg, 3, &m, 0) != 11)
		return 1;
	m.msg_iovlen = 5000;
	if (syscall(SYS_sendmsg, 3, &m, 0) != -1 || errno != EMSGSIZE)
		return 2;
	m.msg_iovlen = 2;
	m.msg_controllen = 1 << 20;
	if (syscall(SYS_sendmsg, 3, &m, 0) != -1 || errno != ENOBUFS)
		return 3;
	m.msg_controllen = 0;
	iov[1].iov_len = (size_t)-1;
	if (syscall(SYS_sendmsg, 3, &m, 0) != -1 || errno != EINVAL)
		return 4;
	return 0;
}

/* The same in the 32-bit layout: i386's sendmsg from 64-bit code with low memory. */
#ifdef __x86_64__
static int target_sendmsg32(int argc, char **argv)
{
	struct {
		struct sockaddr_in in;
		uint32_t iov[4];
		uint32_t control[5];
		uint32_t header[7];
		char text[16];
	} *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		-1, 0);
	uint32_t base = (uint32_t)(uintptr_t)m;
	long rc;

	(void)argc;
	(void)argv;
#define at(field) (base + (uint32_t)((char *)&m->field - (char *)m))
	m->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(7)};
	strcpy(m->text, "hello world");
	m->iov[0] = at(text);
	m->iov[1] = 6;
	m->iov[2] = at(text) + 6;
	m->iov[3] = 5;
	m->control[0] = 20;
	m->control[1] = SOL_SOCKET;
	m->control[2] = SCM_RIGHTS;
	m->control[3] = 40;
	m->control[4] = 41;
	m->header[0] = at(in);
	m->header[1] = sizeof(m->in);
	m->header[2] = at(iov);
	m->header[3] = 2;
	m->header[4] = at(control);
	m->header[5] = sizeof(m->control);
	m->header[6] = 0;
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(370L), "b"(3L), "c"((long)at(header) | (0xfeedL << 32)), "d"(0L)
			 : "memory");
	if (rc != 11)
		return 1;
	m->control[0] = 21; /* longer than what there is */
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(370L), "b"(3L), "c"((long)at(header)), "d"(0L)
			 : "memory");
	return rc == -EINVAL ? 0 : 2;
}
#else
static int target_sendmsg32(int argc, char **argv)
{
	return argc + (argv == NULL);
}
#endif

/* Of "hello " and "world" as much as is asked for, and none that is behind the count. */
static void gather_parts(struct sluice_request *req, const struct sluice_msghdr *m)
{
	static const struct {
		size_t count, size, got;
	} parts[] = {{0, 16, 0}, {1, 16, 6}, {1, 5, 5}, {2, 0, 0}, {2, 6, 6}, {2, 7, 7}, {2, 11, 11}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char text[17] = "";

		CHECK_EQ(sluice_gather(req, m->iov, parts[i].count, text, parts[i].size),
			parts[i].got);
		CHECK(strlen(text) == parts[i].got && memcmp(text, "hello world", parts[i].got) == 0);
	}
}

static int take_message(struct sluice_request *req, void *data)
{
	struct sluice_msghdr m = {.size = sizeof(m)};
	struct msghdr h = {0};
	struct cmsghdr *c;
	char text[64] = "";
	int fds[2], rc = sluice_read_msghdr(req, sluice_arg(req, 1), &m);
	ssize_t n;

	(void)data;
	if (rc)
		return sluice_fail(req, rc);
	CHECK_EQ(m.name_length, sizeof(struct sockaddr_in));
	CHECK_EQ(((struct sockaddr_in *)&m.name)->sin_port, htons(7));
	CHECK_EQ(m.iov_count, 2);
	n = sluice_gather(req, m.iov, m.iov_count, text, sizeof(text));
	CHECK(n == 11 && strcmp(text, "hello world") == 0);
	gather_parts(req, &m);
	h.msg_control = m.control;
	h.msg_controllen = m.control_length;
	c = CMSG_FIRSTHDR(&h);
	CHECK(c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(8));
	memcpy(fds, CMSG_DATA(c), 8);
	CHECK(fds[0] == 40 && fds[1] == 41 && !CMSG_NXTHDR(&h, c));
	sluice_msghdr_free(&m);
	CHECK(!m.iov && !m.control && m.iov_count == 0 && m.control_length == 0);
	return sluice_reply(req, n);
}

static void messages(void)
{
	CHECK_EQ(run("sendmsg", false, "sendmsg", take_message), 0);
}

static void narrow_messages(void)
{
	need_int80();
	CHECK_EQ(run("sendmsg32", true, "sendmsg", take_message), 0);
}

/* What a receiving call writes: addresses, buffers, lengths. */
static int target_recvmmsg(int argc, char **argv)
{
	char a[4] = "", b[8] = "";
	struct sockaddr_in in = {.sin_port = 0};
	struct iovec iov[2] = {{a, 3}, {b, 7}};
	struct mmsghdr m[2] = {
		{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 2}, .msg_len = 77}};
	int length = 4;

	(void)argc;
	(void)argv;
	if (syscall(SYS_recvmmsg, 3, m, 2, 0, NULL) != 2)
		return 1;
	if (strcmp(a, "hel") != 0 || strcmp(b, "lo worl") != 0)
		return 2;
	if (m[0].msg_len != 5 || m[1].msg_len != 6)
		return 3;
	if (syscall(SYS_accept, 3, &in, &length) != 0 || length != sizeof(in) ||
		in.sin_port != htons(9) || in.sin_addr.s_addr)
		return 4; /* cut behind the port */
	length = sizeof(in);
	if (syscall(SYS_accept, 3, &in, &length) != 0 || in.sin_addr.s_addr != htonl(1))
		return 5;
	length = -1;
	if (syscall(SYS_accept, 3, &in, &length) != -1 || errno != EINVAL)
		return 6;
	if (syscall(SYS_accept, 3, NULL, &length) != 0 || length != -1)
		return 7;
	return syscall(SYS_accept, 3, &in, 8) == -1 && errno == EFAULT ? 0 : 8;
}

/* i386's recvmmsg, or x86_64's. */
static int target_recvmmsg32(int argc, char **argv)
{
	long rc = -1;
#ifdef __x86_64__
	struct {
		uint32_t iov[4];
		uint32_t messages[16];
		char text[16];
	} *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		-1, 0);
	uint32_t base = (uint32_t)(uintptr_t)m;

	m->iov[0] = at(text);
	m->iov[1] = 3;
	m->iov[2] = at(text) + 3;
	m->iov[3] = 7;
	for (int i = 0; i < 2; i++) {
		m->messages[8 * i + 2] = at(iov);
		m->messages[8 * i + 3] = (uint32_t)i + 1;
	}
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(337L), "b"(3L), "c"((long)at(messages)), "d"(2L), "S"(0L), "D"(0L)
			 : "memory");
	if (rc == 2 && (strcmp(m->text, "hello worl") != 0 || m->messages[7] != 5 ||
			m->messages[15] != 6))
		return 2;
#endif
	(void)argc;
	(void)argv;
	return rc == 2 ? 0 : 1;
}

static int receive_two(struct sluice_request *req, void *data)
{
	static const char text[] = "hello world";
	uint64_t vector = sluice_arg(req, 1);

	(void)data;
	for (unsigned i = 0; i < 2; i++) {
		struct sluice_msghdr m = {.size = sizeof(m)};

		CHECK_EQ(sluice_read_mmsghdr(req, vector, i, &m), 0);
		CHECK_EQ(m.iov_count, i + 1);
		/* The second has room for ten of eleven bytes. */
		CHECK_EQ(sluice_scatter(req, m.iov, m.iov_count, text, sizeof(text) - 1),
			i ? 10 : 3);
		CHECK_EQ(sluice_write_mmsg_len(req, vector, i, 5 + i), 0);
		sluice_msghdr_free(&m);
	}
	return sluice_reply(req, 2);
}

static int accept_one(struct sluice_request *req, void *data)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	int rc;

	(void)data;
	in.sin_addr.s_addr = htonl(1);
	memcpy(&ss, &in, sizeof(in));
	CHECK_EQ(sluice_write_sockaddr(req, sluice_arg(req, 1), sluice_arg(req, 2), &ss, 999), -EINVAL);
	rc = sluice_write_sockaddr(req, sluice_arg(req, 1), sluice_arg(req, 2), &ss, sizeof(in));
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static void receiving(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, "recvmmsg", receive_two, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, "accept", accept_one, NULL), 0);
	spawn_target(sv, filter_of(false, "recvmmsg", "accept", NULL), &child, "recvmmsg", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static void receiving_narrow(void)
{
	need_int80();
	CHECK_EQ(run("recvmmsg32", true, "recvmmsg", receive_two), 0);
}

static int target_openat2(int argc, char **argv)
{
	union {
		struct open_how how;
		char room[8192];
	} u = {.how = {.flags = O_RDWR, .mode = 5, .resolve = 9}};

	(void)argc;
	(void)argv;
	if (syscall(SYS_openat2, 0, "", &u, sizeof(u.how)) != 14)
		return 1;
	if (syscall(SYS_openat2, 0, "", &u, 23) != -1 || errno != EINVAL)
		return 2;
	if (syscall(SYS_openat2, 0, "", &u, 64) != 14)
		return 3;
	u.room[40] = 1;
	if (syscall(SYS_openat2, 0, "", &u, 64) != -1 || errno != E2BIG)
		return 4;
	return syscall(SYS_openat2, 0, "", &u, 8000) == -1 && errno == E2BIG ? 0 : 5;
}

static int take_how(struct sluice_request *req, void *data)
{
	struct open_how how;
	int rc = sluice_read_open_how(req, sluice_arg(req, 2), (size_t)sluice_arg(req, 3), &how);

	(void)data;
	if (rc)
		return sluice_fail(req, rc);
	CHECK_EQ(how.flags, O_RDWR);
	return sluice_reply(req, (int64_t)(how.mode + how.resolve));
}

static void open_how(void)
{
	CHECK_EQ(run("openat2", false, "openat2", take_how), 0);
}

/* ---- a target that this user may not look into ---- */

static int target_hidden(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (prctl(PR_SET_DUMPABLE, 0))
		return 1;
	return syscall(SYS_mkdir, "x", 0) == -1 && errno == EXDEV ? 0 : 2;
}

static int look_into(struct sluice_request *req, void *data)
{
	struct sluice_creds creds = {.size = sizeof(creds)};
	struct open_how how = {.flags = O_RDONLY};
	char text[8];
	struct iovec local = {text, 2}, remote = {(void *)(uintptr_t)sluice_arg(req, 0), 2};
	int rc;

	(void)data;
	CHECK_EQ(sluice_creds(req, &creds), 0); /* that everybody may know */
	CHECK_EQ(creds.uid, getuid());
	/* As the kernel itself, or a container engine's filter, says of it. */
	CHECK_EQ(process_vm_readv(sluice_tid(req), &local, 1, &remote, 1, 0), -1);
	rc = -errno;
	CHECK_EQ(sluice_read(req, sluice_arg(req, 0), text, 2), rc);
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), rc);
	CHECK_EQ(sluice_write(req, sluice_arg(req, 0), text, 1), -EACCES);
	CHECK_EQ(sluice_mem_fd(req), -EACCES);
	CHECK_EQ(sluice_root_fd(req), -EACCES);
	CHECK_EQ(sluice_cwd_fd(req), -EACCES);
	CHECK(syscall(SYS_pidfd_getfd, sluice_pidfd(req), 0, 0) == -1);
	rc = -errno;
	CHECK_EQ(sluice_get_fd(req, 0), rc);
	CHECK_EQ(sluice_path_fd(req, 0), -EACCES);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/", &how), -EACCES);
	return sluice_fail(req, EXDEV);
}

static void hidden(void)
{
	if (geteuid() == 0)
		CHECK(setresgid(1234, 1234, 1234) == 0 && setresuid(1234, 1234, 1234) == 0);
	if (access(self_path, X_OK))
		SKIP("another user cannot run this program where it is");
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	CHECK_EQ(answer_target("hidden", NULL, MKDIR, look_into, NULL), 0);
}

const struct target_main targets[] = {{"strings", target_strings}, {"buffers", target_buffers},
	{"connect", target_connect}, {"sendmsg", target_sendmsg},
	{"sendmsg32", target_sendmsg32}, {"recvmmsg", target_recvmmsg},
	{"recvmmsg32", target_recvmmsg32}, {"openat2", target_openat2},
	{"hidden", target_hidden}, {NULL, NULL}};
const struct test tests[] = {
	{"strings at, across and over the end of memory", strings},
	{"buffers read and written", buffers},
	{"socket addresses", sockaddr},
	{"message headers with iovecs and control data", messages},
	{"message headers of a 32-bit call", narrow_messages},
	{"vectors of messages, buffers and addresses that a call writes", receiving},
	{"vectors of messages of a 32-bit call", receiving_narrow},
	{"open_how by the kernel's rules", open_how},
	{"a target that this user may not look into", hidden},
	{NULL, NULL}};
