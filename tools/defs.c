/* Makes a page of docs/reference from each table of facts.
 *
 * usage: defs [--check] FOLDER FILE.def ...
 *
 * A .def file is a list of NAME(argument, ...) lines. Comments above them say what the arguments are:
 *
 *     about: One sentence on top of the page.             (may be missing)
 *     columns: name | number | - | meaning                (a column named - is left out of the page)
 *
 * and a further `columns` comment begins another table. A file without a `columns` comment has no page. With --check nothing
 * is written: each page that is not what it should be is named, and the exit code is 1. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 24, CELL_BYTES = 4096 };

struct source {
    const char *path; /* as given */
    const char *at;
    int line;
};

struct page {
    char columns[COLUMNS_MAX][128];
    int column_count;
    bool in_table;
    bool needs_gap; /* a table stands right above */
    FILE *out;
};

static _Noreturn void __attribute__((format(printf, 2, 3)))
die(const struct source *in, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", in->path, in->line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static char *read_file(const char *path, size_t *len_out)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *copy = open_memstream(&text, &len);
    if (copy == NULL) {
        fclose(in);
        return NULL;
    }
    for (int c = getc(in); c != EOF; c = getc(in))
        putc(c, copy);
    fclose(in);
    fclose(copy);
    if (len_out != NULL)
        *len_out = len;
    return text;
}

static void step(struct source *in)
{
    if (*in->at == '\n')
        in->line++;
    in->at++;
}

static void skip_space(struct source *in)
{
    while (isspace((unsigned char)*in->at))
        step(in);
}

/* ---- comments */

/* Without an empty line after it a table swallows what follows. */
static void end_table(struct page *page)
{
    if (page->needs_gap)
        fputs("\n", page->out);
    page->needs_gap = false;
}

static void read_columns(struct source *in, struct page *page, const char *text)
{
    page->column_count = 0;
    page->in_table = false;
    while (*text != '\0') {
        if (page->column_count == COLUMNS_MAX)
            die(in, "more than %d columns", COLUMNS_MAX);
        size_t len = strcspn(text, "|"), from = strspn(text, " "), to = len;
        while (to > from && text[to - 1] == ' ')
            to--;
        snprintf(page->columns[page->column_count++], sizeof page->columns[0], "%.*s",
                 (int)(to > from ? to - from : 0), text + from);
        text += len + (text[len] == '|');
    }
}

static void read_comment(struct source *in, struct page *page)
{
    const char *start = in->at + 2, *end = strstr(start, "*/");
    if (end == NULL)
        die(in, "a comment does not end");
    char text[CELL_BYTES];
    size_t len = 0;
    for (const char *c = start; c < end && len + 1 < sizeof text; c++) {
        bool space = isspace((unsigned char)*c);
        if (!space)
            text[len++] = *c;
        else if (len > 0 && text[len - 1] != ' ')
            text[len++] = ' ';
    }
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    if (strncmp(text, "columns: ", 9) == 0)
        read_columns(in, page, text + 9);
    else if (strncmp(text, "about: ", 7) == 0) {
        end_table(page);
        fprintf(page->out, "%s\n\n", text + 7);
    }
    while (in->at < end + 2)
        step(in);
}

/* ---- rows */

static void put(char *cell, size_t *len, char c)
{
    if (*len + 2 < CELL_BYTES) {
        /* A bar would end the cell; a pattern may look like a link. */
        if (c == '|' || (c == '(' && *len > 0 && cell[*len - 1] == ']'))
            cell[(*len)++] = '\\';
        cell[(*len)++] = c == '\n' ? ' ' : c;
    }
}

static void read_string(struct source *in, char *cell, size_t *len)
{
    for (step(in); *in->at != '"'; step(in)) {
        if (*in->at == '\0' || *in->at == '\n')
            die(in, "a string does not end");
        if (*in->at == '\\')
            step(in);
        put(cell, len, *in->at);
    }
    step(in);
}

/* One argument; what is not a string stays as it is written. Returns the character that ended it. */
static char read_argument(struct source *in, char *cell, bool *is_text_out)
{
    size_t len = 0;
    int depth = 0;
    *is_text_out = false;
    for (skip_space(in);; step(in)) {
        while (*in->at == '"' && depth == 0) {
            read_string(in, cell, &len);
            skip_space(in);
            *is_text_out = true;
        }
        char c = *in->at;
        if (c == '\0')
            die(in, "a row does not end");
        if (depth == 0 && (c == ',' || c == ')')) {
            while (len > 0 && !*is_text_out && isspace((unsigned char)cell[len - 1]))
                len--;
            cell[len] = '\0';
            step(in);
            return c;
        }
        depth += (c == '(') - (c == ')');
        put(cell, &len, c);
    }
}

