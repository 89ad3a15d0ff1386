/* Which columns gain or lose a label by lineage, and whom that concerns. */
#include "buf/buf.h"
#include "plan_inside.h"

static const struct image_column *plan_image_column(const struct image *image,
                                                    const struct label *label)
{
    const struct image_product *product =
        image->model != NULL
            ? image_find_product(image, label->product->domain->name, label->product->name)
            : NULL;
    const struct image_table *table =
        product != NULL ? image_find_table(product, label->table->name) : NULL;

    for (size_t i = 0; table != NULL && i < table->columns.len; i++) {
        if (str_eq(table->columns.at[i].name, label->column->name)) {
            return &table->columns.at[i];
        }
    }
    return NULL;
}

static bool plan_has_label(const struct policy_labels *labels, bool is_tag, str text)
{
    for (size_t i = 0; i < labels->len; i++) {
        const struct policy_label *label = &labels->at[i];

        if (label->is_tag == is_tag && str_eq(label->text, text)) {
            return true;
        }
    }
    return false;
}

static bool plan_selects(const struct policy *policy, bool is_tag, str text)
{
    return str_list_has(is_tag ? &policy->selector.tags : &policy->selector.classifications, text);
}

/* Policies that speak of the label, and those who hold a grant on the contract. */
static str plan_concerned(struct task *t, const struct model *model, str contract, bool is_tag,
                          str text)
{
    struct str_list masks = {0}, takers = {0};
    struct buf *b = buf_new(t->mem, PLAN_DETAIL_BYTES_MAX);

    for (size_t i = 0; i < model->policies.len; i++) {
        const struct policy *policy = &model->policies.at[i];

        if (policy->effect != POLICY_GRANT && plan_selects(policy, is_tag, text)) {
            str_list_add(t->mem, &masks,
                         arena_format(t->mem, "%s by %.*s", policy_effect_name(policy->effect),
                                      STR_ARG(policy->id)));
        } else if (policy->effect == POLICY_GRANT && str_eq(policy->contract, contract)) {
            const struct str_list *lists[] = {&policy->to_users, &policy->to_groups,
                                              &policy->to_products};
            static const char *const kinds[] = {"user", "group", "product"};

            for (size_t k = 0; k < 3; k++) {
                for (size_t j = 0; j < lists[k]->len; j++) {
                    str_list_add(
                        t->mem, &takers,
                        arena_format(t->mem, "%s:%.*s", kinds[k], STR_ARG(lists[k]->at[j])));
                }
            }
        }
    }
    buf_format(b, "%s%.*s", masks.len ? "; " : "",
               STR_ARG(str_list_join(t->mem, &masks, STR(", "))));
    if (masks.len > 0 && takers.len > 0) {
        buf_format(b, "; read by %.*s", STR_ARG(str_list_join(t->mem, &takers, STR(", "))));
    }
    return buf_str(b);
}

static void plan_label_change(struct task *t, struct plan *p, enum plan_action action, str address,
                              str file, str detail)
{
    vec_push(t->mem, &p->changes,
             ((struct plan_change){.action = action,
                                   .kind = STR("label"),
                                   .name = address,
                                   .file = file,
                                   .detail = detail}));
}

static str plan_label_text(struct task *t, const char *verb, bool is_tag, str text, str origin,
                           str concerned)
{
    return arena_format(t->mem, "%s %s%.*s from %.*s%.*s", verb, is_tag ? "tag " : "",
                        STR_ARG(text), STR_ARG(origin), STR_ARG(concerned));
}

static const struct contract *plan_contract_of(const struct label *label)
{
    const struct contract *contract = NULL;

    (void)model_find_table(label->product, label->table->name, &contract);
    return contract;
}

static void plan_gained(struct task *t, const struct image *image, const struct labels *labels,
                        struct plan *p)
{
    for (size_t i = 0, len; i < labels->len; i += len) {
        const struct label *label = &labels->at[i];
        const struct image_column *before;
        const struct contract *contract;

        len = labels_same(labels, i);
        /* What the contract says already is a change of the contract, and told as one. */
        if (label->is_declared || labels_are_kept(labels, label->product)) {
            continue;
        }
        before = plan_image_column(image, label);
        contract = plan_contract_of(label);
        if (before != NULL && plan_has_label(&before->more, label->is_tag, label->text)) {
            continue;
        }
        plan_label_change(
            t, p, PLAN_ADDED,
            arena_format(
                t->mem, "%.*s.%.*s",
                STR_ARG(model_table_address(t->mem, label->product->address, label->table->name)),
                STR_ARG(label->column->name)),
            contract->file,
            plan_label_text(t, "gains", label->is_tag, label->text,
                            labels_origin(t->mem, labels, i, len),
                            plan_concerned(t, p->model, contract->id, label->is_tag, label->text)));
    }
}

/* Of a column that is still there. */
static void plan_lost_of(struct task *t, const struct labels *labels,
                         const struct image_table *table, const struct image_column *before,
                         const struct contract *contract, const struct contract_column *now,
                         struct plan *p)
{
    struct policy_labels left = {0}, told = {0};

    labels_of(t->mem, labels, now, &left);
    for (size_t i = 0; i < before->more.len; i++) {
        const struct policy_label *label = &before->more.at[i];

        if (!label_is_declared(now, label->is_tag, label->text)
            && !plan_has_label(&left, label->is_tag, label->text)
            && !plan_has_label(&told, label->is_tag, label->text)) {
            vec_push(t->mem, &told, *label);
            plan_label_change(t, p, PLAN_REMOVED,
                              arena_format(t->mem, "%.*s.%.*s",
                                           STR_ARG(image_table_address(t->mem, table)),
                                           STR_ARG(before->name)),
                              contract->file,
                              plan_label_text(t, "loses", label->is_tag, label->text, label->origin,
                                              plan_concerned(t, p->model, contract->id,
                                                             label->is_tag, label->text)));
        }
    }
}

static void plan_lost(struct task *t, const struct image *image, const struct labels *labels,
                      struct plan *p)
{
    for (size_t i = 0; image->model != NULL && i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];
        const struct model_product *now = labels_are_kept(labels, product->definition)
                                            ? NULL
                                            : model_find_product(p->model, product->address);

        for (size_t j = 0; now != NULL && j < product->tables.len; j++) {
            const struct image_table *table = &product->tables.at[j];
            const struct contract *contract = NULL;
            const struct contract_table *definition = model_find_table(now, table->name, &contract);

            for (size_t k = 0; definition != NULL && k < table->columns.len; k++) {
                const struct contract_column *column =
                    contract_find_column(definition, table->columns.at[k].name);

                if (column != NULL) {
                    plan_lost_of(t, labels, table, &table->columns.at[k], contract, column, p);
                }
            }
        }
    }
}

void plan_compare_labels(struct task *t, const struct image *image, const struct labels *labels,
                         struct plan *p)
{
    plan_gained(t, image, labels, p);
    plan_lost(t, image, labels, p);
}
