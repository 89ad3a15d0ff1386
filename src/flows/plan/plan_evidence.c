/* Whom a change of a contract meets: products that declare it, and actors whose queries read that very column. */
#include <stdlib.h>

#include "clock/clock.h"
#include "plan_inside.h"
#include "read_access/read_access.h"
#include "read_use/read_use.h"
#include "sql/sql.h"
#include "user/user.h"

enum {
    PLAN_TEXTS_MAX = 200,      /* last queries that are looked at for their fingerprints */
    PLAN_FINGERPRINTS_MAX = 5, /* shown for one actor */
    PLAN_NAMES_MAX = 5,        /* in a line for people */
};

struct plan_looking {
    struct plan_meeting *meeting;
    const struct image *image;
    const struct image_product *product;
    const struct contract *contract; /* as it is */
    const struct contract_change *change;
    struct plan *p;
    struct plan_evidence *out;
    int64_t since_us;
    bool may_know; /* who asked, and what */
};

/* The column of a table that a change speaks of, or of the table as a whole. */
struct plan_target {
    uint64_t table_id;
    uint32_t column_id;
};

struct plan_targets {
    VEC_OF(struct plan_target)
};

static uint32_t plan_column_id(const struct image_table *table, str path)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        str name = table->columns.at[i].name;

        /* `address.street` and `phones[].number` are read with their columns. */
        if (path.len >= name.len && str_eq_nocase(str_sub(path, 0, name.len), name)
            && (path.len == name.len || path.ptr[name.len] == '.' || path.ptr[name.len] == '[')) {
            return table->columns.at[i].id;
        }
    }
    return 0;
}

static void plan_find_targets(struct arena *mem, const struct plan_looking *look,
                              const struct contract_change *change, struct plan_targets *out)
{
    for (size_t i = 0; i < look->product->tables.len; i++) {
        const struct image_table *table = &look->product->tables.at[i];

        if (table->contract == look->contract
            && (change->table.len == 0 || str_eq_nocase(table->name, change->table))) {
            vec_push(mem, out,
                     ((struct plan_target){table->id, plan_column_id(table, change->column)}));
        }
    }
}

/* ---- products */

static bool plan_add_consumer(struct task *t, struct plan_looking *look,
                              const struct plan_targets *targets,
                              const struct image_product *consumer, str input)
{
    struct plan_consumer row = {
        .product = consumer->address, .input = input, .has_release = consumer->release.number > 0};
    bool reads = false;

    if (!gate_may_discover(t, look->image, consumer)) {
        look->out->consumers_hidden++;
        return true;
    }
    for (size_t i = 0; i < targets->len && !row.reads; i++) {
        if (!read_use_is_source(t, look->p->services->db, consumer->id, targets->at[i].table_id,
                                targets->at[i].column_id, &reads)) {
            return false;
        }
        row.reads = reads;
    }
    (void)plan_find_pins(t, look->meeting, look->change, consumer->definition, input, &row);
    vec_push(t->mem, &look->out->consumers, row);
    return true;
}

static void plan_find_ports(struct arena *mem, struct plan_meeting *meeting)
{
    for (size_t i = 0; !meeting->has_ports && i < meeting->image->products.len; i++) {
        const struct image_product *consumer = &meeting->image->products.at[i];

        for (size_t j = 0; j < consumer->definition->inputs.len; j++) {
            const struct model_input *input = &consumer->definition->inputs.at[j];

            if (input->contract == meeting->contract) {
                vec_push(mem, &meeting->ports, ((struct plan_port){consumer, input->name}));
            }
        }
    }
    meeting->has_ports = true;
}

static bool plan_find_consumers(struct task *t, struct plan_looking *look,
                                const struct plan_targets *targets)
{
    plan_find_ports(t->mem, look->meeting);
    for (size_t i = 0; i < look->meeting->ports.len; i++) {
        const struct plan_port *port = &look->meeting->ports.at[i];

        if (!plan_add_consumer(t, look, targets, port->consumer, port->name)) {
            return false;
        }
    }
    return true;
}

/* ---- queries */

static struct plan_asker *plan_asker(struct task *t, struct plan_evidence *out, str actor)
{
    for (size_t i = 0; i < out->readers.len; i++) {
        if (str_eq(out->readers.at[i].actor, actor)) {
            return &out->readers.at[i];
        }
    }
    struct plan_asker *reader = vec_add(t->mem, &out->readers);

