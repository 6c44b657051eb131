/* What one function does that matters: which functions it calls and names, and with what numbers
 * it enters the kernel.
 *
 * Constants are followed through registers and the stack, over all paths of the function. A
 * number that comes from the caller stays a parameter, to be looked up at each call.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_FLOW_H
#define CLI_CALLS_FLOW_H

#include "calls/functions.h"
#include "calls/ops.h"

/* A parameter: a register (0 to 31), or the k-th word that the caller left on the stack (32 + k). */
#define CALLS_STACK_PARAMS 8
#define CALLS_PARAMS	   (CALLS_REGISTERS + CALLS_STACK_PARAMS)
#define CALLS_VALUES	   8

enum calls_event_kind {
	EV_CALL,	/* calls the function at @target */
	EV_CALL_SYMBOL, /* calls what the dynamic symbol @target is */
	EV_NAME,	/* takes the address of the function at @target */
	EV_NAME_SYMBOL, /* takes the address of the dynamic symbol @target */
	EV_SYSCALL,	/* enters the kernel; its argument @param 0 is the number */
	EV_SYSCALL_32,
};

/* The values that a parameter of a call may have, or the number of a system call. */
struct calls_argument {
	uint8_t param;
	uint8_t n;	 /* of constants */
	uint8_t unknown; /* 1: other values, too */
	uint8_t zero[5]; /* no byte of a cached file is left to chance */
	uint64_t params; /* of the calling function that it may be a copy of */
	int32_t values[CALLS_VALUES];
};

struct calls_event {
	uint32_t kind;
	uint32_t first_argument, n_arguments; /* into calls_summary.arguments */
	uint64_t target, site;
};

/* Of a whole file; functions, events and arguments are flat arrays without pointers. */
struct calls_summary {
	struct calls_functions functions;
	uint32_t *first_event; /* of each function, and one more: the end */
	struct calls_event *events;
	struct calls_argument *arguments;
	uint32_t n_events, cap_events, n_arguments, cap_arguments;
};

struct calls_returns;

/* Append the events of function @index to @out. 0, -ENOMEM, -ENOSYS. */
int calls_flow(const struct calls_elf *elf, const struct calls_machine *machine,
	struct calls_returns *returns, uint32_t index, struct calls_summary *out);

/* summary.c: all functions of @elf. @progress (or NULL) is told how far it is. 0, -ENOMEM,
 * -ENOSYS. The caller frees with calls_summary_clear(). */
typedef void (*calls_progress)(void *data, uint32_t done, uint32_t total);
int calls_summary_make(const struct calls_elf *elf, calls_progress progress, void *data,
	struct calls_summary *out);
void calls_summary_clear(struct calls_summary *summary);

/* cache.c: $XDG_CACHE_HOME/sluice/calls or below ~/.cache, made if it is not there. The caller frees
 * it; NULL: no cache. */
char *calls_cache_directory(void);
/* cache.c: the same from a cache, or made and put there. @cache is a directory that exists, or
 * NULL. */
int calls_summary_get(const struct calls_elf *elf, const char *cache, calls_progress progress,
	void *data, struct calls_summary *out);

#endif
