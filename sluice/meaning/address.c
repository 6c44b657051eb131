/* Addresses of sockets and messages as text.
 * SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "meaning/decode.h"

enum {
	UNIX = 1,
	INET = 2,
	INET6 = 10,
	NETLINK = 16,
	STORAGE = 128
};

/* The kernel takes no longer one than struct sockaddr_storage. */
struct address {
	unsigned char bytes[STORAGE];
	size_t length;
};

/* Ports and IPv4 addresses have the network's byte order on every machine. */
static unsigned port(const unsigned char *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void unix_address(struct sc_decode *d, const struct address *a)
{
	const unsigned char *path = a->bytes + 2;
	size_t length = a->length - 2;

	if (length == 0)
		return; /* unnamed */
	sc_text_add(d->text, ", sun_path=");
	if (path[0] == 0) { /* abstract: every byte counts */
		sc_text_char(d->text, '@');
		sc_text_quote(d->text, path + 1, length - 1);
	} else {
		sc_text_quote(d->text, path, strnlen((const char *)path, length));
	}
}

static void inet_address(struct sc_decode *d, const struct address *a)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, a->bytes + 4, text, sizeof(text));
	sc_text_printf(d->text, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")",
		port(a->bytes + 2), text);
}

static void inet6_address(struct sc_decode *d, const struct address *a)
{
	char text[INET6_ADDRSTRLEN];
	uint64_t flow = (uint64_t)port(a->bytes + 4) << 16 | port(a->bytes + 6);

	inet_ntop(AF_INET6, a->bytes + 8, text, sizeof(text));
	sc_text_printf(d->text,
		", sin6_port=htons(%u), sin6_flowinfo=htonl(%" PRIu64 "), "
		"inet_pton(AF_INET6, \"%s\", &sin6_addr), sin6_scope_id=%" PRIu64,
		port(a->bytes + 2), flow, text,
		a->length >= 28 ? sc_decode_number(d, a->bytes + 24, 4) : 0);
}

static void netlink_address(struct sc_decode *d, const struct address *a)
{
	sc_text_printf(d->text, ", nl_pid=%" PRIu64 ", nl_groups=%08" PRIx64,
		sc_decode_number(d, a->bytes + 4, 4),
		sc_decode_number(d, a->bytes + 8, 4));
}

void sc_decode_sockaddr(struct sc_decode *d, uint64_t addr, uint64_t length)
{
	struct address a = {.length = (size_t)length};
	uint64_t family;

	length &= UINT32_MAX; /* an int */
	a.length = (size_t)length;
	if (length < 2 || length > STORAGE ||
		!sc_decode_copy(d, addr, a.bytes, a.length)) {
		sc_decode_address(d, addr);
		return;
	}
	family = sc_decode_number(d, a.bytes, 2);
	sc_text_add(d->text, "{sa_family=");
	sc_meaning_flags(d->text, d->arch, "family", family);
	if (family == UNIX) {
		unix_address(d, &a);
	} else if (family == INET && length >= 16) {
		inet_address(d, &a);
	} else if (family == INET6 && length >= 24) {
		inet6_address(d, &a);
	} else if (family == NETLINK && length >= 12) {
		netlink_address(d, &a);
	} else if (length > 2) {
		sc_text_add(d->text, ", sa_data=");
		sc_text_quote(d->text, a.bytes + 2, a.length - 2);
	}
	sc_text_char(d->text, '}');
}

/* struct user_msghdr: name, int, iov, count, control, length, unsigned. */
void sc_decode_msghdr(struct sc_decode *d, uint64_t addr)
{
	size_t word = sc_decode_word(d);
	unsigned char bytes[7 * 8];
	uint64_t name, name_length, iov, count, control, control_length;

	if (!sc_decode_copy(d, addr, bytes, 7 * word)) {
		sc_decode_address(d, addr);
		return;
	}
	name = sc_decode_number(d, bytes, word);
	name_length = sc_decode_number(d, bytes + word, 4);
	iov = sc_decode_number(d, bytes + 2 * word, word);
	count = sc_decode_number(d, bytes + 3 * word, word);
	control = sc_decode_number(d, bytes + 4 * word, word);
	control_length = sc_decode_number(d, bytes + 5 * word, word);
	sc_text_add(d->text, "{msg_name=");
	sc_decode_sockaddr(d, name, name_length);
	sc_text_printf(d->text, ", msg_namelen=%" PRIu64 ", msg_iov=", name_length);
	sc_decode_iovec(d, iov, count, false);
	sc_text_printf(d->text, ", msg_iovlen=%" PRIu64, count);
	if (control) {
		sc_text_add(d->text, ", msg_control=");
		sc_decode_address(d, control);
	}
	sc_text_printf(
		d->text, ", msg_controllen=%" PRIu64 ", msg_flags=", control_length);
	sc_meaning_flags(
		d->text, d->arch, "msg", sc_decode_number(d, bytes + 6 * word, 4));
	sc_text_char(d->text, '}');
}
