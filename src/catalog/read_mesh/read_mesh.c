#include "read_mesh/read_mesh.h"
#include "contract/contract_life.h"

#include "clock/clock.h"
#include "read_mesh/read_mesh_inside.h"

struct mesh_column {
    const char *table, *name, *type;
};

static const struct mesh_column COLUMNS[] = {
#define MESH_COLUMN(table, name, type, meaning) {#table, #name, type},
#include "read_mesh/mesh_tables.def"
#undef MESH_COLUMN
};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof COLUMNS[0] };

static bool read_domains(struct mesh_view *view);
static bool read_products(struct mesh_view *view);
static bool read_contracts(struct mesh_view *view);
static bool read_tables(struct mesh_view *view);
static bool read_columns(struct mesh_view *view);

/* `is_of_image`: see read_mesh_is_of_image. Edges of lineage are rows of the catalog, but of current releases, which never change. */
static const struct {
    const char *table;
    bool (*read)(struct mesh_view *view);
    bool is_of_image;
} READERS[] = {
    {"domains", read_domains, true},
    {"products", read_products, true},
    {"contracts", read_contracts, true},
    {"tables", read_tables, false},
    {"columns", read_columns, true},
    {"releases", read_mesh_releases, false},
    {"runs", read_mesh_runs, false},
    {"checks", read_mesh_checks, false},
    {"quarantine", read_mesh_quarantine, false},
    {"grants", read_mesh_grants, false},
    {"access_requests", read_mesh_access_requests, false},
    {"promises", read_mesh_promises, true},
    {"policies", read_mesh_policies, true},
    {"compliance", read_mesh_compliance, false},
    {"lineage", read_mesh_lineage, true},
};

enum { READER_COUNT = sizeof READERS / sizeof READERS[0] };

void read_mesh_names(struct arena *mem, struct str_list *out)
{
    *out = (struct str_list){0};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        str_list_add(mem, out, str_of(COLUMNS[i].table));
}

bool read_mesh_columns(struct arena *mem, str table, struct job_columns *out)
{
    *out = (struct job_columns){0};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (str_eq(table, str_of(COLUMNS[i].table)))
            vec_push(mem, out,
                     ((struct job_column){str_of(COLUMNS[i].name), str_of(COLUMNS[i].type), 0}));
    return out->len > 0;
}

bool read_mesh_is_of_image(const struct image *image, str table, int64_t now_us,
                           int64_t *from_us_out, int64_t *until_us_out)
{
    bool is_of_image = false;
    *from_us_out = *until_us_out = 0;
    for (size_t i = 0; i < READER_COUNT; i++)
        is_of_image =
            is_of_image || (READERS[i].is_of_image && str_eq(table, str_of(READERS[i].table)));
    if (str_eq(table, STR("policies")))
        read_mesh_policies_term(image, now_us, from_us_out, until_us_out);
    return is_of_image;
}

static void find_products(struct mesh_view *view)
{
    struct arena *mem = view->t->mem;
    for (size_t i = 0; i < view->image->products.len; i++) {
        const struct image_product *product = &view->image->products.at[i];
        if (!view->reader->may_discover(view->reader->ctx, product))
            continue;
        struct mesh_product *shown = vec_add(mem, &view->products);
        shown->product = product;
        shown->tables = ARENA_ARRAY(mem, struct mesh_table, product->tables.len);
        for (size_t j = 0; j < product->tables.len; j++)
            shown->tables[j].table = &product->tables.at[j];
    }
}

bool read_mesh_view(struct task *t, struct metadb *db, const struct image *image,
                    const struct mesh_reader *reader, str table, struct job_view *out)
{
    *out = (struct job_view){.schema = STR("mesh"), .name = arena_str(t->mem, table)};
    out->is_inline = true;
    if (!read_mesh_columns(t->mem, table, &out->columns))
        return task_fail(t, ERR_UNKNOWN_NAME, "there is no table mesh." STR_FMT, STR_ARG(table));
    struct mesh_view view = {.t = t, .db = db, .image = image, .reader = reader, .out = out};
    find_products(&view);
    bool (*read)(struct mesh_view *) = NULL;
    for (size_t i = 0; i < READER_COUNT; i++)
        if (str_eq(table, str_of(READERS[i].table)))
            read = READERS[i].read;
    CHECK(read != NULL);
    if (!read(&view))
        return false;
    CHECK(out->cells.len % out->columns.len == 0);
    return true;
}

