/* Architectures and their system call tables, as constant data.
 *
 * An architecture is one row of a descriptor array and one column of data/syscalls.csv.
 * The tables are generated (scripts/gen-tables), hold no pointers and so need no
 * relocation. Nothing here allocates.
 * SPDX-License-Identifier: MIT */
#ifndef SC_ARCH_ARCH_H
#define SC_ARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define SC_NR_ERROR (-1) /* __NR_SCMP_ERROR */
#define SC_NR_UNDEF (-2) /* __NR_SCMP_UNDEF */

/* Pseudo numbers come in two runs: multiplexed calls from -101 down, others from -10001. */
#define SC_PSEUDO_LOW  (-101)
#define SC_PSEUDO_HIGH (-10001)

/* arm numbers a few private calls from 0x0f0000; a cell holds them as 0x7f00 + n. */
#define SC_CELL_PRIVATE 0x7f00
#define SC_PRIVATE_BASE 0x0f0000

#define SC_X32_BIT UINT32_C(0x40000000)

/* Any name with its NUL fits; so many bytes may be read from sc_syscall_name(). */
#define SC_SYSCALL_NAME_SIZE 32

/* Hidden to the compiler, too: else it goes through the GOT and the PLT. */
#pragma GCC visibility push(hidden)

/* For the inline functions: [column][row], -1 where absent; row -> pseudo number, 0 where none; names. */
extern const int16_t sc_arch_data_nr[];
extern const int16_t sc_arch_data_pseudo[];
extern const char sc_arch_data_names[]; /* NUL-terminated, one after the other */
extern const uint16_t sc_arch_data_name_at[]; /* row -> offset; one more than rows */

struct sc_arch {
	char name[12];   /* as seccomp_arch_resolve_name() takes it */
	uint32_t token;  /* SCMP_ARCH_*; only x32's differs from @audit */
	uint32_t audit;  /* what the kernel puts in seccomp_data.arch */
	int32_t base;    /* where its numbers begin: mips 4000, 5000, 6000; x32 its bit */
	uint8_t column;  /* of the system call table */
	uint8_t bits;    /* 32: the high words of arguments are not looked at; or 64 */
	bool big_endian;
	bool has_mux;    /* socketcall(2) and ipc(2) carry the socket and SysV IPC calls */
};

/* The number of architectures, and the i-th of them (0 <= i < sc_arch_count). */
extern const unsigned int sc_arch_count;
const struct sc_arch *sc_arch_at(unsigned int i);

/* NULL when unknown. Token 0 (SCMP_ARCH_NATIVE) is not resolved here. */
const struct sc_arch *sc_arch_by_token(uint32_t token);
const struct sc_arch *sc_arch_by_name(const char *name);

/* The ABI that this library was compiled for. Never NULL. */
const struct sc_arch *sc_arch_native(void);

/* A system call is a row of the table: 0 .. sc_syscall_count-1; -1 is "unknown". */
extern const unsigned int sc_syscall_count;
int sc_syscall_by_name(const char *name);
int sc_syscall_by_nr(const struct sc_arch *arch, int nr); /* real numbers and pseudo ones */
static inline const char *sc_syscall_name(int row)
{
	return &sc_arch_data_names[sc_arch_data_name_at[row]];
}

/* The call's number on @arch: >= 0 where the architecture has it, else its negative
 * pseudo number (__PNR_*), the same on every architecture. */
int sc_syscall_nr(const struct sc_arch *arch, int row);

/* Both in one: the number of the call @name on @arch, SC_NR_ERROR when unknown; and on the ABI
 * that this library was compiled for. */
int sc_syscall_resolve(const struct sc_arch *arch, const char *name);
int sc_syscall_resolve_native(const char *name);

/* Can socketcall(2) or ipc(2) carry the call where an architecture has them? */
static inline bool sc_syscall_is_carried(int row)
{
	int pseudo = sc_arch_data_pseudo[row];

	return pseudo <= SC_PSEUDO_LOW && pseudo > SC_PSEUDO_HIGH;
}

/* As sc_syscall_nr(), of a call that nothing carries; anything < 0 where @arch lacks it. */
static inline int sc_syscall_own_nr(const struct sc_arch *arch, int row)
{
	int cell = sc_arch_data_nr[arch->column * sc_syscall_count + (unsigned int)row];

	return cell < 0 || cell >= SC_CELL_PRIVATE ? sc_syscall_nr(arch, row) : arch->base + cell;
}

/* How many numbers @arch may have from its base on: none that the tables know lies behind, but for private ones. */
unsigned int sc_syscall_numbers(const struct sc_arch *arch);

/* The Linux version that introduced the call on @arch, (major << 8 | minor), 0 where it
 * is not known. Feeds the ENOSYS cut-off of unknown calls. */
uint16_t sc_syscall_since(const struct sc_arch *arch, int row);

/* A call that socketcall(2) or ipc(2) can also carry on @arch. */
struct sc_mux {
	int nr;         /* number of socketcall or ipc on @arch */
	uint32_t code;  /* what argument 0 must be, */
	uint32_t mask;  /* in these bits of it: the kernel reads no others */
	int direct;     /* the call's own number on @arch, negative where it has none */
};

/* Returns true and fills @out when @row is such a call on @arch. */
bool sc_mux_lookup(const struct sc_arch *arch, int row, struct sc_mux *out);

#pragma GCC visibility pop

#endif
