/* The target's memory: copied once, by thread id, and believed only if the call is still
 * pending after the copy.
 * SPDX-License-Identifier: MIT
 *
 * process_vm_readv() finds the memory by the id itself, so nothing cached can be stale; that
 * the id still names the asking thread is what ID_VALID after the copy says. Unlike
 * /proc/tid/mem it also honours page protections, as the kernel's own copy would. Container engines
 * and gVisor refuse it: then it is /proc/tid/mem all the same. */
#include "target/target.h"

#include <sys/uio.h>

#define SMALLEST_PAGE 4096u /* of all architectures; larger ones end where one of these does */

/* 31-bit s390 ignores the top bit of an address. */
static uint64_t address(const struct sluice_request *req, uint64_t addr)
{
	if (req->notif.data.arch == SCMP_ARCH_S390)
		return addr & 0x7fffffff;
	return sc_core_is_32bit(req->notif.data.arch) ? (uint32_t)addr : addr;
}

/* -EFAULT for what pread(2) and pwrite(2) of the memory descriptor say of a bad address. */
static ssize_t result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EIO || errno == EINVAL ? -EFAULT : -errno;
}

/* Where process_vm_readv() said @refused: if this is refused, too, that is the answer. */
static ssize_t read_by_descriptor(struct sluice_request *req, uint64_t addr, void *buffer,
	size_t size, int refused)
{
	int fd = sluice_mem_fd(req);

	if (fd < 0)
		return fd == -EACCES || fd == -ENOSYS ? refused : fd;
	return result(pread(fd, buffer, size, (off_t)addr));
}

ssize_t sluice_read(struct sluice_request *request, uint64_t addr, void *buffer, size_t size)
{
	struct iovec local = {buffer, size};
	struct iovec remote;
	ssize_t n;

	if (!request->notif.pid)
		return -ESRCH;
	addr = address(request, addr);
	remote = (struct iovec){(void *)(uintptr_t)addr, size};
	request->saw_pointer = true;
	n = process_vm_readv((pid_t)request->notif.pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		n = -errno;
	if (n == -EPERM || n == -ENOSYS)
		n = read_by_descriptor(request, addr, buffer, size, (int)n);
	if (n == -ESRCH || sc_core_id_valid(request))
		return -ENOENT;
	return n == 0 && size ? -EFAULT : n;
}

/* Through the memory descriptor, which was opened while the call was pending: it cannot
 * reach a stranger that got the target's id, as a write by id could. A target whose call has ended
 * uses its memory for something else, and the descriptor may be an old one: so nothing is written
 * for a handler that is late. */
ssize_t sluice_write(struct sluice_request *request, uint64_t addr, const void *buffer,
	size_t size)
{
	int fd = sluice_mem_fd(request);
	ssize_t n;

	if (fd < 0)
		return fd;
	if (sc_core_id_valid(request))
		return -ENOENT;
	n = result(pwrite(fd, buffer, size, (off_t)address(request, addr)));
	if (sc_core_id_valid(request))
		return -ENOENT;
	return n == 0 && size ? -EFAULT : n;
}

/* All of @size bytes or -EFAULT. */
int sc_target_read_exact(struct sluice_request *req, uint64_t addr, void *buf, size_t size)
{
	ssize_t n = sluice_read(req, addr, buf, size);

	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EFAULT;
}

int sc_target_write_exact(struct sluice_request *req, uint64_t addr, const void *buf, size_t size)
{
	ssize_t n = sluice_write(req, addr, buf, size);

	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EFAULT;
}

ssize_t sluice_read_string(struct sluice_request *request, uint64_t addr, char *buffer,
	size_t size)
{
	size_t done = 0;

	addr = address(request, addr);
	while (done < size) {
		size_t chunk = SMALLEST_PAGE - (addr + done) % SMALLEST_PAGE;
		char *end;
		ssize_t n;

		if (chunk > size - done)
			chunk = size - done;
		n = sluice_read(request, addr + done, buffer + done, chunk);
		if (n < 0)
			return n;
		end = memchr(buffer + done, '\0', (size_t)n);
		if (end)
			return end - buffer;
		if ((size_t)n < chunk)
			return -EFAULT;
		done += chunk;
	}
	return -ENAMETOOLONG;
}
