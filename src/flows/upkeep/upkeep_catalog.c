/* What SQLite cannot see of a catalog: values that are not what they were. The chain of the audit holds what they must be. */
#include <inttypes.h>

#include "crypto/crypto.h"
#include "document/document.h"
#include "map/map.h"
#include "release/release.h"
#include "upkeep/upkeep_inside.h"

/* Texts of the mesh's files are named by their content. */
static bool upkeep_check_contents(struct task *t, struct metadb *db, str *finding_out)
{
    struct metadb_statement *st;

    if (!metadb_query(t, db, &st, "SELECT sha256, text FROM content ORDER BY sha256", "")) {
        return false;
    }
    while (metadb_next(t, st)) {
        struct arena_mark mark = arena_mark(t->mem);
        str name = metadb_str(t->mem, st, 0);
        struct crypto_digest digest = crypto_sha256(metadb_str(t->mem, st, 1));

        if (!str_eq(crypto_digest_hex(t->mem, &digest), name)) {
            *finding_out = arena_format(t->mem, "the text %.*s of a file of the mesh is another",
                                        STR_ARG(name));
            break;
        }
        arena_rewind(t->mem, mark);
    }
    return metadb_end(t, st);
}

/* The active files are those that the last apply made so. */
static bool upkeep_check_documents(struct task *t, struct metadb *db, str *finding_out)
{
    struct bundle bundle = {0};
    str wanted;

    if (!metadb_find_str(
            t, db, &wanted,
            "SELECT CASE WHEN json_valid(detail) THEN json_extract(detail, '$.seal') "
            "END FROM audit WHERE action IN ('apply', 'refresh') AND outcome = 'done' ORDER BY "
            "sequence DESC LIMIT 1",
            "")) {
        return false;
    }
    if (wanted.len == 0) {
        return true; /* of a weft that did not note it */
    }
    if (!document_load(t, t->mem, db, &bundle)) {
        return false;
    }
    if (!str_eq(document_digest(t->mem, &bundle), wanted)) {
        *finding_out = STR("the files of the mesh are not those that were applied");
    }
    return true;
}

static bool upkeep_check_release(struct task *t, struct metadb *db, str address, uint64_t number,
                                 str wanted, str *finding_out)
{
    struct metadb_statement *st;
    str seal;

    if (!metadb_query(t, db, &st,
                      "SELECT product.id, is_kept FROM product JOIN release ON product_id = "
                      "product.id WHERE address = ? AND number = ?",
                      "si", address, number)) {
        return false;
    }
    bool has_row = metadb_next(t, st);
    uint64_t product_id = has_row ? metadb_uint(st, 0) : 0;
    bool is_kept = has_row && metadb_int(st, 1) != 0;
    if (!metadb_end(t, st)) {
        return false;
    }
    if (!has_row) {
        *finding_out = arena_format(t->mem, "release %" PRIu64 " of %.*s is not there", number,
                                    STR_ARG(address));
        return true;
    }
    if (!is_kept) {
        return true;
    }
    if (!release_seal(t, db, product_id, number, &seal)) {
        return false;
    }
    if (!str_eq(seal, wanted)) {
        *finding_out =
            arena_format(t->mem, "release %" PRIu64 " of %.*s is not as it was published", number,
                         STR_ARG(address));
    }
    return true;
}

/* The last release that the audit tells of is the one that is served. Many rows are of few products: only a new one takes memory. */
static void upkeep_note_last(struct task *t, struct map *last, struct metadb_statement *st)
{
    struct arena_mark mark = arena_mark(t->mem);
    str address = metadb_str(t->mem, st, 0);
    uint64_t *number = map_find(last, address);

    if (number == NULL) {
        number = ARENA_NEW(t->mem, uint64_t);
        map_put(last, address, number);
    } else {
        arena_rewind(t->mem, mark);
    }
    *number = metadb_uint(st, 1);
}

static bool upkeep_check_served(struct task *t, struct metadb *db, const struct map *last,
                                str *finding_out)
{
    struct metadb_statement *st;

    /* One that was removed and came again begins without a release. */
    if (!metadb_query(t, db, &st,
                      "SELECT address, release FROM product WHERE removed = 0 AND release > 0 "
                      "ORDER BY address",
                      "")) {
        return false;
    }
    while (finding_out->len == 0 && metadb_next(t, st)) {
        const uint64_t *number = map_find(last, metadb_str(t->mem, st, 0));

        if (number != NULL && *number != metadb_uint(st, 1)) {
            *finding_out =
                arena_format(t->mem,
                             "release %" PRIu64 " of %.*s is the current one, but %" PRIu64
                             " was published last",
                             metadb_uint(st, 1), STR_ARG(metadb_str(t->mem, st, 0)), *number);
        }
    }
    return metadb_end(t, st);
}

/* Each release that is kept is what its row of the audit says; of an environment those since it was made anew, which numbers them
 * anew. */
static bool upkeep_check_releases(struct task *t, struct metadb *db, str *finding_out)
{
    struct metadb_statement *st;
    struct map last;

    map_init(&last, t->mem);
    if (!metadb_query(t, db, &st,
                      "SELECT object, json_extract(detail, '$.release'), json_extract(detail, "
                      "'$.seal') FROM audit WHERE action IN ('publish', 'rollback', 'carry') AND "
                      "outcome = 'done' AND json_valid(detail) AND sequence > coalesce((SELECT "
                      "max(sequence) FROM audit WHERE action = 'refresh'), 0) ORDER BY sequence",
                      "")) {
        return false;
    }
    while (finding_out->len == 0 && metadb_next(t, st)) {
        if (!metadb_is_null(st, 1)) {
            upkeep_note_last(t, &last, st);
        }
        struct arena_mark mark = arena_mark(t->mem);

        if (!metadb_is_null(st, 2)
            && !upkeep_check_release(t, db, metadb_str(t->mem, st, 0), metadb_uint(st, 1),
                                     metadb_str(t->mem, st, 2), finding_out)) {
            return false;
        }
        if (finding_out->len == 0) {
            arena_rewind(t->mem, mark);
        }
    }
    if (!metadb_end(t, st)) {
        return false;
    }
    return finding_out->len > 0 || upkeep_check_served(t, db, &last, finding_out);
}

/* What is served now is there. */
static bool upkeep_check_current(struct task *t, struct metadb *db, str *finding_out)
{
    struct metadb_statement *st;

    if (!metadb_query(t, db, &st,
                      "SELECT address FROM product WHERE release > 0 AND removed = 0 AND NOT "
                      "EXISTS (SELECT 1 FROM release WHERE product_id = product.id AND number = "
                      "product.release AND is_kept = 1) LIMIT 1",
                      "")) {
        return false;
    }
    if (metadb_next(t, st)) {
        *finding_out = arena_format(t->mem, "the current release of %.*s is not there",
                                    STR_ARG(metadb_str(t->mem, st, 0)));
    }
    return metadb_end(t, st);
}

bool upkeep_check_catalog(struct task *t, struct metadb *db, str *finding_out)
{
    *finding_out = STR_NONE;
    return upkeep_check_contents(t, db, finding_out)
        && (finding_out->len > 0 || upkeep_check_documents(t, db, finding_out))
        && (finding_out->len > 0 || upkeep_check_releases(t, db, finding_out))
        && (finding_out->len > 0 || upkeep_check_current(t, db, finding_out));
}
