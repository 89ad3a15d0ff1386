#include "run/run.h"

#include "audit/audit.h"
#include "buf/buf.h"
#include "check_row/check_row.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "log/log.h"
#include "outbox/outbox.h"
#include "run_inside.h"
#include "run_row/run_row.h"

enum { RUN_MESSAGE_BYTES_MAX = 4096 };

static bool run_begin_trial(struct task *t, struct run *r);
static void run_tell_where(struct task *t, const struct run *r);

/* The walk reads as a table. */
/* clang-format off */
static bool run_make(struct task *t, struct run *r)
{
    return run_since(t, r)               /* incremental tables: from where on, or why all of it       */
        && run_extract(t, r)             /* an extract worker: sources -> staged inputs                */
        && run_divert_inputs(t, r)       /* rows that fail some rules go no further                    */
        && run_check_inputs(t, r)        /* held against the source contracts: drift stops here        */
        && run_transform(t, r);          /* through the gate, as the product's own actor -> outputs    */
}

bool run_product(struct task *t, struct run *r)
{
    bool ok = run_begin(t, r)            /* product version, inputs pinned, staging folder, a row     */
           && (r->is_replay ? run_replay(t, r)  /* rows of the quarantine once more                    */
                            : run_make(t, r))
           && run_cut_windows(t, r)      /* what lies beside the window that was asked for is none      */
           && run_divert(t, r)           /* rows that fail some rules go into files of their own        */
           && run_merge(t, r)            /* which rows of before stay: deletions, files joined          */
           && run_check_outputs(t, r)    /* contract and quality, fused                                */
           && run_parts(t, r)            /* large outputs become several files; facts of each          */
           && run_prove(t, r)            /* declassifications, on these very rows                      */
           && (r->is_candidate ? run_hold(t, r)      /* the same, and nobody sees it yet               */
                               : run_publish(t, r)); /* fsync, checksum, move, ONE metadata transaction */
    if (!ok) {
        run_tell_where(t, r);
    }
    run_end(t, r, ok);
    return ok;
}

bool run_try(struct task *t, struct run *r)
{
    return run_begin_trial(t, r)
        && run_since(t, r)
        && run_extract(t, r)
        && run_divert_inputs(t, r)
        && run_check_inputs(t, r)
        && run_transform(t, r)
        && run_cut_windows(t, r)
        && run_divert(t, r)
        && run_merge(t, r)
        && run_check_outputs(t, r)
        && run_parts(t, r)
        && run_prove(t, r);
}
/* clang-format on */

/* Of a disk that fails or is full it must be known which. */
static void run_tell_where(struct task *t, const struct run *r)
{
    if ((t->err.code == ERR_IO || t->err.code == ERR_FULL) && t->err.hint.len == 0) {
        task_hint(t, "a run writes below %.*s: is there room, and does the disk work?",
                  STR_ARG(r->services->home));
    }
}

static bool run_find_target(struct task *t, struct run *r)
{
    str domain, product;

    r->image = image_pin(t, r->services->images);
    (void)str_cut(r->product, '.', &domain, &product);
    r->target = image_find_product(r->image, domain, product);
    if (r->target == NULL) {
        task_fail(t, ERR_NOT_FOUND, "there is no product %.*s", STR_ARG(r->product));
        return task_hint(t, "weft show lists the products");
    }
    if (str_eq(r->target->definition->status, STR("retired"))) {
        return task_fail(t, ERR_REFUSED, "product %.*s is retired", STR_ARG(r->product));
    }
    return true;
}

/* The image is pinned, so the releases of all producers are those of one instant. */
static bool run_pin_inputs(struct task *t, struct run *r)
{
    const struct model_product *definition = r->target->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        const struct image_product *producer = NULL;

        if (input->producer != NULL) {
            producer =
                image_find_product(r->image, input->producer->domain->name, input->producer->name);
            CHECK(producer != NULL);
            if (r->candidate_of == producer->id) {
                producer = r->candidate;
            }
            if (producer->release.number == 0) {
                task_fail(t, ERR_SOURCE, "input %.*s has no release yet",
                          STR_ARG(producer->address));
                return task_hint(t, "run %.*s first", STR_ARG(producer->address));
            }
        }
        vec_push(t->mem, &r->inputs, ((struct run_input){.input = input, .producer = producer}));
    }
    return true;
}

/* Told with its row, so that they are known of a run that does not end as well. */
static void run_list_pins(struct task *t, const struct run *r, struct run_pins *out)
{
    const struct model_product *definition = r->target->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_product *of = definition->inputs.at[i].producer;
        const struct image_product *producer =
            of != NULL ? image_find_product(r->image, of->domain->name, of->name) : NULL;

        if (producer != NULL) {
            vec_push(t->mem, out, ((struct run_pin){producer->id, producer->release.number}));
        }
    }
}

