/* Reads case files. One line is a scenario's head or one op:
 *
 *   scenario NAME [differs:CLASS|may-differ:CLASS] [no-oracle] [ours-only]
 *            [unproved]
 *   [b.|c.|d.|null.] [repeat N] OP OPERANDS... [-> RESULT [VALUE]] [differs|differs-2.5|differs-2.6.0]
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "words.h"

#define MAX_TOKENS 64

struct reader {
	const char *path;
	unsigned int line;
	char *token[MAX_TOKENS];
	unsigned int n, at;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void complain(struct reader *r,
	const char *format, ...)
{
	va_list args;

	if (!r->failed) {
		fprintf(stderr, "%s:%u: ", r->path, r->line);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	r->failed = true;
}

static const char *next(struct reader *r, const char *what)
{
	if (r->at < r->n)
		return r->token[r->at++];
	complain(r, "%s is missing", what);
	return "";
}

static bool more(const struct reader *r)
{
	return r->at < r->n && strcmp(r->token[r->at], "->") != 0 &&
	       strncmp(r->token[r->at], "differs", 7) != 0;
}

static bool accept(struct reader *r, const char *word)
{
	if (r->at >= r->n || strcmp(r->token[r->at], word) != 0)
		return false;
	r->at++;
	return true;
}

/* A number; a trailing + sets *@step where the caller lets it. */
static uint64_t number(struct reader *r, const char *text, bool *step)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = text[0] == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (step && end != text && strcmp(end, "+") == 0) {
		*step = true;
		end++;
	}
	if (end == text || *end || errno)
		complain(r, "not a number: %s", text);
	return v;
}

static bool is_number(const char *text)
{
	return (text[0] >= '0' && text[0] <= '9') || text[0] == '-';
}

static uint32_t action(struct reader *r, const char *text)
{
	char name[32];
	int64_t value;
	size_t n = strcspn(text, "(");

	if (is_number(text))
		return (uint32_t)number(r, text, NULL);
	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	value = word_value(words_actions, name);
	if (value < 0) {
		complain(r, "unknown action %s", text);
		return 0;
	}
	if (text[n]) {
		char digits[16];

		snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(text + n + 1, ")"),
			text + n + 1);
		value |= (int64_t)number(r, digits, NULL);
	}
	return (uint32_t)value;
}

static uint32_t arch(struct reader *r, const char *text)
{
	if (strcmp(text, "native") == 0)
		return 0;
	for (int i = 0; i < ORACLE_ARCHES; i++)
		if (strcmp(oracle_arches[i].name, text) == 0)
			return oracle_arches[i].token;
	if (!is_number(text))
		complain(r, "unknown architecture %s", text);
	return (uint32_t)number(r, text, NULL);
}

static void syscall_of(struct reader *r, struct op *op)
{
	const char *text = next(r, "system call");

	if (is_number(text))
		op->nr = (int)number(r, text, &op->step_nr);
	else
		snprintf(op->name, sizeof(op->name), "%s", text);
}

static void comparisons(struct reader *r, struct op *op)
{
	while (more(r)) {
		const char *arg = next(r, "argument"), *name = next(r, "operator");
		struct oracle_cmp *c = &op->cmps[op->n_cmps++];
		int64_t value = word_value(words_cmps, name);
		bool step;

		if (arg[0] != 'A') {
			complain(r, "not an argument: %s", arg);
			return;
		}
		if (value < 0 && strncmp(name, "OP", 2) != 0)
			complain(r, "unknown operator %s", name);
		c->arg = (unsigned int)number(r, arg + 1, NULL);
		c->op = (int)(value < 0 ? (int64_t)number(r, name + 2, NULL) : value);
		step = false;
		c->a = number(r, next(r, "datum"), &step);
		op->step_cmps |= (uint8_t)(step << (op->n_cmps - 1));
		if (c->op == 7)
			c->b = number(r, next(r, "datum"), NULL);
		if (op->n_cmps == 8 && more(r)) {
			complain(r, "too many comparisons");
			return;
		}
	}
}

