/* Loading libyaml.
 * SPDX-License-Identifier: MIT */
#include "yaml_library.h"

#include <pthread.h>

#include "util/symbol.h"

/* Where it fails the next text tries again: memory may be there then. */
static bool load(struct sc_yaml_library *yaml)
{
	void *library = dlopen("libyaml-0.so.2", RTLD_NOW | RTLD_LOCAL);

	return library && sc_symbol(library, "yaml_parser_initialize", &yaml->initialize) &&
	       sc_symbol(library, "yaml_parser_set_encoding", &yaml->set_encoding) &&
	       sc_symbol(library, "yaml_parser_set_input_string", &yaml->set_input_string) &&
	       sc_symbol(library, "yaml_parser_parse", &yaml->parse) &&
	       sc_symbol(library, "yaml_event_delete", &yaml->event_delete) &&
	       sc_symbol(library, "yaml_parser_delete", &yaml->parser_delete);
}

const struct sc_yaml_library *sc_yaml_library(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct sc_yaml_library yaml;
	static bool loaded;
	bool good;

	pthread_mutex_lock(&lock);
	good = loaded = loaded || load(&yaml);
	pthread_mutex_unlock(&lock);
	return good ? &yaml : NULL;
}
