/* Matching order of rules that no policy holds at once: one begins the other.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lower/order.h"

#define CMP(a, d)                                                                        \
	{                                                                                \
		.mask = UINT64_MAX, .datum = (d), .arg = (a), .op = SC_OP_EQ             \
	}

static void longer_ones_first(void **state)
{
	static const struct sc_cmp cmps[] = {
		CMP(1, 5), CMP(1, 5), CMP(0, 3), CMP(1, 5), CMP(0, 7)};
	const struct sc_low_rule shorter = {.action = 1, .first_cmp = 0, .n_cmps = 1};
	const struct sc_low_rule three = {.action = 2, .first_cmp = 1, .n_cmps = 2};
	const struct sc_low_rule seven = {.action = 3, .first_cmp = 3, .n_cmps = 2};
	const struct sc_low_rule orders[][3] = {{shorter, three, seven},
		{three, shorter, seven}, {seven, three, shorter}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct sc_low_rule rules[3] = {orders[i][0], orders[i][1], orders[i][2]};
		struct sc_order_item scratch[6];

		sc_order_rules(rules, 3, cmps, scratch);
		assert_int_equal(rules[0].action, 3);
		assert_int_equal(rules[1].action, 2);
		assert_int_equal(rules[2].action, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longer_ones_first),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
