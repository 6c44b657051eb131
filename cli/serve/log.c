/* The log: a JSON line a decision, and one a container.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "json/json.h"
#include "serve/serve.h"
#include "util/cleanup.h"

/* Also after SIGHUP: the file may have been moved away. 0 or CLI_TROUBLE, said; the old
 * one goes on then. */
int serve_log_open(struct serve *s)
{
	int fd, old;

	if (!s->log.path)
		return 0;
	if (strcmp(s->log.path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(s->log.path,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			0600);
	if (fd < 0)
		return cli_error(s->cli, "%s: %s", s->log.path, strerror(errno));
	pthread_mutex_lock(&s->log.lock);
	old = s->log.fd;
	s->log.fd = fd;
	s->log.failed = false;
	pthread_mutex_unlock(&s->log.lock);
	if (old >= 0)
		close(old);
	return 0;
}

/* Decisions do not wait for the log, and go on without it: a full disk refuses nobody. */
void serve_log_line(const char *line, size_t length, void *data)
{
	struct serve *s = data;
	struct iovec parts[] = {{(char *)line, length}, {(char *)"\n", 1}};
	struct pollfd room = {.events = POLLOUT};
	bool say;

	pthread_mutex_lock(&s->log.lock);
	room.fd = s->log.fd;
	/* A pipe that is ready takes PIPE_BUF bytes without waiting, and a line is
	 * shorter. */
	say = (poll(&room, 1, 0) != 1 ||
		      writev(s->log.fd, parts, 2) != (ssize_t)length + 1) &&
	      !s->log.failed;
	s->log.failed = s->log.failed || say;
	pthread_mutex_unlock(&s->log.lock);
	if (say)
		cli_warn(s->cli, "%s: lines of the log are lost: it cannot be written",
			s->log.path);
}

static void write_container(
	struct serve *s, const struct serve_container *c, const char *why)
{
	struct sc_json_out out = {0};
	_cleanup_free_ char *text = NULL;
	struct timespec t;
	char time[40];
	size_t size;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(time, sizeof(time), "%lld.%06ld", (long long)t.tv_sec, t.tv_nsec / 1000);
	sc_json_open(&out, '{');
	sc_json_put_key(&out, "time");
	sc_json_put_word(&out, time);
	sc_json_put_key(&out, "listener");
	sc_json_put_u64(&out, c->index);
	sc_json_put_key(&out, "container");
	sc_json_put_string(&out, c->id);
	sc_json_put_key(&out, why ? "refused" : "policy");
	sc_json_put_string(&out, why ? why : c->name);
	sc_json_close(&out, '}');
	if (sc_json_finish(&out, &text, &size) == 0 && size > 1)
		serve_log_line(text, size - 1, s); /* without its line feed */
}

/* @why: it is refused; NULL: it is not. */
void serve_log_container(
	struct serve *s, const struct serve_container *c, const char *why)
{
	if (why)
		cli_warn(s->cli, "container %s: %s: its notified calls are refused",
			c->id, why);
	if (s->log.fd >= 0)
		write_container(s, c, why);
}
