/* Comparisons of one rule, brought to one form.
 * SPDX-License-Identifier: MIT */
#include "policy/policy.h"

static bool always_holds(const struct sc_cmp *cmp, uint64_t word)
{
	switch (cmp->op) {
	case SC_OP_GE:
		return cmp->datum == 0;
	case SC_OP_LE:
		return cmp->datum == word;
	case SC_OP_MASKED_EQ:
		return cmp->mask == 0;
	default:
		return false;
	}
}

static struct sc_cmp fit(const struct sc_cmp *in, uint64_t word)
{
	struct sc_cmp cmp = *in;

	cmp.mask = in->op == SC_OP_MASKED_EQ ? in->mask & word : word;
	cmp.datum = in->datum & cmp.mask;
	return cmp;
}

void sc_chain_normalise(const struct sc_chain *in, unsigned int bits, struct sc_chain *out)
{
	const uint64_t word = bits == 32 ? UINT32_MAX : UINT64_MAX;

	out->len = 0;
	for (uint32_t i = 0; i < in->len; i++) {
		struct sc_cmp cmp = fit(&in->cmp[i], word);
		uint32_t at = out->len;

		if (always_holds(&cmp, word))
			continue;
		for (; at > 0 && out->cmp[at - 1].arg > cmp.arg; at--)
			out->cmp[at] = out->cmp[at - 1];
		out->cmp[at] = cmp;
		out->len++;
	}
}
