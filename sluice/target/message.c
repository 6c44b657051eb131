/* Messages of sendmsg(2), recvmsg(2) and their vectors: read, and what a receiving call
 * writes. SPDX-License-Identifier: MIT Layouts: include/linux/socket.h (compat_msghdr),
 * net/compat.c; what is written and when a message is cut: net/socket.c
 * ____sys_recvmsg(), net/core/scm.c put_cmsg(). */
#include "target/target.h"

#define IOV_LIMIT     1024
#define CONTROL_LIMIT 65536u

struct narrow_msghdr {
	uint32_t name, name_length, iov, iov_count, control, control_length, flags;
};

struct raw_msghdr {
	uint64_t name, iov, iov_count, control, control_length;
	uint32_t name_length;
	int flags;
};

static int read_header(struct sluice_request *req, uint64_t addr, struct raw_msghdr *out)
{
	struct narrow_msghdr n;
	struct msghdr m;
	int rc;

	if (sc_target_narrow(req)) {
		rc = sc_target_read_exact(req, addr, &n, sizeof(n));
		if (!rc)
			*out = (struct raw_msghdr){n.name, n.iov, n.iov_count, n.control,
				n.control_length, n.name_length, (int)n.flags};
		return rc;
	}
	rc = sc_target_read_exact(req, addr, &m, sizeof(m));
	if (!rc)
		*out = (struct raw_msghdr){(uintptr_t)m.msg_name, (uintptr_t)m.msg_iov,
			m.msg_iovlen, (uintptr_t)m.msg_control, m.msg_controllen,
			m.msg_namelen, m.msg_flags};
	return rc;
}

struct narrow_cmsghdr {
	uint32_t len;
	int level, type;
};

/* net/compat.c's cmsghdr_from_user_compat_to_kern, from a copy: headers grow, so sizes
 * are counted in a first pass (@out NULL). Returns the native size or -EINVAL. */
static ssize_t widen_control(const char *raw, size_t size, char *out)
{
	size_t at = 0, used = 0;

	while (size - at >= sizeof(struct narrow_cmsghdr)) {
		struct narrow_cmsghdr n;
		size_t data;

		memcpy(&n, raw + at, sizeof(n));
		if (n.len < sizeof(n) || n.len > size - at)
			return -EINVAL;
		data = n.len - sizeof(n);
		if (out) {
			struct cmsghdr c = {.cmsg_len = CMSG_LEN(data),
				.cmsg_level = n.level,
				.cmsg_type = n.type};

			memset(out + used, 0, CMSG_SPACE(data));
			memcpy(out + used, &c, sizeof(c));
			memcpy(out + used + CMSG_LEN(0), raw + at + sizeof(n), data);
		}
		used += CMSG_SPACE(data);
		at += (n.len + 3u) & ~3u;
		if (at > size)
			break;
	}
	return (ssize_t)used;
}

static int read_control(
	struct sluice_request *req, const struct raw_msghdr *raw, struct sluice_msghdr *m)
{
	_cleanup_free_ char *bytes = NULL;
	_cleanup_free_ char *wide = NULL;
	ssize_t n;
	int rc;

	if (!raw->control_length)
		return 0;
	if (raw->control_length > CONTROL_LIMIT)
		return -ENOBUFS;
	bytes = malloc(raw->control_length);
	if (!bytes)
		return -ENOMEM;
	rc = sc_target_read_exact(req, raw->control, bytes, raw->control_length);
	if (rc)
		return rc;
	if (!sc_target_narrow(req) || sizeof(void *) == 4) {
		m->control = steal_ptr(bytes);
		m->control_length = raw->control_length;
		return 0;
	}
	n = widen_control(bytes, raw->control_length, NULL);
	if (n < 0)
		return (int)n;
	wide = malloc((size_t)n + 1);
	if (!wide)
		return -ENOMEM;
	widen_control(bytes, raw->control_length, wide);
	m->control = steal_ptr(wide);
	m->control_length = (size_t)n;
	return 0;
}

/* Its name and control data are rooms to be filled, and what is in them means nothing. */
static bool receives(struct sluice_request *req)
{
	return strncmp(sluice_name(req), "recv", 4) == 0;
}

static int read_name(
	struct sluice_request *req, const struct raw_msghdr *raw, struct sluice_msghdr *m)
{
	if (!raw->name)
		return 0;
	if ((int)raw->name_length < 0)
		return -EINVAL;
	/* The kernel cuts a longer name, and tells the length of one that there is no
	 * room for. */
	m->name_addr = raw->name;
	m->name_room =
		raw->name_length < sizeof(m->name) ? raw->name_length : sizeof(m->name);
	if (receives(req) || !m->name_room)
		return 0;
	m->name_length = m->name_room;
	return sc_target_read_exact(req, raw->name, &m->name, m->name_length);
}

static int read_parts(
	struct sluice_request *req, const struct raw_msghdr *raw, struct sluice_msghdr *m)
{
	int rc = read_name(req, raw, m);

	if (rc)
		return rc;
	m->flags = raw->flags;
	m->control_addr = raw->control;
	m->control_room = raw->control ? raw->control_length : 0;
	if (raw->iov_count > IOV_LIMIT)
		return -EMSGSIZE;
	m->iov = calloc(raw->iov_count + 1, sizeof(*m->iov));
	if (!m->iov)
		return -ENOMEM;
	m->iov_count = raw->iov_count;
	rc = sluice_read_iovec(req, raw->iov, m->iov_count, m->iov);
	return rc || receives(req) ? rc : read_control(req, raw, m);
}

