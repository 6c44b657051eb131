/* Which mechanism enforces which rule, and what is missing here.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "landlock.h"
#include "policy.h"
#include "util/cleanup.h"

/* What the kernel lacks: an error, or a line if the user can live with it. */
static int gap(const struct policy *p, const struct policy_plan *plan, const char *what)
{
	if (plan->best_effort) {
		cli_warn(p->cli, "gap: %s", what);
		return 0;
	}
	return cli_error(p->cli, "%s; --best-effort runs the program all the same", what);
}

static bool has(const struct policy *p, unsigned int accesses)
{
	for (uint32_t i = 0; i < p->n_paths; i++)
		if (p->paths[i].access & accesses)
			return true;
	return false;
}

static bool ports_only(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_peers; i++)
		if (p->peers[i].family != AF_UNSPEC || !p->peers[i].port)
			return false;
	return p->n_peers > 0;
}

/* @name may be a group. */
static bool covers(const char *name, const char *call)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	uint64_t bit;

	if (sluice_group(name, &bit))
		return strcmp(name, call) == 0;
	return sluice_call_info(SCMP_ARCH_NATIVE, call, &info) == 0 && info.groups & bit;
}

/* What lets a call by would do so without a limit or a question. */
static int check_calls(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_calls; i++) {
		const struct policy_call *c = &p->calls[i];

		if (c->verdict != POLICY_LIMIT && c->verdict != POLICY_ASK)
			continue;
		if (p->fake_root && policy_faked(c->name))
			return policy_error(p, c->where,
				"%s is answered by --fake-root without a supervisor",
				c->name);
		for (uint32_t k = 0; k < p->n_calls; k++) {
			const struct policy_call *other = &p->calls[k];
			bool twice = other->verdict == c->verdict && k != i;

			if ((other->verdict == POLICY_ALLOW ||
				    other->verdict == POLICY_LOG || twice) &&
				covers(other->name, c->name))
				return policy_error(p, c->where,
					"%s is named by %s, too: only one of them can be",
					c->name, other->where);
		}
	}
	return 0;
}

static bool any_free_port(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_ports; i++)
		if (p->ports[i].port == 0)
			return true;
	return false;
}

/* The name of a socket counts only if the program cannot put another one in its place. Its folder is looked at
 * now, before the program can change the mode. */
static int keep_name(const struct policy *p, struct policy_path *path, bool files)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int folder = policy_folder_of(path->fd, &path->st, name);
	struct stat st;

	if (folder < 0 || fstat(folder, &st))
		return 0;
	if (files ? policy_may_change(p, folder)
		  : st.st_uid == geteuid() || !faccessat(folder, ".", W_OK, AT_EACCESS))
		return 0;
	path->name = strdup(name);
	if (!path->name)
		return policy_error(p, path->where, "%s", strerror(ENOMEM));
	path->folder = steal_fd(&folder);
	return 0;
}

/* After all are open: what may be written has to be known. */
static int keep_names(struct policy *p, bool files)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->n_paths && !rc; i++)
		if (p->paths[i].access == POLICY_SOCKET && S_ISSOCK(p->paths[i].st.st_mode))
			rc = keep_name(p, &p->paths[i], files);
	return rc;
}

/* A rule about what is not there is a mistake, but for what is hidden: it is hidden well.
 */
static int open_paths(struct policy *p)
{
	for (uint32_t i = 0; i < p->n_paths; i++) {
		struct policy_path *path = &p->paths[i];

		path->fd = open(path->path, O_PATH | O_CLOEXEC);
		if (path->fd >= 0 && fstat(path->fd, &path->st) == 0)
			continue;
		if (path->access != POLICY_HIDE || errno != ENOENT)
			return policy_error(
				p, path->where, "%s: %s", path->path, strerror(errno));
	}
	return 0;
}

