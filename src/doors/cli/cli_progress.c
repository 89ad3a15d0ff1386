#include "cli/cli_progress.h"

#include <string.h>

#include "cli_inside.h"
#include "clock/clock.h"

enum { PROGRESS_WIDTH_LEAST = 20 };

void progress_begin(struct progress *progress, struct arena *mem, bool is_quiet)
{
    *progress = (struct progress){.mem = mem,
                                  .is_quiet = is_quiet,
                                  .is_terminal = cli_is_terminal(stderr),
                                  .width = PROGRESS_WIDTH_LEAST};
}

static struct progress_line *progress_line(struct progress *progress, str product)
{
    struct progress_line *line;

    for (size_t i = 0; i < progress->len; i++) {
        if (str_eq(progress->at[i].product, product)) {
            return &progress->at[i];
        }
    }
    line = vec_add(progress->mem, progress);
    line->product = arena_str(progress->mem, product);
    line->began_ms = clock_monotonic_ms();
    progress->width = product.len > progress->width ? product.len : progress->width;
    return line;
}

static void progress_print(const struct progress *progress, const struct progress_line *line)
{
    struct arena_mark mark = arena_mark(progress->mem);
    str subject = table_shown(progress->mem, line->subject);
    int room = cli_terminal_width(stderr, 200) - (int)progress->width - 36;

    room = room > 0 ? room : 0;
    fprintf(stderr, "%-*.*s  %-14.*s", (int)progress->width, STR_ARG(line->product),
            STR_ARG(line->step));
    if (line->share >= 0) {
        fprintf(stderr, " %3.0f %%", line->share * 100);
    } else {
        fputs("      ", stderr);
    }
    fprintf(stderr, " %5.1f s  %.*s", (double)(clock_monotonic_ms() - line->began_ms) / 1000,
            (int)subject.len > room ? room : (int)subject.len, subject.len > 0 ? subject.ptr : "");
    arena_rewind(progress->mem, mark);
}

void progress_clear(struct progress *progress)
{
    for (; progress->drawn > 0; progress->drawn--) {
        fputs("\033[A\033[2K", stderr);
    }
    fputs(progress->is_terminal ? "\r" : "", stderr);
}

void progress_draw(struct progress *progress)
{
    if (progress->is_quiet || !progress->is_terminal) {
        return;
    }
    progress_clear(progress);
    for (size_t i = 0; i < progress->len; i++) {
        progress_print(progress, &progress->at[i]);
        fputc('\n', stderr);
        progress->drawn++;
    }
}

void progress_step(struct progress *progress, const struct tree *event)
{
    struct progress_line *line = progress_line(progress, tree_find_text(event, STR("product")));
    str step = tree_find_text(event, STR("step")), subject = tree_find_text(event, STR("subject"));
    bool is_new = !str_eq(line->step, step) || !str_eq(line->subject, subject);

    if (is_new) {
        line->step = arena_str(progress->mem, step);
        line->subject = arena_str(progress->mem, subject);
    }
    if (tree_find(event, STR("share")) == NULL
        || !tree_is_number(tree_find(event, STR("share")), &line->share)) {
        line->share = -1;
    }
    if (progress->is_quiet) {
        return;
    }
    if (progress->is_terminal) {
        progress_draw(progress);
    } else if (is_new) {
        fprintf(stderr, "%.*s: %.*s%s%.*s\n", STR_ARG(line->product), STR_ARG(step),
                subject.len > 0 ? " " : "", STR_ARG(table_shown(progress->mem, subject)));
    }
}

void progress_end(struct progress *progress, str product)
{
    progress_clear(progress);
    progress->width = product.len > progress->width ? product.len : progress->width;
    for (size_t i = 0; i < progress->len; i++) {
        if (str_eq(progress->at[i].product, product)) {
            memmove(&progress->at[i], &progress->at[i + 1],
                    (progress->len - i - 1) * sizeof(*progress->at));
            progress->len--;
            return;
        }
    }
}
