/* What the names of a text mean. What is not there and what may not be discovered are told in the same words. */
#include "gate_inside.h"
#include "quarantine/quarantine.h"
#include "read_mesh/read_mesh.h"
#include "release/release.h"

static str full_name(struct arena *mem, const struct sql_table *name)
{
    str parts[3] = {name->catalog, name->schema, name->name};
    struct str_list list = {0};
    for (size_t i = 0; i < 3; i++)
        if (parts[i].len)
            vec_push(mem, &list, parts[i]);
    return str_list_join(mem, &list, STR("."));
}

bool gate_split_release(str schema, str *product_out, uint64_t *number_out)
{
    str number;
    *number_out = 0;
    /* One spelling a release: no sign, no zero before it. */
    return str_cut(schema, '#', product_out, &number) && number.len && number.ptr[0] >= '1'
        && number.ptr[0] <= '9' && str_to_u64(number, number_out);
}

bool gate_split_quarantine(str schema, str *product_out)
{
    *product_out = schema;
    if (!str_ends(schema, STR("!quarantine")))
        return false;
    *product_out = str_sub(schema, 0, schema.len - STR("!quarantine").len);
    return true;
}

bool gate_split_candidate(str schema, str *product_out)
{
    *product_out = schema;
    if (!str_ends(schema, STR("#candidate")))
        return false;
    *product_out = str_sub(schema, 0, schema.len - STR("#candidate").len);
    return true;
}

bool gate_split_major(str schema, str *product_out, uint64_t *major_out)
{
    str major;
    *major_out = 0;
    return str_cut(schema, '@', product_out, &major) && major.len && major.ptr[0] >= '1'
        && major.ptr[0] <= '9' && str_to_u64(major, major_out);
}

str gate_name_of(struct arena *mem, const struct image_table *table)
{
    uint64_t major = contract_table_major(table->name);
    str schema = major ? model_major_schema(mem, table->product->definition, major)
                       : table->product->address;

    return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(schema),
                        STR_ARG(contract_table_plain(table->name)));
}

static bool refuse_unknown(struct task *t, const struct sql_table *name)
{
    task_fail(t, ERR_UNKNOWN_NAME, STR_FMT " does not exist, or you may not discover it",
              STR_ARG(full_name(t->mem, name)));
    return task_position(t, name->position);
}

static void add_tables(struct task *t, const struct image *image, struct str_list *out)
{
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];
        if (!gate_may_discover(t, image, product))
            continue;
        for (size_t k = 0; k < product->tables.len; k++)
            vec_push(t->mem, out, gate_name_of(t->mem, &product->tables.at[k]));
    }
    struct str_list mesh = {0};
    read_mesh_names(t->mem, &mesh);
    for (size_t i = 0; i < mesh.len; i++)
        vec_push(t->mem, out, arena_format(t->mem, "mesh." STR_FMT, STR_ARG(mesh.at[i])));
}

/* The table that a shortened name may have meant: one whose address ends with it. */
static str find_ending(struct arena *mem, const struct str_list *tables, str name)
{
    str ending = arena_format(mem, "." STR_FMT, STR_ARG(name));
    for (size_t i = 0; i < tables->len; i++)
        if (str_ends(tables->at[i], ending))
            return tables->at[i];
    return STR_NONE;
}

/* Unknown, with the nearest name that this actor may discover. */
static bool refuse_with_nearest(struct task *t, const struct image *image,
                                const struct sql_table *name)
{
    struct str_list tables = {0};
    add_tables(t, image, &tables);
    str written = arena_lower(t->mem, full_name(t->mem, name));
    if (str_has(name->schema, '@'))
        written = arena_lower(t->mem, arena_format(t->mem, STR_FMT ".\"" STR_FMT "\"." STR_FMT,
                                                   STR_ARG(name->catalog), STR_ARG(name->schema),
                                                   STR_ARG(name->name)));
    str nearest = find_ending(t->mem, &tables, written);
    if (!nearest.len)
        nearest = str_list_nearest(&tables, written);
    refuse_unknown(t, name);
    if (nearest.len)
        return task_hint(t, "did you mean " STR_FMT "?", STR_ARG(nearest));
    if (name->catalog.len)
        return task_hint(t, "SELECT * FROM mesh.tables shows what is there");
    return task_hint(t,
                     "tables are named domain.product.table; SELECT * FROM mesh.tables shows them");
}

static bool resolve_past(struct task *t, struct gate *gate, const struct image_product *product,
                         uint64_t number, const struct sql_table *name,
                         const struct image_product **out)
{
    if (!release_load(t, gate->db, product, number, out))
        return false;
    if (*out)
        return true;
    task_fail(t, ERR_UNKNOWN_NAME,
              "release %llu of " STR_FMT " does not exist, or is no longer kept",
              (unsigned long long)number, STR_ARG(product->address));
    task_hint(t, "SELECT * FROM mesh.releases shows those that are");
    return task_position(t, name->position);
}

static bool resolve_candidate(struct task *t, struct gate *gate,
                              const struct image_product *product, const struct sql_table *name,
                              const struct image_product **out)
{
    if (!release_load_candidate(t, gate->db, product, out))
        return false;
    if (*out)
        return true;
    task_fail(t, ERR_UNKNOWN_NAME, STR_FMT " has no candidate", STR_ARG(product->address));
    task_hint(t, "weft run " STR_FMT " --candidate makes one", STR_ARG(product->address));
    return task_position(t, name->position);
}

