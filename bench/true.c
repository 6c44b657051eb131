/* Nothing, linked with libseccomp or not: what starting up costs.
 * SPDX-License-Identifier: MIT */
int main(void)
{
	return 0;
}
