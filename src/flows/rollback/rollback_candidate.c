/* A candidate becomes a release by the same steps as an earlier release does: what was judged when it ran is judged again. */
#include "audit/audit.h"
#include "log/log.h"
#include "mesh_state/mesh_state.h"
#include "quarantine/quarantine.h"
#include "rollback_inside.h"
#include "run_row/run_row.h"

static bool refuse_missing(struct task *t, str product)
{
    task_fail(t, ERR_NOT_FOUND, "%.*s has no candidate", STR_ARG(product));
    return task_hint(t, "weft run %.*s --candidate makes one", STR_ARG(product));
}

static bool refuse_old(struct task *t, const struct rollback *r, const char *why)
{
    task_fail(t, ERR_CONFLICT, "the candidate of %.*s cannot be published: %s", STR_ARG(r->product),
              why);
    return task_hint(t, "weft run %.*s --candidate makes a new one", STR_ARG(r->product));
}

str rollback_seen_now(struct task *t, const struct rollback *r)
{
    const struct model_product *definition = r->target->definition;
    struct gate_scope scope = {.product = r->target};

    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        const struct image_product *producer =
            input->producer != NULL
                ? image_find_product(r->image, input->producer->domain->name, input->producer->name)
                : NULL;

        for (size_t k = 0; producer != NULL && k < producer->tables.len; k++) {
            const struct image_table *table = &producer->tables.at[k];

            if (table->contract == input->contract) {
                vec_push(t->mem, &scope.inputs,
                         ((struct gate_input){.schema = input->name,
                                              .table = table,
                                              .name = contract_table_plain(table->name)}));
            }
        }
    }
    return gate_seen(t, r->services->gate, r->image, &scope);
}

static bool was_tried(struct task *t, const struct rollback *r)
{
    struct release_verdicts verdicts;
    size_t failed = 0;

    if (r->is_forced) {
        return true;
    }
    if (!release_candidate_verdicts(t, r->services->db, r->target->id, &verdicts)) {
        return false;
    }
    for (size_t i = 0; i < verdicts.len; i++) {
        failed += verdicts.at[i].blocks;
    }
    if (!r->candidate.is_tested) {
        task_fail(t, ERR_CHECK_FAILED, "not all who read %.*s were tried over its candidate",
                  STR_ARG(r->product));
        return task_hint(t, "run it anew, or publish it with --force");
    }
    if (failed > 0) {
        task_fail(t, ERR_CHECK_FAILED, "products that read %.*s fail over its candidate",
                  STR_ARG(r->product));
        return task_hint(t,
                         "weft candidate show %.*s says which; --force publishes it all the same",
                         STR_ARG(r->product));
    }
    return true;
}

bool rollback_find_candidate(struct task *t, struct rollback *r)
{
    struct release_candidate_list list;

    if (!release_candidate_find(t, r->services->db, r->target->id, &list)) {
        return false;
    }
    if (list.len == 0) {
        return refuse_missing(t, r->product);
    }
    r->candidate = list.at[0];
    if (r->candidate.base != r->replaced) {
        return refuse_old(t, r, "another release was published since it was made");
    }
    if (!str_eq(release_digest(t->mem, r->target->definition), r->candidate.compiled_digest)) {
        return refuse_old(t, r, "the files of the product were changed since it was made");
    }
    if (!str_eq(rollback_seen_now(t, r), r->candidate.reads)) {
        return refuse_old(t, r,
                          "the product may see other data of its inputs than when it was made");
    }
    return was_tried(t, r);
}

/* Policies are those by which it was judged, and it is that very candidate. */
bool rollback_settle_candidate(struct task *t, struct metadb *db, struct rollback *r)
{
    struct release_candidate_list list;
    struct mesh_state state;

    if (!mesh_state_get(t, db, &state) || !release_candidate_find(t, db, r->target->id, &list)) {
        return false;
    }
    if (list.len == 0 || !str_eq(list.at[0].run_id, r->candidate.run_id)
        || state.policy_version != r->image->policies.version) {
        task_fail(t, ERR_CONFLICT, "%.*s was changed meanwhile", STR_ARG(r->product));
        return task_hint(t, "try it again");
    }
    return run_row_settle(t, db, r->candidate.run_id, r->release)
        && environment_saw(t, db, r->target->id, r->release,
                           r->manifest.is_added_to ? STR_NONE : r->candidate.reads)
        && quarantine_settle(t, db, r->candidate.run_id, r->release)
        && release_candidate_forget(t, db, r->target->id);
}

struct dropping {
    const struct image_product *target;
};

static bool drop(struct task *t, struct metadb *db, void *state)
{
    const struct dropping *dropping = state;
    struct release_candidate_list list;

    if (!release_candidate_find(t, db, dropping->target->id, &list)) {
        return false;
    }
    if (list.len == 0) {
        return refuse_missing(t, dropping->target->address);
    }
    return run_row_settle(t, db, list.at[0].run_id, 0)
        && release_candidate_forget(t, db, dropping->target->id)
        && audit_append(t, db, STR("candidate.drop"), dropping->target->address, STR("done"),
                        arena_format(t->mem, "{\"run\":\"%.*s\"}", STR_ARG(list.at[0].run_id)),
                        NULL);
}

/* What cannot be done now, upkeep does. */
static void remove_left(struct task *t, struct services *s, const struct str_list *files)
{
    struct services *mesh = services_mesh(s);

    if (turns_take(t, mesh->removal, 0, "backups or removals")) {
        if (!services_remove_files(t, s, files)) {
            log_failure("rollback", t);
        }
        turns_give(t, mesh->removal);
    }
    task_clear_error(t);
}

bool rollback_drop_candidate(struct task *t, struct services *s, str product)
{
    const struct image *image = image_pin(t, s->images);
    struct dropping dropping = {0};
    struct str_list files;

    if (!services_demand_run(t, image, product, &dropping.target) || !services_files(t, s, &files)
        || !metadb_write(t, s->db, drop, &dropping)) {
        return false;
    }
    /* Who reads it ends first. */
    gate_recheck(s->gate);
    remove_left(t, s, &files);
    return true;
}
