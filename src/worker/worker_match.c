#include "worker_match.h"

#include <stdlib.h>
#include <string.h>

#include "check/check_machine.h"

/* ---- the pattern, once for a statement */

static void *copy_machine(void *machine)
{
    struct check_machine *copy = malloc(sizeof *copy);
    CHECK(copy != NULL);
    memcpy(copy, machine, sizeof *copy);
    return copy;
}

static void make_machine(duckdb_bind_info info, const char *pattern)
{
    struct check_machine *machine = malloc(sizeof *machine);
    CHECK(machine != NULL);
    if (!pattern || !check_machine_make(str_of(pattern), machine)) {
        free(machine);
        duckdb_scalar_function_bind_set_error(info, "weft: there is no machine for this pattern");
        return;
    }
    duckdb_scalar_function_set_bind_data(info, machine, free);
    duckdb_scalar_function_set_bind_data_copy(info, copy_machine);
}

static void bind_pattern(duckdb_bind_info info)
{
    duckdb_client_context context = NULL;
    duckdb_value value = NULL;
    duckdb_expression expression = duckdb_scalar_function_bind_get_argument(info, 1);
    duckdb_scalar_function_get_client_context(info, &context);
    duckdb_error_data problem = duckdb_expression_is_foldable(expression)
                                  ? duckdb_expression_fold(context, expression, &value)
                                  : NULL;
    char *pattern = value ? duckdb_get_varchar(value) : NULL;
    make_machine(info, pattern);
    duckdb_free(pattern);
    duckdb_destroy_value(&value);
    duckdb_destroy_error_data(&problem);
    duckdb_destroy_client_context(&context);
    duckdb_destroy_expression(&expression);
}

/* ---- texts */

/* Of null it is nothing, whose answer does not count. */
static str text_of(duckdb_string_t *values, uint64_t *validity, idx_t i)
{
    if (validity && !duckdb_validity_row_is_valid(validity, i))
        return STR_NONE;
    return (str){duckdb_string_t_data(&values[i]), duckdb_string_t_length(values[i])};
}

static void match_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct check_machine *machine = duckdb_scalar_function_get_bind_data(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    uint64_t *validity = duckdb_vector_get_validity(texts);
    duckdb_string_t *values = duckdb_vector_get_data(texts);
    bool *out = duckdb_vector_get_data(output);
    idx_t len = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < len; i += 2) {
        enum machine_answer answers[2];
        idx_t pair = len - i < 2 ? 1 : 2;
        check_machine_ask(machine, text_of(values, validity, i),
                          text_of(values, validity, i + pair - 1), answers);
        for (idx_t j = 0; j < pair; j++) {
            out[i + j] = answers[j] == MACHINE_YES;
            if (answers[j] != MACHINE_UNKNOWN
                && (!validity || duckdb_validity_row_is_valid(validity, i + j)))
                continue;
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), i + j);
        }
    }
}

bool worker_match_open(duckdb_connection con)
{
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type boolean = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    duckdb_scalar_function_set_name(function, "weft_matches");
    duckdb_scalar_function_add_parameter(function, text);
    duckdb_scalar_function_add_parameter(function, text);
    duckdb_scalar_function_set_return_type(function, boolean);
    duckdb_scalar_function_set_bind(function, bind_pattern);
    duckdb_scalar_function_set_function(function, match_chunk);
    bool ok = duckdb_register_scalar_function(con, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&boolean);
    duckdb_destroy_scalar_function(&function);
    return ok;
}
