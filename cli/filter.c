/* Architectures, calls and values, as users name them, and what comes out.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "regions.h"
#include "util/cleanup.h"

#define X32_BIT 0x40000000

const struct cli_arch *cli_arch_at(unsigned int i)
{
	static const char *const names[] = {"aarch64", "arm", "loongarch64", "m68k",
		"mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32",
		"parisc", "parisc64", "ppc", "ppc64", "ppc64le", "riscv64", "s390",
		"s390x", "sh", "sheb", "x32", "x86", "x86_64"};
	static struct cli_arch arches[sizeof(names) / sizeof(names[0])];
	struct cli_arch *a;

	if (i >= sizeof(names) / sizeof(names[0]))
		return NULL;
	a = &arches[i];
	if (!a->name) {
		a->token = seccomp_arch_resolve_name(names[i]);
		a->audit = a->token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : a->token;
		a->name = names[i];
	}
	return a;
}

uint32_t cli_native_audit(void)
{
	const struct cli_arch *a;

	for (unsigned int i = 0; (a = cli_arch_at(i)); i++)
		if (a->token == seccomp_arch_native())
			return a->audit;
	return seccomp_arch_native();
}

static const char *arch_name(const void *unused, unsigned int i)
{
	const struct cli_arch *a = cli_arch_at(i);

	(void)unused;
	return a ? a->name : NULL;
}

int cli_arch(const struct cli *cli, const char *name, const struct cli_arch **out)
{
	bool native = !name || strcmp(name, "native") == 0;
	const struct cli_arch *a;
	const char *near;

	for (unsigned int i = 0; (a = cli_arch_at(i)); i++) {
		if (native ? a->token == seccomp_arch_native()
			   : strcmp(a->name, name) == 0) {
			*out = a;
			return 0;
		}
	}
	near = cli_nearest(name ? name : "", arch_name, NULL);
	if (near)
		return cli_error(cli,
			"unknown architecture \"%s\" (did you mean \"%s\"?)", name, near);
	return cli_error(cli,
		"unknown architecture \"%s\": sluice syscalls --architectures lists "
		"them",
		name);
}

const struct cli_arch *cli_arch_of(uint32_t audit, int nr)
{
	bool x32 = audit == SCMP_ARCH_X86_64 && nr >= X32_BIT;
	const struct cli_arch *a;

	for (unsigned int i = 0; (a = cli_arch_at(i)); i++)
		if (a->audit == audit && (a->token == SCMP_ARCH_X32) == x32)
			return a;
	return NULL;
}

bool cli_call_known(uint32_t audit, int nr)
{
	char buf[CLI_CALL_MAX];

	return !isdigit((unsigned char)*cli_call_name(audit, nr, buf)) && *buf != '-';
}

char *cli_call_name(uint32_t audit, int nr, char buf[CLI_CALL_MAX])
{
	const struct cli_arch *a = nr >= 0 ? cli_arch_of(audit, nr) : NULL;
	char *name = a ? seccomp_syscall_resolve_num_arch(a->token, nr) : NULL;

	if (name)
		snprintf(buf, CLI_CALL_MAX, "%s", name);
	else
		snprintf(buf, CLI_CALL_MAX, "%d", nr);
	free(name);
	return buf;
}

bool cli_call_from(uint32_t audit, uint32_t *nr)
{
	/* Every architecture's numbers lie there: mips begins at 4000, 5000 and 6000;
	 * then come the private calls of arm, and x32. */
	static const uint32_t windows[][2] = {
		{0, 0x1fff}, {0xf0000, 0xf00ff}, {X32_BIT, X32_BIT + 0x1fff}};

	for (int i = 0; i < 3; i++) {
		uint32_t n = *nr > windows[i][0] ? *nr : windows[i][0];

		for (; n <= windows[i][1]; n++) {
			if (cli_call_known(audit, (int)n)) {
				*nr = n;
				return true;
			}
		}
	}
	return false;
}

/* Of a call that libseccomp counts to socketcall(2) or ipc(2): x86 has socket at 102 and at
 * 359. -1: there is none. */
static int own_number(const char *name, uint32_t arch)
{
	for (int nr = 0; nr < 1024; nr++) {
		_cleanup_free_ char *own = seccomp_syscall_resolve_num_arch(arch, nr);

		if (own && strcmp(own, name) == 0)
			return nr;
	}
	return -1;
}

int cli_call(
	const struct cli *cli, const struct cli_arch *arch, const char *text, int *nr)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 0);
	if (end != text && !*end && !errno && n >= INT32_MIN && n <= INT32_MAX) {
		*nr = (int)n;
		return 0;
	}
	n = seccomp_syscall_resolve_name_arch(arch->token, text);
	if (n == __NR_SCMP_ERROR) {
		const char *near = cli_nearest_call(text, arch->token);

		return near ? cli_error(cli,
				      "\"%s\" is no system call (did you mean \"%s\"?)",
				      text, near)
			    : cli_error(cli, "\"%s\" is no system call", text);
	}
	if (n < 0)
		n = own_number(text, arch->token);
	if (n < 0)
		return cli_error(
			cli, "%s has no call \"%s\" of its own", arch->name, text);
	*nr = (int)n;
	return 0;
}

