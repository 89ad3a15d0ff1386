#include "parts/parts.h"

#include <string.h>

#include "parts/parts_inside.h"

static void begin(struct parts *parts)
{
    struct part_range *all;
    parts->ranges.len = 0;
    all = vec_add(parts->mem, &parts->ranges);
    *all =
        (struct part_range){.rows = parts->rows, .is_open = parts->rows > parts->limits.rows_most};
}

struct parts *parts_new(struct arena *mem, const struct job_columns *columns,
                        const struct job_columns *key, uint64_t rows,
                        const struct part_limits *limits, const struct part_fact *previous,
                        size_t previous_len)
{
    struct parts *parts = ARENA_NEW(mem, struct parts);
    *parts = (struct parts){.mem = mem,
                            .columns = columns,
                            .key = key,
                            .rows = rows,
                            .limits = *limits,
                            .previous = previous,
                            .previous_len = previous_len};
    begin(parts);
    return parts;
}

/* Puts others in the place of one. */
static void replace(struct parts *parts, size_t at, const struct part_range *with, size_t len)
{
    size_t after = parts->ranges.len - at - 1;
    for (size_t i = 1; i < len; i++)
        (void)vec_add(parts->mem, &parts->ranges);
    memmove(&parts->ranges.at[at + len], &parts->ranges.at[at + 1],
            after * sizeof *parts->ranges.at);
    memcpy(&parts->ranges.at[at], with, len * sizeof *with);
}

/* ---- cuts of the release before */

static bool is_within(const struct part_fact *facts, const struct part_range *range)
{
    for (size_t i = 0; i < range->depth; i++) {
        const struct part_value *fixed = &range->fixed[i];
        bool is_same = fixed->is_null ? facts[i].is_null
                                      : facts[i].has_range && !facts[i].has_nulls
                                            && str_eq(facts[i].low, fixed->text)
                                            && str_eq(facts[i].high, fixed->text);
        if (!is_same)
            return false;
    }
    return true;
}

/* The least values of its files. That of the first is no cut: what is new before it belongs to that file. */
static struct str_list find_hints(const struct parts *parts, const struct part_range *range,
                                  bool *null_out)
{
    struct str_list hints = {0};
    bool is_first = true;
    *null_out = false;
    for (size_t i = 0; i < parts->previous_len; i++) {
        const struct part_fact *facts = &parts->previous[i * parts->key->len];
        if (!is_within(facts, range))
            continue;
        const struct part_fact *fact = &facts[range->depth];
        if (!is_first && fact->has_range && !str_has(fact->low, '\0'))
            str_list_add(parts->mem, &hints, fact->low);
        *null_out = *null_out || (!is_first && fact->is_null);
        is_first = false;
    }
    return hints;
}

/* ---- asking */

/* Rows without a key are cut by their number, which needs no question. */
static void cut_places(struct parts *parts, size_t at, const struct tree *places)
{
    struct part_range whole = parts->ranges.at[at];
    uint64_t wanted = parts->limits.rows_most - parts->limits.rows_least;
    uint64_t pieces = 1 + (places ? places->len : (whole.rows - parts->limits.rows_least) / wanted);
    struct part_range *with = ARENA_ARRAY(parts->mem, struct part_range, pieces);
    whole.is_open = false;
    whole.is_placed = true;
    whole.end_place = UINT64_MAX;
    for (uint64_t i = 0; i < pieces; i++) {
        int64_t place = (int64_t)(i * wanted);
        if (i && places)
            (void)tree_is_int(places->at[i - 1], &place);
        with[i] = whole;
        with[i].first_place = i ? (uint64_t)place : 0;
        with[i].rows = i + 1 < pieces ? wanted : whole.rows - i * wanted;
        if (i)
            with[i - 1].end_place = with[i].first_place;
    }
    replace(parts, at, with, pieces);
}

static void list_parts(struct parts *parts)
{
    for (size_t i = 0; i < parts->ranges.len; i++)
        vec_push(parts->mem, &parts->list,
                 ((struct part){.rows = parts->ranges.at[i].rows, .inside = &parts->ranges.at[i]}));
}

bool parts_next(struct parts *parts, str *text_out)
{
    if (parts->is_asked || parts->list.len)
        return false;
    for (size_t i = 0; i < parts->ranges.len; i++) {
        struct part_range *range = &parts->ranges.at[i];
        bool has_null;
        if (!range->is_open)
            continue;
        if (!parts->key->len) {
            cut_places(parts, i, NULL);
            continue;
        }
        parts->asked = i;
        parts->is_asked = true;
        if (range->depth == parts->key->len) {
            *text_out = parts_places_sql(parts, range);
        } else {
            struct str_list hints = find_hints(parts, range, &has_null);
            *text_out = parts_look_sql(parts, range, &hints);
        }
        return true;
    }
    if (parts->ranges.len > parts->limits.files_most) {
        parts->limits.rows_most *= 2;
        parts->limits.rows_least *= 2;
        begin(parts);
        return parts_next(parts, text_out);
    }
    list_parts(parts);
    return false;
}

const struct part *parts_list(const struct parts *parts, size_t *len_out)
{
    *len_out = parts->list.len;
    return parts->list.at;
}

/* ---- answers */

/* What a look found: atoms of rows, and the cut before each. */
struct look {
    struct parts *parts;
    const struct tree *values, *up_to, *each;
    struct {
        VEC_OF(struct part_atom)
    } atoms;
    struct {
        VEC_OF(struct part_cut)
    } cuts;
};

static void add_atom(struct look *look, uint64_t rows, struct part_cut cut, bool is_cut,
                     bool is_value)
{
    struct arena *mem = look->parts->mem;
    vec_push(mem, &look->atoms,
             ((struct part_atom){.rows = rows, .is_cut = is_cut, .is_value = is_value}));
    vec_push(mem, &look->cuts, cut);
}

