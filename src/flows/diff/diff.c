#include "diff/diff.h"

#include "diff_inside.h"
#include "limits/limits.h"
#include "query/query.h"
#include "release/release.h"

/* The same two releases, as the catalog has them. */
struct diff_sides {
    const struct image *image;
    const struct image_product *today, *from, *to;
};

/* ---- asking */

static bool ask(struct task *t, const struct diff *d, str text, struct engine_rows *out)
{
    struct query q = {.services = d->services, .text = text, .format = ROW_FORMAT_ROWS};
    struct buf *bytes = buf_new(t->mem, ENGINE_ANSWER_BYTES_MAX);
    struct row_sink sink = row_sink_to_buf(bytes);

    if (text.len >= SQL_BYTES_MAX) {
        return task_fail(t, ERR_LIMIT, "the table has too many columns to be compared at once");
    }
    return query_run(t, &q, &sink) && engine_rows_read(t, buf_str(bytes), out);
}

/* ---- what can be compared */

static const struct image_table *find_table(const struct image_product *product, uint64_t id)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        if (product->tables.at[i].id == id) {
            return &product->tables.at[i];
        }
    }
    return NULL;
}

static const struct decision_column *find_visible(const struct decision *decision, uint32_t id)
{
    for (size_t i = 0; i < decision->columns.len; i++) {
        if (decision->columns.at[i].id == id) {
            return &decision->columns.at[i];
        }
    }
    return NULL;
}

static str address(struct arena *mem, const struct diff *d, uint64_t number, str table)
{
    struct buf *b = buf_new(mem, 8 * NAME_BYTES_MAX);
    uint64_t major = contract_table_major(table);
    str domain, name;

    (void)str_cut(d->product, '.', &domain, &name);
    if (major > 0) {
        name = arena_format(mem, "%.*s@%llu", STR_ARG(name), (unsigned long long)major);
    }
    buf_add_identifier(b, domain);
    buf_add_byte(b, '.');
    buf_add_identifier(
        b, number == DIFF_CANDIDATE
               ? arena_format(mem, "%.*s#candidate", STR_ARG(name))
               : arena_format(mem, "%.*s#%llu", STR_ARG(name), (unsigned long long)number));
    buf_add_byte(b, '.');
    buf_add_identifier(b, contract_table_plain(table));
    return buf_str(b);
}

/* A masked value stands for many: rows cannot be matched by it. */
static bool has_keys(const struct image_table *table, const struct decision *from,
                     const struct decision *to)
{
    bool has_key = false;

    for (size_t i = 0; table->definition != NULL && i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];

        if (column->contract == NULL || column->contract->primary_key == 0) {
            continue;
        }
        const struct decision_column *before = find_visible(from, column->id),
                                     *after = find_visible(to, column->id);

        has_key = true;
        if (before == NULL || after == NULL || policy_is_masked(before)
            || policy_is_masked(after)) {
            return false;
        }
    }
    return has_key;
}

/* Columns of both releases that the actor sees; of masked ones what the masks show. */
static void choose_columns(struct task *t, const struct diff *d, const struct diff_sides *sides,
                           const struct image_table *from, const struct image_table *to,
                           bool may_be_keyed, struct diff_table *out)
{
    const struct decision *before = gate_decide(t, sides->image, from),
                          *after = gate_decide(t, sides->image, to);
    bool is_keyed = may_be_keyed && has_keys(to, before, after);

    *out = (struct diff_table){
        .from = address(t->mem, d, d->from, from->name),
        .to = address(t->mem, d, d->to, to->name),
    };
    for (size_t i = 0; i < to->columns.len; i++) {
        const struct image_column *column = &to->columns.at[i];

        if (find_visible(before, column->id) == NULL || find_visible(after, column->id) == NULL) {
            continue;
        }
        vec_push(t->mem, is_keyed && column->contract->primary_key > 0 ? &out->keys : &out->columns,
                 column->name);
    }
}

/* ---- one table */

static uint64_t number_at(const struct tree *row, size_t at)
{
    uint64_t value = 0;

    if (at < row->len && row->at[at]->kind == TREE_SCALAR) {
        (void)str_to_u64(row->at[at]->text, &value);
    }
    return value;
}

static str text_at(const struct tree *row, size_t at)
{
    return at < row->len && row->at[at]->kind == TREE_SCALAR ? row->at[at]->text : STR_NONE;
}

static void write_value(struct json_out *o, const char *key, const struct tree *row, size_t at)
{
    if (at < row->len && row->at[at]->kind == TREE_SCALAR) {
        json_out_str(o, key, row->at[at]->text);
    } else {
        json_out_null(o, key);
    }
}

