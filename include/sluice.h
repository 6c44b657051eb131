/* libsluice: supervisors for seccomp user notifications.
 * SPDX-License-Identifier: MIT
 *
 * A target's system call stops, a request arrives here, a handler gives one verdict. The
 * library keeps what every supervisor gets wrong in one place: signals, exits, reused ids,
 * memory that changes while it is read, descriptors lost, calls never answered. Whatever
 * is not decided is refused with the supervisor's errno; nothing is let through by accident.
 *
 * Threads: a supervisor belongs to one thread (the one that dispatches). A request that
 * was deferred may be used by one other thread at a time, and every function that takes a
 * request may be called there. Functions return 0 (or what they say) on success and
 * -errno on failure, and write their outputs only on success. No function prints, aborts,
 * or leaves signal state changed. Read about the kernel's side in seccomp_unotify(2). */
#ifndef SLUICE_H
#define SLUICE_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct open_how;
struct sluice_supervisor;
struct sluice_request;

/* What went wrong, for people. @code is the errno as a positive number, @message one
 * sentence that says what to do, @where a file, line or JSON path, or empty. */
struct sluice_error {
	int code;
	char message[256];
	char where[128];
};

/* ---- supervisor ------------------------------------------------------------------ */

/* One JSON object of one decision, without a newline. @line ends with NUL and is the
 * library's; called from the thread that gave the verdict. */
typedef void (*sluice_log)(const char *line, size_t length, void *data);

/* What a supervisor does when nobody says otherwise. Start from SLUICE_OPTIONS_INIT. */
struct sluice_options {
	size_t size;            /* sizeof(struct sluice_options), for later fields */
	int default_errno;      /* verdict where there is none; 0 stands for EPERM */
	unsigned timeout_ms;    /* a request older than this fails; 0: no limit */
	unsigned workers;       /* threads behind sluice_work(); 0 stands for 4. A listener none
				 * of whose requests is with one gets one more */
	unsigned max_pending;   /* received and unanswered at once, over all listeners. 0 stands
				 * for 4096. A listener has at most as many as are left free
				 * (alone: half), then nothing is received from it */
	bool keeper;            /* a process that answers when this one was killed */
	const char *keeper_path;/* AF_UNIX path where a successor meets the keeper, or NULL */
	unsigned grace_ms;      /* how long the keeper waits for one; 0 stands for 500 */
	bool forbid_continue;   /* refuse every sluice_continue() */
	sluice_log log;         /* or NULL */
	void *log_data;
	struct sluice_error *error; /* filled when sluice_supervisor_new() fails, or NULL */
};
#define SLUICE_OPTIONS_INIT                                                              \
	{                                                                                \
		sizeof(struct sluice_options)                                            \
	}

/* Counters since the supervisor began; all are counts but where the name says more. */
struct sluice_statistics {
	uint64_t received;      /* requests taken from listeners */
	uint64_t replied;       /* sluice_reply and sluice_reply_fd that reached the target */
	uint64_t failed;        /* sluice_fail that reached the target */
	uint64_t continued;
	uint64_t defaulted;     /* no verdict, or the handler failed: default_errno */
	uint64_t timed_out;
	uint64_t gone;          /* the target died or was interrupted before the verdict */
	uint64_t replayed;      /* received by a predecessor and shown again */
	uint64_t descriptors;   /* installed in targets */
	uint64_t lost_receive;  /* woken, but the call was gone before it could be received */
	uint64_t pending;       /* received and unanswered now */
	uint64_t listeners;     /* alive now */
	uint64_t latency_ns_sum;/* receive to verdict, over all answered */
	uint64_t latency_ns_max;
	uint64_t latency_log2[40]; /* [i]: answered within 2^i ns and not within 2^(i-1) */
};

/* Make a supervisor. @options may be NULL for the defaults. The supervisor is the
 * caller's, to be freed. With @options->keeper a process is started (see
 * sluice_hand_over). Returns 0; -EINVAL on options that make no sense; -ENOSYS if the
 * kernel has no notifications (before 5.0); -EFBIG if RLIMIT_FSIZE does not let @options->max_pending
 * requests be kept; -EREMOTE for a keeper after unshare(CLONE_NEWPID): it
 * would be in the targets' namespace; else -errno. */
int sluice_supervisor_new(const struct sluice_options *options,
	struct sluice_supervisor **supervisor);

