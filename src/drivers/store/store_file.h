/* Files and folders that a worker or a crash may have left in any state: copied and removed without
 * trusting them. */
#ifndef WEFT_STORE_FILE_H
#define WEFT_STORE_FILE_H

#include "task/task.h"

/* All of it, whatever interrupts a write or cuts it short. On false errno says why. */
MUST_CHECK bool store_file_write(int fd, str bytes);
/* Copies `from` from its start into `to`, in slices between which the task may end. */
MUST_CHECK bool store_file_copy(struct task *t, int from_fd, int to_fd);
/* ERR_FULL when the file system of `fd`, which lies in the home, has less than the reserve and `bytes` free. */
MUST_CHECK bool store_file_room(struct task *t, int fd, const char *home, uint64_t reserve_bytes,
                                uint64_t bytes);
/* A file, or the names in a folder, are as they are now after a loss of power too. */
MUST_CHECK bool store_sync(struct task *t, str path);
/* Removes all that a folder holds, however deep, and follows no link. On false errno says why. */
MUST_CHECK bool store_folder_empty(int folder_fd);
/* The same, and the folder itself. A folder that is not there is removed already. */
MUST_CHECK bool store_folder_remove(int parent_fd, const char *name);
/* Makes what a worker wrote ours: a regular file with one name, our owner, mode 0444, under the
 * path `to`. Where somebody still has it open for writing, or that cannot be known, it becomes a
 * copy, so that its bytes cannot change any more. */
MUST_CHECK bool store_file_take(struct task *t, str from, str to);

#endif
