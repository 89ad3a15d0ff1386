#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "probe_inside.h"

/* Of a table, whose values may suggest labels; of a text its beginning is enough for that. */
enum { PROBE_TABLE_ROWS_MAX = 1000, PROBE_TEXT_LETTERS = 300 };

struct probe_database {
    struct probe *p;
    struct contract_server said;
    struct source_server server;
    str table; /* empty: all of the schema */
    struct worker *worker;
    struct source_plan plan;
    bool has_begun;
    bool has_failed;      /* a look at values, and with it the transaction */
    struct str_list open; /* tables whose rows this user may read; no views, which may take long */
};

static str probe_unescape(struct task *t, str text)
{
    struct buf *b = buf_new(t->mem, PATH_BYTES_MAX);

    for (size_t i = 0; i < text.len; i++) {
        char digits[3] = {0};
        char *end = NULL;

        if (text.ptr[i] == '%' && i + 2 < text.len + 0 && i + 2 <= text.len - 1) {
            digits[0] = text.ptr[i + 1];
            digits[1] = text.ptr[i + 2];
            unsigned long code = strtoul(digits, &end, 16);
            if (end == digits + 2 && code > 0) {
                buf_add_byte(b, (char)code);
                i += 2;
                continue;
            }
        }
        buf_add_byte(b, text.ptr[i]);
    }
    return buf_str(b);
}

/* postgres://USER@HOST:PORT/DATABASE/SCHEMA/TABLE; what is wrong in it is told without it, since it may hold a password. */
static bool probe_read_url(struct task *t, struct probe_database *d)
{
    str scheme, rest, who = STR_NONE, where, names, host, number, database, schema = STR_NONE;

    size_t at = str_find(d->p->source, STR("://"));
    scheme = str_sub(d->p->source, 0, at);
    rest = str_from(d->p->source, at + 3);
    (void)scheme;
    (void)str_cut(rest, '/', &where, &names);
    if (str_cut_last(where, '@', &who, &rest)) {
        where = rest;
    } else {
        who = STR_NONE;
    }
    if (str_has(who, ':')) {
        task_fail(t, ERR_USAGE, "a password does not belong into a command line");
        return task_hint(t,
                         "give it as PGPASSWORD: other users of the machine can see command lines");
    }
    host = where;
    number = STR("5432");
    if (!str_ends(where, STR("]")) && str_cut_last(where, ':', &host, &rest)) {
        number = rest;
    } else {
        host = where;
    }
    if (host.len > 2 && host.ptr[0] == '[') {
        host = str_sub(host, 1, host.len - 2);
    }
    (void)str_cut(names, '/', &database, &rest);
    (void)str_cut(rest, '/', &schema, &d->table);
    if (host.len == 0 || database.len == 0 || str_has(names, '?')) {
        task_fail(t, ERR_USAGE, "this is no address of a database");
        return task_hint(
            t, "postgres://USER@HOST:PORT/DATABASE, and behind it /SCHEMA or /SCHEMA/TABLE");
    }
    /* The worker that connects is a user of the machine without a name. */
    if (who.len == 0) {
        task_fail(t, ERR_USAGE, "the address of the database names no user");
        return task_hint(t, "postgres://USER@HOST:PORT/DATABASE/SCHEMA/TABLE");
    }
    d->server.kind = SOURCE_POSTGRES;
    d->server.server = &d->said;
    d->server.host = host;
    d->server.port = number;
    d->server.database = probe_unescape(t, database);
    d->server.schema = schema.len > 0 ? probe_unescape(t, schema) : STR("public");
    d->server.user = probe_unescape(t, who);
    d->table = probe_unescape(t, d->table);
    return true;
}

static void probe_free_addresses(void *handle)
{
    freeaddrinfo(handle);
}

bool probe_reach(struct task *t, const struct source_server *server, struct engine_reach *out)
{
    struct addrinfo *found = NULL, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char text[INET6_ADDRSTRLEN] = "";
    uint64_t number;

    if (!str_to_u64(server->port, &number) || number == 0 || number > 65535) {
        return task_fail(t, ERR_USAGE, "the port is not a number from 1 to 65535");
    }
    int status = getaddrinfo(arena_c_string(t->mem, server->host), NULL, &hints, &found);
    if (status != 0) {
        return task_fail(t, ERR_SOURCE, "the host %.*s cannot be resolved: %s",
                         STR_ARG(server->host), gai_strerror(status));
    }
    arena_defer(t->mem, probe_free_addresses, found);
    const struct sockaddr *address = found->ai_addr;
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text,
                  sizeof(text));
    } else {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
                  sizeof(text));
    }
    out->address = arena_str(t->mem, str_of(text));
    out->listen_port = (uint16_t)number;
    return true;
}

