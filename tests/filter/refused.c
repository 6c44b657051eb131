/* What a filter refuses of people: texts. Each refusal says what is wrong and where, and leaves no filter.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "refusing.h"

#define SOCKET "ERRNO(1) socket if domain "

static const struct {
	int rc;
	const char *text, *says;
} texts[] = {
	/* words */
	{-EINVAL, "ALLOW re\x01" "ad\n", "control character"},
	{-EINVAL, "ALLOW\vread\n", "control character"},
	{-EINVAL, "ALLOW read ; # \n", "this is not understood: \";\""},
	{-EINVAL, "\n# a comment\nread\n", "test:3"},
	{-EINVAL, "ALLOW read\n\nNOTHING read", "test:3"},
	/* settings */
	{-EINVAL, "default\n", "an action is missing"},
	{-EINVAL, "default LOG LOG\n", "this is not understood: \"LOG\""},
	{-EINVAL, "default ERRNO(4096)\n", "this is no action: \"ERRNO(4096)\""},
	{-EINVAL, "default ALLOW(1)\n", "this is no action"},
	{-EINVAL, "badarch\n", "an action is missing"},
	{-EINVAL, "badarch LOG\nbadarch LOG\n", "twice: \"badarch\""},
	{-EINVAL, "arch x86_64\narch x86\n", "twice: \"arch\""},
	{-EINVAL, "arch x86_64 x86_64\n", "x86_64 stands there twice"},
	{-EINVAL, "arch x86_64 x86_65\n", "this is no architecture: \"x86_65\""},
	{-EINVAL, "arch\n", "an architecture is missing"},
	{-EDOM, "\narch x86_64 s390x\n", "test:2"},
	{-EDOM, "arch x86_64 s390x\n\nALLOW read\n", "test:3"},
	{-EINVAL, "multiplexed\n", "error, refuse or allow"},
	{-EINVAL, "multiplexed refuses\n", "error, refuse or allow: \"refuses\""},
	{-EINVAL, "multiplexed refuse allow\n", "this is not understood: \"allow\""},
	{-EINVAL, "multiplexed refuse\nmultiplexed refuse\n", "twice: \"multiplexed\""},
	{-EINVAL, "optimize\n", "optimize is 1 or 2"},
	{-EINVAL, "optimize 3\n", "optimize is 1 or 2: \"3\""},
	{-EINVAL, "optimize 1 2\n", "this is not understood: \"2\""},
	{-EINVAL, "optimize 1\noptimize 2\n", "twice: \"optimize\""},
	{-EINVAL, "newer\n", "like 6.12"},
	{-EINVAL, "newer 6.12x ERRNO(38)\n", "like 6.12: \"6.12x\""},
	{-EINVAL, "newer 6 ERRNO(38)\n", "like 6.12: \"6\""},
	{-EINVAL, "newer 6. ERRNO(38)\n", "like 6.12: \"6.\""},
	{-EINVAL, "newer 6.x ERRNO(38)\n", "like 6.12: \"6.x\""},
	{-EINVAL, "newer 256.1 ERRNO(38)\n", "like 6.12: \"256.1\""},
	{-EINVAL, "newer 6.65536 ERRNO(38)\n", "like 6.12: \"6.65536\""},
	{-EINVAL, "newer 6.12\n", "an action is missing"},
	{-EINVAL, "newer 6.12 ERRNO(4096)\n", "this is no action"},
	{-EINVAL, "newer 6.12 ERRNO(38) 6\n", "this is not understood: \"6\""},
	{-EINVAL, "newer 6.256 ERRNO(38)\n", "no such kernel: \"6.256\""},
	{-EINVAL, "newer 6.1 ERRNO(38)\nnewer 6.2 ERRNO(38)\n", "twice: \"newer\""},
	{-EINVAL, "newer 6.1 ERRNO(38)\ndefault LOG\n", "before the rules: \"default\""},
	{-EDOM, "arch x86_64 s390x\nnewer 6.1 ERRNO(38)\n", "test:2"},
	/* calls */
	{-EINVAL, "ALLOW\n", "a call is missing"},
	{-EINVAL, "ALLOW read/x86_65\n", "this is no architecture: \"x86_65\""},
	{-EINVAL, "arch x86_64\nALLOW read/x86\n", "does not have its architecture"},
	{-EINVAL, "ALLOW 5\n", "rule 1 (ALLOW 5): a number is 0 or more, and of one architecture"},
	{-EINVAL, "arch x86_64\nALLOW 2147483648/x86_64\n", "there is no such number"},
	{-EINVAL, "ALLOW read exact exact\n", "this is not understood: \"exact\""},
	{-ENOENT, "ALLOW @nobody\n", "no such call or group"},
	{-ENOENT, "arch x86_64\nALLOW s390_pci_mmio_read\n", "no architecture of the filter has it"},
	{-ENOENT, "arch x86_64\nALLOW s390_pci_mmio_read if a0 == 1\n", "no architecture of the filter has it"},
	{-ENOENT, "arch x86_64\nALLOW chown32 exact\n", "no architecture of the filter has it"},
	/* conditions */
	{-EINVAL, "ALLOW read if fd == 1 and\n", "a condition is missing"},
	{-EINVAL, "ALLOW read if not\n", "a condition is missing"},
	{-EINVAL, SOCKET "\n", "an operator is"},
	{-EINVAL, SOCKET "= 1\n", "an operator is ==, !=, in, sin, &, any, all or only: \"=\""},
	{-EINVAL, SOCKET "==\n", "a value is missing"},
	{-EINVAL, SOCKET "== $x\n", "this is no number and no name: \"$x\""},
	{-EINVAL, SOCKET "== 1x\n", "this is no number and no name: \"1x\""},
	{-EINVAL, SOCKET "== -\n", "this is no number and no name: \"-\""},
	{-EINVAL, SOCKET "== 0x10000000000000000\n", "this is no number and no name"},
	{-EINVAL, "ERRNO(1) pread64 if pos == -0x8000000000000001\n", "this is no number and no name"},
	{-ERANGE, SOCKET "== -0x8000000000000000\n", "condition 1: the number does not fit"},
	{-ERANGE, "ERRNO(1) socket if type == 1 and domain == 0x100000000\n", "condition 2: the number"},
	{-ERANGE, SOCKET "in { 1, 0x100000000 }\n", "condition 1: the number"},
	{-ERANGE, SOCKET "== -0x80000001\n", "condition 1: the number"},
	{-EINVAL, SOCKET "in\n", "a range is like 1..5"},
	{-EINVAL, SOCKET "in 5\n", "a range is like 1..5: \"5\""},
	{-EINVAL, SOCKET "in ..5\n", "a value is missing"},
	{-EINVAL, SOCKET "in 5..\n", "a value is missing"},
	{-EINVAL, SOCKET "in 5..4\n", "condition 1: a range begins before it ends"},
	{-EINVAL, SOCKET "sin 5..-5\n", "condition 1: a range begins before it ends"},
	{-EINVAL, SOCKET "in -1..1\n", "condition 1: a range begins before it ends"},
	{-EINVAL, SOCKET "in AF_NETLINK..AF_UNIX\n", "condition 1: its values make no sense"},
	{-EINVAL, SOCKET "sin AF_NETLINK..-1\n", "condition 1: its values make no sense"},
	{-EINVAL, SOCKET "& AF_NETLINK == AF_UNIX\n", "condition 1: its values make no sense"},
	{-EINVAL, SOCKET "in {\n", "a value is missing"},
	{-EINVAL, SOCKET "in { }\n", "this is no number and no name: \"}\""},
	{-EINVAL, SOCKET "in { 1\n", "a set ends with }"},
	{-EINVAL, SOCKET "in { 1, }\n", "this is no number and no name: \"}\""},
	{-EINVAL, SOCKET "in { 1 2 }\n", "a set ends with }"},
	{-EINVAL, SOCKET "in { 1 } 2\n", "this is not understood: \"2\""},
	{-EINVAL, SOCKET "&\n", "a value is missing"},
	{-EINVAL, SOCKET "& 1\n", "behind a mask stands == and a value"},
	{-EINVAL, SOCKET "& 1 = 1\n", "behind a mask stands == and a value"},
	{-EINVAL, SOCKET "& 1 ==\n", "a value is missing"},
	{-EINVAL, "ERRNO(1) dup if a0: == 1\n", "a width is 8, 16, 32 or 64: \"\""},
	{-EINVAL, "ERRNO(1) dup if a0:0 == 1\n", "a width is 8, 16, 32 or 64: \"0\""},
	{-EINVAL, "ERRNO(1) dup if a0:65 == 1\n", "a width is 8, 16, 32 or 64: \"65\""},
	{-EINVAL, "ERRNO(1) dup if a0:x == 1\n", "a width is 8, 16, 32 or 64: \"x\""},
	{-EINVAL, "ERRNO(1) dup if a0:7 == 1\n", "condition 1: a width is 8, 16, 32 or 64 bits"},
	{-EINVAL, "ERRNO(1) dup if a0:63 == 1\n", "condition 1: a width is 8, 16, 32 or 64 bits"},
	{-ENOENT, "ERRNO(1) dup if a6 == 1\n", "dup has no a6 on"},
	/* On x86 select(2) has one argument, the address of five: a0 of _newselect(2) is none of its. */
	{-ENOENT, "arch x86\nERRNO(1) select if a0 == 1\n", "has no a0 on x86"},
	{-ENOENT, "ERRNO(1) dup if a00 == 1\n", "dup has no a00 on"},
	{-ENOENT, "ERRNO(1) dup if b1 == 1\n", "dup has no b1 on"},
	{-ENOENT, "arch x86_64\nERRNO(1) 500/x86_64 if fd == 1\n", "the call has no fd on x86_64"},
	{-ENOENT, "ERRNO(1) dup if a/ == 1\n", "dup has no a/ on"},
	{-ENOENT, SOCKET "== AF_UNIX|\n", "socket has no AF_UNIX| on"},
	{-ENOENT, SOCKET "== AF_UNIX||AF_INET\n", "socket has no AF_UNIX||AF_INET on"},
	/* 63 bytes are looked up, and 64 are not; the message has no more than 64 of them. */
	{-ENOENT, SOCKET "== A23456789012345678901234567890123456789012345678901234567890123\n",
		"A23456789012345678901234567890123456789012345678901234567890123 on"},
	{-ENOENT, SOCKET "== A2345678901234567890123456789012345678901234567890123456789012345\n",
		"A234567890123456789012345678901234567890123456789012345678901234 on"},
};

