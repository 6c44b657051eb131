/* Random rule sets on a library, judged by the naive evaluator.
 *   random [--count N] [--seed N] [--jobs N] [--seconds N] [--known FILE] [LIBRARY]
 * With --known, differences of a class that FILE lists are counted; without, any difference
 * fails. A failure is shrunk to a minimal case file and printed.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases/run.h"
#include "classes.h"
#include "policy.h"
#include "shrink.h"

#define MAX_JOBS 16
#define MAX_BAD  5

struct options {
	const char *library, *known;
	uint64_t count, seed;
	unsigned int jobs, seconds;
	enum policy_kind kind;
};

/* What a worker tells its parent, in shared memory. */
struct worker {
	volatile uint64_t at; /* the policy that it is in */
	volatile uint64_t done, rows;
	volatile uint64_t by_class[MAX_CLASSES];
	volatile uint64_t bad[MAX_BAD];
	volatile unsigned int n_bad;
	pid_t pid;
	uint64_t next; /* to start at after a crash */
};

static void record_bad(struct worker *w, uint64_t seed)
{
	if (w->n_bad < MAX_BAD)
		w->bad[w->n_bad] = seed;
	w->n_bad++;
}

static void judge_one(const struct options *o, const struct lib *lib, struct worker *w,
	uint64_t seed)
{
	struct scenario s = {0};
	struct outcome *got, *want;
	int class;

	policy_random(seed, o->kind, &s);
	got = calloc(2 * s.n_ops, sizeof(*got));
	if (!got)
		abort();
	want = got + s.n_ops;
	run_oracle(&s, want);
	run_library(lib, &s, got);
	class = classify(&s, want, got);
	if (class >= 0 && o->known)
		w->by_class[class]++;
	else if (class != CLASS_EQUAL)
		record_bad(w, seed);
	for (unsigned int i = 0; i < s.n_ops; i++)
		w->rows += s.ops[i].kind == OP_ROW;
	free(got);
	script_free(&s);
}

static void work(const struct options *o, const struct lib *lib, struct worker *w)
{
	for (uint64_t i = w->next; i < o->count; i += o->jobs) {
		w->at = i;
		alarm(o->seconds);
		judge_one(o, lib, w, o->seed + i);
		w->done++;
	}
	_exit(0);
}

static void start(const struct options *o, const struct lib *lib, struct worker *w)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		work(o, lib, w);
	w->pid = pid; /* shared: only the parent writes it */
}

/* A worker that crashed or hung begins again behind that policy. */
static void bury(const struct options *o, const struct lib *lib, struct worker *w)
{
	struct scenario s = {0};
	int class;

	policy_random(o->seed + w->at, o->kind, &s);
	class = classify_crash(&s);
	script_free(&s);
	if (class >= 0 && o->known)
		w->by_class[class]++;
	else
		record_bad(w, o->seed + w->at);
	w->done++;
	w->next = w->at + o->jobs;
	start(o, lib, w);
}

static void supervise(const struct options *o, const struct lib *lib, struct worker *workers)
{
	unsigned int running = o->jobs;

	while (running) {
		int status;
		pid_t pid = wait(&status);

		if (pid < 0 && errno != EINTR)
			abort();
		for (unsigned int i = 0; i < o->jobs; i++) {
			if (workers[i].pid != pid)
				continue;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				running--;
			else
				bury(o, lib, &workers[i]);
		}
	}
}

/* One TAP check a slice of the policies; a bad one fails its slice. */
static unsigned int report(const struct options *o, const struct lib *lib,
	const struct worker *workers)
{
	uint64_t done = 0, rows = 0, by_class[MAX_CLASSES] = {0};
	unsigned int bad = 0;

	for (unsigned int i = 0; i < o->jobs; i++) {
		done += workers[i].done;
		rows += workers[i].rows;
		bad += workers[i].n_bad;
		for (unsigned int c = 0; c < MAX_CLASSES; c++)
			by_class[c] += workers[i].by_class[c];
		for (unsigned int b = 0; b < workers[i].n_bad && b < MAX_BAD; b++)
			shrink_and_print(lib, workers[i].bad[b], o->kind, !!o->known, stdout);
	}
	printf("# %" PRIu64 " policies, %" PRIu64 " rows, seed %" PRIu64 ", %u jobs\n", done, rows,
		o->seed, o->jobs);
	for (int c = 0; c < MAX_CLASSES; c++)
		if (by_class[c])
			printf("# %" PRIu64 " policies differ, class %s\n", by_class[c],
				class_name(c));
	printf("%s 1 - %" PRIu64 " random policies: verdicts and return codes\n",
		bad ? "not ok" : "ok", done);
	printf("%s 2 - every policy was run\n", done == o->count ? "ok" : "not ok");
	bad += done != o->count;
	bad += class_report(o->known, by_class, 3);
	return bad;
}

static bool parse(int argc, char **argv, struct options *o)
{
	*o = (struct options){.count = 100000, .seed = 1, .jobs = 2, .seconds = 60};
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			o->library = argv[i];
			break;
		}
		if (strcmp(argv[i], "--count") == 0)
			o->count = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			o->seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--jobs") == 0)
			o->jobs = (unsigned int)strtoul(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seconds") == 0)
			o->seconds = (unsigned int)strtoul(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--known") == 0)
			o->known = argv[i + 1];
		else
			return false;
	}
	return o->jobs > 0 && o->jobs <= MAX_JOBS && o->count;
}

int main(int argc, char **argv)
{
	struct options o;
	struct worker *workers;
	struct lib lib;

	if (!parse(argc, argv, &o)) {
		fprintf(stderr,
			"usage: %s [--count N] [--seed N] [--jobs N] [--seconds N] [--known FILE] "
			"[LIBRARY]\n",
			argv[0]);
		return 2;
	}
	if (!o.library) {
		printf("ok 1 - random policies # SKIP no other libseccomp here\n1..1\n");
		return 0;
	}
	if (!lib_open(&lib, o.library))
		return 1;
	o.kind = !o.known ? POLICY_OURS : lib.begin ? POLICY_FULL : POLICY_BEFORE_26;
	workers = mmap(NULL, o.jobs * sizeof(*workers), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED)
		abort();
	for (unsigned int i = 0; i < o.jobs; i++) {
		workers[i].next = i;
		start(&o, &lib, &workers[i]);
	}
	supervise(&o, &lib, workers);
	return report(&o, &lib, workers) != 0;
}
