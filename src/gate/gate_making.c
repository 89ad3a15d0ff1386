/* Copies in the making. Two queries that want one make it once; it goes on while one of them still waits. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "gate_inside.h"
#include "limits/limits.h"
#include "log/log.h"

/* Cancel signals no condition, so waits are sliced. */
enum { SLICE_MS = 50, TRIES_MAX = 5, LEND_WAIT_MS = 30000 };

/* Who clears, for the log: nobody's decisions are taken in this name. */
static const struct actor clearing_actor = {.kind = ACTOR_OPERATOR, .name = STR("weft")};

static str copy_path(struct task *t, const struct gate *gate, uint64_t table_id, str class_id,
                     str file)
{
    return store_cleared_path(t, gate->store, table_id, class_id, file);
}

static void release_hold(void *handle)
{
    struct gate_hold *hold = handle;
    struct gate *gate = hold->gate;
    pthread_mutex_lock(&gate->lock);
    for (struct gate_hold **at = &gate->holds; *at; at = &(*at)->next)
        if (*at == hold) {
            *at = hold->next;
            break;
        }
    pthread_mutex_unlock(&gate->lock);
    free(hold->path);
    free(hold);
}

void gate_hold_path(struct task *t, struct gate *gate, str path)
{
    struct gate_hold *hold = calloc(1, sizeof *hold);
    CHECK(hold != NULL);
    hold->gate = gate;
    hold->path = strndup(path.ptr, path.len);
    CHECK(hold->path != NULL);
    hold->next = gate->holds;
    gate->holds = hold;
    arena_defer(t->mem, release_hold, hold);
}

bool gate_is_held(const struct gate *gate, str path)
{
    for (const struct gate_hold *hold = gate->holds; hold; hold = hold->next)
        if (str_eq(str_of(hold->path), path))
            return true;
    return false;
}

static bool make_room(struct task *t, struct gate *gate, uint64_t bytes)
{
    if (store_room(t, gate->store, bytes))
        return true;
    if (t->err.code != ERR_FULL)
        return false;
    /* Copies are the first to go when the disk fills. */
    task_clear_error(t);
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_evict(t, gate, 0);
    pthread_mutex_unlock(&gate->lock);
    return ok && store_room(t, gate->store, bytes);
}

