#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "gate_inside.h"
#include "image/image_decision.h"

/* An apply while a class is cleared starts the work anew; applies without end are an error. */
enum { ROUNDS_MAX = 8, LINK_NAME_BYTES = 16 };

/* One walk of a text through the gate; a second one begins anew. */
struct round {
    struct gate *gate;
    const struct gate_scope *scope;
    const struct image *image;
    struct policy_actor reader;
    uint64_t user_version;
    str owner; /* of the workers */
    struct row_sink *sink;
    struct clearance *clearance;
    struct gate_live *live;
};

static bool decide_tables(struct task *t, struct round *r, const struct sql_tree *tree);
static bool clear_tables(struct task *t, struct round *r);

static uint64_t policy_version_of(const struct image *image)
{
    return image->policies.version;
}

static bool walk(struct task *t, struct round *r, const struct sql_tree *tree)
{
    r->clearance = ARENA_NEW(t->mem, struct clearance);
    r->clearance->magic = CLEARANCE_MAGIC;
    r->clearance->text = tree->text;
    r->clearance->image = r->image;
    r->clearance->policy_version = policy_version_of(r->image);
    if (!decide_tables(t, r, tree))
        return false;
    r->live = gate_live_begin(t, r->gate, r->clearance, &r->reader, r->user_version, r->owner);
    return clear_tables(t, r);
}

/* May what was decided be read? A stale release may be served, a stale decision never: policies, owners and visibility change by
 * applies, groups and attributes at any time, and dates pass. */
static bool is_current(struct task *t, const struct round *r)
{
    if (!gate_follows(r->gate, true))
        return false;
    const struct image *now = image_pin(t, r->gate->images);
    return now->mesh_version == r->image->mesh_version
        && policy_version_of(now) == r->clearance->policy_version && gate_live_read(t, r->live);
}

/* For the next walk: the image and the reader of this moment. */
static bool look_anew(struct task *t, struct round *r)
{
    struct policy_actor before = r->reader;
    bool is_there, is_left = r->live->is_left;
    gate_live_end(t, r->live);
    r->live = NULL;
    if (is_left || !gate_follows(r->gate, true))
        return gate_fail_left(t, r->gate);
    r->image = image_pin(t, r->gate->images);
    if (!gate_reader_now(t, r->gate, r->image, &before, &r->user_version, &is_there, &r->reader))
        return false;
    return is_there
        || task_fail(t, ERR_DENIED, STR_FMT " is no longer part of the mesh", STR_ARG(before.name));
}

bool gate_clear(struct task *t, struct gate *gate, const struct sql_tree *tree,
                const struct gate_scope *scope, struct row_sink *sink, struct clearance **out)
{
    CHECK(gate->magic == GATE_MAGIC && tree->magic == SQL_TREE_MAGIC && t->actor != NULL);
    struct round r = {.gate = gate,
                      .scope = scope,
                      .image = image_pin(t, gate->images),
                      .user_version = scope ? 0 : t->actor->version,
                      .sink = sink};
    gate_reader(t, scope, &r.reader);
    r.owner = scope && scope->product
                ? arena_format(t->mem, "product:" STR_FMT, STR_ARG(scope->product->address))
                : actor_key(t->mem, t->actor);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool ok = walk(t, &r, tree);
        *out = r.clearance;
        if (ok && is_current(t, &r)) {
            r.clearance->is_whole = true;
            return gate_hot_remember(t, gate, r.clearance, &r.reader, r.owner);
        }
        if (!ok && !(r.live && atomic_load(&r.live->is_stale)))
            return false;
        task_clear_error(t);
        if (!look_anew(t, &r))
            return false;
    }
    task_fail(t, ERR_CONFLICT, "the mesh changed again and again while the answer was prepared");
    return task_hint(t, "try again");
}

