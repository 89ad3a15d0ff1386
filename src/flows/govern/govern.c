#include "govern/govern.h"

#include "audit/audit.h"
#include "clock/clock.h"
#include "govern_inside.h"
#include "image/image_decision.h"
#include "limits/limits.h"
#include "mesh_state/mesh_state.h"
#include "outbox/outbox.h"
#include "shape/shape.h"
#include "user/user.h"

/* What the steps of asking make, in this order. */
struct govern_asking {
    struct services *services;
    const struct govern_ask *ask;
    const struct access_request *previous;
    const struct image *image;
    const struct image_product *product;
    const struct image_table *table; /* NULL: all tables of the contract */
    const struct contract *contract;
    struct access_request row;
};

static bool govern_find_target(struct task *t, struct govern_asking *g);
static bool govern_find_contract(struct task *t, struct govern_asking *g);
static bool govern_find_role(struct task *t, struct govern_asking *g);
static bool govern_find_taker(struct task *t, struct govern_asking *g);
static bool govern_read_terms(struct task *t, struct govern_asking *g);
static bool govern_is_needed(struct task *t, struct govern_asking *g);
static bool govern_keep(struct task *t, struct govern_asking *g);

/* The walk reads as a table. */
/* clang-format off */
bool govern_ask_for(struct task *t, struct services *s, const struct govern_ask *ask,
                    const struct access_request *previous, uint64_t *id_out)
{
    struct govern_asking g = {.services = s, .ask = ask, .previous = previous, .image = image_pin(t, s->images)};
    bool ok = govern_find_target(t, &g)                             /* a product or table that one may discover */
           && govern_find_contract(t, &g)                           /* which contract promises it               */
           && govern_find_role(t, &g)                               /* one of that contract, to read            */
           && govern_find_taker(t, &g)                              /* oneself, one's group, one's product      */
           && govern_read_terms(t, &g)                              /* purposes, an end, a reason               */
           && govern_has_approvers(t, s, g.image, &g.row)           /* somebody else can say yes                */
           && govern_is_needed(t, &g)                               /* not granted already                      */
           && govern_keep(t, &g);                                   /* ONE transaction: row, audit, event       */
    *id_out = g.row.id;
    return ok;
}
/* clang-format on */

bool govern_request(struct task *t, struct services *s, const struct govern_ask *ask,
                    uint64_t *id_out)
{
    return govern_ask_for(t, s, ask, NULL, id_out);
}

/* ---- the target */

static bool govern_no_target(struct task *t, str target)
{
    task_fail(t, ERR_NOT_FOUND, "there is no product or table %.*s, or you may not discover it",
              STR_ARG(target));
    return task_hint(t, "say domain.product or domain.product.table; weft show lists products");
}

static bool govern_find_target(struct task *t, struct govern_asking *g)
{
    str rest;

    if (t->actor->kind != ACTOR_USER) {
        task_fail(t, ERR_DENIED, "an operator reads no data and asks for none");
        return task_hint(t, "as a user: --as USER, which the audit records");
    }
    g->table = image_find_address(g->image, g->ask->target, &g->product, &rest);
    if (g->product == NULL || !gate_may_discover(t, g->image, g->product)) {
        return govern_no_target(t, g->ask->target);
    }
    g->row.product = g->product->address;
    if (g->table == NULL) {
        return str_eq(g->ask->target, g->product->address) || govern_no_target(t, g->ask->target);
    }
    /* A grant on a table is one on all majors of it. */
    g->row.table = contract_table_plain(g->table->name);
    return rest.len == 0 || govern_no_target(t, g->ask->target);
}

/* Of several contracts the role chooses, when only one has it. */
static bool govern_find_contract(struct task *t, struct govern_asking *g)
{
    CHECK(g->product != NULL);
    const struct model_product *definition = g->product->definition;
    struct str_list ids = {0};
    const struct contract *with_role = NULL;
    size_t fitting = 0;

    if (g->table != NULL) {
        g->contract = g->table->contract;
        g->row.contract = g->contract->id;
        return true;
    }
    for (size_t i = 0; i < definition->outputs.len; i++) {
        const struct contract *contract = definition->outputs.at[i].contract;

        if (contract == NULL || str_list_has(&ids, contract->id)) {
            continue;
        }
        str_list_add(t->mem, &ids, contract->id);
        g->contract = contract;
        if (contract_find_role(contract, g->ask->role) != NULL) {
            with_role = contract;
            fitting++;
        }
    }
    if (ids.len == 0) {
        return task_fail(t, ERR_INVALID, "%.*s promises no tables yet", STR_ARG(g->row.product));
    }
    if (ids.len > 1 && fitting != 1) {
        task_fail(t, ERR_INVALID, "%.*s has several contracts: %.*s", STR_ARG(g->row.product),
                  STR_ARG(str_list_join(t->mem, &ids, STR(", "))));
        return task_hint(t, "ask for a table, or for a role that only one of them has");
    }
    g->contract = ids.len > 1 ? with_role : g->contract;
    g->row.contract = g->contract->id;
    return true;
}

