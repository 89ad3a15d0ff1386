/* logicalTypeOptions: each entry becomes a rule of the schema. */
#include <math.h>

#include "contract/contract_inside.h"
#include "contract/contract_time.h"

#include "shape/shape.h"

static const char *const string_formats =
#define STRING_FORMAT(name, regex, also) name " "
#include "contract/string_formats.def"
#undef STRING_FORMAT
    "";

static const struct {
    const char *format, *type, *low, *high;
} number_formats[] = {
    {"i8", "TINYINT", "-128", "127"},
    {"i16", "SMALLINT", "-32768", "32767"},
    {"i32", "INTEGER", "-2147483648", "2147483647"},
    {"i64", "BIGINT", "-9223372036854775808", "9223372036854775807"},
    {"i128", "HUGEINT", "-170141183460469231731687303715884105728",
     "170141183460469231731687303715884105727"},
    {"u8", "UTINYINT", "0", "255"},
    {"u16", "USMALLINT", "0", "65535"},
    {"u32", "UINTEGER", "0", "4294967295"},
    {"u64", "UBIGINT", "0", "18446744073709551615"},
    {"u128", "UHUGEINT", "0", "340282366920938463463374607431768211455"},
    {"f32", "FLOAT", "-3.4028235e38", "3.4028235e38"},
};

struct option_reader {
    struct contract_reader *r;
    struct contract_table *table;
    const struct contract_spot *spot;
    const struct tree *options;
    str logical;
    str type; /* that it is stored as */
};

/* A bound as it is compared with others. */
struct option_bound {
    const struct tree *node;
    double number;
    str text;
    enum rule_option option;
    bool is_there, is_exclusive;
};

static void read_text_options(struct option_reader *q);
static void read_number_options(struct option_reader *q);
static void read_time_options(struct option_reader *q);
static void read_object_options(struct option_reader *q);
static void read_array_options(struct option_reader *q);

static bool is_list(str type)
{
    return str_ends(type, STR("]"));
}

static bool is_number(str type)
{
    static const char *const names = "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT "
                                     "UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE";
    return shape_has_word(names, type) || (str_starts(type, STR("DECIMAL(")) && !is_list(type));
}

static bool is_time(str type)
{
    return (str_starts(type, STR("DATE")) || str_starts(type, STR("TIME"))) && !is_list(type);
}

static bool is_object(str type)
{
    return (str_starts(type, STR("STRUCT(")) || str_starts(type, STR("MAP("))) && !is_list(type);
}

/* Whatever else the contract says, it is the stored values that are looked at. */
static bool fits_stored(const struct option_reader *q)
{
    bool is_json = str_eq(q->type, STR("JSON"));
    if (str_eq(q->logical, STR("object")))
        return is_json || is_object(q->type);
    if (str_eq(q->logical, STR("array")))
        return is_json || is_list(q->type);
    if (is_json || is_object(q->type) || is_list(q->type))
        return false;
    if (str_eq(q->logical, STR("string")) || str_eq(q->type, STR("VARCHAR")))
        return true;
    return shape_has_word("integer number", q->logical) ? is_number(q->type) : is_time(q->type);
}

void contract_option_rules(struct contract_reader *r, struct contract_table *table,
                           const struct contract_spot *spot)
{
    struct option_reader q = {
        .r = r,
        .table = table,
        .spot = spot,
        .options = tree_find(spot->node, STR("logicalTypeOptions")),
        .logical = tree_find_text(spot->node, STR("logicalType")),
        .type = spot->type,
    };
    if (!q.options || q.options->kind != TREE_MAP || !q.options->len || !q.logical.len
        || !q.type.len || str_eq(q.logical, STR("boolean")))
        return;
    if (!fits_stored(&q)) {
        struct finding *f = contract_warning(
            r, q.options, "logicalTypeOptions of " STR_FMT " are not checked", STR_ARG(spot->text));
        f->found = arena_format(r->mem, "logicalType " STR_FMT ", stored as " STR_FMT,
                                STR_ARG(q.logical), STR_ARG(q.type));
        return;
    }
    if (str_eq(q.logical, STR("string")))
        read_text_options(&q);
    else if (shape_has_word("integer number", q.logical))
        read_number_options(&q);
    else if (str_eq(q.logical, STR("object")))
        read_object_options(&q);
    else if (str_eq(q.logical, STR("array")))
        read_array_options(&q);
    else
        read_time_options(&q);
}

