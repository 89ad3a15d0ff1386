#include "model/model_inside.h"

#include "contract/contract_change.h"
#include "shape/shape.h"

static void index_contracts(struct model_builder *b);
static void check_contract_ids(struct model_builder *b);
static void link_outputs(struct model_builder *b, struct model_product *product);
static void offer_outputs(struct model_builder *b, const struct model_product *product);
static void name_majors(struct model_builder *b, struct model_product *product);
static void check_tables(struct model_builder *b, struct model_product *product);
static void link_input(struct model_builder *b, struct model_product *product,
                       struct model_input *input);
static void check_sqls(struct model_builder *b, struct model_product *product);
static void check_unused(struct model_builder *b, const struct model_product *product);
static void check_policies(struct model_builder *b);

/* What is shared was linked before, to what is shared as well. */
void model_link(struct model_builder *b)
{
    struct model *model = b->model;
    index_contracts(b);
    check_contract_ids(b);
    for (size_t i = 0; b->fresh.len && i < model->products.len; i++)
        if (model_is_shared(b, model->products.at[i]))
            offer_outputs(b, model->products.at[i]);
        else
            link_outputs(b, model->products.at[i]);
    for (size_t i = 0; i < b->fresh.len; i++)
        name_majors(b, b->fresh.at[i]);
    for (size_t i = 0; i < b->fresh.len; i++)
        for (size_t j = 0; j < b->fresh.at[i]->inputs.len; j++)
            link_input(b, b->fresh.at[i], &b->fresh.at[i]->inputs.at[j]);
    for (size_t i = 0; i < b->fresh.len; i++) {
        check_tables(b, b->fresh.at[i]);
        check_sqls(b, b->fresh.at[i]);
        check_unused(b, b->fresh.at[i]);
        model_check_schedule(b, b->fresh.at[i]);
    }
    check_policies(b);
}

static str folder_of(str file)
{
    str folder, name;
    str_cut_last(file, '/', &folder, &name);
    return folder;
}

/* What a consumer was promised still holds in a later version of the same major. */
static bool version_serves(str offered, str wanted)
{
    struct version have, want;
    if (version_same(offered, wanted))
        return true;
    return version_read(offered, &have) && version_read(wanted, &want) && have.at[0] == want.at[0]
        && have.at[0] != 0 && version_compare(&have, &want) >= 0;
}

static const struct model_namesakes *namesakes_of(const struct model_builder *b, str id)
{
    static const struct model_namesakes none = {0};
    const struct model_namesakes *found = map_find(&b->contracts, id);
    return found ? found : &none;
}

static void want_contract(struct model_builder *b, str id)
{
    if (!map_find(&b->contracts, id))
        map_put(&b->contracts, id, ARENA_NEW(b->scratch, struct model_namesakes));
}

/* Of ids that only shared products speak of nothing is asked. */
static void index_contracts(struct model_builder *b)
{
    for (size_t i = b->shared_contracts; i < b->model->contracts.len; i++)
        want_contract(b, b->model->contracts.at[i]->id);
    for (size_t i = 0; i < b->fresh.len; i++) {
        const struct model_product *product = b->fresh.at[i];
        for (size_t j = 0; j < product->inputs.len; j++)
            want_contract(b, product->inputs.at[j].contract_id);
        for (size_t j = 0; j < product->outputs.len; j++)
            want_contract(b, product->outputs.at[j].contract_id);
    }
    for (size_t i = 0; b->contracts.len && i < b->model->contracts.len; i++) {
        struct model_namesakes *same = map_find(&b->contracts, b->model->contracts.at[i]->id);
        if (same)
            vec_push(b->scratch, &same->contracts, b->model->contracts.at[i]);
    }
}

static void check_contract_ids(struct model_builder *b)
{
    for (size_t i = 0; b->contracts.len && i < b->model->contracts.len; i++) {
        const struct contract *contract = b->model->contracts.at[i];
        const struct model_namesakes *same = namesakes_of(b, contract->id);
        for (size_t j = 0; j < same->contracts.len && same->contracts.at[j] != contract; j++) {
            const struct contract *other = same->contracts.at[j];
            bool is_beside = str_eq(folder_of(contract->file), folder_of(other->file));
            if (is_beside && !version_same(contract->version, other->version))
                continue;
            struct place place =
                tree_place(b->mem, contract->file, tree_find(contract->source, STR("id")));
            struct finding *f =
                is_beside
                    ? model_error(b, place,
                                  "two contracts have the id " STR_FMT " and the version " STR_FMT,
                                  STR_ARG(contract->id), STR_ARG(contract->version))
                    : model_error(b, place, "two products have a contract with the id " STR_FMT,
                                  STR_ARG(contract->id));
            f->hint = arena_format(b->mem, "the other is " STR_FMT, STR_ARG(other->file));
            break;
        }
    }
}

