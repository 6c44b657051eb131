/* Noting calls as they come.
 * SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/hash.h"
#include "util/vec.h"

static uint64_t hash_call(uint32_t arch, int nr)
{
	return sc_hash_mix(sc_hash_seed(), (uint64_t)arch << 32 | (uint32_t)nr);
}

static uint64_t hash_seen(const void *owner, uint32_t i)
{
	const struct recording *r = owner;

	return hash_call(r->seen[i].arch, r->seen[i].nr);
}

static bool same_call(const void *owner, uint32_t i, const void *key)
{
	const struct recording *r = owner;
	const struct seen *s = key;

	return r->seen[i].nr == s->nr && r->seen[i].arch == s->arch;
}

/* The program chooses numbers, and there are 2^32. */
struct seen *recording_of(struct recording *r, uint32_t arch, int nr)
{
	struct seen key = {.arch = arch, .nr = nr};
	uint32_t *slot;

	if (r->last < r->n && same_call(r, r->last, &key))
		return &r->seen[r->last];
	if (sc_reserve(r->seen, r->cap, r->n, 1) ||
		sc_set_reserve(&r->by_call, 1, hash_seen, r))
		return NULL;
	slot = sc_set_find(&r->by_call, hash_call(arch, nr), same_call, r, &key);
	if (!*slot) {
		key.name = sluice_call_name(arch, nr);
		r->seen[r->n] = key;
		sc_set_insert(&r->by_call, slot, r->n++);
	}
	r->last = *slot - 1;
	return &r->seen[r->last];
}

static int by_number(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	if (x->arch != y->arch)
		return x->arch < y->arch ? -1 : 1;
	return (uint32_t)x->nr < (uint32_t)y->nr ? -1 : x->nr != y->nr;
}

void recording_sort(struct recording *r)
{
	if (r->n)
		qsort(r->seen, r->n, sizeof(*r->seen), by_number);
	sc_set_clear(&r->by_call);
	r->last = 0;
	for (r->n_named = 0; r->n_named < r->n && r->seen[r->n_named].name;)
		r->n_named++;
}

static void find_constants(struct seen *s)
{
	struct sluice_call_info info = {.size = sizeof(info)};

	if (sluice_call_info_nr(s->arch, s->nr, &info))
		return;
	/* gcc 12 with its sanitizers takes @i for a number up to 32 without the second bound. */
	for (unsigned int i = 0; i < info.n_args && i < 6; i++) {
		const struct sluice_arg_info *a = &info.args[i];

		if (a->type != SLUICE_ARG_VALUE || a->part != SLUICE_PART_WHOLE)
			continue;
		s->constants |= 1u << i;
		if (a->bits < 64)
			s->narrow |= 1u << i;
	}
}

/* The program of @request; NULL before it was executed, and where it is not known. */
static char *program_of(struct sluice_request *request)
{
	char path[PATH_MAX], own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (sluice_exe(request, path, sizeof(path)) <= 0)
		return NULL;
	own[n > 0 ? n : 0] = 0;
	return strcmp(path, own) == 0 ? NULL : strdup(path);
}

static void begin(struct recording *r, struct seen *s, struct sluice_request *request)
{
	s->by = program_of(request);
	if (s->by)
		cli_printable_line(s->by); /* it is only shown */
	if (!r->args)
		return;
	find_constants(s);
	if (s->constants)
		s->tuples = calloc(RECORDING_TUPLES, sizeof(*s->tuples));
	if (s->constants && !s->tuples)
		s->n_tuples = RECORDING_TUPLES + 1;
}

static void note_tuple(struct seen *s, const struct sluice_request *request)
{
	struct recording_tuple t = {{0}};

	for (unsigned int i = 0; i < 6; i++)
		if (s->constants & 1u << i)
			t.values[i] = s->narrow & 1u << i
					      ? (uint32_t)sluice_arg(request, i)
					      : sluice_arg(request, i);
	for (unsigned int i = 0; i < s->n_tuples; i++)
		if (memcmp(&s->tuples[i], &t, sizeof(t)) == 0)
			return;
	if (s->n_tuples < RECORDING_TUPLES)
		s->tuples[s->n_tuples] = t;
	s->n_tuples++;
}

