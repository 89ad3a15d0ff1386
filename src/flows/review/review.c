#include "review/review.h"

#include "actor/actor.h"
#include "buf/buf.h"
#include "image/images.h"
#include "limits/limits.h"
#include "query_row/query_row.h"

enum { REVIEW_FINGERPRINT_DIGITS = 16 };

struct review {
    struct services *s;
    struct metadb *db; /* one instant */
    const struct image *image;
    bool sees_all;
};

static bool review_owns(struct task *t, const struct image_product *product)
{
    const struct actor *actor = t->actor;

    return actor->kind == ACTOR_USER
        && model_names_actor(&product->definition->domain->owners, actor->name, &actor->groups);
}

static const struct image_product *review_product(const struct review *r, uint64_t table_id)
{
    for (size_t i = 0; i < r->image->products.len; i++) {
        const struct image_product *product = &r->image->products.at[i];

        for (size_t j = 0; j < product->tables.len; j++) {
            if (product->tables.at[j].id == table_id) {
                return product;
            }
        }
    }
    return NULL;
}

/* A JSON list of the ids of all tables whose owner the actor is. */
static str review_owned_tables(struct task *t, const struct review *r)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    buf_add_byte(b, '[');
    for (size_t i = 0; i < r->image->products.len; i++) {
        const struct image_product *product = &r->image->products.at[i];

        for (size_t j = 0; j < product->tables.len && review_owns(t, product); j++) {
            buf_format(b, "%s%llu", b->len > 1 ? "," : "",
                       (unsigned long long)product->tables.at[j].id);
        }
    }
    buf_add_byte(b, ']');
    return buf_str(b);
}

/* Names in a fingerprint tell of all tables of the query. */
static bool review_may_know_all(struct task *t, const struct review *r,
                                const struct query_row *query)
{
    for (size_t i = 0; i < query->tables.len; i++) {
        uint64_t id = query->tables.at[i].table_id;
        const struct image_product *product = id != 0 ? review_product(r, id) : NULL;

        if (id != 0 && (product == NULL || !gate_may_discover(t, r->image, product))) {
            return false;
        }
    }
    /* What was refused may name tables that nobody resolved. */
    return query->tables.len > 0 && !str_eq(query->outcome, STR("denied"))
        && !str_eq(query->outcome, STR("failed"));
}

static void review_put_fingerprint(struct task *t, const struct review *r,
                                   const struct query_row *query, struct json_out *o)
{
    str fingerprint = sql_fingerprint(t->mem, query->text);
    struct crypto_digest digest = crypto_sha256(fingerprint);

    json_out_str(o, "fingerprint",
                 str_sub(crypto_digest_hex(t->mem, &digest), 0, REVIEW_FINGERPRINT_DIGITS));
    json_out_maybe(o, "fingerprint_text",
                   review_may_know_all(t, r, query) ? fingerprint : STR_NONE);
}

static void review_put_reads(struct task *t, const struct review *r, const struct query_row *query,
                             struct json_out *o)
{
    json_out_begin(o, "reads", '[');
    for (size_t i = 0; i < query->tables.len; i++) {
        const struct query_row_table *table = &query->tables.at[i];
        const struct image_product *product =
            table->table_id != 0 ? review_product(r, table->table_id) : NULL;
        struct str_list columns = {0}, classes;

        if (!r->sees_all && (product == NULL || !review_owns(t, product))) {
            continue;
        }
        for (size_t j = 0; j < table->columns.len; j++) {
            vec_push(t->mem, &columns, table->columns.at[j].name);
        }
        query_row_classes(t->mem, table, &classes);
        json_out_begin(o, "", '{');
        json_out_str(o, "table", table->address);
        json_out_uint(o, "release", table->release);
        json_out_list(o, "classes", &classes);
        json_out_list(o, "columns", &columns);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

static void review_put_query(const struct query_row *query, struct json_out *o)
{
    json_out_maybe(o, "purpose", query->purpose);
    json_out_str(o, "text", query->text);
    json_out_begin(o, "end", '{');
    json_out_str(o, "outcome", query->outcome);
    json_out_maybe(o, "error", query->error);
    json_out_uint(o, "rows", query->rows);
    json_out_uint(o, "bytes", query->bytes);
    json_out_int(o, "duration_us", query->duration_us);
    json_out_end(o, '}');
}

static bool review_is_own(struct task *t, const struct review *r, const struct audit_row *row)
{
    return r->sees_all
        || (str_eq(row->actor_kind, STR("user")) && str_eq(row->actor, t->actor->name));
}

/* A file's name is the hash of its content, rows included that he may not see: it would confirm a guess. In JSON the marks of this key
 * stand in no text, and the names hold no bracket. */
static str review_without_links(struct task *t, str detail)
{
    const str key = STR(",\"linked\":[");
    struct buf *out = buf_new(t->mem, detail.len + 1);

    for (;;) {
        size_t at = str_find(detail, key);

        buf_add(out, str_sub(detail, 0, at));
        if (at == detail.len) {
            return buf_str(out);
        }
        str names = str_from(detail, at + key.len);
        size_t end = str_find(names, STR("]"));

        CHECK(end < names.len);
        detail = str_from(names, end + 1);
    }
}

static bool review_put_row(struct task *t, const struct review *r, const struct audit_row *row,
                           struct json_out *o)
{
    bool is_own = review_is_own(t, r, row), is_query = str_eq(row->action, STR("query"));
    struct query_row *query = NULL;

    if (is_query && row->query != 0 && !query_row_find(t, r->db, row->query, &query)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_uint(o, "sequence", row->sequence);
    json_out_time(o, "time", row->time_us);
    json_out_maybe(o, "actor_kind", row->actor_kind);
    json_out_str(o, "actor", row->actor);
    json_out_maybe(o, "on_behalf", row->on_behalf);
    json_out_maybe(o, "door", row->door);
    json_out_str(o, "action", row->action);
    json_out_str(o, "object", row->object);
    json_out_str(o, "outcome", row->outcome);
    if (is_own) {
        json_out_raw(o, "detail", r->sees_all ? row->detail : review_without_links(t, row->detail));
    }
    if (query != NULL && is_own) {
        review_put_query(query, o);
    } else if (query != NULL) {
        json_out_maybe(o, "purpose", query->purpose);
        review_put_reads(t, r, query, o);
        review_put_fingerprint(t, r, query, o);
    }
    if (is_own) {
        json_out_str(o, "hash", row->hash);
    }
    json_out_end(o, '}');
    return !o->b->full
        || (task_fail(t, ERR_LIMIT, "the rows are larger than an answer may be"),
            task_hint(t, "ask for fewer with a smaller limit"));
}

bool review_show(struct task *t, struct services *s, bool sees_all, struct audit_filter *filter,
                 struct json_out *o)
{
    struct review r = {.s = s, .sees_all = sees_all, .image = image_pin(t, s->images)};
    struct audit_list rows;

    if (!sees_all) {
        filter->own = t->actor->name;
        filter->owned_tables = review_owned_tables(t, &r);
    }
    if (!metadb_snapshot(t, s->db, &r.db) || !audit_find(t, r.db, filter, &rows)) {
        return false;
    }
    json_out_begin(o, "audit", '[');
    for (size_t i = 0; i < rows.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        bool ok = review_put_row(t, &r, &rows.at[i], o);

        arena_rewind(t->mem, mark);
        if (!ok) {
            return false;
        }
    }
    json_out_end(o, ']');
    metadb_snapshot_end(t, r.db);
    return true;
}
