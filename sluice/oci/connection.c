/* One runtime's connection: a JSON document (containerProcessState) with descriptors beside it.
 * SPDX-License-Identifier: MIT
 *
 * A listener must not be closed while its targets live: their calls would fail as ENOSYS, which
 * programs take for an old kernel. So a piece is looked at in the socket first, every
 * listener in it is kept (and with the keeper) to be refused, and only then is it taken out:
 * whenever we are killed, the socket or the keeper has them. The callback may release one. */
#include "oci/server.h"

#include "json/json.h"

#define HONEST 16 /* more descriptors than this in one message come from no runtime */

static const char *text_of(const struct sc_json *doc, const char *path)
{
	const char *s = sc_json_string(doc, sc_json_find(doc, sc_json_root(doc), path));

	return s ? s : "";
}

/* The one that "seccompFd" names in "fds", if it came with this connection and lives. */
static struct listener *offered(struct sluice_supervisor *sv, const struct connection *c,
	const struct sc_json *doc)
{
	const struct sc_json_token *fds = sc_json_get(doc, sc_json_root(doc), "fds");
	size_t i = 0;

	if (!fds)
		return NULL;
	sc_json_each(fds, name) {
		size_t at = i++;

		if (!sc_json_is(doc, name, "seccompFd") || at >= c->fds)
			continue;
		for (struct listener *l = sv->listeners.first; l; l = l->next)
			if (l->id == c->named[at] && l->holder == c->id)
				return l;
	}
	return NULL;
}

