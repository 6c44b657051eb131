/* With SECCOMP_SELF_CHECK in the environment no program leaves unproved.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/prove.h"
#include "selfcheck.h"

/* Who asked, and where the reason goes: a descriptor, or -1. errno stays. */
static bool asked(int *fd)
{
	const char *value = secure_getenv("SECCOMP_SELF_CHECK");
	int saved = errno;
	char *end;
	long number;

	*fd = -1;
	if (!value || !*value || strcmp(value, "0") == 0)
		return false;
	number = strtol(value, &end, 10);
	errno = saved;
	if (!*end && number >= 2 && number <= INT32_MAX)
		*fd = (int)number;
	return true;
}

/* One line, by one write(2), as others may write there too. errno stays. */
__attribute__((format(printf, 2, 3))) static void say(int fd, const char *format, ...)
{
	static const char head[] = "libseccomp self-check: ";
	char line[640];
	int saved = errno, n;
	va_list args;

	if (fd < 0)
		return;
	memcpy(line, head, sizeof(head));
	va_start(args, format);
	n = vsnprintf(line + sizeof(head) - 1, sizeof(line) - sizeof(head), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(line) - sizeof(head)) {
		n += (int)sizeof(head) - 1;
		line[n++] = '\n';
		while (write(fd, line, (size_t)n) < 0 && errno == EINTR)
			;
	}
	errno = saved;
}

static void say_differs(int fd, const struct sc_counterexample *cex)
{
	uint64_t a[6];
	char ours[SC_BPF_ACTION_MAX], wanted[SC_BPF_ACTION_MAX];

	for (int i = 0; i < 6; i++)
		a[i] = cex->data.args[i];
	say(fd,
		"the program is not what its rules say. Call %d, arch %#" PRIx32
		", arguments %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64
		" %#" PRIx64 ": program %s, rules %s. Please report this; the filter was not"
		" handed out.",
		cex->data.nr, cex->data.arch, a[0], a[1], a[2], a[3], a[4], a[5],
		sc_bpf_action(cex->a, ours), sc_bpf_action(cex->b, wanted));
}

/* What is hard is comparisons, nearly always those of one call. */
static void say_too_hard(int fd, const struct sc_lowered *low)
{
	uint32_t audit = 0, most = 0;
	const struct sc_low_call none = {0}, *worst = &none;

	for (uint32_t i = 0; i < low->n_abis; i++)
		for (uint32_t k = 0; k < low->abis[i].n_calls; k++) {
			const struct sc_low_call *call = &low->calls[low->abis[i].first_call + k];
			uint32_t n = 0;

			for (uint32_t r = 0; r < call->n_rules; r++)
				n += low->rules[call->first_rule + r].n_cmps;
			if (n <= most)
				continue;
			most = n;
			worst = call;
			audit = low->abis[i].audit;
		}
	say(fd,
		"no proof within %" PRIu64 " steps and %" PRIu32
		" nodes. The filter may well be right. Most comparisons: %" PRIu32 " in %" PRIu32
		" rules of call %" PRIu32 ", arch %#" PRIx32
		". Use fewer rules or arguments there, or unset SECCOMP_SELF_CHECK.",
		SC_SELF_CHECK_STEPS, SC_SELF_CHECK_NODES, most, worst->n_rules, worst->nr, audit);
}

int sc_self_check(const struct sc_prog *prog, const struct sc_lowered *policy)
{
	const struct sc_prove_limits limits = {SC_SELF_CHECK_NODES, SC_SELF_CHECK_STEPS};
	struct sc_counterexample cex;
	int fd, rc;

	if (!asked(&fd))
		return 0;
	rc = sc_prove_policy(prog, policy, &limits, &cex);
	switch (rc) {
	case SC_PROOF_EQUAL:
	case -ENOMEM:
		return rc;
	case SC_PROOF_DIFFERS:
		say_differs(fd, &cex);
		return -EFAULT;
	case -E2BIG:
		say_too_hard(fd, policy);
		return -EOVERFLOW;
	default:
		say(fd, "the prover and the interpreter disagree, or the kernel would refuse the"
			" program (error %d). Please report this; the filter was not handed out.",
			-rc);
		return -EFAULT;
	}
}