static void test_text(const char *text, size_t length, int rc, const char *says, const char *name)
{
	struct sluice_filter *filter = (void *)&n_checks;
	struct sluice_error error = {0};
	int got = sluice_filter_parse(text, length, "test", &filter, &error);

	check(said(&error, got, rc, says) && filter == (void *)&n_checks &&
			sluice_filter_parse(text, length, "test", &filter, NULL) == rc,
		name);
}

/* @n times @piece behind @head, and an end of the line. The caller frees it. */
static char *repeated(const char *head, const char *piece, size_t n, const char *end)
{
	char *text = malloc(strlen(head) + n * strlen(piece) + strlen(end) + 1), *to;

	if (!text)
		abort();
	to = stpcpy(text, head);
	for (size_t i = 0; i < n; i++)
		to = stpcpy(to, piece);
	strcpy(to, end);
	return text;
}

static void test_many(
	const char *head, const char *piece, size_t n, const char *end, int rc, const char *says)
{
	char *text = repeated(head, piece, n, end), name[200];
	struct sluice_filter *filter = NULL;

	snprintf(name, sizeof(name), "%.*s... %zu times \"%s\": %s", (int)strcspn(head, "\n"), head, n, piece,
		rc ? says : "taken");
	if (rc) {
		test_text(text, strlen(text), rc, says, name);
	} else {
		check(sluice_filter_parse(text, strlen(text), "test", &filter, NULL) == 0, name);
		sluice_filter_free(filter);
	}
	free(text);
}

