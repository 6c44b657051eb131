/* libsluice: BPF programs of seccomp as objects: read, check, run, show, assemble, prove, compare.
 * SPDX-License-Identifier: MIT
 *
 * A program decides system calls. It is one filter, or all filters of a thread in the order in
 * which the kernel runs them (the newest first). It is empty for a thread without filters, and
 * then allows everything. The library checks each filter as the kernel does. A program never
 * changes, so any number of threads may use it at once.
 *
 * Instructions are struct sock_filter in this machine's byte order, for filters of this machine's byte
 * order. Functions return 0 (or what they say) on success and -errno on failure, and write their outputs
 * only on success. A struct sluice_error (it may be NULL) says what was wrong; its @where names the instruction or
 * the line. Functions print only to a stream that the caller gives them. */
#ifndef SLUICE_PROGRAM_H
#define SLUICE_PROGRAM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sluice.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sluice_program;

#define SLUICE_PROGRAM_MAX 4096 /* instructions of one filter: BPF_MAXINSNS */

/* ---- make ------------------------------------------------------------------------- */

/* Make a program of one filter from a copy of @count instructions. The caller frees *@program. Returns 0; -EINVAL
 * if the kernel would refuse the filter; -ENOMEM. */
int sluice_program_new(const struct sock_filter *instructions, size_t count,
	struct sluice_program **program, struct sluice_error *error);

/* The same from the bytes of a file, up to its end. Reads at most SLUICE_PROGRAM_MAX instructions and one byte.
 * Returns as sluice_program_new(); -EINVAL also if there is no instruction or an incomplete one; or -errno of
 * read(2). */
int sluice_program_read(int fd, struct sluice_program **program, struct sluice_error *error);

/* The same from the regular file @path. -EINVAL for other files, because a FIFO could block for ever. */
int sluice_program_open(
	const char *path, struct sluice_program **program, struct sluice_error *error);

/* Make a program of all filters of the thread @pid (for a process id: its first thread). A helper
 * process stops the thread for a moment and reads the filters. If the thread does not stop, the
 * function fails after @timeout_ms milliseconds. Default (0): 2000. The kernel gives filters only
 * to a caller that has CAP_SYS_ADMIN and no filter itself.
 * Returns 0; -ESRCH; -EPERM if the caller may not trace the thread, or another process traces it; -EACCES if the
 * caller lacks the capability or has a filter; -EOPNOTSUPP without CONFIG_CHECKPOINT_RESTORE, and for a
 * thread in strict mode, which no filter stands for; -ETIMEDOUT; -ENOMEM; else -errno. */
int sluice_program_of(pid_t pid, unsigned timeout_ms, struct sluice_program **program,
	struct sluice_error *error);

/* Make a program of one filter from text: one instruction in each line, as sluice_program_print() and
 * sluice_program_text() write them. Columns of numbers before an instruction are ignored, and so are comments, after
 * ";" or "#" (unless a digit follows). The target of a jump is a line "lN" as printed, or a label: a word with a
 * colon, alone or before an instruction. Returns as sluice_program_new(); -EINVAL with "LINE:COLUMN" in
 * @error->where. */
int sluice_program_assemble(const char *text, size_t length, struct sluice_program **program,
	struct sluice_error *error);

/* NULL is allowed. */
void sluice_program_free(struct sluice_program *program);

/* ---- look at ---------------------------------------------------------------------- */

/* The number of filters: 0 or more. */
unsigned sluice_program_filters(const struct sluice_program *program);

/* Return the instructions of a filter, and store their number. Filter 0 is the one that the kernel runs first. The
 * program owns the instructions. NULL if there is no such filter. */
const struct sock_filter *sluice_program_instructions(
	const struct sluice_program *program, unsigned filter, size_t *count);

/* Write a listing of @filter to @out: columns line, CODE, JT, JF and K, then the instruction, then what
 * its number means ("# openat", "# flags"). Returns 0; -ENOENT if there is no such filter; -EIO; -ENOMEM. */
int sluice_program_print(const struct sluice_program *program, unsigned filter, FILE *out);

