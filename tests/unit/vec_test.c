#include "vec/vec.h"

#include "test.h"

struct numbers {
    VEC_OF(int)
};

TEST(vec_grows)
{
    struct task *t = test_task();
    struct numbers numbers = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(t->mem, &numbers, i);
    EXPECT_INT(numbers.len, 1000);
    for (int i = 0; i < 1000; i++)
        if (numbers.at[i] != i)
            EXPECT_INT(numbers.at[i], i);
}

TEST(vec_add_gives_zero_where_one_stood_before)
{
    struct task *t = test_task();
    struct numbers numbers = {0};
    vec_push(t->mem, &numbers, 7);
    numbers.len = 0;
    EXPECT_INT(*vec_add(t->mem, &numbers), 0);
}

TEST(str_lists)
{
    struct task *t = test_task();
    struct str_list list = {0};
    str_list_add(t->mem, &list, STR("orders"));
    str_list_add(t->mem, &list, STR("customer"));
    str_list_add(t->mem, &list, STR("orders"));
    EXPECT_INT(list.len, 2);
    EXPECT(str_list_has(&list, STR("customer")) && !str_list_has(&list, STR("x")));
    str_list_sort(&list);
    EXPECT_STR(str_list_join(t->mem, &list, STR(", ")), "customer, orders");
    struct str_list none = {0};
    str_list_sort(&none);
    EXPECT_STR(str_list_join(t->mem, &none, STR(", ")), "");
}

TEST(str_list_nearest_is_near)
{
    struct task *t = test_task();
    struct str_list list = {0};
    vec_push(t->mem, &list, STR("logicalType"));
    vec_push(t->mem, &list, STR("physicalType"));
    vec_push(t->mem, &list, STR("id"));
    EXPECT_STR(str_list_nearest(&list, STR("logcalTypo")), "logicalType");
    EXPECT_STR(str_list_nearest(&list, STR("physicaltype")), "physicalType");
    EXPECT_STR(str_list_nearest(&list, STR("quantum")), "");
    EXPECT_STR(str_list_nearest(&list, STR("xy")), "");
    EXPECT_STR(str_list_nearest(&list, STR("")), "");
    EXPECT_STR(str_list_nearest(&list, STR("ID")), "");
}

TEST(str_list_nearest_takes_a_beginning_for_the_whole)
{
    struct task *t = test_task();
    struct str_list list = {0};
    vec_push(t->mem, &list, STR("mustBeLessOrEqualTo"));
    vec_push(t->mem, &list, STR("mustBeLessThan"));
    vec_push(t->mem, &list, STR("classification"));
    EXPECT_STR(str_list_nearest(&list, STR("mustBeLess")), "mustBeLessThan");
    EXPECT_STR(str_list_nearest(&list, STR("class")), "classification");
    EXPECT_STR(str_list_nearest(&list, STR("cla")), "");
}
