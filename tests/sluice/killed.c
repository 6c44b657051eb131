/* A supervisor in a process of its own, to be killed, and what its targets report.
 * SPDX-License-Identifier: MIT */
#include "killed.h"

int pass = -1;
int supervisor_filters;
void (*supervisor_first)(void);
uid_t supervisor_uid;

static void ask_n(int out, int n)
{
	for (int i = 0; i < n; i++) {
		struct report r = {.tid = (int)syscall(SYS_gettid), .nth = i};

		r.asked = now_ns();
		r.result = syscall(SYS_mkdir, "x", i) == i ? 0 : errno;
		r.answered = now_ns();
		if (write(out, &r, sizeof(r)) != sizeof(r))
			_exit(1);
	}
}

static void *ask_thread(void *data)
{
	ask_n(1, (int)(long)data);
	return NULL;
}

int target_ask(int argc, char **argv)
{
	long n = argc > 0 ? atol(argv[0]) : 1;
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, ask_thread, (void *)n);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}

int echo(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, sluice_arg_int(req, 1));
}

int echo_later(struct sluice_request *req, void *data)
{
	return sluice_work(req, echo, data);
}

/* Receives and never answers. */
int sit(struct sluice_request *req, void *data)
{
	(void)data;
	sluice_defer(req);
	return 0;
}

void load_filters(int n)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(acct), 0), 0);
	while (n--)
		CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

void take_pass(int socket)
{
	if (pass >= 0)
		close(pass);
	pass = receive_fd(socket);
}

void give_pass(int socket, struct sluice_supervisor *sv)
{
	int fd = sluice_keeper_pass(sv);

	CHECK(fd >= 0 || fd == -EINVAL); /* no keeper */
	CHECK_EQ(send_fds(socket, "r", 1, &fd, fd >= 0), 1);
	if (fd >= 0)
		close(fd);
}

/* A supervisor process of its own with @options and one target of 4 threads with @n calls
 * each; its reports come out of *out. */
pid_t start_supervisor(const struct sluice_options *options, sluice_handler handler,
	int n, int *out)
{
	int fds[2], ready[2];
	char arg[16];
	pid_t pid;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ready) == 0);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	snprintf(arg, sizeof(arg), "%d", n);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv;

		if (supervisor_first)
			supervisor_first();
		load_filters(supervisor_filters);
		if (supervisor_uid)
			CHECK_EQ(setresuid(supervisor_uid, supervisor_uid, supervisor_uid), 0);
		sv = new_supervisor(options);
		child.stdout_fd = fds[1];
		CHECK_EQ(sluice_on_name(sv, MKDIR, handler, NULL), 0);
		spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "ask", arg);
		close(fds[0]);
		close(fds[1]);
		give_pass(ready[1], sv);
		sluice_wait(sv, &child, NULL);
		_exit(0);
	}
	close(fds[1]);
	close(ready[1]);
	take_pass(ready[0]);
	close(ready[0]);
	*out = fds[0];
	return pid;
}

/* All reports until the targets end. Returns how many; @bad counts results that are neither 0
 * nor @errnum, and those that took much longer than a busy
 * machine makes them after @since. */
int collect(int out, int errnum, uint64_t since, int *bad, int *refused)
{
	struct report r;
	int n = 0;

	*bad = *refused = 0;
	while (read(out, &r, sizeof(r)) == sizeof(r)) {
		uint64_t from = r.asked > since ? r.asked : since;

		n++;
		if (r.result == errnum)
			++*refused;
		else if (r.result)
			++*bad;
		if (r.answered > from && r.answered - from > 20000000000u) {
			printf("# answered after %llu ms\n",
				(unsigned long long)(r.answered - from) / 1000000);
			++*bad;
		}
	}
	close(out);
	return n;
}

void kill_it(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

char *door(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/door", scratch_dir());
	return path;
}

/* As a successor does: with the pass where the path is not for those with filters. */
int meet_keeper(const char *path)
{
	int socket = is_filtered() ? sluice_keeper_connect_pass(pass)
				   : sluice_keeper_connect(path);

	CHECK(socket >= 0);
	return socket;
}

bool no_keeper_left(void)
{
	for (int i = 0; i < 200 && keepers(0); i++)
		usleep(20000);
	return !keepers(0);
}