static int landlock_gaps(const struct policy *p, const struct policy_plan *plan)
{
	int rc = 0;

	if (plan->files && plan->abi < 1)
		return gap(p, plan,
			"files need Landlock (Linux 5.13), which this kernel does not "
			"have or does not use: no rule for files is enforced");
	if (!plan->abi)
		return gap(p, plan,
			"without Landlock (Linux 5.13) the program can trace "
			"processes of its user, which are not held to anything");
	if (plan->files && plan->abi < 3)
		rc = gap(p, plan,
			"before Linux 6.2 Landlock has no right to truncate: the program "
			"can empty files that it can only read");
	if (!rc && plan->files && plan->abi < 5)
		rc = gap(p, plan,
			"before Linux 6.10 Landlock has no right for ioctl(2): the "
			"program "
			"can command devices that it can only read");
	if (!rc && plan->abi < 6)
		rc = gap(p, plan,
			"before Linux 6.12 Landlock does not look at signals: the "
			"program can end other processes of its user");
	if (!rc && p->n_ports && plan->abi < 4)
		rc = gap(p, plan,
			"before Linux 6.7 Landlock does not look at ports: the program "
			"can bind to any");
	return rc;
}

int policy_make_plan(struct policy *p, bool best_effort, struct policy_plan *plan)
{
	int rc = check_calls(p);

	if (rc)
		return rc;
	*plan = (struct policy_plan){.abi = landlock_abi(), .best_effort = best_effort};
	plan->files = has(p, POLICY_READ | POLICY_WRITE | POLICY_EXECUTE);
	plan->sockets = has(p, POLICY_SOCKET);
	plan->limits = p->n_limits > 0;
	plan->asks = policy_asks(p, NULL);
	plan->ask_connect = policy_asks(p, "connect");
	/* Whoever can reach the supervisor, or the user's terminal through another program, answers for them. */
	plan->any = plan->files || plan->sockets || p->network || plan->limits || plan->asks;
	if (has(p, POLICY_HIDE) && !plan->files)
		return cli_error(p->cli,
			"--hide takes something out of --ro and --exec: say what the "
			"program may read");
	plan->ports = ports_only(p) && !plan->ask_connect && !plan->sockets && plan->abi >= 4;
	plan->connect = plan->sockets || (p->n_peers && !plan->ports) || plan->ask_connect;
	plan->listen = (p->n_ports && !any_free_port(p)) || (p->network && plan->sockets);
	plan->made = (plan->connect || plan->listen) && !policy_takes_descriptors();
	if (plan->made && policy_asks(p, "socket"))
		return cli_error(p->cli, "--ask socket: pidfd_getfd is refused here, so the "
					 "supervisor makes all sockets");
	plan->metadata = has(p, POLICY_WRITE);
	plan->grants = p->n_grants > 0;
	if ((p->nodes || p->mounts) && !plan->metadata)
		return cli_error(p->cli, "--mknod and --mount need --rw: it says where");
	rc = open_paths(p);
	if (rc == 0)
		rc = keep_names(p, plan->files && plan->abi);
	return rc || !plan->any ? rc : landlock_gaps(p, plan);
}

/* ---- for people --------------------------------------------------------------------
 */

static void line(
	FILE *out, const char *how, const char *rule, const char *what, const char *why)
{
	fprintf(out, "%-11s %s%s%s: %s\n", how, rule, *what ? " " : "", what, why);
}

static void print_paths(const struct policy *p, const struct policy_plan *plan, FILE *out)
{
	for (uint32_t i = 0; i < p->n_paths; i++) {
		const struct policy_path *path = &p->paths[i];
		const char *how = plan->abi ? "landlock" : "nothing";

		if (path->access == POLICY_SOCKET)
			line(out, "supervisor", path->where, path->path,
				"the path is in memory, and Landlock does not look at "
				"connections to it");
		else if (path->fd < 0)
			line(out, "nothing", path->where, path->path,
				"there is no such file");
		else if (path->access == POLICY_HIDE)
			line(out, how, path->where, path->path,
				"all else in the folders around it is allowed, one by "
				"one");
		else
			line(out, how, path->where, path->path,
				"the kernel checks each open file");
	}
	if (plan->files && plan->abi)
		line(out, "landlock", "/dev/null, /dev/zero, /dev/full", "",
			"always read and written: they hold nothing");
	if (plan->metadata)
		line(out, "supervisor", "chmod, chown, utime, xattr", "",
			"Landlock has no right for them");
	else if (plan->files)
		line(out, "filter", "chmod, chown, utime, xattr", "",
			"refused: nothing may be written");
}

