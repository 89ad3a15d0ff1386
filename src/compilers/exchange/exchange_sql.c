/* Tables of a contract as CREATE TABLE and COMMENT ON, for PostgreSQL or DuckDB. */
#include "exchange/exchange_inside.h"

#include <string.h>

static void add_table(struct exchanger *x, const struct contract_table *table,
                      const struct exchange_links *links);
static void add_comments(struct exchanger *x, const struct contract_table *table);

/* ---- types */

static str postgres_type(struct exchanger *x, const struct exchange_part *part)
{
    static const struct {
        enum exchange_kind kind;
        int bits;
        bool is_unsigned;
        const char *type;
    } types[] = {
        {KIND_INTEGER, 8, false, "smallint"},
        {KIND_INTEGER, 16, false, "smallint"},
        {KIND_INTEGER, 32, false, "integer"},
        {KIND_INTEGER, 64, false, "bigint"},
        {KIND_INTEGER, 128, false, "numeric(39, 0)"},
        {KIND_INTEGER, 8, true, "smallint"},
        {KIND_INTEGER, 16, true, "integer"},
        {KIND_INTEGER, 32, true, "bigint"},
        {KIND_INTEGER, 64, true, "numeric(20, 0)"},
        {KIND_INTEGER, 128, true, "numeric(39, 0)"},
        {KIND_FLOAT, 32, false, "real"},
        {KIND_FLOAT, 64, false, "double precision"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (part->kind == types[i].kind && part->bits == types[i].bits
            && part->is_unsigned == types[i].is_unsigned)
            return str_of(types[i].type);
    switch (part->kind) {
    case KIND_BOOLEAN:
        return STR("boolean");
    case KIND_DECIMAL:
        return arena_format(x->mem, "numeric(%d, %d)", part->precision, part->scale);
    case KIND_UUID:
        return STR("uuid");
    case KIND_BINARY:
        return STR("bytea");
    case KIND_BITS:
        return STR("bit varying");
    case KIND_DATE:
        return STR("date");
    case KIND_TIME:
        return part->has_zone ? STR("time with time zone") : STR("time");
    case KIND_TIMESTAMP:
        if (part->has_zone)
            return STR("timestamp with time zone");
        return part->bits < 6 ? arena_format(x->mem, "timestamp(%d)", part->bits)
                              : STR("timestamp");
    case KIND_INTERVAL:
        return STR("interval");
    case KIND_JSON:
    case KIND_STRUCT:
    case KIND_MAP:
        return STR("jsonb");
    case KIND_LIST: {
        str element = postgres_type(x, part->parts.at[0]);
        return str_eq(element, STR("jsonb")) ? element
                                             : arena_format(x->mem, STR_FMT "[]", STR_ARG(element));
    }
    default:
        return STR("text");
    }
}

/* A length that the contract's own spelling of the type has: `varchar(50)`. */
static str length_of(const struct contract_column *column)
{
    str spelled = str_trim(column->physical_type), head, rest;
    uint64_t length;
    if (!str_eq(column->type, STR("VARCHAR")) || !str_cut(spelled, '(', &head, &rest)
        || !str_ends(rest, STR(")")) || !str_to_u64(str_sub(rest, 0, rest.len - 1), &length)
        || !length || length > 10485760)
        return STR_NONE;
    return str_sub(rest, 0, rest.len - 1);
}

static bool loses(const struct exchange_part *part)
{
    switch (part->kind) {
    case KIND_STRUCT:
    case KIND_MAP:
        return true;
    case KIND_LIST:
        return loses(part->parts.at[0]);
    case KIND_TIME:
    case KIND_TIMESTAMP:
        return part->bits > 6;
    default:
        return false;
    }
}

static str column_type(struct exchanger *x, const struct contract_column *column,
                       const struct exchange_part *part)
{
    str length = length_of(column);
    if (length.len)
        return arena_format(x->mem, "varchar(" STR_FMT ")", STR_ARG(length));
    if (x->dialect == EXCHANGE_DUCKDB)
        return column->type.len ? column->type : STR("VARCHAR");
    str type = postgres_type(x, part);
    if (loses(part))
        exchange_note(x, column->source, STR_FMT " of " STR_FMT " is " STR_FMT " in PostgreSQL",
                      STR_ARG(column->type), STR_ARG(column->name), STR_ARG(type));
    return type;
}

/* ---- checks of a column */

static bool is_number(const struct exchange_part *part)
{
    return part->kind == KIND_INTEGER || part->kind == KIND_FLOAT || part->kind == KIND_DECIMAL;
}

static bool is_text(const struct exchange_part *part)
{
    return part->kind == KIND_TEXT;
}

static bool is_time(const struct exchange_part *part)
{
    return part->kind == KIND_DATE || part->kind == KIND_TIME || part->kind == KIND_TIMESTAMP;
}

static void add_scalar(struct buf *b, const struct exchange_part *part, const struct tree *value)
{
    double number;
    if (is_number(part) && tree_is_number(value, &number))
        buf_add(b, value->text);
    else
        buf_add_literal(b, value->text);
}

static void add_bound(struct exchanger *x, struct str_list *checks,
                      const struct exchange_part *part, const char *option, const char *format)
{
    const struct tree *value = exchange_option(part, str_of(option));
    struct buf *b = buf_new(x->mem, DOCUMENT_BYTES_MAX);
    double number;
    bool is_length = strcmp(option, "minLength") == 0 || strcmp(option, "maxLength") == 0;
    if (!value || value->kind != TREE_SCALAR
        || ((is_length || is_number(part)) && !tree_is_number(value, &number))
        || (is_length ? !is_text(part) : !is_number(part) && !is_time(part)))
        return;
    if (is_time(part) && exchange_option(part, STR("format"))) {
        exchange_note(x, part->source,
                      "%s of " STR_FMT " is left out: it is written in a format of its own", option,
                      STR_ARG(part->name));
        return;
    }
    if (is_length)
        buf_add(b, STR("length("));
    buf_add_identifier(b, part->name);
    buf_add(b, is_length ? STR(")") : STR_NONE);
    buf_format(b, " %s ", format);
    if (is_length)
        buf_add(b, value->text);
    else
        add_scalar(b, part, value);
    vec_push(x->mem, checks, buf_str(b));
}

static void add_values(struct exchanger *x, struct str_list *checks,
                       const struct contract_rule *rule, const struct exchange_part *part)
{
    if (!rule)
        return;
    if (!is_number(part) && !is_text(part)) {
        exchange_note(x, part->source,
                      "the valid values of " STR_FMT " are left out: it is no number or text",
                      STR_ARG(part->name));
        return;
    }
    struct buf *b = buf_new(x->mem, DOCUMENT_BYTES_MAX);
    size_t count = 0;
    buf_add_identifier(b, part->name);
    buf_add(b, STR(" IN ("));
    for (size_t i = 0; i < rule->values.len; i++) {
        const struct tree *value = rule->values.at[i];
        if (value->kind != TREE_SCALAR || tree_is_null(value))
            continue; /* CHECK lets a null through */
        buf_add(b, count++ ? STR(", ") : STR_NONE);
        add_scalar(b, part, value);
    }
    buf_add(b, STR(")"));
    if (count)
        vec_push(x->mem, checks, buf_str(b));
}

static struct str_list column_checks(struct exchanger *x, const struct contract_table *table,
                                     const struct contract_column *column,
                                     const struct exchange_part *part)
{
    struct str_list checks = {0};
    static const char *const not_held[] = {"pattern",       "multipleOf",  "minItems",
                                           "maxItems",      "uniqueItems", "minProperties",
                                           "maxProperties", NULL};
    add_bound(x, &checks, part, "minLength", ">=");
    add_bound(x, &checks, part, "maxLength", "<=");
    add_bound(x, &checks, part, "minimum", ">=");
    add_bound(x, &checks, part, "maximum", "<=");
    add_bound(x, &checks, part, "exclusiveMinimum", ">");
    add_bound(x, &checks, part, "exclusiveMaximum", "<");
    add_values(x, &checks, exchange_values_rule(table, column->name), part);
    for (size_t i = 0; not_held[i]; i++)
        if (exchange_option(part, str_of(not_held[i])))
            exchange_note(x, part->source, "%s of " STR_FMT " is left out: SQL has no such check",
                          not_held[i], STR_ARG(part->name));
    if (exchange_pattern_rule(table, column->name))
        exchange_note(x, part->source,
                      "the pattern of " STR_FMT " is left out: SQL has no ECMA-262",
                      STR_ARG(part->name));
    return checks;
}

/* ---- tables */

/* A database knows a column by its physical name. */
static void add_names(struct buf *b, const struct contract_table *table,
                      const struct str_list *names)
{
    for (size_t i = 0; i < names->len; i++) {
        const struct contract_column *column = contract_find_column(table, names->at[i]);
        buf_add(b, i ? STR(", ") : STR_NONE);
        buf_add_identifier(b, column ? column->physical_name : names->at[i]);
    }
}

static bool is_same_set(const struct str_list *a, const struct str_list *b)
{
    for (size_t i = 0; i < a->len; i++)
        if (!str_list_has(b, a->at[i]))
            return false;
    return a->len == b->len;
}

/* A foreign key needs a key on the other side. */
static bool is_key(struct exchanger *x, const struct exchange_link *link)
{
    const struct contract_table *to = contract_find_table(x->contract, link->table);
    struct str_list key = exchange_key(x->mem, to);
    const struct contract_column *column = contract_find_column(to, link->to.at[0]);
    return is_same_set(&key, &link->to) || (link->to.len == 1 && column && column->unique);
}

static bool is_exported(const struct exchanger *x, str table)
{
    return !x->only || str_eq(x->only->name, table);
}

static void add_link(const struct exchanger *x, const struct contract_table *table,
                     const struct exchange_link *link)
{
    const struct contract_table *to = contract_find_table(x->contract, link->table);
    struct buf *b = x->out;
    buf_add(b, STR("FOREIGN KEY ("));
    add_names(b, table, &link->from);
    buf_add(b, STR(") REFERENCES "));
    buf_add_identifier(b, to->physical_name);
    buf_add(b, STR(" ("));
    add_names(b, to, &link->to);
    buf_add(b, STR(")"));
}

/* Those that SQL can hold. */
static struct exchange_links good_links(struct exchanger *x, const struct contract_table *table)
{
    struct exchange_links all, good = {0};
    size_t others;
    exchange_links(x, table, &all, &others);
    if (others)
        exchange_note(x, table->source,
                      "of " STR_FMT " %zu relationship%s left out, to no column of this contract",
                      STR_ARG(table->name), others, others == 1 ? " is" : "s are");
    for (size_t i = 0; i < all.len; i++) {
        if (is_exported(x, all.at[i].table) && is_key(x, &all.at[i]))
            vec_push(x->mem, &good, all.at[i]);
        else
            exchange_note(x, all.at[i].source,
                          "the relationship of " STR_FMT " to " STR_FMT " is left out: %s",
                          STR_ARG(table->name), STR_ARG(all.at[i].table),
                          is_exported(x, all.at[i].table)
                              ? "what it points to is neither primary key nor unique"
                              : "only one table is exported");
    }
    return good;
}

/* DuckDB takes foreign keys with the table only: what is pointed to comes first, and a ring loses one link. */
struct plan {
    struct exchanger *x;
    struct exchange_links *links; /* of each table */
    int *state;                   /* 0 not yet, 1 at work, 2 written */
};

static void write_in_order(struct plan *p, size_t at)
{
    struct exchanger *x = p->x;
    const struct contract_table *table = &x->contract->tables.at[at];
    struct exchange_links kept = {0};
    p->state[at] = 1;
    for (size_t i = 0; i < p->links[at].len; i++) {
        const struct exchange_link *link = &p->links[at].at[i];
        size_t to =
            (size_t)(contract_find_table(x->contract, link->table) - x->contract->tables.at);
        if (p->state[to] == 0)
            write_in_order(p, to);
        if (p->state[to] == 2 || to == at)
            vec_push(x->mem, &kept, *link);
        else
            exchange_note(x, link->source,
                          "the relationship of " STR_FMT " to " STR_FMT
                          " is left out: it closes a ring, which DuckDB does not take",
                          STR_ARG(table->name), STR_ARG(link->table));
    }
    p->state[at] = 2;
    add_table(x, table, &kept);
}

void exchange_sql(struct exchanger *x)
{
    size_t count = x->contract->tables.len;
    struct exchange_links none = {0};
    struct plan plan = {
        .x = x,
        .links = ARENA_ARRAY(x->mem, struct exchange_links, count + 1),
        .state = ARENA_ARRAY(x->mem, int, count + 1),
    };
    for (size_t i = 0; i < count; i++)
        if (is_exported(x, x->contract->tables.at[i].name))
            plan.links[i] = good_links(x, &x->contract->tables.at[i]);
        else
            plan.state[i] = 2;
    for (size_t i = 0; i < count; i++)
        if (plan.state[i] == 0 && x->dialect == EXCHANGE_DUCKDB)
            write_in_order(&plan, i);
        else if (plan.state[i] == 0)
            add_table(x, &x->contract->tables.at[i], &none);
    for (size_t i = 0; i < count && x->dialect == EXCHANGE_POSTGRES; i++)
        for (size_t j = 0; j < plan.links[i].len; j++) {
            buf_add(x->out, STR("ALTER TABLE "));
            buf_add_identifier(x->out, x->contract->tables.at[i].physical_name);
            buf_add(x->out, STR(" ADD "));
            add_link(x, &x->contract->tables.at[i], &plan.links[i].at[j]);
            buf_add(x->out, STR(";\n"));
        }
}

static void add_column(struct exchanger *x, const struct contract_table *table,
                       const struct contract_column *column, size_t key_len)
{
    struct buf *b = x->out;
    struct exchange_part *part = exchange_column_part(x->mem, column);
    part->name = column->physical_name;
    struct str_list checks = column_checks(x, table, column, part);
    buf_add(b, STR("    "));
    buf_add_identifier(b, column->physical_name);
    buf_add(b, STR(" "));
    buf_add(b, column_type(x, column, part));
    if (part->required)
        buf_add(b, STR(" NOT NULL"));
    if (column->primary_key && key_len == 1)
        buf_add(b, STR(" PRIMARY KEY"));
    else if (column->unique)
        buf_add(b, STR(" UNIQUE"));
    for (size_t i = 0; i < checks.len; i++)
        buf_format(b, " CHECK (" STR_FMT ")", STR_ARG(checks.at[i]));
}

static void add_table(struct exchanger *x, const struct contract_table *table,
                      const struct exchange_links *links)
{
    struct buf *b = x->out;
    struct str_list key = exchange_key(x->mem, table);
    if (b->len)
        buf_add(b, STR("\n"));
    buf_add(b, STR("CREATE TABLE "));
    buf_add_identifier(b, table->physical_name);
    buf_add(b, STR(" (\n"));
    for (size_t i = 0; i < table->columns.len; i++) {
        buf_add(b, i ? STR(",\n") : STR_NONE);
        add_column(x, table, &table->columns.at[i], key.len);
    }
    if (key.len > 1) {
        buf_add(b, STR(",\n    PRIMARY KEY ("));
        add_names(b, table, &key);
        buf_add(b, STR(")"));
    }
    for (size_t i = 0; i < links->len; i++) {
        buf_add(b, STR(",\n    "));
        add_link(x, table, &links->at[i]);
    }
    buf_add(b, STR("\n);\n"));
    add_comments(x, table);
}

static void add_comments(struct exchanger *x, const struct contract_table *table)
{
    struct buf *b = x->out;
    if (table->description.len) {
        buf_add(b, STR("COMMENT ON TABLE "));
        buf_add_identifier(b, table->physical_name);
        buf_add(b, STR(" IS "));
        buf_add_literal(b, table->description);
        buf_add(b, STR(";\n"));
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        if (!column->description.len)
            continue;
        buf_add(b, STR("COMMENT ON COLUMN "));
        buf_add_identifier(b, table->physical_name);
        buf_add(b, STR("."));
        buf_add_identifier(b, column->physical_name);
        buf_add(b, STR(" IS "));
        buf_add_literal(b, column->description);
        buf_add(b, STR(";\n"));
    }
}
