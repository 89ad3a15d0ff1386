/* The steps of a run, in files of their own. */
#ifndef WEFT_RUN_INSIDE_H
#define WEFT_RUN_INSIDE_H

#include "parts/parts.h"
#include "release/release.h"
#include "run/run.h"
#include "run_row/run_row.h"
#include "source/source.h"

enum { RUN_DETAIL_BYTES_MAX = 64 << 10 }; /* of an error: what is more is cut off */

MUST_CHECK bool run_begin(struct task *t, struct run *r);
MUST_CHECK bool run_since(struct task *t, struct run *r);
MUST_CHECK bool run_extract(struct task *t, struct run *r);
MUST_CHECK bool run_check_inputs(struct task *t, struct run *r);
MUST_CHECK bool run_transform(struct task *t, struct run *r);
MUST_CHECK bool run_replay(struct task *t, struct run *r);
/* Rows of sources, before anything is made of them. */
MUST_CHECK bool run_divert_inputs(struct task *t, struct run *r);
MUST_CHECK bool run_cut_windows(struct task *t, struct run *r);
MUST_CHECK bool run_divert(struct task *t, struct run *r);
MUST_CHECK bool run_merge(struct task *t, struct run *r);
MUST_CHECK bool run_check_outputs(struct task *t, struct run *r);
MUST_CHECK bool run_parts(struct task *t, struct run *r);
MUST_CHECK bool run_publish(struct task *t, struct run *r);
/* In its place, for a candidate: the same, but no reader sees it. */
MUST_CHECK bool run_hold(struct task *t, struct run *r);
/* Are releases of this table made, by its contract? */
bool run_is_made(const struct run *r, const struct image_table *table);
/* Part of the publishing transaction: what was replayed leaves the quarantine. */
MUST_CHECK bool run_end_replay(struct task *t, struct metadb *db, const struct run *r);
/* The row's last state: published, rejected, failed or cancelled. Keeps t->err. */
void run_end(struct task *t, struct run *r, bool ok);

/* The row follows; a trial has none. */
MUST_CHECK bool run_enter(struct task *t, const struct run *r, enum run_state state, str step);
/* Says which step works on what. */
void run_progress(struct task *t, struct run *r, const char *step, str subject, int thousandths);

/* engine_ask for the one row that a question has. */
MUST_CHECK bool run_ask_row(struct task *t, struct worker *worker, struct engine_job *job,
                            bool is_cleared, const struct tree **row_out);
/* A view over a staged file, and over the files of before that stay beside it, with their links. */
MUST_CHECK bool run_add_staged(struct task *t, const struct run *r, struct engine_job *job,
                               str schema, const struct run_table *table);
/* For work whose rows go to a file: only progress comes. */
struct row_sink run_progress_sink(struct task *t, struct run *r, str subject);
/* How large its files may be, where so many stay beside them. */
struct part_limits run_part_limits(const struct run *r, uint64_t rows, uint64_t bytes, size_t kept);
/* Will a table be made that is split into several files? A guess, for how it is staged. */
bool run_is_large(const struct run *r, const struct run_table *table);
/* Runs the job with its output going to a file of the worker's, which has the columns of the table. */
MUST_CHECK bool run_stage_as(struct task *t, struct run *r, struct worker *worker,
                             struct engine_job *job, bool is_cleared, const struct run_table *table,
                             str file, struct job_result *out);
/* Runs the job with its output going to a staged file of the table. */
MUST_CHECK bool run_stage(struct task *t, struct run *r, struct worker *worker,
                          struct engine_job *job, bool is_cleared, struct run_table *table);
/* Its two halves: what fails in the first is of the text or of what it reads, in the second of the home. */
MUST_CHECK bool run_stage_make(struct task *t, struct run *r, struct worker *worker,
                               struct engine_job *job, bool is_cleared, struct run_table *table);
MUST_CHECK bool run_stage_take(struct task *t, struct run *r, struct worker *worker,
                               const struct engine_job *job, str path);
/* ---- tables that are read in ranges */

/* How a table is read: as a whole, in ranges of its key, or as it lies, in pieces that are sorted. */
struct run_reading {
    size_t len;             /* ranges or pieces; 0: as a whole */
    uint64_t blocks;        /* of a piece; 0: these are ranges */
    struct job_columns key; /* by which pieces are sorted */
    struct str_list beside; /* lets a second connection read the same */
    const struct source_server *server;
    const struct source_table *source;
};

