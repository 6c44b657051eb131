/* What was injected in one run, and the same again.
 * SPDX-License-Identifier: MIT */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"
#include "input.h"
#include "occurrences.h"
#include "proc.h"
#include "util/cleanup.h"
#include "util/hash.h"
#include "util/vec.h"

#define GENERATIONS 64
#define NAME_MAX_BYTES 200

/* ---- the file -----------------------------------------------------------------------
 */

static int compare(const struct replay_entry *a, const char *task, uint32_t arch, int nr,
	uint64_t occurrence)
{
	int rc = strcmp(a->task, task);

	if (rc)
		return rc;
	if (a->arch != arch)
		return a->arch < arch ? -1 : 1;
	if (a->nr != nr)
		return a->nr < nr ? -1 : 1;
	return a->occurrence < occurrence ? -1 : a->occurrence > occurrence;
}

static int by_place(const void *a, const void *b)
{
	const struct replay_entry *y = b;

	return compare(a, y->task, y->arch, y->nr, y->occurrence);
}

static const struct cli_arch *arch_named(const char *name)
{
	const struct cli_arch *arch;

	for (unsigned int i = 0; (arch = cli_arch_at(i)); i++)
		if (strcmp(arch->name, name) == 0)
			return arch;
	return NULL;
}

/* One call by name, every time: when= and the like are the log's own. */
static bool plain(const struct injection *j, struct replay_entry *out)
{
	return j->always && j->chance == UINT32_MAX && !j->path && !j->arguments &&
	       sluice_call_nr(out->arch, j->set, &out->nr) == 0 && out->nr >= 0;
}

/* 0; CLI_TROUBLE, said; -ENOMEM. */
static int read_line(const struct cli *cli, struct replay *r, const char *file,
	unsigned int number, char *line)
{
	char *save, *task = strtok_r(line, " \n", &save);
	char *arch_name = strtok_r(NULL, " \n", &save), *count = strtok_r(NULL, " \n", &save);
	char *expression = strtok_r(NULL, " \n", &save), *end = NULL;
	const struct cli_arch *arch = arch_name ? arch_named(arch_name) : NULL;
	struct replay_entry e = {.arch = arch ? arch->token : 0};

	if (!task || *task == '#')
		return 0;
	if (count)
		e.occurrence = strtoull(count, &end, 10);
	if (!arch || !end || *end || !e.occurrence || !expression ||
		strtok_r(NULL, " \n", &save))
		return cli_error_at(file, number, 0,
			"found other words, expected TASK ARCH OCCURRENCE EXPRESSION, as --log "
			"writes them");
	if (injection_parse(cli, expression, &e.injection))
		return cli_error_at(file, number, 0, "this is no expression");
	e.injection.text = NULL; /* it points into the line */
	if (!plain(&e.injection, &e)) {
		injection_clear(&e.injection);
		return cli_error_at(file, number, 0,
			"expected the name of one call of %s, and what it gets", arch->name);
	}
	e.task = strdup(task);
	if (!e.task || sc_reserve(r->entries, r->cap, r->n, 1) < 0) {
		free(e.task);
		injection_clear(&e.injection);
		return -ENOMEM;
	}
	r->entries[r->n++] = e;
	return 0;
}

int replay_read(const struct cli *cli, struct replay *r, const char *file)
{
	static const char expected[] = "a log of sluice inject --log";
	FILE *in = cli_input_lines(file, expected);
	_cleanup_free_ char *line = NULL;
	unsigned int number = 0;
	size_t size = 0;
	int rc = 0;

	if (!in)
		return CLI_TROUBLE;
	while (!rc && getline(&line, &size, in) > 0)
		rc = read_line(cli, r, file, ++number, line);
	if (!rc && ferror(in))
		rc = -errno;
	fclose(in);
	if (rc)
		return rc < 0 ? cli_input_failed(file, -rc, expected) : rc;
	if (!r->n)
		return cli_error_at(file, 0, 0, "found nothing to inject, expected a line that --log wrote");
	qsort(r->entries, r->n, sizeof(*r->entries), by_place);
	for (uint32_t i = 1; i < r->n; i++)
		if (by_place(&r->entries[i - 1], &r->entries[i]) == 0)
			return cli_error_at(file, 0, 0,
				"two lines are about occurrence %" PRIu64 " of %s in task %s",
				r->entries[i].occurrence, r->entries[i].injection.set,
				r->entries[i].task);
	return 0;
}

