#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "log/log.h"
#include "store/store_file.h"

enum { LANDLOCK_ASK_VERSION = 1, CLOSE_WAIT_MS = 10000 };

/* The folder of the program that runs. */
static str own_folder(struct arena *mem)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    str folder, name;

    if (len <= 0 || !str_cut_last((str){path, (size_t)len}, '/', &folder, &name))
        return STR(".");
    return arena_str(mem, folder);
}

/* The first of the paths that is there, else the last of them. */
static char *first_there(struct arena *mem, const str *paths, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        char *path = arena_c_string(mem, paths[i]);
        if (access(path, F_OK) == 0)
            return path;
    }
    return arena_c_string(mem, paths[len - 1]);
}

static bool find_program(struct task *t, struct engine *engine, const struct config *config)
{
    str set = CONFIG_TEXT(config, worker_program);
    str folder = own_folder(engine->mem);
    str paths[] = {
        arena_format(engine->mem, STR_FMT "/weft-worker", STR_ARG(folder)),
        arena_format(engine->mem, STR_FMT "/../libexec/weft/weft-worker", STR_ARG(folder)),
    };

    engine->program = set.len > 0
                        ? arena_c_string(engine->mem, set)
                        : first_there(engine->mem, paths, sizeof(paths) / sizeof(paths[0]));
    if (access(engine->program, X_OK) == 0)
        return true;
    task_fail_errno(t, ERR_CONFIG, "there is no worker program %s", engine->program);
    return task_hint(
        t, "weft-worker is installed with weft; the setting worker_program says where else it is");
}

static void find_extensions(struct engine *engine, const struct config *config)
{
    str set = CONFIG_TEXT(config, extension_folder);
    str folder = own_folder(engine->mem);
    str paths[] = {
        arena_format(engine->mem, STR_FMT "/deps/extensions", STR_ARG(folder)),
        arena_format(engine->mem, STR_FMT "/../deps/extensions", STR_ARG(folder)),
#ifdef WEFT_EXTENSION_FOLDER
        STR(WEFT_EXTENSION_FOLDER),
#endif
        arena_format(engine->mem, STR_FMT "/../lib/weft/extensions", STR_ARG(folder)),
    };
    char *found = set.len > 0 ? arena_c_string(engine->mem, set)
                              : first_there(engine->mem, paths, sizeof(paths) / sizeof(paths[0]));
    /* The worker works in a folder of its own: a relative path would mean another place there. */
    char *whole = realpath(found, NULL);

    engine->extensions = whole != NULL ? arena_c_string(engine->mem, str_of(whole)) : found;
    free(whole);
}

static bool check_sandbox(struct task *t, struct engine *engine, const struct config *config)
{
    engine->sandbox = arena_c_string(engine->mem, CONFIG_TEXT(config, sandbox));
    bool is_required = strcmp(engine->sandbox, "best-effort") != 0;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION);
    if (version >= 1)
        return true;
    if (is_required) {
        task_fail(t, ERR_CONFIG,
                  "the kernel lacks Landlock, which keeps a worker inside its folder");
        return task_hint(t, "run a kernel with Landlock (5.13 or later, lsm=landlock), or set "
                            "sandbox = best-effort");
    }
    log_event(LOG_WARN, "engine", t,
              "the kernel lacks Landlock: workers are held by seccomp and limits only");
    return true;
}

static bool check_user(struct task *t, const struct engine *engine)
{
    if (!engine->is_root || engine->first_uid != 0)
        return true;
    task_fail(t, ERR_CONFIG, "workers of a server that is root need a user of their own");
    return task_hint(t, "set worker_uid to the first of workers_max unused user ids");
}

/* Workers of an earlier server are gone, or end as soon as they see that it is: their folders go
 * now. */
