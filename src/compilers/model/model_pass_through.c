#include "buf/buf.h"
#include "limits/limits.h"
#include "model/model.h"

bool model_is_passed_through(const struct model_product *product, str table)
{
    for (size_t i = 0; i < product->sqls.len; i++) {
        if (!product->sqls.at[i].is_internal && str_eq(product->sqls.at[i].table, table)) {
            return false;
        }
    }
    return true;
}

str model_pass_through_sql(struct arena *mem, const struct contract_table *table, str input)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < table->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, table->columns.at[i].name);
    }
    buf_add(b, STR(" FROM "));
    buf_add_identifier(b, input);
    buf_add_byte(b, '.');
    buf_add_identifier(b, contract_table_plain(table->name));
    return buf_str(b);
}
