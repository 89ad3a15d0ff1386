/* How the values of a column are read. */
#include "buf/buf.h"
#include "contract/contract_time.h"
#include "limits/limits.h"
#include "scan/csv_scan.h"
#include "source_inside.h"

static bool source_is_among(str type, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_eq(type, str_of(*names))) {
            return true;
        }
    }
    return false;
}

static str source_option(const struct contract_column *column, const char *key)
{
    return tree_find_text(tree_find(column->source, STR("logicalTypeOptions")), str_of(key));
}

static bool source_is_time(const struct contract_column *column)
{
    static const char *const logical[] = {"date", "timestamp", "time", NULL};

    return source_is_among(column->logical_type, logical) && !str_eq(column->type, STR("VARCHAR"));
}

static bool source_is_whole(str type)
{
    static const char *const whole[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                        "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                        "UBIGINT", "UHUGEINT", NULL};

    return source_is_among(type, whole);
}

static bool source_is_nested(str type)
{
    return str_ends(type, STR("]")) || str_starts(type, STR("STRUCT("))
        || str_starts(type, STR("MAP("));
}

static bool source_is_rounded(str type)
{
    return source_is_whole(type) || str_starts(type, STR("DECIMAL(")) || str_eq(type, STR("DATE"))
        || str_eq(type, STR("TIMESTAMP"));
}

static str source_leaf_text(struct arena *mem, str type)
{
    bool is_misread = str_eq(type, STR("BOOLEAN")) || str_eq(type, STR("BIT"));

    (void)mem;
    return is_misread || source_is_rounded(type) ? STR("VARCHAR") : type;
}

static int64_t source_scale(str type);
static int64_t source_precision(str type);

/* What shows the parts that its type would round off, or drop. */
static str source_leaf_wide(struct arena *mem, str type)
{
    if (str_starts(type, STR("DECIMAL("))) {
        return arena_format(mem, "DECIMAL(38,%ld)",
                            38 - source_precision(type) + source_scale(type));
    }
    return source_is_whole(type)          ? STR("DOUBLE")
         : str_eq(type, STR("DATE"))      ? STR("TIMESTAMP")
         : str_eq(type, STR("TIMESTAMP")) ? STR("TIMESTAMP WITH TIME ZONE")
                                          : type;
}

static enum source_reading source_type_reading(str type, bool is_csv)
{
    static const char *const typed[] = {"BOOLEAN", "VARCHAR", "UUID", NULL};
    static const char *const times[] = {"TIME",
                                        "TIMESTAMP",
                                        "TIMESTAMP_S",
                                        "TIMESTAMP_MS",
                                        "TIMESTAMP_NS",
                                        "TIMESTAMP WITH TIME ZONE",
                                        NULL};
    static const char *const reals[] = {"FLOAT", "DOUBLE", NULL};
    /* Of JSON the reader takes 7 for true, knows no BIT, and says of the others neither line nor column. */
    static const char *const cast[] = {"BOOLEAN", "BIT", "UUID", "INTERVAL", NULL};

    if (source_is_whole(type)) {
        return READ_WHOLE;
    }
    if (source_is_nested(type)) {
        return READ_NESTED;
    }
    if (str_starts(type, STR("DECIMAL("))) {
        return READ_DECIMAL;
    }
    if (str_eq(type, STR("DATE"))) {
        return READ_DATE;
    }
    if (source_is_among(type, times)) {
        return READ_TIME;
    }
    if (source_is_among(type, reals)) {
        return READ_REAL;
    }
    bool is_typed = is_csv ? source_is_among(type, typed) : !source_is_among(type, cast);
    return is_typed ? READ_TYPED : READ_CAST;
}

enum source_reading source_reading(const struct contract_column *column, bool is_csv)
{
    static const char *const universal[] = {"", "UTC", "Etc/UTC", NULL};

    if (source_is_time(column) && source_option(column, "format").len > 0) {
        return READ_PATTERN;
    }
    if (str_eq(column->type, STR("TIMESTAMP WITH TIME ZONE"))
        && !source_is_among(source_option(column, "defaultTimezone"), universal)) {
        return READ_ZONED;
    }
    return source_type_reading(column->type, is_csv);
}

/* Numbers of JSON keep their spelling as JSON alone; even so the engine holds those with a point as doubles, so that more than 15
 * digits of one are not to be trusted. */
static bool source_reads_json(enum source_reading reading, bool is_csv)
{
    return !is_csv && (reading == READ_WHOLE || reading == READ_DECIMAL);
}

str source_read_type(struct arena *mem, const struct contract_column *column, bool is_csv)
{
    enum source_reading reading = source_reading(column, is_csv);

    if (reading == READ_NESTED && !is_csv) {
        return contract_type_replace(mem, column->type, source_leaf_text);
    }
    return source_reads_json(reading, is_csv) ? STR("JSON")
         : reading == READ_TYPED              ? column->type
                                              : STR("VARCHAR");
}

static int64_t source_precision(str type)
{
    str precision, scale;
    int64_t digits = 38;

    if (str_cut(type, ',', &precision, &scale)) {
        (void)str_to_i64(str_from(precision, sizeof("DECIMAL(") - 1), &digits);
    }
    return digits;
}

static int64_t source_scale(str type)
{
    str precision, scale;
    int64_t digits = 0;

    if (str_cut(type, ',', &precision, &scale)) {
        (void)str_to_i64(str_trim(str_sub(scale, 0, str_find(scale, STR(")")))), &digits);
    }
    return digits;
}

/* What nearly all values pass, at little cost: the cast itself refuses what is no number or time. */
static str source_quick_guard(struct arena *mem, enum source_reading reading, str type, str value)
{
    str no_power = arena_format(mem, "NOT contains(%.*s, 'e') AND NOT contains(%.*s, 'E')",
                                STR_ARG(value), STR_ARG(value));
    int64_t places = source_scale(type);

    switch (reading) {
    case READ_WHOLE:
        return arena_format(mem, "(NOT contains(%.*s, '.') AND %.*s)", STR_ARG(value),
                            STR_ARG(no_power));
    case READ_DECIMAL:
        return arena_format(
            mem, "((NOT contains(%.*s, '.') OR strlen(%.*s) - strpos(%.*s, '.') <= %lld) AND %.*s)",
            STR_ARG(value), STR_ARG(value), STR_ARG(value), (long long)places, STR_ARG(no_power));
    case READ_TIME:
        return source_quick_time_guard(mem, type, value);
    case READ_REAL: /* what is too large is infinite to the engine */
        return arena_format(mem,
                            "((strlen(%.*s) <= 30 AND %.*s) OR NOT isinf(TRY_CAST(%.*s AS %.*s)))",
                            STR_ARG(value), STR_ARG(no_power), STR_ARG(value), STR_ARG(type));
    default:
        return arena_format(mem, "NOT contains(%.*s, ':')", STR_ARG(value));
    }
}

/* The others, in full: zeros may follow, and midnight behind a date. */
static str source_guard(struct arena *mem, enum source_reading reading, str type)
{
    int64_t digits = source_scale(type);

    switch (reading) {
    case READ_WHOLE:
        return STR("' *[-+]?[0-9]+(\\.0*)? *'");
    case READ_DECIMAL:
        return arena_format(mem, "' *[-+]?([0-9]+(\\.[0-9]{0,%lld}0*)?|\\.[0-9]{1,%lld}0*) *'",
                            (long long)digits, (long long)(digits > 0 ? digits : 1));
    case READ_TIME:
        return source_time_guard(mem, type);
    case READ_REAL:
        return STR("'(?i) *[-+]?inf(inity)? *'");
    default:
        return STR("'.*[ T]00:00(:00(\\.0*)?)?'");
    }
}

static str source_value_message(struct arena *mem, const struct contract_column *column)
{
    bool is_time = source_type_reading(column->type, true) == READ_TIME;

    return arena_format(mem, "weft: column %.*s: a value is no %.*s%s",
                        STR_ARG(source_column_name(column)), STR_ARG(column->type),
                        !is_time                             ? ""
                        : source_is_zoned_type(column->type) ? ", or has more digits"
                                                             : ", or has an offset or more digits");
}

/* An error that names the column, where the cast would not. */
static str source_refusal(struct arena *mem, const struct contract_column *column)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("error("));
    buf_add_literal(b, source_value_message(mem, column));
    buf_add(b, STR(")"));
    return buf_str(b);
}

