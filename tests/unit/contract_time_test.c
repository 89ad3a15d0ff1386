#include "contract/contract_time.h"

#include "test.h"

static bool has_order(const char *a, const char *b, int *order_out)
{
    struct contract_moment x, y;
    int other;
    EXPECT(contract_time_iso(str_of(a), &x) && contract_time_iso(str_of(b), &y));
    bool is = contract_time_order(&x, &y, order_out);
    EXPECT(contract_time_order(&y, &x, &other) == is && other == -*order_out);
    return is;
}

TEST(moments_of_one_kind_have_an_order)
{
    int order;
    EXPECT(has_order("2024-01-31", "2024-02-01", &order) && order < 0);
    EXPECT(has_order("2024-01-31", "2024-01-31T00:00:00", &order) && order == 0);
    EXPECT(has_order("2024-01-31T10:15:00Z", "2024-01-31T10:15:00+02:00", &order) && order > 0);
    EXPECT(has_order("10:15:00.5", "10:15:00", &order) && order > 0);
}

TEST(moments_of_two_kinds_have_none)
{
    int order;
    EXPECT(!has_order("2024-01-31T10:15:00Z", "2024-01-31T10:15:00", &order));
    EXPECT(!has_order("2024-01-31T10:15:00", "10:15:00", &order));
}