bool run_begin(struct task *t, struct run *r)
{
    struct run_row row = {0};
    char id[37];

    r->started_us = clock_now_us();
    report_init(&r->findings, t->mem);
    if (!run_find_target(t, r)) {
        return false;
    }
    clock_uuid(id);
    row = (struct run_row){
        .id = arena_str(t->mem, str_of(id)),
        .product_id = r->target->id,
        .state = RUN_STARTED,
        .step = STR("begin"),
        .requested_by = t->actor->name,
        .job_id = r->job_id,
        .created_us = r->started_us,
        .started_us = r->started_us,
    };
    run_list_pins(t, r, &row.pins);
    if (!run_row_insert(t, r->services->db, &row)) {
        return false;
    }
    r->id = row.id;
    return fault_pass(t, FAULT_RUN_BEGIN) && run_pin_inputs(t, r)
        && store_stage(t, r->services->store, r->id, &r->staging);
}

static const struct image_product *run_find_id(const struct image *image, uint64_t id)
{
    for (size_t i = 0; i < image->products.len; i++) {
        if (image->products.at[i].id == id) {
            return &image->products.at[i];
        }
    }
    return NULL;
}

/* As it is by the files of today. */
static bool run_load_candidate(struct task *t, struct run *r)
{
    const struct image_product *producer = run_find_id(r->image, r->candidate_of);

    return (producer == NULL || release_load_candidate(t, r->services->db, producer, &r->candidate))
        && (r->candidate != NULL
            || task_fail(t, ERR_CONFLICT, "the candidate was published or dropped meanwhile"));
}

/* Without a row: what is tried leaves nothing but what is said of it. */
static bool run_begin_trial(struct task *t, struct run *r)
{
    char id[37];

    r->started_us = clock_now_us();
    report_init(&r->findings, t->mem);
    if (!run_find_target(t, r) || !run_load_candidate(t, r)) {
        return false;
    }
    clock_uuid(id);
    r->id = arena_str(t->mem, str_of(id));
    return run_pin_inputs(t, r) && store_stage(t, r->services->store, r->id, &r->staging);
}

bool run_enter(struct task *t, const struct run *r, enum run_state state, str step)
{
    return r->candidate_of != 0 || r->is_between
        || run_row_step(t, r->services->db, r->id, state, step);
}

void run_progress(struct task *t, struct run *r, const char *step, str subject, int thousandths)
{
    r->step = str_of(step);
    if (r->watcher.progress != NULL) {
        r->watcher.progress(t, r->watcher.state, step, subject, thousandths);
    }
}

str run_error_json(struct task *t)
{
    struct buf *b = buf_new(t->mem, RUN_ERROR_BYTES_MAX);

    error_json(&t->err, b);
    if (b->full) {
        struct error brief = {.code = t->err.code,
                              .message = str_sub(t->err.message, 0, RUN_MESSAGE_BYTES_MAX)};

        b = buf_new(t->mem, RUN_ERROR_BYTES_MAX);
        error_json(&brief, b);
    }
    return buf_str(b);
}

/* What a run that ends without a release leaves behind, in one write. */
struct run_failure {
    struct run *r;
    enum run_state state;
    enum error_code code;
    str error;
};

static bool run_write_failure(struct task *t, struct metadb *db, void *state)
{
    struct run_failure *failure = state;
    struct run *r = failure->r;
    str outcome = str_of(run_state_name(failure->state));
    /* The error's words may tell values: those who read the run's row are held against its policies, others are not. */
    str detail = arena_format(t->mem, "{\"run\":\"%.*s\",\"code\":\"%s\"}", STR_ARG(r->id),
                              error_name(failure->code));

    return run_write_checks(t, db, r)
        && run_row_end(t, db, r->id, failure->state, failure->error, 0, 0)
        && outbox_add(t, db, outcome, r->product, detail, NULL)
        && audit_append(t, db, STR("run"), r->product, outcome, detail, NULL);
}

static enum run_state run_end_state(enum error_code code)
{
    switch (code) {
    case ERR_CHECK_FAILED:
    case ERR_DRIFT:
        return RUN_REJECTED;
    case ERR_CANCELLED:
        return RUN_CANCELLED;
    default:
        return RUN_FAILED;
    }
}

void run_end(struct task *t, struct run *r, bool ok)
{
    struct task *last;
    struct run_failure failure;

    if (ok || r->id.len == 0) {
        return;
    }
    (void)gate_withdrawn(t, r->services->gate);
    failure = (struct run_failure){.r = r,
                                   .state = run_end_state(t->err.code),
                                   .code = t->err.code,
                                   .error = run_error_json(t)};
    /* The run's own task is cancelled or past its deadline perhaps: its end is written all the same. */
    last = task_new();
    last->actor = t->actor;
    if (!metadb_write(last, r->services->db, run_write_failure, &failure)) {
        log_failure("run", last);
    }
    task_free(last);
}
