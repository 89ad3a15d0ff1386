#include "error/error.h"

#include "test.h"

TEST(errors_are_told_by_table)
{
    enum error_code code = ERR_NONE;
    EXPECT_STR(error_name(ERR_DENIED), "DENIED");
    EXPECT_STR(error_sqlstate(ERR_DENIED), "42501");
    EXPECT_INT(error_http_status(ERR_DENIED), 403);
    EXPECT_INT(error_exit_code(ERR_DENIED), 77);
    EXPECT_STR(error_meaning(ERR_NONE), "no error");
    EXPECT(error_by_name(STR("FULL"), &code) && code == ERR_FULL);
    EXPECT(!error_by_name(STR("full"), &code));
}

TEST(error_that_is_unknown_is_a_bug)
{
    EXPECT_STR(error_name((enum error_code)9999), "INTERNAL");
}

TEST(errors_are_well_formed)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        enum error_code code = (enum error_code)i;
        enum error_code found = ERR_NONE;
        EXPECT_INT(str_of(error_sqlstate(code)).len, 5);
        EXPECT(error_http_status(code) >= 200 && error_http_status(code) < 600);
        EXPECT(error_exit_code(code) < 256);
        EXPECT((code == ERR_NONE) == (error_exit_code(code) == 0));
        EXPECT(error_by_name(str_of(error_name(code)), &found) && found == code);
    }
}
