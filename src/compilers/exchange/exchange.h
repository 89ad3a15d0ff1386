/* Contracts to other formats, and other formats to contracts. Pure. */
#ifndef WEFT_EXCHANGE_H
#define WEFT_EXCHANGE_H

#include "contract/contract.h"

enum exchange_format {
#define FORMAT(name, id, kept, meaning) EXCHANGE_##id,
#include "exchange/exchange_formats.def"
#undef FORMAT
    EXCHANGE_FORMATS
};

enum exchange_dialect { EXCHANGE_POSTGRES, EXCHANGE_DUCKDB, EXCHANGE_DIALECTS };

const char *exchange_format_name(enum exchange_format format);
bool exchange_format_find(str name, enum exchange_format *out);
bool exchange_dialect_find(str name, enum exchange_dialect *out);

/* A whole text in `out`, which is full when it would pass its ceiling. `table`: only this one; NULL for all of the contract. Notes say what
 * the format has no place for. */
void exchange_export(struct arena *mem, const struct contract *contract,
                     const struct contract_table *table, enum exchange_format format,
                     enum exchange_dialect dialect, struct report *report, struct buf *out);

/* What an import is told beside the text. Empty id and name: they are made of what the text or its file is called. */
struct exchange_import {
    str file; /* for findings */
    str id;   /* of the contract */
    struct report *report;
};

/* Each gives a contract of v3.1.0 as a tree that `yaml_out` writes, or NULL with errors in the report. What was not understood is told as a
 * note; nothing is dropped without one. */
struct tree *exchange_import_json_schema(struct arena *mem, const struct exchange_import *import,
                                         const struct tree *document);
struct tree *exchange_import_avro(struct arena *mem, const struct exchange_import *import,
                                  const struct tree *document);
struct tree *exchange_import_sql(struct arena *mem, const struct exchange_import *import, str text);

/* A file that comes out of an import of many. */
struct exchange_file {
    str path; /* below the folder of the domain */
    str text;
};

struct exchange_files {
    VEC_OF(struct exchange_file)
};

/* manifest.json of a dbt project as the folder of one domain, a product per group or model. False with errors in the report. */
bool exchange_import_dbt(struct arena *mem, const struct exchange_import *import,
                         const struct tree *manifest, struct exchange_files *out);

#endif
