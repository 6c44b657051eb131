/* libsluice: what system calls mean. Prototypes, constants, groups and siblings as data,
 * and the arguments of a call as text.
 * SPDX-License-Identifier: MIT
 *
 * The facts come from the kernel: its tables of calls, SYSCALL_DEFINE lines and uapi headers
 * (scripts/import-prototypes, scripts/import-constants). The functions make no system call,
 * allocate no memory and keep no state; any thread may call them at any time. Text that is
 * returned by pointer is constant data; do not free it.
 *
 * Architectures are SCMP_ARCH_* (SCMP_ARCH_NATIVE, 0: the one of this process). x32 is an
 * architecture of its own, SCMP_ARCH_X32. Functions return 0 (or what their comment says) on
 * success and -errno on failure, and write their outputs only on success. */
#ifndef SLUICE_CALLS_H
#define SLUICE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- calls ------------------------------------------------------------------------- */

/* What an argument is. The numbers never change; later versions may add some. */
enum sluice_arg_type {
	SLUICE_ARG_NUMBER = 0,      /* a number of no other type */
	SLUICE_ARG_FD = 1,          /* a descriptor */
	SLUICE_ARG_DIRFD = 2,       /* the directory where a path begins, or AT_FDCWD */
	SLUICE_ARG_PATH = 3,        /* a string that names a file */
	SLUICE_ARG_STRING = 4,      /* another string, ended by NUL */
	SLUICE_ARG_FLAGS = 5,       /* bits of constants of @set */
	SLUICE_ARG_VALUE = 6,       /* one constant of @set */
	SLUICE_ARG_MODE = 7,        /* permissions, or with a file type (mknod) */
	SLUICE_ARG_DEVICE = 8,      /* a device number */
	SLUICE_ARG_PID = 9,
	SLUICE_ARG_UID = 10,
	SLUICE_ARG_GID = 11,
	SLUICE_ARG_SIGNAL = 12,
	SLUICE_ARG_SIZE = 13,       /* a length in bytes */
	SLUICE_ARG_OFFSET = 14,     /* a place in a file */
	SLUICE_ARG_ADDRESS = 15,    /* an address, at least for some commands */
	SLUICE_ARG_IN = 16,         /* memory that the kernel reads */
	SLUICE_ARG_OUT = 17,        /* memory that the kernel writes */
	SLUICE_ARG_INOUT = 18,      /* both */
	SLUICE_ARG_SOCKADDR = 19,   /* a socket address to read; the next argument is its length */
	SLUICE_ARG_SOCKADDR_OUT = 20,/* one to write; the next argument points to its length */
	SLUICE_ARG_IOVEC = 21,      /* an array of struct iovec; the next argument is its length */
	SLUICE_ARG_MSGHDR = 22,     /* a struct msghdr that is read */
	SLUICE_ARG_STRINGS = 23,    /* an array of strings, ended by a null pointer */
	SLUICE_ARG_UNUSED = 24,     /* the kernel ignores it */
	SLUICE_ARG_ENVIRONMENT = 25,/* the same; may contain secrets, so only their number is shown */
};

/* Which part of a 64-bit argument a register of a 32-bit ABI holds. */
enum sluice_arg_part {
	SLUICE_PART_WHOLE = 0,
	SLUICE_PART_LOW = 1,   /* bits 0 to 31 of the argument of that name */
	SLUICE_PART_HIGH = 2,  /* bits 32 to 63 */
	SLUICE_PART_PAD = 3,   /* an empty register before a pair; the kernel ignores it */
};

/* One argument, as its register holds it and as the kernel reads it. */
struct sluice_arg_info {
	const char *name;      /* in the kernel; both halves of an argument have the same */
	const char *ctype;     /* the C type in the kernel's definition: "const char *" */
	const char *set;       /* of constants, for FLAGS and VALUE; else NULL */
	const char *structure; /* in the memory: "timespec" ...; NULL if not known */
	enum sluice_arg_type type;
	enum sluice_arg_part part;
	unsigned bits;         /* the lower bits of the register that the kernel reads: 8, 16, 32
				* or 64; it ignores the others */
	bool is_signed;        /* the kernel sign-extends them */
	uint64_t reserved[2];  /* 0 */
};

/* One call of one architecture. Set @size to sizeof(struct sluice_call_info) before a
 * call. */
struct sluice_call_info {
	size_t size;           /* fields beyond it are not written */
	const char *name;
	uint32_t arch;         /* SCMP_ARCH_* */
	int nr;                /* as the kernel reports it (x32 with its bit); a negative pseudo
				* number if it comes only through socketcall(2) or ipc(2) */
	unsigned since;        /* the kernel that introduced it on @arch, major << 16 | minor;
				* 0: not known */
	unsigned n_args;       /* 0 to 6 */
	uint64_t groups;       /* bit i: it is in the group sluice_group_at(i) */
	bool has_prototype;    /* false: its arguments are not known (tuxcall) */
	struct sluice_arg_info args[6];
};

/* Find a call by name. Returns 0; -EINVAL if @arch is unknown or @out->size too small for
 * @args; -ENOENT if @arch does not have the call. */
int sluice_call_info(uint32_t arch, const char *name, struct sluice_call_info *out);

/* The same by number, as seccomp reports it. */
int sluice_call_info_nr(uint32_t arch, int nr, struct sluice_call_info *out);

