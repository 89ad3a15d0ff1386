#include "cli/cli_lines.h"

#include "limits/limits.h"

void cli_lines_begin(struct task *t, struct cli_lines *lines)
{
    lines->rest = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
}

static bool lines_give(struct task *t, struct cli_lines *lines, str line)
{
    struct arena_mark mark = arena_mark(t->mem);
    bool ok = str_trim(line).len == 0 || lines->line(t, lines->state, line);

    arena_rewind(t->mem, mark);
    return ok;
}

bool cli_lines_take(struct task *t, void *state, str bytes)
{
    struct cli_lines *lines = state;
    str line, tail;

    while (str_cut(bytes, '\n', &line, &tail)) {
        bool is_whole = lines->rest->len == 0;

        if (!is_whole && !buf_add(lines->rest, line)) {
            break;
        }
        if (!lines_give(t, lines, is_whole ? line : buf_str(lines->rest))) {
            return false;
        }
        buf_clear(lines->rest);
        bytes = tail;
    }
    return (!lines->rest->full && buf_add(lines->rest, bytes))
        || task_fail(t, ERR_LIMIT, "a line of the answer is larger than %d bytes",
                     (int)HTTP_ANSWER_BYTES_MAX);
}
