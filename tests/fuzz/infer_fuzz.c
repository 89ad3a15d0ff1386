/* What a source shows of itself: names, types, comments and values of whatever kind give a contract that we read ourselves. Input: lines of
 * table, column, type, comment and a value, with tabs between. */
#include <stdint.h>

#include "buf/buf.h"
#include "contract/contract.h"
#include "infer/infer.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TABLES_MAX = 4, COLUMNS_OF_MAX = 16 };

static void read_line(struct arena *mem, str line, struct infer_tables *tables)
{
    struct infer_column column = {.is_profiled = true, .values = 3, .distinct = 3};
    struct infer_table *table = NULL;
    str name, sample, why;

    (void)str_cut(line, '\t', &name, &line);
    (void)str_cut(line, '\t', &column.name, &line);
    (void)str_cut(line, '\t', &column.type, &line);
    (void)str_cut(line, '\t', &column.description, &sample);
    for (size_t i = 0; i < tables->len; i++)
        if (str_eq(tables->at[i].name, name))
            table = &tables->at[i];
    if (table == NULL && tables->len == TABLES_MAX)
        return;
    if (table == NULL) {
        table = vec_add(mem, tables);
        table->name = name;
        table->rows = 3;
    }
    if (table->columns.len == COLUMNS_OF_MAX)
        return;
    vec_push(mem, &column.samples, sample);
    column.primary_key = str_ends(column.name, STR("id")) && table->columns.len == 0;
    for (unsigned i = 0; i < FORM_COUNT; i++)
        column.counts[i] = sample.len > 0 && (unsigned char)sample.ptr[0] % FORM_COUNT == i ? 3 : 0;
    if (str_eq(column.type, STR("VARCHAR")))
        infer_settle(mem, &column);
    (void)infer_is_iban(sample);
    (void)infer_is_card(sample);
    (void)infer_is_ahv(sample);
    if (infer_label(mem, &column, &why).len > 0)
        CHECK(why.len > 0);
    CHECK(infer_profile_sql(mem, &column, 1, STR("t")).len > 0);
    vec_push(mem, &table->columns, column);
}

/* As it is written, and read again. */
static void check_contract(struct task *t, const struct infer_tables *tables)
{
    struct yaml_out_notes notes;
    struct report report;
    struct tree *read;
    struct buf *b = buf_new(t->mem, 8 << 20);

    yaml_out_notes_init(&notes, t->mem);
    struct tree *made = infer_contract(t->mem, STR("a"), STR("A"), tables, NULL, &notes);
    CHECK(made != NULL);
    yaml_out(b, made, &notes);
    if (b->full || b->len > DOCUMENT_BYTES_MAX)
        return;
    report_init(&report, t->mem);
    CHECK(yaml_read(t, t->mem, buf_str(b), STR("a.odcs.yaml"), YAML_MODE_YAML, &read));
    const struct contract *contract = contract_read(t->mem, STR("a.odcs.yaml"), read, &report);
    CHECK(contract != NULL && contract->tables.len == tables->len);
    for (size_t i = 0; i < contract->tables.len; i++)
        CHECK(str_is_name(contract->tables.at[i].name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct infer_tables tables = {0};
    str line, rest = {(const char *)data, len};

    /* Whoever asks a source has held its answers to be UTF-8. */
    while (rest.len > 0 && str_is_utf8(rest)) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (line.len > 0)
            read_line(t->mem, line, &tables);
    }
    if (tables.len > 0)
        check_contract(t, &tables);
    task_free(t);
    return 0;
}
