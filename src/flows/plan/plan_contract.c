/* Changes of output contracts: what each is for those who read it, and whether this major may have it. */
#include "clock/clock.h"
#include "contract/contract_life.h"
#include "plan_inside.h"

struct plan_comparing {
    const struct image *image; /* NULL: two folders are compared */
    struct plan *p;
    const struct image_product *product; /* as it is; NULL: it is new, or there is no image */
    const struct model *model_before;    /* where there is no image */
    const struct model_product *before;  /* NULL: it is new */
    const struct model *model;           /* as all would be */
    const struct model_product *now;     /* NULL: it goes */
    str address;
};

const struct contract *plan_same_contract(const struct model_product *product,
                                          const struct contract *like)
{
    for (size_t i = 0; product != NULL && i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;

        if (contract != NULL && str_eq(contract->id, like->id)
            && contract_major(contract->version) == contract_major(like->version)) {
            return contract;
        }
    }
    return NULL;
}

/* Promised, and not over today. */
static bool plan_is_served(const struct contract *contract)
{
    struct contract_life life;

    contract_life(contract, clock_now_us(), &life);
    return life.stage == CONTRACT_ACTIVE || life.stage == CONTRACT_DEPRECATED;
}

/* Without a catalog it is not known, and so it may be. */
static bool plan_is_published(const struct plan_comparing *c)
{
    return c->image == NULL ? c->before != NULL
                            : c->product != NULL && c->product->release.number > 0;
}

/* Somebody may rely on it: it was published, by a version and a status that promise something. */
static bool plan_is_in_force(const struct plan_comparing *c, const struct contract *contract)
{
    return plan_is_published(c) && contract_major(contract->version) > 0
        && plan_is_served(contract);
}

/* Of all that it promises. */
static bool plan_is_an_end(enum contract_change_kind kind)
{
    return kind == CHANGE_CONTRACT_REMOVED || kind == CHANGE_STATUS_WITHDRAWN
        || kind == CHANGE_SUNSET_EARLIER || kind == CHANGE_SUNSET_REMOVED;
}

static str plan_hint(struct arena *mem, const struct plan_comparing *c,
                     const struct contract *contract, enum contract_change_kind kind)
{
    uint64_t major = contract_major(contract->version);

    if (kind == CHANGE_VERSION_LOWERED) {
        return STR("versions go on, also where a contract goes back to what it said");
    }
    if (kind == CHANGE_SUNSET_EARLIER || kind == CHANGE_SUNSET_REMOVED) {
        return STR("keep the last day that its readers were told, or name a later one");
    }
    if (plan_is_an_end(kind)) {
        return arena_format(
            mem, "say status: deprecated and when it ends, customProperties: [{property: "
                 "sunset, value: YYYY-MM-DD}]; after that day it may go");
    }
    return arena_format(
        mem,
        "keep it as it is, and put the new one beside it as major %llu: a contract of version "
        "%llu.0.0 with an output port of its own, and v%llu/TABLE.sql in %.*s",
        (unsigned long long)major + 1, (unsigned long long)major + 1, (unsigned long long)major + 1,
        STR_ARG(c->before->folder));
}

static void plan_refuse(struct task *t, struct plan_comparing *c, const struct contract *contract,
                        const struct plan_contract_change *change)
{
    struct finding *finding =
        report_add(&c->p->findings, FINDING_ERROR, ERR_INVALID, change->change.place,
                   "%.*s breaks readers of %.*s, major %llu",
                   STR_ARG(contract_change_text(t->mem, &change->change)), STR_ARG(c->address),
                   (unsigned long long)change->major);

    finding->found = plan_evidence_text(t->mem, &change->evidence);
    if (finding->found.len > 0) {
        finding->found = arena_format(t->mem, "read by %.*s", STR_ARG(finding->found));
    }
    finding->hint = plan_hint(t->mem, c, contract, change->change.kind);
}

/* Of two folders: whoever declares it may read it. Whether anybody else does, so that a contract may not simply go, the mesh alone
 * knows. */
