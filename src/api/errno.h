/* The one place that narrows errors to what the manual documents.
 * SPDX-License-Identifier: MIT */
#ifndef SC_API_ERRNO_H
#define SC_API_ERRNO_H

#include <stdbool.h>

/* A refusal by the system, @rc = its -errno, becomes -ECANCELED, or @rc itself for a context
 * with SCMP_FLTATR_API_SYSRAWRC (@raw). errno says which it was either way: call it last, as
 * cleaning up may change errno. 0 and more pass through, errno untouched. seccomp_load(3). */
int sc_api_system_error(int rc, bool raw);

/* 0 or -ENOENT: the manual knows no other answer of seccomp_notify_id_valid(3). errno has the
 * system's own, as for a descriptor that is no listener. */
int sc_api_id_valid(int rc);

#endif
