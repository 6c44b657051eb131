/* libsluice: supervisors for seccomp user notifications.
 * SPDX-License-Identifier: MIT
 *
 * A system call of a target stops, the supervisor receives a request, and a handler gives one
 * verdict. The library handles signals, exits, reused ids, memory that changes while it is
 * read, lost descriptors, and calls that nobody answers. A request without a verdict fails
 * with the default errno of the supervisor. No call is allowed by default.
 *
 * Threads: one thread uses a supervisor, the thread that dispatches. One other thread at a
 * time may use a deferred request, and may call every function that takes a request.
 * Functions return 0 (or what their comment says) on success and -errno on failure. They
 * write their outputs only on success. No function prints, aborts, or changes the state of
 * signals. seccomp_unotify(2) describes what the kernel does. */
#ifndef SLUICE_H
#define SLUICE_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

struct open_how;
struct sock_fprog;
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

/* One JSON object of one decision, without a newline. The library owns @line, which ends with
 * NUL and is valid during the call. Called in the thread that gave the verdict; this can be a
 * worker or, after a timeout, a thread of the library. Several threads may call it at once. */
typedef void (*sluice_log)(const char *line, size_t length, void *data);

/* Options of a supervisor. Start from SLUICE_OPTIONS_INIT. */
struct sluice_options {
	size_t size;            /* sizeof(struct sluice_options), for later fields */
	int default_errno;      /* for requests without a verdict. Default (0): EPERM */
	unsigned timeout_ms;    /* a request older than this fails. Default (0): no limit */
	unsigned workers;       /* threads for sluice_work(). Default (0): 4. If all are busy, a
				 * listener without a worker gets one more thread */
	unsigned max_pending;   /* limit of unanswered requests, of all listeners together. Default
				 * (0): 4096. One listener may use at most half of what the
				 * other listeners leave; then the supervisor receives nothing
				 * more from it until one of its share is free again */
	bool keeper;            /* start a process that answers if this one is killed */
	const char *keeper_path;/* AF_UNIX path where a successor meets the keeper, or NULL */
	unsigned grace_ms;      /* how long the keeper waits for a successor. Default (0): 500. It
				 * does not wait if @keeper_path is NULL */
	bool forbid_continue;   /* refuse every sluice_continue() */
	sluice_log log;         /* or NULL */
	void *log_data;
	struct sluice_error *error; /* filled when sluice_supervisor_new() fails, or NULL */
	bool receive_waits;     /* sluice_dispatch() may wait longer than its timeout: see there */
};
#define SLUICE_OPTIONS_INIT                                                              \
	{                                                                                \
		sizeof(struct sluice_options), 0, 0, 0, 0, false, NULL, 0, false, NULL,  \
			NULL, NULL, false                                                \
	}

/* Counters since the supervisor was created. Names with _ns are nanoseconds. Set @size to
 * sizeof(struct sluice_statistics) before a call. */
struct sluice_statistics {
	size_t size;
	uint64_t received;      /* requests taken from listeners */
	uint64_t replied;       /* sluice_reply and sluice_reply_fd that reached the target */
	uint64_t failed;        /* sluice_fail that reached the target */
	uint64_t continued;
	uint64_t defaulted;     /* no verdict, or the handler failed: default_errno */
	uint64_t timed_out;
	uint64_t gone;          /* the target died or was interrupted before the verdict */
	uint64_t replayed;      /* received by the old supervisor and shown again */
	uint64_t descriptors;   /* installed in targets */
	uint64_t lost_receive;  /* the call was gone before it could be received */
	uint64_t pending;       /* received and unanswered now */
	uint64_t listeners;     /* alive now */
	uint64_t latency_ns_sum;/* receive to verdict, over all answered */
	uint64_t latency_ns_max;
	uint64_t latency_log2[40]; /* [i]: answered within 2^i ns and not within 2^(i-1) */
};

/* Create a supervisor. @options may be NULL for the defaults. The caller frees it.
 * @options->keeper starts a process (see sluice_hand_over). Returns 0; -EINVAL if an option is
 * out of range (default_errno above 4095, workers above 1024, max_pending above 2^20,
 * keeper_path of 108 bytes or more) or keeper_path is set without keeper; -ENAMETOOLONG if there is no
 * room for the number of a process behind keeper_path; -EADDRINUSE if keeper_path is bound
 * already, or is a file that is not a socket; -EACCES if it is a socket to which the caller may not connect; -ENOSYS if the kernel has no notifications (before 5.0),
 * memfd_create(2), eventfd2(2) or, for a keeper, pidfd_open(2); -EFBIG
 * if RLIMIT_FSIZE is too low for the journal of @options->max_pending requests; -EREMOTE
 * for a keeper after unshare(CLONE_NEWPID), because it would be in the namespace of the
 * targets; else -errno. */
int sluice_supervisor_new(const struct sluice_options *options,
	struct sluice_supervisor **supervisor);

/* Answer all pending requests with the default errno, call the functions of
 * sluice_on_cancel(), wait for workers to finish their current requests, close the
 * listeners. Later calls of targets fail with the default errno if there is a keeper, and
 * with ENOSYS if there is none. NULL is allowed. Holders of deferred requests still give
 * their (void) verdicts afterwards. Do not call it from a handler, a callback or a worker
 * of @supervisor. */
void sluice_supervisor_free(struct sluice_supervisor *supervisor);

/* The descriptor to poll for input in an event loop. When it is readable, call
 * sluice_dispatch(supervisor, 0). The supervisor owns it. Never fails. */
int sluice_fd(const struct sluice_supervisor *supervisor);

