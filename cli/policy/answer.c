/* What the supervisor does for the program: connections and listening sockets.
 * SPDX-License-Identifier: MIT
 *
 * The supervisor acts on its own copy of the address and on the open socket itself. What
 * other threads of the program put in their place meanwhile changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy.h"
#include "util/cleanup.h"

int policy_verdict(const struct policy *p, struct sluice_request *req, int rc)
{
	if (rc == -EPERM && p->errnum)
		rc = -p->errnum;
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

int policy_let(const struct policy *p, struct sluice_request *req)
{
	int rc = sluice_continue(req, SLUICE_CONTINUE_ARGS);

	/* The request was not consumed: something else than registers was looked at. */
	return rc == -EPERM || rc == -EINVAL ? policy_verdict(p, req, -EPERM) : rc;
}

/* ---- rights -------------------------------------------------------------------------
 */

/* The lines of a status file that say what its process may do. */
static bool rights(const char *who, char *out, size_t size)
{
	static const char *const names[] = {
		"Uid:", "Gid:", "Groups:", "CapEff:", "CapPrm:"};
	char path[64], line[4096];
	size_t at = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", who);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0 && at < size)
				at += (size_t)snprintf(out + at, size - at, "%s", line);
	if (f)
		fclose(f);
	if (at + 64 >= size)
		return false;
	snprintf(path, sizeof(path), "/proc/%s/ns/user", who);
	n = readlink(path, out + at, 63);
	out[at + (size_t)(n > 0 ? n : 0)] = 0;
	return f && n > 0;
}

bool policy_same_rights(struct sluice_request *req)
{
	_cleanup_free_ char *ours = malloc(8192), *theirs = malloc(8192);
	char who[16];

	snprintf(who, sizeof(who), "%d", (int)sluice_tid(req));
	return ours && theirs && rights("thread-self", ours, 8192) &&
	       rights(who, theirs, 8192) && sluice_alive(req) == 0 &&
	       strcmp(ours, theirs) == 0;
}

/* ---- connect ------------------------------------------------------------------------
 */

static int option(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -1 : value;
}

