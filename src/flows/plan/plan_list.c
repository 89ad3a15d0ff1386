/* Proposals that wait for the guild. */
#include "document/document.h"
#include "json_out/json_out.h"
#include "plan_inside.h"
#include "plan_row/plan_row.h"
#include "read_access/read_access.h"

bool plan_list(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    bool governs = read_access_governs(image, t->actor);
    struct plan_row_list rows;
    struct bundle now = {0};
    str policies;

    if (!plan_row_proposals(t, s->db, &rows) || !document_load(t, t->mem, s->db, &now)) {
        return false;
    }
    policies = plan_policies_digest(t->mem, &now);
    json_out_begin(o, "", '{');
    json_out_begin(o, "plans", '[');
    for (size_t i = 0; i < rows.len; i++) {
        const struct plan_row *row = rows.at[i];

        if (!governs && !str_eq(row->actor, t->actor->name)) {
            continue;
        }
        json_out_begin(o, "", '{');
        json_out_str(o, "plan", row->id);
        json_out_str(o, "author", row->actor);
        json_out_time(o, "created_at", row->created_us);
        json_out_bool(o, "fits", str_eq(row->policies, policies));
        json_out_raw(o, "changes", row->summary);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return task_go_on(t);
}
