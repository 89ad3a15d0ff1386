#include "query_inside.h"

static bool query_any_of(const struct str_list *tags, const struct str_list *listed)
{
    for (size_t i = 0; i < tags->len; i++) {
        if (str_list_has(listed, tags->at[i])) {
            return true;
        }
    }
    return false;
}

static bool query_any_label(const struct policy_labels *labels, const struct str_list *listed)
{
    for (size_t i = 0; i < labels->len; i++) {
        if (str_list_has(listed, labels->at[i].text)) {
            return true;
        }
    }
    return false;
}

/* Tags and classifications, of the table and of any of its columns and their fields. */
static bool query_has_tag(struct arena *mem, const struct image_table *table,
                          const struct str_list *listed)
{
    struct policy_table as_seen;

    if (listed->len == 0) {
        return false;
    }
    image_policy_table(mem, table, &as_seen);
    for (size_t i = 0; i < as_seen.column_count; i++) {
        const struct policy_column *column = &as_seen.columns[i];

        if (query_any_label(&column->labels, listed)) {
            return true;
        }
        for (size_t j = 0; j < column->field_count; j++) {
            if (query_any_label(&column->fields[j].labels, listed)) {
                return true;
            }
        }
    }
    return query_any_of(&as_seen.tags, listed);
}

/* Rows of a source tell of all that is made of them. */
static bool query_lists_table(struct arena *mem, const struct image_table *table,
                              const struct str_list *listed)
{
    if (table->quarantine != NULL && table->quarantine->is_input) {
        for (size_t i = 0; i < listed->len; i++) {
            if (str_starts(listed->at[i],
                           arena_format(mem, "%.*s.", STR_ARG(table->product->address)))) {
                return true;
            }
        }
    }
    return str_list_has(listed, arena_format(mem, "%.*s.%.*s", STR_ARG(table->product->address),
                                             STR_ARG(contract_table_plain(table->name))));
}

/* A text that was refused before its names meant anything may speak of any table. */
static bool query_is_redacted(struct task *t, const struct query *q)
{
    const struct image *image =
        q->clear != NULL ? q->clear->image : image_pin(t, q->services->images);

    if (image->model == NULL || !image->model->mesh.audit.redacts) {
        return false;
    }
    const struct str_list *tables = &image->model->mesh.audit.tables;
    const struct str_list *tags = &image->model->mesh.audit.tags;
    if (q->clear == NULL || !q->clear->is_whole || (tables->len == 0 && tags->len == 0)) {
        return true;
    }
    for (size_t i = 0; i < q->clear->tables.len; i++) {
        const struct image_table *table = q->clear->tables.at[i].table;

        if (table != NULL
            && (query_lists_table(t->mem, table, tables) || query_has_tag(t->mem, table, tags))) {
            return true;
        }
    }
    return false;
}

str query_recorded_text(struct task *t, const struct query *q)
{
    return query_is_redacted(t, q) ? sql_redact(t->mem, q->text) : q->text;
}

static bool query_names_policy(const struct query_row_table *table,
                               const struct decision_reason *reason)
{
    for (size_t i = 0; i < table->policies.len; i++) {
        if (str_eq(table->policies.at[i].policy, reason->policy)
            && str_eq(table->policies.at[i].effect, reason->effect)) {
            return true;
        }
    }
    return false;
}

void query_describe_policies(struct arena *mem, const struct decision *decision,
                             struct query_row_table *out)
{
    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (!query_names_policy(out, reason)) {
            vec_push(
                mem, &out->policies,
                ((struct query_row_policy){.effect = reason->effect, .policy = reason->policy}));
        }
    }
}