static str govern_roles(struct task *t, const struct contract *contract)
{
    struct str_list names = {0};

    for (size_t i = 0; i < contract->roles.len; i++) {
        str_list_add(t->mem, &names, contract->roles.at[i].role);
    }
    return str_list_join(t->mem, &names, STR(", "));
}

static bool govern_find_role(struct task *t, struct govern_asking *g)
{
    const struct contract *contract = g->contract;
    const struct contract_role *role = contract_find_role(contract, g->ask->role);

    g->row.role = g->ask->role;
    if (contract->roles.len == 0) {
        if (g->ask->role.len == 0) {
            return true;
        }
        task_fail(t, ERR_INVALID, "contract %.*s has no roles", STR_ARG(contract->id));
        return task_hint(t, "ask without --role: the owners of the domain decide");
    }
    if (g->ask->role.len == 0 && contract->roles.len == 1) {
        role = &contract->roles.at[0];
        g->row.role = role->role;
    }
    if (role == NULL) {
        task_fail(t, ERR_INVALID, "contract %.*s %s%s%.*s", STR_ARG(contract->id),
                  g->ask->role.len > 0 ? "has no role" : "has several roles",
                  g->ask->role.len > 0 ? " " : "", STR_ARG(g->ask->role));
        return task_hint(t, "its roles: %.*s", STR_ARG(govern_roles(t, contract)));
    }
    if (role->access.len > 0 && !str_eq_nocase(role->access, STR("read"))) {
        task_fail(t, ERR_INVALID, "role %.*s of contract %.*s is for access %.*s",
                  STR_ARG(role->role), STR_ARG(contract->id), STR_ARG(role->access));
        return task_hint(t, "tables are opened to be read: ask for a role with access read");
    }
    return true;
}

/* ---- the taker */

static bool govern_take_product(struct task *t, struct govern_asking *g, str address)
{
    str domain, name;

    (void)str_cut(address, '.', &domain, &name);
    const struct image_product *taker = image_find_product(g->image, domain, name);
    if (taker == NULL || !gate_may_discover(t, g->image, taker)) {
        task_fail(t, ERR_NOT_FOUND, "there is no product %.*s, or you may not discover it",
                  STR_ARG(address));
        return task_hint(t, "a product asks once it is applied: --for product:domain.name");
    }
    if (taker == g->product) {
        return task_fail(t, ERR_INVALID, "%.*s reads its own tables without being asked",
                         STR_ARG(address));
    }
    g->row.taker_kind = ACCESS_PRODUCT;
    g->row.taker = taker->address;
    if (read_access_is_of_team(g->image, t->actor, taker->address)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "only the team of %.*s asks for it", STR_ARG(address));
    return task_hint(t, "owners and members of domain %.*s do", STR_ARG(domain));
}

static bool govern_find_taker(struct task *t, struct govern_asking *g)
{
    str kind, name, taker = g->ask->taker;
    bool has_kind = str_cut(taker, ':', &kind, &name);

    if (taker.len == 0 || (has_kind && str_eq(kind, STR("user")))) {
        g->row.taker_kind = ACCESS_USER;
        g->row.taker = t->actor->name;
        return taker.len == 0 || str_eq(name, t->actor->name)
            || task_fail(t, ERR_DENIED, "a user asks for himself: %.*s is another one",
                         STR_ARG(name));
    }
    if (has_kind && str_eq(kind, STR("product"))) {
        return govern_take_product(t, g, name);
    }
    if (has_kind && str_eq(kind, STR("group")) && name.len > 0) {
        g->row.taker_kind = ACCESS_GROUP;
        g->row.taker = name;
        return str_list_has(&t->actor->groups, name)
            || task_fail(t, ERR_DENIED, "only members of group %.*s ask for it", STR_ARG(name));
    }
    task_fail(t, ERR_USAGE, "%.*s is no taker of a grant", STR_ARG(taker));
    return task_hint(t, "say user:NAME, group:NAME or product:domain.name");
}

