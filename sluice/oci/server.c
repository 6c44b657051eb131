/* The server behind listenerPath of the OCI runtime specification.
 * SPDX-License-Identifier: MIT
 *
 * With a keeper every socket here is there too, so that neither a kill nor a hand-over loses what
 * a runtime has sent: a successor finds the listening socket, the connections that wait in
 * it and those that nobody has read from. connection.c says what happens on a connection. */
#include "oci/server.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#define TICK_NS 100000000 /* while there are connections, or no room for more */

static void destroy_connection(struct source *source)
{
	struct connection *c = (struct connection *)source;
	int unread = 0;

	/* What nobody has taken out is closed with it. */
	if (ioctl(source->fd, FIONREAD, &unread) == 0 && unread)
		sc_sluice_discard_one(source->fd);
	else
		closep(&source->fd);
	free(c->text);
	free(c);
}

static void destroy_server(struct source *source)
{
	struct server *server = (struct server *)source;
	struct pollfd p = {.fd = source->fd, .events = POLLIN};

	/* Who waits to be accepted may have sent something. */
	if (poll(&p, 1, 0) != 0)
		sc_sluice_discard_one(source->fd);
	else
		closep(&source->fd);
	closep(&server->timer.fd);
	free(server->coming);
	free(server);
}

static int set_timer(struct server *server, long ns)
{
	struct itimerspec t = {{0, ns}, {0, ns}};

	return timerfd_settime(server->timer.fd, 0, &t, NULL) ? -errno : 0;
}

/* Look after things in TICK_NS, and again. Without that what waits here may wait for ever, so the caller of the
 * loop hears of it: a filter that was loaded since may refuse it. */
static void look_later(struct sluice_supervisor *sv, struct server *server)
{
	int rc = set_timer(server, TICK_NS);

	if (rc)
		sv->loop.error = rc;
}

static void set_accepting(struct sluice_supervisor *sv, struct server *server, bool on)
{
	sc_core_rearm(sv, &server->source, on ? EPOLLIN : 0);
}

static void pause_server(struct sluice_supervisor *sv, struct server *server)
{
	server->paused = true;
	set_accepting(sv, server, false);
	look_later(sv, server);
}

static void resume(struct sluice_supervisor *sv, struct server *server)
{
	if (!server->paused)
		return;
	server->paused = false;
	set_accepting(sv, server, true);
}

/* What may bring listeners; a child of sluice_spawn() closes its copies. */
static void open_door(struct sluice_supervisor *sv, struct source *source)
{
	source->next_door = sv->loop.doors;
	sv->loop.doors = source;
}

/* One of a server that was inherited, and that nobody has asked for, was never opened. */
static void close_door(struct sluice_supervisor *sv, struct source *source)
{
	struct source **p = &sv->loop.doors;

	while (*p && *p != source)
		p = &(*p)->next_door;
	if (*p)
		*p = source->next_door;
}

void sc_oci_hang_up(struct sluice_supervisor *sv, struct connection *c)
{
	struct connection **p = &c->server->connections;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	c->server->count--;
	sc_oci_servers(sv)->connections--;
	c->source.ready = NULL;
	close_door(sv, &c->source);
	sc_core_unwatch(sv, &c->source);
	sc_keep_drop(sv, K_CONNECTION, c->id);
	sc_core_bury(sv, &c->source);
}

static void on_data(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	(void)events;
	sc_oci_talk(sv, (struct connection *)source);
}

static struct connection *new_connection(struct sluice_supervisor *sv, struct server *server)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->source = (struct source){-1, on_data, destroy_connection, NULL};
	c->server = server;
	c->id = ++sc_oci_servers(sv)->next_id;
	return c;
}

static void insert(struct sluice_supervisor *sv, struct connection *c, int fd)
{
	/* Out of band a byte would be an event that no look at the stream shows. */
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int));
	c->source.fd = fd;
	c->next = c->server->connections;
	c->server->connections = c;
	c->server->count++;
	sc_oci_servers(sv)->connections++;
}

static void begin(struct sluice_supervisor *sv, struct connection *c)
{
	c->deadline_ns = sc_sluice_now() + DOCUMENT_NS;
	c->starved = sc_core_watch(sv, &c->source, EPOLLIN) != 0;
	open_door(sv, &c->source);
	look_later(sv, c->server);
}

/* Whether one more connection, and what it may bring, has room; if there are too many the oldest
 * has to go. */
static bool make_way(struct sluice_supervisor *sv, struct server *server)
{
	struct connection *oldest = NULL;

	for (struct connection *c = server->connections; c; c = c->next)
		if (!c->starved)
			oldest = c;
	if (server->count >= MAX_CONNECTIONS && oldest)
		sc_oci_end(sv, oldest);
	if (server->count >= MAX_CONNECTIONS)
		return false;
	return !sc_keep_on(sv) ||
		sv->listeners.active + (sc_oci_servers(sv)->connections + 1) * MAX_LISTENERS <= MAX_KEPT;
}

