/* Times that come: of rules, to be asked between runs, and of products, to run. */
#include "clock/clock.h"
#include "log/log.h"
#include "run/run_due.h"
#include "run/run_start.h"
#include "timer_inside.h"

/* Of a mesh where many have schedules, a look takes long: the thread has other work for ten times as long. */
enum { TIMER_DUE_AGAIN_US = 60 * 1000000, TIMER_REST_TIMES = 10 };

static void timer_find_scheduled(const struct image *image, struct timer_schedule *known)
{
    if (known->mem != NULL && known->mesh_version == image->mesh_version) {
        return;
    }
    arena_free(known->mem);
    known->mem = arena_new();
    known->mesh_version = image->mesh_version;
    run_scheduled_products(known->mem, image, &known->products);
    known->has_starters = run_has_starters(image);
}

static bool timer_queue_all(struct task *t, struct services *s, const char *kind,
                            const struct str_list *due)
{
    for (size_t i = 0; i < due->len; i++) {
        if (!job_row_queue_scheduled(t, s->db, str_of(kind), due->at[i])) {
            return false;
        }
    }
    return true;
}

static bool timer_queue_due(struct task *t, struct services *s, struct timer_schedule *known)
{
    const struct image *image = image_pin(t, s->images);
    int64_t now_us = clock_now_us(), began_ms = clock_monotonic_ms();
    int64_t rules_us, starts_us = INT64_MAX, next_us;
    struct str_list rules = {0}, starts = {0};

    if ((image->version == known->image_version && now_us < known->next_us)
        || began_ms < known->rests_until_ms) {
        return true;
    }
    known->image_version = image->version;
    known->next_us = now_us + TIMER_DUE_AGAIN_US;
    timer_find_scheduled(image, known);
    if (!run_due_products(t, s, &known->products, now_us, &rules, &rules_us)
        || (known->has_starters && !run_starters(t, s, now_us, &starts, &starts_us))
        || !timer_queue_all(t, s, "check", &rules) || !timer_queue_all(t, s, "run", &starts)) {
        return false;
    }
    known->rests_until_ms = began_ms + (clock_monotonic_ms() - began_ms) * (TIMER_REST_TIMES + 1);
    next_us = rules_us < starts_us ? rules_us : starts_us;
    /* What is due now is looked at again soon, should it fail. */
    known->next_us =
        rules.len + starts.len == 0 || next_us < known->next_us ? next_us : known->next_us;
    return true;
}

void timer_look(struct services *s, struct timer_schedule *known, bool *failed)
{
    struct task *t = task_new();
    bool ok = timer_queue_due(t, s, known);

    if (!ok && !*failed) {
        log_failure("timer", t);
    }
    *failed = !ok;
    task_free(t);
}
