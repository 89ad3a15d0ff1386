#include "timer/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "govern/govern.h"
#include "log/log.h"
#include "plan/plan.h"
#include "run/run_candidate.h"
#include "run/run_due.h"
#include "services/envs.h"
#include "timer_inside.h"
#include "upkeep/upkeep.h"

/* A row that cannot be marked as running so often is refused: the disk is full, or does not work. */
enum { TIMER_POLL_MS = 500, TIMER_JOBS_MAX = 64, TIMER_TAKES_MAX = 4 };

struct timer {
    struct services *services;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t working;
    struct task *keeping; /* the image for the next start; NULL: nobody does */
    uint64_t looked_at;   /* the version of the image that was asked whether it is due */
    atomic_bool is_closing;
    char refused[37]; /* the row that could not be taken, and how often */
    int takes;
};

struct timer_work {
    struct timer *timer;
    struct services *services; /* of the mesh, or of an environment */
    struct task *t;
    struct job_row *row;
    bool has_thread;
    const struct error *refused; /* why it was not begun; NULL: it was */
};

/* Whoever cancelled the job before this thread could be reached has left it in the row. */
static bool timer_begin(struct timer_work *work)
{
    struct services *s = work->services;
    struct task *t = work->t;
    struct actor *actor;
    struct job_row *row;

    if (work->refused != NULL) {
        return task_fail_as(t, work->refused);
    }
    if (!work->has_thread) {
        return task_fail(t, ERR_TOO_MANY, "no thread is left for another job");
    }
    if (!run_all_actor(t, s, work->row, &actor) || !job_row_find(t, s->db, work->row->id, &row)) {
        return false;
    }
    t->actor = actor;
    if (row != NULL && row->is_cancel_requested) {
        task_cancel(t);
    }
    return task_go_on(t);
}

/* Who ended it: its caller, or the mesh that its environment follows. */
static void timer_find_end(struct timer_work *work)
{
    if (work->services->mesh != NULL && work->t->err.code == ERR_CANCELLED) {
        (void)gate_withdrawn(work->t, work->services->gate);
    }
    log_failure("timer", work->t);
}

static void timer_run_one(struct timer_work *work)
{
    struct services *s = work->services;
    struct task *t = work->t;
    struct run run = {
        .services = s,
        .product = work->row->subject,
        .job_id = work->row->id,
        .started_us = clock_now_us(),
        .watcher = {.progress = timer_say_step},
    };
    int64_t timeout_ms = CONFIG_INT(s->config, run_timeout_s) * 1000;
    struct run_how how = {0};
    bool ok;

    run.watcher.state = &run;
    ok = timer_begin(work) && run_all_how(t, work->row, &how)
      && turns_take(t, s->runs, INT32_MAX, "runs");
    if (ok) {
        t->deadline_ms = clock_monotonic_ms() + timeout_ms;
        run.is_full = how.is_full;
        run.from = how.from;
        run.to = how.to;
        run.is_replay = how.is_replay;
        run.replayed = how.replayed;
        ok = run_product(t, &run);
    }
    if (!ok) {
        timer_find_end(work);
    }
    timer_say_run(t, &run, ok);
    work->row->state = ok ? JOB_DONE : t->err.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    work->row->result = ok ? STR_NONE : str_of(error_name(t->err.code));
}

/* Its release waits, and all who read the product are tried over it. */
static void timer_run_candidate(struct timer_work *work)
{
    struct services *s = work->services;
    struct task *t = work->t;
    struct run_candidate c = {.run = {
                                  .services = s,
                                  .product = work->row->subject,
                                  .job_id = work->row->id,
                                  .started_us = clock_now_us(),
                                  .watcher = {.progress = timer_say_step},
                              }};
    struct run_how how = {0};
    bool ok;

    c.run.watcher.state = &c.run;
    ok = timer_begin(work) && run_all_how(t, work->row, &how)
      && turns_take(t, s->runs, INT32_MAX, "runs");
    if (ok) {
        t->deadline_ms = clock_monotonic_ms() + CONFIG_INT(s->config, run_timeout_s) * 1000;
        c.run.is_full = how.is_full;
        c.run.from = how.from;
        c.run.to = how.to;
        ok = run_candidate(t, &c) && plan_test_consumers(t, s, c.run.product, c.run.id);
    }
    if (!ok) {
        timer_find_end(work);
    }
    timer_say_run(t, &c.run, ok);
    work->row->state = ok ? JOB_DONE : t->err.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    work->row->result = ok ? STR_NONE : str_of(error_name(t->err.code));
    timer_say_one(t, &c.run, work->row->state);
}