/* Answer whatever is pending with the default errno, call what was registered with
 * sluice_on_cancel(), wait for workers to finish what they are at, close the listeners. With a
 * keeper, targets that live on get the default errno from it; without, the kernel gives
 * them ENOSYS. NULL is allowed. Requests that were deferred may still be given their
 * (void) verdict afterwards. Not from a handler, a callback or a worker of @supervisor. */
void sluice_supervisor_free(struct sluice_supervisor *supervisor);

/* The one descriptor to poll for input in any event loop: when it is readable, call
 * sluice_dispatch(supervisor, 0). It stays the supervisor's. Never fails. */
int sluice_fd(const struct sluice_supervisor *supervisor);

/* Wait at most @timeout_ms (-1: for ever, 0: not at all) and handle what has come: at
 * most one request of each of 16 listeners. Returns how many requests were handled;
 * 0 after the time or when other work was done; -EINTR after a signal, whatever its
 * SA_RESTART; -EBUSY from inside a handler. */
int sluice_dispatch(struct sluice_supervisor *supervisor, int timeout_ms);

/* Dispatch until no listener and no OCI server is left; signals do not end it. Returns 0, or
 * -errno. No cancellation point of pthread_cancel(3): a busy listener that is all there is
 * to wait for is waited for in its own ioctl(2), without asking epoll first (kernel 6.11). */
int sluice_run(struct sluice_supervisor *supervisor);

/* The number of listeners with a living target. */
unsigned sluice_active(const struct sluice_supervisor *supervisor);

/* Serve the listener @fd, which becomes the supervisor's on success and is closed when
 * its last target has ended. @tag comes back in sluice_tag(). SYNC_WAKE_UP is set where
 * the kernel has it (6.6), and FD_CLOEXEC. Nobody else may receive from the same listener. Returns 0;
 * -EINVAL if @fd is no listener; -EEXIST if it is served already, by whatever number;
 * -ENOMEM; -ENOSPC for more than 1024 with a keeper. */
int sluice_add_listener(struct sluice_supervisor *supervisor, int fd, void *tag);

/* Set the tag of the @index-th listener in the order of adding, for a supervisor that took
 * over and cannot know its predecessor's pointers. -ENOENT if it is not (or no longer) there. */
int sluice_set_tag(struct sluice_supervisor *supervisor, unsigned index, void *tag);

/* Decide one request: give a verdict, or take it with sluice_defer() or sluice_work(), and
 * return 0. Without either, and after a negative return value, the target gets the
 * default errno; a request that the handler had deferred before it failed is then over for its
 * holder, who still gives the (void) verdict. */
typedef int (*sluice_handler)(struct sluice_request *request, void *data);

#define SLUICE_ANY (-1)

/* Call @handler for call @nr of architecture @arch (SCMP_ARCH_*; SCMP_ARCH_NATIVE is 0).
 * @nr SLUICE_ANY: for every call of every architecture that has no handler of its own.
 * A number is that number only: what socketcall(2) carries comes to sluice_on_name()'s.
 * Numbers of x32 carry their bit. A later handler replaces an earlier one, NULL removes.
 * Returns 0, -EINVAL, -ENOMEM. */
int sluice_on(struct sluice_supervisor *supervisor, uint32_t arch, int nr,
	sluice_handler handler, void *data);

/* The same by name, for the native architecture and those that its kernels also run
 * (x86_64: x86 and x32; aarch64: arm; ...), so that a 32-bit target finds no hole. On 32-bit
 * ABIs also for what does the same under another name there (sluice_sibling_next(),
 * SLUICE_SIBLING_ABI): "chown" meets chown32, "stat" stat64, "futex" futex_time64, "lseek"
 * _llseek. sluice_name() is then that name, and arguments and structures are that call's
 * (sluice_call_info()). A handler of that name or number itself comes first, and NULL for
 * @name alone does not remove it. The filter must notify those calls, too.
 * Where such programs (and those of s390x, ppc64) make the call through socketcall(2) or ipc(2),
 * its arguments are copied once and the handler sees the call itself: sluice_name() and
 * sluice_arg() are the unpacked call's, sluice_nr() stays the multiplexer's. A block of
 * arguments is memory: SLUICE_CONTINUE_ARGS is refused. What cannot be read, and what no handler
 * takes, gets the default errno. A handler of socketcall or ipc itself, by name or by number,
 * comes first and sees the call as it came, as does the one of SLUICE_ANY if
 * there is none for what is carried. sluice_on(3) says how ipc's calls differ.
 * -ENOENT if no architecture has the call. */
