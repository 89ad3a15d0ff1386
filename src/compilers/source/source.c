#include "source/source.h"

#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

str source_column_name(const struct contract_column *column)
{
    return column->physical_name.len ? column->physical_name : column->name;
}

str source_table_name(const struct contract_table *table)
{
    return table->physical_name.len ? table->physical_name : table->name;
}

const struct source_column *source_find(const struct source_column *columns, size_t len, str name)
{
    for (size_t i = 0; i < len; i++) {
        if (str_eq(columns[i].name, name)) {
            return &columns[i];
        }
    }
    return NULL;
}

static void source_map_first(struct map *map, str name, const void *column)
{
    if (map_find(map, name) == NULL) {
        map_put(map, name, (void *)(uintptr_t)column);
    }
}

void source_map_found(struct arena *mem, const struct source_column *columns, size_t len,
                      struct map *out)
{
    map_init(out, mem);
    for (size_t i = 0; i < len; i++) {
        source_map_first(out, columns[i].name, &columns[i]);
    }
}

void source_map_contract(struct arena *mem, const struct contract_table *table, struct map *out)
{
    map_init(out, mem);
    for (size_t i = 0; i < table->columns.len; i++) {
        source_map_first(out, source_column_name(&table->columns.at[i]), &table->columns.at[i]);
    }
}

static bool source_reads(const struct contract_server *server)
{
    return str_eq(server->type, STR("local")) || str_eq(server->type, STR("postgres"))
        || str_eq(server->type, STR("postgresql"));
}

/* The first that this version reads; where there is none, the first, which the message is about. */
static const struct contract_server *source_pick(const struct contract *contract, str environment)
{
    const struct contract_server *first = NULL;

    for (size_t i = 0; i < contract->servers.len; i++) {
        const struct contract_server *server = &contract->servers.at[i];

        if (environment.len > 0 && !str_eq(server->environment, environment)) {
            continue;
        }
        if (source_reads(server)) {
            return server;
        }
        first = first == NULL ? server : first;
    }
    return first;
}

static const struct {
    const char *name;
    enum source_file_format format;
} source_formats[] = {
    {"csv", SOURCE_CSV},   {"ndjson", SOURCE_NDJSON},   {"jsonl", SOURCE_NDJSON},
    {"json", SOURCE_JSON}, {"parquet", SOURCE_PARQUET}, {"accesslog", SOURCE_LOG},
    {"log", SOURCE_LOG},
};

static bool source_find_format(str name, enum source_file_format *out)
{
    for (size_t i = 0; i < sizeof(source_formats) / sizeof(source_formats[0]); i++) {
        if (str_eq_nocase(name, str_of(source_formats[i].name))) {
            *out = source_formats[i].format;
            return true;
        }
    }
    return false;
}

/* A file kind is its `format`, else the end of its name without a compression's. */
static bool source_file_kind(const struct contract_server *server, enum source_file_format *out)
{
    str name = server->location, head, end;

    if (server->format.len > 0) {
        return source_find_format(server->format, out);
    }
    if (str_ends(name, STR(".gz"))) {
        name.len -= 3;
    } else if (str_ends(name, STR(".zst"))) {
        name.len -= 4;
    }
    return str_cut_last(name, '.', &head, &end) && source_find_format(end, out);
}

static str source_custom_text(const struct contract_server *server, str property)
{
    const struct tree *value = contract_custom(server->custom, property);

    return value != NULL && value->kind == TREE_SCALAR && !tree_is_null(value) ? value->text
                                                                               : STR_NONE;
}

/* What means something for one kind of files only is no help for another. */
static bool source_check_properties(struct arena *mem, const struct source_server *server,
                                    struct report *report)
{
    static const struct {
        const char *property, *what;
        enum source_file_format format;
    } of[] = {
        {"records", "json", SOURCE_JSON},
        {"logFormat", "accesslog", SOURCE_LOG},
        {"onBadLine", "accesslog", SOURCE_LOG},
        {"int96", "parquet", SOURCE_PARQUET},
    };
    bool ok = true;

    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        const struct tree *value = contract_custom(server->server->custom, str_of(of[i].property));

        if (value != NULL && of[i].format != server->file_format) {
            struct finding *finding =
                report_add(report, FINDING_ERROR, ERR_INVALID,
                           tree_place(mem, server->server->place.file, value),
                           "%s means nothing for files of this kind", of[i].property);
            finding->hint = arena_format(mem, "it belongs to format: %s", of[i].what);
            ok = false;
        }
    }
    return ok;
}

