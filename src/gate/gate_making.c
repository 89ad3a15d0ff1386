/* Copies in the making: a queue of jobs, and threads that hand them to clearing workers. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "gate_making.h"
#include "limits/limits.h"
#include "log/log.h"

enum { LEND_WAIT_MS = 30000, WORKER_TRIES_MAX = 2, EVICT_BYTES_LEAST = 1 << 20 };

/* Who clears, for the log: nobody's decisions are taken in this name. */
static const struct actor clearing_actor = {.kind = ACTOR_OPERATOR, .name = STR("weft")};

static size_t bucket_of(str path)
{
    return str_hash(path) % GATE_BUCKETS;
}

/* ---- holds */

static void release_hold(void *handle)
{
    struct gate_hold *hold = handle;
    struct gate *gate = hold->gate;
    pthread_mutex_lock(&gate->lock);
    for (struct gate_hold **at = &gate->holds[bucket_of(str_of(hold->path))]; *at;
         at = &(*at)->next)
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
    struct gate_hold **at = &gate->holds[bucket_of(path)];
    hold->next = *at;
    *at = hold;
    arena_defer(t->mem, release_hold, hold);
}

/* What is made just now is held by those who wait for it. */
bool gate_is_held(const struct gate *gate, str path)
{
    size_t bucket = bucket_of(path);
    for (const struct gate_hold *hold = gate->holds[bucket]; hold; hold = hold->next)
        if (str_eq(str_of(hold->path), path))
            return true;
    for (const struct gate_part *part = gate->parts[bucket]; part; part = part->next)
        if (str_eq(part->path, path))
            return true;
    return false;
}

struct gate_making *gate_find_making(const struct gate *gate, str path)
{
    for (const struct gate_part *part = gate->parts[bucket_of(path)]; part; part = part->next)
        /* One that is done, or that nobody waits for any more, is on its way out. */
        if (str_eq(part->path, path) && part->making->state != MAKING_DONE
            && !atomic_load(&part->making->task->cancelled))
            return part->making;
    return NULL;
}

/* ---- one job */

static bool make_room(struct task *t, struct gate *gate, uint64_t bytes)
{
    if (store_room(t, gate->store, bytes))
        return true;
    if (t->err.code != ERR_FULL)
        return false;
    /* Copies are the first to go when the disk fills: half of them, then half of those that are left. */
    bool ok = true;
    for (uint64_t most = UINT64_MAX; ok && most > 0 && t->err.code == ERR_FULL;) {
        task_clear_error(t);
        pthread_mutex_lock(&gate->lock);
        most = gate->copy_bytes / 2 > EVICT_BYTES_LEAST ? gate->copy_bytes / 2 : 0;
        ok = gate_evict(t, gate, most);
        pthread_mutex_unlock(&gate->lock);
        if (ok && store_room(t, gate->store, bytes))
            return true;
        ok = ok && t->err.code == ERR_FULL;
    }
    return false;
}

bool gate_lend_clearing(struct task *t, struct gate *gate, int64_t wait_ms, struct worker **out)
{
    int64_t deadline_ms = t->deadline_ms;
    t->deadline_ms = clock_monotonic_ms() + wait_ms;
    bool ok =
        engine_lend(t, gate->engine, WORKER_CLEARING, STR("gate"), (struct engine_reach){0}, out);
    t->deadline_ms = deadline_ms;
    if (!ok && t->err.code == ERR_TIMEOUT)
        return task_fail(t, ERR_TOO_MANY, "no worker became free to clear a file");
    return ok;
}

