/* What the running kernel can do, and the API level that follows from it.
 *
 * One word holds all of it, so that readers need no lock: probing is idempotent, two
 * threads that probe at once find the same, and a signal handler may be the one that
 * probes. SPDX-License-Identifier: MIT */
#include "kernel.h"
#include "uapi.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(feature) (1u << (feature))
#define LEVEL_SHIFT  16
#define LEVEL_MASK   (7u << LEVEL_SHIFT)
#define PROBED	     (1u << 31)
#define FORCED	     (1u << 30) /* seccomp_api_set() chose the level */

static _Atomic uint32_t caps; /* feature bits, level << LEVEL_SHIFT, PROBED, FORCED */

/* What each API level adds to the one before: seccomp_api_get(3). */
static const uint32_t level_adds[] = {
	[1] = 0,
	[2] = BIT(SC_KERNEL_SYSCALL) | BIT(SC_KERNEL_TSYNC),
	[3] = BIT(SC_KERNEL_LOG_FLAG) | BIT(SC_KERNEL_LOG_ACTION) |
	      BIT(SC_KERNEL_KILL_PROCESS),
	[4] = BIT(SC_KERNEL_SSB),
	[5] = BIT(SC_KERNEL_NOTIFY),
	[6] = BIT(SC_KERNEL_TSYNC_ESRCH),
	[7] = BIT(SC_KERNEL_WAITKILL),
};
#define LEVEL_MAX (sizeof(level_adds) / sizeof(level_adds[0]) - 1)

/* The kernel looks at the flags before it looks at the program: a NULL program with flags
 * that it knows is EFAULT, with one that it does not know EINVAL. Nothing is ever
 * attached. */
static bool flags_known(unsigned long flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == -1 &&
	       errno == EFAULT;
}

static bool action_known(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool sizes_known(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;
}

static uint32_t probe_features(void)
{
	uint32_t found = 0;

	/* Strict mode takes no flags: EINVAL tells seccomp(2) from ENOSYS and from the
	 * EPERM of a sandbox around us. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) != -1 ||
		errno != EINVAL)
		return 0;
	found |= BIT(SC_KERNEL_SYSCALL);
	if (flags_known(SECCOMP_FILTER_FLAG_TSYNC))
		found |= BIT(SC_KERNEL_TSYNC);
	if (flags_known(SECCOMP_FILTER_FLAG_LOG))
		found |= BIT(SC_KERNEL_LOG_FLAG);
	if (action_known(SECCOMP_RET_LOG))
		found |= BIT(SC_KERNEL_LOG_ACTION);
	if (action_known(SECCOMP_RET_KILL_PROCESS))
		found |= BIT(SC_KERNEL_KILL_PROCESS);
	if (flags_known(SECCOMP_FILTER_FLAG_SPEC_ALLOW))
		found |= BIT(SC_KERNEL_SSB);
	if (flags_known(SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		found |= BIT(SC_KERNEL_TSYNC_ESRCH);
	if (flags_known(SECCOMP_FILTER_FLAG_NEW_LISTENER) && sizes_known())
		found |= BIT(SC_KERNEL_NOTIFY);
	/* The kernel takes this flag only together with the listener's. */
	if (flags_known(SECCOMP_FILTER_FLAG_NEW_LISTENER |
			SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
		found |= BIT(SC_KERNEL_WAITKILL);
	return found;
}

/* The highest level whose features, and those of all levels below it, are there. */
static unsigned int level_of(uint32_t found)
{
	unsigned int level = 1;

	while (level < LEVEL_MAX &&
		(found & level_adds[level + 1]) == level_adds[level + 1])
		level++;
	return level;
}

static uint32_t known_caps(void)
{
	uint32_t known = atomic_load(&caps), probed;
	int saved = errno;

	if (known & PROBED)
		return known;
	probed = probe_features();
	probed |= level_of(probed) << LEVEL_SHIFT | PROBED;
	errno = saved;
	/* A level set meanwhile by another thread stays. */
	if (atomic_compare_exchange_strong(&caps, &known, probed))
		return probed;
	return known & PROBED ? known : probed;
}

bool sc_kernel_has(enum sc_kernel_feature feature)
{
	return known_caps() & BIT(feature);
}

bool sc_kernel_forbids(enum sc_kernel_feature feature)
{
	uint32_t now = atomic_load(&caps);

	return now & FORCED && !(now & BIT(feature));
}

void sc_kernel_reprobe(void)
{
	atomic_store(&caps, 0);
}

unsigned int sc_kernel_api_get(void)
{
	return (known_caps() & LEVEL_MASK) >> LEVEL_SHIFT;
}

int sc_kernel_api_set(unsigned int level)
{
	uint32_t forced = PROBED | FORCED | level << LEVEL_SHIFT;

	if (level < 1 || level > LEVEL_MAX)
		return -EINVAL;
	for (unsigned int l = 1; l <= level; l++)
		forced |= level_adds[l];
	atomic_store(&caps, forced);
	return 0;
}