static bool resolve_table(struct task *t, struct gate *gate, const struct image *image,
                          const struct sql_table *name, struct gate_meaning *out)
{
    str domain = arena_lower(t->mem, name->catalog), schema = arena_lower(t->mem, name->schema);
    str table = arena_lower(t->mem, name->name), product_name = schema;
    uint64_t number = 0, major = 0;
    bool is_diverted = gate_split_quarantine(schema, &product_name);
    bool is_candidate = gate_split_candidate(product_name, &product_name);
    bool is_past = str_has(product_name, '#');
    if (is_past
        && (is_diverted || is_candidate
            || !gate_split_release(product_name, &product_name, &number)))
        return refuse_with_nearest(t, image, name);
    bool has_major = str_has(product_name, '@');
    if ((has_major && !gate_split_major(product_name, &product_name, &major))
        || str_has(table, '@'))
        return refuse_with_nearest(t, image, name);
    const struct image_product *product = image_find_product(image, domain, product_name);
    if (!product || !gate_may_discover(t, image, product))
        return refuse_with_nearest(t, image, name);
    if ((is_past && !resolve_past(t, gate, product, number, name, &product))
        || (is_candidate && !is_diverted && !resolve_candidate(t, gate, product, name, &product))
        || (is_diverted && !quarantine_load(t, gate->db, product, is_candidate, &product)))
        return false;
    out->table =
        has_major ? image_find_major(product, major, table) : image_find_table(product, table);
    if (!out->table)
        return refuse_with_nearest(t, image, name);
    if (!is_past && !is_diverted && !is_candidate
        && !gate_still_serves(t, out->table, name->position))
        return false;
    out->catalog = domain;
    out->schema = schema;
    out->name = table;
    out->release =
        is_candidate || !(is_diverted || out->table->is_released) ? 0 : product->release.number;
    out->is_past = is_past || is_diverted || is_candidate;
    out->is_candidate = is_candidate;
    return true;
}

static str list_inputs(struct task *t, const struct gate_scope *scope)
{
    struct str_list names = {0};
    for (size_t i = 0; i < scope->inputs.len; i++)
        vec_push(t->mem, &names,
                 arena_format(t->mem, STR_FMT "." STR_FMT, STR_ARG(scope->inputs.at[i].schema),
                              STR_ARG(scope->inputs.at[i].name)));
    return str_list_join(t->mem, &names, STR(", "));
}

static bool refuse_input(struct task *t, const struct gate_scope *scope,
                         const struct sql_table *name)
{
    struct str_list names = {0};
    str written = full_name(t->mem, name);
    for (size_t i = 0; i < scope->inputs.len; i++)
        vec_push(t->mem, &names,
                 arena_format(t->mem, STR_FMT "." STR_FMT, STR_ARG(scope->inputs.at[i].schema),
                              STR_ARG(scope->inputs.at[i].name)));
    str nearest = find_ending(t->mem, &names, arena_lower(t->mem, written));
    if (!nearest.len)
        nearest = str_list_nearest(&names, arena_lower(t->mem, written));
    task_fail(t, ERR_UNKNOWN_NAME,
              STR_FMT " is no table of an input port of " STR_FMT ", nor of self", STR_ARG(written),
              STR_ARG(scope->product->address));
    if (nearest.len)
        task_hint(t, "did you mean " STR_FMT "?", STR_ARG(nearest));
    else if (name->catalog.len)
        task_hint(t, "declare it as an input port and read it as PORT.TABLE");
    else
        task_hint(t, "it may read %s" STR_FMT,
                  scope->inputs.len ? "" : "nothing: it declares no input port",
                  STR_ARG(list_inputs(t, scope)));
    return task_position(t, name->position);
}

bool gate_resolve_input(struct task *t, const struct gate_scope *scope,
                        const struct sql_table *name, const struct gate_input **out)
{
    for (size_t i = 0; name->catalog.len == 0 && name->schema.len && i < scope->inputs.len; i++) {
        const struct gate_input *input = &scope->inputs.at[i];
        if (!str_eq_nocase(input->schema, name->schema) || !str_eq_nocase(input->name, name->name))
            continue;
        *out = input;
        return true;
    }
    return refuse_input(t, scope, name);
}

bool gate_resolve(struct task *t, struct gate *gate, const struct image *image,
                  const struct gate_scope *scope, const struct sql_table *name,
                  struct gate_meaning *out)
{
    *out = (struct gate_meaning){0};
    if (scope) {
        const struct gate_input *input;
        if (!gate_resolve_input(t, scope, name, &input))
            return false;
        if (input->table && !gate_still_serves(t, input->table, name->position))
            return false;
        out->schema = input->schema;
        out->name = input->name;
        out->table = input->table;
        out->staged = input->table ? NULL : input;
        out->release =
            input->table && input->table->is_released ? input->table->product->release.number : 0;
        return true;
    }
    if (name->catalog.len == 0 && str_eq_nocase(name->schema, STR("mesh"))) {
        struct job_columns columns;
        out->schema = STR("mesh");
        out->name = arena_lower(t->mem, name->name);
        out->is_mesh = true;
        return read_mesh_columns(t->mem, out->name, &columns)
            || refuse_with_nearest(t, image, name);
    }
    if (name->catalog.len == 0)
        return refuse_with_nearest(t, image, name);
    return resolve_table(t, gate, image, name, out);
}

void gate_columns_read(struct arena *mem, const struct str_list *named,
                       const struct job_columns *columns, struct str_list *out)
{
    bool reads_all = str_list_has(named, STR("*"));
    for (size_t i = 0; i < columns->len; i++)
        if (reads_all || str_list_has(named, arena_lower(mem, columns->at[i].name)))
            vec_push(mem, out, columns->at[i].name);
}
