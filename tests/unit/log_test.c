#include "log/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

struct catch
{
    int kept;
    int from;
    char text[20000];
};

/* What goes to stderr from here on is caught. */
static bool begin(struct catch *catch)
{
    int ends[2];
    memset(catch, 0, sizeof *catch);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    catch->kept = dup(STDERR_FILENO);
    catch->from = ends[0];
    bool ok = dup2(ends[1], STDERR_FILENO) >= 0;
    (void)close(ends[1]);
    return ok;
}

static str end(struct catch *catch)
{
    size_t len = 0;
    (void)dup2(catch->kept, STDERR_FILENO);
    (void)close(catch->kept);
    for (;;) {
        ssize_t n = read(catch->from, catch->text + len, sizeof catch->text - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    (void)close(catch->from);
    return (str){catch->text, len};
}

TEST(log_writes_one_line)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    REQUIRE(begin(catch));
    log_event(LOG_WARN, "query", t, "odd \"%s\" \\ a\nb\x1b\xff \xc3\xa9", "thing");
    str line = end(catch);
    EXPECT(str_starts(line, STR("time=")));
    EXPECT_STR(str_from(line, str_find(line, STR(" level="))),
               arena_format(t->mem,
                            " level=warn module=query task=%s "
                            "msg=\"odd \\\"thing\\\" \\\\ a\\nb\\x1b\\xff \xc3\xa9\"\n",
                            t->id));
}

TEST(log_works_without_a_task)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    REQUIRE(begin(catch));
    log_event(LOG_ERROR, "main", NULL, "gone");
    str line = end(catch);
    EXPECT(str_ends(line, STR(" level=error module=main msg=\"gone\"\n")));
}

TEST(log_keeps_to_its_level)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    enum log_level level = LOG_INFO;
    REQUIRE(begin(catch));
    log_event(LOG_DEBUG, "main", NULL, "hidden");
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "main", NULL, "shown");
    log_set_level(LOG_INFO);
    str line = end(catch);
    EXPECT_INT(str_find(line, STR("hidden")), line.len);
    EXPECT(str_find(line, STR("shown")) < line.len);
    EXPECT(log_level_by_name(STR("error"), &level) && level == LOG_ERROR);
    EXPECT(!log_level_by_name(STR("loud"), &level));
}

TEST(log_cuts_long_lines)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    char text[8000];
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    REQUIRE(begin(catch));
    log_event(LOG_INFO, "main", t, "%s", text);
    str line = end(catch);
    EXPECT(line.len <= 4096 && line.len > 4000);
    EXPECT(str_ends(line, STR("...\"\n")));
}

TEST(log_tells_a_failure)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    task_fail(t, ERR_DENIED, "no grant");
    task_detail(t, "orders");
    REQUIRE(begin(catch));
    log_failure("http", t);
    task_fail(t, ERR_CONFIG, "bad");
    task_place(t, (struct place){STR("weft.conf"), 3, 1, STR_NONE});
    log_failure("main", t);
    str head, tail, lines = end(catch);
    EXPECT(str_cut(lines, '\n', &head, &tail));
    EXPECT(str_ends(head, STR("msg=\"DENIED: no grant: orders\"")));
    EXPECT(str_find(head, STR("level=info")) < head.len);
    EXPECT(str_ends(tail, STR("msg=\"CONFIG: bad (weft.conf:3)\"\n")));
    EXPECT(str_find(tail, STR("level=error")) < tail.len);
}

TEST(log_tells_no_values_of_rows)
{
    struct task *t = test_task();
    struct catch *catch = ARENA_NEW(t->mem, struct catch);
    REQUIRE(begin(catch));
    task_fail(t, ERR_DATA, "could not convert 'ada@example.com'");
    task_detail(t, "in ada@example.com");
    log_failure("http", t);
    str lines = end(catch);
    EXPECT(str_find(lines, STR("@example")) == lines.len);
    EXPECT(str_find(lines, STR("DATA: ")) < lines.len);
}