/* Wait at most @timeout_ms (-1: without limit, 0: not at all) and handle what has come: at
 * most one request of each of 16 listeners. Returns the number of handled requests, which
 * is 0 after the timeout and after other work; -EINTR after a signal, even with SA_RESTART;
 * -EBUSY from a handler; -ESHUTDOWN after a hand-over.
 *
 * With the option receive_waits, a call with a timeout other than 0, after one that handled a
 * request of the only listener, waits in its ioctl(2), as sluice_run() does. The timeout does
 * not end this wait, nor a signal whose handler has SA_RESTART, nor a signal that comes just
 * before the wait. A caller that has to return needs a timer that sends signals periodically,
 * and a handler without SA_RESTART. */
int sluice_dispatch(struct sluice_supervisor *supervisor, int timeout_ms);

/* Dispatch until no listener and no OCI server is left. Before Linux 6.11 a listener goes only when its
 * last target has been reaped: reap those that this process started, with sluice_wait() before or in
 * another thread, or this does not return. Signals do not end it. Returns 0 or
 * -errno. Not a cancellation point of pthread_cancel(3). If one busy listener is all there
 * is to wait for, it waits in the ioctl(2) of that listener and skips epoll (kernel 6.11). */
int sluice_run(struct sluice_supervisor *supervisor);

/* The number of listeners with a living target; before Linux 6.11, with one that is not reaped. */
unsigned sluice_active(const struct sluice_supervisor *supervisor);

/* Serve the listener @fd. On success the supervisor owns @fd, and closes it after the last
 * target has ended. sluice_tag() returns @tag. Sets FD_CLOEXEC, and SYNC_WAKE_UP if the
 * kernel has it (6.6). No other process may receive from the same listener. Returns 0;
 * -EBADF if @fd is not open; -EINVAL if it is not a listener; -EEXIST if this supervisor already
 * serves the listener, under any number; -ENOMEM; -ENOSPC for more than 1024 with a keeper;
 * -EPIPE if the keeper was killed and another one cannot be started; -ESHUTDOWN after a hand-over. */
int sluice_add_listener(struct sluice_supervisor *supervisor, int fd, void *tag);

/* Set the tag of the listener that was added as number @index, from 0 on. The number stays the
 * same when other listeners end and in a supervisor that takes over. Such a supervisor needs
 * this, because pointers of the old one mean nothing to it. -ENOENT if there is no such listener
 * (any more). */
int sluice_set_tag(struct sluice_supervisor *supervisor, unsigned index, void *tag);

/* Limit the unanswered requests of the listener number @index to @max_pending (0: no limit of its own).
 * At its limit the supervisor receives nothing more from it. It never gets more than its share of
 * sluice_options.max_pending. Requests above a lower limit stay. A supervisor that takes over does not
 * know the limit. Call this and the next two functions in the thread that dispatches. -ENOENT if
 * there is no such listener (any more); the next two also say so while the callback of
 * sluice_listen_oci() has not decided about it. */
int sluice_limit_listener(struct sluice_supervisor *supervisor, unsigned index,
	unsigned max_pending);

/* From now on every call of the targets of the listener number @index fails with the default errno.
 * Requests that have no verdict yet still get that of their handler. A keeper and a supervisor
 * that takes over go on refusing. -ENOENT if there is no such listener (any more). */
int sluice_refuse_listener(struct sluice_supervisor *supervisor, unsigned index);

/* Stop serving the listener number @index, and close it. Its unanswered requests get the default
 * errno, and functions of sluice_on_cancel() are called in the next dispatch. A verdict that another
 * thread is sending still arrives. Later calls of its targets fail with ENOSYS: that is what the
 * kernel says if nobody has the listener. A handler may call it, even for the listener of its own
 * request, whose verdict is then void. -ENOENT if there is no such listener (any more); -EMFILE, and
 * nothing changes, if its descriptor is above RLIMIT_NOFILE by now. Source: seccomp_unotify(2). */
int sluice_remove_listener(struct sluice_supervisor *supervisor, unsigned index);

/* What sluice_on_listener_end() calls. */
typedef void (*sluice_listener_end)(unsigned index, void *tag, void *data);

/* Call @ended once for each listener that has ended: the last target died, it was removed or handed
 * over, or the supervisor was freed, and none of its requests is left. Nothing uses @tag afterwards:
 * free it here. @tag is the last one that was set, and NULL for a listener of sluice_listen_oci() that
 * was not accepted. The thread that lets go of the listener last calls it, and holds no lock of the
 * library; this is the one that dispatches, hands over or frees, a worker, or the holder of a deferred
 * request, which may be after sluice_supervisor_free() has returned. So it must not use the
 * supervisor. NULL: do not. A function that was replaced may still run in another thread: free what it
 * uses after its listeners have ended. */
void sluice_on_listener_end(struct sluice_supervisor *supervisor, sluice_listener_end ended,
	void *data);

/* Decide one request: give a verdict, or keep the request with sluice_defer() or
 * sluice_work(), and return 0. If the handler does neither, the target gets the default errno.
 * After a verdict the return value has no effect. If the handler keeps the request and then
 * returns a negative value, the target gets the default errno, and the holder of a deferred
 * request must still give a verdict, which is then void. */
typedef int (*sluice_handler)(struct sluice_request *request, void *data);

#define SLUICE_ANY (-1)

/* Call @handler for call @nr of architecture @arch (SCMP_ARCH_*; SCMP_ARCH_NATIVE is 0).
 * SLUICE_ANY as @nr: every call of every architecture that has no handler of its own.
 * Calls that socketcall(2) carries go to handlers of sluice_on_name(), not to this one.
 * Numbers of x32 include their bit. A later handler replaces an earlier one; NULL removes
 * it. Returns 0; -EINVAL for a negative @nr other than SLUICE_ANY; -ENOMEM. */