static void test_texts(void)
{
	static const char nul[] = "ALLOW read\0\n";

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char name[200] = "";

		for (size_t k = 0; texts[i].text[k] && k < sizeof(name) - 1; k++)
			name[k] = texts[i].text[k] < ' ' || texts[i].text[k] == '#' ? '/' : texts[i].text[k];
		test_text(texts[i].text, strlen(texts[i].text), texts[i].rc, texts[i].says, name);
	}
	test_many("arch x86_64\nnewer 1.0 ERRNO(38)\nALLOW mmap if addr == 0 and a5 == 0", "", 0, "\n", 0, "");
	test_text(nul, sizeof(nul) - 1, -EINVAL, "control character", "a NUL byte is no end of a rule");
}

static void test_bounds(void)
{
	/* With "ALLOW", "socket", "if", "domain", "in", "{", "1" and "}" 4096 words. */
	test_many("ALLOW socket if domain in { 1", ",2", 2044, "}\n", 0, "");
	test_many("ALLOW socket if domain in { 1", ",2", 2044, "} x\n", -EINVAL, "too many words");
	test_many("#", "x", 65535, "\nALLOW read\n", 0, "");
	test_many("#", "x", 65536, "\nALLOW read\n", -EINVAL, "the line is too long");
	test_many("arch", " x86_64", 32, "\n", -EINVAL, "there are too many architectures");
	test_many("arch", " x86_64", 33, "\n", -EINVAL, "there are too many architectures");
	test_many("ALLOW dup if a0 != 1", " and a0 != 2", 13, "\n", 0, "");
	test_many("ALLOW dup if a0 != 1", " and a0 != 2", 14, "\n", -EINVAL, "at most 14 conditions");
}