int sluice_on_name(struct sluice_supervisor *supervisor, const char *name,
	sluice_handler handler, void *data);

/* Copy the counters. Never fails. */
void sluice_statistics(struct sluice_supervisor *supervisor, struct sluice_statistics *out);

/* What one listener has of what all share. Set @size to sizeof(struct sluice_listener_statistics)
 * before a call. */
struct sluice_listener_statistics {
	size_t size;
	uint64_t received;      /* requests taken from it */
	uint64_t answered;      /* verdicts that reached its targets */
	uint64_t pending;       /* received and unanswered now */
	uint64_t working;       /* of those: with a worker, or next for one */
	uint64_t waiting;       /* of those: until others of it are through */
	bool paused;            /* at its share of max_pending */
};

/* Copy the counters of the @index-th listener in the order of adding, from 0 on. From the thread that
 * dispatches. -ENOENT if it is not (or no longer) there; -EINVAL if @out->size is too small. */
int sluice_listener_statistics(struct sluice_supervisor *supervisor, unsigned index,
	struct sluice_listener_statistics *out);

/* Send one JSON line a decision to @log, NULL for none. */
void sluice_set_log(struct sluice_supervisor *supervisor, sluice_log log, void *data);

/* ---- spawn ----------------------------------------------------------------------- */

#define SLUICE_KEEP ((unsigned)-1)

/* A program to run as a target. Start from SLUICE_CHILD_INIT; the outputs are set by
 * sluice_spawn(). */
struct sluice_child {
	size_t size;
	int stdin_fd, stdout_fd, stderr_fd; /* -1: the caller's own */
	char *const *envp;      /* NULL: the caller's */
	const char *cwd;        /* NULL: the caller's */
	uid_t uid;              /* SLUICE_KEEP: unchanged; else real, effective and saved, and
				 * @gid must be set, or @keep_gid */
	gid_t gid;              /* SLUICE_KEEP: unchanged; else also drops other groups but
				 * @groups */
	int no_new_privs;       /* -1: as the filter's SCMP_FLTATR_CTL_NNP; 0; 1 */
	bool wait_killable;     /* only a fatal signal ends a received call (kernel 5.19) */
	void *tag;
	struct sluice_error *error; /* filled on failure, or NULL */
	pid_t pid;              /* out: a child of the caller, who waits for it */
	int pidfd;              /* out: closed by sluice_child_release() */
	void *internal;         /* the library's */
	const gid_t *groups;    /* @n_groups supplementary groups, or NULL: none with @gid, else
				 * the caller's own */
	size_t n_groups;
	bool keep_gid;          /* another @uid is to have the caller's groups: those of root,
				 * mostly */
};
#define SLUICE_CHILD_INIT                                                                \
	{                                                                                \
		sizeof(struct sluice_child), -1, -1, -1, NULL, NULL, SLUICE_KEEP,        \
			SLUICE_KEEP, -1, false, NULL, NULL, -1, -1, NULL, NULL, 0, false \
	}

/* Start @argv under @filter, with its listener served by @supervisor. Any call may notify,
 * those of process start included: the listener is taken from the child without one (by
 * pidfd_getfd(2), or sent by a process that shares its descriptors where that is refused). Of
 * the filter's attributes NNP, TSYNC, LOG, SSB and WAITKILL are obeyed. @argv[0] is searched in
 * the caller's PATH. After the filter is loaded the child makes one call: execve (and
 * exit_group(127) if that fails), to be decided by a handler if the filter notifies it, which happens
 * in sluice_dispatch(), not here. Returns 0; -EINVAL for a @child->uid without a gid, or a size that
 * is none; -EFBIG: RLIMIT_FSIZE is below 32 KiB; -ENOENT if there is no such program; -EBUSY if
 * a filter that this process inherited has a listener; -EACCES without no_new_privs and
 * CAP_SYS_ADMIN; else -errno; the child is then gone and reaped. */
int sluice_spawn(struct sluice_supervisor *supervisor, scmp_filter_ctx filter,
	char *const argv[], struct sluice_child *child);

