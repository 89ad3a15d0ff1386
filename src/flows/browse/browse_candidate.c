/* Candidates, and what became of those who read the product when they were tried over one. */
#include "browse_inside.h"
#include "release/release_candidate.h"

static const struct image_product *find_address(const struct image *image, str address)
{
    str domain, name;

    (void)str_cut(address, '.', &domain, &name);
    return image_find_product(image, domain, name);
}

static void put_head(struct task *t, const struct image *image, const struct image_product *product,
                     const struct release_candidate *row, struct json_out *o)
{
    json_out_str(o, "product", product->address);
    json_out_str(o, "run", row->run_id);
    json_out_time(o, "made_at", row->made_us);
    json_out_str(o, "requested_by", row->requested_by);
    if (row->base > 0) {
        json_out_uint(o, "follows", row->base);
    } else {
        json_out_null(o, "follows");
    }
    if (browse_is_clear_on_all(t, image, product)) {
        json_out_uint(o, "rows", row->rows);
    } else {
        json_out_null(o, "rows");
    }
    json_out_bool(o, "tried", row->is_tested);
}

/* What it says may tell values of the consumer's rows. */
static void put_verdict(const struct release_verdict *verdict, bool is_clear, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "reader", verdict->consumer);
    json_out_str(o, "kind", verdict->kind);
    json_out_str(o, "name", verdict->name);
    json_out_str(o, "verdict", verdict->verdict);
    json_out_bool(o, "blocks", verdict->blocks);
    json_out_maybe(o, "message",
                   is_clear || str_eq(verdict->kind, STR("test")) ? verdict->message : STR_NONE);
    json_out_end(o, '}');
}

/* Verdicts of one consumer stand together for builds and checks, tests come last: each is counted once. */
struct browse_readers {
    struct str_list all, failing;
};

static void count_reader(struct arena *mem, const struct release_verdict *verdict,
                         struct browse_readers *out)
{
    if (!str_list_has(&out->all, verdict->consumer)) {
        vec_push(mem, &out->all, verdict->consumer);
    }
    if (verdict->blocks && !str_list_has(&out->failing, verdict->consumer)) {
        vec_push(mem, &out->failing, verdict->consumer);
    }
}

static void put_verdicts(struct task *t, const struct image *image,
                         const struct release_verdicts *verdicts, struct json_out *o)
{
    struct browse_readers seen = {0}, hidden = {0};

    json_out_begin(o, "verdicts", '[');
    for (size_t i = 0; i < verdicts->len; i++) {
        const struct release_verdict *verdict = &verdicts->at[i];
        const struct image_product *consumer = find_address(image, verdict->consumer);

        if (consumer == NULL || !gate_may_discover(t, image, consumer)) {
            count_reader(t->mem, verdict, &hidden);
            continue;
        }
        count_reader(t->mem, verdict, &seen);
        put_verdict(verdict, browse_is_clear_on_all(t, image, consumer), o);
    }
    json_out_end(o, ']');
    json_out_list(o, "readers", &seen.all);
    json_out_list(o, "failing", &seen.failing);
    json_out_uint(o, "hidden_readers", hidden.all.len);
    json_out_uint(o, "hidden_failing", hidden.failing.len);
}

bool browse_candidate(struct task *t, struct services *s, str address, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    const struct image_product *product;
    struct release_candidate_list list;
    struct release_verdicts verdicts;

    if (!services_demand_run(t, image, address, &product)
        || !release_candidate_find(t, s->db, product->id, &list)
        || !release_candidate_verdicts(t, s->db, product->id, &verdicts)) {
        return false;
    }
    if (list.len == 0) {
        task_fail(t, ERR_NOT_FOUND, "%.*s has no candidate", STR_ARG(address));
        return task_hint(t, "weft run %.*s --candidate makes one", STR_ARG(address));
    }
    json_out_begin(o, "", '{');
    put_head(t, image, product, &list.at[0], o);
    put_verdicts(t, image, &verdicts, o);
    json_out_end(o, '}');
    return true;
}

bool browse_candidates(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct release_candidate_list list;

    if (!release_candidate_find(t, s->db, 0, &list)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_begin(o, "candidates", '[');
    for (size_t i = 0; i < list.len; i++) {
        for (size_t k = 0; k < image->products.len; k++) {
            const struct image_product *product = &image->products.at[k];

            if (product->id == list.at[i].product_id
                && services_may_run(t->actor, image, product)) {
                json_out_begin(o, "", '{');
                put_head(t, image, product, &list.at[i], o);
                json_out_end(o, '}');
            }
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}
