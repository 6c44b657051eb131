/* Profiles on the command line.
 * SPDX-License-Identifier: MIT */
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "util/capabilities.h"
#include "util/cleanup.h"
#include "util/kernel.h"

const char *const cli_runtimes[] = {"runc", "crun", "runc-1.1", NULL};

void cli_say_finding(const struct sluice_finding *f, void *data)
{
	(void)data;
	cli_error_at(f->file, f->line, f->column, "%s%s%s%s%s",
		f->severity == SLUICE_ERROR	? ""
		: f->severity == SLUICE_WARNING ? "warning: "
						: "note: ",
		f->line ? "" : f->path, f->line || !*f->path ? "" : ": ", f->message, "");
}

unsigned cli_kernel_version(const char *text)
{
	unsigned version;
	const char *end = sc_kernel_version(text, &version);

	return end && !*end ? version : 0;
}

int cli_each_word(const struct cli_list *list, int (*word)(const char *word, void *data),
	void *data)
{
	for (unsigned i = 0; i < list->n; i++) {
		_cleanup_free_ char *copy = strdup(list->items[i]);
		char *rest = NULL;

		if (!copy)
			return -1;
		for (char *s = strtok_r(copy, ",", &rest); s;
			s = strtok_r(NULL, ",", &rest))
			if (word(s, data))
				return -1;
	}
	return 0;
}

struct filling {
	struct cli *cli;
	struct cli_target_lists *lists;
	struct sluice_target *t;
	size_t used;
};

/* "sys_admin", "SYS_ADMIN" and "CAP_SYS_ADMIN" are the same. */
static int add_cap(const char *word, void *data)
{
	struct filling *f = data;
	char *name = f->lists->text + f->used;
	size_t room = sizeof(f->lists->text) - f->used;
	int n;

	if (!strcasecmp(word, "all")) {
		for (f->t->n_caps = 0; sc_capabilities[f->t->n_caps]; f->t->n_caps++)
			f->lists->caps[f->t->n_caps] = sc_capabilities[f->t->n_caps];
		return 0;
	}
	n = snprintf(
		name, room, "%s%s", strncasecmp(word, "cap_", 4) ? "CAP_" : "", word);
	if (f->t->n_caps == CLI_TARGET_MOST || (size_t)n >= room) {
		cli_error(f->cli, "too many capabilities");
		return -1;
	}
	for (char *s = name; *s; s++)
		*s = (char)toupper((unsigned char)*s);
	for (const char *const *known = sc_capabilities; *known; known++)
		if (!strcmp(*known, name)) {
			f->lists->caps[f->t->n_caps++] = *known;
			return 0;
		}
	cli_error(
		f->cli, "found the capability %s, expected one like CAP_SYS_ADMIN", word);
	return -1;
}

static int add_arch(const char *word, void *data)
{
	struct filling *f = data;
	uint32_t arch = seccomp_arch_resolve_name(word);

	if (!arch || f->t->n_arches == CLI_TARGET_MOST) {
		cli_error(f->cli, "found the architecture %s, expected one like x86_64",
			word);
		return -1;
	}
	f->lists->arches[f->t->n_arches++] = arch;
	return 0;
}

int cli_target_fill(struct cli *cli, const struct cli_target *o, const char *file,
	struct cli_target_lists *lists, struct sluice_target *t)
{
	static const struct cli_target none;
	struct filling f = {cli, lists, t, 0};

	if (!o)
		o = &none;
	*t = (struct sluice_target)SLUICE_TARGET_INIT;
	t->as = o->as ? (enum sluice_runtime)(o->as - 1) : SLUICE_AS_RUNC;
	t->caps = lists->caps;
	t->arches = lists->arches;
	t->file = file;
	t->report = cli_say_finding;
	if (o->kernel && !(t->kernel = cli_kernel_version(o->kernel))) {
		cli_error(cli, "found the kernel %s, expected a version like 5.10",
			o->kernel);
		return -1;
	}
	if (o->machine && !(t->arch = seccomp_arch_resolve_name(o->machine))) {
		cli_error(cli, "found the machine %s, expected one like x86_64",
			o->machine);
		return -1;
	}
	if (cli_each_word(&o->caps, add_cap, &f))
		return -1;
	return cli_each_word(&o->arches, add_arch, &f);
}

/* What is no text at all needs no line and column. A pipe cannot be looked into. */
static bool is_no_text(int fd, const char *name)
{
	char head[8];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n == 0)
		cli_error_at(name, 0, 0, "found an empty file, expected a profile");
	else if (n >= 4 && memcmp(head, "\177ELF", 4) == 0)
		cli_error_at(name, 0, 0, "found an ELF file, expected a profile");
	else if (n > 0 && memchr(head, 0, (size_t)n))
		cli_error_at(name, 0, 0,
			"found a filter or other bytes that are no text, expected a profile");
	else
		return false;
	return true;
}

struct sluice_profile *cli_read_profile(const char *path, bool strict)
{
	struct sluice_profile_options o = SLUICE_PROFILE_OPTIONS_INIT;
	struct sluice_profile *p = NULL;
	_cleanup_close_ int file = cli_input_open(path, "a profile");
	int rc;

	if (file < 0 || is_no_text(file, cli_input_name(path)))
		return NULL;
	o.file = cli_input_name(path);
	o.strict = strict;
	o.report = cli_say_finding;
	rc = sluice_profile_read_fd(file, &o, &p);
	/* What is wrong in the text was said with its place. */
	if (rc && rc != -EINVAL && rc != -E2BIG && rc != -EOPNOTSUPP)
		cli_input_failed(path, -rc, "a profile");
	return p;
}
