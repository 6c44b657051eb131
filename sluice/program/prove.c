/* Proofs and comparisons of programs.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bpf/prove.h"
#include "program/program.h"
#include "util/cleanup.h"

#define BIG_ENDIAN_HERE (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
static const struct sc_prog nothing = {&allow, 1, BIG_ENDIAN_HERE};

/* Where there is no filter the kernel allows. */
static struct sc_stack stack(const struct sluice_program *p)
{
	return p->n ? (struct sc_stack){p->filters, p->n}
		    : (struct sc_stack){&nothing, 1};
}

int sluice_program_equal(const struct sluice_program *a, const struct sluice_program *b,
	struct sluice_witness *witness)
{
	const struct sc_stack ca = stack(a), cb = stack(b);
	struct sc_counterexample cex;
	int rc = sc_prove_stacks(&ca, &cb, NULL, &cex);

	if (rc == SC_PROOF_DIFFERS && witness)
		*witness = (struct sluice_witness){cex.data, cex.a, cex.b};
	return rc;
}

struct walk {
	sluice_region_fn each;
	void *data;
	uint32_t arch;
	int nr;
	int result;    /* what @each ended the walk with */
	bool one_call; /* @arch and @nr are given: the program does not ask */
};

static void put(struct seccomp_data *d, const struct sluice_condition *c)
{
	switch (c->field) {
	case SLUICE_FIELD_ARCH:
		d->arch = (uint32_t)c->first;
		return;
	case SLUICE_FIELD_NR:
		d->nr = (int)c->first;
		return;
	case SLUICE_FIELD_IP:
		d->instruction_pointer |= c->first;
		return;
	default:
		d->args[c->field - SLUICE_FIELD_ARG0] |= c->first;
	}
}

/* Two halves of one value that are together one range or pattern become one condition. */
static bool join(struct sluice_condition *high, const struct sluice_condition *low)
{
	const uint64_t whole = UINT64_C(0xffffffff) << 32;

	if (high->field != low->field || high->first != high->last)
		return false;
	if (high->mask != whole && low->first != low->last)
		return false;
	high->mask |= low->mask;
	high->last |= low->last;
	high->first |= low->first;
	return true;
}

void sc_program_region(const struct sc_region *r, struct sluice_region *out)
{
	*out = (struct sluice_region){.a = r->a, .b = r->b};
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct sc_region_term *t = &r->terms[i];
		unsigned int shift =
			t->word >= 2 && (t->word & 1) != BIG_ENDIAN_HERE ? 32 : 0;
		struct sluice_condition *c = &out->conditions[out->n];

		*c = (struct sluice_condition){.mask = (uint64_t)t->mask << shift,
			.first = (uint64_t)t->lo << shift,
			.last = (uint64_t)t->hi << shift};
		c->field = t->word == 0	  ? SLUICE_FIELD_NR
			   : t->word == 1 ? SLUICE_FIELD_ARCH
			   : t->word < 4  ? SLUICE_FIELD_IP
					  : SLUICE_FIELD_ARG0 + (t->word - 4u) / 2;
		put(&out->data, c);
		if (out->n == 0 || !join(c - 1, c))
			out->n++;
	}
}

static int region(const struct sc_region *r, void *arg)
{
	struct walk *w = arg;
	struct sluice_region out;

	sc_program_region(r, &out);
	if (w->one_call) {
		out.data.arch = w->arch;
		out.data.nr = w->nr;
		out.b = r->a;
	}
	w->result = w->each(&out, w->data);
	return w->result;
}

int sluice_program_compare(const struct sluice_program *a, const struct sluice_program *b,
	sluice_region_fn each, void *data)
{
	const struct sc_stack ca = stack(a), cb = stack(b);
	struct walk w = {.each = each, .data = data};

	return sc_prove_stack_regions(&ca, &cb, NULL, region, &w);
}

static bool returns_a(const struct sluice_program *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		for (uint32_t k = 0; k < p->filters[i].len; k++)
			if (p->filters[i].insns[k].code == (BPF_RET | BPF_A))
				return true;
	return false;
}

/* A verdict that no instruction of @p returns: every input is a difference to it. */
static uint32_t unused_verdict(const struct sluice_program *p)
{
	/* No action of any kernel. A task has at most 2^15 instructions. */
	uint32_t verdict = 0x7ff10000;

	for (uint32_t i = 0; i < p->n; i++) {
		for (uint32_t k = 0; k < p->filters[i].len; k++) {
			const struct sock_filter *f = &p->filters[i].insns[k];

			if (f->code != (BPF_RET | BPF_K) || f->k != verdict)
				continue;
			verdict++;
			i = 0;
			k = UINT32_MAX; /* once more from the start */
		}
	}
	return verdict;
}

/* A copy in which the number and the architecture are no questions any more. */
static int specialise(const struct sluice_program *p, uint32_t arch, int nr,
	struct sluice_program **out)
{
	_cleanup_(sc_program_freep) struct sluice_program *s = sc_program_alloc(p->n);

	if (!s)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct sc_prog *f = &p->filters[i];
		int rc = sc_program_fill(s, i, f->insns, f->len, NULL);

		if (rc < 0)
			return rc;
		for (uint32_t k = 0; k < f->len; k++) {
			struct sock_filter *insn = &s->filters[i].insns[k];

			if (insn->code == (BPF_LD | BPF_W | BPF_ABS) && insn->k < 8)
				*insn = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM,
					insn->k == 4 ? arch : (uint32_t)nr);
		}
	}
	*out = steal_ptr(s);
	return 0;
}

int sluice_program_ranges(const struct sluice_program *program, uint32_t audit_arch,
	int nr, sluice_region_fn each, void *data)
{
	_cleanup_(sc_program_freep) struct sluice_program *s = NULL;
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, unused_verdict(program));
	const struct sc_prog other = {&ret, 1, BIG_ENDIAN_HERE};
	const struct sc_stack all = {&other, 1};
	struct walk w = {.each = each,
		.data = data,
		.arch = audit_arch,
		.nr = nr,
		.one_call = true};
	struct sc_stack one;
	int rc;

	if (returns_a(program))
		return -EOPNOTSUPP;
	rc = specialise(program, audit_arch, nr, &s);
	if (rc < 0)
		return rc;
	one = stack(s);
	rc = sc_prove_stack_regions(&one, &all, NULL, region, &w);
	/* Every input differs from a verdict that is not there: that is no result. */
	return w.result ? w.result : rc == SC_PROOF_DIFFERS ? 0 : rc;
}
