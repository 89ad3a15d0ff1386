/* What a policy does, read: grant, deny, filter, mask, require, waive. */
#include "policy/policy_inside.h"

void policy_read_grant(struct policy_reader *r, const struct tree *node)
{
    struct policy *policy = r->policy;
    const struct tree *columns = tree_find(node, STR("columns"));
    policy->contract = tree_find_text(node, STR("contract"));
    policy->role = tree_find_text(node, STR("role"));
    policy_read_addresses(r, &policy->selector.products, tree_find(node, STR("product")), 2);
    policy_read_addresses(r, &policy->selector.products, tree_find(node, STR("products")), 2);
    policy_read_addresses(r, &policy->selector.tables, tree_find(node, STR("tables")), 3);
    policy_read_scope(r, node, &policy->selector.products, false);
    policy_read_scope(r, node, &policy->selector.tables, false);
    policy_read_purposes(r, node);
    policy_read_until(r, tree_find(node, STR("until")));
    if (policy->contract.len == 0 && policy->selector.products.len == 0
        && policy->selector.tables.len == 0) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, node, "this grant opens nothing");
        f->hint = STR("name a contract by its id, products or tables");
    }
    if (columns) {
        policy->is_of_columns = true;
        policy_read_selector(r, columns);
    }
    const struct tree *to = tree_find(node, STR("to"));
    if (!policy_read_takers(r, to)) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, to, "this grant is given to nobody");
        f->allowed = STR("users, groups, products");
    }
}

void policy_read_deny(struct policy_reader *r, const struct tree *node)
{
    const struct tree *columns = tree_find(node, STR("columns"));
    const struct tree *tables = tree_find(node, STR("tables"));
    const struct tree *to = tree_find(node, STR("to"));
    if ((columns != NULL) == (tables != NULL)) {
        struct finding *f = shape_error(r->mem, r->file, r->report, node,
                                        "a denial speaks of tables or of columns");
        f->allowed = STR("tables, or columns");
        return;
    }
    r->policy->is_of_columns = columns != NULL;
    policy_read_selector(r, columns ? columns : tables);
    policy_read_except(r, tree_find(node, STR("except")));
    policy_read_purposes(r, node);
    if (!policy_read_takers(r, to) && to) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, to, "this denial is given to nobody");
        f->hint = STR("leave `to` out to deny everybody");
    }
}

/* The place of a finding inside of the text of a scalar. */
static void expression_error(struct policy_reader *r, const struct tree *node,
                             const struct expression_error *error)
{
    struct finding *f = shape_error(r->mem, r->file, r->report, node, STR_FMT " (character %u)",
                                    STR_ARG(error->message), error->position);
    f->found = node->text;
    f->hint = error->hint;
}

void policy_read_filter(struct policy_reader *r, const struct tree *node)
{
    struct expression_error error;
    policy_read_selector(r, tree_find(node, STR("tables")));
    policy_read_except(r, tree_find(node, STR("except")));
    const struct tree *where = tree_find(node, STR("where"));
    r->policy->where = where->text;
    r->policy->condition = policy_expression_parse(r->mem, where->text, false, &error);
    if (!r->policy->condition)
        expression_error(r, where, &error);
}

/* ---- masks */

static void read_count(struct policy_reader *r, const struct tree *with, const char *key,
                       uint32_t *out)
{
    const struct tree *node = tree_find(with, str_of(key));
    int64_t number;
    if (!node)
        return;
    if (tree_is_int(node, &number) && number >= 0 && number <= 1000) {
        *out = (uint32_t)number;
    } else {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, node, "this is no number of characters");
        f->found = node->text;
        f->allowed = STR("0 to 1000");
    }
}

static str read_number(struct policy_reader *r, const struct tree *node)
{
    double number;
    if (tree_is_number(node, &number))
        return node->text;
    shape_error(r->mem, r->file, r->report, node, "this is no number")->found = node->text;
    return STR("1");
}

static void need(struct policy_reader *r, const struct tree *with, const char *method,
                 const char *keys)
{
    struct finding *f =
        shape_error(r->mem, r->file, r->report, with, "method %s needs one of: %s", method, keys);
    f->hint = STR("docs/policies.md shows each method");
}

/* A key that the method does not read would be ignored. */
static void refuse_others(struct policy_reader *r, const struct tree *with, const char *method,
                          const char *keys)
{
    for (size_t i = 0; i < with->len; i++) {
        str key = with->at[i]->key;
        if (str_eq(key, STR("method")) || shape_has_word(keys, key))
            continue;
        struct finding *f = shape_key_error(r->mem, r->file, r->report, with->at[i],
                                            "method %s takes no " STR_FMT, method, STR_ARG(key));
        if (keys[0])
            f->allowed = shape_words_text(r->mem, keys);
    }
}

