/* Files of a folder that change, by inotify. */
#ifndef WEFT_CLI_WATCH_H
#define WEFT_CLI_WATCH_H

#include "task/task.h"
#include "vec/vec.h"

struct cli_watch;

/* Every folder below those named, but hidden ones and `except`, the home: what a run writes is no change. Links are not followed. Closed
 * with the task. */
MUST_CHECK bool cli_watch_open(struct task *t, const struct str_list *folders, str except,
                               struct cli_watch **out);
size_t cli_watch_folders(const struct cli_watch *watch);
/* Waits until something changed and then nothing more for a moment. Absolute paths, in the memory of the task; none when so much
 * happened that it is not known what. False with ERR_CANCELLED when it should end. */
MUST_CHECK bool cli_watch_wait(struct task *t, struct cli_watch *watch, struct str_list *out);

#endif
