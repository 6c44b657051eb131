/* sluice compile: a profile, or a list of calls, as a program.
 * SPDX-License-Identifier: MIT */
#include "profile.h"
#include "systemd.h"

#include <errno.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/vec.h"

struct options {
	struct cli_target target;
	struct cli_list allow, deny;
	const char *output, *enosys;
	unsigned format;
	bool strict, base64, systemd;
};

static const char *const formats[] = {"raw", "base64", "c", "systemd", NULL};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

/* ---- a list of calls ----------------------------------------------------------------
 */

struct names {
	struct cli *cli;
	const char **items;
	uint32_t n, cap;
};

static void free_names(struct names *names)
{
	for (uint32_t i = 0; i < names->n; i++)
		free((char *)(uintptr_t)names->items[i]);
	free(names->items);
}

static int add_name(const char *word, void *data);

/* Every call of this machine that is in the group. */
static int add_group(struct names *names, const char *word)
{
	uint64_t bit = 0;
	unsigned at = 0;
	const char *name;

	if (sluice_group(word, &bit)) {
		cli_error(names->cli, "found %s, expected a group like @system-service",
			word);
		return -1;
	}
	while ((name = sluice_call_next(SCMP_ARCH_NATIVE, &at))) {
		struct sluice_call_info info = {.size = sizeof(info)};

		if (!sluice_call_info(SCMP_ARCH_NATIVE, name, &info) &&
			info.groups & bit && add_name(name, names))
			return -1;
	}
	return 0;
}

static int add_name(const char *word, void *data)
{
	struct names *names = data;
	char *copy;

	if (*word == '@')
		return add_group(names, word);
	for (uint32_t i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], word))
			return 0;
	if (seccomp_syscall_resolve_name(word) == __NR_SCMP_ERROR) {
		cli_error(
			names->cli, "found %s, expected the name of a system call", word);
		return -1;
	}
	copy = strdup(word);
	if (!copy || sc_reserve(names->items, names->cap, names->n, 1)) {
		free(copy);
		cli_error(names->cli, "out of memory");
		return -1;
	}
	names->items[names->n++] = copy;
	return 0;
}

static void take_out(struct names *from, const struct names *what)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < from->n; i++) {
		bool out = false;

		for (uint32_t k = 0; k < what->n && !out; k++)
			out = !strcmp(from->items[i], what->items[k]);
		if (out)
			free((char *)(uintptr_t)from->items[i]);
		else
			from->items[kept++] = from->items[i];
	}
	from->n = kept;
}

/* Allowed calls fail otherwise with EPERM; with refused ones alone everything else is
 * allowed. */
static struct sluice_profile *listed(struct cli *cli, const struct options *o)
{
	_cleanup_(free_names) struct names allow = {.cli = cli}, deny = {.cli = cli};
	struct sluice_profile *p = NULL;
	bool allows = o->allow.n;
	int rc;

	if (cli_each_word(&o->allow, add_name, &allow) ||
		cli_each_word(&o->deny, add_name, &deny))
		return NULL;
	take_out(&allow, &deny);
	rc = sluice_profile_new(allows ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, &p);
	if (!rc)
		rc = sluice_profile_add(p,
			allows ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM),
			allows ? allow.items : deny.items, allows ? allow.n : deny.n,
			NULL, 0);
	if (!rc)
		return p;
	cli_error(cli, "%s", strerror(-rc));
	sluice_profile_free(p);
	return NULL;
}

/* ---- forms ------------------------------------------------------------------------- */

static int put_base64(
	struct cli *cli, const struct options *o, const unsigned char *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	_cleanup_free_ char *text = malloc(size / 3 * 4 + 8);
	size_t n = 0;

	if (!text)
		return cli_error(cli, "out of memory");
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t v = (uint32_t)bytes[i] << 16 |
			     (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
			     (left > 2 ? bytes[i + 2] : 0);

		text[n++] = digits[v >> 18];
		text[n++] = digits[v >> 12 & 63];
		text[n++] = digits[left > 1 ? v >> 6 & 63 : 64];
		text[n++] = digits[left > 2 ? v & 63 : 64];
	}
	text[n++] = '\n';
	return cli_write_file(cli, o->output, text, n);
}

static int put_c(struct cli *cli, const struct options *o,
	const struct sock_filter *insns, unsigned count)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return cli_error(cli, "out of memory");
	fprintf(f, "static const struct sock_filter filter[%u] = {\n", count);
	for (unsigned i = 0; i < count; i++)
		fprintf(f, "\t{0x%02x, %u, %u, 0x%08x},\n", insns[i].code, insns[i].jt,
			insns[i].jf, insns[i].k);
	fputs("};\n", f);
	if (fclose(f) || !text)
		return cli_error(cli, "out of memory");
	return cli_write_file(cli, o->output, text, size);
}

/* Places in @formats, from 1; 0: none was said. */
enum form {
	FORM_RAW = 1,
	FORM_BASE64,
	FORM_C,
	FORM_SYSTEMD,
};