/* The contract of that id in a folder (anywhere when `folder` is empty), the version where there are several. */
static const struct contract *find_contract(const struct model_builder *b, str folder, str id,
                                            str version)
{
    const struct contract *any = NULL;
    const struct model_namesakes *same = namesakes_of(b, id);
    for (size_t i = 0; i < same->contracts.len; i++) {
        const struct contract *contract = same->contracts.at[i];
        if (folder.len && !str_eq(folder_of(contract->file), folder))
            continue;
        if (!any || version_same(contract->version, version))
            any = contract;
    }
    return any;
}

static struct finding *no_contract(struct model_builder *b, struct place place, str id)
{
    if (b->is_partial)
        return NULL; /* it may stand in the file that could not be read */
    struct str_list ids = {0};
    for (size_t i = 0; i < b->model->contracts.len; i++)
        str_list_add(b->mem, &ids, b->model->contracts.at[i]->id);
    struct finding *f = model_error(b, place, "no contract has the id " STR_FMT, STR_ARG(id));
    str nearest = str_list_nearest(&ids, id);
    if (nearest.len)
        f->hint = arena_format(b->mem, "did you mean " STR_FMT "?", STR_ARG(nearest));
    return f;
}

static void wrong_version(struct model_builder *b, struct place place,
                          const struct contract *contract, str wanted)
{
    struct finding *f = model_error(
        b, place, "the port and the contract " STR_FMT " differ in version", STR_ARG(contract->id));
    f->found = arena_format(b->mem, "port " STR_FMT ", contract " STR_FMT, STR_ARG(wanted),
                            STR_ARG(contract->version));
    f->hint = arena_format(b->mem, "the contract is " STR_FMT, STR_ARG(contract->file));
}

static void offer(struct model_builder *b, const struct model_product *product,
                  const struct contract *contract)
{
    struct model_namesakes *same = map_find(&b->contracts, contract->id);
    if (same)
        vec_push(b->scratch, &same->offers, ((struct model_offer){product, contract}));
}

static void offer_outputs(struct model_builder *b, const struct model_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++)
        offer(b, product, product->outputs.at[i].contract);
}

static void link_outputs(struct model_builder *b, struct model_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        struct model_output *output = &product->outputs.at[i];
        const struct contract *own =
            find_contract(b, product->folder, output->contract_id, output->version);
        const struct contract *other =
            find_contract(b, STR_NONE, output->contract_id, output->version);
        if (own) {
            output->contract = own;
            offer(b, product, own);
            if (!version_same(own->version, output->version))
                wrong_version(b, output->place, own, output->version);
        } else if (other) {
            struct finding *f = model_error(
                b, output->place, "the contract of an output lies in the folder of its product");
            f->found = other->file;
            f->allowed = arena_format(b->mem, STR_FMT "/NAME.odcs.yaml", STR_ARG(product->folder));
        } else {
            no_contract(b, output->place, output->contract_id);
        }
    }
}

static void name_tables(struct model_builder *b, const struct contract *contract, uint64_t major)
{
    const struct model_namesakes *same = namesakes_of(b, contract->id);
    for (size_t i = 0; i < same->contracts.len; i++) {
        struct contract *own = same->contracts.at[i];
        for (size_t j = 0; own == contract && j < own->tables.len; j++)
            own->tables.at[j].name = arena_format(
                b->mem, STR_FMT "@%llu", STR_ARG(contract_table_plain(own->tables.at[j].name)),
                (unsigned long long)major);
    }
}

/* The bare name is of the first major of a contract; tables of the others are told apart by theirs wherever their product speaks of
 * them. Two contracts of one major are two ports, and their tables have names of their own. */
