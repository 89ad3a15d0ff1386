#include <stdarg.h>
#include <stdlib.h>

#include "metadb/metadb_inside.h"

static void close_statement(void *state)
{
    struct metadb_statement *st = state;
    if (st->handle == NULL)
        return;
    if (st->kept != NULL) {
        (void)sqlite3_reset(st->handle);
        (void)sqlite3_clear_bindings(st->handle);
        st->kept->is_lent = false;
    } else {
        sqlite3_finalize(st->handle);
    }
    st->handle = NULL;
    *st->link = st->next;
    if (st->next != NULL)
        st->next->link = st->link;
    if (st->is_of_pool)
        metadb_give_back(st->core, st->connection);
}

void metadb_close_statements(struct metadb_connection *connection)
{
    while (connection->open != NULL)
        close_statement(connection->open);
}

void metadb_keep_statements(struct metadb_connection *connection)
{
    connection->kept = calloc(METADB_KEPT_MAX, sizeof *connection->kept);
    CHECK(connection->kept != NULL);
}

static struct metadb_kept *find_kept(struct metadb_connection *connection, str sql, uint64_t hash)
{
    for (size_t i = 0; i < METADB_KEPT_MAX; i++) {
        struct metadb_kept *kept = &connection->kept[i];
        if (kept->handle != NULL && kept->hash == hash && !kept->is_lent
            && str_eq(str_of(sqlite3_sql(kept->handle)), sql))
            return kept;
    }
    return NULL;
}

/* A free place, or that of the least lately used one; NULL when all are lent. */
static struct metadb_kept *place_to_keep(struct metadb_connection *connection)
{
    struct metadb_kept *oldest = NULL;
    for (size_t i = 0; i < METADB_KEPT_MAX; i++) {
        struct metadb_kept *kept = &connection->kept[i];
        if (kept->handle == NULL)
            return kept;
        if (!kept->is_lent && (oldest == NULL || kept->used_at < oldest->used_at))
            oldest = kept;
    }
    return oldest;
}

