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
    source_add_setting(settings, "options",
                       STR("-c default_transaction_read_only=on -c TimeZone=UTC"));
    buf_add(b, STR("ATTACH "));
    buf_add_literal(b, buf_str(settings));
    buf_add(b, STR(" AS source (TYPE postgres, READ_ONLY)"));
    return settings->full || b->full ? STR_NONE : buf_str(b);
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

/* Domains are what they stand on; enums are texts. */
static str source_postgres_describe(struct arena *mem, const struct source_server *server,
                                    const struct contract_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b,
            STR("WITH RECURSIVE base AS (SELECT a.attname, a.attnum, a.attnotnull, a.atttypid AS "
                "id, a.atttypmod AS mod "
                "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
                "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                "WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', "
                "'f') AND n.nspname = "));
    buf_add_literal(b, server->schema);
    buf_add(b, STR(" AND c.relname = "));
    buf_add_literal(b, source_table_name(table));
    buf_add(b, STR(" UNION ALL SELECT base.attname, base.attnum, base.attnotnull, y.typbasetype, "
                   "y.typtypmod "
                   "FROM base JOIN pg_catalog.pg_type y ON y.oid = base.id WHERE y.typtype = 'd') "
                   "SELECT base.attname::text AS name, CASE WHEN y.typtype = 'e' THEN 'text' WHEN "
                   "e.typtype = 'e' THEN 'text[]' "
                   "ELSE pg_catalog.format_type(base.id, base.mod) END AS type, (NOT "
                   "base.attnotnull) AS nullable "
                   "FROM base JOIN pg_catalog.pg_type y ON y.oid = base.id LEFT JOIN "
                   "pg_catalog.pg_type e ON e.oid = y.typelem "
                   "AND y.typcategory = 'A' WHERE y.typtype <> 'd' ORDER BY base.attnum"));
    return source_far(mem, STR("SELECT name, type, nullable"), buf_str(b));
}

bool source_postgres_open(struct arena *mem, const struct contract *contract,
                          const struct source_server *server, str hostaddr, struct source_plan *out,
                          struct report *report)
{
    str attach = source_attach(mem, server, hostaddr);

    if (attach.len == 0) {
        report_add(report, FINDING_ERROR, ERR_LIMIT, server->server->place,
                   "what server %.*s says is too long, or holds a NUL",
                   STR_ARG(server->server->name));
        return false;
    }
    vec_push(mem, &out->open, STR("LOAD postgres_scanner"));
    vec_push(mem, &out->open, attach);
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
    return str_cut(inside, ',', &precision, &scale)
        && str_to_i64(str_trim(precision), precision_out) && str_to_i64(str_trim(scale), scale_out);
}

/* A numeric without a precision would come as a double, a cast would round, and NaN would be 0: a value that does not fit stops the
 * extraction and names its column. The text of the failure hangs on the value, or the planner would fail on it. */
static void source_add_far_decimal(struct arena *mem, struct buf *b,
                                   const struct contract_column *column, str name,
                                   const struct source_column *found)
{
    bool is_list = str_ends(column->type, STR("[]"));
    str type = is_list ? str_sub(column->type, 0, column->type.len - 2) : column->type;
    int64_t precision = 0, scale = 0;

    (void)source_decimal(type, &precision, &scale);
    str far = arena_format(mem, "numeric(%lld,%lld)%s", (long long)precision, (long long)scale,
                           is_list ? "[]" : "");
    if (is_list) {
        /* What would overflow fails in the cast itself. */
        buf_format(b,
                   "(CASE WHEN %.*s IS NULL THEN NULL WHEN %.*s = %.*s::%.*s AND NOT "
                   "coalesce('NaN' = ANY(%.*s), false) THEN ",
                   STR_ARG(name), STR_ARG(name), STR_ARG(name), STR_ARG(far), STR_ARG(name));
    } else {
        buf_format(b,
                   "(CASE WHEN %.*s IS NULL THEN NULL WHEN %.*s <> 'NaN' AND abs(%.*s) < 1e%lld "
                   "AND %.*s = round(%.*s, %lld) THEN ",
                   STR_ARG(name), STR_ARG(name), STR_ARG(name), (long long)(precision - scale),
                   STR_ARG(name), STR_ARG(name), (long long)scale);
    }
    buf_format(b, "%.*s::%.*s ELSE (", STR_ARG(name), STR_ARG(far));
    buf_add_literal(b, arena_format(mem, "weft: column %.*s: a value is no %.*s",
                                    STR_ARG(found->name), STR_ARG(type)));
    /* The cast of the whole keeps precision and scale, which a CASE forgets. */
    buf_format(b, " || left(%.*s::text, 0))::%.*s END)::%.*s", STR_ARG(name), STR_ARG(far),
               STR_ARG(far));
}