/* Dispatch until @child has ended, reap it, release it. @status as from waitpid(2), may be
 * NULL. Returns 0; -errno. If the program could not be executed, the errno of that. */
int sluice_wait(struct sluice_supervisor *supervisor, struct sluice_child *child,
	int *status);

/* Free what the library keeps of @child (its pidfd). The process is left alone. */
void sluice_child_release(struct sluice_child *child);

/* ---- requests: what is asked ------------------------------------------------------ */

uint64_t sluice_id(const struct sluice_request *request);    /* the kernel's id */
uint32_t sluice_arch(const struct sluice_request *request);  /* SCMP_ARCH_* (x32 told apart) */
int sluice_nr(const struct sluice_request *request);         /* as the kernel reports it */
void *sluice_tag(const struct sluice_request *request);      /* of the listener */

/* The call's name, or "?" if libseccomp does not know it. Of a call that was unpacked (see
 * sluice_on_name) the name of what was carried. The request's. */
const char *sluice_name(struct sluice_request *request);

/* Argument @i (0 to 5), cut to 32 bits for 32-bit architectures: the kernel delivers the
 * whole register of `int 0x80`. 0 for @i > 5, and for what an unpacked call does not have. */
uint64_t sluice_arg(const struct sluice_request *request, unsigned i);

/* Argument @i as the kernel reads an int: descriptors, flags, modes. The high half of the
 * register means nothing to it. */
int sluice_arg_int(const struct sluice_request *request, unsigned i);

/* True if a predecessor had received this call and may have acted on it. */
bool sluice_replayed(const struct sluice_request *request);

/* 0 while the target still waits; -ENOENT once it died, was interrupted or answered. */
int sluice_alive(struct sluice_request *request);

/* ---- requests: what memory says --------------------------------------------------- */
/* Each reads once and then checks that the call is still pending: a result is from the
 * target that asked, at a moment when it asked. It may differ from what memory says later:
 * act on the copy. Reading rules out SLUICE_CONTINUE_ARGS. All fail with -ENOENT when the
 * target is gone, -EFAULT on a bad address, -EPERM without ptrace access
 * (process_vm_readv(2), ptrace(2)), -ESRCH for targets outside this pid namespace. Where
 * process_vm_readv(2) itself is refused (container engines, gVisor) /proc/tid/mem serves: pages that
 * the target may not read are read then, too, as by a debugger. */

/* Copy up to @size bytes at @addr. Returns how many: fewer only where memory ends. */
ssize_t sluice_read(struct sluice_request *request, uint64_t addr, void *buffer, size_t size);

/* Copy a string, NUL included, into @buffer of @size. Reads no page that the string does
 * not reach. Returns its length; -ENAMETOOLONG without a NUL within @size. */
ssize_t sluice_read_string(struct sluice_request *request, uint64_t addr, char *buffer,
	size_t size);

/* Write to the target. Returns how many bytes: fewer only where memory ends. Read-only pages
 * of its own are written to as by a debugger (proc_pid_mem(5)), which the kernel itself
 * would refuse with EFAULT. What other threads of the target do with it is theirs. */
ssize_t sluice_write(struct sluice_request *request, uint64_t addr, const void *buffer,
	size_t size);

/* Copy the address that arguments @addr_arg and @len_arg point at. Returns its length, the
 * rest of @address is zero; -EINVAL if it is longer than sockaddr_storage or negative. */
int sluice_read_sockaddr(struct sluice_request *request, unsigned addr_arg, unsigned len_arg,
	struct sockaddr_storage *address);

/* Copy @count iovecs at @addr, of the target's word size; iov_base are the target's
 * addresses. Returns 0; -EINVAL above 1024 (IOV_MAX) or when lengths overflow. */
int sluice_read_iovec(struct sluice_request *request, uint64_t addr, size_t count,
	struct iovec *iov);

/* Copy what @count iovecs (from sluice_read_iovec) point at, up to @size bytes in all.
 * Returns how many. */
ssize_t sluice_gather(struct sluice_request *request, const struct iovec *iov, size_t count,
	void *buffer, size_t size);

/* A message header, copied. @control is in the native layout (CMSG_* macros work) whatever
 * the target's; descriptors in it are the target's numbers. */
