/* Lines of plain CSV, and patterns as tables of states: nothing is read past the end, and what is taken is inside of the line. */
#include "scan/csv_scan.h"

#include <stdlib.h>
#include <string.h>

#include "check/check_machine.h"

enum { COLUMNS = 7 };

/* Where nothing stands behind it, a line says the same. */
static void read_alone(struct csv_lines *lines, const char *line, size_t len,
                       const struct csv_value *expected)
{
    char *bytes = malloc(len), *at = bytes;
    struct csv_value values[COLUMNS];
    memcpy(bytes, line, len);
    if (!csv_lines_read(lines, &at, bytes + len, values))
        abort();
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct csv_value *one = &values[i], *other = &expected[i];
        if (one->is_null != other->is_null)
            abort();
        if (one->is_null)
            continue;
        if (lines->types[i].kind == CSV_TEXT ? !str_eq(one->text, other->text)
                                             : one->number != other->number)
            abort();
    }
    free(bytes);
}

static void read_lines(struct csv_lines *lines, str whole)
{
    /* A copy of just this size, so that a byte too far is found. */
    char *bytes = malloc(whole.len), *at = bytes, *end = bytes + whole.len;
    struct csv_value values[COLUMNS];
    memcpy(bytes, whole.ptr, whole.len);
    while (at < end) {
        char *begun = at;
        if (!csv_lines_read(lines, &at, end, values))
            break;
        read_alone(lines, whole.ptr + (begun - bytes), (size_t)(at - begun), values);
        if (at <= begun || at > end || at[-1] != '\n')
            abort();
        const struct csv_value *text = &values[COLUMNS - 1];
        if (!text->is_null && (text->text.ptr < begun || text->text.ptr + text->text.len > at))
            abort();
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[COLUMNS] = {"SMALLINT",  "UBIGINT", "DECIMAL(18,3)", "DOUBLE",
                                               "TIMESTAMP", "BOOLEAN", "VARCHAR"};
    static struct check_machine machine;
    struct csv_type types[COLUMNS];
    struct csv_lines lines = {.types = types, .len = COLUMNS};
    str text = {(const char *)data, len};
    size_t whole = len ? csv_lines_whole(text, &lines.is_crlf) : 0;
    for (size_t i = 0; i < COLUMNS; i++)
        if (!csv_type_read(str_of(names[i]), &types[i]))
            abort();
    if (whole > len || !csv_lines_begin(&lines, STR(",")))
        abort();
    if (whole)
        read_lines(&lines, (str){text.ptr, whole});
    if (check_machine_make(text, &machine)) {
        enum machine_answer both[2], half[2];
        str first = str_sub(text, 0, len / 2);
        check_machine_ask(&machine, text, first, both);
        check_machine_ask(&machine, first, text, half);
        if (both[0] != half[1] || both[1] != half[0] || both[0] > MACHINE_UNKNOWN)
            abort();
    }
    return 0;
}
