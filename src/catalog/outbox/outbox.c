#include "outbox/outbox.h"

#include "clock/clock.h"

#define OUTBOX_SELECT                                                                              \
    "SELECT sequence, id, type, subject, payload, created_us, sent_us FROM outbox "

bool outbox_add(struct task *t, struct metadb *db, str type, str subject, str payload,
                uint64_t *sequence_out)
{
    CHECK(metadb_is_writer(db));
    char id[37];
    clock_uuid(id);
    if (!metadb_run(
            t, db,
            "INSERT INTO outbox (id, type, subject, payload, created_us) VALUES (?, ?, ?, ?, "
            "?)",
            "ssssi", str_of(id), type, subject, payload, clock_now_us()))
        return false;
    if (sequence_out != NULL) {
        *sequence_out = metadb_last_id(db);
    }
    return true;
}

bool outbox_has(struct task *t, struct metadb *db, str type, str subject, str payload, bool *out)
{
    return metadb_has(t, db, out,
                      "SELECT 1 FROM outbox WHERE type = ? AND subject = ? AND payload = ? LIMIT 1",
                      "sss", type, subject, payload);
}

static bool read_all(struct task *t, struct metadb_statement *st, struct outbox_list *out)
{
    *out = (struct outbox_list){0};
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct outbox_event){.sequence = metadb_uint(st, 0),
                                        .id = metadb_str(t->mem, st, 1),
                                        .type = metadb_str(t->mem, st, 2),
                                        .subject = metadb_str(t->mem, st, 3),
                                        .payload = metadb_str(t->mem, st, 4),
                                        .created_us = metadb_int(st, 5),
                                        .sent_us = metadb_int(st, 6)}));
    return metadb_end(t, st);
}

bool outbox_waiting(struct task *t, struct metadb *db, uint64_t most, struct outbox_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, OUTBOX_SELECT "WHERE sent_us IS NULL ORDER BY sequence LIMIT ?",
                        "i", most)
        && read_all(t, st, out);
}

bool outbox_after(struct task *t, struct metadb *db, uint64_t sequence, uint64_t most,
                  struct outbox_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, OUTBOX_SELECT "WHERE sequence > ? ORDER BY sequence LIMIT ?",
                        "ii", sequence, most)
        && read_all(t, st, out);
}

static bool mark_sent(struct task *t, struct metadb *db, void *state)
{
    const uint64_t *sequence = state;
    return metadb_run(t, db, "UPDATE outbox SET sent_us = ? WHERE sequence = ? AND sent_us IS NULL",
                      "ii", clock_now_us(), *sequence);
}

bool outbox_sent(struct task *t, struct metadb *db, uint64_t sequence)
{
    return metadb_write(t, db, mark_sent, &sequence);
}