/* Says by which column, and where if a release tells it, if this table may be. */
void run_cut_source(struct task *t, const struct run *r, struct source_table *table);
MUST_CHECK bool run_choose_reading(struct task *t, const struct run *r, struct worker *worker,
                                   const struct source_server *server, struct source_table *source,
                                   struct run_reading *out);
/* Makes parts of the table, from `*next` on, as many as fit into a job; run_take_part then takes each. */
MUST_CHECK bool run_stage_parts(struct task *t, struct run *r, struct worker *worker,
                                const struct run_reading *reading, struct run_table *table,
                                size_t *next);
MUST_CHECK bool run_take_part(struct task *t, struct run *r, struct worker *worker,
                              const struct run_part *part);
/* The staged files of a table: one, or one a range or piece, in order. */
void run_add_paths(struct task *t, const struct run_table *table, struct str_list *out);
/* Are they what its files would be anyway? */
bool run_ranges_hold(struct task *t, const struct run_table *table,
                     const struct part_limits *limits);

/* ---- incremental tables */

/* That of an output table which is added to; NULL: all its rows are made. */
struct run_increment *run_find_increment(const struct run *r, str table);
/* What `$since` is in a text; empty: it is none of an incremental table. */
str run_since_text(struct task *t, const struct run *r, const struct model_sql *sql);
/* Of incremental tables with SQL: which rows of which source these need, as far as that is provable. */
MUST_CHECK bool run_find_pushed(struct task *t, struct run *r);
/* Which rows of a source table are needed, where nothing else reads it; empty column: all. */
void run_limit_source(struct task *t, struct run *r, str schema, struct source_table *table);
/* As a condition on the columns of the input, for rows that have a value. */
str run_range_condition(struct task *t, const struct source_range *range);
/* The rows that are added, as a condition on the columns of the input; empty: all. */
str run_since_condition(struct task *t, const struct run_increment *inc, bool may_be_null);
/* Fails with ERR_CONFLICT when what the build may see of its inputs is not what it was when the run began. */
MUST_CHECK bool run_basis_holds(struct task *t, const struct run *r);
const struct image_fact *run_find_fact(const struct image_file *file, uint32_t column_id);
/* Adds kept files with their deletions to paths, and to the paths of deletions beside them. */
MUST_CHECK bool run_add_kept(struct task *t, const struct run *r, const struct run_increment *inc,
                             struct str_list *paths, struct str_list *deletions);
/* Links a file under a name that no other content has; a link that is there is no second one. */
str run_link(struct task *t, struct engine_job *job, str path, str run_id);
/* What the contract clusters by, then the primary key, as far as its values have an order. */
void run_find_key(struct task *t, const struct run_table *table, struct job_columns *key);

/* The verdicts on these staged tables, kept in them: nothing fails by them. */
MUST_CHECK bool run_find_verdicts(struct task *t, struct run *r, struct run_table *tables,
                                  size_t len, const char *what);
/* Checks of these staged tables; results are kept in them. A failing rule that rejects fails with ERR_CHECK_FAILED, after all
 * were checked. */
MUST_CHECK bool run_check_tables(struct task *t, struct run *r, struct run_table *tables,
                                 size_t len, const char *what);
/* As it stands in SQL, quoted. */
str run_view_name(struct arena *mem, str schema, str table);
/* Its definition, with no rule. */
struct contract_table *run_without_rules(struct task *t, const struct run_table *table);
/* Can some of the rows of a table tell that they break it? */
bool run_is_told_by_part(const struct contract_rule *rule);
/* Verdicts of rules with a schedule, as they are known: r->schedules. */
MUST_CHECK bool run_find_schedules(struct task *t, struct run *r);
bool run_rule_is_due(const struct contract_rule *rule, const struct scheduled_check *last,
                     int64_t now_us);
/* Takes those out of what is asked that are not due, and gives their verdicts of before. */
MUST_CHECK bool run_leave_standing(struct task *t, struct run *r, const struct run_table *of,
                                   struct run_table *asked, struct run_table *standing);
void run_tell_standing(struct run *r, const struct run_table *standing);
void run_take_schedule(struct task *t, const struct run *r, const struct run_table *table,
                       const struct check_result *result, struct scheduled_check *out);
/* Part of the publishing transaction. */
MUST_CHECK bool run_write_schedules(struct task *t, struct metadb *db, const struct run *r);
/* A table as the current release has it, all of its files kept, and nothing that comes. */
void run_keep_release(struct task *t, const struct run *r, const struct image_table *of,
                      struct run_table *out);
