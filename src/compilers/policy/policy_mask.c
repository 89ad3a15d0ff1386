/* Masks: which of two is stricter, what they show, and the SQL that makes them. */
#include "contract/contract.h"
#include "policy/policy_expression.h"
#include "policy/policy_inside.h"
#include "task/task.h"

const char *mask_method_name(enum mask_method method)
{
    static const char *const names[] = {"none",   "sql",  "partial",  "truncate",
                                        "bucket", "hash", "constant", "null"};
    return names[method];
}

/* ---- strictness */

/* Coarser ones come later; a week lies in no month. */
static const char *const units[] = {"second",  "minute", "hour",   "day",     "month",
                                    "quarter", "year",   "decade", "century", NULL};

static int unit_rank(str unit)
{
    for (int i = 0; units[i]; i++)
        if (str_eq(unit, str_of(units[i])))
            return i;
    return -1;
}

bool policy_is_time_unit(str unit)
{
    return unit_rank(unit) >= 0 || str_eq(unit, STR("week"));
}

/* Of two widths the one whose buckets hold the other's whole; NULL when neither does. */
static const str *wider(const str *a, const str *b)
{
    double left, right;
    if (!str_to_f64(*a, &left) || !str_to_f64(*b, &right) || left <= 0 || right <= 0)
        return NULL;
    const str *wide = left >= right ? a : b;
    double ratio = left >= right ? left / right : right / left;
    return ratio < 1e15 && ratio == (double)(int64_t)ratio ? wide : NULL;
}

static bool merge_truncate(const struct policy_mask *a, const struct policy_mask *b,
                           struct policy_mask *out)
{
    int left = unit_rank(a->unit), right = unit_rank(b->unit);
    *out = *a;
    if (str_eq(a->unit, b->unit))
        return true;
    if (left >= 0 && right >= 0) {
        out->unit = left > right ? a->unit : b->unit;
        return true;
    }
    bool is_week = str_eq(a->unit, STR("week")) || str_eq(b->unit, STR("week"));
    str other = str_eq(a->unit, STR("week")) ? b->unit : a->unit;
    if (is_week && unit_rank(other) >= 0 && unit_rank(other) <= unit_rank(STR("day"))) {
        out->unit = STR("week");
        return true;
    }
    const str *wide = is_week || left >= 0 || right >= 0 ? NULL : wider(&a->unit, &b->unit);
    if (wide)
        out->unit = *wide;
    return wide != NULL;
}

/* Of texts, fewer characters are stricter; of numbers, larger steps. */
static bool merge_lengths(const struct policy_mask *a, const struct policy_mask *b,
                          struct policy_mask *out)
{
    double left, right;
    if (!str_to_f64(a->unit, &left) || !str_to_f64(b->unit, &right))
        return false;
    *out = left <= right ? *a : *b;
    return true;
}

static bool is_same_list(const struct str_list *a, const struct str_list *b)
{
    bool same = a->len == b->len;
    for (size_t i = 0; same && i < a->len; i++)
        same = str_eq(a->at[i], b->at[i]);
    return same;
}

static bool merge_bucket(const struct policy_mask *a, const struct policy_mask *b,
                         struct policy_mask *out)
{
    *out = *a;
    if (a->bounds.len || b->bounds.len)
        return is_same_list(&a->bounds, &b->bounds) && str_eq(a->width, b->width);
    const str *wide = wider(&a->width, &b->width);
    if (wide)
        out->width = *wide;
    return wide != NULL;
}

static str expression_text(struct arena *mem, const struct policy_mask *mask, str value)
{
    struct buf *b = buf_new(mem, 1 << 20);
    struct expression_scope scope = {.value = value};
    policy_expression_sql(mem, mask->expression, &scope, b);
    return buf_str(b);
}

struct policy_mask policy_stricter(struct arena *mem, const struct policy_mask *a,
                                   const struct policy_mask *b, str type)
{
    if (a->method != b->method)
        return a->method > b->method ? *a : *b;
    struct policy_mask merged = *a;
    bool ok = true;
    switch (a->method) {
    case MASK_NONE:
    case MASK_NULL:
    case MASK_HASH:
        break;
    case MASK_CONSTANT:
        ok = str_eq(a->value, b->value);
        break;
    case MASK_PARTIAL:
        merged.keep_first = a->keep_first < b->keep_first ? a->keep_first : b->keep_first;
        merged.keep_last = a->keep_last < b->keep_last ? a->keep_last : b->keep_last;
        break;
    case MASK_TRUNCATE:
        ok = str_eq(type, STR("VARCHAR")) ? merge_lengths(a, b, &merged)
                                          : merge_truncate(a, b, &merged);
        break;
    case MASK_BUCKET:
        ok = merge_bucket(a, b, &merged);
        break;
    case MASK_SQL:
        ok = str_eq(expression_text(mem, a, STR("$value")), expression_text(mem, b, STR("$value")));
        break;
    }
    /* Neither shows less than the other: nothing is shown. */
    return ok ? merged : (struct policy_mask){.method = MASK_NULL};
}

