#include "worker_types.h"

#include "buf/buf.h"
#include "map/map.h"

enum { TYPE_BYTES_MAX = 1024 * 1024 };

static void destroy_type(void *type)
{
    duckdb_logical_type handle = type;
    duckdb_destroy_logical_type(&handle);
}

duckdb_logical_type worker_type_keep(struct task *t, duckdb_logical_type type)
{
    if (type)
        arena_defer(t->mem, destroy_type, type);
    return type;
}

/* A text that the engine allocated. */
static str take_text(struct task *t, char *text)
{
    str copy = arena_str(t->mem, str_of(text));
    duckdb_free(text);
    return copy;
}

/* ---- spelling */

static const char *plain_name(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_BOOLEAN:
        return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT:
        return "TINYINT";
    case DUCKDB_TYPE_SMALLINT:
        return "SMALLINT";
    case DUCKDB_TYPE_INTEGER:
        return "INTEGER";
    case DUCKDB_TYPE_BIGINT:
        return "BIGINT";
    case DUCKDB_TYPE_UTINYINT:
        return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT:
        return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER:
        return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT:
        return "UBIGINT";
    case DUCKDB_TYPE_HUGEINT:
        return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT:
        return "UHUGEINT";
    case DUCKDB_TYPE_FLOAT:
        return "FLOAT";
    case DUCKDB_TYPE_DOUBLE:
        return "DOUBLE";
    case DUCKDB_TYPE_TIMESTAMP:
        return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_S:
        return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return "TIMESTAMP_NS";
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_DATE:
        return "DATE";
    case DUCKDB_TYPE_TIME:
        return "TIME";
    case DUCKDB_TYPE_TIME_NS:
        return "TIME_NS";
    case DUCKDB_TYPE_TIME_TZ:
        return "TIME WITH TIME ZONE";
    case DUCKDB_TYPE_INTERVAL:
        return "INTERVAL";
    case DUCKDB_TYPE_VARCHAR:
        return "VARCHAR";
    case DUCKDB_TYPE_BLOB:
        return "BLOB";
    case DUCKDB_TYPE_BIT:
        return "BIT";
    case DUCKDB_TYPE_UUID:
        return "UUID";
    case DUCKDB_TYPE_BIGNUM:
        return "BIGNUM";
    case DUCKDB_TYPE_SQLNULL:
        return "\"NULL\"";
    case DUCKDB_TYPE_GEOMETRY:
        return "GEOMETRY";
    case DUCKDB_TYPE_VARIANT:
        return "VARIANT";
    default:
        return NULL;
    }
}

/* The engine quotes every word of its grammar, reserved or not. */
bool worker_types_open(struct task *t, struct worker_engine *e)
{
    duckdb_result result;
    e->keywords = ARENA_NEW(e->mem, struct map);
    map_init(e->keywords, e->mem);
    bool ok =
        duckdb_query(e->con, "SELECT keyword_name FROM duckdb_keywords()", &result) == DuckDBSuccess
        || task_fail(t, ERR_ENGINE, "the engine does not tell its keywords");
    duckdb_data_chunk chunk;
    while (ok && (chunk = duckdb_fetch_chunk(result))) {
        struct batch_vector words = {.type = BATCH_TEXT};
        worker_vector_fill(&words, duckdb_data_chunk_get_vector(chunk, 0),
                           duckdb_data_chunk_get_size(chunk));
        for (uint64_t i = 0; i < words.len; i++)
            map_put(e->keywords, arena_str(e->mem, batch_text(&words, i)), e);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return ok;
}

static void add_name(struct task *t, struct worker_engine *e, str name, struct buf *out)
{
    bool plain = name.len > 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            plain = false;
    }
    if (plain && !map_find(e->keywords, arena_lower(t->mem, name)))
        buf_add(out, name);
    else
        buf_add_identifier(out, name);
}

static void add_type(struct task *t, struct worker_engine *e, duckdb_logical_type type,
                     struct buf *out);

static void add_enum(struct task *t, duckdb_logical_type type, struct buf *out)
{
    uint32_t len = duckdb_enum_dictionary_size(type);
    buf_add(out, STR("ENUM("));
    for (uint32_t i = 0; i < len && !out->full; i++) {
        if (i)
            buf_add(out, STR(", "));
        buf_add_literal(out, take_text(t, duckdb_enum_dictionary_value(type, i)));
    }
    buf_add_byte(out, ')');
}

