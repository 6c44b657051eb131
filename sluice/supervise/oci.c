/* The server behind listenerPath of the OCI runtime specification.
 * SPDX-License-Identifier: MIT
 *
 * A runtime connects, sends one JSON document (containerProcessState) with descriptors beside
 * the first byte and closes. The document may come in pieces. Whatever else is wrong, a
 * listener that arrived is kept and refuses: closing it would let calls fail as ENOSYS,
 * which programs take for an old kernel. */
#include "supervise/internal.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MAX_DOCUMENT    (1u << 20)
#define MAX_DESCRIPTORS 64
#define MAX_CONNECTIONS 64

struct server {
	struct source source;
	struct server *next;
	struct connection *connections;
	unsigned count;
	sluice_container_cb callback;
	void *data;
	char path[108];
};

struct connection {
	struct source source;
	struct connection *next;
	struct server *server;
	char *text;
	size_t length, room;
	int fds[MAX_DESCRIPTORS];
	int fd_count;
};

static void destroy_connection(struct source *source)
{
	struct connection *c = (struct connection *)source;

	while (c->fd_count)
		close(c->fds[--c->fd_count]);
	closep(&source->fd);
	free(c->text);
	free(c);
}

static void destroy_server(struct source *source)
{
	closep(&source->fd);
	free(source);
}

static void hang_up(struct sluice_supervisor *sv, struct connection *c)
{
	struct connection **p = &c->server->connections;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	c->server->count--;
	c->source.ready = NULL;
	sc_sluice_unwatch(sv, &c->source);
	sc_sluice_bury(sv, &c->source);
}

static void keep_refusing(struct sluice_supervisor *sv, struct connection *c)
{
	for (int i = 0; i < c->fd_count; i++)
		if (sc_sluice_add_listener(sv, c->fds[i], NULL, true, false))
			close(c->fds[i]); /* no listener */
	c->fd_count = 0;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* Which of the descriptors is the listener: the index of "seccompFd" in "fds". */
static int listener_index(json_t *root, int count)
{
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(root, "fds"), i, name) {
		const char *s = json_string_value(name);

		if (s && strcmp(s, "seccompFd") == 0 && i < (size_t)count)
			return (int)i;
	}
	return -ENOENT;
}

static int ask(struct sluice_supervisor *sv, struct connection *c, json_t *root, void **tag)
{
	json_t *state = json_object_get(root, "state");
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	struct sluice_container container = {
		.id = text_of(state, "id"),
		.bundle = text_of(state, "bundle"),
		.status = text_of(state, "status"),
		.metadata = text_of(root, "metadata"),
		.state_json = c->text,
		.pid = (pid_t)json_integer_value(json_object_get(root, "pid")),
	};
	int rc;

	if (getsockopt(c->source.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	container.peer_pid = peer.pid;
	container.peer_uid = peer.uid;
	rc = c->server->callback(sv, &container, c->server->data);
	if (rc >= 0)
		*tag = container.tag;
	return rc;
}

static void accept_container(struct sluice_supervisor *sv, struct connection *c, json_t *root)
{
	int index = listener_index(root, c->fd_count);
	void *tag = NULL;

	if (index < 0 || ask(sv, c, root, &tag) < 0) {
		keep_refusing(sv, c);
		return;
	}
	if (sc_sluice_add_listener(sv, c->fds[index], tag, false, false) == 0)
		c->fds[index] = c->fds[--c->fd_count];
}

/* 1: complete; 0: more must come; -EPROTO. */
static int parse(struct connection *c, json_t **root)
{
	json_error_t error;

	*root = json_loadb(c->text, c->length, JSON_REJECT_DUPLICATES, &error);
	if (*root && json_is_object(*root))
		return 1;
	if (*root) {
		json_decref(*root);
		*root = NULL;
		return -EPROTO;
	}
	return json_error_code(&error) == json_error_premature_end_of_input ? 0 : -EPROTO;
}

static ssize_t receive(struct connection *c)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n;

	if (c->room - c->length < 4096) {
		char *text = c->room >= MAX_DOCUMENT ? NULL : realloc(c->text, c->room + 65536);

		if (!text)
			return -E2BIG;
		c->text = text;
		c->room += 65536;
	}
	iov = (struct iovec){c->text + c->length, c->room - c->length - 1};
	n = recvmsg(c->source.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *m = CMSG_FIRSTHDR(&h); m; m = CMSG_NXTHDR(&h, m)) {
		size_t count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(m) + i * sizeof(fd), sizeof(fd));
			if (c->fd_count < MAX_DESCRIPTORS)
				c->fds[c->fd_count++] = fd;
			else
				close(fd);
		}
	}
	c->length += (size_t)n;
	c->text[c->length] = '\0';
	return n;
}

static void on_data(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct connection *c = (struct connection *)source;
	json_t *root = NULL;
	ssize_t n = receive(c);
	int rc;

	(void)events;
	if (n == -EAGAIN || n == -EINTR)
		return;
	rc = n <= 0 ? -EPROTO : parse(c, &root);
	if (rc == 0)
		return;
	if (rc > 0)
		accept_container(sv, c, root);
	else
		keep_refusing(sv, c);
	json_decref(root);
	hang_up(sv, c);
}

static void on_connect(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct server *server = (struct server *)source;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c, *oldest = server->connections;

	(void)events;
	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	while (oldest && oldest->next)
		oldest = oldest->next;
	if (server->count >= MAX_CONNECTIONS && oldest) { /* one that never ends its word */
		keep_refusing(sv, oldest);
		hang_up(sv, oldest);
	}
	*c = (struct connection){.source = {fd, on_data, destroy_connection, NULL},
		.next = server->connections,
		.server = server};
	server->connections = c;
	server->count++;
	if (sc_sluice_watch(sv, &c->source, EPOLLIN))
		hang_up(sv, c);
}

/* A socket file that nobody serves any more may be replaced. */
static int clear_path(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) ? -errno : 0;
}

int sluice_listen_oci(struct sluice_supervisor *supervisor, const char *path,
	sluice_container_cb callback, void *data)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_free_ struct server *server = NULL;
	_cleanup_close_ int fd = -1;
	int rc;

	if (!path || !callback)
		return -EINVAL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	rc = clear_path(&address);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		return -errno;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	*server = (struct server){.source = {fd, on_connect, destroy_server, NULL},
		.callback = callback,
		.data = data};
	strcpy(server->path, path);
	rc = sc_sluice_watch(supervisor, &server->source, EPOLLIN);
	if (rc)
		return rc;
	steal_fd(&fd);
	server->next = supervisor->oci;
	supervisor->oci = server;
	supervisor->servers++;
	steal_ptr(server);
	return 0;
}

void sc_sluice_oci_stop(struct sluice_supervisor *sv)
{
	while (sv->oci) {
		struct server *server = sv->oci;

		sv->oci = server->next;
		while (server->connections)
			hang_up(sv, server->connections);
		sc_sluice_unwatch(sv, &server->source);
		unlink(server->path);
		sc_sluice_bury(sv, &server->source);
		sv->servers--;
	}
}
