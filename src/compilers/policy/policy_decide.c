/* Rules, actor and table to one decision. It starts at deny. */
#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "policy/policy_inside.h"

struct deciding {
    struct arena *mem;     /* of the decision, which may be kept: nothing else goes there */
    struct arena *scratch; /* gone at the end */
    const struct policy_rules *rules;
    const struct policy_table *table; /* of the rules */
    const struct policy_actor *actor;
    int64_t now_us;
    struct decision *out;
    bool *granted;    /* of the table's columns, in their order */
    bool has_purpose; /* the declared purpose is one that a grant names */
    struct {
        VEC_OF(struct decision_reason)
    } reasons;
    struct {
        VEC_OF(const struct policy *)
    } waivers; /* for this actor */
};

str policy_until_text(struct arena *mem, int64_t until_us)
{
    int64_t day_us = (int64_t)86400 * 1000000;
    if (until_us % day_us)
        return clock_text(mem, until_us);
    return str_sub(clock_text(mem, until_us - day_us), 0, 10);
}

const char *policy_effect_name(enum policy_effect effect)
{
    static const char *const names[] = {"grant", "deny", "filter", "mask", "require", "waive"};
    return names[effect];
}

static void add_reason(struct deciding *d, const struct policy *policy, const char *effect,
                       str column, str text)
{
    vec_push(d->scratch, &d->reasons,
             ((struct decision_reason){.policy = policy->id,
                                       .effect = str_of(effect),
                                       .text = text,
                                       .column = column,
                                       .place = policy->place}));
}

/* A reason that no policy file gives. */
static void add_own_reason(struct deciding *d, const char *name, const char *effect, str text)
{
    struct policy none = {.id = str_of(name)};
    add_reason(d, &none, effect, STR_NONE, text);
}

/* True while `until` lies ahead; the decision then ends with it. */
static bool is_in_time(struct deciding *d, int64_t until_us)
{
    if (until_us && d->now_us >= until_us)
        return false;
    if (until_us && (d->out->until_us == 0 || until_us < d->out->until_us))
        d->out->until_us = until_us;
    return true;
}

static void gather_waivers(struct deciding *d)
{
    const struct policy_rule_list *waivers = &d->rules->of[POLICY_WAIVE];
    for (size_t i = 0; i < waivers->len; i++)
        if (policy_taker(d->scratch, d->actor, waivers->at[i].policy).len)
            vec_push(d->scratch, &d->waivers, waivers->at[i].policy);
}

/* A waiver in force that lets this actor pass, or NULL. */
static const struct policy *waiver_of(struct deciding *d, const struct policy *policy)
{
    for (size_t i = 0; i < d->waivers.len; i++) {
        const struct policy *waiver = d->waivers.at[i];
        /* A domain waives what is its own, whatever plan has let through. */
        if (str_eq(waiver->waives, policy->id)
            && (waiver->domain.len == 0 || str_eq(waiver->domain, policy->domain))
            && is_in_time(d, waiver->until_us))
            return waiver;
    }
    return NULL;
}

static bool is_waived(struct deciding *d, const struct policy *policy)
{
    const struct policy *waiver = waiver_of(d, policy);
    size_t last = d->reasons.len;
    if (waiver && (last == 0 || !str_eq(d->reasons.at[last - 1].policy, waiver->id)))
        add_reason(
            d, waiver, "waive", STR_NONE,
            arena_format(d->mem, STR_FMT " is waived until " STR_FMT ", approved by " STR_FMT,
                         STR_ARG(policy->id), STR_ARG(policy_until_text(d->mem, waiver->until_us)),
                         STR_ARG(waiver->approver)));
    return waiver != NULL;
}

/* ---- grants */

