/* Files of an environment: which it may have otherwise than its mesh, and bringing them to a mesh that has moved on. */
#include <stdlib.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "document/document.h"
#include "mesh_state/mesh_state.h"
#include "plan/plan_env.h"
#include "plan_inside.h"

static str plan_sha256(struct arena *mem, str text)
{
    struct crypto_digest digest = crypto_sha256(text);

    return crypto_digest_hex(mem, &digest);
}

static const struct bundle_file *plan_find_file(const struct bundle *bundle, str path)
{
    for (size_t i = 0; i < bundle->len; i++) {
        if (str_eq(bundle->at[i].path, path)) {
            return &bundle->at[i];
        }
    }
    return NULL;
}

/* Of a product, and no policy: who may read what, and who is of a domain, is said in the mesh alone. */
static bool plan_env_may_have(str path)
{
    str domain, product, rest;

    return str_starts(path, STR("domains/"))
        && str_cut(str_from(path, STR("domains/").len), '/', &domain, &rest)
        && str_cut(rest, '/', &product, &rest) && !str_eq(product, STR("policies"))
        && !plan_is_policy(path);
}

/* What two bundles, both sorted, have otherwise: `before` and `after` are NULL where there is no such file. */
struct plan_pair {
    str path;
    const struct bundle_file *before, *after;
};

static bool plan_next_pair(const struct bundle *before, const struct bundle *after, size_t *i,
                           size_t *j, struct plan_pair *out)
{
    while (*i < before->len || *j < after->len) {
        int order = *i == before->len ? 1
                  : *j == after->len  ? -1
                                      : str_compare(before->at[*i].path, after->at[*j].path);

        *out = (struct plan_pair){
            .before = order <= 0 ? &before->at[*i] : NULL,
            .after = order >= 0 ? &after->at[*j] : NULL,
        };
        out->path = out->before != NULL ? out->before->path : out->after->path;
        *i += order <= 0;
        *j += order >= 0;
        if (order != 0 || !str_eq(out->before->text, out->after->text)) {
            return true;
        }
    }
    return false;
}

bool plan_env_allows(struct task *t, const struct services *s, const struct bundle *before,
                     const struct bundle *after)
{
    struct plan_pair pair;
    size_t i = 0, j = 0;

    while (s->mesh != NULL && plan_next_pair(before, after, &i, &j, &pair)) {
        if (!plan_env_may_have(pair.path)) {
            task_fail(t, ERR_REFUSED, "%.*s cannot be changed in an environment",
                      STR_ARG(pair.path));
            return task_hint(t, "people, domains and policies are those of the mesh: change it "
                                "there, or take it out of what is applied, as by --domain");
        }
    }
    return true;
}

/* What `whole` has otherwise than the mesh that the environment was copied of; what was set aside of other domains stays so. */
bool plan_env_files(struct task *t, struct services *s, str domain, const struct bundle *whole,
                    struct environment_files *out, bool *is_mended_out)
{
    struct metadb *instant;
    struct mesh_state state;
    struct bundle mesh;
    struct environment env;
    struct environment_files before;
    struct plan_pair pair;
    size_t i = 0, j = 0;
    bool found;

    *out = (struct environment_files){0};
    *is_mended_out = true;
    if (!metadb_snapshot(t, s->mesh->db, &instant) || !mesh_state_get(t, instant, &state)
        || !document_load(t, t->mem, instant, &mesh)) {
        return false;
    }
    metadb_snapshot_end(t, instant);
    if (state.mesh_version != s->mesh_version) {
        task_fail(t, ERR_CONFLICT, "the mesh changed this very moment");
        return task_hint(t, "plan again");
    }
    if (!environment_find(t, s->db, &env, &found) || !environment_files(t, s->db, &before)) {
        return false;
    }
    while (plan_next_pair(&mesh, whole, &i, &j, &pair)) {
        vec_push(
            t->mem, out,
            ((struct environment_file){
                .path = pair.path,
                .text = pair.after != NULL ? pair.after->text : STR_NONE,
                .is_removed = pair.after == NULL,
                .base = pair.before != NULL ? plan_sha256(t->mem, pair.before->text) : STR_NONE,
                .changed_by = t->actor->name,
                .changed_us = clock_now_us()}));
    }
    for (size_t k = 0; env.problem.len > 0 && domain.len > 0 && k < before.len; k++) {
        if (!plan_is_of_domain(before.at[k].path, domain)) {
            vec_push(t->mem, out, before.at[k]);
            *is_mended_out = false;
        }
    }
    return true;
}

/* ---- a mesh that has moved on */

