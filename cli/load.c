/* Filters from whatever names them: a profile, a BPF file, a process.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "input.h"
#include "profile.h"
#include "util/cleanup.h"

#define EXPECTED "a profile, a BPF file or pid:N"

/* As much text as a profile can be, and a little more so that too much is seen. */
#define TEXT_MAX  ((16u << 20) + 1)
#define BPF_BYTES (SLUICE_PROGRAM_MAX * sizeof(struct sock_filter) + 1)

bool cli_pid(const char *text, bool bare, pid_t *pid)
{
	unsigned long n;
	char *end;

	if (strncmp(text, "pid:", 4) == 0)
		text += 4;
	else if (!bare)
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || n == 0 || n > INT32_MAX)
		return false;
	*pid = (pid_t)n;
	return true;
}

void cli_program_freep(struct sluice_program **program)
{
	sluice_program_free(*program);
}

void cli_report(const struct sluice_finding *f, void *data)
{
	const char *name = *f->file ? f->file : data;

	if (f->severity == SLUICE_ERROR)
		cli_error_at(name, f->line, f->column, "%s", f->message);
}

/* Reads until @n bytes are there or the file ends. -1: errno says why. */
static ssize_t fill(int fd, char *buf, size_t have, size_t n)
{
	while (have < n) {
		ssize_t rc = read(fd, buf + have, n - have);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		have += (size_t)rc;
	}
	return (ssize_t)have;
}

/* All of it: no instruction is without a zero byte, and no text is with one. */
static int slurp(int fd, const char *name, char **out, size_t *size, bool *bpf)
{
	_cleanup_free_ char *buf = malloc(BPF_BYTES);
	char *bigger;
	ssize_t n = buf ? fill(fd, buf, 0, sizeof(struct sock_filter)) : -1;

	if (n >= 0) {
		*bpf = n == 0 || memchr(buf, '\0', (size_t)n);
		n = fill(fd, buf, (size_t)n, BPF_BYTES);
	}
	if (n == (ssize_t)BPF_BYTES && !*bpf) {
		bigger = realloc(buf, TEXT_MAX);
		if (bigger)
			buf = bigger;
		n = bigger ? fill(fd, buf, (size_t)n, TEXT_MAX) : -1;
	}
	if (n < 0)
		return cli_input_failed(name, errno, EXPECTED);
	*out = steal_ptr(buf);
	*size = (size_t)n;
	return 0;
}

static int from_bytes(
	const char *name, const char *bytes, size_t size, struct sluice_program **out)
{
	struct sluice_error error = {0};

	if (!size)
		return cli_error_at(
			name, 0, 0, "found an empty file, expected " EXPECTED);
	if (size >= 4 && memcmp(bytes, "\177ELF", 4) == 0)
		return cli_error_at(name, 0, 0,
			"found an ELF file, expected " EXPECTED
			" (sluice calls reads programs)");
	if (size == BPF_BYTES)
		return cli_error_at(name, 0, 0,
			"found more than 4096 instructions, expected " EXPECTED);
	if (size % sizeof(struct sock_filter))
		return cli_error_at(name, 0, 0,
			"found %zu bytes, which are not a whole number of instructions "
			"(8 bytes each), expected " EXPECTED
			": it is cut short, or something else",
			size);
	/* malloc() aligned it. */
	if (sluice_program_new((const struct sock_filter *)(const void *)bytes,
		    size / sizeof(struct sock_filter), out, &error) == 0)
		return 0;
	if (*error.where)
		return cli_error_at(name, 0, 0, "%s: %s", error.where, error.message);
	return cli_error_at(name, 0, 0, "%s", error.message);
}

/* What is asked for, and where the profile that it was made of goes. */
struct loading {
	struct cli *cli;
	const struct cli_target *target;
	struct sluice_profile **profile;
};