bool policy_is_same_mask(struct arena *mem, const struct policy_mask *a,
                         const struct policy_mask *b)
{
    struct buf *left = buf_new(mem, 1 << 20), *right = buf_new(mem, 1 << 20);
    policy_mask_bytes(mem, a, left);
    policy_mask_bytes(mem, b, right);
    return str_eq(buf_str(left), buf_str(right));
}

void policy_mask_bytes(struct arena *mem, const struct policy_mask *mask, struct buf *out)
{
    policy_add_number(out, mask->method);
    policy_add_number(out, mask->keep_first);
    policy_add_number(out, mask->keep_last);
    policy_add_text(out, mask->unit);
    policy_add_text(out, mask->width);
    policy_add_text(out, mask->value);
    policy_add_number(out, mask->bounds.len);
    for (size_t i = 0; i < mask->bounds.len; i++)
        policy_add_text(out, mask->bounds.at[i]);
    policy_add_text(out, mask->expression ? expression_text(mem, mask, STR("$value")) : STR_NONE);
}

/* ---- for people */

static str count_text(struct arena *mem, const char *end, uint32_t count)
{
    return count == 1 ? arena_format(mem, "its %s character", end)
                      : arena_format(mem, "its %s %u characters", end, count);
}

str policy_mask_text(struct arena *mem, const struct policy_mask *mask)
{
    switch (mask->method) {
    case MASK_NONE:
        return STR("shown");
    case MASK_NULL:
        return STR("always NULL");
    case MASK_CONSTANT:
        return arena_format(mem, "always '" STR_FMT "'", STR_ARG(mask->value));
    case MASK_HASH:
        return STR("a keyed hash");
    case MASK_BUCKET:
        return mask->bounds.len
                 ? arena_format(mem, "the lower bound among " STR_FMT,
                                STR_ARG(str_list_join(mem, &mask->bounds, STR(", "))))
                 : arena_format(mem, "the lower bound of a bucket of " STR_FMT,
                                STR_ARG(mask->width));
    case MASK_TRUNCATE:
        return arena_format(mem, "truncated to " STR_FMT, STR_ARG(mask->unit));
    case MASK_PARTIAL:
        if (mask->keep_first && mask->keep_last)
            return arena_format(mem, STR_FMT " and " STR_FMT,
                                STR_ARG(count_text(mem, "first", mask->keep_first)),
                                STR_ARG(count_text(mem, "last", mask->keep_last)));
        if (mask->keep_first || mask->keep_last)
            return mask->keep_first ? count_text(mem, "first", mask->keep_first)
                                    : count_text(mem, "last", mask->keep_last);
        return STR("a star for each character");
    case MASK_SQL:
        return expression_text(mem, mask, STR("$value"));
    }
    return STR_NONE;
}

/* ---- SQL */

enum mask_type { TYPE_TEXT, TYPE_INTEGER, TYPE_NUMBER, TYPE_DATE, TYPE_TIME, TYPE_OTHER };

static enum mask_type type_of(str type)
{
    static const struct {
        const char *name;
        enum mask_type type;
    } types[] = {{"VARCHAR", TYPE_TEXT},
                 {"TINYINT", TYPE_INTEGER},
                 {"SMALLINT", TYPE_INTEGER},
                 {"INTEGER", TYPE_INTEGER},
                 {"BIGINT", TYPE_INTEGER},
                 {"HUGEINT", TYPE_INTEGER},
                 {"UTINYINT", TYPE_INTEGER},
                 {"USMALLINT", TYPE_INTEGER},
                 {"UINTEGER", TYPE_INTEGER},
                 {"UBIGINT", TYPE_INTEGER},
                 {"UHUGEINT", TYPE_INTEGER},
                 {"FLOAT", TYPE_NUMBER},
                 {"DOUBLE", TYPE_NUMBER},
                 {"DATE", TYPE_DATE},
                 {"TIMESTAMP", TYPE_TIME},
                 {"TIMESTAMP_S", TYPE_TIME},
                 {"TIMESTAMP_MS", TYPE_TIME},
                 {"TIMESTAMP_NS", TYPE_TIME},
                 {"TIMESTAMP WITH TIME ZONE", TYPE_TIME}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq(type, str_of(types[i].name)))
            return types[i].type;
    return str_starts(type, STR("DECIMAL(")) ? TYPE_NUMBER : TYPE_OTHER;
}

