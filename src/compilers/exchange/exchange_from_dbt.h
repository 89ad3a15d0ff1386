/* For the files that read a manifest of dbt only. */
#ifndef WEFT_EXCHANGE_FROM_DBT_H
#define WEFT_EXCHANGE_FROM_DBT_H

#include "exchange/exchange_build.h"
#include "map/map.h"

enum dbt_kind {
    DBT_OUTPUT,   /* a model whose columns all have types: a table of a product */
    DBT_INTERNAL, /* another model: an internal table of each product that reads it */
    DBT_SOURCE,   /* a source or a seed */
};

struct dbt_product;

struct dbt_node {
    const struct tree *tree;
    str id;                         /* model.shop.orders */
    str name;                       /* as a table of weft */
    str dbt_name, package;          /* for refs in raw SQL */
    str database, schema, relation; /* as compiled SQL names it, in lower case */
    str source;                     /* DBT_SOURCE: the name of its port */
    str source_name;                /* as dbt calls it */
    enum dbt_kind kind;
    struct dbt_product *product; /* DBT_OUTPUT */
    bool is_read;                /* DBT_OUTPUT: by another table of its product */
    const struct tree *tests[64];
    size_t tests_len, tests_untold;
};

struct dbt_table {
    struct dbt_node *node;
    str sql;
    bool is_rewritten;
};

struct dbt_product {
    str name, description, owner;
    struct {
        VEC_OF(struct dbt_table)
    } outputs, internals;
    struct {
        VEC_OF(struct dbt_node *)
    } sources;
    struct {
        VEC_OF(struct dbt_product *)
    } inputs;
};

struct dbt_reader {
    struct arena *mem;
    const struct exchange_import *import;
    const struct tree *manifest;
    str domain;
    struct builder left; /* for notes alone */
    struct {
        VEC_OF(struct dbt_node *)
    } nodes;
    struct {
        VEC_OF(struct dbt_product *)
    } products;
    /* Nodes by their id; by `database.schema.relation` and by `schema.relation`, in lower case. */
    struct map by_id, by_relation;
    struct exchange_files *out;
};

/* a-z, 0-9 and _, a letter first; no word that SQL reserves. */
str exchange_dbt_name(struct arena *mem, str text);
/* The key of by_relation: two names or three. */
str exchange_dbt_relation(struct arena *mem, const str *names, size_t len);
/* The SQL of a node as a table of a product, which comes to know what it reads. */
void exchange_dbt_rewrite(struct dbt_reader *r, struct dbt_product *product,
                          struct dbt_table *table);
/* Contracts, products and SELECTs as files. */
bool exchange_dbt_write(struct dbt_reader *r);

#endif