int sluice_on(struct sluice_supervisor *supervisor, uint32_t arch, int nr,
	sluice_handler handler, void *data);

/* The same by name, for the native architecture and those that its kernels also run
 * (x86_64: x86 and x32; aarch64: arm; ...), so a 32-bit target cannot avoid the handler. On
 * 32-bit ABIs it is also registered for calls that do the same under another name
 * (sluice_sibling_next(), SLUICE_SIBLING_ABI): "chown" also means chown32, "stat" stat64,
 * "futex" futex_time64, "lseek" _llseek. sluice_name() is then that other name, and arguments
 * and structures are those of that call (sluice_call_info()). A handler that is registered for
 * the other name or its number comes first, and removing @name alone does not remove it. The
 * filter must notify these calls, too.
 * If a program makes the call through socketcall(2) or ipc(2), its arguments are copied once
 * and the handler sees the call itself: sluice_name() and sluice_arg() belong to the
 * unpacked call, sluice_nr() to the multiplexer. Arguments in memory rule out
 * SLUICE_CONTINUE_ARGS. The target gets the default errno if its arguments cannot be read or
 * no handler is found. A handler of socketcall or ipc itself, by name or by number, comes
 * first and sees the call as it came. The handler of SLUICE_ANY comes last and also sees
 * the call as it came. sluice_on(3) says how calls of ipc differ.
 * -ENOENT if no architecture has the call. */
int sluice_on_name(struct sluice_supervisor *supervisor, const char *name,
	sluice_handler handler, void *data);

/* Copy the counters. Returns 0; -EINVAL if @out->size is too small. */
int sluice_statistics(struct sluice_supervisor *supervisor, struct sluice_statistics *out);

/* Counters of one listener. Set @size to sizeof(struct sluice_listener_statistics) before a call. */
struct sluice_listener_statistics {
	size_t size;
	uint64_t received;      /* requests taken from it */
	uint64_t answered;      /* verdicts that reached its targets */
	uint64_t pending;       /* received and unanswered now */
	uint64_t working;       /* pending requests with a worker, or next for one */
	uint64_t waiting;       /* pending requests that wait for others of this listener */
	bool paused;            /* it has reached its share of max_pending */
};

/* Copy the counters of the @index-th listener, in the order of adding, from 0 on. Call it in the
 * thread that dispatches. -ENOENT if there is no such listener (any more); -EINVAL if @out->size is
 * too small. */
int sluice_listener_statistics(struct sluice_supervisor *supervisor, unsigned index,
	struct sluice_listener_statistics *out);

/* Call @log with one JSON object for each decision. NULL: do not. */
void sluice_set_log(struct sluice_supervisor *supervisor, sluice_log log, void *data);

/* ---- spawn ----------------------------------------------------------------------- */

#define SLUICE_KEEP ((unsigned)-1)

/* A program to run as a target. Start from SLUICE_CHILD_INIT; the outputs are set by
 * sluice_spawn(). */
struct sluice_child {
	size_t size;
	int stdin_fd, stdout_fd, stderr_fd; /* Default (-1): those of the caller */
	char *const *envp;      /* Default (NULL): that of the caller */
	const char *cwd;        /* Default (NULL): that of the caller */
	uid_t uid;              /* real, effective and saved. Default (SLUICE_KEEP): unchanged. If
				 * it is set, @gid or @keep_gid must be set, too, and the
				 * program gets no ambient capabilities of the caller */
	gid_t gid;              /* Default (SLUICE_KEEP): unchanged. If it is set, all other groups
				 * except @groups are dropped */
	int no_new_privs;       /* 0 or 1. Default (-1): SCMP_FLTATR_CTL_NNP of the filter */
	bool wait_killable;     /* only a fatal signal ends a received call (kernel 5.19) */
	void *tag;
	struct sluice_error *error; /* filled on failure, or NULL */
	pid_t pid;              /* out: a child of the caller, who waits for it; -1: none */
	int pidfd;              /* out: closed by sluice_child_release() */
	void *internal;         /* for the library only */
	const gid_t *groups;    /* @n_groups supplementary groups. Default (NULL): none if @gid is
				 * set, else those of the caller */
	size_t n_groups;
	bool keep_gid;          /* keep the groups of the caller, even though @uid is set; if the
				 * caller is root, these are the groups of root */
	const struct sock_fprog *program; /* a BPF program in place of the filter, or NULL */
	int landlock_fd;        /* a ruleset of landlock_create_ruleset(2) that the child enforces
				 * before the filter; stays the caller's; -1: none */
};
#define SLUICE_CHILD_INIT                                                                \
	{                                                                                \
		sizeof(struct sluice_child), -1, -1, -1, NULL, NULL, SLUICE_KEEP,        \
			SLUICE_KEEP, -1, false, NULL, NULL, -1, -1, NULL, NULL, 0, false,\
			NULL, -1                                                         \
	}

