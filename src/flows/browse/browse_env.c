/* Environments: what they have otherwise than their mesh, as far as the actor may discover it. */
#include "browse/browse_env.h"

#include "browse_inside.h"
#include "image/images.h"
#include "services/env_products.h"
#include "services/envs.h"

/* And he who changed it knows it. */
static bool browse_may_know_file(struct task *t, const struct image *image,
                                 const struct environment_file *file)
{
    return str_eq(file->changed_by, t->actor->name)
        || services_may_know_file(t->actor, image, file->path);
}

static void browse_put_files(struct task *t, const struct image *image,
                             const struct environment_files *files, struct json_out *o)
{
    size_t hidden = 0;

    json_out_begin(o, "files", '[');
    for (size_t i = 0; i < files->len; i++) {
        const struct environment_file *file = &files->at[i];

        if (!browse_may_know_file(t, image, file)) {
            hidden++;
            continue;
        }
        json_out_begin(o, "", '{');
        json_out_str(o, "path", file->path);
        json_out_str(o, "change",
                     file->is_removed      ? STR("removed")
                     : file->base.len == 0 ? STR("added")
                                           : STR("changed"));
        json_out_str(o, "changed_by", file->changed_by);
        json_out_time(o, "changed_at", file->changed_us);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_uint(o, "hidden_files", hidden);
}

static void browse_put_products(struct task *t, const struct image *image,
                                const struct env_products *products, struct json_out *o)
{
    json_out_begin(o, "products", '[');
    for (size_t i = 0; i < products->len; i++) {
        const struct env_product *row = &products->at[i];

        if (!gate_may_discover(t, image, row->product)) {
            continue;
        }
        json_out_begin(o, "", '{');
        json_out_str(o, "product", row->product->address);
        json_out_str(o, "why",
                     row->is_changed ? STR("its files differ") : STR("what it reads differs"));
        json_out_bool(o, "built", row->made != NULL);
        if (row->product->release.number > 0) {
            json_out_uint(o, "release", row->product->release.number);
        } else {
            json_out_null(o, "release");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

bool browse_env(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct environment env;
    struct environment_files files;
    struct env_products products;
    bool found;

    if (!environment_find(t, s->db, &env, &found) || !environment_files(t, s->db, &files)
        || !env_products(t, s, image, &products)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "name", s->environment);
    json_out_str(o, "created_by", env.created_by);
    json_out_time(o, "created_at", env.created_us);
    json_out_uint(o, "mesh_version", env.mesh_version);
    json_out_bool(o, "fits", env.problem.len == 0);
    json_out_maybe(o, "problem", envs_may_know(t, s, env.problem) ? env.problem : STR_NONE);
    browse_put_files(t, image, &files, o);
    browse_put_products(t, image, &products, o);
    json_out_end(o, '}');
    return true;
}
