#include "cases.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "test.h"
#include "vec/vec.h"

enum { GOLDEN_BYTES_MAX = 64 << 20 };

struct case_list {
    VEC_OF(struct golden_case)
};

str golden_section(const struct golden_case *c, const char *name)
{
    for (size_t i = 0; i < c->len; i++)
        if (str_eq(c->sections[i].name, str_of(name)))
            return c->sections[i].text;
    return STR_NONE;
}

str golden_file(struct arena *mem, const char *path)
{
    str whole = arena_format(mem, "%s/golden/%s", TESTS_FOLDER, path);
    FILE *file = fopen(whole.ptr, "rb");
    if (!file)
        return STR_NONE;
    struct buf *b = buf_new(mem, GOLDEN_BYTES_MAX);
    char *room;
    size_t len = 1;
    while (len > 0 && (room = buf_room(b, 65536)) != NULL) {
        len = fread(room, 1, 65536, file);
        b->len += len;
    }
    fclose(file);
    return buf_str(b);
}

static void read_cases(struct arena *mem, const char *name, str text, struct case_list *out)
{
    str line, rest = text;
    const char *start = NULL; /* of the section's text */
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        struct golden_case *c = out->len ? &out->at[out->len - 1] : NULL;
        bool is_title = str_starts(line, STR("== ")), is_section = str_starts(line, STR("-- "));
        if ((is_title || is_section) && c && c->len && start) {
            size_t len = (size_t)(line.ptr - start);
            c->sections[c->len - 1].text = (str){start, len};
        }
        if (is_title) {
            c = vec_add(mem, out);
            c->title = str_from(line, 3);
            c->file = name;
            start = NULL;
        } else if (is_section && c && c->len < GOLDEN_SECTIONS_MAX) {
            c->sections[c->len++].name = str_from(line, 3);
            start = line.ptr + line.len + 1;
        }
        if (!rest.len && c && c->len && start)
            c->sections[c->len - 1].text = (str){start, (size_t)(text.ptr + text.len - start)};
    }
    for (size_t i = 0; i < out->len; i++)
        for (size_t k = 0; k < out->at[i].len; k++) {
            str *s = &out->at[i].sections[k].text;
            while (s->len && s->ptr[s->len - 1] == '\n')
                s->len--;
        }
}

static void write_cases(struct arena *mem, const char *folder, const struct case_list *cases)
{
    const char *name = cases->at[0].file;
    str path = arena_format(mem, "%s/golden/%s/%s.txt", TESTS_FOLDER, folder, name);
    FILE *file = fopen(path.ptr, "wb");
    if (!file)
        return;
    for (size_t i = 0; i < cases->len; i++) {
        fprintf(file, "%s== " STR_FMT "\n", i ? "\n" : "", STR_ARG(cases->at[i].title));
        for (size_t k = 0; k < cases->at[i].len; k++)
            fprintf(file, "-- " STR_FMT "\n" STR_FMT "\n", STR_ARG(cases->at[i].sections[k].name),
                    STR_ARG(cases->at[i].sections[k].text));
    }
    fclose(file);
}

static size_t run_file(const char *folder, const char *name,
                       str (*answer)(struct task *t, const struct golden_case *c))
{
    struct arena *mem = arena_new();
    struct case_list cases = {0};
    char *stem = arena_c_string(mem, str_sub(str_of(name), 0, strlen(name) - 4));
    read_cases(mem, stem, golden_file(mem, arena_format(mem, "%s/%s", folder, name).ptr), &cases);
    bool is_update = getenv("WEFT_GOLDEN_UPDATE") != NULL, has_changed = false;
    for (size_t i = 0; i < cases.len; i++) {
        struct golden_case *c = &cases.at[i];
        struct task *t = task_new();
        str found = str_trim(answer(t, c)), expected = str_trim(golden_section(c, "expected"));
        if (is_update && !str_eq(found, expected)) {
            if (c->len == 0 || !str_eq(c->sections[c->len - 1].name, STR("expected")))
                c->sections[c->len++].name = STR("expected");
            c->sections[c->len - 1].text = arena_str(mem, found);
            has_changed = true;
        } else {
            test_expect_str(found, expected, arena_c_string(mem, c->title), name, 0);
        }
        task_free(t);
    }
    if (has_changed)
        write_cases(mem, folder, &cases);
    arena_free(mem);
    return cases.len;
}

size_t golden_run(const char *folder, str (*answer)(struct task *t, const struct golden_case *c))
{
    struct arena *mem = arena_new();
    str path = arena_format(mem, "%s/golden/%s", TESTS_FOLDER, folder);
    struct str_list names = {0};
    DIR *open = opendir(path.ptr);
    for (struct dirent *entry; open && (entry = readdir(open)) != NULL;)
        if (str_ends(str_of(entry->d_name), STR(".txt")))
            vec_push(mem, &names, arena_str(mem, str_of(entry->d_name)));
    if (open)
        closedir(open);
    str_list_sort(&names);
    size_t count = 0;
    for (size_t i = 0; i < names.len; i++)
        count += run_file(folder, names.at[i].ptr, answer);
    arena_free(mem);
    return count;
}