static void add_struct(struct task *t, struct worker_engine *e, duckdb_logical_type type,
                       struct buf *out)
{
    idx_t len = duckdb_struct_type_child_count(type);
    buf_add(out, STR("STRUCT("));
    for (idx_t i = 0; i < len; i++) {
        str name = take_text(t, duckdb_struct_type_child_name(type, i));
        if (i)
            buf_add(out, STR(", "));
        if (name.len) {
            add_name(t, e, name, out);
            buf_add_byte(out, ' ');
        }
        add_type(t, e, worker_type_keep(t, duckdb_struct_type_child_type(type, i)), out);
    }
    buf_add_byte(out, ')');
}

static void add_union(struct task *t, struct worker_engine *e, duckdb_logical_type type,
                      struct buf *out)
{
    idx_t len = duckdb_union_type_member_count(type);
    buf_add(out, STR("UNION("));
    for (idx_t i = 0; i < len; i++) {
        if (i)
            buf_add(out, STR(", "));
        add_name(t, e, take_text(t, duckdb_union_type_member_name(type, i)), out);
        buf_add_byte(out, ' ');
        add_type(t, e, worker_type_keep(t, duckdb_union_type_member_type(type, i)), out);
    }
    buf_add_byte(out, ')');
}

static void add_nested(struct task *t, struct worker_engine *e, duckdb_logical_type type,
                       struct buf *out)
{
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
        buf_format(out, "DECIMAL(%u,%u)", duckdb_decimal_width(type), duckdb_decimal_scale(type));
        break;
    case DUCKDB_TYPE_ENUM:
        add_enum(t, type, out);
        break;
    case DUCKDB_TYPE_LIST:
        add_type(t, e, worker_type_keep(t, duckdb_list_type_child_type(type)), out);
        buf_add(out, STR("[]"));
        break;
    case DUCKDB_TYPE_ARRAY:
        add_type(t, e, worker_type_keep(t, duckdb_array_type_child_type(type)), out);
        buf_format(out, "[%llu]", (unsigned long long)duckdb_array_type_array_size(type));
        break;
    case DUCKDB_TYPE_MAP:
        buf_add(out, STR("MAP("));
        add_type(t, e, worker_type_keep(t, duckdb_map_type_key_type(type)), out);
        buf_add(out, STR(", "));
        add_type(t, e, worker_type_keep(t, duckdb_map_type_value_type(type)), out);
        buf_add_byte(out, ')');
        break;
    case DUCKDB_TYPE_STRUCT:
        add_struct(t, e, type, out);
        break;
    case DUCKDB_TYPE_UNION:
        add_union(t, e, type, out);
        break;
    default:
        buf_add(out, STR("UNKNOWN"));
    }
}

static void add_type(struct task *t, struct worker_engine *e, duckdb_logical_type type,
                     struct buf *out)
{
    char *alias = duckdb_logical_type_get_alias(type);
    const char *name = plain_name(duckdb_get_type_id(type));
    if (alias)
        buf_add(out, take_text(t, alias));
    else if (name)
        buf_add(out, str_of(name));
    else
        add_nested(t, e, type, out);
}

str worker_type_text(struct task *t, struct worker_engine *e, duckdb_logical_type type)
{
    struct buf *out = buf_new(t->mem, TYPE_BYTES_MAX);
    add_type(t, e, type, out);
    return buf_str(out);
}

/* Words, numbers, quoted words and literals, inside balanced brackets. */
bool worker_type_is_safe(str type)
{
    enum { DEPTH_MAX = 64 };
    char open[DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < type.len; i++) {
        char c = type.ptr[i];
        bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (c == '\'' || c == '"') {
            size_t end = str_find(str_from(type, i + 1), (str){&c, 1});
            i += end + 1;
            if (i >= type.len)
                return false;
        } else if (c == '(' || c == '[') {
            if (depth == DEPTH_MAX)
                return false;
            open[depth++] = c;
        } else if (c == ')' || c == ']') {
            if (!depth || open[--depth] != (c == ')' ? '(' : '['))
                return false;
        } else if (c == ',' ? depth == 0 : (!word && c != ' ')) {
            return false;
        }
    }
    return type.len > 0 && depth == 0;
}
