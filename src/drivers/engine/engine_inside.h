/* What the files of drivers/engine share: slots of the pool, and one worker's process, folder and
 * wire. */
#ifndef WEFT_ENGINE_INSIDE_H
#define WEFT_ENGINE_INSIDE_H

#include <pthread.h>
#include <sys/types.h>

#include "engine/engine.h"

enum { ENGINE_MAGIC = 0xe761, WORKER_MAGIC = 0x303c };

enum {
    ENGINE_SLICE_MS = 50,       /* how soon a cancel from another thread is seen */
    ENGINE_HELLO_MS = 10000,    /* from start to HELLO */
    ENGINE_GRACE_MS = 2000,     /* from CANCEL to SIGKILL */
    ENGINE_STALL_MS = 10000,    /* a worker that takes nothing of what it is sent */
    ENGINE_QUIT_MS = 1000,      /* from QUIT to SIGKILL */
    ENGINE_RETRY_MS = 30000,    /* after a warm worker could not be started */
    ENGINE_KEEP_BYTES = 1 << 20 /* of a wire's memory, from job to job */
};

enum slot_state { SLOT_FREE, SLOT_STARTING, SLOT_IDLE, SLOT_LENT, SLOT_ENDING };

/* What has come from a worker and was not looked at yet. */
struct engine_wire {
    struct buf in;
    size_t at;
};

/* A slot of the pool, and the worker that lives there. */
struct worker {
    uint32_t magic;
    uint32_t slot;
    struct engine *engine;

    /* Under the engine's lock. */
    enum slot_state state;
    enum worker_kind kind;
    bool has_owner;   /* false: it has run nothing yet, or its kind knows no owner */
    bool is_promised; /* warm, and awaited by one who asked while it started */
    bool is_withdrawn;
    bool is_retired;           /* ends with this loan */
    str owner;                 /* malloc */
    const struct task *lender; /* who has the loan */
    pid_t pid;                 /* not waited for yet; 0: none */
    int64_t idle_since_ms;

    /* Of the thread that starts it, has the loan or ends it. */
    bool is_doomed;  /* ends with this loan */
    bool is_unclean; /* files of the job before could not be removed */
    int fd;
    int folder_fd;
    int status;    /* of waitpid */
    str folder;    /* malloc */
    char name[24]; /* of the folder */
    uid_t uid;
    gid_t gid;
    uint64_t jobs;
    int64_t begun_ms;
    struct engine_wire wire;
};

/* Those who wait for a slot, first come first served. */
struct waiter {
    struct waiter *next;
    bool is_queued;
};

struct engine {
    uint32_t magic;
    struct arena *mem; /* of what engine_open writes; afterwards read only */
    char *home, *program, *extensions, *sandbox;
    int64_t memory_mb, temp_mb, threads, idle_ms, age_ms;
    uint64_t jobs_max, reserve_bytes;
    uint32_t slot_count, warm_wanted;
    bool is_root;
    uid_t first_uid;
    int workers_fd;
    int wake_fd; /* eventfd: the keeper should look again */
    pthread_t keeper;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct worker *slots;
    struct waiter *waiters;
    bool is_closing;
    uint64_t serial, started, killed;
};

/* engine_link.c. What comes from sources may not take the room of readers: ERR_FULL when an extract worker could have these bytes only of
 * the reserve. */
bool engine_has_room(struct task *t, const struct worker *w, uint64_t bytes);

/* engine.c. `_locked`: the caller holds the lock, which may be let go in between. */
void engine_slot_own_locked(struct worker *w, str owner);
struct worker *engine_slot_free_locked(struct engine *engine);
void engine_slot_clear_locked(struct worker *w);
/* Ends the worker of a slot that was IDLE or STARTING and makes the slot free. */
void engine_slot_end_locked(struct worker *w, int grace_ms);
/* False when an idle worker has said or done anything: it must not be used again. */
bool engine_is_at_rest(const struct worker *w);
void engine_wake(struct engine *engine);

/* engine_keep.c: warm workers are started, idle ones ended, dead ones found. */
void *engine_keep(void *engine);

/* engine_start.c */
/* Folder, process, HELLO. On failure nothing is left. The slot is STARTING. */
MUST_CHECK bool engine_worker_start(struct task *t, struct worker *w, struct engine_reach reach);
/* Ends the process (QUIT first when there is a grace) and removes its folder. */
void engine_worker_end(struct worker *w, int grace_ms);
/* SIGKILL, and waits: afterwards `status` is known. Twice is no harm. */
void engine_worker_kill(struct worker *w);
/* The worker has closed the wire: ends it, and says in t->err what became of it. */
bool engine_worker_gone(struct task *t, struct worker *w);

/* engine_spawn.c */
/* Runs argv[0] with `fd` as its descriptor 3, in `folder_fd`, in a session of its own. 0 when there
 * is no child; an error with a child means that it could not run the program and has ended. */
pid_t engine_spawn(char *const argv[], int fd, int folder_fd, int *error_out);

/* engine_link.c */
MUST_CHECK bool engine_folder_make(struct task *t, struct worker *w);
void engine_folder_drop(struct worker *w);
/* Empties in/, and out/ and tmp/ too when `all`. */
MUST_CHECK bool engine_folder_clear(struct worker *w, bool all);
MUST_CHECK bool engine_links_make(struct task *t, struct worker *w, const struct engine_job *job);
bool engine_is_file_name(str name);

/* engine_wire.c */
enum wire_state { WIRE_FRAME, WIRE_NONE, WIRE_BROKEN, WIRE_ENDED };
/* A whole frame that has come; borrowed until the next wait. */
enum wire_state engine_wire_next(struct worker *w, struct frame *out);
/* Waits for more bytes and takes them in: WIRE_FRAME when some came. */
enum wire_state engine_wire_wait(struct worker *w, int most_ms);
/* Sends without waiting; false when not all of it could go. */
bool engine_wire_post(struct worker *w, enum frame_kind kind);
/* Sends all, while the task goes on and the worker reads. On failure the worker is killed. */
MUST_CHECK bool engine_wire_send(struct task *t, struct worker *w, const struct buf *frames);
void engine_wire_close(struct worker *w);
/* Gives back what a large answer took. */
void engine_wire_rest(struct worker *w);
MUST_CHECK bool engine_hello_wait(struct task *t, struct worker *w);

#endif