/* ---- the terms */

static bool govern_read_until(struct task *t, struct govern_asking *g)
{
    const int64_t day_us = (int64_t)86400 * 1000000;
    str until = str_trim(g->ask->until);
    str longest = g->image->model->mesh.access_longest;
    int64_t now_us = clock_now_us();

    if (!clock_parse(until, &g->row.until_us)) {
        task_fail(t, ERR_INVALID, "%s%.*s", until.len ? "this is no date: " : "an end is missing",
                  STR_ARG(until));
        return task_hint(t, "every grant ends: a date as 2027-01-31, whose whole day is meant, or "
                            "a time as 2027-01-31T12:00:00Z");
    }
    g->row.until_us += str_has(until, ':') ? 0 : day_us;
    if (g->row.until_us <= now_us) {
        return task_fail(t, ERR_INVALID, "the end lies in the past: %.*s", STR_ARG(until));
    }
    if (longest.len > 0 && g->row.until_us - now_us > shape_duration_s(longest) * 1000000) {
        task_fail(t, ERR_INVALID, "the end is too late: in this mesh access lasts %.*s at most",
                  STR_ARG(longest));
        return task_hint(t, "it can be renewed before its end");
    }
    if (g->previous != NULL && g->row.until_us <= g->previous->until_us) {
        task_fail(t, ERR_INVALID, "access request %llu lasts as long already",
                  (unsigned long long)g->previous->id);
        return task_hint(t, "renew for a later end; to end it earlier, revoke it");
    }
    return true;
}

static bool govern_read_terms(struct task *t, struct govern_asking *g)
{
    const struct str_list *known = &g->image->model->mesh.purposes;

    if (g->ask->purposes.len == 0) {
        task_fail(t, ERR_INVALID, "a purpose is missing: every grant has one");
        return task_hint(t, "purposes: %.*s", STR_ARG(str_list_join(t->mem, known, STR(", "))));
    }
    for (size_t i = 0; i < g->ask->purposes.len; i++) {
        str purpose = g->ask->purposes.at[i];

        if (!str_list_has(known, purpose)) {
            task_fail(t, ERR_INVALID, "%.*s is no purpose of this mesh", STR_ARG(purpose));
            return task_hint(t, "purposes: %.*s", STR_ARG(str_list_join(t->mem, known, STR(", "))));
        }
        str_list_add(t->mem, &g->row.purposes, purpose);
    }
    g->row.reason = str_trim(g->ask->reason);
    g->row.previous = g->previous != NULL ? g->previous->id : 0;
    return govern_demand_reason(t, g->row.reason, true) && govern_read_until(t, g);
}

bool govern_demand_reason(struct task *t, str reason, bool is_required)
{
    if (is_required && reason.len == 0) {
        return task_fail(t, ERR_INVALID, "a reason is missing: whoever looks at it later wants it");
    }
    return reason.len <= GOVERN_TEXT_BYTES_MAX
        || task_fail(t, ERR_LIMIT, "a reason has at most %d bytes", (int)GOVERN_TEXT_BYTES_MAX);
}

/* ---- is it needed */

/* Does the taker see the table for this purpose now, and still when the request would end? */
static bool govern_has_it(struct task *t, struct govern_asking *g, const struct image_table *table,
                          str purpose, bool *out)
{
    const struct policy_rules *rules = image_rules(g->image, table);
    struct policy_actor reader;
    struct decision now, then;

    if (!govern_reader(t, g->services, g->row.taker_kind, g->row.taker, purpose, &reader)) {
        return false;
    }
    policy_decide_by(t->mem, rules, &reader, clock_now_us(), &now);
    policy_decide_by(t->mem, rules, &reader, g->row.until_us - 1, &then);
    *out = now.allowed && then.allowed;
    return true;
}

static bool govern_has_all(struct task *t, struct govern_asking *g, bool *out)
{
    struct govern_tables tables = {0};
    bool has = true;

    govern_tables_of(t, g->image, &g->row, &tables);
    for (size_t i = 0; i < tables.len && has; i++) {
        for (size_t j = 0; j < g->row.purposes.len && has; j++) {
            if (!govern_has_it(t, g, tables.at[i], g->row.purposes.at[j], &has)) {
                return false;
            }
        }
    }
    *out = has;
    return true;
}

