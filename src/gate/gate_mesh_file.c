/* Files of mesh.* tables. Rows that the image alone decides are the same for all who may discover the same products: where they are
 * many, they are written to a file once for each version of the image, which queries read as they read a copy. Where there is no such
 * file and none can be made, the rows travel with the job. */
#include <stdlib.h>
#include <sys/stat.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "fault/fault.h"
#include "gate_inside.h"
#include "gate_making.h"
#include "limits/limits.h"
#include "log/log.h"
#include "read_mesh/read_mesh.h"

/* A worker that is long in coming is not worth the wait: the rows can travel with the job. */
enum { LEND_WAIT_MS = 2000, CELL_BYTES = 5 };

#define PART_NAME "mesh.parquet"

enum mesh_state { MESH_MAKING, MESH_READY, MESH_FAILED };

struct part {
    char *path; /* malloc */
    int64_t inode, written_ns, bytes;
};

/* Of one table, one version of the image and one set of products. Under gate->lock; while it is being made, `parts` are the maker's. */
struct gate_mesh_file {
    struct gate *gate;
    char table[NAME_BYTES_MAX + 1];
    uint64_t version;
    struct crypto_digest hidden; /* which products are not shown */
    int64_t from_us, until_us;   /* the rows hold in between; until 0: for ever */
    enum mesh_state state;
    int64_t retry_ms;
    uint64_t used, bytes;
    size_t readers;
    struct part *parts;
    size_t part_count;
    struct gate_mesh_file *next;
};

/* What a query asks for. */
struct wish {
    struct gate *gate;
    const struct image *image;
    const struct policy_actor *reader;
    uint64_t user_version;
    str table;
    bool *is_shown; /* one a product of the image: as it was when the digest was made */
    struct crypto_digest hidden;
    int64_t now_us, from_us, until_us;
};

/* ---- who may know what */

static bool may_discover(void *ctx, const struct image_product *product)
{
    const struct wish *wish = ctx;
    size_t at = (size_t)(product - wish->image->products.at);
    CHECK(at < wish->image->products.len);
    return wish->is_shown[at];
}

/* None of the tables of this file asks. */
static bool is_never_clear(void *ctx, const struct image_table *table)
{
    (void)ctx, (void)table;
    return false;
}

/* Asked once a product: a file is named by what was found, and so are the rows in it. What was found holds for as long as the decisions
 * that allow it. */
static void look_at_products(struct task *t, struct wish *wish, struct clearance_table *table)
{
    const struct image *image = wish->image;
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    struct gate_term term = {0};
    wish->is_shown = ARENA_ARRAY(t->mem, bool, image->products.len + 1);
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];
        wish->is_shown[i] =
            gate_discovers(t, image, wish->reader, wish->user_version, product, &term);
        if (wish->is_shown[i] && gate_is_restricted(product))
            vec_push(t->mem, &table->discovered, product);
        if (!wish->is_shown[i])
            crypto_hash_add(hash, (str){(const char *)&product->id, sizeof product->id});
    }
    wish->hidden = crypto_hash_end(hash);
    table->decision.from_us = term.from_us;
    table->decision.until_us = term.until_us;
}

static bool gather(struct task *t, struct wish *wish, struct job_view **out)
{
    struct mesh_reader reader = {.ctx = wish,
                                 .may_discover = may_discover,
                                 .is_clear = is_never_clear,
                                 .now_us = wish->now_us};
    *out = ARENA_NEW(t->mem, struct job_view);
    return read_mesh_view(t, wish->gate->db, wish->image, &reader, wish->table, *out);
}

/* About what the rows take in a frame. */
static uint64_t weigh(const struct job_view *view, size_t from, size_t to)
{
    uint64_t bytes = 0;
    for (size_t i = from; i < to; i++)
        bytes += CELL_BYTES + view->cells.at[i].text.len;
    return bytes;
}

/* ---- files that are there; all under the lock */

static bool fits(const struct gate_mesh_file *file, const struct wish *wish)
{
    return file->version == wish->image->version && str_eq(str_of(file->table), wish->table)
        && memcmp(file->hidden.bytes, wish->hidden.bytes, sizeof file->hidden.bytes) == 0
        && wish->now_us >= file->from_us && (file->until_us == 0 || wish->now_us < file->until_us);
}

static struct gate_mesh_file *find(const struct wish *wish)
{
    for (struct gate_mesh_file *file = wish->gate->mesh_files; file; file = file->next)
        if (fits(file, wish))
            return file;
    return NULL;
}

