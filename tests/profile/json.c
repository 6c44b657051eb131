/* The JSON reader on single texts: what RFC 8259 accepts, what it refuses, where it
 * leaves the choice; the place and the words of each error; values; bounds; the writer.
 * Prints TAP.
 * SPDX-License-Identifier: MIT */
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned count, bad;

static void check(bool ok, const char *name)
{
	bad += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++count, name);
}

struct text {
	const char *name, *bytes;
	size_t size; /* 0: up to the NUL */
};
#define BYTES(name, literal)                                                             \
	{                                                                                \
		name, literal, sizeof(literal) - 1                                       \
	}

static const struct text accepted[] = {
	{"an empty object", "{}", 0},
	{"an empty array", "[]", 0},
	{"null alone", "null", 0},
	{"true alone", "true", 0},
	{"false alone", "false", 0},
	{"a number alone", "0", 0},
	{"a string alone", "\"\"", 0},
	{"space around", " \t\r\n[ ] \t\r\n", 0},
	{"space in an object", "{ \"a\" : 1 , \"b\" : 2 }", 0},
	{"minus zero", "[-0]", 0},
	{"a negative number", "[-12]", 0},
	{"a fraction", "[0.5]", 0},
	{"a long fraction",
		"[0.000000000000000000000000000000000000000000000000000000000001]", 0},
	{"an exponent", "[1e5]", 0},
	{"a capital exponent", "[1E5]", 0},
	{"a signed exponent", "[1e+5,1e-5,1E+5,1E-5]", 0},
	{"a fraction with an exponent", "[1.5e3]", 0},
	{"zero with an exponent", "[0e0,0E+00]", 0},
	{"2^64", "[18446744073709551616]", 0},
	{"a number of many digits",
		"[123456789012345678901234567890123456789012345678901234567890]", 0},
	{"a number beyond any double", "[1e999,-1e999]", 0},
	{"every short escape", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", 0},
	{"an escape by number", "[\"\\u0041\\u00e9\\u20AC\"]", 0},
	{"a surrogate pair", "[\"\\ud83d\\ude00\"]", 0},
	{"the first and the last pair", "[\"\\ud800\\udc00\\udbff\\udfff\"]", 0},
	{"an escaped NUL", "[\"\\u0000\"]", 0},
	{"an escaped noncharacter", "[\"\\uffff\\ufdd0\"]", 0},
	{"DEL unescaped", "[\"\x7f\"]", 0},
	{"U+0080 unescaped", "[\"\xc2\x80\"]", 0},
	{"two bytes", "[\"\xc3\xa9\"]", 0},
	{"three bytes", "[\"\xe2\x82\xac\"]", 0},
	{"four bytes", "[\"\xf0\x9f\x98\x80\"]", 0},
	{"U+2028 unescaped", "[\"\xe2\x80\xa8\"]", 0},
	{"the last before the surrogates", "[\"\xed\x9f\xbf\"]", 0},
	{"the first behind the surrogates", "[\"\xee\x80\x80\"]", 0},
	{"U+FFFF", "[\"\xef\xbf\xbf\"]", 0},
	{"U+10FFFF", "[\"\xf4\x8f\xbf\xbf\"]", 0},
	{"a byte order mark inside of a string", "[\"\xef\xbb\xbf\"]", 0},
	{"an empty key", "{\"\":0}", 0},
	{"a key with an escape", "{\"a\\nb\":0}", 0},
	{"equal keys in different objects", "[{\"a\":1},{\"a\":{\"a\":2}}]", 0},
	{"keys that differ in case", "{\"a\":1,\"A\":2}", 0},
	{"keys of which one begins the other", "{\"a\":1,\"ab\":2,\"\":3}", 0},
	{"a key with an escaped NUL beside its beginning", "{\"a\":1,\"a\\u0000\":2}", 0},
	{"arrays in arrays", "[[],[[]],[[[]]]]", 0},
	{"comments inside of a string", "[\"/* no */ // comment\"]", 0},
};

static const struct text refused[] = {
	{"nothing", "", 0},
	{"space alone", " \n\t ", 0},
	{"an array that is not closed", "[", 0},
	{"an object that is not closed", "{", 0},
	{"an array that is closed as an object", "[}", 0},
	{"an object that is closed as an array", "{]", 0},
	{"a closing bracket too many", "[]]", 0},
	{"a closing brace too many", "{}}", 0},
	{"a bracket alone", "]", 0},
	{"two documents", "1 2", 0},
	{"two objects", "{}{}", 0},
	{"a comma behind", "{},", 0},
	{"a comma behind the last element", "[1,]", 0},
	{"two commas", "[1,,2]", 0},
	{"a comma before the first element", "[,1]", 0},
	{"a comma alone", "[,]", 0},
	{"a missing comma", "[1 2]", 0},
	{"a colon in an array", "[1:2]", 0},
	{"a comma behind the last member", "{\"a\":1,}", 0},
	{"two commas in an object", "{\"a\":1,,\"b\":2}", 0},
	{"a missing colon", "{\"a\" 1}", 0},
	{"two colons", "{\"a\"::1}", 0},
	{"a comma for a colon", "{\"a\",1}", 0},
	{"a missing value", "{\"a\":}", 0},
	{"a key alone", "{\"a\"}", 0},
	{"a key without quotes", "{a:1}", 0},
	{"a key in single quotes", "{'a':1}", 0},
	{"a number as key", "{1:1}", 0},
	{"null as key", "{null:1}", 0},
	{"a missing comma in an object", "{\"a\":1 \"b\":2}", 0},
	{"a comment", "[1/* no */]", 0},
	{"a comment to the end of the line", "[1] // no", 0},
	{"a comment by hash", "[1] # no", 0},
	{"True", "[True]", 0},
	{"nul", "[nul]", 0},
	{"nulll", "[nulll]", 0},
	{"truefalse", "[truefalse]", 0},
	{"NaN", "[NaN]", 0},
	{"Infinity", "[Infinity]", 0},
	{"-Infinity", "[-Infinity]", 0},
	{"undefined", "[undefined]", 0},
	{"a plus", "[+1]", 0},
	{"minus alone", "[-]", 0},
	{"two minuses", "[--1]", 0},
	{"minus and space", "[- 1]", 0},
	{"a zero in front", "[01]", 0},
	{"two zeros", "[00]", 0},
	{"a zero in front, negative", "[-01]", 0},
	{"a point in front", "[.5]", 0},
	{"minus and a point", "[-.5]", 0},
	{"a point behind", "[1.]", 0},
	{"two points", "[1.2.3]", 0},
	{"a point before an exponent", "[1.e5]", 0},
	{"an empty exponent", "[1e]", 0},
	{"a sign as exponent", "[1e+]", 0},
	{"a fraction as exponent", "[1e1.5]", 0},
	{"two exponents", "[1e1e1]", 0},
	{"an exponent alone", "[e5]", 0},
	{"hexadecimal", "[0x10]", 0},
	{"octal of Python", "[0o17]", 0},
	{"an underscore", "[1_000]", 0},
	{"a space in a number", "[1 000]", 0},
	{"a full-width digit", "[\xef\xbc\x91]", 0},
	{"a string that is not closed", "[\"abc", 0},
	{"a quote alone", "\"", 0},
	{"a backslash at the end", "[\"\\", 0},
	{"a backslash before the closing quote", "[\"\\\"]", 0},
	{"an unknown escape", "[\"\\x41\"]", 0},
	{"an escaped single quote", "[\"\\'\"]", 0},
	{"an escape of a capital letter", "[\"\\N\"]", 0},
	BYTES("an escape of NUL", "[\"\\\0\"]"),
	{"three digits", "[\"\\u123\"]", 0},
	{"no digits", "[\"\\u\"]", 0},
	{"a digit that is none", "[\"\\u12g4\"]", 0},
	{"a sign among digits", "[\"\\u+123\"]", 0},
	{"a capital U", "[\"\\U00000041\"]", 0},
	{"a first half alone", "[\"\\ud800\"]", 0},
	{"a second half alone", "[\"\\udc00\"]", 0},
	{"two first halves", "[\"\\ud800\\ud800\"]", 0},
	{"the halves turned around", "[\"\\udc00\\ud800\"]", 0},
	{"a first half and a letter", "[\"\\ud800a\"]", 0},
	{"a first half and another escape", "[\"\\ud800\\n\"]", 0},
	{"a first half and a broken escape", "[\"\\ud800\\u\"]", 0},
	{"a tab in a string", "[\"\t\"]", 0},
	{"a line feed in a string", "[\"\n\"]", 0},
	{"a carriage return in a string", "[\"\r\"]", 0},
	BYTES("a NUL in a string", "[\"\0\"]"),
	{"the byte 0x1f in a string", "[\"\x1f\"]", 0},
	BYTES("a NUL behind", "[]\0"),
	BYTES("a NUL between", "[\0]"),
	{"a form feed as space", "[\f]", 0},
	{"a vertical tab as space", "[\v]", 0},
	{"U+00A0 as space", "[\xc2\xa0]", 0},
	{"U+2060 as space", "[\xe2\x81\xa0]", 0},
	{"a byte order mark", "\xef\xbb\xbf{}", 0},
	BYTES("UTF-16, little end first", "\xff\xfe[\0]\0"),
	BYTES("UTF-16, big end first", "\0[\0]"),
	{"a continuation byte alone", "[\"\x80\"]", 0},
	{"0xff", "[\"\xff\"]", 0},
	{"0xfe", "[\"\xfe\"]", 0},
	{"a character cut off", "[\"\xe2\x82\"]", 0},
	{"a character cut off by the end", "[\"\xe2\x82", 0},
	{"a first byte alone", "[\"\xc3\"]", 0},
	{"overlong, two bytes", "[\"\xc0\xaf\"]", 0},
	{"overlong NUL", "[\"\xc0\x80\"]", 0},
	{"overlong, c1", "[\"\xc1\xbf\"]", 0},
	{"overlong, three bytes", "[\"\xe0\x80\xaf\"]", 0},
	{"overlong, three bytes, the last", "[\"\xe0\x9f\xbf\"]", 0},
	{"overlong, four bytes", "[\"\xf0\x80\x80\xaf\"]", 0},
	{"overlong, four bytes, the last", "[\"\xf0\x8f\xbf\xbf\"]", 0},
	{"the first surrogate in UTF-8", "[\"\xed\xa0\x80\"]", 0},
	{"the last surrogate in UTF-8", "[\"\xed\xbf\xbf\"]", 0},
	{"a pair in CESU-8", "[\"\xed\xa0\xbd\xed\xb8\x80\"]", 0},
	{"U+110000", "[\"\xf4\x90\x80\x80\"]", 0},
	{"five bytes", "[\"\xf8\x88\x80\x80\x80\"]", 0},
	{"invalid UTF-8 in a key", "{\"\xff\":1}", 0},
	{"invalid UTF-8 outside of strings", "[\xff]", 0},
	{"a key twice", "{\"a\":1,\"a\":1}", 0},
	{"a key twice, once escaped", "{\"a\":1,\"\\u0061\":2}", 0},
	{"an empty key twice", "{\"\":1,\"\":2}", 0},
	{"a key twice, deeper", "[{\"b\":{\"a\":1,\"c\":2,\"a\":3}}]", 0},
	{"a key twice among many",
		"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":"
		"1,\"j\":1,"
		"\"k\":1,\"l\":1,\"c\":2}",
		0},
	{"single quotes", "['a']", 0},
	{"a word", "abc", 0},
	{"a backslash outside of a string", "[\\n]", 0},
	{"a parenthesis", "(1)", 0},
	{"YAML", "a: 1\n", 0},
};

static const struct place {
	const char *text, *path, *message;
	unsigned line, column;
} places[] = {
	{"{\"a\": tru}", "a", "found 't', expected a value (strings have quotes)", 1, 7},
	{"[1,\n 2,\n x]", "[2]", "found 'x', expected a value", 3, 2},
	{"{\"k\": [\"\xc3\xa9\xe2\x82\xac\", ?]}", "k[1]", "found '?', expected a value",
		1, 14},
	{"[1", "[0]", "found the end of the text, expected ',' or ']'", 1, 3},
	{"{\"a\" 1}", "a", "found '1', expected ':'", 1, 6},
	{"{\"a\": {\"b\": 1,\n\"b\": 2}}", "a.b",
		"found the key \"b\" a second time (first in line 1)", 2, 1},
	{"{\"x y\": [0, {\"z\": 01}]}", "[\"x y\"][1].z",
		"found a number that begins with 0, expected its other digits alone", 1,
		19},
	{"[\"\x80\"]", "[0]", "found the byte 0x80, expected valid UTF-8", 1, 3},
	{"\xef\xbb\xbf[]", "", "found a byte order mark, expected a value", 1, 1},
	{"{} x", "", "found 'x', expected the end of the text", 1, 4},
	{"[\"a\nb\"]", "[0]",
		"found the byte 0x0a, expected \\u00XX for a control character", 1, 4},
	{"[\"\\q\"]", "[0]", "found 'q', expected one of \"\\/bfnrtu behind a backslash",
		1, 4},
	{"", "", "found the end of the text, expected a value", 1, 1},
};

static int verdict(const struct text *t, struct sc_json_error *error)
{
	struct sc_json *doc = NULL;
	int rc =
		sc_json_read(t->bytes, t->size ? t->size : strlen(t->bytes), error, &doc);

	sc_json_free(doc);
	return rc;
}

static void check_texts(void)
{
	struct sc_json_error error;
	char name[160];

	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		snprintf(name, sizeof(name), "accepted: %s", accepted[i].name);
		check(verdict(&accepted[i], &error) == 0, name);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		snprintf(name, sizeof(name), "refused: %s", refused[i].name);
		error = (struct sc_json_error){0};
		check(verdict(&refused[i], &error) == -EINVAL && error.code == -EINVAL &&
				error.line && error.column && *error.message &&
				verdict(&refused[i], NULL) == -EINVAL,
			name);
	}
}