/* Start @argv under @filter, or under @child->program. @supervisor serves its listener. The
 * filter may notify any call, even those that start a process: the child makes no call to pass
 * the listener on. The supervisor takes it with pidfd_getfd(2), or, if that is refused, gets it
 * from a thread of the child that has no filter and ends before the program starts. The
 * attributes NNP, LOG, SSB and WAITKILL of the filter are obeyed; TSYNC changes nothing, because
 * the program starts with one thread. @argv[0] is searched
 * for in the PATH of the caller. After it has loaded the filter the child makes one call:
 * execve (and exit_group(127) if that fails); before it futex and write, if the filter allows
 * them. If the filter notifies execve, a handler
 * decides it in sluice_dispatch(), not here. Call it in the thread that dispatches: it reads and changes the
 * list of listeners. Returns 0; -EINVAL for a @child->uid without a gid,
 * for a wrong @child->size, and if the kernel refuses the filter or wait_killable; -EFBIG if
 * RLIMIT_FSIZE is below 32 KiB; -ENOENT if there is no such program; -EBUSY if a filter that
 * this process inherited has a listener; -EACCES if the child has neither no_new_privs nor
 * CAP_SYS_ADMIN; -ECHILD if it died before its filter was loaded; -ETIMEDOUT if it was not ready
 * within 10 s; -EPIPE if the keeper was killed and another one cannot be started; else -errno. After a failure the child has ended and was reaped, and @child->pid is -1. If
 * it cannot end within a second (inside a FUSE file system whose server does not answer), it has been
 * killed, and @child->pid is its id: the caller waits for it. */
int sluice_spawn(struct sluice_supervisor *supervisor, scmp_filter_ctx filter,
	char *const argv[], struct sluice_child *child);

/* Dispatch until @child has ended, reap it, release it. A child with a tracer can be reaped after
 * this has seen its end; until then the function dispatches. @status is as from waitpid(2) and may
 * be NULL. Returns 0; the -errno of execve(2), or of the step before it that failed, if the program
 * was not executed, after reaping and releasing @child (@child->pidfd is -1 then); -EINVAL if it was
 * not started or is released; else -errno, and then @child is neither reaped nor released. */
int sluice_wait(struct sluice_supervisor *supervisor, struct sluice_child *child,
	int *status);

/* Free what the library keeps of @child (its pidfd). Does not touch the process. */
void sluice_child_release(struct sluice_child *child);

/* ---- requests: what is asked ------------------------------------------------------ */

uint64_t sluice_id(const struct sluice_request *request);    /* the kernel's id */
uint32_t sluice_arch(const struct sluice_request *request);  /* SCMP_ARCH_* (x32 told apart) */
int sluice_nr(const struct sluice_request *request);         /* as the kernel reports it */
void *sluice_tag(const struct sluice_request *request);      /* of the listener */
unsigned sluice_listener(const struct sluice_request *request); /* its number: sluice_set_tag() */

/* The name of the call, or "?" if libseccomp does not know it. For an unpacked call (see
 * sluice_on_name), the name of the carried call. The request owns the string. */
const char *sluice_name(struct sluice_request *request);

/* Argument @i (0 to 5), cut to 32 bits for 32-bit architectures, because the kernel delivers
 * the whole register of `int 0x80`. 0 for @i > 5, and for arguments that an unpacked call
 * does not have. */
uint64_t sluice_arg(const struct sluice_request *request, unsigned i);

/* Argument @i as the kernel reads an int: for descriptors, flags, modes. The kernel ignores the
 * upper half of the register. */
int sluice_arg_int(const struct sluice_request *request, unsigned i);

/* True if the old supervisor had received this call, and may have acted on it. */
bool sluice_replayed(const struct sluice_request *request);

/* 0 while the target waits; -ENOENT after it died, was interrupted or got its verdict. */
int sluice_alive(struct sluice_request *request);

/* ---- requests: what memory says --------------------------------------------------- */
/* Each function reads once and then checks that the call is still pending. The result is
 * therefore from the target that made the call. The memory may change later: act on the copy.
 * Reading rules out SLUICE_CONTINUE_ARGS. All fail with -ENOENT if the target is gone,
 * -EFAULT on a bad address, -EPERM without ptrace access (process_vm_readv(2), ptrace(2)),
 * -ESRCH for targets outside this pid namespace. If process_vm_readv(2) itself is refused
 * (container engines, gVisor), they read /proc/tid/mem, which also reads pages that the target
 * itself may not read, as a debugger does. */

/* Copy up to @size bytes at @addr. Returns how many: fewer only where memory ends. */
ssize_t sluice_read(struct sluice_request *request, uint64_t addr, void *buffer, size_t size);

/* Copy a string, NUL included, into @buffer of @size. Reads no page that the string does
 * not reach. Returns its length; -ENAMETOOLONG without a NUL within @size. */
ssize_t sluice_read_string(struct sluice_request *request, uint64_t addr, char *buffer,
	size_t size);

/* Write to the target. Returns how many bytes: fewer only where memory ends. Also writes to
 * read-only pages, as a debugger does (proc_pid_mem(5)); the kernel itself would fail with
 * EFAULT there. Other threads of the target may change the result at any time. -ENOENT: the call is
 * over. Nothing is written then, unless it ended at that very moment. */
ssize_t sluice_write(struct sluice_request *request, uint64_t addr, const void *buffer,
	size_t size);

/* Copy a socket address: argument @addr_arg points to it, and argument @len_arg is its length.
 * The rest of @address becomes zero. Returns the length; -EINVAL if it is negative or longer than
 * sockaddr_storage. */
int sluice_read_sockaddr(struct sluice_request *request, unsigned addr_arg, unsigned len_arg,
	struct sockaddr_storage *address);

/* Write a socket address where accept(2), getsockname(2) and recvfrom(2) put it: at most as many bytes
 * at @addr as the int at @len_addr says, and then @length to @len_addr, even if the address was cut.
 * Does nothing if @addr is 0. Returns 0; -EINVAL if the int is negative. Source: net/socket.c,
 * move_addr_to_user(). */
int sluice_write_sockaddr(struct sluice_request *request, uint64_t addr, uint64_t len_addr,
	const struct sockaddr_storage *address, socklen_t length);

