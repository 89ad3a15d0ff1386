/* Tables of a contract as sources of dbt: a schema.yml. */
#include "exchange/exchange_inside.h"
#include "yaml_out/yaml_out.h"

static struct tree *test_of(struct exchanger *x, const char *name, struct tree *arguments)
{
    struct tree *test = exchange_map(x->mem);
    exchange_put(x->mem, test, name, arguments);
    return test;
}

static void add_links(struct exchanger *x, struct tree *tests, const struct exchange_links *links,
                      str column)
{
    for (size_t i = 0; i < links->len; i++) {
        const struct exchange_link *link = &links->at[i];
        if (link->from.len != 1 || !str_eq(link->from.at[0], column))
            continue;
        struct tree *arguments = exchange_map(x->mem);
        struct buf *to = buf_new(x->mem, DOCUMENT_BYTES_MAX);
        buf_add(to, STR("source("));
        buf_add_literal(to, x->contract->id);
        buf_add(to, STR(", "));
        buf_add_literal(to, link->table);
        buf_add(to, STR(")"));
        exchange_put_text(x->mem, arguments, "to", buf_str(to));
        const struct contract_column *target =
            contract_find_column(contract_find_table(x->contract, link->table), link->to.at[0]);
        exchange_put_text(x->mem, arguments, "field",
                          target ? target->physical_name : link->to.at[0]);
        tree_push(x->mem, tests, test_of(x, "relationships", arguments));
    }
}

/* Null is let through by dbt's accepted_values, and is a matter of not_null. */
static void add_values(struct exchanger *x, struct tree *tests, const struct contract_table *table,
                       const struct exchange_part *part)
{
    const struct contract_rule *rule = exchange_values_rule(table, part->name);
    if (!rule)
        return;
    struct tree *arguments = exchange_map(x->mem), *values = exchange_list(x->mem);
    for (size_t i = 0; i < rule->values.len; i++)
        if (!tree_is_null(rule->values.at[i]))
            tree_push(x->mem, values, tree_copy(x->mem, rule->values.at[i]));
    exchange_put(x->mem, arguments, "values", values);
    /* dbt quotes values unless told otherwise. */
    if (part->kind == KIND_INTEGER || part->kind == KIND_FLOAT || part->kind == KIND_DECIMAL
        || part->kind == KIND_BOOLEAN)
        exchange_put(x->mem, arguments, "quote", exchange_word(x->mem, STR("false")));
    tree_push(x->mem, tests, test_of(x, "accepted_values", arguments));
}

static void put_meta(struct exchanger *x, struct tree *map, const struct tree *source)
{
    struct tree *meta = exchange_map(x->mem);
    exchange_put_text(x->mem, meta, "classification",
                      tree_find_text(source, STR("classification")));
    if (meta->len)
        exchange_put(x->mem, map, "meta", meta);
}

static struct tree *column_of(struct exchanger *x, const struct contract_table *table,
                              const struct contract_column *column,
                              const struct exchange_links *links, size_t key_len)
{
    struct tree *map = exchange_map(x->mem), *tests = exchange_list(x->mem);
    const struct exchange_part *part = exchange_column_part(x->mem, column);
    exchange_put_text(x->mem, map, "name", column->physical_name);
    exchange_put_text(x->mem, map, "data_type",
                      column->physical_type.len ? column->physical_type : column->type);
    exchange_put_text(x->mem, map, "description", column->description);
    if (part->required)
        tree_push(x->mem, tests, exchange_text(x->mem, STR("not_null")));
    if (column->unique || (column->primary_key && key_len == 1))
        tree_push(x->mem, tests, exchange_text(x->mem, STR("unique")));
    add_values(x, tests, table, part);
    add_links(x, tests, links, column->name);
    if (tests->len)
        exchange_put(x->mem, map, "data_tests", tests);
    exchange_put_texts(x->mem, map, "tags", &column->tags);
    put_meta(x, map, column->source);
    return map;
}

static struct tree *table_of(struct exchanger *x, const struct contract_table *table)
{
    struct tree *map = exchange_map(x->mem), *columns = exchange_list(x->mem);
    struct exchange_links links;
    size_t others;
    struct str_list key = exchange_key(x->mem, table);
    exchange_links(x, table, &links, &others);
    for (size_t i = 0; i < links.len; i++)
        others += links.at[i].from.len > 1;
    if (others)
        exchange_note(x, table->source,
                      "of " STR_FMT
                      " %zu relationship%s left out: dbt tests those of one column to a "
                      "table of the same contract",
                      STR_ARG(table->name), others, others == 1 ? " is" : "s are");
    if (key.len > 1)
        exchange_note(x, table->source,
                      "the primary key of " STR_FMT
                      " has %zu columns: dbt has no test of its own for them, each is not_null",
                      STR_ARG(table->name), key.len);
    exchange_put_text(x->mem, map, "name", table->name);
    if (!str_eq(table->physical_name, table->name))
        exchange_put_text(x->mem, map, "identifier", table->physical_name);
    exchange_put_text(x->mem, map, "description", table->description);
    exchange_put_texts(x->mem, map, "tags", &table->tags);
    for (size_t i = 0; i < table->columns.len; i++)
        tree_push(x->mem, columns, column_of(x, table, &table->columns.at[i], &links, key.len));
    exchange_put(x->mem, map, "columns", columns);
    return map;
}

void exchange_dbt(struct exchanger *x)
{
    const struct contract *contract = x->contract;
    struct tree *root = exchange_map(x->mem), *sources = exchange_list(x->mem);
    struct tree *source = exchange_map(x->mem), *tables = exchange_list(x->mem);
    exchange_put(x->mem, root, "version", exchange_int(x->mem, 2));
    exchange_put_text(x->mem, source, "name", contract->id);
    exchange_put_text(x->mem, source, "description", contract->description);
    for (size_t i = 0; i < contract->servers.len; i++)
        if (contract->servers.at[i].schema.len) {
            exchange_put_text(x->mem, source, "database", contract->servers.at[i].database);
            exchange_put_text(x->mem, source, "schema", contract->servers.at[i].schema);
            break;
        }
    exchange_put_texts(x->mem, source, "tags", &contract->tags);
    for (size_t i = 0; i < contract->tables.len; i++)
        if (!x->only || x->only == &contract->tables.at[i])
            tree_push(x->mem, tables, table_of(x, &contract->tables.at[i]));
    exchange_put(x->mem, source, "tables", tables);
    tree_push(x->mem, sources, source);
    exchange_put(x->mem, root, "sources", sources);
    yaml_out(x->out, root, NULL);
}