static const struct tree *find_option(const struct option_reader *q, const char *key)
{
    return tree_find(q->options, str_of(key));
}

static struct contract_rule *add_rule(struct option_reader *q, const struct tree *node,
                                      struct contract_rule rule)
{
    rule.kind = RULE_OPTION;
    rule.dimension = STR("conformity");
    struct contract_rule *kept = contract_add_schema_rule(q->r, q->table, rule, q->spot);
    kept->place = tree_place(q->r->mem, q->r->file, node);
    kept->name = contract_rule_text(q->r->mem, kept);
    return kept;
}

static struct finding *impossible(struct option_reader *q, const struct tree *node, const char *low,
                                  const char *high)
{
    return contract_error(q->r, node, "no value of " STR_FMT " meets both %s and %s",
                          STR_ARG(q->spot->text), low, high);
}

/* A count with its rule; -1 where there is none. */
static int64_t read_count(struct option_reader *q, const char *key, enum rule_option option)
{
    const struct tree *node = find_option(q, key);
    int64_t count;
    if (!node || !tree_is_int(node, &count) || count < 0)
        return -1; /* a finding of the shape, where it is wrong */
    add_rule(q, node,
             (struct contract_rule){
                 .option = option,
                 .low = arena_format(q->r->mem, "%lld", (long long)count),
             });
    return count;
}

static void read_counts(struct option_reader *q, const char *low_key, enum rule_option low_option,
                        const char *high_key, enum rule_option high_option)
{
    int64_t low = read_count(q, low_key, low_option), high = read_count(q, high_key, high_option);
    if (low >= 0 && high >= 0 && low > high)
        impossible(q, find_option(q, low_key), low_key, high_key);
}

static void read_text_options(struct option_reader *q)
{
    const struct tree *pattern = find_option(q, "pattern"), *format = find_option(q, "format");
    read_counts(q, "minLength", RULE_MIN_LENGTH, "maxLength", RULE_MAX_LENGTH);
    if (pattern && pattern->kind == TREE_SCALAR && pattern->text.len)
        add_rule(q, pattern,
                 (struct contract_rule){.option = RULE_PATTERN, .pattern = pattern->text});
    if (!format || format->kind != TREE_SCALAR)
        return;
    if (!shape_has_word(string_formats, format->text)) {
        struct finding *f =
            contract_warning(q->r, format, "weft does not know this format of text: not checked");
        f->found = shape_found(q->r->mem, format);
        f->allowed = shape_words_text(q->r->mem, string_formats);
        f->hint = shape_nearest(q->r->mem, string_formats, format->text);
        return;
    }
    if (!shape_has_word("binary password", format->text) && !str_eq(q->type, STR("UUID"))
        && !str_eq(q->type, STR("BLOB")))
        add_rule(q, format, (struct contract_rule){.option = RULE_FORMAT, .format = format->text});
}

static const char *option_key(enum rule_option option)
{
    static const char *const keys[] = {
#define OPTION(NAME, key) [RULE_##NAME] = key,
#include "contract/rule_options.def"
#undef OPTION
    };
    return keys[option];
}

static struct option_bound read_number_bound(struct option_reader *q, enum rule_option option)
{
    const struct tree *node = find_option(q, option_key(option));
    struct option_bound bound = {.node = node, .option = option};
    bool flag;
    if (!node || node->kind != TREE_SCALAR || tree_is_bool(node, &flag))
        return bound;
    if (node->quoted || !contract_is_decimal(node->text)) {
        struct finding *f = contract_error(q->r, node, "values cannot be compared with this");
        f->found = shape_found(q->r->mem, node);
        f->allowed = STR("a decimal number");
        return bound;
    }
    bound.is_there = str_to_f64(node->text, &bound.number);
    bound.text = node->text;
    return bound;
}

