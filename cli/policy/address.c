/* Addresses of a policy: read, resolved once, compared.
 * SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "util/cleanup.h"
#include "util/vec.h"

static bool number(const char *text, uint32_t max, uint32_t *out)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool mapped(const unsigned char address[16])
{
	static const unsigned char before[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, before, sizeof(before)) == 0;
}

/* An address as it is compared: ::ffff:1.2.3.4 is 1.2.3.4. False: no internet address. */
static bool normal(const struct sockaddr *a, struct policy_peer *out)
{
	const struct sockaddr_in6 *in6 = (const void *)a;
	const struct sockaddr_in *in = (const void *)a;

	out->family = a->sa_family;
	if (a->sa_family == AF_INET) {
		out->prefix = 32;
		out->port = ntohs(in->sin_port);
		memcpy(out->address, &in->sin_addr, 4);
		return true;
	}
	if (a->sa_family != AF_INET6)
		return false;
	out->prefix = 128;
	out->port = ntohs(in6->sin6_port);
	memcpy(out->address, &in6->sin6_addr, 16);
	if (mapped(out->address)) {
		out->family = AF_INET;
		out->prefix = 32;
		memmove(out->address, out->address + 12, 4);
	}
	return true;
}

static int add(struct policy *p, const struct policy_peer *peer, const char *text,
	const char *where)
{
	struct policy_peer *new;

	if (sc_reserve(p->peers, p->cap_peers, p->n_peers, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->peers[p->n_peers];
	*new = *peer;
	new->text = strdup(text);
	new->where = strdup(where);
	if (!new->text || !new->where) {
		free(new->text);
		free(new->where);
		return policy_error(p, where, "%s", strerror(ENOMEM));
	}
	p->n_peers++;
	return 0;
}

/* 10.0.0.0/8; bits behind the prefix must be 0: somebody may have meant another one. */
static int add_network(struct policy *p, const char *host, const char *length,
	struct policy_peer *peer, const char *text, const char *where)
{
	uint32_t bits;

	if (inet_pton(AF_INET, host, peer->address) == 1)
		peer->family = AF_INET;
	else if (inet_pton(AF_INET6, host, peer->address) == 1)
		peer->family = AF_INET6;
	else
		return policy_error(p, where, "\"%s\": \"%s\" is no address", text, host);
	if (!number(length, peer->family == AF_INET ? 32 : 128, &bits))
		return policy_error(p, where, "\"%s\": \"%s\" is no length of a prefix",
			text, length);
	if (peer->family == AF_INET6 && mapped(peer->address))
		return policy_error(p, where, "\"%s\": write addresses of IPv4 as such", text);
	peer->prefix = bits;
	for (uint32_t i = bits; i < (peer->family == AF_INET ? 32u : 128u); i++)
		if (peer->address[i / 8] & (0x80u >> i % 8))
			return policy_error(p, where,
				"\"%s\": bits behind the prefix of %u are set", text,
				bits);
	return add(p, peer, text, where);
}

static int add_host(struct policy *p, const char *host, uint32_t port, const char *text,
	const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	int rc = getaddrinfo(host, NULL, &hints, &all);

	if (rc)
		return policy_error(
			p, where, "\"%s\": %s: %s", text, host, gai_strerror(rc));
	for (const struct addrinfo *a = all; a && !rc; a = a->ai_next) {
		struct policy_peer peer = {0};

		if (!normal(a->ai_addr, &peer))
			continue;
		peer.port = port;
		rc = add(p, &peer, text, where);
	}
	freeaddrinfo(all);
	return rc;
}

int policy_add_connect(struct policy *p, const char *text, const char *where)
{
	_cleanup_free_ char *host = strdup(text);
	struct policy_peer peer = {0};
	char *colon, *slash;
	size_t n;

	if (!host)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	p->network = true;
	if (strcmp(text, "none") == 0)
		return 0;
	colon = strrchr(host, ':');
	if (!colon || colon == host)
		return policy_error(p, where,
			"\"%s\" is no HOST:PORT, ADDRESS/PREFIX:PORT, *:PORT or none",
			text);
	*colon = 0;
	if (strcmp(colon + 1, "*") != 0 &&
		(!number(colon + 1, 65535, &peer.port) || peer.port == 0))
		return policy_error(p, where,
			"\"%s\": \"%s\" is no port: 1 to 65535, or *", text, colon + 1);
	n = strlen(host);
	if (host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = 0;
	} else if (strchr(host, ':')) {
		return policy_error(p, where,
			"\"%s\": write an address of IPv6 as [ADDRESS]:PORT", text);
	}
	if (strcmp(host, "*") == 0)
		return add(p, &peer, text, where);
	slash = strchr(host, '/');
	if (slash) {
		*slash = 0;
		return add_network(p, host, slash + 1, &peer, text, where);
	}
	return add_host(p, host, peer.port, text, where);
}

int policy_add_bind(struct policy *p, const char *text, const char *where)
{
	struct policy_port *new;
	uint32_t port;

	if (!number(text, 65535, &port))
		return policy_error(p, where,
			"\"%s\" is no port: 1 to 65535, or 0 for any free one", text);
	if (sc_reserve(p->ports, p->cap_ports, p->n_ports, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->ports[p->n_ports];
	new->port = (uint16_t)port;
	new->where = strdup(where);
	if (!new->where)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	p->n_ports++;
	p->network = true;
	return 0;
}

bool policy_lets(const struct policy *p, const struct sockaddr_storage *address)
{
	struct policy_peer is = {0};

	if (!normal((const struct sockaddr *)address, &is))
		return false;
	for (uint32_t i = 0; i < p->n_peers; i++) {
		const struct policy_peer *rule = &p->peers[i];
		unsigned int whole = rule->prefix / 8, rest = rule->prefix % 8;

		if (rule->port && rule->port != is.port)
			continue;
		if (rule->family == AF_UNSPEC)
			return true;
		if (rule->family == is.family &&
			memcmp(rule->address, is.address, whole) == 0 &&
			(!rest || !((rule->address[whole] ^ is.address[whole]) >>
					  (8 - rest))))
			return true;
	}
	return false;
}
