/* What the files of "sluice serve" share.
 *
 * One thread dispatches: it alone reads policies, adds and removes containers, and reads
 * the tables. Workers get a reference to the policy of their call, and count.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_SERVE_SERVE_H
#define CLI_SERVE_SERVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sluice.h>
#include <sys/stat.h>

#include "cli.h"
#include "rate.h"

#define SERVE_NAME_MAX 128 /* of a policy, without ".json" */
#define SERVE_PATH_MAX 108 /* of a socket */
#define SERVE_ID_MAX   80  /* of a container, as it is printed */

/* ---- policies ---- */

enum serve_kind {
	SERVE_MKDIR,
	SERVE_MKNOD,
	SERVE_MOUNT,
	SERVE_SYSINFO,
	SERVE_REFUSE,
	SERVE_VALUE,
	SERVE_ALLOW
};

/* What is done with one call. */
struct serve_rule {
	char *call;
	enum serve_kind kind;
	int64_t value; /* the errno of SERVE_REFUSE, the result of SERVE_VALUE */
};

enum serve_verdict {
	SERVE_DONE,	 /* the supervisor made the call, or gave a value */
	SERVE_CONTINUED, /* the kernel made it */
	SERVE_REFUSED,
	SERVE_LIMITED, /* refused: too many */
	SERVE_GONE,    /* the target ended or was interrupted first, or the time was up */
	SERVE_VERDICTS
};

/* Counters of one name; they live as long as the program. */
struct serve_counts {
	struct serve_counts *next;
	atomic_ullong verdicts[SERVE_VERDICTS];
	uint64_t containers; /* of the dispatching thread */
	char name[];
};

/* A folder of the machine that a container may mount under a name. */
struct serve_volume {
	char *source; /* the first argument of mount(2): a name only */
	char *path;
	bool writable;
};

struct serve_policy {
	atomic_uint refs;
	struct serve_counts *counts;
	char **folders; /* of mkdir */
	uint32_t n_folders, cap_folders;
	struct serve_rule *rules;
	uint32_t n_rules, cap_rules;
	unsigned int devices; /* bit i: emulated_nodes[i] */
	struct serve_volume *volumes;
	uint32_t n_volumes, cap_volumes;
	bool tmpfs;			  /* may be mounted */
	uint64_t mount_size;		  /* bytes */
	uint64_t mounts;		  /* of one container */
	uint64_t max_pending, per_second; /* 0: no limit */
	int limit_errno;
	char name[SERVE_NAME_MAX + 1];
};

struct serve_set {
	struct serve_policy **items;
	uint32_t n, cap;
	uint32_t mistakes; /* said on stderr */
};

/* ---- containers ---- */

/* A folder of the policy, as it was when the container came. */
struct serve_folder {
	char *path;
	uint64_t dev, ino;
};

struct serve_container {
	struct serve_container *next;
	unsigned int index;	     /* of its listener */
	struct serve_policy *policy; /* NULL: everything is refused */
	struct serve_counts *counts;
	struct serve_folder *folders;
	uint32_t n_folders, cap_folders;
	atomic_uint pending; /* work that has the container */
	atomic_uint mounts;
	uint64_t started; /* clock ticks since the machine's start; 0: unknown */
	struct cli_rate rate;
	char id[SERVE_ID_MAX];
	char name[SERVE_NAME_MAX + 1]; /* of the policy that it asked for */
};

/* A call with a handler; lives as long as the program. */
struct serve_call {
	struct serve_call *next;
	struct serve *serve;
	char name[];
};

struct serve_log {
	const char *path; /* NULL: none; "-": stdout */
	int fd;
	bool failed; /* and that was said */
	pthread_mutex_t lock;
};

struct serve_client {
	int fd;
	uint64_t until_ns;
	char *answer; /* NULL: still asking */
	size_t length, done;
	char asked[1024];
};

#define SERVE_CLIENTS 8

struct serve_metrics {
	int fd; /* -1: none */
	struct serve_client clients[SERVE_CLIENTS];
};

struct serve {
	struct cli *cli;
	const char *folder; /* of policies */
	const char *keeper, *socket, *metrics_path;
	int default_errno;
	struct sluice_supervisor *supervisor;
	struct serve_set set;
	struct serve_container *containers;
	uint32_t n_containers;
	struct serve_call *calls;
	struct serve_counts *counts;
	struct serve_counts *nobody; /* of calls without a container */
	struct serve_log log;
	struct serve_metrics metrics;
	int state; /* -1: none */
	uint32_t state_lines;
	atomic_uint working;
};

