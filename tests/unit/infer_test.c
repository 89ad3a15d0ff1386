#include "infer/infer.h"

#include "test.h"

TEST(check_digits_tell_numbers_from_others)
{
    EXPECT(infer_is_iban(STR("CH93 0076 2011 6238 5295 7")));
    EXPECT(infer_is_iban(STR("GB82WEST12345698765432")));
    EXPECT(!infer_is_iban(STR("GB82WEST12345698765433")));
    EXPECT(!infer_is_iban(STR("CH93")));
    EXPECT(infer_is_card(STR("4111 1111 1111 1111")));
    EXPECT(!infer_is_card(STR("4111 1111 1111 1112")));
    EXPECT(!infer_is_card(STR("0000000000000000")));
    EXPECT(infer_is_ahv(STR("756.9217.0769.85")));
    EXPECT(!infer_is_ahv(STR("756.9217.0769.84")));
}

TEST(names_become_those_that_weft_takes)
{
    struct task *t = test_task();
    struct str_list taken = {0};
    EXPECT_STR(infer_name(t->mem, STR("Kunden-Nr."), &taken), "kunden_nr");
    EXPECT_STR(infer_name(t->mem, STR("kundenNr"), &taken), "kunden_nr_2");
    EXPECT_STR(infer_name(t->mem, STR("select"), &taken), "select_1");
    EXPECT_STR(infer_name(t->mem, STR("2nd"), &taken), "n2nd");
    EXPECT_STR(infer_name(t->mem, STR("self"), &taken), "self_1");
    EXPECT_STR(infer_name(t->mem, STR("\xe4\xb8\xad"), &taken), "column_1");
    EXPECT_STR(infer_name(t->mem, STR("__a__"), &taken), "a");
}

TEST(labels_are_found_by_name_in_three_languages)
{
    struct task *t = test_task();
    static const char *const names[][2] = {
        {"customerEmail", "pii"},  {"E-Mail", "pii"},           {"GEBURTSDATUM", "pii"},
        {"date_naissance", "pii"}, {"telefon_privat", "pii"},   {"first_name", "pii"},
        {"AHV-Nr", "pii"},         {"password_hash", "secret"}, {"amount", ""},
        {"description", ""},       {"user_agent", ""},          {"ship", ""},
        {"Full Name", "pii"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct infer_column column = {.name = str_of(names[i][0]), .type = STR("VARCHAR")};
        str why;
        EXPECT_STR(infer_label(t->mem, &column, &why), names[i][1]);
    }
}