static int from_profile(const struct loading *l, const char *name, const char *text,
	size_t size, struct sluice_program **out)
{
	struct sluice_profile_options options = SLUICE_PROFILE_OPTIONS_INIT;
	struct sock_filter *insns = NULL;
	struct cli_target_lists lists;
	struct sluice_target target;
	struct sluice_profile *p;
	unsigned int n;
	int rc;

	if (cli_target_fill(l->cli, l->target, name, &lists, &target))
		return CLI_TROUBLE;
	options.file = name;
	options.report = target.report = cli_report;
	rc = sluice_profile_read(text, size, &options, &p);
	if (rc < 0)
		return rc == -EINVAL
			       ? CLI_TROUBLE
			       : cli_error_at(name, 0, 0, "%s",
					 rc == -EOPNOTSUPP
						 ? "YAML, which this sluice was "
						   "built without"
					 : rc == -E2BIG ? "more than 16 MB, 64 levels or "
							  "2^20 values"
							: strerror(-rc));
	rc = sluice_profile_program(p, &target, &insns, &n);
	if (rc < 0)
		cli_error_at(name, 0, 0, "the profile gives no filter: %s",
			cli_no_program(rc));
	else
		rc = from_bytes(name, (const char *)insns, n * sizeof(*insns), out);
	free(insns);
	if (rc || !l->profile)
		sluice_profile_free(p);
	else
		*l->profile = p;
	return rc ? CLI_TROUBLE : 0;
}

const char *cli_no_program(int rc)
{
	switch (rc) {
	case -E2BIG:
		return "it needs more than the 4096 instructions that the kernel takes";
	case -EOVERFLOW: /* with SECCOMP_SELF_CHECK in the environment */
		return "its proof is over the limits";
	default:
		return strerror(-rc);
	}
}

static int from_fd(
	const struct loading *l, int fd, const char *name, struct sluice_program **out)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0;
	bool bpf = false;
	int rc = slurp(fd, name, &buf, &size, &bpf);

	if (rc)
		return rc;
	return bpf ? from_bytes(name, buf, size, out)
		   : from_profile(l, name, buf, size, out);
}

static int from_process(struct cli *cli, pid_t pid, struct sluice_program **out)
{
	struct sluice_error error = {0};

	if (sluice_program_of(pid, 0, out, &error) < 0)
		return cli_error(cli, "%s", error.message);
	if (sluice_program_filters(*out) == 0)
		cli_warn(
			cli, "process %d has no filter: everything is allowed", (int)pid);
	return 0;
}

int cli_filter_or_profile(struct cli *cli, const struct cli_target *target,
	const char *text, struct sluice_program **out, struct sluice_profile **profile)
{
	const struct loading l = {cli, target, profile};
	_cleanup_close_ int fd = -1;
	pid_t pid;

	if (profile)
		*profile = NULL;
	if (cli_pid(text, false, &pid))
		return from_process(cli, pid, out);
	if (strncmp(text, "pid:", 4) == 0)
		return cli_error(cli, "\"%s\" is no process: pid: and a number", text);
	fd = cli_input_open(text, EXPECTED);
	return fd < 0 ? CLI_TROUBLE : from_fd(&l, fd, cli_input_name(text), out);
}

int cli_filter(struct cli *cli, const struct cli_target *target, const char *text,
	struct sluice_program **out)
{
	return cli_filter_or_profile(cli, target, text, out, NULL);
}

const struct cli_positional cli_two_filters[] = {
	{.name = "A", .help = "a profile, a BPF file or pid:N", .word = CLI_WORD_FILTER},
	{.name = "B", .help = "the other filter", .word = CLI_WORD_FILTER},
	CLI_WORDS_END,
};

const struct cli_positional cli_filter_and_call[] = {
	{.name = "FILTER",
		.help = "a profile, a BPF file or pid:N",
		.word = CLI_WORD_FILTER},
	{.name = "CALL",
		.help = "a system call, by name or number",
		.word = CLI_WORD_CALL},
	{.name = "ARG",
		.help = "its arguments: decimal, 0x, negative, or constants by name "
			"(O_RDWR|O_CREAT); 0 if not given",
		.optional = true,
		.repeated = true},
	CLI_WORDS_END,
};
