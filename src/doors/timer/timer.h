/* Time as a caller: jobs that wait become tasks, and upkeep comes round. */
#ifndef WEFT_TIMER_H
#define WEFT_TIMER_H

#include "services/services.h"

struct timer;

MUST_CHECK bool timer_open(struct task *t, struct services *services, struct timer **out);
/* Takes no more jobs, cancels those at work and waits for them. NULL is allowed. */
void timer_close(struct timer *timer);
/* Jobs at work: a server with one is not idle. */
size_t timer_working(struct timer *timer);

#endif
