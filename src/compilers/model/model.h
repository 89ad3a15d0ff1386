/* A bundle of mesh files, read, resolved and checked against itself: what plan compares and the image holds. Pure. */
#ifndef WEFT_MODEL_H
#define WEFT_MODEL_H

#include "contract/contract_life.h"
#include "cron/cron.h"
#include "model/model_case.h"
#include "policy/policy.h"
#include "policy/policy_case.h"
#include "version/version.h"

/* What holds the memory of files, domains and products: of whoever compiles models that share them. */
struct model_part;

/* One file of a bundle. `document` is there for *.yaml, *.yml and *.json that could be read. */
struct bundle_file {
    str path; /* relative to the folder of mesh.yaml, with `/` */
    str text;
    const struct tree *document;
    str sha256; /* of the text, in hex; empty where nobody asked the catalog for it */
    struct model_part *part;
};

struct bundle {
    VEC_OF(struct bundle_file) /* sorted by path */
};

/* By path, for qsort and bsearch. */
int bundle_compare(const void *a, const void *b);
/* The first file, from one on, whose path is not before this one. */
size_t bundle_first(const struct bundle *bundle, size_t from, str path);
/* NULL when there is no such file. */
const struct bundle_file *bundle_find(const struct bundle *bundle, str path);
/* A file that two bundles, both sorted, do not have alike; NULL: one has none. False: there are no more. `at_io` begins as {0}. */
struct bundle_pair {
    str path;
    const struct bundle_file *before, *after;
};
bool bundle_next_pair(const struct bundle *before, const struct bundle *after, size_t at_io[2],
                      struct bundle_pair *out);

struct model_user {
    str name;
    struct str_list groups;
    const struct tree *attributes; /* or NULL */
};

struct model_mesh {
    str name, description;
    struct str_list admins, guild; /* `user:NAME`, `group:NAME` */
    bool
        four_eyes; /* who applies a change of global policies is another person than who planned it */
    struct {
        VEC_OF(struct model_user)
    } users;
    struct str_list purposes;
    struct str_list source_roots, source_hosts;
    str access_longest; /* a duration, the most that an access request may ask for; empty: any */
    struct {
        bool redacts;                 /* literals are not kept with recorded queries */
        struct str_list tables, tags; /* … of these; of all where both are empty */
    } audit;
    struct place place;
};

struct model_domain {
    str name, title, description, alignment;
    struct str_list owners, members;
    str folder; /* domains/customer */
    struct place place;
    struct model_part *part;
};

struct model_sql {
    str table;        /* `orders@2` of v2/orders.sql */
    bool is_internal; /* self.NAME */
    str path, text;
};

struct model_product;

/* A column that a product needs of an input. */
struct model_pin {
    str table; /* empty: the only one of the contract */
    str column;
    struct place place;
};

struct model_input {
    str name, version, contract_id;
    const struct contract *contract;
    const struct model_product *producer; /* NULL: a source contract */
    str versions;                         /* the range as it is written; empty: none is */
    struct version_range range;           /* where there is one */
    struct place range_place;
    bool names_columns; /* `pins` are all that the product reads of it */
    struct {
        VEC_OF(struct model_pin)
    } pins;
    struct place place;
};

struct model_output {
    str name, version, contract_id;
    const struct contract *contract;
    struct place place;
};

/* When a product runs by itself. */
struct model_schedule {
    str text; /* as it is written, with `; ` between several; empty: never */
    struct {
        VEC_OF(struct cron)
    } times;
    bool on_release; /* when a product that it reads has a new release */
    struct place place;
};

struct model_product {
    const struct model_domain *domain;
    str address; /* domain.product */
    struct place id_place;
    str name, id, title, status, version, description, folder, file;
    str visibility; /* public (default) or restricted: who may discover it */
    struct model_schedule schedule;
    struct str_list tags;
    struct {
        VEC_OF(struct model_input)
    } inputs;
    struct {
        VEC_OF(struct model_output)
    } outputs;
    struct {
        VEC_OF(struct model_sql)
    } sqls; /* of the output tables and of internal/, by path; the order of internal ones comes with their trees */
    struct {
        VEC_OF(struct contract *)
    } contracts; /* of its folder, by path: of outputs and of sources */
    struct place place;
    struct model_part *part;
};

struct model {
    struct arena *mem;
    struct model_mesh mesh;
    struct {
        VEC_OF(struct model_domain *)
    } domains;
    struct map domain_names; /* to the domain */
    struct {
        VEC_OF(struct model_product *)
    } products; /* each behind those that it reads, else by name */
    struct {
        VEC_OF(struct model_product *)
    } by_name;            /* the same, by the names of domain and product: as their folders are */
    struct map addresses; /* `domain.product` to the product */
    struct {
        VEC_OF(struct contract *)
    } contracts;
    struct policies policies;
    struct policy_cases cases;        /* tests of policies */
    struct model_cases product_cases; /* unit tests of products */
    struct {
        VEC_OF(struct finding)
    } notes; /* what was said of files of products, and is no error: true as long as they stand */
};

/* Findings for files, names, references, duplicate ids, cycles between products (with the path), sources outside the listed
 * roots and hosts, a domain that names files of another. Never NULL; use it only when the report has no errors. */