static void plan_judge_declared(struct task *t, struct plan_comparing *c,
                                const struct plan_meeting *meeting,
                                struct plan_contract_change *change)
{
    change->evidence.is_there = change->evidence.is_declared_only = true;
    plan_find_declared(t, meeting, c->model_before, change);
    if (change->class != CHANGE_BREAKING) {
        return;
    }
    change->is_refused =
        plan_is_in_force(c, meeting->contract) && !plan_is_an_end(change->change.kind);
    if (change->is_refused) {
        plan_refuse(t, c, meeting->contract, change);
    } else if (plan_is_in_force(c, meeting->contract)) {
        report_add(&c->p->findings, FINDING_WARNING, ERR_INVALID, change->change.place,
                   "%.*s takes back what %.*s, major %llu, promises",
                   STR_ARG(contract_change_text(t->mem, &change->change)), STR_ARG(c->address),
                   (unsigned long long)change->major)
            ->hint = STR("a plan of the mesh itself refuses it where others read it: weft plan "
                         "--against URL");
    }
}

/* Somebody may read what it is about: that was there before, and words alone change nothing of it. */
static bool plan_may_be_read(const struct plan_contract_change *change)
{
    switch (change->change.kind) {
    case CHANGE_CONTRACT_ADDED:
    case CHANGE_TABLE_ADDED:
    case CHANGE_COLUMN_ADDED:
    case CHANGE_ROLE_ADDED:
        return false;
    case CHANGE_STATUS_CHANGED:
        return true;
    default:
        return change->class != CHANGE_DOCUMENTATION;
    }
}

static bool plan_judge(struct task *t, struct plan_comparing *c, struct plan_meeting *meeting,
                       struct plan_contract_change *change)
{
    if (change->change.kind == CHANGE_VERSION_RAISED && c->image != NULL) {
        plan_find_left(t, meeting, change);
    }
    if (!plan_may_be_read(change)) {
        return true;
    }
    if (c->image == NULL) {
        plan_judge_declared(t, c, meeting, change);
        return true;
    }
    if (!plan_find_evidence(t, meeting, change)) {
        return false;
    }
    if (change->class != CHANGE_BREAKING) {
        return true;
    }
    /* What goes as a whole may go where nobody outside of the team read it: products that declare it were found before. */
    change->is_refused = plan_is_in_force(c, meeting->contract)
                      && (!plan_is_an_end(change->change.kind) || change->evidence.others > 0);
    if (change->is_refused) {
        plan_refuse(t, c, meeting->contract, change);
    }
    return true;
}

static bool plan_compare_contract(struct task *t, struct plan_comparing *c,
                                  const struct contract *before, const struct contract *now)
{
    const struct contract *there = now != NULL ? now : before;
    struct contract_changes changes = {0};
    struct plan_meeting meeting = {.image = c->image,
                                   .product = c->product,
                                   .contract = before,
                                   .contract_now = now,
                                   .now = c->model,
                                   .p = c->p};

    CHECK(there != NULL);
    contract_compare(t->mem, before, now, &changes);
    for (size_t i = 0; i < changes.len; i++) {
        /* A last day that is over already takes the promise back on the spot. */
        if (changes.at[i].kind == CHANGE_STATUS_CHANGED && plan_is_served(before)
            && !plan_is_served(now)) {
            changes.at[i].kind = CHANGE_STATUS_WITHDRAWN;
        }
        struct plan_contract_change change = {
            .product = c->address,
            .contract = there->id,
            .major = contract_major(there->version),
            .change = changes.at[i],
            .class = contract_change_class(changes.at[i].kind),
        };

        if (!plan_judge(t, c, &meeting, &change)) {
            return false;
        }
        vec_push(t->mem, &c->p->contract_changes, change);
    }
    return true;
}