static bool open_folder(struct task *t, struct engine *engine, str home)
{
    char *path = realpath(arena_c_string(engine->mem, home), NULL);

    if (path == NULL)
        return task_fail_errno(t, ERR_CONFIG, "cannot find the home " STR_FMT, STR_ARG(home));
    engine->home = arena_c_string(engine->mem, str_of(path));
    free(path);
    char *workers =
        arena_c_string(engine->mem, arena_format(engine->mem, "%s/workers", engine->home));
    if (mkdir(workers, 0700) != 0 && errno != EEXIST)
        return task_fail_errno(t, ERR_IO, "cannot make %s", workers);
    engine->workers_fd = open(workers, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (engine->workers_fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", workers);
    if (!store_folder_empty(engine->workers_fd))
        return task_fail_errno(t, ERR_IO, "cannot empty %s", workers);
    return true;
}

static void read_settings(struct engine *engine, const struct config *config)
{
    int64_t first_uid = CONFIG_INT(config, worker_uid);

    engine->memory_mb = CONFIG_INT(config, worker_memory_mb);
    engine->temp_mb = CONFIG_INT(config, worker_temp_mb);
    engine->reserve_bytes = (uint64_t)CONFIG_INT(config, free_space_reserve_mb) << 20;
    engine->threads = CONFIG_INT(config, worker_threads);
    engine->idle_ms = CONFIG_INT(config, worker_idle_s) * 1000;
    engine->age_ms = CONFIG_INT(config, worker_age_s) * 1000;
    engine->jobs_max = (uint64_t)CONFIG_INT(config, worker_queries_max);
    engine->slot_count = (uint32_t)CONFIG_INT(config, workers_max);
    engine->warm_wanted = (uint32_t)CONFIG_INT(config, workers_warm);
    engine->is_root = geteuid() == 0;
    engine->first_uid = (uid_t)first_uid;
}

static void make_slots(struct engine *engine)
{
    engine->slots = ARENA_ARRAY(engine->mem, struct worker, engine->slot_count);
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        engine->slots[i].magic = WORKER_MAGIC;
        engine->slots[i].engine = engine;
        engine->slots[i].slot = i;
        engine->slots[i].fd = engine->slots[i].folder_fd = -1;
    }
}

static void make_locks(struct engine *engine)
{
    pthread_condattr_t steady;

    CHECK(pthread_condattr_init(&steady) == 0);
    CHECK(pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&engine->changed, &steady) == 0);
    CHECK(pthread_mutex_init(&engine->lock, NULL) == 0);
    pthread_condattr_destroy(&steady);
}

static void engine_free(struct engine *engine)
{
    if (engine->workers_fd >= 0)
        close(engine->workers_fd);
    if (engine->wake_fd >= 0)
        close(engine->wake_fd);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    engine->magic = 0;
    arena_free(engine->mem);
}

static bool start_keeper(struct task *t, struct engine *engine)
{
    sigset_t all, before;

    engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->wake_fd < 0)
        return task_fail_errno(t, ERR_CONFIG, "cannot make an event counter");
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&engine->keeper, NULL, engine_keep, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return true;
    errno = error;
    return task_fail_errno(t, ERR_CONFIG, "cannot start the thread that keeps the workers");
}

bool engine_open(struct task *t, const struct config *config, str home, struct engine **out)
{
    struct arena *mem = arena_new();
    struct engine *engine = ARENA_NEW(mem, struct engine);

    engine->magic = ENGINE_MAGIC;
    engine->mem = mem;
    engine->workers_fd = engine->wake_fd = -1;
    make_locks(engine);
    read_settings(engine, config);
    make_slots(engine);
    find_extensions(engine, config);
    bool ok = check_sandbox(t, engine, config) && check_user(t, engine)
           && find_program(t, engine, config) && open_folder(t, engine, home)
           && start_keeper(t, engine);
    if (!ok) {
        engine_free(engine);
        return false;
    }
    *out = engine;
    return true;
}

/* Kills what is lent or starts; gives how many slots are not free yet. */
static uint32_t kill_held_locked(struct engine *engine)
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < engine->slot_count; i++) {
        struct worker *w = &engine->slots[i];
        held += w->state != SLOT_FREE;
        if (w->pid != 0 && (w->state == SLOT_LENT || w->state == SLOT_STARTING))
            kill(w->pid, SIGKILL);
    }
    return held;
}

/* Those who still have a loan see their worker die and give it back. */
static bool loans_end_locked(struct engine *engine)
{
    int64_t until_ms = clock_monotonic_ms() + CLOSE_WAIT_MS;

    for (;;) {
        if (kill_held_locked(engine) == 0 && engine->waiters == NULL)
            return true;
        if (clock_monotonic_ms() >= until_ms)
            return false;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&engine->changed, &engine->lock, &until);
    }
}

void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    CHECK(engine->magic == ENGINE_MAGIC);
    pthread_mutex_lock(&engine->lock);
    engine->is_closing = true;
    (void)kill_held_locked(engine);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    engine_wake(engine);
    pthread_join(engine->keeper, NULL);

    pthread_mutex_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        if (engine->slots[i].state == SLOT_IDLE)
            (void)!engine_wire_post(&engine->slots[i],
                                    FRAME_QUIT); /* all at once: each may take its time */
    }
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        if (engine->slots[i].state == SLOT_IDLE)
            engine_slot_end_locked(&engine->slots[i], ENGINE_QUIT_MS);
    }
    bool is_over = loans_end_locked(engine);
    pthread_mutex_unlock(&engine->lock);
    if (is_over)
        engine_free(engine);
    else
        log_event(LOG_ERROR, "engine", NULL, "a worker is still lent: its memory is left alone");
}