bool source_choose_files(struct arena *mem, const struct contract_server *server,
                         struct source_server *out, struct report *report)
{
    *out = (struct source_server){
        .server = server,
        .kind = SOURCE_FILES,
        .location = server->location,
        .delimiter = server->delimiter,
        .records = source_custom_text(server, STR("records")),
        .log_format = source_custom_text(server, STR("logFormat")),
        .skips_bad_lines = str_eq(source_custom_text(server, STR("onBadLine")), STR("skip")),
        .takes_int96 = str_eq(source_custom_text(server, STR("int96")), STR("microseconds")),
    };
    if (!source_file_kind(server, &out->file_format)) {
        struct finding *finding =
            report_add(report, FINDING_ERROR, ERR_INVALID, server->place,
                       "files of server %.*s cannot be read", STR_ARG(server->name));
        finding->found = server->format.len ? server->format : server->location;
        finding->allowed = STR("csv, ndjson, json, accesslog (also .gz and .zst), parquet");
        return false;
    }
    if (!source_check_properties(mem, out, report)) {
        return false;
    }
    if (out->records.len > 0 && out->records.ptr[0] != '/') {
        struct finding *finding = report_add(
            report, FINDING_ERROR, ERR_INVALID,
            tree_place(mem, server->place.file, contract_custom(server->custom, STR("records"))),
            "records is no JSON pointer");
        finding->found = out->records;
        finding->allowed = STR("/KEY/KEY, as /data/items");
        return false;
    }
    return out->file_format != SOURCE_LOG || source_log_check(mem, out, report);
}

/* A secret is a whole value of the form ${NAME}: anything else would stand in the file. */
static bool source_is_placeholder(str text)
{
    return text.len > 3 && str_starts(text, STR("${")) && str_find(text, STR("}")) == text.len - 1;
}

static bool source_credential(struct arena *mem, const struct contract_server *server, str property,
                              str *out, struct report *report)
{
    const struct tree *value = contract_custom(server->custom, property);

    bool is_set = value != NULL && !tree_is_null(value);

    *out = is_set && value->kind == TREE_SCALAR ? value->text : STR_NONE;
    if (!is_set || !str_eq(property, STR("password")) || source_is_placeholder(*out)) {
        return true;
    }
    struct finding *finding =
        report_add(report, FINDING_ERROR, ERR_SECRET, tree_place(mem, server->place.file, value),
                   "the password of server %.*s stands in the file", STR_ARG(server->name));
    finding->allowed = STR("${NAME}");
    finding->hint = STR("write ${NAME} and give the value as WEFT_SECRET_<DOMAIN>_<NAME>");
    return false;
}

/* `server` NULL: the contract has none. */
static bool source_take(struct arena *mem, const struct contract *contract,
                        const struct contract_server *server, struct source_server *out,
                        struct report *report)
{
    struct finding *finding;

    *out = (struct source_server){.server = server};
    if (server == NULL) {
        finding = report_add(report, FINDING_ERROR, ERR_INVALID, contract->place,
                             "contract %.*s has no server to read from", STR_ARG(contract->id));
        finding->hint = STR("a source contract says in servers[] where the operational system is");
        return false;
    }
    if (str_eq(server->type, STR("local"))) {
        return source_choose_files(mem, server, out, report);
    }
    if (str_eq(server->type, STR("postgres")) || str_eq(server->type, STR("postgresql"))) {
        out->kind = SOURCE_POSTGRES;
        out->host = server->host;
        out->port = server->listen_port.len ? server->listen_port : STR("5432");
        out->database = server->database;
        out->schema = server->schema.len ? server->schema : STR("public");
        return source_credential(mem, server, STR("user"), &out->user, report)
            && source_credential(mem, server, STR("password"), &out->password, report);
    }
    finding = report_add(report, FINDING_ERROR, ERR_INVALID, server->place,
                         "server %.*s is of a type that this version does not read",
                         STR_ARG(server->name));
    finding->found = server->type;
    finding->allowed = STR("local, postgres, postgresql");
    return false;
}

bool source_choose(struct arena *mem, const struct contract *contract, str environment,
                   struct source_server *out, struct report *report)
{
    return source_take(mem, contract, source_pick(contract, environment), out, report);
}

bool source_choose_named(struct arena *mem, const struct contract *contract, str name,
                         struct source_server *out, struct report *report)
{
    struct str_list names = {0};

