/* Contracts that end: who declares them is told at plan, everybody else by an event. */
#include "clock/clock.h"
#include "contract/contract_life.h"
#include "deprecation/deprecation.h"
#include "outbox/outbox.h"
#include "plan_inside.h"

static str plan_ending_hint(struct arena *mem, const struct model_input *input, str successor)
{
    const struct contract *next = model_next_major(input->producer, input->contract);

    if (successor.len > 0) {
        return arena_format(mem, "its successor is %.*s", STR_ARG(successor));
    }
    if (next != NULL) {
        return arena_format(
            mem,
            "its successor is version %.*s of the same contract: say version: %.*s in the port",
            STR_ARG(next->version), STR_ARG(next->version));
    }
    return arena_format(mem, "%.*s may have a later major", STR_ARG(input->producer->address));
}

static void plan_find_ending(struct plan *p, const struct model_product *product,
                             const struct model_input *input)
{
    struct contract_life life;
    struct finding *finding;

    contract_life(input->contract, clock_now_us(), &life);
    if (life.stage != CONTRACT_DEPRECATED && life.stage != CONTRACT_RETIRED) {
        return;
    }
    finding =
        report_add(&p->findings, FINDING_WARNING, ERR_INVALID, input->place,
                   "input port %.*s of %.*s reads contract %.*s %.*s, which is %s%s%.*s",
                   STR_ARG(input->name), STR_ARG(product->address), STR_ARG(input->contract->id),
                   STR_ARG(input->contract->version), contract_stage_name(life.stage),
                   life.sunset.len > 0 ? "; its last day is " : "", STR_ARG(life.sunset));
    finding->hint = plan_ending_hint(p->findings.mem, input, life.successor);
}

void plan_find_endings(struct plan *p)
{
    for (size_t i = 0; i < p->model->products.len; i++) {
        const struct model_product *product = p->model->products.at[i];

        for (size_t j = 0; j < product->inputs.len; j++) {
            const struct model_input *input = &product->inputs.at[j];

            if (input->producer != NULL && input->contract != NULL
                && plan_is_planned(p, product->domain->name)) {
                plan_find_ending(p, product, input);
            }
        }
    }
}

/* From now on, unless it was before: another last day is no other beginning. */
static bool plan_keep_beginning(struct task *t, struct metadb *db, str address,
                                const struct contract *now, enum contract_stage was,
                                enum contract_stage is)
{
    struct deprecation row = {.product = address,
                              .contract = now->id,
                              .major = contract_major(now->version),
                              .since_us = clock_now_us()};

    return is != CONTRACT_DEPRECATED || was == CONTRACT_DEPRECATED || deprecation_put(t, db, &row);
}

/* As the files say it: a last day that passes is no apply. */
static bool plan_tell_ending(struct task *t, struct metadb *db, const struct model_product *product,
                             const struct contract *before, const struct contract *now)
{
    str address = product->address;
    struct contract_life was = {.stage = CONTRACT_DRAFT}, is;

    if (before != NULL) {
        contract_life(before, INT64_MIN, &was);
    }
    contract_life(now, INT64_MIN, &is);
    if ((is.stage != CONTRACT_DEPRECATED && is.stage != CONTRACT_RETIRED)
        || (before != NULL && was.stage == is.stage && str_eq(was.sunset, is.sunset)
            && str_eq(was.successor, is.successor))) {
        return true;
    }
    if (!plan_keep_beginning(t, db, address, now, was.stage, is.stage)) {
        return false;
    }
    str detail = model_ending_json(t->mem, product, now, &is);
    str type = str_of(contract_stage_name(is.stage));
    bool is_told = false;
    /* The last day may have told of the same end. */
    if (is.stage == CONTRACT_RETIRED && !outbox_has(t, db, type, address, detail, &is_told)) {
        return false;
    }
    return is_told || outbox_add(t, db, type, address, detail, NULL);
}

bool plan_tell_endings(struct task *t, struct metadb *db, const struct model *before,
                       const struct model *now)
{
    static const struct model nothing = {0};
    struct model_pair pair;
    size_t at[2] = {0};

    while (model_next_pair(before != NULL ? before : &nothing, now, at, &pair)) {
        for (size_t j = 0; pair.after != NULL && j < pair.after->outputs.len; j++) {
            const struct contract *contract = pair.after->outputs.at[j].contract;

            if (!plan_tell_ending(t, db, pair.after, plan_same_contract(pair.before, contract),
                                  contract)) {
                return false;
            }
        }
    }
    return true;
}
