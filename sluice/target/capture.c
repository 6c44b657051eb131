/* Structures of the target, copied and brought to the native layout.
 * SPDX-License-Identifier: MIT
 * A 32-bit target has 4-byte pointers and lengths; x32 too. Layouts: include/linux/socket.h
 * (compat_msghdr), net/compat.c, uapi/linux/openat2.h. */
#include "target/target.h"

#include <limits.h>

#define IOV_LIMIT     1024
#define CONTROL_LIMIT 65536u

static bool narrow(const struct sluice_request *req)
{
	return sc_core_is_32bit(req->notif.data.arch) ||
		sluice_arch(req) == SCMP_ARCH_X32 || sizeof(void *) == 4;
}

int sluice_read_sockaddr(struct sluice_request *request, unsigned addr_arg, unsigned len_arg,
	struct sockaddr_storage *address)
{
	int length = sluice_arg_int(request, len_arg);
	struct sockaddr_storage copy = {0};
	int rc;

	if (length < 0 || (size_t)length > sizeof(copy))
		return -EINVAL;
	if (length) {
		rc = sc_target_read_exact(request, sluice_arg(request, addr_arg), &copy,
			(size_t)length);
		if (rc)
			return rc;
	}
	*address = copy;
	return length;
}

int sluice_write_sockaddr(struct sluice_request *request, uint64_t addr, uint64_t len_addr,
	const struct sockaddr_storage *address, socklen_t length)
{
	int room, rc;
	socklen_t n;

	if (length > sizeof(*address))
		return -EINVAL;
	if (!addr)
		return 0;
	rc = sc_target_read_exact(request, len_addr, &room, sizeof(room));
	if (rc)
		return rc;
	if (room < 0)
		return -EINVAL;
	n = (socklen_t)room < length ? (socklen_t)room : length;
	rc = n ? sc_target_write_exact(request, addr, address, n) : 0;
	return rc ? rc : sc_target_write_exact(request, len_addr, &length, sizeof(length));
}

struct narrow_iovec {
	uint32_t base;
	int32_t len;
};

static int widen_iovecs(struct iovec *iov, const void *raw, size_t count, bool is_narrow)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_narrow) {
			struct narrow_iovec v;

			memcpy(&v, (const char *)raw + i * sizeof(v), sizeof(v));
			if (v.len < 0)
				return -EINVAL;
			iov[i].iov_base = (void *)(uintptr_t)v.base;
			iov[i].iov_len = (size_t)v.len;
		} else {
			memcpy(&iov[i], (const char *)raw + i * sizeof(iov[i]),
				sizeof(iov[i]));
			if ((ssize_t)iov[i].iov_len < 0)
				return -EINVAL;
		}
		total += iov[i].iov_len;
		if (total > SSIZE_MAX)
			return -EINVAL;
	}
	return 0;
}

int sluice_read_iovec(struct sluice_request *request, uint64_t addr, size_t count,
	struct iovec *iov)
{
	bool is_narrow = narrow(request);
	size_t size = count * (is_narrow ? sizeof(struct narrow_iovec) : sizeof(*iov));
	_cleanup_free_ void *raw = NULL;
	_cleanup_free_ struct iovec *wide = NULL;
	int rc;

	if (count > IOV_LIMIT)
		return -EINVAL;
	if (!count)
		return 0;
	raw = malloc(size);
	wide = malloc(count * sizeof(*wide));
	if (!raw || !wide)
		return -ENOMEM;
	rc = sc_target_read_exact(request, addr, raw, size);
	if (!rc)
		rc = widen_iovecs(wide, raw, count, is_narrow);
	if (!rc)
		memcpy(iov, wide, count * sizeof(*wide));
	return rc;
}

/* One step of a gather or a scatter. */
typedef ssize_t (*copier)(struct sluice_request *req, uint64_t addr, void *buffer, size_t size);

