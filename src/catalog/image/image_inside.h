/* For the files of image. */
#ifndef WEFT_IMAGE_INSIDE_H
#define WEFT_IMAGE_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/images.h"
#include "product/product.h"

enum { IMAGE_MAGIC = 0x1336e };

/* Memory of files, domains and products that were read by one apply: models that have any of them pin it. */
struct model_part {
    atomic_uint pins;
    struct arena *mem;
    uint64_t made; /* how many of them there were */
};

/* A compiled model; its contracts and products are what nodes refer to. */
struct image_model {
    atomic_uint pins;
    struct arena *mem;
    struct model *model;
    const struct bundle *files;
    struct {
        VEC_OF(struct model_part *)
    } parts;       /* of all that it has */
    uint64_t used; /* how many files, domains and products these are */
};

/* What decisions go by, as images share it between two changes. */
struct image_policies {
    atomic_uint pins;
    struct arena *mem;
    struct image_model *model; /* whose texts they refer to */
    struct policies policies;
};

/* A product as many images share it, as long as their models share its definition. Tables refer to it, never to the copy in an
 * image's list. */
struct image_node {
    atomic_uint pins;
    atomic_bool is_kept; /* stands in the file for the next start */
    struct arena *mem;   /* NULL: of that file, and of its part */
    struct image_product product;
};

struct image_spine {
    struct image image; /* first: the rest is found from it */
    uint32_t magic;
    atomic_uint pins;
    bool is_part; /* what was kept for the next start: others are built over it, nobody uses it */
    struct arena *mem;
    struct image_model *model;       /* or NULL */
    struct image_policies *policies; /* or NULL, as the model */
    struct image_node **nodes;       /* as image.products */
    struct image_decisions *decisions;
};

struct images {
    struct metadb *db;
    struct images *mesh; /* of an environment: whose policies hold; NULL: its own */
    struct images_place kept;
    atomic_bool
        is_spoiled; /* what was kept is damaged, and may be what the current image lies in: it is not kept again */
    pthread_mutex_t build; /* one refresh at a time; taken before `lock` */
    pthread_mutex_t lock;  /* of `current` */
    struct image_spine *current;
};

struct image_decisions *image_decisions_new(void);
void image_decisions_free(struct image_decisions *decisions);
struct image_decisions *image_decisions_of(const struct image *image);
struct image_model *image_model_pin(struct image_model *model);
void image_model_unpin(struct image_model *model);
/* Of the active files; over another model (or NULL), whose products are shared where nothing of theirs differs. */
bool image_model_compile(struct task *t, struct metadb *db, const struct image_model *before,
                         uint64_t policy_version, struct image_model **out);
struct image_policies *image_policies_pin(struct image_policies *policies);
void image_policies_unpin(struct image_policies *policies);
/* The model's policies and the agreements of the catalog. */
bool image_policies_build(struct task *t, struct metadb *db, struct image_model *model,
                          uint64_t version, struct image_policies **out);
struct image_node *image_node_pin(struct image_node *node);
void image_node_unpin(struct image_node *node);
/* The node of one product, with its current release. */
bool image_node_build(struct task *t, struct metadb *db, const struct model *model,
                      const struct product *product, struct image_node **out);

#endif
