/* A bundle of desired files against the catalog: what changes, what it violates; and applying it. */
#ifndef WEFT_PLAN_H
#define WEFT_PLAN_H

#include "contract/contract_change.h"
#include "services/services.h"

struct labels;

enum plan_action { PLAN_ADDED, PLAN_CHANGED, PLAN_REMOVED };
const char *plan_action_name(enum plan_action action); /* "added" */

struct plan_change {
    enum plan_action action;
    str kind; /* mesh, policy, domain, product, contract, sql, table, column */
    str name; /* as `orders.processing.orders.amount` */
    str file;
    str detail; /* "type INTEGER -> BIGINT", or empty */
};

/* A grant that a product lacks for an input port: its runs are refused until it is there. */
struct plan_need {
    str product, input; /* domain.product that reads, its input port */
    str target;         /* domain.product, or one of its tables */
    str reason;
    str command;      /* that asks for it; empty when it was asked for */
    uint64_t request; /* the access request that waits for a decision, or 0 */
};

/* Whom a change meets: what was recorded, and what is declared. */
struct plan_asker {
    str actor;
    uint64_t queries;
    int64_t last_us;
    struct str_list fingerprints; /* of their last queries, without literals */
};

struct plan_consumer {
    str product, input; /* domain.product, its input port */
    bool reads;         /* its current release was made of what changes */
    bool has_release;
    struct str_list
        names;  /* columns that its input port names, of those that change: `orders.amount` */
    str leaves; /* the range of its input port, where the new version is outside of it */
};

struct plan_evidence {
    bool is_there; /* of what was not there before, and of words alone, there is none */
    struct {
        VEC_OF(struct plan_consumer)
    } consumers;
    size_t consumers_hidden; /* that the actor may not discover */
    bool is_declared_only;   /* nothing was recorded that could be looked at */
    bool names_readers;      /* else only how many there are is for this actor */
    struct {
        VEC_OF(struct plan_asker)
    } readers; /* who asked last comes first */
    uint64_t actors, queries;
    uint64_t others; /* of the actors: those that are not of the product's team */
    int64_t last_us; /* 0: nobody asked */
    int64_t days;    /* that were looked back */
};

/* A change of an output contract, as its readers would feel it. */
struct plan_contract_change {
    str product, contract; /* domain.product, the id */
    uint64_t major;        /* of the contract */
    struct contract_change change;
    enum contract_change_class class;
    bool is_refused;               /* breaking, in a major that is in force */
    struct plan_evidence evidence; /* of a version those whose range it leaves */
};

/* A published table of which the plan makes other classes of copies than there are. */
struct plan_classes {
    str table; /* domain.product.table */
    uint64_t readers,
        readers_now; /* users with their purposes, and products, that may read of it */
    uint64_t classes, classes_now;
    bool has_bytes;            /* else they are not for this actor */
    uint64_t bytes, bytes_now; /* of all copies, at most */
};

struct plan_owner {
    uint64_t table_id;
    const struct image_product *product;
};
struct plan_owners {
    VEC_OF(struct plan_owner)
};

struct plan {
    /* What was asked. */
    struct services *services;
    str domain;           /* only this one, or these, with commas between; empty: the whole mesh */
    bool of_policies;     /* only files below policies/: whoever may not change them proposes */
    struct bundle bundle; /* paths and texts, sorted */

    /* What the steps make. */
    struct report findings;
    struct model *model;
    const struct labels *labels; /* label/label.h: what columns inherit */
    struct {
        VEC_OF(struct plan_change)
    } changes;
    struct {
        VEC_OF(struct plan_contract_change)
    } contract_changes;
    struct plan_owners table_owners; /* by id; empty until evidence asks for one */
    struct {
        VEC_OF(struct plan_need)
    } needs;
    struct {
        VEC_OF(struct plan_classes)
    } classes;
    size_t classes_left_out; /* tables that were not counted: there are too many readers */
    bool mends; /* files of an environment that do not fit go with it, though nothing changes */
    str id;     /* empty when there is nothing to apply */
    bool is_proposal;           /* its author may not apply it */
    struct str_list distrusted; /* of a proposal: the files that it changes */
    str digest;
    str policies_digest; /* of the base, where only policies are planned */
    uint64_t base_version;
};

/* `product marketing.reach (input port orders, reads it); ana (12 queries, the last on 2026-11-27)`; empty when nobody is known. */
str plan_evidence_text(struct arena *mem, const struct plan_evidence *evidence);

/* Compares, checks and keeps the plan. False with ERR_INVALID when the findings have errors: they are in p->findings. */
MUST_CHECK bool plan_make(struct task *t, struct plan *p);

struct plan_applied {
    uint64_t mesh_version;
    bool was_applied; /* before: nothing was done now */
    bool is_override; /* by the owner of the home, who is not of what he changed */
};
/* One transaction. ERR_CONFLICT when the base moved, ERR_DENIED when the actor may not change some file of it. */
MUST_CHECK bool plan_apply(struct task *t, struct services *s, str id, struct plan_applied *out);

/* A case of a test, of policies or of a product. */
struct plan_case_result {
    str name, subject; /* the table, or domain.product */
    struct place place;
    bool has_passed;
    bool is_left_out; /* it needs the server */
};

struct plan_case_results {
    VEC_OF(struct plan_case_result)
};

/* Which tests of a bundle are run. */
struct plan_tests {
    bool of_policies, of_products;
    str file;    /* only of this file; empty: all */
    str product; /* only of this product; empty: all */
};
/* Offline. False with ERR_NOT_FOUND when there is no such product, with ERR_INVALID when the bundle has errors or a case fails; `results`
 * has the cases that were run. */
MUST_CHECK bool plan_test(struct task *t, struct engine *engine, struct bundle *bundle,
                          const struct plan_tests *which, struct report *report,
                          struct plan_case_results *results);

/* Unit tests of the products that read this one; they are the last verdicts that its candidate, made by this run, waits for. */
MUST_CHECK bool plan_test_consumers(struct task *t, struct services *s, str product, str run_id);

struct json_out;
/* A plan as a JSON object, and its member `contract_changes` alone, as it stands beside an error. */
void plan_put(struct task *t, const struct plan *p, struct json_out *o);
void plan_put_contract_changes(struct task *t, const struct plan *p, struct json_out *o);
/* Two bundles compared, without a catalog: the files of p->bundle (of p->domain or policies, where it is only these) against `before`.
 * What was published or read is not known: each active contract counts as in force. False with ERR_INVALID when the findings have
 * errors. */
MUST_CHECK bool plan_against(struct task *t, struct engine *engine, struct bundle *before,
                             struct plan *p);
/* Open proposals, newest first: all for those who govern, else one's own. */
MUST_CHECK bool plan_list(struct task *t, struct services *s, struct json_out *o);

/* Offline: the same findings, without a catalog. `engine` may start workers; nothing is kept. */
MUST_CHECK bool plan_check(struct task *t, struct engine *engine, struct bundle *bundle,
                           struct report *report);

#endif