/* The keeper accepts for us: see accept_for() there. One at a time. */
static bool ask_keeper(struct sluice_supervisor *sv, struct server *server)
{
	if (sc_oci_servers(sv)->asking && sc_oci_servers(sv)->asking != server)
		return false;
	if (!server->coming)
		server->coming = new_connection(sv, server);
	if (!server->coming ||
		sc_keep_accept(sv, server->id, server->coming->id))
		return false;
	sc_oci_servers(sv)->asking = server;
	server->again = false;
	set_accepting(sv, server, false);
	return true;
}

static bool accept_here(struct sluice_supervisor *sv, struct server *server)
{
	_cleanup_free_ struct connection *c = new_connection(sv, server);
	int fd = -1;

	if (c)
		fd = accept4(server->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return c && errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
			errno != ENOBUFS;
	/* Not in the list yet: a keeper that this starts is told of it once. If it cannot be told
	 * now, the next one is told everything. */
	sc_keep_hold(sv, &(struct kept){.id = c->id, .kind = K_CONNECTION}, fd);
	insert(sv, c, fd);
	begin(sv, steal_ptr(c));
	return true;
}

static void on_connect(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct server *server = (struct server *)source;
	bool done = make_way(sv, server);

	(void)events;
	if (done)
		done = sc_keep_reachable(sv) ? ask_keeper(sv, server)
						 : accept_here(sv, server);
	if (!done)
		pause_server(sv, server);
}

/* What the keeper accepted, or -errno. */
static void on_accepted(struct sluice_supervisor *sv, int fd)
{
	struct server *server = sc_oci_servers(sv)->asking;

	if (!server) {
		closep(&fd);
		return;
	}
	if (fd == -EMFILE || fd == -EAGAIN) { /* it has it, for later */
		server->again = true;
		pause_server(sv, server);
		return;
	}
	sc_oci_servers(sv)->asking = NULL;
	server->again = server->paused = false;
	if (fd >= 0) {
		struct connection *c = steal_ptr(server->coming);

		insert(sv, c, fd);
		begin(sv, c);
	}
	if (fd == -ENOENT)
		pause_server(sv, server); /* taken back, or no room over there */
	else
		set_accepting(sv, server, true);
	for (struct server *s = sc_oci_servers(sv)->first; s; s = s->next)
		if (s != server)
			resume(sv, s);
}

/* Before everything is listed for a hand-over: nothing may be under way. */
int sc_oci_settle(struct sluice_supervisor *sv)
{
	while (sc_oci_servers(sv)->asking) {
		bool again = sc_oci_servers(sv)->asking->again;

		if (again && !ask_keeper(sv, sc_oci_servers(sv)->asking))
			return -EAGAIN;
		sc_keep_answer(sv);
		if (sc_oci_servers(sv)->asking && again)
			return -EMFILE;
	}
	return 0;
}

/* What starves even after its time stays until what it has sent can be refused, but can send
 * nothing more. */
static void look_after(struct sluice_supervisor *sv, struct connection *c, uint64_t now)
{
	if (c->starved) {
		c->starved = sc_core_watch(sv, &c->source, EPOLLIN) != 0;
		if (!c->starved && c->ending)
			sc_oci_talk(sv, c);
		else if (!c->starved && c->deadline_ns + STARVED_NS <= now)
			sc_oci_end(sv, c);
	} else if (c->deadline_ns <= now) {
		sc_oci_end(sv, c);
	}
}

static void on_tick(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct server *server =
		(struct server *)(void *)((char *)source - offsetof(struct server, timer));
	uint64_t now = sc_sluice_now(), ticks;
	struct connection *next;

	(void)events;
	if (read(source->fd, &ticks, sizeof(ticks)) < 0)
		return;
	for (struct connection *c = server->connections; c; c = next) {
		next = c->next;
		look_after(sv, c, now);
	}
	if (server->again)
		ask_keeper(sv, server);
	else
		resume(sv, server);
	if (!server->connections && !server->again)
		set_timer(server, 0);
}

static struct server *new_server(struct sluice_supervisor *sv, int fd, const char *path)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->source = (struct source){fd, on_connect, destroy_server, NULL};
	server->timer = (struct source){-1, on_tick, NULL, NULL};
	server->id = ++sc_oci_servers(sv)->next_id;
	snprintf(server->path, sizeof(server->path), "%s", path);
	return server;
}

static int add_server(struct sluice_supervisor *sv, int fd, const char *path)
{
	_cleanup_free_ struct server *server = new_server(sv, fd, path);
	int rc;

	if (!server)
		return -ENOMEM;
	rc = sc_keep_hold(sv, &(struct kept){.id = server->id, .kind = K_SERVER}, fd);
	if (rc)
		return rc;
	server->next = sc_oci_servers(sv)->first;
	sc_oci_servers(sv)->first = steal_ptr(server);
	return 0;
}

static int open_server(struct sluice_supervisor *sv, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int rc;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	rc = sc_sluice_clear(path);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	rc = listen(fd, 64) ? -errno : add_server(sv, fd, path);
	if (rc)
		unlink(path);
	else
		steal_fd(&fd);
	return rc;
}

