/* Parts of plan. */
#ifndef WEFT_PLAN_INSIDE_H
#define WEFT_PLAN_INSIDE_H

#include "compliance/compliance.h"
#include "environment/environment.h"
#include "label/label.h"
#include "lineage/lineage_proof.h"
#include "plan/plan.h"

enum { PLAN_DETAIL_BYTES_MAX = 64 << 10 };

/* The texts of a product, as they were compiled: what its tests run. */
struct plan_text {
    const struct model_sql *sql;
    const struct sql_tree *tree;
};
struct plan_compiled {
    const struct model_product *definition;
    struct gate_scope scope; /* with its internal tables */
    struct {
        VEC_OF(struct plan_text)
    } texts; /* internal tables before those that read them */
};
struct plan_compiled_list {
    VEC_OF(struct plan_compiled)
};
/* Every SELECT of every product against its inputs' contracts: findings with their place in the .sql file; and where the columns of
 * every output table come from. Those of `unaffected` (or NULL) are passed over. `compiled` may be NULL. */
MUST_CHECK bool plan_check_sql(struct task *t, struct engine *engine, const struct model *model,
                               const struct pointer_map *unaffected, struct report *report,
                               struct label_traces *traces, struct plan_compiled_list *compiled);
/* Compiles a bundle over the model of an image (or NULL), which shares what did not change. */
struct model *plan_model(struct task *t, const struct image *image, const struct bundle *bundle,
                         struct report *report);
/* Products of the model of which neither their own files differ nor those of any product that they read, with their labels of today: an
 * apply proved both. */
void plan_find_unaffected(struct task *t, const struct image *image, const struct model *model,
                          struct pointer_map *out);
/* What contracts are judged by: also where the SELECTs of others do not fit any more, since that is what a breaking change does to them.
 * NULL: files that do not fit together say nothing of what is promised. */
const struct model *plan_model_after(struct task *t, const struct plan *p,
                                     const struct image *image, const struct bundle *whole,
                                     bool has_compiled);
/* Errors that speak of a text or its values are findings; those of the machine end the work. */
bool plan_is_of_text(enum error_code code);
/* Unit tests of products that `which` names: a case that fails is a finding. With `changed` (sorted paths) only of products that one of
 * these files is of, or of a product that they read. */
MUST_CHECK bool plan_run_product_tests(struct task *t, struct engine *engine,
                                       const struct model *model,
                                       const struct plan_compiled_list *compiled,
                                       const struct plan_tests *which,
                                       const struct str_list *changed, struct report *report,
                                       struct plan_case_results *results);
/* Every policy against the tables of the model, which has no errors yet; conditions and masks are tried by the engine. */
MUST_CHECK bool plan_check_policies(struct task *t, struct engine *engine,
                                    const struct model *model, const struct labels *labels,
                                    struct report *report);
/* Where tests of policies find the releases that they are over, as the mesh is now. */
struct plan_releases {
    struct services *services;
    const struct image *image;
    const struct bundle *before; /* the files of today; NULL: those of products are not changed */
};
/* Tests of policies: a case that fails is a finding. Only those of tables of `domain` (or of several, with commas) and in `file`, where these are not empty. Without
 * `releases` those over a release are left out. */
MUST_CHECK bool plan_run_policy_tests(struct task *t, struct engine *engine,
                                      const struct model *model, const struct labels *labels,
                                      const struct plan_releases *releases, str domain, str file,
                                      struct report *report, struct plan_case_results *results);
/* The table of a release that a case is over, for t->actor, with the labels of then added to the subject; the audit has it. NULL, with a
 * finding that says why: it is left out. */
MUST_CHECK bool plan_find_release(struct task *t, const struct plan_releases *releases,
                                  const struct policy_case *of, struct report *report,
                                  struct policy_table *subject_io, const struct image_table **out);
/* Its rows as the view `given` of a check worker's job, with those columns of the subject that it has. */
MUST_CHECK bool plan_give_release(struct task *t, const struct plan_releases *releases,
                                  const struct image_table *table,
                                  const struct policy_table *subject, struct engine_job *job);
bool plan_release_has(const struct image_table *table, str column);
/* Paths of files that differ, sorted. */
void plan_find_changed(struct arena *mem, const struct bundle *before, const struct bundle *after,
                       struct str_list *out);
/* Requirements, over the mesh as the plan would make it; `today` is what it is. ERR_INVALID when one that blocks is not met. */
MUST_CHECK bool plan_check_requirements(struct task *t, struct plan *p, const struct image *today);
/* The same for an apply, with what is found counted; the answer to a plan said the rest. */
MUST_CHECK bool plan_count_requirements(struct task *t, struct services *s,
                                        const struct model *model, const struct image *today,
                                        struct compliance_list *out);
/* Without a catalog, as itself: what needs one is a note. */
MUST_CHECK bool plan_check_requirements_offline(struct task *t, struct engine *engine,
                                                const struct model *model, struct report *report);
