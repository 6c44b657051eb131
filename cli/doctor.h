/* What sluice doctor asks, one probe a row.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli.h"

enum doctor_state {
	DOCTOR_YES,
	DOCTOR_PARTLY,
	DOCTOR_NO,
	DOCTOR_UNKNOWN,
};

struct doctor_finding {
	enum doctor_state state;
	char value[200];
};

struct doctor_probe {
	const char *name;
	void (*probe)(struct doctor_finding *finding); /* a zeroed one: DOCTOR_YES */
	const char *good, *bad; /* what it means for which command */
};

/* Ends with a NULL name. */
extern const struct doctor_probe doctor_probes[];

#endif
