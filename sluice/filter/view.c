/* Programs as the kernel's calls see them: what it does not read is anybody's.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove_policy.h"
#include "bpf/prove_side.h"
#include "filter/filter.h"
#include "filter/graph.h"
#include "meaning/meaning.h"
#include "program/program.h"
#include "util/cleanup.h"

enum {
	WORD_NR = 0,
	WORD_ARCH = 1,
	WORD_IP = 2,
	WORD_ARGS = 4
};

/* The bits of the input that the kernel ignores in one call, word by word. */
struct ignored {
	uint32_t words[16];
};

static int failed(struct sluice_error *error, int rc)
{
	return sc_filter_error(error, rc, NULL,
		rc == -ENOMEM ? "no memory"
		: rc == -EINVAL ? "the kernel would refuse one of the programs"
				: "it cannot be told what one of the programs does");
}

static unsigned int low_word(const struct sc_bdd *b, unsigned int arg)
{
	return WORD_ARGS + 2 * arg + (b->big_endian ? 1 : 0);
}

/* Does the kernel give filters 0 for the high words of an ABI's arguments? It cuts them (s390, ppc: syscall_get_arguments()
 * of arch/s390 and arch/powerpc), or its own registers have 32 bits (m68k, sh). Elsewhere a 64-bit kernel
 * hands on registers as they are (Linux 6.1): int 0x80 from 64-bit code has garbage there; mips has the sign; arm64 clears x0
 * alone, and what the others hold is left to the processor; parisc clears them at its gateway, but not for a program
 * with an odd stack pointer. */
static bool is_cut(const struct sc_arch *arch)
{
	switch (arch->token) {
	case SCMP_ARCH_S390:
	case SCMP_ARCH_PPC:
	case SCMP_ARCH_M68K:
	case SCMP_ARCH_SH:
	case SCMP_ARCH_SHEB:
		return true;
	default:
		return false;
	}
}

static void ignored_of(const struct sc_bdd *b, const struct sc_arch *arch, int row,
	struct ignored *out)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	bool known = row >= 0 &&
		sluice_call_info(arch->token, sc_syscall_name(row), &info) == 0 &&
		info.has_prototype;

	*out = (struct ignored){0};
	for (unsigned int i = 0; i < 6; i++) {
		unsigned int bits = sc_meaning_register(arch);
		uint64_t read;

		if (known)
			bits = i >= info.n_args ? 0
			       : info.args[i].bits < bits ? info.args[i].bits : bits;
		read = bits ? UINT64_MAX >> (64 - bits) : 0;
		out->words[low_word(b, i)] = ~(uint32_t)read;
		out->words[low_word(b, i) ^ 1] = is_cut(arch) ? 0 : ~(uint32_t)(read >> 32);
	}
}

static bool is_ignored(const struct sc_bdd *b, const struct ignored *ignored, uint32_t level)
{
	unsigned int word, bit;

	sc_bdd_bit(b, level, &word, &bit);
	return ignored->words[word] >> bit & 1;
}

struct choice {
	struct sc_bdd *b;
	const struct ignored *ignored;
	sc_graph_choose choose; /* NULL: the bits are 0 */
	uint32_t *known; /* [diagram] */
	int rc;
};

/* @f where somebody chooses the ignored bits. At most SC_BDD_LEVELS deep. */
static uint32_t chosen(struct choice *c, uint32_t f)
{
	const struct sc_bdd_node n = c->b->nodes[f];
	uint32_t lo, hi;

	if (n.level == SC_BDD_LEVELS || c->rc)
		return f;
	if (c->known[f] != UINT32_MAX)
		return c->known[f];
	lo = chosen(c, n.lo);
	hi = chosen(c, n.hi);
	if (c->rc)
		return f;
	if (!is_ignored(c->b, c->ignored, n.level))
		c->known[f] = sc_bdd_node(c->b, n.level, lo, hi);
	else if (lo == hi || !c->choose)
		c->known[f] = lo;
	else
		c->rc = sc_graph_combine(c->b, lo, hi, c->choose, &c->known[f]);
	return c->rc ? f : c->known[f];
}

