/* libsluice: what system calls mean. Prototypes, constants, groups and siblings as data,
 * and the arguments of a call as text.
 * SPDX-License-Identifier: MIT
 *
 * The facts are the kernel's own: its tables of calls, SYSCALL_DEFINE lines and uapi
 * headers, by scripts/import-prototypes and scripts/import-constants. Nothing here makes a
 * system call, allocates memory or keeps state; every function may be called by any thread
 * at any time. Text that is returned by pointer is constant data, never freed.
 *
 * Architectures are SCMP_ARCH_* (SCMP_ARCH_NATIVE, 0: the one of this process). x32 is told
 * apart: SCMP_ARCH_X32. Functions return 0 (or what they say) on success and -errno on
 * failure, and write their outputs only on success. */
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

/* What an argument is. The values are kept; later versions may add some. */
enum sluice_arg_type {
	SLUICE_ARG_NUMBER = 0,      /* a number that is nothing else */
	SLUICE_ARG_FD = 1,          /* a descriptor */
	SLUICE_ARG_DIRFD = 2,       /* a descriptor that a path begins at, or AT_FDCWD */
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
	SLUICE_ARG_ADDRESS = 15,    /* an address, or a word that is one for some commands */
	SLUICE_ARG_IN = 16,         /* memory that the kernel reads */
	SLUICE_ARG_OUT = 17,        /* memory that the kernel writes */
	SLUICE_ARG_INOUT = 18,      /* both */
	SLUICE_ARG_SOCKADDR = 19,   /* an address that is read; its length is the next argument */
	SLUICE_ARG_SOCKADDR_OUT = 20,/* one that is written; where its length stands is next */
	SLUICE_ARG_IOVEC = 21,      /* an array of struct iovec; how many is the next argument */
	SLUICE_ARG_MSGHDR = 22,     /* a struct msghdr that is read */
	SLUICE_ARG_STRINGS = 23,    /* an array of strings, ended by a null pointer */
	SLUICE_ARG_UNUSED = 24,     /* the kernel ignores it */
	SLUICE_ARG_ENVIRONMENT = 25,/* as SLUICE_ARG_STRINGS; they may hold secrets and are only counted */
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
	const char *name;      /* the kernel's; halves of one argument share theirs */
	const char *ctype;     /* the C type in the kernel's definition: "const char *" */
	const char *set;       /* of constants, for FLAGS and VALUE; else NULL */
	const char *structure; /* that the memory holds: "timespec" ...; NULL if none is said */
	enum sluice_arg_type type;
	enum sluice_arg_part part;
	unsigned bits;         /* that the kernel reads of the register: 8, 16, 32 or 64; what is
				* above means nothing to it */
	bool is_signed;        /* it is sign-extended from there */
	uint64_t reserved[2];  /* 0 */
};

/* One call of one architecture. Set @size to sizeof(struct sluice_call_info) before a
 * call. */
struct sluice_call_info {
	size_t size;           /* fields behind it are left alone */
	const char *name;
	uint32_t arch;         /* SCMP_ARCH_* */
	int nr;                /* as the kernel reports it (x32 with its bit); negative: only
				* through socketcall(2) or ipc(2) there, the pseudo number */
	unsigned since;        /* the kernel that introduced it there, major << 16 | minor;
				* 0: not known */
	unsigned n_args;       /* 0 to 6 */
	uint64_t groups;       /* bits of sluice_group_at()'s indexes */
	bool has_prototype;    /* false: nobody has said what its arguments are (tuxcall) */
	struct sluice_arg_info args[6];
};

/* Find a call by name. Returns 0; -EINVAL for an unknown @arch or an @out->size that is
 * too small for @args to fit; -ENOENT if @arch does not have the call. */
int sluice_call_info(uint32_t arch, const char *name, struct sluice_call_info *out);

/* The same by number, as seccomp reports it. */
int sluice_call_info_nr(uint32_t arch, int nr, struct sluice_call_info *out);

/* The names of all calls of @arch, in the order of names. Start with *@iterator 0; NULL
 * at the end (and for an unknown @arch). Calls that come only through socketcall(2) or
 * ipc(2) are among them. */
const char *sluice_call_next(uint32_t arch, unsigned *iterator);

/* The call's number on @arch, and the name of a number. -ENOENT or NULL when @arch does
 * not have it; -EINVAL for an unknown @arch. The number may be negative as in struct
 * sluice_call_info, so it comes through @nr. */
