/* customProperties.incremental of a table: how a run adds to the rows of the release before. */
#include "contract/contract_custom.h"
#include "contract/contract_inside.h"

static const char example[] =
    "incremental: {mode: merge, key: updated_at, lookback: 2h} beside materialization: incremental";

static const struct {
    const char *type;
    enum incremental_key kind;
} key_types[] = {
    {"TINYINT", INCREMENTAL_INTEGER},
    {"SMALLINT", INCREMENTAL_INTEGER},
    {"INTEGER", INCREMENTAL_INTEGER},
    {"BIGINT", INCREMENTAL_INTEGER},
    {"DATE", INCREMENTAL_DATE},
    {"TIMESTAMP", INCREMENTAL_INSTANT},
    {"TIMESTAMP WITH TIME ZONE", INCREMENTAL_INSTANT},
};

static bool find_key_type(str type, enum incremental_key *out)
{
    for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++)
        if (str_eq(type, str_of(key_types[i].type))) {
            *out = key_types[i].kind;
            return true;
        }
    return false;
}

static void check_keys(struct contract_reader *r, const struct tree *value)
{
    for (size_t i = 0; i < value->len; i++) {
        str key = value->at[i]->key;
        if (str_eq(key, STR("mode")) || str_eq(key, STR("key")) || str_eq(key, STR("lookback")))
            continue;
        contract_error(r, value->at[i], "unknown key " STR_FMT, STR_ARG(key))->allowed =
            STR("mode, key, lookback");
    }
}

static bool read_mode(struct contract_reader *r, const struct tree *value,
                      struct contract_incremental *out)
{
    const struct tree *node = tree_find(value, STR("mode"));
    str mode = tree_find_text(value, STR("mode"));
    if (str_eq(mode, STR("append")))
        out->mode = INCREMENTAL_APPEND;
    else if (str_eq(mode, STR("merge")))
        out->mode = INCREMENTAL_MERGE;
    else {
        struct finding *f =
            contract_error(r, node ? node : value, "an incremental table says how rows are added");
        f->found = mode;
        f->allowed = STR("append (rows behind the last key), merge (by the primary key)");
        f->hint = str_of(example);
        return false;
    }
    return true;
}

static bool read_key(struct contract_reader *r, const struct contract_table *table,
                     const struct tree *value, struct contract_incremental *out)
{
    const struct tree *node = tree_find(value, STR("key"));
    str name = tree_find_text(value, STR("key"));
    const struct contract_column *column = name.len ? contract_find_column(table, name) : NULL;
    struct str_list names = {0};
    for (size_t i = 0; i < table->columns.len; i++)
        vec_push(r->mem, &names, table->columns.at[i].name);
    if (!column) {
        struct finding *f =
            contract_error(r, node ? node : value,
                           "an incremental table has a key: the column that grows with new rows");
        f->found = name;
        f->allowed = str_list_join(r->mem, &names, STR(", "));
        f->hint = str_of(example);
        return false;
    }
    out->key = column->name;
    if (!column->type.len)
        return false; /* a finding of its own */
    if (!find_key_type(column->type, &out->kind)) {
        struct finding *f = contract_error(
            r, node, "the key " STR_FMT " of an incremental table cannot be a " STR_FMT,
            STR_ARG(column->name), STR_ARG(column->type));
        f->allowed =
            STR("TIMESTAMP, TIMESTAMP WITH TIME ZONE, DATE, TINYINT, SMALLINT, INTEGER, BIGINT");
        return false;
    }
    if (!column->required) {
        struct finding *f =
            contract_error(r, node, "the key " STR_FMT " of an incremental table may be null",
                           STR_ARG(column->name));
        f->hint = STR("say required: true: a row without a key would be behind no key, and never "
                      "come");
        return false;
    }
    return true;
}