    for (size_t i = 0; i < contract->servers.len; i++) {
        if (str_eq(contract->servers.at[i].name, name)) {
            return source_take(mem, contract, &contract->servers.at[i], out, report);
        }
        str_list_add(mem, &names, contract->servers.at[i].name);
    }
    if (name.len == 0) {
        return source_choose(mem, contract, STR_NONE, out, report);
    }
    struct finding *finding =
        report_add(report, FINDING_ERROR, ERR_NOT_FOUND, contract->place,
                   "contract %.*s has no server %.*s", STR_ARG(contract->id), STR_ARG(name));
    finding->allowed = str_list_join(mem, &names, STR(", "));
    return false;
}

str source_table_location(struct arena *mem, str location, str table)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);
    size_t at = str_find(location, STR("{table}"));

    buf_add(b, str_sub(location, 0, at));
    if (at < location.len) {
        buf_add(b, table);
        buf_add(b, str_from(location, at + sizeof("{table}") - 1));
    }
    return b->full ? STR_NONE : buf_str(b);
}

static bool source_resolve_text(struct arena *mem, const struct source_secrets *secrets,
                                const struct contract_server *server, str *text,
                                struct report *report)
{
    struct buf *out = buf_new(mem, PATH_BYTES_MAX);
    str rest = *text;

    if (str_find(rest, STR("${")) == rest.len) {
        return true;
    }
    for (;;) {
        size_t start = str_find(rest, STR("${"));
        str value, name = str_from(rest, start < rest.len ? start + 2 : rest.len);
        size_t end = str_find(name, STR("}"));

        buf_add(out, str_sub(rest, 0, start));
        if (start == rest.len) {
            break;
        }
        rest = str_from(name, end + 1);
        name.len = end;
        if (!secrets->find(secrets->state, name, &value)) {
            struct finding *finding = report_add(report, FINDING_ERROR, ERR_SECRET, server->place,
                                                 "secret ${%.*s} of server %.*s is not set",
                                                 STR_ARG(name), STR_ARG(server->name));
            finding->hint = STR("set WEFT_SECRET_<DOMAIN>_<NAME> where the server starts, "
                                "or put NAME=value into <home>/secrets/<domain> (mode 0600)");
            return false;
        }
        buf_add(out, value);
    }
    if (out->full) {
        report_add(report, FINDING_ERROR, ERR_LIMIT, server->place,
                   "a secret of server %.*s is too long", STR_ARG(server->name));
        return false;
    }
    *text = buf_copy(out, mem);
    return true;
}

bool source_resolve(struct arena *mem, const struct source_secrets *secrets,
                    struct source_server *server, struct report *report)
{
    str *texts[] = {&server->location, &server->host, &server->port,    &server->database,
                    &server->schema,   &server->user, &server->password};
    bool ok = true;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok = source_resolve_text(mem, secrets, server->server, texts[i], report) && ok;
    }
    return ok;
}

bool source_open(struct arena *mem, const struct contract *contract,
                 const struct source_server *server, str hostaddr, const struct str_list *files,
                 struct source_plan *out, struct report *report)
{
    *out = (struct source_plan){0};
    return server->kind == SOURCE_FILES
             ? source_files_open(mem, contract, server, files, out, report)
             : source_postgres_open(mem, contract, server, hostaddr, out, report);
}

bool source_read_column(const struct tree *row, const struct source_table *table,
                        struct source_column *out)
{
    int64_t file = 0;

    if (row->kind != TREE_LIST || row->len < 3 || row->len > 4 || !tree_is_string(row->at[0])
        || !tree_is_string(row->at[1]) || (row->len == 4 && !tree_is_int(row->at[3], &file))
        || file < 0 || (file > 0 && (uint64_t)file >= table->files.len)) {
        return false;
    }
    *out = (struct source_column){
        .name = row->at[0]->text, .type = row->at[1]->text, .file = (size_t)file};
    (void)tree_is_bool(row->at[2], &out->nullable);
    return true;
}

static void source_drift_missing(struct arena *mem, const struct source_table *table,
                                 const struct contract_column *column,
                                 const struct source_column *columns, size_t len,
                                 struct report *report)
{
    struct str_list names = {0};
    struct finding *finding =
        report_add(report, FINDING_ERROR, ERR_DRIFT, column->place,
                   "column %.*s of %.*s is not in the source any more",
                   STR_ARG(source_column_name(column)), STR_ARG(source_table_name(table->table)));