/* The refusal stands here once: the engine tells the expressions of a SELECT apart by hashes in which what stands twice cancels
 * out, and would compare each column with all others. */
static void source_add_case(struct arena *mem, struct buf *b, const struct contract_column *column,
                            str value, str also, str refusal)
{
    enum source_reading reading = source_type_reading(column->type, true);

    buf_format(b, "coalesce(CASE WHEN (%.*s OR regexp_full_match(%.*s, %.*s))%.*s",
               STR_ARG(source_quick_guard(mem, reading, column->type, value)), STR_ARG(value),
               STR_ARG(source_guard(mem, reading, column->type)), STR_ARG(also));
    buf_format(b, " THEN TRY_CAST(%.*s AS %.*s) END, CASE WHEN %.*s IS NOT NULL THEN %.*s END)",
               STR_ARG(value), STR_ARG(column->type), STR_ARG(value), STR_ARG(refusal));
}

static void source_add_refusing(struct arena *mem, struct buf *b,
                                const struct contract_column *column, str value, str refusal)
{
    switch (source_type_reading(column->type, true)) {
    case READ_WHOLE:
    case READ_DECIMAL:
    case READ_DATE:
    case READ_TIME:
    case READ_REAL:
        source_add_case(mem, b, column, value, STR_NONE, refusal);
        break;
    default:
        /* Any value is a text; and inside of what is nested, to try would make nulls of what is wrong. */
        if (str_eq(column->type, STR("VARCHAR")) || source_is_nested(column->type)) {
            buf_format(b, "CAST(%.*s AS %.*s)", STR_ARG(value), STR_ARG(column->type));
            break;
        }
        buf_format(b, "CASE WHEN %.*s IS NOT NULL THEN coalesce(TRY_CAST(%.*s AS %.*s), %.*s) END",
                   STR_ARG(value), STR_ARG(value), STR_ARG(column->type), STR_ARG(refusal));
    }
}