static bool read_count(const struct tree *list, size_t at, uint64_t *out)
{
    int64_t count;
    *out = 0;
    if (list->kind != TREE_LIST || at >= list->len)
        return true; /* of no value at all there are none */
    if (!tree_is_int(list->at[at], &count) || count < 0)
        return false;
    *out = (uint64_t)count;
    return true;
}

/* Rows of each value, and rows after it that are before the next. */
static bool read_values(struct look *look, const struct str_list *hints, uint64_t filled)
{
    uint64_t up_to, each, next_each = 0, before = 0, least = look->parts->limits.rows_least;
    size_t len = look->values->len;
    if (!read_count(look->up_to, 0, &up_to) || !read_count(look->each, 0, &each) || each > up_to)
        return false;
    add_atom(look, len ? up_to - each : filled, (struct part_cut){CUT_NONE, STR_NONE}, false,
             false);
    for (size_t i = 0; i < len; i++) {
        str text = look->values->at[i]->text;
        before += up_to;
        if (before > filled)
            return false;
        uint64_t after = filled - before;
        if (i + 1 < len) {
            if (!read_count(look->up_to, i + 1, &up_to)
                || !read_count(look->each, i + 1, &next_each) || next_each > up_to)
                return false;
            after = up_to - next_each;
        }
        bool is_value = each >= least;
        add_atom(look, is_value ? each : each + after, (struct part_cut){CUT_BEFORE, text},
                 str_list_has(hints, text), is_value);
        if (is_value)
            add_atom(look, after, (struct part_cut){CUT_AFTER, text}, false, false);
        each = next_each;
    }
    return true;
}

static struct part_range make_range(struct look *look, const struct part_range *whole, size_t from,
                                    size_t to, bool has_nulls)
{
    struct part_range range = *whole;
    size_t of_value = to;
    range.rows = 0;
    range.is_open = false;
    range.has_nulls = has_nulls;
    range.low = look->cuts.at[from];
    range.high = to < look->atoms.len ? look->cuts.at[to] : (struct part_cut){CUT_NONE, STR_NONE};
    for (size_t i = from; i < to; i++) {
        range.rows += look->atoms.at[i].rows;
        if (look->atoms.at[i].is_value)
            of_value = i;
    }
    /* Too many rows of one value: the next column of the key tells them apart. */
    if (range.rows > look->parts->limits.rows_most && of_value < to
        && look->atoms.at[of_value].rows == range.rows) {
        struct part_value *fixed =
            ARENA_ARRAY(look->parts->mem, struct part_value, whole->depth + 1);
        for (size_t i = 0; i < whole->depth; i++)
            fixed[i] = whole->fixed[i];
        fixed[whole->depth] =
            (struct part_value){.text = look->cuts.at[of_value].text,
                                .is_null = look->cuts.at[of_value].kind == CUT_NULLS};
        range = (struct part_range){
            .rows = range.rows, .is_open = true, .depth = whole->depth + 1, .fixed = fixed};
    }
    return range;
}

static void cut_range(struct look *look, bool has_nulls)
{
    struct parts *parts = look->parts;
    struct part_range whole = parts->ranges.at[parts->asked];
    size_t len = look->atoms.len, count = 0;
    bool *begins = ARENA_ARRAY(parts->mem, bool, len);
    size_t files = parts_choose(look->atoms.at, len, &parts->limits, begins);
    struct part_range *with = ARENA_ARRAY(parts->mem, struct part_range, files);
    for (size_t from = 0, to; from < len; from = to) {
        for (to = from + 1; to < len && !begins[to]; to++)
            ;
        with[count++] = make_range(look, &whole, from, to, has_nulls);
    }
    CHECK(count == files);
    replace(parts, parts->asked, with, count);
}

static bool take_look(struct parts *parts, const struct tree *row)
{
    const struct part_range *range = &parts->ranges.at[parts->asked];
    struct look look = {.parts = parts};
    uint64_t rows, filled;
    bool null_was_cut;
    if (row->len != 5 || !read_count(row, 0, &rows) || !read_count(row, 1, &filled)
        || rows != range->rows || filled > rows || row->at[2]->kind != TREE_LIST)
        return false;
    look.values = row->at[2];
    look.up_to = row->at[3];
    look.each = row->at[4];
    struct str_list hints = find_hints(parts, range, &null_was_cut);
    if (!read_values(&look, &hints, filled))
        return false;
    if (rows > filled)
        add_atom(&look, rows - filled, (struct part_cut){CUT_NULLS, STR_NONE}, null_was_cut,
                 rows - filled >= parts->limits.rows_least);
    cut_range(&look, rows > filled);
    return true;
}

static bool take_places(struct parts *parts, const struct tree *row)
{
    const struct part_range *range = &parts->ranges.at[parts->asked];
    uint64_t wanted = parts->limits.rows_most - parts->limits.rows_least, place, last = 0;
    if (row->len != 1 || row->at[0]->kind != TREE_LIST || row->at[0]->len * wanted >= range->rows)
        return false;
    for (size_t i = 0; i < row->at[0]->len; i++) {
        if (!read_count(row->at[0], i, &place) || place <= last)
            return false;
        last = place;
    }
    cut_places(parts, parts->asked, row->at[0]);
    return true;
}

bool parts_take(struct parts *parts, const struct tree *row)
{
    if (!parts->is_asked || row->kind != TREE_LIST)
        return false;
    parts->is_asked = false;
    return parts->ranges.at[parts->asked].depth == parts->key->len ? take_places(parts, row)
                                                                   : take_look(parts, row);
}