    for (size_t i = 0; i < len; i++) {
        str_list_add(mem, &names, columns[i].name);
    }
    finding->found = str_list_join(mem, &names, STR(", "));
    str nearest = str_list_nearest(&names, source_column_name(column));
    finding->hint = nearest.len ? arena_format(mem, "was it renamed to %.*s? then set physicalName",
                                               STR_ARG(nearest))
                                : STR("ask the owner of the source, or change the source contract");
}

/* A header that was read as one name. Each column is missing then, and none was renamed. */
static bool source_drift_delimiter(struct arena *mem, const struct source_server *server,
                                   const struct source_table *table,
                                   const struct source_column *columns, size_t len,
                                   struct report *report)
{
    char delimiter = source_other_delimiter(server, columns, len);

    if (delimiter == 0) {
        return true;
    }
    for (size_t i = 0; i < table->table->columns.len; i++) {
        if (source_find(columns, len, source_column_name(&table->table->columns.at[i])) != NULL) {
            return true;
        }
    }
    struct finding *finding =
        report_add(report, FINDING_ERROR, ERR_DRIFT, table->table->place,
                   "the header of %.*s is one name, which holds another delimiter",
                   STR_ARG(source_table_name(table->table)));
    finding->found = columns[0].name;
    finding->hint = arena_format(
        mem, "say it at the server: customProperties: [{property: delimiter, value: %s}]",
        delimiter == '\t' ? "\"\\t\"" : (const char[]){'\'', delimiter, '\'', 0});
    return false;
}

/* Only a database tells its types; in files they show when the rows are read. */
static bool source_drift_type(struct arena *mem, const struct contract_column *column,
                              const struct source_column *found, struct report *report)
{
    str type = contract_type_canonical(mem, found->type);
    bool is_decimal = str_starts(column->type, STR("DECIMAL("));

    /* Digits are held against the contract's scale row by row, on the far side. */
    if (contract_type_widens(type, column->type)
        || (is_decimal
            && (str_eq(found->type, STR("numeric")) || str_starts(type, STR("DECIMAL("))))) {
        return true;
    }
    struct finding *finding = report_add(report, FINDING_ERROR, ERR_DRIFT, column->place,
                                         "column %.*s has another type in the source",
                                         STR_ARG(source_column_name(column)));
    finding->found = found->type;
    finding->allowed = column->type;
    finding->hint = STR("change the type in the source contract, or ask the owner of the source");
    return false;
}

static void source_new_columns(struct arena *mem, struct source_table *table,
                               const struct source_column *columns, size_t len,
                               const struct map *found, struct report *report)
{
    const struct contract_table *contract = table->table;
    struct map known;

    source_map_contract(mem, contract, &known);
    for (size_t i = 0; i < len; i++) {
        /* Of several files, the first that has it speaks for all. */
        bool is_told = columns[i].file > 0 && map_find(found, columns[i].name) != &columns[i];

        if (!is_told && map_find(&known, columns[i].name) == NULL) {
            struct finding *finding =
                report_add(report, FINDING_WARNING, ERR_DRIFT, contract->place,
                           "the source has a new column %.*s in %.*s", STR_ARG(columns[i].name),
                           STR_ARG(source_table_name(contract)));
            finding->found = columns[i].type;
            finding->hint = STR("add it to the source contract to read it; it is left out");
        }
    }
}

/* Types that a bound may have, as PostgreSQL calls them. */
static const char *source_far_type(str type)
{
    static const struct {
        const char *near, *far;
    } types[] = {{"TINYINT", "smallint"},
                 {"SMALLINT", "smallint"},
                 {"INTEGER", "integer"},
                 {"BIGINT", "bigint"},
                 {"DATE", "date"},
                 {"TIMESTAMP", "timestamp"},
                 {"TIMESTAMP WITH TIME ZONE", "timestamptz"}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_eq(type, str_of(types[i].near))) {
            return types[i].far;
        }
    }
    return "text";
}

void source_add_bound(struct buf *b, str value, const char *sign, str bound, str type, bool is_far)
{
    buf_format(b, "%.*s %s CAST(", STR_ARG(value), sign);
    buf_add_literal(b, bound);
    buf_add(b, STR(" AS "));
    buf_add(b, is_far ? str_of(source_far_type(type)) : type);
    buf_add(b, STR(")"));
}

