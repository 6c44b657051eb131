/* What older kernel headers than ours lack, so that one binary serves every kernel.
 * Numbers: include/uapi/linux/seccomp.h.
 * SPDX-License-Identifier: MIT */
#ifndef SC_KERNEL_UAPI_H
#define SC_KERNEL_UAPI_H

#include <linux/ioctl.h>
#include <linux/seccomp.h>
#include <linux/types.h>

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH /* 5.7 */
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#ifndef SECCOMP_ADDFD_FLAG_SETFD /* 5.9 */
#define SECCOMP_ADDFD_FLAG_SETFD (1UL << 0)
struct seccomp_notif_addfd {
	__u64 id;
	__u32 flags;
	__u32 srcfd;
	__u32 newfd;
	__u32 newfd_flags;
};
#define SECCOMP_IOCTL_NOTIF_ADDFD SECCOMP_IOW(3, struct seccomp_notif_addfd)
#endif

/* The direction of ID_VALID was wrong (IOR) before 5.8; kernels from 5.8 on take both
 * numbers, older ones only the second. Old headers define the old number under the same
 * name. */
#define SC_NOTIF_ID_VALID     SECCOMP_IOW(2, __u64)
#define SC_NOTIF_ID_VALID_5_0 SECCOMP_IOR(2, __u64)

#endif
