/* Relationships: `to` of a property, `from` and `to` of a table. */
#include "contract/contract_inside.h"

#include "shape/shape.h"

struct relation_reader {
    struct contract_reader *r;
    struct contract_table *table;
    const struct contract_spot *spot; /* NULL: one of the table */
    const struct tree *node;
    size_t index;
};

/* A reference in its parts. */
struct reference {
    str file, table;
    struct str_list path; /* more than one: a property inside of others */
    bool has_ids;
};

static bool read_reference(struct contract_reader *r, str text, struct reference *out)
{
    str head, part, rest;
    *out = (struct reference){.has_ids = str_has(text, '/') || str_has(text, '#')};
    if (!out->has_ids) {
        (void)str_cut(text, '.', &out->table, &rest);
        while (rest.len) {
            (void)str_cut(rest, '.', &part, &rest);
            vec_push(r->mem, &out->path, part);
        }
        return out->path.len > 0;
    }
    if (str_cut(text, '#', &head, &rest)) {
        out->file = head;
        text = rest;
    }
    if (str_starts(text, STR("/")))
        text = str_from(text, 1);
    for (size_t i = 0; text.len; i++) {
        (void)str_cut(text, '/', &part, &text);
        if (i % 2 == 0)
            continue; /* `schema`, `properties`: a finding of the shape where it is something else */
        if (i == 1)
            out->table = part;
        else
            vec_push(r->mem, &out->path, part);
    }
    return out->table.len && out->path.len;
}

const struct contract_table *contract_refer_table(const struct contract *contract, bool has_ids,
                                                  str name)
{
    for (size_t i = 0; has_ids && i < contract->tables.len; i++)
        if (str_eq(contract->tables.at[i].id, name))
            return &contract->tables.at[i];
    return contract_find_table(contract, name);
}

const struct contract_column *contract_refer_column(const struct contract_table *table,
                                                    bool has_ids, str name)
{
    for (size_t i = 0; has_ids && i < table->columns.len; i++)
        if (str_eq(table->columns.at[i].id, name))
            return &table->columns.at[i];
    return contract_find_column(table, name);
}

static bool nothing_there(struct relation_reader *q, const struct tree *node, const char *what)
{
    struct finding *f = contract_error(q->r, node, "there is no such %s in this contract", what);
    f->found = shape_found(q->r->mem, node);
    f->allowed = STR("TABLE.COLUMN of this contract, or FILE.odcs.yaml#/schema/ID/properties/ID");
    return false;
}

/* One end of the relationship in this contract: its column. */
static const struct contract_column *find_own(struct relation_reader *q, const struct tree *node,
                                              const struct reference *reference,
                                              const struct contract_table **table_out)
{
    *table_out = contract_refer_table(q->r->contract, reference->has_ids, reference->table);
    if (!*table_out) {
        nothing_there(q, node, "table");
        return NULL;
    }
    const struct contract_column *column =
        contract_refer_column(*table_out, reference->has_ids, reference->path.at[0]);
    if (!column)
        nothing_there(q, node, "column");
    return column;
}

static bool add_target(struct relation_reader *q, struct contract_rule *rule,
                       const struct tree *node)
{
    struct contract_relation *relation = &rule->relation;
    const struct contract_table *table;
    struct reference reference;
    if (node->kind != TREE_SCALAR || !read_reference(q->r, node->text, &reference))
        return false; /* a finding of the shape */
    if (reference.path.len > 1) {
        contract_warning(q->r, node,
                         "a relationship to a property inside of another one is not checked");
        return false;
    }
    str column = reference.path.at[0];
    if (!reference.file.len) {
        const struct contract_column *found = find_own(q, node, &reference, &table);
        if (!found)
            return false;
        reference.table = table->name;
        reference.has_ids = false;
        column = found->name;
    }
    if (relation->columns.len
        && (!str_eq(relation->table, reference.table) || !str_eq(relation->file, reference.file))) {
        contract_error(q->r, node, "all columns of a key are of one table");
        return false;
    }
    relation->file = reference.file;
    relation->has_ids = reference.has_ids;
    relation->table = reference.table;
    vec_push(q->r->mem, &relation->columns, column);
    return true;
}