static void check_places(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const struct place *p = &places[i];
		struct sc_json_error e = {0};
		bool ok = verdict(&(struct text){"", p->text, 0}, &e) == -EINVAL &&
			  e.line == p->line && e.column == p->column &&
			  !strcmp(e.path, p->path) && !strcmp(e.message, p->message);

		if (!ok)
			printf("# %u:%u %s: %s\n", e.line, e.column, e.path, e.message);
		check(ok, p->message);
	}
}

/* ---- values ----------------------------------------------------------------------- */

static struct sc_json *read_text(const char *text)
{
	struct sc_json *doc = NULL;

	if (sc_json_read(text, strlen(text), NULL, &doc))
		abort();
	return doc;
}

static bool u64_is(const char *text, int rc, uint64_t value)
{
	struct sc_json *doc = read_text(text);
	uint64_t v = 77;
	bool ok = sc_json_u64(doc, sc_json_root(doc), &v) == rc && v == (rc ? 77 : value);

	sc_json_free(doc);
	return ok;
}

static bool i64_is(const char *text, int rc, int64_t value)
{
	struct sc_json *doc = read_text(text);
	int64_t v = 77;
	bool ok = sc_json_i64(doc, sc_json_root(doc), &v) == rc && v == (rc ? 77 : value);

	sc_json_free(doc);
	return ok;
}

