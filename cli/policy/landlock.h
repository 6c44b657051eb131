/* Landlock, whose header in Debian 12 is older than the kernels that run.
 * SPDX-License-Identifier: MIT
 * Numbers from include/uapi/linux/landlock.h; the ABI that has each is behind it. */
#ifndef CLI_POLICY_LANDLOCK_H
#define CLI_POLICY_LANDLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture since 5.13. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

enum {
	LANDLOCK_FS_EXECUTE = 1 << 0,
	LANDLOCK_FS_WRITE_FILE = 1 << 1,
	LANDLOCK_FS_READ_FILE = 1 << 2,
	LANDLOCK_FS_READ_DIR = 1 << 3,
	LANDLOCK_FS_REMOVE_DIR = 1 << 4,
	LANDLOCK_FS_REMOVE_FILE = 1 << 5,
	LANDLOCK_FS_MAKE_CHAR = 1 << 6,
	LANDLOCK_FS_MAKE_DIR = 1 << 7,
	LANDLOCK_FS_MAKE_REG = 1 << 8,
	LANDLOCK_FS_MAKE_SOCK = 1 << 9,
	LANDLOCK_FS_MAKE_FIFO = 1 << 10,
	LANDLOCK_FS_MAKE_BLOCK = 1 << 11,
	LANDLOCK_FS_MAKE_SYM = 1 << 12,
	LANDLOCK_FS_REFER = 1 << 13,	 /* 2: Linux 5.19 */
	LANDLOCK_FS_TRUNCATE = 1 << 14,	 /* 3: 6.2 */
	LANDLOCK_FS_IOCTL_DEV = 1 << 15, /* 5: 6.10 */
};

enum {
	LANDLOCK_NET_BIND_TCP = 1 << 0, /* 4: 6.7 */
	LANDLOCK_NET_CONNECT_TCP = 1 << 1,
};

enum {
	LANDLOCK_SCOPED_ABSTRACT_UNIX = 1 << 0, /* 6: 6.12 */
	LANDLOCK_SCOPED_SIGNAL = 1 << 1,
};

/* Kernels take a longer structure if what they do not know is 0. */
struct landlock_attr {
	uint64_t fs, net, scoped;
};

struct landlock_beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct landlock_port {
	uint64_t access, port;
};

enum {
	LANDLOCK_BENEATH = 1,
	LANDLOCK_PORT = 2,
};

/* The kernel's ABI, from 1 on; 0 without Landlock. */
static inline int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);

	return abi > 0 ? (int)abi : 0;
}

static inline int landlock_create(const struct landlock_attr *attr)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, sizeof(*attr), 0u);
}

static inline int landlock_add(int ruleset, int type, const void *rule)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, type, rule, 0u);
}

static inline int landlock_restrict_self(int ruleset, uint32_t flags)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, flags);
}

#endif
