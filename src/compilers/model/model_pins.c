/* What an input port asks of its contract: a range of versions, and the columns that the product needs. */
#include "contract/contract_custom.h"
#include "model/model_inside.h"

#include "shape/shape.h"

static const char *const range_allowed = ">=1.2 <2, ^1.2, ~1.2, =1.2.0: all terms must hold";

static void read_range(struct model_builder *b, str file, const struct tree *value,
                       struct model_input *input)
{
    struct version version;
    str problem;
    if (!value || tree_is_null(value))
        return;
    if (value->kind != TREE_SCALAR) {
        shape_error(b->mem, file, b->report, value, "versions is a range of versions, as text")
            ->allowed = str_of(range_allowed);
        return;
    }
    if (!version_range_read(b->mem, value->text, &input->range, &problem)) {
        struct finding *f =
            shape_error(b->mem, file, b->report, value, "versions: " STR_FMT, STR_ARG(problem));
        f->found = shape_found(b->mem, value);
        f->allowed = str_of(range_allowed);
        return;
    }
    input->versions = value->text;
    input->range_place = tree_place(b->mem, file, value);
    if (version_read(input->version, &version) && !version_range_holds(&input->range, &version)) {
        struct finding *f = shape_error(
            b->mem, file, b->report, value,
            "the version of the input port " STR_FMT " is not in its range", STR_ARG(input->name));
        f->found = input->version;
        f->allowed = input->versions;
    }
}

static void wrong_columns(struct model_builder *b, str file, const struct tree *node)
{
    struct finding *f =
        shape_error(b->mem, file, b->report, node, "columns names columns of tables");
    f->found = shape_found(b->mem, node);
    f->allowed = STR("{TABLE: [COLUMN, …]}, or [COLUMN, …] of a contract with one table");
}

static void read_columns(struct model_builder *b, str file, str table, const struct tree *list,
                         struct model_input *input)
{
    if (list->kind != TREE_LIST) {
        wrong_columns(b, file, list);
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        const struct tree *column = list->at[i];
        bool is_twice = false;
        if (column->kind != TREE_SCALAR || tree_is_null(column) || !column->text.len) {
            wrong_columns(b, file, column);
            continue;
        }
        for (size_t k = 0; k < input->pins.len; k++)
            is_twice = is_twice
                    || (str_eq_nocase(input->pins.at[k].table, table)
                        && str_eq_nocase(input->pins.at[k].column, column->text));
        if (is_twice)
            shape_error(b->mem, file, b->report, column, "the column " STR_FMT " stands here twice",
                        STR_ARG(column->text));
        else
            vec_push(b->mem, &input->pins,
                     ((struct model_pin){table, column->text, tree_place(b->mem, file, column)}));
    }
}

void model_read_pins(struct model_builder *b, str file, const struct tree *port,
                     struct model_input *input)
{
    const struct tree *custom = tree_find(port, STR("customProperties"));
    const struct tree *columns = contract_custom(custom, STR("columns"));
    read_range(b, file, contract_custom(custom, STR("versions")), input);
    if (!columns || tree_is_null(columns))
        return;
    size_t errors = b->report->errors;
    if (columns->kind == TREE_MAP)
        for (size_t i = 0; i < columns->len; i++)
            read_columns(b, file, columns->at[i]->key, columns->at[i], input);
    else
        read_columns(b, file, STR_NONE, columns, input);
    if (!input->pins.len && b->report->errors == errors)
        wrong_columns(b, file, columns);
    input->names_columns = input->pins.len > 0;
}

static bool is_pin_of(const struct model_pin *pin, str table)
{
    return !pin->table.len || str_eq_nocase(pin->table, contract_table_plain(table));
}

bool model_input_names(const struct model_input *input, str table, str column)
{
    for (size_t i = 0; i < input->pins.len; i++)
        if (is_pin_of(&input->pins.at[i], table) && str_eq_nocase(input->pins.at[i].column, column))
            return true;
    return !input->names_columns;
}

bool model_input_takes(const struct model_input *input, const struct contract *contract)
{
    struct version version;
    return !input->versions.len
        || (version_read(contract->version, &version)
            && version_range_holds(&input->range, &version));
}

/* ---- findings */

/* Of the contract that an input asks for. */
static str served_versions(struct arena *mem, const struct model *model,
                           const struct model_input *input)
{
    struct str_list versions = {0};
    if (!input->producer)
        return input->contract->version;
    for (size_t i = 0; i < model->products.len; i++)
        for (size_t j = 0; j < model->products.at[i]->outputs.len; j++) {
            const struct contract *contract = model->products.at[i]->outputs.at[j].contract;
            if (contract && str_eq(contract->id, input->contract_id))
                str_list_add(mem, &versions, contract->version);
        }
    return str_list_join(mem, &versions, STR(", "));
}