/* SHA-256 of what lies there now: a copy is held against it whenever a server first uses it. */
static bool hash_file(struct task *t, str path, str *hex_out)
{
    struct crypto_digest digest;
    uint64_t bytes;
    int fd = open(arena_c_string(t->mem, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open a cleared copy");
    bool ok = crypto_sha256_fd(t, fd, &digest, &bytes);
    close(fd);
    *hex_out = ok ? crypto_digest_hex(t->mem, &digest) : STR_NONE;
    return ok;
}

/* A copy without rows needs no file; that there are none is worth remembering. */
static bool keep(struct task *t, struct gate *gate, struct worker *worker,
                 const struct gate_part *part, const struct job_copy *copy,
                 const struct job_written *written)
{
    str sha256 = STR_NONE;
    struct job_written kept = *written;
    if (written->rows == 0)
        kept.bytes = 0;
    else if (!store_keep_cleared(t, gate->store, engine_output_path(t, worker, copy->file),
                                 part->path)
             || !hash_file(t, part->path, &sha256))
        return false;
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_add(t, gate, part, &kept, sha256);
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

static bool keep_all(struct task *t, struct gate_making *making, struct worker *worker,
                     const struct job_result *result)
{
    for (size_t i = 0; i < making->part_count; i++) {
        const struct gate_part *part = &making->parts[i];
        struct arena_mark mark = arena_mark(t->mem);
        if (!keep(t, making->gate, worker, part, &making->job.copies.at[part->copy],
                  &result->written.at[part->copy]))
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}

static bool take_progress(struct task *t, void *state, const struct row_progress *progress)
{
    struct gate_making *making = state;
    (void)t;
    /* Of one of its copies: the job's own share is not known. */
    if (making->part_count == 1 && progress->thousandths > atomic_load(&making->thousandths))
        atomic_store(&making->thousandths, progress->thousandths);
    return true;
}

/* Are the originals what their names say? Read while the worker clears them: nothing that it made is kept before it is known. */
struct origin_check {
    struct gate_making *making;
    struct task *task;
    pthread_t thread;
    bool has_thread, ok;
};

static void *check_origins(void *handle)
{
    struct origin_check *check = handle;
    const struct str_list *origins = &check->making->origins;
    const struct str_list *deletions = &check->making->deletions;
    check->ok = true;
    for (size_t i = 0; check->ok && i < origins->len; i++)
        check->ok = store_check(check->task, check->making->gate->store, origins->at[i])
                 && (deletions->at[i].len == 0
                     || store_check(check->task, check->making->gate->store, deletions->at[i]));
    return NULL;
}

static void begin_check(struct origin_check *check, struct gate_making *making)
{
    *check = (struct origin_check){.making = making, .task = task_new()};
    check->has_thread = pthread_create(&check->thread, NULL, check_origins, check) == 0;
}

/* What is wrong with an original says more than what the worker made of it. */
static bool end_check(struct task *t, struct origin_check *check)
{
    bool is_cancelled = atomic_load(&t->cancelled);
    if (is_cancelled)
        task_cancel(check->task);
    if (check->has_thread)
        CHECK(pthread_join(check->thread, NULL) == 0);
    else
        check_origins(check);
    bool ok = check->ok;
    if (!ok && !is_cancelled) {
        task_clear_error(t);
        task_fail(t, check->task->err.code, STR_FMT, STR_ARG(check->task->err.message));
    }
    task_free(check->task);
    return ok;
}

static bool clear(struct task *t, struct gate_making *making)
{
    struct gate *gate = making->gate;
    struct row_sink sink = {.state = making, .progress = take_progress};
    struct origin_check check;
    struct job_result result;
    struct worker *worker;
    begin_check(&check, making);
    bool is_lent = gate_lend_clearing(t, gate, LEND_WAIT_MS, &worker);
    bool ok = is_lent && engine_run_uncleared(t, worker, &making->job, &sink, &result);
    ok = end_check(t, &check) && ok && keep_all(t, making, worker, &result);
    if (is_lent)
        engine_return(t, worker);
    return ok;
}

/* Files with equal deletions share them. */
static void add_origin(struct task *t, struct gate_making *making, str sha256)
{
    str name = sha256.len ? gate_origin_name(t->mem, sha256) : STR_NONE;
    for (size_t i = 0; i < making->job.links.len; i++)
        if (str_eq(making->job.links.at[i].name, name))
            return;
    if (sha256.len)
        vec_push(t->mem, &making->job.links,
                 ((struct job_link){.path = store_file_path(t, making->gate->store, sha256),
                                    .name = name}));
}

static bool make(struct task *t, struct gate_making *making)
{
    struct gate *gate = making->gate;
    making->job.links.len = 0;
    for (size_t i = 0; i < making->origins.len; i++) {
        add_origin(t, making, making->origins.at[i]);
        add_origin(t, making, making->deletions.at[i]);
    }
    making->job.hash_key = (str){gate->hash_key, sizeof gate->hash_key};
    return make_room(t, gate, making->origin_bytes) && clear(t, making);
}

/* ---- the queue; all under the lock */

static void free_making(struct gate_making *making)
{
    struct gate *gate = making->gate;
    for (size_t i = 0; i < making->part_count; i++)
        for (struct gate_part **at = &gate->parts[bucket_of(making->parts[i].path)]; *at;
             at = &(*at)->next)
            if (*at == &making->parts[i]) {
                *at = making->parts[i].next;
                break;
            }
    for (struct gate_making **at = &gate->makings; *at; at = &(*at)->next)
        if (*at == making) {
            *at = making->next;
            break;
        }
    task_free(making->task);
    free(making);
}

static void push_queue(struct gate *gate, struct gate_making *making)
{
    making->state = MAKING_QUEUED;
    making->next_queued = NULL;
    *gate->queue_end = making;
    gate->queue_end = &making->next_queued;
}

static void leave_queue(struct gate_making *making)
{
    struct gate *gate = making->gate;
    for (struct gate_making **at = &gate->queue; *at; at = &(*at)->next_queued)
        if (*at == making) {
            *at = making->next_queued;
            if (gate->queue_end == &making->next_queued)
                gate->queue_end = at;
            return;
        }
}

/* What somebody waits for comes before what is made early. */
static struct gate_making *pop_queue(struct gate *gate)
{
    struct gate_making *making = gate->queue;
    while (making && making->is_kept && making->waiters == 1)
        making = making->next_queued;
    if (!making)
        making = gate->queue;
    if (making)
        leave_queue(making);
    return making;
}

static void finish(struct gate_making *making, bool ok)
{
    struct gate *gate = making->gate;
    struct task *t = making->task;
    if (!ok && t->err.code != ERR_CANCELLED)
        /* The engine's words may hold values of hidden rows: they go nowhere. */
        log_event(LOG_ERROR, "gate", t,
                  "a cleared copy could not be made: error=%s table=%llu files=%zu first=" STR_FMT,
                  error_name(t->err.code), (unsigned long long)making->table_id,
                  making->origins.len, STR_ARG(making->origins.at[0]));
    making->ok = ok;
    making->state = MAKING_DONE;
    making->waiters -= making->is_kept;
    making->is_kept = false;
    pthread_cond_broadcast(&gate->changed);
    /* Whoever waits for it frees it when he has taken hold of its copies. */
    if (making->waiters == 0)
        free_making(making);
}

/* False: it goes back to the queue, and this thread ends. Those that run hold the workers that it wants. */
static bool run_one(struct gate *gate, struct gate_making *making)
{
    struct task *t = making->task;
    making->state = MAKING_RUNS;
    making->tries++;
    gate->running++;
    pthread_mutex_unlock(&gate->lock);
    bool ok = make(t, making);
    pthread_mutex_lock(&gate->lock);
    gate->running--;
    bool can_wait = !ok && t->err.code == ERR_TOO_MANY && gate->running > 0;
    /* A worker that was killed took nothing with it. */
    bool can_retry = !ok && t->err.code == ERR_WORKER && making->tries < WORKER_TRIES_MAX
                  && !gate->is_closing && !atomic_load(&t->cancelled);
    if (!can_wait && !can_retry) {
        finish(making, ok);
        return true;
    }
    task_clear_error(t);
    push_queue(gate, making);
    return can_retry;
}

static void *work(void *handle)
{
    struct gate *gate = handle;
    struct gate_making *making;
    struct task *t = task_new();
    bool goes_on = true;
    pthread_mutex_lock(&gate->lock);
    while (goes_on && (making = pop_queue(gate)) != NULL) {
        goes_on = run_one(gate, making);
        if (gate->copy_bytes > gate->cleared_bytes_max
            && !gate_evict(t, gate, gate->cleared_bytes_max)) {
            log_failure("gate", t);
            task_clear_error(t);
        }
    }
    gate->threads--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    task_free(t);
    return NULL;
}

static bool start_thread(struct gate *gate)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attributes, work, gate) == 0;
    pthread_attr_destroy(&attributes);
    gate->threads += ok;
    return ok;
}

struct gate_making *gate_making_new(struct gate *gate, uint64_t table_id)
{
    struct gate_making *making = calloc(1, sizeof *making);
    CHECK(making != NULL);
    making->gate = gate;
    making->table_id = table_id;
    making->task = task_new();
    making->task->actor = &clearing_actor;
    return making;
}

bool gate_making_begin(struct task *t, struct gate_making *making)
{
    struct gate *gate = making->gate;
    if (gate->is_closing) {
        task_free(making->task);
        free(making);
        return task_fail(t, ERR_CANCELLED, "the server ends");
    }
    making->task->deadline_ms = clock_monotonic_ms() + CLEARING_MS_MAX;
    for (size_t i = 0; i < making->part_count; i++) {
        struct gate_part *part = &making->parts[i];
        struct gate_part **at = &gate->parts[bucket_of(part->path)];
        part->making = making;
        part->next = *at;
        *at = part;
    }
    making->next = gate->makings;
    gate->makings = making;
    push_queue(gate, making);
    if (gate->threads < gate->threads_max && !start_thread(gate) && gate->threads == 0) {
        leave_queue(making);
        free_making(making);
        return task_fail(t, ERR_TOO_MANY, "no thread is left to clear a file");
    }
    return true;
}

void gate_making_leave(struct gate_making *making)
{
    if (--making->waiters > 0)
        return;
    if (making->state == MAKING_RUNS) {
        task_cancel(making->task);
        return;
    }
    if (making->state == MAKING_QUEUED)
        leave_queue(making);
    free_making(making);
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
