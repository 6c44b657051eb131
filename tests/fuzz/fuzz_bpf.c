/* The BPF reader on hostile programs: check, sim, disasm, prove.
 *
 * The input is raw struct sock_filter. Any bytes can be disassembled. What
 * sc_bpf_check() takes is compared with itself (equal, unless it cannot be told) and
 * with a copy that has one instruction changed, of which every counter-example must be
 * confirmed by the interpreter, and "equal" must survive probes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small: a fuzzer wants many answers, not deep ones. */
static const struct sc_prove_limits limits = {.max_nodes = 1 << 14, .max_steps = 1 << 16};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void disassemble(const struct sock_filter *insns, uint32_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	require(sc_bpf_disasm(insns, len, len & 1, f) == 0);
	fclose(f);
	free(text);
}

static bool undecided(int rc)
{
	return rc == -EOPNOTSUPP || rc == -E2BIG || rc == -ENOMEM;
}

static void check_different(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_counterexample *cex)
{
	uint32_t words[16];

	sc_bpf_words(&cex->data, a->big_endian, words);
	require(cex->a != cex->b);
	require(sc_bpf_run(a->insns, a->len, words, NULL) == cex->a);
	require(sc_bpf_run(b->insns, b->len, words, NULL) == cex->b);
}

/* Inputs made of the program's own constants and their neighbours. */
static void check_equal(const struct sc_prog *a, const struct sc_prog *b, uint32_t seed)
{
	for (int i = 0; i < 64; i++) {
		uint32_t words[16];

		for (int w = 0; w < 16; w++) {
			seed = seed * 1664525 + 1013904223;
			words[w] = a->insns[(seed >> 8) % a->len].k + (seed >> 30) - 1;
		}
		require(sc_bpf_run(a->insns, a->len, words, NULL) ==
			sc_bpf_run(b->insns, b->len, words, NULL));
	}
}

static int ignore_region(const struct sc_region *region, void *arg)
{
	(void)arg;
	return region->a == region->b ? -EINVAL : 0;
}

static void compare(const struct sc_prog *a, const struct sc_prog *b, uint32_t seed)
{
	struct sc_counterexample cex;
	int rc = sc_prove_programs(a, b, &limits, &cex), regions;

	require(rc == SC_PROOF_EQUAL || rc == SC_PROOF_DIFFERS || undecided(rc));
	if (rc == SC_PROOF_DIFFERS)
		check_different(a, b, &cex);
	else if (rc == SC_PROOF_EQUAL)
		check_equal(a, b, seed);
	regions = sc_prove_regions(a, b, &limits, ignore_region, NULL);
	require(regions == rc || undecided(regions) || undecided(rc));
}

/* The emulator, symbolic and concrete, must agree too. */
static void check_bitmap(const struct sc_prog *p, uint32_t seed)
{
	const struct sc_lowered nothing = {
		.badarch = SECCOMP_RET_KILL_PROCESS, .big_endian = p->big_endian};
	struct sc_counterexample cex;
	int rc = sc_prove_bitmap(p, &nothing, &cex);

	require(rc == SC_PROOF_EQUAL || rc == SC_PROOF_DIFFERS || undecided(rc));
	if (rc == SC_PROOF_DIFFERS)
		require(cex.a == 1 && sc_bpf_const_allow(p->insns, p->len, cex.data.arch,
					      (uint32_t)cex.data.nr));
	else if (rc == SC_PROOF_EQUAL)
		require(!sc_bpf_const_allow(p->insns, p->len, seed, p->insns[0].k));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter insns[64], other[64];
	struct sc_prog a = {.insns = insns}, b = {.insns = other};
	uint32_t seed, steps;
	const uint32_t words[16] = {0};

	if (size < sizeof(seed) + sizeof(*insns))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	size = (size - sizeof(seed)) / sizeof(*insns);
	a.len = b.len = size < 64 ? (uint32_t)size : 64;
	a.big_endian = b.big_endian = seed & 1;
	memcpy(insns, data + sizeof(seed), a.len * sizeof(*insns));
	memcpy(other, insns, sizeof(*insns) * a.len);
	disassemble(insns, a.len);
	if (sc_bpf_check(insns, a.len, NULL, NULL) < 0)
		return 0;
	require(sc_bpf_ebpf_len(insns, a.len) >= a.len + 3);
	sc_bpf_run(insns, a.len, words, &steps);
	require(steps >= 1 && steps <= a.len);
	compare(&a, &b, seed);
	check_bitmap(&a, seed);
	other[(seed >> 8) % b.len].k ^= UINT32_C(1) << (seed >> 1) % 32;
	if (sc_bpf_check(other, b.len, NULL, NULL) == 0)
		compare(&a, &b, seed);
	return 0;
}
