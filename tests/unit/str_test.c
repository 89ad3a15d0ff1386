#include "str/str.h"

#include <string.h>

#include "test.h"

TEST(str_compares)
{
    EXPECT(str_eq(STR("a"), str_of("a")));
    EXPECT(str_eq(STR_NONE, STR("")));
    EXPECT(!str_eq(STR("a"), STR("ab")));
    EXPECT(str_eq_nocase(STR("Select_1"), STR("sELECT_1")));
    EXPECT(!str_eq_nocase(STR("[a"), STR("{a")));
    EXPECT(str_compare(STR("a"), STR("b")) < 0);
    EXPECT(str_compare(STR("ab"), STR("a")) > 0);
    EXPECT(str_compare(STR("\xff"), STR("a")) > 0);
    EXPECT_INT(str_compare(STR("ab"), STR("ab")), 0);
}

TEST(str_finds_parts)
{
    str s = STR("orders.history");
    EXPECT(str_starts(s, STR("orders")));
    EXPECT(!str_starts(STR("or"), STR("orders")));
    EXPECT(str_ends(s, STR("history")));
    EXPECT(str_starts(s, STR_NONE) && str_ends(s, STR_NONE));
    EXPECT(str_has(s, '.') && !str_has(STR_NONE, '.'));
    EXPECT_INT(str_find(s, STR("his")), 7);
    EXPECT_INT(str_find(s, STR("xyz")), s.len);
    EXPECT_INT(str_find(STR_NONE, STR("x")), 0);
    EXPECT_STR(str_from(s, 7), "history");
    EXPECT_STR(str_from(s, 99), "");
    EXPECT_STR(str_sub(s, 7, 4), "hist");
    EXPECT_STR(str_sub(s, 7, SIZE_MAX), "history");
    EXPECT_STR(str_trim(STR(" \t a b\r\n")), "a b");
    EXPECT_STR(str_trim(STR(" \n")), "");
}

TEST(str_cuts)
{
    str head, tail;
    EXPECT(str_cut(STR("a.b.c"), '.', &head, &tail));
    EXPECT_STR(head, "a");
    EXPECT_STR(tail, "b.c");
    EXPECT(str_cut_last(STR("a.b.c"), '.', &head, &tail));
    EXPECT_STR(head, "a.b");
    EXPECT_STR(tail, "c");
    EXPECT(!str_cut(STR("abc"), '.', &head, &tail));
    EXPECT_STR(head, "abc");
    EXPECT_STR(tail, "");
    EXPECT(str_cut(STR("a."), '.', &head, &tail));
    EXPECT_STR(tail, "");
    EXPECT(!str_cut(STR_NONE, '.', &head, &tail));
    tail = STR("x,y");
    EXPECT(str_cut(tail, ',', &head, &tail));
    EXPECT_STR(head, "x");
    EXPECT_STR(tail, "y");
}