static bool look_at_part(struct part *part, bool is_new)
{
    struct stat state;
    struct part now = {.path = part->path};
    if (lstat(part->path, &state) != 0 || !S_ISREG(state.st_mode))
        return false;
    now.inode = (int64_t)state.st_ino;
    now.written_ns = state.st_mtim.tv_sec * 1000000000LL + state.st_mtim.tv_nsec;
    now.bytes = state.st_size;
    if (is_new)
        *part = now;
    return now.inode == part->inode && now.written_ns == part->written_ns
        && now.bytes == part->bytes;
}

/* Is it on the disk as it was made? */
static bool is_whole(const struct gate_mesh_file *file)
{
    bool whole = true;
    for (size_t i = 0; whole && i < file->part_count; i++)
        whole = look_at_part(&file->parts[i], false);
    return whole;
}

static void remove_parts(struct task *t, struct gate_mesh_file *file)
{
    for (size_t i = 0; i < file->part_count; i++) {
        store_remove_cleared(t, file->gate->store, str_of(file->parts[i].path));
        free(file->parts[i].path);
    }
    free(file->parts);
    file->parts = NULL;
    file->part_count = 0;
}

static void forget(struct task *t, struct gate_mesh_file *file)
{
    struct gate *gate = file->gate;
    CHECK(file->readers == 0);
    for (struct gate_mesh_file **at = &gate->mesh_files; *at; at = &(*at)->next)
        if (*at == file) {
            *at = file->next;
            break;
        }
    gate->mesh_file_count--;
    remove_parts(t, file);
    free(file);
}

static bool is_over(const struct gate_mesh_file *file, uint64_t version)
{
    return file->readers == 0 && file->state != MESH_MAKING && file->version < version;
}

static void forget_over(struct task *t, struct gate *gate)
{
    struct gate_mesh_file *next;
    for (struct gate_mesh_file *file = gate->mesh_files; file; file = next) {
        next = file->next;
        if (is_over(file, gate->mesh_version))
            forget(t, file);
    }
}

void gate_mesh_tidy(struct task *t, struct gate *gate, const struct image *now)
{
    pthread_mutex_lock(&gate->lock);
    if (now->version > gate->mesh_version)
        gate->mesh_version = now->version;
    forget_over(t, gate);
    pthread_mutex_unlock(&gate->lock);
}

void gate_mesh_weigh(const struct gate *gate, uint64_t *files_out, uint64_t *bytes_out)
{
    *files_out = *bytes_out = 0;
    for (const struct gate_mesh_file *file = gate->mesh_files; file; file = file->next) {
        *files_out += file->state == MESH_READY ? file->part_count : 0;
        *bytes_out += file->state == MESH_READY ? file->bytes : 0;
    }
}

/* The place of a new one; NULL where all that are there are read. */
static struct gate_mesh_file *add(struct task *t, const struct wish *wish)
{
    struct gate *gate = wish->gate;
    struct gate_mesh_file *oldest = NULL;
    forget_over(t, gate);
    for (struct gate_mesh_file *file = gate->mesh_files; file; file = file->next)
        if (file->readers == 0 && file->state != MESH_MAKING
            && (!oldest || file->used < oldest->used))
            oldest = file;
    if (gate->mesh_file_count >= MESH_FILES_MAX) {
        if (!oldest)
            return NULL;
        forget(t, oldest);
    }
    struct gate_mesh_file *file = calloc(1, sizeof *file);
    CHECK(file != NULL && wish->table.len < sizeof file->table);
    memcpy(file->table, wish->table.ptr, wish->table.len);
    file->gate = gate;
    file->version = wish->image->version;
    file->hidden = wish->hidden;
    file->from_us = wish->from_us;
    file->until_us = wish->until_us;
    file->state = MESH_MAKING;
    file->used = ++gate->mesh_uses;
    file->next = gate->mesh_files;
    gate->mesh_files = file;
    gate->mesh_file_count++;
    return file;
}

/* ---- readers */

static void stop_reading(void *handle)
{
    struct gate_mesh_file *file = handle;
    struct gate *gate = file->gate;
    struct task *t = task_new();
    pthread_mutex_lock(&gate->lock);
    file->readers--;
    forget_over(t, gate);
    pthread_mutex_unlock(&gate->lock);
    task_free(t);
}

