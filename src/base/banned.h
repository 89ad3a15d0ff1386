/* What no file of ours may call: the build includes this first everywhere, so that a call is an error with a reason.
 * Declared as deprecated rather than poisoned, because foreign headers may mention these names. */
#ifndef WEFT_BANNED_H
#define WEFT_BANNED_H

#include <stdarg.h>
#include <stddef.h>

#define BANNED(reason) __attribute__((deprecated(reason)))

/* The C library has inline bodies for these, and clang takes no attribute after a body: they come before the headers. */
char *strcpy(char *, const char *) BANNED("no length: use str, arena_str or buf");
char *stpcpy(char *, const char *) BANNED("no length: use str, arena_str or buf");
char *strcat(char *, const char *) BANNED("no length: use buf");
char *strncpy(char *, const char *, size_t) BANNED("no end: use str, arena_str or memcpy");
char *strncat(char *, const char *, size_t) BANNED("no length: use buf");
int sprintf(char *, const char *, ...) BANNED("no length: use arena_format, buf or snprintf");
int vsprintf(char *, const char *, va_list)
    BANNED("no length: use arena_format_args, buf or vsnprintf");
int atoi(const char *) BANNED("no error: use str_to_i64");
long atol(const char *) BANNED("no error: use str_to_i64");
long long atoll(const char *) BANNED("no error: use str_to_i64");
double atof(const char *) BANNED("no error: use str_to_f64");

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *strtok(char *, const char *) BANNED("hidden state: use str_cut");
struct tm *gmtime(const time_t *) BANNED("shared result: use base/clock");
struct tm *localtime(const time_t *) BANNED("shared result, local zone: use base/clock");
char *ctime(const time_t *) BANNED("shared result, local zone: use base/clock");
char *asctime(const struct tm *) BANNED("shared result: use base/clock");
time_t mktime(struct tm *) BANNED("local zone: use base/clock");
int rand(void) BANNED("not random: use base/clock");
void srand(unsigned) BANNED("not random: use base/clock");
long random(void) BANNED("not random: use base/clock");
void srandom(unsigned) BANNED("not random: use base/clock");
int system(const char *) BANNED("a shell: use posix_spawn or execve with a list");
FILE *popen(const char *, const char *) BANNED("a shell: use posix_spawn or execve with a list");
char *tmpnam(char[L_tmpnam]) BANNED("a race: use mkstemp or mkdtemp");
char *tempnam(const char *, const char *) BANNED("a race: use mkstemp or mkdtemp");
char *mktemp(char *) BANNED("a race: use mkstemp or mkdtemp");

#undef BANNED

#endif
