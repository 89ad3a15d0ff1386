/* For the files of metadb. */
#ifndef WEFT_METADB_INSIDE_H
#define WEFT_METADB_INSIDE_H

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "log/log.h"
#include "metadb/metadb.h"

enum {
    METADB_MAGIC = 0x3e7adb,
    METADB_STATEMENT_MAGIC = 0x57a7e3,
    METADB_IDLE_READERS_MAX = 4,
    METADB_BUSY_MS = 5000,
    METADB_KEPT_MAX = 64,
};

/* A statement that is prepared once for many uses: parsing costs more than most writes. */
struct metadb_kept {
    sqlite3_stmt *handle; /* NULL: free */
    uint64_t hash;        /* of its text */
    uint64_t used_at;     /* the least lately used goes first */
    bool is_lent;
};

/* Used by one thread at a time: handed over under the lock of the core. */
struct metadb_connection {
    sqlite3 *handle;
    struct metadb_connection *next; /* among the idle ones */
    struct metadb_statement *open;  /* statements, latest first */
    struct metadb_kept *kept;       /* METADB_KEPT_MAX of them */
    uint64_t uses;
};

struct metadb_statement {
    uint32_t magic;
    sqlite3_stmt *handle; /* NULL: closed */
    struct metadb_connection *connection;
    struct metadb_core *core;
    struct metadb_kept *kept;              /* NULL: it ends with its use */
    bool is_of_pool;                       /* the connection goes back with it */
    bool has_failed;                       /* its last step: metadb_end says it */
    struct metadb_statement *next, **link; /* in connection->open */
};

/* One metadb_write that waits, on the stack of its caller; or one metadb_post, on the heap. */
struct metadb_request {
    struct task *t;
    metadb_write_fn *fn;
    void *state;
    bool ok, is_post;
    sem_t done; /* of one that is waited for */
    void (*free_state)(void *);
    struct metadb_request *next;
};

struct metadb {
    uint32_t magic;
    struct metadb_core *core;
    struct metadb_connection *connection; /* NULL: any of the pool */
    bool is_writer;
    uint64_t
        faults; /* of the writer's face: a bit for each point to pass once before the COMMIT of this group */
};

struct metadb_core {
    str path;
    enum metadb_kind kind;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;  /* as many wait as are wanted, or stop */
    struct metadb_connection *idle;
    size_t idle_len, lent;
    struct metadb_request *first, **last;
    size_t posted, awaited; /* how many are queued that nobody waits for, and that somebody does */
    size_t wanted;          /* of `awaited`: so many wake the writer */
    size_t last_awaited;    /* in the group before: as many will be back soon */
    int64_t commit_us;      /* how long that group took */
    bool stop;
    struct metadb writer; /* the face of the writer's thread */
    pthread_t thread;
    bool has_thread;
};

/* Sets the error of `t` from the connection's; gives false. */
bool metadb_failed(struct task *t, const struct metadb_core *core, sqlite3 *handle, int code,
                   const char *doing);
bool metadb_connect(struct task *t, struct metadb_core *core, bool is_writer,
                    struct metadb_connection **out);
void metadb_disconnect(struct metadb_connection *connection);
bool metadb_borrow(struct task *t, struct metadb *db, struct metadb_connection **out);
/* Of the pool only. */
void metadb_give_back(struct metadb_core *core, struct metadb_connection *connection);
void metadb_close_statements(struct metadb_connection *connection);
bool metadb_exec(struct task *t, struct metadb_core *core, sqlite3 *handle, const char *sql);
/* The same for one statement without results that comes again and again. */
bool metadb_exec_kept(struct task *t, struct metadb_core *core,
                      struct metadb_connection *connection, const char *sql);
void metadb_keep_statements(struct metadb_connection *connection);
/* The name of the layer that seals pages and holds them against their seals. */
const char *metadb_pages(void);
/* One handle of the file, as it is; NULL where that fails. */
bool metadb_open_file(struct task *t, struct metadb_core *core, sqlite3 **out);
/* The same before anybody reads or writes it: a file without seals is written anew, with seals, and the handle is one of the new file. */
bool metadb_open_sealed(struct task *t, struct metadb_core *core, sqlite3 **out);
/* Of a connection that has just been opened, before anything else: what it makes has room for seals. */
bool metadb_set_room_aside(struct task *t, const struct metadb_core *core, sqlite3 *handle);
/* Each page of the file, also one that nobody reads. ERR_CORRUPT with the first that does not fit. */
bool metadb_check_pages(struct task *t, struct metadb *db);
/* ERR_CORRUPT: this page (0: the one that this thread has just met) does not fit its seal. Gives false. */
bool metadb_fail_page(struct task *t, const struct metadb_core *core, int64_t page);
/* Takes the connection. */
bool metadb_start_writer(struct task *t, struct metadb_core *core,
                         struct metadb_connection *connection);
void metadb_stop_writer(struct metadb_core *core);

#endif
