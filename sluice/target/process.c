/* Who asks: thread, process, credentials, directories.
 * SPDX-License-Identifier: MIT
 *
 * What is bound to one moment (root, working directory, memory, credentials, executable: any
 * of them may differ in the next call, after chdir, chroot, setuid or exec) is kept for one
 * request only. A pidfd names one thread for ever, so it is kept until that thread
 * dies; before it serves a request it must still be alive and after that the id still valid,
 * which together say that it is the asking thread and not one with a reused id. */
#include "target/target.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

struct target {
	struct source source;   /* the pidfd: readable at death */
	struct target *next;
	pid_t tid, tgid;
	bool thread;            /* the pidfd is the thread's, not the process' */
	atomic_int refs;
};

/* Threads that are known, by id. */
struct targets {
	struct part part;
	pthread_mutex_t lock;
	struct target *buckets[256];
	unsigned count;
};

enum which { ROOT, CWD, MEM, EXE, OPENED };

/* What is open for one request. */
struct view {
	struct part part;
	int fd[OPENED];
	struct target *target;
};

/* Of /proc/tid/status: 65536 groups (NGROUPS_MAX) of eleven bytes, and the rest. */
#define STATUS_MAX (1u << 20)

/* Descriptors that may be kept for later: of many targets, and never more than a quarter of
 * what this process may have, or one target with many threads would take the others'. */
#define CACHED_TARGETS 1024

static unsigned cache_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 4 >= CACHED_TARGETS)
		return CACHED_TARGETS;
	return (unsigned)limit.rlim_cur / 4;
}

static void target_unref(struct target *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	closep(&t->source.fd);
	free(t);
}

static void destroy(struct source *source)
{
	target_unref((struct target *)source);
}

static struct targets *targets_of(struct sluice_supervisor *sv)
{
	return (struct targets *)sv->rooms[ROOM_TARGET];
}

static struct target **bucket(struct targets *all, pid_t tid)
{
	return &all->buckets[(unsigned)tid % 256];
}

static void forget(struct sluice_supervisor *sv, struct target *t)
{
	struct targets *all = targets_of(sv);
	bool found = false;

	pthread_mutex_lock(&all->lock);
	for (struct target **p = bucket(all, t->tid); *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			all->count--;
			found = true;
			break;
		}
	pthread_mutex_unlock(&all->lock);
	if (!found)
		return;
	sc_core_unwatch(sv, &t->source);
	sc_core_bury(sv, &t->source);
}

static void on_death(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	(void)events;
	forget(sv, (struct target *)source);
}

static void free_targets(struct part *part)
{
	struct targets *all = (struct targets *)part;

	pthread_mutex_destroy(&all->lock);
	free(all);
}

int sc_target_begin(struct sluice_supervisor *sv)
{
	struct targets *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->part.destroy = free_targets;
	pthread_mutex_init(&all->lock, NULL);
	sv->rooms[ROOM_TARGET] = &all->part;
	return 0;
}

void sc_target_stop(struct sluice_supervisor *sv)
{
	struct targets *all = targets_of(sv);

	for (unsigned i = 0; all && i < 256; i++)
		while (all->buckets[i])
			forget(sv, all->buckets[i]);
}

static struct target *lookup(struct sluice_supervisor *sv, pid_t tid)
{
	struct targets *all = targets_of(sv);
	struct target *t;

	pthread_mutex_lock(&all->lock);
	for (t = *bucket(all, tid); t; t = t->next)
		if (t->tid == tid) {
			atomic_fetch_add(&t->refs, 1);
			break;
		}
	pthread_mutex_unlock(&all->lock);
	return t;
}

/* Keep @t for later requests of its thread. Failing to is no error. */
static void remember(struct sluice_supervisor *sv, struct target *t)
{
	struct targets *all = targets_of(sv);
	struct target **b = bucket(all, t->tid);

	pthread_mutex_lock(&all->lock);
	for (struct target *other = *b; other; other = other->next)
		if (other->tid == t->tid) {
			pthread_mutex_unlock(&all->lock);
			return;
		}
	if (all->count < cache_limit() &&
		sc_core_watch(sv, &t->source, EPOLLIN) == 0) {
		atomic_fetch_add(&t->refs, 1);
		t->next = *b;
		*b = t;
		all->count++;
	}
	pthread_mutex_unlock(&all->lock);
}

