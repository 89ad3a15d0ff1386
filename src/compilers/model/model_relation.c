/* Relationships that leave their contract: to another output of the product, or to one of its inputs. */
#include "model/model_inside.h"

#include "check/check.h"

static str folder_of(str file)
{
    str folder, name;
    str_cut_last(file, '/', &folder, &name);
    return folder;
}

/* `domains/a/b` and `../c/x.odcs.yaml` are `domains/a/c/x.odcs.yaml`; empty where it leads out of the mesh, or to the web. */
static str resolve(struct arena *mem, str folder, str file)
{
    str part, rest = file, before;
    if (str_find(file, STR("://")) < file.len || str_starts(file, STR("/")))
        return STR_NONE;
    while (rest.len) {
        bool has_more = str_cut(rest, '/', &part, &rest);
        if (str_eq(part, STR("..")) && !folder.len)
            return STR_NONE;
        if (str_eq(part, STR("..")))
            folder = str_cut_last(folder, '/', &before, &part) ? before : STR_NONE;
        else if (!str_eq(part, STR(".")) && part.len)
            folder = folder.len
                       ? arena_format(mem, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(part))
                       : part;
        if (!has_more)
            break;
    }
    return folder;
}

static bool is_output_of(const struct model_product *product, const struct contract *contract)
{
    for (size_t i = 0; i < product->outputs.len; i++)
        if (product->outputs.at[i].contract == contract)
            return true;
    return false;
}

/* The contract that is meant, and the schema of its tables in this product; false where it is neither. */
static bool find_target(const struct model_product *product, const struct contract *own, str file,
                        struct model_relation *out)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        if (contract && (file.len ? str_eq(contract->file, file) : contract == own)) {
            out->contract = contract;
            out->schema = STR("self");
            return true;
        }
    }
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct contract *contract = product->inputs.at[i].contract;
        if (contract && (file.len ? str_eq(contract->file, file) : contract == own)) {
            out->contract = contract;
            out->schema = product->inputs.at[i].name;
            return true;
        }
    }
    return false;
}

bool model_find_relation(struct arena *mem, const struct model_product *product,
                         const struct contract *contract, const struct contract_rule *rule,
                         struct model_relation *out)
{
    const struct contract_relation *relation = &rule->relation;
    str file =
        relation->file.len ? resolve(mem, folder_of(contract->file), relation->file) : STR_NONE;
    *out = (struct model_relation){.file = file};
    if ((relation->file.len && !file.len) || !find_target(product, contract, file, out)) {
        out->problem = arena_format(mem, STR_FMT " is no contract of an input of the product",
                                    STR_ARG(relation->file));
        return false;
    }
    bool is_source = !is_output_of(product, contract);
    out->is_input = out->contract != contract && !str_eq(out->schema, STR("self"));
    if (is_source && str_eq(out->schema, STR("self"))) {
        out->problem = STR("an input is checked before there are outputs");
        return false;
    }
    out->table = contract_refer_table(out->contract, relation->has_ids, relation->table);
    if (!out->table) {
        out->problem = arena_format(mem, STR_FMT " has no table " STR_FMT,
                                    STR_ARG(out->contract->file), STR_ARG(relation->table));
        return false;
    }
    for (size_t i = 0; i < relation->columns.len; i++) {
        const struct contract_column *column =
            contract_refer_column(out->table, relation->has_ids, relation->columns.at[i]);
        if (!column) {
            out->problem =
                arena_format(mem, STR_FMT " has no column " STR_FMT, STR_ARG(out->table->name),
                             STR_ARG(relation->columns.at[i]));
            return false;
        }
        vec_push(mem, &out->columns, column);
    }
    return true;
}

/* Is the contract there, but of no port of this product? Then a line mends it. */
static void not_an_input(struct model_builder *b, const struct model_product *product,
                         const struct contract_rule *rule, const struct model_relation *relation)
{
    const struct contract *other = NULL;
    for (size_t i = 0; i < b->model->contracts.len; i++)
        if (str_eq(b->model->contracts.at[i]->file, relation->file))
            other = b->model->contracts.at[i];
    if (!other) {
        struct finding *f = model_warning(b, rule->place,
                                          "the relationship to " STR_FMT
                                          " is not checked: it is no contract of this mesh",
                                          STR_ARG(rule->relation.file));
        f->hint = STR("a path is relative to the folder of this contract");
        return;
    }
    struct finding *f = model_error(
        b, rule->place, "the relationship leads to " STR_FMT ", which is no input of " STR_FMT,
        STR_ARG(other->file), STR_ARG(product->address));
    f->hint = arena_format(b->mem,
                           "add it to inputPorts of " STR_FMT ": {name: NAME, version: " STR_FMT
                           ", contractId: " STR_FMT "}",
                           STR_ARG(product->file), STR_ARG(other->version), STR_ARG(other->id));
}

static void check_types(struct model_builder *b, const struct contract_table *table,
                        const struct contract_rule *rule, const struct model_relation *relation)
{
    for (size_t i = 0; i < relation->columns.len; i++) {
        const struct contract_column *from =
            contract_find_column(table, rule->columns.at[rule->columns.len > 1 ? i : 0]);
        str type = rule->columns.len > 1 && from ? from->type : rule->type;
        str to = relation->columns.at[i]->type;
        if (!type.len || !to.len || contract_type_widens(type, to)
            || contract_type_widens(to, type))
            continue;
        struct finding *f =
            model_error(b, rule->place, "the types at both ends of the relationship differ");
        f->found = arena_format(b->mem, STR_FMT " and " STR_FMT, STR_ARG(type), STR_ARG(to));
    }
}

static void check_relations(struct model_builder *b, const struct model_product *product,
                            const struct contract *contract)
{
    for (size_t i = 0; contract && i < contract->tables.len; i++)
        for (size_t j = 0; j < contract->tables.at[i].rules.len; j++) {
            const struct contract_rule *rule = &contract->tables.at[i].rules.at[j];
            struct model_relation relation;
            if (rule->kind != RULE_RELATIONSHIP)
                continue;
            if (model_find_relation(b->mem, product, contract, rule, &relation))
                check_types(b, &contract->tables.at[i], rule, &relation);
            else if (!relation.contract)
                not_an_input(b, product, rule, &relation);
            else
                model_error(b, rule->place, STR_FMT, STR_ARG(relation.problem));
        }
}

void model_check_rules(struct model_builder *b)
{
    for (size_t i = 0; i < b->fresh.len; i++)
        for (size_t j = 0; j < b->fresh.at[i]->contracts.len; j++)
            if (!b->report->errors)
                check_contract(b->scratch, b->fresh.at[i]->contracts.at[j], b->report);
}

/* Of all products: what a relationship leads to may be a file of none that its product reads. */
void model_check_relations(struct model_builder *b)
{
    for (size_t i = 0; i < b->model->products.len && !b->is_partial; i++) {
        const struct model_product *product = b->model->products.at[i];
        for (size_t j = 0; j < product->outputs.len; j++)
            check_relations(b, product, product->outputs.at[j].contract);
        for (size_t j = 0; j < product->inputs.len; j++)
            if (!product->inputs.at[j].producer)
                check_relations(b, product, product->inputs.at[j].contract);
    }
}