static void check_numbers(void)
{
	check(u64_is("0", 0, 0) && u64_is("-0", 0, 0), "zero");
	check(u64_is("9007199254740993", 0, UINT64_C(9007199254740993)),
		"2^53 + 1 is exact");
	check(u64_is("18446744073709551615", 0, UINT64_MAX), "2^64 - 1 is exact");
	check(u64_is("18446744073709551616", -ERANGE, 0), "2^64 is out of range");
	check(u64_is("99999999999999999999999", -ERANGE, 0), "far more is out of range");
	check(u64_is("-1", -ERANGE, 0), "-1 is out of range without a sign");
	check(u64_is("1.0", -EINVAL, 0) && u64_is("1e3", -EINVAL, 0),
		"a float is no integer");
	check(u64_is("\"1\"", -EINVAL, 0) && u64_is("[1]", -EINVAL, 0),
		"a string is no integer");
	check(i64_is("9223372036854775807", 0, INT64_MAX), "2^63 - 1 is exact");
	check(i64_is("-9223372036854775808", 0, INT64_MIN), "-2^63 is exact");
	check(i64_is("9223372036854775808", -ERANGE, 0), "2^63 is out of range");
	check(i64_is("18446744073709551617", -ERANGE, 0), "2^64 + 1 does not begin again");
	check(i64_is("-9223372036854775809", -ERANGE, 0) && i64_is("-9223372036854775815", -ERANGE, 0), "nor is what is below");
	check(i64_is("2.5", -EINVAL, 0), "a fraction is no integer");
}