/* Return the names of all calls of @arch, one after the other, sorted. Start with *@iterator
 * 0. Returns NULL at the end, and for an unknown @arch. Calls that come only through
 * socketcall(2) or ipc(2) are included. */
const char *sluice_call_next(uint32_t arch, unsigned *iterator);

/* Find the number of a call on @arch, or the name of a number. Return -ENOENT or NULL if
 * @arch does not have it; -EINVAL for an unknown @arch. *@nr may be negative, as in struct
 * sluice_call_info. */
int sluice_call_nr(uint32_t arch, const char *name, int *nr);
const char *sluice_call_name(uint32_t arch, int nr);

/* Find the argument @name of @call, and return its index. The search begins at index @from:
 * to find the other half of a 64-bit argument, call it again with the result plus 1. @name is
 * the name in the kernel or in the manual page ("domain" of socket, "pathname" of open).
 * -ENOENT if there is no such argument. */
int sluice_arg_index(const struct sluice_call_info *call, const char *name, unsigned from);

/* ---- groups ------------------------------------------------------------------------- */

/* The name of a group, by its index from 0 on; NULL after the last. There are at most 64.
 * Groups with @ are those of systemd ("@file-system"), with the same members. This library adds:
 * "file" (takes a path), "descriptor", "network", "ipc", "process", "signal", "memory",
 * "credentials", "time", "system". */
const char *sluice_group_at(unsigned index);

/* Find a group by its name. *@bit becomes a mask with the one bit that the group has in the
 * field groups of struct sluice_call_info. -ENOENT if there is no such group. */
int sluice_group(const char *name, uint64_t *bit);

/* ---- constants ---------------------------------------------------------------------- */

/* Find the value of a constant, such as "AF_NETLINK" of the set "family". If @set is NULL,
 * all sets are searched. Values depend on the architecture (O_DIRECTORY). -ENOENT; -EINVAL
 * for an unknown @arch. */
int sluice_constant_value(uint32_t arch, const char *set, const char *name, uint64_t *value);

/* Return the constants of a set, one after the other. Start with *@iterator 0. Returns the
 * name, or NULL at the end. @value may be NULL. */
const char *sluice_constant_next(uint32_t arch, const char *set, unsigned *iterator,
	uint64_t *value);

/* Write @value as text: a constant of @set, or names joined by | and a hexadecimal number for
 * the bits without a name. Writes to @buffer as snprintf(3) does, and returns the length of
 * the whole text. If there is no such set, the text is a number. */
size_t sluice_constant_text(uint32_t arch, const char *set, uint64_t value, char *buffer,
	size_t size);

/* ---- siblings ----------------------------------------------------------------------- */

enum sluice_sibling_kind {
	SLUICE_SIBLING_ABI = 1,   /* the same call under another name on some ABI: chown and chown32
				   * (16-bit ids), lseek and _llseek, futex and futex_time64 */
	SLUICE_SIBLING_NEWER = 2, /* a form that does the same and more: openat2 beside openat */
};

/* Return the other calls of @arch that do the same as @name, one after the other. Start with
 * *@iterator 0. Returns NULL at the end. @name need not be a call of @arch. @kind may be NULL. */
const char *sluice_sibling_next(uint32_t arch, const char *name, unsigned *iterator,
	enum sluice_sibling_kind *kind);

/* Return calls of @arch that a program may also make, on another machine or with another
 * libc, one after the other. If @name is NULL, these are calls of every program: at its start
 * and end, in abort(3), and instead of functions of the vDSO. Otherwise they are the calls that
 * belong to @name: what libc may use in its place, and what its threads need. Start with
 * *@iterator 0. Returns NULL at the end. *@kind becomes "start", "exit", "vdso", "abort",
 * "threads" or "sibling", *@reason a phrase in English; both may be NULL. For the whole
 * closure, call it for each result, and sluice_sibling_next() for SLUICE_SIBLING_ABI, until
 * there is no new call. */
const char *sluice_closure_next(uint32_t arch, const char *name, unsigned *iterator,
	const char **kind, const char **reason);

/* ---- decoding ----------------------------------------------------------------------- */

/* Copy up to @size bytes at @addr of the target's memory to @buffer. Return the number of
 * bytes, which is smaller only at the end of the memory; 0 or -errno if there is no memory.
 * The library calls it for what arguments point at. The number of calls and the sizes are
 * bounded for all contents of the memory. */
typedef ssize_t (*sluice_memory)(uint64_t addr, void *buffer, size_t size, void *data);

/* Write a call as strace(1) would show it: openat(AT_FDCWD, "/etc/passwd",
 * O_RDONLY|O_CLOEXEC). Only the bits that the kernel reads count. If @memory is NULL or fails,
 * pointers are shown as addresses. The text is one line of printable ASCII, written to @buffer
 * as snprintf(3) does. Returns the length of the whole text; -EINVAL for an unknown @arch. An
 * unknown call is shown as syscall_0x1f4(...) with six registers. */
ssize_t sluice_decode_call(uint32_t arch, int nr, const uint64_t args[6], sluice_memory memory,
	void *data, char *buffer, size_t size);

/* Write only argument @index of @call, in the same way. -EINVAL if there is no such
 * argument. */
ssize_t sluice_decode_arg(const struct sluice_call_info *call, const uint64_t args[6],
	unsigned index, sluice_memory memory, void *data, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
