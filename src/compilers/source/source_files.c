#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

static void source_add_files(struct buf *b, const struct source_table *table)
{
    buf_add(b, STR("["));
    for (size_t i = 0; i < table->files.len; i++) {
        buf_format(b, "%s'in/", i ? ", " : "");
        /* A name inside `in/` is ours and holds no quote, yet it costs nothing to be sure. */
        for (size_t j = 0; j < table->files.at[i].len; j++) {
            char c = table->files.at[i].ptr[j];
            buf_add_byte(b, c);
            if (c == '\'') {
                buf_add_byte(b, c);
            }
        }
        buf_add(b, STR("'"));
    }
    buf_add(b, STR("]"));
}

/* The dialect is fixed: what a sniffer would find in one file, it would not in the next. */
static void source_add_csv_options(struct buf *b, const struct source_server *server)
{
    buf_add(b, STR(", header = true, quote = '\"', escape = '\"', strict_mode = true, "
                   "allow_quoted_nulls = false, delim = "));
    buf_add_literal(b, server->delimiter.len ? server->delimiter : STR(","));
}

static str source_files_describe(struct arena *mem, const struct source_server *server,
                                 const struct source_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("SELECT column_name, column_type, true FROM (DESCRIBE SELECT * FROM "));
    if (server->file_format == SOURCE_CSV) {
        buf_add(b, STR("read_csv("));
        source_add_files(b, table);
        buf_add(b, STR(", all_varchar = true, auto_detect = true"));
        source_add_csv_options(b, server);
    } else {
        buf_add(b, STR("read_json("));
        source_add_files(b, table);
        buf_add(b, STR(", format = 'newline_delimited', auto_detect = true, maximum_depth = 1, "
                       "union_by_name = true"));
    }
    buf_add(b, STR("))"));
    return buf_str(b);
}

bool source_files_open(struct arena *mem, const struct contract *contract, const struct source_server *server,
                       const struct str_list *files, struct source_plan *out)
{
    for (size_t i = 0; i < contract->tables.len; i++) {
        struct source_table *table = vec_add(mem, &out->tables);

        table->table = &contract->tables.at[i];
        for (size_t j = 0; files != NULL && j < files[i].len; j++) {
            vec_push(mem, &table->files, files[i].at[j]);
        }
        table->describe = source_files_describe(mem, server, table);
    }
    return true;
}

/* Types that the CSV reader converts itself, with the line in its error; others are cast from text. */
static bool source_csv_reads(str type)
{
    static const char *const names[] = {"BOOLEAN",  "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE",
                                        "VARCHAR",  "DATE",    "TIME",     "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
                                        "UUID"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq(type, str_of(names[i]))) {
            return true;
        }
    }
    return str_starts(type, STR("DECIMAL(")) && !str_ends(type, STR("]"));
}

static const struct contract_column *source_contract_column(const struct contract_table *table, str physical)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(source_column_name(&table->columns.at[i]), physical)) {
            return &table->columns.at[i];
        }
    }
    return NULL;
}

static void source_add_select(struct buf *b, const struct source_table *table, bool is_csv)
{
    const struct contract_table *contract = table->table;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < contract->columns.len; i++) {
        const struct contract_column *column = &contract->columns.at[i];
        str physical = source_column_name(column);
        /* A field that no line of the sample had is read all the same: later lines may have it. */
        bool is_cast = is_csv && !source_csv_reads(column->type);

        buf_add(b, i ? STR(", ") : STR(""));
        buf_add(b, is_cast ? STR("CAST(") : STR(""));
        buf_add_identifier(b, physical);
        if (is_cast) {
            buf_format(b, " AS %.*s)", STR_ARG(column->type));
        }
        buf_add(b, STR(" AS "));
        buf_add_identifier(b, column->name);
    }
}

static void source_add_columns(struct buf *b, size_t i, str name, str type)
{
    buf_add(b, i ? STR(", ") : STR(""));
    buf_add_literal(b, name);
    buf_add(b, STR(": "));
    buf_add_literal(b, type);
}

void source_files_text(struct arena *mem, const struct source_server *server, struct source_table *table,
                       const struct source_column *columns, size_t len)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 4);
    const struct contract_table *contract = table->table;
    bool is_csv = server->file_format == SOURCE_CSV;

    source_add_select(b, table, is_csv);
    buf_add(b, is_csv ? STR(" FROM read_csv(") : STR(" FROM read_json("));
    source_add_files(b, table);
    buf_add(b, STR(", auto_detect = false, columns = {"));
    /* A CSV file is read in its own order of columns, all of them. */
    for (size_t i = 0; is_csv && i < len; i++) {
        const struct contract_column *column = source_contract_column(contract, columns[i].name);
        bool is_typed = column != NULL && source_csv_reads(column->type);

        source_add_columns(b, i, columns[i].name, is_typed ? column->type : STR("VARCHAR"));
    }
    for (size_t i = 0; !is_csv && i < contract->columns.len; i++) {
        source_add_columns(b, i, source_column_name(&contract->columns.at[i]), contract->columns.at[i].type);
    }
    buf_add(b, STR("}"));
    if (is_csv) {
        source_add_csv_options(b, server);
    } else {
        buf_add(b, STR(", format = 'newline_delimited'"));
    }
    buf_add(b, STR(")"));
    table->text = buf_str(b);
}