static void check_strings(void)
{
	struct sc_json *doc =
		read_text("[\"\\u0041\\n\\ud83d\\ude00\\/\", \"a\\u0000b\", 12]");
	const struct sc_json_token *first = sc_json_root(doc) + 1, *second = first + 1;

	check(sc_json_is(doc, first, "A\n\xf0\x9f\x98\x80/"), "escapes are decoded");
	check(second->length == 3 && !memcmp(sc_json_text(doc, second), "a\0b", 3),
		"a NUL is kept");
	check(!sc_json_string(doc, second) && sc_json_string(doc, first) &&
			!sc_json_string(doc, second + 1),
		"but is no C string");
	check(!sc_json_is(doc, second, "a"), "nor equal to its beginning");
	check(!strcmp(sc_json_text(doc, second + 1), "12"), "a number keeps its text");
	sc_json_free(doc);
}

static void check_walk(void)
{
	struct sc_json *doc = read_text(
		"{\"a\": [1, {\"b c\": [[], {}, true]}, 3],\n \"d\": {\"e\": null}}");
	const struct sc_json_token *a = sc_json_get(doc, sc_json_root(doc), "a");
	const struct sc_json_token *e = sc_json_find(doc, sc_json_root(doc), "d.e");
	unsigned n = 0, members = 0;
	char path[128];

	sc_json_each(a, t)
	{
		n += t->type == SC_JSON_NUMBER || t->type == SC_JSON_OBJECT;
	}
	sc_json_each_member(sc_json_root(doc), key, value)
	{
		members += key->type == SC_JSON_STRING && value > key;
	}
	check(n == 3 && a->length == 3 && members == 2, "elements and members");
	sc_json_each(e, t)
	{
		n += t != NULL;
	}
	sc_json_each_member(a, key, value)
	{
		n += key != value;
	}
	check(n == 3, "what is no array or object has none");
	check(sc_json_type_is(e, SC_JSON_NULL) && e->line == 2 &&
			e->column == 13,
		"the place of a value");
	sc_json_path(doc, e, NULL, path, sizeof(path));
	check(!strcmp(path, "d.e"), "the path of a value");
	sc_json_path(doc, sc_json_get(doc, a + 2, "b c") + 3, NULL, path, sizeof(path));
	check(!strcmp(path, "a[1][\"b c\"][2]"), "the path of a deep value");
	check(!sc_json_get(doc, NULL, "a") && !sc_json_get(doc, a, "a") &&
			!sc_json_find(doc, sc_json_root(doc), "d.x.y"),
		"what is not there");
	sc_json_free(doc);
}