/* It stays until the task ends: from then on links hold it, where there are any. */
static void read_file(struct task *t, struct gate_mesh_file *file, struct clearance_table *table)
{
    (void)read_mesh_columns(t->mem, str_of(file->table), &table->columns);
    for (size_t i = 0; i < table->columns.len; i++)
        table->columns.at[i].id = (uint32_t)i + 1;
    for (size_t i = 0; i < file->part_count; i++)
        vec_push(t->mem, &table->paths, arena_str(t->mem, str_of(file->parts[i].path)));
    file->readers++;
    file->used = ++file->gate->mesh_uses;
    arena_defer(t->mem, stop_reading, file);
}

/* ---- making one */

/* Whole rows, as many as fit. */
static size_t part_end(const struct job_view *view, size_t from)
{
    uint64_t bytes = 0;
    size_t at = from;
    while (at < view->cells.len) {
        uint64_t row = weigh(view, at, at + view->columns.len);
        if (at > from && bytes + row > MESH_PART_BYTES_MAX)
            break;
        bytes += row;
        at += view->columns.len;
    }
    return at;
}

static bool make_part(struct task *t, struct gate_mesh_file *file, struct worker *worker,
                      const struct job_view *view, size_t from, size_t to)
{
    struct gate *gate = file->gate;
    struct job_result result;
    struct engine_job job = {.text = STR("SELECT * FROM source"),
                             .output = JOB_FILE,
                             .file = STR(PART_NAME),
                             .packing = PACKED_QUICKLY,
                             .keep_order = true};
    struct job_view *source = vec_add(t->mem, &job.views);
    *source = *view;
    source->schema = STR_NONE;
    source->name = STR("source");
    source->cells.at = view->cells.at + from;
    source->cells.len = source->cells.cap = to - from;
    for (size_t i = 0; i < view->columns.len; i++) {
        vec_push(t->mem, &job.columns, view->columns.at[i]);
        job.columns.at[i].id = (uint32_t)i + 1;
    }
    CHECK(view->columns.len > 0);
    if (!engine_run_uncleared(t, worker, &job, NULL, &result))
        return false;
    if (result.rows != (to - from) / view->columns.len)
        return task_fail(t, ERR_INTERNAL, "a file of mesh." STR_FMT " has not all rows",
                         STR_ARG(view->name));
    str path = store_mesh_path(t, gate->store, file->version,
                               arena_format(t->mem, "%s-%llu-%zu.parquet", file->table,
                                            (unsigned long long)file->used, file->part_count));
    if (!store_keep_cleared(t, gate->store, engine_output_path(t, worker, job.file), path))
        return false;
    struct part *parts = realloc(file->parts, (file->part_count + 1) * sizeof *parts);
    CHECK(parts != NULL);
    file->parts = parts;
    struct part *part = &parts[file->part_count++];
    *part = (struct part){.path = strndup(path.ptr, path.len)};
    CHECK(part->path != NULL);
    file->bytes += result.bytes;
    return look_at_part(part, true)
        || task_fail(t, ERR_IO, "a file of a mesh table is gone as soon as it was made");
}

static bool make(struct task *t, struct gate_mesh_file *file, const struct job_view *view)
{
    struct gate *gate = file->gate;
    struct worker *worker;
    bool ok = true;
    if (!store_room(t, gate->store, weigh(view, 0, view->cells.len))
        || !gate_lend_clearing(t, gate, LEND_WAIT_MS, &worker))
        return false;
    for (size_t at = 0; ok && at < view->cells.len;) {
        size_t end = part_end(view, at);
        struct arena_mark mark = arena_mark(t->mem);
        ok = make_part(t, file, worker, view, at, end);
        if (ok)
            arena_rewind(t->mem, mark);
        at = end;
    }
    engine_return(t, worker);
    return ok && fault_pass(t, FAULT_MESH_FILE);
}

