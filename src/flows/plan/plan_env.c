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

bool plan_env_allows(struct task *t, const struct services *s, const struct bundle *before,
                     const struct bundle *after)
{
    struct bundle_pair pair;
    size_t at[2] = {0};

    while (s->mesh != NULL && bundle_next_pair(before, after, at, &pair)) {
        if (!plan_env_may_have(pair.path)) {
            task_fail(t, ERR_REFUSED, "%.*s cannot be changed in an environment",
                      STR_ARG(pair.path));
            return task_hint(t, "people, domains and policies are those of the mesh: change it "
                                "there, or take it out of what is applied, as by --domain");
        }
    }
    return true;
}

/* A file that was set aside goes with an apply of its domain by somebody who may change it. */
static bool plan_env_goes(const struct task *t, const struct model *model, str domain, str path)
{
    return (domain.len == 0 || plan_is_of_domain(path, domain))
        && plan_may_change_path(t, model, path);
}

bool plan_env_mends(struct task *t, struct services *s, const struct model *model, str domain,
                    bool *out)
{
    struct environment env;
    struct environment_files files;
    bool found;

    *out = false;
    if (s->mesh == NULL) {
        return true;
    }
    if (!environment_find(t, s->db, &env, &found) || !environment_files(t, s->db, &files)) {
        return false;
    }
    for (size_t i = 0; env.problem.len > 0 && i < files.len && !*out; i++) {
        *out = plan_env_goes(t, model, domain, files.at[i].path);
    }
    return true;
}

