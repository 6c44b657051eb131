"""What scripts/import-prototypes cannot read in the kernel's sources, each with its reason."""

# Width of C types: s or u (signed or not) and bits; "w" is the register's word.
TYPES = {
    "int": "s32", "long": "sw", "off_t": "sw", "mqd_t": "s32", "timer_t": "s32",
    "clockid_t": "s32", "key_t": "s32", "key_serial_t": "s32", "pid_t": "s32", "rwf_t": "s32",
    "__s32": "s32", "loff_t": "s64", "unsigned": "u32", "unsigned int": "u32", "uint": "u32",
    "u32": "u32", "__u32": "u32", "qid_t": "u32", "uid_t": "u32", "gid_t": "u32",
    "old_uid_t": "u16", "old_gid_t": "u16", "umode_t": "u16", "u64": "u64", "__u64": "u64",
    "unsigned long": "uw", "size_t": "uw", "aio_context_t": "uw", "old_sigset_t": "uw",
    "uintptr_t": "uw", "__sighandler_t": "uw", "cap_user_header_t": "uw",
    "cap_user_data_t": "uw", "const enum landlock_rule_type": "u32", "time_t": "sw",
    # Those of 32-bit programs on 64-bit kernels: x32 and n32 have them beside 64-bit words.
    "compat_long_t": "s32", "compat_mode_t": "u16", "compat_off_t": "s32", "compat_pid_t": "s32",
    "compat_size_t": "u32", "compat_ssize_t": "s32", "compat_ulong_t": "u32",
    "compat_uptr_t": "u32", "compat_aio_context_t": "u32",
}

# Registers of which the kernel reads less than the type says: COLUMN-independent.
NARROWER = {
    ("clone", "clone_flags"): ("u32", "kernel/fork.c takes lower_32_bits() of it"),
    # fdget() and fget() take an unsigned int, find_vpid() an int.
    **{(call, "fd"): ("u32", "fget() takes an unsigned int") for call in (
        "mmap", "mmap2", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2",
        "preadv64", "pwritev64", "fstat64", "fstatfs")},
    ("ptrace", "pid"): ("s32", "find_get_task_by_vpid() takes a pid_t"),
    ("mbind", "mode"): ("u32", "mm/mempolicy.c copies it to an int"),
}

# Where a 64-bit argument begins in an even register (the ABI's calling convention). The others
# put the two halves behind what is there; all put them in the order of the bytes.
ALIGNED = {"arm", "mips", "ppc"}
# Entry points that are wrappers of a common one, by call; where None is given the wrapper has
# its arguments in another order, and its own definition is read.
SPLIT = {name: "sys_" + name for name in (
    "pread64", "pwrite64", "readahead", "fadvise64", "fadvise64_64", "fallocate", "truncate64",
    "ftruncate64", "sync_file_range", "sync_file_range2", "fanotify_mark", "lookup_dcookie",
    "arm_fadvise64_64", "arm_sync_file_range")}
SPLIT["arm_sync_file_range"] = "sys_sync_file_range2"
# arch/powerpc and arch/arm: the advice comes first, so that the pairs need no padding.
REORDERED = {("ppc", "fadvise64_64"): (0, 3, 1, 2)}
# arch/sh/kernel/sys_sh32.c: a dummy register before the offset of these two, of no others.
DUMMY = {("sh", "pread64"), ("sh", "pwrite64")}
# Whose definition stands in a file of assembler, or is not what the table names.
ENTRIES = {
    "__sys_clone": "sys_clone", "sys_clone_wrapper": "sys_clone", "__sys_clone3": "sys_clone3",
    "sys_clone3_wrapper": "sys_clone3", "__sys_fork": "sys_fork", "sys_fork_wrapper": "sys_fork",
    "__sys_vfork": "sys_vfork", "sys_vfork_wrapper": "sys_vfork", "__sys_sysmips": "sys_sysmips",
    "sys_fstatfs64_wrapper": "sys_fstatfs64", "sys_statfs64_wrapper": "sys_statfs64",
    "sysm_pipe": "sys_pipe", "sys_mmap2": "sys_mmap_pgoff", "sys_sigreturn_wrapper": None,
    "sys_rt_sigreturn_wrapper": None,
}
# arch/*/Kconfig: CONFIG_CLONE_BACKWARDS has the TLS before the child's word, BACKWARDS2
# the stack before the flags.
CLONE_BACKWARDS = {"x86", "arm", "aarch64", "loongarch64", "riscv64", "mips", "mips64",
                   "mips64n32", "ppc", "ppc64"} - {"loongarch64", "riscv64"}