/* ---- bounds ----------------------------------------------------------------------- */

static char *repeat(const char *piece, size_t times)
{
	size_t n = strlen(piece);
	char *text = malloc(n * times + 1);

	if (!text)
		abort();
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * n, piece, n);
	text[n * times] = '\0';
	return text;
}

static int read_size(const char *text, size_t size, struct sc_json_error *error)
{
	struct sc_json *doc = NULL;
	int rc = sc_json_read(text, size, error, &doc);

	sc_json_free(doc);
	return rc;
}

static void check_depth(void)
{
	char *deep = repeat("[", 1000000), *pairs = repeat("{\"a\":", 1000000);
	char *fits = repeat("[", 128);
	struct sc_json_error e;

	memset(fits + 64, ']', 64);
	check(read_size(fits, 128, &e) == 0, "64 levels");
	check(read_size(deep, 65, &e) == -E2BIG && e.column == 65 &&
			strstr(e.message, "64 levels"),
		"the 65th is refused at its place");
	check(read_size(deep, 1000000, &e) == -E2BIG && e.column == 65,
		"10^6 arrays deep");
	check(read_size(pairs, 5000000, &e) == -E2BIG && strlen(e.path) < sizeof(e.path),
		"10^6 objects deep");
	free(deep);
	free(pairs);
	free(fits);
}