/* Copy @count iovecs at @addr, of the target's word size; iov_base are the target's
 * addresses. Returns 0; -EINVAL above 1024 (IOV_MAX) or when lengths overflow. */
int sluice_read_iovec(struct sluice_request *request, uint64_t addr, size_t count,
	struct iovec *iov);

/* Copy what @count iovecs (from sluice_read_iovec) point at, up to @size bytes in all.
 * Returns how many. */
ssize_t sluice_gather(struct sluice_request *request, const struct iovec *iov, size_t count,
	void *buffer, size_t size);

/* Write @size bytes to where @count iovecs (from sluice_read_iovec) point, in their order. Returns
 * how many. As sluice_write() otherwise. */
ssize_t sluice_scatter(struct sluice_request *request, const struct iovec *iov, size_t count,
	const void *buffer, size_t size);

/* A message header, copied. Set @size to sizeof(struct sluice_msghdr) before a call. @control
 * is always in the native layout, so CMSG_* macros work. Descriptors in it are numbers of the
 * target. For a call that receives (recvmsg, recvmmsg) @name and @control are empty, and the
 * addresses say where to write: sluice_write_msg_name(), sluice_write_msg_control(). */
struct sluice_msghdr {
	size_t size;
	struct sockaddr_storage name;
	socklen_t name_length;
	size_t iov_count;
	struct iovec *iov;      /* addresses in the target */
	size_t control_length;
	void *control;
	int flags;
	uint64_t addr;          /* of the header, in the target */
	uint64_t name_addr;     /* 0: the target has no room for a name */
	socklen_t name_room;
	uint64_t control_addr;
	size_t control_room;
};

/* Copy the struct msghdr at @addr, its name, iovecs and control data. The caller frees the copy
 * with sluice_msghdr_free(). -EMSGSIZE above 1024 iovecs; -ENOBUFS above 64 KiB of control data;
 * -EINVAL for a bad length and a wrong @message->size; -ENOMEM. */
int sluice_read_msghdr(struct sluice_request *request, uint64_t addr,
	struct sluice_msghdr *message);
void sluice_msghdr_free(struct sluice_msghdr *message);

/* The same for the header number @index (from 0 on) of the vector of sendmmsg(2) and recvmmsg(2) at
 * @addr. The kernel looks at no more than 1024. */
int sluice_read_mmsghdr(struct sluice_request *request, uint64_t addr, unsigned index,
	struct sluice_msghdr *message);

/* Set msg_len of that element: how many bytes were sent or received. */
int sluice_write_mmsg_len(struct sluice_request *request, uint64_t addr, unsigned index,
	unsigned length);

/* Finish a call that receives, where @message (of sluice_read_msghdr() or
 * sluice_read_mmsghdr()) has room. The name, as sluice_write_sockaddr(): cut if it is longer,
 * msg_namelen is @length. 0, -errno. */
int sluice_write_msg_name(struct sluice_request *request, const struct sluice_msghdr *message,
	const struct sockaddr_storage *address, socklen_t length);

/* @length bytes of control data in the native layout, as CMSG_* macros make it; the target
 * gets them in its own. Sets msg_controllen. Returns 0, or MSG_CTRUNC if it was cut (as the
 * kernel cuts), which belongs into the flags; -EINVAL for a bad cmsg_len; -ENOMEM; -errno.
 * Data is copied as it is: a descriptor must be a number of the target, and a time of the
 * size that the target expects. Source: net/core/scm.c, put_cmsg(). */
int sluice_write_msg_control(struct sluice_request *request, const struct sluice_msghdr *message,
	const void *control, size_t length);

/* msg_flags: MSG_TRUNC, MSG_CTRUNC, ... 0, -errno. */
int sluice_write_msg_flags(struct sluice_request *request, const struct sluice_msghdr *message,
	int flags);

/* Copy the structure of openat2(2) by the rules of the kernel: -EINVAL below 24 bytes; -E2BIG if
 * a byte after the known fields is not 0, or above the size of a page. */
int sluice_read_open_how(struct sluice_request *request, uint64_t addr, size_t size,
	struct open_how *how);

/* ---- requests: who asks ------------------------------------------------------------ */
/* The request owns the descriptors that these functions return, until its verdict. Each is
 * opened once in a request; a pidfd is kept across requests until the thread dies. Root, working
 * directory, memory and files opened from these rule out SLUICE_CONTINUE_ARGS, because other
 * threads can change them. Errors are -ENOENT (the target is gone), -ESRCH (it is outside this
 * pid namespace), -EACCES or -EPERM (no ptrace access) and, of sluice_exe(), -ENAMETOOLONG. */

/* Ids as this user namespace numbers them. Set @size to sizeof(struct sluice_creds) before a call. */
struct sluice_creds {
	size_t size;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
};

/* Capabilities are sets of bits, 1 << CAP_* of capabilities(7), and hold in the user namespace of the
 * target. Set @size to sizeof(struct sluice_privileges) before a call. */
struct sluice_privileges {
	size_t size;
	uint64_t effective, permitted, inheritable, bounding, ambient;
	uint64_t user_namespace;  /* its inode number; 0: unknown */
	bool same_user_namespace; /* it is that of this thread */
};

pid_t sluice_tid(const struct sluice_request *request); /* 0: not in our pid namespace */
pid_t sluice_tgid(struct sluice_request *request);      /* or -errno */
int sluice_pidfd(struct sluice_request *request);       /* of the thread (kernel 6.9), else of its process */
int sluice_creds(struct sluice_request *request, struct sluice_creds *creds);
int sluice_privileges(struct sluice_request *request, struct sluice_privileges *out);