int sluice_read_msghdr(
	struct sluice_request *request, uint64_t addr, struct sluice_msghdr *message)
{
	struct sluice_msghdr m = {.size = message->size, .addr = addr};
	struct raw_msghdr raw;
	int rc = read_header(request, addr, &raw);

	if (!rc)
		rc = read_parts(request, &raw, &m);
	if (!rc)
		rc = sc_sluice_fill(message, message->size, &m, sizeof(m));
	if (rc)
		sluice_msghdr_free(&m);
	return rc;
}

/* The element of sendmmsg(2)'s and recvmmsg(2)'s vector: a header, what was sent or
 * received, and padding to the header's alignment. */
static uint64_t mmsghdr_at(struct sluice_request *req, uint64_t addr, unsigned index)
{
	uint64_t size = sc_target_narrow(req) ? sizeof(struct narrow_msghdr) + 4
					      : sizeof(struct mmsghdr);

	return addr + index * size;
}

int sluice_read_mmsghdr(struct sluice_request *request, uint64_t addr, unsigned index,
	struct sluice_msghdr *message)
{
	return sluice_read_msghdr(request, mmsghdr_at(request, addr, index), message);
}

int sluice_write_mmsg_len(
	struct sluice_request *request, uint64_t addr, unsigned index, unsigned length)
{
	uint64_t header = sc_target_narrow(request) ? sizeof(struct narrow_msghdr)
						    : sizeof(struct msghdr);

	return sc_target_write_exact(request, mmsghdr_at(request, addr, index) + header,
		&length, sizeof(length));
}

void sluice_msghdr_free(struct sluice_msghdr *message)
{
	free(message->iov);
	free(message->control);
	message->iov = NULL;
	message->control = NULL;
	message->iov_count = message->control_length = 0;
}

/* Where @field of both layouts is. */
#define FIELD(req, message, wide, narrow)                                                \
	((message)->addr + (sc_target_narrow(req)                                        \
					   ? offsetof(struct narrow_msghdr, narrow)      \
					   : offsetof(struct msghdr, wide)))

int sluice_write_msg_name(struct sluice_request *request,
	const struct sluice_msghdr *message, const struct sockaddr_storage *address,
	socklen_t length)
{
	return sluice_write_sockaddr(request, message->name_addr,
		FIELD(request, message, msg_namelen, name_length), address, length);
}

int sluice_write_msg_flags(
	struct sluice_request *request, const struct sluice_msghdr *message, int flags)
{
	return sc_target_write_exact(request, FIELD(request, message, msg_flags, flags),
		&flags, sizeof(flags));
}

/* One message with @size bytes of data at @used of @out, which has @room. Returns where
 * the next one begins, and sets *@cut if it has not all of its room. */
static size_t put_message(struct sluice_request *req, const struct cmsghdr *c,
	const char *data, size_t size, char *out, size_t used, size_t room, int *cut)
{
	bool is_narrow = sc_target_narrow(req);
	size_t header = is_narrow ? sizeof(struct narrow_cmsghdr) : CMSG_LEN(0);
	size_t length = header + size, align = is_narrow ? 4 : sizeof(long);
	size_t space = (length + align - 1) & ~(align - 1);

	if (room - used < header) {
		*cut = MSG_CTRUNC;
		return used;
	}
	if (room - used < length) {
		*cut = MSG_CTRUNC;
		length = room - used;
	}
	if (is_narrow) {
		struct narrow_cmsghdr n = {(uint32_t)length, c->cmsg_level, c->cmsg_type};

		memcpy(out + used, &n, sizeof(n));
	} else {
		struct cmsghdr w = {.cmsg_len = length,
			.cmsg_level = c->cmsg_level,
			.cmsg_type = c->cmsg_type};

		memcpy(out + used, &w, sizeof(w));
	}
	memcpy(out + used + header, data, length - header);
	return room - used < space ? room : used + space;
}

/* All of @control, as much as fits in @room bytes of the target's layout. Returns how
 * many or -EINVAL. */
static ssize_t put_control(struct sluice_request *req, const char *control, size_t length,
	char *out, size_t room, int *cut)
{
	size_t used = 0;

	for (size_t at = 0; length - at >= CMSG_LEN(0);) {
		struct cmsghdr c;

		memcpy(&c, control + at, sizeof(c));
		if (c.cmsg_len < CMSG_LEN(0) || c.cmsg_len > length - at)
			return -EINVAL;
		used = put_message(req, &c, control + at + CMSG_LEN(0),
			c.cmsg_len - CMSG_LEN(0), out, used, room, cut);
		at += CMSG_SPACE(c.cmsg_len - CMSG_LEN(0));
		if (at > length)
			break;
	}
	return (ssize_t)used;
}

int sluice_write_msg_control(struct sluice_request *request,
	const struct sluice_msghdr *message, const void *control, size_t length)
{
	size_t room = message->control_room < CONTROL_LIMIT ? message->control_room
							    : CONTROL_LIMIT;
	_cleanup_free_ char *out = calloc(1, room + 1);
	size_t size = sc_target_narrow(request) ? 4 : 8;
	/* msg_controllen, which a libc may declare as an int and padding, is before the
	 * flags. */
	uint64_t field = FIELD(request, message, msg_flags, flags) - size, used;
	uint32_t used32;
	int rc, cut = 0;
	ssize_t n;

	if (!out)
		return -ENOMEM;
	n = put_control(request, control, length, out, room, &cut);
	if (n < 0)
		return (int)n;
	rc = n ? sc_target_write_exact(request, message->control_addr, out, (size_t)n)
	       : 0;
	used = used32 = (uint32_t)n;
	if (!rc)
		rc = sc_target_write_exact(request, field,
			size == 4 ? (void *)&used32 : (void *)&used, size);
	return rc ? rc : cut;
}
