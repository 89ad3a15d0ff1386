/* From wants to files that are there: copies are taken where they are, and made or waited for where they are not. Two queries that want
 * one make it once; it goes on while one of them still waits. */
#include <stdlib.h>
#include <time.h>

#include "clock/clock.h"
#include "gate_making.h"
#include "limits/limits.h"

enum {
    SLICE_MS = 50,              /* cancel signals no condition, so waits are sliced */
    IDLE_ROUNDS_MAX = 5,        /* in which nothing was made that stayed */
    BATCH_BYTES_MAX = 16 << 20, /* of originals that share a job, so that small files cost little */
    BATCH_FILES_MAX = 64,
    BATCH_COPIES_MAX = 2000,
    BATCH_TEXT_BYTES_MAX =
        8 << 20,        /* with one decision more, of CLEARING_SQL_BYTES_MAX, a frame holds it */
    AT_ONCE_FACTOR = 8, /* makings that one query begins, for each thread that works on them */
    LOCKED_MAX = 256,   /* copies looked up before others get the lock */
};

str gate_origin_name(struct arena *mem, str sha256)
{
    return arena_format(mem, STR_FMT ".parquet", STR_ARG(sha256));
}

/* ---- what is there */

/* Of a damaged copy the index forgets all, unless somebody has made it anew meanwhile. */
static bool drop_damaged(struct task *t, struct gate *gate, struct gate_want *want)
{
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_drop(t, gate, want);
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

static bool check_original(struct task *t, struct gate *gate, struct gate_want *want)
{
    want->is_found = store_check(t, gate->store, want->file->sha256);
    want->has_rows = want->is_found;
    return want->is_found;
}

/* Under the lock: takes hold of what the index has, whole or not. */
static bool take_indexed(struct task *t, struct gate *gate, struct gate_wants *wants, size_t from,
                         size_t to)
{
    bool ok = true;
    pthread_mutex_lock(&gate->lock);
    for (size_t i = from; ok && i < to; i++) {
        struct gate_want *want = &wants->at[i];
        if (want->is_found || want->is_original)
            continue;
        ok = gate_index_find(t, gate, want);
        if (ok && want->is_found && want->has_rows)
            gate_hold_path(t, gate, want->path);
    }
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

static bool take_all(struct task *t, struct gate *gate, struct gate_wants *wants)
{
    for (size_t i = 0; i < wants->len; i++) {
        struct gate_want *want = &wants->at[i];
        if (i % LOCKED_MAX == 0
            && (!task_go_on(t)
                || !take_indexed(t, gate, wants, i,
                                 i + LOCKED_MAX < wants->len ? i + LOCKED_MAX : wants->len)))
            return false;
        if (want->is_original && !want->is_found && !check_original(t, gate, want))
            return false;
        if (want->is_found && want->must_check
            && (!gate_index_check(t, want) || (!want->is_found && !drop_damaged(t, gate, want))))
            return false;
    }
    return true;
}

bool gate_peek(struct task *t, struct gate *gate, struct gate_want *want)
{
    gate = gate->root;
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_find(t, gate, want);
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

/* ---- what is not */

struct joined {
    VEC_OF(struct gate_making *)
};

static bool has_joined(const struct joined *joined, const struct gate_making *making)
{
    for (size_t i = joined->len; i-- > 0;)
        if (joined->at[i] == making)
            return true;
    return false;
}

static void join(struct task *t, struct joined *joined, struct gate_making *making)
{
    if (has_joined(joined, making))
        return;
    making->waiters++;
    vec_push(t->mem, joined, making);
}

/* Wants of one file and decision that nobody makes yet: from `from` to before the end that is given back. */
static size_t group_end(const struct gate_wants *wants, size_t from)
{
    const struct gate_want *first = &wants->at[from];
    size_t at = from + 1;
    while (at < wants->len && first->is_by_value && wants->at[at].file == first->file
           && wants->at[at].decision == first->decision && at - from < BATCH_COPIES_MAX)
        at++;
    return at;
}

static bool fits(const struct gate_making *making, const struct gate_want *want, size_t copies)
{
    return making && making->table_id == want->table->id
        && making->origin_bytes + want->file->bytes <= BATCH_BYTES_MAX
        && making->text_bytes <= BATCH_TEXT_BYTES_MAX && making->origins.len < BATCH_FILES_MAX
        && making->part_count + copies <= BATCH_COPIES_MAX;
}

/* The copies of one file: its view, its texts, and what becomes of each. */
static void add_group(struct gate_making *making, struct gate_wants *wants, const size_t *group,
                      size_t len)
{
    struct arena *mem = making->task->mem;
    const struct gate_want *first = &wants->at[group[0]];
    struct decision restricted;
    size_t copies = making->job.copies.len;
    gate_restrict(mem, first->decision, first->file, &restricted);
    if (first->is_by_value) {
        restricted.filters.at[0].values = (struct str_list){0};
        for (size_t i = 0; i < len; i++)
            vec_push(mem, &restricted.filters.at[0].values,
                     arena_str(mem, wants->at[group[i]].value));
    }
    str origin = arena_str(mem, first->file->sha256);
    str deletions = arena_str(mem, first->file->deletions);
    gate_clearing_add(mem, &restricted, gate_origin_name(mem, origin),
                      deletions.len ? gate_origin_name(mem, deletions) : STR_NONE,
                      first->is_by_value, &making->job);
    vec_push(mem, &making->origins, origin);
    vec_push(mem, &making->deletions, deletions);
    making->origin_bytes += first->file->bytes;
    for (; copies < making->job.copies.len; copies++)
        making->text_bytes += making->job.copies.at[copies].text.len;
    for (size_t i = 0; i < len; i++) {
        struct gate_want *want = &wants->at[group[i]];
        want->making = making;
        making->parts[making->part_count++] =
            (struct gate_part){.class_id = arena_str(mem, want->class_id),
                               .name = arena_str(mem, want->name),
                               .path = arena_str(mem, want->path),
                               .copy = making->job.copies.len - len + i};
    }
}

static bool begin(struct task *t, struct joined *joined, struct gate_making **open, bool is_early)
{
    struct gate_making *making = *open;
    *open = NULL;
    if (making == NULL)
        return true;
    making->is_kept = is_early;
    making->waiters = is_early;
    if (!gate_making_begin(t, making))
        return false;
    join(t, joined, making);
    return true;
}

/* Under the lock: joins those who make what is missing, and begins the rest, up to a number. */
static bool join_all(struct task *t, struct gate *gate, struct gate_wants *wants,
                     struct joined *joined, bool is_early)
{
    size_t *group = ARENA_ARRAY(t->mem, size_t, BATCH_COPIES_MAX);
    struct gate_making *open = NULL;
    bool ok = true;
    size_t most = gate->threads_max * AT_ONCE_FACTOR;
    for (size_t at = 0; ok && at < wants->len && joined->len < most;) {
        size_t end = group_end(wants, at), len = 0;
        for (; at < end; at++) {
            struct gate_making *making =
                wants->at[at].is_found ? NULL : gate_find_making(gate, wants->at[at].path);
            wants->at[at].making = making;
            if (making)
                join(t, joined, making);
            else if (!wants->at[at].is_found)
                group[len++] = at;
        }
        if (len == 0)
            continue;
        if (!fits(open, &wants->at[group[0]], len)) {
            ok = begin(t, joined, &open, is_early);
            open = ok ? gate_making_new(gate, wants->at[group[0]].table->id) : NULL;
            if (ok)
                open->parts = ARENA_ARRAY(open->task->mem, struct gate_part, BATCH_COPIES_MAX);
        }
        if (ok)
            add_group(open, wants, group, len);
    }
    if (ok)
        return begin(t, joined, &open, is_early);
    return false;
}

/* A failure in words that hold no value of a hidden row. */
static bool fail_as(struct task *t, const struct gate_making *making,
                    const struct gate_wants *wants)
{
    enum error_code code = making->task->err.code;
    const struct image_table *table = wants->at[0].table;
    for (size_t i = 0; i < wants->len; i++)
        if (wants->at[i].table->id == making->table_id)
            table = wants->at[i].table;
    task_fail(t, code == ERR_NONE || code == ERR_CANCELLED ? ERR_WORKER : code,
              "a file of " STR_FMT " could not be cleared: %s",
              STR_ARG(image_table_address(t->mem, table)), error_meaning(code));
    return task_hint(t, "try again; if it fails again, the operator finds more in the log");
}

void gate_wait_slice(struct gate *gate)
{
    int64_t next_ms = clock_monotonic_ms() + SLICE_MS;
    struct timespec until = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000L};
    pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
}

/* How one waits for what is missing. */
struct waiting {
    struct row_sink *sink;
    const atomic_bool *is_stale;
    bool is_early;
    int64_t until_ms; /* early: no longer than that; 0: to the end */
    uint64_t total,
        done; /* bytes that are read for the copies: of all, of makings that have ended */
    struct row_progress told;
};

static uint64_t files_done(const struct gate_wants *wants)
{
    uint64_t done = 0;
    for (size_t i = 0; i < wants->len; i++) {
        const struct gate_want *want = &wants->at[i];
        done += want->is_found || (want->making && want->making->state == MAKING_DONE);
    }
    return done;
}

static int share_done(const struct joined *joined, const struct waiting *w)
{
    uint64_t done = w->done;
    for (size_t i = 0; i < joined->len; i++) {
        const struct gate_making *making = joined->at[i];
        done += making->state == MAKING_DONE
                  ? making->origin_bytes
                  : making->origin_bytes * (uint64_t)atomic_load(&making->thousandths) / 1000;
    }
    int share = w->total ? (int)(done * 1000 / w->total) : 0;
    return share > 999 ? 999 : share;
}

/* Under the lock. Without a filter each want is a file of its own. */
static struct row_progress look_at(const struct gate_wants *wants, const struct joined *joined,
                                   const struct waiting *w)
{
    return (struct row_progress){.step = "clear",
                                 .thousandths = share_done(joined, w),
                                 .files = wants->tells_files ? files_done(wants) : 0,
                                 .of = wants->tells_files ? wants->len : 0};
}

static bool tell(struct task *t, struct waiting *w, struct row_progress progress)
{
    if (!w->sink || !w->sink->progress
        || (progress.thousandths == w->told.thousandths && progress.files == w->told.files))
        return true;
    w->told = progress;
    return w->sink->progress(t, w->sink->state, &progress);
}

/* Under the lock, which `tell` is called without: a slow client holds up nobody else. */
static bool wait_for(struct task *t, struct gate *gate, const struct gate_wants *wants,
                     const struct joined *joined, struct waiting *w)
{
    for (;;) {
        size_t done = 0;
        for (size_t i = 0; i < joined->len; i++) {
            const struct gate_making *making = joined->at[i];
            done += making->state == MAKING_DONE;
            if (making->state == MAKING_DONE && !making->ok)
                return fail_as(t, making, wants);
        }
        if (done == joined->len)
            return true;
        if (w->is_stale && atomic_load(w->is_stale))
            return task_fail(t, ERR_CONFLICT, "what may be read has changed");
        if (w->until_ms && clock_monotonic_ms() >= w->until_ms)
            return task_fail(t, ERR_TIMEOUT, "it is not all there yet");
        struct row_progress progress = look_at(wants, joined, w);
        pthread_mutex_unlock(&gate->lock);
        bool ok = tell(t, w, progress) && task_go_on(t);
        pthread_mutex_lock(&gate->lock);
        if (!ok)
            return false;
        gate_wait_slice(gate);
    }
}

static size_t count_missing(const struct gate_wants *wants, uint64_t *bytes_out)
{
    size_t count = 0;
    const struct image_file *last = NULL;
    *bytes_out = 0;
    for (size_t i = 0; i < wants->len; i++) {
        if (wants->at[i].is_found)
            continue;
        count++;
        *bytes_out += wants->at[i].file != last ? wants->at[i].file->bytes : 0;
        last = wants->at[i].file;
    }
    return count;
}

/* One round: what was begun is waited for and taken. */
static bool make_some(struct task *t, struct gate *gate, struct gate_wants *wants,
                      struct waiting *w)
{
    struct joined joined = {0};
    pthread_mutex_lock(&gate->lock);
    bool ok =
        join_all(t, gate, wants, &joined, w->is_early) && wait_for(t, gate, wants, &joined, w);
    pthread_mutex_unlock(&gate->lock);
    /* What one waits for is held: so it is taken first. */
    ok = ok && take_all(t, gate, wants);
    pthread_mutex_lock(&gate->lock);
    for (size_t i = 0; i < wants->len; i++)
        wants->at[i].making = NULL;
    for (size_t i = 0; i < joined.len; i++) {
        w->done += joined.at[i]->origin_bytes;
        gate_making_leave(joined.at[i]);
    }
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

/* A copy that is evicted between making and taking, or damaged by then, is made again. */
static bool make_missing(struct task *t, struct gate *gate, struct gate_wants *wants,
                         struct waiting *w)
{
    uint64_t bytes;
    size_t missing = count_missing(wants, &w->total);
    for (int idle = 0; missing > 0 && idle < IDLE_ROUNDS_MAX;) {
        if (!make_some(t, gate, wants, w))
            return false;
        size_t left = count_missing(wants, &bytes);
        idle = left < missing ? 0 : idle + 1;
        missing = left;
    }
    return missing == 0
        || task_fail(t, ERR_FULL, "cleared copies are evicted as fast as they are made");
}

bool gate_fetch(struct task *t, struct gate *gate, struct gate_wants *wants, struct row_sink *sink,
                const atomic_bool *is_stale)
{
    struct waiting w = {.sink = sink, .is_stale = is_stale, .told = {.thousandths = -1}};
    uint64_t bytes;
    gate = gate->root;
    bool ok = take_all(t, gate, wants);
    if (ok && count_missing(wants, &bytes) > 0) {
        /* What a cold class costs is not the query's: its deadline stands still. */
        int64_t deadline_ms = t->deadline_ms, started_ms = clock_monotonic_ms();
        t->deadline_ms = 0;
        ok = make_missing(t, gate, wants, &w);
        if (ok)
            tell(t, &w,
                 (struct row_progress){.step = "clear",
                                       .thousandths = 1000,
                                       .files = wants->tells_files ? wants->len : 0,
                                       .of = wants->tells_files ? wants->len : 0});
        t->deadline_ms = deadline_ms ? deadline_ms + (clock_monotonic_ms() - started_ms) : 0;
    }
    return ok && gate_index_touch(t, gate, wants);
}

bool gate_fetch_early(struct task *t, struct gate *gate, struct gate_wants *wants, int64_t wait_ms)
{
    struct waiting w = {.is_early = true, .until_ms = clock_monotonic_ms() + wait_ms};
    gate = gate->root;
    return take_all(t, gate, wants) && make_missing(t, gate, wants, &w);
}
