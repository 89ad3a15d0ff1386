#include "contract/contract_number.h"

#include "test.h"

static int compared(const char *a, const char *b)
{
    struct contract_number x, y;
    EXPECT(contract_number_read(str_of(a), &x) && contract_number_read(str_of(b), &y));
    int order = contract_number_compare(&x, &y);
    EXPECT(order == -contract_number_compare(&y, &x));
    return order;
}

TEST(numbers_are_compared_by_all_their_digits)
{
    EXPECT(compared("9007199254740992", "9007199254740993") < 0);
    EXPECT(compared("-9007199254740992", "-9007199254740993") > 0);
    EXPECT(compared("0.1", "0.10000000000000000000001") < 0);
    EXPECT(compared("0.09", "0.1") < 0);
    EXPECT(compared("10", "9.999") > 0);
    EXPECT(compared("-1", "0") < 0 && compared("0.001", "0") > 0);
    EXPECT(compared("1e400", "1e399") > 0 && compared("1e-400", "0") > 0);
    EXPECT(compared("123e-2", "1.3") < 0);
    EXPECT(compared("0.30000000000000004", "0.3") > 0);
    EXPECT(compared("-2", "-1") < 0 && compared("-1", "1") < 0);
    EXPECT(compared("0", "1e-999") < 0 && compared("-1e-999", "0") < 0);
    EXPECT(compared("123.4", "123.40000000000000000000000000000001") < 0);
}

TEST(other_spellings_of_a_number_are_the_same_number)
{
    EXPECT(compared("5", "5.0") == 0 && compared("5", "+005.") == 0);
    EXPECT(compared("0", "-0.00") == 0 && compared("0e5", "0") == 0);
    EXPECT(compared("1e3", "1000") == 0 && compared("0.0012E+2", ".12") == 0);
    EXPECT(compared("120e-2", "1.2") == 0);
    EXPECT(compared("0.1e1", "+01") == 0 && compared(".5", "5e-1") == 0);
    EXPECT(compared("0.0500", "5.00e-2") == 0 && compared("-100", "-1e+2") == 0);
}

TEST(what_is_no_decimal_number_is_not_compared)
{
    static const char *const others[] = {"",
                                         "-",
                                         ".",
                                         "1,5",
                                         "0x10",
                                         "1e",
                                         "1e1234",
                                         ".inf",
                                         "5 h",
                                         "abc",
                                         "1e99999999999999999999",
                                         "1 ",
                                         "--1",
                                         "Infinity"};
    struct contract_number number;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        EXPECT(!contract_number_read(str_of(others[i]), &number));
}