static void attribute(struct reader *r, struct op *op)
{
	const char *text = next(r, "attribute");
	int64_t value = word_value(words_attrs, text);

	op->attr = (uint32_t)(value < 0 ? (int64_t)number(r, text, NULL) : value);
}

static void operands(struct reader *r, struct op *op)
{
	switch (op->kind) {
	case OP_INIT:
	case OP_RESET:
		op->action = action(r, next(r, "action"));
		break;
	case OP_ARCH_ADD:
	case OP_ARCH_REMOVE:
	case OP_ARCH_EXIST:
		op->token = arch(r, next(r, "architecture"));
		break;
	case OP_RULE:
	case OP_RULE_EXACT:
		op->action = action(r, next(r, "action"));
		syscall_of(r, op);
		comparisons(r, op);
		break;
	case OP_ATTR_SET:
		attribute(r, op);
		if (op->attr == 1 || op->attr == 2)
			op->arg = action(r, next(r, "action"));
		else
			op->arg = (uint32_t)number(r, next(r, "value"), NULL);
		break;
	case OP_ATTR_GET:
		attribute(r, op);
		break;
	case OP_PRIORITY:
		syscall_of(r, op);
		op->arg = (uint32_t)number(r, next(r, "priority"), NULL);
		break;
	case OP_MERGE:
		op->other = (uint8_t)(next(r, "context")[0] - 'a');
		if (r->token[r->at - 1][0] == 'n')
			op->other = NO_CONTEXT;
		if (op->other > NO_CONTEXT)
			complain(r, "not a context: %s", r->token[r->at - 1]);
		break;
	case OP_MAX_LEN:
		op->arg = (uint32_t)number(r, next(r, "length"), NULL);
		break;
	case OP_ROW:
		op->token = arch(r, next(r, "architecture"));
		syscall_of(r, op);
		for (unsigned int i = 0; i < 6 && more(r); i++)
			op->args[i] = number(r, next(r, "argument"), NULL);
		break;
	default:
		break;
	}
}

static int return_code(struct reader *r, const char *text)
{
	int64_t value;

	if (strcmp(text, "refused") == 0)
		return REFUSED;
	if (strcmp(text, "any") == 0)
		return ANY_RESULT;
	if (text[0] != '-' || is_number(text + 1))
		return (int)number(r, text, NULL);
	value = word_value(words_errors, text + 1);
	if (value < 0)
		complain(r, "unknown error %s", text);
	return (int)-value;
}

static void expectation(struct reader *r, struct op *op)
{
	if (op->kind == OP_INIT)
		op->expect_value = op->check_value = true;
	if (op->kind == OP_ROW && (r->at >= r->n || strcmp(r->token[r->at], "->") != 0))
		complain(r, "a call needs its action");
	if (!accept(r, "->") || accept(r, "?")) /* to be filled in */
		return;
	if (op->kind == OP_ROW) {
		op->expect_value = action(r, next(r, "action"));
		op->check_value = true;
	} else if (op->kind == OP_INIT) {
		const char *text = next(r, "ok or NULL");

		op->expect_value = strcmp(text, "ok") == 0;
		if (strcmp(text, "ok") != 0 && strcmp(text, "NULL") != 0)
			complain(r, "ok or NULL, not %s", text);
	} else {
		op->expect = return_code(r, next(r, "return code"));
		if (op->kind == OP_ATTR_GET && more(r)) {
			op->expect_value = action(r, next(r, "value"));
			op->check_value = true;
		}
	}
}