static bool probe_far(struct task *t, struct probe_database *d, const char *near, str far,
                      struct engine_rows *out)
{
    struct engine_job job = {0};
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);

    buf_format(b, "SELECT %s FROM postgres_query('source', ", near);
    buf_add_literal(b, far);
    buf_add(b, STR(")"));
    job.text = buf_str(b);
    if (!d->has_begun) {
        job.prepare = d->plan.open;
        d->has_begun = true;
    }
    return probe_ask(t, d->worker, &job, &d->server, STR("the database"), out);
}

/* `c` is the table, `n` its schema. */
static str probe_where(struct task *t, const struct probe_database *d)
{
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);

    buf_add(b, STR("n.nspname = "));
    buf_add_literal(b, d->server.schema);
    buf_add(b, STR(" AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition"));
    if (d->table.len > 0) {
        buf_add(b, STR(" AND c.relname = "));
        buf_add_literal(b, d->table);
    }
    return buf_str(b);
}

static struct infer_table *probe_table(struct infer_tables *tables, str name)
{
    for (size_t i = 0; i < tables->len; i++) {
        if (str_eq(tables->at[i].name, name)) {
            return &tables->at[i];
        }
    }
    return NULL;
}

static bool probe_columns(struct task *t, struct probe_database *d)
{
    struct engine_rows rows;
    str far = arena_format(
        t->mem,
        "SELECT c.relname::text AS t, coalesce(obj_description(c.oid, 'pg_class'), '') AS td, "
        "a.attname::text AS name, CASE WHEN y.typtype = 'e' THEN 'text' WHEN e.typtype = 'e' THEN "
        "'text[]' WHEN y.typtype = 'd' THEN format_type(y.typbasetype, y.typtypmod) ELSE "
        "format_type(a.atttypid, a.atttypmod) END AS type, a.attnotnull AS required, "
        "coalesce(col_description(c.oid, a.attnum), '') AS description, "
        "c.relkind IN ('r', 'p', 'm') AND has_table_privilege(c.oid, 'SELECT') AS is_open "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT "
        "a.attisdropped JOIN pg_catalog.pg_type y ON y.oid = a.atttypid LEFT JOIN "
        "pg_catalog.pg_type e ON e.oid = y.typelem AND y.typcategory = 'A' "
        "WHERE %.*s ORDER BY c.relname, a.attnum",
        STR_ARG(probe_where(t, d)));

    if (!probe_far(t, d, "t, td, name, type, required, description, is_open", far, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        struct tree *const *cells = rows.at[i]->at;
        struct infer_table *table = probe_table(&d->p->tables, cells[0]->text);

        bool is_open = false;

        if (rows.at[i]->len != 7) {
            return task_fail(t, ERR_WORKER, "a worker described a database in an unknown way");
        }
        if (tree_is_bool(cells[6], &is_open) && is_open) {
            str_list_add(t->mem, &d->open, cells[0]->text);
        }
        if (table == NULL) {
            table = vec_add(t->mem, &d->p->tables);
            table->name = cells[0]->text;
            table->description = cells[1]->text;
        }
        if (contract_type_canonical(t->mem, cells[3]->text).len == 0) {
            vec_push(t->mem, &d->p->notes,
                     arena_format(t->mem, "left out: %.*s.%.*s (weft has no type for %.*s)",
                                  STR_ARG(table->name), STR_ARG(cells[2]->text),
                                  STR_ARG(cells[3]->text)));
            continue;
        }
        struct infer_column *column = vec_add(t->mem, &table->columns);
        column->name = cells[2]->text;
        column->type = cells[3]->text;
        (void)tree_is_bool(cells[4], &column->required);
        column->description = cells[5]->text;
        /* Without a precision its digits could be any: a contract has to name some. */
        if (str_eq(column->type, STR("numeric"))) {
            column->type = STR("numeric(38,9)");
            vec_push(
                t->mem, &d->p->notes,
                arena_format(t->mem,
                             "%.*s.%.*s is numeric without a precision: numeric(38,9) is a guess",
                             STR_ARG(table->name), STR_ARG(column->name)));
        }
    }
    return true;
}

/* Names between line feeds: no name of PostgreSQL that anyone uses holds one. */
static void probe_names(struct task *t, str text, struct str_list *out)
{
    str name;

    while (text.len > 0) {
        (void)str_cut(text, '\n', &name, &text);
        vec_push(t->mem, out, name);
    }
}

static struct infer_column *probe_column(struct infer_table *table, str name)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(table->columns.at[i].name, name)) {
            return &table->columns.at[i];
        }
    }
    return NULL;
}