void source_add_guarded(struct arena *mem, struct buf *b, const struct contract_column *column,
                        str value)
{
    source_add_refusing(mem, b, column, value, source_refusal(mem, column));
}

static void source_add_number_of_json(struct arena *mem, struct buf *b,
                                      const struct contract_column *column, str name)
{
    str value = arena_format(mem, "(%.*s ->> '$')", STR_ARG(name));
    str also = arena_format(mem,
                            " AND (starts_with(%.*s::VARCHAR, '\"') OR NOT contains(%.*s::VARCHAR, "
                            "'.') OR strlen(%.*s::VARCHAR) <= 16)",
                            STR_ARG(name), STR_ARG(name), STR_ARG(name));

    source_add_case(mem, b, column, value, also, source_refusal(mem, column));
}

/* Casts round inside of lists and structs as they do outside, and no pattern can be held against what is nested. */
static void source_add_nested(struct arena *mem, struct buf *b,
                              const struct contract_column *column, str name, str refusal)
{
    str text = contract_type_replace(mem, column->type, source_leaf_text);
    str wide = contract_type_replace(mem, column->type, source_leaf_wide);

    if (str_eq(text, column->type)) {
        buf_format(b, "CAST(%.*s AS %.*s)", STR_ARG(name), STR_ARG(column->type));
        return;
    }
    str read = arena_format(mem, "CAST(%.*s AS %.*s)", STR_ARG(name), STR_ARG(text));
    str cast = arena_format(mem, "CAST(%.*s AS %.*s)", STR_ARG(read), STR_ARG(column->type));
    buf_format(b,
               "CASE WHEN CAST(%.*s AS %.*s) IS NOT DISTINCT FROM CAST(%.*s AS %.*s) THEN %.*s "
               "ELSE %.*s END",
               STR_ARG(cast), STR_ARG(wide), STR_ARG(read), STR_ARG(wide), STR_ARG(cast),
               STR_ARG(refusal));
}

void source_add_exact(struct arena *mem, struct buf *b, const struct contract_column *column,
                      str value)
{
    struct buf *refusal = buf_new(mem, SQL_BYTES_MAX);

    buf_add(refusal, STR("error("));
    buf_add_literal(refusal, arena_format(mem, "column %.*s: ", STR_ARG(column->name)));
    buf_format(refusal, " || CAST(%.*s AS VARCHAR) || ", STR_ARG(value));
    buf_add_literal(refusal, arena_format(mem, " is no %.*s", STR_ARG(column->type)));
    buf_add(refusal, STR(")"));
    if (source_type_reading(column->type, true) == READ_NESTED) {
        source_add_nested(mem, b, column, value, buf_str(refusal));
    } else {
        source_add_refusing(mem, b, column, value, buf_str(refusal));
    }
}

