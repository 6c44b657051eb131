/* Supervisors with one mistake each: what the sanitizers and valgrind must see in libsluice's
 * tests, or their silence means nothing. Run by name; every one of them must be "not ok".
 * SPDX-License-Identifier: MIT */
#include "../sluice/tap.h"

static int target_mkdir(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 50; i++)
		syscall(SYS_mkdir, "x", 0);
	return 0;
}

static void serve(sluice_handler handler, void *data)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, "mkdir", handler, data), 0);
	spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static int answer(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

#ifdef PLANTED_WARNING
static int planted_warning(void)
{
	int unused;

	return 0;
}
#endif

static int *volatile kept;

/* One request's memory, forgotten; the pointer is overwritten so that nothing refers to it. */
static int forget(struct sluice_request *req, void *data)
{
	kept = malloc(100);
	if (kept)
		kept[0] = 1;
	kept = NULL;
	return answer(req, data);
}

static void leak(void)
{
	serve(forget, NULL);
}

/* A captured path one byte too long for its buffer. */
static int capture(struct sluice_request *req, void *data)
{
	volatile size_t size = 2;
	char *path = malloc(size);
	volatile char *end = path;

	if (path && sluice_read_string(req, sluice_arg(req, 0), path, 2) == 1)
		end[size] = 'y';
	free(path);
	return answer(req, data);
}

static void overflow(void)
{
	serve(capture, NULL);
}

/* A verdict that depends on what nobody wrote. */
static int guess(struct sluice_request *req, void *data)
{
	int *volatile word = malloc(sizeof(int));
	int rc;

	(void)data;
	rc = word && *word == 77 ? sluice_fail(req, EXDEV) : sluice_reply(req, 0);
	free(word);
	return rc;
}

static void uninitialised(void)
{
	serve(guess, NULL);
}

static int shift(struct sluice_request *req, void *data)
{
	volatile int by = 40 + sluice_arg_int(req, 1);

	(void)data;
	return sluice_reply(req, (1 << by) & 0);
}

static void undefined(void)
{
	serve(shift, NULL);
}

static int shared;

static int count(struct sluice_request *req, void *data)
{
	*(volatile int *)data = *(volatile int *)data + 1;
	return sluice_reply(req, 0);
}

/* The loop and a worker change one number. */
static int count_twice(struct sluice_request *req, void *data)
{
	int rc = sluice_work(req, count, data);

	for (int i = 0; i < 1000; i++)
		*(volatile int *)data = *(volatile int *)data + 1;
	return rc;
}

static void race(void)
{
	serve(count_twice, &shared);
}

/* Used after its end: the supervisor's own memory. */
static void used_after_free(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);

	sluice_supervisor_free(sv);
	printf("# %d\n", sluice_fd(sv));
}

/* The control of the control: nothing is wrong here, and nothing may be reported. */
static void clean(void)
{
	serve(answer, NULL);
}

static void wrong(void)
{
	CHECK(!"wrong");
}

const struct target_main targets[] = {{"mkdir", target_mkdir}, {NULL, NULL}};
const struct test tests[] = {{"leak", leak}, {"overflow", overflow},
	{"uninitialised", uninitialised}, {"undefined", undefined}, {"race", race},
	{"used-after-free", used_after_free}, {"clean", clean}, {"wrong", wrong}, {NULL, NULL}};
