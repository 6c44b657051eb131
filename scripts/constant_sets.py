"""Which names of the uapi headers make the sets of data/constants.csv.

headers: where they stand; names, but: patterns that a whole name matches; bits: to which its
values are cut (32 if nothing is said), as the kernel reads the argument."""


def of(headers, names, but="-", bits=32):
    return {"headers": headers.split(), "names": names, "but": but, "bits": bits}


SETS = {
    # files
    "open": of("linux/fcntl.h", r"O_\w+", r"O_ACCMODE|O_NDELAY"),
    "access": of("linux/fcntl.h", r"-"),
    "at": of("linux/fcntl.h", r"AT_\w+", r"AT_FDCWD|AT_STATX_SYNC_TYPE|AT_STATX_SYNC_AS_STAT|"
             r"AT_REMOVEDIR|AT_HANDLE_\w+|AT_RENAME_\w+|AT_EXECVE_CHECK|AT_EACCESS"),
    "unlinkat": of("linux/fcntl.h", r"AT_REMOVEDIR"),
    "faccessat": of("linux/fcntl.h", r"AT_EACCESS|AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH"),
    "execveat": of("linux/fcntl.h", r"AT_EXECVE_CHECK|AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH"),
    "handle": of("linux/fcntl.h", r"AT_HANDLE_\w+|AT_SYMLINK_FOLLOW|AT_EMPTY_PATH"),
    "resolve": of("linux/openat2.h", r"RESOLVE_\w+"),
    "open_tree": of("linux/mount.h linux/fcntl.h",
                    r"OPEN_TREE_\w+|AT_RECURSIVE|AT_EMPTY_PATH|AT_SYMLINK_NOFOLLOW|"
                    r"AT_NO_AUTOMOUNT"),
    "statx": of("linux/stat.h", r"STATX_[A-Z]\w*", r"STATX_ATTR_\w+|STATX__RESERVED|STATX_ALL|"
                r"STATX_BASIC_STATS"),
    "rename": of("linux/fs.h", r"RENAME_\w+"),
    "xattr": of("linux/xattr.h", r"XATTR_(CREATE|REPLACE)"),
    "umount": of("linux/fs.h", r"-"),
    "mount": of("linux/mount.h", r"MS_[A-Z]\w*", r"MS_RMT_MASK|MS_MGC_\w+|MS_VERBOSE", 64),
    "mount_attr": of("linux/mount.h", r"MOUNT_ATTR_\w+", r"MOUNT_ATTR_SIZE\w*|"
                     r"MOUNT_ATTR__ATIME|MOUNT_ATTR_RELATIME", 64),
    "fsopen": of("linux/mount.h", r"FSOPEN_\w+"),
    "fsmount": of("linux/mount.h", r"FSMOUNT_\w+"),
    "fspick": of("linux/mount.h", r"FSPICK_\w+"),
    "fsconfig": of("linux/mount.h", r"FSCONFIG_\w+"),
    "move_mount": of("linux/mount.h", r"MOVE_MOUNT_\w+", r"MOVE_MOUNT__MASK"),
    "memfd": of("linux/memfd.h", r"MFD_\w+", r"MFD_HUGE_\w+"),
    "seek": of("linux/fs.h", r"SEEK_\w+", r"SEEK_MAX"),
    "fcntl": of("linux/fcntl.h", r"F_\w+", r"F_(RDLCK|WRLCK|UNLCK|EXLCK|SHLCK|INPROGRESS|"
                r"LINUX_SPECIFIC_BASE|SEAL_\w+|OWNER_\w+)"),
    "flock": of("linux/fcntl.h", r"LOCK_(SH|EX|NB|UN|MAND|READ|WRITE|RW)"),
    "close_range": of("linux/close_range.h", r"CLOSE_RANGE_\w+"),
    "fallocate": of("linux/falloc.h", r"FALLOC_FL_\w+"),
    "fadvise": of("linux/fadvise.h", r"POSIX_FADV_\w+"),
    "sync_file_range": of("linux/fs.h", r"SYNC_FILE_RANGE_\w+",
                          r"SYNC_FILE_RANGE_WRITE_AND_WAIT"),
    "splice": of("linux/fs.h", r"-"),
    "rwf": of("linux/fs.h", r"RWF_\w+", r"RWF_SUPPORTED"),
    "inotify": of("linux/inotify.h", r"IN_[A-Z]\w*", r"IN_(CLOSE|MOVE|ALL_EVENTS|CLOEXEC|"
                  r"NONBLOCK)"),
    "inotify_init": of("linux/inotify.h", r"IN_CLOEXEC|IN_NONBLOCK"),
    "fanotify_init": of("linux/fanotify.h", r"FAN_(CLOEXEC|NONBLOCK|CLASS_CONTENT|"
                        r"CLASS_PRE_CONTENT|UNLIMITED_\w+|ENABLE_AUDIT|REPORT_\w+)",
                        r"FAN_REPORT_DFID_NAME\w*"),
    "fanotify_mark": of("linux/fanotify.h", r"FAN_MARK_\w+", r"FAN_MARK_INODE|"
                        r"FAN_MARK_IGNORE_SURV"),
    "fanotify": of("linux/fanotify.h", r"FAN_(ACCESS|MODIFY|ATTRIB|CLOSE_WRITE|CLOSE_NOWRITE|"
                   r"OPEN|MOVED_FROM|MOVED_TO|CREATE|DELETE|DELETE_SELF|MOVE_SELF|OPEN_EXEC|"
                   r"Q_OVERFLOW|FS_ERROR|OPEN_PERM|ACCESS_PERM|OPEN_EXEC_PERM|PRE_ACCESS|"
                   r"MNT_ATTACH|MNT_DETACH|EVENT_ON_CHILD|RENAME|ONDIR)", "-", 64),
    "epoll_create": of("linux/eventpoll.h", r"EPOLL_CLOEXEC"),
    "epoll_ctl": of("linux/eventpoll.h", r"EPOLL_CTL_\w+"),
    "eventfd": of("linux/eventfd.h", r"EFD_\w+"),
    "signalfd": of("linux/signalfd.h", r"SFD_\w+"),
    "timerfd": of("linux/timerfd.h", r"TFD_(CLOEXEC|NONBLOCK)"),
    "timerfd_settime": of("linux/timerfd.h", r"TFD_TIMER_\w+"),
    "userfaultfd": of("linux/userfaultfd.h linux/fcntl.h",
                      r"UFFD_USER_MODE_ONLY|O_CLOEXEC|O_NONBLOCK"),
    "ioctl": of("asm/ioctls.h linux/fs.h linux/sockios.h linux/if_tun.h linux/kvm.h "
                "linux/fscrypt.h linux/vt.h linux/kd.h linux/seccomp.h linux/loop.h",
                r"(TC[A-Z]\w+|TIO[A-Z]\w+|FIO\w+|FS_IOC_\w+|BLK[A-Z]+\w*|FICLONE\w*|"
                r"FIDEDUPERANGE|FIFREEZE|FITHAW|FITRIM|FIBMAP|FIGETBSZ|SIOC\w+|TUN(SET|GET)\w+|"
                r"KVM_(CREATE_VM|GET_API_VERSION|CHECK_EXTENSION|RUN|CREATE_VCPU)|VT_[A-Z]+|"
                r"KD(GETMODE|SETMODE|GKBMODE|SKBMODE)|SECCOMP_IOCTL_NOTIF_\w+|LOOP_\w+)",
                r"TIOCM_\w+|TIOCPKT_\w+|TIOCSER_TEMT|SIOCDEVPRIVATE|SIOCPROTOPRIVATE|"
                r"FIOGETOWN|TIOCINQ|LOOP_SET_\w+_FLAGS|VT_(AUTO|PROCESS|ACKACQ|"
                r"MAXCONS|EVENT\w*|MAX\w+)|TIOCM|SIOCGSTAMP(NS)?|LOOP_CONFIGURE_\w+|"
                r"SIOC(IN|OUT)Q_\w+"),
    # sockets
    "family": of("linux/socket.h", r"-"),
    "sockopt_level": of("linux/in.h", r"-"),
    "protocol": of("linux/in.h", r"IPPROTO_\w+", r"IPPROTO_MAX"),
    # processes
    "clone": of("linux/sched.h", r"CLONE_\w+", r"CLONE_ARGS_SIZE\w+|CLONE_NEWTIME|"
                r"CLONE_INTO_CGROUP|CLONE_CLEAR_SIGHAND|CLONE_AUTOREAP|CLONE_NNP|"
                r"CLONE_PIDFD_AUTOKILL|CLONE_EMPTY_MNTNS"),
    "unshare": of("linux/sched.h", r"CLONE_(NEW\w+|FILES|FS|SYSVSEM|THREAD|SIGHAND|VM)"),
    "clone3": of("linux/sched.h", r"CLONE_\w+", r"CLONE_ARGS_SIZE\w+|CLONE_DETACHED", 64),
    "signal": of("linux/signal.h", r"SIG[A-Z]+\d?", r"SIG(RTMIN|RTMAX|STKSZ|STKFLT_|UNUSED|CLD|"
                 r"IOT|POLL|LOST|SWI)"),
    "sigprocmask": of("linux/signal.h", r"SIG_(BLOCK|UNBLOCK|SETMASK)"),
    "pidfd": of("linux/pidfd.h", r"PIDFD_(NONBLOCK|THREAD)"),
    "wait": of("linux/wait.h", r"W(NOHANG|UNTRACED|EXITED|CONTINUED|NOWAIT)|__W\w+"),
    "waitid": of("linux/wait.h", r"P_\w+"),
    "ptrace": of("linux/ptrace.h asm/ptrace.h", r"(PTRACE|PTRACE2?)_[A-Z]\w*",
                 r"PTRACE_(O_\w+|EVENT_\w+|SYSCALL_INFO_\w+|MODE_\w+|PEEKSIGINFO_SHARED)"),
    "prctl": of("linux/prctl.h asm/prctl.h", r"PR_(GET|SET|CAP|MCE|TASK|SVE|SME|PAC|SCHED|"
                r"PPC|RISCV|TIMER|LOCK|FUTEX|CFI)\w+|PR_SET_\w+|PR_GET_\w+",
                r"PR_SET_MM_\w+|PR_\w+_MAX|PR_CAP_AMBIENT_\w+|PR_MCE_KILL_\w+|"
                r"PR_SVE_(VL|SET_VL_)\w+(ONEXEC|INHERIT|MASK)|PR_SME_(VL_\w+|SET_VL_\w+)|"
                r"PR_SCHED_CORE_\w+|PR_RISCV_V_VSTATE\w*|PR_RISCV_CTX\w*|PR_RISCV_SCOPE\w*|"
                r"PR_PPC_DEXCR_(CTRL|SBHE|IBRTPD|SRAPD|NPHIE)\w*|PR_PAC_AP\w+|"
                r"PR_TIMER_CREATE_RESTORE_IDS_\w+|PR_FUTEX_HASH_\w+|PR_CFI_(ENABLE|DISABLE|LOCK)"),
    "seccomp": of("linux/seccomp.h", r"SECCOMP_(SET_MODE_STRICT|SET_MODE_FILTER|"
                  r"GET_ACTION_AVAIL|GET_NOTIF_SIZES)"),
    "seccomp_flags": of("linux/seccomp.h", r"SECCOMP_FILTER_FLAG_\w+"),
    "personality": of("linux/personality.h", r"(ADDR_\w+|FDPIC_FUNCPTRS|MMAP_PAGE_ZERO|"
                      r"READ_IMPLIES_EXEC|SHORT_INODE|WHOLE_SECONDS|STICKY_TIMEOUTS|UNAME26)",
                      r"UNAME26_"),
    "ioprio": of("linux/ioprio.h", r"IOPRIO_WHO_\w+"),
    "priority": of("linux/resource.h", r"PRIO_(PROCESS|PGRP|USER)"),
    "rlimit": of("linux/resource.h", r"RLIMIT_\w+"),
    "rusage": of("linux/resource.h", r"RUSAGE_(SELF|CHILDREN|THREAD)"),
    "sched": of("linux/sched.h", r"SCHED_[A-Z]+", r"SCHED_FLAG\w*"),
    "arch_prctl": of("linux/prctl.h", r"-"),
    "kcmp": of("linux/kcmp.h", r"KCMP_\w+", r"KCMP_TYPES"),
    "landlock": of("linux/landlock.h", r"LANDLOCK_CREATE_RULESET_\w+"),
    "landlock_restrict": of("linux/landlock.h", r"LANDLOCK_RESTRICT_SELF_\w+"),
    "landlock_rule": of("linux/landlock.h", r"LANDLOCK_RULE_\w+"),
    # memory
    "prot": of("linux/mman.h", r"PROT_\w+", r"PROT_NONE|PROT_WRITE_"),
    "mmap": of("linux/mman.h linux/fcntl.h", r"MAP_\w+", r"MAP_(TYPE|FILE|HUGE_\w+|RENAME|AUTOGROW|"
               r"LOCAL|AUTORSRV|INHERIT|SHARED_VALIDATE|UNINITIALIZED|ABOVE4G_)|"
               r"MAP_SHADOW_STACK_\w+"),
    "mremap": of("linux/mman.h", r"MREMAP_\w+"),
    "madvise": of("linux/mman.h", r"MADV_\w+"),
    "mlock": of("linux/mman.h", r"MLOCK_ONFAULT"),
    "mlockall": of("linux/mman.h", r"MCL_\w+"),
    "msync": of("linux/mman.h", r"MS_(ASYNC|INVALIDATE|SYNC)"),
    "membarrier": of("linux/membarrier.h", r"MEMBARRIER_CMD_\w+",
                     r"MEMBARRIER_CMD_SHARED|MEMBARRIER_CMD_FLAG_\w+"),
    "mempolicy": of("linux/mempolicy.h", r"MPOL_(DEFAULT|PREFERRED|BIND|INTERLEAVE|LOCAL|"
                    r"PREFERRED_MANY|WEIGHTED_INTERLEAVE)"),
    "mbind": of("linux/mempolicy.h", r"MPOL_MF_(STRICT|MOVE|MOVE_ALL)"),
    "pkey": of("linux/mman.h", r"PKEY_DISABLE_\w+"),
    # time, locks
    "clock": of("linux/time.h", r"CLOCK_\w+", r"CLOCK_SGI_CYCLE"),
    "timer": of("linux/time.h", r"TIMER_ABSTIME"),
    "itimer": of("linux/time.h", r"ITIMER_\w+"),
    "futex": of("linux/futex.h", r"FUTEX_(WAIT|WAKE|FD|REQUEUE|CMP_REQUEUE|WAKE_OP|LOCK_PI|"
                r"UNLOCK_PI|TRYLOCK_PI|WAIT_BITSET|WAKE_BITSET|WAIT_REQUEUE_PI|"
                r"CMP_REQUEUE_PI|LOCK_PI2|PRIVATE_FLAG|CLOCK_REALTIME)"),
    "futex2": of("linux/futex.h", r"FUTEX2_\w+", r"FUTEX2_SIZE_MASK|FUTEX2_SIZE_U8"),
    # System V IPC, keys
    "ipc_flags": of("linux/ipc.h linux/shm.h", r"IPC_(CREAT|EXCL|NOWAIT)|SHM_(HUGETLB|NORESERVE)"),
    "shmat": of("linux/shm.h", r"SHM_(RDONLY|RND|REMAP|EXEC)"),
    "msgrcv": of("linux/msg.h linux/ipc.h", r"MSG_(NOERROR|EXCEPT|COPY)|IPC_NOWAIT"),
    "shmctl": of("linux/shm.h linux/msg.h linux/ipc.h", r"IPC_(RMID|SET|STAT|INFO|64)|"
                 r"SHM_(LOCK|UNLOCK|STAT|INFO|STAT_ANY)"),
    "semctl": of("linux/sem.h linux/ipc.h", r"IPC_(RMID|SET|STAT|INFO|64)|GET(PID|VAL|ALL|NCNT|ZCNT)|"
                 r"SET(VAL|ALL)|SEM_(STAT|INFO|STAT_ANY)"),
    "socketcall": of("linux/net.h", r"SYS_[A-Z]\w*"),
    "ipc": of("linux/ipc.h", r"(SEM|MSG|SHM)[A-Z]+", r"SEMMNI|MSGMNI"),
    "keyctl": of("linux/keyctl.h", r"KEYCTL_[A-Z]\w*", r"KEYCTL_(SUPPORTS|CAPS\d|MOVE_EXCL|"
                 r"REQKEY)_?\w*|KEYCTL_CAPS0\w*"),
    # the rest
    "bpf": of("linux/bpf.h", r"BPF_(MAP_(CREATE|LOOKUP_ELEM|UPDATE_ELEM|DELETE_ELEM|"
              r"GET_NEXT_KEY|GET_NEXT_ID|GET_FD_BY_ID|FREEZE|LOOKUP_AND_DELETE_ELEM|"
              r"\w+_BATCH)|PROG_(LOAD|ATTACH|DETACH|TEST_RUN|GET_NEXT_ID|GET_FD_BY_ID|QUERY|"
              r"BIND_MAP)|OBJ_(PIN|GET|GET_INFO_BY_FD)|RAW_TRACEPOINT_OPEN|BTF_(LOAD|"
              r"GET_FD_BY_ID|GET_NEXT_ID)|TASK_FD_QUERY|LINK_(CREATE|UPDATE|GET_FD_BY_ID|"
              r"GET_NEXT_ID|DETACH)|ENABLE_STATS|ITER_CREATE|TOKEN_CREATE)"),
    "perf": of("linux/perf_event.h", r"PERF_FLAG_\w+", "-", 64),
    "io_uring_enter": of("linux/io_uring.h", r"IORING_ENTER_\w+"),
    "io_uring_register": of("linux/io_uring.h", r"IORING_(UN)?REGISTER_\w+",
                            r"IORING_REGISTER_(FILES_SKIP|LAST|SRC_\w+|DST_\w+)"),
    "getrandom": of("linux/random.h", r"GRND_\w+"),
    "reboot": of("linux/reboot.h", r"LINUX_REBOOT_CMD_\w+"),
    "kexec": of("linux/kexec.h", r"KEXEC_(ON_CRASH|PRESERVE_CONTEXT|UPDATE_ELFCOREHDR|"
                r"CRASH_HOTPLUG_SUPPORT)"),
    "kexec_file": of("linux/kexec.h", r"KEXEC_FILE_\w+"),
    "module": of("linux/module.h", r"MODULE_INIT_\w+"),
}

