/* What a program was seen to call, and the profile that comes of it.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_RECORDING_H
#define CLI_RECORDING_H

#include <sluice-calls.h>
#include <sluice-profile.h>
#include <sluice.h>

#include "cli.h"
#include "util/set.h"

/* More different sets of values than these of one call, and its arguments are left open.
 */
#define RECORDING_TUPLES 16

/* The constants among a call's arguments, cut to what the kernel reads; others are 0. */
struct recording_tuple {
	uint64_t values[6];
};

/* A call of one ABI. */
struct seen {
	uint32_t arch; /* SCMP_ARCH_* */
	int nr;
	const char *name; /* NULL: a number that is no call here */
	uint64_t count;
	char *by; /* the program that made it first; NULL: not known */
	unsigned int constants,
		narrow;	       /* bits: arguments that are constants; of 32 bits */
	unsigned int n_tuples; /* RECORDING_TUPLES + 1: too many */
	struct recording_tuple *tuples;
};

struct recording_process {
	pid_t pid;
	bool fresh; /* its last call was execve(2) */
};

struct recording {
	struct seen *seen; /* as they came; recording_sort() */
	uint32_t n, cap, last;
	uint32_t n_named; /* after recording_sort(): those that have a name */
	struct sc_set by_call;
	uint64_t total;
	bool args;     /* note tuples */
	bool programs; /* note what is executed */
	const char *runtime; /* of runtime_names: what it calls belongs to the profile; or NULL */
	char **exes;   /* those programs, each once */
	uint32_t n_exes, cap_exes;
	struct sc_set by_exe;
	struct recording_process *processes;	    /* that have called execve(2) */
	uint32_t n_processes, cap_processes, fresh; /* @fresh of them did so last */
	struct sc_set by_pid;
	int failed; /* -ENOMEM: something could not be noted */
};

/* Note the call of @request, by the registers alone. */
void recording_note(struct recording *r, struct sluice_request *request);
/* The entry of a call, valid until the next one is asked for; a new one has the count 0.
 * NULL: no memory. */
struct seen *recording_of(struct recording *r, uint32_t arch, int nr);
/* Those with a name first, in the order of architectures and numbers. Nothing is noted
 * after that. */
void recording_sort(struct recording *r);
void recording_clear(struct recording *r);

/* A call of the profile, by name: all ABIs together. */
struct recorded {
	const char *name;
	uint64_t count;		   /* 0: it was added */
	const char *kind, *reason; /* why it was added */
	const char *by;
	bool known;  /* the profile that was merged allows it already */
	bool needed; /* any program may need it: its arguments are left open */
};

struct recorded_list {
	struct recorded *calls;
	uint32_t n, cap;
	uint32_t arches[3]; /* SCMP_ARCH_* that were seen, the machine's first */
	unsigned int n_arches;
};

/* The calls by name, those of the runtime, and unless @exact what belongs to them (sluice_closure_next()).
 * @base may be NULL; what it allows whatever the arguments is known. 0 or -ENOMEM. */
int recorded_make(const struct recording *r, const struct sluice_profile *base,
	bool exact, struct recorded_list *list);
void recorded_clear(struct recorded_list *list);
/* An entry of the profile allows the call, whatever its arguments. */
bool recorded_allows(const struct sluice_profile *base, const char *name);

/* Add what is not known to @profile. @what says where it comes from. 0 or -errno. */
int recorded_write(const struct recorded_list *list, const struct recording *r,
	const char *what, struct sluice_profile *profile);

#endif
