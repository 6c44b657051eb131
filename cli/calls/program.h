/* A program with all that the loader brings in, and which system calls it can make.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_PROGRAM_H
#define CLI_CALLS_PROGRAM_H

#include "calls/flow.h"

#define CALLS_NUMBERS 1024 /* no architecture here has a number above */

struct calls_object {
	char *path;
	uint64_t device, inode;
	struct calls_elf elf;
	struct calls_summary summary;
	uint32_t first_node; /* its functions are nodes from here on */
	bool loader;		  /* what PT_INTERP names */
	bool loads; /* others at run time, which are not seen: dlopen(3) */
	bool looks_up, looked_up; /* functions by name, at run time: dlsym(3) */
};

/* How a function is reached: from the event of another one, or by itself. */
struct calls_node {
	bool reached, by_pointer;
	uint32_t parent; /* node, or UINT32_MAX: a start, or a pointer in data */
	uint64_t need;	 /* parameters that become the number of a system call */
};

/* A place that enters the kernel with a number that could not be found out. */
struct calls_unresolved {
	uint32_t node;
	uint64_t site;
	const char *why;
};

struct calls_options {
	const char *root;  /* where libraries are looked for, "" for / */
	const char *cache; /* a directory, or NULL */
	calls_progress progress;
	void *progress_data;
};

struct calls_program {
	struct calls_options options;
	struct calls_object **objects; /* in the order of loading */
	uint32_t n_objects, cap_objects;
	struct calls_node *nodes;
	uint32_t n_nodes;
	struct calls_definition *definitions; /* of symbols, by name and order of loading */
	uint32_t n_definitions;
	bool made[CALLS_NUMBERS];	/* the calls */
	uint32_t maker[CALLS_NUMBERS];	/* the node of the first site found */
	struct calls_unresolved *unresolved;
	uint32_t n_unresolved, cap_unresolved;
	uint32_t n_loading; /* objects that load others */
	bool made_32; /* through the 32-bit interface, whose numbers are not told */
	char *file; /* that the last error is about, or NULL */
	char message[512]; /* of the last error */
};

struct calls_definition {
	const char *name;
	uint32_t object;
	uint64_t address;
};

/* Add @path and what it needs. 0, or -errno with program->file and a sentence in program->message. */
int calls_program_add(struct calls_program *program, const char *path);
/* Find what is reached from the starts of all objects. Call once, after the last add. 0, -ENOMEM. */
int calls_program_reach(struct calls_program *program);
void calls_program_clear(struct calls_program *program);

/* The object of a node, and its function there. */
struct calls_object *calls_program_object(const struct calls_program *program, uint32_t node,
	uint32_t *function);
/* "main", "0x401000" without a symbol; in @buf. */
void calls_program_name(const struct calls_program *program, uint32_t node, char *buf, size_t size);

/* library.c: the path of library @name that @elf (at @path) needs; NULL: not found. The caller
 * frees. */
char *calls_library_find(const struct calls_elf *elf, const char *root, const char *name);

#endif
