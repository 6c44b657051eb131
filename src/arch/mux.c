/* Calls that socketcall(2) and ipc(2) carry. Their pseudo numbers hold the code that the
 * multiplexer takes as argument 0: -100 - code for socketcall (linux/net.h SYS_*),
 * -200 - code for ipc (linux/ipc.h SEMOP .. SHMCTL).
 * SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "arch/tables.h"

bool sc_mux_lookup(const struct sc_arch *arch, int row, struct sc_mux *out)
{
	int pseudo = sc_arch_data_pseudo[row];
	const int16_t *numbers = &sc_arch_data_nr[(size_t)arch->column * sc_syscall_count];
	bool is_ipc = pseudo < -200;

	if (!arch->has_mux || pseudo > SC_PSEUDO_LOW || pseudo <= SC_PSEUDO_HIGH)
		return false;
	out->nr = arch->base + numbers[is_ipc ? sc_arch_data_ipc : sc_arch_data_socketcall];
	out->code = (uint32_t)(-pseudo - (is_ipc ? 200 : 100));
	/* ipc/syscall.c: "version = call >> 16; call &= 0xffff", of an unsigned int (s390 refuses
	 * a version, so it does no harm there). net/socket.c takes an int. On 64-bit ABIs the
	 * high word of neither counts. */
	out->mask = is_ipc ? 0xffff : UINT32_MAX;
	out->direct = numbers[row] < 0 ? pseudo : arch->base + numbers[row];
	return true;
}
