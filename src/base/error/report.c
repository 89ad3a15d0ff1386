#include "error/report.h"

#include <stdlib.h>

#include "buf/buf.h"

static const char *const level_names[] = {
    [FINDING_ERROR] = "error",
    [FINDING_WARNING] = "warning",
    [FINDING_NOTE] = "note",
};

void report_init(struct report *report, struct arena *mem)
{
    *report = (struct report){.mem = mem};
}

static struct finding *add_finding(struct report *report, enum finding_level level,
                                   enum error_code code, struct place place, str message)
{
    struct finding *finding = vec_add(report->mem, report);
    finding->level = level;
    finding->code = code;
    finding->place = place;
    finding->message = message;
    if (level == FINDING_ERROR)
        report->errors++;
    return finding;
}

struct finding *report_add(struct report *report, enum finding_level level, enum error_code code,
                           struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(report->mem, format, args);
    va_end(args);
    return add_finding(report, level, code, place, message);
}

struct finding *report_error(struct report *report, const struct error *error)
{
    struct arena *mem = report->mem;
    struct place place = error->place;
    place.file = arena_str(mem, place.file);
    place.path = arena_str(mem, place.path);
    str message = arena_str(mem, error->message);
    if (error->detail.len)
        message = arena_format(mem, STR_FMT ": " STR_FMT, STR_ARG(message), STR_ARG(error->detail));
    struct finding *finding = add_finding(report, FINDING_ERROR, error->code, place, message);
    finding->hint = arena_str(mem, error->hint);
    return finding;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

/* Over all fields, so that the order does not hang on the order of finding, and equal ones stand
 * together. */
static int compare(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    const str texts[][2] = {
        {x->message, y->message}, {x->place.path, y->place.path},
        {x->found, y->found},     {x->allowed, y->allowed},
        {x->hint, y->hint},
    };
    int order = str_compare(x->place.file, y->place.file);
    if (order == 0)
        order = compare_numbers(x->place.line, y->place.line);
    if (order == 0)
        order = compare_numbers(x->place.column, y->place.column);
    for (size_t i = 0; order == 0 && i < sizeof texts / sizeof *texts; i++)
        order = str_compare(texts[i][0], texts[i][1]);
    if (order == 0)
        order = compare_numbers(x->level, y->level);
    return order ? order : compare_numbers(x->code, y->code);
}

void report_sort(struct report *report)
{
    size_t kept = 0;
    if (report->len == 0)
        return;
    qsort(report->at, report->len, sizeof *report->at, compare);
    report->errors = 0;
    for (size_t i = 0; i < report->len; i++) {
        if (kept && compare(&report->at[kept - 1], &report->at[i]) == 0)
            continue;
        report->at[kept++] = report->at[i];
        report->errors += report->at[kept - 1].level == FINDING_ERROR;
    }
    report->len = kept;
}

/* Line feeds go on at `indent`; other control characters could steer the reader's terminal. */
static void add_shown(struct buf *out, str text, const char *indent)
{
    size_t at = 0;
    while (at < text.len) {
        size_t n = str_utf8_at(text, at);
        unsigned char c = (unsigned char)text.ptr[at];
        unsigned char second = n == 2 ? (unsigned char)text.ptr[at + 1] : 0;
        if (c == '\n')
            buf_format(out, "\n%s", indent);
        else if (n == 0 || c < 0x20 || c == 0x7f)
            buf_format(out, "\\x%02x", c);
        else if (c == 0xc2 && second < 0xa0)
            buf_format(out, "\\u%04x", second);
        else
            buf_add(out, str_sub(text, at, n));
        at += n ? n : 1;
    }
}

/* Several lines begin on one of their own, so that columns of a table stand below each other. */
static void add_line(struct buf *out, const char *name, str text)
{
    if (text.len == 0)
        return;
    buf_format(out, "  %s:%s", name, str_has(text, '\n') ? "\n    " : " ");
    add_shown(out, text, "    ");
    buf_add_byte(out, '\n');
}

static void add_place(struct buf *out, const struct place *place)
{
    if (place->file.len == 0)
        return;
    add_shown(out, place->file, "");
    if (place->line)
        buf_format(out, ":%u", place->line);
    if (place->line && place->column)
        buf_format(out, ":%u", place->column);
    buf_add(out, STR(": "));
}

void report_text(const struct report *report, struct buf *out)
{
    for (size_t i = 0; i < report->len; i++) {
        const struct finding *finding = &report->at[i];
        add_place(out, &finding->place);
        buf_format(out, "%s: ", level_names[finding->level]);
        add_shown(out, finding->message, "    ");
        buf_add_byte(out, '\n');
        if (finding->excerpt.len) {
            buf_add(out, STR("  "));
            add_shown(out, finding->excerpt, "  ");
            buf_add_byte(out, '\n');
        }
        /* The root says nothing that the file does not. */
        if (!str_eq(finding->place.path, STR("$")))
            add_line(out, "at", finding->place.path);
        add_line(out, "found", finding->found);
        add_line(out, "allowed", finding->allowed);
        add_line(out, "hint", finding->hint);
    }
}

static void add_text_member(struct buf *out, const char *name, str text)
{
    buf_format(out, ",\"%s\":", name);
    if (text.len)
        buf_add_json(out, text);
    else
        buf_add(out, STR("null"));
}

static void add_number_member(struct buf *out, const char *name, uint32_t number)
{
    if (number)
        buf_format(out, ",\"%s\":%u", name, number);
    else
        buf_format(out, ",\"%s\":null", name);
}

void report_json(const struct report *report, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < report->len; i++) {
        const struct finding *finding = &report->at[i];
        buf_format(out, "%s{\"level\":\"%s\",\"code\":\"%s\"", i ? "," : "",
                   level_names[finding->level], error_name(finding->code));
        add_text_member(out, "file", finding->place.file);
        add_number_member(out, "line", finding->place.line);
        add_number_member(out, "column", finding->place.column);
        add_text_member(out, "path", finding->place.path);
        add_text_member(out, "message", finding->message);
        add_text_member(out, "found", finding->found);
        add_text_member(out, "allowed", finding->allowed);
        add_text_member(out, "hint", finding->hint);
        add_text_member(out, "excerpt", finding->excerpt);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}