static void check_size(void)
{
	size_t n = 100 << 20;
	char *large = malloc(n), *many = repeat("0,", 1200000), *text = NULL;
	struct sc_json_error e;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (!large || zero < 0)
		abort();
	memset(large, ' ', n);
	check(read_size(large, n, &e) == -E2BIG && strstr(e.message, "16 MiB"), "100 MB");
	large[0] = '[';
	large[SC_JSON_MAX_BYTES - 1] = ']';
	check(read_size(large, SC_JSON_MAX_BYTES, &e) == 0, "16 MiB are read");
	check(sc_json_slurp(zero, SC_JSON_MAX_BYTES, &text, &n) == -E2BIG && !text,
		"an endless file is left after 16 MiB");
	many[0] = '[';
	many[1] = ' ';
	check(read_size(many, 2400000, &e) == -E2BIG &&
			strstr(e.message, "1048576 values"),
		"more than 2^20 values");
	close(zero);
	free(large);
	free(many);
}

/* One object of many members, the last of which is there twice: linear. */
static void check_many_keys(void)
{
	size_t n = 400000, used = 1, room = n * 16 + 64;
	char *text = malloc(room);
	struct sc_json_error e;

	if (!text)
		abort();
	text[0] = '{';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, room - used, "\"%zx\":0,", i);
	memcpy(text + used, "\"y\":0}", 7);
	check(read_size(text, used + 6, &e) == 0, "400 000 keys");
	memcpy(text + used, "\"7\":0}", 7);
	check(read_size(text, used + 6, &e) == -EINVAL &&
			strstr(e.message, "a second time"),
		"one of them twice");
	free(text);
}

/* A trail changes what a path costs, and nothing else, in whatever order tokens come. */
static void check_trail(void)
{
	struct sc_json *doc = read_text("{\"a\":[1,[2,{\"b\":[],\"c\":[3,4]}],5],\"d\":{\"e\":6},\"f\":[]}");
	struct sc_json_trail trail = {0};
	char with[128], without[128];
	bool same = true;

	for (uint32_t i = 0; i < 6 * doc->n; i++) {
		const struct sc_json_token *t =
			&doc->tokens[i < doc->n ? i : i * 7 % doc->n];

		sc_json_path(doc, t, &trail, with, sizeof(with));
		sc_json_path(doc, t, NULL, without, sizeof(without));
		same = same && !strcmp(with, without);
	}
	check(same, "a path is the same with a trail");
	sc_json_free(doc);
}