/* *@f becomes what somebody makes of it who chooses the ignored bits. 0 or -errno. */
static int choose_bits(
	struct sc_bdd *b, const struct ignored *ignored, sc_graph_choose choose, uint32_t *f)
{
	struct choice c = {.b = b, .choose = choose, .ignored = ignored};

	c.known = malloc(b->n_nodes * sizeof(*c.known));
	if (!c.known)
		return -ENOMEM;
	memset(c.known, 0xff, b->n_nodes * sizeof(*c.known));
	*f = chosen(&c, *f);
	free(c.known);
	return c.rc ? c.rc : b->err;
}

/* The function of what stands behind the first @levels for one architecture (32) and number (64). */
static uint32_t of_number(
	const struct sc_bdd *b, uint32_t f, uint32_t levels, uint32_t audit, uint32_t nr)
{
	while (sc_bdd_top(b, f) < levels) {
		uint32_t level = sc_bdd_top(b, f);
		uint32_t word = level < 32 ? audit : nr;

		f = sc_bdd_cofactor(b, f, level, word >> (31 - level % 32) & 1);
	}
	return f;
}

/* @f, but for this number @g; with 32 levels for all numbers. */
static uint32_t with_number(
	struct sc_bdd *b, uint32_t f, uint32_t levels, uint32_t audit, uint32_t nr, uint32_t g)
{
	uint32_t here = SC_BDD_TRUE;

	for (unsigned int i = 64 - levels; i < 64; i++) {
		unsigned int word = i < 32 ? WORD_NR : WORD_ARCH;
		bool one = (i < 32 ? nr : audit) >> i % 32 & 1;
		uint32_t level = sc_bdd_level(b, word, i % 32);

		here = sc_bdd_node(b, level, one ? SC_BDD_FALSE : here,
			one ? here : SC_BDD_FALSE);
	}
	return sc_bdd_ite(b, here, g, f);
}

/* *@f of inputs that there are: the high words of some ABIs are 0. 0 or -errno. */
static int cut_words(struct sc_bdd *b, const struct sc_arch *const *archs, uint32_t n, uint32_t *f)
{
	struct ignored high = {0};
	int rc = 0;

	for (unsigned int i = 0; i < 6; i++)
		high.words[low_word(b, i) ^ 1] = UINT32_MAX;
	for (uint32_t a = 0; a < n && !rc; a++) {
		uint32_t g = of_number(b, *f, 32, archs[a]->audit, 0);

		if (!is_cut(archs[a]))
			continue;
		rc = choose_bits(b, &high, NULL, &g);
		if (!rc)
			*f = with_number(b, *f, 32, archs[a]->audit, 0, g);
	}
	return rc ? rc : b->err;
}

/* @f in the eyes of one who has the choice of what the kernel ignores. */
static int view_of(struct sc_bdd *b, uint32_t f, const struct sc_arch *const *archs, uint32_t n,
	sc_graph_choose choose, uint32_t *out)
{
	struct ignored ignored;
	uint32_t view = f;
	int rc = 0;

	for (uint32_t a = 0; a < n; a++)
		for (int row = 0; row < (int)sc_syscall_count && !b->err; row++) {
			struct sc_mux mux;
			int nr = sc_mux_lookup(archs[a], row, &mux)
				? mux.direct : sc_syscall_nr(archs[a], row);
			uint32_t g = of_number(b, f, 64, archs[a]->audit, (uint32_t)nr);

			if (nr < 0 || sc_bdd_is_constant(b, g))
				continue;
			ignored_of(b, archs[a], row, &ignored);
			rc = choose_bits(b, &ignored, choose, &g);
			if (rc)
				return rc;
			view = with_number(b, view, 64, archs[a]->audit, (uint32_t)nr, g);
		}
	*out = view;
	return b->err;
}

/* A way down @f to the constant @value; bits that are not in @free are those of @words already.
 * @seen: a byte a diagram, those that have no such way. */