static int ask(struct sluice_supervisor *sv, struct connection *c, const struct sc_json *doc,
	unsigned index, void **tag)
{
	const struct sc_json_token *number = sc_json_get(doc, sc_json_root(doc), "pid");
	int64_t pid = 0;
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	struct sluice_container container = {
		.size = sizeof(container),
		.id = text_of(doc, "state.id"),
		.bundle = text_of(doc, "state.bundle"),
		.status = text_of(doc, "state.status"),
		.metadata = text_of(doc, "metadata"),
		.state_json = c->text,
		.index = index,
	};
	int rc;

	if (getsockopt(c->source.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	if (number && !sc_json_i64(doc, number, &pid) && pid == (pid_t)pid)
		container.pid = (pid_t)pid;
	container.peer_pid = peer.pid;
	container.peer_uid = peer.uid;
	rc = c->server->callback(sv, &container, c->server->data);
	if (rc >= 0)
		*tag = container.tag;
	return rc;
}

static void decide(struct sluice_supervisor *sv, struct connection *c)
{
	struct sc_json *doc = NULL;
	struct listener *listener;
	void *tag = NULL;

	if (sc_json_read(c->text, c->length, NULL, &doc))
		return;
	listener = offered(sv, c, doc);
	if (listener && ask(sv, c, doc, listener->id, &tag) >= 0)
		sc_core_admit_listener(listener, false, tag);
	sc_json_free(doc);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether the object is closed: it is parsed once, however many pieces it comes in. 1; 0: more
 * must come; -EPROTO. */
static int scan(struct connection *c)
{
	for (; c->scanned < c->length; c->scanned++) {
		char ch = c->text[c->scanned];

		if (c->in_string) {
			c->in_string = c->escaped || ch != '"';
			c->escaped = !c->escaped && ch == '\\';
		} else if (!c->depth && ch != '{') {
			if (!is_space(ch))
				return -EPROTO;
		} else if (ch == '"') {
			c->in_string = true;
		} else if (ch == '{' || ch == '[') {
			c->depth++;
		} else if ((ch == '}' || ch == ']') && --c->depth == 0) {
			return 1;
		}
	}
	return 0;
}

/* 0: @fd is no longer the caller's; 1: it is no new listener, and still the caller's. */
static int take_listener(struct sluice_supervisor *sv, struct connection *c, int fd, uint32_t *id)
{
	struct listener *known = NULL;
	int rc;

	*id = NOBODY;
	if (!sc_sluice_is_listener(sv->proc.fd, fd) || (known = sc_core_same_listener(sv, fd)) ||
		c->listeners == MAX_LISTENERS) {
		/* Known by this connection: it was here when a later one did not fit. */
		if (known && known->holder == c->id)
			*id = known->id;
		return 1;
	}
	rc = sc_core_park_listener(sv, fd, c->id);
	if (rc)
		return rc;
	c->listeners++;
	*id = sv->listeners.next_id - 1;
	return 0;
}

/* Keep the listeners in a message that is still in the socket. After an error it can be
 * looked at again, and none of it is lost. */
static int take_rights(struct sluice_supervisor *sv, struct connection *c, struct msghdr *h,
	int *others, unsigned *count)
{
	int fds[MAX_RIGHTS], rc = 0;
	unsigned n = sc_sluice_rights(h, fds, MAX_RIGHTS), done = 0;

	for (; done < n; done++) {
		uint32_t id;

		rc = take_listener(sv, c, fds[done], &id);
		if (rc < 0)
			break;
		if (rc)
			others[(*count)++] = fds[done];
		if (c->fds + done < MAX_NAMED)
			c->named[c->fds + done] = id;
	}
	for (unsigned i = done; i < n; i++)
		close(fds[i]);
	if (done < n)
		return rc;
	c->fds = c->fds + n < MAX_NAMED ? c->fds + n : MAX_NAMED;
	return 0;
}

static int make_room(struct connection *c)
{
	char *text;

	if (c->ending)
		c->length = 0; /* nobody reads that any more */
	if (c->room - c->length >= 4096)
		return 0;
	if (c->room >= MAX_DOCUMENT)
		return -E2BIG;
	text = realloc(c->text, c->room + 65536);
	if (!text)
		return -ENOMEM;
	c->text = text;
	c->room += 65536;
	return 0;
}

static void touch(struct sluice_supervisor *sv, struct connection *c)
{
	struct kept kept = {.id = c->id, .deny = 1, .kind = K_CONNECTION};

	if (!c->touched)
		sc_keep_mark(sv, &kept);
	c->touched = true;
}

/* Take out what was looked at. Without room for descriptors: we have them. */
static int take_text(struct connection *c, size_t n)
{
	while (n) {
		ssize_t got = recv(c->source.fd, c->text + c->length, n, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ENODATA;
		n -= (size_t)got;
		c->length += (size_t)got;
	}
	c->text[c->length] = '\0';
	return 0;
}

static bool table_is_full(int any)
{
	int fd = fcntl(any, F_DUPFD_CLOEXEC, 0);

	return fd < 0 || close(fd);
}

/* Look at what is next in the socket. Descriptors can be missing because the kernel withholds
 * them, and then always, or because the table was full, and a worker may have closed one since:
 * the second look tells. The length, or -errno. */
static ssize_t look(const struct connection *c, struct msghdr *h, bool *withheld)
{
	const struct msghdr empty = *h;

	for (bool again = false;; again = true) {
		int fds[MAX_RIGHTS];
		ssize_t n;
		unsigned count;
		bool full;

		*h = empty;
		n = recvmsg(c->source.fd, h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return -errno;
		*withheld = h->msg_flags & MSG_CTRUNC;
		if (!*withheld)
			return n;
		count = sc_sluice_rights(h, fds, MAX_RIGHTS);
		if (count >= HONEST)
			return n;
		full = table_is_full(c->source.fd);
		if (again && !full)
			return n;
		while (count)
			close(fds[--count]);
		if (full)
			return -EMFILE;
	}
}

/* 0; -EAGAIN: nothing there; -ENODATA: the end; -errno. */
static int take_piece(struct sluice_supervisor *sv, struct connection *c)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MAX_RIGHTS)];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	int others[MAX_RIGHTS], rc = make_room(c);
	unsigned count = 0;
	bool withheld = false;
	ssize_t n;

	if (rc)
		return rc;
	iov = (struct iovec){c->text + c->length, c->room - c->length - 1};
	n = look(c, &h, &withheld);
	if (n <= 0)
		return n ? (int)n : -ENODATA;
	rc = take_rights(sv, c, &h, others, &count);
	if (!rc)
		touch(sv, c);
	if (!rc && count && ++c->strange > MAX_STRANGE)
		rc = -EPROTO; /* all the rest is closed with the socket */
	/* To take out the text closes what is in the socket: ours must be the last of them. What was
	 * withheld is closed with the socket. */
	if (!rc)
		rc = withheld ? -EPROTO : take_text(c, (size_t)n);
	sc_sluice_discard(others, count);
	return rc;
}

static void refuse_rest(struct sluice_supervisor *sv, const struct connection *c)
{
	for (struct listener *l = sv->listeners.first; l; l = l->next)
		if (l->holder == c->id)
			sc_core_admit_listener(l, true, NULL);
}

/* What may be better when the timer looks again. */
static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOBUFS ||
		rc == -ENOSPC || rc == -ETOOMANYREFS || rc == -EPIPE;
}

static void begin_ending(struct connection *c)
{
	shutdown(c->source.fd, SHUT_RD); /* what is sent from now on fails over there */
	c->ending = true;
}

/* Take what has come; decide when the document is complete; go when all is taken. Where something was
 * closed for a peer, the others in the loop come first: the socket is ready again at once. */
void sc_oci_talk(struct sluice_supervisor *sv, struct connection *c)
{
	unsigned strange = c->strange;

	do {
		int rc = take_piece(sv, c);

		if (rc == -EINTR || (rc == -EAGAIN && !c->ending))
			return;
		if (is_shortage(rc)) {
			c->starved = true;
			sc_core_unwatch(sv, &c->source);
			return;
		}
		if (rc && c->ending) {
			refuse_rest(sv, c);
			sc_oci_hang_up(sv, c);
			return;
		}
		if (!rc && !c->ending)
			rc = scan(c);
		if (rc > 0)
			decide(sv, c);
		if (rc)
			begin_ending(c);
	} while (c->ending && c->strange == strange);
}

void sc_oci_end(struct sluice_supervisor *sv, struct connection *c)
{
	begin_ending(c);
	sc_oci_talk(sv, c);
}