/* What a name means it means for good: the first major that was published keeps the bare one, also when it has ended. */
static void plan_keep_first(struct plan_comparing *c, const struct contract *before)
{
    const struct model_product *then = c->before;
    uint64_t first = model_first_major(then, before->id),
             first_now = c->now != NULL ? model_first_major(c->now, before->id) : UINT64_MAX;
    struct finding *finding;

    if (!plan_is_published(c) || first_now == UINT64_MAX || first_now == first
        || contract_major(before->version) != first) {
        return;
    }
    finding = report_add(&c->p->findings, FINDING_ERROR, ERR_INVALID, c->now->place,
                         "the name %.*s means major %llu of contract %.*s for good",
                         STR_ARG(c->address), (unsigned long long)first, STR_ARG(before->id));
    finding->found =
        arena_format(c->p->findings.mem, "major %llu in its place", (unsigned long long)first_now);
    finding->hint = arena_format(
        c->p->findings.mem,
        "keep the output port and the contract of major %llu, with status: deprecated and a sunset "
        "date: after it they stay as status: retired, and cost nothing",
        (unsigned long long)first);
}

static bool plan_compare_outputs(struct task *t, struct plan_comparing *c)
{
    const struct model_product *before = c->before;

    for (size_t i = 0; before != NULL && i < before->outputs.len; i++) {
        const struct contract *contract = before->outputs.at[i].contract;

        plan_keep_first(c, contract);
        if (!plan_compare_contract(t, c, contract, plan_same_contract(c->now, contract))) {
            return false;
        }
    }
    for (size_t i = 0; c->now != NULL && i < c->now->outputs.len; i++) {
        const struct contract *contract = c->now->outputs.at[i].contract;

        if (plan_same_contract(before, contract) == NULL
            && !plan_compare_contract(t, c, NULL, contract)) {
            return false;
        }
    }
    return true;
}

static bool plan_end_comparison(struct task *t, struct plan *p, size_t errors)
{
    if (p->findings.errors == errors) {
        return true;
    }
    report_sort(&p->findings);
    task_fail(t, ERR_INVALID, "%zu change%s would break what is promised",
              p->findings.errors - errors, p->findings.errors - errors > 1 ? "s" : "");
    return false;
}

bool plan_compare_contracts(struct task *t, const struct image *image, const struct model *now,
                            struct plan *p)
{
    static const struct model nothing = {0};
    const struct model *before = image->model != NULL ? image->model : &nothing;
    size_t errors = p->findings.errors, at[2] = {0};
    struct model_pair pair;

    while (model_next_pair(before, now, at, &pair)) {
        struct plan_comparing c = {
            .image = image, .p = p, .before = pair.before, .model = now, .now = pair.after};

        if (pair.before == NULL || !plan_is_planned(p, pair.before->domain->name)) {
            continue;
        }
        c.address = pair.before->address;
        c.product = image_find_product(image, pair.before->domain->name, pair.before->name);
        if (!plan_compare_outputs(t, &c)) {
            return false;
        }
    }
    for (size_t i = 0; i < now->products.len; i++) {
        const struct model_product *product = now->products.at[i];
        struct plan_comparing c = {
            .image = image, .p = p, .model = now, .now = product, .address = product->address};

        if (plan_is_planned(p, product->domain->name)
            && image_find_product(image, product->domain->name, product->name) == NULL
            && !plan_compare_outputs(t, &c)) {
            return false;
        }
    }
    return plan_end_comparison(t, p, errors);
}

bool plan_compare_models(struct task *t, const struct model *before, const struct model *now,
                         struct plan *p)
{
    size_t errors = p->findings.errors;

    for (size_t i = 0; i < before->products.len + now->products.len; i++) {
        bool is_new = i >= before->products.len;
        const struct model_product *product =
            is_new ? now->products.at[i - before->products.len] : before->products.at[i];
        str address = product->address;
        struct plan_comparing c = {.p = p,
                                   .model_before = before,
                                   .before = model_find_product(before, address),
                                   .model = now,
                                   .now = model_find_product(now, address),
                                   .address = address};

        if (plan_is_planned(p, product->domain->name) && (!is_new || c.before == NULL)
            && !plan_compare_outputs(t, &c)) {
            return false;
        }
    }
    return plan_end_comparison(t, p, errors);
}
