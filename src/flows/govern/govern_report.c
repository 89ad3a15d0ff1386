/* Who can see a column, and what an actor sees: decided as the gate would, for each purpose. */
#include "clock/clock.h"
#include "govern_inside.h"
#include "image/image_decision.h"
#include "user/user.h"

/* A user or a product that decisions are asked for. */
struct govern_subject {
    enum access_taker_kind kind;
    str name;
};

/* One outcome, and all purposes that come to it. */
struct govern_outcome {
    struct decision decision;
    str key; /* what is the same of all: what is shown, and which policies say so */
    struct str_list purposes;
    bool has_none; /* it is that of a query without a purpose, too */
};

struct govern_outcomes {
    VEC_OF(struct govern_outcome)
    size_t asked; /* purposes, and none */
};

struct govern_report {
    struct services *services;
    const struct image *image;
    struct json_out *o;
    struct json_out *rest; /* of a column: those who cannot see it come last */
};

static str govern_key(struct arena *mem, const struct image_table *table,
                      const struct decision *decision)
{
    struct buf *b = buf_new(mem, 1 << 20);

    for (size_t i = 0; i < table->columns.len; i++) {
        buf_format(b, "%s ", govern_access(decision, table->columns.at[i].id));
    }
    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (!govern_matters(decision, reason)) {
            continue;
        }
        buf_format(b, "%.*s:%.*s ", STR_ARG(reason->effect), STR_ARG(reason->policy));
    }
    return buf_str(b);
}

static void govern_add_outcome(struct task *t, struct govern_outcomes *all,
                               const struct decision *decision, str key, str purpose)
{
    struct govern_outcome *outcome = NULL;

    for (size_t i = 0; i < all->len && outcome == NULL; i++) {
        outcome = str_eq(all->at[i].key, key) ? &all->at[i] : NULL;
    }
    if (outcome == NULL) {
        outcome = vec_add(t->mem, all);
        outcome->decision = *decision;
        outcome->key = key;
    }
    if (purpose.len > 0) {
        vec_push(t->mem, &outcome->purposes, purpose);
    } else {
        outcome->has_none = true;
    }
    all->asked++;
}

static bool govern_outcomes_of(struct task *t, const struct govern_report *r,
                               const struct govern_subject *subject,
                               const struct image_table *table, struct govern_outcomes *out)
{
    const struct str_list *purposes = &r->image->model->mesh.purposes;
    size_t len = subject->kind == ACCESS_PRODUCT ? 1 : purposes->len + 1;

    *out = (struct govern_outcomes){0};
    for (size_t i = 0; i < len; i++) {
        str purpose = i == 0 ? STR_NONE : purposes->at[i - 1];
        struct policy_actor reader;
        struct decision decision;

        if (!task_go_on(t)
            || !govern_reader(t, r->services, subject->kind, subject->name, purpose, &reader)) {
            return false;
        }
        policy_decide_by(t->mem, image_rules(r->image, table), &reader, clock_now_us(), &decision);
        govern_add_outcome(t, out, &decision, govern_key(t->mem, table, &decision), purpose);
    }
    return true;
}

static str govern_for(struct task *t, const struct govern_subject *subject,
                      const struct govern_outcomes *all, const struct govern_outcome *outcome)
{
    if (subject->kind == ACCESS_PRODUCT) {
        return STR("its builds");
    }
    if (outcome->purposes.len + outcome->has_none == all->asked) {
        return STR("any purpose");
    }
    str names = str_list_join(t->mem, &outcome->purposes, STR(", "));
    return !outcome->has_none         ? names
         : outcome->purposes.len == 0 ? STR("no purpose")
                                      : arena_format(t->mem, "%.*s, no purpose", STR_ARG(names));
}

static void govern_put_purposes(const struct govern_subject *subject,
                                const struct govern_outcomes *all,
                                const struct govern_outcome *outcome, struct json_out *o)
{
    if (subject->kind == ACCESS_PRODUCT
        || outcome->purposes.len + outcome->has_none == all->asked) {
        json_out_null(o, "purposes");
    } else {
        json_out_list(o, "purposes", &outcome->purposes);
    }
    json_out_bool(o, "without_purpose", outcome->has_none);
}

/* Masks and denials of other columns are not this column's; those of fields inside of it are. */
static bool govern_is_about(const struct decision_reason *reason, str column)
{
    str whole, field;

    (void)str_cut(reason->column, '.', &whole, &field);
    return column.len == 0 || reason->column.len == 0 || str_eq(reason->column, column)
        || str_eq(whole, column);
}

static void govern_put_by(struct task *t, const struct decision *decision, str column,
                          struct json_out *o)
{
    struct str_list by = {0};

