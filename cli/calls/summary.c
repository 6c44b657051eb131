/* All functions of a file, and those that only calls show.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls/flow.h"
#include "calls/returns.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* Calls that lead to functions which nothing else names lead to further ones. */
#define ROUNDS 8

struct done {
	uint64_t start, end;
	uint32_t first_event, n_events;
};

struct make {
	const struct calls_elf *elf;
	const struct calls_machine *machine;
	struct calls_summary out;
	struct done *done; /* ascending by start between rounds */
	uint32_t n_done, cap_done;
	calls_progress progress;
	void *data;
};

static int by_start(const void *a, const void *b)
{
	const struct done *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int round_of(struct make *m)
{
	_cleanup_(calls_returns_clear) struct calls_returns returns = {m->elf, m->machine,
		&m->out.functions, calloc(m->out.functions.n + 1, 1)};
	uint32_t n = m->n_done, k = 0;

	if (!returns.known)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->out.functions.n; i++) {
		struct done d = {m->out.functions.items[i].start, m->out.functions.items[i].end,
			m->out.n_events, 0};
		bool again;
		int rc;

		while (k < n && m->done[k].start < d.start)
			k++;
		again = k < n && m->done[k].start == d.start;
		/* One that has become shorter is read anew. */
		if (again && m->done[k].end == d.end)
			continue;
		if (m->progress)
			m->progress(m->data, i, m->out.functions.n);
		rc = calls_flow(m->elf, m->machine, &returns, i, &m->out);
		if (!rc && !again)
			rc = sc_reserve(m->done, m->cap_done, m->n_done, 1);
		if (rc)
			return rc;
		d.n_events = m->out.n_events - d.first_event;
		m->done[again ? k : m->n_done] = d;
		m->n_done += !again;
	}
	if (m->n_done)
		qsort(m->done, m->n_done, sizeof(*m->done), by_start);
	return 0;
}

/* Addresses that are called or named, where no function begins. */
static int unknown_starts(const struct make *m, uint64_t **starts, uint32_t *n)
{
	uint32_t cap = 0;

	*n = 0;
	for (uint32_t i = 0; i < m->out.n_events; i++) {
		const struct calls_event *e = &m->out.events[i];

		if ((e->kind != EV_CALL && e->kind != EV_NAME) || !calls_elf_executable(m->elf, e->target) ||
			calls_functions_at(&m->out.functions, e->target) >= 0)
			continue;
		if (sc_reserve(*starts, cap, *n, 1))
			return -ENOMEM;
		(*starts)[(*n)++] = e->target;
	}
	return 0;
}

/* Events in the order of functions. */
static int order(struct make *m)
{
	struct calls_event *events = calloc(m->out.n_events + 1, sizeof(*events));
	uint32_t *first = calloc(m->out.functions.n + 1, sizeof(*first));
	uint32_t n = 0, k = 0;

	if (!events || !first) {
		free(events);
		free(first);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->out.functions.n; i++) {
		first[i] = n;
		while (k < m->n_done && m->done[k].start < m->out.functions.items[i].start)
			k++;
		if (k == m->n_done || m->done[k].start != m->out.functions.items[i].start)
			continue;
		if (m->done[k].n_events)
			memcpy(events + n, m->out.events + m->done[k].first_event,
				m->done[k].n_events * sizeof(*events));
		n += m->done[k].n_events;
	}
	first[m->out.functions.n] = n;
	free(m->out.events);
	m->out.events = events;
	m->out.n_events = n;
	m->out.first_event = first;
	return 0;
}

static int make(struct make *m)
{
	int rc = calls_functions_find(m->elf, &m->out.functions);

	for (unsigned int round = 0; !rc && round < ROUNDS; round++) {
		_cleanup_free_ uint64_t *starts = NULL;
		uint32_t n = 0, before = m->out.functions.n;

		rc = round_of(m);
		if (!rc)
			rc = unknown_starts(m, &starts, &n);
		if (!rc && n)
			rc = calls_functions_split(m->elf, &m->out.functions, starts, n);
		if (m->out.functions.n == before)
			break;
	}
	return rc ? rc : order(m);
}

int calls_summary_make(const struct calls_elf *elf, calls_progress progress, void *data,
	struct calls_summary *out)
{
	struct make m = {.elf = elf, .progress = progress, .data = data,
		.machine = elf->machine == EM_AARCH64 ? &calls_aarch64 : &calls_x86_64};
	int rc = make(&m);

	free(m.done);
	if (rc)
		calls_summary_clear(&m.out);
	else
		*out = m.out;
	return rc;
}

void calls_summary_clear(struct calls_summary *s)
{
	free(s->functions.items);
	free(s->first_event);
	free(s->events);
	free(s->arguments);
	*s = (struct calls_summary){0};
}
