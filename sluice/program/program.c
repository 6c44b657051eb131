/* Programs from instructions and files.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program.h"
#include "util/cleanup.h"

int sc_program_fail(
	struct sluice_error *error, int code, const char *where, const char *format, ...)
{
	va_list args;

	if (!error)
		return -code;
	error->code = code;
	snprintf(error->where, sizeof(error->where), "%s", where ? where : "");
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -code;
}

struct sluice_program *sc_program_alloc(uint32_t n)
{
	struct sluice_program *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->filters = calloc(n ? n : 1, sizeof(*p->filters));
	if (!p->filters) {
		free(p);
		return NULL;
	}
	p->n = n;
	return p;
}

void sluice_program_free(struct sluice_program *program)
{
	if (!program)
		return;
	for (uint32_t i = 0; i < program->n; i++)
		free(program->filters[i].insns);
	free(program->filters);
	free(program);
}

int sc_program_fill(struct sluice_program *program, uint32_t i,
	const struct sock_filter *insns, size_t count, struct sluice_error *error)
{
	struct sc_prog *p = &program->filters[i];
	const char *why;
	char where[32];
	uint32_t at;

	if (count == 0 || count > SLUICE_PROGRAM_MAX)
		return sc_program_fail(error, EINVAL, NULL,
			count ? "more than 4096 instructions" : "empty: no instruction");
	if (sc_bpf_check(insns, (uint32_t)count, &at, &why) < 0) {
		snprintf(where, sizeof(where), "instruction %" PRIu32, at);
		return sc_program_fail(error, EINVAL, where, "%s", why);
	}
	p->insns = malloc(count * sizeof(*insns));
	if (!p->insns)
		return sc_program_fail(error, ENOMEM, NULL, "%s", strerror(ENOMEM));
	memcpy(p->insns, insns, count * sizeof(*insns));
	p->len = (uint32_t)count;
	p->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	return 0;
}

int sluice_program_new(const struct sock_filter *instructions, size_t count,
	struct sluice_program **program, struct sluice_error *error)
{
	_cleanup_(sc_program_freep) struct sluice_program *p = sc_program_alloc(1);
	int rc;

	if (!p)
		return sc_program_fail(error, ENOMEM, NULL, "%s", strerror(ENOMEM));
	rc = sc_program_fill(p, 0, instructions, count, error);
	if (rc == 0)
		*program = steal_ptr(p);
	return rc;
}

/* Reads up to @size bytes; the number read or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t rc = read(fd, buf + n, size - n);

		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc == 0)
			break;
		if (rc > 0)
			n += (size_t)rc;
	}
	return (ssize_t)n;
}

int sluice_program_read(
	int fd, struct sluice_program **program, struct sluice_error *error)
{
	_cleanup_free_ struct sock_filter *buf = malloc(SC_PROGRAM_BYTES + sizeof(*buf));
	ssize_t n;

	if (!buf)
		return sc_program_fail(error, ENOMEM, NULL, "%s", strerror(ENOMEM));
	n = read_all(fd, (char *)buf, SC_PROGRAM_BYTES + 1);
	if (n < 0)
		return sc_program_fail(error, (int)-n, NULL, "%s", strerror((int)-n));
	if ((size_t)n > SC_PROGRAM_BYTES)
		return sc_program_fail(
			error, EINVAL, NULL, "more than 4096 instructions");
	if (n % (ssize_t)sizeof(*buf))
		return sc_program_fail(error, EINVAL, NULL,
			"not a whole number of instructions (8 bytes each)");
	return sluice_program_new(buf, (size_t)n / sizeof(*buf), program, error);
}

int sluice_program_open(
	const char *path, struct sluice_program **program, struct sluice_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return sc_program_fail(error, errno, NULL, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return sc_program_fail(error, EINVAL, NULL, "not a regular file");
	return sluice_program_read(fd, program, error);
}

unsigned sluice_program_filters(const struct sluice_program *program)
{
	return program->n;
}

const struct sock_filter *sluice_program_instructions(
	const struct sluice_program *program, unsigned filter, size_t *count)
{
	if (filter >= program->n)
		return NULL;
	*count = program->filters[filter].len;
	return program->filters[filter].insns;
}
