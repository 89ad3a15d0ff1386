#include "error/report.h"

#include "buf/buf.h"
#include "test.h"

static struct place at(const char *file, uint32_t line, uint32_t column, const char *path)
{
    return (struct place){str_of(file), line, column, str_of(path)};
}

static str text_of(struct task *t, const struct report *report)
{
    struct buf *b = buf_new(t->mem, 10000);
    report_text(report, b);
    return buf_copy(b, t->mem);
}

static str json_of(struct task *t, const struct report *report)
{
    struct buf *b = buf_new(t->mem, 10000);
    report_json(report, b);
    return buf_copy(b, t->mem);
}

TEST(report_says_all)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    struct finding *finding =
        report_add(&report, FINDING_ERROR, ERR_INVALID,
                   at("orders/c.yaml", 12, 5, "schema[0].colum"), "unknown key `%s`", "colum");
    finding->found = STR("colum");
    finding->allowed = STR("column, name");
    finding->hint = STR("did you mean `column`?");
    finding->excerpt = STR("LINE 12: colum: x\n         ^");
    report_add(&report, FINDING_WARNING, ERR_INVALID, at("mesh.yaml", 0, 0, "$"), "no purposes");
    report_add(&report, FINDING_NOTE, ERR_INVALID, (struct place){0}, "2 files read");
    EXPECT_INT(report.errors, 1);
    EXPECT_STR(text_of(t, &report), "orders/c.yaml:12:5: error: unknown key `colum`\n"
                                    "  LINE 12: colum: x\n"
                                    "           ^\n"
                                    "  at: schema[0].colum\n"
                                    "  found: colum\n"
                                    "  allowed: column, name\n"
                                    "  hint: did you mean `column`?\n"
                                    "mesh.yaml: warning: no purposes\n"
                                    "note: 2 files read\n");
    EXPECT_STR(
        json_of(t, &report),
        "[{\"level\":\"error\",\"code\":\"INVALID\",\"file\":\"orders/"
        "c.yaml\",\"line\":12,\"column\":5,"
        "\"path\":\"schema[0].colum\",\"message\":\"unknown key `colum`\",\"found\":\"colum\","
        "\"allowed\":\"column, name\",\"hint\":\"did you mean `column`?\",\"excerpt\":\"LINE 12: "
        "colum: x\\n         ^\"},"
        "{\"level\":\"warning\",\"code\":\"INVALID\",\"file\":\"mesh.yaml\",\"line\":null,"
        "\"column\":null,"
        "\"path\":\"$\",\"message\":\"no "
        "purposes\",\"found\":null,\"allowed\":null,\"hint\":null,\"excerpt\":null},"
        "{\"level\":\"note\",\"code\":\"INVALID\",\"file\":null,\"line\":null,\"column\":null,"
        "\"path\":null,\"message\":\"2 files "
        "read\",\"found\":null,\"allowed\":null,\"hint\":null,\"excerpt\":null}]");
}

TEST(report_sorts_and_merges)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("b", 1, 1, ""), "last");
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("a", 10, 1, ""), "third");
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("a", 9, 2, ""), "second");
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("a", 9, 1, ""), "first");
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("a", 10, 1, ""), "third");
    EXPECT_INT(report.errors, 5);
    report_sort(&report);
    EXPECT_INT(report.errors, 4);
    EXPECT_STR(text_of(t, &report), "a:9:1: error: first\n"
                                    "a:9:2: error: second\n"
                                    "a:10:1: error: third\n"
                                    "b:1:1: error: last\n");
}

TEST(report_takes_the_error_of_a_task)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    task_fail(t, ERR_LIMIT, "too long");
    task_detail(t, "300 bytes");
    task_hint(t, "cut it");
    task_place(t, at("x.yaml", 3, 4, "name"));
    report_error(&report, &t->err);
    report_sort(&report);
    EXPECT_STR(text_of(t, &report), "x.yaml:3:4: error: too long: 300 bytes\n"
                                    "  at: name\n"
                                    "  hint: cut it\n");
}

TEST(report_is_harmless_on_a_terminal)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    report_add(&report, FINDING_ERROR, ERR_INVALID, at("a\x1b[2J", 1, 0, ""),
               "b\x7f\xc2\x9b\xff\ttwo\nlines \xc3\xa9");
    EXPECT_STR(text_of(t, &report),
               "a\\x1b[2J:1: error: b\\x7f\\u009b\\xff\\x09two\n    lines \xc3\xa9\n");
}

TEST(report_keeps_the_columns_of_a_table)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    report_add(&report, FINDING_ERROR, ERR_INVALID, (struct place){0}, "it differs")->found =
        STR("row  expected\n1    27");
    EXPECT_STR(text_of(t, &report), "error: it differs\n"
                                    "  found:\n"
                                    "    row  expected\n"
                                    "    1    27\n");
}

TEST(report_of_nothing)
{
    struct task *t = test_task();
    struct report report;
    report_init(&report, t->mem);
    report_sort(&report);
    EXPECT_STR(text_of(t, &report), "");
    EXPECT_STR(json_of(t, &report), "[]");
}