static bool keep(struct task *t, struct gate_making *making, struct worker *worker,
                 const struct job_result *result)
{
    struct gate *gate = making->gate;
    uint64_t bytes = result->rows ? result->bytes : 0;
    /* A copy without rows needs no file; that there are none is worth remembering. */
    if (result->rows
        && !store_keep_cleared(t, gate->store, engine_output_path(t, worker, making->job.file),
                               making->path))
        return false;
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_add(t, gate, making->table_id, making->class_id, making->file,
                             result->rows, bytes);
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

/* Those who wait for the copy hold workers themselves: where no other is left, waiting long would be waiting for ever. */
static bool lend(struct task *t, struct gate *gate, struct worker **out)
{
    int64_t deadline_ms = t->deadline_ms;
    t->deadline_ms = clock_monotonic_ms() + LEND_WAIT_MS;
    bool ok =
        engine_lend(t, gate->engine, WORKER_CLEARING, STR("gate"), (struct engine_reach){0}, out);
    t->deadline_ms = deadline_ms;
    if (!ok && t->err.code == ERR_TIMEOUT)
        return task_fail(t, ERR_TOO_MANY, "no worker became free to clear a file");
    return ok;
}

static bool make(struct task *t, struct gate_making *making)
{
    struct gate *gate = making->gate;
    struct worker *worker;
    struct job_result result;
    if (!store_check(t, gate->store, making->origin) || !make_room(t, gate, making->origin_bytes))
        return false;
    vec_push(t->mem, &making->job.links,
             ((struct job_link){.path = store_file_path(t, gate->store, making->origin),
                                .name = making->job.views.at[0].files.at[0]}));
    making->job.hash_key = (str){gate->hash_key, sizeof gate->hash_key};
    if (!lend(t, gate, &worker) || !engine_run_uncleared(t, worker, &making->job, NULL, &result)
        || !keep(t, making, worker, &result))
        return false;
    engine_return(t, worker);
    return true;
}

static void free_making(struct gate_making *making)
{
    struct gate *gate = making->gate;
    for (struct gate_making **at = &gate->makings; *at; at = &(*at)->next)
        if (*at == making) {
            *at = making->next;
            break;
        }
    task_free(making->task);
    free(making);
}

static void *run(void *state)
{
    struct gate_making *making = state;
    struct gate *gate = making->gate;
    struct task *t = making->task;
    bool ok = make(t, making);
    if (!ok && t->err.code != ERR_CANCELLED)
        /* The engine's words may hold values of hidden rows: they go nowhere. */
        log_event(LOG_ERROR, "gate", t,
                  "a cleared copy could not be made: error=%s table=%llu file=" STR_FMT,
                  error_name(t->err.code), (unsigned long long)making->table_id,
                  STR_ARG(making->origin));
    pthread_mutex_lock(&gate->lock);
    making->ok = ok;
    making->is_done = true;
    pthread_cond_broadcast(&gate->changed);
    /* Those who wait take hold of the copy before anything is evicted. */
    while (making->waiters > 0)
        pthread_cond_wait(&gate->changed, &gate->lock);
    if (ok && !gate_evict(t, gate, gate->cleared_bytes_max))
        log_failure("gate", t);
    free_making(making);
    gate->threads--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

static struct gate_making *find_making(const struct gate *gate, str path)
{
    for (struct gate_making *making = gate->makings; making; making = making->next)
        /* One that is done, or that nobody waits for any more, is on its way out. */
        if (str_eq(making->path, path) && !making->is_done
            && !atomic_load(&making->task->cancelled))
            return making;
    return NULL;
}

static bool start(struct task *t, struct gate_making *making)
{
    struct gate *gate = making->gate;
    pthread_attr_t attributes;
    pthread_t thread;
    if (gate->is_closing)
        return task_fail(t, ERR_CANCELLED, "the server ends");
    CHECK(pthread_attr_init(&attributes) == 0);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, run, making);
    pthread_attr_destroy(&attributes);
    if (failed)
        return task_fail(t, ERR_TOO_MANY, "no thread is left to clear a file");
    gate->threads++;
    making->next = gate->makings;
    gate->makings = making;
    return true;
}

static str file_name(struct arena *mem, const struct image_file *file)
{
    return arena_format(mem, STR_FMT "%s" STR_FMT ".parquet", STR_ARG(file->sha256),
                        file->deletions.len ? "-" : "", STR_ARG(file->deletions));
}

static bool begin_making(struct task *t, struct gate *gate, const struct image_table *table,
                         const struct image_file *file, const struct decision *decision,
                         str class_id, str path, struct gate_making **out)
{
    struct gate_making *making = calloc(1, sizeof *making);
    CHECK(making != NULL);
    making->gate = gate;
    making->task = task_new();
    making->task->actor = &clearing_actor;
    making->task->deadline_ms = clock_monotonic_ms() + CLEARING_MS_MAX;
    struct arena *mem = making->task->mem;
    making->path = arena_str(mem, path);
    making->table_id = table->id;
    making->origin_bytes = file->bytes;
    making->class_id = arena_str(mem, class_id);
    making->file = file_name(mem, file);
    making->origin = arena_str(mem, file->sha256);
    struct decision restricted;
    gate_restrict(mem, decision, file, &restricted);
    gate_clearing_job(mem, &restricted,
                      arena_format(mem, STR_FMT ".parquet", STR_ARG(file->sha256)), &making->job);
    if (start(t, making)) {
        *out = making;
        return true;
    }
    task_free(making->task);
    free(making);
    return false;
}

/* A failure in words that hold no value of a hidden row. */
static bool fail_as(struct task *t, const struct gate_making *making,
                    const struct image_table *table)
{
    enum error_code code = making->task->err.code;
    task_fail(t, code == ERR_NONE || code == ERR_CANCELLED ? ERR_WORKER : code,
              "a file of " STR_FMT "." STR_FMT " could not be cleared: %s",
              STR_ARG(table->product->address), STR_ARG(table->name), error_meaning(code));
    return task_hint(t, "try again; if it fails again, the operator finds more in the log");
}

static void wait_slice(struct gate *gate)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLICE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
}

/* Under the lock; a waiter that goes leaves it to the others, the last one cancels. */
static bool wait_for(struct task *t, struct gate_making *making, const struct image_table *table)
{
    struct gate *gate = making->gate;
    bool ok = true;
    making->waiters++;
    while (ok && !making->is_done) {
        wait_slice(gate);
        ok = making->is_done || task_go_on(t);
    }
    if (ok && !making->ok)
        ok = fail_as(t, making, table);
    return ok;
}

