/* For the files of read_mesh. */
#ifndef WEFT_READ_MESH_INSIDE_H
#define WEFT_READ_MESH_INSIDE_H

#include "read_mesh/read_mesh.h"

/* Asked at most once for each table, whatever the number of rows. */
enum mesh_answer { MESH_UNASKED, MESH_NO, MESH_YES };

struct mesh_table {
    const struct image_table *table;
    enum mesh_answer is_clear;
};

/* A product that the reader may discover. */
struct mesh_product {
    const struct image_product *product;
    struct mesh_table *tables; /* as product->tables */
    enum mesh_answer owns;
};

struct mesh_view {
    struct task *t;
    struct metadb *db;
    const struct image *image;
    const struct mesh_reader *reader;
    struct {
        VEC_OF(struct mesh_product)
    } products; /* by address */
    struct job_view *out;
};

void read_mesh_text(struct mesh_view *view, str text); /* empty is NULL */
void read_mesh_int(struct mesh_view *view, uint64_t number);
void read_mesh_bool(struct mesh_view *view, bool value);
void read_mesh_time(struct mesh_view *view, int64_t time_us); /* 0 is NULL */
void read_mesh_null(struct mesh_view *view);
void read_mesh_list(struct mesh_view *view, const struct str_list *list);
/* A number that only the clear may see. */
void read_mesh_guarded_int(struct mesh_view *view, bool is_clear, uint64_t number);

struct mesh_product *read_mesh_find(struct mesh_view *view, uint64_t product_id); /* or NULL */
bool read_mesh_is_clear(struct mesh_view *view, struct mesh_table *table);
/* On all tables of the product. */
bool read_mesh_is_all_clear(struct mesh_view *view, struct mesh_product *product);
bool read_mesh_owns(struct mesh_view *view, struct mesh_product *product);

/* What the files of the mesh say beside products and tables. */
bool read_mesh_promises(struct mesh_view *view);
bool read_mesh_policies(struct mesh_view *view);
/* The end dates of policies around now. */
void read_mesh_policies_term(const struct image *image, int64_t now_us, int64_t *from_us_out,
                             int64_t *until_us_out);
bool read_mesh_compliance(struct mesh_view *view);
/* The urls of a node's `authoritativeDefinitions`. */
void read_mesh_terms(struct mesh_view *view, const struct tree *source);

/* Rows that the catalog has, and not the image. */
bool read_mesh_releases(struct mesh_view *view);
bool read_mesh_runs(struct mesh_view *view);
bool read_mesh_checks(struct mesh_view *view);
bool read_mesh_quarantine(struct mesh_view *view);
bool read_mesh_lineage(struct mesh_view *view);
/* Labels by lineage, with their origins. */
void read_mesh_inherited(struct mesh_view *view, const struct policy_labels *labels);
bool read_mesh_grants(struct mesh_view *view);
bool read_mesh_access_requests(struct mesh_view *view);

#endif
