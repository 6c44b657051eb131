/* The filter in words: pseudo filter code.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PFC_PFC_H
#define SC_PFC_PFC_H

#include <stddef.h>

#include "lower/lower.h"

/* @low as text: one line a decision, rules in the order of matching. *@text is freed with
 * free(3). 0 or -ENOMEM. */
int sc_pfc(const struct sc_lowered *low, char **text, size_t *size);

#endif