static bool add_source(struct relation_reader *q, struct contract_rule *rule,
                       const struct tree *node)
{
    const struct contract_table *table;
    struct reference reference;
    if (node->kind != TREE_SCALAR || !read_reference(q->r, node->text, &reference))
        return false; /* a finding of the shape */
    if (reference.file.len || reference.path.len > 1) {
        struct finding *f = contract_error(q->r, node, "from names columns of this table");
        f->found = shape_found(q->r->mem, node);
        return false;
    }
    const struct contract_column *column = find_own(q, node, &reference, &table);
    if (!column)
        return false;
    if (table != q->table) {
        struct finding *f = contract_error(q->r, node, "from names columns of this table");
        f->found = shape_found(q->r->mem, node);
        f->allowed = arena_format(q->r->mem, STR_FMT ".COLUMN", STR_ARG(q->table->name));
        return false;
    }
    vec_push(q->r->mem, &rule->columns, column->name);
    return true;
}

/* A text, or each of a list. */
static bool for_each(struct relation_reader *q, struct contract_rule *rule, const struct tree *node,
                     bool (*add)(struct relation_reader *, struct contract_rule *,
                                 const struct tree *))
{
    if (!node || node->kind != TREE_LIST)
        return node && add(q, rule, node);
    for (size_t i = 0; i < node->len; i++)
        if (!add(q, rule, node->at[i]))
            return false;
    return node->len > 0;
}

static str target_text(struct arena *mem, const struct contract_relation *relation)
{
    str columns = str_list_join(mem, &relation->columns, STR(", "));
    bool is_pair = relation->columns.len > 1;
    return arena_format(mem, STR_FMT "%s" STR_FMT "%s" STR_FMT "%s", STR_ARG(relation->file),
                        relation->file.len ? " " : "", STR_ARG(relation->table),
                        is_pair ? " (" : ".", STR_ARG(columns), is_pair ? ")" : "");
}

static void read_relation(struct relation_reader *q)
{
    struct arena *mem = q->r->mem;
    const struct tree *custom = tree_find(q->node, STR("customProperties"));
    struct contract_rule rule = {
        .kind = RULE_RELATIONSHIP, .dimension = STR("consistency"), .source = q->node};
    rule.effect = contract_on_failure(q->r, custom, RULE_REJECTS);
    if ((!q->spot && !for_each(q, &rule, tree_find(q->node, STR("from")), add_source))
        || !for_each(q, &rule, tree_find(q->node, STR("to")), add_target))
        return;
    size_t columns = q->spot ? 1 : rule.columns.len;
    if (columns != rule.relation.columns.len) {
        struct finding *f = contract_error(q->r, q->node, "from and to differ in length");
        f->found = arena_format(mem, "%zu and %zu", columns, rule.relation.columns.len);
        return;
    }
    rule.relation.text = target_text(mem, &rule.relation);
    struct contract_rule *kept = contract_add_schema_rule(q->r, q->table, rule, q->spot);
    kept->id = arena_format(mem, STR_FMT ".%zu", STR_ARG(kept->id), q->index);
    kept->place = tree_place(mem, q->r->file, q->node);
    kept->name = contract_rule_text(mem, kept);
}

static void read_relations(struct contract_reader *r, struct contract_table *table,
                           const struct contract_spot *spot, const struct tree *list)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (list->at[i]->kind == TREE_MAP)
            read_relation(&(struct relation_reader){
                .r = r, .table = table, .spot = spot, .node = list->at[i], .index = i});
}

void contract_relation_rules(struct contract_reader *r, struct contract_table *table)
{
    read_relations(r, table, NULL, tree_find(table->source, STR("relationships")));
    for (size_t i = 0; i < table->columns.len; i++) {
        struct contract_spots spots = {0};
        contract_spots(r, &table->columns.at[i], &spots);
        for (size_t j = 0; j < spots.len; j++)
            read_relations(r, table, &spots.at[j],
                           tree_find(spots.at[j].node, STR("relationships")));
    }
}
