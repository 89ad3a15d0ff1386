/* `$since` in the texts of a product. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "model/model.h"
#include "task/task.h"

const struct contract_table *model_since_table(const struct model_product *product,
                                               const struct model_sql *sql)
{
    const struct contract_table *only = NULL;
    size_t count = 0;

    if (!sql->is_internal) {
        const struct contract_table *table = model_find_table(product, sql->table, NULL);

        return table != NULL && table->incremental.mode != INCREMENTAL_NONE ? table : NULL;
    }
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;

        for (size_t k = 0; contract != NULL && k < contract->tables.len; k++) {
            if (contract->tables.at[k].incremental.mode != INCREMENTAL_NONE) {
                only = &contract->tables.at[k];
                count++;
            }
        }
    }
    return count == 1 ? only : NULL;
}

str model_key_type(const struct contract_table *table)
{
    const struct contract_column *column = contract_find_column(table, table->incremental.key);

    CHECK(column != NULL);
    return column->type;
}

str model_key_literal(struct arena *mem, const struct contract_table *table, str value)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    buf_add(b, STR("CAST("));
    buf_add_literal(b, value);
    buf_format(b, " AS %.*s)", STR_ARG(model_key_type(table)));
    return buf_str(b);
}

str model_key_least(const struct contract_table *table)
{
    static const struct {
        const char *type, *least;
    } integers[] = {{"TINYINT", "-128"},
                    {"SMALLINT", "-32768"},
                    {"INTEGER", "-2147483648"},
                    {"BIGINT", "-9223372036854775808"}};

    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        if (str_eq(model_key_type(table), str_of(integers[i].type))) {
            return str_of(integers[i].least);
        }
    }
    return STR("-infinity");
}
