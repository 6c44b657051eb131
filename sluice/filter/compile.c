/* From a filter to a program, and what is done with that.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/prove.h"
#include "compile_lowered.h"
#include "filter/filter.h"
#include "util/cleanup.h"

static int failed(struct sluice_error *error, int rc)
{
	switch (rc) {
	case -ENOMEM:
		return sc_filter_error(error, rc, NULL, "no memory");
	case -E2BIG:
		return sc_filter_error(error, rc, NULL,
			"the filter does not fit 4096 instructions");
	case -EOVERFLOW:
		return sc_filter_error(error, rc, NULL,
			"there is no proof within the bounds that the program does what the rules say");
	default:
		return sc_filter_error(error, rc, NULL,
			"the program could not be proved to do what the rules say");
	}
}

static int generate(const struct sluice_filter *filter, const struct sc_lowered *low,
	struct sc_prog *out, struct sluice_error *error)
{
	int rc = sc_compile_lowered(
		low, filter->optimize > 1 ? SC_EFFORT_SHALLOW : SC_EFFORT_SMALL, out);

	return rc ? failed(error, rc) : 0;
}

int sc_filter_program(
	const struct sluice_filter *filter, struct sc_prog *out, struct sluice_error *error)
{
	_cleanup_(sc_filter_lowered_clear) struct sc_lowered low = {0};
	int rc = sc_filter_lower(filter, &low, error);

	return rc ? rc : generate(filter, &low, out, error);
}

/* Programs of another byte order than this machine's can be proved and not run here. */
static int for_this_machine(const struct sluice_filter *filter, struct sluice_error *error)
{
	if (filter->archs[0]->big_endian == sc_arch_native()->big_endian)
		return 0;
	return sc_filter_error(error, -EDOM, NULL, "the filter is for the other byte order");
}

int sluice_filter_compile(const struct sluice_filter *filter, struct sock_filter **instructions,
	size_t *count, struct sluice_error *error)
{
	struct sc_prog prog = {0};
	int rc;

	if (!filter || !instructions || !count)
		return sc_filter_error(error, -EINVAL, NULL, "there is no filter");
	rc = sc_filter_program(filter, &prog, error);
	if (rc)
		return rc;
	*instructions = prog.insns;
	*count = prog.len;
	return 0;
}

static int prove(const struct sc_prog *prog, const struct sc_lowered *low,
	struct seccomp_data *data, struct sluice_error *error)
{
	struct sc_counterexample cex;
	int rc = sc_prove_policy(prog, low, NULL, &cex);

	if (rc == SC_PROOF_DIFFERS && data)
		*data = cex.data;
	if (rc < 0)
		return sc_filter_error(error, rc, NULL, "the proof could not be made");
	return rc == SC_PROOF_EQUAL ? 0 : 1;
}

int sluice_filter_prove(const struct sluice_filter *filter, const struct sock_filter *instructions,
	size_t count, struct seccomp_data *data, struct sluice_error *error)
{
	_cleanup_(sc_filter_lowered_clear) struct sc_lowered low = {0};
	struct sc_prog made = {0};
	int rc;

	if (!filter || count > SC_BPF_MAX)
		return sc_filter_error(error, -EINVAL, NULL, "there is no filter or no program");
	rc = sc_filter_lower(filter, &low, error);
	if (rc)
		return rc;
	if (instructions)
		return prove(&(struct sc_prog){.insns = (struct sock_filter *)instructions,
				     .len = (uint32_t)count,
				     .big_endian = low.big_endian},
			&low, data, error);
	rc = generate(filter, &low, &made, error);
	if (rc)
		return rc;
	rc = prove(&made, &low, data, error);
	free(made.insns);
	return rc;
}

static int write_all(int fd, const void *from, size_t size)
{
	const char *at = from;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int sluice_filter_export(const struct sluice_filter *filter, int fd, struct sluice_error *error)
{
	_cleanup_free_ struct sock_filter *insns = NULL;
	size_t count = 0;
	int rc = sluice_filter_compile(filter, &insns, &count, error);

	if (!rc)
		rc = for_this_machine(filter, error);
	if (rc)
		return rc;
	rc = write_all(fd, insns, count * sizeof(*insns));
	return rc ? sc_filter_error(error, rc, NULL, "the program could not be written") : 0;
}

int sluice_filter_load(const struct sluice_filter *filter, unsigned flags, int *listener,
	struct sluice_error *error)
{
	_cleanup_free_ struct sock_filter *insns = NULL;
	struct sock_fprog prog;
	size_t count = 0;
	long fd;
	int rc = sluice_filter_compile(filter, &insns, &count, error);

	if (!rc)
		rc = for_this_machine(filter, error);
	if (rc)
		return rc;
	prog = (struct sock_fprog){.len = (unsigned short)count, .filter = insns};
	if (listener)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	else if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return sc_filter_error(error, -EINVAL, NULL, "a listener needs a place");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sc_filter_error(error, -errno, NULL, "no_new_privs could not be set");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (fd < 0)
		return sc_filter_error(error, -errno, NULL, "the kernel refused the filter");
	if (fd > 0 && !listener) /* TSYNC: a thread that could not take it */
		return sc_filter_error(error, -ESRCH, NULL,
			"thread %ld has another filter", fd);
	if (listener)
		*listener = (int)fd;
	return 0;
}