static bool source_is_numeric(str type)
{
    return str_starts(type, STR("numeric")) || str_starts(type, STR("decimal"));
}

/* `numeric(10,2)` in a DECIMAL(12,2): all its values fit but NaN, which any numeric holds. */
static bool source_fits_decimal(str far, str near)
{
    int64_t precision, scale, digits = 0, places = 0;
    str inside, before, behind;

    if (!str_starts(far, STR("numeric(")) || !str_ends(far, STR(")"))
        || !source_decimal(near, &precision, &scale)) {
        return false;
    }
    inside = str_sub(far, 8, far.len - 9);
    return str_cut(inside, ',', &before, &behind) && str_to_i64(before, &digits)
        && str_to_i64(behind, &places) && places >= 0 && places <= digits && places <= scale
        && digits - places <= precision - scale;
}

/* Far-side spelling of a column that keeps its value exactly on the way. */
static void source_add_far_column(struct arena *mem, struct buf *b,
                                  const struct contract_column *column,
                                  const struct source_column *found)
{
    struct buf *quoted = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(quoted, found->name);
    str name = buf_str(quoted);
    if (source_fits_decimal(found->type, column->type)) {
        buf_add(b, name); /* source_add_far_guards */
    } else if (source_is_numeric(found->type) && str_starts(column->type, STR("DECIMAL("))
               && (str_ends(column->type, STR(")")) || str_ends(column->type, STR(")[]")))) {
        source_add_far_decimal(mem, b, column, name, found);
    } else if (str_eq(column->type, STR("VARCHAR")) || str_eq(column->type, STR("JSON"))) {
        buf_format(b, "%.*s::text", STR_ARG(name));
    } else if (str_eq(column->type, STR("VARCHAR[]"))) {
        buf_format(b, "%.*s::text[]", STR_ARG(name));
    } else {
        buf_add(b, name);
    }
}

/* One comparison for each row, where a CASE in the place of the column would take several: it forgets precision and scale. */
static void source_add_far_guards(struct arena *mem, struct buf *far,
                                  const struct source_table *table, bool is_first)
{
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];
        const struct source_column *found =
            source_find(table->found, table->found_len, source_column_name(column));
        struct buf *name = buf_new(mem, PATH_BYTES_MAX);

        if (!source_fits_decimal(found->type, column->type)) {
            continue;
        }
        buf_add_identifier(name, found->name);
        buf_format(far, "%s CASE WHEN %.*s = 'NaN' THEN (", is_first ? " WHERE" : " AND",
                   STR_ARG(buf_str(name)));
        buf_add_literal(far, arena_format(mem, "weft: column %.*s: a value is no %.*s",
                                          STR_ARG(found->name), STR_ARG(column->type)));
        buf_format(far, " || left(%.*s::text, 0))::numeric IS NULL ELSE true END",
                   STR_ARG(buf_str(name)));
        is_first = false;
    }
}

/* As the source has it, so that an index of it serves. */
static str source_far_name(struct arena *mem, const struct source_table *table,
                           const struct contract_column *column)
{
    struct buf *name = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(
        name, source_find(table->found, table->found_len, source_column_name(column))->name);
    return buf_str(name);
}

