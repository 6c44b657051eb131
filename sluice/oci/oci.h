/* Servers behind listenerPath of OCI runtimes. Sees the core and the keeper.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_OCI_H
#define SLUICE_OCI_H

#include "keep/keep.h"

extern const struct keep_hooks sc_oci_kept;
int sc_oci_begin(struct sluice_supervisor *sv);
void sc_oci_stop(struct sluice_supervisor *sv);
int sc_oci_settle(struct sluice_supervisor *sv);
int sc_oci_inherit(struct sluice_supervisor *sv, const struct kept *kept, int fd);

#endif
