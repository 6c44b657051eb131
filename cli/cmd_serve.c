/* sluice serve: answer the notified calls of containers.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/serve.h"
#include "util/cleanup.h"
#include "util/errnos.h"

#define TICK_MS	   1000
#define TIMEOUT_MS 5000
#define WORKERS	   16

struct options {
	const char *oci, *policy, *log, *metrics, *keeper, *errnum;
	bool check;
};

static volatile sig_atomic_t ended, reload;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		reload = 1;
	else
		ended = 1;
}

/* They come in ppoll() only. */
static void take_signals(sigset_t *waiting)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
	sigdelset(waiting, SIGHUP);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* of a log */
}

/* ---- policies
 * -------------------------------------------------------------------------- */

static int check(struct serve *s)
{
	int rc = serve_load(s, &s->set);

	if (rc)
		return CLI_TROUBLE;
	for (uint32_t i = 0; i < s->set.n; i++)
		printf("%s\n", s->set.items[i]->name);
	if (s->set.mistakes)
		cli_error(s->cli, "%u mistake%s", s->set.mistakes,
			s->set.mistakes == 1 ? "" : "s");
	return s->set.mistakes ? CLI_NO : CLI_YES;
}

static bool needs_root(const struct serve_set *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		for (uint32_t k = 0; k < set->items[i]->n_rules; k++)
			if (set->items[i]->rules[k].kind <= SERVE_MOUNT)
				return true;
	return false;
}

static int load(struct serve *s, struct serve_set *set)
{
	if (serve_load(s, set))
		return CLI_TROUBLE;
	if (set->mistakes)
		return cli_error(s->cli, "%s: %u mistake%s", s->folder, set->mistakes,
			set->mistakes == 1 ? "" : "s");
	if (needs_root(set) && geteuid() != 0)
		return cli_error(s->cli, "mkdir, mknod and mount need root: the calls "
					 "are made with the ids "
					 "of the containers");
	if (set->n == 0)
		cli_warn(s->cli, "%s has no policies: every notified call is refused",
			s->folder);
	return 0;
}

static void read_again(struct serve *s)
{
	struct serve_set set = {0};
	int rc;

	reload = 0;
	serve_log_open(s);
	if (load(s, &set)) {
		cli_warn(s->cli, "the policies stay as they were");
	} else {
		rc = serve_use(s, &set);
		if (rc)
			cli_warn(s->cli, "the policies stay as they were: %s",
				strerror(-rc));
		else
			fprintf(stderr, "sluice serve: read %u policies\n", s->set.n);
	}
	serve_set_clear(&set);
}

/* ---- the supervisor
 * -------------------------------------------------------------------- */

/* A new one, or another's that is taken over: *@successor. */
static int make_supervisor(struct serve *s, bool *successor)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	int rc = serve_take_over(s, &s->supervisor);

	if (rc)
		return cli_error(
			s->cli, "%s: cannot take over: %s", s->keeper, strerror(-rc));
	*successor = s->supervisor != NULL;
	if (*successor)
		return 0;
	o.default_errno = s->default_errno;
	o.timeout_ms = TIMEOUT_MS;
	o.workers = WORKERS;
	o.keeper = true; /* containers outlive a crash of this program */
	o.keeper_path = s->keeper;
	o.error = &error;
	if (s->keeper)
		o.grace_ms = 5000;
	rc = sluice_supervisor_new(&o, &s->supervisor);
	if (rc)
		return cli_error(s->cli, "cannot supervise: %s",
			*error.message ? error.message : strerror(-rc));
	return 0;
}

/* *@upgrade: the socket for a successor; -1: none. */
static int open_doors(struct serve *s, bool successor, int *upgrade)
{
	int rc = serve_handle(s);

	if (s->log.path)
		sluice_set_log(s->supervisor, serve_log_line, s);
	if (rc == 0)
		rc = serve_state_open(s, successor);
	if (rc)
		return cli_error(s->cli, "cannot serve: %s", strerror(-rc));
	rc = serve_metrics_open(s, successor);
	if (rc)
		cli_error(s->cli, "%s: %s", s->metrics_path, strerror(-rc));
	if (rc && !successor)
		return CLI_TROUBLE; /* a successor has calls to answer */
	if (s->keeper) {
		*upgrade = serve_upgrade_open(s);
		if (*upgrade < 0)
			cli_warn(s->cli,
				"%s.next: %s: nobody can take over while this lives",
				s->keeper, strerror(-*upgrade));
	}
	rc = sluice_listen_oci(s->supervisor, s->socket, serve_on_container, s);
	return rc ? cli_error(s->cli, "%s: %s", s->socket, strerror(-rc)) : 0;
}