str source_range_condition(struct arena *mem, const struct source_range *range, str value,
                           bool is_far)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    if (range->column == NULL || (range->low.len == 0 && range->high.len == 0)) {
        return STR_NONE;
    }
    /* A row without a value is behind no bound: it has to come to be told. */
    buf_add(b, STR("("));
    if (range->low.len > 0) {
        source_add_bound(b, value, range->is_low_in ? ">=" : ">", range->low, range->type, is_far);
    }
    if (range->high.len > 0) {
        buf_add(b, range->low.len > 0 ? STR(" AND ") : STR(""));
        source_add_bound(b, value, "<=", range->high, range->type, is_far);
    }
    buf_format(b, ") OR %.*s IS NULL", STR_ARG(value));
    return buf_str(b);
}

static void source_limit_files(struct arena *mem, struct source_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 4 + table->text.len);
    struct buf *value = buf_new(mem, PATH_BYTES_MAX);
    str condition;

    if (table->range.column == NULL) {
        return;
    }
    buf_add_identifier(value, table->range.column->name);
    condition = source_range_condition(mem, &table->range, buf_str(value), false);
    if (condition.len > 0) {
        buf_format(b, "SELECT * FROM (%.*s) WHERE %.*s", STR_ARG(table->text), STR_ARG(condition));
        table->text = buf_str(b);
        table->quick = STR_NONE;
    }
}

static void source_settle_cuts(const struct source_server *server, struct source_table *table)
{
    struct source_cuts *cuts = &table->cuts;

    if (cuts->column == NULL) {
        return;
    }
    const struct source_column *found =
        source_find(table->found, table->found_len, source_column_name(cuts->column));
    if (server->kind != SOURCE_POSTGRES || !source_postgres_can_cut(cuts, found)) {
        *cuts = (struct source_cuts){0};
    }
}

static bool source_text(struct arena *mem, const struct source_server *server,
                        struct source_table *table, const struct source_column *columns, size_t len,
                        struct report *report)
{
    bool ok = true;

    if (server->kind == SOURCE_POSTGRES) {
        source_postgres_text(mem, server, table);
    } else if (server->file_format == SOURCE_PARQUET) {
        ok = source_parquet_compile(mem, server, table, columns, len, report);
    } else {
        (void)source_files_text(mem, server, table, columns, len);
    }
    if (ok && server->kind == SOURCE_FILES && table->text.len > 0) {
        source_limit_files(mem, table);
    }
    if (ok && table->text.len == 0) {
        report_add(report, FINDING_ERROR, ERR_LIMIT, table->table->place,
                   "table %.*s has too many columns, or too many files of different ones",
                   STR_ARG(source_table_name(table->table)));
        return false;
    }
    return ok;
}

bool source_compile(struct arena *mem, const struct source_server *server,
                    struct source_table *table, const struct source_column *columns, size_t len,
                    struct report *report)
{
    const struct contract_table *contract = table->table;
    bool ok = true,
         is_json = server->kind == SOURCE_FILES
                && (server->file_format == SOURCE_NDJSON || server->file_format == SOURCE_JSON);
    /* What the engine makes of files without a line. */
    bool is_empty = is_json && len == 1 && str_eq(columns[0].name, STR("json"))
                 && str_eq(columns[0].type, STR("JSON"));
    struct map by_name;

    if (!source_drift_delimiter(mem, server, table, columns, len, report)) {
        return false;
    }
    source_map_found(mem, columns, len, &by_name);
    table->columns = (struct job_columns){0};
    table->found = columns;
    table->found_len = len;
    for (size_t i = 0; i < contract->columns.len; i++) {
        const struct contract_column *column = &contract->columns.at[i];
        const struct source_column *found = map_find(&by_name, source_column_name(column));
        bool may_lack = is_json && (!column->required || is_empty);

        if (found == NULL && !may_lack) {
            source_drift_missing(mem, table, column, columns, len, report);
            ok = false;
        } else if (found != NULL && server->kind == SOURCE_POSTGRES) {
            ok = source_drift_type(mem, column, found, report) && ok;
        }
        vec_push(mem, &table->columns,
                 ((struct job_column){
                     .name = column->name, .type = column->type, .id = (uint32_t)i + 1}));
    }
    /* What a line of a log holds is no news. */
    if (!is_empty && !(server->kind == SOURCE_FILES && server->file_format == SOURCE_LOG)) {
        source_new_columns(mem, table, columns, len, &by_name, report);
    }
    if (!ok) {
        return false;
    }
    source_settle_cuts(server, table);
    return source_text(mem, server, table, columns, len, report);
}
