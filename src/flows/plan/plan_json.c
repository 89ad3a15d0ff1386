/* A plan as JSON: the answer of the API, and what the command line makes of two folders. */
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "plan_inside.h"

static void plan_put_classes(const struct plan *p, struct json_out *o)
{
    json_out_begin(o, "classes", '[');
    for (size_t i = 0; i < p->classes.len; i++) {
        const struct plan_classes *row = &p->classes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "table", row->table);
        json_out_uint(o, "readers", row->readers);
        json_out_uint(o, "readers_now", row->readers_now);
        json_out_uint(o, "classes", row->classes);
        json_out_uint(o, "classes_now", row->classes_now);
        if (row->has_bytes) {
            json_out_uint(o, "bytes", row->bytes);
            json_out_uint(o, "bytes_now", row->bytes_now);
        } else {
            json_out_null(o, "bytes");
            json_out_null(o, "bytes_now");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_uint(o, "tables_not_counted", p->classes_left_out);
}

static void plan_put_evidence(struct task *t, const struct plan_evidence *evidence,
                              struct json_out *o)
{
    json_out_begin(o, "evidence", '{');
    json_out_bool(o, "recorded", !evidence->is_declared_only);
    json_out_int(o, "days", evidence->days);
    json_out_begin(o, "products", '[');
    for (size_t i = 0; i < evidence->consumers.len; i++) {
        const struct plan_consumer *consumer = &evidence->consumers.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", consumer->product);
        json_out_str(o, "input", consumer->input);
        json_out_bool(o, "reads", consumer->reads);
        json_out_bool(o, "has_release", consumer->has_release);
        json_out_list(o, "names", &consumer->names);
        json_out_maybe(o, "leaves", consumer->leaves);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_uint(o, "products_hidden", evidence->consumers_hidden);
    json_out_uint(o, "actors", evidence->actors);
    json_out_uint(o, "queries", evidence->queries);
    if (evidence->last_us > 0) {
        json_out_time(o, "last_at", evidence->last_us);
    } else {
        json_out_null(o, "last_at");
    }
    json_out_begin(o, "readers", '[');
    for (size_t i = 0; i < evidence->readers.len; i++) {
        const struct plan_asker *reader = &evidence->readers.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "actor", reader->actor);
        json_out_uint(o, "queries", reader->queries);
        json_out_time(o, "last_at", reader->last_us);
        json_out_list(o, "fingerprints", &reader->fingerprints);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_str(o, "text", plan_evidence_text(t->mem, evidence));
    json_out_end(o, '}');
}

void plan_put_contract_changes(struct task *t, const struct plan *p, struct json_out *o)
{
    json_out_begin(o, "contract_changes", '[');
    for (size_t i = 0; i < p->contract_changes.len; i++) {
        const struct plan_contract_change *row = &p->contract_changes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", row->product);
        json_out_str(o, "contract", row->contract);
        json_out_uint(o, "major", row->major);
        json_out_str(o, "change", str_of(contract_change_name(row->change.kind)));
        json_out_str(o, "class", str_of(contract_change_class_name(row->class)));
        json_out_maybe(o, "table", row->change.table);
        json_out_maybe(o, "column", row->change.column);
        json_out_maybe(o, "before", row->change.before);
        json_out_maybe(o, "now", row->change.now);
        json_out_str(o, "text", contract_change_text(t->mem, &row->change));
        json_out_str(o, "why", str_of(contract_change_why(row->change.kind)));
        json_out_bool(o, "refused", row->is_refused);
        if (row->evidence.is_there) {
            plan_put_evidence(t, &row->evidence, o);
        } else {
            json_out_null(o, "evidence");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

void plan_put(struct task *t, const struct plan *p, struct json_out *o)
{
    struct buf *findings = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    json_out_begin(o, "", '{');
    json_out_maybe(o, "plan", p->id);
    json_out_uint(o, "base_version", p->base_version);
    json_out_str(o, "bundle", p->digest);
    json_out_bool(o, "proposal", p->is_proposal);
    json_out_begin(o, "changes", '[');
    for (size_t i = 0; i < p->changes.len; i++) {
        const struct plan_change *change = &p->changes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "action", str_of(plan_action_name(change->action)));
        json_out_str(o, "kind", change->kind);
        json_out_str(o, "name", change->name);
        json_out_str(o, "file", change->file);
        json_out_maybe(o, "detail", change->detail);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    plan_put_contract_changes(t, p, o);
    json_out_begin(o, "grants_needed", '[');
    for (size_t i = 0; i < p->needs.len; i++) {
        const struct plan_need *need = &p->needs.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", need->product);
        json_out_str(o, "input", need->input);
        json_out_str(o, "target", need->target);
        json_out_str(o, "reason", need->reason);
        json_out_maybe(o, "command", need->command);
        if (need->request > 0) {
            json_out_uint(o, "request", need->request);
        } else {
            json_out_null(o, "request");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    plan_put_classes(p, o);
    report_json(&p->findings, findings);
    /* One that was cut short is too large for the answer too, which is then refused. */
    json_out_raw(o, "findings", buf_str(findings));
    json_out_end(o, '}');
}