static void op_line(struct reader *r, struct scenario *s)
{
	struct op *op = script_append(s);
	const char *word = next(r, "op"), *dot = strchr(word, '.');
	int64_t kind;

	op->line = r->line;
	op->repeat = 1;
	if (dot) {
		op->ctx = (uint8_t)(strncmp(word, "null.", 5) == 0 ? NO_CONTEXT : word[0] - 'a');
		word = dot + 1;
	}
	if (op->ctx > NO_CONTEXT)
		complain(r, "contexts are a to d and null");
	if (strcmp(word, "repeat") == 0) {
		op->repeat = (uint32_t)number(r, next(r, "count"), NULL);
		word = next(r, "op");
	}
	kind = word_value(words_ops, word);
	if (kind < 0) {
		complain(r, "unknown op %s", word);
		return;
	}
	op->kind = (enum op_kind)kind;
	operands(r, op);
	expectation(r, op);
	op->differs = accept(r, "differs")       ? DIFFERS :
		      accept(r, "differs-2.5")   ? DIFFERS_25 :
		      accept(r, "differs-2.6.0") ? DIFFERS_260 :
						   SAME;
	if (op->differs && !s->differs[0])
		complain(r, "the scenario names no class of differences");
	if (r->at < r->n)
		complain(r, "left over: %s", r->token[r->at]);
}

static struct scenario *head_line(struct reader *r, struct case_file *file)
{
	struct scenario *s;

	file->scenarios = realloc(file->scenarios, (file->n + 1) * sizeof(*s));
	if (!file->scenarios)
		abort();
	s = &file->scenarios[file->n++];
	*s = (struct scenario){.line = r->line};
	r->at = 1;
	snprintf(s->name, sizeof(s->name), "%s", next(r, "name"));
	while (r->at < r->n) {
		const char *word = next(r, "flag");

		if (strncmp(word, "differs:", 8) == 0)
			snprintf(s->differs, sizeof(s->differs), "%s", word + 8);
		else if (strncmp(word, "may-differ:", 11) == 0) {
			snprintf(s->differs, sizeof(s->differs), "%s", word + 11);
			s->may_differ = true;
		} else if (strcmp(word, "no-oracle") == 0)
			s->no_oracle = true;
		else if (strcmp(word, "ours-only") == 0)
			s->ours_only = true;
		else if (strcmp(word, "unproved") == 0)
			s->unproved = true;
		else
			complain(r, "unknown flag %s", word);
	}
	return s;
}

static void split(struct reader *r, char *line)
{
	char *save, *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	r->n = r->at = 0;
	for (char *t = strtok_r(line, " \t\n,", &save); t; t = strtok_r(NULL, " \t\n,", &save)) {
		if (r->n == MAX_TOKENS) {
			complain(r, "too long");
			return;
		}
		r->token[r->n++] = t;
	}
}

int case_read(const char *path, struct case_file *out)
{
	struct reader r = {.path = path};
	char *line = NULL;
	size_t room = 0;
	FILE *in = fopen(path, "re");

	*out = (struct case_file){.path = path};
	if (!in) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while (!r.failed && getline(&line, &room, in) >= 0) {
		r.line++;
		split(&r, line);
		if (!r.n)
			continue;
		if (strcmp(r.token[0], "scenario") == 0)
			head_line(&r, out);
		else if (!out->n)
			complain(&r, "before the first scenario");
		else
			op_line(&r, &out->scenarios[out->n - 1]);
	}
	free(line);
	fclose(in);
	if (!r.failed)
		return 0;
	case_free(out);
	return -1;
}

struct op *script_append(struct scenario *s)
{
	if (s->n_ops == s->room) {
		s->room = s->room ? 2 * s->room : 16;
		s->ops = realloc(s->ops, s->room * sizeof(*s->ops));
		if (!s->ops)
			abort();
	}
	s->ops[s->n_ops] = (struct op){.repeat = 1};
	return &s->ops[s->n_ops++];
}

void script_free(struct scenario *s)
{
	free(s->ops);
	*s = (struct scenario){0};
}

void case_free(struct case_file *file)
{
	for (unsigned int i = 0; i < file->n; i++)
		script_free(&file->scenarios[i]);
	free(file->scenarios);
	*file = (struct case_file){0};
}