static void name_majors(struct model_builder *b, struct model_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        if (!contract)
            continue;
        uint64_t major = contract_major(contract->version);
        if (major == model_first_major(product, contract->id))
            continue;
        name_tables(b, contract, major);
    }
}

static bool is_output(const struct model_product *product, const struct contract *contract)
{
    for (size_t i = 0; i < product->outputs.len; i++)
        if (product->outputs.at[i].contract == contract)
            return true;
    return false;
}

/* How well a contract serves an input; 0: not at all. A range says which versions do, and `version` which major of them is meant. One that
 * is outside of the range is better than none: all else can be checked, and model_check_pins says so. */
static int serving(const struct model_input *input, const struct contract *contract)
{
    struct version have, want;
    if (!input->versions.len)
        return version_same(contract->version, input->version)   ? 2
             : version_serves(contract->version, input->version) ? 1
                                                                 : 0;
    bool is_of_major = version_read(contract->version, &have) && version_read(input->version, &want)
                    && have.at[0] == want.at[0];
    return 1 + (is_of_major ? 1 : 0) + (model_input_takes(input, contract) ? 2 : 0);
}

/* The output of another product that serves this input best, of several that serve it alike the highest. */
static bool find_producer(struct model_builder *b, const struct model_product *product,
                          struct model_input *input, struct str_list *versions)
{
    struct version best = {0}, version;
    int most = 0;
    const struct model_namesakes *same = namesakes_of(b, input->contract_id);
    for (size_t i = 0; i < same->offers.len; i++) {
        const struct contract *contract = same->offers.at[i].contract;
        if (same->offers.at[i].product == product)
            continue;
        str_list_add(b->mem, versions, contract->version);
        int now = serving(input, contract);
        if (!version_read(contract->version, &version))
            version = (struct version){0};
        if (now < most || now == 0 || (now == most && version_compare(&version, &best) <= 0))
            continue;
        input->contract = contract;
        input->producer = same->offers.at[i].product;
        most = now;
        best = version;
    }
    return input->contract != NULL;
}

static void foreign_contract(struct model_builder *b, const struct model_product *product,
                             const struct model_input *input, const struct contract *contract)
{
    str folder = folder_of(contract->file);
    const struct model_product *owner = model_at_folder(b, folder);
    if (!owner)
        return; /* its product is broken or missing, which was said */
    bool is_same_domain = owner->domain == product->domain;
    struct finding *f =
        model_error(b, input->place, "the contract " STR_FMT " is a source of another %s",
                    STR_ARG(contract->id), is_same_domain ? "product" : "domain's product");
    f->found = contract->file;
    f->allowed = STR("an output of another product, or a source contract in the same folder");
    f->hint = arena_format(b->mem, "ask " STR_FMT " for an output port", STR_ARG(owner->address));
}

static void link_source(struct model_builder *b, const struct model_product *product,
                        struct model_input *input, const struct contract *contract)
{
    if (is_output(product, contract)) {
        struct finding *f = model_error(
            b, input->place, "the product reads its own output " STR_FMT, STR_ARG(contract->id));
        f->hint = STR("read self.NAME of internal/NAME.sql instead");
        return;
    }
    input->contract = contract;
    if (!version_same(contract->version, input->version))
        wrong_version(b, input->place, contract, input->version);
    if (!contract->servers.len) {
        struct finding *f =
            model_error(b, contract->place, "the source contract " STR_FMT " has no servers",
                        STR_ARG(contract->id));
        f->hint = STR("say where the data are: servers: [{server: NAME, type: local, …}]");
        return;
    }
    model_check_sources(b, contract);
}

static void link_input(struct model_builder *b, struct model_product *product,
                       struct model_input *input)
{
    struct str_list versions = {0};
    const struct contract *own =
        find_contract(b, product->folder, input->contract_id, input->version);
    if (own) {
        link_source(b, product, input, own);
        return;
    }
    if (find_producer(b, product, input, &versions))
        return;
    if (versions.len) {
        struct finding *f =
            model_error(b, input->place, "no output with the contract " STR_FMT " has this version",
                        STR_ARG(input->contract_id));
        f->found = input->version;
        f->allowed = str_list_join(b->mem, &versions, STR(", "));
        f->hint = STR("a later minor version of the same major serves, another major does not");
        return;
    }
    const struct contract *other = find_contract(b, STR_NONE, input->contract_id, input->version);
    if (other)
        foreign_contract(b, product, input, other);
    else
        no_contract(b, input->place, input->contract_id);
}

