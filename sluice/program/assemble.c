/* Text to instructions: what print.c writes, and what people write by hand.
 *
 * One line is one instruction. The first pass makes them and remembers names; the second
 * knows how far each jump goes. SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/program.h"
#include "util/cleanup.h"

#define WORD_MAX 64

/* A jump's target by name, and where it is written. */
struct target {
	char name[WORD_MAX]; /* "": no target */
	unsigned int line, column;
};

struct jump {
	struct target yes, no;
	bool always;
};

struct label {
	char name[WORD_MAX];
	uint32_t index;
};

struct assembler {
	const char *line, *at, *end; /* of the line that is read */
	unsigned int number;
	uint32_t n, n_labels;
	struct sock_filter *insns;	       /* of SLUICE_PROGRAM_MAX */
	struct jump *jumps;		       /* beside them */
	struct label *labels;		       /* of SLUICE_PROGRAM_MAX */
	uint16_t numbered[SLUICE_PROGRAM_MAX]; /* a line's printed number: index + 1 */
	struct sluice_error *error;
};

static void assembler_clear(struct assembler *a)
{
	free(a->insns);
	free(a->jumps);
	free(a->labels);
}

static int fail_at(const struct assembler *a, unsigned int line, unsigned int column,
	const char *before, const char *found, const char *after)
{
	char where[32];

	snprintf(where, sizeof(where), "%u:%u", line, column);
	return sc_program_fail(a->error, EINVAL, where, "%s%s%s", before, found, after);
}

static int fail(const struct assembler *a, const char *at, const char *before,
	const char *found, const char *after)
{
	unsigned int column = (unsigned int)(at - a->line) + 1;

	return fail_at(a, a->number, column, before, found, after);
}

static void skip_blanks(struct assembler *a)
{
	while (a->at < a->end && (*a->at == ' ' || *a->at == '\t' || *a->at == '\r'))
		a->at++;
}

/* The next word, up to a blank, comma or colon; "" at the end. False: it is too long. */
static bool word(struct assembler *a, char out[WORD_MAX])
{
	size_t n = 0;

	skip_blanks(a);
	while (a->at + n < a->end && !strchr(" \t\r,:", a->at[n]))
		if (++n == WORD_MAX)
			return false;
	memcpy(out, a->at, n);
	out[n] = '\0';
	a->at += n;
	return true;
}

static bool take(struct assembler *a, char c)
{
	skip_blanks(a);
	if (a->at == a->end || *a->at != c)
		return false;
	a->at++;
	return true;
}

