/* Scenarios as the text of a case file.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "script.h"
#include "words.h"

const char *action_name(uint32_t action, char buf[32])
{
	const char *name = word_name(words_actions, action & 0xffff0000);
	uint32_t data = action & 0xffff;

	if (!name)
		snprintf(buf, 32, "0x%08" PRIx32, action);
	else if (data || strcmp(name, "ERRNO") == 0 || strcmp(name, "TRACE") == 0)
		snprintf(buf, 32, "%s(%" PRIu32 ")", name, data);
	else
		snprintf(buf, 32, "%s", name);
	return buf;
}

const char *rc_name(int rc, char buf[32])
{
	const char *name = rc < 0 && rc > -4096 ? word_name(words_errors, (uint32_t)-rc) : NULL;

	if (rc == MISSING)
		snprintf(buf, 32, "missing");
	else if (rc == NOT_REACHED)
		snprintf(buf, 32, "crash-or-hang");
	else if (rc == REFUSED || rc == ANY_RESULT)
		snprintf(buf, 32, "%s", rc == REFUSED ? "refused" : "any");
	else if (name)
		snprintf(buf, 32, "-%s", name);
	else
		snprintf(buf, 32, "%d", rc);
	return buf;
}

const char *arch_name(uint32_t token, char buf[32])
{
	int at = oracle_arch_index(token);

	if (token == 0)
		snprintf(buf, 32, "native");
	else if (at < 0)
		snprintf(buf, 32, "0x%" PRIx32, token);
	else
		snprintf(buf, 32, "%s", oracle_arches[at].name);
	return buf;
}

static void write_call(const struct op *op, FILE *out)
{
	if (op->name[0])
		fprintf(out, " %s", op->name);
	else
		fprintf(out, " %d", op->nr);
	if (op->step_nr)
		fputc('+', out);
}

static void write_attr(uint32_t attr, FILE *out)
{
	const char *name = word_name(words_attrs, attr);

	if (name)
		fprintf(out, " %s", name);
	else
		fprintf(out, " %" PRIu32, attr);
}

static void write_cmps(const struct op *op, FILE *out)
{
	for (unsigned int i = 0; i < op->n_cmps; i++) {
		const struct oracle_cmp *c = &op->cmps[i];
		const char *name = word_name(words_cmps, (uint32_t)c->op);

		fprintf(out, "%s A%u ", i ? "," : "", c->arg);
		if (name)
			fprintf(out, "%s 0x%" PRIx64, name, c->a);
		else
			fprintf(out, "OP%d 0x%" PRIx64, c->op, c->a);
		if (c->op == 7)
			fprintf(out, " 0x%" PRIx64, c->b);
		if (op->step_cmps >> i & 1)
			fputc('+', out);
	}
}

static bool any_left(const uint64_t args[6], unsigned int from)
{
	while (from < 6 && !args[from])
		from++;
	return from < 6;
}

static void write_operands(const struct op *op, FILE *out)
{
	char buf[32];

	switch (op->kind) {
	case OP_INIT:
	case OP_RESET:
		fprintf(out, " %s", action_name(op->action, buf));
		break;
	case OP_ARCH_ADD:
	case OP_ARCH_REMOVE:
	case OP_ARCH_EXIST:
		fprintf(out, " %s", arch_name(op->token, buf));
		break;
	case OP_RULE:
	case OP_RULE_EXACT:
		fprintf(out, " %s", action_name(op->action, buf));
		write_call(op, out);
		write_cmps(op, out);
		break;
	case OP_ATTR_SET:
		write_attr(op->attr, out);
		fprintf(out, " 0x%" PRIx32, op->arg);
		break;
	case OP_ATTR_GET:
		write_attr(op->attr, out);
		break;
	case OP_PRIORITY:
		write_call(op, out);
		fprintf(out, " %" PRIu32, op->arg);
		break;
	case OP_MERGE:
		fprintf(out, " %c", 'a' + op->other);
		break;
	case OP_MAX_LEN:
		fprintf(out, " %" PRIu32, op->arg);
		break;
	case OP_ROW:
		fprintf(out, " %s", arch_name(op->token, buf));
		write_call(op, out);
		for (unsigned int i = 0; i < 6 && any_left(op->args, i); i++)
			fprintf(out, op->args[i] < 10 ? " %" PRIu64 : " 0x%" PRIx64, op->args[i]);
		break;
	default:
		break;
	}
}

void case_write_op(const struct op *op, FILE *out)
{
	char buf[32];

	if (op->ctx)
		fprintf(out, op->ctx == NO_CONTEXT ? "null." : "%c.", 'a' + op->ctx);
	if (op->repeat > 1)
		fprintf(out, "repeat %" PRIu32 " ", op->repeat);
	fputs(word_name(words_ops, op->kind), out);
	write_operands(op, out);
	if (op->kind == OP_ROW)
		fprintf(out, " -> %s\n", action_name(op->expect_value, buf));
	else if (op->kind == OP_INIT)
		fprintf(out, " -> %s\n", op->expect_value ? "ok" : "NULL");
	else if (op->kind == OP_ATTR_GET && op->check_value)
		fprintf(out, " -> %s 0x%" PRIx32 "\n", rc_name(op->expect, buf), op->expect_value);
	else
		fprintf(out, " -> %s\n", rc_name(op->expect, buf));
}

void case_write(const struct scenario *s, FILE *out)
{
	fprintf(out, "\nscenario %s", s->name);
	if (s->differs[0])
		fprintf(out, " %s:%s", s->may_differ ? "may-differ" : "differs", s->differs);
	fputc('\n', out);
	for (unsigned int i = 0; i < s->n_ops; i++)
		case_write_op(&s->ops[i], out);
}
