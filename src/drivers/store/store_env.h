/* Folders of environments: each holds a catalog beside that of the home, and what it has was whole on disk before it got its name. */
#ifndef WEFT_STORE_ENV_H
#define WEFT_STORE_ENV_H

#include "store/store.h"

/* `<home>/env/NAME/catalog.db`; beside it one in the making, and the last one whose files fitted the mesh, while they do not. */
str store_env_folder(struct task *t, str home, str name);
str store_env_catalog(struct task *t, str home, str name);
str store_env_next(struct task *t, str home, str name);
str store_env_last(struct task *t, str home, str name);
/* Sorted. */
MUST_CHECK bool store_env_names(struct task *t, str home, struct str_list *out);
MUST_CHECK bool store_env_exists(struct task *t, str home, str name, bool *out);
bool store_env_has_last(struct task *t, str home, str name);
/* ERR_CORRUPT where its folder has none: opening would make one. */
MUST_CHECK bool store_env_has_catalog(struct task *t, str home, str name);
/* Makes `<home>/env`, and removes or takes back what was not finished. */
MUST_CHECK bool store_env_tidy(struct task *t, str home);
/* Removes a database in the making, whatever an earlier attempt left of it. */
MUST_CHECK bool store_env_clear(struct task *t, str path);
/* A closed database in `from`, on disk. */
MUST_CHECK bool store_env_sync(struct task *t, str path);
/* The database in the making becomes the catalog; what that was stays as the last one, or goes. All are closed. */
MUST_CHECK bool store_env_replace(struct task *t, str home, str name, bool keeps_last);
/* The folder loses its name at once; then all that it holds goes, or what is left of it at the next start. */
MUST_CHECK bool store_env_remove(struct task *t, str home, str name);

#endif