static bool find(const struct sc_bdd *b, uint32_t f, uint32_t value, const struct ignored *free,
	uint8_t *seen, uint32_t words[16])
{
	const struct sc_bdd_node n = b->nodes[f];
	unsigned int word, bit;

	if (n.level == SC_BDD_LEVELS)
		return n.lo == value;
	if (seen[f])
		return false;
	seen[f] = 1;
	sc_bdd_bit(b, n.level, &word, &bit);
	if (!(free->words[word] >> bit & 1))
		return find(b, words[word] >> bit & 1 ? n.hi : n.lo, value, free, seen, words);
	words[word] &= ~(UINT32_C(1) << bit);
	if (find(b, n.lo, value, free, seen, words))
		return true;
	words[word] |= UINT32_C(1) << bit;
	return find(b, n.hi, value, free, seen, words);
}

static int find_input(const struct sc_bdd *b, uint32_t f, uint32_t value, const struct ignored *free_bits,
	uint32_t words[16])
{
	_cleanup_free_ uint8_t *seen = calloc(b->n_nodes, 1);

	if (!seen)
		return -ENOMEM;
	return find(b, f, value, free_bits, seen, words) ? 0 : -ENOENT;
}

static uint64_t join(const struct sc_bdd *b, const uint32_t words[2])
{
	return (uint64_t)words[b->big_endian ? 0 : 1] << 32 | words[b->big_endian ? 1 : 0];
}

static void to_data(const struct sc_bdd *b, const uint32_t words[16], struct seccomp_data *data)
{
	*data = (struct seccomp_data){.nr = (int)words[WORD_NR],
		.arch = words[WORD_ARCH],
		.instruction_pointer = join(b, &words[WORD_IP])};
	for (int i = 0; i < 6; i++)
		data->args[i] = join(b, &words[WORD_ARGS + 2 * i]);
}

static uint32_t run(const struct sock_fprog *prog, const uint32_t words[16])
{
	return sc_bpf_run(prog->filter, prog->len, words, NULL);
}

/* An input where two views differ: any way down to two constants. */
static void differing(const struct sc_bdd *b, uint32_t f, uint32_t g, uint32_t words[16])
{
	memset(words, 0, 16 * sizeof(*words));
	while (!sc_bdd_is_constant(b, f) || !sc_bdd_is_constant(b, g)) {
		uint32_t level = sc_bdd_top(b, f) < sc_bdd_top(b, g) ? sc_bdd_top(b, f)
								     : sc_bdd_top(b, g);
		bool side = sc_bdd_cofactor(b, f, level, 0) == sc_bdd_cofactor(b, g, level, 0);
		unsigned int word, bit;

		sc_bdd_bit(b, level, &word, &bit);
		words[word] |= (uint32_t)side << bit;
		f = sc_bdd_cofactor(b, f, level, side);
		g = sc_bdd_cofactor(b, g, level, side);
	}
}

struct sides {
	const struct sock_fprog *progs[2];
	const struct sc_arch **archs;
	uint32_t n_archs;
	sc_graph_choose choose;
	uint32_t f[2], view[2];
};

static void sides_clear(struct sides *s)
{
	free(s->archs);
}

static const struct sc_arch *arch_of(const struct sc_arch *const *archs, uint32_t n,
	const uint32_t words[16])
{
	for (uint32_t i = 0; i < n; i++)
		if (archs[i]->audit == words[WORD_ARCH] &&
			(archs[i]->token != SCMP_ARCH_X32 || words[WORD_NR] & SC_X32_BIT) &&
			(archs[i]->token != SCMP_ARCH_X86_64 || !(words[WORD_NR] & SC_X32_BIT)))
			return archs[i];
	return NULL;
}

/* The input @words, where the two views differ, gets those bits that the kernel ignores with which one program
 * says what the other cannot be made to say. 0 or -errno. */
