/* Which rule of a profile decides.
 *
 * The filter has decided already; this finds who asked for it. Of the entries that name
 * the call and whose comparisons hold, those with the verdict as their action are the
 * reason. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "explain.h"
#include "util/cleanup.h"

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static bool holds(const struct scmp_arg_cmp *c, const struct seccomp_data *d)
{
	uint64_t v = d->args[c->arg];

	switch (c->op) {
	case SCMP_CMP_NE:
		return v != c->datum_a;
	case SCMP_CMP_LT:
		return v < c->datum_a;
	case SCMP_CMP_LE:
		return v <= c->datum_a;
	case SCMP_CMP_EQ:
		return v == c->datum_a;
	case SCMP_CMP_GE:
		return v >= c->datum_a;
	case SCMP_CMP_GT:
		return v > c->datum_a;
	case SCMP_CMP_MASKED_EQ:
		return (v & c->datum_a) == (c->datum_b & c->datum_a);
	default:
		return false;
	}
}

static void print_comparison(const struct scmp_arg_cmp *c)
{
	static const char *const ops[] = {"?", "!=", "<", "<=", "=", ">=", ">", "="};

	if (c->op == SCMP_CMP_MASKED_EQ)
		printf("a%u & 0x%" PRIx64 " = 0x%" PRIx64, c->arg, (uint64_t)c->datum_a,
			(uint64_t)(c->datum_b & c->datum_a));
	else
		printf("a%u %s 0x%" PRIx64, c->arg, ops[c->op <= 7 ? c->op : 0],
			(uint64_t)c->datum_a);
}

static bool names(const struct sluice_profile_entry *e, const char *call)
{
	for (unsigned int i = 0; i < e->n_names; i++)
		if (strcmp(e->names[i], call) == 0)
			return true;
	return false;
}

/* Where an argument is asked about twice, the runtimes make each comparison a rule of its own. */
static bool any_is_enough(
	const struct sluice_profile *p, unsigned int index, const struct sluice_profile_entry *e)
{
	struct scmp_arg_cmp c;
	unsigned int seen = 0;

	for (unsigned int i = 0; i < e->n_args && sluice_profile_arg(p, index, i, &c) == 0; i++) {
		if (seen & 1u << c.arg)
			return true;
		seen |= 1u << c.arg;
	}
	return false;
}

static bool entry_holds(const struct sluice_profile *p, unsigned int index,
	const struct sluice_profile_entry *e, const struct seccomp_data *d)
{
	bool any = any_is_enough(p, index, e);
	struct scmp_arg_cmp c;

	for (unsigned int i = 0; i < e->n_args; i++)
		if ((sluice_profile_arg(p, index, i, &c) == 0 && holds(&c, d)) == any)
			return any;
	return !any;
}

static void print_entry(const char *file, const struct sluice_profile *p,
	unsigned int index, const struct sluice_profile_entry *e)
{
	const char *join = any_is_enough(p, index, e) ? " or " : " and ";
	char name[CLI_VERDICT_MAX];
	struct scmp_arg_cmp c;

	printf("  %s", file);
	if (e->line)
		printf(":%u:%u", e->line, e->column);
	printf(": %s", cli_verdict(e->action, name));
	for (unsigned int i = 0; i < e->n_args; i++) {
		fputs(i ? join : " if ", stdout);
		if (sluice_profile_arg(p, index, i, &c) == 0)
			print_comparison(&c);
	}
	if (e->comment && *e->comment)
		printf(" (%s)", e->comment);
	putchar('\n');
}

int cli_explain_rules(struct cli *cli, const struct cli_target *options, const char *file,
	const struct sluice_profile *profile, const struct seccomp_data *data,
	bool any_arguments, uint32_t verdict)
{
	_cleanup_(profile_freep) struct sluice_profile *p = NULL;
	struct cli_target_lists lists;
	struct sluice_target target;
	struct sluice_profile_entry e = {.size = sizeof(e)};
	char call[CLI_CALL_MAX], name[CLI_VERDICT_MAX];
	bool said = false;
	int rc;

	if (cli_target_fill(cli, options, file, &lists, &target))
		return CLI_TROUBLE;
	rc = sluice_profile_resolve(profile, &target, &p);
	if (rc < 0)
		return cli_error(cli, "%s", strerror(-rc));
	cli_call_name(data->arch, data->nr, call);
	for (int decides = 1; decides >= 0; decides--) {
		bool head = false;

		for (unsigned int i = 0; sluice_profile_entry(p, i, &e) == 0; i++) {
			bool wins = any_arguments || e.action == verdict;

			if (!names(&e, call) || wins != (bool)decides ||
				(!any_arguments && !entry_holds(p, i, &e, data)))
				continue;
			if (!head)
				puts(any_arguments ? "rules that name it:"
					: decides  ? "decided by:"
						   : "outweighed:");
			head = true;
			said = said || decides;
			print_entry(file, p, i, &e);
		}
	}
	if (said)
		return 0;
	if (any_arguments || verdict == sluice_profile_default(p))
		printf("no rule%s: the default, %s\n",
			any_arguments ? " names it" : " holds for it",
			cli_verdict(sluice_profile_default(p), name));
	else
		puts("no rule holds for it: it is newer than the profile knows, or of "
		     "another "
		     "architecture");
	return 0;
}