static struct server *find_server(struct sluice_supervisor *sv, const char *path)
{
	struct server *server = sc_oci_servers(sv)->first;

	while (server && strcmp(server->path, path) != 0)
		server = server->next;
	return server;
}

static int open_for(struct sluice_supervisor *sv, struct server *server)
{
	struct connection *next;
	int rc;

	server->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->timer.fd < 0)
		return -errno;
	/* Where a filter refuses this, what pauses would never go on. */
	rc = set_timer(server, 0);
	if (!rc)
		rc = sc_core_watch(sv, &server->timer, EPOLLIN);
	if (!rc)
		rc = sc_core_watch(sv, &server->source, EPOLLIN);
	if (rc) {
		sc_core_unwatch(sv, &server->timer);
		closep(&server->timer.fd);
		server->timer.fd = -1;
		return rc;
	}
	for (struct connection *c = server->connections; c; c = next) {
		next = c->next;
		begin(sv, c);
		if (c->touched)
			sc_oci_end(sv, c);
	}
	return 0;
}

static void stop_server(struct sluice_supervisor *sv, struct server *server)
{
	struct server **p = &sc_oci_servers(sv)->first;

	while (*p != server)
		p = &(*p)->next;
	*p = server->next;
	while (server->connections)
		sc_oci_hang_up(sv, server->connections);
	if (sc_oci_servers(sv)->asking == server)
		sc_oci_servers(sv)->asking = NULL;
	sc_core_unwatch(sv, &server->source);
	sc_core_unwatch(sv, &server->timer);
	server->source.ready = server->timer.ready = NULL;
	sc_keep_drop(sv, K_SERVER, server->id);
	if (!sv->passed_on)
		unlink(server->path);
	close_door(sv, &server->source);
	sc_core_bury(sv, &server->source);
}

int sluice_listen_oci(struct sluice_supervisor *supervisor, const char *path,
	sluice_container_cb callback, void *data)
{
	struct server *server, *inherited;
	int rc = 0;

	if (!path || !callback)
		return -EINVAL;
	if (strlen(path) >= sizeof(server->path) - 1)
		return -ENAMETOOLONG;
	/* A predecessor's has been open all along. */
	inherited = find_server(supervisor, path);
	if (inherited && inherited->callback)
		return -EADDRINUSE;
	rc = inherited ? 0 : open_server(supervisor, path);
	if (rc)
		return rc;
	server = inherited ? inherited : sc_oci_servers(supervisor)->first;
	rc = open_for(supervisor, server);
	if (rc) {
		if (!inherited)
			stop_server(supervisor, server);
		return rc;
	}
	server->callback = callback;
	server->data = data;
	open_door(supervisor, &server->source);
	return 0;
}

/* Every socket, a server's before those of its connections. */
static bool next_socket(struct sluice_supervisor *sv, struct kept_socket *at)
{
	struct server *server = at->server;
	struct connection *c = at->connection;

	c = c ? c->next : server ? server->connections : NULL;
	at->connection = c;
	if (c) {
		at->kept = (struct kept){
			.id = c->id, .deny = c->touched || c->ending, .kind = K_CONNECTION};
		at->fd = c->source.fd;
		return true;
	}
	at->server = server = server ? server->next : sc_oci_servers(sv)->first;
	if (!server)
		return false;
	at->kept = (struct kept){.id = server->id, .kind = K_SERVER};
	at->fd = server->source.fd;
	return true;
}

/* From a predecessor. An accepted socket has the name of the listening one. */
int sc_oci_inherit(struct sluice_supervisor *sv, const struct kept *kept, int fd)
{
	struct sockaddr_un address = {.sun_path = ""};
	socklen_t size = sizeof(address);
	char path[sizeof(address)]; /* the longest name has no NUL */
	_cleanup_free_ struct connection *c = NULL;
	struct server *server;
	int rc;

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return -errno;
	snprintf(path, sizeof(path), "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	if (kept->kind == K_SERVER)
		return add_server(sv, fd, path);
	server = find_server(sv, path);
	if (!server)
		return -EPROTO;
	c = new_connection(sv, server);
	if (!c)
		return -ENOMEM;
	rc = sc_keep_hold(sv,
		&(struct kept){.id = c->id, .deny = kept->deny, .kind = K_CONNECTION}, fd);
	if (rc)
		return rc;
	c->touched = kept->deny;
	insert(sv, steal_ptr(c), fd);
	return 0;
}

const struct keep_hooks sc_oci_kept = {next_socket, on_accepted};

static void free_servers(struct part *part)
{
	free(part);
}

int sc_oci_begin(struct sluice_supervisor *sv)
{
	struct servers *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->part.destroy = free_servers;
	sv->rooms[ROOM_OCI] = &all->part;
	return 0;
}

void sc_oci_stop(struct sluice_supervisor *sv)
{
	while (sc_oci_servers(sv) && sc_oci_servers(sv)->first)
		stop_server(sv, sc_oci_servers(sv)->first);
}
