#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "clock/clock.h"
#include "metadb/metadb_inside.h"

enum { POST_WAIT_MS = 50 };

static void *write_groups(void *state);
static void write_group(struct metadb *db, struct metadb_request *first);
static void run_request(struct metadb *db, struct metadb_request *request);
static bool end_group(struct task *t, struct metadb *db);
static void fail_group(struct metadb_request *first, const struct task *cause);

bool metadb_start_writer(struct task *t, struct metadb_core *core,
                         struct metadb_connection *connection)
{
    core->writer = (struct metadb){
        .magic = METADB_MAGIC, .core = core, .connection = connection, .is_writer = true};
    /* Signals are for the thread that waits for them. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&core->thread, NULL, write_groups, core);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    core->has_thread = code == 0;
    return code == 0 || task_fail(t, ERR_MEMORY, "cannot start the writer of %s", core->path.ptr);
}

void metadb_stop_writer(struct metadb_core *core)
{
    if (!core->has_thread)
        return;
    pthread_mutex_lock(&core->lock);
    core->stop = true;
    pthread_cond_signal(&core->work);
    pthread_mutex_unlock(&core->lock);
    pthread_join(core->thread, NULL);
    /* After a clean close the log is gone, so what it held must be on disk, in a cache too. */
    (void)sqlite3_exec(core->writer.connection->handle, "PRAGMA synchronous = FULL", NULL, NULL,
                       NULL);
    metadb_disconnect(core->writer.connection);
}

static void enqueue(struct metadb_core *core, struct metadb_request *request)
{
    *core->last = request;
    core->last = &request->next;
    core->is_awaited = core->is_awaited || !request->is_post;
    pthread_cond_signal(&core->work);
}

bool metadb_write(struct task *t, struct metadb *db, metadb_write_fn *fn, void *state)
{
    CHECK(db->magic == METADB_MAGIC);
    if (db->is_writer)
        return fn(t, db, state);
    CHECK(db->connection == NULL); /* a snapshot cannot write */
    struct metadb_core *core = db->core;
    /* A write function that uses the face it closed over, not the one it is given, would wait for
     * itself. */
    CHECK(!pthread_equal(pthread_self(), core->thread));
    struct metadb_request request = {.t = t, .fn = fn, .state = state};
    pthread_mutex_lock(&core->lock);
    CHECK(!core->stop);
    enqueue(core, &request);
    while (!request.is_done)
        pthread_cond_wait(&core->done, &core->lock);
    pthread_mutex_unlock(&core->lock);
    return request.ok;
}

struct metadb_ticket {
    struct metadb_core *core;
    struct metadb_request request;
};

static void await(struct metadb_ticket *ticket)
{
    pthread_mutex_lock(&ticket->core->lock);
    while (!ticket->request.is_done)
        pthread_cond_wait(&ticket->core->done, &ticket->core->lock);
    pthread_mutex_unlock(&ticket->core->lock);
}

/* The writer still works on what the arena is about to free: it is waited for. */
static void close_ticket(void *handle)
{
    struct metadb_ticket *ticket = handle;
    await(ticket);
    task_free(ticket->request.t);
    free(ticket);
}

struct metadb_ticket *metadb_write_begin(struct task *t, struct metadb *db, metadb_write_fn *fn,
                                         void *state)
{
    CHECK(db->magic == METADB_MAGIC && !db->is_writer && db->connection == NULL);
    struct metadb_ticket *ticket = calloc(1, sizeof *ticket);
    CHECK(ticket != NULL);
    ticket->core = db->core;
    ticket->request = (struct metadb_request){.t = task_new(), .fn = fn, .state = state};
    ticket->request.t->actor = t->actor;
    pthread_mutex_lock(&db->core->lock);
    CHECK(!db->core->stop);
    enqueue(db->core, &ticket->request);
    pthread_mutex_unlock(&db->core->lock);
    arena_defer(t->mem, close_ticket, ticket);
    return ticket;
}

bool metadb_write_end(struct task *t, struct metadb_ticket *ticket)
{
    await(ticket);
    bool ok = ticket->request.ok;
    if (!ok)
        task_fail_as(t, &ticket->request.t->err);
    arena_close(t->mem, ticket);
    return ok;
}

void metadb_post(struct metadb *db, metadb_write_fn *fn, void *state, void (*free_state)(void *))
{
    CHECK(db->magic == METADB_MAGIC);
    struct metadb_core *core = db->core;
    struct metadb_request *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    *request = (struct metadb_request){
        .t = task_new(), .fn = fn, .state = state, .is_post = true, .free_state = free_state};
    pthread_mutex_lock(&core->lock);
    CHECK(!core->stop);
    enqueue(core, request);
    pthread_mutex_unlock(&core->lock);
}

