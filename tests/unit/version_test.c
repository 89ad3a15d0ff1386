#include "version/version.h"

#include "test.h"

static bool holds(struct task *t, const char *range, const char *version)
{
    struct version_range read;
    struct version number;
    str problem;
    return version_range_read(t->mem, str_of(range), &read, &problem)
        && version_read(str_of(version), &number) && version_range_holds(&read, &number);
}

TEST(versions_are_one_to_three_numbers)
{
    static const char *const right[] = {"1",  "1.2",   "1.2.3",      "v1.2.3",
                                        "V1", "0.0.0", "999999999.0"};
    static const char *const wrong[] = {
        "",      "v",  "1.", ".1", "1..2", "1.2.3.4",    "1.2-rc1",
        "1.2.x", "-1", "+1", " 1", "1 ",   "1000000000", "99999999999999999999999"};
    struct version version;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        EXPECT(version_read(str_of(right[i]), &version));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        EXPECT(!version_read(str_of(wrong[i]), &version));
    EXPECT(version_same(STR("v1.0.0"), STR("1.0.0")));
    EXPECT(!version_same(STR("v1.0.0"), STR("1.0")));
}

TEST(a_range_holds_what_it_says)
{
    struct task *t = test_task();
    static const struct {
        const char *range, *version;
        bool holds;
    } cases[] = {
        {">=1.2 <2", "1.1.9", false}, {">=1.2 <2", "1.2.0", true},   {">=1.2 <2", "1.99.0", true},
        {">=1.2 <2", "2.0.0", false}, {"<2  >=1.2 ", "1.5.0", true}, {">1.2", "1.2.7", false},
        {">1.2", "1.3.0", true},      {">1.2.0", "1.2.1", true},     {"<=1.2", "1.2.9", true},
        {"<=1.2", "1.3.0", false},    {"<=1.2.0", "1.2.1", false},   {"=1.2", "1.2.5", true},
        {"=1.2", "1.3.0", false},     {"=v1.2.0", "1.2.0", true},    {"=1", "1.9.9", true},
        {"^1.2", "1.2.0", true},      {"^1.2", "1.9.0", true},       {"^1.2", "2.0.0", false},
        {"^1.2.3", "1.2.2", false},   {"^0.2", "0.2.9", true},       {"^0.2", "0.3.0", false},
        {"^0.0.3", "0.0.4", false},   {"^0.0.3", "0.0.3", true},     {"^0", "0.9.0", true},
        {"^0", "1.0.0", false},       {"~1.2", "1.2.9", true},       {"~1.2", "1.3.0", false},
        {"~1.2.3", "1.2.2", false},   {"~1.2.3", "1.2.4", true},     {"~1", "1.9.0", true},
        {"~1", "2.0.0", false},       {"<1", "0.9.9", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EXPECT_INT(holds(t, cases[i].range, cases[i].version), cases[i].holds);
}

TEST(what_is_no_range_says_why)
{
    struct task *t = test_task();
    static const struct {
        const char *range, *problem;
    } cases[] = {
        {"", "a range of versions says something"},
        {"   ", "a range of versions says something"},
        {"1.2", "1.2 is no part of a range of versions"},
        {">= 1.2", ">= is no part of a range of versions"},
        {"=>1.2", "=>1.2 is no part of a range of versions"},
        {"==1.2", "==1.2 is no part of a range of versions"},
        {"^^1", "^^1 is no part of a range of versions"},
        {">=1 || <2", "|| is no part of a range of versions"},
        {">=1.x", ">=1.x is no part of a range of versions"},
        {">=1,<2", ">=1,<2 is no part of a range of versions"},
        {">=2 <1", "no version is in this range"},
        {">=2 <2", "no version is in this range"},
        {"<0", "no version is in this range"},
    };
    struct version_range range;
    str problem;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT(!version_range_read(t->mem, str_of(cases[i].range), &range, &problem));
        EXPECT_STR(problem, cases[i].problem);
    }
}

static bool comes_before(const char *a, const char *b)
{
    int order = 0, back = 0;
    return version_order(str_of(a), str_of(b), &order) && order < 0
        && version_order(str_of(b), str_of(a), &back) && back > 0;
}

TEST(versions_have_the_order_of_semantic_versioning)
{
    static const char *const versions[] = {
        "0.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-rc.2",
        "1.0.0-rc.10",
        "v1.0.0",
        "1.0.0.1",
        "1.2.0-b",
        "1.10.0-a",
        "99999999999999999999.0",
    };
    int order = 1;
    for (size_t i = 1; i < sizeof versions / sizeof *versions; i++)
        EXPECT(comes_before(versions[i - 1], versions[i]));
    EXPECT(version_order(STR("1.0"), STR("v1.0.0+build"), &order) && order == 0);
    EXPECT(!version_order(STR("spring"), STR("summer"), &order));
    EXPECT(!version_order(STR("1.0"), STR("1.x"), &order));
    EXPECT(!version_order(STR(""), STR("1"), &order));
}