    *reader = (struct plan_asker){.actor = actor};
    return reader;
}

static int plan_compare_owners(const void *a, const void *b)
{
    const struct plan_owner *left = a, *right = b;

    return (left->table_id > right->table_id) - (left->table_id < right->table_id);
}

/* The products of all tables, once for all changes of a plan. */
static void plan_find_owners(struct arena *mem, const struct image *image, struct plan *p)
{
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];

        for (size_t k = 0; k < product->tables.len; k++) {
            vec_push(mem, &p->table_owners,
                     ((struct plan_owner){product->tables.at[k].id, product}));
        }
    }
    if (p->table_owners.len > 0) {
        qsort(p->table_owners.at, p->table_owners.len, sizeof(*p->table_owners.at),
              plan_compare_owners);
    }
}

static const struct image_product *plan_owner_of(struct task *t, const struct plan_looking *look,
                                                 uint64_t table_id)
{
    const struct plan_owners *owners = &look->p->table_owners;
    struct plan_owner wanted = {.table_id = table_id}, *found;

    if (owners->len == 0) {
        plan_find_owners(t->mem, look->image, look->p);
    }
    found = owners->len > 0
              ? bsearch(&wanted, owners->at, owners->len, sizeof(wanted), plan_compare_owners)
              : NULL;
    return found != NULL ? found->product : NULL;
}

static bool plan_may_know_text(struct task *t, const struct plan_looking *look,
                               const struct use_text *text)
{
    for (size_t i = 0; i < text->tables.len; i++) {
        const struct image_product *of =
            text->tables.at[i] != 0 ? plan_owner_of(t, look, text->tables.at[i]) : NULL;

        /* Names in a fingerprint tell of all tables of the query. */
        if (text->tables.at[i] != 0 && (of == NULL || !gate_may_discover(t, look->image, of))) {
            return false;
        }
    }
    return true;
}

static void plan_add_text(struct task *t, const struct plan_looking *look,
                          const struct use_text *text)
{
    struct plan_asker *reader = plan_asker(t, look->out, text->actor);

    if (reader->fingerprints.len < PLAN_FINGERPRINTS_MAX && plan_may_know_text(t, look, text)) {
        (void)str_list_add(t->mem, &reader->fingerprints, sql_fingerprint(t->mem, text->text));
    }
}

static bool plan_find_readers_of(struct task *t, struct plan_looking *look,
                                 const struct plan_target *target)
{
    struct metadb *db = services_mesh(look->p->services)->db;
    struct use_readers readers;
    struct use_texts texts = {0};

    if (!read_use_column(t, db, target->table_id, target->column_id, look->since_us, &readers)
        || (look->may_know
            && !read_use_texts(t, db, target->table_id, target->column_id, look->since_us,
                               PLAN_TEXTS_MAX, &texts))) {
        return false;
    }
    for (size_t i = 0; i < readers.len; i++) {
        struct plan_asker *reader = plan_asker(t, look->out, readers.at[i].actor);

        reader->queries += readers.at[i].queries;
        reader->last_us =
            readers.at[i].last_us > reader->last_us ? readers.at[i].last_us : reader->last_us;
    }
    for (size_t i = 0; i < texts.len; i++) {
        plan_add_text(t, look, &texts.at[i]);
    }
    return true;
}

static bool plan_count_other(struct task *t, struct plan_looking *look, str name)
{
    struct actor actor = {.kind = ACTOR_USER, .name = name};
    struct user *user;

    if (!user_find(t, services_mesh(look->p->services)->db, name, &user)
        || (user != NULL && !user_to_actor(t, user, STR_NONE, &actor))) {
        return false;
    }
    look->out->others += !read_access_is_of_team(look->image, &actor, look->product->address);
    return true;
}

static bool plan_sum_up(struct task *t, struct plan_looking *look)
{
    struct plan_evidence *out = look->out;

    for (size_t i = 0; i < out->readers.len; i++) {
        if (!plan_count_other(t, look, out->readers.at[i].actor)) {
            return false;
        }
        out->queries += out->readers.at[i].queries;
        out->last_us =
            out->readers.at[i].last_us > out->last_us ? out->readers.at[i].last_us : out->last_us;
    }
    out->actors = out->readers.len;
    out->names_readers = look->may_know;
    if (!look->may_know) {
        out->readers.len = 0;
    }
    return true;
}

