/* A catalog in a folder of its own, with a small mesh, for tests of the catalog. */
#ifndef WEFT_CATALOG_HELP_H
#define WEFT_CATALOG_HELP_H

#include "actor/actor.h"
#include "image/images.h"
#include "metadb/metadb.h"
#include "release/release.h"
#include "test.h"

struct catalog {
    struct task *t;
    struct metadb *db;
    char folder[64];
    struct actor actor; /* ana */
};

/* Migrated and empty; ends with the test. NULL when that failed. */
struct catalog *catalog_help_open(void);
/* An empty database `name` of the folder, not migrated; the caller closes it. */
struct metadb *catalog_help_database(struct catalog *c, const char *name, enum metadb_kind kind);
str catalog_help_path(struct catalog *c, const char *name);

/* Makes the mesh with one product `sales.orders`, whose table `orders` has these columns (YAML of
 * ODCS properties at the indentation of the contract), the active one. */
MUST_CHECK bool catalog_help_apply(struct catalog *c, const char *properties);
/* id BIGINT, email VARCHAR classified as pii. */
extern const char CATALOG_HELP_COLUMNS[];

/* Publishes one file of content name `sha256` (64 digits are made of it) for sales.orders as the
 * image has it. */
MUST_CHECK bool catalog_help_publish(struct catalog *c, const struct image *image,
                                     uint64_t previous, const char *sha256, uint64_t *number_out);
/* The same, as a candidate. */
MUST_CHECK bool catalog_help_hold(struct catalog *c, const struct image *image, uint64_t previous,
                                  const char *sha256);

#endif