/* What `whole` has otherwise than the mesh that the environment was copied of; what was set aside of others stays so. */
bool plan_env_files(struct task *t, struct services *s, const struct model *model, str domain,
                    const struct bundle *whole, struct environment_files *out, bool *is_mended_out)
{
    struct metadb *instant;
    struct mesh_state state;
    struct bundle mesh;
    struct environment env;
    struct environment_files before;
    struct bundle_pair pair;
    size_t at[2] = {0};
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
    while (bundle_next_pair(&mesh, whole, at, &pair)) {
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
    for (size_t k = 0; env.problem.len > 0 && k < before.len; k++) {
        if (!plan_env_goes(t, model, domain, before.at[k].path)) {
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

/* An environment as it is. */
struct plan_env_own {
    struct bundle files;
    const struct image *image;
    uint64_t version;
};

/* `whole` becomes its files; with a problem they do not fit, and nothing is changed. */
static bool plan_env_put(struct task *t, struct services *s, struct plan_env_own *own,
                         struct bundle *whole, struct plan_env_commit *commit, str *problem_out)
{
    struct plan p = {.services = s};
    struct labels labels;

    p.labels = &labels;
    report_init(&p.findings, t->mem);
    bool ok = plan_compile(t, s->engine, whole, &(struct plan_releases){s, own->image, &own->files},
                           STR_NONE, &p.findings, &p.model, &labels)
           && plan_check_requirements(t, &p, own->image);
    if (!ok && t->err.code == ERR_INVALID) {
        *problem_out = plan_env_finding(t, &p.findings);
        return true;
    }
    commit->before = &own->files;
    commit->whole = whole;
    commit->model = p.model;
    commit->image = own->image;
    commit->version = own->version;
    return ok && plan_commit_env(t, s, commit);
}

bool plan_env_apply(struct task *t, struct services *before, struct services *next,
                    const struct environment_files *files, str *problem_out)
{
    struct plan_env_own own = {0};
    struct bundle whole;
    struct environment_files kept;

    *problem_out = STR_NONE;
    if (!plan_load_base(t, next, &own.files, &own.image, &own.version)) {
        return false;
    }
    plan_env_merge(t, &own.files, files, &whole, &kept, problem_out);
    return problem_out->len > 0 || files->len == 0
        || plan_env_put(t, next, &own, &whole,
                        &(struct plan_env_commit){.files = &kept, .from = before}, problem_out);
}

/* Names that both have mean the same: else what was made of one would be taken for the other. */
static bool plan_env_has_ids(const struct image_product *own, const struct image_product *mesh)
{
    bool ok = own->id == mesh->id;

    for (size_t i = 0; ok && i < mesh->tables.len; i++) {
        const struct image_table *theirs = &mesh->tables.at[i],
                                 *ours = image_find_table(own, theirs->name);

        ok = ours == NULL || ours->id == theirs->id;
        for (size_t k = 0; ok && ours != NULL && k < theirs->columns.len; k++) {
            for (size_t l = 0; ok && l < ours->columns.len; l++) {
                ok = !str_eq(ours->columns.at[l].name, theirs->columns.at[k].name)
                  || ours->columns.at[l].id == theirs->columns.at[k].id;
            }
        }
    }
    return ok;
}

static bool plan_env_may_take(const struct image *own, const struct image *mesh, str path)
{
    const struct image_product *ours, *theirs;
    str top, domain, product, rest = path;

    if (!str_cut(rest, '/', &top, &rest) || !str_cut(rest, '/', &domain, &rest)
        || !str_cut(rest, '/', &product, &rest)) {
        return true;
    }
    ours = image_find_product(own, domain, product);
    theirs = image_find_product(mesh, domain, product);
    return ours == NULL || theirs == NULL || plan_env_has_ids(ours, theirs);
}

/* Of the files that the mesh or the environment has changed: all else was copied with its ids. */
static bool plan_env_can_follow(const struct image *own, const struct image *mesh,
                                const struct environment_files *files)
{
    struct bundle_pair pair;
    size_t at[2] = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < files->len; i++) {
        ok = plan_env_may_take(own, mesh, files->at[i].path);
    }
    while (ok && bundle_next_pair(own->files, mesh->files, at, &pair)) {
        ok = plan_env_may_take(own, mesh, pair.path);
    }
    return ok;
}

bool plan_env_follow(struct task *t, struct services *s, uint64_t *version_out)
{
    const struct image *mesh = image_pin(t, s->mesh->images);
    struct plan_env_own own = {0};
    struct bundle whole;
    struct environment env;
    struct environment_files files, kept;
    str problem;
    bool found;

    *version_out = 0;
    if (!environment_find(t, s->db, &env, &found) || !environment_files(t, s->db, &files)
        || !plan_load_base(t, s, &own.files, &own.image, &own.version)) {
        return false;
    }
    problem = env.problem;
    plan_env_merge(t, mesh->files, &files, &whole, &kept, &problem);
    if (problem.len > 0 || !plan_env_can_follow(own.image, mesh, &files)) {
        return true;
    }
    if (!plan_env_put(t, s, &own, &whole,
                      &(struct plan_env_commit){
                          .files = &kept, .from = s->mesh, .follows = mesh->mesh_version},
                      &problem)) {
        return false;
    }
    *version_out = problem.len > 0 ? 0 : mesh->mesh_version;
    return true;
}

/* ---- to the mesh */

static bool plan_env_is_wanted(const struct image *image, const struct env_part *part, str path)
{
    for (size_t i = 0; i < image->products.len && part->products.len > 0; i++) {
        const struct image_product *product = &image->products.at[i];

        if (env_part_has(part, product) && env_product_has_file(product->definition, path)) {
            return true;
        }
    }
    return part->products.len == 0
        && (part->domain.len == 0 || plan_is_of_domain(path, part->domain));
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

struct plan_env_promotion {
    struct services *env;
    const struct env_part *part;
    const struct image *image;              /* of the environment */
    struct environment_files files, wanted; /* all that it has otherwise; those of the part */
};

/* Of the others nobody is told who may not change them. */
static bool plan_env_may_promote(struct task *t, const struct plan_env_promotion *promotion,
                                 const struct image *now, const struct bundle *mesh,
                                 const struct bundle *whole, str domain)
{
    bool is_override;

    if (plan_may_change(t, now->model, mesh, whole, &is_override)) {
        return true;
    }
    if (domain.len > 0) {
        return task_fail(t, ERR_DENIED, "%.*s may not change domain %.*s", STR_ARG(t->actor->name),
                         STR_ARG(domain));
    }
    task_fail(t, ERR_DENIED, "environment %.*s has files of domains that %.*s may not change",
              STR_ARG(promotion->env->environment), STR_ARG(t->actor->name));
    return task_hint(t, "promote what is your own: weft env promote %.*s --domain DOMAIN",
                     STR_ARG(promotion->env->environment));
}

/* Two products that it has otherwise, one of which reads the other, and one of which stays where it is. */
static bool plan_env_parts(struct task *t, const struct plan_env_promotion *promotion,
                           const struct image_product *reader)
{
    const struct image *image = promotion->image;

    for (size_t i = 0; i < reader->definition->inputs.len; i++) {
        const struct model_product *producer = reader->definition->inputs.at[i].producer;
        const struct image_product *read =
            producer != NULL ? image_find_product(image, producer->domain->name, producer->name)
                             : NULL;

        if (read == NULL || !env_product_has_any(&promotion->files, producer)
            || env_part_has(promotion->part, read) == env_part_has(promotion->part, reader)
            || !gate_may_discover(t, image, read) || !gate_may_discover(t, image, reader)) {
            continue;
        }
        bool stays = env_part_has(promotion->part, read);

        task_hint(t,
                  "%.*s reads %.*s, and what environment %.*s has of %.*s is not promoted with it: "
                  "promote both, or %s",
                  STR_ARG(reader->address), STR_ARG(read->address),
                  STR_ARG(promotion->env->environment),
                  STR_ARG(stays ? reader->address : read->address),
                  stays ? "let it go on with what it reads by now" : "that one first");
        return true;
    }
    return false;
}

/* Why it does not fit is in the findings; whose files are missing is not. */
static bool plan_env_say_parts(struct task *t, const struct plan_env_promotion *promotion)
{
    bool is_said = t->err.code != ERR_INVALID;

    for (size_t i = 0; i < promotion->image->products.len && !is_said; i++) {
        const struct image_product *product = &promotion->image->products.at[i];

        is_said = env_product_has_any(&promotion->files, product->definition)
               && plan_env_parts(t, promotion, product);
    }
    return false;
}

bool plan_promote(struct task *t, struct services *env, const struct env_part *part, struct plan *p)
{
    struct plan_env_promotion promotion = {
        .env = env, .part = part, .image = image_pin(t, env->images)};
    struct environment_files kept;
    struct bundle mesh = {0}, whole;
    const struct image *now;
    uint64_t version;
    str problem = STR_NONE;

    p->services = env->mesh;
    if (!environment_files(t, env->db, &promotion.files)
        || !plan_load_base(t, env->mesh, &mesh, &now, &version)) {
        return false;
    }
    for (size_t i = 0; i < promotion.files.len; i++) {
        if (plan_env_is_wanted(promotion.image, part, promotion.files.at[i].path)) {
            vec_push(t->mem, &promotion.wanted, promotion.files.at[i]);
        }
    }
    plan_env_merge(t, &mesh, &promotion.wanted, &whole, &kept, &problem);
    p->domain = part->domain.len > 0 ? part->domain : plan_env_domain(&kept);
    if (!plan_env_may_promote(t, &promotion, now, &mesh, &whole, p->domain)) {
        return false;
    }
    if (problem.len > 0) {
        return task_fail(t, ERR_CONFLICT, "%.*s", STR_ARG(problem));
    }
    for (size_t i = 0; i < whole.len; i++) {
        if (p->domain.len == 0 || plan_is_of_domain(whole.at[i].path, p->domain)) {
            vec_push(t->mem, &p->bundle, whole.at[i]);
        }
    }
    return plan_make(t, p) || plan_env_say_parts(t, &promotion);
}
