/* The kernel's interface where the build machine's headers may be older than the kernel that runs.
 * SPDX-License-Identifier: MIT
 * Numbers from include/uapi/linux/{seccomp,pidfd,openat2}.h; "since" says which kernel. */
#ifndef SLUICE_UAPI_H
#define SLUICE_UAPI_H

#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#ifndef SECCOMP_IOCTL_NOTIF_ADDFD /* 5.9 */
struct seccomp_notif_addfd {
	__u64 id;
	__u32 flags;
	__u32 srcfd;
	__u32 newfd;
	__u32 newfd_flags;
};
#define SECCOMP_IOCTL_NOTIF_ADDFD _IOW('!', 3, struct seccomp_notif_addfd)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND /* 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH /* 5.7 */
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE /* 5.5 */
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS  _IOW('!', 4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
/* 5.0 to 5.7 had the direction wrong; kernels since then know both. */
#define SLUICE_ID_VALID_OLD _IOR('!', 2, __u64)
#define SLUICE_ID_VALID     _IOW('!', 2, __u64)

#ifndef __WALL /* musl's headers lack it */
#define __WALL 0x40000000
#endif

#ifndef SYS_futex /* riscv32: times of 64 bits only */
#define SYS_futex SYS_futex_time64
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_fsopen /* 5.2 */
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_landlock_restrict_self /* 5.13 */
#define SYS_landlock_restrict_self 446
#endif
/* Ids of 32 bits: where there is another name for them, the usual one cuts them to 16. */
#ifdef SYS_setgroups32
#define SLUICE_SYS_setgroups SYS_setgroups32
#define SLUICE_SYS_getgroups SYS_getgroups32
#else
#define SLUICE_SYS_setgroups SYS_setgroups
#define SLUICE_SYS_getgroups SYS_getgroups
#endif
#ifdef SYS_setresuid32
#define SLUICE_SYS_setresuid SYS_setresuid32
#define SLUICE_SYS_setresgid SYS_setresgid32
#else
#define SLUICE_SYS_setresuid SYS_setresuid
#define SLUICE_SYS_setresgid SYS_setresgid
#endif
#define SLUICE_FSCONFIG_CMD_CREATE 6
#define SLUICE_MOUNT_ATTRS         (2 | 4 | 8) /* nosuid, nodev, noexec */
#ifndef CLONE_PIDFD /* 5.2 */
#define CLONE_PIDFD 0x1000
#endif
#ifndef CLONE_NEWTIME /* 5.6 */
#define CLONE_NEWTIME 0x80
#endif
#define SLUICE_P_PIDFD      3 /* of waitid(2), 5.4 */
#define SLUICE_PIDFD_THREAD O_EXCL /* 6.9 */

/* 6.13: struct pidfd_info as first published, 64 bytes. */
struct sluice_pidfd_info {
	__u64 mask;
	__u64 cgroupid;
	__u32 pid, tgid, ppid;
	__u32 ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	__u32 exit_code;
};
#define SLUICE_PIDFD_INFO_CREDS (1u << 1)
#define SLUICE_PIDFD_GET_INFO   _IOWR(0xFF, 11, struct sluice_pidfd_info)

#endif
