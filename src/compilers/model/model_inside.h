/* For the files of compilers/model only. */
#ifndef WEFT_MODEL_INSIDE_H
#define WEFT_MODEL_INSIDE_H

#include "model/model.h"

#include "map/map.h"
#include "pointer_map/pointer_map.h"
#include "shape/shape.h"

extern const struct shape shape_product_test; /* weft/v1, kind ProductTest */

/* An output that others may read. */
struct model_offer {
    const struct model_product *product;
    const struct contract *contract;
};

/* One path of a bundle, taken apart. */
struct model_path {
    str parts[6];
    size_t len;
    str folder; /* all but the last part */
    str name;   /* the last part */
};

/* A file that is to be read, or a product of the mesh before, which stands for all files of its folder. */
struct model_entry {
    const struct bundle_file *file;
    struct model_path path;
    struct model_product *shared;
};

struct model_builder {
    struct arena *mem; /* of domains and products, which other models may share */
    struct model_part *part;
    struct arena *own;     /* of the model alone: its lists, the mesh, policies */
    struct arena *scratch; /* of the report: what is needed while compiling */
    struct report *report;
    const struct bundle *bundle;
    struct model *model;
    struct {
        VEC_OF(struct model_product *)
    } before_by_name;           /* its products */
    const struct model *before; /* the mesh before, or NULL */
    struct pointer_map shared;  /* products of it that are taken over */
    struct map shared_domains;  /* folder -> struct model_domain likewise */
    struct {
        VEC_OF(struct model_entry)
    } entries; /* all that there is to do, in the order of files */
    struct {
        VEC_OF(struct model_product *)
    } fresh;                 /* products that are not shared */
    struct map policies;     /* id -> struct policy */
    struct map products;     /* folder -> struct model_product of these */
    size_t shared_contracts; /* how many of the model's first contracts are shared */
    struct map contracts;    /* id -> struct model_namesakes: of all that these have, or read */
    struct str_list
        folders; /* product folders that were complained about, or whose product file is broken */
    bool is_partial; /* a file could not be read: what it would have named is not missing */
    bool has_mesh;   /* mesh.yaml was read, so that its roots and hosts are known */
};

/* Contracts of one id, in the order of their files, and the outputs that have them. */
struct model_namesakes {
    struct {
        VEC_OF(struct contract *)
    } contracts;
    struct {
        VEC_OF(struct model_offer)
    } offers;
};

/* Its texts are parts of the path's. */
struct model_path model_path_of(str path);
/* `customers.sql` and ".sql" give `customers`; false when it does not end so. */
bool model_stem(str name, const char *ending, str *stem_out);

struct finding *model_error(struct model_builder *b, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct finding *model_warning(struct model_builder *b, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct place model_file_place(str file);
/* Findings when a name breaks the rules of addresses. `what` as "the table". */
void model_check_name(struct model_builder *b, struct place place, const char *what, str name);

/* Before anything is read: what is taken over, and what is to be read. */
void model_share(struct model_builder *b, const struct model_before *before);
bool model_is_shared(const struct model_builder *b, const struct model_product *product);
/* The product of a folder, as far as they are read; NULL: there is none. */
struct model_product *model_at_folder(const struct model_builder *b, str folder);
/* Findings of the report from here on stay with the model where they are no errors, and of products. */
void model_keep_notes(struct model_builder *b, size_t from);
void model_add_domain(struct model_builder *b, struct model_domain *domain);
/* A finding for each product whose id is another's. */
void model_check_ids(struct model_builder *b);

void model_read_mesh(struct model_builder *b, const struct bundle_file *file);
void model_read_domain(struct model_builder *b, const struct bundle_file *file, str folder);
void model_read_product(struct model_builder *b, const struct bundle_file *file,
                        const struct model_domain *domain, str folder, str name);
/* `versions` and `columns` among the customProperties of an input port. */
void model_read_pins(struct model_builder *b, str file, const struct tree *port,
                     struct model_input *input);
/* `schedule` among the customProperties of a product; NULL: it has none. */
void model_read_schedule(struct model_builder *b, const struct tree *value,
                         struct model_product *product);
/* One that waits for releases reads a product that makes some. */
void model_check_schedule(struct model_builder *b, const struct model_product *product);
void model_read_policy(struct model_builder *b, const struct bundle_file *file, str domain);
/* Ports to contracts and producers, tables to SQL. */
void model_link(struct model_builder *b);
/* Relationships of its contracts lead to tables that its checks can read. */
void model_check_relations(struct model_builder *b);
/* Rules of contracts that could never be asked. */
void model_check_rules(struct model_builder *b);
/* Producers before consumers, then by name; and by name alone. Cycles are findings. */
void model_order(struct model_builder *b);
void model_sort_by_name(struct model_product **all, size_t len);
/* Servers of a source contract inside the roots and hosts of the mesh. */
void model_check_sources(struct model_builder *b, const struct contract *contract);

#endif