static void free_view(struct part *part)
{
	struct view *view = (struct view *)part;

	for (int i = 0; i < OPENED; i++)
		closep(&view->fd[i]);
	if (view->target)
		target_unref(view->target);
	free(view);
}

/* Made when somebody asks; NULL: no memory. */
static struct view *view_of(struct sluice_request *req)
{
	struct view *view = (struct view *)req->view;

	if (view)
		return view;
	view = malloc(sizeof(*view));
	if (!view)
		return NULL;
	*view = (struct view){{free_view}, {-1, -1, -1, -1}, NULL};
	req->view = &view->part;
	return view;
}

/* A file of the target's directory in our procfs. */
int sc_target_proc(struct sluice_request *req, const char *what, int flags)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	if (!req->notif.pid)
		return -ESRCH;
	snprintf(path, sizeof(path), "%u/%s", req->notif.pid, what);
	fd = sc_target_proc_open(&req->sv->proc, path, flags);
	if (fd < 0 && fd != -ENOENT && fd != -ESRCH)
		return fd;
	if (sc_core_id_valid(req))
		return -ENOENT;
	return fd < 0 ? -ESRCH : steal_fd(&fd);
}

/* What is behind the target's descriptor @target_fd, O_PATH, the caller's. Not its open file: whoever
 * closes that last may wait long (a socket that lingers, a file system of the target's). In
 * /proc/tid the table is that of the thread. */
static int path_of_fd(struct sluice_request *req, int target_fd, int flags)
{
	char name[32];
	int fd;

	req->saw_pointer = true; /* other threads can put another one there */
	if (target_fd < 0)
		return -EBADF;
	snprintf(name, sizeof(name), "fd/%d", target_fd);
	fd = sc_target_proc(req, name, O_PATH | flags);
	return fd == -ESRCH && req->notif.pid ? -EBADF : fd;
}

int sc_target_dir(struct sluice_request *req, int target_fd)
{
	return path_of_fd(req, target_fd, O_DIRECTORY);
}

/* The beginning of /proc/tid/status as a string, and it was the target's. Its name, the first line, has
 * no newline that is not escaped. */
static int read_status(struct sluice_request *req, char *text, size_t size)
{
	_cleanup_close_ int fd = sc_target_proc(req, "status", O_RDONLY);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, text + used, size - 1 - used);
		if (n < 0)
			return errno == ESRCH ? -ENOENT : -errno;
		used += (size_t)n;
	} while (n && used < size - 1);
	text[used] = '\0';
	return sc_core_id_valid(req);
}

/* What comes behind the groups, too. The caller frees @text. */
static int read_whole_status(struct sluice_request *req, char **text)
{
	_cleanup_free_ char *whole = malloc(STATUS_MAX);
	int rc;

	if (!whole)
		return -ENOMEM;
	rc = read_status(req, whole, STATUS_MAX);
	if (!rc)
		*text = steal_ptr(whole);
	return rc;
}

/* The numbers behind @field ("\nTgid:") of /proc/tid/status, octal where they begin with 0. */
int sc_target_status(struct sluice_request *req, const char *field, unsigned *out, int n)
{
	char text[4096], *at;
	int rc = read_status(req, text, sizeof(text));

	if (rc)
		return rc;
	at = strstr(text, field);
	if (!at)
		return -EPROTO;
	at += strlen(field);
	for (int i = 0; i < n; i++)
		out[i] = (unsigned)strtoul(at, &at, 0);
	return 0;
}

static int get_info(const struct target *t, struct sluice_pidfd_info *info)
{
	*info = (struct sluice_pidfd_info){.mask = SLUICE_PIDFD_INFO_CREDS};
	return ioctl(t->source.fd, SLUICE_PIDFD_GET_INFO, info) ? -errno : 0;
}

