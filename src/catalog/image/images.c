#include "image/images.h"

#include <stdlib.h>

#include "image/image_kept.h"
#include "mesh_state/mesh_state.h"
#include "store/store_map.h"

static bool build(struct task *t, struct images *images, const struct image_spine *before,
                  struct image_spine **out);
static bool build_policies(struct task *t, struct metadb *db, const struct image_spine *before,
                           uint64_t version, struct image_spine *spine);
static bool build_nodes(struct task *t, struct metadb *db, const struct image_spine *before,
                        struct image_spine *spine);
static void take_policies(struct task *t, struct images *mesh, struct image_spine *spine);
static bool load_kept(struct task *t, struct images *images, struct image_spine **out);

static bool open_images(struct task *t, struct metadb *db, struct images *mesh,
                        const struct images_place *kept, struct images **out)
{
    struct images *images = calloc(1, sizeof *images);
    CHECK(images != NULL);
    images->db = db;
    images->mesh = mesh;
    images->kept = kept != NULL ? *kept : (struct images_place){0};
    CHECK(pthread_mutex_init(&images->build, NULL) == 0);
    CHECK(pthread_mutex_init(&images->lock, NULL) == 0);
    if (!images_refresh(t, images)) {
        images_close(images);
        return false;
    }
    *out = images;
    return true;
}

bool images_open(struct task *t, struct metadb *db, struct images **out)
{
    return open_images(t, db, NULL, NULL, out);
}

bool images_open_beside(struct task *t, struct metadb *db, struct images *mesh, struct images **out)
{
    return open_images(t, db, mesh, NULL, out);
}

bool images_open_over(struct task *t, struct metadb *db, const struct images_place *kept,
                      struct images **out)
{
    return open_images(t, db, NULL, kept, out);
}

void images_close(struct images *images)
{
    if (images == NULL)
        return;
    if (images->current != NULL)
        image_unpin(&images->current->image);
    pthread_mutex_destroy(&images->lock);
    pthread_mutex_destroy(&images->build);
    free(images);
}

/* Whoever comes second finds the work of both done: a refresh reads what is committed, not what its
 * caller changed. */
bool images_refresh(struct task *t, struct images *images)
{
    pthread_mutex_lock(&images->build);
    struct image_spine *before = images->current, *spine = NULL;
    struct arena_mark mark = arena_mark(t->mem);
    bool ok = (before != NULL || load_kept(t, images, &before)) && build(t, images, before, &spine);
    if (ok) {
        arena_rewind(t->mem, mark);
        if (spine != before) {
            pthread_mutex_lock(&images->lock);
            images->current = spine;
            pthread_mutex_unlock(&images->lock);
            if (before != NULL)
                image_unpin(&before->image);
        }
    } else if (images->current == NULL && before != NULL) {
        image_unpin(&before->image);
    }
    pthread_mutex_unlock(&images->build);
    return ok;
}

/* At the start. What cannot be read of it is made anew. */
static bool load_kept(struct task *t, struct images *images, struct image_spine **out)
{
    struct metadb *now;
    *out = NULL;
    if (images->kept.path.len == 0 || images->kept.least == 0)
        return true;
    if (!metadb_snapshot(t, images->db, &now))
        return false;
    bool ok = image_kept_load(t, now, images->kept.path, out);
    metadb_snapshot_end(t, now);
    return ok;
}

bool images_are_due(const struct images *images, const struct image *image)
{
    return images->kept.path.len > 0 && images->kept.least > 0 && !atomic_load(&images->is_spoiled)
        && image_kept_is_due((const struct image_spine *)image, images->kept.least);
}

bool images_keep(struct task *t, struct images *images, bool *kept_out)
{
    *kept_out = false;
    const struct image_spine *spine = (const struct image_spine *)image_pin(t, images);
    struct metadb *now;
    struct mesh_state state;
    if (!images_are_due(images, &spine->image))
        return true;
    if (!metadb_snapshot(t, images->db, &now))
        return false;
    bool ok = mesh_state_get(t, now, &state);
    if (ok && state.image_version == spine->image.version)
        ok = *kept_out = image_kept_save(t, now, images->kept.path, spine);
    metadb_snapshot_end(t, now);
    return ok;
}

bool images_verify(struct task *t, struct images *images, bool *removed_out)
{
    *removed_out = false;
    if (images->kept.path.len > 0 && !store_map_verify(t, images->kept.path, removed_out))
        return false;
    if (*removed_out)
        atomic_store(&images->is_spoiled, true);
    return true;
}

/* An environment begins with what its mesh has read: nearly all of its files are the same. */
static const struct image_model *model_before(struct task *t, struct images *images,
                                              const struct image_spine *before)
{
    if (before == NULL && images->mesh != NULL)
        before = (const struct image_spine *)image_pin(t, images->mesh);
    return before != NULL ? before->model : NULL;
}

