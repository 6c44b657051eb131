/* What a program says to one call.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "program/program.h"

uint32_t sluice_program_run(
	const struct sluice_program *program, const struct seccomp_data *data)
{
	uint32_t words[16], verdict = SECCOMP_RET_ALLOW;

	sc_bpf_words(data, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, words);
	for (uint32_t i = 0; i < program->n; i++) {
		const struct sc_prog *p = &program->filters[i];
		uint32_t said = sc_bpf_run(p->insns, p->len, words, NULL);

		verdict = i ? sc_bpf_stronger(verdict, said) : said;
	}
	return verdict;
}

size_t sluice_program_trace(const struct sluice_program *program, unsigned filter,
	const struct seccomp_data *data, uint32_t *path, size_t size, uint32_t *verdict)
{
	const struct sc_prog *p;
	uint32_t words[16], said, steps;

	if (filter >= program->n)
		return 0;
	p = &program->filters[filter];
	sc_bpf_words(data, p->big_endian, words);
	said = sc_bpf_path(p->insns, p->len, words, &steps, path, size);
	if (verdict)
		*verdict = said;
	return steps;
}

size_t sluice_verdict_text(uint32_t verdict, char *buffer, size_t size)
{
	char text[SC_BPF_ACTION_MAX];

	return (size_t)snprintf(buffer, size, "%s", sc_bpf_action(verdict, text));
}
