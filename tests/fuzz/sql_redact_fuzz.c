/* Any bytes as a statement: without literals it is no longer, holds no string and no comment, and a second time changes nothing; each
 * position in a text with `$since` put in leads back into the text. */
#include <stddef.h>
#include <stdint.h>

#include "sql/sql.h"
#include "width/width.h"

/* Outside of quoted names. */
static bool has_quote(str text)
{
    bool is_quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            is_quoted = !is_quoted;
        if (!is_quoted && text.ptr[i] == '\'')
            return true;
    }
    return false;
}

/* The place is that of a `;` or a `\`, and its line can be printed beside others. */
static void check_end(struct task *t, str input)
{
    size_t at;

    if (sql_find_end(input, &at)) {
        str shown = sql_caret(t->mem, input, (uint32_t)at + 1);

        CHECK(input.ptr[at] == ';' || input.ptr[at] == '\\');
        CHECK(width_of(shown) < 220 && str_is_utf8(shown));
    } else {
        CHECK(at == input.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct task *t = task_new();
    str input = {(const char *)bytes, len};
    str once = sql_redact(t->mem, input), print = sql_fingerprint(t->mem, input);
    CHECK(once.len <= len && print.len <= len);
    CHECK(str_eq(once, sql_redact(t->mem, once)));
    CHECK(!has_quote(once) && !has_quote(print));
    CHECK(str_eq(print, sql_fingerprint(t->mem, once)));
    CHECK(str_eq(print, sql_fingerprint(t->mem, print)));
    struct sql_shifts shifts;
    str put = sql_put_since(t->mem, input, STR("CAST('2026-01-01' AS DATE)"), &shifts);
    CHECK(shifts.len > 0 || str_eq(put, input));
    for (uint32_t i = 1; len > 0 && i <= put.len; i++) {
        uint32_t back = sql_shift_back(&shifts, i);
        CHECK(back >= 1 && back <= len);
    }
    check_end(t, input);
    task_free(t);
    return 0;
}
