/* Releases that were made in an environment: brought along when its catalog is made anew, and published in its mesh. Files stay where
 * they are; what is judged is whether the same would be made there. */
#include "audit/audit.h"
#include "buf/buf.h"
#include "check_row/check_row.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "outbox/outbox.h"
#include "quarantine/quarantine.h"
#include "rollback_inside.h"
#include "run_row/run_row.h"

struct carried {
    uint64_t product_id, number;
};

struct carried_list {
    VEC_OF(struct carried)
};

static bool refuse(struct task *t, const char *why)
{
    return task_fail(t, ERR_CONFLICT, "%s", why);
}

/* The same product, from the same sources of what it may see. */
static bool is_same_product(struct task *t, struct rollback *r)
{
    struct quarantine_list diverted;
    struct quarantine_which which = {.run_id = r->made->run_id};

    if (r->made->seen.len == 0) {
        return refuse(t, "it came back by a rollback, or with rows of the quarantine");
    }
    if (r->target->id != r->made->product_id) {
        return refuse(t, "another product has its name in the mesh");
    }
    if (!str_eq(release_digest(t->mem, r->target->definition), r->made->compiled_digest)) {
        return refuse(t, "the files of the product are others than when it was built");
    }
    if (!quarantine_find(t, r->from->db, &which, &diverted)) {
        return false;
    }
    if (diverted.len > 0) {
        return refuse(t, "its run put rows into quarantine");
    }
    return str_eq(rollback_seen_now(t, r), r->made->seen)
        || refuse(t, "the product may see other data of its inputs than when it was built");
}

/* Its run, and what its checks found, are looked for where its release is. */
static bool take_run(struct task *t, struct metadb *db, const struct rollback *r)
{
    struct run_row *run;
    struct check_row_list checks;

    if (!run_row_find(t, r->from->db, r->row.run_id, &run)
        || !check_row_list(t, r->from->db, r->row.run_id, &checks)) {
        return false;
    }
    if (run == NULL) {
        return task_fail(t, ERR_CORRUPT, "the run of the release is not there");
    }
    if (!run_row_take(t, db, run, r->release)) {
        return false;
    }
    for (size_t i = 0; i < checks.len; i++) {
        if (!check_row_add(t, db, checks.at[i])) {
            return false;
        }
    }
    return true;
}

/* No apply, and no other policy, came since it was judged. Policies of an environment are those of its mesh, of every moment: what a
 * product may see by them is asked again when its release is promoted. */
static bool is_as_judged(struct task *t, struct metadb *db, const struct rollback *r)
{
    struct mesh_state state;

    if (!mesh_state_get(t, db, &state)) {
        return false;
    }
    return (state.mesh_version == r->image->mesh_version
            && (r->services->mesh != NULL || state.policy_version == r->image->policies.version))
        || refuse(t, "the mesh was changed meanwhile");
}

static str detail_of(struct task *t, const struct rollback *r, str environment, str seal)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", r->product);
    json_out_uint(&o, "release", r->release);
    json_out_str(&o, "run", r->row.run_id);
    json_out_maybe(&o, "environment", environment);
    json_out_uint(&o, "replaces", r->replaced);
    json_out_uint(&o, "rows", r->rows);
    json_out_maybe(&o, "seal", seal);
    json_out_end(&o, '}');
    return buf_str(o.b);
}

/* ---- the same rows */

static bool has_same_files(const struct image_table *a, const struct image_table *b)
{
    bool is_same = a->files.len == b->files.len;

    for (size_t i = 0; is_same && i < a->files.len; i++) {
        is_same = str_eq(a->files.at[i].sha256, b->files.at[i].sha256)
               && str_eq(a->files.at[i].deletions, b->files.at[i].deletions);
    }
    return is_same;
}

static bool has_same_rows(const struct image_product *a, const struct image_product *b)
{
    bool is_same = a != NULL && b != NULL && a->tables.len == b->tables.len;

    for (size_t i = 0; is_same && i < a->tables.len; i++) {
        const struct image_table *table = NULL;

        for (size_t k = 0; k < b->tables.len; k++) {
            table = b->tables.at[k].id == a->tables.at[i].id ? &b->tables.at[k] : table;
        }
        is_same = table != NULL && has_same_files(&a->tables.at[i], table);
    }
    return is_same;
}

/* Has an input, in the catalog that the release comes to, the rows of which it was made? A source has what it has: then `*now_out` is
 * NULL. */
static bool compare_input(struct task *t, const struct rollback *r,
                          const struct release_input *input, const struct image_product **now_out,
                          bool *is_same_out)
{
    const struct image_product *then = NULL;

    *now_out = NULL;
    for (size_t i = 0; i < r->image->products.len; i++) {
        const struct image_product *product = &r->image->products.at[i];

        *now_out = product->id == input->product_id ? product : *now_out;
    }
    if (*now_out != NULL && !release_load(t, r->from->db, *now_out, input->number, &then)) {
        return false;
    }
    *is_same_out = input->product_id == 0 || has_same_rows(*now_out, then);
    return true;
}