static void stop_waiting(struct gate_making *making)
{
    if (--making->waiters == 0 && !making->is_done)
        task_cancel(making->task);
    pthread_cond_broadcast(&making->gate->changed);
}

static str class_id_of(struct task *t, const struct gate *gate, const struct image_table *table,
                       const struct image_file *file, const struct decision *decision)
{
    struct buf *bytes = buf_new(t->mem, 64 << 20);
    buf_add(bytes, STR(GATE_CLEARING_VERSION));
    buf_add_byte(bytes, '\0');
    buf_add(bytes, gate->hash_key_id);
    policy_class(bytes, table->id, decision, file->columns.at, file->columns.len);
    CHECK(!bytes->full);
    struct crypto_digest digest = crypto_sha256(buf_str(bytes));
    return crypto_digest_hex(t->mem, &digest);
}

struct wanted {
    const struct image_table *table;
    const struct image_file *file;
    const struct decision *decision;
    str class_id, name, path;
    bool has_path; /* of the copy: it has rows */
};

/* Under the lock: takes hold of the copy if it is there. */
static bool take(struct task *t, struct gate *gate, struct wanted *w, bool *found_out)
{
    struct gate_copy copy;
    if (!gate_index_find(t, gate, w->table->id, w->class_id, w->name, w->path, &copy, found_out))
        return false;
    w->has_path = *found_out && copy.rows > 0;
    if (w->has_path)
        gate_hold_path(t, gate, w->path);
    return true;
}

/* Under the lock: until it is there. A copy that is evicted between making and taking is made again. */
static bool make_and_take(struct task *t, struct gate *gate, struct wanted *w)
{
    bool found = false;
    for (int i = 0; i < TRIES_MAX && !found; i++) {
        struct gate_making *making = find_making(gate, w->path);
        if (making == NULL
            && !begin_making(t, gate, w->table, w->file, w->decision, w->class_id, w->path,
                             &making))
            return false;
        bool ok = wait_for(t, making, w->table) && take(t, gate, w, &found);
        stop_waiting(making);
        if (!ok)
            return false;
    }
    return found || task_fail(t, ERR_FULL, "cleared copies are evicted as fast as they are made");
}

bool gate_copy(struct task *t, struct gate *gate, const struct image_table *table,
               const struct image_file *file, const struct decision *decision,
               struct row_sink *sink, str *path_out, str *class_out)
{
    struct wanted w = {.table = table, .file = file, .decision = decision};
    w.class_id = class_id_of(t, gate, table, file, decision);
    w.name = file_name(t->mem, file);
    w.path = copy_path(t, gate, table->id, w.class_id, w.name);
    bool found;
    pthread_mutex_lock(&gate->lock);
    bool ok = take(t, gate, &w, &found);
    pthread_mutex_unlock(&gate->lock);
    if (ok && !found) {
        if (sink && sink->progress)
            sink->progress(t, sink->state, "clear", -1);
        /* What a cold class costs is not the query's: its deadline stands still. */
        int64_t deadline_ms = t->deadline_ms, started_ms = clock_monotonic_ms();
        t->deadline_ms = 0;
        pthread_mutex_lock(&gate->lock);
        ok = make_and_take(t, gate, &w);
        pthread_mutex_unlock(&gate->lock);
        t->deadline_ms = deadline_ms ? deadline_ms + (clock_monotonic_ms() - started_ms) : 0;
    }
    *path_out = w.has_path ? w.path : STR_NONE;
    *class_out = w.class_id;
    return ok;
}

bool gate_has_copy(struct task *t, struct gate *gate, const struct image_table *table,
                   const struct image_file *file, const struct decision *decision, str *class_out,
                   uint64_t *bytes_out)
{
    struct gate_copy copy = {0};
    bool found = false;
    str class_id = class_id_of(t, gate, table, file, decision);
    str name = file_name(t->mem, file);
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_find(t, gate, table->id, class_id, name,
                              copy_path(t, gate, table->id, class_id, name), &copy, &found);
    pthread_mutex_unlock(&gate->lock);
    if (class_out->len == 0)
        *class_out = class_id;
    *bytes_out = copy.bytes;
    return ok && found;
}

void gate_end_makings(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_closing = true;
    for (struct gate_making *making = gate->makings; making; making = making->next)
        task_cancel(making->task);
    while (gate->threads > 0)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}