static void read_bucket(struct policy_reader *r, const struct tree *with, struct policy_mask *mask)
{
    const struct tree *width = tree_find(with, STR("width"));
    const struct tree *bounds = tree_find(with, STR("bounds"));
    double before = 0, now;
    if ((width != NULL) == (bounds != NULL)) {
        need(r, with, "bucket", "width, bounds");
        return;
    }
    if (width) {
        mask->width = read_number(r, width);
        if (!str_to_f64(mask->width, &now) || now <= 0)
            shape_error(r->mem, r->file, r->report, width, "a width is more than zero");
    }
    for (size_t i = 0; bounds && i < bounds->len; i++) {
        str bound = read_number(r, bounds->at[i]);
        if (str_to_f64(bound, &now) && i && now <= before)
            shape_error(r->mem, r->file, r->report, bounds->at[i], "bounds ascend");
        before = now;
        vec_push(r->mem, &mask->bounds, bound);
    }
}

static void read_expression(struct policy_reader *r, const struct tree *with,
                            struct policy_mask *mask)
{
    const struct tree *node = tree_find(with, STR("expression"));
    struct expression_error error;
    if (!node) {
        need(r, with, "sql", "expression");
        return;
    }
    mask->expression = policy_expression_parse(r->mem, node->text, true, &error);
    if (!mask->expression)
        expression_error(r, node, &error);
}

static void read_method(struct policy_reader *r, const struct tree *with, struct policy_mask *mask)
{
    static const char *const keys[] = {
        [MASK_SQL] = "expression", [MASK_PARTIAL] = "keepFirst keepLast",
        [MASK_TRUNCATE] = "unit",  [MASK_BUCKET] = "width bounds",
        [MASK_HASH] = "",          [MASK_CONSTANT] = "value",
        [MASK_NULL] = ""};
    const struct tree *method = tree_get(with, STR("method")), *node;
    /* `method: null` is a null of YAML; people mean the word. */
    bool is_null = method->kind == TREE_NULL || tree_is_null(method);
    for (enum mask_method m = MASK_SQL; m <= MASK_NULL; m++)
        if (str_eq(is_null ? STR("null") : method->text, str_of(mask_method_name(m))))
            mask->method = m;
    refuse_others(r, with, mask_method_name(mask->method), keys[mask->method]);
    switch (mask->method) {
    case MASK_PARTIAL:
        if (!tree_find(with, STR("keepFirst")) && !tree_find(with, STR("keepLast")))
            need(r, with, "partial", "keepFirst, keepLast");
        read_count(r, with, "keepFirst", &mask->keep_first);
        read_count(r, with, "keepLast", &mask->keep_last);
        break;
    case MASK_TRUNCATE:
        node = tree_find(with, STR("unit"));
        mask->unit = node ? node->text : STR("1");
        double number;
        if (!node)
            need(r, with, "truncate", "unit");
        else if (!policy_is_time_unit(node->text)
                 && (!str_to_f64(node->text, &number) || number <= 0)) {
            struct finding *f = shape_error(r->mem, r->file, r->report, node, "this is no unit");
            f->found = node->text;
            f->allowed =
                STR("of dates and times: year, quarter, month, week, day, hour, minute; of "
                    "numbers: a step as 100; of texts: a number of characters");
        }
        break;
    case MASK_BUCKET:
        read_bucket(r, with, mask);
        break;
    case MASK_CONSTANT:
        node = tree_find(with, STR("value"));
        mask->value = node ? node->text : STR_NONE;
        if (!node) {
            need(r, with, "constant", "value");
            r->report->at[r->report->len - 1].hint = STR("for NULL take the method null");
        }
        break;
    case MASK_SQL:
        read_expression(r, with, mask);
        break;
    case MASK_HASH:
    case MASK_NULL:
    case MASK_NONE:
        break;
    }
}

void policy_read_mask(struct policy_reader *r, const struct tree *node)
{
    policy_read_selector(r, tree_find(node, STR("columns")));
    policy_read_except(r, tree_find(node, STR("except")));
    read_method(r, tree_find(node, STR("with")), &r->policy->mask);
}

/* ---- the others */

void policy_read_require(struct policy_reader *r, const struct tree *node)
{
    r->policy->query = tree_find_text(node, STR("query"));
    r->policy->message = tree_find_text(node, STR("message"));
    r->policy->is_warning = str_eq(tree_find_text(node->parent, STR("severity")), STR("warning"));
}

void policy_read_waive(struct policy_reader *r, const struct tree *node)
{
    struct policy *policy = r->policy;
    const struct tree *tables = tree_find(node, STR("tables"));
    const struct tree *approver = tree_find(node, STR("approver"));
    policy->waives = tree_find_text(node, STR("policy"));
    policy->reason = tree_find_text(node, STR("reason"));
    policy->approver = approver->text;
    policy_read_until(r, tree_find(node, STR("until")));
    if (tables)
        policy_read_selector(r, tables);
    if (!shape_is_principal(policy->approver) || str_starts(policy->approver, STR("group:"))) {
        struct finding *f =
            shape_error(r->mem, r->file, r->report, approver, "a waiver is approved by a person");
        f->found = policy->approver;
        f->allowed = STR("user:NAME");
    }
    if (!policy_read_takers(r, tree_find(node, STR("to")))) {
        struct finding *f = shape_error(r->mem, r->file, r->report, tree_find(node, STR("to")),
                                        "this waiver is given to nobody");
        f->allowed = STR("users, groups, products");
    }
}
