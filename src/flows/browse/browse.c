#include "browse/browse.h"

#include "actor/actor.h"
#include "browse_inside.h"
#include "clock/clock.h"
#include "contract/contract_life.h"
#include "log/log.h"
#include "product_schedule/product_schedule.h"
#include "release/release.h"

enum { BROWSE_RELEASES = 20 };

bool browse_is_clear_on_all(struct task *t, const struct image *image,
                            const struct image_product *product)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        if (!gate_is_clear(t, image, &product->tables.at[i])) {
            return false;
        }
    }
    return true;
}

static void browse_product_rows(const struct image_product *product, bool is_clear,
                                struct json_out *o)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < product->tables.len; i++) {
        rows += product->tables.at[i].rows;
    }
    if (is_clear) {
        json_out_uint(o, "rows", rows);
    } else {
        json_out_null(o, "rows");
    }
}

/* What may not be discovered is not told by those that read it either. */
static void browse_input(struct task *t, const struct image *image, const struct model_input *input,
                         struct json_out *o)
{
    const struct image_product *producer =
        input->producer
            ? image_find_product(image, input->producer->domain->name, input->producer->name)
            : NULL;
    bool is_hidden =
        input->producer != NULL && (producer == NULL || !gate_may_discover(t, image, producer));

    json_out_begin(o, "", '{');
    json_out_str(o, "name", input->name);
    json_out_maybe(o, "contract", is_hidden ? STR_NONE : input->contract_id);
    json_out_maybe(o, "product", is_hidden || producer == NULL ? STR_NONE : producer->address);
    json_out_maybe(o, "versions", is_hidden ? STR_NONE : input->versions);
    json_out_begin(o, "columns", '[');
    for (size_t i = 0; !is_hidden && i < input->pins.len; i++) {
        const struct model_pin *pin = &input->pins.at[i];

        json_out_str(o, "",
                     pin->table.len > 0 ? arena_format(t->mem, "%.*s.%.*s", STR_ARG(pin->table),
                                                       STR_ARG(pin->column))
                                        : pin->column);
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
}

static void browse_product_head(struct task *t, const struct image *image,
                                const struct image_product *product, struct json_out *o)
{
    const struct model_product *definition = product->definition;

    json_out_str(o, "address", product->address);
    json_out_str(o, "domain", definition->domain->name);
    json_out_str(o, "name", definition->name);
    json_out_str(o, "domain_title", definition->domain->title);
    json_out_maybe(o, "title", definition->title);
    json_out_str(o, "status", definition->status);
    json_out_maybe(o, "schedule", definition->schedule.text);
    json_out_str(o, "alignment", definition->domain->alignment);
    json_out_maybe(o, "description", definition->description);
    json_out_list(o, "owners", &definition->domain->owners);
    if (product->release.number > 0) {
        json_out_uint(o, "release", product->release.number);
    } else {
        json_out_null(o, "release");
    }
    json_out_time(o, "published_at", product->release.published_us);
    json_out_uint(o, "tables_count", product->tables.len);
    browse_product_rows(product, browse_is_clear_on_all(t, image, product), o);
    json_out_begin(o, "inputs", '[');
    for (size_t i = 0; i < definition->inputs.len; i++) {
        browse_input(t, image, &definition->inputs.at[i], o);
    }
    json_out_end(o, ']');
}

bool browse_products(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);

