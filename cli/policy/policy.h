/* One policy for a program that is run: files, network, calls; and what enforces each
 * rule.
 *
 * The cheapest sound mechanism is chosen rule by rule: a filter for what registers say,
 * Landlock for files and ports, a supervisor for the rest. What none can do is refused
 * before the program starts. SPDX-License-Identifier: MIT */
#ifndef CLI_POLICY_POLICY_H
#define CLI_POLICY_POLICY_H

#include <limits.h>
#include <linux/filter.h>
#include <sluice.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "cli.h"
#include "rate.h"

enum policy_access {
	POLICY_READ = 1,
	POLICY_WRITE = 2,   /* and read */
	POLICY_EXECUTE = 4, /* and read */
	POLICY_HIDE = 8,    /* no access, though it lies in a folder with some */
	POLICY_SOCKET = 16, /* a socket, or a folder of sockets, to connect to */
};

/* @where is "--ro" or "FILE:LINE:COLUMN". All strings of a policy are its own. */
struct policy_path {
	char *path, *where;
	enum policy_access access;
	int fd;		/* O_PATH, or -1 before policy_open() */
	struct stat st; /* of @fd */
	/* Of a socket: the folder (O_PATH) and the name in it, if only others can make files there; else
	 * -1 and NULL. */
	int folder;
	char *name;
};

/* An address with a port, or many. IPv4 is never written as IPv6 here. */
struct policy_peer {
	char *text, *where;
	int family; /* AF_UNSPEC: any address */
	unsigned char address[16];
	unsigned int prefix; /* bits of @address that count */
	uint32_t port;	     /* 0: any */
};

enum policy_verdict {
	POLICY_ALLOW,
	POLICY_DENY,
	POLICY_LOG,
	POLICY_LIMIT,
	POLICY_ASK
};

struct policy;

struct policy_call {
	char *name, *where;
	enum policy_verdict verdict;
	uint32_t limit; /* of POLICY_LIMIT: the index */
	/* For the handler of POLICY_LIMIT: who answers what is within the limit; NULL: the kernel. */
	struct policy *policy;
	sluice_handler next;
};

/* So many of some calls, all together. */
struct policy_limit {
	uint64_t count, period_ns;
	int errnum;
	struct cli_rate rate;
};

/* Of the environment that the program gets, if it is not set there. */
struct policy_variable {
	char *name, *value, *where;
};

/* A question that is not asked again. */
struct policy_answered {
	char *text;
	bool allow;
};

struct policy_port {
	char *where;
	uint16_t port; /* 0: any free one */
};

/* What the program gets that it could not do itself. */
enum policy_gift {
	POLICY_NODE,
	POLICY_MOUNT,
	POLICY_ROOT
};

struct policy_grant {
	char *name, *where; /* of a device, or a type of file system; "" */
	enum policy_gift gift;
};

struct policy {
	struct cli *cli;
	struct policy_path *paths;
	uint32_t n_paths, cap_paths;
	struct policy_peer *peers;
	uint32_t n_peers, cap_peers;
	struct policy_call *calls;
	uint32_t n_calls, cap_calls;
	struct policy_limit *limits;
	uint32_t n_limits, cap_limits;
	struct policy_answered *answered;
	uint32_t n_answered, cap_answered;
	struct policy_variable *variables;
	uint32_t n_variables, cap_variables;
	uint64_t ask_seconds; /* until a question is answered with no; 0: the default */
	struct policy_port *ports;
	uint32_t n_ports, cap_ports;
	struct policy_grant *grants;
	uint32_t n_grants, cap_grants;
	unsigned int nodes; /* bit i: emulated_nodes[i] may be made */
	bool mounts;	    /* of tmpfs */
	atomic_uint mounted;
	bool fake_root;
	bool network; /* it says something of the network: the rest is refused */
	int errnum;   /* of refused calls; 0: EPERM */
	struct policy_names *names; /* who answers for the rules' hosts, or NULL */
};

void policy_clear(struct policy *p);

/* Each adds what a flag or a file says. 0 or CLI_TROUBLE, said. */
int policy_add_path(
	struct policy *p, enum policy_access access, const char *path, const char *where);
int policy_add_connect(struct policy *p, const char *text, const char *where);
int policy_add_bind(struct policy *p, const char *text, const char *where);
int policy_add_call(struct policy *p, enum policy_verdict verdict, const char *name,
	const char *where);
/* limits.c: "CALL[,CALL]...=N/s[:ERRNO]" */
int policy_add_limit(struct policy *p, const char *text, const char *where);
int policy_set_ask_seconds(struct policy *p, uint64_t seconds, const char *where);
/* Also checks that this process can do it. @name is "" for POLICY_ROOT. */
int policy_add_grant(
	struct policy *p, enum policy_gift gift, const char *name, const char *where);
int policy_add_variable(
	struct policy *p, const char *name, const char *value, const char *where);