static void probe_keep_constraint(struct task *t, struct infer_table *table,
                                  struct tree *const *cells)
{
    struct str_list names = {0};
    struct infer_column *column;

    probe_names(t, cells[2]->text, &names);
    if (str_eq(cells[1]->text, STR("f"))) {
        struct infer_relation *relation = vec_add(t->mem, &table->relations);
        relation->from = names;
        relation->to_table = cells[3]->text;
        probe_names(t, cells[4]->text, &relation->to);
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        column = probe_column(table, names.at[i]);
        if (column != NULL && str_eq(cells[1]->text, STR("p"))) {
            column->primary_key = (int)i + 1;
        } else if (column != NULL && names.len == 1) {
            column->unique = true;
        }
    }
}

static bool probe_constraints(struct task *t, struct probe_database *d)
{
    struct engine_rows rows;
    static const char *const names =
        "(SELECT string_agg(a.attname::text, chr(10) ORDER BY k.place) FROM unnest(k0.%s) WITH "
        "ORDINALITY AS k(number, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = k0.%s AND "
        "a.attnum = k.number)";
    str from = arena_format(t->mem, names, "conkey", "conrelid");
    str to = arena_format(t->mem, names, "confkey", "confrelid");
    str far = arena_format(
        t->mem,
        "SELECT c.relname::text AS t, k0.contype::text AS kind, %.*s AS here, "
        "coalesce(o.relname::text, "
        "'') AS other, coalesce(%.*s, '') AS there FROM pg_catalog.pg_constraint k0 JOIN "
        "pg_catalog.pg_class c ON c.oid = k0.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = "
        "c.relnamespace LEFT JOIN pg_catalog.pg_class o ON o.oid = k0.confrelid AND "
        "o.relnamespace = c.relnamespace WHERE "
        "k0.contype IN ('p', 'u', 'f') AND %.*s ORDER BY c.relname, k0.conname",
        STR_ARG(from), STR_ARG(to), STR_ARG(probe_where(t, d)));

    if (!probe_far(t, d, "t, kind, here, other, there", far, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        struct infer_table *table =
            rows.at[i]->len == 5 ? probe_table(&d->p->tables, rows.at[i]->at[0]->text) : NULL;
        if (table != NULL) {
            probe_keep_constraint(t, table, rows.at[i]->at);
        }
    }
    return true;
}

/* ---- values, for labels alone */

static str probe_values_from(struct task *t, const struct probe_database *d, str table,
                             const struct infer_column *columns, size_t len)
{
    struct buf *far = buf_new(t->mem, SQL_BYTES_MAX), *b = buf_new(t->mem, SQL_BYTES_MAX * 2);
    uint64_t rows = d->p->rows_max < PROBE_TABLE_ROWS_MAX ? d->p->rows_max : PROBE_TABLE_ROWS_MAX;

    for (size_t i = 0; i < len; i++) {
        buf_add(far, i > 0 ? STR(", left(") : STR("SELECT left("));
        buf_add_identifier(far, columns[i].name);
        buf_format(far, "::text, %d) AS ", PROBE_TEXT_LETTERS);
        buf_add_identifier(far, columns[i].name);
    }
    buf_add(far, STR(" FROM "));
    buf_add_identifier(far, d->server.schema);
    buf_add(far, STR("."));
    buf_add_identifier(far, table);
    buf_format(far, " LIMIT %llu", (unsigned long long)rows);
    buf_add(b, STR("postgres_query('source', "));
    buf_add_literal(b, buf_str(far));
    buf_add(b, STR(")"));
    return far->full || b->full ? STR_NONE : buf_str(b);
}

/* What a part of the rows shows is no promise: counts and samples are kept, and nothing of types or keys. */
static bool probe_look(struct task *t, struct probe_database *d, struct infer_table *table)
{
    struct engine_job job = {0};
    struct probe_asked asked = {d->worker, &job, &d->server,
                                arena_format(t->mem, "table %.*s", STR_ARG(table->name))};
    struct infer_column *texts = ARENA_ARRAY(t->mem, struct infer_column, table->columns.len + 1);
    size_t *places = ARENA_ARRAY(t->mem, size_t, table->columns.len + 1), len = 0;
    uint64_t rows;

    for (size_t i = 0; i < table->columns.len; i++) {
        const struct infer_column *column = &table->columns.at[i];

        if (str_eq(contract_type_canonical(t->mem, column->type), STR("VARCHAR"))) {
            texts[len] = (struct infer_column){.name = column->name, .type = STR("VARCHAR")};
            places[len++] = i;
        }
    }
    if (d->has_failed) {
        vec_push(t->mem, &job.prepare, STR("ROLLBACK"));
        vec_push(t->mem, &job.prepare, STR("BEGIN TRANSACTION"));
    }
    str from = probe_values_from(t, d, table->name, texts, len);
    if (len == 0 || from.len == 0) {
        return true;
    }
    if (!probe_values(t, &asked, texts, len, from, &rows)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        struct infer_column *column = &table->columns.at[places[i]];

        column->values = texts[i].values;
        memcpy(column->counts, texts[i].counts, sizeof(column->counts));
        column->samples = texts[i].samples;
    }
    return true;
}

static bool probe_look_at_all(struct task *t, struct probe_database *d)
{
    struct str_list closed = {0};

    for (size_t i = 0; i < d->p->tables.len; i++) {
        struct infer_table *table = &d->p->tables.at[i];

        bool is_open = str_list_has(&d->open, table->name);

        if (is_open && probe_look(t, d, table)) {
            continue;
        }
        if (is_open && t->err.code != ERR_SOURCE && t->err.code != ERR_DATA) {
            return false;
        }
        task_clear_error(t);
        d->has_failed = d->has_failed || is_open;
        vec_push(t->mem, &closed, table->name);
    }
    vec_push(t->mem, &d->p->notes,
             arena_format(t->mem,
                          "types, keys and comments as the database says them; labels by names, "
                          "and by values of at most %llu rows of each table",
                          (unsigned long long)(d->p->rows_max < PROBE_TABLE_ROWS_MAX
                                                   ? d->p->rows_max
                                                   : PROBE_TABLE_ROWS_MAX)));
    if (closed.len > 0) {
        vec_push(t->mem, &d->p->notes,
                 arena_format(t->mem,
                              "no row was looked at of: %.*s (views, or this user cannot read "
                              "them)",
                              STR_ARG(str_list_join(t->mem, &closed, STR(", ")))));
    }
    return true;
}

static void probe_say_database(struct task *t, struct probe_database *d)
{
    struct probe *p = d->p;
    struct tree *number = tree_new(t->mem, TREE_SCALAR);
    struct str_list taken = {0};
    struct buf *secret = buf_new(t->mem, PATH_BYTES_MAX);
    str stem = infer_name(t->mem, d->server.database, &taken);

    for (size_t i = 0; i < stem.len; i++) {
        char c = stem.ptr[i];
        buf_add_byte(secret, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    buf_add(secret, STR("_PASSWORD"));
    p->secret = buf_str(secret);
    number->text = d->server.port;
    probe_put(t, p->server, "server", STR("database"));
    probe_put(t, p->server, "type", STR("postgres"));
    probe_put(t, p->server, "host", d->server.host);
    (void)tree_put(t->mem, p->server, STR("port"), number);
    probe_put(t, p->server, "database", d->server.database);
    probe_put(t, p->server, "schema", d->server.schema);
    if (d->server.user.len > 0) {
        probe_custom(t, p->server, "user", d->server.user);
    }
    probe_custom(t, p->server, "password", arena_format(t->mem, "${%.*s}", STR_ARG(p->secret)));
    p->host_entry =
        str_has(d->server.host, ':')
            ? arena_format(t->mem, "[%.*s]:%.*s", STR_ARG(d->server.host), STR_ARG(d->server.port))
            : arena_format(t->mem, "%.*s:%.*s", STR_ARG(d->server.host), STR_ARG(d->server.port));
}

bool probe_postgres(struct task *t, struct engine *engine, struct probe *p)
{
    struct probe_database d = {.p = p, .said = {.name = STR("database")}};
    struct contract none = {.id = STR("probe")};
    struct engine_reach reach;
    struct report report;
    const char *password = getenv("PGPASSWORD");

    report_init(&report, t->mem);
    if (!probe_read_url(t, &d) || !probe_reach(t, &d.server, &reach)) {
        return false;
    }
    d.server.password = str_of(password);
    if (!source_open(t->mem, &none, &d.server, reach.address, NULL, &d.plan, &report)) {
        return task_fail(t, ERR_USAGE, "the address of the database is too long");
    }
    if (!engine_lend(t, engine, WORKER_EXTRACT, STR("probe"), reach, &d.worker)
        || !probe_columns(t, &d)) {
        return false;
    }
    if (p->tables.len == 0) {
        task_fail(t, ERR_NOT_FOUND, "the database has no table %.*s%s%.*s that this user may see",
                  STR_ARG(d.server.schema), d.table.len > 0 ? "." : "", STR_ARG(d.table));
        return task_hint(t, "postgres://USER@HOST:PORT/DATABASE/SCHEMA/TABLE");
    }
    if (!probe_constraints(t, &d) || !probe_look_at_all(t, &d)) {
        return false;
    }
    probe_say_database(t, &d);
    p->title = d.table.len > 0 ? d.table : d.server.database;
    return true;
}