/* ---- a catalog that is made anew */

/* A release of the mesh stands under its own number; one that was made here under the one that it got by now, or not at all. */
static bool carry_inputs(struct task *t, struct rollback *r, const struct carried_list *carried)
{
    for (size_t i = 0; i < r->manifest.inputs.len; i++) {
        struct release_input *input = &r->manifest.inputs.at[i];
        bool is_made;
        size_t k = 0;

        if (!environment_has_made(t, r->from->db, input->product_id, input->number, &is_made)) {
            return false;
        }
        while (is_made && k < carried->len && carried->at[k].product_id != input->product_id) {
            k++;
        }
        if (is_made && k == carried->len) {
            return refuse(t, "what it was made of is not brought along");
        }
        input->number = is_made ? carried->at[k].number : input->number;
    }
    return true;
}

/* A product that is as in the mesh has the mesh's release, where what was made here could not become that any more: no run would make
 * it anew here. */
static bool is_of_now(struct task *t, struct rollback *r)
{
    if (r->made->base != r->replaced && !has_same_rows(r->target, r->past)) {
        return refuse(t, "the mesh has published another release of it");
    }
    for (size_t i = 0; i < r->manifest.inputs.len; i++) {
        const struct image_product *now;
        bool is_same;

        if (!compare_input(t, r, &r->manifest.inputs.at[i], &now, &is_same)) {
            return false;
        }
        if (!is_same) {
            return refuse(t, "what it reads holds other data by now");
        }
    }
    return true;
}

static bool commit_carried(struct task *t, struct metadb *db, void *state)
{
    struct rollback *r = state;
    str seal;

    return is_as_judged(t, db, r)
        && release_publish(t, db, &r->manifest, r->row.published_us, &r->release)
        && environment_carried(t, db, r->target->id, r->release, r->made) && take_run(t, db, r)
        && release_seal(t, db, r->target->id, r->release, &seal)
        && audit_append(t, db, STR("carry"), r->product, STR("done"),
                        detail_of(t, r, STR_NONE, seal), NULL);
}

static bool carry_one(struct task *t, struct rollback *r, const struct env_products *products,
                      const struct carried_list *carried)
{
    return rollback_demand(t, r) && is_same_product(t, r) && rollback_load(t, r)
        && rollback_fits(t, r) && rollback_describe(t, r)
        && (env_products_find(products, r->target) != NULL || is_of_now(t, r))
        && carry_inputs(t, r, carried)
        && release_sql_digest(t, r->from->db, r->target->id, r->number, &r->manifest.sql_digest)
        && metadb_write(t, r->services->db, commit_carried, r);
}

/* What is said of a release, not of the machine. */
static bool is_verdict(const struct task *t)
{
    enum error_code code = t->err.code;

    return code == ERR_CONFLICT || code == ERR_CHECK_FAILED || code == ERR_REFUSED
        || code == ERR_NOT_FOUND || code == ERR_DENIED || code == ERR_INVALID;
}

static const struct environment_release *find_made(const struct environment_releases *releases,
                                                   str product)
{
    for (size_t i = 0; i < releases->len; i++) {
        if (str_eq(releases->at[i].product, product)) {
            return &releases->at[i];
        }
    }
    return NULL;
}

bool rollback_carry(struct task *t, struct services *before, struct services *next)
{
    const struct image *image = image_pin(t, next->images);
    struct environment_releases releases;
    struct env_products products;
    struct carried_list carried = {0};

    if (!environment_releases(t, before->db, &releases)
        || !env_products(t, next, image, &products)) {
        return false;
    }
    for (size_t i = 0; i < image->model->products.len; i++) {
        const struct model_product *definition = image->model->products.at[i];
        str address = arena_format(t->mem, "%.*s.%.*s", STR_ARG(definition->domain->name),
                                   STR_ARG(definition->name));
        const struct environment_release *made = find_made(&releases, address);
        struct rollback r = {.services = next,
                             .product = address,
                             .from = before,
                             .made = made,
                             .number = made != NULL ? made->number : 0};

        if (made == NULL) {
            continue;
        }
        if (carry_one(t, &r, &products, &carried)) {
            vec_push(t->mem, &carried, ((struct carried){r.target->id, r.release}));
        } else if (!is_verdict(t)) {
            return false;
        }
        task_clear_error(t);
        services_show(next);
    }
    return true;
}

/* ---- to the mesh */

static bool refuse_input(struct task *t, const struct rollback *r,
                         const struct release_input *input)
{
    bool is_made;

    return environment_has_made(t, r->from->db, input->product_id, input->number, &is_made)
        && task_fail(t, ERR_CONFLICT,
                     is_made ? "it was built of its input %.*s as the environment has it, which is "
                               "not promoted"
                             : "its input %.*s holds other data in the mesh",
                     STR_ARG(input->name));
}