static void begin_table(struct page *page)
{
    end_table(page);
    fputs("|", page->out);
    for (int i = 0; i < page->column_count; i++)
        if (strcmp(page->columns[i], "-") != 0)
            fprintf(page->out, " %s |", page->columns[i]);
    fputs("\n|", page->out);
    for (int i = 0; i < page->column_count; i++)
        if (strcmp(page->columns[i], "-") != 0)
            fputs(" --- |", page->out);
    fputs("\n", page->out);
    page->in_table = true;
    page->needs_gap = true;
}

static void read_row(struct source *in, struct page *page)
{
    while (isalnum((unsigned char)*in->at) || *in->at == '_')
        step(in);
    skip_space(in);
    if (*in->at != '(')
        die(in, "expected NAME(argument, ...)");
    step(in);
    if (!page->in_table && page->column_count > 0)
        begin_table(page);
    char cell[CELL_BYTES];
    int count = 0;
    int line = in->line;
    if (page->column_count > 0)
        fputs("|", page->out);
    for (char end = ','; end == ',';) {
        bool is_text;
        end = read_argument(in, cell, &is_text);
        if (count < page->column_count && strcmp(page->columns[count], "-") != 0) {
            bool code = cell[0] != '\0' && count == 0;
            fprintf(page->out, code ? " `%s` |" : " %s |", cell);
        }
        count++;
    }
    if (page->column_count > 0) {
        fputs("\n", page->out);
        in->line = line;
        if (count != page->column_count)
            die(in, "the row has %d arguments, the columns are %d", count, page->column_count);
    }
}

static void read_rows(struct source *in, struct page *page)
{
    for (skip_space(in); *in->at != '\0'; skip_space(in)) {
        if (in->at[0] == '/' && in->at[1] == '*')
            read_comment(in, page);
        else if (isalpha((unsigned char)*in->at) || *in->at == '_')
            read_row(in, page);
        else if (*in->at == '#' || *in->at == ';'
                 || *in->at == ',') /* a directive, or a stray end of a row */
            in->at += *in->at == '#' ? strcspn(in->at, "\n") : 1;
        else
            die(in, "unexpected '%c'", *in->at);
    }
}

/* ---- pages */

static void title_of(const char *path, char *name, char *title, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot != NULL)
        *dot = '\0';
    snprintf(title, size, "%s", name);
    for (char *c = title; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
    title[0] = (char)toupper((unsigned char)title[0]);
}

/* False when a page is out of step (only with check). */
static bool make_page(const char *folder, const char *path, bool check)
{
    struct source in = {.path = path, .line = 1};
    char *text = read_file(path, NULL);
    if (text == NULL)
        die(&in, "%s", strerror(errno));
    in.at = text;
    if (strstr(text, "/* columns: ") == NULL) {
        free(text);
        return true;
    }
    char name[256], title[256], page_path[4096];
    title_of(path, name, title, sizeof name);
    snprintf(page_path, sizeof page_path, "%s/%s.md", folder, name);

    struct page page = {0};
    char *made = NULL;
    size_t made_len = 0;
    page.out = open_memstream(&made, &made_len);
    /* The last one: the project itself may lie in a folder of that name. */
    const char *from_root = NULL;
    for (const char *at = strstr(path, "src/"); at != NULL; at = strstr(at + 1, "src/"))
        from_root = at;
    fprintf(page.out, "# %s\n\nMade from `%s` by `make docs`; edits belong there.\n\n", title,
            from_root ? from_root : path);
    read_rows(&in, &page);
    fclose(page.out);

    size_t old_len = 0;
    char *old = read_file(page_path, &old_len);
    bool same = old != NULL && old_len == made_len && memcmp(old, made, made_len) == 0;
    if (!same && check) {
        printf("%s:1: out of step with %s: run `make docs`\n", page_path,
               from_root ? from_root : path);
    } else if (!same) {
        FILE *out = fopen(page_path, "wb");
        in.path = page_path;
        if (out == NULL || fwrite(made, 1, made_len, out) != made_len || fclose(out) != 0)
            die(&in, "%s", strerror(errno));
        printf("%s\n", page_path);
    }
    free(old);
    free(made);
    free(text);
    return same || !check;
}

int main(int argc, char **argv)
{
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    if (argc < 2 + check) {
        fputs("usage: defs [--check] FOLDER FILE.def ...\n", stderr);
        return 2;
    }
    bool ok = true;
    for (int i = 2 + check; i < argc; i++)
        ok = make_page(argv[1 + check], argv[i], check) && ok;
    return ok ? 0 : 1;
}