struct sluice_msghdr {
	struct sockaddr_storage name;
	socklen_t name_length;
	size_t iov_count;
	struct iovec *iov;      /* addresses in the target */
	size_t control_length;
	void *control;
	int flags;
};

/* Copy the struct msghdr at @addr, its name, iovecs and control data (at most 64 KiB).
 * Free it with sluice_msghdr_free(). */
int sluice_read_msghdr(struct sluice_request *request, uint64_t addr,
	struct sluice_msghdr *message);
void sluice_msghdr_free(struct sluice_msghdr *message);

/* Copy openat2(2)'s structure by the kernel's rules: -EINVAL below 24 bytes, -E2BIG for
 * non-zero bytes behind the fields known here or more than a page. */
int sluice_read_open_how(struct sluice_request *request, uint64_t addr, size_t size,
	struct open_how *how);

/* ---- requests: who asks ------------------------------------------------------------ */
/* Descriptors that these return stay the request's and last until its verdict. Within a
 * request each is opened once; a pidfd is kept across requests until the thread dies. Root,
 * working directory and what is opened by them rule out SLUICE_CONTINUE_ARGS: threads that share
 * them can change them. */

struct sluice_creds {
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
};

pid_t sluice_tid(const struct sluice_request *request); /* 0: not in our pid namespace */
pid_t sluice_tgid(struct sluice_request *request);      /* or -errno */
int sluice_pidfd(struct sluice_request *request);       /* of the thread (kernel 6.9), else of its process */
int sluice_creds(struct sluice_request *request, struct sluice_creds *creds);
ssize_t sluice_exe(struct sluice_request *request, char *path, size_t size); /* its length */
int sluice_root_fd(struct sluice_request *request);     /* O_PATH */
int sluice_cwd_fd(struct sluice_request *request);      /* O_PATH */
int sluice_mem_fd(struct sluice_request *request);      /* /proc/tid/mem */

/* A duplicate of the target's descriptor @target_fd, the caller's to close (close on exec).
 * It is the target's open file: offset and flags are shared. Rules out
 * SLUICE_CONTINUE_ARGS, for other threads can replace descriptors. To close it may take long: if the
 * target closed its own meanwhile, close(2) of a socket lingers, of a file of the target's own file system
 * waits for its server. Not in the loop's thread, therefore; paths need no such descriptor. pidfd_getfd(2). */
int sluice_get_fd(struct sluice_request *request, int target_fd);

/* ---- paths -------------------------------------------------------------------------- */
/* A target that can mount a file system of its own making (FUSE) can hold up whoever looks into
 * it or reads memory mapped from it; one that may use userfaultfd(2) for faults of the kernel,
 * whoever reads its memory. For such targets use sluice_work() and a timeout. */

/* Open @path (a copy) as the target would name it: from its @dirfd (AT_FDCWD: its working
 * directory), inside its root, /proc/self being the target, magic links only those of
 * the target's own process (-EACCES for others, wherever they are mounted). Permissions are
 * this process's; what is created has its user and group, and both umasks are applied (077 where the
 * target's cannot be read). @how as in openat2(2); its resolve flags RESOLVE_NO_SYMLINKS and
 * RESOLVE_NO_MAGICLINKS are honoured, others -EINVAL. The work is bounded and ends early when
 * the target has gone or the request is late. The caller owns the result (close on exec).
 * Never waits for a FIFO or device: -EAGAIN then, having opened nothing (see
 * sluice_open_reply). -EREMOTE: what is there means one thing in the target's namespaces and another in
 * ours (/proc/sys and /proc/sysvipc, a tun device, files of cgroups to be written), and it has its own;
 * sluice_open_parent() says so, too. Errors of openat2(2), -ELOOP, -ENOENT. */
int sluice_openat(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how);

/* Open (O_PATH) the directory that holds the last component of @path and copy that
 * component into @last of at least 256 bytes ("." if the path ends there; never with a
 * slash): for mkdirat(2) and its like on a directory that was looked at. */
int sluice_open_parent(struct sluice_request *request, int dirfd, const char *path,
	char *last, size_t size);

/* sluice_openat() and sluice_reply_fd() in one. What may wait (a FIFO, a device) is opened
 * by a process of its own (256 at once, then -EAGAIN), which is killed when the target goes
 * or the request is late, and reaped by the loop. What is opened is what was looked at.
 * @flags as for sluice_reply_fd(). Consumes @request unless it returns an error; call
 * sluice_fail() then. */
