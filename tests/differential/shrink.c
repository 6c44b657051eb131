/* Shrinks a failing policy: greedily leaves out calls, rows and comparisons, then lowers
 * numbers, as long as something still differs.
 * SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classes.h"

#define SECONDS 5

struct shrinker {
	const struct lib *lib;
	bool only_unlisted;
	struct scenario s;
};

static bool fails(const struct shrinker *sh)
{
	struct outcome *want = calloc(sh->s.n_ops + 1, sizeof(*want));
	struct outcome *got;
	int class;

	if (!want)
		abort();
	run_oracle(&sh->s, want);
	got = run_forked(sh->lib, &sh->s, SECONDS);
	class = classify(&sh->s, want, got);
	for (unsigned int i = 0; i < sh->s.n_ops; i++)
		if (got[i].rc == -ENOEXEC) /* a row of the other byte order, by leaving out */
			class = CLASS_EQUAL;
	free(want);
	return class != CLASS_EQUAL && (class == CLASS_UNLISTED || !sh->only_unlisted);
}

static void remove_ops(struct scenario *s, unsigned int at, unsigned int n)
{
	memmove(&s->ops[at], &s->ops[at + n], (s->n_ops - at - n) * sizeof(*s->ops));
	s->n_ops -= n;
}

/* Leaves out runs of @n ops where it still fails without them. */
static bool without(struct shrinker *sh, unsigned int n)
{
	struct op *saved = malloc(sh->s.n_ops * sizeof(*saved));
	bool shrunk = false;
	unsigned int i = 1;

	if (!saved)
		abort();
	while (i + n <= sh->s.n_ops) {
		unsigned int n_ops = sh->s.n_ops;

		memcpy(saved, sh->s.ops, n_ops * sizeof(*saved));
		remove_ops(&sh->s, i, n);
		if (fails(sh)) {
			shrunk = true;
			continue;
		}
		memcpy(sh->s.ops, saved, n_ops * sizeof(*saved));
		sh->s.n_ops = n_ops;
		i += n > 1 ? n : 1;
	}
	free(saved);
	return shrunk;
}

static bool try_op(struct shrinker *sh, unsigned int at, const struct op *instead)
{
	struct op saved = sh->s.ops[at];

	if (memcmp(&saved, instead, sizeof(saved)) == 0)
		return false;
	sh->s.ops[at] = *instead;
	if (fails(sh))
		return true;
	sh->s.ops[at] = saved;
	return false;
}

static bool simpler_op(struct shrinker *sh, unsigned int at)
{
	struct op op = sh->s.ops[at];
	bool shrunk = false;

	for (unsigned int i = 0; i < sh->s.ops[at].n_cmps; i++) {
		op = sh->s.ops[at];
		memmove(&op.cmps[i], &op.cmps[i + 1], (7 - i) * sizeof(*op.cmps));
		op.n_cmps--;
		shrunk |= try_op(sh, at, &op);
	}
	for (unsigned int i = 0; i < 6 && op.kind == OP_ROW; i++) {
		op = sh->s.ops[at];
		op.args[i] = 0;
		shrunk |= try_op(sh, at, &op);
		op = sh->s.ops[at];
		op.args[i] &= UINT32_MAX;
		shrunk |= try_op(sh, at, &op);
	}
	return shrunk;
}

void shrink_and_print(const struct lib *lib, uint64_t seed, enum policy_kind kind,
	bool only_unlisted, FILE *out)
{
	struct shrinker sh = {.lib = lib, .only_unlisted = only_unlisted};
	struct outcome *want, *got;
	bool again = true;

	policy_random(seed, kind, &sh.s);
	for (unsigned int n = sh.s.n_ops / 2; n > 1; n /= 2)
		without(&sh, n);
	while (again) {
		again = without(&sh, 1);
		for (unsigned int i = 0; i < sh.s.n_ops; i++)
			again |= simpler_op(&sh, i);
	}
	want = calloc(sh.s.n_ops + 1, sizeof(*want));
	if (!want)
		abort();
	run_oracle(&sh.s, want);
	got = run_forked(lib, &sh.s, SECONDS);
	fprintf(out, "# scenario %s\n", sh.s.name);
	for (unsigned int i = 0; i < sh.s.n_ops; i++) {
		struct op *op = &sh.s.ops[i];

		op->expect = want[i].rc == MISSING ? 0 : want[i].rc;
		op->expect_value = want[i].value;
		fputs("# ", out);
		case_write_op(op, out);
		if (want[i].rc != MISSING && !outcome_equal(op, &want[i], &got[i])) {
			fputs("#      # the library: ", out);
			outcome_print(op, &got[i], out);
			fputc('\n', out);
		}
	}
	free(want);
	script_free(&sh.s);
}
