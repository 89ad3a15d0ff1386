#include "image/image_kept.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "log/log.h"
#include "mesh_state/mesh_state.h"
#include "model/model_freeze.h"
#include "store/store_map.h"

enum { PAGE_BYTES = 4096, HASH_HEX = 64 };

/* What the block begins with, and where pins are counted: these pages are writable for whoever maps it. */
struct kept {
    struct model_part part;
    uint64_t image_version, mesh_version;
    uint64_t
        audit_sequence; /* the last row at that moment, and its hash: the catalog went this way */
    char audit_hash[HASH_HEX];
    struct bundle files;
    struct model model; /* its lists of domains, products, cases and notes alone */
    struct image_node *nodes;
    size_t node_count;
};

static const struct freeze_type kept_frozen = {.size = sizeof(struct kept)};
static const struct freeze_type pointer_frozen = {.size = sizeof(void *)};

struct saving {
    struct freeze *f;
    const struct image_spine *spine;
    struct kept *kept;
    struct map cases; /* address of a product -> struct case_places */
};

struct case_places {
    VEC_OF(size_t)
};

static void save_domains(struct saving *s)
{
    const struct model *model = s->spine->image.model;
    size_t len = model->domains.len;
    s->kept->model.domains.at = freeze_array(s->f, &pointer_frozen, len);
    for (size_t i = 0; s->kept->model.domains.at != NULL && i < len; i++) {
        struct model_domain *domain = freeze_ref(s->f, &model_domain_frozen, model->domains.at[i]);
        if (domain == NULL)
            return;
        domain->part = &s->kept->part;
        s->kept->model.domains.at[i] = domain;
        s->kept->model.domains.len = s->kept->model.domains.cap = i + 1;
    }
}

static void save_file(struct saving *s, size_t i)
{
    struct bundle_file *file = &s->kept->files.at[i];
    freeze_fill(s->f, &model_file_frozen, &s->spine->image.files->at[i], file);
    file->part = &s->kept->part;
}

static void save_files_of(struct saving *s, struct arena *mem, str folder)
{
    const struct bundle *files = s->spine->image.files;
    str inside = arena_format(mem, STR_FMT "/", STR_ARG(folder));
    for (size_t i = bundle_first(files, 0, inside);
         i < files->len && str_starts(files->at[i].path, inside); i++)
        save_file(s, i);
}

static void save_cases_of(struct saving *s, const struct model_product *product)
{
    const struct case_places *places = map_find(&s->cases, product->address);
    for (size_t i = 0; places != NULL && i < places->len; i++)
        freeze_fill(s->f, &model_case_frozen,
                    &s->spine->image.model->product_cases.at[places->at[i]],
                    &s->kept->model.product_cases.at[places->at[i]]);
}

static int compare_address(const void *address, const void *product)
{
    return str_compare(*(const str *)address, ((const struct image_product *)product)->address);
}

static void save_node_of(struct saving *s, const struct model_product *product)
{
    const struct image *image = &s->spine->image;
    const struct image_product *found = bsearch(
        &product->address, image->products.at, image->products.len, sizeof *found, compare_address);
    CHECK(found != NULL);
    struct image_node *to = &s->kept->nodes[found - image->products.at];
    freeze_fill(s->f, &image_product_frozen, &s->spine->nodes[found - image->products.at]->product,
                &to->product);
    atomic_store(&to->pins, 1);
    atomic_store(&to->is_kept, true);
}

/* Each with all that is its alone; what others point to was there before, for producers come before their readers. */
static bool save_products(struct task *t, struct saving *s)
{
    const struct model *model = s->spine->image.model;
    size_t len = model->products.len;
    s->kept->model.products.at = freeze_array(s->f, &pointer_frozen, len);
    for (size_t i = 0; s->kept->model.products.at != NULL && i < len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        struct model_product *product =
            freeze_ref(s->f, &model_product_frozen, model->products.at[i]);
        if (product == NULL || !task_go_on(t))
            return false;
        product->part = &s->kept->part;
        s->kept->model.products.at[i] = product;
        s->kept->model.products.len = s->kept->model.products.cap = i + 1;
        save_files_of(s, t->mem, product->folder);
        save_cases_of(s, product);
        save_node_of(s, model->products.at[i]);
        freeze_forget(s->f);
        arena_rewind(t->mem, mark);
    }
    return true;
}