static void check_range(const struct model *model, const struct model_product *product,
                        const struct model_input *input, struct report *report)
{
    if (model_input_takes(input, input->contract))
        return;
    struct finding *f = report_add(
        report, FINDING_ERROR, ERR_INVALID, input->range_place,
        STR_FMT ", input port " STR_FMT ": no version of the contract " STR_FMT " is in its range",
        STR_ARG(product->address), STR_ARG(input->name), STR_ARG(input->contract_id));
    f->found = served_versions(model->mem, model, input);
    f->allowed = input->versions;
    f->hint = STR("widen the range where what changed is no harm; else ask the owners for a "
                  "version of it beside the new one");
}

static str table_names(struct arena *mem, const struct contract *contract)
{
    struct str_list names = {0};
    for (size_t i = 0; i < contract->tables.len; i++)
        vec_push(mem, &names, contract_table_plain(contract->tables.at[i].name));
    return str_list_join(mem, &names, STR(", "));
}

static const struct contract_table *pinned_table(const struct contract *contract,
                                                 const struct model_pin *pin)
{
    if (!pin->table.len)
        return contract->tables.len == 1 ? &contract->tables.at[0] : NULL;
    for (size_t i = 0; i < contract->tables.len; i++)
        if (is_pin_of(pin, contract->tables.at[i].name))
            return &contract->tables.at[i];
    return NULL;
}

static void no_pinned_table(struct arena *mem, const struct model_product *product,
                            const struct model_input *input, const struct model_pin *pin,
                            struct report *report)
{
    struct str_list names = {0};
    struct finding *f =
        pin->table.len
            ? report_add(report, FINDING_ERROR, ERR_UNKNOWN_NAME, pin->place,
                         STR_FMT ", input port " STR_FMT " names the column " STR_FMT "." STR_FMT
                                 ": the contract " STR_FMT " " STR_FMT " has no such table",
                         STR_ARG(product->address), STR_ARG(input->name), STR_ARG(pin->table),
                         STR_ARG(pin->column), STR_ARG(input->contract_id),
                         STR_ARG(input->contract->version))
            : report_add(report, FINDING_ERROR, ERR_UNKNOWN_NAME, pin->place,
                         STR_FMT ", input port " STR_FMT " names the column " STR_FMT
                                 ": the contract " STR_FMT " " STR_FMT " has %zu tables",
                         STR_ARG(product->address), STR_ARG(input->name), STR_ARG(pin->column),
                         STR_ARG(input->contract_id), STR_ARG(input->contract->version),
                         input->contract->tables.len);
    for (size_t i = 0; i < input->contract->tables.len; i++)
        vec_push(mem, &names, contract_table_plain(input->contract->tables.at[i].name));
    str nearest = pin->table.len ? str_list_nearest(&names, pin->table) : STR_NONE;
    f->allowed = table_names(mem, input->contract);
    f->hint = nearest.len    ? arena_format(mem, "did you mean " STR_FMT "?", STR_ARG(nearest))
            : pin->table.len ? STR_NONE
                             : STR("write columns as {TABLE: [COLUMN, …]}");
}

static void check_pin(struct arena *mem, const struct model_product *product,
                      const struct model_input *input, const struct model_pin *pin,
                      struct report *report)
{
    const struct contract_table *table = pinned_table(input->contract, pin);
    struct str_list names = {0};
    if (!table) {
        no_pinned_table(mem, product, input, pin, report);
        return;
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq_nocase(table->columns.at[i].name, pin->column))
            return;
        vec_push(mem, &names, table->columns.at[i].name);
    }
    struct finding *f = report_add(
        report, FINDING_ERROR, ERR_UNKNOWN_COLUMN, pin->place,
        STR_FMT ", input port " STR_FMT " names the column " STR_FMT "." STR_FMT
                ": the contract " STR_FMT " " STR_FMT " has no such column",
        STR_ARG(product->address), STR_ARG(input->name), STR_ARG(contract_table_plain(table->name)),
        STR_ARG(pin->column), STR_ARG(input->contract_id), STR_ARG(input->contract->version));
    str nearest = str_list_nearest(&names, pin->column);
    f->allowed = str_list_join(mem, &names, STR(", "));
    f->hint =
        nearest.len ? arena_format(mem, "did you mean " STR_FMT "?", STR_ARG(nearest)) : STR_NONE;
}

void model_check_pins(const struct model *model, struct report *report)
{
    for (size_t i = 0; i < model->products.len; i++)
        for (size_t j = 0; j < model->products.at[i]->inputs.len; j++) {
            const struct model_input *input = &model->products.at[i]->inputs.at[j];
            if (!input->contract)
                continue; /* that was told */
            check_range(model, model->products.at[i], input, report);
            for (size_t k = 0; k < input->pins.len; k++)
                check_pin(model->mem, model->products.at[i], input, &input->pins.at[k], report);
        }
}