/* ---- writer ----------------------------------------------------------------------- */

static void check_writer(void)
{
	static const char compact[] = "{\"a\":[1,-2,18446744073709551615,1.50e3,true,"
				      "null,[],{}],\"\\u0001\\\"\":\"\\n\xc3\xa9\"}";
	struct sc_json *doc = read_text(compact);
	struct sc_json_out out = {0}, pretty = {.indent = 2}, hand = {0};

	sc_json_put_copy(&out, doc, sc_json_root(doc));
	check(!out.error && !strcmp(out.text, compact),
		"a copy in one line is the text itself");
	sc_json_put_copy(&pretty, doc, sc_json_root(doc));
	sc_json_free(doc);
	doc = read_text(pretty.text);
	free(out.text);
	out = (struct sc_json_out){0};
	sc_json_put_copy(&out, doc, sc_json_root(doc));
	check(strstr(pretty.text, "{\n  \"a\": [\n    1,\n    -2,") &&
			!strcmp(out.text, compact),
		"an indented copy says the same");
	sc_json_open(&hand, '{');
	sc_json_put_key(&hand, "k\t");
	sc_json_open(&hand, '[');
	sc_json_put_u64(&hand, UINT64_MAX);
	sc_json_put_i64(&hand, INT64_MIN);
	sc_json_put_string(&hand, "\x01");
	sc_json_put_word(&hand, "false");
	sc_json_close(&hand, ']');
	sc_json_close(&hand, '}');
	check(!strcmp(hand.text, "{\"k\\t\":[18446744073709551615,-9223372036854775808,"
				 "\"\\u0001\",false]}"),
		"written piece by piece");
	sc_json_free(doc);
	free(out.text);
	free(pretty.text);
	free(hand.text);
}

/* Names of files and what other programs say may be any bytes. */
static void check_hostile_text(void)
{
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"\xff", "\"\\ufffd\""},
		{"a\xc3\xa9\xc3", "\"a\xc3\xa9\\ufffd\""},
		{"\xed\xa0\x80z", "\"\\ufffd\\ufffd\\ufffdz\""},
		{"\r\n\t\b\f\x1f\x7f\\", "\"\\r\\n\\t\\b\\f\\u001f\\u007f\\\\\""},
		{"", "\"\""},
	};
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	struct sc_json_out to_file = {.file = file, .indent = 2};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_json_out out = {0};

		sc_json_put_string(&out, cases[i].text);
		check(!out.error && !strcmp(out.text, cases[i].written), cases[i].written);
		free(out.text);
	}
	sc_json_open(&to_file, '{');
	sc_json_put_key(&to_file, "k");
	sc_json_put_string(&to_file, "\xf0\x9f\x98\x80");
	sc_json_close(&to_file, '}');
	fclose(file);
	check(!to_file.error && !strcmp(text, "{\n  \"k\": \"\xf0\x9f\x98\x80\"\n}"),
		"written to a file");
	free(text);
	to_file = (struct sc_json_out){.file = fopen("/dev/full", "w")};
	if (to_file.file)
		setvbuf(to_file.file, NULL, _IONBF, 0);
	sc_json_put_string(&to_file, "lost");
	check(to_file.error == -EIO, "a file that takes nothing is an error that sticks");
	if (to_file.file)
		fclose(to_file.file);
}

int main(void)
{
	check_texts();
	check_places();
	check_numbers();
	check_strings();
	check_walk();
	check_depth();
	check_size();
	check_many_keys();
	check_trail();
	check_writer();
	check_hostile_text();
	printf("1..%u\n", count);
	return bad != 0;
}
