/* Files, domains and products of a mesh in a frozen block. */
#ifndef WEFT_MODEL_FREEZE_H
#define WEFT_MODEL_FREEZE_H

#include "freeze/freeze.h"

extern const struct freeze_type model_file_frozen;   /* struct bundle_file */
extern const struct freeze_type model_domain_frozen; /* far */
extern const struct freeze_type
    model_owners_frozen; /* the owners of a domain, which labels point to: far */
extern const struct freeze_type model_product_frozen; /* far */
extern const struct freeze_type model_case_frozen;
extern const struct freeze_type model_note_frozen; /* struct finding */

#endif