int sluice_call_nr(uint32_t arch, const char *name, int *nr);
const char *sluice_call_name(uint32_t arch, int nr);

/* The index of the argument called @name in @call, from index @from on: call it again
 * with the result plus 1 for the other half of a 64-bit argument. The names in manual
 * pages that differ from the kernel's ("domain" of socket, "pathname" of open) are
 * understood too. -ENOENT if there is none. */
int sluice_arg_index(const struct sluice_call_info *call, const char *name, unsigned from);

/* ---- groups ------------------------------------------------------------------------- */

/* The @index-th group's name, from 0 on, NULL behind the last; at most 64. Names with @
 * are systemd's ("@file-system"), with its members; those without are this library's:
 * "file" (takes a path), "descriptor", "network", "ipc", "process", "signal", "memory",
 * "credentials", "time", "system". */
const char *sluice_group_at(unsigned index);

/* The bit of a group by name. -ENOENT. */
int sluice_group(const char *name, uint64_t *bit);

/* ---- constants ---------------------------------------------------------------------- */

/* The value of a constant: "AF_NETLINK" of set "family". @set NULL: of any set that has
 * it. Values differ between architectures (O_DIRECTORY). -ENOENT; -EINVAL for an
 * unknown @arch. */
int sluice_constant_value(uint32_t arch, const char *set, const char *name, uint64_t *value);

/* All constants of a set: start with *@iterator 0; returns the name or NULL at the end. */
const char *sluice_constant_next(uint32_t arch, const char *set, unsigned *iterator,
	uint64_t *value);

/* @value in constants of @set, as text: the constant, or names joined by | with what is
 * left as a hexadecimal number. Written to @buffer like snprintf(3) does; returns the
 * length that it would have had. A set that does not exist has no names. */
size_t sluice_constant_text(uint32_t arch, const char *set, uint64_t value, char *buffer,
	size_t size);

/* ---- siblings ----------------------------------------------------------------------- */

enum sluice_sibling_kind {
	SLUICE_SIBLING_ABI = 1,   /* the same call under another name on some ABI: chown and chown32
				   * (16-bit ids), lseek and _llseek, futex and futex_time64 */
	SLUICE_SIBLING_NEWER = 2, /* a form that does the same and more: openat2 beside openat */
};

/* The calls of @arch that do what @name does, itself left out. Start with *@iterator 0;
 * NULL at the end. @name need not be a call of @arch. */
const char *sluice_sibling_next(uint32_t arch, const char *name, unsigned *iterator,
	enum sluice_sibling_kind *kind);

/* The calls of @arch that a program may make on another machine or with another libc,
 * though none was seen: with @name NULL those of any program (its start and end,
 * aborts, functions of the vDSO that become calls), else those that come with @name
 * (what libc uses in its place, what its threads need). Start with *@iterator 0; NULL
 * at the end. *@kind is "start", "exit", "vdso", "abort", "threads" or "sibling",
 * *@reason a phrase in English; both may be NULL. Apply it to what it gives, and
 * sluice_sibling_next()'s SLUICE_SIBLING_ABI, until nothing is new. */
const char *sluice_closure_next(uint32_t arch, const char *name, unsigned *iterator,
	const char **kind, const char **reason);

/* ---- decoding ----------------------------------------------------------------------- */

/* Copies up to @size bytes at @addr of the target's memory to @buffer. Returns how
 * many: fewer only where memory ends; 0 or -errno where there is none. It is called for
 * what arguments point at, a bounded number of times and for bounded sizes, whatever
 * memory says. */
typedef ssize_t (*sluice_memory)(uint64_t addr, void *buffer, size_t size, void *data);

/* A call as strace(1) would show it: openat(AT_FDCWD, "/etc/passwd",
 * O_RDONLY|O_CLOEXEC). Registers are cut as the kernel cuts them. Without @memory
 * (NULL), and where it cannot be read, pointers are addresses. Written to @buffer like
 * snprintf(3) does; the text is printable ASCII on one line. Returns the length that it
 * would have had; -EINVAL for an unknown @arch. What no table knows is shown as
 * syscall_0x1f4(...) with six registers. */
ssize_t sluice_decode_call(uint32_t arch, int nr, const uint64_t args[6], sluice_memory memory,
	void *data, char *buffer, size_t size);

/* Argument @index of @call alone, in the same way. -EINVAL if there is no such
 * argument. */
ssize_t sluice_decode_arg(const struct sluice_call_info *call, const uint64_t args[6],
	unsigned index, sluice_memory memory, void *data, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