/* The rows that fulfil a condition, all of them where it is empty. */
static str source_far_rows(struct arena *mem, const struct source_server *server,
                           const struct source_table *table, str condition, str order)
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
        source_add_far_column(
            mem, far, column,
            source_find(table->found, table->found_len, source_column_name(column)));
        buf_add(far, STR(" AS "));
        buf_add_identifier(far, column->name);
    }
    buf_add(far, STR(" FROM "));
    buf_add_identifier(far, server->schema);
    buf_add(far, STR("."));
    buf_add_identifier(far, source_table_name(table->table));
    if (condition.len > 0) {
        buf_format(far, " WHERE (%.*s)", STR_ARG(condition));
    }
    source_add_far_guards(mem, far, table, condition.len == 0);
    if (order.len > 0) {
        buf_format(far, " ORDER BY %.*s", STR_ARG(order));
    }
    return source_far(mem, buf_str(near), buf_str(far));
}

void source_postgres_text(struct arena *mem, const struct source_server *server,
                          struct source_table *table)
{
    str condition = STR_NONE;

    if (table->range.column != NULL) {
        condition = source_range_condition(mem, &table->range,
                                           source_far_name(mem, table, table->range.column), true);
    }
    table->text = source_far_rows(mem, server, table, condition, STR_NONE);
}

/* ---- ranges */

/* Texts have another order there. A row without a value would be in no range. */
bool source_postgres_can_cut(const struct source_cuts *cuts, const struct source_column *found)
{
    static const struct {
        const char *type, *far, *far_end;
    } ordered[] = {{"TINYINT", "smallint", ""},
                   {"SMALLINT", "smallint", ""},
                   {"INTEGER", "smallint", ""},
                   {"INTEGER", "integer", ""},
                   {"BIGINT", "smallint", ""},
                   {"BIGINT", "integer", ""},
                   {"BIGINT", "bigint", ""},
                   {"DATE", "date", ""},
                   {"TIMESTAMP", "timestamp", " without time zone"},
                   {"TIMESTAMP WITH TIME ZONE", "timestamp", " with time zone"}};

    for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++) {
        if (!found->nullable && str_eq(cuts->type, str_of(ordered[i].type))
            && str_starts(found->type, str_of(ordered[i].far))
            && str_ends(found->type, str_of(ordered[i].far_end))
            && (ordered[i].far_end[0] || str_eq(found->type, str_of(ordered[i].far)))) {
            return true;
        }
    }
    return false;
}

/* Where rows lie in another order, each range would be read from all over the table. */
static void source_add_ordered(struct buf *b, const struct source_server *server,
                               const struct source_table *table, const char *more)
{
    const struct source_column *key =
        source_find(table->found, table->found_len, source_column_name(table->cuts.column));

    buf_add(b, STR(" FROM pg_catalog.pg_class c JOIN "
                   "pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN "
                   "pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_index i ON "
                   "i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred "
                   "IS NULL JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN "
                   "pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree' JOIN "
                   "pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname "
                   "AND s.attname = a.attname AND NOT s.inherited AND s.correlation > 0.95"));
    buf_format(b, "%s WHERE c.relkind = 'r' AND NOT c.relhassubclass AND n.nspname = ", more);
    buf_add_literal(b, server->schema);
    buf_add(b, STR(" AND c.relname = "));
    buf_add_literal(b, source_table_name(table->table));
    buf_add(b, STR(" AND a.attname = "));
    buf_add_literal(b, key->name);
}

static const char SOURCE_SHARES[] =
    "coalesce(pg_catalog.has_function_privilege(pg_catalog.to_regprocedure("
    "'pg_catalog.pg_export_snapshot()')::oid, 'EXECUTE'), false)::integer";

str source_order_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_format(b, "SELECT count(*) AS ways, %s AS shares", SOURCE_SHARES);
    source_add_ordered(b, server, table, "");
    return source_far(mem, STR("SELECT ways, shares"), buf_str(b));
}