/* Prepares, or takes what was kept; `*kept_out` is NULL when the statement is the caller's to finalize. */
static int take_statement(struct metadb_connection *connection, const char *text,
                          sqlite3_stmt **out, struct metadb_kept **kept_out)
{
    *kept_out = NULL;
    str sql = str_of(text);
    uint64_t hash = str_hash(sql);
    struct metadb_kept *kept = find_kept(connection, sql, hash);
    if (kept == NULL) {
        int code =
            sqlite3_prepare_v3(connection->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
        if (code != SQLITE_OK || (kept = place_to_keep(connection)) == NULL)
            return code;
        sqlite3_finalize(kept->handle);
        *kept = (struct metadb_kept){.handle = *out, .hash = hash};
    }
    kept->is_lent = true;
    kept->used_at = ++connection->uses;
    *out = kept->handle;
    *kept_out = kept;
    return SQLITE_OK;
}

bool metadb_exec_kept(struct task *t, struct metadb_core *core,
                      struct metadb_connection *connection, const char *sql)
{
    struct metadb_kept *kept;
    sqlite3_stmt *handle = NULL;
    int code = take_statement(connection, sql, &handle, &kept);
    if (code == SQLITE_OK)
        code = sqlite3_step(handle);
    bool ok = code == SQLITE_DONE || metadb_failed(t, core, connection->handle, code, sql);
    if (kept != NULL) {
        (void)sqlite3_reset(handle);
        kept->is_lent = false;
    } else {
        sqlite3_finalize(handle);
    }
    return ok;
}

bool metadb_prepare(struct task *t, struct metadb *db, const char *sql,
                    struct metadb_statement **out)
{
    struct metadb_connection *connection;
    if (!metadb_borrow(t, db, &connection))
        return false;
    bool is_of_pool = db->connection == NULL;
    sqlite3_stmt *handle = NULL;
    struct metadb_kept *kept;
    int code = take_statement(connection, sql, &handle, &kept);
    if (code != SQLITE_OK) {
        metadb_failed(t, db->core, connection->handle, code, sql);
        if (is_of_pool)
            metadb_give_back(db->core, connection);
        return false;
    }
    CHECK(handle != NULL);
    struct metadb_statement *st = ARENA_NEW(t->mem, struct metadb_statement);
    *st = (struct metadb_statement){.magic = METADB_STATEMENT_MAGIC,
                                    .handle = handle,
                                    .connection = connection,
                                    .core = db->core,
                                    .kept = kept,
                                    .is_of_pool = is_of_pool,
                                    .next = connection->open,
                                    .link = &connection->open};
    if (st->next != NULL)
        st->next->link = &st->next;
    connection->open = st;
    arena_defer(t->mem, close_statement, st);
    *out = st;
    return true;
}

void metadb_done(struct task *t, struct metadb_statement *st)
{
    CHECK(st->magic == METADB_STATEMENT_MAGIC);
    arena_close(t->mem, st);
}

void metadb_reset(struct metadb_statement *st)
{
    /* Its code is the last step's, which was told already. */
    (void)sqlite3_reset(st->handle);
}

void metadb_bind_int(struct metadb_statement *st, int index, int64_t value)
{
    CHECK(sqlite3_bind_int64(st->handle, index, value) == SQLITE_OK);
}

void metadb_bind_real(struct metadb_statement *st, int index, double value)
{
    CHECK(sqlite3_bind_double(st->handle, index, value) == SQLITE_OK);
}

void metadb_bind_str(struct metadb_statement *st, int index, str value)
{
    /* A NULL pointer would bind NULL, and an empty text is not that. */
    const char *ptr = value.len > 0 ? value.ptr : "";
    CHECK(sqlite3_bind_text64(st->handle, index, ptr, value.len, SQLITE_TRANSIENT, SQLITE_UTF8)
          == SQLITE_OK);
}

bool metadb_step(struct task *t, struct metadb_statement *st, bool *has_row_out)
{
    CHECK(st->magic == METADB_STATEMENT_MAGIC && st->handle != NULL);
    int code = sqlite3_step(st->handle);
    *has_row_out = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return true;
    metadb_failed(t, st->core, st->connection->handle, code, sqlite3_sql(st->handle));
    (void)sqlite3_reset(st->handle);
    return false;
}

bool metadb_next(struct task *t, struct metadb_statement *st)
{
    bool has_row;
    st->has_failed = !metadb_step(t, st, &has_row);
    return has_row;
}

bool metadb_end(struct task *t, struct metadb_statement *st)
{
    bool ok = !st->has_failed;
    metadb_done(t, st);
    return ok;
}

int64_t metadb_int(struct metadb_statement *st, int column)
{
    return sqlite3_column_int64(st->handle, column);
}

uint64_t metadb_uint(struct metadb_statement *st, int column)
{
    return (uint64_t)sqlite3_column_int64(st->handle, column);
}

bool metadb_is_null(struct metadb_statement *st, int column)
{
    return sqlite3_column_type(st->handle, column) == SQLITE_NULL;
}

str metadb_str(struct arena *mem, struct metadb_statement *st, int column)
{
    const void *text = sqlite3_column_text(st->handle, column);
    int len = sqlite3_column_bytes(st->handle, column);
    if (text == NULL || len <= 0)
        return STR_NONE;
    return arena_str(mem, (str){text, (size_t)len});
}

static void bind_all(struct metadb_statement *st, const char *types, va_list args)
{
    int index = 0;
    for (const char *type = types; *type != '\0'; type++) {
        index++;
        switch (*type) {
        case 'i':
            metadb_bind_int(st, index, va_arg(args, int64_t));
            break;
        case 'd':
            metadb_bind_int(st, index, va_arg(args, int));
            break;
        case 'u':
            metadb_bind_int(st, index, va_arg(args, uint32_t));
            break;
        case 'r':
            metadb_bind_real(st, index, va_arg(args, double));
            break;
        case 's':
            metadb_bind_str(st, index, va_arg(args, str));
            break;
        case 'S': {
            str value = va_arg(args, str);
            if (value.len > 0)
                metadb_bind_str(st, index, value);
            break;
        }
        case 'I': {
            int64_t value = va_arg(args, int64_t);
            if (value != 0)
                metadb_bind_int(st, index, value);
            break;
        }
        default:
            CHECK(*type == 'n');
        }
    }
    CHECK(index == sqlite3_bind_parameter_count(st->handle));
}

static bool query(struct task *t, struct metadb *db, struct metadb_statement **out, const char *sql,
                  const char *types, va_list args)
{
    if (!metadb_prepare(t, db, sql, out))
        return false;
    bind_all(*out, types, args);
    return true;
}

/* In a function with `...` behind `types`: what stands there is bound; where that fails, so does the function. */
#define QUERY(out)                                                                                 \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, types);                                                                     \
        bool is_bound = query(t, db, (out), sql, types, args);                                     \
        va_end(args);                                                                              \
        if (!is_bound)                                                                             \
            return false;                                                                          \
    } while (0)

bool metadb_query(struct task *t, struct metadb *db, struct metadb_statement **out, const char *sql,
                  const char *types, ...)
{
    QUERY(out);
    return true;
}

bool metadb_find_uint(struct task *t, struct metadb *db, uint64_t *out, const char *sql,
                      const char *types, ...)
{
    struct metadb_statement *st;
    QUERY(&st);
    *out = metadb_next(t, st) ? metadb_uint(st, 0) : 0;
    return metadb_end(t, st);
}

bool metadb_find_str(struct task *t, struct metadb *db, str *out, const char *sql,
                     const char *types, ...)
{
    struct metadb_statement *st;
    QUERY(&st);
    *out = metadb_next(t, st) ? metadb_str(t->mem, st, 0) : STR_NONE;
    return metadb_end(t, st);
}

bool metadb_has(struct task *t, struct metadb *db, bool *out, const char *sql, const char *types,
                ...)
{
    struct metadb_statement *st;
    QUERY(&st);
    *out = metadb_next(t, st);
    return metadb_end(t, st);
}

bool metadb_run_prepared(struct task *t, struct metadb_statement *st)
{
    bool has_row = true, ok = true;
    while (ok && has_row)
        ok = metadb_step(t, st, &has_row);
    metadb_reset(st);
    return ok;
}

bool metadb_run(struct task *t, struct metadb *db, const char *sql, const char *types, ...)
{
    struct metadb_statement *st;
    QUERY(&st);
    bool ok = metadb_run_prepared(t, st);
    metadb_done(t, st);
    return ok;
}

uint64_t metadb_last_id(struct metadb *db)
{
    CHECK(db->is_writer);
    return (uint64_t)sqlite3_last_insert_rowid(db->connection->handle);
}

uint64_t metadb_changes(struct metadb *db)
{
    CHECK(db->is_writer);
    return (uint64_t)sqlite3_changes64(db->connection->handle);
}