/* Write one instruction of @filter, such as "jeq #0x101, l5, l9", as snprintf(3) does. Returns the length of the
 * whole text; 0, and "" in @buffer, if there is no such instruction or no memory. */
size_t sluice_program_text(const struct sluice_program *program, unsigned filter, size_t index,
	char *buffer, size_t size);

/* Write the meaning of the number in the instruction, as sluice_program_print() does, without "# ". "" if nothing is
 * known. */
size_t sluice_program_comment(const struct sluice_program *program, unsigned filter,
	size_t index, char *buffer, size_t size);

/* Write a verdict (SECCOMP_RET_* with its data) as "ALLOW", "ERRNO(1)", "TRACE(5)" or "0x12345678", as snprintf(3)
 * does. */
size_t sluice_verdict_text(uint32_t verdict, char *buffer, size_t size);

/* ---- run -------------------------------------------------------------------------- */

/* Return the verdict on @data that the kernel would return. Never fails. */
uint32_t sluice_program_run(
	const struct sluice_program *program, const struct seccomp_data *data);

/* Run one filter, and store the indexes of the instructions that ran in @path, at most @size of them. Returns how many
 * ran; 0 if there is no such filter. *@verdict (@verdict may be NULL) is the verdict of this filter alone. */
size_t sluice_program_trace(const struct sluice_program *program, unsigned filter,
	const struct seccomp_data *data, uint32_t *path, size_t size, uint32_t *verdict);

/* ---- prove and compare ------------------------------------------------------------ */

/* A call that two programs decide differently, and their verdicts. */
struct sluice_witness {
	struct seccomp_data data;
	uint32_t a, b;
};

/* Prove that two programs decide all 2^512 inputs alike. Returns 0 if they do; 1 if not, with an input that shows it
 * in *@witness (may be NULL); -EOPNOTSUPP (a shift or a division by a number that is not
 * constant); -E2BIG (over 132 MB or 67 million steps: seconds); -ENOTRECOVERABLE (proof and interpreter disagree,
 * please report both programs); -ENOMEM. */
int sluice_program_equal(const struct sluice_program *a, const struct sluice_program *b,
	struct sluice_witness *witness);

/* What a condition is about. */
enum sluice_field {
	SLUICE_FIELD_ARCH,
	SLUICE_FIELD_NR,
	SLUICE_FIELD_IP,
	SLUICE_FIELD_ARG0, /* to SLUICE_FIELD_ARG0 + 5 */
};

/* @first <= (field & @mask) <= @last. */
struct sluice_condition {
	unsigned field; /* enum sluice_field */
	uint64_t mask, first, last;
};

/* The inputs for which all @n conditions hold, in the order arch, nr, arguments, ip. An argument may have
 * two: of its upper and of its lower half. */
struct sluice_region {
	struct sluice_condition conditions[16];
	unsigned n;
	uint32_t a, b;		  /* the verdicts there */
	struct seccomp_data data; /* one of these inputs: the smallest in each condition */
};

/* Called for each region. A result other than 0 ends the walk and is returned. */
typedef int (*sluice_region_fn)(const struct sluice_region *region, void *data);

/* Find the inputs that two programs decide differently. Regions ascend and do not overlap; together they cover every
 * such input. Returns 0 if there is none, 1 or the result of @each; errors as above. After -E2BIG the reported
 * regions are correct but not complete. */
int sluice_program_compare(const struct sluice_program *a, const struct sluice_program *b,
	sluice_region_fn each, void *data);

/* Find the verdicts of a program for one call, a number of an audit architecture (AUDIT_ARCH_*). Regions are as
 * above, without arch and nr, and together cover every input; a and b are both the verdict. Returns 0, or the result
 * of @each; errors as above; -EOPNOTSUPP also for a program that returns a computed verdict (BPF_RET | BPF_A). */
int sluice_program_ranges(const struct sluice_program *program, uint32_t audit_arch, int nr,
	sluice_region_fn each, void *data);

#ifdef __cplusplus
}
#endif

#endif
