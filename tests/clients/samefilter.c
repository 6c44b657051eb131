/* Do two filters decide alike? samefilter A.bpf B.bpf [ARCH:NR...] (raw struct sock_filter)
 *
 * ARCH:NR in hexadecimal: a number about which they may differ.
 * Runs both over every number of every architecture that either of them names, and over every
 * boundary of every test that either of them makes on the way: for each test met, the words on
 * both sides of it, as long as that leads down new paths. Its interpreter is its own, so that a
 * mistake in the library's does not hide itself. Exit status 0 equal, 1 a difference (one line),
 * 2 cannot tell.
 * SPDX-License-Identifier: MIT */
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 16
#define NR 0
#define ARCH 1
#define I386_SOCKETCALL 102
#define I386_IPC 117
#define MAX_TESTS (2 * BPF_MAXINSNS)
#define MAX_INPUTS 20000 /* of one number of one architecture */
#define PATHS 65536      /* hash slots, over three times that */

struct prog {
	struct sock_filter insns[BPF_MAXINSNS];
	size_t len;
};

/* A comparison met on the way: (word & mask) against k. */
struct test {
	uint32_t word, mask, k;
};

struct input {
	uint32_t w[WORDS];
};

static struct test tests[MAX_TESTS];
static size_t n_tests;
static uint64_t paths[PATHS];
static struct input inputs[MAX_INPUTS];
static uint64_t total;
static char **may_differ;

static void cannot(const char *why)
{
	fprintf(stderr, "samefilter: %s\n", why);
	exit(2);
}

static void read_prog(const char *path, struct prog *p)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		cannot(path);
	p->len = fread(p->insns, sizeof(p->insns[0]), BPF_MAXINSNS, f);
	if (!p->len || fgetc(f) != EOF)
		cannot("not a filter");
	fclose(f);
}

static bool jump_taken(uint16_t op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	}
	cannot("a jump that filters do not use");
	return false;
}

/* Returns the verdict, adds the path to *@path and the tests to tests[]. */
static uint32_t run(const struct prog *p, const struct input *in, uint64_t *path)
{
	uint32_t a = 0, word = 0, mask = ~0u;

	for (size_t pc = 0; pc < p->len; pc++) {
		const struct sock_filter *i = &p->insns[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k / 4 >= WORDS)
				cannot("a load outside seccomp_data");
			word = i->k / 4;
			a = in->w[word];
			mask = ~0u;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			mask &= i->k;
			break;
		case BPF_RET | BPF_K:
			*path = (*path ^ pc) * 0x100000001b3u;
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		default:
			if (BPF_CLASS(i->code) != BPF_JMP || BPF_SRC(i->code) != BPF_K)
				cannot("an instruction that libseccomp never makes");
			if (n_tests < MAX_TESTS)
				tests[n_tests++] = (struct test){word, mask, i->k};
			bool taken = jump_taken(BPF_OP(i->code), a, i->k);
			pc += taken ? i->jt : i->jf;
			*path = (*path ^ (pc << 1 | taken)) * 0x100000001b3u;
		}
	}
	cannot("ran off the end");
	return 0;
}

static bool path_is_new(uint64_t path)
{
	size_t slot = path % PATHS;

	path |= 1; /* 0 means a free slot */
	while (paths[slot] && paths[slot] != path)
		slot = (slot + 1) % PATHS;
	bool fresh = !paths[slot];
	paths[slot] = path;
	return fresh;
}

/* The kernel takes ipc(2)'s code without its upper half, a version, and one word of socketcall(2)'s:
 * the known difference "what the kernel reads" (tests/differential/known-differences.md). */
static bool is_read(const struct input *in)
{
	if (in->w[ARCH] != AUDIT_ARCH_I386)
		return true;
	if (in->w[NR] == I386_IPC)
		return !(in->w[4] >> 16 || in->w[5]);
	return in->w[NR] != I386_SOCKETCALL || !in->w[5];
}

