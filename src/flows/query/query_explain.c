#include "query/query_explain.h"

#include "actor/actor.h"
#include "clock/clock.h"
#include "query_inside.h"

static void explain_reason(const struct decision_reason *reason, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "policy", reason->policy);
    json_out_str(o, "text", reason->text);
    json_out_maybe(o, "column", reason->column);
    json_out_maybe(o, "file", reason->place.file);
    if (reason->place.file.len > 0) {
        json_out_uint(o, "line", reason->place.line);
    } else {
        json_out_null(o, "line");
    }
    json_out_end(o, '}');
}

/* Those of one effect; of one column where there is one. */
static void explain_reasons(const struct decision *decision, const char *key, const char *effect,
                            str column, struct json_out *o)
{
    json_out_begin(o, key, '[');
    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (str_eq(reason->effect, str_of(effect)) && (column.len > 0) == (reason->column.len > 0)
            && (column.len == 0 || str_eq(reason->column, column)
                || (str_starts(reason->column, column)
                    && str_starts(str_from(reason->column, column.len), STR("."))))) {
            explain_reason(reason, o);
        }
    }
    json_out_end(o, ']');
}

static const struct decision_column *explain_find(const struct decision *decision, uint32_t id)
{
    for (size_t i = 0; i < decision->columns.len; i++) {
        if (decision->columns.at[i].id == id) {
            return &decision->columns.at[i];
        }
    }
    return NULL;
}

static void explain_column(struct task *t, const struct gate_explained *table,
                           const struct image_column *column, struct json_out *o)
{
    const struct decision *decision = table->decision;
    const struct decision_column *shown = explain_find(decision, column->id);

    json_out_begin(o, "", '{');
    json_out_str(o, "name", column->name);
    json_out_str(o, "type", column->type);
    json_out_bool(o, "is_read", str_list_has(&table->columns_read, column->name));
    json_out_str(o, "access",
                 shown == NULL             ? STR("denied")
                 : policy_is_masked(shown) ? STR("masked")
                                           : STR("visible"));
    json_out_maybe(o, "shows",
                   shown != NULL && shown->mask.method != MASK_NONE
                       ? policy_mask_text(t->mem, &shown->mask)
                       : STR_NONE);
    json_out_maybe(o, "method",
                   shown != NULL && shown->mask.method != MASK_NONE
                       ? str_of(mask_method_name(shown->mask.method))
                       : STR_NONE);
    explain_reasons(decision, "masked_by", "mask", column->name, o);
    explain_reasons(decision, "denied_by", "deny", column->name, o);
    json_out_end(o, '}');
}

static void explain_number(struct json_out *o, const char *key, bool is_told, uint64_t number)
{
    if (is_told) {
        json_out_uint(o, key, number);
    } else {
        json_out_null(o, key);
    }
}

/* How many files a table has, and how many of them hold no row of his, speaks of rows that a filter hides, and their bytes of all that
 * is hidden: for those who see it, and for the operator, who has the files. */
static void explain_files(struct task *t, const struct image *image,
                          const struct gate_explained *table, struct json_out *o)
{
    const struct gate_weight *weight = &table->weight;
    bool is_operator = t->actor->on_behalf.len > 0;
    bool sees_rows = is_operator || table->decision->filters.len == 0;

    json_out_begin(o, "cleared_files", '{');
    explain_number(o, "files", sees_rows, weight->files);
    explain_number(o, "as_they_are", sees_rows, weight->originals);
    explain_number(o, "all_hidden", sees_rows, weight->hidden);
    json_out_uint(o, "copies", weight->copies_there);
    json_out_uint(o, "copy_bytes", weight->bytes_there);
    json_out_uint(o, "to_be_made", weight->copies - weight->copies_there);
    explain_number(o, "bytes_to_read", is_operator || gate_is_clear(t, image, table->table),
                   weight->bytes_to_read);
    json_out_list(o, "classes", &weight->classes);
    json_out_end(o, '}');
}

static void explain_table(struct task *t, const struct image *image,
                          const struct gate_explained *table, struct json_out *o)
{
    const struct decision *decision = table->decision;

    json_out_begin(o, "", '{');
    json_out_str(o, "table",
                 arena_format(t->mem, "%.*s%s%.*s.%.*s", STR_ARG(table->catalog),
                              table->catalog.len ? "." : "", STR_ARG(table->schema),
                              STR_ARG(table->name)));
    if (decision == NULL) {
        json_out_str(o, "access", STR("discoverable rows"));
        json_out_end(o, '}');
        return;
    }
    if (table->release > 0) {
        json_out_uint(o, "release", table->release);
    } else {
        json_out_null(o, "release");
    }
    json_out_str(o, "access", decision->allowed ? STR("granted") : STR("denied"));
    json_out_uint(o, "policy_version", decision->policy_version);
    json_out_time(o, "until", decision->until_us);
    explain_reasons(decision, "granted_by", "grant", STR_NONE, o);
    explain_reasons(decision, "denied_by", "deny", STR_NONE, o);
    explain_reasons(decision, "filtered_by", "filter", STR_NONE, o);
    explain_reasons(decision, "waived_by", "waive", STR_NONE, o);
    json_out_begin(o, "columns", '[');
    for (size_t i = 0; i < table->table->columns.len; i++) {
        explain_column(t, table, &table->table->columns.at[i], o);
    }
    json_out_end(o, ']');
    explain_files(t, image, table, o);
    json_out_end(o, '}');
}

bool query_explain(struct task *t, struct services *s, str text, struct json_out *o)
{
    struct gate_explanation explanation = {0};
    struct worker *worker;
    struct sql_tree *tree;
    int64_t deadline_ms = clock_monotonic_ms() + CONFIG_INT(s->config, query_timeout_ms);

    t->deadline_ms =
        t->deadline_ms == 0 || t->deadline_ms > deadline_ms ? deadline_ms : t->deadline_ms;
    if (!query_has_purpose(t, s)
        || !engine_lend(t, s->engine, WORKER_CONSUMER, actor_key(t->mem, t->actor),
                        (struct engine_reach){0}, &worker)
        || !gate_parse(t, worker, text, &tree) || !gate_explain(t, s->gate, tree, &explanation)) {
        return false;
    }
    engine_return(t, worker);
    json_out_begin(o, "", '{');
    json_out_str(o, "actor", t->actor->name);
    json_out_maybe(o, "on_behalf", t->actor->on_behalf);
    json_out_list(o, "groups", &t->actor->groups);
    json_out_maybe(o, "purpose", t->actor->purpose);
    json_out_begin(o, "tables", '[');
    for (size_t i = 0; i < explanation.tables.len; i++) {
        explain_table(t, explanation.image, &explanation.tables.at[i], o);
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}