static bool govern_is_same(const struct access_request *a, const struct access_request *b)
{
    bool same =
        str_eq(a->table, b->table) && str_eq(a->contract, b->contract) && str_eq(a->role, b->role);

    for (size_t i = 0; same && i < b->purposes.len; i++) {
        same = str_list_has(&a->purposes, b->purposes.at[i]);
    }
    return same;
}

static bool govern_is_needed(struct task *t, struct govern_asking *g)
{
    struct access_request_list live;
    bool has;

    if (g->previous != NULL) {
        return true;
    }
    if (!access_request_live(t, g->services->db, g->row.taker_kind, g->row.taker, g->row.product,
                             &live)) {
        return false;
    }
    for (size_t i = 0; i < live.len; i++) {
        if (live.at[i]->state == ACCESS_APPROVED && govern_is_same(live.at[i], &g->row)) {
            task_fail(t, ERR_CONFLICT, "access request %llu is approved and covers this",
                      (unsigned long long)live.at[i]->id);
            return task_hint(t, "for a later end: weft access renew %llu --until DATE",
                             (unsigned long long)live.at[i]->id);
        }
    }
    if (!govern_has_all(t, g, &has)) {
        return false;
    }
    if (has) {
        task_fail(t, ERR_CONFLICT, "%s %.*s may read %.*s already, until then and for that",
                  access_request_taker_name(g->row.taker_kind), STR_ARG(g->row.taker),
                  STR_ARG(access_request_target(t->mem, &g->row)));
        return task_hint(t, "weft show %.*s says what is masked", STR_ARG(g->row.product));
    }
    return true;
}

/* ---- writing */

bool govern_is_current(struct task *t, struct metadb *db, const struct image *image)
{
    struct mesh_state now;

    if (!mesh_state_get(t, db, &now)) {
        return false;
    }
    if (now.mesh_version == image->mesh_version) {
        return true;
    }
    task_fail(t, ERR_CONFLICT, "the mesh changed this very moment");
    return task_hint(t, "try again");
}

str govern_detail(struct task *t, const struct access_request *row, enum access_step step,
                  str reason)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_uint(&o, "request", row->id);
    json_out_str(&o, "step", str_of(access_state_step_name(step)));
    json_out_str(&o, "state", str_of(access_state_name(row->state)));
    json_out_str(&o, "target", access_request_target(t->mem, row));
    json_out_str(&o, "contract", row->contract);
    json_out_maybe(&o, "role", row->role);
    json_out_str(&o, "taker_kind", str_of(access_request_taker_name(row->taker_kind)));
    json_out_str(&o, "taker", row->taker);
    json_out_list(&o, "purposes", &row->purposes);
    json_out_time(&o, "until", row->until_us);
    json_out_str(&o, "by", t->actor->name);
    json_out_maybe(&o, "on_behalf", t->actor->on_behalf);
    json_out_maybe(&o, "reason", reason);
    if (row->previous > 0) {
        json_out_uint(&o, "previous", row->previous);
    }
    json_out_end(&o, '}');
    CHECK(!o.b->full);
    return buf_str(o.b);
}

bool govern_tell(struct task *t, struct metadb *db, const struct access_request *row,
                 enum access_step step, str reason)
{
    str detail = govern_detail(t, row, step, reason);
    str type = arena_format(t->mem, "access.%s", access_state_name(row->state));
    str action = arena_format(t->mem, "access.%s", access_state_step_name(step));

    return outbox_add(t, db, type, access_request_target(t->mem, row), detail, NULL)
        && audit_append(t, db, action, access_request_policy(t->mem, row->id), STR("done"), detail,
                        NULL);
}

static bool govern_insert(struct task *t, struct metadb *db, void *state)
{
    struct govern_asking *g = state;

    metadb_pass_before_commit(db, FAULT_ACCESS_BEFORE_COMMIT);
    return govern_is_current(t, db, g->image) && access_request_insert(t, db, &g->row)
        && govern_tell(t, db, &g->row, ACCESS_REQUEST, g->row.reason);
}

static bool govern_keep(struct task *t, struct govern_asking *g)
{
    return metadb_write(t, g->services->db, govern_insert, g);
}