static void save_names(struct saving *s)
{
    const struct model *model = s->spine->image.model;
    size_t len = model->by_name.len;
    s->kept->model.by_name.at = freeze_array(s->f, &pointer_frozen, len);
    for (size_t i = 0; s->kept->model.by_name.at != NULL && i < len; i++)
        s->kept->model.by_name.at[i] =
            freeze_ref(s->f, &model_product_frozen, model->by_name.at[i]);
    s->kept->model.by_name.len = s->kept->model.by_name.cap = len;
}

static void save_other_files(struct saving *s)
{
    for (size_t i = 0; i < s->kept->files.len && freeze_is_whole(s->f); i++)
        if (s->kept->files.at[i].part == NULL) {
            save_file(s, i);
            freeze_forget(s->f);
        }
}

static void save_notes(struct saving *s)
{
    const struct model *model = s->spine->image.model;
    s->kept->model.notes.at = freeze_array(s->f, &model_note_frozen, model->notes.len);
    for (size_t i = 0; s->kept->model.notes.at != NULL && i < model->notes.len; i++)
        freeze_fill(s->f, &model_note_frozen, &model->notes.at[i], &s->kept->model.notes.at[i]);
    s->kept->model.notes.len = s->kept->model.notes.cap = model->notes.len;
}

static void find_cases(struct task *t, struct saving *s)
{
    const struct model *model = s->spine->image.model;
    map_init(&s->cases, t->mem);
    for (size_t i = 0; i < model->product_cases.len; i++) {
        str address = model->product_cases.at[i].product->address;
        struct case_places *places = map_find(&s->cases, address);
        if (places == NULL) {
            places = ARENA_NEW(t->mem, struct case_places);
            map_put(&s->cases, address, places);
        }
        vec_push(t->mem, places, i);
    }
}

/* Rooms whose size is known come first, the writable ones before all. */
static bool make_rooms(struct saving *s, size_t *writable_out)
{
    const struct image *image = &s->spine->image;
    size_t files = image->files->len, cases = image->model->product_cases.len;
    s->kept = freeze_array(s->f, &kept_frozen, 1);
    if (s->kept == NULL)
        return false;
    s->kept->nodes = freeze_array(s->f, &image_node_frozen, image->products.len);
    freeze_align(s->f, PAGE_BYTES);
    *writable_out = freeze_bytes(s->f);
    s->kept->files.at = freeze_array(s->f, &model_file_frozen, files);
    s->kept->model.product_cases.at = freeze_array(s->f, &model_case_frozen, cases);
    if (!freeze_is_whole(s->f))
        return false;
    s->kept->node_count = image->products.len;
    s->kept->files.len = s->kept->files.cap = files;
    s->kept->model.product_cases.len = s->kept->model.product_cases.cap = cases;
    s->kept->image_version = image->version;
    s->kept->mesh_version = image->mesh_version;
    return true;
}

static bool save_moment(struct task *t, struct metadb *now, struct kept *kept)
{
    struct audit_list rows;
    if (!audit_find(t, now, &(struct audit_filter){.is_newest = true, .most = 1}, &rows))
        return false;
    if (rows.len == 1 && rows.at[0].hash.len == HASH_HEX) {
        kept->audit_sequence = rows.at[0].sequence;
        memcpy(kept->audit_hash, rows.at[0].hash.ptr, HASH_HEX);
    }
    return true;
}

