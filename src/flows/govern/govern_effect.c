/* What a request opens: decided as if it were approved. */
#include "clock/clock.h"
#include "govern_inside.h"
#include "user/user.h"

bool govern_reader(struct task *t, struct services *s, enum access_taker_kind kind, str taker,
                   str purpose, struct policy_actor *out)
{
    struct user *user;
    struct actor actor;

    switch (kind) {
    case ACCESS_PRODUCT:
        /* A build declares no purpose. */
        *out = (struct policy_actor){.name = taker, .is_product = true};
        return true;
    case ACCESS_GROUP:
        *out = (struct policy_actor){.purpose = purpose};
        vec_push(t->mem, &out->groups, taker);
        return true;
    case ACCESS_USER:
        break;
    }
    if (!user_find(t, s->db, taker, &user)) {
        return false;
    }
    if (user == NULL) {
        *out = (struct policy_actor){.name = taker, .purpose = purpose};
        return true;
    }
    if (!user_to_actor(t, user, purpose, &actor)) {
        return false;
    }
    actor_to_policy(&actor, out);
    return true;
}

void govern_tables_of(struct task *t, const struct image *image, const struct access_request *row,
                      struct govern_tables *out)
{
    str domain, name;

    (void)str_cut(row->product, '.', &domain, &name);
    const struct image_product *product = image_find_product(image, domain, name);
    for (size_t i = 0; product != NULL && i < product->tables.len; i++) {
        const struct image_table *table = &product->tables.at[i];

        if (table->contract != NULL && str_eq(table->contract->id, row->contract)
            && (row->table.len == 0 || str_eq(row->table, contract_table_plain(table->name)))) {
            vec_push(t->mem, out, table);
        }
    }
}

const char *govern_access(const struct decision *decision, uint32_t column_id)
{
    if (!decision->allowed) {
        return "denied";
    }
    for (size_t i = 0; i < decision->columns.len; i++) {
        if (decision->columns.at[i].id == column_id) {
            return policy_is_masked(&decision->columns.at[i]) ? "masked" : "visible";
        }
    }
    return "absent";
}

bool govern_matters(const struct decision *decision, const struct decision_reason *reason)
{
    return !decision->allowed || !str_eq(reason->effect, STR("deny")) || reason->column.len > 0;
}

void govern_put_reasons(const struct decision *decision, const char *key, const char *effect,
                        struct json_out *o)
{
    json_out_begin(o, key, '[');
    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (!str_eq(reason->effect, str_of(effect)) || !govern_matters(decision, reason)) {
            continue;
        }
        json_out_begin(o, "", '{');
        json_out_str(o, "policy", reason->policy);
        json_out_str(o, "effect", reason->effect);
        json_out_str(o, "text", reason->text);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

static bool govern_put_weight(struct task *t, struct services *s, const struct image *image,
                              const struct image_table *table, const struct decision *decision,
                              struct json_out *o)
{
    struct gate_weight weight;

    if (!gate_weigh(t, s->gate, table, decision, &weight)) {
        return false;
    }
    json_out_uint(o, "classes", weight.classes.len);
    json_out_uint(o, "copies_to_make", weight.copies - weight.copies_there);
    json_out_uint(o, "copies_there", weight.copies_there);
    /* Sizes speak of rows: for those who see them all. */
    if (gate_is_clear(t, image, table)) {
        json_out_uint(o, "bytes_to_read", weight.bytes_to_read);
    } else {
        json_out_null(o, "bytes_to_read");
    }
    return true;
}

static void govern_put_columns(const struct image_table *table, const struct decision *decision,
                               struct json_out *o)
{
    static const char *const states[] = {"visible", "masked", "absent", "denied"};

    for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
        json_out_begin(o, states[k], '[');
        for (size_t i = 0; i < table->columns.len; i++) {
            const struct image_column *column = &table->columns.at[i];

            if (str_eq(str_of(govern_access(decision, column->id)), str_of(states[k]))) {
                json_out_str(o, "", column->name);
            }
        }
        json_out_end(o, ']');
    }
}

static bool govern_put_table(struct task *t, struct services *s, const struct image *image,
                             const struct access_request *row, const struct policies *policies,
                             const struct image_table *table, str purpose, struct json_out *o)
{
    struct policy_actor reader;
    struct policy_table as_seen;
    struct decision decision;
    int64_t now_us = clock_now_us();

    if (!govern_reader(t, s, row->taker_kind, row->taker, purpose, &reader)) {
        return false;
    }
    /* Of one whose end is near or past it is still told what it says. */
    image_policy_table(t->mem, table, &as_seen);
    policy_decide(t->mem, policies, &reader, &as_seen,
                  now_us < row->until_us ? now_us : row->until_us - 1, &decision);
    json_out_begin(o, "", '{');
    json_out_str(o, "table", image_table_address(t->mem, table));
    json_out_maybe(o, "purpose", row->taker_kind == ACCESS_PRODUCT ? STR_NONE : purpose);
    json_out_bool(o, "allowed", decision.allowed);
    govern_put_columns(table, &decision, o);
    json_out_str(o, "rows", decision.filters.len > 0 ? STR("filtered") : STR("all"));
    govern_put_reasons(&decision, "filters", "filter", o);
    govern_put_reasons(&decision, "masks", "mask", o);
    govern_put_reasons(&decision, "denials", "deny", o);
    bool ok = govern_put_weight(t, s, image, table, &decision, o);
    json_out_end(o, '}');
    return ok;
}

bool govern_put_effect(struct task *t, struct services *s, const struct image *image,
                       const struct access_request *row, struct json_out *o)
{
    struct policies policies = image->policies;
    struct govern_tables tables = {0};
    size_t purposes = row->taker_kind == ACCESS_PRODUCT ? 1 : row->purposes.len;

    /* The list is the image's: what is added goes to memory of our own. */
    policies.cap = policies.len;
    image_add_agreement(t->mem, &policies, row);
    govern_tables_of(t, image, row, &tables);
    json_out_begin(o, "effect", '[');
    for (size_t i = 0; i < tables.len; i++) {
        for (size_t j = 0; j < purposes; j++) {
            if (!govern_put_table(t, s, image, row, &policies, tables.at[i], row->purposes.at[j],
                                  o)) {
                return false;
            }
        }
    }
    json_out_end(o, ']');
    return true;
}
