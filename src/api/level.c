/* The API level. seccomp_api_get(3).
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>

#include "api/api.h"
#include "kernel/kernel.h"

SC_PUBLIC unsigned int seccomp_api_get(void)
{
	return sc_kernel_api_get();
}

SC_PUBLIC int seccomp_api_set(unsigned int level)
{
	return sc_kernel_api_set(level);
}