static void take_decision(struct task *t, struct clearance_table *table)
{
    for (size_t i = 0; i < table->decision.columns.len; i++) {
        const struct decision_column *column = &table->decision.columns.at[i];
        vec_push(
            t->mem, &table->columns,
            ((struct job_column){.name = column->name, .type = column->type, .id = column->id}));
    }
}

static bool decide_table(struct task *t, struct round *r, const struct sql_table *name,
                         struct clearance_table *table)
{
    str full = table->catalog.len
                 ? arena_format(t->mem, STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(table->catalog),
                                STR_ARG(table->schema), STR_ARG(table->name))
                 : arena_format(t->mem, STR_FMT "." STR_FMT, STR_ARG(table->schema),
                                STR_ARG(table->name));
    table->decision = !r->scope && actor_is_operator(t->actor)
                        ? *gate_decide(t, r->image, table->table)
                        : *image_decide(t, r->image, &r->reader, r->user_version, table->table);
    if (!table->decision.allowed || table->decision.columns.len == 0)
        return gate_denied(t, r->scope ? &r->reader : NULL, table->table, full, &table->decision,
                           name->position);
    if (table->release == 0 && !table->is_candidate) {
        task_fail(t, ERR_UNKNOWN_NAME, STR_FMT " has no release yet", STR_ARG(full));
        task_hint(t, "weft run " STR_FMT " makes it", STR_ARG(table->table->product->address));
        return task_position(t, name->position);
    }
    take_decision(t, table);
    return true;
}

static bool decide_one(struct task *t, struct round *r, const struct sql_table *name,
                       struct clearance_table *table)
{
    struct gate_meaning meaning;
    if (!gate_resolve(t, r->gate, r->image, r->scope, name, &meaning))
        return false;
    *table = (struct clearance_table){.catalog = meaning.catalog,
                                      .schema = meaning.schema,
                                      .name = meaning.name,
                                      .table = meaning.table,
                                      .release = meaning.release,
                                      .is_past = meaning.is_past,
                                      .is_candidate = meaning.is_candidate};
    bool ok = true;
    if (meaning.is_mesh) {
        ok = gate_mesh_take(t, r->gate, r->image, &r->reader, r->user_version, meaning.name, table);
    } else if (meaning.staged) {
        table->columns = meaning.staged->columns;
        table->paths = meaning.staged->paths;
        table->deletions = meaning.staged->deletions;
    } else {
        ok = decide_table(t, r, name, table);
    }
    if (ok)
        gate_columns_read(t->mem, &name->columns, &table->columns, &table->columns_read);
    return ok;
}

/* `"a".t` and `A.T` are one name to the parser's table; two spellings of a past release are not. */
static bool is_there(const struct clearance *clearance, const struct clearance_table *table)
{
    for (size_t i = 0; i < clearance->tables.len; i++) {
        const struct clearance_table *other = &clearance->tables.at[i];
        if (other != table && str_eq(other->catalog, table->catalog)
            && str_eq(other->schema, table->schema) && str_eq(other->name, table->name))
            return true;
    }
    return false;
}

static bool decide_tables(struct task *t, struct round *r, const struct sql_tree *tree)
{
    for (size_t i = 0; i < tree->tables.len; i++) {
        struct clearance_table table = {0};
        bool ok = decide_one(t, r, &tree->tables.at[i], &table);
        /* One that is refused is there for the audit. */
        if ((ok || table.table) && !is_there(r->clearance, &table))
            vec_push(t->mem, &r->clearance->tables, table);
        if (!ok)
            return false;
    }
    return true;
}

/* The files that clearing is about are counted for him who asks only where no filter hides rows from him: then they are all the files of
 * the releases, and his worker gets each of them. Under a filter neither number is his. How many files need a copy tells how far
 * facts go: which files have hidden rows, or no visible one. How many there are in all grows with the rows that he may not see, which is
 * why mesh.tables keeps it for those who see all. There only the share is told: it says no more than the clock does. */