static void close_doors(struct serve *s, int upgrade, bool handed_over)
{
	char path[SERVE_PATH_MAX];

	serve_metrics_close(s, !handed_over);
	if (upgrade < 0)
		return;
	close(upgrade);
	if (!handed_over) {
		serve_upgrade_path(s, ".next", path);
		unlink(path);
	}
}

/* ---- the loop
 * -------------------------------------------------------------------------- */

static nfds_t what_to_watch(struct serve *s, int upgrade, struct pollfd *fds)
{
	nfds_t n = 0;

	fds[n++] = (struct pollfd){.fd = sluice_fd(s->supervisor), .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = upgrade, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = s->metrics.fd, .events = POLLIN};
	for (int i = 0; i < SERVE_CLIENTS; i++) {
		const struct serve_client *c = &s->metrics.clients[i];

		fds[n++] = (struct pollfd){
			.fd = c->fd, .events = c->answer ? POLLOUT : POLLIN};
		if (c->fd < 0)
			continue;
		/* The others wait in the socket's queue when all places are taken. */
		if (i == SERVE_CLIENTS - 1)
			fds[2].fd = -1;
	}
	return n;
}

static int dispatch(struct serve *s)
{
	int rc = 1;

	for (int i = 0; i < 64 && rc > 0; i++)
		rc = sluice_dispatch(s->supervisor, 0);
	if (rc < 0 && rc != -EINTR)
		return cli_error(s->cli, "cannot answer calls: %s", strerror(-rc));
	return 0;
}

/* Until a signal ends it, or a successor: *@handed_over. */
static int loop(struct serve *s, const sigset_t *waiting, int upgrade, bool *handed_over)
{
	struct pollfd fds[3 + SERVE_CLIENTS];
	time_t swept = 0;

	while (!ended) {
		nfds_t n = what_to_watch(s, upgrade, fds);
		struct timespec tick = {TICK_MS / 1000, 0}, now;

		if (ppoll(fds, n, &tick, waiting) < 0 && errno != EINTR)
			return cli_error(s->cli, "cannot wait: %s", strerror(errno));
		else if (reload)
			read_again(s);
		if (dispatch(s))
			return CLI_TROUBLE;
		serve_metrics_look(s);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec != swept) {
			serve_sweep(s);
			serve_state_sweep(s);
			swept = now.tv_sec;
		}
		if (upgrade >= 0 && fds[1].revents & POLLIN &&
			serve_upgrade(s, upgrade) == 0) {
			*handed_over = true;
			return 0;
		}
	}
	return 0;
}

/* A listener is a descriptor, and workers need some. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve(struct serve *s)
{
	bool successor = false, handed_over = false;
	int upgrade = -1, rc;
	sigset_t waiting;

	rc = load(s, &s->set);
	if (rc == 0)
		rc = serve_log_open(s);
	if (rc)
		return rc;
	/* Nothing that is made for a container may be more open than it asked for, and no
	 * group of this program may help it. */
	if (geteuid() == 0 && setgroups(0, NULL))
		return cli_error(s->cli, "cannot give up groups: %s", strerror(errno));
	umask(0);
	raise_limit();
	rc = make_supervisor(s, &successor);
	if (rc)
		return rc;
	take_signals(&waiting);
	rc = open_doors(s, successor, &upgrade);
	if (rc == 0) {
		fprintf(stderr, "sluice serve: %s: %u policies%s\n", s->socket, s->set.n,
			successor ? ", taken over" : "");
		rc = loop(s, &waiting, upgrade, &handed_over);
	}
	close_doors(s, upgrade, handed_over);
	/* A worker that hangs in a file system of a container would hold this up. The
	 * keeper answers what is left. */
	if (!serve_drain(s)) {
		if (!handed_over)
			unlink(s->socket);
		_exit(rc);
	}
	sluice_supervisor_free(s->supervisor); /* removes the socket, too */
	return rc;
}

