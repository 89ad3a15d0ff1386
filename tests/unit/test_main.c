/* Runs the registered tests: all, or those whose name or file holds one of the arguments.
 *
 * usage: unit_tests [--list] [WORD ...] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

enum { SHOWN_BYTES_MAX = 2000 };

static struct test *tests;
static const struct test *running;
static bool has_failed;
static struct task **tasks;
static size_t task_count;

void test_register(struct test *test)
{
    struct test **at = &tests;
    for (; *at != NULL; at = &(*at)->next) {
        int order = strcmp((*at)->file, test->file);
        if (order > 0 || (order == 0 && (*at)->line > test->line))
            break;
    }
    test->next = *at;
    *at = test;
}

struct task *test_task(void)
{
    tasks = realloc(tasks, (task_count + 1) * sizeof *tasks);
    if (tasks == NULL)
        abort();
    return tasks[task_count++] = task_new();
}

static void report(const char *file, int line)
{
    has_failed = true;
    printf("%s:%d: %s: ", file, line, running->name);
}

static void show(str s)
{
    size_t len = s.len < SHOWN_BYTES_MAX ? s.len : SHOWN_BYTES_MAX;
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '\n')
            fputs("\\n", stdout);
        else if (c < ' ' || c == 127)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    printf(s.len > len ? "\"… (%zu bytes)" : "\"", s.len);
}

bool test_expect(bool held, const char *text, const char *file, int line)
{
    if (!held) {
        report(file, line);
        printf("%s does not hold\n", text);
    }
    return held;
}

bool test_expect_str(str found, str expected, const char *text, const char *file, int line)
{
    bool held = found.len == expected.len
             && (found.len == 0 || memcmp(found.ptr, expected.ptr, found.len) == 0);
    if (!held) {
        report(file, line);
        printf("%s is ", text);
        show(found);
        fputs(", expected ", stdout);
        show(expected);
        putchar('\n');
    }
    return held;
}

bool test_expect_int(int64_t found, int64_t expected, const char *text, const char *file, int line)
{
    if (found != expected) {
        report(file, line);
        printf("%s is %lld, expected %lld\n", text, (long long)found, (long long)expected);
    }
    return found == expected;
}

bool test_expect_ok(struct task *t, bool ok, const char *text, const char *file, int line)
{
    if (!ok) {
        report(file, line);
        printf("%s failed: %s: " STR_FMT "\n", text, error_name(t->err.code),
               STR_ARG(t->err.message));
    }
    return ok;
}

bool test_expect_fail(struct task *t, enum error_code code, bool ok, const char *text,
                      const char *file, int line)
{
    if (!ok && t->err.code == code)
        return true;
    report(file, line);
    if (ok)
        printf("%s went well, expected %s\n", text, error_name(code));
    else
        printf("%s failed with %s (" STR_FMT "), expected %s\n", text, error_name(t->err.code),
               STR_ARG(t->err.message), error_name(code));
    return false;
}

/* Names the test that brought the program down, then lets the signal do its work. */
static void crashed(int number)
{
    static const char before[] = "crashed in test ";
    if (running != NULL && write(STDOUT_FILENO, before, sizeof before - 1) > 0
        && write(STDOUT_FILENO, running->name, strlen(running->name)) > 0)
        (void)!write(STDOUT_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

static bool is_wanted(const struct test *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(test->name, argv[i]) != NULL || strstr(test->file, argv[i]) != NULL)
            return true;
    return argc < 2;
}

static bool run_one(const struct test *test)
{
    running = test;
    has_failed = false;
    test->run();
    while (task_count > 0)
        task_free(tasks[--task_count]);
    running = NULL;
    return !has_failed;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct test *test = tests; test != NULL; test = test->next)
            printf("%s\n", test->name);
        return 0;
    }
#ifndef WEFT_SANITIZED
    signal(SIGSEGV, crashed);
    signal(SIGFPE, crashed);
#endif
    signal(SIGABRT, crashed);
    size_t passed = 0, failed = 0;
    for (const struct test *test = tests; test != NULL; test = test->next)
        if (is_wanted(test, argc, argv))
            *(run_one(test) ? &passed : &failed) += 1;
    free(tasks);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
