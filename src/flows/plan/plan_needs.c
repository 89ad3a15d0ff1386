/* Which grants the products of a bundle still need: each is an actor, and declaring an input is no grant. */
#include "access_request/access_request.h"
#include "clock/clock.h"
#include "plan_inside.h"
#include "read_access/read_access.h"
#include "shape/shape.h"

enum { PLAN_DAY_S = 86400, PLAN_YEAR_S = 365 * PLAN_DAY_S };

/* One input port of one product, and those of its tables that it may not read. */
struct plan_lack {
    const struct model_product *product;
    const struct model_input *input;
    const struct labels *labels;
    str address, producer; /* domain.product */
    struct str_list tables;
    str reason;
};

void plan_gather_policies(struct arena *mem, const struct image *image, const struct model *model,
                          struct policies *out)
{
    uint64_t id;

    *out = model->policies;
    out->cap = out->len;
    for (size_t i = 0; i < image->policies.len; i++) {
        if (read_access_is_agreement(&image->policies.at[i], &id)) {
            vec_push(mem, out, image->policies.at[i]);
        }
    }
}

static str plan_denial(const struct decision *decision)
{
    str why = STR_NONE;

    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (str_eq(reason->effect, STR("deny"))
            && (why.len == 0 || !str_eq(reason->policy, STR("default")))) {
            why = reason->text;
        }
    }
    return why;
}

static void plan_find_lack(struct arena *mem, const struct policies *policies,
                           struct plan_lack *lack)
{
    const struct contract *contract = lack->input->contract;
    struct policy_actor reader = {.name = lack->address, .is_product = true};

    for (size_t i = 0; contract != NULL && i < contract->tables.len; i++) {
        struct policy_table table;
        struct decision decision;

        plan_policy_table(mem, lack->input->producer, contract, &contract->tables.at[i],
                          lack->labels, &table);
        policy_decide(mem, policies, &reader, &table, clock_now_us(), &decision);
        if (!decision.allowed) {
            vec_push(mem, &lack->tables, contract->tables.at[i].name);
            lack->reason = plan_denial(&decision);
        }
    }
}

/* A year, or what the mesh allows. The whole day of a date is meant, so that the last full one is named. */
static str plan_until(struct arena *mem, const struct model *model)
{
    int64_t longest_s = shape_duration_s(model->mesh.access_longest);
    int64_t span_s = longest_s > 0 && longest_s < PLAN_YEAR_S ? longest_s : PLAN_YEAR_S;
    bool is_date = span_s >= 2 * PLAN_DAY_S;
    str text = clock_text(mem, clock_now_us() + (span_s - (is_date ? PLAN_DAY_S : 0)) * 1000000);

    return is_date ? str_sub(text, 0, 10) : text;
}

/* Complete, so that it can be typed as it stands; what only people know is a word to replace. */
static str plan_command(struct task *t, const struct plan *p, const struct plan_lack *lack,
                        str target)
{
    const struct str_list *purposes = &p->model->mesh.purposes;
    const struct contract *contract = lack->input->contract;
    str until = plan_until(t->mem, p->model);

    return arena_format(t->mem,
                        "weft access request %.*s%s --for product:%.*s --purpose %.*s --until %.*s "
                        "--reason 'Input port %.*s of %.*s'",
                        STR_ARG(target), contract->roles.len > 1 ? " --role ROLE" : "",
                        STR_ARG(lack->address),
                        STR_ARG(purposes->len == 1 ? purposes->at[0] : STR("PURPOSE")),
                        STR_ARG(until), STR_ARG(lack->input->name), STR_ARG(lack->address));
}

/* The open request that would bring it, or 0. */
static bool plan_find_request(struct task *t, struct plan *p, const struct plan_lack *lack,
                              str table, uint64_t *out)
{
    struct access_request_list live;

    *out = 0;
    if (!access_request_live(t, services_mesh(p->services)->db, ACCESS_PRODUCT, lack->address,
                             lack->producer, &live)) {
        return false;
    }
    for (size_t i = 0; i < live.len; i++) {
        if (access_state_is_open(live.at[i]->state)
            && str_eq(live.at[i]->contract, lack->input->contract_id)
            && (live.at[i]->table.len == 0
                || str_eq(live.at[i]->table, contract_table_plain(table)))) {
            *out = live.at[i]->id;
        }
    }
    return true;
}

/* `table` is empty when all of the port are meant. */
static bool plan_add_need(struct task *t, struct plan *p, const struct plan_lack *lack, str table)
{
    struct plan_need need = {.product = lack->address,
                             .input = lack->input->name,
                             .target = lack->producer,
                             .reason = lack->reason};
    struct finding *finding;

    if (table.len > 0) {
        need.target = model_table_address(t->mem, lack->producer, table);
    }
    if (!plan_find_request(t, p, lack, table, &need.request)) {
        return false;
    }
    need.command = need.request > 0 ? STR_NONE : plan_command(t, p, lack, need.target);
    finding = report_add(&p->findings, FINDING_WARNING, ERR_DENIED, lack->input->place,
                         "%.*s may not read %.*s yet: %.*s", STR_ARG(need.product),
                         STR_ARG(need.target), STR_ARG(need.reason));
    finding->hint = need.request > 0
                      ? arena_format(t->mem, "access request %llu waits for a decision",
                                     (unsigned long long)need.request)
                      : need.command;
    vec_push(t->mem, &p->needs, need);
    return true;
}

static bool plan_add_needs(struct task *t, struct plan *p, const struct plan_lack *lack)
{
    if (lack->tables.len > 0 && lack->tables.len == lack->input->contract->tables.len
        && lack->input->producer->outputs.len == 1) {
        return plan_add_need(t, p, lack, STR_NONE);
    }
    for (size_t i = 0; i < lack->tables.len; i++) {
        if (!plan_add_need(t, p, lack, lack->tables.at[i])) {
            return false;
        }
    }
    return true;
}

bool plan_find_needs(struct task *t, const struct image *image, struct plan *p)
{
    struct policies policies;

    plan_gather_policies(t->mem, image, p->model, &policies);
    for (size_t i = 0; i < p->model->products.len; i++) {
        const struct model_product *product = p->model->products.at[i];

        for (size_t j = 0; j < product->inputs.len; j++) {
            struct plan_lack lack = {
                .product = product, .input = &product->inputs.at[j], .labels = p->labels};

            if (lack.input->producer == NULL || !plan_is_planned(p, product->domain->name)) {
                continue;
            }
            lack.address = product->address;
            lack.producer = lack.input->producer->address;
            plan_find_lack(t->mem, &policies, &lack);
            if (!plan_add_needs(t, p, &lack)) {
                return false;
            }
        }
    }
    report_sort(&p->findings);
    return true;
}