static bool is_tcp(int fd)
{
	int domain = option(fd, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) &&
	       option(fd, SO_TYPE) == SOCK_STREAM &&
	       option(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

/* Whether the socket is the one of the rule. The program may make links and rename files, so names
 * count only where it cannot: a server that starts again makes another file of the same name. */
static bool is_socket_of(const struct policy_path *rule, const struct stat *st)
{
	struct stat now;

	return policy_same_file(&rule->st, st) ||
	       (rule->name &&
		       fstatat(rule->folder, rule->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		       policy_same_file(&now, st));
}

/* The socket that the program names, if a rule has it: -errno, or a descriptor (O_PATH).
 */
static int find_socket(
	const struct policy *p, struct sluice_request *req, const char *path)
{
	char last[256];
	_cleanup_close_ int dir = sluice_open_parent(
				    req, AT_FDCWD, path, last, sizeof(last)),
			    fd = -1;
	struct stat st;

	if (dir < 0)
		return dir;
	fd = openat(dir, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ECONNREFUSED;
	for (uint32_t i = 0; i < p->n_paths; i++) {
		const struct policy_path *rule = &p->paths[i];

		if (rule->access == POLICY_SOCKET &&
			(S_ISDIR(rule->st.st_mode) ? sluice_is_beneath(rule->fd, dir) == 1
						   : is_socket_of(rule, &st)))
			return steal_fd(&fd);
	}
	return -EPERM;
}

static int connect_unix(const struct policy *p, struct sluice_request *req, int fd,
	const struct sockaddr_storage *address, int length)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct sockaddr_un *un = (const void *)address;
	char path[sizeof(un->sun_path) + 1] = "";
	int n = length - (int)offsetof(struct sockaddr_un, sun_path), file;

	if (n > 0)
		memcpy(path, un->sun_path,
			(size_t)n < sizeof(path) ? (size_t)n : sizeof(path) - 1);
	/* Names without a file have no owner and no permissions. */
	if (!path[0] || !policy_same_rights(req))
		return -EPERM;
	file = find_socket(p, req, path);
	if (file < 0)
		return file;
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", file);
	n = connect(fd, (const struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
	close(file);
	return n;
}

/* Only --unix is there, which says nothing of other sockets. The kernel must not read the address again, as it
 * could be a path by then; and other families than the internet's may look at the rights of the caller. */
static int connect_unjudged(struct sluice_request *req, int fd, int domain,
	const struct sockaddr_storage *address, int length)
{
	if (domain != AF_INET && domain != AF_INET6 && !policy_same_rights(req))
		return -EPERM;
	return connect(fd, (const struct sockaddr *)address, (socklen_t)length) ? -errno
										: 0;
}

static int connect_it(struct policy *p, struct sluice_request *req, int fd,
	struct sockaddr_storage *address, int length)
{
	int domain = option(fd, SO_DOMAIN);

	if (length < (int)sizeof(sa_family_t))
		return -EINVAL;
	if (address->ss_family == AF_UNIX && domain == AF_UNIX)
		return connect_unix(p, req, fd, address, length);
	if (!p->network && domain != AF_UNIX)
		return connect_unjudged(req, fd, domain, address, length);
	if (!is_tcp(fd))
		return -EPERM;
	if (address->ss_family == AF_INET ? length < (int)sizeof(struct sockaddr_in)
		: address->ss_family == AF_INET6
			? length < 24 /* what the kernel wants at least */
			: address->ss_family != AF_UNSPEC)
		return address->ss_family == AF_INET || address->ss_family == AF_INET6
			       ? -EINVAL
			       : -EPERM;
	/* AF_UNSPEC ends a connection. */
	if (address->ss_family != AF_UNSPEC && !policy_lets(p, address) &&
		!policy_names_instead(p, domain, address, &length) &&
		!(policy_asks(p, "connect") && policy_ask_connect(p, req, address)))
		return -EPERM;
	return connect(fd, (const struct sockaddr *)address, (socklen_t)length) ? -errno
										: 0;
}

static void give_up(struct sluice_request *req, void *data)
{
	(void)req;
	shutdown(*(int *)data, SHUT_RDWR);
}

static int connect_for_it(struct sluice_request *req, void *data)
{
	struct policy *p = data;
	struct sockaddr_storage address;
	int length = sluice_read_sockaddr(req, 1, 2, &address), fd, rc;

	if (length < 0)
		return sluice_fail(req, length);
	fd = policy_socket_of(req, sluice_arg_int(req, 0));
	if (fd < 0)
		return policy_verdict(p, req, fd);
	rc = sluice_on_cancel(req, give_up, &fd);
	if (!rc)
		rc = connect_it(p, req, fd, &address, length);
	if (!rc || rc == -EINPROGRESS)
		policy_socket_done(fd);
	/* After the verdict nobody gives up any more. */
	rc = policy_verdict(p, req, rc);
	close(fd);
	return rc;
}

static int on_connect(struct sluice_request *req, void *data)
{
	return sluice_work(req, connect_for_it, data);
}

/* ---- listen -------------------------------------------------------------------------
 */

/* A socket of the internet that has no port gets any from listen(2). */
static bool may_listen(const struct policy *p, int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t size = sizeof(own);
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&own, &size))
		return false;
	if (own.ss_family == AF_UNIX)
		return true;
	if (own.ss_family != AF_INET && own.ss_family != AF_INET6)
		return false;
	/* It is at the same place in both. */
	port = ntohs(((const struct sockaddr_in *)(const void *)&own)->sin_port);
	for (uint32_t i = 0; i < p->n_ports; i++)
		if (p->ports[i].port == port || !p->ports[i].port)
			return true;
	return false;
}

static int listen_for_it(struct sluice_request *req, void *data)
{
	const struct policy *p = data;
	int fd = policy_socket_of(req, sluice_arg_int(req, 0)), rc;

	if (fd < 0)
		return policy_verdict(p, req, fd);
	if (!may_listen(p, fd))
		rc = -EPERM;
	else
		rc = listen(fd, sluice_arg_int(req, 1)) ? -errno : 0;
	if (!rc)
		policy_socket_done(fd);
	rc = policy_verdict(p, req, rc);
	close(fd);
	return rc;
}

static int on_listen(struct sluice_request *req, void *data)
{
	return sluice_work(req, listen_for_it, data);
}

/* What a profile leaves to a supervisor, and this one knows nothing of. */
static int on_other(struct sluice_request *req, void *data)
{
	return policy_verdict(data, req, -EPERM);
}

static const struct {
	const char *call;
	sluice_handler handler;
} handlers[] = {{"connect", on_connect}, {"listen", on_listen}, {"mknod", policy_on_mknod},
	{"mknodat", policy_on_mknod}, {"mount", policy_on_mount},
	{"getresuid", policy_on_ids}, {"getresgid", policy_on_ids}, {"socket", policy_on_socket}};

/* Who answers a call for a rule. NULL: no rule is about it. */
static sluice_handler own(
	const struct policy *p, const struct policy_plan *plan, const char *call)
{
	bool on[] = {plan->connect, plan->listen, p->nodes != 0, p->nodes != 0, p->mounts,
		p->fake_root, p->fake_root, plan->made};

	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (on[i] && strcmp(handlers[i].call, call) == 0)
			return handlers[i].handler;
	return NULL;
}

/* Who answers a call that the plan leaves to the supervisor. NULL: nobody, the kernel runs it. */
static sluice_handler usual(
	const struct policy *p, const struct policy_plan *plan, const char *call)
{
	if (own(p, plan, call))
		return own(p, plan, call);
	if (plan->metadata && policy_metadata_handler(call))
		return policy_metadata_handler(call);
	return policy_asks(p, call) ? policy_on_asked : NULL;
}

static int answer_calls(struct policy *p, const struct policy_plan *plan,
	struct sluice_supervisor *supervisor)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->n_calls && !rc; i++) {
		struct policy_call *c = &p->calls[i];

		c->policy = p;
		c->next = usual(p, plan, c->name);
		if (c->verdict == POLICY_ASK && c->next == policy_on_asked)
			rc = sluice_on_name(supervisor, c->name, policy_on_asked, p);
	}
	/* They come first. */
	for (uint32_t i = 0; i < p->n_calls && !rc; i++)
		if (p->calls[i].verdict == POLICY_LIMIT)
			rc = sluice_on_name(supervisor, p->calls[i].name,
				policy_on_limited, &p->calls[i]);
	return rc;
}

int policy_answer(struct policy *p, const struct policy_plan *plan,
	struct sluice_supervisor *supervisor)
{
	int rc = sluice_on(supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, on_other, p);

	if (!rc && policy_has_names(p))
		rc = policy_names_start(p);
	/* A profile may leave others to a supervisor, too: those fail. */
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && !rc; i++)
		if (own(p, plan, handlers[i].call))
			rc = sluice_on_name(
				supervisor, handlers[i].call, handlers[i].handler, p);
	if (!rc)
		rc = policy_answer_metadata(p, supervisor);
	return rc ? rc : answer_calls(p, plan, supervisor);
}