bool policy_is_text(str type)
{
    return type_of(type) == TYPE_TEXT;
}

static bool is_whole(str text)
{
    int64_t number;
    return str_to_i64(text, &number) && number > 0;
}

static bool is_positive(str text)
{
    double number;
    return str_to_f64(text, &number) && number > 0;
}

/* Empty when a mask of this kind keeps values of this type; else what it is for. */
static str leaf_problem(const struct policy_mask *mask, str type)
{
    enum mask_type kind = type_of(type);
    switch (mask->method) {
    case MASK_NONE:
    case MASK_NULL:
    case MASK_CONSTANT:
    case MASK_SQL:
        return STR_NONE;
    case MASK_PARTIAL:
        return kind == TYPE_TEXT ? STR_NONE : STR("texts");
    case MASK_HASH:
        return kind == TYPE_TEXT || str_eq(type, STR("UUID")) || str_eq(type, STR("BLOB"))
                    || str_eq(type, STR("BIGINT")) || str_eq(type, STR("HUGEINT"))
                 ? STR_NONE
                 : STR("VARCHAR, UUID, BLOB, BIGINT and HUGEINT: in other types two values may get "
                       "one hash");
    case MASK_TRUNCATE:
        if (kind == TYPE_TEXT)
            return is_whole(mask->unit) ? STR_NONE : STR("texts with a number of characters");
        if (kind == TYPE_DATE || kind == TYPE_TIME)
            return policy_is_time_unit(mask->unit) ? STR_NONE
                                                   : STR("dates with a unit as month or year");
        if (kind == TYPE_INTEGER)
            return is_whole(mask->unit) ? STR_NONE : STR("integers with a whole step");
        return kind == TYPE_NUMBER && is_positive(mask->unit)
                 ? STR_NONE
                 : STR("texts, numbers, dates and times");
    case MASK_BUCKET:
        if (mask->bounds.len)
            return kind == TYPE_INTEGER || kind == TYPE_NUMBER
                     ? STR_NONE
                     : STR("numbers, where it has bounds");
        if (kind == TYPE_NUMBER)
            return STR_NONE;
        return (kind == TYPE_INTEGER || kind == TYPE_DATE || kind == TYPE_TIME)
                    && is_whole(mask->width)
                 ? STR_NONE
                 : STR("numbers, and dates and integers with a whole width");
    }
    return STR("nothing");
}

str policy_mask_problem(struct arena *mem, const struct policy_mask *mask, str type)
{
    struct str_list names = {0}, types = {0};
    str element = contract_type_element(mem, type), problem = STR_NONE;
    if (mask->method == MASK_NULL || mask->method == MASK_CONSTANT || mask->method == MASK_SQL)
        return STR_NONE;
    if (element.len)
        return policy_mask_problem(mem, mask, element);
    if (!contract_type_fields(mem, type, &names, &types))
        return leaf_problem(mask, type);
    for (size_t i = 0; i < types.len && !problem.len; i++)
        problem = policy_mask_problem(mem, mask, types.at[i]);
    return problem;
}

static void hash_sql(struct buf *out, str type, str value)
{
    if (str_eq(type, STR("VARCHAR")))
        buf_format(out, "weft_keyed_hash(" STR_FMT ")", STR_ARG(value));
    else if (str_eq(type, STR("BLOB")))
        buf_format(out, "unhex(weft_keyed_hash(hex(" STR_FMT ")))", STR_ARG(value));
    else if (str_eq(type, STR("UUID")))
        buf_format(out, "CAST(left(weft_keyed_hash(CAST(" STR_FMT " AS VARCHAR)), 32) AS UUID)",
                   STR_ARG(value));
    else /* 60 bits: no sign, and too many to meet by chance; a HUGEINT is not read from hexadecimal digits */
        buf_format(out,
                   "CAST(CAST('0x' || left(weft_keyed_hash(CAST(" STR_FMT
                   " AS VARCHAR)), 15) AS BIGINT) AS " STR_FMT ")",
                   STR_ARG(value), STR_ARG(type));
}