static int choose_ignored(const struct sc_bdd *b, const struct sides *s, uint32_t words[16])
{
	uint32_t a = sc_bdd_eval(b, s->view[0], words), c = sc_bdd_eval(b, s->view[1], words);
	/* The one that wins the choice is the one that the other does not reach. */
	int rc, side = s->choose(a, c) == c && s->choose(c, a) == c;
	const struct sc_arch *arch = arch_of(s->archs, s->n_archs, words);
	struct ignored ignored = {0};

	if (arch)
		ignored_of(b, arch, sc_syscall_by_nr(arch, (int)words[WORD_NR]), &ignored);
	rc = find_input(b, s->f[side], side ? c : a, &ignored, words);
	return rc == -ENOENT ? -ENOTRECOVERABLE : rc;
}

static int witness_of(const struct sc_bdd *b, const struct sides *s, struct sluice_view_witness *witness)
{
	uint32_t words[16];
	int rc;

	differing(b, s->view[0], s->view[1], words);
	rc = choose_ignored(b, s, words);
	if (rc)
		return rc;
	if (witness) {
		to_data(b, words, &witness->data);
		witness->a = run(s->progs[0], words);
		witness->b = run(s->progs[1], words);
	}
	return 1;
}

/* The views of both sides, for one who chooses as @s says. 0 or -errno. */
static int views_of(struct sc_bdd *b, struct sides *s)
{
	int rc = sc_graph_begin(b);

	for (int i = 0; i < 2 && !rc; i++)
		rc = sc_graph_function(b, s->progs[i], &s->f[i]);
	for (int i = 0; i < 2 && !rc; i++)
		rc = cut_words(b, s->archs, s->n_archs, &s->f[i]);
	for (int i = 0; i < 2 && !rc; i++)
		rc = view_of(b, s->f[i], s->archs, s->n_archs, s->choose, &s->view[i]);
	return rc;
}

static const sc_graph_choose choices[] = {sc_graph_more, sc_graph_less};

int sluice_view_equal(const struct sock_fprog *a, const struct sock_fprog *b, const uint32_t *archs,
	size_t n_archs, struct sluice_view_witness *witness, struct sluice_error *error)
{
	_cleanup_(sides_clear) struct sides s = {.progs = {a, b}};
	int rc;

	if (!a || !b)
		return failed(error, -EINVAL);
	rc = sc_filter_archs(archs, n_archs, &s.archs, &s.n_archs, error);
	if (rc)
		return rc;
	/* A set of diagrams knows one operation. */
	for (int how = 0; how < 2 && !rc; how++) {
		_cleanup_(sc_bdd_clear) struct sc_bdd bdd = {0};

		s.choose = choices[how];
		rc = views_of(&bdd, &s);
		if (!rc && s.view[0] != s.view[1])
			rc = witness_of(&bdd, &s, witness);
	}
	return rc < 0 ? failed(error, rc) : rc;
}

struct comparing {
	const struct sc_bdd *b;
	const struct sides *s;
	sluice_view_fn each;
	void *data;
	int rc;	      /* of an input that was not found */
	int ended;    /* by @each */
};

static int compared(const struct sc_region *r, void *arg)
{
	struct comparing *c = arg;
	struct sluice_region out;
	uint32_t words[16] = {0};

	for (uint32_t i = 0; i < r->n_terms; i++)
		words[r->terms[i].word] = r->terms[i].lo;
	c->rc = choose_ignored(c->b, c->s, words);
	if (c->rc)
		return c->rc;
	sc_program_region(r, &out);
	to_data(c->b, words, &out.data);
	c->ended = c->each(&out, c->s->choose == sc_graph_less, c->data);
	return c->ended;
}

