/* For the files of services. */
#ifndef WEFT_SERVICES_INSIDE_H
#define WEFT_SERVICES_INSIDE_H

#include "services/services.h"

/* The part of services_close that an environment has. */
void services_close_beside(struct services *s);

#endif