void read_mesh_text(struct mesh_view *view, str text)
{
    vec_push(view->t->mem, &view->out->cells, ((struct job_cell){text, text.len == 0}));
}

void read_mesh_int(struct mesh_view *view, uint64_t number)
{
    read_mesh_text(view, arena_format(view->t->mem, "%llu", (unsigned long long)number));
}

void read_mesh_bool(struct mesh_view *view, bool value)
{
    read_mesh_text(view, value ? STR("true") : STR("false"));
}

void read_mesh_time(struct mesh_view *view, int64_t time_us)
{
    read_mesh_text(view, time_us != 0 ? clock_text(view->t->mem, time_us) : STR_NONE);
}

void read_mesh_null(struct mesh_view *view)
{
    read_mesh_text(view, STR_NONE);
}

void read_mesh_list(struct mesh_view *view, const struct str_list *list)
{
    read_mesh_text(view, str_list_join(view->t->mem, list, STR(", ")));
}

void read_mesh_guarded_int(struct mesh_view *view, bool is_clear, uint64_t number)
{
    if (is_clear)
        read_mesh_int(view, number);
    else
        read_mesh_null(view);
}

struct mesh_product *read_mesh_find(struct mesh_view *view, uint64_t product_id)
{
    for (size_t i = 0; i < view->products.len; i++)
        if (view->products.at[i].product->id == product_id)
            return &view->products.at[i];
    return NULL;
}

bool read_mesh_is_clear(struct mesh_view *view, struct mesh_table *table)
{
    if (table->is_clear == MESH_UNASKED)
        table->is_clear =
            view->reader->is_clear(view->reader->ctx, table->table) ? MESH_YES : MESH_NO;
    return table->is_clear == MESH_YES;
}

bool read_mesh_is_all_clear(struct mesh_view *view, struct mesh_product *product)
{
    for (size_t i = 0; i < product->product->tables.len; i++)
        if (!read_mesh_is_clear(view, &product->tables[i]))
            return false;
    return true;
}

bool read_mesh_owns(struct mesh_view *view, struct mesh_product *product)
{
    if (product->owns == MESH_UNASKED)
        product->owns =
            view->reader->owns != NULL && view->reader->owns(view->reader->ctx, product->product)
                ? MESH_YES
                : MESH_NO;
    return product->owns == MESH_YES;
}

/* Domains are known to all: their names stand in every address, and an owner must be found before
 * anything can be asked for. */
static bool read_domains(struct mesh_view *view)
{
    const struct model *model = view->image->model;
    for (size_t i = 0; model != NULL && i < model->domains.len; i++) {
        const struct model_domain *domain = model->domains.at[i];
        read_mesh_text(view, domain->name);
        read_mesh_text(view, domain->title);
        read_mesh_text(view, domain->description);
        read_mesh_text(view, domain->alignment);
        read_mesh_list(view, &domain->owners);
        read_mesh_list(view, &domain->members);
    }
    return true;
}

static void add_release(struct mesh_view *view, uint64_t number)
{
    if (number == 0)
        read_mesh_null(view);
    else
        read_mesh_int(view, number);
}

static bool read_products(struct mesh_view *view)
{
    for (size_t i = 0; i < view->products.len; i++) {
        const struct image_product *product = view->products.at[i].product;
        const struct model_product *definition = product->definition;
        read_mesh_text(view, product->address);
        read_mesh_text(view, definition->domain->name);
        read_mesh_text(view, definition->name);
        read_mesh_text(view, definition->title);
        read_mesh_text(view, definition->description);
        read_mesh_text(view, definition->status);
        read_mesh_text(view, definition->version);
        read_mesh_text(view, definition->visibility);
        read_mesh_list(view, &definition->domain->owners);
        read_mesh_list(view, &definition->tags);
        add_release(view, product->release.number);
        read_mesh_time(view, product->release.published_us);
        read_mesh_text(view, definition->schedule.text);
    }
    return true;
}