/* Notes where another order of a large table's files would make a filter cheap to clear. */
void plan_advise(struct task *t, struct plan *p, const struct image *image);
/* By what the files of a table are ordered: what its contract says, or the first column of the primary key. */
str plan_clustered_by(const struct contract_table *table);
/* Tables of which the plan makes other classes of copies than there are: p->classes. ERR_INVALID where a large table has to be
 * clustered first. */
MUST_CHECK bool plan_count_classes(struct task *t, const struct image *image, struct plan *p);
/* The policies of the bundle, and the agreements, which no bundle changes. */
void plan_gather_policies(struct arena *mem, const struct image *image, const struct model *model,
                          struct policies *out);
/* Declassifications of an output table that cannot be proven, whatever its rows will be. */
void plan_check_declassify(struct task *t, const struct model_product *product,
                           const struct model_sql *sql, const struct sql_tree *tree,
                           const struct lineage_texts *internal, struct report *report);
/* What only the edges tell of them. */
void plan_check_declassified(const struct label_traces *traces, struct report *report);
/* Exceptions of products without the digest of their SQL are errors, those for another SQL warnings. */
void plan_check_exceptions(struct task *t, const struct model *model, struct report *report);
/* Columns that gain or lose an inherited label, with its origin and whom it concerns. `image` is the mesh as it is. */
void plan_compare_labels(struct task *t, const struct image *image, const struct labels *labels,
                         struct plan *p);
/* A table of a product as decisions see it. */
void plan_policy_table(struct arena *mem, const struct model_product *product,
                       const struct contract *contract, const struct contract_table *table,
                       const struct labels *labels, struct policy_table *out);
/* Inputs that products of the plan may not read yet, by its policies and the agreements of the mesh: p->needs, and a warning each. */
MUST_CHECK bool plan_find_needs(struct task *t, const struct image *image, struct plan *p);
/* Output contracts as they are and as they would be: p->contract_changes, with their evidence. Of `now`, where it has no
 * errors. ERR_INVALID, with findings, when one breaks a major that is in force. */
MUST_CHECK bool plan_compare_contracts(struct task *t, const struct image *image,
                                       const struct model *now, struct plan *p);
/* The same for two models, without a catalog. */
MUST_CHECK bool plan_compare_models(struct task *t, const struct model *before,
                                    const struct model *now, struct plan *p);
struct plan_port {
    const struct image_product *consumer;
    str name;
};
/* A contract of a product as it is, and as it would be in a model; NULL where it goes. */
struct plan_meeting {
    const struct image *image;
    const struct image_product *product;
    const struct contract *contract, *contract_now;
    const struct model *now;
    struct plan *p;

    /* Its input ports, which all changes of it have in common: found with the first one. */
    bool has_ports;
    struct {
        VEC_OF(struct plan_port)
    } ports;
};
/* Who would be met by a change of it. */
MUST_CHECK bool plan_find_evidence(struct task *t, struct plan_meeting *meeting,
                                   struct plan_contract_change *change);
/* Of them those alone whose input port takes no such version. */
void plan_find_left(struct task *t, const struct plan_meeting *meeting,
                    struct plan_contract_change *change);
/* Products of a model that declare it. */
void plan_find_declared(struct task *t, const struct plan_meeting *meeting,
                        const struct model *before, struct plan_contract_change *change);
/* What the input port of a consumer says of a change: its names and leaves. False when that is nothing. */
bool plan_find_pins(struct task *t, const struct plan_meeting *meeting,
                    const struct contract_change *change, const struct model_product *consumer,
                    str input, struct plan_consumer *out);
/* In place of findings in files of products that the actor may not discover: how many there are. */
void plan_hide_findings(struct task *t, const struct image *image, struct plan *p);
/* Warnings for input ports whose producer will end them, or has. */
void plan_find_endings(struct plan *p);
/* Part of the applying transaction: an event for each output contract that is deprecated or retired from now on. */
MUST_CHECK bool plan_tell_endings(struct task *t, struct metadb *db, const struct model *before,
                                  const struct model *now);
/* The contract of the same id and major among the outputs of a product. */
const struct contract *plan_same_contract(const struct model_product *product,
                                          const struct contract *like);
/* Sets of entitlements whose rows come with an apply. */
struct plan_entitled {
    VEC_OF(struct policy_entitlement)
};
/* The mesh as it is: its files, and the model that says who may change them. */
MUST_CHECK bool plan_load_base(struct task *t, struct services *s, struct bundle *before,
                               const struct image **image_out, uint64_t *version_out);
/* ---- environments */

/* ERR_REFUSED names the first file that is not to be changed in one; a mesh allows all. */
MUST_CHECK bool plan_env_allows(struct task *t, const struct services *s,
                                const struct bundle *before, const struct bundle *after);