/* Rules that are due, of the current release. What fails is due still, and is tried again. */
static void timer_check(struct timer_work *work)
{
    struct services *s = work->services;
    struct task *t = work->t;
    bool ok = work->has_thread || task_fail(t, ERR_TOO_MANY, "no thread is left for another job");
    struct actor *actor = ARENA_NEW(t->mem, struct actor);

    /* Nobody asked but the product's own contract. */
    *actor =
        (struct actor){.kind = ACTOR_PRODUCT, .name = work->row->subject, .door = STR("schedule")};
    t->actor = actor;
    ok = ok && turns_take(t, s->runs, INT32_MAX, "runs");
    if (ok) {
        t->deadline_ms = clock_monotonic_ms() + CONFIG_INT(s->config, run_timeout_s) * 1000;
        ok = run_due(t, s, work->row->subject);
    }
    if (!ok) {
        log_failure("timer", t);
    }
    work->row->state = ok ? JOB_DONE : t->err.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    work->row->result = ok ? STR_NONE : str_of(error_name(t->err.code));
}

/* Nobody waits for it, and what it does not make is made when it is asked for. */
static void timer_clear(struct timer_work *work)
{
    struct task *t = work->t;

    if (work->refused != NULL) {
        (void)task_fail_as(t, work->refused);
    } else if (work->has_thread ? govern_prepare(t, work->services, work->row->subject)
                                : task_fail(t, ERR_TOO_MANY, "no thread is left for another job")) {
        work->row->state = JOB_DONE;
        return;
    }
    log_failure("timer", t);
    work->row->state = t->err.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    work->row->result = str_of(error_name(t->err.code));
}

static void timer_run_all(struct timer_work *work)
{
    struct task *t = work->t;
    struct run_all all = {
        .services = work->services,
        .job_id = work->row->id,
        .products = work->row->subject,
    };
    bool ok = timer_begin(work) && run_all_how(t, work->row, &all.how) && run_all(t, &all);

    if (!ok) {
        timer_find_end(work);
    }
    work->row->state = !ok            ? (t->err.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED)
                     : all.failed > 0 ? JOB_FAILED
                                      : JOB_DONE;
    timer_say_end(t, &all, work->row->state, &work->row->result);
}

/* The end of a job is written even when its task was cancelled, and again when the disk was full: until then nobody else would get
 * to run the same. Whoever waits for it is told at once. */
static void timer_write_end(struct timer_work *work)
{
    const struct timespec pause = {.tv_sec = 1};
    bool is_told = false, ok;

    do {
        struct task *last = task_new();

        last->actor = work->t->actor;
        ok = job_row_end(last, work->services->db, work->row->id, work->row->state,
                         work->row->result)
          || last->err.code == ERR_CONFLICT;
        if (!ok && !is_told) {
            log_failure("timer", last);
            jobs_over(work->services->jobs, work->row->id, work->row->state, work->row->result);
            is_told = true;
        }
        task_free(last);
    } while (!ok && !atomic_load(&work->timer->is_closing) && nanosleep(&pause, NULL) == 0);
}