int policy_set_errno(struct policy *p, const char *name, const char *where);
/* Whether the user is asked about a call; NULL: about any. */
bool policy_asks(const struct policy *p, const char *call);
/* "sluice run: --ro: ..." or "FILE:1:2: ...". Returns CLI_TROUBLE. */
int policy_error(const struct policy *p, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* read.c: the object "sluice" of a file, or of a preset's. $HOME, $PROJECT and $TMPDIR at
 * the beginning of a path stand for folders. */
int policy_read(struct policy *p, const char *file);
int policy_preset(struct policy *p, const char *file, const char *name);

/* Sets the variables in the environment of this process, once nothing of the policy is read any more: they are
 * for the program. */
int policy_set_environment(const struct policy *p);

/* ---- the plan ---- */

struct policy_plan {
	int abi;			/* of Landlock; 0: none */
	bool any, files, sockets;	/* of Unix, by path */
	bool connect, listen, metadata; /* calls that the supervisor answers */
	bool grants, limits, asks;	/* such calls, too */
	bool ask_connect;
	bool made;			/* the supervisor makes the sockets: descriptors.c */
	bool ports;			/* Landlock looks at what is connected to */
	bool best_effort;
};

/* Choose the mechanisms, open what paths name. 0 or CLI_TROUBLE, said: it cannot be done
 * soundly here. */
int policy_make_plan(struct policy *p, bool best_effort, struct policy_plan *plan);
void policy_print(const struct policy *p, const struct policy_plan *plan, FILE *out);
static inline bool policy_supervised(const struct policy_plan *plan)
{
	return plan->connect || plan->listen || plan->metadata || plan->grants ||
	       plan->limits || plan->asks;
}

/* grants.c: before the plan, if something may be mounted: a mount namespace for this process and the
 * program. 0 or CLI_TROUBLE, said. */
int policy_own_mounts(const struct policy *p);

/* fence.c: a ruleset of Landlock, which the caller closes; -1: there is none. */
int policy_ruleset(const struct policy *p, const struct policy_plan *plan, int *ruleset);

/* rules.c: the filter. The caller frees its instructions. */
int policy_filter(const struct policy *p, const struct policy_plan *plan,
	struct sock_fprog *filter);
/* A call that some rule needs to be closed; NULL: it may be allowed. */
const char *policy_closed(const char *call);
/* Why there can be no limit for a call, or no question about it; NULL: there can. */
const char *policy_unlimited(const char *call);
const char *policy_unasked(const char *call);
/* ask.c: whether what is shown of the call can change before it runs. */
const char *policy_unaskable(const char *call);
/* --fake-root answers it in the filter. */
bool policy_faked(const char *call);

/* answer.c, metadata.c: handlers of the supervisor. 0 or -errno. */
int policy_answer(struct policy *p, const struct policy_plan *plan,
	struct sluice_supervisor *supervisor);
int policy_answer_metadata(struct policy *p, struct sluice_supervisor *supervisor);
/* The handler of a call that changes attributes of files; NULL: it is another call. */
sluice_handler policy_metadata_handler(const char *call);
/* Let the kernel run a call of which nothing but registers was looked at. */
int policy_let(const struct policy *p, struct sluice_request *request);
/* limits.c; its data is the struct policy_call. */
int policy_on_limited(struct sluice_request *request, void *call);
/* ask.c, on workers: whether the user lets the program connect to @address. */
bool policy_ask_connect(struct policy *p, struct sluice_request *request,
	const struct sockaddr_storage *address);
int policy_on_asked(struct sluice_request *request, void *policy);
static inline bool policy_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
/* The folder that the file @fd is in, and its name there: those that the kernel knows, checked. A
 * descriptor (O_PATH), or -1. */
int policy_folder_of(int fd, const struct stat *st, char name[NAME_MAX + 1]);
/* Whether the file @fd is one of --rw, or lies in a folder of these. */
bool policy_may_change(const struct policy *p, int fd);
/* The verdict after an action that gave @rc: 0, or -errno, where -EPERM is a refusal of the policy. */
int policy_verdict(const struct policy *p, struct sluice_request *request, int rc);
/* descriptors.c: whether pidfd_getfd(2) works here. */
bool policy_takes_descriptors(void);
/* What descriptor @number of the program is, as one of ours that the caller closes; or -errno. A file:
 * *@by_path is set where it is opened anew, with O_PATH. A socket: -EPERM if pidfd_getfd(2) does not work
 * and the supervisor has not made it. */
int policy_file_of(struct sluice_request *request, int number, bool *by_path);
int policy_socket_of(struct sluice_request *request, int number);
/* The socket is connected or listens: its end is the program's alone. */
void policy_socket_done(int fd);
int policy_on_socket(struct sluice_request *request, void *policy);
/* grants.c */
int policy_on_mknod(struct sluice_request *request, void *policy);
int policy_on_mount(struct sluice_request *request, void *policy);
int policy_on_ids(struct sluice_request *request, void *policy);
/* The caller acts with this process's rights; the target must have the same. */
bool policy_same_rights(struct sluice_request *request);

/* names.c: a name server for the hosts of the rules, in a thread of this process. start() also changes
 * the environment that the program gets; policy_clear() stops it. 0 or -errno. */
bool policy_has_names(const struct policy *p);
int policy_names_start(struct policy *p);
void policy_names_stop(struct policy *p);
/* If @address is a name server's, puts ours in its place, for a socket of @domain. */
bool policy_names_instead(const struct policy *p, int domain, struct sockaddr_storage *address,
	int *length);
/* The answer to a message, in bytes; 0: it deserves none. */
#define POLICY_NAME_ANSWER 4096
size_t policy_name_answer(const struct policy *p, const unsigned char *question, size_t size,
	unsigned char out[POLICY_NAME_ANSWER]);

/* address.c: whether some rule lets @address be connected to. */
bool policy_lets(const struct policy *p, const struct sockaddr_storage *address);

#endif
