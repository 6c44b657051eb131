/* Why a call was refused, and the smallest change that allows it.
 * SPDX-License-Identifier: MIT */
#include "refusals.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "json.h"
#include "util/cleanup.h"
#include "util/vec.h"

struct refusal *refusals_find(
	const struct refusals *all, uint32_t audit, int nr, uint32_t verdict)
{
	for (uint32_t i = 0; i < all->n; i++) {
		struct refusal *r = &all->items[i];

		if (r->audit == audit && r->nr == nr && r->verdict == verdict)
			return r;
	}
	return NULL;
}

int refusals_add(struct refusals *all, uint32_t audit, int nr, uint32_t verdict,
	const char *text, const char *by)
{
	struct refusal r = {.audit = audit, .nr = nr, .verdict = verdict, .count = 1};

	if (all->n == REFUSALS_MAX) {
		all->more++;
		return 1;
	}
	if (sc_reserve(all->items, all->cap, all->n, 1) < 0)
		return -ENOMEM;
	r.text = strdup(text);
	r.by = by ? strdup(by) : NULL;
	if (!r.text || (by && !r.by)) {
		free(r.text);
		free(r.by);
		return -ENOMEM;
	}
	all->items[all->n++] = r;
	return 0;
}

void refusals_clear(struct refusals *all)
{
	for (uint32_t i = 0; i < all->n; i++) {
		free(all->items[i].text);
		free(all->items[i].by);
	}
	free(all->items);
	all->items = NULL;
	all->n = all->cap = 0;
}

/* ---- which rule
 * ---------------------------------------------------------------------------- */

/* What the profile says of one call. */
struct said {
	struct sluice_profile_entry refuses; /* names it with the verdict that it got */
	struct sluice_profile_entry limited; /* allows it under conditions */
	struct sluice_profile_entry whole;   /* allows it */
	struct sluice_profile_entry
		open; /* allows others: one that it could be added to */
};

static bool names(const struct sluice_profile_entry *e, const char *name)
{
	for (unsigned int i = 0; i < e->n_names; i++)
		if (strcmp(e->names[i], name) == 0)
			return true;
	return false;
}

static void keep_first(
	struct sluice_profile_entry *out, const struct sluice_profile_entry *e)
{
	if (!out->size)
		*out = *e;
}

/* As a verdict: SCMP_ACT_* and SECCOMP_RET_* have the same values. */
static struct said look_up(
	const struct refusals *all, const struct refusal *r, const char *name)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};
	struct said s = {0};

	for (unsigned int i = 0; sluice_profile_entry(all->profile, i, &e) == 0; i++) {
		bool allows = e.action == SCMP_ACT_ALLOW, named = names(&e, name);

		if (named && e.action == r->verdict)
			keep_first(&s.refuses, &e);
		if (named && allows && (e.n_args || e.conditional))
			keep_first(&s.limited, &e);
		if (named && allows && !e.n_args && !e.conditional)
			keep_first(&s.whole, &e);
		if (allows && !e.n_args && !e.conditional)
			keep_first(&s.open, &e);
	}
	return s;
}

static void place(
	const struct refusals *all, const struct sluice_profile_entry *e, FILE *out)
{
	fprintf(out, "%s:%u:%u", all->file, e->line, e->column);
}

static void suggest_names(
	const struct refusals *all, const struct said *s, const char *name, FILE *out)
{
	if (s->open.size) {
		fprintf(out, "add \"%s\" to the names of the entry at ", name);
		place(all, &s->open, out);
	} else {
		fprintf(out,
			"add {\"names\": [\"%s\"], \"action\": \"SCMP_ACT_ALLOW\"} to "
			"\"syscalls\"",
			name);
	}
}

/* The profile's word for an architecture: SCMP_ARCH_X86_64 of x86_64. */
static void suggest_arch(const struct refusal *r, FILE *out)
{
	const struct cli_arch *a = cli_arch_of(r->audit, r->nr);

	fputs("add \"SCMP_ARCH_", out);
	for (const char *c = a ? a->name : "?"; *c; c++)
		putc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
	fputs("\" to \"architectures\"", out);
}

