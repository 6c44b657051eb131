/* A filter as text.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter/rule.h"

static void put_action(uint32_t action, FILE *out)
{
	char text[SC_BPF_ACTION_MAX];

	fputs(sc_bpf_action(action, text), out);
}

/* Small numbers in decimal, negative ones with their sign, others in hexadecimal. */
static void put_value(const struct sluice_value *v, FILE *out)
{
	if (v->name)
		fputs(v->name, out);
	else if (v->number < 1024)
		fprintf(out, "%" PRIu64, v->number);
	else if (v->number > UINT64_MAX - 1024)
		fprintf(out, "%" PRId64, (int64_t)v->number);
	else
		fprintf(out, "0x%" PRIx64, v->number);
}

static void put_operator(const struct sluice_filter_condition *c, FILE *out)
{
	static const char *const words[] = {[SLUICE_OP_EQ] = "==", [SLUICE_OP_IN] = "in {",
		[SLUICE_OP_RANGE] = "in", [SLUICE_OP_SRANGE] = "sin", [SLUICE_OP_MASKED] = "&",
		[SLUICE_OP_ANY_BITS] = "any", [SLUICE_OP_ALL_BITS] = "all",
		[SLUICE_OP_ONLY_BITS] = "only"};

	fprintf(out, " %s ", words[c->op]);
	put_value(&c->values[0], out);
	if (c->op == SLUICE_OP_RANGE || c->op == SLUICE_OP_SRANGE)
		fputs("..", out);
	else if (c->op == SLUICE_OP_MASKED)
		fputs(" == ", out);
	else if (c->op != SLUICE_OP_IN)
		return;
	for (size_t i = 1; i < c->n_values; i++) {
		if (c->op == SLUICE_OP_IN)
			fputs(", ", out);
		put_value(&c->values[i], out);
	}
	if (c->op == SLUICE_OP_IN)
		fputs(" }", out);
}

static void put_rule(struct sluice_rule rule, FILE *out)
{
	put_action(rule.action, out);
	if (rule.call)
		fprintf(out, " %s", rule.call);
	else
		fprintf(out, " %d", rule.nr);
	if (rule.arch)
		fprintf(out, "/%s", sc_arch_by_token(rule.arch)->name);
	if (rule.flags & SLUICE_RULE_EXACT)
		fputs(" exact", out);
	for (size_t i = 0; i < rule.n_conditions; i++) {
		const struct sluice_filter_condition *c = &rule.conditions[i];

		fprintf(out, " %s %s", i ? "and" : "if", c->negate ? "not " : "");
		if (c->argument)
			fputs(c->argument, out);
		else
			fprintf(out, "a%u", c->index);
		if (c->bits)
			fprintf(out, ":%u", c->bits);
		put_operator(c, out);
	}
	putc('\n', out);
}

static void put_settings(const struct sluice_filter *f, FILE *out)
{
	static const char *const multiplexed[] = {"error", "refuse", "allow"};

	fputs("default ", out);
	put_action(f->default_action, out);
	fputs("\nbadarch ", out);
	put_action(f->badarch_action, out);
	if (!f->all_archs) {
		fputs("\narch", out);
		for (uint32_t i = 0; i < f->n_archs; i++)
			fprintf(out, " %s", f->archs[i]->name);
	}
	if (f->multiplexed != SLUICE_MULTIPLEXED_ERROR)
		fprintf(out, "\nmultiplexed %s", multiplexed[f->multiplexed]);
	if (f->optimize != 1)
		fprintf(out, "\noptimize %d", f->optimize);
	if (f->newer) {
		fprintf(out, "\nnewer %u.%u ", f->newer >> 16, f->newer & 0xffff);
		put_action(f->newer_action, out);
	}
	putc('\n', out);
}

int sluice_filter_text(const struct sluice_filter *filter, char **text)
{
	char *made = NULL;
	size_t size;
	FILE *out;
	int failed;

	if (!filter || !text)
		return -EINVAL;
	out = open_memstream(&made, &size);
	if (!out)
		return -ENOMEM;
	put_settings(filter, out);
	for (uint32_t i = 0; i < filter->n_rules; i++)
		put_rule(sc_rule_said(&filter->rules[i]), out);
	failed = ferror(out);
	/* fclose() succeeds and leaves NULL where the last of its memory cannot be had. */
	if (fclose(out) || failed || !made) {
		free(made);
		return -ENOMEM;
	}
	*text = made;
	return 0;
}