static int open_target(struct sluice_request *req, struct target *t)
{
	struct sluice_pidfd_info info;
	unsigned tgid = 0;
	int rc;

	t->source.fd = (int)syscall(SYS_pidfd_open, t->tid, SLUICE_PIDFD_THREAD);
	t->thread = t->source.fd >= 0;
	if (t->thread && get_info(t, &info) == 0) {
		t->tgid = (pid_t)info.tgid;
	} else {
		rc = sc_target_status(req, "\nTgid:", &tgid, 1);
		if (rc)
			return rc;
		t->tgid = (pid_t)tgid;
	}
	if (!t->thread)
		t->source.fd = (int)syscall(SYS_pidfd_open, t->tgid, 0);
	if (t->source.fd < 0 && errno != ENOSYS) /* before 5.3 there is /proc alone */
		return errno == ESRCH ? -ENOENT : -errno;
	return sc_core_id_valid(req);
}

static int make_target(struct sluice_request *req, struct target **out)
{
	struct target *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	*t = (struct target){.source = {-1, on_death, destroy, NULL},
		.tid = (pid_t)req->notif.pid};
	atomic_init(&t->refs, 1);
	rc = open_target(req, t);
	if (rc) {
		target_unref(t);
		return rc;
	}
	if (t->thread)
		remember(req->sv, t);
	*out = t;
	return 0;
}

static int get_target(struct sluice_request *req, struct target **out)
{
	struct view *view = view_of(req);
	struct target *t;
	int rc;

	if (!view)
		return -ENOMEM;
	*out = view->target;
	if (view->target)
		return 0;
	if (!req->notif.pid)
		return -ESRCH;
	t = lookup(req->sv, (pid_t)req->notif.pid);
	if (t) {
		struct pollfd p = {.fd = t->source.fd, .events = POLLIN};

		if (poll(&p, 1, 0) == 0) {
			rc = sc_core_id_valid(req);
			if (rc)
				target_unref(t);
			else
				*out = view->target = t;
			return rc;
		}
		forget(req->sv, t);
		target_unref(t);
	}
	rc = make_target(req, &view->target);
	*out = view->target;
	return rc;
}

pid_t sluice_tgid(struct sluice_request *request)
{
	struct target *t;
	int rc = get_target(request, &t);

	return rc ? rc : t->tgid;
}

int sluice_pidfd(struct sluice_request *request)
{
	struct target *t;
	int rc = get_target(request, &t);

	return rc ? rc : t->source.fd < 0 ? -ENOSYS : t->source.fd;
}

int sluice_creds(struct sluice_request *request, struct sluice_creds *creds)
{
	struct sluice_creds c = {.size = creds->size};
	struct sluice_pidfd_info i;
	unsigned u[4], g[4];
	struct target *t;
	int rc = get_target(request, &t);

	if (rc)
		return rc;
	if (t->thread && get_info(t, &i) == 0) {
		c = (struct sluice_creds){c.size, i.ruid, i.euid, i.suid, i.fsuid, i.rgid, i.egid,
			i.sgid, i.fsgid};
		rc = sc_core_id_valid(request);
	} else {
		rc = sc_target_status(request, "\nUid:", u, 4);
		if (!rc)
			rc = sc_target_status(request, "\nGid:", g, 4);
		if (!rc)
			c = (struct sluice_creds){c.size, u[0], u[1], u[2], u[3], g[0], g[1],
				g[2], g[3]};
	}
	return rc ? rc : sc_sluice_fill(creds, creds->size, &c, sizeof(c));
}

/* The sets of /proc/tid/status, in hexadecimal. */
static int read_capabilities(struct sluice_request *req, struct sluice_privileges *out)
{
	static const char *const fields[] = {
		"\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:"};
	uint64_t *sets[] = {&out->inheritable, &out->permitted, &out->effective, &out->bounding,
		&out->ambient};
	_cleanup_free_ char *text = NULL;
	int rc = read_whole_status(req, &text);

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets) && !rc; i++) {
		const char *at = strstr(text, fields[i]);

		if (at)
			*sets[i] = strtoull(at + strlen(fields[i]), NULL, 16);
		else
			rc = -EPROTO;
	}
	return rc;
}

int sluice_privileges(struct sluice_request *request, struct sluice_privileges *out)
{
	struct sluice_privileges p = {.size = out->size};
	char who[16];
	int rc = read_capabilities(request, &p);

	if (rc)
		return rc;
	snprintf(who, sizeof(who), "%u", request->notif.pid);
	p.user_namespace = sc_sluice_namespace(&request->sv->proc, who, "user");
	p.same_user_namespace = p.user_namespace &&
		p.user_namespace == sc_sluice_namespace(&request->sv->proc, "thread-self", "user");
	rc = sc_core_id_valid(request);
	return rc ? rc : sc_sluice_fill(out, out->size, &p, sizeof(p));
}

