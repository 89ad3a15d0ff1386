#include "services/env_drift.h"

#include <pthread.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "document/document.h"
#include "environment/environment.h"
#include "image/images.h"
#include "services/env_products.h"

enum drift_state { DRIFT_DECIDED = 1, DRIFT_BUILT };

struct env_drift {
    pthread_mutex_t lock; /* of all that follows */
    struct arena *mem;    /* of what was found last; NULL: nothing was */
    uint64_t own_version, mesh_version;
    bool holds;
    struct map products; /* address -> enum drift_state; those that do not hold are left out */
};

/* One look. */
struct env_look {
    struct task *t;
    const struct image *own, *mesh;
    struct map touched; /* folders of products where a file will be another one */
    struct map made;    /* products that it has otherwise, or that read such, by address */
    struct environment_files all_files; /* that it has otherwise */
    struct map files;                   /* these by path */
    struct env_drift *drift;
};

struct env_drift *env_drift_new(void)
{
    struct env_drift *drift = calloc(1, sizeof(*drift));

    CHECK(drift != NULL);
    pthread_mutex_init(&drift->lock, NULL);
    return drift;
}

void env_drift_free(struct env_drift *drift)
{
    if (drift == NULL) {
        return;
    }
    arena_free(drift->mem);
    pthread_mutex_destroy(&drift->lock);
    free(drift);
}

static bool is_same_list(const struct str_list *a, const struct str_list *b)
{
    bool is_same = a->len == b->len;

    for (size_t i = 0; is_same && i < a->len; i++) {
        is_same = str_eq(a->at[i], b->at[i]);
    }
    return is_same;
}

/* Who its users are is asked of the mesh anyway, and words decide nothing. */
static bool is_same_mesh(const struct model_mesh *a, const struct model_mesh *b)
{
    return str_eq(a->name, b->name) && is_same_list(&a->admins, &b->admins)
        && is_same_list(&a->guild, &b->guild) && is_same_list(&a->purposes, &b->purposes)
        && is_same_list(&a->source_roots, &b->source_roots)
        && is_same_list(&a->source_hosts, &b->source_hosts) && a->audit.redacts == b->audit.redacts
        && is_same_list(&a->audit.tables, &b->audit.tables)
        && is_same_list(&a->audit.tags, &b->audit.tags);
}

/* ---- what a policy sees of a table */

static bool is_same_labels(const struct policy_labels *a, const struct policy_labels *b)
{
    bool is_same = a->len == b->len;

    for (size_t i = 0; is_same && i < a->len; i++) {
        const struct policy_label *x = &a->at[i], *y = &b->at[i];

        is_same = x->is_tag == y->is_tag && str_eq(x->text, y->text) && str_eq(x->origin, y->origin)
               && (x->owners == NULL || y->owners == NULL ? x->owners == y->owners
                                                          : is_same_list(x->owners, y->owners));
    }
    return is_same;
}

static bool is_same_column(const struct policy_column *a, const struct policy_column *b)
{
    bool is_same = a->id == b->id && str_eq(a->name, b->name) && str_eq(a->type, b->type)
                && is_same_labels(&a->labels, &b->labels) && a->field_count == b->field_count;

    for (size_t i = 0; is_same && i < a->field_count; i++) {
        is_same = str_eq(a->fields[i].path, b->fields[i].path)
               && str_eq(a->fields[i].type, b->fields[i].type)
               && is_same_labels(&a->fields[i].labels, &b->fields[i].labels);
    }
    return is_same;
}

static bool is_same_table(struct task *t, const struct image_table *own,
                          const struct image_table *mesh)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct policy_table a, b;

    image_policy_table(t->mem, own, &a);
    image_policy_table(t->mem, mesh, &b);
    bool is_same = str_eq(own->name, mesh->name) && str_eq(a.contract, b.contract)
                && is_same_list(&a.tags, &b.tags) && is_same_list(&a.owners, &b.owners)
                && a.column_count == b.column_count;

    for (size_t i = 0; is_same && i < a.column_count; i++) {
        is_same = is_same_column(&a.columns[i], &b.columns[i]);
    }
    arena_rewind(t->mem, mark);
    return is_same;
}

static bool is_same_product(struct task *t, const struct image_product *own,
                            const struct image_product *mesh)
{
    bool is_same = mesh != NULL && own->id == mesh->id && own->tables.len == mesh->tables.len
                && str_eq(own->definition->visibility, mesh->definition->visibility);

    for (size_t i = 0; is_same && i < own->tables.len; i++) {
        const struct image_table *table = NULL;

        for (size_t k = 0; k < mesh->tables.len; k++) {
            table = mesh->tables.at[k].id == own->tables.at[i].id ? &mesh->tables.at[k] : table;
        }
        is_same = table != NULL && is_same_table(t, &own->tables.at[i], table);
    }
    return is_same;
}

/* ---- which products */

static bool is_same_domain(const struct env_look *look, const struct model_domain *own)
{
    const struct model_domain *mesh = model_find_domain(look->mesh->model, own->name);

    return mesh != NULL && is_same_list(&own->owners, &mesh->owners)
        && is_same_list(&own->members, &mesh->members);
}