static bool build(struct task *t, struct images *images, const struct image_spine *before,
                  struct image_spine **out)
{
    struct metadb *now;
    struct mesh_state state;
    if (!metadb_snapshot(t, images->db, &now) || !mesh_state_get(t, now, &state))
        return false;
    bool is_whole = before != NULL && !before->is_part;
    if (is_whole && before->image.version == state.image_version) {
        *out = images->current;
        metadb_snapshot_end(t, now);
        return true;
    }
    bool is_same_mesh = is_whole && before->image.mesh_version == state.mesh_version;
    struct arena *mem = arena_new();
    struct image_spine *spine = ARENA_NEW(mem, struct image_spine);
    spine->magic = IMAGE_MAGIC;
    spine->pins = 1;
    spine->mem = mem;
    spine->decisions = image_decisions_new();
    spine->image.version = state.image_version;
    spine->image.mesh_version = state.mesh_version;
    bool ok = true;
    if (is_same_mesh)
        spine->model = image_model_pin(before->model);
    else if (state.mesh_version != 0)
        ok = image_model_compile(t, now, model_before(t, images, before), state.policy_version,
                                 &spine->model);
    spine->image.model = spine->model != NULL ? spine->model->model : NULL;
    spine->image.files = spine->model != NULL ? spine->model->files : NULL;
    if (images->mesh != NULL)
        take_policies(t, images->mesh, spine);
    ok = ok
      && (spine->model == NULL || images->mesh != NULL
          || build_policies(t, now, is_same_mesh ? before : NULL, state.policy_version, spine))
      && (spine->model == NULL || build_nodes(t, now, before, spine));
    metadb_snapshot_end(t, now);
    if (!ok) {
        image_unpin(&spine->image);
        return false;
    }
    *out = spine;
    return true;
}

/* Those of `before`, which has the same model, unless agreements or entitlements changed. */
static bool build_policies(struct task *t, struct metadb *db, const struct image_spine *before,
                           uint64_t version, struct image_spine *spine)
{
    if (before != NULL && before->image.policies.version == version)
        spine->policies = image_policies_pin(before->policies);
    else if (!image_policies_build(t, db, spine->model, version, &spine->policies))
        return false;
    spine->image.policies = spine->policies->policies;
    return true;
}

/* Those of this moment. */
static void take_policies(struct task *t, struct images *mesh, struct image_spine *spine)
{
    const struct image_spine *now = (const struct image_spine *)image_pin(t, mesh);
    spine->policies = image_policies_pin(now->policies);
    spine->image.policies = now->image.policies;
}

/* Is the node one of this model too? Its product was changed neither by an apply nor by a publish. */
static bool still_holds(const struct image_spine *spine, const struct image_node *node)
{
    return model_find_product(spine->model->model, node->product.address)
        == node->product.definition;
}

static bool add_node(struct task *t, struct metadb *db, const struct product *product,
                     struct image_spine *spine)
{
    struct image_node *node;
    if (!image_node_build(t, db, spine->model->model, product, &node))
        return false;
    spine->nodes[spine->image.products.len] = node;
    vec_push(spine->mem, &spine->image.products, node->product);
    return true;
}

/* Nodes of `before` are shared where the products did not change. Both lists are by address. */
static bool merge_nodes(struct task *t, struct metadb *db, const struct image_spine *before,
                        const struct product_list *changed, struct image_spine *spine)
{
    size_t len = before != NULL ? before->image.products.len : 0;
    for (size_t i = 0, j = 0; i < len || j < changed->len;) {
        struct image_node *old = i < len ? before->nodes[i] : NULL;
        int order = j == changed->len ? -1
                  : old == NULL       ? 1
                                      : str_compare(old->product.address, changed->at[j]->address);
        if (order >= 0 && !add_node(t, db, changed->at[j], spine))
            return false;
        if (order < 0 && still_holds(spine, old)) {
            spine->nodes[spine->image.products.len] = image_node_pin(old);
            vec_push(spine->mem, &spine->image.products, old->product);
        }
        i += order <= 0;
        j += order >= 0;
    }
    return true;
}

/* What another definition has and did not change in the catalog is there when all was read again. */
static bool build_nodes(struct task *t, struct metadb *db, const struct image_spine *before,
                        struct image_spine *spine)
{
    struct product_list changed;
    size_t len = spine->model->model->products.len;
    spine->nodes = ARENA_ARRAY(spine->mem, struct image_node *, len);
    if (before != NULL && before->model != NULL) {
        if (!product_read(t, t->mem, db, before->image.version, &changed)
            || !merge_nodes(t, db, before, &changed, spine))
            return false;
        if (spine->image.products.len == len)
            return true;
        for (size_t i = 0; i < spine->image.products.len; i++)
            image_node_unpin(spine->nodes[i]);
        spine->image.products.len = 0;
    }
    return product_read(t, t->mem, db, 0, &changed) && merge_nodes(t, db, NULL, &changed, spine)
        && (spine->image.products.len == len
            || task_fail(t, ERR_CORRUPT, "the catalog has other products than its files"));
}
