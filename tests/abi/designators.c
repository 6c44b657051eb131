/* SCMP_CMP() and its kin as initializers: members by place and by name, in any order, some or
 * all of them. Prints what each became; headers.py compares that with what stands here.
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>

#include <stdio.h>

/* Each with what it must be. */
static const struct {
	struct scmp_arg_cmp is, want;
} all[] = {
	{SCMP_CMP(1), {1, (enum scmp_compare)0, 0, 0}},
	{SCMP_CMP(1, SCMP_CMP_EQ), {1, SCMP_CMP_EQ, 0, 0}},
	{SCMP_CMP(1, SCMP_CMP_EQ, 5), {1, SCMP_CMP_EQ, 5, 0}},
	{SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 5, 4), {1, SCMP_CMP_MASKED_EQ, 5, 4}},
	{SCMP_CMP64(5, SCMP_CMP_GT, 0x100000005), {5, SCMP_CMP_GT, 0x100000005, 0}},
	{SCMP_CMP32(2, SCMP_CMP_NE, 0x100000005), {2, SCMP_CMP_NE, 5, 0}},
	{SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, -1, -2),
		{2, SCMP_CMP_MASKED_EQ, 0xffffffff, 0xfffffffe}},
	{SCMP_A0(SCMP_CMP_EQ, 7), {0, SCMP_CMP_EQ, 7, 0}},
	{SCMP_A3(SCMP_CMP_EQ), {3, SCMP_CMP_EQ, 0, 0}},
	{SCMP_A5_32(SCMP_CMP_EQ, -1), {5, SCMP_CMP_EQ, 0xffffffff, 0}},
#ifndef __cplusplus
	{SCMP_CMP(.arg = 1, .op = SCMP_CMP_EQ, .datum_a = 5), {1, SCMP_CMP_EQ, 5, 0}},
	{SCMP_CMP(.datum_a = 5, .arg = 1, .op = SCMP_CMP_EQ), {1, SCMP_CMP_EQ, 5, 0}},
	{SCMP_CMP(.datum_b = 4, .datum_a = 6, .op = SCMP_CMP_MASKED_EQ, .arg = 3),
		{3, SCMP_CMP_MASKED_EQ, 6, 4}},
	{SCMP_CMP(.op = SCMP_CMP_NE), {0, SCMP_CMP_NE, 0, 0}},
	{SCMP_CMP(1, SCMP_CMP_EQ, .datum_b = 5), {1, SCMP_CMP_EQ, 0, 5}},
	{SCMP_A1(.datum_a = 3, .op = SCMP_CMP_NE), {1, SCMP_CMP_NE, 3, 0}},
	{SCMP_A1(.op = SCMP_CMP_EQ, .datum_a = 9), {1, SCMP_CMP_EQ, 9, 0}},
	{SCMP_A2_64(SCMP_CMP_MASKED_EQ, .datum_b = 1, .datum_a = 2),
		{2, SCMP_CMP_MASKED_EQ, 2, 1}},
#elif __cplusplus >= 202002L
	{SCMP_CMP(.arg = 1, .op = SCMP_CMP_EQ, .datum_a = 5), {1, SCMP_CMP_EQ, 5, 0}},
	{SCMP_CMP(.op = SCMP_CMP_NE), {0, SCMP_CMP_NE, 0, 0}},
#endif
};

int main(void)
{
	int wrong = 0;

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct scmp_arg_cmp *a = &all[i].is, *b = &all[i].want;

		if (a->arg == b->arg && a->op == b->op && a->datum_a == b->datum_a &&
			a->datum_b == b->datum_b)
			continue;
		printf("%u: arg %u op %d data %#llx %#llx\n", i, a->arg, (int)a->op,
			(unsigned long long)a->datum_a, (unsigned long long)a->datum_b);
		wrong = 1;
	}
	return wrong;
}
