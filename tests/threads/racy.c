/* Two threads and no lock: what the thread sanitizer must see, or its silence means nothing.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stddef.h>

static int shared;

static void *count(void *data)
{
	for (int i = 0; i < 100000; i++)
		shared++;
	return data;
}

int main(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, count, NULL))
		return 1;
	count(NULL);
	return pthread_join(other, NULL);
}