static str address_of(const struct env_look *look, const struct model_product *product)
{
    const struct image_product *own =
        image_find_product(look->own, product->domain->name, product->name);

    return own != NULL ? own->address : STR_NONE;
}

/* What it reads is decided as before, and it reads the same: then its labels are those of before, where its files are. */
static bool has_same_inputs(const struct env_look *look, const struct model_product *product)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_input *input = &product->inputs.at[i];

        if (input->contract == NULL
            || (input->producer != NULL
                && map_find(&look->drift->products, address_of(look, input->producer)) == NULL)
            || (input->producer == NULL
                && !str_starts(input->contract->file,
                               arena_format(look->t->mem, "%.*s/", STR_ARG(product->folder))))) {
            return false;
        }
    }
    return true;
}

static bool is_made(const struct env_look *look, const struct model_product *product)
{
    if (env_product_has_any(&look->all_files, product)) {
        return true;
    }
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *producer = product->inputs.at[i].producer;

        if (producer != NULL && map_find(&look->made, address_of(look, producer)) != NULL) {
            return true;
        }
    }
    return false;
}

/* A model lists producers before their readers. */
static void look_at_product(struct env_look *look, const struct model_product *product)
{
    static enum drift_state states[] = {DRIFT_DECIDED, DRIFT_BUILT};
    struct env_drift *drift = look->drift;
    const struct image_product *own =
        image_find_product(look->own, product->domain->name, product->name);
    bool is_touched = map_find(&look->touched, product->folder) != NULL;
    bool has_changed = is_made(look, product);
    str address = address_of(look, product);

    if (has_changed) {
        map_put(&look->made, address, look);
    }
    if (own != NULL && is_same_domain(look, product->domain)
        && ((!is_touched && has_same_inputs(look, product))
            || (!has_changed
                && is_same_product(
                    look->t, own,
                    image_find_product(look->mesh, product->domain->name, product->name))))) {
        map_put(&drift->products, arena_str(drift->mem, address), &states[!is_touched]);
    }
}

/* A file that it has otherwise stays as it is, as long as the mesh has what it was changed from. */
static bool will_stay(struct task *t, const struct environment_file *file,
                      const struct bundle_pair *pair)
{
    struct crypto_digest digest;

    if (file == NULL) {
        return false;
    }
    if (pair->after == NULL) {
        return file->base.len == 0;
    }
    digest = crypto_sha256(pair->after->text);
    return str_eq(crypto_digest_hex(t->mem, &digest), file->base);
}

static void find_touched(struct env_look *look)
{
    struct bundle_pair pair;
    size_t at[2] = {0};

    while (bundle_next_pair(look->own->files, look->mesh->files, at, &pair)) {
        str top, domain, product, rest;

        if (!will_stay(look->t, map_find(&look->files, pair.path), &pair)
            && str_cut(pair.path, '/', &top, &rest) && str_cut(rest, '/', &domain, &rest)
            && str_cut(rest, '/', &product, &rest)) {
            map_put(&look->touched, str_sub(pair.path, 0, (size_t)(rest.ptr - pair.path.ptr) - 1),
                    look);
        }
    }
}

static bool look_anew(struct task *t, struct metadb *db, struct env_look *look)
{
    struct env_drift *drift = look->drift;

    if (!environment_files(t, db, &look->all_files)) {
        return false;
    }
    arena_free(drift->mem);
    drift->mem = arena_new();
    drift->own_version = look->own->mesh_version;
    drift->mesh_version = look->mesh->mesh_version;
    map_init(&drift->products, drift->mem);
    drift->holds = is_same_mesh(&look->own->model->mesh, &look->mesh->model->mesh);
    if (!drift->holds) {
        return true;
    }
    map_init(&look->touched, t->mem);
    map_init(&look->made, t->mem);
    map_init(&look->files, t->mem);
    for (size_t i = 0; i < look->all_files.len; i++) {
        map_put(&look->files, look->all_files.at[i].path, &look->all_files.at[i]);
    }
    find_touched(look);
    for (size_t i = 0; i < look->own->model->products.len; i++) {
        look_at_product(look, look->own->model->products.at[i]);
    }
    return true;
}

bool env_drift_look(struct task *t, struct env_drift *drift, struct metadb *db,
                    const struct image *own, const struct image *mesh, bool *holds_out)
{
    struct env_look look = {.t = t, .own = own, .mesh = mesh, .drift = drift};

    pthread_mutex_lock(&drift->lock);
    bool is_known = drift->mem != NULL && drift->own_version == own->mesh_version
                 && drift->mesh_version == mesh->mesh_version;
    bool ok = is_known || look_anew(t, db, &look);

    *holds_out = ok && drift->holds;
    pthread_mutex_unlock(&drift->lock);
    return ok;
}

bool env_drift_holds(struct env_drift *drift, str product, bool is_built)
{
    pthread_mutex_lock(&drift->lock);
    const enum drift_state *state = drift->mem != NULL ? map_find(&drift->products, product) : NULL;
    bool holds = state != NULL && (!is_built || *state == DRIFT_BUILT);

    pthread_mutex_unlock(&drift->lock);
    return holds;
}