struct injection *replay_find(
	const struct replay *r, const char *task, uint32_t arch, int nr, uint64_t occurrence)
{
	uint32_t low = 0, high = r->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(&r->entries[middle], task, arch, nr, occurrence);

		if (order == 0)
			return &r->entries[middle].injection;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int replay_log(struct replay *r, const char *file)
{
	r->log = fopen(file, "we");
	if (!r->log)
		return cli_error_at(file, 0, 0, "%s", strerror(errno));
	fputs("# sluice inject --log: task, architecture, occurrence, what was injected\n",
		r->log);
	return 0;
}

int replay_note(struct replay *r, const char *task, uint32_t arch, const char *call,
	uint64_t occurrence, const char *effect)
{
	const struct cli_arch *a;

	for (unsigned int i = 0; (a = cli_arch_at(i)) && a->token != arch; i++)
		;
	fprintf(r->log, "%s %s %" PRIu64 " inject=%s%s\n", task, a ? a->name : "?",
		occurrence, call, effect);
	return ferror(r->log) ? -EIO : 0;
}

int replay_end(struct replay *r)
{
	int rc = r->log && (ferror(r->log) | fclose(r->log)) ? -EIO : 0;

	r->log = NULL;
	return rc;
}

/* ---- who it is ----------------------------------------------------------------------
 */

static uint64_t hash_task(const void *owner, uint32_t i)
{
	const struct replay *r = owner;

	return sc_hash_mix(sc_hash_seed(), r->tasks[i].id);
}

static bool same_task(const void *owner, uint32_t i, const void *id)
{
	const struct replay *r = owner;

	return memcmp(&r->tasks[i].id, id, sizeof(r->tasks[i].id)) == 0;
}

static uint32_t *slot_of(const struct replay *r, uint64_t id)
{
	return sc_set_find(&r->by_id, sc_hash_mix(sc_hash_seed(), id), same_task, r, &id);
}

static struct replay_task *known(const struct replay *r, uint64_t id)
{
	const uint32_t *slot = r->n_tasks ? slot_of(r, id) : NULL;

	return slot && *slot ? &r->tasks[*slot - 1] : NULL;
}

static struct replay_task *add(
	struct replay *r, uint64_t id, const char *above, char mark, uint32_t number)
{
	struct replay_task *new;
	char name[NAME_MAX_BYTES];

	if (above)
		snprintf(name, sizeof(name), "%.180s%c%" PRIu32, above, mark, number);
	else
		snprintf(name, sizeof(name), "%" PRIu32, number);
	if (sc_reserve(r->tasks, r->cap_tasks, r->n_tasks, 1) < 0 ||
		sc_set_reserve(&r->by_id, 1, hash_task, r))
		return NULL;
	new = &r->tasks[r->n_tasks];
	*new = (struct replay_task){.id = id, .name = strdup(name)};
	if (!new->name)
		return NULL;
	sc_set_insert(&r->by_id, slot_of(r, id), r->n_tasks++);
	return new;
}

/* A process, with those above it up to one that is known. Who lost its parents is below 0. */
static struct replay_task *process(
	struct replay *r, pid_t pid, pid_t program, unsigned int generation)
{
	uint64_t id = occurrences_thread(pid);
	struct replay_task *task = known(r, id), *above;
	unsigned long long parent = 0;
	uint32_t number;

	if (task)
		return task;
	if (pid == program)
		return add(r, id, NULL, 0, 1);
	cli_proc_stat(pid, CLI_STAT_PARENT, &parent);
	if (parent > 1 && parent != (unsigned long long)getpid() && generation)
		above = process(r, (pid_t)parent, program, generation - 1);
	else if ((above = known(r, 0)) == NULL)
		above = add(r, 0, NULL, 0, 0);
	if (!above)
		return NULL;
	number = ++above->children;
	return add(r, id, above->name, '.', number);
}

const char *replay_task(struct replay *r, struct sluice_request *req, pid_t program)
{
	pid_t tid = sluice_tid(req), tgid = sluice_tgid(req);
	struct replay_task *task = known(r, occurrences_thread(tid)), *above;
	uint32_t number;

	if (task)
		return task->name;
	above = process(r, tgid > 0 ? tgid : tid, program, GENERATIONS);
	if (!above || tgid <= 0 || tid == tgid)
		return above ? above->name : NULL;
	number = ++above->threads;
	task = add(r, occurrences_thread(tid), above->name, '/', number);
	return task ? task->name : NULL;
}

void replay_clear(struct replay *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		free(r->entries[i].task);
		injection_clear(&r->entries[i].injection);
	}
	for (uint32_t i = 0; i < r->n_tasks; i++)
		free(r->tasks[i].name);
	free(r->entries);
	free(r->tasks);
	sc_set_clear(&r->by_id);
	if (r->log)
		fclose(r->log);
	*r = (struct replay){0};
}