/* An estimate that is far off makes files of other sizes, which are then cut anew: rows that are in no range, or in two, it cannot make. */
str source_cuts_text(struct arena *mem, const struct source_server *server,
                     const struct source_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("SELECT DISTINCT c.reltuples::bigint AS rows, "
                   "pg_catalog.pg_table_size(c.oid) AS bytes, v.value, v.place"));
    source_add_ordered(b, server, table,
                       " CROSS JOIN LATERAL pg_catalog.unnest(s.histogram_bounds::text::text[]) "
                       "WITH ORDINALITY AS v(value, place)");
    buf_add(b, STR(" ORDER BY v.place"));
    return source_far(mem, STR("SELECT rows, bytes, value"), buf_str(b));
}

/* ---- pieces */

/* Before version 14 each piece would be looked for in the whole table. */
str source_blocks_text(struct arena *mem, const struct source_server *server,
                       const struct source_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_format(b,
               "SELECT c.reltuples::bigint AS rows, pg_catalog.pg_relation_size(c.oid) / "
               "pg_catalog.current_setting('block_size')::bigint AS blocks, "
               "pg_catalog.pg_table_size(c.oid) AS bytes, %s AS shares FROM pg_catalog.pg_class c "
               "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am m "
               "ON m.oid = c.relam AND m.amname = 'heap' WHERE c.relkind = 'r' AND NOT "
               "c.relhassubclass AND pg_catalog.current_setting('server_version_num')::integer >= "
               "140000 AND n.nspname = ",
               SOURCE_SHARES);
    buf_add_literal(b, server->schema);
    buf_add(b, STR(" AND c.relname = "));
    buf_add_literal(b, source_table_name(table->table));
    return source_far(mem, STR("SELECT rows, blocks, bytes, shares"), buf_str(b));
}

str source_piece_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, const struct job_columns *key,
                      uint64_t first, uint64_t end)
{
    struct buf *condition = buf_new(mem, PATH_BYTES_MAX);
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 4);

    buf_format(condition, "ctid >= '(%llu,0)'::tid", (unsigned long long)first);
    if (end > 0) {
        buf_format(condition, " AND ctid < '(%llu,0)'::tid", (unsigned long long)end);
    }
    buf_add(b, source_far_rows(mem, server, table, buf_str(condition), STR_NONE));
    for (size_t i = 0; i < key->len; i++) {
        buf_add(b, i ? STR(", ") : STR(" ORDER BY "));
        buf_add_identifier(b, key->at[i].name);
    }
    return buf_str(b);
}

/* ---- one snapshot for two connections */

str source_snapshot_text(struct arena *mem)
{
    return source_far(mem, STR("SELECT snapshot"),
                      STR("SELECT pg_catalog.pg_export_snapshot() AS snapshot"));
}

/* Of the same attached database, a connection of the engine gets one of PostgreSQL for itself. */
void source_join_snapshot(struct arena *mem, str snapshot, struct str_list *out)
{
    struct buf *far = buf_new(mem, PATH_BYTES_MAX), *near = buf_new(mem, PATH_BYTES_MAX);

    buf_add(far, STR("SET TRANSACTION SNAPSHOT "));
    buf_add_literal(far, snapshot);
    buf_add(near, STR("CALL postgres_execute('source', "));
    buf_add_literal(near, buf_str(far));
    buf_add(near, STR(")"));
    vec_push(mem, out, STR("BEGIN TRANSACTION"));
    vec_push(mem, out, buf_str(near));
}

str source_range_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, size_t range)
{
    const struct source_cuts *cuts = &table->cuts;
    str name = source_far_name(mem, table, cuts->column);
    struct buf *condition = buf_new(mem, SQL_BYTES_MAX), *order = buf_new(mem, PATH_BYTES_MAX);

    /* By itself the name could be that of another column of the result. */
    buf_add_identifier(order, source_table_name(table->table));
    buf_format(order, ".%.*s", STR_ARG(name));
    if (range > 0) {
        source_add_bound(condition, name, ">=", cuts->at.at[range - 1], cuts->type, true);
    }
    if (range < cuts->at.len) {
        buf_add(condition, range > 0 ? STR(" AND ") : STR(""));
        source_add_bound(condition, name, "<", cuts->at.at[range], cuts->type, true);
    }
    return source_far_rows(mem, server, table, buf_str(condition), buf_str(order));
}
