/* What the scenarios of failing.c have in common: orders that targets give by mkdir(2), and that handlers
 * obey.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_SLUICE_FAILING_H
#define TESTS_SLUICE_FAILING_H

#include "fail_calls.h"
#include "tap.h"

/* What the processes of a run tell each other. */
struct news {
	atomic_uint given; /* orders that got a result from a handler, as bits */
	atomic_int boxes;  /* containers that the callback saw */
	atomic_int ended;  /* listeners whose end was said */
};
extern struct news *news;
extern char directory[64]; /* of the run */

static inline bool fired(void)
{
	return fail_calls_fired();
}

/* A result, or an errno of the system. */
static inline int result(long rc)
{
	CHECK(rc >= -133 && rc <= 1 << 20); /* EHWPOISON is the last */
	return (int)rc;
}

/* The same, and an error only where something has failed, and more than a signal came. */
static inline bool gave(long rc)
{
	if (result(rc) >= 0)
		return true;
	if (!fired() || fail_calls_interrupted())
		printf("# %ld and nothing failed\n", rc);
	CHECK(fired() && !fail_calls_interrupted());
	return false;
}

/* Of a function without another result than 0. */
static inline bool worked(long rc)
{
	CHECK(rc <= 0);
	return gave(rc);
}

/* For sluice_dispatch(), which says that a signal came. */
static inline void dispatched(int rc)
{
	if (rc != -EINTR)
		gave(rc);
}

/* What failed can be done again. */
#define UNTIL_IT_WORKS(call)                                           \
	do {                                                           \
		for (int tries_ = 0; !gave(call); tries_++)            \
			CHECK(tries_ < 2); /* so many fail in a run */ \
	} while (0)

/* A directory with this many files. */
#define FILES 4
void make_files(void);
unsigned count_files(void);
long count_tasks(void);
/* No descriptor, thread, block and mapping more than there were. */
void check_nothing_left(int fds, long tasks);
/* All children of this process: those whose parent has ended, too. A process that stays hangs here. */
void reap_all(void);

/* Letters, of those that target_order() knows. */
struct orders {
	const char *all;
};

/* Its arguments are the orders and the directory; its status says which got a result, as bits. */
int target_order(int argc, char **argv);
/* Of targets with the order v, if this process is root. */
#define VICTIM 1234
/* Orders that get none: from nobody, or from handlers that must refuse. */
#define NO_RESULT "nlFpqvz"
/* A handler, with struct orders; and what it does for one that just gets its result. */
int obey(struct sluice_request *req, void *orders);
int give(struct sluice_request *req, const struct orders *orders);

#endif