/* Copy the supplementary groups to @list, which has room for @count, as this user namespace numbers
 * them (65534: not at all). Returns how many there are. If @count is 0 it only counts them; -ERANGE
 * if it is less than that. */
ssize_t sluice_groups(struct sluice_request *request, gid_t *list, size_t count);

/* Call @act(@request, @data) with the ids of the target, in this thread: its fsuid, fsgid and
 * supplementary groups, and of the capabilities of this thread only those that the target has
 * in the same user namespace. So files that @act creates belong to the target, and those that
 * the target may not open cannot be opened. Afterwards this thread is what it was. Returns
 * what @act returns. Fails closed: -EPERM without CAP_SETUID and CAP_SETGID, unless the ids
 * are equal; -EOVERFLOW for an id that this user namespace does not map, so it cannot be
 * told; -EBUSY inside @act; -ENOENT; then @act was not called. -ENOTRECOVERABLE: this thread
 * has not got its own ids back, and must end; if it is a worker or dispatches, the process must.
 * Real, effective and saved ids stay those of this process: SO_PEERCRED of a socket that @act connects shows them, and in /proc/sys and
 * for files of cgroups they count, so sluice_openat() says -EREMOTE there. Read memory and
 * descriptors of the target before. The kernel makes a process whose thread does this not
 * dumpable (prctl(2)). Sources: credentials(7), capabilities(7). */
int sluice_act_as_target(struct sluice_request *request,
	int (*act)(struct sluice_request *request, void *data), void *data);

/* The path of the executable, and its length. The target chooses this string: it can mount anything
 * over the file, in a mount namespace of its own. */
ssize_t sluice_exe(struct sluice_request *request, char *path, size_t size);

/* What /proc/tid/exe leads to (O_PATH): the executable. To read it, open /proc/self/fd/N. Its device
 * and inode (fstat(2)) tell what an honest target runs. They prove nothing about a hostile one: it can
 * run a trusted program and change its memory (ptrace(2)), give a script to an interpreter, and in a
 * user namespace of its own let the link lead to any file that it may execute. Source: prctl(2),
 * PR_SET_MM_EXE_FILE, and kernel/sys.c for PR_SET_MM_MAP. */
int sluice_exe_fd(struct sluice_request *request);
int sluice_root_fd(struct sluice_request *request);     /* O_PATH */
int sluice_cwd_fd(struct sluice_request *request);      /* O_PATH */
int sluice_mem_fd(struct sluice_request *request);      /* /proc/tid/mem */

/* A namespace of the target, for setns(2). @type is one of CLONE_NEWCGROUP, CLONE_NEWIPC,
 * CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS; else
 * -EINVAL. The caller closes it. Rules out SLUICE_CONTINUE_ARGS. Source: namespaces(7). */
int sluice_namespace_fd(struct sluice_request *request, int type);

/* What the target's descriptor @target_fd refers to (O_PATH, close on exec). Unlike
 * sluice_get_fd() it shares nothing with the target, and closing it never waits. The caller
 * closes it. -EBADF if it is not open. Rules out SLUICE_CONTINUE_ARGS. */
int sluice_path_fd(struct sluice_request *request, int target_fd);

/* A duplicate of the target's descriptor @target_fd (close on exec). The caller closes it. It
 * is the open file of the target: offset and flags are shared. Rules out
 * SLUICE_CONTINUE_ARGS, because other threads can replace descriptors. Do not close it in the
 * thread that dispatches: if the target has closed its own, close(2) of a socket may linger,
 * and close(2) of a FUSE file may wait for its server. Paths need no such descriptor.
 * Source: pidfd_getfd(2). */
int sluice_get_fd(struct sluice_request *request, int target_fd);

/* ---- paths -------------------------------------------------------------------------- */
/* A target that can mount a FUSE file system can delay everybody who opens a file in it or
 * reads memory mapped from it. A target that may use userfaultfd(2) for faults of the kernel
 * can delay everybody who reads its memory. Use sluice_work() and a timeout for such targets. */

/* Open @path (a copy) as the target would: from its @dirfd (AT_FDCWD: its working directory) and
 * inside its root. /proc/self is the target. Magic links work only in the /proc of the target's
 * own process; others give -EACCES, wherever /proc is mounted. So does everything in the
 * directory of this process there. Permissions are those of this
 * process. A new file gets the user and group of this process, and both umasks apply (077 if the
 * umask of the target cannot be read). @how is as in openat2(2); of its resolve flags
 * RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS are allowed, others give -EINVAL. The work is
 * bounded, and ends early if the target is gone or its time is up. The caller owns the
 * result (close on exec). The function never waits for a FIFO or device: it opens nothing then,
 * and returns -EAGAIN (see sluice_open_reply). -EREMOTE: the file depends on namespaces
 * (/proc/sys, /proc/sysvipc, /proc/keys and /proc/key-users, a tun device, files of cgroups that
 * are to be written), and the target has other namespaces than this process, or it is a part of a
 * procfs that is mounted elsewhere alone; sluice_open_parent() does the same. Errors of openat2(2),
 * -ELOOP, -ENOENT. */
int sluice_openat(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how);

/* Open (O_PATH) the directory that contains the last component of @path, and copy that component
 * to @last, which has at least 256 bytes. It never contains a slash, and is "." if the path ends
 * at the directory. Use it for mkdirat(2) and similar calls: they then act in the directory that
 * was checked. */
int sluice_open_parent(struct sluice_request *request, int dirfd, const char *path,
	char *last, size_t size);