static void print_network(
	const struct policy *p, const struct policy_plan *plan, FILE *out)
{
	for (uint32_t i = 0; i < p->n_peers; i++) {
		/* A host has many addresses. */
		if (i && strcmp(p->peers[i].text, p->peers[i - 1].text) == 0)
			continue;
		line(out, plan->ports ? "landlock" : "supervisor", p->peers[i].where,
			p->peers[i].text,
			plan->ports
				? "only the port matters"
				: "the address is in memory: the supervisor connects");
	}
	if (plan->connect && policy_has_names(p))
		line(out, "supervisor", "names of hosts", "",
			"those of the rules, to resolvers that use TCP; there are no others");
	for (uint32_t i = 0; i < p->n_ports; i++) {
		char port[16];

		snprintf(port, sizeof(port), "%u", p->ports[i].port);
		line(out, plan->abi >= 4 ? "landlock" : "nothing", p->ports[i].where,
			port, "only the port matters");
	}
	if (plan->listen)
		line(out, "supervisor", "listen", "",
			"a socket without a port would get any");
	if (plan->made)
		line(out, "supervisor", "socket", "",
			"pidfd_getfd is refused here: it makes the sockets that it "
			"connects");
	if (p->network)
		line(out, "filter", "other networks", "",
			"sockets of other families and protocols, datagrams, fast open, "
			"chosen routes");
}

static void print_grants(const struct policy *p, FILE *out)
{
	for (uint32_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];

		if (g->gift == POLICY_ROOT) {
			line(out, "filter", g->where, "getuid, setuid, chown",
				"answered with 0, and nothing is done");
			line(out, "supervisor", g->where, "getresuid, getresgid",
				"the answer is in memory");
		} else if (g->gift == POLICY_NODE) {
			line(out, "supervisor", g->where, g->name,
				"it makes the node, in a folder of --rw");
		} else {
			line(out, "supervisor", g->where, g->name,
				"it mounts below a folder of --rw, for the program alone");
		}
	}
}

static void print_call(const struct policy *p, const struct policy_call *c, FILE *out)
{
	static const char *const verdicts[] = {"allowed", "refused", "logged, and allowed"};
	const struct policy_limit *limit;
	char text[80];

	if (c->verdict == POLICY_ASK) {
		line(out, "supervisor", c->where, c->name,
			"the user at the terminal decides; no answer is no");
	} else if (c->verdict == POLICY_LIMIT) {
		limit = &p->limits[c->limit];
		snprintf(text, sizeof(text), "at most %llu in %llu s by all processes",
			(unsigned long long)limit->count,
			(unsigned long long)limit->period_ns / 1000000000);
		line(out, "supervisor", c->where, c->name, text);
	} else {
		line(out, "filter", c->where, c->name, verdicts[c->verdict]);
	}
}

static void print_variables(const struct policy *p, FILE *out)
{
	for (uint32_t i = 0; i < p->n_variables; i++) {
		const struct policy_variable *v = &p->variables[i];
		_cleanup_free_ char *value = strdup(v->value);

		/* The document may be another person's. */
		if (value)
			cli_printable_line(value);
		line(out, "environment", v->where, v->name,
			getenv(v->name) ? "stays as it is"
			: value		? value
					: strerror(ENOMEM));
	}
}

void policy_print(const struct policy *p, const struct policy_plan *plan, FILE *out)
{
	print_paths(p, plan, out);
	print_network(p, plan, out);
	print_grants(p, out);
	for (uint32_t i = 0; i < p->n_calls; i++)
		print_call(p, &p->calls[i], out);
	print_variables(p, out);
	if (plan->any && !plan->sockets)
		line(out, "filter", "sockets of Unix", "", "none but pairs");
	if (plan->any)
		line(out, "filter", "ways around", "",
			"io_uring, mounts, other ABIs, handles, keys, the terminal's input");
	if (plan->any && plan->abi)
		line(out, "landlock", "other processes", "",
			plan->abi >= 6 ? "no tracing, no signals, no abstract sockets"
				       : "no tracing");
	fprintf(out, "%s\n",
		policy_supervised(plan) ? "a supervisor stays beside the program"
					: "no process stays beside the program");
}
