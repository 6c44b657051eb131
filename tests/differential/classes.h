/* The known ways in which libseccomp differs, as predicates on a rule set.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_DIFFERENTIAL_CLASSES_H
#define TESTS_DIFFERENTIAL_CLASSES_H

#include "cases/run.h"

#define MAX_CLASSES    16
#define CLASS_EQUAL    (-1)
#define CLASS_UNLISTED (-2)

/* The class of what differs between @want (the judge) and @got, or CLASS_*. */
int classify(const struct scenario *s, const struct outcome *want, const struct outcome *got);

/* The same for a rule set on which the library crashed or hung. */
int classify_crash(const struct scenario *s);

const char *class_name(int class);

/* Prints a TAP check, from number @first on, for each class that was met: does the file
 * @known describe it? And the plan. Returns how many failed. */
unsigned int class_report(const char *known, const uint64_t by_class[MAX_CLASSES],
	unsigned int first);

/* Does @known have a section "## NAME"? */
bool class_is_listed(const char *known, const char *name);

#endif
