/* A 32-bit program that makes the calls of compat.h with int 0x80 from 64-bit code, where registers
 * have high words. Without libc, so that nothing else is called.
 * SPDX-License-Identifier: MIT */
#include "compat.h"

enum { EXIT_GROUP = 252, READ = 3, WRITE = 4, GETPID = 20, CLONE = 120 };

static char buffer[4096] __attribute__((aligned(4096)));

/* A far call to the kernel's segment of 64-bit code, which far-returns. */
int32_t call(const uint64_t *nr_and_args);
__asm__(".globl call\ncall:\n"
	"	push %ebx\n	push %esi\n	push %edi\n	push %ebp\n"
	"	mov 20(%esp), %edi\n"
	"	lcall $0x33, $1f\n"
	"	pop %ebp\n	pop %edi\n	pop %esi\n	pop %ebx\n	ret\n"
	".code64\n"
	"1:	mov (%rdi), %rax\n	mov 8(%rdi), %rbx\n	mov 16(%rdi), %rcx\n"
	"	mov 24(%rdi), %rdx\n	mov 32(%rdi), %rsi\n	mov 48(%rdi), %rbp\n"
	"	mov 40(%rdi), %rdi\n"
	"	int $0x80\n	lretl\n"
	".code32\n");

static int32_t call3(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	return call((uint64_t[7]){nr, a, b, c});
}

static uint64_t meant(uint64_t value)
{
	return compat_meant(value, buffer, call3(GETPID, 0, 0, 0), COMPAT_FILE);
}

static int32_t make(const struct compat_asked *asked, uint64_t value)
{
	uint64_t a[7] = {(uint64_t)asked->nr};
	int32_t result;

	for (int i = 0; i < 6; i++)
		a[1 + i] = meant(asked->args[i]);
	a[1 + asked->index] = value;
	result = call(a);
	if (result == 0 && asked->nr == CLONE)
		call3(EXIT_GROUP, 0, 0, 0);
	return result < 0 && result > -4096 ? -result : 0;
}

__attribute__((noreturn)) void _start(void);

void _start(void)
{
	struct compat_asked asked;
	struct compat_ended ended;
	int32_t n = call3(READ, COMPAT_ASKED, (uintptr_t)&asked, sizeof(asked));

	if (n == sizeof(asked)) {
		ended.plain = make(&asked, meant(asked.value));
		ended.garbage = make(&asked, meant(asked.value) | GARBAGE);
		ended.other = make(&asked, asked.other);
		n = call3(WRITE, COMPAT_ENDED, (uintptr_t)&ended, sizeof(ended));
	}
	call3(EXIT_GROUP, n == sizeof(ended) ? 0 : 1, 0, 0);
	for (;;)
		;
}
