/* The words of case files.
 * SPDX-License-Identifier: MIT */
#include "words.h"

#include <errno.h>
#include <string.h>

#include "script.h"

const struct word words_ops[] = {
	{"init", OP_INIT},
	{"release", OP_RELEASE},
	{"reset", OP_RESET},
	{"arch_add", OP_ARCH_ADD},
	{"arch_remove", OP_ARCH_REMOVE},
	{"arch_exist", OP_ARCH_EXIST},
	{"rule", OP_RULE},
	{"rule_exact", OP_RULE_EXACT},
	{"attr_set", OP_ATTR_SET},
	{"attr_get", OP_ATTR_GET},
	{"priority", OP_PRIORITY},
	{"merge", OP_MERGE},
	{"begin", OP_BEGIN},
	{"commit", OP_COMMIT},
	{"reject", OP_REJECT},
	{"precompute", OP_PRECOMPUTE},
	{"export", OP_EXPORT},
	{"export_bad", OP_EXPORT_BAD},
	{"pfc", OP_PFC},
	{"mem_size", OP_MEM_SIZE},
	{"mem_short", OP_MEM_SHORT},
	{"mem_exact", OP_MEM_EXACT},
	{"max_len", OP_MAX_LEN},
	{"call", OP_ROW},
	{0},
};

const struct word words_cmps[] = {
	{"NE", 1}, {"LT", 2}, {"LE", 3}, {"EQ", 4}, {"GE", 5}, {"GT", 6}, {"MASKED_EQ", 7}, {0},
};

const struct word words_attrs[] = {
	{"ACT_DEFAULT", 1},
	{"ACT_BADARCH", 2},
	{"CTL_NNP", 3},
	{"CTL_TSYNC", 4},
	{"API_TSKIP", 5},
	{"CTL_LOG", 6},
	{"CTL_SSB", 7},
	{"CTL_OPTIMIZE", 8},
	{"API_SYSRAWRC", 9},
	{"CTL_WAITKILL", 10},
	{0},
};

const struct word words_actions[] = {
	{"KILL_PROCESS", 0x80000000},
	{"KILL", 0x00000000},
	{"TRAP", 0x00030000},
	{"ERRNO", 0x00050000},
	{"NOTIFY", 0x7fc00000},
	{"TRACE", 0x7ff00000},
	{"LOG", 0x7ffc0000},
	{"ALLOW", 0x7fff0000},
	{0},
};

const struct word words_errors[] = {
	{"EPERM", EPERM},	{"ENOENT", ENOENT}, {"EACCES", EACCES},
	{"EFAULT", EFAULT},	{"EEXIST", EEXIST}, {"EINVAL", EINVAL},
	{"EDOM", EDOM},		{"ERANGE", ERANGE}, {"EOPNOTSUPP", EOPNOTSUPP},
	{"ECANCELED", ECANCELED}, {"ENOMEM", ENOMEM}, {"E2BIG", E2BIG}, {"EBADF", EBADF},
	{"ESRCH", ESRCH},	{0},
};

const char *word_name(const struct word *table, uint32_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

int64_t word_value(const struct word *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table->value;
	return -1;
}