CLONE_BACKWARDS2 = {"s390", "s390x"}
# arch/*/Kconfig: CONFIG_OLD_SIGSUSPEND3 has two arguments in front of the mask that nobody reads.
OLD_SIGSUSPEND3 = {"x86", "arm", "m68k", "s390", "s390x"}
# Definitions that #ifdef chooses: (call, columns) -> file that counts.
CHOSEN = {"get_thread_area": "arch/x86/kernel/tls.c", "set_thread_area": "arch/x86/kernel/tls.c"}

# Calls without a definition in any of the trees: by manual page, or by what the kernel has
# under that number. "" says that there are no arguments or that none is documented.
BY_HAND = {
    "_sysctl": "struct __sysctl_args *args",  # sysctl(2); gone in 5.5
    "afs_syscall": "", "break": "", "gtty": "", "idle": "", "lock": "", "mpx": "", "prof": "",
    "security": "", "stty": "", "tuxcall": "", "vserver": "", "ulimit": "",  # unimplemented(2)
    "getpmsg": "", "putpmsg": "", "multiplexer": "",  # unimplemented(2)
    "profil": "unsigned short *buf; size_t bufsiz; size_t offset; unsigned int scale",
    "ftime": "struct timeb *tp",
    "bdflush": "int func; long data",  # fs/buffer.c until 5.14
    "create_module": "const char *name; size_t size",  # create_module(2)
    "get_kernel_syms": "struct kernel_sym *table",  # get_kernel_syms(2)
    "query_module": "const char *name; int which; void *buf; size_t bufsize; size_t *ret",
    "nfsservctl": "int cmd; struct nfsctl_arg *argp; union nfsctl_res *resp",  # nfsservctl(2)
    "lookup_dcookie": "u64 cookie64; char *buf; size_t len",  # fs/dcookies.c until 5.12
    "timerfd": "",  # never in a release
    "epoll_ctl_old": "", "epoll_wait_old": "",  # never implemented
    "ioperm": "unsigned long from; unsigned long num; int turn_on",  # that of x86
    "iopl": "unsigned int level", "modify_ldt": "int func; void *ptr; unsigned long bytecount",
    "vm86": "unsigned long cmd; unsigned long arg",
    "oldfstat": "unsigned int fd; struct __old_kernel_stat *statbuf",
    "oldlstat": "const char *filename; struct __old_kernel_stat *statbuf",
    "oldstat": "const char *filename; struct __old_kernel_stat *statbuf",
    "oldolduname": "struct oldold_utsname *name",
    "readdir": "unsigned int fd; struct old_linux_dirent *dirent; unsigned int count",
    "rt_sigreturn": "", "sigreturn": "",  # they read the stack
    "map_shadow_stack": "unsigned long addr; unsigned long size; unsigned int flags",
    "sys_debug_setcontext": "struct ucontext *ctx; int ndbg; struct sig_dbg_op *dbg",
    "pciconfig_iobase": "long which; unsigned long bus; unsigned long devfn",
    "syscall": "long number; long arg1; long arg2; long arg3; long arg4; long arg5",  # o32
    # arch/arm/kernel/traps.c, arm_syscall()
    "breakpoint": "", "usr26": "", "usr32": "", "get_tls": "",
    "set_tls": "unsigned long val",
    # arch/m68k/kernel/sys_m68k.c, with arguments in registers of their own
    "atomic_cmpxchg_32": "unsigned long newval; int oldval; int d3; int d4; int d5; "
                         "unsigned long *mem",
}
# The same, for one column only.
BY_HAND_IN = {
    # arch/arm/kernel/traps.c: do_cache_op(start, end, flags)
    ("arm", "cacheflush"): "unsigned long start; unsigned long end; unsigned long flags",
    # arch/m68k/mm/... sys_cacheflush
    ("m68k", "cacheflush"): "unsigned long addr; int scope; int cache; unsigned long len",
}

# ---- what arguments are ----

# By name, where the type says no more than the width. Pointers first.
PATHS = {"filename", "pathname", "path", "oldname", "newname", "dir_name", "dev_name",
         "new_root", "put_old", "specialfile", "library", "from_pathname", "to_pathname",
         "special"}
