/* How texts of the standards must be written. */
#ifndef WEFT_SHAPE_FORMATS_H
#define WEFT_SHAPE_FORMATS_H

#include "shape/shape.h"

extern const struct shape_format shape_format_id;
extern const struct shape_format shape_format_date;
extern const struct shape_format shape_format_date_time;
extern const struct shape_format shape_format_reference;
extern const struct shape_format shape_format_sftp;
extern const struct shape_format shape_format_principal;
extern const struct shape_format shape_format_duration;
extern const struct shape_format shape_format_host;
extern const struct shape_format shape_format_root;

#endif