/* What decided. */
static void print_rule(const struct refusals *all, const struct refusal *r,
	const struct said *s, FILE *out)
{
	if (s->refuses.size) {
		place(all, &s->refuses, out);
		fputs(": this entry names it", out);
	} else if (s->limited.size) {
		place(all, &s->limited, out);
		fputs(": the conditions of this entry do not hold", out);
	} else if (s->whole.size) {
		place(all, &s->whole, out);
		fputs(": this entry allows it, but the profile is not for this "
		      "architecture",
			out);
	} else {
		fprintf(out, "%s: no entry names it: %s", all->file,
			r->verdict == sluice_profile_default(all->profile)
				? "the default action"
				: "it is newer than all that are named, or of an "
				  "architecture that is not");
	}
}

/* The smallest change that allows it. */
static void print_change(const struct refusals *all, const struct refusal *r,
	const struct said *s, FILE *out)
{
	char name[CLI_CALL_MAX];

	cli_call_name(r->audit, r->nr, name);
	if (s->refuses.size) {
		fprintf(out, "take \"%s\" out there", name);
		if (r->verdict == sluice_profile_default(all->profile) ||
			!s->whole.size) {
			fputs(" and ", out);
			suggest_names(all, s, name, out);
		}
	} else if (s->limited.size) {
		fputs("allow these arguments in an entry of their own, or ", out);
		suggest_names(all, s, name, out);
	} else if (s->whole.size) {
		suggest_arch(r, out);
	} else {
		suggest_names(all, s, name, out);
	}
}

static void explain(const struct refusals *all, const struct refusal *r, FILE *out)
{
	char name[CLI_CALL_MAX];
	struct said s = look_up(all, r, cli_call_name(r->audit, r->nr, name));

	fputs("    rule:   ", out);
	print_rule(all, r, &s, out);
	fputs("\n    change: ", out);
	print_change(all, r, &s, out);
	putc('\n', out);
}

#define OF_POLICY "of the policy, not of the profile (sluice run --plan)"

static void print_head(const struct refusal *r, FILE *out)
{
	char verdict[CLI_VERDICT_MAX];

	fprintf(out, "refused: %s: %s, %" PRIu64 " %s", r->text,
		cli_verdict(r->verdict, verdict), r->count,
		r->count == 1 ? "time" : "times");
	if (r->by)
		fprintf(out, ", by %s", r->by);
}

/* The program chose its name, and a log is anybody's. */
static void print_line(const struct refusal *r, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f) {
		print_head(r, f);
		if (fclose(f))
			f = NULL;
	}
	if (f)
		cli_printable_line(text);
	fprintf(out, "%s\n", f ? text : strerror(ENOMEM));
}

static void print_one(const struct refusals *all, const struct refusal *r, FILE *out)
{
	print_line(r, out);
	if (r->elsewhere)
		fputs("    rule:   " OF_POLICY "\n", out);
	else if (all->profile)
		explain(all, r, out);
	else if (all->file)
		fprintf(out, "    rule:   of the filter %s\n", all->file);
}

/* ---- as JSON
 * ------------------------------------------------------------------------------ */

typedef void (*printer)(const struct refusals *all, const struct refusal *r,
	const struct said *s, FILE *out);

/* What @print says, as a string. */
static void json_said(struct cli_json *j, const char *key, const struct refusals *all,
	const struct refusal *r, const struct said *s, printer print)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f) {
		print(all, r, s, f);
		if (fclose(f))
			f = NULL;
	}
	cli_json_string(j, key, f ? text : NULL);
}

static void json_explain(struct cli_json *j, const struct refusals *all,
	const struct refusal *r, const char *name)
{
	struct said s = look_up(all, r, name);
	const struct sluice_profile_entry *e = s.refuses.size	? &s.refuses
					       : s.limited.size ? &s.limited
								: &s.whole;

	if (e->size) {
		cli_json_number(j, "line", e->line);
		cli_json_number(j, "column", e->column);
	}
	json_said(j, "rule", all, r, &s, print_rule);
	json_said(j, "change", all, r, &s, print_change);
}

static void json_one(
	struct cli_json *j, const struct refusals *all, const struct refusal *r)
{
	char verdict[CLI_VERDICT_MAX], name[CLI_CALL_MAX];
	const struct cli_arch *arch = cli_arch_of(r->audit, r->nr);