DESCRIPTORS = {"fd", "fildes", "oldfd", "newfd", "fd_in", "fd_out", "epfd", "in_fd", "out_fd",
               "pidfd", "ufd", "fdin", "fdout", "mqdes", "fs_fd", "group_fd", "kernel_fd",
               "initrd_fd", "ruleset_fd", "fanotify_fd", "neighbor_fd", "max_fd"}
DIRECTORIES = {"dfd", "olddfd", "newdfd", "from_dfd", "to_dfd", "mountdirfd"}
ADDRESSES = {"addr", "start", "new_addr", "newsp", "brk", "mmio_addr", "restorer", "tls"}
SIZES = {"len", "length", "count", "size", "usize", "old_len", "new_len", "addrlen", "addr_len",
         "sigsetsize", "len_in", "msg_len", "buflen", "bufsiz", "bytes"}
KINDS_OF_TYPES = {"umode_t": "mode", "compat_mode_t": "mode", "pid_t": "pid",
                  "compat_pid_t": "pid", "uid_t": "uid", "old_uid_t": "uid", "gid_t": "gid",
                  "old_gid_t": "gid", "size_t": "size", "compat_size_t": "size",
                  "loff_t": "offset", "off_t": "offset", "compat_off_t": "offset",
                  "mqd_t": "fd"}
