#include "image/images.h"

#include <stdlib.h>

#include "buf/buf.h"
#include "document/document.h"
#include "image/image_inside.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"

static bool build(struct task *t, struct images *images, const struct image_spine *before,
                  struct image_spine **out);
static bool compile_model(struct task *t, struct metadb *db, uint64_t policy_version,
                          struct image_model **out);
static bool build_policies(struct task *t, struct metadb *db, const struct image_spine *before,
                           uint64_t version, struct image_spine *spine);
static bool build_nodes(struct task *t, struct metadb *db, const struct image_spine *before,
                        struct image_spine *spine);
static void take_policies(struct task *t, struct images *mesh, struct image_spine *spine);

bool images_open(struct task *t, struct metadb *db, struct images **out)
{
    return images_open_beside(t, db, NULL, out);
}

bool images_open_beside(struct task *t, struct metadb *db, struct images *mesh, struct images **out)
{
    struct images *images = calloc(1, sizeof *images);
    CHECK(images != NULL);
    images->db = db;
    images->mesh = mesh;
    CHECK(pthread_mutex_init(&images->build, NULL) == 0);
    CHECK(pthread_mutex_init(&images->lock, NULL) == 0);
    if (!images_refresh(t, images)) {
        images_close(images);
        return false;
    }
    *out = images;
    return true;
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
    bool ok = build(t, images, before, &spine);
    if (ok) {
        arena_rewind(t->mem, mark);
        if (spine != before) {
            pthread_mutex_lock(&images->lock);
            images->current = spine;
            pthread_mutex_unlock(&images->lock);
            if (before != NULL)
                image_unpin(&before->image);
        }
    }
    pthread_mutex_unlock(&images->build);
    return ok;
}

static bool build(struct task *t, struct images *images, const struct image_spine *before,
                  struct image_spine **out)
{
    struct metadb *now;
    struct mesh_state state;
    if (!metadb_snapshot(t, images->db, &now) || !mesh_state_get(t, now, &state))
        return false;
    if (before != NULL && before->image.version == state.image_version) {
        *out = images->current;
        metadb_snapshot_end(t, now);
        return true;
    }
    if (before != NULL && before->image.mesh_version != state.mesh_version)
        before = NULL;
    struct arena *mem = arena_new();
    struct image_spine *spine = ARENA_NEW(mem, struct image_spine);
    spine->magic = IMAGE_MAGIC;
    spine->pins = 1;
    spine->mem = mem;
    spine->decisions = image_decisions_new();
    spine->image.version = state.image_version;
    spine->image.mesh_version = state.mesh_version;
    bool ok = true;
    if (before != NULL)
        spine->model = image_model_pin(before->model);
    else if (state.mesh_version != 0)
        ok = compile_model(t, now, state.policy_version, &spine->model);
    spine->image.model = spine->model != NULL ? spine->model->model : NULL;
    spine->image.files = spine->model != NULL ? spine->model->files : NULL;
    if (images->mesh != NULL)
        take_policies(t, images->mesh, spine);
    ok = ok
      && (spine->model == NULL || images->mesh != NULL
          || build_policies(t, now, before, state.policy_version, spine))
      && (spine->model == NULL || build_nodes(t, now, before, spine));
    metadb_snapshot_end(t, now);
    if (!ok) {
        image_unpin(&spine->image);
        return false;
    }
    *out = spine;
    return true;
}

static bool compile_model(struct task *t, struct metadb *db, uint64_t policy_version,
                          struct image_model **out)
{
    struct arena *mem = arena_new();
    struct image_model *model = ARENA_NEW(mem, struct image_model);
    model->pins = 1;
    model->mem = mem;
    struct bundle *bundle = ARENA_NEW(mem, struct bundle);
    struct report report;
    report_init(&report, t->mem);
    if (!document_load(t, mem, db, bundle) || !document_parse(t, mem, bundle, &report)) {
        image_model_unpin(model);
        return false;
    }
    model->model = model_compile(mem, bundle, &report);
    if (report.errors > 0) {
        struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
        report_sort(&report);
        report_text(&report, text);
        image_model_unpin(model);
        task_fail(t, ERR_CORRUPT, "the mesh that was applied can no longer be read");
        return task_detail(t, STR_FMT, STR_ARG(buf_str(text)));
    }
    model->model->policies.version = policy_version;
    model->files = bundle;
    *out = model;
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

/* Nodes of `before` that did not change are shared; it was made by the same apply, so it has the
 * same products. */
static bool build_nodes(struct task *t, struct metadb *db, const struct image_spine *before,
                        struct image_spine *spine)
{
    struct product_list changed;
    if (!product_read(t, t->mem, db, before != NULL ? before->image.version : 0, &changed))
        return false;
    size_t len = before != NULL ? before->image.products.len : changed.len, next = 0;
    spine->nodes = ARENA_ARRAY(spine->mem, struct image_node *, len);
    for (size_t i = 0; i < len; i++) {
        const struct image_node *old = before != NULL ? before->nodes[i] : NULL;
        bool is_changed =
            next < changed.len && (old == NULL || old->product.id == changed.at[next]->id);
        if (!is_changed)
            spine->nodes[i] = image_node_pin(before->nodes[i]);
        else if (!image_node_build(t, db, spine->model, changed.at[next++], &spine->nodes[i]))
            return false;
        vec_push(spine->mem, &spine->image.products, spine->nodes[i]->product);
    }
    CHECK(next == changed.len);
    return true;
}