static void bucket_sql(struct buf *out, const struct policy_mask *mask, str type, str value)
{
    enum mask_type kind = type_of(type);
    if (mask->bounds.len) {
        buf_add(out, STR("CASE"));
        for (size_t i = mask->bounds.len; i-- > 0;)
            buf_format(out, " WHEN " STR_FMT " >= " STR_FMT " THEN " STR_FMT, STR_ARG(value),
                       STR_ARG(mask->bounds.at[i]), STR_ARG(mask->bounds.at[i]));
        buf_add(out, STR(" END"));
    } else if (kind == TYPE_DATE || kind == TYPE_TIME) {
        buf_format(out, "time_bucket(to_days(" STR_FMT "), " STR_FMT ")", STR_ARG(mask->width),
                   STR_ARG(value));
    } else if (kind == TYPE_INTEGER) {
        buf_format(out, STR_FMT " - ((" STR_FMT " %% " STR_FMT ") + " STR_FMT ") %% " STR_FMT,
                   STR_ARG(value), STR_ARG(value), STR_ARG(mask->width), STR_ARG(mask->width),
                   STR_ARG(mask->width));
    } else {
        buf_format(out, "floor(" STR_FMT " / " STR_FMT ") * " STR_FMT, STR_ARG(value),
                   STR_ARG(mask->width), STR_ARG(mask->width));
    }
}

static void truncate_sql(struct buf *out, const struct policy_mask *mask, str type, str value)
{
    enum mask_type kind = type_of(type);
    if (kind == TYPE_TEXT)
        buf_format(out, "left(" STR_FMT ", " STR_FMT ")", STR_ARG(value), STR_ARG(mask->unit));
    else if (kind == TYPE_DATE || kind == TYPE_TIME)
        buf_format(out, "date_trunc('" STR_FMT "', " STR_FMT ")", STR_ARG(mask->unit),
                   STR_ARG(value));
    else
        buf_format(out, STR_FMT " - " STR_FMT " %% " STR_FMT, STR_ARG(value), STR_ARG(value),
                   STR_ARG(mask->unit));
}

/* Where little is hidden all of it is: two kept ends of a short text would be the text. */
static void partial_sql(struct buf *out, const struct policy_mask *mask, str value)
{
    uint32_t kept = mask->keep_first + mask->keep_last;
    buf_format(out,
               "CASE WHEN length(" STR_FMT ") <= %u THEN repeat('*', length(" STR_FMT
               ")) ELSE left(" STR_FMT ", %u) || repeat('*', length(" STR_FMT
               ") - %u) || right(" STR_FMT ", %u) END",
               STR_ARG(value), kept, STR_ARG(value), STR_ARG(value), mask->keep_first,
               STR_ARG(value), kept, STR_ARG(value), mask->keep_last);
}

static void leaf_sql(struct arena *mem, const struct policy_mask *mask, str type, str value,
                     struct buf *out)
{
    buf_add(out, STR("TRY(CAST("));
    switch (mask->method) {
    case MASK_HASH:
        hash_sql(out, type, value);
        break;
    case MASK_BUCKET:
        bucket_sql(out, mask, type, value);
        break;
    case MASK_TRUNCATE:
        truncate_sql(out, mask, type, value);
        break;
    case MASK_PARTIAL:
        partial_sql(out, mask, value);
        break;
    case MASK_SQL:
        buf_add(out, expression_text(mem, mask, value));
        break;
    case MASK_NONE:
    case MASK_CONSTANT:
    case MASK_NULL:
        CHECK(false); /* made before */
    }
    buf_format(out, " AS " STR_FMT "))", STR_ARG(type));
}

static bool is_path_below(struct arena *mem, str type, str at, str path)
{
    struct str_list names = {0}, types = {0};
    str element = contract_type_element(mem, type);
    bool found = at.len > 0 && str_eq_nocase(at, path);
    if (!found && element.len)
        return is_path_below(mem, element, arena_format(mem, STR_FMT "[]", STR_ARG(at)), path);
    if (!found && contract_type_fields(mem, type, &names, &types))
        for (size_t i = 0; i < names.len && !found; i++)
            found = is_path_below(mem, types.at[i],
                                  arena_format(mem, STR_FMT "%s" STR_FMT, STR_ARG(at),
                                               at.len ? "." : "", STR_ARG(names.at[i])),
                                  path);
    return found;
}

bool policy_has_path(struct arena *mem, str type, str path)
{
    return is_path_below(mem, type, STR_NONE, path);
}

struct masking {
    struct arena *mem;
    const struct policy_mask *whole; /* or NULL: only fields are masked */
    const struct decision_column *column;
    struct buf *out;
    int depth;
};

