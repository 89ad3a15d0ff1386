/* Folders that are written beside their place and get their name when all of it is on disk: backups, and restored homes. */
#ifndef WEFT_STORE_COPY_H
#define WEFT_STORE_COPY_H

#include "store/store.h"

/* A folder `.NAME.weft-unfinished` (0700) beside `final`; what an earlier one left there is removed. ERR_CONFLICT where `final` is
 * anything but an empty folder or nothing. It is removed with the task unless it was finished. */
MUST_CHECK bool store_copy_begin(struct task *t, str final, str *work_out);
/* `to` becomes a new file with the bytes of `from`, on disk, read back for its name. `from` may be no link. */
MUST_CHECK bool store_copy_file(struct task *t, str from, str to, unsigned mode,
                                struct stored_file *out);
/* A second name of a file that is there already; false in `linked_out` where that cannot be. */
MUST_CHECK bool store_copy_link(struct task *t, str from, str to, bool *linked_out);
/* A file of this text, on disk. */
MUST_CHECK bool store_copy_text(struct task *t, str text, str to, unsigned mode);
/* mkdir (0700); one that is there is fine. */
MUST_CHECK bool store_copy_folder(struct task *t, str folder);
/* What a folder holds, sorted, without names that begin with a dot; nothing where there is none. */
MUST_CHECK bool store_copy_names(struct task *t, str folder, struct str_list *out);
/* Syncs the folders, two levels deep, and gives it its name. */
MUST_CHECK bool store_copy_finish(struct task *t, str work, str final);
/* Takes its name back after that, so that it is removed with the task. Keeps t->err. */
void store_copy_take_back(struct task *t, str work, str final);

#endif