/* The file, or false without an error: the rows are to travel with the job. */
static bool made(struct task *t, struct gate_mesh_file *file, const struct job_view *view,
                 struct clearance_table *table)
{
    struct gate *gate = file->gate;
    /* What it costs is not the query's, as with copies. */
    int64_t deadline_ms = t->deadline_ms, started_ms = clock_monotonic_ms();
    t->deadline_ms = started_ms + CLEARING_MS_MAX;
    bool ok = make(t, file, view);
    t->deadline_ms = deadline_ms ? deadline_ms + (clock_monotonic_ms() - started_ms) : 0;
    pthread_mutex_lock(&gate->lock);
    file->state = ok ? MESH_READY : MESH_FAILED;
    file->retry_ms = clock_monotonic_ms() + MESH_RETRY_MS;
    if (ok) {
        read_file(t, file, table);
    } else {
        remove_parts(t, file);
        /* One who gave up says nothing about the next. */
        if (atomic_load(&t->cancelled))
            forget(t, file);
    }
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    if (!ok && !atomic_load(&t->cancelled)) {
        /* The engine's words may hold values. */
        log_event(LOG_ERROR, "gate", t,
                  "a file of a mesh table could not be made, its rows travel with the job: "
                  "error=%s table=" STR_FMT,
                  error_name(t->err.code), STR_ARG(view->name));
        task_clear_error(t);
    }
    return ok;
}

/* ---- taking one */

enum taken { TAKEN, TAKEN_NONE, TAKEN_FAILED };

/* What is there, or what somebody makes just now. TAKEN_NONE without an error. `may_make_out`: nobody tried it lately. */
static enum taken take(struct task *t, const struct wish *wish, struct clearance_table *table,
                       bool *may_make_out)
{
    struct gate *gate = wish->gate;
    struct gate_mesh_file *file;
    enum taken taken = TAKEN_NONE;
    pthread_mutex_lock(&gate->lock);
    while ((file = find(wish)) != NULL && file->state == MESH_MAKING && taken == TAKEN_NONE) {
        gate_wait_slice(gate);
        pthread_mutex_unlock(&gate->lock);
        taken = task_go_on(t) ? TAKEN_NONE : TAKEN_FAILED;
        pthread_mutex_lock(&gate->lock);
    }
    if (file && file->state == MESH_READY && !is_whole(file) && file->readers == 0) {
        forget(t, file);
        file = NULL;
    }
    if (file && file->state == MESH_FAILED && clock_monotonic_ms() >= file->retry_ms) {
        forget(t, file);
        file = NULL;
    }
    *may_make_out = file == NULL;
    if (taken == TAKEN_NONE && file && file->state == MESH_READY && is_whole(file)) {
        read_file(t, file, table);
        taken = TAKEN;
    }
    pthread_mutex_unlock(&gate->lock);
    return taken;
}

static bool take_rows(struct clearance_table *table, const struct job_view *view)
{
    table->rows = view;
    table->columns = view->columns;
    return true;
}

bool gate_mesh_take(struct task *t, struct gate *gate, const struct image *image,
                    const struct policy_actor *reader, uint64_t user_version, str name,
                    struct clearance_table *table)
{
    struct wish wish = {.gate = gate,
                        .image = image,
                        .reader = reader,
                        .user_version = user_version,
                        .table = name,
                        .now_us = clock_now_us()};
    const struct job_view *own;
    struct job_view *view;
    bool may_make;
    look_at_products(t, &wish, table);
    if (gate->mesh_file_bytes == 0
        || !read_mesh_is_of_image(image, name, wish.now_us, &wish.from_us, &wish.until_us))
        return gate_mesh_rows(t, gate, image, name, wish.is_shown, &own) && take_rows(table, own);
    enum taken taken = take(t, &wish, table, &may_make);
    if (taken != TAKEN_NONE)
        return taken == TAKEN;
    if (!gather(t, &wish, &view))
        return false;
    if (weigh(view, 0, view->cells.len) < gate->mesh_file_bytes)
        return take_rows(table, view);
    for (;;) {
        struct gate_mesh_file *file = NULL;
        taken = take(t, &wish, table, &may_make);
        if (taken != TAKEN_NONE)
            return taken == TAKEN;
        pthread_mutex_lock(&gate->lock);
        bool is_new = may_make && find(&wish) == NULL;
        if (is_new)
            file = add(t, &wish);
        pthread_mutex_unlock(&gate->lock);
        /* Somebody else began between the two. */
        if (may_make && !is_new)
            continue;
        if (file && made(t, file, view, table))
            return true;
        return task_go_on(t) && take_rows(table, view);
    }
}

bool gate_mesh_files_open(struct task *t, struct gate *gate)
{
    return store_empty_mesh(t, gate->store);
}

void gate_mesh_files_close(struct gate *gate)
{
    struct task *t = task_new();
    while (gate->mesh_files)
        forget(t, gate->mesh_files);
    task_free(t);
}
