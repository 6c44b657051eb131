/* Names and numbers.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define NUMBERS 512
#define PASSES	20

struct table {
	char *names[NUMBERS];
	int numbers[NUMBERS];
	unsigned int n;
};

static double by_name(const struct lib *lib, const struct table *t)
{
	volatile int sink;
	double begin = now_us();

	for (unsigned int pass = 0; pass < PASSES; pass++)
		for (unsigned int i = 0; i < t->n; i++)
			sink = lib->resolve_name(SCMP_ARCH_X86_64, t->names[i]);
	(void)sink;
	return (now_us() - begin) * 1e3 / (PASSES * t->n);
}

static double by_number(const struct lib *lib, const struct table *t)
{
	double begin = now_us();

	for (unsigned int pass = 0; pass < PASSES; pass++)
		for (unsigned int i = 0; i < t->n; i++)
			free(lib->resolve_num(SCMP_ARCH_X86_64, t->numbers[i]));
	return (now_us() - begin) * 1e3 / (PASSES * t->n);
}

/* The caller frees what it gets: nothing can be faster than giving it that. */
static double floor_of_number(const struct table *t)
{
	double begin = now_us();

	for (unsigned int pass = 0; pass < PASSES; pass++)
		for (unsigned int i = 0; i < t->n; i++) {
			char *volatile p = malloc(strlen(t->names[i]) + 1);

			free(p);
		}
	return (now_us() - begin) * 1e3 / (PASSES * t->n);
}

void bench_resolve(const struct lib lib[LIBS], unsigned int rounds)
{
	struct samples names[LIBS] = {0}, numbers[LIBS] = {0}, floor = {0};
	struct table t = {.n = 0};

	for (int nr = 0; nr < NUMBERS; nr++) {
		char *name = lib[0].resolve_num(SCMP_ARCH_X86_64, nr);
		char *other = lib[1].resolve_num(SCMP_ARCH_X86_64, nr);

		if (name && other) {
			t.names[t.n] = name;
			t.numbers[t.n++] = nr;
		} else {
			free(name);
		}
		free(other);
	}
	for (unsigned int r = 0; r < rounds; r++) {
		samples_add(&floor, floor_of_number(&t));
		for (unsigned int i = 0; i < LIBS; i++) {
			samples_add(&names[i], by_name(&lib[i], &t));
			samples_add(&numbers[i], by_number(&lib[i], &t));
		}
	}
	for (unsigned int i = 0; i < LIBS; i++) {
		samples_print(&names[i], "ns",
			"\"what\": \"resolve_name\", \"lib\": \"%s\"", lib[i].name);
		samples_print(&numbers[i], "ns",
			"\"what\": \"resolve_number\", \"lib\": \"%s\"", lib[i].name);
	}
	samples_print(&floor, "ns", "\"what\": \"resolve_number\", \"lib\": \"floor\"");
	for (unsigned int i = 0; i < t.n; i++)
		free(t.names[i]);
}