/* Sets over both halves of one argument: each pair of values is an alternative. */
static void test_alternatives(void)
{
	for (unsigned int n = 64; n <= 65; n++) {
		char text[8192] = "arch x86\nALLOW pread64 if pos in { 0", name[64];
		struct sluice_filter *filter = NULL;
		struct sluice_error error = {0};
		int rc;

		for (unsigned int set = 0; set < 2; set++) {
			for (unsigned int i = 1; i < (set ? n : 64); i++)
				sprintf(text + strlen(text), ", 0x%x00000001", 2 * i);
			strcat(text, set ? " }\n" : " } and pos in { 0");
		}
		rc = sluice_filter_parse(text, strlen(text), "test", &filter, &error);
		snprintf(name, sizeof(name), "64 times %u alternatives", n);
		check(n == 64 ? rc == 0 : said(&error, rc, -E2BIG, "its conditions have too many alternatives"),
			name);
		sluice_filter_free(filter);
	}
}

/* A filter that takes more than 4096 instructions: every second number. */
static void test_too_large(void)
{
	static char text[200000] = "arch x86_64\ndefault ALLOW\n";
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};
	struct sock_filter *insns = (void *)text;
	size_t count = 7;
	char *to = text + strlen(text);
	int rc;

	for (unsigned int line = 0; line < 5; line++) {
		to += sprintf(to, "ERRNO(%u) dup if fildes in { %u", line + 1, line * 4000);
		for (unsigned int i = 1; i < 1500; i++)
			to += sprintf(to, ",%u", line * 4000 + 2 * i);
		to += sprintf(to, "}\n");
	}
	rc = sluice_filter_parse(text, strlen(text), "test", &filter, &error);
	if (rc)
		printf("# %s: %s\n", error.where, error.message);
	rc = rc ? rc : sluice_filter_compile(filter, &insns, &count, &error);
	check(said(&error, rc, -E2BIG, "the filter does not fit 4096 instructions") &&
			insns == (void *)text && count == 7,
		"a filter of more than 4096 instructions");
	sluice_filter_free(filter);
}

int main(void)
{
	test_texts();
	test_bounds();
	test_alternatives();
	test_too_large();
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