/* ---- the command line
 * ------------------------------------------------------------------ */

static int read_options(struct serve *s, const struct options *o)
{
	char *end;
	long n;

	if (!o->policy)
		return cli_error(
			s->cli, "--policy=DIR is missing: the folder of policies");
	if (!o->oci && !o->check)
		return cli_error(
			s->cli, "--oci=SOCKET is missing: listenerPath of profiles");
	if (o->keeper && strlen(o->keeper) > 95)
		return cli_error(s->cli, "--keeper: the path is too long for a socket");
	s->default_errno = EPERM;
	if (!o->errnum)
		return 0;
	n = strtol(o->errnum, &end, 10);
	if (end == o->errnum || *end)
		n = sc_errno_number(o->errnum);
	if (n < 1 || n > 4095)
		return cli_error(s->cli,
			"--default-errno: \"%s\" is no errno: a name, or 1 to 4095",
			o->errnum);
	s->default_errno = (int)n;
	return 0;
}

static int run(struct cli *cli)
{
	const struct options *o = cli->options;
	struct serve s = {.cli = cli,
		.folder = o->policy,
		.keeper = o->keeper,
		.socket = o->oci,
		.metrics_path = o->metrics,
		.log = {.path = o->log, .fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER},
		.metrics = {.fd = -1},
		.state = -1};
	int rc = read_options(&s, o);

	for (int i = 0; i < SERVE_CLIENTS; i++)
		s.metrics.clients[i].fd = -1;
	if (rc == 0) {
		s.nobody = serve_counts(&s, "");
		if (!s.nobody)
			rc = cli_error(cli, "%s", strerror(ENOMEM));
	}
	if (rc == 0)
		rc = o->check ? check(&s) : serve(&s);
	serve_clear(&s);
	return rc;
}

static const struct cli_option options[] = {
	{.name = "oci",
		.value = "SOCKET",
		.type = CLI_STRING,
		.offset = offsetof(struct options, oci),
		.word = CLI_WORD_FILE,
		.help = "where runtimes send listeners: listenerPath of the profiles"},
	{.name = "policy",
		.value = "DIR",
		.type = CLI_STRING,
		.offset = offsetof(struct options, policy),
		.word = CLI_WORD_DIR,
		.help = "the policies: listenerMetadata NAME stands for DIR/NAME.json"},
	{.name = "check",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, check),
		.help = "report all mistakes in the policies, and do not serve"},
	{.name = "default-errno",
		.value = "ERRNO",
		.type = CLI_STRING,
		.offset = offsetof(struct options, errnum),
		.word = CLI_WORD_ANY,
		.help = "of calls that no rule allows (default: EPERM)"},
	{.name = "log",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, log),
		.word = CLI_WORD_FILE,
		.help = "append a JSON line for each decision; - is stdout"},
	{.name = "metrics",
		.value = "SOCKET",
		.type = CLI_STRING,
		.offset = offsetof(struct options, metrics),
		.word = CLI_WORD_FILE,
		.help = "answer HTTP there with counters in the format of Prometheus"},
	{.name = "keeper",
		.value = "PATH",
		.type = CLI_STRING,
		.offset = offsetof(struct options, keeper),
		.word = CLI_WORD_FILE,
		.help = "where a second sluice serve takes over, with no call lost"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {CLI_WORDS_END};

static const struct cli_example examples[] = {
	{"sluice serve --check --policy policies", "are the policies right?"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_serve = {
	.name = "serve",
	.summary = "answer the notified calls of containers",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "it was ended by SIGTERM or SIGINT, or another process took "
			 "over; "
			 "--check: no mistakes",
		.no = "--check: there are mistakes",
		.trouble = "it cannot serve; --check: the policies cannot be read"},
	.options_size = sizeof(struct options),
	.run = run,
};
