/* Noting calls as they come.
 * SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/vec.h"

static uint64_t key_of(uint32_t arch, int nr)
{
	return (uint64_t)arch << 32 | (uint32_t)nr;
}

static bool is_at(const struct recording *r, uint32_t at, uint64_t key)
{
	return at < r->n && key_of(r->seen[at].arch, r->seen[at].nr) == key;
}

/* Where the call stands, or would stand. */
static uint32_t place_of(const struct recording *r, uint64_t key)
{
	uint32_t low = 0, high = r->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (key_of(r->seen[middle].arch, r->seen[middle].nr) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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

static int insert(struct recording *r, uint32_t at, struct sluice_request *request)
{
	int rc = sc_reserve(r->seen, r->cap, r->n, 1);
	struct seen *s;

	if (rc)
		return rc;
	s = &r->seen[at];
	memmove(s + 1, s, (r->n - at) * sizeof(*s));
	r->n++;
	*s = (struct seen){.arch = sluice_arch(request), .nr = sluice_nr(request)};
	s->name = sluice_call_name(s->arch, s->nr);
	s->by = program_of(request);
	if (r->args) {
		find_constants(s);
		if (s->constants)
			s->tuples = calloc(RECORDING_TUPLES, sizeof(*s->tuples));
		if (s->constants && !s->tuples)
			s->n_tuples = RECORDING_TUPLES + 1;
	}
	return 0;
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

static int note_exe(struct recording *r, struct sluice_request *request)
{
	_cleanup_free_ char *exe = program_of(request);

	for (uint32_t i = 0; exe && i < r->n_exes; i++)
		if (strcmp(r->exes[i], exe) == 0)
			return 0;
	if (!exe)
		return 0;
	if (sc_reserve(r->exes, r->cap_exes, r->n_exes, 1) < 0)
		return -ENOMEM;
	r->exes[r->n_exes++] = steal_ptr(exe);
	return 0;
}

/* The call after execve(2) is the new program's first, or the old one's if that failed.
 */
static int note_program(
	struct recording *r, struct sluice_request *request, const char *name)
{
	bool executes =
		name && (strcmp(name, "execve") == 0 || strcmp(name, "execveat") == 0);
	pid_t tgid = executes || r->n_fresh ? sluice_tgid(request) : 0;

	for (uint32_t i = 0; i < r->n_fresh; i++) {
		if (r->fresh[i] != tgid)
			continue;
		r->fresh[i] = r->fresh[--r->n_fresh];
		if (note_exe(r, request))
			return -ENOMEM;
		break;
	}
	if (!executes || tgid <= 0)
		return 0;
	if (sc_reserve(r->fresh, r->cap_fresh, r->n_fresh, 1) < 0)
		return -ENOMEM;
	r->fresh[r->n_fresh++] = tgid;
	return 0;
}

void recording_note(struct recording *r, struct sluice_request *request)
{
	uint64_t key = key_of(sluice_arch(request), sluice_nr(request));
	uint32_t at = r->last;
	struct seen *s;

	r->total++;
	if (!is_at(r, at, key)) {
		int rc;

		at = place_of(r, key);
		rc = is_at(r, at, key) ? 0 : insert(r, at, request);
		if (rc) {
			r->failed = rc;
			return;
		}
		r->last = at;
	}
	s = &r->seen[at];
	s->count++;
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
	free(r->fresh);
	free(r->seen);
	*r = (struct recording){0};
}