    json_out_begin(o, "reasons", '[');
    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (!govern_matters(decision, reason) || !govern_is_about(reason, column)) {
            continue;
        }
        str_list_add(t->mem, &by, reason->policy);
        json_out_begin(o, "", '{');
        json_out_str(o, "policy", reason->policy);
        json_out_str(o, "effect", reason->effect);
        json_out_str(o, "text", reason->text);
        json_out_maybe(o, "column", reason->column);
        json_out_maybe(o, "file", reason->place.file);
        if (reason->place.line > 0) {
            json_out_uint(o, "line", reason->place.line);
        } else {
            json_out_null(o, "line");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_list(o, "by", &by);
}

static void govern_put_rows(const struct decision *decision, struct json_out *o)
{
    if (decision->allowed) {
        json_out_str(o, "rows", decision->filters.len > 0 ? STR("filtered") : STR("all"));
    } else {
        json_out_null(o, "rows");
    }
}

/* ---- who can see this column */

static bool govern_find_column(struct task *t, const struct image *image, str address,
                               const struct image_table **table_out, str *column_out)
{
    const struct image_product *found;

    *table_out = image_find_address(image, address, &found, column_out);
    if (found == NULL || !gate_may_discover(t, image, found)) {
        *table_out = NULL;
    }
    for (size_t i = 0; *table_out != NULL && i < (*table_out)->columns.len; i++) {
        if (str_eq((*table_out)->columns.at[i].name, *column_out)) {
            return true;
        }
    }
    task_fail(t, ERR_NOT_FOUND, "there is no column %.*s, or you may not discover it",
              STR_ARG(address));
    return task_hint(t, "say domain.product.table.column");
}

static bool govern_put_viewer(struct task *t, const struct govern_report *r,
                              const struct govern_subject *subject, const struct image_table *table,
                              str column)
{
    struct govern_outcomes outcomes;
    uint32_t id = 0;

    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(table->columns.at[i].name, column)) {
            id = table->columns.at[i].id;
        }
    }
    if (!govern_outcomes_of(t, r, subject, table, &outcomes)) {
        return false;
    }
    for (size_t i = 0; i < outcomes.len; i++) {
        const struct govern_outcome *outcome = &outcomes.at[i];
        const char *access = govern_access(&outcome->decision, id);
        bool can = str_eq(str_of(access), STR("visible")) || str_eq(str_of(access), STR("masked"));
        struct json_out *o = can ? r->o : r->rest;

        json_out_begin(o, "", '{');
        json_out_str(o, "actor", subject->name);
        json_out_str(o, "kind", str_of(access_request_taker_name(subject->kind)));
        json_out_str(o, "for", govern_for(t, subject, &outcomes, outcome));
        govern_put_purposes(subject, &outcomes, outcome, o);
        json_out_str(o, "access", str_of(access));
        govern_put_rows(&outcome->decision, o);
        govern_put_by(t, &outcome->decision, column, o);
        json_out_end(o, '}');
    }
    return true;
}

/* What is decided for one is forgotten before the next. */
static bool govern_put_viewer_alone(struct task *t, const struct govern_report *r,
                                    const struct govern_subject *subject,
                                    const struct image_table *table, str column)
{
    struct arena_mark mark = arena_mark(t->mem);

    if (!govern_put_viewer(t, r, subject, table, column)) {
        return false;
    }
    arena_rewind(t->mem, mark);
    return true;
}

