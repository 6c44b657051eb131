/* The targets' side of multiplexed calls. Alone, a 32-bit program.
 * SPDX-License-Identifier: MIT */
#include "packed.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

long call_x86(long nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
#if defined(__i386__)
	long rc = syscall(nr, a, b, c, d, e, f);

	return rc < 0 ? -errno : rc;
#elif defined(__x86_64__)
	register long sixth __asm__("r12") = f;
	long rc;

	__asm__ volatile("xchg %%rbp, %%r12\n\tint $0x80\n\txchg %%rbp, %%r12"
			 : "=a"(rc), "+r"(sixth)
			 : "a"(nr), "b"((long)a), "c"((long)b), "d"((long)c), "S"((long)d),
			 "D"((long)e)
			 : "memory", "r8", "r9", "r10", "r11");
	return rc;
#else
	(void)(nr + a + b + c + d + e + f);
	return -ENOSYS;
#endif
}

volatile uint32_t *map_block(void)
{
	void *at = mmap((void *)(uintptr_t)BLOCK, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return at == MAP_FAILED ? (volatile uint32_t *)0 : at;
}

int packed_target(void)
{
	static const unsigned ipc_codes[] = {
		1, 2, 3, 4, 11, 12, 12 | 1 << 16, 13, 14, 21, 22, 23, 24};
	volatile uint32_t *block = map_block();

	if (!block)
		return 1;
	for (int code = 1; code <= 20; code++) {
		for (int i = 0; i < 6; i++)
			block[i] = word_of(code, i);
		if (call_x86(NR_SOCKETCALL, (uint32_t)code, BLOCK, 0, 0, 0, 0) != 7 * code)
			return 10 + code;
	}
	block[0] = BEHIND;
	block[1] = BEHIND_TOO;
	for (unsigned i = 0; i < sizeof(ipc_codes) / sizeof(ipc_codes[0]); i++)
		if (call_x86(NR_IPC, ipc_codes[i], FROM_FIRST, FROM_SECOND, FROM_THIRD, BLOCK,
			    FROM_FIFTH) != 9 * (long)ipc_codes[i])
			return 40 + (int)i;
	return 0;
}

#ifdef PACKED_ALONE
int main(void)
{
	return packed_target();
}
#endif