# What no uapi header names, or names where its programs cannot include it (glibc has them).
BY_HAND = {
    # access(2)
    "access": {"R_OK": 4, "W_OK": 2, "X_OK": 1},
    # include/linux/socket.h; the numbers are the same on every architecture
    "family": {name: i for i, name in enumerate(
        "AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC "
        "AF_X25 AF_INET6 AF_ROSE AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_NETLINK AF_PACKET "
        "AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA AF_IRDA AF_PPPOX AF_WANPIPE AF_LLC AF_IB "
        "AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET AF_IEEE802154 "
        "AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP AF_MCTP".split())},
    "shutdown": {"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2},
    # include/linux/socket.h
    "msg": {"MSG_OOB": 1, "MSG_PEEK": 2, "MSG_DONTROUTE": 4, "MSG_CTRUNC": 8, "MSG_PROBE": 16,
            "MSG_TRUNC": 32, "MSG_DONTWAIT": 64, "MSG_EOR": 128, "MSG_WAITALL": 256,
            "MSG_FIN": 512, "MSG_SYN": 1024, "MSG_CONFIRM": 2048, "MSG_RST": 4096,
            "MSG_ERRQUEUE": 8192, "MSG_NOSIGNAL": 16384, "MSG_MORE": 32768,
            "MSG_WAITFORONE": 65536, "MSG_BATCH": 0x40000, "MSG_ZEROCOPY": 0x4000000,
            "MSG_FASTOPEN": 0x20000000, "MSG_CMSG_CLOEXEC": 0x40000000},
    "sockopt_level": {"SOL_IP": 0, "SOL_TCP": 6, "SOL_UDP": 17, "SOL_IPV6": 41, "SOL_ICMPV6": 58,
                      "SOL_SCTP": 132, "SOL_RAW": 255, "SOL_PACKET": 263, "SOL_NETLINK": 270,
                      "SOL_BLUETOOTH": 274, "SOL_ALG": 279, "SOL_XDP": 283, "SOL_MPTCP": 284,
                      "SOL_VSOCK": 287},
    # include/linux/fs.h
    "umount": {"MNT_FORCE": 1, "MNT_DETACH": 2, "MNT_EXPIRE": 4, "UMOUNT_NOFOLLOW": 8},
    # include/linux/splice.h
    "splice": {"SPLICE_F_MOVE": 1, "SPLICE_F_NONBLOCK": 2, "SPLICE_F_MORE": 4,
               "SPLICE_F_GIFT": 8},
    # include/linux/syslog.h has other names; these are syslog(2)'s
    "syslog": {"SYSLOG_ACTION_CLOSE": 0, "SYSLOG_ACTION_OPEN": 1, "SYSLOG_ACTION_READ": 2,
               "SYSLOG_ACTION_READ_ALL": 3, "SYSLOG_ACTION_READ_CLEAR": 4,
               "SYSLOG_ACTION_CLEAR": 5, "SYSLOG_ACTION_CONSOLE_OFF": 6,
               "SYSLOG_ACTION_CONSOLE_ON": 7, "SYSLOG_ACTION_CONSOLE_LEVEL": 8,
               "SYSLOG_ACTION_SIZE_UNREAD": 9, "SYSLOG_ACTION_SIZE_BUFFER": 10},
    # include/linux/swap.h
    "swapon": {"SWAP_FLAG_PREFER": 0x8000, "SWAP_FLAG_DISCARD": 0x10000,
               "SWAP_FLAG_DISCARD_ONCE": 0x20000, "SWAP_FLAG_DISCARD_PAGES": 0x40000},
    # include/linux/net.h; mips has the first two the other way round (arch/mips/.../socket.h)
    "socket_type": {"SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3, "SOCK_RDM": 4,
                    "SOCK_SEQPACKET": 5, "SOCK_DCCP": 6, "SOCK_PACKET": 10,
                    "SOCK_CLOEXEC": "O_CLOEXEC", "SOCK_NONBLOCK": "O_NONBLOCK"},
    "socket_flags": {"SOCK_CLOEXEC": "O_CLOEXEC", "SOCK_NONBLOCK": "O_NONBLOCK"},
    # arch/x86/include/uapi/asm/prctl.h, whose ABI alone has the call (and m68k's UML)
    "arch_prctl": {"ARCH_SET_GS": 0x1001, "ARCH_SET_FS": 0x1002, "ARCH_GET_FS": 0x1003,
                   "ARCH_GET_GS": 0x1004, "ARCH_GET_CPUID": 0x1011, "ARCH_SET_CPUID": 0x1012,
                   "ARCH_GET_XCOMP_SUPP": 0x1021, "ARCH_GET_XCOMP_PERM": 0x1022,
                   "ARCH_REQ_XCOMP_PERM": 0x1023, "ARCH_MAP_VDSO_X32": 0x2001,
                   "ARCH_MAP_VDSO_32": 0x2002, "ARCH_MAP_VDSO_64": 0x2003,
                   "ARCH_SHSTK_ENABLE": 0x5001, "ARCH_SHSTK_DISABLE": 0x5002,
                   "ARCH_SHSTK_LOCK": 0x5003, "ARCH_SHSTK_UNLOCK": 0x5004,
                   "ARCH_SHSTK_STATUS": 0x5005},
}

# Where an architecture has other values than BY_HAND says.
BY_HAND_IN = {
    (column, "socket_type"): {"SOCK_DGRAM": 1, "SOCK_STREAM": 2}
    for column in ("mips", "mips64", "mips64n32")
}
# arch/parisc/include/uapi/asm/socket.h
BY_HAND_IN.update({(column, name): {"SOCK_NONBLOCK": 0x40000000}
                   for column in ("parisc", "parisc64")
                   for name in ("socket_type", "socket_flags")})

# Sets of flags in which some bits are one number.
FIELDS = {"open": 3, "socket_type": 0xF, "futex": 0x7F, "mmap": 0xF, "futex2": 3}
