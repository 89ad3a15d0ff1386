/* When a product runs by itself: at times as cron writes them, and when what it reads has a new release. */
#include "model/model_inside.h"

enum { SCHEDULE_TIMES_MAX = 24 };

static const char *const on_release = "@release";

static void wrong(struct model_builder *b, const struct model_product *product,
                  const struct tree *value, const char *what)
{
    struct finding *f = shape_error(b->mem, product->file, b->report, value, "%s", what);
    f->found = shape_found(b->mem, value);
    f->allowed = STR("minute, hour, day of the month, month, day of the week, as 0 6 * * *; "
                     "@hourly, @daily, @weekly, @monthly, @yearly; @release; a list of these");
    if (value->kind == TREE_SCALAR)
        f->hint = shape_nearest(b->mem, "@hourly @daily @weekly @monthly @yearly @release",
                                str_starts(value->text, STR("@"))
                                    ? value->text
                                    : arena_format(b->mem, "@" STR_FMT, STR_ARG(value->text)));
}

static void read_one(struct model_builder *b, const struct tree *value,
                     struct model_product *product)
{
    struct model_schedule *schedule = &product->schedule;
    struct cron cron;
    str text = str_trim(value->text);
    if (value->kind != TREE_SCALAR || tree_is_null(value)) {
        wrong(b, product, value, "schedule is a text, or a list of texts");
        return;
    }
    if (str_eq_nocase(text, str_of(on_release))) {
        schedule->on_release = true;
        text = str_of(on_release);
    } else if (cron_parse(text, &cron) && cron_after(&cron, 0) < INT64_MAX) {
        vec_push(b->mem, &schedule->times, cron);
    } else {
        wrong(b, product, value, "this is no schedule that ever comes");
        return;
    }
    schedule->text = schedule->text.len ? arena_format(b->mem, STR_FMT "; " STR_FMT,
                                                       STR_ARG(schedule->text), STR_ARG(text))
                                        : text;
}

void model_read_schedule(struct model_builder *b, const struct tree *value,
                         struct model_product *product)
{
    if (!value || tree_is_null(value))
        return;
    product->schedule.place = tree_place(b->mem, product->file, value);
    if (value->kind != TREE_LIST) {
        read_one(b, value, product);
        return;
    }
    if (!value->len || value->len > SCHEDULE_TIMES_MAX) {
        wrong(b, product, value, "schedule has no entry, or more than 24");
        return;
    }
    for (size_t i = 0; i < value->len; i++)
        read_one(b, value->at[i], product);
}

void model_check_schedule(struct model_builder *b, const struct model_product *product)
{
    if (!product->schedule.on_release)
        return;
    for (size_t i = 0; i < product->inputs.len; i++)
        if (product->inputs.at[i].producer || !product->inputs.at[i].contract)
            return; /* one without a contract was told */
    model_error(b, product->schedule.place, "no input is a product: @release never comes")->hint =
        STR("sources make no releases: give times, as 0 6 * * *");
}

int64_t model_schedule_after(const struct model_schedule *schedule, int64_t time_us)
{
    int64_t first_us = INT64_MAX;
    for (size_t i = 0; i < schedule->times.len; i++) {
        int64_t next_us = cron_after(&schedule->times.at[i], time_us);
        first_us = next_us < first_us ? next_us : first_us;
    }
    return first_us;
}