static str grant_text(struct deciding *d, const struct policy *policy, str who, str purposes)
{
    struct buf *b = buf_new(d->scratch, 1 << 20);
    buf_format(b, STR_FMT " may read ", STR_ARG(who));
    if (policy->is_of_columns)
        buf_add(b, STR("columns of "));
    if (policy->contract.len)
        buf_format(b, "contract " STR_FMT, STR_ARG(policy->contract));
    else if (policy->selector.tables.len)
        buf_format(b, "table " STR_FMT, STR_ARG(d->rules->subject.address));
    else
        buf_format(b, "product " STR_FMT, STR_ARG(d->rules->subject.product));
    if (policy->role.len)
        buf_format(b, " as " STR_FMT, STR_ARG(policy->role));
    if (purposes.len)
        buf_format(b, " for " STR_FMT, STR_ARG(purposes));
    if (policy->until_us)
        buf_format(b, " until " STR_FMT, STR_ARG(policy_until_text(d->mem, policy->until_us)));
    return buf_copy(b, d->mem);
}

static void open_all_columns(struct deciding *d)
{
    for (size_t i = 0; i < d->table->column_count; i++)
        d->granted[i] = d->out->allowed = true;
}

static void open_columns(struct deciding *d, const struct rule *rule)
{
    if (!rule->policy->is_of_columns)
        open_all_columns(d);
    for (size_t i = 0; i < rule->columns.len; i++)
        if (rule->columns.at[i].is_matched)
            d->granted[rule->columns.at[i].at] = d->out->allowed = true;
}

static void weigh_grant(struct deciding *d, const struct rule *rule)
{
    const struct policy *policy = rule->policy;
    str who = policy_taker(d->scratch, d->actor, policy);
    if (!who.len)
        return;
    if (policy->until_us && d->now_us >= policy->until_us) {
        add_reason(d, policy, "deny", STR_NONE,
                   arena_format(d->mem, "the grant ended with " STR_FMT,
                                STR_ARG(policy_until_text(d->mem, policy->until_us))));
        return;
    }
    str purposes = str_list_join(d->scratch, &policy->purposes, STR(", "));
    if (policy->purposes.len && !str_list_has(&policy->purposes, d->actor->purpose)) {
        add_reason(d, policy, "deny", STR_NONE,
                   arena_format(d->mem, "the grant is for the purpose " STR_FMT "%s" STR_FMT,
                                STR_ARG(purposes),
                                d->actor->purpose.len ? ", not for " : ", and none was declared",
                                STR_ARG(d->actor->purpose)));
        return;
    }
    (void)is_in_time(d, policy->until_us);
    d->has_purpose = d->has_purpose || policy->purposes.len > 0;
    add_reason(d, policy, "grant", STR_NONE, grant_text(d, policy, who, purposes));
    open_columns(d, rule);
}

/* The owners and the grants: may the actor read of the table at all? */
static void weigh_grants(struct deciding *d)
{
    str owner = policy_owner_entry(d->actor, &d->table->owners);
    if (owner.len) {
        d->out->allowed = true;
        open_all_columns(d);
        add_own_reason(d, "owner", "grant",
                       arena_format(d->mem, STR_FMT " owns domain " STR_FMT, STR_ARG(owner),
                                    STR_ARG(d->table->domain)));
    }
    for (size_t i = 0; i < d->rules->of[POLICY_GRANT].len; i++)
        weigh_grant(d, &d->rules->of[POLICY_GRANT].at[i]);
    if (!d->out->allowed)
        add_own_reason(d, "default", "deny", STR("nothing is granted by default"));
}

/* ---- denials */

static bool is_denied_to(struct deciding *d, const struct policy *policy)
{
    bool is_to_all = policy->to_users.len + policy->to_groups.len + policy->to_products.len == 0;
    if (policy->purposes.len && !str_list_has(&policy->purposes, d->actor->purpose))
        return false;
    return is_to_all || policy_taker(d->scratch, d->actor, policy).len > 0;
}

static str denial_text(struct deciding *d, const struct policy *policy, const char *what, str name)
{
    return policy->description.len
             ? arena_format(d->mem, "%s " STR_FMT " is denied: " STR_FMT, what, STR_ARG(name),
                            STR_ARG(policy->description))
             : arena_format(d->mem, "%s " STR_FMT " is denied", what, STR_ARG(name));
}

