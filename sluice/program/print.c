/* Programs as text.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/facts.h"
#include "program/program.h"
#include "util/cleanup.h"

/* Copies what was written to a stream in memory, like snprintf(3). */
static size_t deliver(
	FILE *stream, char **text, size_t *length, char *buffer, size_t size)
{
	size_t n = 0;

	if (stream && fclose(stream) == 0)
		n = *length;
	if (size) {
		size_t part = n < size ? n : size - 1;

		memcpy(buffer, n ? *text : "", part);
		buffer[part] = '\0';
	}
	free(*text);
	return n;
}

size_t sluice_program_text(const struct sluice_program *program, unsigned filter,
	size_t index, char *buffer, size_t size)
{
	const struct sc_prog *p;
	char *text = NULL;
	size_t length = 0;
	FILE *out;

	if (size)
		buffer[0] = '\0';
	if (filter >= program->n || index >= program->filters[filter].len)
		return 0;
	p = &program->filters[filter];
	out = open_memstream(&text, &length);
	if (out)
		sc_bpf_disasm_insn(&p->insns[index], (uint32_t)index, p->big_endian, out);
	return deliver(out, &text, &length, buffer, size);
}

size_t sluice_program_comment(const struct sluice_program *program, unsigned filter,
	size_t index, char *buffer, size_t size)
{
	_cleanup_free_ struct sc_fact *facts = NULL;
	const struct sc_prog *p;
	char *text = NULL;
	size_t length = 0;
	FILE *out;

	if (size)
		buffer[0] = '\0';
	if (filter >= program->n || index >= program->filters[filter].len)
		return 0;
	p = &program->filters[filter];
	if (sc_facts(p, &facts) < 0)
		return 0;
	out = open_memstream(&text, &length);
	if (out)
		sc_fact_comment(&facts[index], &p->insns[index], p->big_endian, out);
	return deliver(out, &text, &length, buffer, size);
}

static int print_line(
	const struct sc_prog *p, const struct sc_fact *fact, uint32_t pc, FILE *out)
{
	const struct sock_filter *f = &p->insns[pc];
	_cleanup_free_ char *text = NULL;
	size_t length = 0, code;
	FILE *line = open_memstream(&text, &length);

	if (!line)
		return -ENOMEM;
	sc_bpf_disasm_insn(f, pc, p->big_endian, line);
	fflush(line);
	code = length;
	sc_fact_comment(fact, f, p->big_endian, line);
	/* fclose() succeeds and leaves NULL where the last of its memory cannot be had. */
	if (fclose(line) || !text)
		return -ENOMEM;
	fprintf(out, " %04" PRIu32 ": 0x%02x 0x%02x 0x%02x 0x%08" PRIx32 "  ", pc,
		(unsigned int)f->code, f->jt, f->jf, f->k);
	if (length > code)
		fprintf(out, "%-32.*s # %s\n", (int)code, text, text + code);
	else
		fprintf(out, "%s\n", text);
	return 0;
}

int sluice_program_print(const struct sluice_program *program, unsigned filter, FILE *out)
{
	_cleanup_free_ struct sc_fact *facts = NULL;
	const struct sc_prog *p;
	int rc;

	if (filter >= program->n)
		return -ENOENT;
	p = &program->filters[filter];
	rc = sc_facts(p, &facts);
	if (rc < 0)
		return rc;
	fputs(" line  CODE  JT   JF      K\n=================================\n", out);
	for (uint32_t pc = 0; rc == 0 && pc < p->len; pc++)
		rc = print_line(p, &facts[pc], pc, out);
	return rc < 0 ? rc : ferror(out) ? -EIO : 0;
}