bool image_kept_save(struct task *t, struct metadb *now, str path, const struct image_spine *spine)
{
    struct saving s = {.spine = spine};
    struct store_map *map;
    void *base;
    size_t writable;
    if (!store_map_begin(t, path, &map, &base))
        return false;
    s.f = freeze_begin(t->mem, base, store_map_room, map);
    find_cases(t, &s);
    if (!make_rooms(&s, &writable) || !save_moment(t, now, s.kept))
        return false;
    save_domains(&s);
    if (!save_products(t, &s))
        return false;
    save_names(&s);
    save_other_files(&s);
    save_notes(&s);
    if (!freeze_is_whole(s.f) || !store_map_finish(t, map, freeze_bytes(s.f), writable))
        return false;
    for (size_t i = 0; i < spine->image.products.len; i++)
        atomic_store(&spine->nodes[i]->is_kept, true);
    return true;
}

bool image_kept_is_due(const struct image_spine *spine, uint64_t least)
{
    size_t products = spine->image.products.len, fresh = 0;
    for (size_t i = 0; i < products; i++)
        fresh += !atomic_load(&spine->nodes[i]->is_kept);
    return fresh >= least && fresh >= products / IMAGE_KEEP_SHARE;
}

/* A catalog that was brought back from a backup may have come to the same version by another way. */
static bool is_of_catalog(struct task *t, struct metadb *now, const struct kept *kept,
                          uint64_t image_version, bool *out)
{
    struct audit_list rows;
    if (!audit_after(t, now, kept->audit_sequence - 1, 1, &rows))
        return false;
    *out = kept->image_version <= image_version && kept->audit_sequence > 0 && rows.len == 1
        && rows.at[0].sequence == kept->audit_sequence
        && str_eq(rows.at[0].hash, (str){kept->audit_hash, HASH_HEX});
    return true;
}

static struct image_model *model_of(struct kept *kept)
{
    struct arena *mem = arena_new();
    struct image_model *model = ARENA_NEW(mem, struct image_model);
    model->pins = 1;
    model->mem = mem;
    model->model = &kept->model;
    model->files = &kept->files;
    model->used = kept->files.len + kept->model.domains.len + kept->model.products.len;
    vec_push(mem, &model->parts, &kept->part);
    return model;
}

static struct image_spine *spine_of(struct kept *kept)
{
    struct arena *mem = arena_new();
    struct image_spine *spine = ARENA_NEW(mem, struct image_spine);
    spine->magic = IMAGE_MAGIC;
    spine->pins = 1;
    spine->mem = mem;
    spine->is_part = true;
    spine->model = model_of(kept);
    spine->decisions = image_decisions_new();
    spine->image.version = kept->image_version;
    spine->image.mesh_version = kept->mesh_version;
    spine->image.model = &kept->model;
    spine->image.files = &kept->files;
    spine->nodes = ARENA_ARRAY(mem, struct image_node *, kept->node_count);
    vec_reserve(mem, &spine->image.products, kept->node_count);
    for (size_t i = 0; i < kept->node_count; i++) {
        spine->nodes[i] = &kept->nodes[i];
        vec_push(mem, &spine->image.products, kept->nodes[i].product);
    }
    return spine;
}

bool image_kept_load(struct task *t, struct metadb *now, str path, struct image_spine **out)
{
    struct arena *mem = arena_new();
    struct mesh_state state;
    void *base;
    bool fits = false;
    *out = NULL;
    bool ok = mesh_state_get(t, now, &state) && store_map_open(t, mem, path, &base)
           && (base == NULL || is_of_catalog(t, now, base, state.image_version, &fits));
    if (!ok || !fits) {
        arena_free(mem);
        return ok;
    }
    struct kept *kept = base;
    kept->part.mem = mem;
    atomic_store(&kept->part.pins, 1);
    kept->part.made = kept->files.len + kept->model.domains.len + kept->model.products.len;
    log_event(LOG_INFO, "image", t, "%zu products are those that were kept", kept->node_count);
    *out = spine_of(kept);
    return true;
}
