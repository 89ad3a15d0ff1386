#include "source/source.h"

#include "test.h"

/* What the engine says, and what is passed on: never a value, a row, a password. */
TEST(source_explains_without_values)
{
    static const struct {
        const char *message, *told;
    } cases[] = {
        {"IO Error: Unable to connect to Postgres at \"host='h' password='a\": b\": secret'\": "
         "connection to server at "
         "\"h\", port 5 failed: Connection refused\n\tIs the server running",
         "connection to server at \"h\", port 5 failed: Connection refused"},
        {"Unable to connect to Postgres at \"host='h' password='secret'",
         "the database refuses the connection"},
        {"Conversion Error: CSV Error on Line: 3\nOriginal Line: SECRET,2\nError when converting "
         "column \"a\". Could not "
         "convert string \"SECRET\" to 'INTEGER'\n\nColumn a is being converted",
         "line 3: column a: a value is no INTEGER"},
        {"CSV Error on Line: 12\nOriginal Line: SECRET\nSECRET\nExpected Number of Columns: 2 "
         "Found: 1\nPossible fixes:",
         "line 12 has 1 fields, not 2"},
        {"CSV Error on Line: 2\nOriginal Line: S\nInvalid unicode (byte sequence mismatch) "
         "detected.",
         "line 2 is not UTF-8"},
        {"CSV Error on Line: 2\nOriginal Line: SECRET\nSomething new: SECRET",
         "line 2 cannot be read"},
        {"Conversion Error: Could not convert string 'SECRET' to INT64 when casting from source "
         "column d\n\nLINE 1: …",
         "column d: a value is no INT64"},
        {"Could not convert string 'SECRET' to INT32\n\nLINE 1: … error('weft: column",
         "a value is no INT32"},
        {"Malformed JSON at byte 0 of input: unexpected character.  Input: \"SECRET{\" when "
         "casting from source column j",
         "column j: a value is no JSON"},
        {"JSON transform error in file \"in/x\", in line 7: Failed to cast value to numerical: "
         "\"SECRET\"\nTry setting",
         "line 7 has a value that does not fit the type of its column"},
        {"JSON transform error in file \"in/x\", in line 1: Object {\"a\":\"SECRET\"} has "
         "duplicate key \"a\"",
         "line 1 has a key twice"},
        {"Not implemented Error: Duplicate name \"SECRET\" in struct auto-detected in JSON, try "
         "ignore_errors=true",
         "an object has two keys that differ in upper and lower case alone"},
        {"Invalid Input Error: weft: column a: a value is no DATE", "column a: a value is no DATE"},
        {"IO Error: Failed to fetch header for COPY: ERROR:  invalid input syntax for type "
         "numeric: \"weft: column c: a value "
         "is no DECIMAL(12,2)\"\n",
         "column c: a value is no DECIMAL(12,2)"},
        {"Failed to prepare query \"SELECT\": ERROR:  permission denied for table orders\nLINE 1: "
         "SECRET",
         "permission denied for table orders"},
        {"ERROR:  invalid input syntax for type integer: \"SECRET\"\nCONTEXT: SECRET",
         "invalid input syntax for type integer"},
        {"server closed the connection unexpectedly\n\tThis probably",
         "the database closed the connection"},
        {"Something quite new: SECRET", "the database cannot be read"},
    };
    struct source_server server = {.kind = SOURCE_POSTGRES};
    struct task *t = test_task();
    str told, hint;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {.message = str_of(cases[i].message)};

        source_explain(t->mem, &server, &error, STR_NONE, &told, &hint);
        EXPECT_STR(told, cases[i].told);
        EXPECT(str_find(told, STR("SECRET")) == told.len
               && str_find(told, STR("secret")) == told.len);
        EXPECT(hint.len > 0);
    }
}