static void *timer_work(void *state)
{
    struct timer_work *work = state;
    struct timer *timer = work->timer;

    if (str_eq(work->row->kind, STR("run"))) {
        timer_run_one(work);
    } else if (str_eq(work->row->kind, STR("candidate"))) {
        timer_run_candidate(work);
    } else if (str_eq(work->row->kind, STR("clear"))) {
        timer_clear(work);
    } else if (str_eq(work->row->kind, STR("check"))) {
        timer_check(work);
    } else {
        timer_run_all(work);
    }
    timer_write_end(work);
    jobs_end(work->services->jobs, work->row->id);
    task_free(work->t);
    free(work);
    pthread_mutex_lock(&timer->lock);
    timer->working--;
    pthread_cond_signal(&timer->ended);
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

static void timer_start(struct timer *timer, struct services *s, struct task *t,
                        struct job_row *row, const struct error *refused)
{
    struct timer_work *work = calloc(1, sizeof(*work));
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(work != NULL);
    *work = (struct timer_work){
        .timer = timer, .services = s, .t = t, .row = row, .has_thread = true, .refused = refused};
    jobs_begin(s->jobs, row->id, t);
    if (s->mesh != NULL) {
        envs_stay(t, s, ENV_WORKS);
    }
    pthread_mutex_lock(&timer->lock);
    timer->working++;
    pthread_mutex_unlock(&timer->lock);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int status = pthread_create(&thread, &attributes, timer_work, work);
    pthread_attr_destroy(&attributes);
    if (status != 0) {
        work->has_thread = false;
        (void)timer_work(work);
    }
}

static bool timer_has_room(struct timer *timer)
{
    pthread_mutex_lock(&timer->lock);
    bool has_room = timer->working < TIMER_JOBS_MAX;
    pthread_mutex_unlock(&timer->lock);
    return has_room;
}

/* A row that could not be marked as running waits for the next look, and for another: but not for ever, because somebody waits
 * for it. */
static bool timer_gives_up(struct timer *timer, str id)
{
    if (!str_eq(str_of(timer->refused), id)) {
        CHECK(id.len < sizeof(timer->refused));
        memcpy(timer->refused, id.ptr, id.len);
        timer->refused[id.len] = '\0';
        timer->takes = 0;
    }
    return ++timer->takes >= TIMER_TAKES_MAX;
}

/* Its end is told and, as soon as that can be, written. */
static void timer_refuse(struct timer *timer, struct services *s, struct task *t,
                         struct job_row *row)
{
    struct task *work = task_new();
    struct error *why = ARENA_NEW(work->mem, struct error);
    struct job_row *copy = ARENA_NEW(work->mem, struct job_row);

    *why = (struct error){.code = t->err.code,
                          .message = arena_str(work->mem, t->err.message),
                          .detail = arena_str(work->mem, t->err.detail),
                          .hint = arena_str(work->mem, t->err.hint)};
    *copy = (struct job_row){.id = arena_str(work->mem, row->id),
                             .kind = arena_str(work->mem, row->kind),
                             .subject = arena_str(work->mem, row->subject),
                             .input = arena_str(work->mem, row->input),
                             .requested_by = arena_str(work->mem, row->requested_by)};
    timer_start(timer, s, work, copy, why);
}

/* Takes what waits; false when nothing does. */
static bool timer_take(struct timer *timer, struct services *s)
{
    struct task *t = task_new();
    struct job_row *row = NULL;
    bool ok = job_row_take(t, s->db, &row);

    if (ok && row != NULL && !jobs_is_known(s->jobs, row->id)) {
        timer_start(timer, s, t, row, NULL);
        return true;
    }
    if (!ok) {
        log_failure("timer", t);
    }
    /* One that is known and taken now was refused before: whoever refused it writes its end. */
    if (!ok && row != NULL && !jobs_is_known(s->jobs, row->id) && timer_gives_up(timer, row->id)) {
        timer_refuse(timer, s, t, row);
    }
    task_free(t);
    return false;
}

static void timer_take_all(struct timer *timer, struct services *s)
{
    while (timer_has_room(timer) && !atomic_load(&timer->is_closing) && timer_take(timer, s)) {
    }
}

static void timer_visit(struct task *t, struct services *s, void *state)
{
    (void)t;
    timer_take_all(state, s);
}

static void timer_sweep(struct timer *timer)
{
    struct task *t = task_new();

    if (!upkeep_sweep(t, timer->services)) {
        log_failure("timer", t);
    }
    task_free(t);
}

static void *timer_keep(void *state)
{
    struct timer *timer = state;
    struct task *t = timer->keeping;

    if (!upkeep_keep_image(t, timer->services) && t->err.code != ERR_CANCELLED) {
        log_failure("timer", t);
    }
    pthread_mutex_lock(&timer->lock);
    task_free(t);
    timer->keeping = NULL;
    timer->working--;
    pthread_cond_signal(&timer->ended);
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

/* In a thread of its own: others do not wait for a large mesh. One that failed is tried again when the image is another. */
static void timer_keep_image(struct timer *timer)
{
    struct task *t = task_new();
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_mutex_lock(&timer->lock);
    bool begins =
        timer->keeping == NULL && upkeep_is_image_due(t, timer->services, &timer->looked_at);
    if (begins) {
        timer->keeping = t;
        timer->working++;
    }
    pthread_mutex_unlock(&timer->lock);
    if (!begins) {
        task_free(t);
        return;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int status = pthread_create(&thread, &attributes, timer_keep, timer);
    pthread_attr_destroy(&attributes);
    if (status != 0) {
        (void)timer_keep(timer);
    }
}

/* What was agreed until now is over now. */
static void timer_expire(struct timer *timer, bool *failed)
{
    struct task *t = task_new();
    bool ok = govern_expire(t, timer->services);

    /* It is tried at every turn: a full disk is told once. */
    if (!ok && !*failed) {
        log_failure("timer", t);
    }
    *failed = !ok;
    task_free(t);
}

/* Nor is it told twice of last days that cannot be written down. */
static void timer_tell_endings(struct timer *timer, struct upkeep_endings *known, bool *failed)
{
    struct task *t = task_new();
    bool ok = upkeep_tell_endings(t, timer->services, known);

    if (!ok && !*failed) {
        log_failure("timer", t);
    }
    *failed = !ok;
    task_free(t);
}

static void *timer_loop(void *state)
{
    struct timer *timer = state;
    int64_t every_ms = CONFIG_INT(timer->services->config, upkeep_every_s) * 1000;
    int64_t sweep_ms = clock_monotonic_ms() + every_ms;
    struct upkeep_endings endings = {0};
    struct timer_schedule schedule = {0};
    bool expiry_failed = false, endings_failed = false, schedule_failed = false;

    while (!atomic_load(&timer->is_closing)) {
        timer_expire(timer, &expiry_failed);
        timer_tell_endings(timer, &endings, &endings_failed);
        timer_look(timer->services, &schedule, &schedule_failed);
        timer_take_all(timer, timer->services);
        envs_each_open(timer->services, timer_visit, timer);
        envs_tidy(timer->services);
        timer_keep_image(timer);
        if (clock_monotonic_ms() >= sweep_ms) {
            timer_sweep(timer);
            sweep_ms = clock_monotonic_ms() + every_ms;
        }
        jobs_wait(timer->services->jobs, TIMER_POLL_MS);
    }
    arena_free(schedule.mem);
    return NULL;
}

bool timer_open(struct task *t, struct services *services, struct timer **out)
{
    struct timer *timer = calloc(1, sizeof(*timer));

    CHECK(timer != NULL);
    timer->services = services;
    pthread_mutex_init(&timer->lock, NULL);
    pthread_cond_init(&timer->ended, NULL);
    if (pthread_create(&timer->thread, NULL, timer_loop, timer) != 0) {
        free(timer);
        return task_fail(t, ERR_CONFIG, "cannot start a thread");
    }
    *out = timer;
    return true;
}

void timer_close(struct timer *timer)
{
    if (timer == NULL) {
        return;
    }
    atomic_store(&timer->is_closing, true);
    jobs_wake(timer->services->jobs);
    pthread_join(timer->thread, NULL);
    envs_end(timer->services);
    (void)jobs_cancel_all(timer->services->jobs);
    pthread_mutex_lock(&timer->lock);
    if (timer->keeping != NULL) {
        task_cancel(timer->keeping);
    }
    while (timer->working > 0) {
        pthread_cond_wait(&timer->ended, &timer->lock);
    }
    pthread_mutex_unlock(&timer->lock);
    pthread_cond_destroy(&timer->ended);
    pthread_mutex_destroy(&timer->lock);
    free(timer);
}

size_t timer_working(struct timer *timer)
{
    pthread_mutex_lock(&timer->lock);
    size_t working = timer->working;
    pthread_mutex_unlock(&timer->lock);
    return working;
}
