/* One call of a merge: what the files that merge share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_MERGING_H
#define SC_PROFILE_MERGING_H

#include "region.h"

#pragma GCC visibility push(hidden)

/* Regions of calls, which never change: most calls of a profile have the same ones, and share
 * them. NULL is the list without any. */
struct sc_regions {
	uint32_t refs, n;
	struct sc_region items[];
};

/* What a call gets: inside of regions, and outside of them. */
struct sc_verdicts {
	struct sc_regions *regions;
	uint32_t rest;
};

/* The last answer: the calls of one entry ask the same, one after the other. */
struct sc_memo {
	struct sc_verdicts a, b, out;
	bool full;
};

struct sc_regions *sc_regions_share(struct sc_regions *r);
void sc_regions_free(struct sc_regions *r);
void sc_memo_clear(struct sc_memo *m);

static inline uint32_t sc_regions_n(const struct sc_regions *r)
{
	return r ? r->n : 0;
}

/* Of one argument more than once: a region for each comparison, as the runtimes do it. *@out is
 * NULL where nothing can match. 0, -E2BIG, -ENOMEM. */
int sc_regions_of_entry(const struct sc_entry *e, struct sc_regions **out);

/* What permits more (or less). Where both are the same action with other data, the lower one:
 * whatever the order of adding. */
uint32_t sc_merge_actions(enum sluice_profile_merge how, uint32_t a, uint32_t b);

/* Each puts its answer in place of what @v has. 0, and @v is as before: -EOPNOTSUPP (no rules
 * can say it), -E2BIG (more than 512 regions), -ENOMEM. */

/* Append the regions of @more. */
int sc_verdicts_append(struct sc_memo *memo, struct sc_verdicts *v, struct sc_regions *more);
/* All regions of a profile are there: the first one without conditions wins over all others. */
int sc_verdicts_close(struct sc_memo *memo, struct sc_verdicts *v);
/* Merge with what another profile says. */
int sc_verdicts_merge(struct sc_memo *memo, enum sluice_profile_merge how,
	struct sc_verdicts *v, const struct sc_verdicts *other);

#pragma GCC visibility pop

#endif
