/* Each allocation fails once in everything that libsluice-profile does with a profile: the
 * answer is -ENOMEM or the one that it always is, outputs are written on success alone, and
 * nothing leaks.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice-filter.h>
#include <sluice-profile.h>

#include "alloc/fail.h"

static const char docker[] =
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"ENOSYS\", \"x\": [1, {}],\n"
	"\"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\", \"subArchitectures\":\n"
	"[\"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"]}],\n"
	"\"syscalls\": [{\"names\": [\"read\", \"write\", \"openat\", \"unheard\"],\n"
	"\"action\": \"SCMP_ACT_ALLOW\", \"comment\": \"words\", \"more\": {\"a\": 1}},\n"
	"{\"name\": \"socket\", \"action\": \"SCMP_ACT_ALLOW\", \"args\": [\n"
	"{\"index\": 0, \"value\": 16, \"op\": \"SCMP_CMP_EQ\"}]},\n"
	"{\"names\": [\"clone\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [\n"
	"{\"index\": 0, \"value\": 2114060288, \"op\": \"SCMP_CMP_MASKED_EQ\"}],\n"
	"\"includes\": {\"minKernel\": \"4.8\", \"arches\": [\"amd64\"]},\n"
	"\"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},\n"
	"{\"names\": [\"ptrace\", \"chown\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}";

static const char config[] =
	"{\"ociVersion\": \"1.0\", \"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\",\n"
	"\"architectures\": [\"SCMP_ARCH_X86_64\"], \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"],\n"
	"\"listenerPath\": \"/run/a\", \"listenerMetadata\": \"m\", \"syscalls\": [\n"
	"{\"names\": [\"dup\", \"dup2\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13,\n"
	"\"args\": [{\"index\": 1, \"value\": 5, \"op\": \"SCMP_CMP_GT\"},\n"
	"{\"index\": 0, \"value\": 7, \"op\": \"SCMP_CMP_NE\"}]}]}}}";

static const char yaml[] =
	"# a comment\napiVersion: security-profiles-operator.x-k8s.io/v1beta1\n"
	"kind: SeccompProfile\nmetadata:\n  name: a\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n"
	"  - names:\n    - read\n    - exit_group\n    action: SCMP_ACT_ALLOW\n"
	"  - names: [dup]\n    action: SCMP_ACT_ALLOW\n    args:\n"
	"    - {index: 0, value: 3, op: SCMP_CMP_EQ}\n";

static const char wrong[] = "{\"defaultAction\": \"SCMP_ACT_ALOW\", \"syscalls\": [{\"names\":\n"
			    "[\"raed\", \"raed\", \"\"], \"action\": 7}], \"defaultAction\": 1}";

static unsigned n_checks, n_failed;

static bool check(bool good, const char *what, unsigned nth)
{
	if (!good)
		printf("# %s: allocation %u\n", what, nth);
	return good;
}

static void hear(const struct sluice_finding *finding, void *data)
{
	unsigned *n = data;

	*n += (unsigned)strlen(finding->message) > 0;
}

/* ---- what is done: each returns 0 or -errno, and frees what it got ------------------- */

static int read_it(const char *text, struct sluice_profile **p)
{
	struct sluice_profile_options o = SLUICE_PROFILE_OPTIONS_INIT;
	unsigned heard = 0;

	o.report = hear;
	o.data = &heard;
	return sluice_profile_read(text, strlen(text), &o, p);
}

static int do_read(const struct sluice_profile *p, const char *text)
{
	struct sluice_profile *q = NULL;
	int rc = read_it(text, &q);

	(void)p;
	if (rc && q)
		abort();
	sluice_profile_free(q);
	return rc;
}

static int write_as(const struct sluice_profile *p, enum sluice_profile_form form)
{
	char *text = NULL;
	size_t size = 0;
	int rc = sluice_profile_write(p, form, &text, &size);

	if (rc && text)
		abort();
	free(text);
	return rc;
}

static int do_write(const struct sluice_profile *p, const char *text)
{
	(void)text;
	return write_as(p, SLUICE_FORM_ANY);
}

static int do_write_docker(const struct sluice_profile *p, const char *text)
{
	(void)text;
	return write_as(p, SLUICE_FORM_DOCKER);
}

static int do_write_spo(const struct sluice_profile *p, const char *text)
{
	struct sluice_profile *resolved = NULL;
	int rc = sluice_profile_resolve(p, NULL, &resolved);

	(void)text;
	if (!rc)
		rc = write_as(resolved, SLUICE_FORM_SPO);
	sluice_profile_free(resolved);
	return rc;
}

static int do_program(const struct sluice_profile *p, const char *text)
{
	struct sock_filter *insns = NULL;
	unsigned n = 0;
	int rc = sluice_profile_program(p, NULL, &insns, &n);

	(void)text;
	if (rc && insns)
		abort();
	free(insns);
	return rc;
}

static int do_filter(const struct sluice_profile *p, const char *text)
{
	struct sluice_filter *f = NULL;
	int rc = sluice_profile_filter(p, NULL, &f);

	(void)text;
	if (rc && f)
		abort();
	sluice_filter_free(f);
	return rc;
}

static int do_lint(const struct sluice_profile *p, const char *text)
{
	unsigned heard = 0;

	(void)text;
	return sluice_profile_lint(p, NULL, hear, &heard);
}

