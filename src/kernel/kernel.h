/* The only place that makes system calls for filters and notifications.
 * SPDX-License-Identifier: MIT */
#ifndef SC_KERNEL_KERNEL_H
#define SC_KERNEL_KERNEL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the running kernel can do; probed once, thread safe, cached. */
enum sc_kernel_feature {
	SC_KERNEL_SYSCALL,      /* seccomp(2) itself */
	SC_KERNEL_TSYNC,
	SC_KERNEL_LOG_FLAG,
	SC_KERNEL_LOG_ACTION,
	SC_KERNEL_KILL_PROCESS,
	SC_KERNEL_SSB,
	SC_KERNEL_NOTIFY,
	SC_KERNEL_TSYNC_ESRCH,
	SC_KERNEL_WAITKILL,
	SC_KERNEL_FEATURES,
};
bool sc_kernel_has(enum sc_kernel_feature feature);
/* Does the level that the program has chosen (sc_kernel_api_set()) lack it? Never probes. */
bool sc_kernel_forbids(enum sc_kernel_feature feature);
void sc_kernel_reprobe(void); /* seccomp_reset(NULL, ...) */

/* The API level, 1..7: seccomp_api_get(3). */
unsigned int sc_kernel_api_get(void);
int sc_kernel_api_set(unsigned int level); /* 0 or above 7: -EINVAL */

struct sc_kernel_load {
	bool nnp, tsync, log, ssb, waitkill;
	bool notify; /* the program may return NOTIFY: ask for a listener */
};

/* Attach a program to the calling thread (or all: tsync). On success returns 0 and, where a
 * listener was asked for, *@listener = its descriptor (else -1). Returns the kernel's own
 * -errno, or -EOPNOTSUPP when it cannot do what an option asks: no flag is dropped, and
 * nothing (NO_NEW_PRIVS neither) has changed then. waitkill is a property of the listener:
 * without notify there is nothing that it could apply to.
 *
 * A chain of filters has one listener. Where the kernel says EBUSY and the listener is this
 * process' own, the program is attached without one, as libseccomp does: *@listener is then
 * the existing descriptor, and this program's own NOTIFY calls fail with ENOSYS. A foreign
 * listener is -EBUSY.
 *
 * Async-signal-safe, allocates nothing. @prog has at most BPF_MAXINSNS instructions.
 * Source: kernel/seccomp.c, seccomp_set_mode_filter(). */
int sc_kernel_load(const struct sock_fprog *prog, const struct sc_kernel_load *how,
	int *listener);

/* The listener to report for a context whose own load gave @own (-1: none): @own, or else the
 * one that this process loaded last, or -1. No system call: the filter may allow none. */
int sc_kernel_listener(int own);

/* Close and forget the process' listener (seccomp_reset(NULL, ...)). A descriptor that the
 * caller has closed himself is left alone, whatever its number is used for now. */
void sc_kernel_listener_drop(void);

/* Notifications: 0 or the kernel's own -errno; ioctls of include/uapi/linux/seccomp.h. */

/* Bytes to allocate: the larger of the kernel's and this library's structures. */
int sc_notify_sizes(size_t *req, size_t *resp);
/* Blocks; zeroes @req first (5.5 and later refuse anything else). -EINTR: a signal came,
 * -ENOENT: the target was interrupted or died meanwhile, or no target is left. */
int sc_notify_receive(int fd, struct seccomp_notif *req);
int sc_notify_respond(int fd, const struct seccomp_notif_resp *resp);
/* Retried when a signal comes: "don't know" is no answer. */
int sc_notify_id_valid(int fd, uint64_t id);
int sc_notify_addfd(int fd, const void *addfd); /* struct seccomp_notif_addfd; >= 0: the fd */

#endif
