/* The names of actions, in one place.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_ACTION_H
#define SC_UTIL_ACTION_H

#include <inttypes.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef SECCOMP_RET_USER_NOTIF /* 5.0 */
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#endif

#define SC_ACTION_TEXT_MAX 32

/* Those that always say something with their 16 bits of data, and the others. */
static const struct sc_action {
	uint32_t action;
	bool has_data;
	char name[13];
} sc_actions[] = {
	{SECCOMP_RET_KILL_PROCESS, false, "KILL_PROCESS"},
	{SECCOMP_RET_KILL_THREAD, false, "KILL_THREAD"},
	{SECCOMP_RET_TRAP, false, "TRAP"},
	{SECCOMP_RET_ERRNO, true, "ERRNO"},
	{SECCOMP_RET_USER_NOTIF, false, "NOTIFY"},
	{SECCOMP_RET_TRACE, true, "TRACE"},
	{SECCOMP_RET_LOG, false, "LOG"},
	{SECCOMP_RET_ALLOW, false, "ALLOW"},
};
#define SC_ACTIONS (sizeof(sc_actions) / sizeof(sc_actions[0]))

/* "ALLOW", "ERRNO(1)", ...; what is no action, or has data where none belongs, in numbers.
 * Returns @buf. */
static inline char *sc_action_text(uint32_t action, char buf[SC_ACTION_TEXT_MAX])
{
	uint32_t data = action & SECCOMP_RET_DATA;

	for (size_t i = 0; i < SC_ACTIONS; i++) {
		if ((action & SECCOMP_RET_ACTION_FULL) != sc_actions[i].action)
			continue;
		if (sc_actions[i].has_data || data)
			snprintf(buf, SC_ACTION_TEXT_MAX, "%s(%" PRIu32 ")",
				sc_actions[i].name, data);
		else
			snprintf(buf, SC_ACTION_TEXT_MAX, "%s", sc_actions[i].name);
		return buf;
	}
	snprintf(buf, SC_ACTION_TEXT_MAX, "0x%08" PRIx32, action);
	return buf;
}

#endif