struct model *model_compile(struct arena *mem, const struct bundle *bundle, struct report *report);

/* A mesh before that of the bundle. */
struct model_before {
    const struct bundle *files;
    const struct model *model; /* compiled of them without an error; or NULL */
};
/* The same, and what is as it was is not read again: such domains and products are those of `before`, by their pointers, and live as
 * long as these do. What is made anew is in `parts` and says that it is of `part`; lists are in `mem`. */
struct model *model_compile_over(struct arena *mem, struct arena *parts, struct model_part *part,
                                 const struct model_before *before, const struct bundle *bundle,
                                 struct report *report);
/* Input ports whose contract lacks a column that they name, or has a version outside of their range: findings. A model without errors
 * is whole all the same: such a port is linked to the contract that comes nearest. */
void model_check_pins(const struct model *model, struct report *report);
/* Does the port name this column, by the table's name in its product? True for all where it names none. */
bool model_input_names(const struct model_input *input, str table, str column);
/* Is the contract's version one that the port takes? True where it says none. */
bool model_input_takes(const struct model_input *input, const struct contract *contract);
/* The first of its times after one; INT64_MAX: there is none. */
int64_t model_schedule_after(const struct model_schedule *schedule, int64_t time_us);
/* One lone document: an ODCS or ODPS file, or one of our kinds, judged by itself. */
void model_check_document(struct arena *mem, str file, const struct tree *document,
                          struct report *report);
/* By the names of domain and product. */
int model_compare_names(const struct model_product *a, const struct model_product *b);
/* A product that two models do not have alike, by name; NULL: one has none of that name. False: there are no more. `at_io` begins as
 * {0}. What models share is alike, and is passed over without a look at it. */
struct model_pair {
    const struct model_product *before, *after;
};
bool model_next_pair(const struct model *before, const struct model *after, size_t at_io[2],
                     struct model_pair *out);
const struct model_domain *model_find_domain(const struct model *model, str name);
/* `domain.product`. */
const struct model_product *model_find_product(const struct model *model, str address);
/* Takes the other products out: neither a list nor an address gives them from here on. */
void model_keep_products(struct model *model,
                         bool (*is_kept)(void *ctx, const struct model_product *product),
                         void *ctx);
/* A column as policies see it, with the labels that its contract declares. */
void model_policy_column(struct arena *mem, const struct contract_column *column, uint32_t id,
                         str type, struct policy_column *out);
/* The schema of a major in SQL: `sales."orders@2"`. */
str model_major_schema(struct arena *mem, const struct model_product *product, uint64_t major);
/* `sales.orders@2.orders`, of a product's address and the name that the table has in it. In SQL: sales."orders@2".orders. */
str model_table_address(struct arena *mem, str product, str table);
/* Where its SELECT stands: `FOLDER/orders.sql`, `FOLDER/v2/orders.sql`. */
str model_table_file(struct arena *mem, str folder, str table);
/* The lowest major of an output contract: that which the bare name of the product means. */
uint64_t model_first_major(const struct model_product *product, str contract_id);
/* The next later major of a contract that the product promises, and that neither begins nor ends; NULL: there is none. */
const struct contract *model_next_major(const struct model_product *product,
                                        const struct contract *contract);
/* Of an event that tells of the end of a contract: a JSON object. What takes its place is what it says, else its next major. */
str model_ending_json(struct arena *mem, const struct model_product *product,
                      const struct contract *contract, const struct contract_life *life);
/* The table and its contract among the outputs of a product. */
const struct contract_table *model_find_table(const struct model_product *product, str table,
                                              const struct contract **contract_out);
/* Where a relationship of a contract leads, as the checks of this product see it. */
struct model_relation {
    const struct contract *contract;
    str file;   /* of the contract, in the bundle; empty where it is none */
    str schema; /* `self`, or the input port */
    const struct contract_table *table;
    struct {
        VEC_OF(const struct contract_column *)
    } columns;
    bool is_input; /* of another input than that whose contract says so */
    str problem;
};
/* False with a problem; its contract is NULL where that is no output and no input of the product. */
bool model_find_relation(struct arena *mem, const struct model_product *product,
                         const struct contract *contract, const struct contract_rule *rule,
                         struct model_relation *out);
/* True for an output table without SQL: it is what the input table of its name is. */
bool model_is_passed_through(const struct model_product *product, str table);
/* The SELECT of an output table without SQL: its columns from the input table of the same name in this port. */
str model_pass_through_sql(struct arena *mem, const struct contract_table *table, str input);
/* The incremental table whose last key `$since` is in this text: its own; of an internal table the product's only one. NULL: none. */
const struct contract_table *model_since_table(const struct model_product *product,
                                               const struct model_sql *sql);
/* Of the key of an incremental table: its type, a value of it as SQL, and a value before all others, as text. */
str model_key_type(const struct contract_table *table);
str model_key_literal(struct arena *mem, const struct contract_table *table, str value);
str model_key_least(const struct contract_table *table);
/* Product addresses `user:NAME` and `group:NAME` lists: is this user meant? */
bool model_names_actor(const struct str_list *list, str user, const struct str_list *groups);

#endif
