/* prove A.bpf B.bpf: are two filters the same on every input?
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf/prove.h"
#include "util/cleanup.h"

enum {
	EXIT_EQUAL = 0,
	EXIT_DIFFERS = 1,
	EXIT_UNKNOWN = 2
};

static const char usage[] =
	"usage: prove [--regions] A.bpf B.bpf\n"
	"Decides whether two seccomp filters return the same verdict on all 2^512 "
	"inputs. A\n"
	"file is the raw program: struct sock_filter in this machine's byte order, as\n"
	"seccomp_export_bpf(3) writes it.\n"
	"  --regions  print every region where they differ, not one input\n"
	"exit status: 0 \"equal\"; 1 they differ, and\n"
	"  arch=... nr=... args=... A=... B=...\n"
	"is an input that shows it (with ip=..., where the instruction pointer matters);\n"
	"2 it cannot be told, and stderr says why. A proof takes at most 132 MB and, as\n"
	"machines are now, ten seconds.\n";

static int complain(const char *path, const char *why)
{
	fprintf(stderr, "prove: %s: %s\n", path, why);
	return EXIT_UNKNOWN;
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

/* Only a regular file is opened for reading: a FIFO would block, a device never ends. */
static int open_regular(const char *path, int *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return complain(path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(path, "not a regular file");
	*out = steal_fd(&fd);
	return 0;
}

static int read_program(const char *path, struct sc_prog *out)
{
	const size_t max = SC_BPF_MAX * sizeof(struct sock_filter);
	_cleanup_free_ char *buf = malloc(max + 1);
	_cleanup_close_ int fd = -1;
	const char *why;
	uint32_t at;
	ssize_t n;
	int rc = open_regular(path, &fd);

	if (rc)
		return rc;
	n = buf ? read_all(fd, buf, max + 1) : -ENOMEM;
	if (n < 0)
		return complain(path, strerror((int)-n));
	if ((size_t)n > max)
		return complain(path, "more than 4096 instructions");
	if (n == 0)
		return complain(path, "empty");
	if (n % sizeof(struct sock_filter) != 0)
		return complain(
			path, "not a whole number of instructions (8 bytes each)");
	out->insns = (struct sock_filter *)(void *)steal_ptr(buf);
	out->len = (uint32_t)((size_t)n / sizeof(struct sock_filter));
	out->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	if (sc_bpf_check(out->insns, out->len, &at, &why) < 0) {
		fprintf(stderr, "prove: %s: instruction %" PRIu32 ": %s\n", path, at,
			why);
		return EXIT_UNKNOWN;
	}
	return 0;
}

static void prog_clear(struct sc_prog *p)
{
	free(p->insns);
}

static int cannot_tell(int rc)
{
	const char *why = strerror(-rc);

	if (rc == -EOPNOTSUPP)
		why = "a shift by or a division by what is no constant is outside what "
		      "can be proved";
	else if (rc == -E2BIG)
		why = "the proof is over its limits (132 MB: 4 million nodes, 131072 states and "
		      "values; 67 million steps: seconds, ten at the very most)";
	else if (rc == -ENOTRECOVERABLE)
		why = "proof and interpreter disagree: please report these two files";
	fprintf(stderr, "prove: %s\n", why);
	return EXIT_UNKNOWN;
}

static void print_input(const struct sc_counterexample *cex)
{
	const struct seccomp_data *d = &cex->data;
	char a[SC_BPF_ACTION_MAX], b[SC_BPF_ACTION_MAX];

	printf("arch=0x%" PRIx32 " nr=%" PRIu32 " args=", d->arch, (uint32_t)d->nr);
	for (int i = 0; i < 6; i++)
		printf("%s0x%" PRIx64, i ? "," : "", (uint64_t)d->args[i]);
	if (d->instruction_pointer)
		printf(" ip=0x%" PRIx64, (uint64_t)d->instruction_pointer);
	printf(" A=%s B=%s\n", sc_bpf_action(cex->a, a), sc_bpf_action(cex->b, b));
}

static int print_region(const struct sc_region *region, void *arg)
{
	return sc_prove_print_region(region, *(bool *)arg, stdout);
}

static int compare(struct sc_prog p[2], bool regions)
{
	struct sc_counterexample cex;
	int rc = regions ? sc_prove_regions(
				   &p[0], &p[1], NULL, print_region, &p[0].big_endian)
			 : sc_prove_programs(&p[0], &p[1], NULL, &cex);

	if (rc < 0)
		return cannot_tell(rc);
	if (rc == SC_PROOF_EQUAL)
		puts("equal");
	else if (!regions)
		print_input(&cex);
	return rc == SC_PROOF_EQUAL ? EXIT_EQUAL : EXIT_DIFFERS;
}

int main(int argc, char **argv)
{
	_cleanup_(prog_clear) struct sc_prog a = {0};
	_cleanup_(prog_clear) struct sc_prog b = {0};
	bool regions = argc > 1 && strcmp(argv[1], "--regions") == 0;
	int rc;

	argv += regions;
	argc -= regions;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return fflush(stdout) ? EXIT_UNKNOWN : 0;
	}
	if (argc != 3) {
		fputs(usage, stderr);
		return EXIT_UNKNOWN;
	}
	rc = read_program(argv[1], &a);
	if (rc == 0)
		rc = read_program(argv[2], &b);
	if (rc == 0) {
		struct sc_prog both[2] = {a, b};

		rc = compare(both, regions);
	}
	/* A result that could not be written is no result. */
	return fflush(stdout) ? complain("standard output", strerror(errno)) : rc;
}