int sluice_view_compare(const struct sock_fprog *a, const struct sock_fprog *b, const uint32_t *archs,
	size_t n_archs, sluice_view_fn each, void *data, struct sluice_error *error)
{
	_cleanup_(sides_clear) struct sides s = {.progs = {a, b}};
	struct comparing c = {.s = &s, .each = each, .data = data};
	bool differ = false;
	int rc;

	if (!a || !b || !each)
		return failed(error, -EINVAL);
	rc = sc_filter_archs(archs, n_archs, &s.archs, &s.n_archs, error);
	for (int how = 0; how < 2 && !rc; how++) {
		_cleanup_(sc_bdd_clear) struct sc_bdd bdd = {0};

		c.b = &bdd;
		s.choose = choices[how];
		rc = views_of(&bdd, &s);
		if (!rc)
			rc = sc_bdd_regions(&bdd, s.view[0], s.view[1], compared, &c);
		if (c.ended)
			return c.ended;
		if (c.rc)
			rc = c.rc;
		differ |= rc == SC_PROOF_DIFFERS;
		rc = rc < 0 ? failed(error, rc) : 0;
	}
	return rc ? rc : differ;
}

/* No program's verdict that anybody asks for: 1 << 16 is no action. */
#define NOT_ASKED UINT32_C(0x00010000)

static uint32_t where_asked(uint32_t verdict, uint32_t question)
{
	return question == SECCOMP_RET_ALLOW ? verdict : NOT_ASKED;
}

/* The question as a filter: ALLOW is yes. What comes through a multiplexer may be meant. */
static int question_of(struct sc_bdd *b, const struct sluice_rule *rule, const uint32_t *archs,
	size_t n_archs, uint32_t *out, struct sluice_error *error)
{
	struct sluice_filter_options options = SLUICE_FILTER_OPTIONS_INIT;
	_cleanup_(sc_filter_lowered_clear) struct sc_lowered low = {0};
	struct sluice_rule asked = *rule;
	struct sluice_filter *filter;
	int rc;

	options.default_action = options.badarch_action = SECCOMP_RET_LOG;
	options.archs = archs;
	options.n_archs = n_archs;
	options.multiplexed = SLUICE_MULTIPLEXED_ALLOW;
	asked.action = SECCOMP_RET_ALLOW;
	rc = sluice_filter_new(&options, &filter, error);
	if (rc)
		return rc;
	rc = sluice_filter_add(filter, &asked, error);
	if (!rc)
		rc = sc_filter_lower(filter, &low, error);
	sluice_filter_free(filter);
	if (rc)
		return rc;
	if (low.big_endian != b->big_endian)
		return sc_filter_error(error, -EDOM, NULL, "the program is for the other byte order");
	rc = sc_policy_function(b, &low, NULL, out);
	return rc ? failed(error, rc) : 0;
}

int sluice_view_reaches(const struct sock_fprog *program, const struct sluice_rule *rule,
	const uint32_t *archs, size_t n_archs, struct sluice_view_witness *witness,
	struct sluice_error *error)
{
	_cleanup_(sc_bdd_clear) struct sc_bdd b = {0};
	_cleanup_(sides_clear) struct sides s = {0};
	struct ignored all;
	uint32_t f, question = 0, words[16] = {0};
	int rc;

	if (!program || !rule || rule->size < sizeof(*rule) ||
		!sc_filter_action_valid(rule->action))
		return sc_filter_error(error, -EINVAL, NULL, "there is no program or no question");
	rc = sc_graph_begin(&b);
	if (!rc)
		rc = sc_graph_function(&b, program, &f);
	if (rc)
		return failed(error, rc);
	rc = question_of(&b, rule, archs, n_archs, &question, error);
	if (rc)
		return rc;
	rc = sc_filter_archs(archs, n_archs, &s.archs, &s.n_archs, error);
	if (rc)
		return rc;
	rc = cut_words(&b, s.archs, s.n_archs, &f);
	if (!rc)
		rc = sc_graph_combine(&b, f, question, where_asked, &f);
	memset(&all, 0xff, sizeof(all));
	if (!rc)
		rc = find_input(&b, f, rule->action, &all, words);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return failed(error, rc);
	if (run(program, words) != rule->action)
		return failed(error, -ENOTRECOVERABLE);
	if (witness) {
		to_data(&b, words, &witness->data);
		witness->a = rule->action;
		witness->b = 0;
	}
	return 1;
}