/* 0: two were said. */
static enum form form_of(const struct options *o)
{
	if ((o->format != 0) + o->base64 + o->systemd > 1)
		return 0;
	return o->base64    ? FORM_BASE64
	       : o->systemd ? FORM_SYSTEMD
	       : o->format  ? (enum form)o->format
			    : FORM_RAW;
}

static int put_systemd(struct cli *cli, const struct options *o,
	const struct sluice_profile *p, const struct sluice_target *t)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int rc = cli_systemd(cli, p, t, &text, &size);

	return rc ? rc : cli_write_file(cli, o->output, text, size);
}

static int put(struct cli *cli, const struct options *o, enum form form,
	const struct sock_filter *insns, unsigned count)
{
	size_t size = count * sizeof(*insns);

	if (form == FORM_BASE64)
		return put_base64(cli, o, (const unsigned char *)insns, size);
	if (form == FORM_C)
		return put_c(cli, o, insns, count);
	if (cli_to_stdout(o->output) && isatty(STDOUT_FILENO))
		return cli_error(cli,
			"a program is not for a terminal: use -o FILE, a pipe or "
			"--format=base64");
	return cli_write_file(cli, o->output, insns, size);
}

static int set_cutoff(struct cli *cli, const char *word, struct sluice_target *t)
{
	if (!word)
		return 0;
	if (!strcmp(word, "none"))
		t->cutoff = SLUICE_CUTOFF_NONE;
	else if (!strcmp(word, "profile"))
		t->cutoff = SLUICE_CUTOFF_PROFILE;
	else if ((t->cutoff_kernel = cli_kernel_version(word)))
		t->cutoff = SLUICE_CUTOFF_KERNEL;
	else
		return cli_error(cli,
			"found --enosys=%s, expected none, profile or a kernel's version",
			word);
	return 0;
}

static int run(struct cli *cli)
{
	const struct options *o = cli->options;
	_cleanup_(profile_freep) struct sluice_profile *p = NULL;
	struct sock_filter *insns = NULL;
	struct cli_target_lists lists;
	struct sluice_target t;
	bool list = o->allow.n || o->deny.n;
	enum form form = form_of(o);
	unsigned count = 0;
	int rc;

	if (!form)
		return cli_error(cli, "expected one of --format, --base64 and --systemd");
	if (list == (cli->argc > 0))
		return cli_error(
			cli, "expected a profile, or --allow or --deny in place of one");
	if (cli_target_fill(
		    cli, &o->target, list ? "command line" : cli->argv[0], &lists, &t) ||
		set_cutoff(cli, o->enosys, &t))
		return CLI_TROUBLE;
	p = list ? listed(cli, o) : cli_read_profile(cli->argv[0], o->strict);
	if (!p)
		return CLI_TROUBLE;
	if (form == FORM_SYSTEMD)
		return put_systemd(cli, o, p, &t);
	rc = sluice_profile_program(p, &t, &insns, &count);
	if (rc)
		return cli_error(cli, "nothing was compiled: %s", cli_no_program(rc));
	rc = put(cli, o, form, insns, count);
	free(insns);
	return rc;
}

static const struct cli_option options[] = {
	{'o', "output", "FILE", CLI_STRING, offsetof(struct options, output),
		"write to this file (default: standard output)", CLI_WORD_FILE,
		NULL},
	{0, "format", "FORM", CLI_CHOICE, offsetof(struct options, format),
		"raw instructions, base64 for crun's annotation, an array in c, or lines "
		"of a unit of systemd",
		CLI_WORD_CHOICE, formats},
	{0, "base64", NULL, CLI_FLAG, offsetof(struct options, base64),
		"the same as --format=base64", CLI_WORD_ANY, NULL},
	{0, "systemd", NULL, CLI_FLAG, offsetof(struct options, systemd),
		"the same as --format=systemd", CLI_WORD_ANY, NULL},
	{0, "allow", "CALLS", CLI_LIST, offsetof(struct options, allow),
		"without a profile: allow these calls or @groups, refuse all others",
		CLI_WORD_CALL, NULL},
	{0, "deny", "CALLS", CLI_LIST, offsetof(struct options, deny),
		"without a profile: refuse these calls or @groups", CLI_WORD_CALL, NULL},
	{0, "enosys", "WHEN", CLI_STRING, offsetof(struct options, enosys),
		"new calls that fail with ENOSYS: none, profile (newer than all its "
		"calls), or a kernel version (newer than that)",
		CLI_WORD_ANY, NULL},
	{0, "strict", NULL, CLI_FLAG, offsetof(struct options, strict),
		"refuse unknown names and keys", CLI_WORD_ANY, NULL},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{"PROFILE", "OCI, Docker, config.json or SeccompProfile; - is standard input",
		CLI_WORD_FILE, true, false, NULL},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice compile --deny=ptrace,bpf --format=base64",
		"refuse two calls, allow the rest"},
	{"sluice compile --systemd --deny=@clock,@reboot,ptrace",
		"a list of calls for a unit of systemd"},
	{"sluice compile --as=crun -o base.bpf base.json", "the program that crun loads"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_compile = {
	.name = "compile",
	.summary = "make the program that a runtime loads for a profile",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program was written",
		.trouble = "the profile is refused, or could not be read or written"},
	.options_size = sizeof(struct options),
	.run = run,
};