/* `2h` -> microseconds; of a date whole days; of an integer a number. */
static bool read_span(str text, enum incremental_key kind, int64_t *out)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {
        {'s', 1000000}, {'m', 60 * 1000000LL}, {'h', 3600 * 1000000LL}, {'d', 86400 * 1000000LL}};
    enum { SPAN_MOST = 100000 };
    if (kind == INCREMENTAL_INTEGER)
        return str_to_i64(text, out) && *out >= 0;
    if (text.len < 2 || !str_to_i64(str_sub(text, 0, text.len - 1), out) || *out < 0
        || *out > SPAN_MOST)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text.ptr[text.len - 1] == units[i].unit) {
            *out *= units[i].us;
            return kind == INCREMENTAL_INSTANT || units[i].unit == 'd';
        }
    return false;
}

static bool read_lookback(struct contract_reader *r, const struct tree *value,
                          struct contract_incremental *out)
{
    static const char *const allowed[] = {"an integer from 0", "days, as 3d",
                                          "a duration, as 90s, 15m, 2h or 3d"};
    const struct tree *node = tree_find(value, STR("lookback"));
    if (!node)
        return true;
    if (node->kind == TREE_SCALAR && !tree_is_null(node)
        && read_span(node->text, out->kind, &out->lookback))
        return true;
    struct finding *f =
        contract_error(r, node, "lookback says how far behind the last key late rows may come");
    f->found = node->kind == TREE_SCALAR ? node->text : STR_NONE;
    f->allowed = str_of(allowed[out->kind]);
    return false;
}

/* Rows are told by their number in a file, and replaced by the ranges of their key. */
static bool check_columns(struct contract_reader *r, const struct contract_table *table,
                          const struct tree *value, const struct contract_incremental *how)
{
    size_t keys = 0;
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        keys += column->primary_key > 0;
        if (str_eq_nocase(column->name, STR("file_row_number"))) {
            contract_error(r, value,
                           "an incremental table cannot have a column that is called " STR_FMT,
                           STR_ARG(column->name));
            return false;
        }
        if (how->mode == INCREMENTAL_MERGE && column->primary_key > 0 && column->type.len
            && !contract_type_is_ordered(column->type)) {
            contract_error(r, value,
                           "rows cannot be merged by a primary key with " STR_FMT
                           " of type " STR_FMT,
                           STR_ARG(column->name), STR_ARG(column->type))
                ->allowed = STR("integers, DECIMAL, text, BOOLEAN, UUID, dates and times");
            return false;
        }
    }
    if (how->mode != INCREMENTAL_MERGE || keys > 0)
        return true;
    contract_error(r, value, "rows are merged by the primary key, and " STR_FMT " has none",
                   STR_ARG(table->name))
        ->hint = STR("say primaryKey: true of the columns that tell its rows apart");
    return false;
}

void contract_read_incremental(struct contract_reader *r, struct contract_table *table)
{
    const struct tree *custom = tree_find(table->source, STR("customProperties"));
    const struct tree *kind = contract_custom(custom, STR("materialization"));
    const struct tree *value = contract_custom(custom, STR("incremental"));
    bool is_wanted = kind && kind->kind == TREE_SCALAR && str_eq(kind->text, STR("incremental"));
    struct contract_incremental how = {0};
    if (is_wanted && !value) {
        contract_error(r, kind, "an incremental table says how rows are added")->hint =
            STR("add a property incremental: {mode: append or merge, key: COLUMN}");
        return;
    }
    if (!value)
        return;
    how.place = tree_place(r->mem, r->file, value);
    if (value->kind != TREE_MAP) {
        contract_error(r, value, "incremental cannot be this")->hint = str_of(example);
        return;
    }
    check_keys(r, value);
    if (!is_wanted) {
        contract_error(r, value, "incremental says how a table is added to that is not incremental")
            ->hint = STR("add {property: materialization, value: incremental}");
        return;
    }
    if (read_mode(r, value, &how) && read_key(r, table, value, &how)
        && read_lookback(r, value, &how) && check_columns(r, table, value, &how))
        table->incremental = how;
}