/* What an apply of `whole` makes of the files that it has otherwise. Not mended: some stay set aside. `model` says who may change what. */
MUST_CHECK bool plan_env_files(struct task *t, struct services *s, const struct model *model,
                               str domain, const struct bundle *whole,
                               struct environment_files *out, bool *is_mended_out);
/* Would an apply, whatever it changes, take away files that are set aside? */
MUST_CHECK bool plan_env_mends(struct task *t, struct services *s, const struct model *model,
                               str domain, bool *out);
struct plan_env_commit {
    const struct bundle *before, *whole;
    const struct model *model;
    const struct image *image;
    uint64_t version;
    const struct environment_files *files;
    struct services *from; /* whose ids hold */
    uint64_t follows;      /* the version of the mesh that they are of; 0: it was said before */
};
MUST_CHECK bool plan_commit_env(struct task *t, struct services *s,
                                const struct plan_env_commit *env);

/* Line and column of the task's error in a text of the product, which its position is then of too; its first where it has none. */
void plan_place_text(struct task *t, const struct model_product *product,
                     const struct model_sql *sql, struct place *out);
/* Adds the path of the file's deleted rows to those of a table, or an empty one: it is whole. */
MUST_CHECK bool plan_add_deletions(struct task *t, struct store *store,
                                   const struct image_file *file, struct str_list *out);
MUST_CHECK bool plan_read_entitled(struct task *t, struct services *s, const struct image *image,
                                   const struct model *model, struct plan_entitled *out);
/* Part of the applying transaction. ERR_CONFLICT when one of the products was published since. */
MUST_CHECK bool plan_write_entitled(struct task *t, struct metadb *db, const struct model *model,
                                    const struct plan_entitled *entitled);
/* What `now` has that `before` has not, and the other way round; `before` may be empty. */
MUST_CHECK bool plan_compare(struct task *t, const struct bundle *before,
                             const struct model *model_before, const struct bundle *now,
                             const struct model *model_now, struct plan *p);
/* May the actor change these files? ERR_DENIED names the first that he may not. `before` and `after` are the whole mesh, `model` that
 * of `before`, or NULL for an empty one. */
MUST_CHECK bool plan_may_change(struct task *t, const struct model *model,
                                const struct bundle *before, const struct bundle *after,
                                bool *override_out);
/* The same of one file, where no word of it is to be said. */
bool plan_may_change_path(const struct task *t, const struct model *model, str path);
/* What an apply changes, as the audit keeps it: files by their hashes, policies, users of mesh.yaml. `model_before` is NULL the first
 * time. A JSON object. */
struct plan_change_of_mesh {
    str plan, domain;
    uint64_t mesh_version;
    bool is_override;
    const struct bundle *before, *after;
    const struct model *model_before, *model_after;
};
str plan_audit_detail(struct task *t, const struct plan_change_of_mesh *change);
/* `NAME.policy.yaml`, `.yml` or `.json`. */
bool plan_is_policy(str path);
/* Is the path inside `domains/<domain>/` of one of these, with commas between? */
bool plan_is_of_domain(str path, str domains);
/* Is the domain one of those that are planned? */
bool plan_is_planned(const struct plan *p, str domain);
/* Findings of all files in one go, and the model when there are no errors. `domain`, several with commas, or empty: whose tests of policies
 * are run. */
MUST_CHECK bool plan_compile(struct task *t, struct engine *engine, struct bundle *bundle,
                             const struct plan_releases *releases, str domain,
                             struct report *report, struct model **model_out,
                             struct labels *labels_out);

/* The scope of a plan of global policies, beside names of domains. */
#define PLAN_POLICIES "policies/"
bool plan_is_global(str path);
/* Of the files below policies/: as long as they are the same, a proposal fits. */
str plan_policies_digest(struct arena *mem, const struct bundle *bundle);
bool plan_may_propose(const struct task *t, const struct plan *p, const struct image *image);
/* In place of the checks of a plan: as far as the author may discover. */
MUST_CHECK bool plan_propose(struct task *t, struct plan *p, const struct image *image,
                             const struct bundle *before, struct bundle *whole);
/* All checks, before a proposal is applied. ERR_INVALID with the findings as its detail. */
MUST_CHECK bool plan_recheck(struct task *t, struct services *s, const struct image *image,
                             struct bundle *whole);
/* With `fourEyes` in mesh.yaml: ERR_DENIED when who applies a change of policies/ made the plan himself; the owner of the home overrides. */
struct plan_row;
MUST_CHECK bool plan_four_eyes(struct task *t, const struct image *image,
                               const struct plan_row *row, const struct bundle *before,
                               const struct bundle *after, bool *override_out);
/* Is the path of this scope: a domain, or PLAN_POLICIES? */
bool plan_is_in_scope(str path, str scope);
/* Files of `base` outside of the scope with those of `ours` inside of it. */
void plan_merge(struct arena *mem, const struct bundle *base, const struct bundle *ours, str scope,
                struct bundle *out);

#endif