/* sluice_openat() and sluice_reply_fd() in one step. A file that may block (a FIFO, a device) is
 * opened in a separate process. The limit is 256 such processes. One listener may use at most
 * half of what the others leave, but always one; then -EAGAIN. The separate process is killed if
 * the target goes away or the time of the request is up, and the loop reaps it. The opened file
 * is always the one that was checked. @flags are as for sluice_reply_fd(); O_CLOEXEC in
 * @how->flags means SLUICE_FD_CLOEXEC. Consumes @request, unless it returns an error: call
 * sluice_fail() then. */
int sluice_open_reply(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, unsigned flags);

/* An address of an AF_UNIX socket. Set @size to sizeof(struct sluice_unix_address) before a call. */
struct sluice_unix_address {
	size_t size;
	struct sockaddr_un address;
	socklen_t length;
	int fd;                 /* @address names it: close it after use. -1: none */
};

/* What the AF_UNIX @address of the target (a copy, @length bytes) means, as an address for calls of
 * this process. A path is looked up as by sluice_openat(): from the working directory of the
 * target, inside its root. @create false: for connect(2) and sendto(2), the socket itself;
 * -ECONNREFUSED if it is another kind of file. @create true: for bind(2), the name in its
 * directory; -ENAMETOOLONG if the name is longer than about 80 bytes. -EREMOTE for an abstract name
 * of a target with another network namespace; -EINVAL for an empty name, another family, and a
 * bad length. The call that uses the address has the permissions and credentials (SO_PEERCRED) of this
 * process, and a new socket its user, group and umask. A path leads through /proc/thread-self/fd: it
 * needs a procfs there, and is what getsockname(2) says after a bind(2). An abstract name is that of
 * the namespace in which the socket of the call was made, whoever calls. Sources: unix(7), net/unix/af_unix.c. */
int sluice_unix_address(struct sluice_request *request, const struct sockaddr_storage *address,
	socklen_t length, bool create, struct sluice_unix_address *out);

/* 1 if directory @fd is @ancestor or below it in the file system, compared by identity, not by
 * name. 0 if not, if the answer is unknown, and if a mount lies between them, because a target
 * can mount anything there (a bind of "/", in a namespace of its own). A copy of the mount of
 * @ancestor in the namespace of the target counts as the same mount. Open files in @fd with
 * openat2(2) and RESOLVE_NO_XDEV, which sluice_openat() refuses; see sluice_openat(3). */
int sluice_is_beneath(int ancestor, int fd);

/* ---- verdicts: exactly one a request ------------------------------------------------- */
/* Each function consumes @request, whatever it returns, unless its comment says otherwise: do
 * not use the request afterwards. -ENOENT: the target died or was interrupted (nothing to
 * do). -ETIMEDOUT: the verdict was late, and the target got the default errno. -EALREADY: the
 * request has a verdict. A second verdict on a deferred request is a mistake of the caller. It
 * fails with -EALREADY until 4096 other deferred requests have ended; later it may answer
 * another call. AddressSanitizer reports it. */

/* Let the call return @value, without running it. Returns 0; -ENOENT if the target died or was
 * interrupted (nothing to do); other -errno if the kernel refused. Source: seccomp_unotify(2),
 * SECCOMP_IOCTL_NOTIF_SEND. */
int sluice_reply(struct sluice_request *request, int64_t value);

/* Let the call fail with @errnum: 1 to 4095, of either sign. Other numbers mean the default errno. */
int sluice_fail(struct sluice_request *request, int errnum);

#define SLUICE_FD_CLOEXEC 1u

/* Install a duplicate of @fd in the target, and let the call return its number there. @fd stays
 * the caller's. @flags: 0 or SLUICE_FD_CLOEXEC. Installing and answering is one step of the
 * kernel (5.14); with wait_killable, and on older kernels, it is two. The signals of this thread
 * are blocked meanwhile. If the target cannot take another descriptor, its call fails with that
 * errno, and the function returns it, negative. The same happens with EBADF for an O_PATH
 * descriptor, which the kernel does not install, and with EINVAL for unknown @flags.
 * Source: SECCOMP_IOCTL_NOTIF_ADDFD. */
int sluice_reply_fd(struct sluice_request *request, int fd, unsigned flags);

/* Why it is safe that the kernel runs the call, although it reads all pointers again. */
enum sluice_continue_reason {
	SLUICE_CONTINUE_ARGS = 1,     /* the handler looked at register values only */
	SLUICE_CONTINUE_ADVISORY = 2, /* no security boundary: the kernel's checks decide */
};

/* Let the call run as if there were no filter. -EPERM, and @request not consumed, if
 * memory or descriptors were read and @reason is SLUICE_CONTINUE_ARGS, or if the options
 * forbid it; -EINVAL for an unknown reason, not consumed; -EOPNOTSUPP before kernel 5.5 (the target gets
 * the default errno). */
int sluice_continue(struct sluice_request *request, enum sluice_continue_reason reason);

/* ---- later ----------------------------------------------------------------------------- */

/* Keep @request beyond the handler. The caller then owns it and may use it in any thread, until
 * the verdict. The caller must give a verdict, even a late one. Returns @request. */
struct sluice_request *sluice_defer(struct sluice_request *request);

/* Run @handler(@request, @data) on a worker of the supervisor. Takes the request; a handler
 * uses it as: return sluice_work(request, slow, data). @handler must leave its thread as it was: the
 * descriptor table (unshare(2)), user, directory and namespaces are those of later requests,
 * too. If the request ends while it waits for
 * a worker, @handler does not run, and nobody frees @data: use sluice_work_owned() for data
 * that has to be freed. -ENOMEM, -EAGAIN: not taken, no thread can be started; -ESHUTDOWN: not
 * taken, the supervisor is being freed. */