    json_out_begin(o, "", '{');
    json_out_maybe(o, "mesh", image->model ? image->model->mesh.name : STR_NONE);
    json_out_begin(o, "products", '[');
    for (size_t i = 0; image->model != NULL && i < image->model->products.len; i++) {
        const struct model_product *definition = image->model->products.at[i];
        const struct image_product *product =
            image_find_product(image, definition->domain->name, definition->name);

        if (product != NULL && gate_may_discover(t, image, product)) {
            json_out_begin(o, "", '{');
            browse_product_head(t, image, product, o);
            json_out_end(o, '}');
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return task_go_on(t);
}

static const char *browse_access(const struct decision *decision, uint32_t column)
{
    if (!decision->allowed) {
        return "denied";
    }
    for (size_t i = 0; i < decision->columns.len; i++) {
        if (decision->columns.at[i].id == column) {
            return policy_is_masked(&decision->columns.at[i]) ? "masked" : "visible";
        }
    }
    return "denied";
}

static void browse_life(const struct image_table *table, struct json_out *o)
{
    struct contract_life life;

    contract_life(table->contract, clock_now_us(), &life);
    json_out_str(o, "stage", str_of(contract_stage_name(life.stage)));
    json_out_maybe(o, "sunset", life.sunset);
    json_out_maybe(o, "successor", life.successor);
}

static void browse_table(struct task *t, const struct image *image, const struct image_table *table,
                         struct json_out *o)
{
    const struct decision *decision = gate_decide(t, image, table);

    json_out_begin(o, "", '{');
    json_out_str(o, "name", contract_table_plain(table->name));
    json_out_str(o, "address", image_table_address(t->mem, table));
    json_out_maybe(o, "description", table->definition->description);
    json_out_str(o, "contract", table->contract->id);
    json_out_str(o, "contract_version", table->contract->version);
    browse_life(table, o);
    json_out_bool(o, "granted", decision->allowed);
    json_out_bool(o, "filtered", decision->filters.len > 0);
    if (gate_is_clear(t, image, table)) {
        json_out_uint(o, "rows", table->rows);
    } else {
        json_out_null(o, "rows");
    }
    json_out_begin(o, "columns", '[');
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "name", column->name);
        json_out_str(o, "type", column->type);
        json_out_bool(o, "required",
                      column->contract->required || column->contract->primary_key > 0);
        json_out_bool(o, "primary_key", column->contract->primary_key > 0);
        json_out_maybe(o, "classification", column->contract->classification);
        json_out_maybe(o, "description", column->contract->description);
        json_out_str(o, "access", str_of(browse_access(decision, column->id)));
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
}

static void browse_release(const struct release_row *row, bool is_clear, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_uint(o, "number", row->number);
    json_out_time(o, "published_at", row->published_us);
    json_out_str(o, "run", row->run_id);
    json_out_bool(o, "current", row->is_current);
    json_out_bool(o, "kept", row->is_kept);
    if (row->restores > 0) {
        json_out_uint(o, "restores", row->restores);
    } else {
        json_out_null(o, "restores");
    }
    if (is_clear) {
        json_out_uint(o, "rows", row->rows);
        json_out_uint(o, "bytes", row->bytes);
    } else {
        json_out_null(o, "rows");
        json_out_null(o, "bytes");
    }
    json_out_end(o, '}');
}

/* In an environment it has none: schedules are the mesh's. */
static void browse_next_run(const struct image_product *product,
                            const struct product_schedules *schedules, struct json_out *o)
{
    int64_t next_us =
        product_schedule_next(product_schedule_find(schedules, product->id), product->definition);

    if (next_us < INT64_MAX) {
        json_out_time(o, "next_run_at", next_us);
    } else {
        json_out_null(o, "next_run_at");
    }
}

bool browse_product(struct task *t, struct services *s, str address, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    const struct image_product *product;
    struct release_list releases = {0};
    struct product_schedules schedules = {0};

    if (!services_find_product(t, image, address, &product)
        || !product_schedule_list(t, s->db, product->id, &schedules)
        || !release_list(t, s->db, product->id, BROWSE_RELEASES, &releases)) {
        return false;
    }
    bool is_clear = browse_is_clear_on_all(t, image, product);
    json_out_begin(o, "", '{');
    browse_product_head(t, image, product, o);
    browse_next_run(product, &schedules, o);
    json_out_begin(o, "tables", '[');
    for (size_t i = 0; i < product->tables.len; i++) {
        browse_table(t, image, &product->tables.at[i], o);
    }
    json_out_end(o, ']');
    json_out_begin(o, "releases", '[');
    for (size_t i = 0; i < releases.len; i++) {
        browse_release(&releases.at[i], is_clear, o);
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}

/* The tables whose copies weigh most; of one that is gone, its number. */
static void browse_total(const struct image *image, const struct gate_total *total,
                         struct json_out *o)
{
    json_out_begin(o, "cleared_tables", '[');
    for (size_t i = 0; i < total->tables.len; i++) {
        const struct gate_total_table *row = &total->tables.at[i];
        const struct image_table *found = NULL;

        for (size_t j = 0; j < image->products.len; j++) {
            for (size_t k = 0; k < image->products.at[j].tables.len; k++) {
                if (image->products.at[j].tables.at[k].id == row->table_id) {
                    found = &image->products.at[j].tables.at[k];
                }
            }
        }
        json_out_begin(o, "", '{');
        json_out_maybe(o, "product", found ? found->product->address : STR_NONE);
        json_out_maybe(o, "table", found ? contract_table_plain(found->name) : STR_NONE);
        json_out_uint(o, "table_id", row->table_id);
        json_out_uint(o, "classes", row->classes);
        json_out_uint(o, "files", row->copies);
        json_out_uint(o, "bytes", row->bytes);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

bool browse_status(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct engine_state engine = engine_state(s->engine);
    struct turns_state queries = turns_state(s->queries);
    uint64_t products = 0, published = 0;
    struct gate_total total;

    if (!gate_total(t, s->gate, &total)) {
        return false;
    }
    for (size_t i = 0; image->model != NULL && i < image->model->products.len; i++) {
        const struct model_product *definition = image->model->products.at[i];
        const struct image_product *product =
            image_find_product(image, definition->domain->name, definition->name);

        if (product != NULL && gate_may_discover(t, image, product)) {
            products++;
            published += product->release.number > 0;
        }
    }
    json_out_begin(o, "", '{');
    json_out_maybe(o, "mesh", image->model ? image->model->mesh.name : STR_NONE);
    if (s->mesh != NULL) {
        json_out_str(o, "environment", s->environment);
    }
    json_out_maybe(o, "home", actor_is_operator(t->actor) ? s->home : STR_NONE);
    json_out_uint(o, "mesh_version", image->mesh_version);
    json_out_uint(o, "image_version", image->version);
    json_out_uint(o, "domains", image->model ? image->model->domains.len : 0);
    json_out_uint(o, "products", products);
    json_out_uint(o, "products_published", published);
    json_out_uint(o, "workers", engine.workers);
    json_out_uint(o, "workers_lent", engine.lent);
    json_out_uint(o, "queries_running", queries.running);
    json_out_uint(o, "queries_waiting", queries.waiting);
    json_out_uint(o, "workers_started", engine.started);
    json_out_uint(o, "workers_killed", engine.killed);
    /* Sizes of copies for others speak of rows that this actor may not see. */
    if (actor_is_operator(t->actor)) {
        json_out_uint(o, "cleared_files", total.copies);
        json_out_uint(o, "cleared_bytes", total.bytes);
        browse_total(image, &total, o);
    } else {
        json_out_null(o, "cleared_files");
        json_out_null(o, "cleared_bytes");
    }
    json_out_end(o, '}');
    return true;
}

void browse_job(const struct job_row *row, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "id", row->id);
    json_out_str(o, "kind", row->kind);
    json_out_str(o, "subject", row->subject);
    json_out_str(o, "state", str_of(job_state_name(row->state)));
    json_out_str(o, "requested_by", row->requested_by);
    json_out_time(o, "requested_at", row->requested_us);
    json_out_time(o, "started_at", row->started_us);
    json_out_time(o, "ended_at", row->ended_us);
    json_out_maybe(o, "result", row->result);
    json_out_end(o, '}');
}
