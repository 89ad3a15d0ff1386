/* Waivers in force: named exceptions to a policy, each with an approver, a reason and an end. */
#include "clock/clock.h"
#include "govern_inside.h"

/* May it concern tables of this product? Labels may narrow it further. */
static bool govern_waives_on(const struct policy *waiver, const struct image_product *product)
{
    const struct policy_selector *s = &waiver->selector;
    str domain = product->definition->domain->name;
    bool is_of_tables = s->tables.len == 0;

    for (size_t i = 0; i < s->tables.len && !is_of_tables; i++) {
        str head, table;

        is_of_tables =
            str_cut_last(s->tables.at[i], '.', &head, &table) && str_eq(head, product->address);
    }
    return (waiver->domain.len == 0 || str_eq(waiver->domain, domain))
        && (s->domains.len == 0 || str_list_has(&s->domains, domain))
        && (s->products.len == 0 || str_list_has(&s->products, product->address)) && is_of_tables;
}

static bool govern_may_know_waiver(struct task *t, const struct image *image,
                                   const struct policy *waiver)
{
    struct access_takers takers;

    if (read_access_governs(image, t->actor)) {
        return true;
    }
    read_access_takers(t->mem, waiver, &takers);
    for (size_t i = 0; i < takers.len; i++) {
        if (read_access_is_taker(image, t->actor, takers.at[i].kind, takers.at[i].name)) {
            return true;
        }
    }
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];

        if (govern_waives_on(waiver, product)
            && read_access_is_owner(image, t->actor, product->address)) {
            return true;
        }
    }
    return false;
}

static void govern_put_waiver(struct task *t, const struct policy *waiver, struct json_out *o)
{
    struct access_takers takers;

    read_access_takers(t->mem, waiver, &takers);
    json_out_begin(o, "", '{');
    json_out_str(o, "waiver", waiver->id);
    json_out_str(o, "waives", waiver->waives);
    json_out_begin(o, "to", '[');
    for (size_t i = 0; i < takers.len; i++) {
        json_out_str(o, "",
                     arena_format(t->mem, "%s:%.*s", access_request_taker_name(takers.at[i].kind),
                                  STR_ARG(takers.at[i].name)));
    }
    json_out_end(o, ']');
    json_out_str(o, "approver", waiver->approver);
    json_out_maybe(o, "reason", waiver->reason);
    json_out_time(o, "until", waiver->until_us);
    json_out_maybe(o, "domain", waiver->domain);
    json_out_str(o, "file", waiver->place.file);
    json_out_uint(o, "line", waiver->place.line);
    json_out_end(o, '}');
}

bool govern_report_waivers(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    int64_t now_us = clock_now_us();

    json_out_begin(o, "", '{');
    json_out_time(o, "at", now_us);
    json_out_begin(o, "waivers", '[');
    for (size_t i = 0; i < image->policies.len; i++) {
        const struct policy *waiver = &image->policies.at[i];

        if (waiver->effect == POLICY_WAIVE && (waiver->until_us == 0 || now_us < waiver->until_us)
            && govern_may_know_waiver(t, image, waiver)) {
            govern_put_waiver(t, waiver, o);
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return task_go_on(t);
}