/* A moment without an offset is one of the column's own zone. */
static str source_zoned(struct arena *mem, const struct contract_column *column, str moment)
{
    str zone = source_option(column, "defaultTimezone");
    struct buf *b = buf_new(mem, PATH_BYTES_MAX * 2);

    if (zone.len == 0 || !str_eq(column->type, STR("TIMESTAMP WITH TIME ZONE"))) {
        return moment;
    }
    buf_add(b, STR("timezone("));
    buf_add_literal(b, zone);
    buf_format(b, ", CAST(%.*s AS TIMESTAMP))", STR_ARG(moment));
    return buf_str(b);
}

/* By the letters of its format; what is spelled otherwise stops the extraction. */
static void source_add_pattern(struct arena *mem, struct buf *b,
                               const struct contract_column *column)
{
    str format = source_option(column, "format"), problem, moment;
    struct buf *name = buf_new(mem, PATH_BYTES_MAX), *read = buf_new(mem, PATH_BYTES_MAX * 2);
    struct contract_time_pattern pattern;

    buf_add_identifier(name, source_column_name(column));
    if (!contract_time_pattern(mem, format, &pattern, &problem)) {
        buf_add(b, buf_str(name)); /* a finding of the contract */
        return;
    }
    buf_format(read, "try_strptime(regexp_replace(%.*s, '%s', '+00:00'), ", STR_ARG(buf_str(name)),
               pattern.has_offset ? "Z$" : "^$");
    buf_add_literal(read, pattern.strptime);
    buf_add(read, STR(")"));
    moment = pattern.has_offset ? buf_str(read) : source_zoned(mem, column, buf_str(read));
    buf_format(b, "CASE WHEN %.*s IS NULL THEN NULL WHEN regexp_matches(%.*s, ",
               STR_ARG(buf_str(name)), STR_ARG(buf_str(name)));
    buf_add_literal(b, pattern.regex);
    buf_format(b, ") AND %.*s IS NOT NULL THEN CAST(%.*s AS %.*s) ELSE error(",
               STR_ARG(buf_str(read)), STR_ARG(moment), STR_ARG(column->type));
    buf_add_literal(b, arena_format(mem, "weft: column %.*s: a value is not spelled %.*s",
                                    STR_ARG(source_column_name(column)), STR_ARG(format)));
    buf_add(b, STR(") END"));
}

static void source_add_zoned(struct arena *mem, struct buf *b, const struct contract_column *column)
{
    struct buf *name = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(name, source_column_name(column));
    buf_format(
        b,
        "CASE WHEN regexp_matches(%.*s, ':[0-9]{2}(\\.[0-9]+)? *(Z|[+-][0-9]{2}(:?[0-9]{2})?)$') "
        "THEN CAST(%.*s AS TIMESTAMP WITH TIME ZONE) ELSE %.*s END",
        STR_ARG(buf_str(name)), STR_ARG(buf_str(name)),
        STR_ARG(source_zoned(mem, column, buf_str(name))));
}

void source_add_value(struct arena *mem, struct buf *b, const struct contract_column *column,
                      bool is_csv)
{
    enum source_reading reading = source_reading(column, is_csv);
    struct buf *quoted = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(quoted, source_column_name(column));
    str name = buf_str(quoted);
    if (reading == READ_TYPED) {
        buf_add(b, name);
    } else if (reading == READ_PATTERN) {
        source_add_pattern(mem, b, column);
    } else if (reading == READ_ZONED) {
        source_add_zoned(mem, b, column);
    } else if (reading == READ_NESTED) {
        source_add_nested(mem, b, column, name, source_refusal(mem, column));
    } else if (source_reads_json(reading, is_csv)) {
        source_add_number_of_json(mem, b, column, name);
    } else {
        source_add_guarded(mem, b, column, name);
    }
}

bool source_is_quick(const struct contract_column *column)
{
    enum source_reading reading = source_reading(column, true);
    struct csv_type type;

    return (reading == READ_TYPED || reading == READ_WHOLE || reading == READ_DECIMAL
            || reading == READ_DATE || reading == READ_TIME || reading == READ_REAL)
        && csv_type_read(column->type, &type);
}