static const char *const exclusives[][2] = {{"minimum", "exclusiveMinimum"},
                                            {"maximum", "exclusiveMaximum"}};

const struct tree *contract_options(struct arena *mem, const struct tree *property)
{
    const struct tree *options = tree_find(property, STR("logicalTypeOptions"));
    const struct tree *plain = options;
    for (size_t i = 0; i < 2; i++) {
        const struct tree *says = tree_find(options, str_of(exclusives[i][1]));
        const struct tree *bound = tree_find(options, str_of(exclusives[i][0]));
        bool is_exclusive;
        if (!says || !tree_is_bool(says, &is_exclusive) || (is_exclusive && !bound))
            continue;
        struct tree *last = tree_new(mem, TREE_MAP);
        for (size_t j = 0; j < plain->len; j++) {
            const struct tree *child = plain->at[j];
            bool is_bound = str_eq(child->key, str_of(exclusives[i][0]));
            if (!str_eq(child->key, str_of(exclusives[i][1])))
                (void)tree_put(mem, last,
                               is_bound && is_exclusive ? str_of(exclusives[i][1]) : child->key,
                               tree_copy(mem, child));
        }
        plain = last;
    }
    return plain;
}

/* Up to v3.0.2 `exclusiveMinimum: true` says that the minimum itself is out, as in the fourth draft of JSON Schema. */
static void mark_exclusive(struct option_reader *q, struct option_bound *bound,
                           enum rule_option option)
{
    bool flag = false;
    const struct tree *node = find_option(q, option_key(option));
    if (!node || !tree_is_bool(node, &flag) || !flag)
        return;
    if (!bound->is_there) {
        struct finding *f = contract_error(q->r, node, "%s: true needs %s beside it",
                                           option_key(option), option_key(bound->option));
        f->hint = STR("since v3.1.0 it is the bound itself");
        return;
    }
    bound->option = option;
    bound->is_exclusive = true;
}

static void add_bound(struct option_reader *q, const struct option_bound *bound, str zone)
{
    if (bound->is_there)
        add_rule(q, bound->node,
                 (struct contract_rule){.option = bound->option,
                                        .low = bound->text,
                                        .format = tree_find_text(q->options, STR("format")),
                                        .zone = zone});
}

/* A lower bound against an upper one; `is_whole`: only whole numbers count. */
static void hold_bounds(struct option_reader *q, const struct option_bound *low,
                        const struct option_bound *high, bool is_whole)
{
    if (!low->is_there || !high->is_there)
        return;
    bool is_open = low->is_exclusive || high->is_exclusive;
    bool is_reversed = low->number > high->number
                    || (is_open && low->number == high->number && str_eq(low->text, high->text));
    if (is_whole && !is_reversed && fabs(low->number) < 1e15 && fabs(high->number) < 1e15) {
        double least = low->is_exclusive ? floor(low->number) + 1 : ceil(low->number);
        double most = high->is_exclusive ? ceil(high->number) - 1 : floor(high->number);
        is_reversed = least > most;
    }
    if (is_reversed)
        impossible(q, high->node, option_key(low->option), option_key(high->option));
}

static void add_bounds(struct option_reader *q, struct option_bound bounds[4], bool is_whole,
                       str zone)
{
    mark_exclusive(q, &bounds[0], RULE_EXCLUSIVE_MINIMUM);
    mark_exclusive(q, &bounds[2], RULE_EXCLUSIVE_MAXIMUM);
    bounds[1].is_exclusive = bounds[3].is_exclusive = true;
    for (size_t i = 0; i < 4; i++) {
        add_bound(q, &bounds[i], zone);
        if (i < 2) {
            hold_bounds(q, &bounds[i], &bounds[2], is_whole);
            hold_bounds(q, &bounds[i], &bounds[3], is_whole);
        }
    }
}

