#include "golden.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { GOLDEN_BYTES_MAX = 16 << 20 };

static struct golden_compiler *compilers;
static bool is_updating;
static size_t passed, failed;

void golden_register(struct golden_compiler *compiler)
{
    compiler->next = compilers;
    compilers = compiler;
}

static const struct golden_compiler *find_compiler(str folder)
{
    for (const struct golden_compiler *at = compilers; at; at = at->next)
        if (str_eq(str_of(at->folder), folder))
            return at;
    return NULL;
}

static bool read_whole(struct arena *mem, str path, str *out)
{
    FILE *file = fopen(arena_c_string(mem, path), "rb");
    if (!file)
        return false;
    struct buf *b = buf_new(mem, GOLDEN_BYTES_MAX);
    char block[8192];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(b, (str){block, n});
    fclose(file);
    *out = buf_str(b);
    return !b->full;
}

/* The next line with its line feed. */
static bool next_line(str *text, str *line)
{
    if (!text->len)
        return false;
    str head, tail;
    bool has_end = str_cut(*text, '\n', &head, &tail);
    *line = str_sub(*text, 0, head.len + (has_end ? 1 : 0));
    *text = tail;
    return true;
}

struct golden_cases {
    VEC_OF(struct golden_case)
};

static void read_cases(struct arena *mem, str text, struct golden_cases *out)
{
    str line;
    str *target = NULL;
    while (next_line(&text, &line)) {
        str trimmed = str_trim(line);
        struct golden_case *last = out->len ? &out->at[out->len - 1] : NULL;
        if (str_starts(line, STR("== "))) {
            vec_add(mem, out)->title = str_from(trimmed, 3);
            target = NULL;
        } else if (last && str_starts(line, STR("-- file "))) {
            struct golden_file *file = vec_add(mem, &last->files);
            file->path = str_from(trimmed, 8);
            file->text = (str){text.ptr, 0};
            target = &file->text;
        } else if (last && str_eq(trimmed, STR("-- expected"))) {
            last->expected = (str){text.ptr, 0};
            target = &last->expected;
        } else if (target) {
            target->len += line.len;
        }
    }
}

static void write_case(struct buf *b, const struct golden_case *input, str expected)
{
    buf_format(b, "%s== " STR_FMT "\n", b->len ? "\n" : "", STR_ARG(input->title));
    for (size_t i = 0; i < input->files.len; i++)
        buf_format(b, "-- file " STR_FMT "\n" STR_FMT "\n", STR_ARG(input->files.at[i].path),
                   STR_ARG(str_trim(input->files.at[i].text)));
    buf_format(b, "-- expected\n" STR_FMT "\n", STR_ARG(str_trim(expected)));
}

static void run_file(struct arena *mem, const struct golden_compiler *compiler, str path)
{
    str text;
    struct golden_cases cases = {0};
    struct buf *updated = buf_new(mem, GOLDEN_BYTES_MAX);
    if (!read_whole(mem, path, &text)) {
        printf("FAIL " STR_FMT ": %s\n", STR_ARG(path), strerror(errno));
        failed++;
        return;
    }
    read_cases(mem, text, &cases);
    for (size_t i = 0; i < cases.len; i++) {
        struct buf *out = buf_new(mem, GOLDEN_BYTES_MAX);
        compiler->run(mem, &cases.at[i], out);
        str got = str_trim(buf_str(out)), expected = str_trim(cases.at[i].expected);
        write_case(updated, &cases.at[i], got);
        if (is_updating || str_eq(got, expected)) {
            passed++;
            continue;
        }
        failed++;
        printf("FAIL " STR_FMT ": " STR_FMT "\n--- expected\n" STR_FMT "\n--- got\n" STR_FMT "\n\n",
               STR_ARG(path), STR_ARG(cases.at[i].title), STR_ARG(expected), STR_ARG(got));
    }
    if (!is_updating)
        return;
    FILE *file = fopen(arena_c_string(mem, path), "wb");
    if (!file || fwrite(updated->ptr, 1, updated->len, file) != updated->len || fclose(file) != 0) {
        printf("FAIL " STR_FMT ": %s\n", STR_ARG(path), strerror(errno));
        failed++;
    }
}

static struct str_list entries(struct arena *mem, str folder)
{
    struct str_list names = {0};
    DIR *dir = opendir(arena_c_string(mem, folder));
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            vec_push(mem, &names, arena_str(mem, str_of(entry->d_name)));
    if (dir)
        closedir(dir);
    str_list_sort(&names);
    return names;
}

static void run_folder(struct arena *mem, str root, str name, bool is_named)
{
    str folder = arena_format(mem, STR_FMT "/" STR_FMT, STR_ARG(root), STR_ARG(name));
    struct str_list names = entries(mem, folder);
    const struct golden_compiler *compiler = find_compiler(name);
    for (size_t i = 0; i < names.len; i++) {
        if (!str_ends(names.at[i], STR(".txt")))
            continue;
        if (!compiler && !is_named)
            return; /* another program reads it */
        if (!compiler) {
            printf("FAIL " STR_FMT ": no compiler takes this folder\n", STR_ARG(folder));
            failed++;
            return;
        }
        struct arena_mark mark = arena_mark(mem);
        run_file(mem, compiler,
                 arena_format(mem, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(names.at[i])));
        arena_rewind(mem, mark);
    }
}

int main(int count, char **arguments)
{
    struct arena *mem = arena_new();
    str root = STR_NONE, only = STR_NONE;
    for (int i = 1; i < count; i++) {
        if (str_eq(str_of(arguments[i]), STR("--update")))
            is_updating = true;
        else if (!root.len)
            root = str_of(arguments[i]);
        else
            only = str_of(arguments[i]);
    }
    if (!root.len) {
        fprintf(stderr, "usage: golden [--update] FOLDER-OF-FOLDERS [FOLDER]\n");
        return 2;
    }
    struct str_list folders = entries(mem, root);
    for (size_t i = 0; i < folders.len; i++)
        if (!only.len || str_eq(only, folders.at[i]))
            run_folder(mem, root, folders.at[i], only.len > 0);
    printf("%zu passed, %zu failed\n", passed, failed);
    arena_free(mem);
    return failed || !passed ? 1 : 0;
}
