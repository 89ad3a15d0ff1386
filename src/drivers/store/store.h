/* Where release files and cleared copies lie: a local folder. Nothing is visible before it is whole and on disk. */
#ifndef WEFT_STORE_H
#define WEFT_STORE_H

#include "config/config.h"
#include "task/task.h"
#include "vec/vec.h"

/* <home>/lock               held by the one server of this home
 * <home>/files/ab/<sha256>  release files, mode 0444, named by content
 *                           and files of the numbers of rows that are deleted in one
 * <home>/cleared/<table id>/<class>/<file sha256>-<deletions>.parquet
 * <home>/cleared/mesh/<version of the image>/<table>-<number>-<part>.parquet
 * <home>/staging/<run>/     of one run; nobody reads there; removed at start
 * <home>/workers/           of drivers/engine */
struct store;

/* Creates the folders (0700) and takes the lock: ERR_BUSY names the process that holds it. Checks that the home is one file
 * system with hard links, and removes staging folders of earlier servers. */
MUST_CHECK bool store_open(struct task *t, const struct config *config, str home,
                           struct store **out);
void store_close(struct store *store);
/* Does a server hold the home that ends by itself when nobody asks it? `pid_out` is its process then. */
bool store_is_held_briefly(struct task *t, str home, int64_t *pid_out);
/* ERR_FULL when the file system has less than the reserve and `bytes` free. */
MUST_CHECK bool store_room(struct task *t, struct store *store, uint64_t bytes);

/* A fresh staging folder, by the id of a run. Its removal is deferred to the task. */
MUST_CHECK bool store_stage(struct task *t, struct store *store, str run_id, str *folder_out);
/* Moves what a worker wrote into the staging folder: owner, mode 0444. */
MUST_CHECK bool store_take(struct task *t, struct store *store, str from, str to);

struct stored_file {
    str sha256; /* hex */
    uint64_t bytes;
};
/* Name and size that a staged file would have. */
MUST_CHECK bool store_digest(struct task *t, str staged, struct stored_file *out);
/* fsync, read back for SHA-256, rename to its name (kept as it is when that content is there), fsync of folders.
 * Fault points STORE_WRITE, STORE_SYNC, STORE_MOVE. A failed fsync is fatal for the file. */
MUST_CHECK bool store_publish(struct task *t, struct store *store, str staged,
                              struct stored_file *out);
str store_file_path(struct task *t, const struct store *store, str sha256);
/* Re-reads: ERR_CORRUPT when the content is not what the name says. `store_check` remembers inode, size and time, and reads once. */
MUST_CHECK bool store_check(struct task *t, struct store *store, str sha256);
MUST_CHECK bool store_verify(struct task *t, struct store *store, str sha256);

str store_cleared_path(struct task *t, const struct store *store, uint64_t table_id, str class_id,
                       str file);
/* Renames a worker's output to its cleared name; no fsync: a copy can be made again. CLEAR_BEFORE_MOVE, CLEAR_AFTER_MOVE. */
MUST_CHECK bool store_keep_cleared(struct task *t, struct store *store, str from, str path);
void store_remove_cleared(struct task *t, struct store *store, str path);
/* Files of mesh.* tables lie beside the copies, are kept and removed like them, and no sweep touches them. */
str store_mesh_path(struct task *t, const struct store *store, uint64_t version, str file);
/* Removes all of them: they do not outlive their server. */
MUST_CHECK bool store_empty_mesh(struct task *t, struct store *store);

/* Removes release files not in `keep` (hex names) that are older than `age_s` (0: all), and cleared copies whose origin is not kept.
 * Gives how many. UPKEEP_REMOVE between removals. */
MUST_CHECK bool store_sweep(struct task *t, struct store *store, const struct str_list *keep,
                            int64_t age_s, uint64_t *removed_out);
/* Removes these release files; one that is not there is gone already. The caller knows that nobody is about to name them. */
MUST_CHECK bool store_remove_files(struct task *t, struct store *store,
                                   const struct str_list *names);
/* All release file names, for `weft verify`. */
MUST_CHECK bool store_list(struct task *t, struct store *store, struct str_list *out);
/* Sum of bytes and count of cleared copies below a table (0: all). */
MUST_CHECK bool store_cleared_size(struct task *t, struct store *store, uint64_t table_id,
                                   uint64_t *files_out, uint64_t *bytes_out);

#endif