bool plan_find_evidence(struct task *t, struct plan_meeting *meeting,
                        struct plan_contract_change *change)
{
    struct plan_targets targets = {0};
    const struct image *image = meeting->image;
    struct plan *p = meeting->p;
    struct plan_looking look = {.meeting = meeting,
                                .image = image,
                                .product = meeting->product,
                                .contract = meeting->contract,
                                .change = &change->change,
                                .p = p,
                                .out = &change->evidence};
    const int64_t day_us = (int64_t)86400 * 1000000;

    look.out->is_there = true;
    look.out->days = CONFIG_INT(p->services->config, evidence_days);
    look.since_us = clock_now_us() - look.out->days * day_us;
    look.may_know = read_access_governs(image, t->actor)
                 || read_access_is_owner(image, t->actor, meeting->product->address);
    plan_find_targets(t->mem, &look, &change->change, &targets);
    if (!plan_find_consumers(t, &look, &targets)) {
        return false;
    }
    for (size_t i = 0; i < targets.len; i++) {
        if (!plan_find_readers_of(t, &look, &targets.at[i])) {
            return false;
        }
    }
    return plan_sum_up(t, &look);
}

/* ---- for people */

static str plan_asker_text(struct arena *mem, const struct plan_asker *reader)
{
    return arena_format(mem, "%.*s (%llu quer%s, the last on %.*s)", STR_ARG(reader->actor),
                        (unsigned long long)reader->queries, reader->queries == 1 ? "y" : "ies",
                        STR_ARG(str_sub(clock_text(mem, reader->last_us), 0, 10)));
}

static str plan_consumer_text(struct arena *mem, const struct plan_consumer *consumer,
                              bool is_declared_only)
{
    struct str_list said = {0};

    vec_push(mem, &said, arena_format(mem, "input port %.*s", STR_ARG(consumer->input)));
    if (consumer->leaves.len > 0) {
        vec_push(mem, &said, arena_format(mem, "takes %.*s", STR_ARG(consumer->leaves)));
    }
    if (consumer->names.len > 0) {
        vec_push(mem, &said,
                 arena_format(mem, "names %.*s",
                              STR_ARG(str_list_join(mem, &consumer->names, STR(" and ")))));
    }
    if (consumer->reads) {
        vec_push(mem, &said, STR("reads it"));
    } else if (!consumer->has_release && !is_declared_only) {
        vec_push(mem, &said, STR("not run yet"));
    }
    return arena_format(mem, "product %.*s (%.*s)", STR_ARG(consumer->product),
                        STR_ARG(str_list_join(mem, &said, STR(", "))));
}

str plan_evidence_text(struct arena *mem, const struct plan_evidence *evidence)
{
    struct str_list parts = {0};

    for (size_t i = 0; i < evidence->consumers.len; i++) {
        const struct plan_consumer *consumer = &evidence->consumers.at[i];

        vec_push(mem, &parts, plan_consumer_text(mem, consumer, evidence->is_declared_only));
    }
    if (evidence->consumers_hidden > 0) {
        vec_push(mem, &parts,
                 arena_format(mem, "%zu product%s that you may not discover",
                              evidence->consumers_hidden,
                              evidence->consumers_hidden == 1 ? "" : "s"));
    }
    for (size_t i = 0; i < evidence->readers.len && i < PLAN_NAMES_MAX; i++) {
        vec_push(mem, &parts, plan_asker_text(mem, &evidence->readers.at[i]));
    }
    if (evidence->readers.len > PLAN_NAMES_MAX) {
        vec_push(mem, &parts,
                 arena_format(mem, "%zu more", evidence->readers.len - PLAN_NAMES_MAX));
    }
    if (!evidence->names_readers && evidence->actors > 0) {
        vec_push(mem, &parts,
                 arena_format(
                     mem, "%llu quer%s of %llu actor%s, the last on %.*s",
                     (unsigned long long)evidence->queries, evidence->queries == 1 ? "y" : "ies",
                     (unsigned long long)evidence->actors, evidence->actors == 1 ? "" : "s",
                     STR_ARG(str_sub(clock_text(mem, evidence->last_us), 0, 10))));
    }
    return str_list_join(mem, &parts, STR("; "));
}