static int do_fix(const struct sluice_profile *p, const char *text)
{
	struct sluice_profile *fixed = NULL;
	unsigned heard = 0;
	int rc = sluice_profile_fix(p, NULL, hear, &heard, &fixed);

	(void)text;
	if (rc < 0 && fixed)
		abort();
	sluice_profile_free(fixed);
	return rc;
}

static int merge(const struct sluice_profile *p, enum sluice_profile_merge how)
{
	static const char *const names[] = {"read", "close"};
	struct sluice_profile_merger *m = NULL;
	struct sluice_profile *resolved = NULL, *out = NULL;
	char error[256] = "";
	int rc = sluice_profile_resolve(p, NULL, &resolved);

	if (!rc)
		rc = sluice_profile_merger_new(how, &m);
	if (!rc)
		rc = sluice_profile_merger_add(m, resolved, error);
	if (!rc)
		rc = sluice_profile_add(resolved, SCMP_ACT_LOG, names, 2, NULL, 0);
	if (!rc)
		rc = sluice_profile_comment(resolved, 0, "another");
	if (!rc)
		rc = sluice_profile_merger_add(m, resolved, error);
	if (!rc)
		rc = sluice_profile_merger_finish(m, &out, error);
	if (rc && out)
		abort();
	sluice_profile_free(out);
	sluice_profile_free(resolved);
	sluice_profile_merger_free(m);
	return rc;
}

static int do_union(const struct sluice_profile *p, const char *text)
{
	(void)text;
	return merge(p, SLUICE_PROFILE_UNION);
}

static int do_intersect(const struct sluice_profile *p, const char *text)
{
	(void)text;
	return merge(p, SLUICE_PROFILE_INTERSECT);
}

/* ---- each allocation ---------------------------------------------------------------- */

struct action {
	const char *name;
	int (*run)(const struct sluice_profile *p, const char *text);
};

static void fail_each(const struct action *a, const struct sluice_profile *p, const char *text,
	const char *which)
{
	int rc, right = a->run(p, text); /* what is kept for ever is there now */
	unsigned nth = 0;
	bool failed, good = true;
	long alive;

	do {
		alive = fail_alive();
		fail_at(++nth);
		rc = a->run(p, text);
		failed = fail_end();
		good &= check(rc == right || (failed && rc == -ENOMEM), strerror(abs(rc)), nth);
		good &= check(fail_alive() == alive, "something leaks", nth);
	} while (failed && nth < 100000);
	good &= check(nth > 1, "nothing was allocated", nth);
	n_checks++;
	n_failed += !good;
	printf("%s %u - %s of %s: %u allocations\n", good ? "ok" : "not ok", n_checks, a->name,
		which, nth - 1);
	fflush(stdout);
}

/* ---- memory --------------------------------------------------------------------------
 */

#define NAMES 20000u
#define MOST_BYTES 600

/* NAMES calls, each in two entries. */
static struct sluice_profile *many_names(void)
{
	static char text[NAMES][16];
	static const char *names[NAMES];
	const struct scmp_arg_cmp one = SCMP_A0(SCMP_CMP_EQ, 1), two = SCMP_A1(SCMP_CMP_GT, 2);
	struct sluice_profile *p = NULL;

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(text[i], sizeof(text[i]), "call%u", i);
		names[i] = text[i];
	}
	if (sluice_profile_new(SCMP_ACT_ERRNO(1), &p) ||
		sluice_profile_add(p, SCMP_ACT_ALLOW, names, NAMES, &one, 1) ||
		sluice_profile_add(p, SCMP_ACT_ALLOW, names, NAMES, &two, 1))
		abort();
	return p;
}

/* What is the same for many names is kept once: a region alone has 152 bytes. */
static void bound_memory(void)
{
	struct sluice_profile *p = many_names();
	long each;
	bool good;

	fail_peak_from_here();
	if (merge(p, SLUICE_PROFILE_UNION))
		abort();
	each = fail_peak() / (long)NAMES;
	good = each < MOST_BYTES;
	n_checks++;
	n_failed += !good;
	printf("%s %u - merging takes %ld bytes a name, at most %d\n", good ? "ok" : "not ok",
		n_checks, each, MOST_BYTES);
	sluice_profile_free(p);
}

int main(void)
{
	static const struct action actions[] = {{"reading", do_read}, {"writing", do_write},
		{"writing for Docker", do_write_docker}, {"writing for SPO", do_write_spo},
		{"compiling", do_program}, {"ordering", do_filter}, {"checking", do_lint},
		{"repairing", do_fix}, {"union", do_union}, {"intersection", do_intersect}};
	static const char *const texts[][2] = {{docker, "Docker's form"},
		{config, "a config.json"}, {yaml, "YAML"}, {wrong, "what is wrong"}};

	for (size_t t = 0; t < sizeof(texts) / sizeof(*texts); t++) {
		struct sluice_profile *p = NULL;
		int rc = read_it(texts[t][0], &p);

		if (rc == -EOPNOTSUPP)
			continue; /* built without libyaml */
		fail_each(&actions[0], NULL, texts[t][0], texts[t][1]);
		for (size_t a = 1; !rc && a < sizeof(actions) / sizeof(*actions); a++)
			fail_each(&actions[a], p, texts[t][0], texts[t][1]);
		sluice_profile_free(p);
	}
	bound_memory();
	printf("1..%u\n", n_checks);
	return n_failed != 0;
}
