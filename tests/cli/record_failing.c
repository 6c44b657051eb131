/* Each allocation fails once in what "sluice record" and "sluice inject" do with what
 * they have noted: the tables, the profile, the policy of --paths. The answer is an error
 * or the text that it always is, and nothing leaks. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/fail.h"
#include "occurrences.h"
#include "paths.h"
#include "recording.h"

#define NUMBERS 100
#define FILES	12 /* more than make a folder */

extern const struct cli_command cli_cmd_record;

static char top[] = "/tmp/sluice-record-failing-XXXXXX", policy[64];
static struct cli cli = {.command = &cli_cmd_record};
static struct paths_file files[FILES + 2];

/* The recording of a program with a few calls and many numbers without a name. */
static int profile(char **text)
{
	struct recorded_list list = {0};
	struct recording r = {0};
	struct sluice_profile *p = NULL;
	size_t size;
	int rc = 0;

	for (int i = 0; i < NUMBERS && !rc; i++) {
		struct seen *s =
			recording_of(&r, seccomp_arch_native(), i < 4 ? i : 100000 + i);

		if (s)
			s->count++;
		rc = s ? 0 : -ENOMEM;
	}
	recording_sort(&r);
	rc = rc ? rc : recorded_make(&r, NULL, false, &list);
	rc = rc ? rc : sluice_profile_new(SCMP_ACT_ERRNO(EPERM), &p);
	rc = rc ? rc : recorded_write(&list, &r, "recorded", p);
	rc = rc ? rc : sluice_profile_write(p, SLUICE_FORM_DOCKER, text, &size);
	sluice_profile_free(p);
	recorded_clear(&list);
	recording_clear(&r);
	return rc;
}

static int threads(void)
{
	struct occurrences all = {0};
	int rc = 0;

	for (uint32_t i = 0; i < NUMBERS && !rc; i++) {
		struct occurrence *o = occurrences_of(&all, i * 977, i % 2);

		rc = !o ? -ENOMEM : o->thread != i + 1 || o->count ? -EINVAL : 0;
	}
	occurrences_clear(&all);
	return rc;
}

static int write_policy(char **text)
{
	struct paths seen = {.files = files, .n = FILES + 2};
	FILE *in;
	int rc = paths_write(&cli, &seen, policy, false);

	if (rc)
		return rc == CLI_TROUBLE ? -ENOMEM : -EINVAL;
	in = fopen(policy, "re");
	*text = calloc(1, 4096);
	if (!in || !*text || !fread(*text, 1, 4095, in))
		rc = -ENOMEM;
	if (in)
		fclose(in);
	return rc;
}

struct made {
	char *profile, *policy;
};

static int make(struct made *m)
{
	int rc = profile(&m->profile);

	rc = rc ? rc : threads();
	return rc ? rc : write_policy(&m->policy);
}

static void clear(struct made *m)
{
	free(m->profile);
	free(m->policy);
}

static bool once(unsigned int nth, const struct made *usual, bool *failed)
{
	long before = fail_alive();
	struct made m = {0};
	const char *wrong = NULL;
	int rc;

	fail_at(nth);
	rc = make(&m);
	*failed = fail_end();
	if (rc && (!*failed || rc != -ENOMEM))
		wrong = "another error";
	else if (!rc && (strcmp(m.profile, usual->profile) != 0 ||
				strcmp(m.policy, usual->policy) != 0))
		wrong = "another text";
	clear(&m);
	if (!wrong && fail_alive() > before)
		wrong = "blocks are left";
	if (wrong)
		printf("# allocation %u: %d: %s, %ld blocks\n", nth, rc, wrong,
			fail_alive() - before);
	return !wrong;
}

/* Files in one folder, one that is gone, and a folder that is listed. */
static int prepare(void)
{
	char *names = calloc(FILES + 2, 64);

	if (!mkdtemp(top) || !names || !freopen("/dev/null", "we", stderr))
		return -1;
	snprintf(policy, sizeof(policy), "%s/policy", top);
	for (int i = 0; i < FILES + 2; i++) {
		char *name = names + (size_t)i * 64;
		FILE *f;

		files[i] = (struct paths_file){
			.path = name, .access = i % 2 ? PATHS_READ : PATHS_EXEC};
		snprintf(name, 64, i == FILES ? "/usr" : "%s/%d", top, i);
		if (i >= FILES)
			continue;
		f = fopen(name, "we");
		if (!f || fclose(f))
			return -1;
	}
	return 0;
}

int main(void)
{
	struct made usual = {0};
	bool good = true, failed = true;
	unsigned int nth = 0;
	char remove[64];

	if (prepare() || make(&usual))
		abort();
	good = strstr(usual.policy, "\"/usr\"") && strstr(usual.profile, "\"read\"");
	printf("%s 1 - what is made without a failure\n", good ? "ok" : "not ok");
	cli_error(&cli, "nothing"); /* libc keeps some blocks */
	while (failed || nth < 2)
		good = once(nth++, &usual, &failed) && good;
	good = good && nth > 100;
	printf("# %u allocations\n%s 2 - each allocation of a recording fails "
	       "once\n1..2\n",
		nth, good ? "ok" : "not ok");
	clear(&usual);
	free(files[0].path);
	snprintf(remove, sizeof(remove), "rm -rf %s", top);
	return system(remove) || !good;
}
