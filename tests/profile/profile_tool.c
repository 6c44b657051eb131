/* What the library makes of a profile on the standard input, for tests:
 *   profile-tool read|strict                    findings, one a line
 *   profile-tool write FORM                     (a number) the profile again
 *   profile-tool write-oci                      the same as OCI says it
 *   profile-tool resolve [OPTION...]            the profile of a container
 *   profile-tool lint [OPTION...]               findings, one a line; exit 1 if any
 *   profile-tool fix [OPTION...]                the repaired profile
 *   profile-tool compile [OPTION...]            the program
 *   profile-tool filter [OPTION...]             the program of its ordered rules
 *   profile-tool time [OPTION...]               microseconds from the text to the program, a line each
 * OPTION: as=crun cutoff=N kernel=MAJOR.MINOR arch=NAME caps=CAP_A,CAP_B arches=NAME,NAME
 * Exit 0; 1: refused; 2: used wrongly.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sluice-filter.h"
#include "sluice-profile.h"

#define MOST 64

static void say(const struct sluice_finding *f, void *data)
{
	static const char *const severities[] = {"", "note", "warning", "error"};

	(void)data;
	fprintf(stderr, "%s:%u:%u: %s: %s: %s: %s\n", f->file, f->line, f->column,
		severities[f->severity], f->rule, f->path, f->message);
}

struct lists {
	const char *caps[MOST];
	uint32_t arches[MOST];
};

static void parse(struct sluice_target *t, struct lists *lists, char *option)
{
	char *value = strchr(option, '=');
	unsigned major, minor;

	if (!value)
		exit(2);
	*value++ = '\0';
	if (!strcmp(option, "as"))
		t->as = !strcmp(value, "crun")       ? SLUICE_AS_CRUN
			: !strcmp(value, "runc-1.1") ? SLUICE_AS_RUNC_1_1
						     : SLUICE_AS_RUNC;
	else if (!strcmp(option, "cutoff"))
		t->cutoff = (enum sluice_cutoff)atoi(value);
	else if (!strcmp(option, "kernel") && sscanf(value, "%u.%u", &major, &minor) == 2)
		t->kernel = major << 16 | minor;
	else if (!strcmp(option, "cutoff-kernel") &&
		 sscanf(value, "%u.%u", &major, &minor) == 2)
		t->cutoff_kernel = major << 16 | minor;
	else if (!strcmp(option, "arch"))
		t->arch = seccomp_arch_resolve_name(value);
	else if (!strcmp(option, "caps"))
		for (char *s = strtok(value, ","); s && t->n_caps < MOST;
			s = strtok(NULL, ","))
			lists->caps[t->n_caps++] = s;
	else if (!strcmp(option, "arches"))
		for (char *s = strtok(value, ","); s && t->n_arches < MOST;
			s = strtok(NULL, ","))
			lists->arches[t->n_arches++] = seccomp_arch_resolve_name(s);
	else
		exit(2);
}

static int put(const struct sluice_profile *p, enum sluice_profile_form form)
{
	char *text = NULL;
	size_t size = 0;
	int rc = sluice_profile_write(p, form, &text, &size);

	if (!rc)
		fwrite(text, 1, size, stdout);
	free(text);
	return rc;
}

static int compile(const struct sluice_profile *p, const struct sluice_target *t)
{
	struct sock_filter *insns = NULL;
	unsigned n = 0;
	int rc = sluice_profile_program(p, t, &insns, &n);

	if (!rc)
		fwrite(insns, sizeof(*insns), n, stdout);
	free(insns);
	return rc;
}

/* The program of the profile's ordered rules. */
static int filter(const struct sluice_profile *p, const struct sluice_target *t)
{
	struct sluice_filter *f = NULL;
	struct sock_filter *insns = NULL;
	struct sluice_error error = {0};
	size_t n = 0;
	int rc = sluice_profile_filter(p, t, &f);

	if (!rc)
		rc = sluice_filter_compile(f, &insns, &n, &error);
	if (rc && *error.message)
		fprintf(stderr, "%s\n", error.message);
	if (!rc)
		fwrite(insns, sizeof(*insns), n, stdout);
	free(insns);
	sluice_filter_free(f);
	return rc;
}

static int run(const char *what, const char *form, const struct sluice_profile *p,
	const struct sluice_target *t)
{
	struct sluice_profile *resolved = NULL, *fixed = NULL;
	int rc = 0;

	if (!strcmp(what, "write"))
		return put(p, (enum sluice_profile_form)atoi(form));
	if (!strcmp(what, "write-oci"))
		return put(p, SLUICE_FORM_OCI);
	if (!strcmp(what, "compile"))
		return compile(p, t);
	if (!strcmp(what, "filter"))
		return filter(p, t);
	if (!strcmp(what, "lint"))
		return sluice_profile_lint(p, t, say, NULL);
	if (!strcmp(what, "fix")) {
		rc = sluice_profile_fix(p, t, say, NULL, &fixed);
		if (rc >= 0)
			rc = put(fixed, SLUICE_FORM_ANY);
	}
	if (!strcmp(what, "resolve")) {
		rc = sluice_profile_resolve(p, t, &resolved);
		if (!rc)
			rc = put(resolved, SLUICE_FORM_ANY);
		sluice_profile_free(resolved);
	}
	sluice_profile_free(fixed);
	return rc;
}

/* The text is read again and again, from memory. */
static int measure(const struct sluice_profile_options *o, const struct sluice_target *t)
{
	static char text[1 << 20];
	size_t size = fread(text, 1, sizeof(text), stdin);

	for (unsigned int i = 0; i < 200; i++) {
		struct sluice_profile *p = NULL;
		struct sock_filter *insns = NULL;
		struct timespec a, b;
		unsigned int n = 0;
		int rc;

		clock_gettime(CLOCK_MONOTONIC, &a);
		rc = sluice_profile_read(text, size, o, &p);
		if (!rc)
			rc = sluice_profile_program(p, t, &insns, &n);
		free(insns);
		sluice_profile_free(p);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (rc)
			return rc;
		printf("%.2f\n", (double)(b.tv_sec - a.tv_sec) * 1e6 +
				(double)(b.tv_nsec - a.tv_nsec) / 1e3);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sluice_profile_options o = SLUICE_PROFILE_OPTIONS_INIT;
	struct sluice_target t = SLUICE_TARGET_INIT;
	struct sluice_profile *p = NULL;
	struct lists lists = {{0}, {0}};
	int rc;

	if (argc < 2)
		return 2;
	o.report = t.report = say;
	o.file = t.file = "stdin";
	o.strict = !strcmp(argv[1], "strict");
	t.caps = lists.caps;
	t.arches = lists.arches;
	for (int i = 2; i < argc && strcmp(argv[1], "write") != 0; i++)
		parse(&t, &lists, argv[i]);
	if (!strcmp(argv[1], "time")) {
		o.report = t.report = NULL;
		rc = measure(&o, &t);
	} else {
		rc = sluice_profile_read_fd(STDIN_FILENO, &o, &p);
	}
	if (!rc && strcmp(argv[1], "time") != 0)
		rc = run(argv[1], argc > 2 ? argv[2] : "0", p, &t);
	sluice_profile_free(p);
	if (rc < 0)
		fprintf(stderr, "%s\n", strerror(-rc));
	return rc != 0;
}
