/* Compliance: what requirements found, now and before, and the waivers in force. */
#include "browse_inside.h"
#include "clock/clock.h"
#include "compliance/compliance.h"
#include "read_access/read_access.h"
#include "read_mesh/read_mesh.h"

struct browse_teller {
    struct task *t;
    const struct image *image;
};

static bool browse_tells(void *ctx, const struct image_product *product)
{
    const struct browse_teller *teller = ctx;

    return gate_may_discover(teller->t, teller->image, product);
}

static void browse_compliance_row(const struct compliance_row *row, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "policy", row->policy);
    json_out_maybe(o, "domain", row->domain);
    json_out_str(o, "severity", row->is_warning ? STR("warning") : STR("error"));
    json_out_uint(o, "violations", row->violations);
    json_out_uint(o, "objects", row->objects);
    json_out_time(o, "since", row->since_us);
    json_out_time(o, "checked_at", row->checked_us);
    json_out_bool(o, "current", row->is_current);
    json_out_end(o, '}');
}

struct browse_totals {
    uint64_t errors, warnings;
};

static void browse_compliance(struct task *t, const struct image *image,
                              const struct mesh_reader *reader, const struct compliance_list *list,
                              bool is_current, struct browse_totals *totals, struct json_out *o)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct compliance_row *row = &list->at[i];

        if (row->is_current != is_current || !read_mesh_may_count(t, image, reader, row->domain)) {
            continue;
        }
        browse_compliance_row(row, o);
        if (row->is_warning) {
            totals->warnings += row->violations;
        } else {
            totals->errors += row->violations;
        }
    }
}

bool browse_report(struct task *t, struct services *s, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct browse_teller teller = {.t = t, .image = image};
    struct mesh_reader reader = {.ctx = &teller, .may_discover = browse_tells};
    struct browse_totals now = {0}, before = {0};
    struct compliance_list list;

    if (!compliance_list(t, s->db, false, &list)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_time(o, "at", clock_now_us());
    json_out_uint(o, "mesh_version", image->mesh_version);
    json_out_begin(o, "compliance", '[');
    browse_compliance(t, image, &reader, &list, true, &now, o);
    json_out_end(o, ']');
    json_out_begin(o, "before", '[');
    browse_compliance(t, image, &reader, &list, false, &before, o);
    json_out_end(o, ']');
    json_out_uint(o, "errors", now.errors);
    json_out_uint(o, "warnings", now.warnings);
    read_access_put_waivers(t->mem, image, t->actor, clock_now_us(), true, o);
    json_out_end(o, '}');
    return task_go_on(t);
}