/* How many ids there are from @at to @end, which is a NUL; to @list unless that is NULL. */
static size_t read_ids(char *at, const char *end, gid_t *list)
{
	size_t n = 0;

	for (; at + strspn(at, " \t") < end; n++) {
		gid_t gid = (gid_t)strtoul(at, &at, 10);

		if (list)
			list[n] = gid;
	}
	return n;
}

ssize_t sluice_groups(struct sluice_request *request, gid_t *list, size_t count)
{
	_cleanup_free_ char *text = NULL;
	char *at, *end;
	size_t n;
	int rc = read_whole_status(request, &text);

	if (rc)
		return rc;
	at = strstr(text, "\nGroups:");
	end = at ? strchr(at + 1, '\n') : NULL;
	if (!end)
		return -EPROTO;
	*end = '\0';
	at += strlen("\nGroups:");
	n = read_ids(at, end, NULL);
	if (count && n > count)
		return -ERANGE;
	if (count)
		read_ids(at, end, list);
	return (ssize_t)n;
}

ssize_t sluice_exe(struct sluice_request *request, char *path, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (!size)
		return -EINVAL;
	fd = sc_target_proc(request, "exe", O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", path, size);
	if (n < 0)
		n = -errno;
	if (sc_core_id_valid(request))
		return -ENOENT;
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	path[n] = '\0';
	return n;
}

static int cached_fd(struct sluice_request *req, enum which which, const char *what, int flags)
{
	struct view *view = view_of(req);
	int opened, *fd;

	if (!view)
		return -ENOMEM;
	fd = &view->fd[which];
	if (*fd >= 0)
		return *fd;
	opened = sc_target_proc(req, what, flags);
	if (opened >= 0)
		*fd = opened;
	return opened;
}

int sluice_root_fd(struct sluice_request *request)
{
	request->saw_pointer = true; /* a thread that shares it can change it */
	return cached_fd(request, ROOT, "root", O_PATH | O_DIRECTORY);
}

int sluice_cwd_fd(struct sluice_request *request)
{
	request->saw_pointer = true;
	return cached_fd(request, CWD, "cwd", O_PATH | O_DIRECTORY);
}

int sluice_mem_fd(struct sluice_request *request)
{
	request->saw_pointer = true;
	return cached_fd(request, MEM, "mem", O_RDWR);
}

int sluice_exe_fd(struct sluice_request *request)
{
	return cached_fd(request, EXE, "exe", O_PATH);
}

int sluice_path_fd(struct sluice_request *request, int target_fd)
{
	return path_of_fd(request, target_fd, 0);
}

int sluice_namespace_fd(struct sluice_request *request, int type)
{
	static const struct {
		int type;
		const char *file;
	} kinds[] = {{CLONE_NEWCGROUP, "ns/cgroup"}, {CLONE_NEWIPC, "ns/ipc"},
		{CLONE_NEWNET, "ns/net"}, {CLONE_NEWNS, "ns/mnt"}, {CLONE_NEWPID, "ns/pid"},
		{CLONE_NEWTIME, "ns/time"}, {CLONE_NEWUSER, "ns/user"},
		{CLONE_NEWUTS, "ns/uts"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].type == type) {
			request->saw_pointer = true; /* setns(2) and unshare(2) change it */
			return sc_target_proc(request, kinds[i].file, O_RDONLY);
		}
	return -EINVAL;
}

int sluice_get_fd(struct sluice_request *request, int target_fd)
{
	_cleanup_close_ int fd = -1;
	int pidfd = sluice_pidfd(request);

	if (pidfd < 0)
		return pidfd;
	/* Before PIDFD_THREAD this is the leader's table: nearly always the same one. */
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, target_fd, 0);
	request->saw_pointer = true;
	if (fd < 0 && errno != ESRCH)
		return -errno;
	if (fd >= 0 && sc_core_id_valid(request)) {
		sc_sluice_discard_one(fd);
		fd = -1;
	}
	return fd < 0 ? -ENOENT : steal_fd(&fd);
}
