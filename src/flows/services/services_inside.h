/* What the files of services share. */
#ifndef WEFT_SERVICES_INSIDE_H
#define WEFT_SERVICES_INSIDE_H

#include "services/services.h"

/* More than `waiting_most` do not wait: they are refused at once. */
void turns_open(struct turns *turns, int64_t most, int64_t waiting_most);
/* Nobody has a turn, or waits for one. */
void turns_close(struct turns *turns);

#endif
