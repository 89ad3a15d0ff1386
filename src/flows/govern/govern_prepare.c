/* After an approval: the files that it opens are cleared before they are asked for. */
#include "clock/clock.h"
#include "govern_inside.h"
#include "image/image_decision.h"
#include "log/log.h"

enum { GOVERN_PREPARE_SHARE = 4 };

struct govern_preparing {
    struct services *services;
    const struct image *image;
    const struct access_request *row;
    enum access_taker_kind kind;
    str taker;
    uint64_t bytes_left; /* that may be read for it: what others use is not to be driven out */
};

static bool govern_prepare_table(struct task *t, struct govern_preparing *p,
                                 const struct image_table *table, str purpose)
{
    struct policy_actor reader;
    struct decision decision;
    struct gate_weight weight;

    if (!govern_reader(t, p->services, p->kind, p->taker, purpose, &reader)) {
        return false;
    }
    policy_decide_by(t->mem, image_rules(p->image, table), &reader, clock_now_us(), &decision);
    if (!gate_weigh(t, p->services->gate, table, &decision, &weight)) {
        return false;
    }
    if (weight.bytes_to_read > p->bytes_left) {
        log_event(LOG_INFO, "govern", t, "not cleared ahead, too large: request=%llu table=%.*s",
                  (unsigned long long)p->row->id, STR_ARG(image_table_address(t->mem, table)));
        return true;
    }
    p->bytes_left -= weight.bytes_to_read;
    return gate_prepare(t, p->services->gate, table, &decision);
}

bool govern_prepare(struct task *t, struct services *s, str request)
{
    struct govern_tables tables = {0};
    struct access_request *row;
    uint64_t id;

    t->actor = &govern_itself;
    if (!govern_read_id(t, request, &id) || !access_request_find(t, s->db, id, &row)) {
        return false;
    }
    if (row == NULL || row->state != ACCESS_APPROVED) {
        return true;
    }
    struct govern_preparing p = {
        .services = s,
        .image = image_pin(t, s->images),
        .row = row,
        .kind = row->taker_kind,
        .taker = row->taker,
        .bytes_left =
            ((uint64_t)CONFIG_INT(s->config, cleared_mb_max) << 20) / GOVERN_PREPARE_SHARE,
    };
    /* A group's members may differ in what they see: the one who asked is the one who waits. */
    if (p.kind == ACCESS_GROUP) {
        p.kind = ACCESS_USER;
        p.taker = row->requested_by;
    }
    govern_tables_of(t, p.image, row, &tables);
    for (size_t i = 0; i < tables.len; i++) {
        for (size_t j = 0; j < row->purposes.len; j++) {
            if (!govern_prepare_table(t, &p, tables.at[i], row->purposes.at[j])) {
                return false;
            }
        }
    }
    return true;
}