/* An owner is excepted from what is done to a table when he owns all that makes it match. */
static bool is_owner_of_all(struct deciding *d, const struct policy *policy)
{
    if (policy->selector.classifications.len == 0)
        return policy_excepts_owner(policy, d->actor, d->table, NULL);
    bool has_matched = false;
    for (size_t i = 0; i < d->table->column_count; i++) {
        const struct policy_column *column = &d->table->columns[i];
        for (size_t k = 0; k <= column->field_count; k++) {
            const struct policy_field *field = k ? &column->fields[k - 1] : NULL;
            if (!policy_chooses_table_by(policy, column, field))
                continue;
            has_matched = true;
            if (!policy_excepts_owner(policy, d->actor, d->table,
                                      field ? &field->labels : &column->labels))
                return false;
        }
    }
    return has_matched;
}

/* A field is not denied alone: the column goes with it. */
static bool is_column_denied(struct deciding *d, const struct policy *policy,
                             const struct rule_column *column)
{
    if (column->is_matched
        && !policy_excepts_owner(policy, d->actor, d->table, &d->table->columns[column->at].labels))
        return true;
    for (size_t i = 0; i < column->fields.len; i++)
        if (!policy_excepts_owner(policy, d->actor, d->table, &column->fields.at[i].field->labels))
            return true;
    return false;
}

static void weigh_denial(struct deciding *d, const struct rule *rule)
{
    const struct policy *policy = rule->policy;
    if (!is_denied_to(d, policy) || policy_is_excepted(policy, d->actor, d->has_purpose))
        return;
    if (!policy->is_of_columns) {
        if (is_owner_of_all(d, policy) || is_waived(d, policy))
            return;
        d->out->allowed = false;
        add_reason(d, policy, "deny", STR_NONE,
                   denial_text(d, policy, "table", d->rules->subject.address));
        return;
    }
    for (size_t i = 0; i < rule->columns.len; i++) {
        const struct rule_column *column = &rule->columns.at[i];
        str name = d->table->columns[column->at].name;
        if (!is_column_denied(d, policy, column) || is_waived(d, policy))
            continue;
        d->granted[column->at] = false;
        add_reason(d, policy, "deny", name, denial_text(d, policy, "column", name));
    }
}

/* ---- columns, masks, filters */

/* Those that are granted and not denied. */
static void show_columns(struct deciding *d)
{
    for (size_t i = 0; d->out->allowed && i < d->table->column_count; i++)
        if (d->granted[i])
            vec_push(d->mem, &d->out->columns,
                     ((struct decision_column){.id = d->table->columns[i].id,
                                               .name = d->table->columns[i].name,
                                               .type = d->table->columns[i].type}));
    if (d->out->columns.len == 0)
        d->out->allowed = false;
}

static struct decision_column *find_shown(struct deciding *d, uint32_t id)
{
    for (size_t i = 0; i < d->out->columns.len; i++)
        if (d->out->columns.at[i].id == id)
            return &d->out->columns.at[i];
    return NULL;
}

static void mask_field(struct deciding *d, const struct policy *policy, str name,
                       const struct rule_field *rule, struct decision_column *shown)
{
    const struct policy_field *field = rule->field;
    struct decision_field *masked = NULL;
    if (policy_excepts_owner(policy, d->actor, d->table, &field->labels) || is_waived(d, policy))
        return;
    if (rule->is_unknown) {
        shown->mask = rule->shown.mask;
        add_reason(d, policy, "mask", name, rule->shown.text);
        return;
    }
    for (size_t i = 0; i < shown->fields.len && !masked; i++)
        if (str_eq(shown->fields.at[i].path, field->path))
            masked = &shown->fields.at[i];
    if (!masked) {
        masked = vec_add(d->mem, &shown->fields);
        masked->path = field->path;
    }
    masked->mask = policy_stricter(d->mem, &masked->mask, &rule->shown.mask, field->type);
    add_reason(d, policy, "mask",
               arena_format(d->mem, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(field->path)),
               rule->shown.text);
}

static void add_mask(struct deciding *d, const struct rule *rule)
{
    const struct policy *policy = rule->policy;
    for (size_t i = 0; i < rule->columns.len; i++) {
        const struct rule_column *of = &rule->columns.at[i];
        const struct policy_column *column = &d->table->columns[of->at];
        struct decision_column *shown = find_shown(d, column->id);
        if (!shown)
            continue;
        for (size_t k = 0; k < of->fields.len; k++)
            mask_field(d, policy, column->name, &of->fields.at[k], shown);
        if (!of->is_matched || policy_excepts_owner(policy, d->actor, d->table, &column->labels)
            || is_waived(d, policy))
            continue;
        shown->mask = policy_stricter(d->mem, &shown->mask, &of->shown.mask, column->type);
        add_reason(d, policy, "mask", column->name, of->shown.text);
    }
}

