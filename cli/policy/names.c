/* Names of hosts for a program that reaches no name server.
 * SPDX-License-Identifier: MIT
 *
 * The rules name hosts, which were resolved at the start. A resolver that is told to use
 * TCP (RES_OPTIONS=use-vc, resolv.conf(5)) connects to port 53 of its name server; the
 * supervisor connects its socket to a server of its own, which knows these hosts and
 * nothing else. So questions carry no data out. The message is RFC 1035's, with two bytes
 * of length before it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy.h"
#include "util/cleanup.h"

#define CLIENTS	      16
#define QUESTION      512 /* bytes of a message that is read */
#define ANSWER	      POLICY_NAME_ANSWER
#define HEADER	      12
#define NAME_MAX_TEXT 256

enum {
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1
};
enum {
	NO_ERROR = 0,
	FORMAT_ERROR = 1,
	NO_SUCH_NAME = 3,
	NOT_IMPLEMENTED = 4
};

struct client {
	int fd; /* -1: none */
	uint32_t n;
	unsigned char bytes[2 + QUESTION];
};

struct policy_names {
	const struct policy *policy;
	int listener, end[2]; /* closing end[1] ends the thread */
	uint16_t port;
	pthread_t thread;
	uint32_t next; /* the client that goes when another comes */
	struct client clients[CLIENTS];
};

/* Whether the rule has a name in place of an address: its length, or 0. */
static size_t name_length(const struct policy_peer *peer)
{
	const char *colon = strrchr(peer->text, ':');
	struct in_addr v4;
	char host[NAME_MAX_TEXT];
	size_t n = colon ? (size_t)(colon - peer->text) : 0;

	if (n == 0 || n >= sizeof(host) || peer->family == AF_UNSPEC ||
		peer->text[0] == '[' || memchr(peer->text, '/', n))
		return 0;
	memcpy(host, peer->text, n);
	host[n] = 0;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return 0;
	return host[n - 1] == '.' ? n - 1 : n;
}

bool policy_has_names(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_peers; i++)
		if (name_length(&p->peers[i]))
			return true;
	return false;
}

static uint16_t number_at(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_number(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

/* The name that is asked for, as text. The bytes that it took, or 0: it is none. */
static size_t read_name(const unsigned char *at, size_t size, char text[NAME_MAX_TEXT])
{
	size_t n = 0, out = 0;

	while (n < size && at[n]) {
		size_t length = at[n++];

		/* Longer ones are pointers, which a question has no use for. */
		if (length > 63 || length >= size - n ||
			out + length + 1 >= NAME_MAX_TEXT)
			return 0;
		if (out)
			text[out++] = '.';
		memcpy(text + out, at + n, length);
		out += length;
		n += length;
	}
	text[out] = 0;
	return n < size && strlen(text) == out ? n + 1 : 0;
}

static bool seen_before(const struct policy *p, uint32_t i, size_t length)
{
	const struct policy_peer *peer = &p->peers[i];

	for (uint32_t k = 0; k < i; k++)
		if (p->peers[k].family == peer->family &&
			memcmp(p->peers[k].address, peer->address,
				sizeof(peer->address)) == 0 &&
			name_length(&p->peers[k]) == length &&
			strncasecmp(p->peers[k].text, peer->text, length) == 0)
			return true;
	return false;
}

/* The addresses of @name behind @out, those of @type alone. Returns whether there is such
 * a name. */
static bool answer_addresses(const struct policy *p, const char *name, uint16_t type,
	unsigned char out[ANSWER], size_t *size, uint16_t *answers)
{
	const size_t length = strlen(name);
	bool known = false;

	for (uint32_t i = 0; i < p->n_peers; i++) {
		const struct policy_peer *peer = &p->peers[i];
		const size_t bytes = peer->family == AF_INET ? 4 : 16;
		unsigned char *at = out + *size;

		if (!length || name_length(peer) != length ||
			strncasecmp(peer->text, name, length) != 0)
			continue;
		known = true;
		if (type != (peer->family == AF_INET ? TYPE_A : TYPE_AAAA) ||
			seen_before(p, i, length) || *size + 12 + bytes > ANSWER)
			continue;
		put_number(at, 0xc000 | HEADER); /* the name: that of the question */
		put_number(at + 2, type);
		put_number(at + 4, CLASS_IN);
		put_number(at + 6, 0);
		put_number(at + 8, 60); /* seconds that it may be kept */
		put_number(at + 10, (uint32_t)bytes);
		memcpy(at + 12, peer->address, bytes);
		*size += 12 + bytes;
		++*answers;
	}
	return known;
}

size_t policy_name_answer(const struct policy *p, const unsigned char *question,
	size_t size, unsigned char out[POLICY_NAME_ANSWER])
{
	char name[NAME_MAX_TEXT];
	uint16_t answers = 0;
	size_t used = 0, n = HEADER;
	int code = NO_ERROR;

	if (size < HEADER || question[2] & 0x80) /* an answer */
		return 0;
	memset(out, 0, HEADER);
	memcpy(out, question, 2); /* its id */
	if (question[2] & 0x78)
		code = NOT_IMPLEMENTED;
	else if (number_at(question + 4) == 1)
		used = read_name(question + HEADER, size - HEADER, name);
	if (used && size - HEADER - used >= 4) {
		const unsigned char *type = question + HEADER + used;

		memcpy(out + HEADER, question + HEADER, used + 4);
		n += used + 4;
		put_number(out + 4, 1);
		if (number_at(type + 2) != CLASS_IN ||
			!answer_addresses(p, name, number_at(type), out, &n, &answers))
			code = NO_SUCH_NAME;
	} else if (!code) {
		code = FORMAT_ERROR;
	}
	put_number(out + 6, answers);
	/* An answer; recursion as it was asked for, and available. */
	put_number(out + 2, 0x8080 | (question[2] & 1 ? 0x100 : 0) | (unsigned int)code);
	return n;
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct client){.fd = -1};
}

/* Answers all whole questions that came. False: this client is not worth more. */
static bool serve(const struct policy *p, struct client *c)
{
	unsigned char out[2 + ANSWER];
	ssize_t n = recv(c->fd, c->bytes + c->n, sizeof(c->bytes) - c->n, MSG_DONTWAIT);
	size_t length, size;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	c->n += (uint32_t)n;
	while (c->n >= 2 && c->n >= 2 + (length = number_at(c->bytes))) {
		size = policy_name_answer(p, c->bytes + 2, length, out + 2);
		put_number(out, (uint32_t)size);
		if (!size || send(c->fd, out, size + 2, MSG_DONTWAIT | MSG_NOSIGNAL) !=
				     (ssize_t)size + 2)
			return false;
		c->n -= 2 + (uint32_t)length;
		memmove(c->bytes, c->bytes + 2 + length, c->n);
	}
	return c->n < sizeof(c->bytes);
}

static void take_client(struct policy_names *names)
{
	int fd = accept4(names->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = &names->clients[names->next];

	hang_up(c);
	c->fd = fd; /* -1 without a free descriptor: now there may be one */
	names->next = (names->next + 1) % CLIENTS;
}

static void *answer_names(void *data)
{
	struct policy_names *names = data;
	struct pollfd polls[2 + CLIENTS];

	for (;;) {
		polls[0] = (struct pollfd){.fd = names->end[0], .events = POLLIN};
		polls[1] = (struct pollfd){.fd = names->listener, .events = POLLIN};
		for (uint32_t i = 0; i < CLIENTS; i++)
			polls[2 + i] = (struct pollfd){
				.fd = names->clients[i].fd, .events = POLLIN};
		if (poll(polls, 2 + CLIENTS, -1) < 0)
			continue;
		if (polls[0].revents)
			return NULL;
		for (uint32_t i = 0; i < CLIENTS; i++)
			if (polls[2 + i].revents &&
				!serve(names->policy, &names->clients[i]))
				hang_up(&names->clients[i]);
		if (polls[1].revents)
			take_client(names);
	}
}

static int listen_here(struct policy_names *names)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);

	names->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (names->listener < 0 ||
		bind(names->listener, (struct sockaddr *)&here, sizeof(here)) ||
		listen(names->listener, CLIENTS) ||
		getsockname(names->listener, (struct sockaddr *)&here, &size))
		return -errno;
	names->port = ntohs(here.sin_port);
	return pipe2(names->end, O_CLOEXEC) ? -errno : 0;
}

