#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "fault/fault.h"
#include "http/http.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "log/log.h"
#include "plan/plan_env.h"
#include "rollback/rollback.h"
#include "services/envs.h"
#include "store/store.h"
#include "store/store_file.h"
#include "timer/timer.h"

enum {
    SERVE_LOOK_MS = 200,
    SERVE_HOME_MS = 60000, /* for a server that a command began to end */
};

struct server {
    struct services *services;
    struct timer *timer;
    struct http_door *http;
    str socket_path;
};

/* Only this thread takes the signals; those started later inherit the mask. */
static void serve_mask_signals(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ends, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A server that a command began ends by itself soon after it: who was asked to serve waits for that. False, with an error, when a signal
 * ends the wait. */
static bool serve_await_home(struct task *t, const struct serve_options *options,
                             const sigset_t *ends)
{
    struct timespec look = {.tv_nsec = SERVE_LOOK_MS * 1000000};
    int64_t pid, end_ms = clock_monotonic_ms() + SERVE_HOME_MS;
    bool is_told = false;

    if (CONFIG_INT(options->config, idle_exit_s) > 0) {
        return true;
    }
    while (store_is_held_briefly(t, options->home, &pid) && clock_monotonic_ms() < end_ms) {
        if (!is_told) {
            log_event(LOG_INFO, "main", t, "waits for process %lld, which serves a command, to end",
                      (long long)pid);
        }
        is_told = true;
        if (sigtimedwait(ends, NULL, &look) > 0) {
            return task_fail(t, ERR_CANCELLED, "ended before it served");
        }
    }
    return true;
}

static bool serve_open(struct task *t, const struct serve_options *options, struct server *server)
{
    struct http_door_options http = {.address = CONFIG_TEXT(options->config, http_address)};

    server->socket_path = arena_format(t->mem, "%.*s/weft.sock", STR_ARG(options->home));
    http.socket_path = server->socket_path;
    static const struct env_steps steps = {
        .apply = plan_env_apply, .carry = rollback_carry, .follow = plan_env_follow};

    if (!services_open(t, options->config, options->home, options->folder, &server->services)) {
        return false;
    }
    envs_set_steps(server->services->envs, &steps);
    return timer_open(t, server->services, &server->timer)
        && http_door_open(t, server->services, &http, &server->http);
}

static void serve_close(struct server *server)
{
    if (server->http != NULL) {
        http_door_set_ready(server->http, false);
    }
    http_door_close(server->http);
    timer_close(server->timer);
    services_close(server->services);
}

/* Whole or not there: who waits for the file reads it at once. */
static bool serve_write_ready(struct task *t, const struct serve_options *options,
                              const struct server *server)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};
    str staged = arena_format(t->mem, "%.*s.%d", STR_ARG(options->ready_file), (int)getpid());
    int fd;

    if (options->ready_file.len == 0) {
        return true;
    }
    json_out_begin(&o, "", '{');
    json_out_int(&o, "pid", getpid());
    json_out_str(&o, "socket", server->socket_path);
    json_out_maybe(&o, "http", http_door_address(server->http));
    json_out_end(&o, '}');
    buf_add_byte(o.b, '\n');
    fd = open(staged.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && store_file_write(fd, buf_str(o.b));
    if (fd >= 0) {
        close(fd);
    }
    if (!ok || rename(staged.ptr, arena_c_string(t->mem, options->ready_file)) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot write the ready file %.*s",
                               STR_ARG(options->ready_file));
    }
    return true;
}

/* Nobody is connected, nothing is at work, and it has been so for long enough. */
static bool serve_is_idle(struct server *server, int64_t idle_ms, int64_t *busy_ms)
{
    int64_t last_ms = 0;

    if (http_door_connections(server->http, &last_ms) > 0 || timer_working(server->timer) > 0) {
        *busy_ms = clock_monotonic_ms();
    }
    if (last_ms > *busy_ms) {
        *busy_ms = last_ms;
    }
    return idle_ms > 0 && clock_monotonic_ms() - *busy_ms >= idle_ms;
}

/* Who comes at the very moment of the end is still served: while that is decided nobody is taken in. */
static bool serve_is_over(struct server *server, int64_t idle_ms, int64_t *busy_ms)
{
    if (!serve_is_idle(server, idle_ms, busy_ms)) {
        return false;
    }
    http_door_pause(server->http);
    if (serve_is_idle(server, idle_ms, busy_ms)) {
        return true;
    }
    http_door_resume(server->http);
    return false;
}

static void serve_wait(const struct serve_options *options, struct server *server,
                       const sigset_t *ends)
{
    int64_t idle_ms = CONFIG_INT(options->config, idle_exit_s) * 1000;
    int64_t busy_ms = clock_monotonic_ms();
    struct timespec look = {.tv_nsec = SERVE_LOOK_MS * 1000000};

    for (;;) {
        int sign = sigtimedwait(ends, NULL, &look);

        if (sign > 0) {
            log_event(LOG_INFO, "main", NULL, "ends on signal %d", sign);
            return;
        }
        if (serve_is_over(server, idle_ms, &busy_ms)) {
            log_event(LOG_INFO, "main", NULL, "ends: no client for %lld ms", (long long)idle_ms);
            return;
        }
    }
}

bool serve_run(struct task *t, const struct serve_options *options)
{
    struct server server = {0};
    sigset_t ends;
    enum log_level level = LOG_INFO;

    (void)log_level_by_name(CONFIG_TEXT(options->config, log_level), &level);
    log_set_level(level);
    serve_mask_signals(&ends);
    umask(077);
    if (!fault_setup(t) || !serve_await_home(t, options, &ends) || !serve_open(t, options, &server)
        || !serve_write_ready(t, options, &server)) {
        serve_close(&server);
        return false;
    }
    http_door_set_ready(server.http, true);
    str address = http_door_address(server.http);
    log_event(LOG_INFO, "main", t, "serves %.*s%s%.*s", STR_ARG(server.socket_path),
              address.len ? " and http://" : "", STR_ARG(address));
    serve_wait(options, &server, &ends);
    serve_close(&server);
    return true;
}
