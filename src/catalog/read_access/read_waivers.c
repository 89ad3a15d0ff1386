/* Waivers: named exceptions to a policy, each with an approver, a reason and an end. */
#include "read_access/read_access.h"

/* May it concern tables of this product? Labels may narrow it further. */
static bool waives_on(const struct policy *waiver, const struct image_product *product)
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

static bool may_know(struct arena *mem, const struct image *image, const struct actor *actor,
                     const struct policy *waiver)
{
    struct access_takers takers;

    if (read_access_governs(image, actor)) {
        return true;
    }
    read_access_takers(mem, waiver, &takers);
    for (size_t i = 0; i < takers.len; i++) {
        if (read_access_is_taker(image, actor, takers.at[i].kind, takers.at[i].name)) {
            return true;
        }
    }
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];

        if (waives_on(waiver, product) && read_access_is_owner(image, actor, product->address)) {
            return true;
        }
    }
    return false;
}

static void put_waiver(struct arena *mem, const struct policy *waiver, int64_t now_us,
                       struct json_out *o)
{
    struct access_takers takers;

    read_access_takers(mem, waiver, &takers);
    json_out_begin(o, "", '{');
    json_out_str(o, "waiver", waiver->id);
    json_out_str(o, "waives", waiver->waives);
    json_out_begin(o, "to", '[');
    for (size_t i = 0; i < takers.len; i++) {
        json_out_str(o, "",
                     arena_format(mem, "%s:%.*s", access_request_taker_name(takers.at[i].kind),
                                  STR_ARG(takers.at[i].name)));
    }
    json_out_end(o, ']');
    json_out_str(o, "approver", waiver->approver);
    json_out_maybe(o, "reason", waiver->reason);
    json_out_time(o, "until", waiver->until_us);
    json_out_bool(o, "ended", waiver->until_us != 0 && now_us >= waiver->until_us);
    json_out_maybe(o, "domain", waiver->domain);
    json_out_str(o, "file", waiver->place.file);
    json_out_uint(o, "line", waiver->place.line);
    json_out_end(o, '}');
}

void read_access_put_waivers(struct arena *mem, const struct image *image,
                             const struct actor *actor, int64_t now_us, bool with_ended,
                             struct json_out *o)
{
    json_out_begin(o, "waivers", '[');
    for (size_t i = 0; i < image->policies.len; i++) {
        const struct policy *waiver = &image->policies.at[i];
        bool has_ended = waiver->until_us != 0 && now_us >= waiver->until_us;

        if (waiver->effect == POLICY_WAIVE && (with_ended || !has_ended)
            && may_know(mem, image, actor, waiver)) {
            put_waiver(mem, waiver, now_us, o);
        }
    }
    json_out_end(o, ']');
}
