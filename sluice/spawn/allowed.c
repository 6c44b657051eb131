/* Whether the filter of a child allows the calls by which it would wait, and say that it
 * has the filter. SPDX-License-Identifier: MIT
 *
 * Where it does not, the child looks at memory instead, and so do we. A filter is a
 * function of the call alone: what the program says to these numbers here, it says there.
 */
#include "bpf/bpf.h"
#include "spawn/child.h"

/* No program knows from where the child will call. */
static bool reads_address(const struct sock_fprog *prog)
{
	for (unsigned i = 0; i < prog->len; i++)
		if (prog->filter[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
			prog->filter[i].k / sizeof(uint64_t) ==
				offsetof(struct seccomp_data, instruction_pointer) /
					sizeof(uint64_t))
			return true;
	return false;
}

static bool allows(const struct sock_fprog *prog, long nr, long a, long b, long c, long d,
	long e, long f)
{
	struct seccomp_data data = {.nr = (int)nr,
		.arch = seccomp_arch_native(),
		.args = {(unsigned long)a, (unsigned long)b, (unsigned long)c,
			(unsigned long)d, (unsigned long)e, (unsigned long)f}};
	uint32_t words[16];

	sc_bpf_words(&data, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, words);
	return sc_bpf_run(prog->filter, prog->len, words, NULL) == SECCOMP_RET_ALLOW;
}

void sc_spawn_find_allowed(struct plan *plan)
{
	const char *why;
	uint32_t at;

	if (sc_bpf_check(plan->prog.filter, plan->prog.len, &at, &why) ||
		reads_address(&plan->prog))
		return;
	plan->may_write = allows(&plan->prog, WAKE_PARENT(plan));
	plan->may_wait = allows(&plan->prog, WAIT_CLOSED(plan->share));
}