	cli_json_object(j, NULL);
	cli_json_string(j, "call", cli_call_name(r->audit, r->nr, name));
	cli_json_string(j, "architecture", arch ? arch->name : NULL);
	cli_json_number(j, "number", r->nr);
	cli_json_string(j, "text", r->text);
	cli_json_string(j, "action", cli_verdict(r->verdict, verdict));
	cli_json_number(j, "count", (int64_t)r->count);
	cli_json_string(j, "program", r->by);
	if (r->elsewhere)
		cli_json_string(j, "rule", OF_POLICY);
	else if (all->profile)
		json_explain(j, all, r, name);
	cli_json_end(j);
}

void refusals_print(const struct refusals *all, bool json, FILE *out)
{
	struct cli_json j = CLI_JSON(out);

	if (json) {
		cli_json_object(&j, NULL);
		cli_json_string(&j, "profile", all->file);
		cli_json_array(&j, "refused");
	}
	for (uint32_t i = 0; i < all->n; i++) {
		if (json)
			json_one(&j, all, &all->items[i]);
		else
			print_one(all, &all->items[i], out);
	}
	if (json) {
		cli_json_end(&j);
		if (all->more)
			cli_json_number(&j, "more", (int64_t)all->more);
		cli_json_end(&j);
	} else if (all->more) {
		fprintf(out, "%" PRIu64 " other refused calls came after the first %d kinds\n",
			all->more, REFUSALS_MAX);
	}
}

/* ---- lines of the audit log
 * -------------------------------------------------------------- */

/* The value of @key: behind a blank, "quoted", in hexadecimal digits, or a word. */
static bool field(const char *line, const char *key, char *out, size_t size)
{
	size_t length = strlen(key), n;
	const char *at = line;

	while ((at = strstr(at, key)) &&
		(at == line || at[-1] != ' ' || at[length] != '='))
		at += length;
	if (!at)
		return false;
	at += length + 1;
	n = *at == '"' ? strcspn(++at, "\"") : strcspn(at, " \n");
	if (n >= size)
		n = size - 1;
	memcpy(out, at, n);
	out[n] = 0;
	return true;
}

static bool number(const char *line, const char *key, int base, uint32_t *out)
{
	char text[32], *end;
	unsigned long n;

	if (!field(line, key, text, sizeof(text)))
		return false;
	errno = 0;
	n = strtoul(text, &end, base);
	if (errno || end == text || *end || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

static int take_line(struct refusals *all, const char *line)
{
	char by[256], name[CLI_CALL_MAX], text[64];
	uint32_t arch, nr, code;
	struct refusal *r;

	if (!number(line, "arch", 16, &arch) || !number(line, "syscall", 10, &nr) ||
		!number(line, "code", 16, &code))
		return 1;
	r = refusals_find(all, arch, (int)nr, code);
	if (r) {
		r->count++;
		return 0;
	}
	if (!field(line, "exe", by, sizeof(by)) && !field(line, "comm", by, sizeof(by)))
		*by = 0;
	snprintf(text, sizeof(text), "%s(...)", cli_call_name(arch, (int)nr, name));
	return refusals_add(all, arch, (int)nr, code, text, *by ? by : NULL) < 0 ? -ENOMEM : 0;
}

int refusals_of_audit(struct cli *cli, const char *path, struct refusals *all)
{
	static const char expected[] = "a log of the audit system";
	FILE *in = cli_input_lines(path, expected);
	_cleanup_free_ char *line = NULL;
	unsigned int number_of_line = 0;
	bool audits = false;
	size_t size = 0;
	ssize_t length;
	int rc = 0;

	if (!in)
		return CLI_TROUBLE;
	while (rc >= 0 && (length = getline(&line, &size, in)) > 0) {
		number_of_line++;
		if (memchr(line, 0, (size_t)length)) {
			fclose(in);
			return cli_error_at(cli_input_name(path), number_of_line, 0,
				"found a NUL byte, expected %s: this is no text", expected);
		}
		audits = audits || strstr(line, "audit(");
		if (!strstr(line, "type=1326") && !strstr(line, "type=SECCOMP"))
			continue;
		rc = take_line(all, line);
		if (rc > 0)
			cli_warn(cli, "%s:%u: no arch=, syscall= and code= in this line",
				cli_input_name(path), number_of_line);
	}
	if (rc >= 0 && ferror(in))
		rc = -errno;
	fclose(in);
	if (rc >= 0 && number_of_line && !audits)
		cli_warn(cli, "%s: found no line of the audit system, expected a log of it",
			cli_input_name(path));
	return rc < 0 ? cli_input_failed(path, -rc, expected) : 0;
}
