/* Lines of plain CSV, and patterns as tables of states: nothing is read past the end, and what is taken is inside of the line. */
#include "scan/csv_scan.h"

#include <stdlib.h>
#include <string.h>

#include "check/check_machine.h"

enum { COLUMNS = 7 };

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
    if (check_machine_make(text, &machine) && check_machine_ask(&machine, text) > MACHINE_UNKNOWN)
        abort();
    return 0;
}
