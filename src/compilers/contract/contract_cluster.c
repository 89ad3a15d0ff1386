/* customProperties.clusterBy of a table: columns by which its rows are ordered in files. */
#include "contract/contract_inside.h"

enum { CLUSTER_COLUMNS_MAX = 8 };

bool contract_type_is_ordered(str type)
{
    static const char *const types[] = {
        "TINYINT",   "SMALLINT",    "INTEGER",      "BIGINT",       "UTINYINT",
        "USMALLINT", "UINTEGER",    "UBIGINT",      "HUGEINT",      "UHUGEINT",
        "VARCHAR",   "BOOLEAN",     "UUID",         "DATE",         "TIME",
        "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(type, str_of(types[i])))
            return true;
    return str_starts(type, STR("DECIMAL(")) && !str_ends(type, STR("]"));
}

static struct str_list column_names(struct arena *mem, const struct contract_table *table)
{
    struct str_list names = {0};
    for (size_t i = 0; i < table->columns.len; i++)
        vec_push(mem, &names, table->columns.at[i].name);
    return names;
}

static void read_name(struct contract_reader *r, struct contract_table *table,
                      const struct tree *node)
{
    if (node->kind != TREE_SCALAR)
        return; /* a finding of the custom property */
    const struct contract_column *column = contract_find_column(table, node->text);
    struct finding *f = NULL;
    if (!column) {
        struct str_list names = column_names(r->mem, table);
        str near = str_list_nearest(&names, node->text);
        f = contract_error(r, node, "clusterBy names no column of " STR_FMT, STR_ARG(table->name));
        f->found = node->text;
        f->allowed = str_list_join(r->mem, &names, STR(", "));
        if (near.len)
            f->hint = arena_format(r->mem, "did you mean " STR_FMT "?", STR_ARG(near));
    } else if (column->type.len && !contract_type_is_ordered(column->type)) {
        f = contract_error(r, node, "rows cannot be clustered by " STR_FMT " of type " STR_FMT,
                           STR_ARG(column->name), STR_ARG(column->type));
        f->allowed = STR("integers, DECIMAL, text, BOOLEAN, UUID, dates and times");
    } else if (str_list_has(&table->cluster_by, column->name)) {
        (void)contract_error(r, node, "clusterBy names " STR_FMT " twice", STR_ARG(column->name));
    } else if (table->cluster_by.len == CLUSTER_COLUMNS_MAX) {
        (void)contract_error(r, node, "clusterBy names more than %d columns", CLUSTER_COLUMNS_MAX);
    } else {
        vec_push(r->mem, &table->cluster_by, column->name);
    }
}

void contract_read_cluster(struct contract_reader *r, struct contract_table *table)
{
    const struct tree *value =
        contract_custom(tree_find(table->source, STR("customProperties")), STR("clusterBy"));
    if (!value)
        return;
    if (value->kind != TREE_LIST) {
        read_name(r, table, value);
        return;
    }
    for (size_t i = 0; i < value->len; i++)
        read_name(r, table, value->at[i]);
}