static bool has_table(const struct contract *contract, str name)
{
    for (size_t i = 0; contract && i < contract->tables.len; i++)
        if (str_eq_nocase(contract->tables.at[i].name, name))
            return true;
    return false;
}

/* Names of output tables: those of addresses, and one of a kind in the product. */
static void check_tables(struct model_builder *b, struct model_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        for (size_t k = 0; k < i && contract; k++)
            if (product->outputs.at[k].contract == contract) {
                model_error(b, product->outputs.at[i].place,
                            "two output ports have the contract " STR_FMT, STR_ARG(contract->id));
                contract = NULL;
            }
        if (contract && !contract->tables.len && !b->is_partial)
            model_error(b, contract->place, "the contract of an output has no table")->hint =
                STR("list its tables under schema");
        for (size_t j = 0; contract && j < contract->tables.len; j++) {
            const struct contract_table *table = &contract->tables.at[j];
            struct place place =
                tree_place(b->mem, contract->file, tree_find(table->source, STR("name")));
            model_check_name(b, place, "the table", contract_table_plain(table->name));
            for (size_t k = 0; k < i; k++)
                if (has_table(product->outputs.at[k].contract, table->name)) {
                    struct finding *f =
                        model_error(b, place, "two outputs of " STR_FMT " have a table " STR_FMT,
                                    STR_ARG(product->address), STR_ARG(table->name));
                    f->hint = arena_format(b->mem, "the other is in " STR_FMT,
                                           STR_ARG(product->outputs.at[k].contract->file));
                    break;
                }
        }
    }
}

static struct str_list output_tables(struct arena *mem, const struct model_product *product)
{
    struct str_list names = {0};
    for (size_t i = 0; i < product->outputs.len; i++)
        for (size_t j = 0;
             product->outputs.at[i].contract && j < product->outputs.at[i].contract->tables.len;
             j++)
            str_list_add(mem, &names, product->outputs.at[i].contract->tables.at[j].name);
    return names;
}

static bool is_whole(const struct model_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++)
        if (!product->outputs.at[i].contract)
            return false;
    for (size_t i = 0; i < product->inputs.len; i++)
        if (!product->inputs.at[i].contract)
            return false;
    return product->outputs.len > 0;
}

/* A table without SQL is the table of the same name of exactly one input. */
static void check_pass_through(struct model_builder *b, const struct model_product *product,
                               str table)
{
    struct str_list ports = {0};
    const struct contract *contract;
    const struct contract_table *found = model_find_table(product, table, &contract);
    if (str_eq(contract->status, STR("retired")))
        return; /* it is not made any more */
    for (size_t i = 0; i < product->inputs.len; i++)
        if (contract_find_table(product->inputs.at[i].contract, table))
            vec_push(b->mem, &ports, product->inputs.at[i].name);
    if (ports.len == 1)
        return;
    struct finding *f = model_error(
        b, tree_place(b->mem, contract->file, tree_find(found->source, STR("name"))),
        ports.len ? "the table " STR_FMT " has no SQL, and several inputs have a table of its name"
                  : "the table " STR_FMT " has no SQL, and no input has a table of its name",
        STR_ARG(contract_table_plain(table)));
    f->found = str_list_join(b->mem, &ports, STR(", "));
    f->hint = arena_format(b->mem, "write " STR_FMT,
                           STR_ARG(model_table_file(b->mem, product->folder, table)));
}