static void add_filter(struct deciding *d, const struct policy *policy)
{
    struct expression_scope scope = {
        .table = d->table, .actor = d->actor, .policies = d->rules->policies};
    str why;
    if (is_owner_of_all(d, policy) || is_waived(d, policy))
        return;
    if (!policy_filters(d->mem, policy, &scope, d->out, &why)) {
        d->out->allowed = false;
        add_reason(d, policy, "deny", STR_NONE, why);
        return;
    }
    add_reason(d, policy, "filter", STR_NONE,
               arena_format(d->mem, "rows are shown where " STR_FMT, STR_ARG(policy->where)));
}

static void decide_self(struct deciding *d)
{
    open_all_columns(d);
    show_columns(d);
    add_own_reason(d, "self", "grant", STR("a product reads its own tables in the clear"));
}

static void decide_other(struct deciding *d)
{
    const struct policy_rule_list *denials = &d->rules->of[POLICY_DENY];
    const struct policy_rule_list *filters = &d->rules->of[POLICY_FILTER];
    const struct policy_rule_list *masks = &d->rules->of[POLICY_MASK];
    gather_waivers(d);
    weigh_grants(d);
    for (size_t i = 0; d->out->allowed && i < denials->len; i++)
        weigh_denial(d, &denials->at[i]);
    show_columns(d);
    for (size_t i = 0; d->out->allowed && i < filters->len; i++)
        if (!policy_is_excepted(filters->at[i].policy, d->actor, d->has_purpose))
            add_filter(d, filters->at[i].policy);
    for (size_t i = 0; d->out->allowed && i < masks->len; i++)
        if (!policy_is_excepted(masks->at[i].policy, d->actor, d->has_purpose))
            add_mask(d, &masks->at[i]);
    if (d->out->allowed && policy_is_too_long(d->scratch, d->out)) {
        d->out->allowed = false;
        add_own_reason(d, "default", "deny",
                       arena_format(d->mem,
                                    "conditions and masks for this actor take more than %d MB as "
                                    "SQL: shorten the lists of values",
                                    CLEARING_SQL_BYTES_MAX >> 20));
    }
}

void policy_decide_by(struct arena *mem, const struct policy_rules *rules,
                      const struct policy_actor *actor, int64_t now_us, struct decision *out)
{
    *out = (struct decision){.policy_version = rules->policies->version, .from_us = now_us};
    struct deciding d = {.mem = mem,
                         .rules = rules,
                         .table = rules->table,
                         .scratch = arena_new(),
                         .actor = actor,
                         .now_us = now_us,
                         .out = out};
    d.granted = ARENA_ARRAY(d.scratch, bool, rules->table->column_count + 1);
    if (actor->is_product && str_eq(actor->name, rules->subject.product))
        decide_self(&d);
    else
        decide_other(&d);
    if (!out->allowed)
        out->columns.len = out->filters.len = 0;
    out->reasons.len = out->reasons.cap = d.reasons.len;
    out->reasons.at = ARENA_ARRAY(mem, struct decision_reason, d.reasons.len + 1);
    for (size_t i = 0; i < d.reasons.len; i++)
        out->reasons.at[i] = d.reasons.at[i];
    arena_free(d.scratch);
}

void policy_decide(struct arena *mem, const struct policies *policies,
                   const struct policy_actor *actor, const struct policy_table *table,
                   int64_t now_us, struct decision *out)
{
    policy_decide_by(mem, policy_rules(mem, policies, table), actor, now_us, out);
}

bool policy_still_holds(const struct decision *decision, int64_t now_us)
{
    return now_us >= decision->from_us && (decision->until_us == 0 || now_us < decision->until_us);
}

bool policy_is_masked(const struct decision_column *column)
{
    return column->mask.method != MASK_NONE || column->fields.len > 0;
}
