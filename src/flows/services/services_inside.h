/* What the files of services share. */
#ifndef WEFT_SERVICES_INSIDE_H
#define WEFT_SERVICES_INSIDE_H

#include "services/services.h"

/* Sorted, each once. */
void services_sort_files(struct str_list *files);
/* The part of services_close that an environment has. */
void services_close_beside(struct services *s);

/* More than `waiting_most` do not wait: they are refused at once. */
struct turns *turns_new(int64_t most, int64_t waiting_most);
/* Nobody has a turn, or waits for one. */
void turns_free(struct turns *turns);

#endif
