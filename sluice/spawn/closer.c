/* The thread of the child of a spawn that closes its listener: bare system calls.
 * SPDX-License-Identifier: MIT
 *
 * The child may make no call once its filter is loaded, and with a reference of its own
 * it would wait for ever for an answer to execve if the supervisor was killed. A filter
 * is a thread's own: this thread has none. It sends the supervisor the listener if that
 * asks for it, closes it when the supervisor has a duplicate, and ends the child if the
 * supervisor dies before. It has the child's user: whoever may trace the one may trace
 * the other, and they have one memory. */
#include "spawn/child.h"
#include "util/bare.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

static void __attribute__((noreturn)) BARE quit(void)
{
	syscall(SYS_exit_group, 127);
	__builtin_trap();
}

/* The child cannot go on without us. */
static void __attribute__((noreturn)) BARE give_up(
	const struct plan *plan, enum stage stage, int error)
{
	atomic_store(&plan->share->stage, stage);
	atomic_store(&plan->share->error, error);
	atomic_store(&plan->share->failed, 1);
	quit();
}

/* Of the thread that calls it, as bare calls are. False with errno. */
bool BARE sc_spawn_set_user(const struct plan *plan)
{
	unsigned gid = plan->child->gid, uid = plan->child->uid;

	/* The kernel does this itself, but for root alone. EINVAL: before 4.3. */
	if (uid != SLUICE_KEEP &&
		syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) &&
		errno != EINVAL)
		return false;
	if (plan->set_groups &&
		syscall(SLUICE_SYS_setgroups, plan->n_groups, plan->groups))
		return false;
	if (gid != SLUICE_KEEP && syscall(SLUICE_SYS_setresgid, gid, gid, gid))
		return false;
	return uid == SLUICE_KEEP || !syscall(SLUICE_SYS_setresuid, uid, uid, uid);
}

static int BARE send_listener(const struct plan *plan, int listener)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t) "", 1};
	struct msghdr h;

	__builtin_memset(&control, 0, sizeof(control));
	__builtin_memset(&h, 0, sizeof(h));
	h.msg_iov = &iov;
	h.msg_iovlen = 1;
	h.msg_control = control.bytes;
	h.msg_controllen = sizeof(control.bytes);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	__builtin_memcpy(CMSG_DATA(&control.header), &listener, sizeof(listener));
	return (int)syscall(SYS_sendmsg, plan->theirs, &h, MSG_NOSIGNAL);
}

/* Its errors are EIO: errno is the other thread's, too, and may be that of a place where the
 * program is not. */
static int BARE closer_main(void *data)
{
	const struct plan *plan = data;

	if (plan->early && !sc_spawn_set_user(plan))
		give_up(plan, STAGE_USER, errno); /* as the other thread */
	for (;;) {
		struct pollfd p[2];
		char what = 0;
		int listener;

		p[0] = (struct pollfd){.fd = plan->parent, .events = POLLIN};
		p[1] = (struct pollfd){.fd = plan->theirs, .events = POLLIN};
		if (syscall(SYS_ppoll, p, 2, NULL, NULL, 0) < 0) {
			if (errno == EINTR)
				continue;
			give_up(plan, STAGE_POLL, EIO);
		}
		/* What the supervisor said counts, even if it died since. */
		if (p[1].revents && syscall(SYS_read, plan->theirs, &what, 1) < 0) {
			if (errno == EINTR)
				continue;
			give_up(plan, STAGE_READ, EIO);
		}
		listener = atomic_load(&plan->share->listener);
		if (what == SPAWN_SEND) {
			if (send_listener(plan, listener) < 0)
				give_up(plan, STAGE_SEND, EIO);
			continue;
		}
		if (what != SPAWN_CLOSE)
			quit(); /* the supervisor has died, or given up and closed its end
				 */
		syscall(SYS_close, listener);
		atomic_store_explicit(&plan->share->closed, 1, memory_order_release);
		if (plan->may_wait)
			syscall(SYS_futex, &plan->share->closed, FUTEX_WAKE, 1, NULL,
				NULL, 0);
		for (;;)
			syscall(SYS_exit, 0);
	}
}

#define STACK 16384u
#define THREAD                                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_THREAD)

/* clone(2), of which @main is the new thread and does not return. musl's clone() refuses
 * CLONE_THREAD (1.2.5), and that of ThreadSanitizer takes it for a fork. */
#if defined(__x86_64__)
static long start_thread(char *top, int (*main)(void *), void *data)
{
	/* All registers have 64 bits, on x32 too. */
	uint64_t rc, entry = (uintptr_t)main, argument = (uintptr_t)data;

	__asm__ volatile("xor %%r10d, %%r10d\n\t"
			 "syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[data], %%rdi\n\t"
			 "call *%[main]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(rc)
			 : "0"((uint64_t)SYS_clone), "D"((uint64_t)THREAD),
			 "S"((uint64_t)(uintptr_t)top), "d"((uint64_t)0),
			 [main] "r"(entry), [data] "r"(argument)
			 : "rcx", "r8", "r10", "r11", "cc", "memory");
	return (long)rc;
}
#elif defined(__aarch64__)
static long start_thread(char *top, int (*main)(void *), void *data)
{
	register long nr __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = THREAD;
	register char *x1 __asm__("x1") = top;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register void *entry __asm__("x9") = (void *)main;
	register void *argument __asm__("x10") = data;

	__asm__ volatile(
		"svc #0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x0, x10\n\t"
		"blr x9\n\t"
		"brk #1\n"
		"1:"
		: "+r"(x0)
		: "r"(nr), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(entry), "r"(argument)
		: "cc", "memory");
	return x0;
}
#else
static long start_thread(char *top, int (*main)(void *), void *data)
{
#if defined(__hppa__) /* there it grows up */
	top -= STACK;
#endif
	return clone(main, top, THREAD, data) < 0 ? -errno : 1;
}
#endif

/* False with errno. What the thread writes to errno is the child's, but where it fails, the
 * child is at its end. */
bool sc_spawn_start_closer(const struct plan *plan)
{
	static char stack[STACK] __attribute__((aligned(16)));
	long rc = start_thread(stack + STACK, closer_main, (void *)(uintptr_t)plan);

	if (rc < 0)
		errno = (int)-rc;
	return rc > 0;
}