static bool write_rows(struct task *t, const struct diff *d, const struct diff_table *table,
                       const struct tree *counts, const struct str_list *changed,
                       struct json_out *o)
{
    bool has_added = number_at(counts, 2) > 0, has_removed = number_at(counts, 3) > 0;
    size_t keys = table->keys.len;
    struct engine_rows rows = {0};

    if (d->rows_max == 0 || (!has_added && !has_removed && changed->len == 0)) {
        return true;
    }
    if (!ask(t, d, diff_rows_sql(t->mem, table, changed, has_added, has_removed, d->rows_max),
             &rows)) {
        return false;
    }
    json_out_begin(o, "rows", '[');
    for (size_t i = 0; i < rows.len; i++) {
        const struct tree *row = rows.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "change", text_at(row, 0));
        json_out_begin(o, "key", '[');
        for (size_t k = 0; k < keys; k++) {
            write_value(o, "", row, k + 1);
        }
        json_out_end(o, ']');
        write_value(o, "column", row, keys + 1);
        write_value(o, "before", row, keys + 2);
        write_value(o, "after", row, keys + 3);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    return true;
}

/* A contract that got its key later promised nothing of the rows before: those without one, or two of one, are in no pair. */
static bool is_keyed_right(const struct diff_table *table, const struct tree *counts)
{
    size_t behind = 5 + table->columns.len;

    return table->keys.len == 0
        || (number_at(counts, 0) == number_at(counts, behind)
            && number_at(counts, 1) == number_at(counts, behind + 1));
}

static bool count_rows(struct task *t, const struct diff *d, const struct diff_sides *sides,
                       const struct image_table *from, const struct image_table *to,
                       struct diff_table *table, const struct tree **counts_out)
{
    struct engine_rows answer = {0};

    for (int is_keyed = 1; is_keyed >= 0; is_keyed--) {
        choose_columns(t, d, sides, from, to, is_keyed, table);
        if (table->keys.len + table->columns.len == 0) {
            return task_fail(t, ERR_DENIED, "no column of %.*s in both releases is for you",
                             STR_ARG(to->name));
        }
        answer.len = 0;
        if (!ask(t, d, diff_count_sql(t->mem, table), &answer)) {
            return false;
        }
        CHECK(answer.len == 1);
        *counts_out = answer.at[0];
        if (is_keyed_right(table, *counts_out)) {
            break;
        }
    }
    return true;
}

static bool has_column(const struct image_table *table, uint32_t id)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (table->columns.at[i].id == id) {
            return true;
        }
    }
    return false;
}

/* Columns that stand in this release alone, of those that the actor sees. */
static void write_lone_columns(struct task *t, const struct diff_sides *sides,
                               const struct image_table *table, const struct image_table *other,
                               const char *what, struct json_out *o)
{
    const struct decision *decision = gate_decide(t, sides->image, table);

    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];

        if (has_column(other, column->id) || find_visible(decision, column->id) == NULL) {
            continue;
        }
        json_out_begin(o, "", '{');
        json_out_str(o, "table", table->name);
        json_out_str(o, "column", column->name);
        json_out_null(o, "changed");
        json_out_str(o, "status", str_of(what));
        json_out_end(o, '}');
    }
}

static bool write_table(struct task *t, const struct diff *d, const struct diff_sides *sides,
                        const struct image_table *from, const struct image_table *to,
                        struct json_out *o)
{
    struct diff_table table;
    struct str_list changed = {0};
    const struct tree *counts;

    if (!count_rows(t, d, sides, from, to, &table, &counts)) {
        return false;
    }

    json_out_begin(o, "", '{');
    json_out_str(o, "table", to->name);
    json_out_list(o, "key", &table.keys);
    json_out_uint(o, "rows_before", number_at(counts, 0));
    json_out_uint(o, "rows_after", number_at(counts, 1));
    json_out_uint(o, "added", number_at(counts, 2));
    json_out_uint(o, "removed", number_at(counts, 3));
    if (table.keys.len > 0) {
        json_out_uint(o, "changed", number_at(counts, 4));
    } else {
        json_out_null(o, "changed");
    }
    json_out_begin(o, "columns", '[');
    for (size_t i = 0; table.keys.len > 0 && i < table.columns.len; i++) {
        if (number_at(counts, i + 5) > 0) {
            vec_push(t->mem, &changed, table.columns.at[i]);
            json_out_begin(o, "", '{');
            json_out_str(o, "table", to->name);
            json_out_str(o, "column", table.columns.at[i]);
            json_out_uint(o, "changed", number_at(counts, i + 5));
            json_out_end(o, '}');
        }
    }
    write_lone_columns(t, sides, to, from, "added", o);
    write_lone_columns(t, sides, from, to, "removed", o);
    json_out_end(o, ']');
    bool ok = write_rows(t, d, &table, counts, &changed, o);
    json_out_end(o, '}');
    return ok;
}