int cli_value(const struct cli *cli, const char *text, uint64_t *out)
{
	const char *digits = text + (*text == '-');
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(digits, &end, 0);
	if (errno || *end || !isdigit((unsigned char)*digits) ||
		(*text == '-' && n > (uint64_t)INT64_MAX + 1))
		return cli_error(
			cli, "\"%s\" is no value of an argument: -2^63 to 2^64-1", text);
	*out = *text == '-' ? -(uint64_t)n : n;
	return 0;
}

/* ---- what comes out --------------------------------------------------------------- */

char *cli_verdict(uint32_t verdict, char buf[CLI_VERDICT_MAX])
{
	sluice_verdict_text(verdict, buf, CLI_VERDICT_MAX);
	return buf;
}

bool cli_lets(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* A value of an argument, in constants where there are some. */
static void print_value(
	const struct sluice_arg_info *a, uint32_t arch, uint64_t value, FILE *out)
{
	char text[256];

	if (a && a->set && value)
		sluice_constant_text(arch, a->set, value, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "0x%" PRIx64, value);
	fprintf(out, strchr(text, '|') ? "(%s)" : "%s", text);
}

/* The argument that @field is in the call of @call, if that is known. */
static const struct sluice_arg_info *argument(const struct seccomp_data *call,
	unsigned int field, struct sluice_call_info *info, uint32_t *arch)
{
	const struct cli_arch *a = call ? cli_arch_of(call->arch, call->nr) : NULL;
	unsigned int i = field - SLUICE_FIELD_ARG0;

	if (field < SLUICE_FIELD_ARG0 || !a ||
		sluice_call_info_nr(a->token, call->nr, info) < 0 || i >= info->n_args ||
		info->args[i].part != SLUICE_PART_WHOLE)
		return NULL;
	*arch = a->token;
	return &info->args[i];
}

void cli_condition(
	const struct sluice_condition *c, const struct seccomp_data *call, FILE *out)
{
	const uint64_t low = UINT32_MAX, high = low << 32;
	uint64_t all = c->field <= SLUICE_FIELD_NR ? low : UINT64_MAX, mask = c->mask;
	struct sluice_call_info info = {.size = sizeof(info)};
	const struct sluice_arg_info *a;
	unsigned int shift = 0;
	uint32_t arch = 0;

	a = argument(call, c->field, &info, &arch);
	fputs(a ? a->name : cli_field(c->field), out);
	/* One half of an argument alone; the upper one of an int means nothing to the
	 * kernel. */
	if (all != low && mask && !(mask & high)) {
		fputs(a && a->bits <= 32 ? "" : ".lo", out);
		all = low;
	} else if (all != low && mask && !(mask & low)) {
		fputs(".hi", out);
		all = low;
		shift = 32;
		a = NULL;
	}
	if (mask >> shift != all) {
		fputs(" & ", out);
		print_value(a, arch, mask >> shift, out);
	}
	if (c->first == c->last) {
		fputs(" = ", out);
		print_value(a, arch, c->first >> shift, out);
	} else {
		fprintf(out, " in 0x%" PRIx64 "..0x%" PRIx64, c->first >> shift,
			c->last >> shift);
	}
}

void cli_input(const struct seccomp_data *d, FILE *out)
{
	char name[CLI_CALL_MAX];
	const struct cli_arch *a = cli_arch_of(d->arch, d->nr);

	if (a)
		fprintf(out, "%s ", a->name);
	else
		fprintf(out, "arch 0x%" PRIx32 " ", d->arch);
	fprintf(out, "%s(", cli_call_name(d->arch, d->nr, name));
	for (int i = 0; i < 6; i++)
		fprintf(out, "%s0x%" PRIx64, i ? ", " : "", (uint64_t)d->args[i]);
	putc(')', out);
	if (d->instruction_pointer)
		fprintf(out, " at 0x%" PRIx64, (uint64_t)d->instruction_pointer);
}

void cli_input_json(struct cli_json *j, const char *key, const struct seccomp_data *d)
{
	char name[CLI_CALL_MAX];

	cli_json_object(j, key);
	cli_json_format(j, "arch", "0x%" PRIx32, d->arch);
	cli_json_number(j, "nr", d->nr);
	cli_json_string(j, "call", cli_call_name(d->arch, d->nr, name));
	cli_json_array(j, "args");
	for (int i = 0; i < 6; i++)
		cli_json_format(j, NULL, "0x%" PRIx64, (uint64_t)d->args[i]);
	cli_json_end(j);
	cli_json_format(j, "ip", "0x%" PRIx64, (uint64_t)d->instruction_pointer);
	cli_json_end(j);
}

int cli_proof_failed(const struct cli *cli, int rc)
{
	const char *why = strerror(-rc);

	if (rc == -EOPNOTSUPP)
		why = "a shift by or a division by what is no constant is outside what "
		      "can be proved";
	else if (rc == -E2BIG)
		why = "the proof is over its limits (132 MB: 4 million nodes, 131072 "
		      "states and "
		      "values; 67 million steps: seconds, ten at the very most)";
	else if (rc == -ENOTRECOVERABLE)
		why = "proof and interpreter disagree: please report these two files";
	return cli_error(cli, "%s", why);
}
