/* The current image: built from catalog and model, swapped after every apply and publish. */
#ifndef WEFT_IMAGES_H
#define WEFT_IMAGES_H

#include "access_request/access_request.h"
#include "image/image.h"
#include "metadb/metadb.h"

/* Reads the catalog and compiles the stored model. */
MUST_CHECK bool images_open(struct task *t, struct metadb *db, struct images **out);
/* The same, with policies, agreements and entitlements of another image, and over what that has read: of an environment, whose files
 * are nearly all those of its mesh. */
MUST_CHECK bool images_open_beside(struct task *t, struct metadb *db, struct images *mesh,
                                   struct images **out);
/* Where an image is kept for the next start. */
struct images_place {
    str path;       /* empty: nowhere */
    uint64_t least; /* … when so many products changed since then, and a tenth of all; 0: never */
};
/* Over what an earlier server kept: what did not change since then is not read again. */
MUST_CHECK bool images_open_over(struct task *t, struct metadb *db, const struct images_place *kept,
                                 struct images **out);
/* Would the next start read much again that this image has? */
bool images_are_due(const struct images *images, const struct image *image);
/* Keeps the current image for the next start; not while the catalog is ahead of it. */
MUST_CHECK bool images_keep(struct task *t, struct images *images, bool *kept_out);
/* Reads what is kept again: when it is damaged it goes, and the next start makes it anew. */
MUST_CHECK bool images_verify(struct task *t, struct images *images, bool *removed_out);
/* Images that are still pinned live on. NULL is allowed. */
void images_close(struct images *images);
/* After a COMMIT of an apply or a publish: brings the image up to the catalog. After a publish all
 * nodes but those of the changed products are shared with the image before; after an apply the
 * model is compiled anew. On failure the old image stays. */
MUST_CHECK bool images_refresh(struct task *t, struct images *images);

/* Adds the grant that a request is once it is approved: to the policies of an image, or to a copy that tries it out. Its texts are
 * the row's, or in `mem`. */
void image_add_agreement(struct arena *mem, struct policies *policies,
                         const struct access_request *row);

/* Labels that a column had when its release was made. */
struct image_labels {
    uint64_t table_id;
    uint32_t column_id;
    str classification;
    struct str_list tags;
};

/* The tables of a release as rows of the catalog tell them, into `mem`; columns without their
 * contract, tables without product and definition. For image and release. False `found_out`: no
 * such release, or its manifest is gone. */
struct image_manifest {
    struct image_release release;
    struct {
        VEC_OF(struct image_table)
    } tables;
    struct {
        VEC_OF(struct image_labels)
    } labels; /* of every column of every table, in order */
};

MUST_CHECK bool image_manifest_read(struct task *t, struct arena *mem, struct metadb *db,
                                    uint64_t product_id, uint64_t number,
                                    struct image_manifest *out, bool *found_out);

/* Texts of any bytes as one text, each behind its length, and back (borrowed; false when it is
 * none). */
str image_list_pack(struct arena *mem, const struct str_list *list);
bool image_list_unpack(struct arena *mem, str text, struct str_list *out);

#endif
