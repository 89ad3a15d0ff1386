#include "worker_types.h"

_Static_assert(sizeof(duckdb_string_t) == sizeof(struct batch_text),
               "texts are pointed at, not copied");
_Static_assert(sizeof(duckdb_list_entry) == sizeof(struct batch_span),
               "list entries are pointed at, not copied");
_Static_assert(sizeof(duckdb_interval) == sizeof(struct batch_interval),
               "intervals are pointed at, not copied");
_Static_assert(sizeof(duckdb_hugeint) == sizeof(struct batch_wide),
               "wide integers are pointed at, not copied");

static enum batch_type batch_type_of(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_SQLNULL:
        return BATCH_NULL;
    case DUCKDB_TYPE_BOOLEAN:
        return BATCH_BOOL;
    case DUCKDB_TYPE_TINYINT:
        return BATCH_I8;
    case DUCKDB_TYPE_SMALLINT:
        return BATCH_I16;
    case DUCKDB_TYPE_INTEGER:
        return BATCH_I32;
    case DUCKDB_TYPE_BIGINT:
        return BATCH_I64;
    case DUCKDB_TYPE_UTINYINT:
        return BATCH_U8;
    case DUCKDB_TYPE_USMALLINT:
        return BATCH_U16;
    case DUCKDB_TYPE_UINTEGER:
        return BATCH_U32;
    case DUCKDB_TYPE_UBIGINT:
        return BATCH_U64;
    case DUCKDB_TYPE_HUGEINT:
        return BATCH_I128;
    case DUCKDB_TYPE_UHUGEINT:
        return BATCH_U128;
    case DUCKDB_TYPE_FLOAT:
        return BATCH_F32;
    case DUCKDB_TYPE_DOUBLE:
        return BATCH_F64;
    case DUCKDB_TYPE_DECIMAL:
        return BATCH_DECIMAL;
    case DUCKDB_TYPE_VARCHAR:
        return BATCH_TEXT;
    case DUCKDB_TYPE_BLOB:
        return BATCH_BLOB;
    case DUCKDB_TYPE_BIT:
        return BATCH_BIT;
    case DUCKDB_TYPE_BIGNUM:
        return BATCH_BIGNUM;
    case DUCKDB_TYPE_DATE:
        return BATCH_DATE;
    case DUCKDB_TYPE_TIME:
        return BATCH_TIME;
    case DUCKDB_TYPE_TIME_NS:
        return BATCH_TIME_NS;
    case DUCKDB_TYPE_TIME_TZ:
        return BATCH_TIME_TZ;
    case DUCKDB_TYPE_TIMESTAMP_S:
        return BATCH_TIMESTAMP_S;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return BATCH_TIMESTAMP_MS;
    case DUCKDB_TYPE_TIMESTAMP:
        return BATCH_TIMESTAMP;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return BATCH_TIMESTAMP_NS;
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return BATCH_TIMESTAMP_TZ;
    case DUCKDB_TYPE_INTERVAL:
        return BATCH_INTERVAL;
    case DUCKDB_TYPE_UUID:
        return BATCH_UUID;
    case DUCKDB_TYPE_ENUM:
        return BATCH_ENUM;
    case DUCKDB_TYPE_LIST:
        return BATCH_LIST;
    case DUCKDB_TYPE_ARRAY:
        return BATCH_ARRAY;
    case DUCKDB_TYPE_STRUCT:
        return BATCH_STRUCT;
    case DUCKDB_TYPE_MAP:
        return BATCH_MAP;
    case DUCKDB_TYPE_UNION:
        return BATCH_UNION;
    default:
        return BATCH_TYPE_COUNT;
    }
}

static uint8_t width_of(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_UTINYINT:
        return 1;
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_USMALLINT:
        return 2;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_UINTEGER:
        return 4;
    case DUCKDB_TYPE_BIGINT:
        return 8;
    default:
        return 16;
    }
}

static str take_name(struct task *t, char *name)
{
    str copy = arena_str(t->mem, str_of(name));
    duckdb_free(name);
    return copy;
}

static void shape_enum(struct task *t, duckdb_logical_type type, struct batch_vector *out)
{
    uint32_t len = duckdb_enum_dictionary_size(type);
    str *names = ARENA_ARRAY(t->mem, str, len);
    for (uint32_t i = 0; i < len; i++)
        names[i] = take_name(t, duckdb_enum_dictionary_value(type, i));
    out->names = names;
    out->name_count = len;
    out->width = width_of(duckdb_enum_internal_type(type));
}

static void add_children(struct task *t, struct batch_vector *out, size_t len)
{
    out->children = ARENA_ARRAY(t->mem, struct batch_vector, len);
    out->child_count = len;
}