static bool tells_files(const struct clearance *clearance)
{
    for (size_t i = 0; i < clearance->tables.len; i++)
        if (clearance->tables.at[i].table && clearance->tables.at[i].decision.filters.len > 0)
            return false;
    return true;
}

/* All files of all tables at once: what is missing is made side by side. */
static bool clear_tables(struct task *t, struct round *r)
{
    struct clearance *clearance = r->clearance;
    struct gate_wants wants = {.tells_files = tells_files(clearance)};
    size_t *ends = ARENA_ARRAY(t->mem, size_t, clearance->tables.len + 1);
    for (size_t i = 0; i < clearance->tables.len; i++) {
        struct clearance_table *table = &clearance->tables.at[i];
        if (table->table)
            gate_want(t, r->gate, table->table, &table->decision, &wants, &table->class_id);
        ends[i] = wants.len;
    }
    if (!gate_fetch(t, r->gate, &wants, r->sink, &r->live->is_stale))
        return false;
    for (size_t i = 0, at = 0; i < clearance->tables.len; i++)
        for (; at < ends[i]; at++)
            if (wants.at[at].has_rows)
                vec_push(t->mem, &clearance->tables.at[i].paths, wants.at[at].path);
    return true;
}

/* ---- jobs */

/* A file's name in the worker's folder. The content's hash would tell of hidden rows; the same file keeps its name, so that
 * views and caches of a worker hold. */
static str link_name(struct arena *mem, str key, str path)
{
    struct crypto_digest digest = crypto_hmac_sha256(key, path);
    str hex = crypto_hex(mem, (str){(const char *)digest.bytes, LINK_NAME_BYTES});
    return arena_format(mem, STR_FMT ".parquet", STR_ARG(hex));
}

static void add_link(struct arena *mem, struct engine_job *job, str path, str name)
{
    for (size_t i = 0; i < job->links.len; i++)
        if (str_eq(job->links.at[i].name, name))
            return;
    vec_push(mem, &job->links, ((struct job_link){.path = path, .name = name}));
}

static pthread_once_t link_key_once = PTHREAD_ONCE_INIT;
static char link_key_bytes[GATE_KEY_BYTES];

static void make_link_key(void)
{
    clock_random(link_key_bytes, sizeof link_key_bytes);
}

void gate_fill_job(struct task *t, const struct clearance *clearance, struct engine_job *job)
{
    CHECK(clearance->magic == CLEARANCE_MAGIC);
    pthread_once(&link_key_once, make_link_key);
    str key = {link_key_bytes, sizeof link_key_bytes};
    job->text = clearance->text;
    for (size_t i = 0; i < clearance->tables.len; i++) {
        const struct clearance_table *table = &clearance->tables.at[i];
        struct job_view *view = vec_add(t->mem, &job->views);
        if (table->rows) {
            *view = *table->rows;
            continue;
        }
        *view = (struct job_view){.catalog = table->catalog,
                                  .schema = table->schema,
                                  .name = table->name,
                                  .columns = table->columns};
        for (size_t k = 0; k < table->paths.len; k++) {
            str name = link_name(t->mem, key, table->paths.at[k]);
            vec_push(t->mem, &view->files, name);
            add_link(t->mem, job, table->paths.at[k], name);
        }
        for (size_t k = 0; k < table->deletions.len; k++) {
            str path = table->deletions.at[k];
            str name = path.len ? link_name(t->mem, key, path) : STR_NONE;
            vec_push(t->mem, &view->deletions, name);
            if (path.len)
                add_link(t->mem, job, path, name);
        }
    }
}

static void sketch_columns(struct task *t, const struct gate_input *input, struct job_columns *out)
{
    if (!input->table) {
        *out = input->columns;
        return;
    }
    for (size_t i = 0; i < input->table->columns.len; i++)
        vec_push(t->mem, out,
                 ((struct job_column){.name = input->table->columns.at[i].name,
                                      .type = input->table->columns.at[i].type,
                                      .id = input->table->columns.at[i].id}));
}

