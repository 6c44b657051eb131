/* Summaries on disk, by the build-id and the size of the file that they are of.
 *
 * Whoever can write to the cache can write to the user's files; still, everything read from it is
 * checked, since a disk may be full and a machine may stop.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls/flow.h"
#include "util/cleanup.h"
#include "util/hash.h"

struct header {
	char magic[8]; /* changes with whatever a summary is made by */
	uint64_t file_size, checksum;
	uint32_t machine, n_functions, n_events, n_arguments;
};

static const char magic[8] = "slcall2";

static uint64_t sum(uint64_t seed, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (; size >= 8; p += 8, size -= 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		seed = sc_hash_mix(seed, v);
	}
	for (; size; p++, size--)
		seed = sc_hash_mix(seed, *p);
	return seed;
}

static uint64_t checksum(const struct calls_summary *s)
{
	uint64_t h = 1;

	h = sum(h, s->functions.items, s->functions.n * sizeof(*s->functions.items));
	h = sum(h, s->first_event, (s->functions.n + 1) * sizeof(*s->first_event));
	h = sum(h, s->events, s->n_events * sizeof(*s->events));
	return sum(h, s->arguments, s->n_arguments * sizeof(*s->arguments));
}

static void *take(int fd, uint64_t n, size_t size)
{
	uint8_t *p = calloc(n + 1, size);
	size_t done = 0;

	while (p && done < n * size) {
		ssize_t got = read(fd, p + done, n * size - done);

		if (got <= 0) {
			free(p);
			return NULL;
		}
		done += (size_t)got;
	}
	return p;
}

static bool sound(const struct calls_summary *s)
{
	for (uint32_t i = 0; i < s->functions.n; i++)
		if (s->first_event[i] > s->first_event[i + 1] ||
			s->functions.items[i].start > s->functions.items[i].end)
			return false;
	if (s->first_event[s->functions.n] != s->n_events)
		return false;
	for (uint32_t i = 0; i < s->n_events; i++)
		if (s->events[i].kind > EV_SYSCALL_32 ||
			s->events[i].first_argument > s->n_arguments ||
			s->events[i].n_arguments > s->n_arguments - s->events[i].first_argument)
			return false;
	for (uint32_t i = 0; i < s->n_arguments; i++)
		if (s->arguments[i].n > CALLS_VALUES || s->arguments[i].param >= CALLS_PARAMS)
			return false;
	return true;
}

static bool get(const char *path, const struct calls_elf *elf, struct calls_summary *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_(calls_summary_clear) struct calls_summary s = {0};
	struct header h;
	struct stat st;
	uint64_t size;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		read(fd, &h, sizeof(h)) != sizeof(h) ||
		memcmp(h.magic, magic, sizeof(magic)) != 0 || h.machine != elf->machine ||
		h.file_size != elf->size)
		return false;
	size = sizeof(h) + (uint64_t)h.n_functions * sizeof(*s.functions.items) +
	       ((uint64_t)h.n_functions + 1) * sizeof(*s.first_event) +
	       (uint64_t)h.n_events * sizeof(*s.events) +
	       (uint64_t)h.n_arguments * sizeof(*s.arguments);
	if ((uint64_t)st.st_size != size)
		return false;
	s.functions.n = h.n_functions;
	s.n_events = h.n_events;
	s.n_arguments = h.n_arguments;
	s.functions.items = take(fd, h.n_functions, sizeof(*s.functions.items));
	s.first_event = take(fd, (uint64_t)h.n_functions + 1, sizeof(*s.first_event));
	s.events = take(fd, h.n_events, sizeof(*s.events));
	s.arguments = take(fd, h.n_arguments, sizeof(*s.arguments));
	if (!s.functions.items || !s.first_event || !s.events || !s.arguments ||
		checksum(&s) != h.checksum || !sound(&s))
		return false;
	*out = s;
	s = (struct calls_summary){0};
	return true;
}

static bool put_all(int fd, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* A cache that cannot be written is no error. */
static void put(const char *path, const struct calls_elf *elf, const struct calls_summary *s)
{
	struct header h = {.file_size = elf->size, .machine = elf->machine,
		.n_functions = s->functions.n, .n_events = s->n_events,
		.n_arguments = s->n_arguments, .checksum = checksum(s)};
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;

	memcpy(h.magic, magic, sizeof(magic));
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return;
	if (!put_all(fd, &h, sizeof(h)) ||
		!put_all(fd, s->functions.items, s->functions.n * sizeof(*s->functions.items)) ||
		!put_all(fd, s->first_event, (s->functions.n + 1) * sizeof(*s->first_event)) ||
		!put_all(fd, s->events, s->n_events * sizeof(*s->events)) ||
		!put_all(fd, s->arguments, s->n_arguments * sizeof(*s->arguments)) ||
		rename(temporary, path) < 0)
		unlink(temporary);
}

int calls_summary_get(const struct calls_elf *elf, const char *cache, calls_progress progress,
	void *data, struct calls_summary *out)
{
	_cleanup_free_ char *path = NULL;
	int rc;

	if (cache && elf->build_id[0] &&
		asprintf(&path, "%s/%s-%zx", cache, elf->build_id, elf->size) < 0)
		path = NULL;
	if (path && get(path, elf, out))
		return 0;
	rc = calls_summary_make(elf, progress, data, out);
	if (!rc && path)
		put(path, elf, out);
	return rc;
}

char *calls_cache_directory(void)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	static const char *const parts[] = {"", "/sluice", "/sluice/calls"};
	char *dir = NULL;

	if (!(base && *base == '/') && !(home && *home == '/'))
		return NULL;
	for (size_t i = 0; i < 3; i++) {
		free(dir);
		if (asprintf(&dir, "%s%s%s", base && *base == '/' ? base : home,
			    base && *base == '/' ? "" : "/.cache", parts[i]) < 0)
			return NULL;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
			free(dir);
			return NULL;
		}
	}
	return dir;
}
