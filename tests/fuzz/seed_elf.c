/* A small program for the fuzzer of ELF files: numbers that are constants, that a caller gives, and that
 * nobody knows; a call through a pointer.
 * SPDX-License-Identifier: MIT */
#include <sys/syscall.h>

void _start(void);

static __attribute__((noinline)) long enter(long nr, long a)
{
#ifdef __x86_64__
	long rc;

	__asm__ volatile("syscall" : "=a"(rc) : "a"(nr), "D"(a) : "rcx", "r11", "memory");
	return rc;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8) : "memory");
	return x0;
#else
	return nr + a;
#endif
}

static long leave(long a)
{
	return enter(SYS_exit_group, a);
}

static long (*volatile pointer)(long) = leave;

void _start(void)
{
	long n = enter(SYS_getpid, 0);

	enter(n > 1 ? SYS_getuid : SYS_getgid, 0);
	enter(n, 0);
	pointer(0);
	for (;;)
		leave(1);
}