TEST(str_reads_integers)
{
    int64_t i = 0;
    uint64_t u = 0;
    EXPECT(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    EXPECT(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    EXPECT(str_to_i64(STR("+7"), &i) && i == 7);
    EXPECT(!str_to_i64(STR("9223372036854775808"), &i));
    EXPECT(!str_to_i64(STR("-9223372036854775809"), &i));
    EXPECT(!str_to_i64(STR(""), &i) && !str_to_i64(STR("-"), &i) && !str_to_i64(STR("--1"), &i));
    EXPECT(!str_to_i64(STR(" 1"), &i) && !str_to_i64(STR("1 "), &i) && !str_to_i64(STR("1x"), &i));
    EXPECT(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    EXPECT(!str_to_u64(STR("18446744073709551616"), &u));
    EXPECT(!str_to_u64(STR("+1"), &u) && !str_to_u64(STR("-1"), &u));
}

TEST(str_reads_numbers)
{
    double f = 0;
    EXPECT(str_to_f64(STR("-1.5e3"), &f) && f == -1500);
    EXPECT(str_to_f64(STR(".5"), &f) && f == 0.5);
    EXPECT(str_to_f64(STR("5."), &f) && f == 5);
    EXPECT(str_to_f64(STR("1E-2"), &f) && f == 0.01);
    const char *bad[] = {"",    ".",  "-",  "1e",    "e1",    "0x10", "inf",
                         "nan", " 1", "1 ", "1e999", "1.2.3", "1_0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(!str_to_f64(str_of(bad[i]), &f));
}

TEST(str_knows_utf8)
{
    const char *good[] = {"",
                          "abc",
                          "\xc3\xa9",
                          "\xe2\x82\xac",
                          "\xf0\x9f\x98\x80",
                          "\xed\x9f\xbf",
                          "\xee\x80\x80",
                          "\xf4\x8f\xbf\xbf",
                          "\xc2\x80",
                          "\xe0\xa0\x80",
                          "\xf0\x90\x80\x80"};
    const char *bad[] = {
        "\x80",         "\xc0\xaf",         "\xc1\xbf", "\xe0\x80\xaf",     "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xc3",     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xe2\x82",     "\xf0\x9f\x98",     "\xff",     "a\xc3(",           "\xe2(\xac"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        EXPECT(str_is_utf8(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(!str_is_utf8(str_of(bad[i])));
    EXPECT(!str_is_utf8(STR("a\0b")));
    EXPECT_INT(str_utf8_at(STR("a\xe2\x82\xac"), 1), 3);
    EXPECT_INT(str_utf8_at(STR("a"), 1), 0);
}

TEST(str_knows_names)
{
    EXPECT(str_is_name(STR("orders_2")));
    EXPECT(!str_is_name(STR("")) && !str_is_name(STR("2a")) && !str_is_name(STR("_a")));
    EXPECT(!str_is_name(STR("Orders")) && !str_is_name(STR("a-b")) && !str_is_name(STR("a\0b")));
}

TEST(str_hashes_spread)
{
    EXPECT(str_hash(STR("a")) == str_hash(str_of("a")));
    EXPECT(str_hash(STR("a")) != str_hash(STR("b")));
    EXPECT(str_hash(STR("")) != str_hash(STR("\0")));
    EXPECT(str_hash(STR("12345678")) != str_hash(STR("12345679")));
}

TEST(str_counts_edits)
{
    EXPECT_INT(str_distance(STR("orders"), STR("orders"), 2), 0);
    EXPECT_INT(str_distance(STR("ordres"), STR("orders"), 2), 1);
    EXPECT_INT(str_distance(STR("order"), STR("orders"), 2), 1);
    EXPECT_INT(str_distance(STR("kitten"), STR("sitting"), 5), 3);
    EXPECT_INT(str_distance(STR("kitten"), STR("sitting"), 1), 2);
    EXPECT_INT(str_distance(STR("abcdef"), STR("uvwxyz"), 2), 3);
    EXPECT_INT(str_distance(STR(""), STR("ab"), 2), 2);
    EXPECT_INT(str_distance(STR("ab"), STR("ba"), 1), 1);
    char text[300];
    memset(text, 'a', sizeof text);
    EXPECT_INT(str_distance((str){text, 300}, (str){text, 299}, 2), 3);
    EXPECT_INT(str_distance((str){text, 300}, (str){text, 300}, 2), 0);
}

TEST(str_is_one_of_a_list_with_commas)
{
    EXPECT(str_is_listed(STR("sales"), STR("sales")));
    EXPECT(str_is_listed(STR("sales,crm"), STR("sales")));
    EXPECT(str_is_listed(STR("sales,crm"), STR("crm")));
    EXPECT(!str_is_listed(STR("sales,crm"), STR("cr")));
    EXPECT(!str_is_listed(STR("sales,crm"), STR("sales,crm")));
    EXPECT(!str_is_listed(STR_NONE, STR("sales")));
}
