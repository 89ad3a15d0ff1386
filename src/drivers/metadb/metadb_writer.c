#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "clock/clock.h"
#include "metadb/metadb_inside.h"

/* How long what nobody waits for waits for company; and how long a group waits for those that were in the one before, as a part of
 * what its commit took. */
enum { POST_WAIT_US = 50000, GATHER_PART = 8, GATHER_US_MAX = 1000 };

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

/* Under the lock. The writer is woken when what it waits for is there, not for each: it has work with those that are. */
static void enqueue(struct metadb_core *core, struct metadb_request *request)
{
    *core->last = request;
    core->last = &request->next;
    core->posted += request->is_post;
    core->awaited += !request->is_post;
    if (core->awaited >= core->wanted)
        pthread_cond_signal(&core->work);
}

static void begin_request(struct metadb_core *core, struct metadb_request *request)
{
    CHECK(request->is_post || sem_init(&request->done, 0, 0) == 0);
    pthread_mutex_lock(&core->lock);
    CHECK(!core->stop);
    enqueue(core, request);
    pthread_mutex_unlock(&core->lock);
}

/* Once or again: what was posted stays posted. */
static void await(struct metadb_request *request)
{
    while (sem_wait(&request->done) != 0)
        CHECK(errno == EINTR);
    CHECK(sem_post(&request->done) == 0);
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
    begin_request(core, &request);
    await(&request);
    (void)sem_destroy(&request.done);
    return request.ok;
}

struct metadb_ticket {
    struct metadb_request request;
};

/* The writer still works on what the arena is about to free: it is waited for. */
static void close_ticket(void *handle)
{
    struct metadb_ticket *ticket = handle;
    await(&ticket->request);
    (void)sem_destroy(&ticket->request.done);
    task_free(ticket->request.t);
    free(ticket);
}

struct metadb_ticket *metadb_write_begin(struct task *t, struct metadb *db, metadb_write_fn *fn,
                                         void *state)
{
    CHECK(db->magic == METADB_MAGIC && !db->is_writer && db->connection == NULL);
    struct metadb_ticket *ticket = calloc(1, sizeof *ticket);
    CHECK(ticket != NULL);
    ticket->request = (struct metadb_request){.t = task_new(), .fn = fn, .state = state};
    ticket->request.t->actor = t->actor;
    begin_request(db->core, &ticket->request);
    arena_defer(t->mem, close_ticket, ticket);
    return ticket;
}

bool metadb_write_end(struct task *t, struct metadb_ticket *ticket)
{
    await(&ticket->request);
    bool ok = ticket->request.ok;
    if (!ok)
        task_fail_as(t, &ticket->request.t->err);
    arena_close(t->mem, ticket);
    return ok;
}

void metadb_post(struct metadb *db, metadb_write_fn *fn, void *state, void (*free_state)(void *))
{
    CHECK(db->magic == METADB_MAGIC);
    struct metadb_request *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    *request = (struct metadb_request){
        .t = task_new(), .fn = fn, .state = state, .is_post = true, .free_state = free_state};
    begin_request(db->core, request);
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

static void await_work(struct metadb_core *core, size_t wanted, int64_t most_us)
{
    int64_t end_us = clock_monotonic_us() + most_us;
    struct timespec until = {.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};
    core->wanted = wanted;
    while (core->awaited < wanted && !core->stop)
        if (pthread_cond_timedwait(&core->work, &core->lock, &until) == ETIMEDOUT)
            break;
    core->wanted = 0;
}

/* A sync costs a hundred times what a row does, so it should take many along. What nobody waits for joins the commit of a write that
 * somebody does; and those who were in the group before, woken all at once, are waited for a little when they are on their way
 * back: else the first of them would have a sync of its own while all others wait for the next. */
static void await_company(struct metadb_core *core)
{
    int64_t gather_us = core->commit_us / GATHER_PART;
    if (core->awaited == 0 && core->posted > 0)
        await_work(core, 1, POST_WAIT_US);
    if (core->awaited > 0 && core->awaited < core->last_awaited)
        await_work(core, core->last_awaited, gather_us < GATHER_US_MAX ? gather_us : GATHER_US_MAX);
}

static void end_group_requests(struct metadb_request *first)
{
    for (struct metadb_request *next; first != NULL; first = next) {
        next = first->next;
        if (first->is_post)
            end_post(first);
        else
            CHECK(sem_post(&first->done) == 0); /* from here on it may be gone */
    }
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
        core->last_awaited = core->awaited;
        core->awaited = core->posted = 0;
        pthread_mutex_unlock(&core->lock);
        int64_t start_us = clock_monotonic_us();
        write_group(&core->writer, first);
        int64_t commit_us = clock_monotonic_us() - start_us;
        end_group_requests(first);
        pthread_mutex_lock(&core->lock);
        core->commit_us = commit_us;
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
    if (!metadb_exec_kept(t, db->core, db->connection, "BEGIN IMMEDIATE")) {
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
    if (!metadb_exec_kept(t, db->core, db->connection, "SAVEPOINT request"))
        return;
    request->ok = request->fn(t, db, request->state);
    metadb_close_statements(db->connection);
    if (sqlite3_get_autocommit(handle)) {
        /* The error that ended the transaction is the statement's. */
        CHECK(!request->ok);
        return;
    }
    if (request->ok) {
        request->ok = metadb_exec_kept(t, db->core, db->connection, "RELEASE request");
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
    bool ok = pass_faults(t, db) && metadb_exec_kept(t, db->core, db->connection, "COMMIT");
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
