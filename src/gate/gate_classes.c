/* How many classes of copies the policies make of one table, and what these weigh at most. Pure. */
#include "buf/buf.h"
#include "gate_inside.h"
#include "limits/limits.h"
#include "map/map.h"

enum { CLASS_BYTES_MAX = 64 << 20 };

struct counting {
    struct arena *mem;
    const struct image_table *table;
    struct str_list columns; /* of filters, one an entry */
    uint32_t *ids;
    struct map seen;
    struct gate_classes *out;
};

static bool is_served_as_it_is(const struct image_file *file, const struct decision *decision)
{
    return gate_prove(file, decision) == GATE_ALL_VISIBLE && file->deletions.len == 0
        && policy_shows_all_columns(decision, file->columns.at, file->columns.len);
}

static uint64_t listed_values(const struct image_file *file, uint32_t column_id)
{
    for (size_t i = 0; i < file->facts.len; i++)
        if (file->facts.at[i].column_id == column_id && file->facts.at[i].has_values)
            return file->facts.at[i].values.len;
    return 0;
}

/* Of a value, its share of those that the facts list; they list none where there are more than they can. */
static uint64_t weigh_value(const struct counting *c, const struct decision *decision, str value)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->table->files.len; i++) {
        const struct image_file *file = &c->table->files.at[i];
        uint64_t listed = listed_values(file, decision->filters.at[0].column.id);
        struct str_list values;
        if (is_served_as_it_is(file, decision))
            continue;
        gate_values_in(c->mem, file, &decision->filters.at[0], &values);
        if (str_list_has(&values, value))
            bytes += file->bytes / (listed ? listed : FACT_VALUES_MAX);
    }
    return bytes;
}

static uint64_t weigh_whole(const struct counting *c, const struct decision *decision)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->table->files.len; i++) {
        const struct image_file *file = &c->table->files.at[i];
        if (gate_prove(file, decision) != GATE_ALL_HIDDEN && !is_served_as_it_is(file, decision))
            bytes += file->bytes;
    }
    return bytes;
}

static str class_of(const struct counting *c, const struct decision *decision, str value)
{
    struct buf *b = buf_new(c->mem, CLASS_BYTES_MAX);
    policy_class(b, c->table->id, decision, c->ids, c->table->columns.len);
    buf_add(b, value);
    CHECK(!b->full);
    return buf_str(b);
}

/* True the first time. */
static bool count(struct counting *c, str class_bytes)
{
    if (map_put(&c->seen, class_bytes, c))
        return false;
    c->out->classes++;
    return true;
}

static void count_decision(struct counting *c, const struct decision *decision)
{
    struct decision bare = *decision;
    for (size_t i = 0; i < decision->filters.len; i++)
        if (decision->filters.at[i].column.name.len)
            vec_push(c->mem, &c->columns, decision->filters.at[i].column.name);
    if (!gate_is_by_value(decision, c->table->files.len)) {
        if (count(c, class_of(c, decision, STR_NONE)))
            c->out->bytes += weigh_whole(c, decision);
        return;
    }
    bare.filters.len = 0;
    for (size_t i = 0; i < decision->filters.at[0].values.len; i++) {
        str value = decision->filters.at[0].values.at[i];
        if (count(c, class_of(c, &bare, value)))
            c->out->bytes += weigh_value(c, decision, value);
    }
}

/* The column that most of the filters are over. */
static str most_often(const struct str_list *columns)
{
    size_t best = 0;
    str found = STR_NONE;
    for (size_t i = 0; i < columns->len; i++) {
        size_t times = 0;
        if (i > 0 && str_eq(columns->at[i], columns->at[i - 1]))
            continue;
        for (size_t k = i; k < columns->len && str_eq(columns->at[k], columns->at[i]); k++)
            times++;
        if (times > best) {
            best = times;
            found = columns->at[i];
        }
    }
    return found;
}

void gate_count_classes(struct arena *mem, const struct policy_rules *rules,
                        const struct image_table *table, const struct policy_actor *actors,
                        size_t len, int64_t now_us, struct gate_classes *out)
{
    struct counting c = {.mem = mem, .table = table, .out = out};
    *out = (struct gate_classes){0};
    map_init(&c.seen, mem);
    c.ids = ARENA_ARRAY(mem, uint32_t, table->columns.len);
    for (size_t i = 0; i < table->columns.len; i++)
        c.ids[i] = table->columns.at[i].id;
    for (size_t i = 0; i < len; i++) {
        struct decision decision;
        policy_decide_by(mem, rules, &actors[i], now_us, &decision);
        if (!decision.allowed || decision.columns.len == 0)
            continue;
        out->readers++;
        /* Only the policies tell, and not what the files hold: whoever may write a condition would learn it from the number of classes. */
        if (gate_shows_no_row(&decision))
            continue;
        if (decision.filters.len || !policy_shows_all_columns(&decision, c.ids, table->columns.len))
            count_decision(&c, &decision);
    }
    str_list_sort(&c.columns);
    out->column = most_often(&c.columns);
}