static uint64_t hash_text(const char *text)
{
	uint64_t h = sc_hash_seed();

	while (*text)
		h = sc_hash_mix(h, (unsigned char)*text++);
	return h;
}

static uint64_t hash_exe(const void *owner, uint32_t i)
{
	const struct recording *r = owner;

	return hash_text(r->exes[i]);
}

static bool same_exe(const void *owner, uint32_t i, const void *exe)
{
	const struct recording *r = owner;

	return strcmp(r->exes[i], exe) == 0;
}

static int note_exe(struct recording *r, struct sluice_request *request)
{
	_cleanup_free_ char *exe = program_of(request);
	uint32_t *slot;

	if (!exe)
		return 0;
	if (sc_reserve(r->exes, r->cap_exes, r->n_exes, 1) ||
		sc_set_reserve(&r->by_exe, 1, hash_exe, r))
		return -ENOMEM;
	slot = sc_set_find(&r->by_exe, hash_text(exe), same_exe, r, exe);
	if (!*slot) {
		r->exes[r->n_exes] = steal_ptr(exe);
		sc_set_insert(&r->by_exe, slot, r->n_exes++);
	}
	return 0;
}

static uint64_t hash_process(const void *owner, uint32_t i)
{
	const struct recording *r = owner;

	return sc_hash_mix(sc_hash_seed(), (uint32_t)r->processes[i].pid);
}

static bool same_process(const void *owner, uint32_t i, const void *pid)
{
	const struct recording *r = owner;

	return memcmp(&r->processes[i].pid, pid, sizeof(r->processes[i].pid)) == 0;
}

static struct recording_process *process_of(struct recording *r, pid_t pid)
{
	uint32_t *slot;

	if (sc_reserve(r->processes, r->cap_processes, r->n_processes, 1) ||
		sc_set_reserve(&r->by_pid, 1, hash_process, r))
		return NULL;
	slot = sc_set_find(&r->by_pid, sc_hash_mix(sc_hash_seed(), (uint32_t)pid),
		same_process, r, &pid);
	if (!*slot) {
		r->processes[r->n_processes] = (struct recording_process){.pid = pid};
		sc_set_insert(&r->by_pid, slot, r->n_processes++);
	}
	return &r->processes[*slot - 1];
}

/* The call after execve(2) is the new program's first, or the old one's if that failed.
 */
static int note_program(
	struct recording *r, struct sluice_request *request, const char *name)
{
	bool executes =
		name && (strcmp(name, "execve") == 0 || strcmp(name, "execveat") == 0);
	pid_t tgid = executes || r->fresh ? sluice_tgid(request) : 0;
	struct recording_process *p;

	if (tgid <= 0)
		return 0;
	p = process_of(r, tgid);
	if (!p || (p->fresh && note_exe(r, request)))
		return -ENOMEM;
	r->fresh += (uint32_t)executes - (uint32_t)p->fresh;
	p->fresh = executes;
	return 0;
}

void recording_note(struct recording *r, struct sluice_request *request)
{
	struct seen *s = recording_of(r, sluice_arch(request), sluice_nr(request));

	r->total++;
	if (!s) {
		r->failed = -ENOMEM;
		return;
	}
	if (!s->count++)
		begin(r, s, request);
	if (r->programs && note_program(r, request, s->name))
		r->failed = -ENOMEM;
	if (s->constants && s->n_tuples <= RECORDING_TUPLES)
		note_tuple(s, request);
}

void recording_clear(struct recording *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		free(r->seen[i].by);
		free(r->seen[i].tuples);
	}
	for (uint32_t i = 0; i < r->n_exes; i++)
		free(r->exes[i]);
	free(r->exes);
	free(r->processes);
	free(r->seen);
	sc_set_clear(&r->by_call);
	sc_set_clear(&r->by_exe);
	sc_set_clear(&r->by_pid);
	*r = (struct recording){0};
}