static ssize_t copy_iovecs(struct sluice_request *req, const struct iovec *iov, size_t count,
	void *buffer, size_t size, copier copy)
{
	size_t done = 0;

	for (size_t i = 0; i < count && done < size; i++) {
		size_t want = iov[i].iov_len;
		ssize_t n;

		if (want > size - done)
			want = size - done;
		if (!want)
			continue;
		n = copy(req, (uintptr_t)iov[i].iov_base, (char *)buffer + done, want);
		if (n == -EFAULT && done)
			return (ssize_t)done;
		if (n < 0)
			return n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

ssize_t sluice_gather(struct sluice_request *request, const struct iovec *iov, size_t count,
	void *buffer, size_t size)
{
	return copy_iovecs(request, iov, count, buffer, size, sluice_read);
}

static ssize_t write_from(struct sluice_request *req, uint64_t addr, void *buffer, size_t size)
{
	return sluice_write(req, addr, buffer, size);
}

ssize_t sluice_scatter(struct sluice_request *request, const struct iovec *iov, size_t count,
	const void *buffer, size_t size)
{
	return copy_iovecs(request, iov, count, (void *)(uintptr_t)buffer, size, write_from);
}

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

	if (narrow(req)) {
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

/* net/compat.c's cmsghdr_from_user_compat_to_kern, from a copy: headers grow, so sizes are
 * counted in a first pass (@out NULL). Returns the native size or -EINVAL. */
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

static int read_control(struct sluice_request *req, const struct raw_msghdr *raw,
	struct sluice_msghdr *m)
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
	if (!narrow(req) || sizeof(void *) == 4) {
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

static int read_parts(struct sluice_request *req, const struct raw_msghdr *raw,
	struct sluice_msghdr *m)
{
	int rc;

	m->flags = raw->flags;
	if (raw->name && raw->name_length) {
		if ((int)raw->name_length < 0)
			return -EINVAL;
		/* The kernel cuts a longer name. */
		m->name_length = raw->name_length < sizeof(m->name) ? raw->name_length
								    : sizeof(m->name);
		rc = sc_target_read_exact(req, raw->name, &m->name, m->name_length);
		if (rc)
			return rc;
	}
	if (raw->iov_count > IOV_LIMIT)
		return -EMSGSIZE;
	m->iov = calloc(raw->iov_count + 1, sizeof(*m->iov));
	if (!m->iov)
		return -ENOMEM;
	m->iov_count = raw->iov_count;
	rc = sluice_read_iovec(req, raw->iov, m->iov_count, m->iov);
	return rc ? rc : read_control(req, raw, m);
}

int sluice_read_msghdr(struct sluice_request *request, uint64_t addr,
	struct sluice_msghdr *message)
{
	struct sluice_msghdr m = {0};
	struct raw_msghdr raw;
	int rc = read_header(request, addr, &raw);

	if (!rc)
		rc = read_parts(request, &raw, &m);
	if (rc)
		sluice_msghdr_free(&m);
	else
		*message = m;
	return rc;
}

/* The element of sendmmsg(2)'s and recvmmsg(2)'s vector: a header, what was sent or received, and
 * padding to the header's alignment. */
static uint64_t mmsghdr_at(struct sluice_request *req, uint64_t addr, unsigned index)
{
	uint64_t size = narrow(req) ? sizeof(struct narrow_msghdr) + 4 : sizeof(struct mmsghdr);

	return addr + index * size;
}

int sluice_read_mmsghdr(struct sluice_request *request, uint64_t addr, unsigned index,
	struct sluice_msghdr *message)
{
	return sluice_read_msghdr(request, mmsghdr_at(request, addr, index), message);
}

int sluice_write_mmsg_len(struct sluice_request *request, uint64_t addr, unsigned index,
	unsigned length)
{
	uint64_t header = narrow(request) ? sizeof(struct narrow_msghdr) : sizeof(struct msghdr);

	return sc_target_write_exact(request, mmsghdr_at(request, addr, index) + header, &length,
		sizeof(length));
}

void sluice_msghdr_free(struct sluice_msghdr *message)
{
	free(message->iov);
	free(message->control);
	message->iov = NULL;
	message->control = NULL;
	message->iov_count = message->control_length = 0;
}

int sluice_read_open_how(struct sluice_request *request, uint64_t addr, size_t size,
	struct open_how *how)
{
	_cleanup_free_ char *raw = NULL;
	int rc;

	if (size < 24)
		return -EINVAL;
	if (size > (size_t)sysconf(_SC_PAGESIZE))
		return -E2BIG;
	raw = malloc(size);
	if (!raw)
		return -ENOMEM;
	rc = sc_target_read_exact(request, addr, raw, size);
	if (rc)
		return rc;
	for (size_t i = sizeof(*how); i < size; i++)
		if (raw[i])
			return -E2BIG;
	memset(how, 0, sizeof(*how));
	memcpy(how, raw, size < sizeof(*how) ? size : sizeof(*how));
	return 0;
}