/* What is left passes a rule; what is told is how many rows came, and how many were diverted. */
void run_tell_diverted(const struct run_table *table);
/* Of incremental tables, what is in quarantine and comes again. */
MUST_CHECK bool run_find_reread(struct task *t, struct run *r);
MUST_CHECK bool run_store_reread(struct task *t, struct run *r);
MUST_CHECK bool run_write_reread(struct task *t, struct metadb *db, const struct run *r);
MUST_CHECK bool run_store_diverted(struct task *t, struct run *r);
/* `port.table` of a source, else the name of the table. */
str run_told_name(struct arena *mem, const struct run_table *table);
/* Of the file of diverted rows. */
struct job_columns run_diverted_columns(struct arena *mem, const struct run_diverted *diverted);
/* Empty unless it makes a candidate. */
str run_candidate_id(const struct run *r);
/* At once, or with the publication of the candidate that is made. */
MUST_CHECK bool run_drop_quarantine(struct task *t, struct metadb *db, const struct run *r,
                                    const struct quarantine_which *which);
/* Part of the publishing transaction, or of that which keeps a candidate. */
MUST_CHECK bool run_write_quarantine(struct task *t, struct metadb *db, const struct run *r);
/* In a transaction: what is written of each verdict, those of sources first. */
MUST_CHECK bool run_write_each(struct task *t, struct metadb *db, const struct run *r,
                               bool (*write)(struct task *t, struct metadb *db, const struct run *r,
                                             const struct run_table *table,
                                             const struct check_result *result));
/* What a run that fails leaves: the last good release, or none. */
const char *run_what_stays(const struct run *r);
/* Not passed, nor left out. */
bool run_fails(const struct check_result *result);
void run_warn(struct run *r, const struct check_result *result);
/* Part of the last write of a run: all results of its checks. */
MUST_CHECK bool run_write_checks(struct task *t, struct metadb *db, const struct run *r);
/* Requirements of the mesh, with this release: ERR_CHECK_FAILED when the product does not meet one that blocks. */
MUST_CHECK bool run_check_requirements(struct task *t, struct run *r);
MUST_CHECK bool run_write_requirements(struct task *t, struct metadb *db, const struct run *r);
/* Sets of entitlements that filters take from the tables of this product. */
struct run_entitled {
    VEC_OF(struct policy_entitlement)
};
/* Their rows, from the staged outputs. */
MUST_CHECK bool run_read_entitled(struct task *t, struct run *r, struct run_entitled *out);
/* Part of the publishing transaction, after r->release is known. */
MUST_CHECK bool run_write_entitled(struct task *t, struct metadb *db, const struct run *r,
                                   struct run_entitled *entitled);
/* A text of the product through the gate, to a job; `scope` says what its names mean. */
MUST_CHECK bool run_clear(struct task *t, struct run *r, struct worker *worker, str text,
                          const struct gate_scope *scope, struct row_sink *sink,
                          struct engine_job *job_out);
/* Adds the tables of input ports that are other products, at their pinned releases. */
void run_scope_inputs(struct task *t, const struct run *r, struct gate_scope *scope);
void run_scope_staged(struct task *t, const struct run_table *table, const char *what,
                      struct gate_scope *scope);
/* Keeps where the columns of a text come from; `result` is what the engine says that it gives. */
void run_trace(struct task *t, struct run *r, const struct model_sql *sql,
               const struct sql_tree *tree, const struct clearance *clear,
               const struct job_columns *result);
/* The same of a table without SQL. */
void run_trace_passed(struct task *t, struct run *r, const struct gate_input *input,
                      const struct image_table *target);
/* All of it, as a release keeps it. */
void run_edges(struct task *t, const struct run *r, struct release_edges *out);
/* Declassifications held against the facts of the parts. ERR_CHECK_FAILED names the first that is not proven; all of them get
 * a verdict. */
MUST_CHECK bool run_prove(struct task *t, struct run *r);
/* Takes values of other products out of an engine's error; always false. */
bool run_hide_values(struct task *t, const struct run *r);

/* The address of a source, resolved and held against the hosts that mesh.yaml lists. */
struct source_server;
MUST_CHECK bool run_reach(struct task *t, const struct run *r, const struct source_server *server,
                          str *address_out, uint16_t *port_out);
/* Files of a source, resolved under the roots that mesh.yaml lists; links that lead out of them are refused. The paths hold as long as
 * the task. */
MUST_CHECK bool run_source_files(struct task *t, const struct run *r,
                                 const struct source_server *server, str table,
                                 struct str_list *out);
/* The secrets scope of the product's domain. */
struct source_secrets;
void run_secrets(struct task *t, const struct run *r, struct source_secrets *out);

#endif
