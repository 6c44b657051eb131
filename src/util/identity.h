/* Which object a descriptor refers to, and through which mount: a bind mount of a directory is not
 * the directory. Source: include/uapi/linux/stat.h, struct statx; libcs differ in what they know of it.
 * Makes one bare system call.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_IDENTITY_H
#define SC_UTIL_IDENTITY_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sc_identity {
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t mount; /* as in /proc/PID/mountinfo; 0: unknown (before 5.8) */
};

struct sc_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct {
		int64_t sec;
		uint32_t nsec;
		int32_t pad;
	} times[4];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mount;
	uint64_t later[13];
};
_Static_assert(sizeof(struct sc_statx) == 256, "as the kernel has it");
#define SC_STATX_INO	0x100u
#define SC_STATX_MNT_ID 0x1000u

static inline bool sc_identify(int fd, struct sc_identity *id)
{
	struct sc_statx x = {0};

	if (syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, SC_STATX_INO | SC_STATX_MNT_ID, &x))
		return false;
	*id = (struct sc_identity){x.dev_major, x.dev_minor, x.ino,
		x.mask & SC_STATX_MNT_ID ? x.mount : 0};
	return true;
}

#endif