/* One call on its way to a worker. */
struct serve_work {
	struct serve *serve;
	struct serve_container *container;
	struct serve_policy *policy;
	const struct serve_rule *rule;
};

/* read.c: read one file. The mistakes are said and counted in @mistakes, also a file that
 * cannot be read. 0, or -ENOMEM. *@policy, with one reference, is set if there is no
 * mistake. */
int serve_read(struct serve *s, const char *file, const char *name, uint32_t *mistakes,
	struct serve_policy **policy);

/* policies.c */
bool serve_name_ok(const char *name);
int serve_load(struct serve *s, struct serve_set *set);
void serve_set_clear(struct serve_set *set);
struct serve_policy *serve_find(const struct serve_set *set, const char *name);
struct serve_policy *serve_policy_ref(struct serve_policy *policy);
void serve_policy_unref(struct serve_policy *policy);
const struct serve_rule *serve_rule(const struct serve_policy *policy, const char *call);
/* The counters of that name; NULL: no memory. */
struct serve_counts *serve_counts(struct serve *s, const char *name);

/* containers.c */
int serve_on_container(struct sluice_supervisor *supervisor,
	struct sluice_container *container, void *data);
struct serve_container *serve_container_new(
	struct serve *s, unsigned int index, const char *name, const char *id);
int serve_container_folder(
	struct serve_container *c, const char *path, uint64_t dev, uint64_t ino);
void serve_container_free(struct serve_container *c);
/* Free those whose last process has ended. */
void serve_sweep(struct serve *s);
/* The policies of @set for everybody; the caller's set is empty afterwards. 0 or -errno,
 * and then the old ones go on. */
int serve_use(struct serve *s, struct serve_set *set);
/* All that is allocated. */
void serve_clear(struct serve *s);
/* A folder of the file system that @root begins, by no link and on one mount. A
 * descriptor or -errno. */
int serve_open_folder(int root, const char *path, struct stat *st);

/* answer.c */
int serve_handle(struct serve *s);
int serve_fail(struct serve_work *w, struct sluice_request *req, int errnum);
int serve_reply(struct serve_work *w, struct sluice_request *req, int64_t value);
int serve_continue(struct serve_work *w, struct sluice_request *req);

/* files.c, mount.c, sysinfo.c: on a worker. Each gives the verdict. */
int serve_mkdir(struct serve_work *w, struct sluice_request *req);
int serve_mknod(struct serve_work *w, struct sluice_request *req);
int serve_mount(struct serve_work *w, struct sluice_request *req);
int serve_sysinfo(struct serve_work *w, struct sluice_request *req);

/* acting.c: this thread makes calls with the ids of the target, no other groups, and
 * no capability but @capability (-1: none). After success serve_act_end() ends that. */
struct serve_acting {
	uint32_t effective[2];
	uid_t uid;
	gid_t gid;
};
int serve_act_begin(struct serve_acting *a, struct sluice_request *req, int capability);
void serve_act_end(const struct serve_acting *a);

/* log.c */
int serve_log_open(struct serve *s);
void serve_log_line(const char *line, size_t length, void *data);
void serve_log_container(
	struct serve *s, const struct serve_container *c, const char *why);

/* metrics.c */
int serve_metrics_open(struct serve *s, bool replace);
void serve_metrics_look(struct serve *s);
void serve_metrics_close(struct serve *s, bool remove);
/* A listening socket with mode 0600. @replace: also of a process that serves it. */
int serve_listen(const char *path, int type, bool replace);

/* state.c: what a successor has to know of the containers. */
int serve_state_open(struct serve *s, bool successor);
int serve_state_add(struct serve *s, const struct serve_container *c);
void serve_state_sweep(struct serve *s);

/* upgrade.c: how one process takes over from another. */
int serve_take_over(struct serve *s, struct sluice_supervisor **supervisor);
int serve_upgrade_open(const struct serve *s);
/* What workers have begun should be finished, not be begun again by the successor. False:
 * a file system does not answer. */
bool serve_drain(struct serve *s);
/* Somebody connected to @fd. 0: it took over, and this one has to end. */
int serve_upgrade(struct serve *s, int fd);
void serve_upgrade_path(
	const struct serve *s, const char *suffix, char path[SERVE_PATH_MAX]);

#endif
