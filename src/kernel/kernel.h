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
 * -errno, or -EOPNOTSUPP when it cannot do what an option asks: no flag is dropped. */
int sc_kernel_load(const struct sock_fprog *prog, const struct sc_kernel_load *how,
	int *listener);

/* Notifications: 0 or the kernel's own -errno. Sizes are the larger of the kernel's and
 * this library's structures. */
int sc_notify_sizes(size_t *req, size_t *resp);
int sc_notify_receive(int fd, struct seccomp_notif *req); /* zeroes @req first */
int sc_notify_respond(int fd, const struct seccomp_notif_resp *resp);
int sc_notify_id_valid(int fd, uint64_t id);
int sc_notify_addfd(int fd, const void *addfd); /* struct seccomp_notif_addfd; >= 0: the fd */

#endif