int sluice_open_reply(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, unsigned flags);

/* 1 if directory @fd is @ancestor or below it in the file system, by identity and not by name; 0
 * if not, if it cannot be known, and wherever a mount lies between them, for a target can mount
 * anything below (a bind of "/", in a namespace of its own). A copy of @ancestor's mount in the target's
 * namespace will do. What is then opened in @fd needs RESOLVE_NO_XDEV, see sluice_openat(3). */
int sluice_is_beneath(int ancestor, int fd);

/* ---- verdicts: exactly one a request ------------------------------------------------- */
/* Each consumes @request (it must not be used afterwards) whatever it returns, unless said
 * otherwise. -ENOENT: the target died or was interrupted meanwhile (nothing to do). -ETIMEDOUT:
 * it was late and the target has got the default errno. -EALREADY: it has a verdict. A second verdict
 * on a request that was deferred is a mistake, but is refused so as long as no 4096 others have been
 * deferred since; it never answers another call before. AddressSanitizer sees it. */

/* Answer a notification with a value.
 *
 * Consumes @request. The target's call returns @value. Returns 0; -ENOENT if the
 * target died or was interrupted meanwhile (nothing to do); other -errno if the
 * kernel refused. Source: seccomp_unotify(2), SECCOMP_IOCTL_NOTIF_SEND. */
int sluice_reply(struct sluice_request *request, int64_t value);

/* The call fails with @errnum (1 to 4095, either sign; else the default errno). */
int sluice_fail(struct sluice_request *request, int errnum);

#define SLUICE_FD_CLOEXEC 1u

/* Install a duplicate of @fd in the target, whose call returns its number. @fd stays the
 * caller's. @flags: SLUICE_FD_CLOEXEC. No signal can come between: with
 * wait_killable the descriptor is installed and then the call answered; otherwise both are one
 * step (kernel 5.14) with this thread's signals blocked. If the target can take no more
 * descriptors it gets that errno, which is returned too; so it is with EBADF for an O_PATH
 * descriptor, which the kernel does not install. SECCOMP_IOCTL_NOTIF_ADDFD. */
int sluice_reply_fd(struct sluice_request *request, int fd, unsigned flags);

/* Why it is sound to let the kernel run the call, which reads its pointers again. */
enum sluice_continue_reason {
	SLUICE_CONTINUE_ARGS = 1,     /* nothing but register values was looked at */
	SLUICE_CONTINUE_ADVISORY = 2, /* no boundary: the kernel's own checks decide */
};

/* Let the call run as if there were no filter. -EPERM, and @request not consumed, if
 * memory or descriptors were read and @reason is SLUICE_CONTINUE_ARGS, or if the options
 * forbid it; -EINVAL for an unknown reason, not consumed; -EOPNOTSUPP before kernel 5.5 (the target gets
 * the default errno). */
int sluice_continue(struct sluice_request *request, enum sluice_continue_reason reason);

/* ---- later ----------------------------------------------------------------------------- */

/* Keep @request beyond the handler. It is then the caller's, for any thread, until its
 * verdict; a verdict must be given even when it is late. Returns @request. */
struct sluice_request *sluice_defer(struct sluice_request *request);

/* Run @handler(@request, @data) on one of the supervisor's workers. Takes the request; for a
 * handler: return sluice_work(request, slow, data). The handler does not run, and @data is the caller's
 * to find, if the request ends while it waits for a worker: use sluice_work_owned() for data of its own. -ENOMEM, -EAGAIN: not taken, no thread can
 * be had; -ESHUTDOWN: not taken, the supervisor is being freed. */
int sluice_work(struct sluice_request *request, sluice_handler handler, void *data);

/* The same with data that is the library's from then on: @release(@data) is called once, after the
 * handler has returned, or instead of it when the request ends before a worker comes to it (its time
 * is up, the supervisor is freed or hands over), in whatever thread that is. Not taken: @data stays the
 * caller's. */
int sluice_work_owned(struct sluice_request *request, sluice_handler handler, void *data,
	void (*release)(void *data));

/* Give this request @timeout_ms from now (0: no limit) instead of the supervisor's. -EAGAIN: no
 * thread can be had for the clock; -ENOENT: the supervisor was freed. */
