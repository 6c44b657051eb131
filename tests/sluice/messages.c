/* What a handler of recvmsg(2) writes, beside what the kernel writes: names and control
 * data, in rooms of each size, of 64 and of 32 bits. SPDX-License-Identifier: MIT */
#include "tap.h"

#include <netinet/in.h>

#define FAKE 999 /* a call with this descriptor is the supervisor's */

/* Below 4 GiB, for both kinds of calls. */
struct shared {
	struct msghdr wide;
	uint32_t narrow[7];
	struct iovec iov;
	uint32_t narrow_iov[2];
	struct sockaddr_storage name;
	_Alignas(struct cmsghdr) char control[256];
	char data[256];
};

static struct shared *shared;

static uint32_t low(const void *address)
{
	return (uint32_t)(uintptr_t)address;
}

static long call32(long nr, long fd, const void *header)
{
	long rc = -ENOSYS;
#ifdef __x86_64__
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(nr), "b"(fd), "c"((long)low(header)), "d"(0L)
			 : "memory");
#endif
	return (int)rc + 0 * (nr + fd + low(header));
}

/* What came of a recvmsg. */
struct got {
	long rc;
	size_t control_length, name_length;
	int flags;
	char control[256];
	struct sockaddr_storage name;
};

/* A call with @room bytes for control data and @name_room for a name. */
static struct got receive(bool narrow, int fd, size_t name_room, size_t room, size_t size)
{
	struct got got;

	memset(&got, 0, sizeof(got));
	memset(&shared->control, 0, sizeof(shared->control));
	memset(&shared->name, 0, sizeof(shared->name));
	shared->iov = (struct iovec){shared->data, size};
	shared->wide = (struct msghdr){.msg_name = &shared->name,
		.msg_namelen = (socklen_t)name_room,
		.msg_iov = &shared->iov,
		.msg_iovlen = 1,
		.msg_control = &shared->control,
		.msg_controllen = room};
	if (narrow) {
		uint32_t header[7] = {low(&shared->name), (uint32_t)name_room,
			low(shared->narrow_iov), 1, low(&shared->control), (uint32_t)room,
			0};

		memcpy(shared->narrow, header, sizeof(header));
		shared->narrow_iov[0] = low(shared->data);
		shared->narrow_iov[1] = (uint32_t)size;
		got.rc = call32(372, fd, shared->narrow);
		got.name_length = shared->narrow[1];
		got.control_length = shared->narrow[5];
		got.flags = (int)shared->narrow[6];
	} else {
		got.rc = syscall(SYS_recvmsg, fd, &shared->wide, 0);
		got.name_length = shared->wide.msg_namelen;
		got.control_length = shared->wide.msg_controllen;
		got.flags = shared->wide.msg_flags;
	}
	memcpy(got.control, &shared->control, sizeof(got.control));
	memcpy(&got.name, &shared->name, sizeof(got.name));
	return got;
}

static int udp(struct sockaddr_in *own)
{
	socklen_t length = sizeof(*own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	*own = (struct sockaddr_in){.sin_family = AF_INET};
	own->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)own, sizeof(*own)) ||
		getsockname(fd, (struct sockaddr *)own, &length) ||
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) ||
		setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one)))
		return -1;
	return fd;
}

static struct got receive_real(
	bool narrow, int fd, const struct sockaddr_in *own, size_t name_room, size_t room)
{
	sendto(fd, "x", 1, 0, (const struct sockaddr *)own, sizeof(*own));
	return receive(narrow, fd, name_room, room, 1);
}

static bool same(const struct got *a, const struct got *b)
{
	return a->rc == b->rc && a->control_length == b->control_length &&
	       a->name_length == b->name_length &&
	       (a->flags & MSG_CTRUNC) == (b->flags & MSG_CTRUNC) &&
	       memcmp(a->control, b->control, sizeof(a->control)) == 0 &&
	       memcmp(&a->name, &b->name, sizeof(a->name)) == 0;
}

/* Two messages of 12 and 4 bytes; all rooms from none to more than they need. */
static int compare(bool narrow)
{
	struct sockaddr_in own;
	int fd = udp(&own);
	struct got full;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
			| MAP_32BIT
#endif
		,
		-1, 0);
	if (fd < 0 || shared == MAP_FAILED)
		return 100;
	full = receive_real(false, fd, &own, sizeof(own), 200);
	if (full.rc != 1 || full.control_length < 2 * sizeof(struct cmsghdr))
		return 101;
	for (size_t room = 0; room <= full.control_length + 8; room++) {
		size_t name_room = room % 20;
		struct got real = receive_real(narrow, fd, &own, name_room, room), fake;

		memcpy(shared->data, &full.name,
			sizeof(own)); /* what the supervisor is to write */
		memcpy(shared->data + sizeof(own), full.control, full.control_length);
		fake = receive(
			narrow, FAKE, name_room, room, sizeof(own) + full.control_length);
		fake.rc -= (long)full.control_length - 1;
		if (!same(&real, &fake)) {
			printf("# room %zu: %ld %zu %zu %x, not %ld %zu %zu %x\n", room,
				fake.rc, fake.control_length, fake.name_length,
				fake.flags, real.rc, real.control_length,
				real.name_length, real.flags);
			return 1;
		}
	}
	return 0;
}

static int target_receives(int argc, char **argv)
{
	(void)argc;
	return compare(argv[0][0] == '3');
}

static int on_recvmsg(struct sluice_request *req, void *data)
{
	struct sluice_msghdr m = {.size = sizeof(m)};
	struct sockaddr_storage name = {0};
	char control[256];
	ssize_t n;
	int cut;

	(void)data;
	if (sluice_arg_int(req, 0) != FAKE)
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	m.size--;
	CHECK_EQ(sluice_read_msghdr(req, sluice_arg(req, 1), &m), -EINVAL);
	m.size++;
	CHECK_EQ(sluice_read_msghdr(req, sluice_arg(req, 1), &m), 0);
	CHECK(m.name_length == 0 && m.control_length == 0 && !m.control);
	n = sluice_gather(req, m.iov, m.iov_count, control, sizeof(control));
	CHECK(n > 0);
	memcpy(&name, control, sizeof(struct sockaddr_in));
	CHECK_EQ(sluice_write_msg_name(req, &m, &name, sizeof(struct sockaddr_in)), 0);
	n -= (ssize_t)sizeof(struct sockaddr_in);
	memmove(control, control + sizeof(struct sockaddr_in), (size_t)n);
	cut = sluice_write_msg_control(req, &m, control, (size_t)n);
	CHECK(cut == 0 || cut == MSG_CTRUNC);
	CHECK_EQ(sluice_write_msg_flags(req, &m, cut), 0);
	control[0] = 1; /* a length below that of a header */
	CHECK_EQ(sluice_write_msg_control(req, &m, control, (size_t)n), -EINVAL);
	sluice_msghdr_free(&m);
	return sluice_reply(req, n);
}

static void run(bool all_archs, const char *bits)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, "recvmsg", on_recvmsg, NULL), 0);
	spawn_target(sv, filter_of(all_archs, "recvmsg", NULL), &child, "receives", bits);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static void receiving(void)
{
	run(false, "64");
}

static void receiving_narrow(void)
{
	need_int80();
	run(true, "32");
}

const struct target_main targets[] = {{"receives", target_receives}, {NULL, NULL}};
const struct test tests[] = {
	{"names and control data are written as the kernel writes them", receiving},
	{"the same for a 32-bit call", receiving_narrow}, {NULL, NULL}};