/* ---- the two releases */

static bool load_candidate(struct task *t, const struct diff *d, const struct diff_sides *sides,
                           const struct image_product **out)
{
    if (!release_load_candidate(t, d->services->db, sides->today, out)) {
        return false;
    }
    if (*out != NULL) {
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "%.*s has no candidate", STR_ARG(d->product));
    return task_hint(t, "weft run %.*s --candidate makes one", STR_ARG(d->product));
}

static bool load(struct task *t, const struct diff *d, const struct diff_sides *sides,
                 uint64_t number, const struct image_product **out)
{
    if (number == DIFF_CANDIDATE) {
        return load_candidate(t, d, sides, out);
    }
    if (!release_load(t, d->services->db, sides->today, number, out)) {
        return false;
    }
    if (*out != NULL) {
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "release %llu of %.*s does not exist, or is no longer kept",
              (unsigned long long)number, STR_ARG(d->product));
    return task_hint(t, "weft show %.*s lists its releases", STR_ARG(d->product));
}

static bool find_sides(struct task *t, struct diff *d, struct diff_sides *sides)
{
    sides->image = image_pin(t, d->services->images);
    if (!services_find_product(t, sides->image, d->product, &sides->today)) {
        return false;
    }
    if (d->to == 0) {
        d->to = sides->today->release.number;
    }
    if (d->from == 0) {
        d->from = d->to == DIFF_CANDIDATE ? sides->today->release.number
                : d->to > 0               ? d->to - 1
                                          : 0;
    }
    if (d->to == 0 || d->from == 0) {
        return task_fail(t, ERR_NOT_FOUND, "%.*s has no two releases to compare",
                         STR_ARG(d->product));
    }
    return load(t, d, sides, d->from, &sides->from) && load(t, d, sides, d->to, &sides->to);
}

/* A table stands in one release alone; what it holds is its own. */
static void write_lone(const struct image_table *table, const char *what, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "table", table->name);
    json_out_str(o, "status", str_of(what));
    json_out_end(o, '}');
}

static bool write_each(struct task *t, const struct diff *d, const struct diff_sides *sides,
                       const struct image_table *to, struct json_out *o)
{
    const struct image_table *from = find_table(sides->from, to->id);

    if (from == NULL) {
        write_lone(to, "added", o);
        return true;
    }
    /* Asked for by name, a denial is told as a query tells it. */
    if (d->table.len == 0
        && (!gate_decide(t, sides->image, to)->allowed
            || !gate_decide(t, sides->image, from)->allowed)) {
        write_lone(to, "denied", o);
        return true;
    }
    return write_table(t, d, sides, from, to, o);
}

static void write_side(struct json_out *o, const char *key, uint64_t number)
{
    if (number == DIFF_CANDIDATE) {
        json_out_str(o, key, STR("candidate"));
    } else {
        json_out_uint(o, key, number);
    }
}

bool diff_releases(struct task *t, struct diff *d, struct json_out *o)
{
    struct diff_sides sides = {0};
    size_t found = 0;

    if (!find_sides(t, d, &sides)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "product", d->product);
    write_side(o, "from", d->from);
    write_side(o, "to", d->to);
    json_out_begin(o, "tables", '[');
    for (size_t i = 0; i < sides.to->tables.len; i++) {
        const struct image_table *table = &sides.to->tables.at[i];

        if (d->table.len > 0 && !str_eq(d->table, table->name)) {
            continue;
        }
        found++;
        if (!write_each(t, d, &sides, table, o)) {
            return false;
        }
    }
    for (size_t i = 0; i < sides.from->tables.len; i++) {
        const struct image_table *table = &sides.from->tables.at[i];

        if (find_table(sides.to, table->id) == NULL
            && (d->table.len == 0 || str_eq(d->table, table->name))) {
            found++;
            write_lone(table, "removed", o);
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return found > 0 || d->table.len == 0
        || task_fail(t, ERR_NOT_FOUND, "%.*s has no table %.*s in these releases",
                     STR_ARG(d->product), STR_ARG(d->table));
}