static int start_thread(struct policy_names *names)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all); /* they are for the thread that supervises */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&names->thread, NULL, answer_names, names);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static void release(struct policy_names *names)
{
	const int fds[] = {names->listener, names->end[0], names->end[1]};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (uint32_t i = 0; i < CLIENTS; i++)
		hang_up(&names->clients[i]);
	free(names);
}

/* For the program: what it has, and TCP. */
static int tell_resolver(void)
{
	const char *had = getenv("RES_OPTIONS");
	_cleanup_free_ char *options = NULL;

	if (asprintf(&options, "%s%suse-vc", had ? had : "", had ? " " : "") < 0) {
		options = NULL;
		return -ENOMEM;
	}
	return setenv("RES_OPTIONS", options, 1) ? -errno : 0;
}

int policy_names_start(struct policy *p)
{
	struct policy_names *names = calloc(1, sizeof(*names));
	int rc;

	if (!names)
		return -ENOMEM;
	names->policy = p;
	names->listener = names->end[0] = names->end[1] = -1;
	for (uint32_t i = 0; i < CLIENTS; i++)
		names->clients[i].fd = -1;
	rc = listen_here(names);
	if (!rc)
		rc = start_thread(names);
	if (rc) {
		release(names);
		return rc;
	}
	p->names = names;
	return tell_resolver();
}

void policy_names_stop(struct policy *p)
{
	if (!p->names)
		return;
	close(p->names->end[1]);
	p->names->end[1] = -1;
	pthread_join(p->names->thread, NULL);
	release(p->names);
	p->names = NULL;
}

bool policy_names_instead(
	const struct policy *p, int domain, struct sockaddr_storage *address, int *length)
{
	struct sockaddr_in *in = (void *)address;
	struct sockaddr_in6 *in6 = (void *)address;

	/* The port is at the same place in both. */
	if (!p->names || in->sin_port != htons(53))
		return false;
	memset(address, 0, sizeof(*address));
	if (domain == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(p->names->port);
		in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
		in6->sin6_addr.s6_addr[12] = 127;
		in6->sin6_addr.s6_addr[15] = 1;
		*length = sizeof(*in6);
		return true;
	}
	*in = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(p->names->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*length = sizeof(*in);
	return true;
}
