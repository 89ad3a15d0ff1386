/* Plain CSV as rows: a table function of extract workers. */
#ifndef WEFT_WORKER_CSV_H
#define WEFT_WORKER_CSV_H

#include <duckdb.h>

#include "task/task.h"

/* Registers `weft_csv(files VARCHAR[], delimiter VARCHAR, names VARCHAR[], types VARCHAR[])`: the lines of files behind their headers, as
 * scan/csv_scan.h reads them. Each value of each line is looked at, whatever columns are asked for; where one is odd the statement fails
 * and nothing is known of the file. Lines come in no order where more than one thread reads. */
MUST_CHECK bool worker_csv_open(duckdb_connection con);

#endif