static void read_number_format(struct option_reader *q)
{
    const struct tree *format = find_option(q, "format");
    for (size_t i = 0; format && i < sizeof number_formats / sizeof *number_formats; i++) {
        str type = str_of(number_formats[i].type);
        if (!str_eq(format->text, str_of(number_formats[i].format)))
            continue;
        bool is_implied =
            contract_type_widens(q->type, type)
            || (str_eq(type, STR("FLOAT")) && !shape_has_word("DOUBLE VARCHAR", q->type));
        if (!is_implied)
            add_rule(q, format,
                     (struct contract_rule){.option = RULE_FORMAT,
                                            .format = format->text,
                                            .low = str_of(number_formats[i].low),
                                            .high = str_of(number_formats[i].high)});
    }
}

static void read_number_options(struct option_reader *q)
{
    struct option_bound bounds[4], step = read_number_bound(q, RULE_MULTIPLE_OF);
    for (size_t i = 0; i < 4; i++)
        bounds[i] =
            read_number_bound(q, (enum rule_option[]){RULE_MINIMUM, RULE_EXCLUSIVE_MINIMUM,
                                                      RULE_MAXIMUM, RULE_EXCLUSIVE_MAXIMUM}[i]);
    add_bounds(q, bounds, str_eq(q->logical, STR("integer")), STR_NONE);
    if (step.is_there && step.number > 0)
        add_rule(q, step.node,
                 (struct contract_rule){.option = RULE_MULTIPLE_OF, .low = step.text});
    read_number_format(q);
}

/* A bound is written as its property's format says, or as ISO 8601. */
static bool read_moment(const struct option_reader *q, const struct contract_time_pattern *pattern,
                        str text, struct contract_moment *out)
{
    bool is_time = str_eq(q->logical, STR("time")), is_date = str_eq(q->logical, STR("date"));
    bool is_read =
        (pattern && contract_time_read(pattern, text, out)) || contract_time_iso(text, out);
    return is_read && out->has_date == !is_time && (!is_date || !out->has_time)
        && (!is_time || out->has_time);
}

static struct option_bound read_time_bound(struct option_reader *q,
                                           const struct contract_time_pattern *pattern,
                                           enum rule_option option)
{
    const struct tree *node = find_option(q, option_key(option));
    struct option_bound bound = {.node = node, .option = option};
    struct contract_moment moment;
    bool flag;
    if (!node || node->kind != TREE_SCALAR || tree_is_bool(node, &flag))
        return bound;
    if (!read_moment(q, pattern, node->text, &moment)) {
        struct finding *f = contract_error(q->r, node, "this is no " STR_FMT, STR_ARG(q->logical));
        f->found = shape_found(q->r->mem, node);
        f->allowed = str_eq(q->logical, STR("date")) ? STR("a date as 2026-01-31")
                   : str_eq(q->logical, STR("time"))
                       ? STR("a time as 10:15:00")
                       : STR("a date and time as 2026-01-31T10:15:00Z");
        f->hint = pattern ? STR("or as its format says") : STR_NONE;
        return bound;
    }
    bound.is_there = true;
    bound.number = (double)moment.us;
    bound.text = contract_time_text(q->r->mem, &moment);
    if (moment.has_offset)
        bound.text = arena_format(q->r->mem, STR_FMT "+00", STR_ARG(bound.text));
    return bound;
}

static bool is_zone_name(str zone)
{
    for (size_t i = 0; i < zone.len; i++) {
        char c = zone.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !str_has(STR("/_+-"), c))
            return false;
    }
    return zone.len > 0 && zone.len <= 64;
}

