/* Servers behind listenerPath and the connections to them.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_OCI_SERVER_H
#define SLUICE_OCI_SERVER_H

#include "oci/oci.h"

#include <sys/un.h>

#define MAX_DOCUMENT    (1u << 20)
#define MAX_CONNECTIONS 32  /* a server */
#define MAX_LISTENERS   8   /* of a connection; runtimes send one */
#define MAX_NAMED       64  /* descriptors that "fds" can name */
#define DOCUMENT_NS     5000000000ull /* from connecting to the document's end */
#define STARVED_NS      60000000000ull /* more than that, while it is we who lack something */

#define NOBODY UINT32_MAX

struct server {
	struct source source;   /* the listening socket */
	struct source timer;    /* runs while there is something to look after */
	struct server *next;
	struct connection *connections; /* the newest first */
	struct connection *coming;      /* the keeper is asked for it */
	uint32_t id;
	unsigned count;
	bool paused;            /* no room: the timer looks again */
	bool again;             /* the keeper has to be asked once more */
	sluice_container_cb callback; /* NULL: a predecessor's, nobody listens here yet */
	void *data;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

/* All of them. */
struct servers {
	struct part part;
	struct server *first;
	struct server *asking;  /* has the keeper accept */
	uint32_t next_id;       /* of servers and connections, from 1 */
	unsigned connections;
};

static inline struct servers *sc_oci_servers(const struct sluice_supervisor *sv)
{
	return (struct servers *)sv->rooms[ROOM_OCI];
}

struct connection {
	struct source source;
	struct connection *next;
	struct server *server;
	uint32_t id;
	uint64_t deadline_ns;
	bool touched;           /* a part of the document is no longer in the socket */
	bool ending;            /* decided: whatever still comes is refused */
	bool starved;           /* for want of descriptors or memory; the timer tries again */
	char *text;
	size_t length, room, scanned;
	unsigned depth;         /* of braces, up to @scanned */
	bool in_string, escaped;
	uint32_t named[MAX_NAMED]; /* the listener's id, or NOBODY */
	unsigned fds, listeners; /* at most MAX_NAMED, MAX_LISTENERS */
	unsigned strange;       /* messages with descriptors that are no new listeners */
};

/* oci.c */
void sc_oci_hang_up(struct sluice_supervisor *sv, struct connection *c);

/* oci_peer.c */
void sc_oci_talk(struct sluice_supervisor *sv, struct connection *c);
void sc_oci_end(struct sluice_supervisor *sv, struct connection *c);

#endif
