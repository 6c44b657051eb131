/* Counters as Prometheus reads them, over HTTP/1.0 on a Unix socket.
 * SPDX-License-Identifier: MIT
 *
 * A few clients at a time, each for five seconds at most; none can hold up the calls. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "serve/serve.h"
#include "util/cleanup.h"

#define CLIENT_NS 5000000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the socket
 * ------------------------------------------------------------------------ */

static int clear_path(const struct sockaddr_un *address, int type, bool replace)
{
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	if (!replace &&
		(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			errno != ECONNREFUSED))
		return -EADDRINUSE;
	return unlink(address->sun_path) ? -errno : 0;
}

int serve_listen(const char *path, int type, bool replace)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path)); /* NUL is there */
	rc = clear_path(&address, type, replace);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16))
		return -errno;
	return steal_fd(&fd);
}

int serve_metrics_open(struct serve *s, bool replace)
{
	int fd;

	if (!s->metrics_path)
		return 0;
	fd = serve_listen(s->metrics_path, SOCK_STREAM, replace);
	if (fd < 0)
		return fd;
	s->metrics.fd = fd;
	return 0;
}

/* ---- the text
 * -------------------------------------------------------------------------- */

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_counts(FILE *f, const struct serve *s)
{
	static const char *const verdicts[] = {
		"done", "continued", "refused", "limited", "gone"};

	head(f, "sluice_serve_calls_total", "counter",
		"Notified calls, by policy and what became of them.");
	for (const struct serve_counts *c = s->counts; c; c = c->next)
		for (int i = 0; i < SERVE_VERDICTS; i++)
			fprintf(f,
				"sluice_serve_calls_total{policy=\"%s\",verdict=\"%s\"} "
				"%llu\n",
				c->name, verdicts[i], atomic_load(&c->verdicts[i]));
	head(f, "sluice_serve_containers_total", "counter",
		"Listeners that came, by policy. No policy: refused.");
	for (const struct serve_counts *c = s->counts; c; c = c->next)
		fprintf(f, "sluice_serve_containers_total{policy=\"%s\"} %" PRIu64 "\n",
			c->name, c->containers);
}

static void print_statistics(FILE *f, const struct serve *s)
{
	struct sluice_statistics st = {.size = sizeof(st)};
	uint64_t total = 0;

	sluice_statistics(s->supervisor, &st);
	head(f, "sluice_serve_listeners", "gauge", "Listeners with a living target.");
	fprintf(f, "sluice_serve_listeners %" PRIu64 "\n", st.listeners);
	head(f, "sluice_serve_pending", "gauge", "Calls without an answer.");
	fprintf(f, "sluice_serve_pending %" PRIu64 "\n", st.pending);
	head(f, "sluice_serve_timeouts_total", "counter", "Calls whose time was up.");
	fprintf(f, "sluice_serve_timeouts_total %" PRIu64 "\n", st.timed_out);
	head(f, "sluice_serve_latency_seconds", "histogram",
		"From receiving to verdict.");
	for (int i = 10; i < 39; i++) { /* from 1 microsecond */
		total = 0;
		for (int k = 0; k <= i; k++)
			total += st.latency_log2[k];
		fprintf(f,
			"sluice_serve_latency_seconds_bucket{le=\"%.9g\"} %" PRIu64 "\n",
			(double)(UINT64_C(1) << i) / 1e9, total);
	}
	total += st.latency_log2[39];
	fprintf(f,
		"sluice_serve_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64
		"\nsluice_serve_latency_seconds_sum %.9f\n"
		"sluice_serve_latency_seconds_count %" PRIu64 "\n",
		total, (double)st.latency_ns_sum / 1e9, total);
}

/* The whole answer; NULL: no memory. */
static char *answer_get(const struct serve *s, size_t *length)
{
	_cleanup_free_ char *body = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&body, &size);
	int n;

	if (!f)
		return NULL;
	print_counts(f, s);
	print_statistics(f, s);
	n = ferror(f);
	if (fclose(f) || n)
		return NULL;
	n = asprintf(&text,
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		size, body);
	if (n < 0)
		return NULL;
	*length = (size_t)n;
	return text;
}

static char *answer(const struct serve *s, const char *asked, size_t *length)
{
	char *text;

	if (strncmp(asked, "GET ", 4) == 0)
		return answer_get(s, length);
	text = strdup("HTTP/1.0 405 Method Not Allowed\r\nAllow: GET\r\n\r\n");
	*length = text ? strlen(text) : 0;
	return text;
}

/* ---- clients
 * --------------------------------------------------------------------------- */

static void hang_up(struct serve_client *c)
{
	close(c->fd);
	free(c->answer);
	*c = (struct serve_client){.fd = -1};
}

/* True: there is nothing to do before more comes. */
static bool ask(struct serve *s, struct serve_client *c)
{
	ssize_t n = recv(c->fd, c->asked + c->length, sizeof(c->asked) - 1 - c->length,
		MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->length += (size_t)n;
	c->asked[c->length] = 0;
	if (!strstr(c->asked, "\r\n\r\n") && !strstr(c->asked, "\n\n"))
		return c->length < sizeof(c->asked) - 1;
	c->answer = answer(s, c->asked, &c->length);
	return c->answer != NULL;
}

static bool tell(struct serve_client *c)
{
	ssize_t n = send(c->fd, c->answer + c->done, c->length - c->done,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0)
		return false;
	c->done += (size_t)n;
	return c->done < c->length;
}

static void admit(struct serve *s)
{
	for (int i = 0; i < SERVE_CLIENTS; i++) {
		struct serve_client *c = &s->metrics.clients[i];

		if (c->fd >= 0)
			continue;
		c->fd = accept4(s->metrics.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (c->fd < 0)
			return;
		c->until_ns = now_ns() + CLIENT_NS;
	}
}

void serve_metrics_look(struct serve *s)
{
	if (s->metrics.fd < 0)
		return;
	admit(s);
	for (int i = 0; i < SERVE_CLIENTS; i++) {
		struct serve_client *c = &s->metrics.clients[i];

		if (c->fd < 0)
			continue;
		if (now_ns() > c->until_ns || (!c->answer && !ask(s, c)) ||
			(c->answer && !tell(c)))
			hang_up(c);
	}
}

void serve_metrics_close(struct serve *s, bool remove)
{
	for (int i = 0; i < SERVE_CLIENTS; i++)
		if (s->metrics.clients[i].fd >= 0)
			hang_up(&s->metrics.clients[i]);
	if (s->metrics.fd < 0)
		return;
	close(s->metrics.fd);
	s->metrics.fd = -1;
	if (remove)
		unlink(s->metrics_path);
}
