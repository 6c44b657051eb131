/* Makes every call once, with six arguments that tell themselves apart, and ends. Only for
 * strace(1) that injects an error in each (tests/meaning/strace.py): none is then carried
 * out. Without libc, so that nothing else is called.
 * SPDX-License-Identifier: MIT */

#define LAST 441 /* of Linux 5.11 */

#ifdef __x86_64__
enum { EXECVE = 59, EXIT = 60, EXIT_GROUP = 231, GETPID = 39 };
#define HIGH 0x5a5a5a5a00000000
/* What strace does not know it does not stop: only numbers that every strace of these days has. */
#define HOLE(nr) ((nr) > 334 && (nr) < 424)
static long call(long nr, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#else
enum { EXECVE = 11, EXIT = 1, EXIT_GROUP = 252, GETPID = 20 };
#define HIGH 0
#define HOLE(nr) ((nr) > 386 && (nr) < 393)
long call(long nr, const long *a);
__asm__(".globl call\ncall:\n"
	"	push %ebx\n	push %esi\n	push %edi\n	push %ebp\n"
	"	mov 20(%esp), %eax\n	mov 24(%esp), %ebp\n"
	"	mov (%ebp), %ebx\n	mov 4(%ebp), %ecx\n	mov 8(%ebp), %edx\n"
	"	mov 12(%ebp), %esi\n	mov 16(%ebp), %edi\n	mov 20(%ebp), %ebp\n"
	"	int $0x80\n"
	"	pop %ebp\n	pop %edi\n	pop %esi\n	pop %ebx\n	ret\n");
#endif

__attribute__((noreturn)) void _start(void);

void _start(void)
{
	long args[6];

	for (int i = 0; i < 6; i++)
		args[i] = (long)(HIGH | (0x1001 + 0x100 * i));
	/* Nobody injects: this would make all calls in earnest. */
	if (call(GETPID, args) > 0)
		call(EXIT_GROUP, (long[6]){3});
	for (long nr = 0; nr <= LAST; nr++)
		if (nr != EXECVE && nr != EXIT && nr != EXIT_GROUP && !HOLE(nr))
			call(nr, args);
	call(EXIT_GROUP, (long[6]){0});
	for (;;)
		;
}