/* The files that still differ; a finding of one that was changed in the mesh too. */
static void plan_env_merge(struct task *t, const struct bundle *mesh,
                           const struct environment_files *files, struct bundle *whole,
                           struct environment_files *kept, str *problem_out)
{
    *whole = (struct bundle){0};
    *kept = (struct environment_files){0};
    for (size_t i = 0; i < files->len; i++) {
        const struct environment_file *file = &files->at[i];
        const struct bundle_file *now = plan_find_file(mesh, file->path);
        bool is_same =
            now == NULL ? file->is_removed : !file->is_removed && str_eq(now->text, file->text);
        str base = now != NULL ? plan_sha256(t->mem, now->text) : STR_NONE;

        if (is_same) {
            continue;
        }
        if (!str_eq(base, file->base) && problem_out->len == 0) {
            *problem_out =
                arena_format(t->mem, "%.*s was changed in the mesh too", STR_ARG(file->path));
        }
        vec_push(t->mem, kept, *file);
        if (!file->is_removed) {
            vec_push(t->mem, whole, ((struct bundle_file){.path = file->path, .text = file->text}));
        }
    }
    for (size_t i = 0; i < mesh->len; i++) {
        bool is_other = false;

        for (size_t k = 0; k < kept->len && !is_other; k++) {
            is_other = str_eq(kept->at[k].path, mesh->at[i].path);
        }
        if (!is_other) {
            vec_push(t->mem, whole, mesh->at[i]);
        }
    }
    if (whole->len > 0) {
        qsort(whole->at, whole->len, sizeof(*whole->at), bundle_compare);
    }
}

/* In words, with the place; the error of the task is over then. */
static str plan_env_finding(struct task *t, const struct report *findings)
{
    str text = arena_str(t->mem, t->err.message);

    task_clear_error(t);
    for (size_t i = 0; i < findings->len; i++) {
        const struct finding *finding = &findings->at[i];

        if (finding->level == FINDING_ERROR) {
            return arena_format(t->mem, "%.*s:%u: %.*s", STR_ARG(finding->place.file),
                                finding->place.line, STR_ARG(finding->message));
        }
    }
    return text;
}

bool plan_env_apply(struct task *t, struct services *before, struct services *next,
                    const struct environment_files *files, str *problem_out)
{
    struct plan p = {.services = next};
    struct labels labels;
    struct bundle mesh = {0}, whole;
    struct environment_files kept;
    const struct image *image;
    uint64_t version;

    *problem_out = STR_NONE;
    report_init(&p.findings, t->mem);
    if (!plan_load_base(t, next, &mesh, &image, &version)) {
        return false;
    }
    plan_env_merge(t, &mesh, files, &whole, &kept, problem_out);
    if (problem_out->len > 0 || files->len == 0) {
        return true;
    }
    p.labels = &labels;
    bool ok = plan_compile(t, next->engine, &whole, &(struct plan_releases){next, image, &mesh},
                           STR_NONE, &p.findings, &p.model, &labels)
           && plan_check_requirements(t, &p, image);
    if (!ok && t->err.code == ERR_INVALID) {
        *problem_out = plan_env_finding(t, &p.findings);
        return true;
    }
    return ok
        && plan_commit_env(t, next,
                           &(struct plan_env_commit){.before = &mesh,
                                                     .whole = &whole,
                                                     .model = p.model,
                                                     .image = image,
                                                     .version = version,
                                                     .files = &kept,
                                                     .from = before});
}

/* ---- to the mesh */

/* Is the file of one of these products, or are all meant? */
static bool plan_env_is_wanted(const struct image *image, const struct str_list *products, str path)
{
    for (size_t i = 0; i < image->products.len && products->len > 0; i++) {
        const struct image_product *product = &image->products.at[i];
        str prefix = product->definition->folder;

        if (str_list_has(products, product->address) && str_starts(path, prefix)
            && path.len > prefix.len && path.ptr[prefix.len] == '/') {
            return true;
        }
    }
    return products->len == 0;
}

/* One domain where that is all that is meant: then it is a plan of that domain, as its members make it. */
static str plan_env_domain(const struct environment_files *files)
{
    str domain = STR_NONE;

    for (size_t i = 0; i < files->len; i++) {
        str one, rest;

        (void)str_cut(str_from(files->at[i].path, STR("domains/").len), '/', &one, &rest);
        if (i > 0 && !str_eq(one, domain)) {
            return STR_NONE;
        }
        domain = one;
    }
    return domain;
}

bool plan_promote(struct task *t, struct services *env, const struct str_list *products,
                  struct plan *p)
{
    const struct image *image = image_pin(t, env->images);
    struct environment_files files, wanted = {0}, kept;
    struct bundle mesh = {0}, whole;
    const struct image *now;
    uint64_t version;
    str problem = STR_NONE;

    p->services = env->mesh;
    if (!environment_files(t, env->db, &files)
        || !plan_load_base(t, env->mesh, &mesh, &now, &version)) {
        return false;
    }
    for (size_t i = 0; i < files.len; i++) {
        if (plan_env_is_wanted(image, products, files.at[i].path)) {
            vec_push(t->mem, &wanted, files.at[i]);
        }
    }
    plan_env_merge(t, &mesh, &wanted, &whole, &kept, &problem);
    if (problem.len > 0) {
        return task_fail(t, ERR_CONFLICT, "%.*s", STR_ARG(problem));
    }
    p->domain = plan_env_domain(&kept);
    for (size_t i = 0; i < whole.len; i++) {
        if (p->domain.len == 0 || plan_is_of_domain(whole.at[i].path, p->domain)) {
            vec_push(t->mem, &p->bundle, whole.at[i]);
        }
    }
    return plan_make(t, p);
}
