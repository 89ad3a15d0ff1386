/* Threads for connections that work. One is made when none waits, and ends when it had nothing to
 * do for a while. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "http_server/http_server_inside.h"
#include "log/log.h"

enum { THREAD_STACK_BYTES = 2 << 20, THREAD_REST_S = 10 };

static struct http_connection *take_ready(struct http_server *server)
{
    struct http_connection *c = server->ready_first;
    if (c == NULL)
        return NULL;
    server->ready_first = c->next_ready;
    if (server->ready_first == NULL)
        server->ready_last = NULL;
    c->next_ready = NULL;
    server->ready_count--;
    return c;
}

/* Waits for a connection; NULL when there was none for a while, or at the end. */
static struct http_connection *wait_for_work(struct http_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += THREAD_REST_S;
    for (;;) {
        struct http_connection *c = take_ready(server);
        if (c != NULL || server->ending)
            return c;
        server->waiting_threads++;
        int status = pthread_cond_timedwait(&server->work, &server->lock, &until);
        server->waiting_threads--;
        if (status == ETIMEDOUT)
            return take_ready(server);
    }
}

static void *thread_main(void *arg)
{
    struct http_thread *thread = arg;
    struct http_server *server = thread->server;
    struct http_connection *c = NULL;
    pthread_mutex_lock(&server->lock);
    while ((c = wait_for_work(server)) != NULL) {
        pthread_mutex_unlock(&server->lock);
        http_connection_serve(c);
        pthread_mutex_lock(&server->lock);
    }
    for (struct http_thread **at = &server->threads; *at != NULL; at = &(*at)->next) {
        if (*at == thread) {
            *at = thread->next;
            break;
        }
    }
    thread->next = server->ended_threads;
    server->ended_threads = thread;
    pthread_cond_broadcast(&server->ended);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Under the lock; a thread on this list holds it no more than it takes to return. */
static void join_ended(struct http_server *server)
{
    while (server->ended_threads != NULL) {
        struct http_thread *thread = server->ended_threads;
        server->ended_threads = thread->next;
        pthread_mutex_unlock(&server->lock);
        pthread_join(thread->id, NULL);
        free(thread);
        pthread_mutex_lock(&server->lock);
    }
}

static bool add_thread(struct http_server *server)
{
    struct http_thread *thread = calloc(1, sizeof(*thread));
    CHECK(thread != NULL);
    thread->server = server;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    /* Signals are the main thread's. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&thread->id, &attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (status != 0) {
        free(thread);
        return false;
    }
    thread->next = server->threads;
    server->threads = thread;
    return true;
}

void http_pool_give(struct http_connection *c)
{
    struct http_server *server = c->server;
    pthread_mutex_lock(&server->lock);
    join_ended(server);
    if (server->ready_last != NULL)
        server->ready_last->next_ready = c;
    else
        server->ready_first = c;
    server->ready_last = c;
    server->ready_count++;
    if (server->waiting_threads < server->ready_count && !add_thread(server))
        log_event(LOG_WARN, "http_server", NULL,
                  "no thread could be made: a connection waits for another to end");
    pthread_cond_signal(&server->work);
    pthread_mutex_unlock(&server->lock);
}

void http_pool_end(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->ending = true;
    pthread_cond_broadcast(&server->work);
    while (server->threads != NULL)
        pthread_cond_wait(&server->ended, &server->lock);
    join_ended(server);
    pthread_mutex_unlock(&server->lock);
}
