/* The one place that narrows errors to what the manual documents.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "api/errno.h"

int sc_api_system_error(int rc, bool raw)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return raw ? rc : -ECANCELED;
}

int sc_api_id_valid(int rc)
{
	if (rc == 0)
		return 0;
	errno = -rc;
	return -ENOENT;
}
