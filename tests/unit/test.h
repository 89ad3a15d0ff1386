/* Small tests of C: TEST(name) { … } registers itself, the macros below report and go on (REQUIRE returns). */
#ifndef WEFT_TEST_H
#define WEFT_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "str/str.h"
#include "task/task.h"

struct test {
    const char *name;
    const char *file;
    int line;
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    static struct test test_entry_##name = {#name, __FILE__, __LINE__, test_##name, NULL};         \
    __attribute__((constructor)) static void test_enter_##name(void)                               \
    {                                                                                              \
        test_register(&test_entry_##name);                                                         \
    }                                                                                              \
    static void test_##name(void)

/* A fresh task; it ends with the test that asked for it. */
struct task *test_task(void);

/* Each gives whether it held. */
bool test_expect(bool held, const char *text, const char *file, int line);
bool test_expect_str(str found, str expected, const char *text, const char *file, int line);
bool test_expect_int(int64_t found, int64_t expected, const char *text, const char *file, int line);
bool test_expect_ok(struct task *t, bool ok, const char *text, const char *file, int line);
bool test_expect_fail(struct task *t, enum error_code code, bool ok, const char *text,
                      const char *file, int line);

static inline str test_str_of_str(str s)
{
    return s;
}
/* Takes a str or a C string. */
#define TEST_STR(s) _Generic((s), str : test_str_of_str, default : str_of)(s)

#define EXPECT(condition) ((void)test_expect((condition), #condition, __FILE__, __LINE__))
#define EXPECT_STR(found, expected)                                                                \
    ((void)test_expect_str(TEST_STR(found), TEST_STR(expected), #found, __FILE__, __LINE__))
#define EXPECT_INT(found, expected)                                                                \
    ((void)test_expect_int((int64_t)(found), (int64_t)(expected), #found, __FILE__, __LINE__))
/* The call gives true; otherwise the error of the task is shown. */
#define EXPECT_OK(t, call) ((void)test_expect_ok((t), (call), #call, __FILE__, __LINE__))
/* The call gives false and leaves this error, which stays to be looked at until the next call that fails. */
#define EXPECT_FAIL(t, code, call)                                                                 \
    ((void)test_expect_fail((t), (code), (call), #call, __FILE__, __LINE__))
/* As EXPECT and EXPECT_OK, but what follows would make no sense: the test ends here. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!test_expect((condition), #condition, __FILE__, __LINE__))                             \
            return;                                                                                \
    } while (0)
#define REQUIRE_OK(t, call)                                                                        \
    do {                                                                                           \
        if (!test_expect_ok((t), (call), #call, __FILE__, __LINE__))                               \
            return;                                                                                \
    } while (0)

#endif