bool gate_sketch(struct task *t, const struct sql_tree *tree, const struct gate_scope *scope,
                 struct engine_job *job_out)
{
    *job_out = (struct engine_job){.text = tree->text, .output = JOB_COLUMNS};
    for (size_t i = 0; i < tree->tables.len; i++) {
        const struct gate_input *input;
        if (!gate_resolve_input(t, scope, &tree->tables.at[i], &input))
            return false;
        struct job_view *view = vec_add(t->mem, &job_out->views);
        view->schema = input->schema;
        view->name = input->name;
        sketch_columns(t, input, &view->columns);
    }
    return true;
}

/* ---- open and close */

struct gate *gate_new(void)
{
    struct gate *gate = calloc(1, sizeof *gate);
    pthread_condattr_t attributes;
    CHECK(gate != NULL && pthread_condattr_init(&attributes) == 0);
    gate->magic = GATE_MAGIC;
    gate->root = gate;
    gate->home_fd = -1;
    gate->queue_end = &gate->queue;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    CHECK(pthread_mutex_init(&gate->lock, NULL) == 0
          && pthread_mutex_init(&gate->live_lock, NULL) == 0
          && pthread_cond_init(&gate->changed, &attributes) == 0
          && pthread_cond_init(&gate->live_changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    return gate;
}

bool gate_open(struct task *t, const struct config *config, struct store *store,
               struct engine *engine, struct metadb *db, struct images *images, str home,
               struct gate **out)
{
    struct gate *gate = gate_new();
    gate->store = store;
    gate->engine = engine;
    gate->db = gate->users = db;
    gate->images = images;
    gate->cleared_bytes_max = (uint64_t)CONFIG_INT(config, cleared_mb_max) << 20;
    gate->mesh_file_bytes = (uint64_t)CONFIG_INT(config, mesh_file_bytes);
    gate->cleared_days_max = CONFIG_INT(config, cleared_days_max);
    gate->hot_ms = CONFIG_INT(config, clearing_hot_ms);
    gate->hot_bytes_max = (uint64_t)CONFIG_INT(config, clearing_hot_mb) << 20;
    gate->threads_max = (size_t)CONFIG_INT(config, clearing_workers_max);
    if (gate->threads_max == 0)
        gate->threads_max = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    gate->worker_idle_ms = CONFIG_INT(config, worker_idle_s) * 1000;
    gate->home_fd = open(arena_c_string(t->mem, home), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = gate->home_fd >= 0
           || task_fail_errno(t, ERR_IO, "cannot open the home " STR_FMT, STR_ARG(home));
    if (!ok || !gate_key_open(t, gate) || !gate_index_open(t, gate, home)
        || !gate_mesh_files_open(t, gate) || !gate_watch_begin(t, gate)) {
        gate_close(gate);
        return false;
    }
    *out = gate;
    return true;
}

void gate_close(struct gate *gate)
{
    if (!gate)
        return;
    CHECK(gate->magic == GATE_MAGIC);
    gate_watch_end(gate);
    gate_end_makings(gate);
    gate_mesh_files_close(gate);
    /* The index says from here on that the copies are whole: they must be so after a loss of power too. */
    if (gate->home_fd >= 0) {
        (void)syncfs(gate->home_fd);
        close(gate->home_fd);
    }
    if (gate->root == gate)
        metadb_close(gate->cache);
    for (size_t i = 0; i < GATE_BUCKETS; i++)
        CHECK(gate->holds[i] == NULL && gate->parts[i] == NULL);
    pthread_cond_destroy(&gate->changed);
    pthread_cond_destroy(&gate->live_changed);
    pthread_mutex_destroy(&gate->lock);
    pthread_mutex_destroy(&gate->live_lock);
    explicit_bzero(gate->hash_key, sizeof gate->hash_key);
    if (gate->root == gate)
        free((char *)(uintptr_t)gate->hash_key_id.ptr);
    gate->magic = 0;
    free(gate);
}