static void read_time_options(struct option_reader *q)
{
    struct contract_time_pattern pattern;
    const struct tree *format = find_option(q, "format"), *zone = find_option(q, "defaultTimezone");
    str problem;
    bool has_pattern = format && format->kind == TREE_SCALAR;
    if (has_pattern && !contract_time_pattern(q->r->mem, format->text, &pattern, &problem)) {
        struct finding *f = contract_error(q->r, format, "weft cannot read this format: " STR_FMT,
                                           STR_ARG(problem));
        f->found = shape_found(q->r->mem, format);
        f->allowed = STR("a pattern of Java's DateTimeFormatter, as yyyy-MM-dd'T'HH:mm:ss");
        f->hint = STR("see docs/quality.md for the letters");
        return;
    }
    if (zone && !is_zone_name(zone->text)) {
        struct finding *f = contract_error(q->r, zone, "this is no name of a time zone");
        f->found = shape_found(q->r->mem, zone);
        f->allowed = STR("a name as Europe/Zurich or Etc/UTC");
        return;
    }
    struct option_bound bounds[4];
    for (size_t i = 0; i < 4; i++)
        bounds[i] = read_time_bound(q, has_pattern ? &pattern : NULL,
                                    (enum rule_option[]){RULE_MINIMUM, RULE_EXCLUSIVE_MINIMUM,
                                                         RULE_MAXIMUM, RULE_EXCLUSIVE_MAXIMUM}[i]);
    add_bounds(q, bounds, false, zone ? zone->text : STR_NONE);
    if (has_pattern && str_eq(q->type, STR("VARCHAR")))
        add_rule(q, format, (struct contract_rule){.option = RULE_FORMAT, .format = format->text});
}

static bool has_property(const struct contract_spot *spot, str name)
{
    const struct tree *parts = tree_find(spot->node, STR("properties"));
    for (size_t i = 0; parts && i < parts->len; i++)
        if (str_eq(tree_find_text(parts->at[i], STR("name")), name))
            return true;
    return !parts;
}

static void read_object_options(struct option_reader *q)
{
    const struct tree *required = find_option(q, "required");
    const struct tree *parts = tree_find(q->spot->node, STR("properties"));
    int64_t least = -1;
    struct contract_rule rule = {.option = RULE_HAS_PROPERTIES};
    read_counts(q, "minProperties", RULE_MIN_PROPERTIES, "maxProperties", RULE_MAX_PROPERTIES);
    const struct tree *node = find_option(q, "minProperties");
    if (node && tree_is_int(node, &least) && parts && is_object(q->type)
        && least > (int64_t)parts->len)
        contract_error(q->r, node, STR_FMT " has only %zu propert%s", STR_ARG(q->spot->text),
                       parts->len, parts->len == 1 ? "y" : "ies");
    if (!required || required->kind != TREE_LIST)
        return;
    for (size_t i = 0; i < required->len; i++) {
        if (required->at[i]->kind != TREE_SCALAR)
            return; /* a finding of the shape */
        if (!has_property(q->spot, required->at[i]->text)) {
            struct finding *f = contract_error(
                q->r, required->at[i], STR_FMT " has no such property", STR_ARG(q->spot->text));
            f->found = shape_found(q->r->mem, required->at[i]);
            return;
        }
        vec_push(q->r->mem, &rule.values, required->at[i]);
        rule.low = arena_format(q->r->mem, STR_FMT "%s" STR_FMT, STR_ARG(rule.low),
                                rule.low.len ? ", " : "", STR_ARG(required->at[i]->text));
    }
    if (rule.values.len)
        add_rule(q, required, rule);
    const struct tree *most = find_option(q, "maxProperties");
    int64_t count;
    if (most && tree_is_int(most, &count) && count >= 0 && (size_t)count < required->len)
        impossible(q, most, "required", "maxProperties");
}

static void read_array_options(struct option_reader *q)
{
    const struct tree *unique = find_option(q, "uniqueItems");
    bool flag = false;
    read_counts(q, "minItems", RULE_MIN_ITEMS, "maxItems", RULE_MAX_ITEMS);
    if (unique && tree_is_bool(unique, &flag) && flag)
        add_rule(q, unique, (struct contract_rule){.option = RULE_UNIQUE_ITEMS});
}
