/* A time is done with by any run that began after it, whoever asked for it, and however many such times there were: a server that was
 * down makes up for them by one run. A release of an input is done with by a run that read it. Failed ones do as well as others: they
 * would fail again. */
#include "run/run_start.h"

#include "job_row/job_row.h"
#include "product_schedule/product_schedule.h"

enum { RUN_HELD_AGAIN_US = 2 * 1000000 };

bool run_has_starters(const struct image *image)
{
    for (size_t i = 0; i < image->products.len; i++) {
        if (image->products.at[i].definition->schedule.text.len > 0) {
            return true;
        }
    }
    return false;
}

struct run_starting {
    struct services *services;
    const struct image *image;
    struct product_schedules rows;
    struct str_list active;
    struct map held; /* folder of a product that runs, or will, or reads such a one */
    int64_t now_us;
};

static const struct image_product *run_image_of(const struct run_starting *s,
                                                const struct model_product *product)
{
    return image_find_product(s->image, product->domain->name, product->name);
}

static bool run_reads_held(const struct run_starting *s, const struct model_product *product)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *of = product->inputs.at[i].producer;

        if (of != NULL && map_find(&s->held, of->folder) != NULL) {
            return true;
        }
    }
    return false;
}

/* Numbers only grow, also where an earlier release comes back. */
static bool run_has_pin(const struct run_pins *pins, const struct image_product *producer)
{
    for (size_t i = 0; i < pins->len; i++) {
        if (pins->at[i].product_id == producer->id
            && pins->at[i].release >= producer->release.number) {
            return true;
        }
    }
    return false;
}

/* All that it reads has a release, and one of these is another than its last run read. */
static bool run_has_news(struct task *t, const struct run_starting *s,
                         const struct product_schedule *row, const struct model_product *product,
                         bool *out)
{
    struct run_pins pins = {0};
    bool is_new = false;

    *out = false;
    if (row->run_id.len > 0 && !product_schedule_read(t, s->services->db, row->run_id, &pins)) {
        return false;
    }
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *of = product->inputs.at[i].producer;
        const struct image_product *producer = of != NULL ? run_image_of(s, of) : NULL;

        if (of != NULL && (producer == NULL || producer->release.number == 0)) {
            return true;
        }
        is_new = is_new || (of != NULL && !run_has_pin(&pins, producer));
    }
    *out = is_new;
    return true;
}

enum run_start { RUN_NOT_NOW, RUN_NOW, RUN_SOON };

static bool run_decide(struct task *t, const struct run_starting *s,
                       const struct model_product *product, const struct image_product *of,
                       enum run_start *out, int64_t *next_us)
{
    const struct product_schedule *row = product_schedule_find(&s->rows, of->id);
    int64_t time_us = product_schedule_next(row, product);
    bool is_time = time_us <= s->now_us, has_news = false;

    *out = RUN_NOT_NOW;
    if (row == NULL || str_eq(product->status, STR("retired"))) {
        return true;
    }
    if (!is_time && product->schedule.on_release && !run_has_news(t, s, row, product, &has_news)) {
        return false;
    }
    if (!is_time && time_us < *next_us) {
        *next_us = time_us;
    }
    if (is_time || has_news) {
        *out =
            job_row_is_active(&s->active, of->address) || (!is_time && run_reads_held(s, product))
                ? RUN_SOON
                : RUN_NOW;
    }
    return true;
}

bool run_starters(struct task *t, struct services *services, int64_t now_us,
                  struct str_list *due_out, int64_t *next_us_out)
{
    struct run_starting s = {
        .services = services, .image = image_pin(t, services->images), .now_us = now_us};

    *next_us_out = INT64_MAX;
    map_init(&s.held, t->mem);
    if (s.image->model == NULL) {
        return true;
    }
    if (!product_schedule_list(t, services->db, 0, &s.rows)
        || !job_row_active(t, services->db, &s.active)) {
        return false;
    }
    /* Those that are read come first: one that will run holds back whoever reads it. */
    for (size_t i = 0; i < s.image->model->products.len; i++) {
        const struct model_product *product = s.image->model->products.at[i];
        const struct image_product *of = run_image_of(&s, product);
        enum run_start start = RUN_NOT_NOW;

        if (of == NULL) {
            continue;
        }
        if (product->schedule.text.len > 0
            && !run_decide(t, &s, product, of, &start, next_us_out)) {
            return false;
        }
        if (start == RUN_NOW) {
            vec_push(t->mem, due_out, of->address);
        }
        if (start == RUN_SOON && now_us + RUN_HELD_AGAIN_US < *next_us_out) {
            *next_us_out = now_us + RUN_HELD_AGAIN_US;
        }
        if (start == RUN_NOW || job_row_is_active(&s.active, of->address)
            || run_reads_held(&s, product)) {
            map_put(&s.held, product->folder, &s);
        }
    }
    return true;
}