static bool shape_child(struct task *t, duckdb_logical_type type, str column,
                        struct batch_vector *out)
{
    return worker_vector_shape(t, worker_type_keep(t, type), column, out);
}

static bool shape_struct(struct task *t, duckdb_logical_type type, str column,
                         struct batch_vector *out)
{
    idx_t len = duckdb_struct_type_child_count(type);
    str *names = ARENA_ARRAY(t->mem, str, len);
    add_children(t, out, len);
    out->names = names;
    out->name_count = len;
    for (idx_t i = 0; i < len; i++) {
        names[i] = take_name(t, duckdb_struct_type_child_name(type, i));
        if (!shape_child(t, duckdb_struct_type_child_type(type, i), column, &out->children[i]))
            return false;
    }
    return true;
}

static bool shape_union(struct task *t, duckdb_logical_type type, str column,
                        struct batch_vector *out)
{
    idx_t len = duckdb_union_type_member_count(type);
    str *names = ARENA_ARRAY(t->mem, str, len);
    add_children(t, out, len + 1);
    out->names = names;
    out->name_count = len;
    out->children[0].type = BATCH_U8;
    for (idx_t i = 0; i < len; i++) {
        names[i] = take_name(t, duckdb_union_type_member_name(type, i));
        if (!shape_child(t, duckdb_union_type_member_type(type, i), column, &out->children[i + 1]))
            return false;
    }
    return true;
}

static bool is_json(duckdb_logical_type type)
{
    char *alias = duckdb_logical_type_get_alias(type);
    bool is = alias && str_eq(str_of(alias), STR("JSON"));
    duckdb_free(alias);
    return is;
}

bool worker_vector_shape(struct task *t, duckdb_logical_type type, str column,
                         struct batch_vector *out)
{
    duckdb_type id = duckdb_get_type_id(type);
    out->type = batch_type_of(id);
    switch (out->type) {
    case BATCH_TYPE_COUNT:
        task_fail(t, ERR_TYPE, "column " STR_FMT " has a type that no answer can hold",
                  STR_ARG(column));
        return task_hint(t, "cast it, as in column::VARCHAR");
    case BATCH_TEXT:
        if (is_json(type))
            out->type = BATCH_JSON;
        return true;
    case BATCH_DECIMAL:
        out->width = width_of(duckdb_decimal_internal_type(type));
        out->scale = duckdb_decimal_scale(type);
        return true;
    case BATCH_ENUM:
        shape_enum(t, type, out);
        return true;
    case BATCH_LIST:
        add_children(t, out, 1);
        return shape_child(t, duckdb_list_type_child_type(type), column, &out->children[0]);
    case BATCH_ARRAY:
        add_children(t, out, 1);
        out->size = duckdb_array_type_array_size(type);
        return shape_child(t, duckdb_array_type_child_type(type), column, &out->children[0]);
    case BATCH_MAP:
        add_children(t, out, 2);
        return shape_child(t, duckdb_map_type_key_type(type), column, &out->children[0])
            && shape_child(t, duckdb_map_type_value_type(type), column, &out->children[1]);
    case BATCH_STRUCT:
        return shape_struct(t, type, column, out);
    case BATCH_UNION:
        return shape_union(t, type, column, out);
    default:
        return true;
    }
}

void worker_vector_fill(struct batch_vector *out, duckdb_vector vector, uint64_t len)
{
    out->len = len;
    out->valid = duckdb_vector_get_validity(vector);
    out->values = NULL;
    switch (out->type) {
    case BATCH_NULL:
        return;
    case BATCH_STRUCT:
    case BATCH_UNION:
        for (size_t i = 0; i < out->child_count; i++)
            worker_vector_fill(&out->children[i], duckdb_struct_vector_get_child(vector, i), len);
        return;
    case BATCH_ARRAY:
        worker_vector_fill(&out->children[0], duckdb_array_vector_get_child(vector),
                           len * out->size);
        return;
    case BATCH_LIST:
        out->values = duckdb_vector_get_data(vector);
        worker_vector_fill(&out->children[0], duckdb_list_vector_get_child(vector),
                           duckdb_list_vector_get_size(vector));
        return;
    case BATCH_MAP: {
        duckdb_vector entries = duckdb_list_vector_get_child(vector);
        uint64_t size = duckdb_list_vector_get_size(vector);
        out->values = duckdb_vector_get_data(vector);
        for (size_t i = 0; i < 2; i++)
            worker_vector_fill(&out->children[i], duckdb_struct_vector_get_child(entries, i), size);
        return;
    }
    default:
        out->values = duckdb_vector_get_data(vector);
    }
}
