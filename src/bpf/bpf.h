/* Classic BPF programs for seccomp: what the kernel accepts, and what they do.
 *
 * Programs are in host byte order here; export swaps them where the filter's architecture
 * has the other one. Nothing in this module has ever heard of rules; prove.h alone reads a
 * lowered policy.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_BPF_H
#define SC_BPF_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SC_BPF_MAX BPF_MAXINSNS /* 4096 */

struct sc_prog {
	struct sock_filter *insns;
	uint32_t len;
	bool big_endian; /* of the seccomp_data that it reads: word order of arguments */
};

/* Would the kernel take it? 0, or -EINVAL with *@at = index of the first offending
 * instruction and *@why = a constant sentence. Source: kernel/seccomp.c
 * seccomp_check_filter(), net/core/filter.c bpf_check_classic(). */
int sc_bpf_check(const struct sock_filter *insns, uint32_t len, uint32_t *at,
	const char **why);

/* struct seccomp_data as 16 words in the order of a machine of the given endianness:
 * word i is what LD W ABS 4*i loads. */
void sc_bpf_words(const struct seccomp_data *data, bool big_endian, uint32_t words[16]);

/* Run a checked program over @words. Returns its verdict; counts executed instructions in
 * *@steps when not NULL. Division by zero returns 0, as in the kernel. */
uint32_t sc_bpf_run(const struct sock_filter *insns, uint32_t len, const uint32_t words[16],
	uint32_t *steps);

/* The same, with the indices of the instructions that ran, the first @size of them, in @path. */
uint32_t sc_bpf_path(const struct sock_filter *insns, uint32_t len, const uint32_t words[16],
	uint32_t *steps, uint32_t *path, size_t size);

/* What the kernel does with the verdict @newer of a filter, and with @older of one that was
 * loaded before it: the action of the smaller number wins, of two the newer one's. Source:
 * kernel/seccomp.c seccomp_run_filters(). */
uint32_t sc_bpf_stronger(uint32_t newer, uint32_t older);

/* What the kernel's allow bitmap would hold: true when the emulator that follows only nr
 * and arch reaches exactly RET ALLOW. Source: kernel/seccomp.c seccomp_is_const_allow(). */
bool sc_bpf_const_allow(const struct sock_filter *insns, uint32_t len, uint32_t arch,
	uint32_t nr);

/* How many eBPF instructions the kernel's converter makes of it. Source: net/core/filter.c
 * bpf_convert_filter(). */
uint32_t sc_bpf_ebpf_len(const struct sock_filter *insns, uint32_t len);

/* One instruction a line ("  3: jeq #0x3b, l4, l9"), jump targets as line numbers, words
 * and actions by name; @big_endian tells the high words of arguments from the low ones.
 * Takes any bytes: what is no instruction of a filter is shown as numbers. 0 or -EIO. */
int sc_bpf_disasm(const struct sock_filter *insns, uint32_t len, bool big_endian, FILE *out);

/* One of these lines without its number and newline. What is no instruction of a filter, or has
 * something in a field that the machine does not look at, is four numbers behind "code": so no
 * bit is lost. */
void sc_bpf_disasm_insn(
	const struct sock_filter *insn, uint32_t pc, bool big_endian, FILE *out);

/* The name of word 0..15 of struct seccomp_data: "nr", "arch", "ip.lo", "a0.hi", ... */
const char *sc_bpf_word_name(unsigned int word, bool big_endian);

/* "ALLOW", "ERRNO(1)", ...; what is no action, or has data where none belongs, in numbers.
 * Returns @buf. */
#define SC_BPF_ACTION_MAX 32
char *sc_bpf_action(uint32_t verdict, char buf[SC_BPF_ACTION_MAX]);

/* And back: every text of sc_bpf_action(), and any number up to 2^32-1. False: it is none. */
bool sc_bpf_action_parse(const char *text, uint32_t *verdict);

#endif