/* What it was made of there is what its inputs hold here. */
static bool promote_inputs(struct task *t, struct rollback *r)
{
    for (size_t i = 0; i < r->manifest.inputs.len; i++) {
        struct release_input *input = &r->manifest.inputs.at[i];
        const struct image_product *now;
        bool is_same;

        if (!compare_input(t, r, input, &now, &is_same)) {
            return false;
        }
        if (!is_same) {
            return refuse_input(t, r, input);
        }
        if (now != NULL) {
            input->number = now->release.number;
        }
    }
    return true;
}

static bool follows_mesh(struct task *t, const struct rollback *r)
{
    return r->made->base == r->replaced
        || task_fail(t, ERR_CONFLICT,
                     "the mesh has published release %llu of it, and it was built after %llu",
                     (unsigned long long)r->replaced, (unsigned long long)r->made->base);
}

static bool has_row(const struct quarantine_list *rows, uint64_t id)
{
    for (size_t i = 0; i < rows->len; i++) {
        if (rows->at[i].id == id) {
            return true;
        }
    }
    return false;
}

/* Rows that left the quarantine there would stay in that of the mesh, beside a release that may have them. */
static bool keeps_quarantine(struct task *t, const struct rollback *r)
{
    struct quarantine_which which = {.product_id = r->target->id};
    struct quarantine_list here, there;

    if (!quarantine_find(t, r->services->db, &which, &here)
        || !quarantine_find(t, r->from->db, &which, &there)) {
        return false;
    }
    for (size_t i = 0; i < here.len; i++) {
        if (!has_row(&there, here.at[i].id)) {
            return refuse(t, "rows that the mesh has in quarantine left it there");
        }
    }
    return true;
}

static bool commit_promoted(struct task *t, struct metadb *db, void *state)
{
    struct rollback *r = state;
    str seal;

    if (!is_as_judged(t, db, r)
        || !release_publish(t, db, &r->manifest, clock_now_us(), &r->release)
        || !rollback_write_entitled(t, db, r) || !take_run(t, db, r)
        || !release_seal(t, db, r->target->id, r->release, &seal)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_ROLLBACK_BEFORE_COMMIT);
    return compliance_found(t, db, &r->required.compliance, clock_now_us())
        && outbox_add(t, db, STR("released"), r->product, detail_of(t, r, STR_NONE, STR_NONE), NULL)
        && audit_append(t, db, STR("publish"), r->product, STR("done"),
                        detail_of(t, r, r->from->environment, seal), NULL);
}

static bool promote_one(struct task *t, struct rollback *r)
{
    if (!rollback_demand(t, r) || !is_same_product(t, r) || !follows_mesh(t, r)
        || !keeps_quarantine(t, r) || !rollback_load(t, r) || !rollback_fits(t, r)
        || !rollback_require(t, r) || !rollback_entitle(t, r) || !rollback_describe(t, r)
        || !promote_inputs(t, r)
        || !release_sql_digest(t, r->from->db, r->target->id, r->number, &r->manifest.sql_digest)) {
        return false;
    }
    gate_prepare_release(r->services->gate, r->manifest.tables.at, r->manifest.tables.len);
    if (!metadb_write(t, r->services->db, commit_promoted, r)) {
        return false;
    }
    bool ok = fault_pass(t, FAULT_ROLLBACK_AFTER_COMMIT);
    services_show(r->services);
    return ok;
}

bool rollback_promote(struct task *t, struct rollback_promotion *p)
{
    const struct image *image = image_pin(t, p->env->images);
    struct environment_releases releases;
    size_t denied = 0;

    if (!environment_releases(t, p->env->db, &releases)) {
        return false;
    }
    for (size_t i = 0; i < image->model->products.len; i++) {
        const struct model_product *definition = image->model->products.at[i];
        const struct image_product *product =
            image_find_product(image, definition->domain->name, definition->name);
        str address = product->address;
        const struct environment_release *made = find_made(&releases, address);
        struct rollback_promoted *result;
        struct rollback r = {.services = p->env->mesh,
                             .product = address,
                             .from = p->env,
                             .made = made,
                             .number = made != NULL ? made->number : 0};

        if (made == NULL || !env_part_has(p->part, product)
            || !gate_may_discover(t, image, product)) {
            continue;
        }
        result = vec_add(t->mem, &p->results);
        *result = (struct rollback_promoted){.product = address, .run = made->run_id};
        if (promote_one(t, &r)) {
            result->release = r.release;
        } else if (!is_verdict(t)) {
            return false;
        } else {
            denied += t->err.code == ERR_DENIED;
            result->reason = arena_str(t->mem, t->err.message);
            task_clear_error(t);
        }
    }
    return denied == 0 || denied < p->results.len
        || task_fail(t, ERR_DENIED, "%.*s may not promote what environment %.*s has",
                     STR_ARG(t->actor->name), STR_ARG(p->env->environment));
}
