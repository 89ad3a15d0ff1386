#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

/* A value of a libpq connection string: quoted, with quotes and backslashes escaped. */
static void source_add_setting(struct buf *b, const char *name, str value)
{
    buf_format(b, "%s='", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'' || value.ptr[i] == '\\') {
            buf_add_byte(b, '\\');
        }
        buf_add_byte(b, value.ptr[i]);
    }
    buf_add(b, STR("' "));
}

static str source_attach(struct arena *mem, const struct source_server *server, str hostaddr)
{
    struct buf *settings = buf_new(mem, PATH_BYTES_MAX * 4);
    struct buf *b = buf_new(mem, PATH_BYTES_MAX * 8);

    source_add_setting(settings, "host", server->host);
    source_add_setting(settings, "hostaddr", hostaddr);
    source_add_setting(settings, "port", server->port);
    source_add_setting(settings, "dbname", server->database);
    if (server->user.len) {
        source_add_setting(settings, "user", server->user);
    }
    if (server->password.len) {
        source_add_setting(settings, "password", server->password);
    }
    source_add_setting(settings, "connect_timeout", STR("10"));
    source_add_setting(settings, "application_name", STR("weft"));
    /* The worker can open no file of the system: nothing may be looked up there. */
    source_add_setting(settings, "passfile", STR("/dev/null"));
    source_add_setting(settings, "options", STR("-c default_transaction_read_only=on -c TimeZone=UTC"));
    buf_add(b, STR("ATTACH "));
    buf_add_literal(b, buf_str(settings));
    buf_add(b, STR(" AS source (TYPE postgres, READ_ONLY)"));
    return buf_str(b);
}

/* `SELECT * FROM postgres_query('source', '<far>')`: all runs in the one transaction of the attached database. */
static str source_far(struct arena *mem, str near, str far)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 4);

    buf_add(b, near);
    buf_add(b, STR(" FROM postgres_query('source', "));
    buf_add_literal(b, far);
    buf_add(b, STR(")"));
    return buf_str(b);
}

static str source_postgres_describe(struct arena *mem, const struct source_server *server,
                                    const struct contract_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("SELECT a.attname::text AS name, CASE y.typtype WHEN 'e' THEN 'text' WHEN 'd' THEN "
                   "format_type(y.typbasetype, y.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END AS type, "
                   "(NOT a.attnotnull) AS nullable "
                   "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                   "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type y ON y.oid = a.atttypid "
                   "WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname = "));
    buf_add_literal(b, server->schema);
    buf_add(b, STR(" AND c.relname = "));
    buf_add_literal(b, source_table_name(table));
    buf_add(b, STR(" ORDER BY a.attnum"));
    return source_far(mem, STR("SELECT name, type, nullable"), buf_str(b));
}

bool source_postgres_open(struct arena *mem, const struct contract *contract, const struct source_server *server,
                          str hostaddr, struct source_plan *out)
{
    vec_push(mem, &out->open, STR("LOAD postgres_scanner"));
    vec_push(mem, &out->open, source_attach(mem, server, hostaddr));
    vec_push(mem, &out->open, STR("BEGIN TRANSACTION"));
    vec_push(mem, &out->close, STR("COMMIT"));
    vec_push(mem, &out->close, STR("DETACH source"));
    for (size_t i = 0; i < contract->tables.len; i++) {
        struct source_table *table = vec_add(mem, &out->tables);

        table->table = &contract->tables.at[i];
        table->describe = source_postgres_describe(mem, server, table->table);
    }
    return true;
}

/* `DECIMAL(12,2)` -> 12 and 2. */
static bool source_decimal(str type, int64_t *precision_out, int64_t *scale_out)
{
    str inside, precision, scale;

    if (!str_starts(type, STR("DECIMAL(")) || !str_ends(type, STR(")"))) {
        return false;
    }
    inside = str_sub(type, 8, type.len - 9);
    return str_cut(inside, ',', &precision, &scale) && str_to_i64(str_trim(precision), precision_out) &&
           str_to_i64(str_trim(scale), scale_out);
}

/* Far-side spelling of a column that keeps its value exactly on the way. */
static void source_add_far_column(struct arena *mem, struct buf *b, const struct contract_column *column,
                                  const struct source_column *found)
{
    str type = contract_type_canonical(mem, found->type);
    int64_t precision, scale;

    if (source_decimal(column->type, &precision, &scale) && !str_eq(type, column->type)) {
        /* A cast alone would round: a value with more digits stops the extraction and names its column. */
        buf_add(b, STR("CASE WHEN "));
        buf_add_identifier(b, found->name);
        buf_format(b, " = round(");
        buf_add_identifier(b, found->name);
        buf_format(b, "::numeric, %lld) OR ", (long long)scale);
        buf_add_identifier(b, found->name);
        buf_add(b, STR(" IS NULL THEN "));
        buf_add_identifier(b, found->name);
        buf_format(b, "::numeric(%lld,%lld) ELSE ", (long long)precision, (long long)scale);
        str message = arena_format(mem, "column %.*s has more than %lld decimals", STR_ARG(found->name),
                                   (long long)scale);
        /* A constant would be cast, and fail, when the query is planned: this one needs a row. */
        buf_add(b, STR("("));
        buf_add_literal(b, message);
        buf_add(b, STR(" || left("));
        buf_add_identifier(b, found->name);
        buf_add(b, STR("::text, 0))::numeric END"));
    } else if (str_eq(column->type, STR("VARCHAR")) || str_eq(column->type, STR("JSON")) ||
               str_eq(column->type, STR("INTERVAL"))) {
        buf_add_identifier(b, found->name);
        buf_add(b, STR("::text"));
    } else {
        buf_add_identifier(b, found->name);
    }
}

void source_postgres_text(struct arena *mem, const struct source_server *server, struct source_table *table,
                          const struct source_column *columns, size_t len)
{
    struct buf *near = buf_new(mem, SQL_BYTES_MAX * 2);
    struct buf *far = buf_new(mem, SQL_BYTES_MAX * 2);

    buf_add(near, STR("SELECT "));
    buf_add(far, STR("SELECT "));
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];

        buf_add(near, i ? STR(", CAST(") : STR("CAST("));
        buf_add_identifier(near, column->name);
        buf_format(near, " AS %.*s) AS ", STR_ARG(column->type));
        buf_add_identifier(near, column->name);
        buf_add(far, i ? STR(", ") : STR(""));
        source_add_far_column(mem, far, column, source_find(columns, len, source_column_name(column)));
        buf_add(far, STR(" AS "));
        buf_add_identifier(far, column->name);
    }
    buf_add(far, STR(" FROM "));
    buf_add_identifier(far, server->schema);
    buf_add(far, STR("."));
    buf_add_identifier(far, source_table_name(table->table));
    table->text = source_far(mem, buf_str(near), buf_str(far));
}
