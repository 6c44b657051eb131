/* Structures of the target, copied and brought to the native layout.
 * SPDX-License-Identifier: MIT
 * A 32-bit target has 4-byte pointers and lengths; x32 too. Layouts: include/linux/socket.h
 * (compat_msghdr), net/compat.c, uapi/linux/openat2.h. */
#include "target/target.h"

#include <limits.h>

#define IOV_LIMIT     1024

bool sc_target_narrow(const struct sluice_request *req)
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
	bool is_narrow = sc_target_narrow(request);
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