/* Runs both; ends the program at a difference. True when this went a way not seen yet. */
static bool probe(const struct prog *a, const struct prog *b, const struct input *in)
{
	uint64_t path = 0xcbf29ce484222325u;

	n_tests = 0;
	total++;
	uint32_t va = run(a, in, &path), vb = run(b, in, &path);
	if (va == vb || !is_read(in))
		return path_is_new(path);
	printf("arch=%#x nr=%u(%#x) ip=%#x%08x args=", in->w[ARCH], in->w[NR], in->w[NR],
		in->w[3], in->w[2]);
	for (int i = 0; i < 6; i++)
		printf("%s%#llx", i ? "," : "",
			(unsigned long long)in->w[5 + 2 * i] << 32 | in->w[4 + 2 * i]);
	printf(" A=%#x B=%#x\n", va, vb);
	exit(1);
}

static bool is_excepted(uint32_t arch, uint32_t nr)
{
	char text[32];

	snprintf(text, sizeof(text), "%x:%x", arch, nr);
	for (char **at = may_differ; *at; at++)
		if (!strcmp(*at, text))
			return true;
	return false;
}

static void explore(const struct prog *a, const struct prog *b, uint32_t arch, uint32_t nr)
{
	static struct test met[MAX_TESTS];
	size_t n = 1, done = 0;

	if (is_excepted(arch, nr))
		return;
	memset(paths, 0, sizeof(paths));
	memset(&inputs[0], 0, sizeof(inputs[0]));
	inputs[0].w[ARCH] = arch;
	inputs[0].w[NR] = nr;
	for (; done < n; done++) {
		probe(a, b, &inputs[done]);
		size_t n_met = n_tests;
		memcpy(met, tests, n_met * sizeof(met[0]));
		for (size_t t = 0; t < n_met; t++) {
			const uint32_t k = met[t].k, others = ~met[t].mask;
			const uint32_t tries[] = {k, k - 1, k + 1, k | others, ~k, k & -k, 0, ~0u};

			if (met[t].word == NR || met[t].word == ARCH)
				continue;
			for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
				struct input in = inputs[done];

				in.w[met[t].word] = tries[i];
				if (!probe(a, b, &in))
					continue;
				if (n == MAX_INPUTS)
					cannot("too many paths");
				inputs[n++] = in;
			}
		}
	}
}

static void explore_arch(const struct prog *a, const struct prog *b, uint32_t arch)
{
	const struct prog *both[] = {a, b};

	for (uint32_t nr = 0; nr < 1024; nr++) {
		explore(a, b, arch, nr);
		explore(a, b, arch, 0x40000000 + nr); /* x32's */
	}
	for (uint32_t step = 0; step < 3; step++) {
		explore(a, b, arch, 0x3fffffff + step);
		explore(a, b, arch, 0x7fffffff + step);
		explore(a, b, arch, ~0u - step);
	}
	for (int i = 0; i < 2; i++)
		for (size_t pc = 0; pc < both[i]->len; pc++)
			if (BPF_CLASS(both[i]->insns[pc].code) == BPF_JMP)
				for (uint32_t step = 0; step < 3; step++)
					explore(a, b, arch, both[i]->insns[pc].k + step - 1);
}

/* The architectures that either program names, and one that it does not. */
static size_t find_arches(const struct prog *a, const struct prog *b, uint32_t *arches, size_t max)
{
	const struct prog *both[] = {a, b};
	size_t n = 0;

	arches[n++] = AUDIT_ARCH_X86_64;
	arches[n++] = AUDIT_ARCH_I386;
	arches[n++] = AUDIT_ARCH_AARCH64;
	arches[n++] = AUDIT_ARCH_SPARC64;
	for (int i = 0; i < 2; i++) {
		uint32_t word = NR;

		for (size_t pc = 0; pc < both[i]->len && n < max; pc++) {
			const struct sock_filter *insn = &both[i]->insns[pc];
			size_t at = 0;

			if (insn->code == (BPF_LD | BPF_W | BPF_ABS))
				word = insn->k / 4;
			if (BPF_CLASS(insn->code) != BPF_JMP || word != ARCH)
				continue;
			while (at < n && arches[at] != insn->k)
				at++;
			if (at == n)
				arches[n++] = insn->k;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct prog a, b;
	uint32_t arches[64];

	if (argc < 3)
		cannot("usage: samefilter A.bpf B.bpf [ARCH:NR...]");
	may_differ = argv + 3;
	read_prog(argv[1], &a);
	read_prog(argv[2], &b);
	size_t n = find_arches(&a, &b, arches, 64);
	for (size_t i = 0; i < n; i++)
		explore_arch(&a, &b, arches[i]);
	printf("equal on %llu inputs\n", (unsigned long long)total);
	return 0;
}
