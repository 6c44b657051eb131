/* Making and mapping journals. See journal.h.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int sc_core_journal_new(const struct settings *set, int *fd, struct journal **journal)
{
	struct seccomp_notif_sizes sizes;
	_cleanup_close_ int mem = -1;
	struct journal *j;
	size_t stride, size;
	int rc = sc_sluice_notif_sizes(&sizes);

	if (rc)
		return rc;
	/* GET_NOTIF_SIZES may name more than the header: the kernel writes that much. */
	stride = offsetof(struct slot, notif) + sizes.seccomp_notif;
	if (stride < sizeof(struct slot))
		stride = sizeof(struct slot);
	stride = (stride + 63) & ~(size_t)63;
	size = JOURNAL_HEAD + stride * set->max_pending;
	if (!sc_sluice_fits(size))
		return -EFBIG;
	mem = memfd_create("sluice-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem < 0 || ftruncate(mem, (off_t)size) || fcntl(mem, F_ADD_SEALS, SEALS))
		return -errno;
	j = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
	if (j == MAP_FAILED)
		return -errno;
	*j = (struct journal){.magic = JOURNAL_MAGIC,
		.version = JOURNAL_VERSION,
		.stride = (uint32_t)stride,
		.count = set->max_pending,
		.set = *set};
	*fd = steal_fd(&mem);
	*journal = j;
	return 0;
}

static uint64_t size_of(const struct journal *head)
{
	return JOURNAL_HEAD + (uint64_t)head->stride * head->count;
}

void sc_core_journal_unmap(struct journal *journal)
{
	if (journal)
		munmap(journal, (size_t)size_of(journal));
}

void sc_core_journal_leave(struct journal *journal, const struct journal *head)
{
	if (journal)
		munmap(journal, (size_t)size_of(head));
}

/* Map a predecessor's. Sealed, so that it cannot shrink under us; sizes are checked, since
 * another program (or version) may have made it. */
int sc_core_journal_map(int fd, struct journal *head, struct journal **journal)
{
	struct journal *j;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st))
		return -EPROTO;
	if (pread(fd, head, sizeof(*head), 0) != (ssize_t)sizeof(*head))
		return -EPROTO;
	if (head->magic != JOURNAL_MAGIC || head->version != JOURNAL_VERSION ||
		head->stride < sizeof(struct slot) || head->stride > 4096 ||
		head->stride % 8 || head->count == 0 || head->count > 1u << 20 ||
		(uint64_t)st.st_size < size_of(head) || (size_t)size_of(head) != size_of(head))
		return -EPROTO;
	head->set.keeper_path[sizeof(head->set.keeper_path) - 1] = '\0';
	j = mmap(NULL, (size_t)size_of(head), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j == MAP_FAILED)
		return -errno;
	*journal = j;
	return 0;
}
