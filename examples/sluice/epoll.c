/* epoll PROGRAM [ARG...]: a supervisor in an event loop that has other things to do.
 * SPDX-License-Identifier: MIT
 *
 * One descriptor stands for all listeners, time-outs and workers: poll it like any other and
 * call sluice_dispatch(supervisor, 0). GLib (g_unix_fd_add) and libuv (uv_poll_t) do the same. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice.h>

static unsigned refused;

static int on_call(struct sluice_request *req, void *data)
{
	(void)data;
	refused++;
	return sluice_fail(req, EPERM);
}

static void watch(int epoll, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int loop(struct sluice_supervisor *sv, int pidfd, int timer)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), rc = 0;
	struct epoll_event ev;
	uint64_t ticks;

	watch(epoll, sluice_fd(sv));
	watch(epoll, pidfd);
	watch(epoll, timer);
	while (rc >= 0) {
		if (epoll_wait(epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.fd == pidfd)
			break;
		if (ev.data.fd == sluice_fd(sv))
			rc = sluice_dispatch(sv, 0);
		else if (read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
			fprintf(stderr, "a tenth of a second, %u calls refused\n", refused);
	}
	close(epoll);
	return rc < 0 ? rc : 0;
}

int main(int argc, char **argv)
{
	struct itimerspec tenth = {{0, 100000000}, {0, 100000000}};
	struct sluice_error error = {0};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), status = 1, rc;

	if (argc < 2) {
		fprintf(stderr, "usage: %s PROGRAM [ARG...]\n", argv[0]);
		return 2;
	}
	if (!filter || timer < 0 || sluice_supervisor_new(NULL, &sv)) {
		fprintf(stderr, "%s: no supervisor\n", argv[0]);
		return 1;
	}
	child.error = &error;
	timerfd_settime(timer, 0, &tenth, NULL);
	rc = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mkdir), 0);
	if (!rc)
		rc = sluice_on_name(sv, "mkdir", on_call, NULL);
	if (!rc)
		rc = sluice_spawn(sv, filter, argv + 1, &child);
	if (!rc)
		rc = loop(sv, child.pidfd, timer);
	if (!rc)
		rc = sluice_wait(sv, &child, &status); /* it has ended: this reaps it */
	if (rc)
		fprintf(stderr, "epoll: %d %s\n", rc, error.message);
	sluice_supervisor_free(sv);
	seccomp_release(filter);
	close(timer);
	return rc ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
