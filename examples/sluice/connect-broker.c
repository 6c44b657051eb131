/* connect-broker PORT PROGRAM [ARG...]: the program may connect to PORT of this machine only.
 * SPDX-License-Identifier: MIT
 *
 * The broker takes a duplicate of the target's socket and connects it itself, to the address
 * that it copied and judged. connect(2) can wait long, so that happens on a worker, with a
 * time-out; shutting the socket down ends the wait when that is over or the target is gone. A
 * socket that another thread of the target puts in place meanwhile changes nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice.h>

static void give_up(struct sluice_request *req, void *data)
{
	(void)req;
	shutdown(*(int *)data, SHUT_RDWR);
}

static int connect_for_it(struct sluice_request *req, void *data)
{
	const struct sockaddr_in *in;
	struct sockaddr_storage address;
	int port = *(int *)data, fd, rc;
	int length = sluice_read_sockaddr(req, 1, 2, &address);

	if (length < 0)
		return sluice_fail(req, length);
	in = (const struct sockaddr_in *)&address;
	if (address.ss_family != AF_INET || length < (int)sizeof(*in) ||
		ntohs(in->sin_port) != port || ntohl(in->sin_addr.s_addr) >> 24 != 127) {
		fprintf(stderr, "refused: family %d\n", address.ss_family);
		return sluice_fail(req, ECONNREFUSED);
	}
	fd = sluice_get_fd(req, sluice_arg_int(req, 0));
	if (fd < 0)
		return sluice_fail(req, fd);
	rc = sluice_on_cancel(req, give_up, &fd);
	if (!rc)
		rc = connect(fd, (const struct sockaddr *)&address, (socklen_t)length) ? -errno : 0;
	/* After the verdict nobody gives up any more. */
	rc = rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
	close(fd);
	return rc;
}

static int on_connect(struct sluice_request *req, void *data)
{
	return sluice_work(req, connect_for_it, data);
}

/* A whole number up to @max, or -1: what atoi() takes for 0 would be root, or any port. */
static long number_of(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || *end || n < 0 || n > max ? -1 : n;
}

static scmp_filter_ctx make_filter(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	/* Other ways to reach a peer: by message, by fast open, by io_uring. */
	if (f && (seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(connect), 0) ||
			 seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sendto), 1,
				 SCMP_A4(SCMP_CMP_NE, 0)) ||
			 seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sendmsg), 0) ||
			 seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sendmmsg), 0) ||
			 seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0))) {
		seccomp_release(f);
		return NULL;
	}
	return f;
}

int main(int argc, char **argv)
{
	struct sluice_error error = {0};
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	scmp_filter_ctx filter = make_filter();
	int port, status = 1, rc;

	port = argc < 3 ? -1 : (int)number_of(argv[1], 65535);
	if (port < 0) {
		fprintf(stderr, "usage: %s PORT PROGRAM [ARG...]\n", argv[0]);
		return 2;
	}
	options.default_errno = ETIMEDOUT;
	options.timeout_ms = 30000;
	options.workers = 64; /* so many may wait at once */
	options.error = child.error = &error;
	if (!filter || sluice_supervisor_new(&options, &sv)) {
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
		return 1;
	}
	rc = sluice_on_name(sv, "connect", on_connect, &port);
	if (!rc)
		rc = sluice_spawn(sv, filter, argv + 2, &child);
	if (!rc)
		rc = sluice_wait(sv, &child, &status);
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
	sluice_supervisor_free(sv);
	seccomp_release(filter);
	return rc ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