static const struct policy_mask *mask_at(const struct masking *m, str path)
{
    for (size_t i = 0; i < m->column->fields.len; i++)
        if (str_eq_nocase(m->column->fields.at[i].path, path))
            return &m->column->fields.at[i].mask;
    return NULL;
}

static bool has_masks_below(const struct masking *m, str path)
{
    for (size_t i = 0; i < m->column->fields.len; i++) {
        str field = m->column->fields.at[i].path, rest = str_from(field, path.len);
        bool is_below = path.len == 0 || str_eq_nocase(str_sub(field, 0, path.len), path);
        if (is_below && rest.len && (path.len == 0 || rest.ptr[0] == '.' || rest.ptr[0] == '['))
            return true;
    }
    return false;
}

static void write_masked(struct masking *m, const struct policy_mask *mask, str type, str value,
                         str path);

static void write_list(struct masking *m, const struct policy_mask *mask, str type, str element,
                       str value, str path)
{
    str item = arena_format(m->mem, "item_%d", ++m->depth);
    buf_format(m->out, "CAST(list_transform(" STR_FMT ", lambda " STR_FMT ": ", STR_ARG(value),
               STR_ARG(item));
    write_masked(m, mask, element, item, arena_format(m->mem, STR_FMT "[]", STR_ARG(path)));
    buf_format(m->out, ") AS " STR_FMT ")", STR_ARG(type));
    m->depth--;
}

static void write_struct(struct masking *m, const struct policy_mask *mask, str type,
                         const struct str_list *names, const struct str_list *types, str value,
                         str path)
{
    buf_format(m->out, "CASE WHEN " STR_FMT " IS NULL THEN NULL ELSE CAST(struct_pack(",
               STR_ARG(value));
    for (size_t i = 0; i < names->len; i++) {
        struct buf *field = buf_new(m->mem, 1 << 20);
        buf_add(m->out, i ? STR(", ") : STR(""));
        buf_add_identifier(m->out, names->at[i]);
        buf_add(m->out, STR(" := "));
        buf_format(field, "struct_extract(" STR_FMT ", ", STR_ARG(value));
        buf_add_literal(field, names->at[i]);
        buf_add_byte(field, ')');
        write_masked(m, mask, types->at[i], buf_str(field),
                     arena_format(m->mem, STR_FMT "%s" STR_FMT, STR_ARG(path), path.len ? "." : "",
                                  STR_ARG(names->at[i])));
    }
    buf_format(m->out, ") AS " STR_FMT ") END", STR_ARG(type));
}

static void write_masked(struct masking *m, const struct policy_mask *mask, str type, str value,
                         str path)
{
    struct str_list names = {0}, types = {0};
    const struct policy_mask *own = path.len ? mask_at(m, path) : NULL;
    struct policy_mask merged;
    if (own && mask) {
        merged = policy_stricter(m->mem, mask, own, type);
        own = &merged;
    }
    mask = own ? own : mask;
    bool is_nested = has_masks_below(m, path);
    if ((!mask && !is_nested)) {
        buf_add(m->out, value);
        return;
    }
    if (mask && (mask->method == MASK_NULL || mask->method == MASK_CONSTANT)) {
        buf_add(m->out, STR("CAST("));
        if (mask->method == MASK_NULL)
            buf_add(m->out, STR("NULL"));
        else
            buf_add_literal(m->out, mask->value);
        buf_format(m->out, " AS " STR_FMT ")", STR_ARG(type));
        return;
    }
    str element = contract_type_element(m->mem, type);
    if (element.len && (is_nested || mask->method != MASK_SQL))
        write_list(m, mask, type, element, value, path);
    else if ((is_nested || mask->method != MASK_SQL)
             && contract_type_fields(m->mem, type, &names, &types))
        write_struct(m, mask, type, &names, &types, value, path);
    else if (mask)
        leaf_sql(m->mem, mask, type, value, m->out);
    else /* labelled fields of a type that has none: nothing of it is shown */
        buf_format(m->out, "CAST(NULL AS " STR_FMT ")", STR_ARG(type));
}

void policy_masked_sql(struct arena *mem, const struct decision_column *column, struct buf *out)
{
    struct buf *name = buf_new(mem, 1 << 16);
    struct masking m = {.mem = mem, .column = column, .out = out};
    buf_add_identifier(name, column->name);
    write_masked(&m, column->mask.method == MASK_NONE ? NULL : &column->mask, column->type,
                 buf_str(name), STR_NONE);
}