static bool govern_put_viewers(struct task *t, const struct govern_report *r,
                               const struct user_list *users, const struct image_table *table,
                               str column)
{
    for (size_t i = 0; i < users->len; i++) {
        struct govern_subject subject = {ACCESS_USER, users->at[i]->name};

        if (!govern_put_viewer_alone(t, r, &subject, table, column)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->image->products.len; i++) {
        struct govern_subject subject = {ACCESS_PRODUCT, r->image->products.at[i].address};

        if (gate_may_discover(t, r->image, &r->image->products.at[i])
            && !govern_put_viewer_alone(t, r, &subject, table, column)) {
            return false;
        }
    }
    return true;
}

bool govern_report_column(struct task *t, struct services *s, str column, struct json_out *o)
{
    struct json_out rest = {.b = buf_new(t->mem, o->b->most)};
    struct govern_report r = {
        .services = s, .image = image_pin(t, s->images), .o = o, .rest = &rest};
    const struct image_table *table;
    struct user_list users;
    str name;

    if (!govern_find_column(t, r.image, column, &table, &name)) {
        return false;
    }
    if (!read_access_governs(r.image, t->actor)
        && !read_access_is_owner(r.image, t->actor, table->product->address)) {
        task_fail(t, ERR_DENIED,
                  "who can see %.*s is for its owners, and those who govern the mesh",
                  STR_ARG(column));
        return task_hint(t, "what you see yourself: weft access report actor %.*s",
                         STR_ARG(t->actor->name));
    }
    if (!user_list(t, s->db, &users)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "column", column);
    json_out_time(o, "at", clock_now_us());
    json_out_begin(o, "actors", '[');
    bool ok = govern_put_viewers(t, &r, &users, table, name);
    if (rest.b->len > 0) {
        buf_add(o->b, o->needs_comma ? STR(",") : STR_NONE);
        buf_add(o->b, buf_str(rest.b));
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return ok && (!rest.b->full || task_fail(t, ERR_LIMIT, "the answer is too large"));
}

/* ---- what this actor can see */

static bool govern_find_subject(struct task *t, struct services *s, const struct image *image,
                                str name, struct govern_subject *out)
{
    str kind, rest, domain, product;
    bool has_kind = str_cut(name, ':', &kind, &rest);
    struct user *user = NULL;

    if (!has_kind || str_eq(kind, STR("user"))) {
        *out = (struct govern_subject){ACCESS_USER, has_kind ? rest : name};
        if (!user_find(t, s->db, out->name, &user)) {
            return false;
        }
        if (user != NULL) {
            return true;
        }
    }
    if (!has_kind || str_eq(kind, STR("product"))) {
        *out = (struct govern_subject){ACCESS_PRODUCT, has_kind ? rest : name};
        (void)str_cut(out->name, '.', &domain, &product);
        const struct image_product *found = image_find_product(image, domain, product);
        if (found != NULL && gate_may_discover(t, image, found)) {
            return true;
        }
    }
    task_fail(t, ERR_NOT_FOUND, "there is no user or product %.*s", STR_ARG(name));
    return task_hint(t, "say user:NAME or product:domain.name");
}

/* Everybody may know of themselves and of their products; owners, what others see of theirs. */
static bool govern_may_ask_of(struct task *t, const struct image *image,
                              const struct govern_subject *subject, bool *of_all_out)
{
    *of_all_out = read_access_governs(image, t->actor)
               || read_access_is_taker(image, t->actor, subject->kind, subject->name);
    for (size_t i = 0; !*of_all_out && i < image->products.len; i++) {
        if (read_access_is_owner(image, t->actor, image->products.at[i].address)) {
            return true;
        }
    }
    if (*of_all_out) {
        return true;
    }
    task_fail(t, ERR_DENIED,
              "what others can see is for those who govern the mesh, and for owners");
    return task_hint(t, "what you see yourself: weft access report actor %.*s",
                     STR_ARG(t->actor->name));
}

static void govern_put_names(const struct image_table *table, const struct decision *decision,
                             const char *access, struct json_out *o)
{
    json_out_begin(o, access, '[');
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(str_of(govern_access(decision, table->columns.at[i].id)), str_of(access))) {
            json_out_str(o, "", table->columns.at[i].name);
        }
    }
    json_out_end(o, ']');
}

static bool govern_put_view(struct task *t, const struct govern_report *r,
                            const struct govern_subject *subject, const struct image_table *table)
{
    struct govern_outcomes outcomes;

    if (!govern_outcomes_of(t, r, subject, table, &outcomes)) {
        return false;
    }
    for (size_t i = 0; i < outcomes.len; i++) {
        const struct govern_outcome *outcome = &outcomes.at[i];

        if (!outcome->decision.allowed) {
            continue;
        }
        json_out_begin(r->o, "", '{');
        json_out_str(r->o, "table", image_table_address(t->mem, table));
        json_out_str(r->o, "for", govern_for(t, subject, &outcomes, outcome));
        govern_put_purposes(subject, &outcomes, outcome, r->o);
        govern_put_rows(&outcome->decision, r->o);
        govern_put_names(table, &outcome->decision, "visible", r->o);
        govern_put_names(table, &outcome->decision, "masked", r->o);
        govern_put_names(table, &outcome->decision, "absent", r->o);
        govern_put_by(t, &outcome->decision, STR_NONE, r->o);
        json_out_end(r->o, '}');
    }
    return true;
}

bool govern_report_actor(struct task *t, struct services *s, str name, struct json_out *o)
{
    struct govern_report r = {.services = s, .image = image_pin(t, s->images), .o = o};
    struct govern_subject subject = {ACCESS_USER, name};
    bool of_all, ok = true;

    if (r.image->model == NULL) {
        return task_fail(t, ERR_NOT_FOUND, "the mesh is empty");
    }
    if (!govern_find_subject(t, s, r.image, name, &subject)
        || !govern_may_ask_of(t, r.image, &subject, &of_all)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "actor", subject.name);
    json_out_str(o, "kind", str_of(access_request_taker_name(subject.kind)));
    json_out_time(o, "at", clock_now_us());
    json_out_begin(o, "tables", '[');
    for (size_t i = 0; ok && i < r.image->products.len; i++) {
        const struct image_product *product = &r.image->products.at[i];

        if (!gate_may_discover(t, r.image, product)
            || (!of_all && !read_access_is_owner(r.image, t->actor, product->address))) {
            continue;
        }
        for (size_t j = 0; ok && j < product->tables.len; j++) {
            struct arena_mark mark = arena_mark(t->mem);

            ok = govern_put_view(t, &r, &subject, &product->tables.at[j]);
            if (ok) {
                arena_rewind(t->mem, mark);
            }
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return ok;
}

bool govern_report_waivers(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    int64_t now_us = clock_now_us();

    json_out_begin(o, "", '{');
    json_out_time(o, "at", now_us);
    read_access_put_waivers(t->mem, image, t->actor, now_us, false, o);
    json_out_end(o, '}');
    return task_go_on(t);
}