static void add_contract(struct mesh_view *view, str address, str direction, str port, str version,
                         const struct contract *contract)
{
    read_mesh_text(view, address);
    read_mesh_text(view, direction);
    read_mesh_text(view, port);
    read_mesh_text(view, contract->id);
    read_mesh_text(view, version.len > 0 ? version : contract->version);
    read_mesh_text(view, contract->status);
    read_mesh_text(view, contract->name);
    read_mesh_text(view, contract->description);
    read_mesh_list(view, &contract->tags);
    struct str_list roles = {0};
    for (size_t i = 0; i < contract->roles.len; i++)
        str_list_add(view->t->mem, &roles, contract->roles.at[i].role);
    read_mesh_list(view, &roles);
    read_mesh_text(view, contract->file);
    struct contract_life life;
    contract_life(contract, INT64_MIN, &life); /* as it says: the image tells no time */
    read_mesh_text(view, life.sunset);
    read_mesh_text(view, life.successor);
}

static bool read_contracts(struct mesh_view *view)
{
    for (size_t i = 0; i < view->products.len; i++) {
        const struct image_product *product = view->products.at[i].product;
        const struct model_product *definition = product->definition;
        for (size_t j = 0; j < definition->outputs.len; j++) {
            const struct model_output *port = &definition->outputs.at[j];
            if (port->contract != NULL)
                add_contract(view, product->address, STR("output"), port->name, port->version,
                             port->contract);
        }
        for (size_t j = 0; j < definition->inputs.len; j++) {
            const struct model_input *port = &definition->inputs.at[j];
            if (port->contract != NULL && port->producer == NULL)
                add_contract(view, product->address, STR("source"), port->name, port->version,
                             port->contract);
        }
    }
    return true;
}

static void add_table(struct mesh_view *view, const struct image_product *product,
                      struct mesh_table *shown)
{
    const struct image_table *table = shown->table;
    bool is_clear = table->is_released && read_mesh_is_clear(view, shown);
    uint64_t bytes = 0;
    for (size_t i = 0; i < table->files.len; i++)
        bytes += table->files.at[i].bytes;
    read_mesh_text(view, image_table_address(view->t->mem, table));
    read_mesh_text(view, product->address);
    read_mesh_text(view, contract_table_plain(table->name));
    read_mesh_text(view, table->contract->id);
    read_mesh_text(view, table->definition->description);
    read_mesh_list(view, &table->definition->tags);
    add_release(view, table->is_released ? product->release.number : 0);
    read_mesh_guarded_int(view, is_clear, table->rows);
    read_mesh_guarded_int(view, is_clear, table->files.len);
    read_mesh_guarded_int(view, is_clear, bytes);
}

static bool read_tables(struct mesh_view *view)
{
    for (size_t i = 0; i < view->products.len; i++) {
        struct mesh_product *product = &view->products.at[i];
        for (size_t j = 0; j < product->product->tables.len; j++)
            add_table(view, product->product, &product->tables[j]);
    }
    return true;
}

static void add_columns(struct mesh_view *view, const struct image_product *product,
                        const struct image_table *table)
{
    str address = image_table_address(view->t->mem, table);
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];
        const struct contract_column *contract = column->contract;
        read_mesh_text(view, address);
        read_mesh_text(view, product->address);
        read_mesh_text(view, contract_table_plain(table->name));
        read_mesh_int(view, i + 1);
        read_mesh_text(view, column->name);
        if (column->id != 0)
            read_mesh_int(view, column->id);
        else
            read_mesh_null(view);
        read_mesh_text(view, column->type);
        read_mesh_text(view, contract->logical_type);
        read_mesh_text(view, contract->description);
        read_mesh_text(view, contract->classification);
        read_mesh_list(view, &contract->tags);
        read_mesh_terms(view, contract->source);
        read_mesh_text(view, contract->physical_type);
        read_mesh_inherited(view, &column->more);
        read_mesh_bool(view, contract->required || contract->primary_key > 0);
        read_mesh_bool(view, contract->unique);
        if (contract->primary_key > 0)
            read_mesh_int(view, (uint64_t)contract->primary_key);
        else
            read_mesh_null(view);
    }
}

static bool read_columns(struct mesh_view *view)
{
    for (size_t i = 0; i < view->products.len; i++) {
        const struct image_product *product = view->products.at[i].product;
        for (size_t j = 0; j < product->tables.len; j++)
            add_columns(view, product, &product->tables.at[j]);
    }
    return true;
}
