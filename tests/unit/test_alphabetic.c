/* Depths of optimal alphabetic trees: against dynamic programming, and as a tree.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dag/alphabetic.h"

#define N SC_ALPHABETIC_MAX

static uint64_t least_cost(const uint64_t *weights, uint32_t n)
{
	static uint64_t cost[N][N], sum[N][N];

	for (uint32_t i = n; i-- > 0;) {
		cost[i][i] = 0;
		sum[i][i] = weights[i];
		for (uint32_t j = i + 1; j < n; j++) {
			sum[i][j] = sum[i][j - 1] + weights[j];
			cost[i][j] = UINT64_MAX;
			for (uint32_t k = i; k < j; k++)
				if (cost[i][k] + cost[k + 1][j] < cost[i][j])
					cost[i][j] = cost[i][k] + cost[k + 1][j];
			cost[i][j] += sum[i][j];
		}
	}
	return cost[0][n - 1];
}

/* Leaves taken from the left hang at their depths: how many are used up by the tree whose
 * root is at @depth. */
static uint32_t parse(const uint8_t *depths, uint32_t n, uint32_t at, uint32_t depth)
{
	assert_true(at < n && depth <= depths[at]);
	if (depths[at] == depth)
		return at + 1;
	return parse(depths, n, parse(depths, n, at, depth + 1), depth + 1);
}

static void judge(const uint64_t *weights, uint32_t n)
{
	uint8_t depths[N];
	uint64_t cost = 0;

	sc_alphabetic_depths(weights, n, depths);
	assert_int_equal(parse(depths, n, 0, 0), n);
	for (uint32_t i = 0; i < n; i++)
		cost += weights[i] * depths[i];
	assert_int_equal(cost, least_cost(weights, n));
}

/* Every weighting of few leaves by few weights: ties of all kinds. */
static void every_small_one(void **state)
{
	uint64_t weights[7];

	(void)state;
	for (uint32_t n = 1; n <= 7; n++) {
		uint32_t all = 1;

		for (uint32_t i = 0; i < n; i++)
			all *= 4;
		for (uint32_t code = 0; code < all; code++) {
			for (uint32_t i = 0; i < n; i++)
				weights[i] = code >> 2 * i & 3;
			judge(weights, n);
		}
	}
}

static void random_ones(void **state)
{
	uint64_t weights[N], seed = 1;

	(void)state;
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t n = 1 + round % 60;
		uint64_t range = 1ull << round % 20;

		for (uint32_t i = 0; i < n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			weights[i] = (seed >> 33) % range;
		}
		judge(weights, n);
	}
}

/* As deep as it goes: each weight is more than all before. */
static void deepest(void **state)
{
	uint64_t weights[60], equal[N];

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		weights[i] = 1ull << i;
	judge(weights, 55);
	for (uint32_t i = 0; i < N; i++)
		equal[i] = 0;
	judge(equal, N);
	equal[N - 1] = 1;
	judge(equal, N);
	for (uint32_t i = 0; i < N; i++)
		equal[i] = 7;
	judge(equal, N);
}

static void none(void **state)
{
	uint8_t depth = 77;

	(void)state;
	sc_alphabetic_depths(NULL, 0, &depth);
	assert_int_equal(depth, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_one),
		cmocka_unit_test(random_ones),
		cmocka_unit_test(deepest),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests_name("alphabetic", tests, NULL, NULL);
}