int sluice_work(struct sluice_request *request, sluice_handler handler, void *data);

/* The same, and the library then owns @data: it calls @release(@data) once, after the handler
 * has returned, or instead of the handler if the request ends before a worker starts it (its
 * time is up, the supervisor is freed or hands over). Any thread may call it. If the request
 * is not taken, the caller still owns @data. */
int sluice_work_owned(struct sluice_request *request, sluice_handler handler, void *data,
	void (*release)(void *data));

/* Give this request @timeout_ms from now (0: no limit) in place of the supervisor's timeout.
 * -EAGAIN: no thread can be started for the clock; -ENOENT: the supervisor was freed. */
int sluice_set_timeout(struct sluice_request *request, unsigned timeout_ms);

/* Call @cancel once if the target of a deferred request (or of one with a worker) goes away, its
 * time is up, or the supervisor is freed or hands over before the verdict. It is called in
 * sluice_dispatch(), sluice_supervisor_free() or sluice_hand_over(). The holder still gives the
 * (void) verdict. After the function that gives the verdict has returned, @cancel does not run
 * any more, and the holder may free @data. @cancel must not wait for the holder. -ENOENT: the
 * request has ended; -EAGAIN: no thread can be started for the clock. */
int sluice_on_cancel(struct sluice_request *request,
	void (*cancel)(struct sluice_request *request, void *data), void *data);

/* ---- hand-over ------------------------------------------------------------------------- */

/* Give every listener and the journal of received calls to the process at the other end of
 * @socket (AF_UNIX), which must call sluice_take_over(). It sees deferred requests again; their
 * verdicts here become void (-ENOENT), and functions of sluice_on_cancel() are called. Blocks
 * until the other process has everything; targets wait meanwhile. Each step takes at most 10 s,
 * or the times SO_RCVTIMEO and SO_SNDTIMEO of @socket; then -ETIMEDOUT. After success the
 * supervisor serves nothing and can only be freed. After a failure it goes on as before. */
int sluice_hand_over(struct sluice_supervisor *supervisor, int socket);

/* Take over from a supervisor in sluice_hand_over(), or from a keeper (with a socket of
 * sluice_keeper_connect), with the options of the old supervisor except its log. Blocks; with a
 * keeper, until the old supervisor dies. Set log, handlers and tags, then dispatch (sluice_fd()
 * is readable while there are old calls). Calls that were received and not answered come first,
 * and sluice_replayed() is true for them. If the old supervisor was in another pid namespace,
 * their sluice_tid() is 0.
 * The caller keeps the socket. -ECANCELED if the old supervisor goes on. */
int sluice_take_over(int socket, struct sluice_supervisor **supervisor);

/* Connect to the keeper at @path (options.keeper_path). Returns a socket for sluice_take_over().
 * The keeper refuses other users but root, and everybody who has a seccomp filter, for such a process
 * may be a target (sluice_hand_over(3)): those bring a pass. -EACCES if another user listens there, in a
 * directory that is not that user's, or to which others may write, too; -ETIMEDOUT if nobody accepts for
 * 10 seconds. */
int sluice_keeper_connect(const char *path);

/* Create a pass to the keeper of @supervisor. Any process that has it can take over after the
 * supervisor has died, with or without a filter. Give it to a successor that has a filter, and
 * never to a process that a target can reach: to the parent that starts both, or to the
 * descriptor store of a service manager. Returns a descriptor (close on exec), which the caller
 * closes. It is valid as long as the keeper lives; an earlier pass becomes void. -EINVAL without
 * a keeper; -errno. */
int sluice_keeper_pass(struct sluice_supervisor *supervisor);

/* As sluice_keeper_connect(), with a pass. @pass stays the caller's, for more tries. -EPIPE: its
 * keeper has ended, or another pass was made. */
int sluice_keeper_connect_pass(int pass);

/* ---- containers ------------------------------------------------------------------------ */

/* A container process whose runtime offers its listener (OCI runtime specification, seccomp
 * listenerPath). The library owns all strings, which are valid during the callback. */
struct sluice_container {
	size_t size;            /* set by the library */
	const char *id, *bundle, *status; /* "" if missing */
	const char *metadata;   /* listenerMetadata, or "" */
	const char *state_json; /* the whole document */
	pid_t pid;              /* of the container's process, as the runtime says it */
	pid_t peer_pid;         /* who connected, as the kernel says it */
	uid_t peer_uid;
	void *tag;              /* to set: for sluice_tag() */
	unsigned index;         /* of its listener, as sluice_set_tag() takes it */
};

/* Decide about a container. 0: serve its listener with tag @container->tag. Negative: every
 * notified call of it fails with the default errno (closing the listener would give ENOSYS).
 * Called once for each listener; a listener that is sent again keeps its decision. */
typedef int (*sluice_container_cb)(struct sluice_supervisor *supervisor,
	struct sluice_container *container, void *data);

/* Listen on @path for runtimes such as runc and crun. Creates a socket with mode 0600, and
 * replaces one that no process serves any more. After sluice_take_over(), the socket of the old
 * supervisor at the same @path goes on, with the runtimes that wait there. Up to 8 listeners in
 * a connection are kept; those that the callback does not accept are refused. -EADDRINUSE if
 * @path is bound already, or is a file that is not a socket. sluice_supervisor_free() removes
 * the socket, unless it was handed over. */
int sluice_listen_oci(struct sluice_supervisor *supervisor, const char *path,
	sluice_container_cb callback, void *data);

#ifdef __cplusplus
}
#endif
#endif
