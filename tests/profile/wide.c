/* Asks for a socket of the family 1 (AF_UNIX), once as it is and once with bits above the 32 that
 * the kernel reads: says for each whether it was refused. Static, for a container.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	static const unsigned long families[] = {1, 0xdead00000001};

	for (int i = 0; i < 2; i++) {
		long fd = syscall(SYS_socket, families[i], SOCK_STREAM, 0);

		printf("%s%s", i ? " " : "", fd < 0 ? "refused" : "open");
		if (fd >= 0)
			close((int)fd);
	}
	puts("");
	return 0;
}
