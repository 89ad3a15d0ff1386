/* The data of the retail example: a shop's database and files, the same bytes on every machine. */
#ifndef WEFT_RETAIL_DATA_H
#define WEFT_RETAIL_DATA_H

#include "task/task.h"

/* Writes `data/` into a folder that is there: files of the warehouse, the web site and the reviews, the tables of the shop's
 * database as CSV (`data/export/`), and the same tables for PostgreSQL (`data/shop.sql`). What stands there is replaced. */
MUST_CHECK bool retail_data_write(struct task *t, str folder);

#endif
