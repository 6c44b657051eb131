/* Names of error numbers: strerrorname_np(3) is glibc's alone. From include/uapi/asm-generic/errno-base.h
 * and errno.h; libc's header has this architecture's numbers.
 * SPDX-License-Identifier: MIT */
#ifndef UTIL_ERRNOS_H
#define UTIL_ERRNOS_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define E(name) {E##name, "E" #name}

/* The first of a number is its name; the others are only understood. */
static const struct sc_errno {
	int number;
	const char *name;
} sc_errnos[] = {
	E(PERM), E(NOENT), E(SRCH), E(INTR), E(IO), E(NXIO), E(2BIG), E(NOEXEC),
	E(BADF), E(CHILD), E(AGAIN), E(NOMEM), E(ACCES), E(FAULT), E(NOTBLK), E(BUSY),
	E(EXIST), E(XDEV), E(NODEV), E(NOTDIR), E(ISDIR), E(INVAL), E(NFILE), E(MFILE),
	E(NOTTY), E(TXTBSY), E(FBIG), E(NOSPC), E(SPIPE), E(ROFS), E(MLINK), E(PIPE),
	E(DOM), E(RANGE), E(DEADLK), E(NAMETOOLONG), E(NOLCK), E(NOSYS), E(NOTEMPTY),
	E(LOOP), E(NOMSG), E(IDRM), E(CHRNG), E(L2NSYNC), E(L3HLT), E(L3RST), E(LNRNG),
	E(UNATCH), E(NOCSI), E(L2HLT), E(BADE), E(BADR), E(XFULL), E(NOANO), E(BADRQC),
	E(BADSLT), E(BFONT), E(NOSTR), E(NODATA), E(TIME), E(NOSR), E(NONET), E(NOPKG),
	E(REMOTE), E(NOLINK), E(ADV), E(SRMNT), E(COMM), E(PROTO), E(MULTIHOP),
	E(DOTDOT), E(BADMSG), E(OVERFLOW), E(NOTUNIQ), E(BADFD), E(REMCHG), E(LIBACC),
	E(LIBBAD), E(LIBSCN), E(LIBMAX), E(LIBEXEC), E(ILSEQ), E(RESTART), E(STRPIPE),
	E(USERS), E(NOTSOCK), E(DESTADDRREQ), E(MSGSIZE), E(PROTOTYPE), E(NOPROTOOPT),
	E(PROTONOSUPPORT), E(SOCKTNOSUPPORT), E(OPNOTSUPP), E(PFNOSUPPORT),
	E(AFNOSUPPORT), E(ADDRINUSE), E(ADDRNOTAVAIL), E(NETDOWN), E(NETUNREACH),
	E(NETRESET), E(CONNABORTED), E(CONNRESET), E(NOBUFS), E(ISCONN), E(NOTCONN),
	E(SHUTDOWN), E(TOOMANYREFS), E(TIMEDOUT), E(CONNREFUSED), E(HOSTDOWN),
	E(HOSTUNREACH), E(ALREADY), E(INPROGRESS), E(STALE), E(UCLEAN), E(NOTNAM),
	E(NAVAIL), E(ISNAM), E(REMOTEIO), E(DQUOT), E(NOMEDIUM), E(MEDIUMTYPE),
	E(CANCELED), E(NOKEY), E(KEYEXPIRED), E(KEYREVOKED), E(KEYREJECTED),
	E(OWNERDEAD), E(NOTRECOVERABLE), E(RFKILL), E(HWPOISON),
	E(WOULDBLOCK), E(DEADLOCK), E(NOTSUP),
};

#undef E

/* "EPERM" for 1; NULL for what has no name on this architecture. */
static inline const char *sc_errno_name(int number)
{
	for (size_t i = 0; i < sizeof(sc_errnos) / sizeof(sc_errnos[0]); i++)
		if (sc_errnos[i].number == number)
			return sc_errnos[i].name;
	return NULL;
}

/* 1 for "EPERM"; 0 for what is no such name. */
static inline int sc_errno_number(const char *name)
{
	for (size_t i = 0; i < sizeof(sc_errnos) / sizeof(sc_errnos[0]); i++)
		if (!strcmp(sc_errnos[i].name, name))
			return sc_errnos[i].number;
	return 0;
}

#endif
