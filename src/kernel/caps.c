/* What the running kernel can do, and the API level that follows from it.
 *
 * One word holds all of it, so that readers need no lock: probing is idempotent, two
 * threads that probe at once find the same, and a signal handler may be the one that
 * probes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/uapi.h"

#define BIT(feature)   (1u << (feature))
#define ASKED(feature) (1u << ((feature) + ASKED_SHIFT))
#define ASKED_SHIFT    10
#define LEVEL_SHIFT    20 /* of a level that seccomp_api_set() chose */
#define LEVEL_MASK     (7u << LEVEL_SHIFT)
#define FORCED	       (1u << 30)

_Static_assert(SC_KERNEL_FEATURES <= ASKED_SHIFT, "a bit each");

/* What was found; what was asked for; or all of it as the program wants it to be. */
static _Atomic uint32_t caps;

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

/* Asks the running kernel. */
static bool probe(enum sc_kernel_feature feature)
{
	switch (feature) {
	case SC_KERNEL_SYSCALL:
		/* Strict mode takes no flags: EINVAL tells seccomp(2) from ENOSYS and from the
		 * EPERM of a sandbox around us. */
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) == -1 &&
		       errno == EINVAL;
	case SC_KERNEL_TSYNC:
		return flags_known(SECCOMP_FILTER_FLAG_TSYNC);
	case SC_KERNEL_LOG_FLAG:
		return flags_known(SECCOMP_FILTER_FLAG_LOG);
	case SC_KERNEL_LOG_ACTION:
		return action_known(SECCOMP_RET_LOG);
	case SC_KERNEL_KILL_PROCESS:
		return action_known(SECCOMP_RET_KILL_PROCESS);
	case SC_KERNEL_SSB:
		return flags_known(SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	case SC_KERNEL_NOTIFY:
		return flags_known(SECCOMP_FILTER_FLAG_NEW_LISTENER) && sizes_known();
	case SC_KERNEL_TSYNC_ESRCH:
		return flags_known(SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
	case SC_KERNEL_WAITKILL:
		/* The kernel takes this flag only together with the listener's. */
		return flags_known(SECCOMP_FILTER_FLAG_NEW_LISTENER |
			SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	default:
		return false;
	}
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

/* One feature is asked for when it is needed, once, and seccomp(2) itself before any other: a
 * filter that needs none is loaded without a question. */
bool sc_kernel_has(enum sc_kernel_feature feature)
{
	uint32_t known = atomic_load(&caps), learnt;
	int saved = errno;
	bool has;

	if (known & (FORCED | ASKED(feature)))
		return known & BIT(feature);
	has = (feature == SC_KERNEL_SYSCALL || sc_kernel_has(SC_KERNEL_SYSCALL)) && probe(feature);
	errno = saved;
	learnt = ASKED(feature) | (has ? BIT(feature) : 0);
	known = atomic_load(&caps);
	/* A level set meanwhile by another thread stays. */
	while (!(known & FORCED))
		if (atomic_compare_exchange_weak(&caps, &known, known | learnt))
			return has;
	return known & BIT(feature);
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
	uint32_t found = 0, known;

	/* All of them: who asks before a filter that refuses seccomp(2) needs no more questions. */
	for (int f = 0; f < SC_KERNEL_FEATURES; f++)
		if (sc_kernel_has(f))
			found |= BIT(f);
	known = atomic_load(&caps);
	return known & FORCED ? (known & LEVEL_MASK) >> LEVEL_SHIFT : level_of(found);
}

int sc_kernel_api_set(unsigned int level)
{
	uint32_t forced = FORCED | level << LEVEL_SHIFT;

	if (level < 1 || level > LEVEL_MAX)
		return -EINVAL;
	for (unsigned int l = 1; l <= level; l++)
		forced |= level_adds[l];
	atomic_store(&caps, forced);
	return 0;
}