int sluice_set_timeout(struct sluice_request *request, unsigned timeout_ms);

/* Call @cancel once, in sluice_dispatch() or sluice_supervisor_free(), if the target of a
 * deferred request (or one with a worker) goes away, its time is up, or the supervisor is freed
 * or hands over before the verdict. The holder still gives the (void) verdict; once that has
 * returned, @cancel does not run and @data is the holder's to end. It must not wait for the
 * holder. -ENOENT: it is over; -EAGAIN: no thread can be had for the clock. */
int sluice_on_cancel(struct sluice_request *request,
	void (*cancel)(struct sluice_request *request, void *data), void *data);

/* ---- hand-over ------------------------------------------------------------------------- */

/* Give every listener and the journal of received calls to the process at the other end of
 * @socket (AF_UNIX), which must run sluice_take_over(). Deferred requests are shown to it again,
 * their verdicts here become void (-ENOENT) and what was registered with sluice_on_cancel() is
 * called. Blocks until it has them, and targets with it: at most 10 s for each step, or what
 * SO_RCVTIMEO and SO_SNDTIMEO of @socket say; -ETIMEDOUT then. Afterwards the supervisor serves
 * nothing and can only be freed. -errno: it goes on as before. */
int sluice_hand_over(struct sluice_supervisor *supervisor, int socket);

/* Take over from a supervisor in sluice_hand_over(), or from a keeper (socket from
 * sluice_keeper_connect), with the options that were theirs. Blocks; with a keeper whose supervisor
 * lives, until that one dies. Register handlers, then dispatch (sluice_fd() is readable if
 * there is anything to show): calls that were received and not answered come first, marked
 * sluice_replayed(); if the predecessor was in another pid namespace their sluice_tid() is 0. The socket
 * stays the caller's. -ECANCELED if the predecessor went on. */
int sluice_take_over(int socket, struct sluice_supervisor **supervisor);

/* Connect to the keeper at @path (options.keeper_path). Returns a socket for sluice_take_over().
 * The keeper refuses other users but root, and everybody who has a seccomp filter, for such a process
 * may be a target (sluice_hand_over(3)): those bring a pass. */
int sluice_keeper_connect(const char *path);

/* A pass to the keeper of @supervisor: with it whoever holds it may take over once the supervisor is
 * gone, filters or not. For a successor that is filtered: leave it where the successor finds it and no
 * target does (a parent that starts both, the file descriptor store of a service manager). Returns a
 * descriptor, the caller's (close on exec), good as long as the keeper lives; an earlier pass is void
 * then. -EINVAL without a keeper; -errno. */
int sluice_keeper_pass(struct sluice_supervisor *supervisor);

/* As sluice_keeper_connect(), with a pass. @pass stays the caller's, for more tries. -EPIPE: its
 * keeper has ended, or another pass was made. */
int sluice_keeper_connect_pass(int pass);

/* ---- containers ------------------------------------------------------------------------ */

/* A container process whose runtime offers its listener (OCI runtime specification, seccomp
 * listenerPath). All strings are the library's, for the call. */
struct sluice_container {
	const char *id, *bundle, *status; /* "" if missing */
	const char *metadata;   /* listenerMetadata, or "" */
	const char *state_json; /* the whole document */
	pid_t pid;              /* of the container's process, as the runtime says it */
	pid_t peer_pid;         /* who connected, as the kernel says it */
	uid_t peer_uid;
	void *tag;              /* to set: for sluice_tag() */
};

/* Look at a container. 0: its listener is served with tag @container->tag. Negative: every
 * notified call of it gets the default errno (closing the listener would give ENOSYS). Asked
 * once a listener: one that is sent again stays what it was. */
typedef int (*sluice_container_cb)(struct sluice_supervisor *supervisor,
	struct sluice_container *container, void *data);

/* Listen on @path (a socket is made there, mode 0600; a dead one is replaced) for runtimes
 * such as runc and crun. After sluice_take_over() the predecessor's socket at the same @path goes
 * on, with the runtimes that wait there. Up to 8 listeners a connection are kept and refused
 * unless the callback takes one. -EADDRINUSE if somebody else serves @path. */
int sluice_listen_oci(struct sluice_supervisor *supervisor, const char *path,
	sluice_container_cb callback, void *data);

#ifdef __cplusplus
}
#endif
#endif