void metadb_pass_before_commit(struct metadb *db, enum fault_point point)
{
    CHECK(db->is_writer);
    CHECK(point < 64);
    db->faults |= UINT64_C(1) << point;
}

static void end_post(struct metadb_request *request)
{
    if (!request->ok)
        log_failure("metadb", request->t);
    task_free(request->t);
    if (request->free_state != NULL)
        request->free_state(request->state);
    free(request);
}

/* What nobody waits for joins the commit of a write that somebody does: a sync of its own would hold that one up. */
static void await_company(struct metadb_core *core)
{
    int64_t end_ms = clock_monotonic_ms() + POST_WAIT_MS;
    struct timespec until = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    while (core->first != NULL && !core->is_awaited && !core->stop)
        if (pthread_cond_timedwait(&core->work, &core->lock, &until) == ETIMEDOUT)
            break;
}

static void *write_groups(void *state)
{
    struct metadb_core *core = state;
    pthread_mutex_lock(&core->lock);
    for (;;) {
        while (core->first == NULL && !core->stop)
            pthread_cond_wait(&core->work, &core->lock);
        await_company(core);
        struct metadb_request *first = core->first;
        if (first == NULL)
            break;
        core->first = NULL;
        core->last = &core->first;
        core->is_awaited = false;
        pthread_mutex_unlock(&core->lock);
        write_group(&core->writer, first);
        pthread_mutex_lock(&core->lock);
        for (struct metadb_request *next; first != NULL; first = next) {
            next = first->next;
            if (first->is_post)
                end_post(first);
            else
                first->is_done = true; /* from here on it may be gone */
        }
        pthread_cond_broadcast(&core->done);
    }
    pthread_mutex_unlock(&core->lock);
    return NULL;
}

/* All that was queued in one transaction. When that breaks, as on a full disk, nothing of the group
 * has happened, and all of it is told so. */
static void write_group(struct metadb *db, struct metadb_request *first)
{
    sqlite3 *handle = db->connection->handle;
    struct task *t = first->t;
    db->faults = 0;
    if (!metadb_exec(t, db->core, handle, "BEGIN IMMEDIATE")) {
        fail_group(first, t);
        return;
    }
    bool any = false;
    for (struct metadb_request *request = first; request != NULL; request = request->next) {
        t = request->t;
        run_request(db, request);
        any = any || request->ok;
        if (sqlite3_get_autocommit(handle)) {
            fail_group(first, t);
            return;
        }
    }
    t = first->t;
    while (any && !first->ok)
        first = first->next, t = first->t;
    if (!any)
        (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    else if (!end_group(t, db))
        fail_group(first, t);
}

static void run_request(struct metadb *db, struct metadb_request *request)
{
    struct task *t = request->t;
    sqlite3 *handle = db->connection->handle;
    if (!metadb_exec(t, db->core, handle, "SAVEPOINT request"))
        return;
    request->ok = request->fn(t, db, request->state);
    metadb_close_statements(db->connection);
    if (sqlite3_get_autocommit(handle)) {
        /* The error that ended the transaction is the statement's. */
        CHECK(!request->ok);
        return;
    }
    if (request->ok) {
        request->ok = metadb_exec(t, db->core, handle, "RELEASE request");
        return;
    }
    (void)sqlite3_exec(handle, "ROLLBACK TO request; RELEASE request", NULL, NULL, NULL);
}

static bool pass_faults(struct task *t, const struct metadb *db)
{
    for (int point = 0; point < FAULT_COUNT; point++)
        if ((db->faults >> point & 1) && !fault_pass(t, (enum fault_point)point))
            return false;
    return true;
}

static bool end_group(struct task *t, struct metadb *db)
{
    sqlite3 *handle = db->connection->handle;
    bool ok = pass_faults(t, db) && metadb_exec(t, db->core, handle, "COMMIT");
    if (!ok && !sqlite3_get_autocommit(handle))
        (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

/* Those that failed on their own keep their own error. */
static void fail_group(struct metadb_request *first, const struct task *cause)
{
    for (struct metadb_request *request = first; request != NULL; request = request->next) {
        bool failed_alone = !request->ok && request->t->err.code != ERR_NONE;
        request->ok = false;
        if (failed_alone || request->t == cause)
            continue;
        task_fail(request->t, cause->err.code, STR_FMT, STR_ARG(cause->err.message));
    }
}