static bool number(const char *text, uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "#0x10" */
static bool immediate(const char *text, uint32_t *out)
{
	return *text == '#' && number(text + 1, out);
}

/* "M[3]" or "[16]" behind @prefix. */
static bool bracketed(const char *text, const char *prefix, uint32_t *out)
{
	size_t n = strlen(prefix), length = strlen(text);
	char inside[WORD_MAX];

	if (strncmp(text, prefix, n) != 0 || text[n] != '[' || text[length - 1] != ']')
		return false;
	memcpy(inside, text + n + 1, length - n - 2);
	inside[length - n - 2] = '\0';
	return number(inside, out);
}

static bool load(const char *operand, bool x, struct sock_filter *f)
{
	const uint16_t class = x ? BPF_LDX : BPF_LD;

	if (immediate(operand, &f->k)) {
		f->code = class | BPF_IMM;
	} else if (bracketed(operand, "M", &f->k)) {
		f->code = class | BPF_MEM;
	} else if (strcmp(operand, "len") == 0) {
		f->code = class | BPF_W | BPF_LEN;
	} else if (!x && bracketed(operand, "", &f->k)) {
		f->code = BPF_LD | BPF_W | BPF_ABS;
	} else {
		unsigned int w = 0;

		while (w < 16 &&
			strcmp(operand, sc_bpf_word_name(w,
						__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) != 0)
			w++;
		f->code = BPF_LD | BPF_W | BPF_ABS;
		f->k = 4 * w;
		return w < 16 && !x;
	}
	return true;
}

static bool operand_kx(const char *operand, struct sock_filter *f)
{
	if (strcmp(operand, "x") == 0) {
		f->code |= BPF_X;
		return true;
	}
	return immediate(operand, &f->k);
}

static bool ret(const char *operand, struct sock_filter *f)
{
	f->code = BPF_RET | BPF_K;
	if (strcmp(operand, "a") == 0) {
		f->code = BPF_RET | BPF_A;
		return true;
	}
	return sc_bpf_action_parse(operand + (*operand == '#'), &f->k);
}

static const char *const alu_names[] = {
	"add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor", NULL};
static const char *const jump_names[] = {"ja", "jeq", "jgt", "jge", "jset", NULL};

static int find(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int target(struct assembler *a, struct target *t)
{
	skip_blanks(a);
	t->line = a->number;
	t->column = (unsigned int)(a->at - a->line) + 1;
	if (!word(a, t->name) || !*t->name)
		return fail(a, a->at, "found no target, expected a line (l7) or a label",
			"", "");
	return 0;
}

static int jump(struct assembler *a, int op, struct sock_filter *f, struct jump *j)
{
	char operand[WORD_MAX];
	const char *start;
	int rc;

	f->code = (uint16_t)(BPF_JMP | op << 4);
	j->always = op == 0;
	if (j->always)
		return target(a, &j->yes);
	skip_blanks(a);
	start = a->at;
	if (!word(a, operand) || !operand_kx(operand, f))
		return fail(a, start, "found \"", operand,
			"\", expected a number like #0x10, or x");
	if (!take(a, ','))
		return fail(a, a->at, "expected a comma and two targets", "", "");
	rc = target(a, &j->yes);
	if (rc == 0 && !take(a, ','))
		return fail(
			a, a->at, "expected a comma and the target for \"no\"", "", "");
	return rc ? rc : target(a, &j->no);
}

/* "code 0x6, 0, 0, 0x7fff0000": any four numbers. */
static int raw(struct assembler *a, struct sock_filter *f)
{
	static const uint32_t limits[] = {UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX};
	uint32_t values[4];
	char text[WORD_MAX];

	for (int i = 0; i < 4; i++) {
		const char *start;

		if (i && !take(a, ','))
			return fail(
				a, a->at, "expected a comma: code, jt, jf, k", "", "");
		skip_blanks(a);
		start = a->at;
		if (!word(a, text) || !number(text, &values[i]) || values[i] > limits[i])
			return fail(
				a, start, "expected a number of code, jt, jf, k", "", "");
	}
	*f = (struct sock_filter){
		(uint16_t)values[0], (uint8_t)values[1], (uint8_t)values[2], values[3]};
	return 0;
}

/* Mnemonics with no operand, or with one. */
static bool plain(
	struct assembler *a, const char *name, struct sock_filter *f, bool *good)
{
	char operand[WORD_MAX] = "";
	int op = find(alu_names, name);

	*good = true;
	if (strcmp(name, "tax") == 0 || strcmp(name, "txa") == 0) {
		f->code = BPF_MISC | (name[1] == 'a' ? BPF_TAX : BPF_TXA);
		return true;
	}
	if (strcmp(name, "neg") == 0) {
		f->code = BPF_ALU | BPF_NEG;
		return true;
	}
	*good = word(a, operand) && *operand;
	if (strcmp(name, "ld") == 0 || strcmp(name, "ldx") == 0) {
		*good = *good && load(operand, name[2] == 'x', f);
	} else if (strcmp(name, "st") == 0 || strcmp(name, "stx") == 0) {
		f->code = name[2] == 'x' ? BPF_STX : BPF_ST;
		*good = *good && bracketed(operand, "M", &f->k);
	} else if (strcmp(name, "ret") == 0) {
		*good = *good && ret(operand, f);
	} else if (op >= 0) {
		f->code = (uint16_t)(BPF_ALU | op << 4);
		*good = *good && operand_kx(operand, f);
	} else {
		return false;
	}
	return true;
}

static int instruction(struct assembler *a, const char *name, const char *start)
{
	struct sock_filter *f = &a->insns[a->n];
	int op = find(jump_names, name), rc = 0;
	const char *operand;
	bool good = true;

	if (a->n == SLUICE_PROGRAM_MAX)
		return fail(a, start, "more than 4096 instructions", "", "");
	skip_blanks(a);
	operand = a->at;
	if (op >= 0)
		rc = jump(a, op, f, &a->jumps[a->n]);
	else if (strcmp(name, "code") == 0)
		rc = raw(a, f);
	else if (!plain(a, name, f, &good))
		rc = fail(a, start, "found \"", name, "\", expected an instruction");
	else if (!good)
		rc = fail(
			a, operand, "found an operand that \"", name, "\" does not take");
	if (rc < 0)
		return rc;
	skip_blanks(a);
	if (a->at != a->end)
		return fail(
			a, a->at, "found more than one instruction in a line", "", "");
	a->n++;
	return 0;
}

static int define(struct assembler *a, const char *name, const char *start)
{
	uint32_t printed;

	if (isdigit((unsigned char)*name)) {
		/* Decimal, whatever zeros it begins with. */
		name += strspn(name, "0");
		if (!*name)
			name = "0";
		if (!number(name, &printed) || printed >= SLUICE_PROGRAM_MAX)
			return fail(a, start, "found \"", name,
				"\", expected a line's number");
		if (a->numbered[printed])
			return fail(a, start, "line ", name, " is there twice");
		a->numbered[printed] = (uint16_t)(a->n + 1);
		return 0;
	}
	for (uint32_t i = 0; i < a->n_labels; i++)
		if (strcmp(a->labels[i].name, name) == 0)
			return fail(a, start, "label \"", name, "\" is there twice");
	if (a->n_labels == SLUICE_PROGRAM_MAX)
		return fail(a, start, "more than 4096 labels", "", "");
	memcpy(a->labels[a->n_labels].name, name, WORD_MAX);
	a->labels[a->n_labels++].index = a->n;
	return 0;
}

/* The four columns of numbers that a listing has in front of an instruction. */
static void skip_columns(struct assembler *a)
{
	const char *start = a->at;
	char text[WORD_MAX];
	uint32_t value;

	for (int i = 0; i < 4; i++) {
		if (!word(a, text) || strncmp(text, "0x", 2) != 0 || !number(text, &value)) {
			a->at = start;
			return;
		}
	}
}

static int one_line(struct assembler *a)
{
	char name[WORD_MAX] = "";
	const char *start;
	int rc;

	for (const char *p = a->line; p < a->end; p++)
		if (*p == ';' ||
			(*p == '#' && (p + 1 == a->end || !isdigit((unsigned char)p[1]))))
			a->end = p;
	for (;;) {
		skip_columns(a);
		skip_blanks(a);
		start = a->at;
		if (!word(a, name))
			return fail(a, start, "found a word of more than 63 characters",
				"", "");
		if (!take(a, ':'))
			break;
		if (!*name)
			return fail(a, start, "found a colon without a label", "", "");
		rc = define(a, name, start);
		if (rc < 0)
			return rc;
	}
	/* The two lines above a listing. */
	if ((!*name && a->at == a->end) || *name == '=' || strcmp(name, "line") == 0)
		return 0;
	return instruction(a, name, start);
}

static int resolve(const struct assembler *a, const struct target *t, uint32_t pc,
	uint32_t max, uint32_t *distance)
{
	uint32_t to = UINT32_MAX, printed;

	for (uint32_t i = 0; i < a->n_labels && to == UINT32_MAX; i++)
		if (strcmp(a->labels[i].name, t->name) == 0)
			to = a->labels[i].index;
	if (to == UINT32_MAX && t->name[0] == 'l' && number(t->name + 1, &printed))
		to = printed < SLUICE_PROGRAM_MAX && a->numbered[printed]
			     ? a->numbered[printed] - 1u
			     : printed;
	if (to == UINT32_MAX || to >= a->n)
		return fail_at(a, t->line, t->column, "found \"", t->name,
			"\", expected a line or a label of this program");
	if (to <= pc)
		return fail_at(a, t->line, t->column, "jump to \"", t->name,
			"\": filters can only jump forward");
	*distance = to - pc - 1;
	if (*distance > max)
		return fail_at(a, t->line, t->column, "\"", t->name,
			"\" is more than 255 instructions away");
	return 0;
}

static int second_pass(struct assembler *a)
{
	for (uint32_t pc = 0; pc < a->n; pc++) {
		const struct jump *j = &a->jumps[pc];
		uint32_t yes = 0, no = 0;
		int rc = 0;

		if (*j->yes.name)
			rc = resolve(
				a, &j->yes, pc, j->always ? UINT32_MAX : UINT8_MAX, &yes);
		if (rc == 0 && *j->no.name)
			rc = resolve(a, &j->no, pc, UINT8_MAX, &no);
		if (rc < 0)
			return rc;
		if (j->always) {
			a->insns[pc].k = yes;
		} else if (*j->yes.name) {
			a->insns[pc].jt = (uint8_t)yes;
			a->insns[pc].jf = (uint8_t)no;
		}
	}
	return 0;
}

int sluice_program_assemble(const char *text, size_t length,
	struct sluice_program **program, struct sluice_error *error)
{
	_cleanup_(assembler_clear) struct assembler a = {.error = error};
	const char *end = text + length;
	int rc = 0;

	a.insns = calloc(SLUICE_PROGRAM_MAX, sizeof(*a.insns));
	a.jumps = calloc(SLUICE_PROGRAM_MAX, sizeof(*a.jumps));
	a.labels = calloc(SLUICE_PROGRAM_MAX, sizeof(*a.labels));
	if (!a.insns || !a.jumps || !a.labels)
		return sc_program_fail(error, ENOMEM, NULL, "%s", strerror(ENOMEM));
	while (rc == 0 && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		a.line = a.at = text;
		a.end = newline ? newline : end;
		a.number++;
		text = a.end + (newline != NULL);
		if (memchr(a.line, '\0', (size_t)(a.end - a.line)))
			rc = fail(
				&a, a.line, "found a NUL byte: this is no text", "", "");
		else
			rc = one_line(&a);
	}
	if (rc == 0)
		rc = second_pass(&a);
	return rc < 0 ? rc : sluice_program_new(a.insns, a.n, program, error);
}