static void no_table(struct model_builder *b, const struct model_product *product,
                     const struct model_sql *sql, const struct str_list *tables)
{
    uint64_t major = contract_table_major(sql->table);
    str plain = contract_table_plain(sql->table), nearest = str_list_nearest(tables, sql->table);
    struct str_list files = {0};
    struct finding *f =
        major ? model_error(b, model_file_place(sql->path),
                            "no output of " STR_FMT " has a table " STR_FMT " of major %llu",
                            STR_ARG(product->address), STR_ARG(plain), (unsigned long long)major)
              : model_error(b, model_file_place(sql->path),
                            "no output of " STR_FMT " has a table " STR_FMT,
                            STR_ARG(product->address), STR_ARG(plain));
    for (size_t i = 0; i < tables->len; i++)
        vec_push(b->mem, &files, model_table_file(b->mem, product->folder, tables->at[i]));
    bool has_majors = major > 0;
    for (size_t i = 0; i < tables->len; i++)
        has_majors = has_majors || contract_table_major(tables->at[i]) > 0;
    f->allowed = str_list_join(b->mem, has_majors ? &files : tables, STR(", "));
    f->hint =
        major && str_list_has(tables, plain)
            ? arena_format(b->mem, "tables of the first major stand in " STR_FMT "/" STR_FMT ".sql",
                           STR_ARG(product->folder), STR_ARG(plain))
        : nearest.len
            ? arena_format(b->mem, "did you mean " STR_FMT "?",
                           STR_ARG(str_from(model_table_file(b->mem, product->folder, nearest),
                                            product->folder.len + 1)))
            : STR("an intermediate table is internal/NAME.sql");
}

static void check_sqls(struct model_builder *b, struct model_product *product)
{
    struct str_list tables = output_tables(b->mem, product), with_sql = {0};
    if (!is_whole(product))
        return; /* tables are not all known */
    for (size_t i = 0; i < product->sqls.len; i++) {
        const struct model_sql *sql = &product->sqls.at[i];
        if (sql->is_internal)
            continue;
        vec_push(b->mem, &with_sql, sql->table);
        if (str_list_has(&tables, sql->table))
            continue;
        no_table(b, product, sql, &tables);
    }
    for (size_t i = 0; i < tables.len; i++)
        if (!str_list_has(&with_sql, tables.at[i]))
            check_pass_through(b, product, tables.at[i]);
}

static void check_unused(struct model_builder *b, const struct model_product *product)
{
    for (size_t i = 0; i < product->contracts.len; i++) {
        const struct contract *contract = product->contracts.at[i];
        bool is_used = is_output(product, contract);
        for (size_t j = 0; j < product->inputs.len; j++)
            is_used = is_used || str_eq(product->inputs.at[j].contract_id, contract->id);
        for (size_t j = 0; j < product->outputs.len; j++)
            is_used = is_used || str_eq(product->outputs.at[j].contract_id, contract->id);
        if (is_used)
            continue;
        struct finding *f = model_warning(b, contract->place, "no port names the contract " STR_FMT,
                                          STR_ARG(contract->id));
        f->hint = arena_format(b->mem, "add it to inputPorts or outputPorts of " STR_FMT,
                               STR_ARG(product->file));
    }
}

/* Of the contracts that policies name, those that an output has are no longer mapped to `b`. */
static void find_named(struct model_builder *b, struct map *named)
{
    map_init(named, b->scratch);
    for (size_t i = 0; i < b->model->policies.len; i++)
        if (b->model->policies.at[i].contract.len)
            map_put(named, b->model->policies.at[i].contract, b);
    for (size_t i = 0; named->len && i < b->model->products.len; i++) {
        struct model_product *product = b->model->products.at[i];
        for (size_t j = 0; j < product->outputs.len; j++)
            if (map_find(named, product->outputs.at[j].contract_id))
                map_put(named, product->outputs.at[j].contract_id, product);
    }
}

static str nearest_output(struct model_builder *b, str id)
{
    struct str_list ids = {0};
    for (size_t i = 0; i < b->model->products.len; i++)
        for (size_t j = 0; j < b->model->products.at[i]->outputs.len; j++)
            vec_push(b->scratch, &ids, b->model->products.at[i]->outputs.at[j].contract_id);
    return str_list_nearest(&ids, id);
}

static void check_policies(struct model_builder *b)
{
    struct map named;
    find_named(b, &named);
    for (size_t i = 0; i < b->model->policies.len; i++) {
        const struct policy *policy = &b->model->policies.at[i];
        if (!policy->contract.len || map_find(&named, policy->contract) != b || b->is_partial)
            continue;
        struct finding *f = model_error(
            b, policy->place, "the policy " STR_FMT " names a contract that no output has",
            STR_ARG(policy->id));
        f->found = policy->contract;
        str nearest = nearest_output(b, policy->contract);
        f->hint = nearest.len ? arena_format(b->mem, "did you mean " STR_FMT "?", STR_ARG(nearest))
                              : STR_NONE;
    }
}
