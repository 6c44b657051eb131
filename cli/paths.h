/* The files that a program was seen to use, and the policy of "sluice run" that comes of
 * them. SPDX-License-Identifier: MIT */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <sluice.h>
#include <sys/stat.h>

#include "cli.h"
#include "util/set.h"

/* What a call does with files. Calls that no rule for files restricts (stat, readlink,
 * chdir) do nothing. */
enum paths_use {
	PATHS_NONE,
	PATHS_OPEN,
	PATHS_EXECUTE,
	PATHS_NAMES,  /* makes, renames or removes what its paths name */
	PATHS_LINK,   /* the same of its last path alone */
	PATHS_CHANGE, /* contents, mode, owner, times, attributes, by path */
	PATHS_FD,     /* the same by the descriptor that is its first argument */
	PATHS_CONNECT,
	PATHS_BIND,
};

enum {
	PATHS_READ = 1, /* of a folder: it was listed */
	PATHS_WRITE = 2,
	PATHS_EXEC = 4,
	PATHS_ENTRIES = 8, /* of a folder: names in it were made, renamed or removed */
	PATHS_SOCKET = 16,
};

struct paths_file {
	char *path;	     /* absolute, without links */
	unsigned int access; /* PATHS_READ ... */
	bool made;	     /* it was not there before the program made it */
};

/* Start from {0}. */
struct paths {
	struct paths_file *files;
	uint32_t n, cap;
	struct sc_set by_path;
	uint32_t elsewhere; /* uses of files that have no path here: another mount
			       namespace, or a path that is too long */
	int failed;	    /* -ENOMEM: something could not be noted */
};

enum paths_use paths_use_of(const char *call);
/* Note the files of a call of this use, which has not happened yet. */
void paths_note(struct paths *p, enum paths_use use, struct sluice_request *request);
/* Note one file: an absolute path without links. */
void paths_add(struct paths *p, const char *path, unsigned int access, bool made);
void paths_clear(struct paths *p);

/* Whether @path, as it was noted, is there without links: then *@st is of it. The program
 * may have put a link in its place, which a policy would follow. 1, 0 or -ENOMEM. */
int paths_stand(const char *path, struct stat *st);

/* Note the files of a policy that paths_write() wrote; of none if there is no @file.
 * CLI_YES, or CLI_TROUBLE (said). */
int paths_read(struct paths *p, const char *file);
/* Write the policy to @file, and say on stderr what it allows beyond what was seen;
 * unless @quiet, also which files are gone. CLI_YES, or CLI_TROUBLE (said). */
int paths_write(struct cli *cli, const struct paths *p, const char *file, bool quiet);

#endif