# Structures that the kernel writes although the argument is const, or reads although it is not.
READ = set("""
bind.umyaddr connect.uservaddr sendto.addr sendto.buff send.buff sendmsg.msg setsockopt.optval
sethostname.name setdomainname.name mount.data clock_settime.tp settimeofday.tv settimeofday.tz
nanosleep.rqtp clock_nanosleep.rqtp timer_settime.new setitimer.value io_submit.iocbpp
io_cancel.iocb setrlimit.rlim sched_setaffinity.user_mask_ptr sched_setattr.uattr
sched_setparam.param sched_setscheduler.param setgroups.grouplist setgroups32.grouplist
kexec_load.segments futex_waitv.waiters futex_requeue.waiters msgsnd.msgp semop.tsops
semtimedop.tsops semtimedop_time64.tsops epoll_ctl.event mq_open.u_attr mount_setattr.uattr
file_setattr.ufattr open_tree_attr.uattr openat2.how clone3.uargs perf_event_open.attr_uptr
rt_sigprocmask.nset sigprocmask.nset rt_sigsuspend.unewset signalfd.user_mask
signalfd4.user_mask rt_sigqueueinfo.uinfo rt_tgsigqueueinfo.uinfo pidfd_send_signal.info
init_module.umod capset.data capget.header capset.header futex.utime ppoll.tsp ppoll_time64.tsp
pselect6.tsp pselect6_time64.tsp pselect6.sig pselect6_time64.sig select.tvp _newselect.tvp
utime.t utimes.t futimesat.t utimensat.t utimensat_time64.utimes timer_create.timer_event_spec
set_robust_list.head lsm_set_self_attr.ctx io_getevents.timeout io_pgetevents.timeout
futex_wait.timeout futex_waitv.timeout stime.tptr open_by_handle_at.handle vmsplice.uiov
clock_settime64.tp socketcall.args mmap.arg select.arg seccomp.uargs bpf.uattr
rt_sigtimedwait.uts recvmmsg.timeout recvmmsg_time64.timeout cachestat.cstat_range
rseq.rseq _sysctl.args timerfd_settime.utmr
""".split())
# What is both read and written.
BOTH = set("""
accept.upeer_addrlen accept4.upeer_addrlen getsockname.usockaddr_len getpeername.usockaddr_len
getsockopt.optlen recvfrom.addr_len recvmsg.msg recvmmsg.mmsg recvmmsg_time64.mmsg poll.ufds
ppoll.ufds ppoll_time64.ufds _newselect.inp _newselect.outp _newselect.exp select.inp
select.outp select.exp pselect6.inp pselect6.outp pselect6.exp pselect6_time64.inp
pselect6_time64.outp pselect6_time64.exp copy_file_range.off_in copy_file_range.off_out
splice.off_in splice.off_out sendfile.offset sendfile64.offset name_to_handle_at.handle
futex.uaddr futex_time64.uaddr futex.uaddr2 futex_time64.uaddr2 clock_adjtime.utx
clock_adjtime64.utx clock_adjtime.utp adjtimex.txc_p adjtimex.utp io_uring_setup.params
sendmmsg.mmsg ioctl.arg
""".split())
# CALLS.ARGUMENT KIND[:DETAIL]; kinds are those of include/sluice-calls.h, the detail a set
# of data/constants.csv. A call may end in *.
KINDS = """
open.flags flags:open
openat.flags flags:open
open_by_handle_at.flags flags:open
mq_open.oflag flags:open
pipe2.flags flags:open
dup3.flags flags:open
access.mode flags:access
faccessat.mode flags:access
faccessat2.mode flags:access
faccessat2.flags flags:faccessat
fchmodat2.flags flags:at
fchownat.flag flags:at
newfstatat.flag flags:at
fstatat64.flag flags:at
linkat.flags flags:at
unlinkat.flag flags:unlinkat
execveat.flags flags:execveat
execveat.fd dirfd
statx.flags flags:at
utimensat*.flags flags:at
name_to_handle_at.flag flags:handle
name_to_handle_at.name path
open_tree_attr.flags flags:open_tree
open_tree.flags flags:open_tree
*xattrat.at_flags flags:at
file_*attr.at_flags flags:at
mount_setattr.flags flags:at
statx.mask flags:statx
renameat2.flags flags:rename
*setxattr.flags flags:xattr
*xattr*.name string
acct.name path
chroot.filename path
umount.name path
umount2.name path
umount2.flags flags:umount
mount.type string
mount.flags flags:mount
mount.data address
spu_create.name path
symlink.oldname path
mq_open.u_name string
mq_unlink.u_name string
memfd_create.uname string
memfd_create.flags flags:memfd
memfd_secret.flags flags:open
lseek.whence value:seek
_llseek.whence value:seek
fcntl.cmd value:fcntl
fcntl64.cmd value:fcntl
fcntl.arg address
fcntl64.arg address
flock.cmd flags:flock
ioctl.cmd value:ioctl
ioctl.arg address
close_range.flags flags:close_range
fallocate.mode flags:fallocate
fadvise64*.advice value:fadvise
arm_fadvise64_64.advice value:fadvise
sync_file_range*.flags flags:sync_file_range
arm_sync_file_range.flags flags:sync_file_range
splice.flags flags:splice
tee.flags flags:splice
vmsplice.flags flags:splice
preadv2.flags flags:rwf
pwritev2.flags flags:rwf
*readv*.vec iovec
*writev*.vec iovec
process_vm_*.lvec iovec
process_vm_*.rvec address
process_madvise.vec address
vmsplice.uiov iovec
readv.fd fd
writev.fd fd
preadv*.fd fd
pwritev*.fd fd
open_tree.filename path
fsopen._fs_name string
fsopen.flags flags:fsopen
fsmount.flags flags:fsmount
fsmount.attr_flags flags:mount_attr
fspick.flags flags:fspick
fsconfig.cmd value:fsconfig
fsconfig._key string
move_mount.flags flags:move_mount
mknod.dev device
mknodat.dev device
ustat.dev device
mknod.mode mode
inotify_init1.flags flags:inotify_init
inotify_add_watch.mask flags:inotify
fanotify_init.flags flags:fanotify_init
fanotify_init.event_f_flags flags:open
fanotify_mark.flags flags:fanotify_mark
fanotify_mark.mask flags:fanotify
epoll_create1.flags flags:epoll_create
epoll_ctl.op value:epoll_ctl
eventfd2.flags flags:eventfd
signalfd4.flags flags:signalfd
timerfd_create.flags flags:timerfd
timerfd_create.clockid value:clock
timerfd_settime*.flags flags:timerfd_settime
timer_settime*.flags flags:timer
clock_nanosleep*.flags flags:timer
*.which_clock value:clock
*.clockid value:clock
userfaultfd.flags flags:userfaultfd
socket.family value:family
socketpair.family value:family
socket.type flags:socket_type
socketpair.type flags:socket_type
socket.protocol value:protocol
socketpair.protocol value:protocol
socketpair.usockvec out
accept4.flags flags:socket_flags
bind.umyaddr sockaddr
connect.uservaddr sockaddr
sendto.addr sockaddr
recvfrom.addr sockaddr_out
accept.upeer_sockaddr sockaddr_out
accept4.upeer_sockaddr sockaddr_out
getsockname.usockaddr sockaddr_out
getpeername.usockaddr sockaddr_out
sendto.flags flags:msg
recvfrom.flags flags:msg
send.flags flags:msg
recv.flags flags:msg
sendmsg.flags flags:msg
recvmsg.flags flags:msg
sendmmsg.flags flags:msg
recvmmsg*.flags flags:msg
sendmsg.msg msghdr
shutdown.how value:shutdown
*sockopt.level value:sockopt_level
*sockopt.optname number
socketcall.call value:socketcall
ipc.call value:ipc
clone.clone_flags flags:clone
unshare.unshare_flags flags:unshare
setns.flags flags:unshare
kill.sig signal
tkill.sig signal
tgkill.sig signal
rt_sig*.sig signal
rt_tgsigqueueinfo.sig signal
sigaction.sig signal
signal.sig signal
pidfd_send_signal.sig signal
rt_sigprocmask.how value:sigprocmask
sigprocmask.how value:sigprocmask
pidfd_open.flags flags:pidfd
wait4.options flags:wait
waitpid.options flags:wait
waitid.options flags:wait
waitid.which value:waitid
wait4.upid pid
waitid.upid pid
ptrace.request value:ptrace
ptrace.pid pid
prctl.option value:prctl
arch_prctl.option value:arch_prctl
seccomp.op value:seccomp
seccomp.flags flags:seccomp_flags
personality.personality flags:personality
ioprio_*.which value:ioprio
getpriority.which value:priority
setpriority.which value:priority
getrlimit.resource value:rlimit
ugetrlimit.resource value:rlimit
setrlimit.resource value:rlimit
prlimit64.resource value:rlimit
getrusage.who value:rusage
sched_setscheduler.policy value:sched
sched_get_priority_*.policy value:sched
getitimer.which value:itimer
setitimer.which value:itimer
mmap.prot flags:prot
mmap2.prot flags:prot
mprotect.prot flags:prot
pkey_mprotect.prot flags:prot
remap_file_pages.prot flags:prot
mmap.flags flags:mmap
mmap2.flags flags:mmap
remap_file_pages.flags flags:mmap
mmap.fd fd
mmap2.fd fd
mremap.flags flags:mremap
madvise.behavior value:madvise
process_madvise.behavior value:madvise
mlock2.flags flags:mlock
mlockall.flags flags:mlockall
msync.flags flags:msync
membarrier.cmd value:membarrier
mbind.mode value:mempolicy
set_mempolicy.mode value:mempolicy
mbind.flags flags:mbind
pkey_alloc.init_val flags:pkey
futex.op flags:futex
futex_time64.op flags:futex
futex_wait.flags flags:futex2
futex_wake.flags flags:futex2
msgget.key number
shmget.shmflg flags:ipc_flags
semget.semflg flags:ipc_flags
msgget.msgflg flags:ipc_flags
shmat.shmflg flags:shmat
shmat.shmaddr address
shmdt.shmaddr address
msgsnd.msgflg flags:msgrcv
msgrcv.msgflg flags:msgrcv
shmctl.cmd value:shmctl
msgctl.cmd value:shmctl
semctl.cmd value:semctl
keyctl.option value:keyctl
bpf.cmd value:bpf
perf_event_open.flags flags:perf
io_uring_setup.params inout
io_uring_enter.flags flags:io_uring_enter
io_uring_register.opcode value:io_uring_register
landlock_add_rule.rule_type value:landlock_rule
landlock_create_ruleset.flags flags:landlock
landlock_restrict_self.flags flags:landlock_restrict
bpf.uattr_common inout
bpf.size_common size
getrandom.flags flags:getrandom
syslog.type value:syslog
reboot.cmd value:reboot
reboot.magic* number
reboot.arg string
kexec_file_load.flags flags:kexec_file
kexec_load.flags flags:kexec
finit_module.flags flags:module
delete_module.flags flags:open
delete_module.name_user string
init_module.umod in
finit_module.uargs string
quotactl.addr address
swapon.swap_flags flags:swapon
kcmp.type value:kcmp
execve.argv strings
execve.envp environment
execveat.argv strings
execveat.envp environment
getcpu.unused unused
sigsuspend.unused* unused
umask.mask mode
*.tloc out
sigaltstack.uss in
exit.error_code number
exit_group.error_code number
process_vm_*.flags number
modify_ldt.func number
brk.brk address
set_tid_address.tidptr out
rseq.rseq address
set_robust_list.head address
"""
# Numbers that no kernel has served and no page describes: a prototype would be an invention.
UNKNOWN = {"afs_syscall", "break", "gtty", "idle", "lock", "mpx", "prof", "security", "stty",
           "tuxcall", "vserver", "ulimit", "getpmsg", "putpmsg", "multiplexer", "timerfd",
           "epoll_ctl_old", "epoll_wait_old"}
# Where a structure in memory stands for registers that do not suffice.
BY_STRUCTURE = {("s390", "fadvise64_64")}
