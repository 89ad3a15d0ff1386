#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "embed/embed.h"
#include "home_state/home_state.h"
#include "review/review.h"
#include "store/store_file.h"

str review_key(struct arena *mem, const struct services *s)
{
    return crypto_hex(mem, crypto_public_key(mem, (str){s->audit_seed, sizeof(s->audit_seed)}));
}

bool review_head(struct task *t, struct services *s, struct chain_head *out)
{
    const struct image *image = image_pin(t, s->images);

    if (!chain_last(t, s->db, out)) {
        return false;
    }
    out->time_us = clock_now_us();
    out->mesh = image->model != NULL ? image->model->mesh.name : STR_NONE;
    out->home = str_of(s->home_id);
    chain_sign(t->mem, (str){s->audit_seed, sizeof(s->audit_seed)}, out);
    return true;
}

/* A head that nobody signed is as good as the place that it was kept in. */
static bool review_trusts(struct task *t, const struct chain_head *head, str key, str home)
{
    if (head == NULL || (head->key.len == 0 && key.len == 0)) {
        return true;
    }
    if (!chain_is_signed(t->mem, head)) {
        task_fail(t, ERR_INVALID, "the signature of the head does not hold");
        return task_hint(t, "it was changed after it was exported, or is none");
    }
    if (!str_eq_nocase(head->key, key)) {
        task_fail(t, ERR_INVALID, "the head was signed by the key %.*s, not by %.*s",
                  STR_ARG(head->key), STR_ARG(key));
        return task_hint(t,
                         "if the home's key was replaced since, name the earlier one with --key");
    }
    if (home.len > 0 && !str_eq(head->home, home)) {
        return task_fail(t, ERR_INVALID, "the head is of the home %.*s, and this is %.*s",
                         STR_ARG(head->home), STR_ARG(home));
    }
    return true;
}

bool review_verify(struct task *t, struct services *s, const struct chain_head *head, str key,
                   const struct chain_watcher *watcher, struct chain_verdict *out)
{
    str own = review_key(t->mem, s);

    if (key.len == 0 && head != NULL && head->key.len > 0) {
        key = own;
    }
    return review_trusts(t, head, key, str_of(s->home_id))
        && chain_verify(t, s->db, head, watcher, out);
}

/* The copy must not grow files beside it that were not there, and not change: a database of its own is made of it. */
static bool review_take_copy(struct task *t, str path, str folder)
{
    static const char *const endings[] = {"", "-wal"};
    char bytes[1 << 16];

    for (int i = 0; i < 2; i++) {
        str from = arena_format(t->mem, "%.*s%s", STR_ARG(path), endings[i]);
        str to = arena_format(t->mem, "%.*s/catalog.db%s", STR_ARG(folder), endings[i]);
        int in = open(from.ptr, O_RDONLY | O_CLOEXEC), out = -1;
        ssize_t len = 1;

        if (in < 0 && i > 0) {
            break;
        }
        bool ok =
            in >= 0 && (out = open(to.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0;
        while (ok && len > 0) {
            len = read(in, bytes, sizeof(bytes));
            ok = len >= 0 && store_file_write(out, (str){bytes, (size_t)len});
        }
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        if (!ok) {
            return task_fail_errno(t, ERR_IO, "cannot copy %s to %s", from.ptr, to.ptr);
        }
    }
    return true;
}

static void review_close_copy(void *handle)
{
    metadb_close(handle);
}

bool review_verify_copy(struct task *t, str path, const struct chain_head *head, str key,
                        const struct chain_watcher *watcher, struct chain_verdict *out)
{
    char folder[] = "/tmp/weft-audit-XXXXXX";
    struct metadb *db;
    str home;

    if (head != NULL && head->key.len > 0 && key.len == 0) {
        task_fail(t, ERR_USAGE, "the head is signed, and no key is named to hold it against");
        return task_hint(t, "--key KEY, as `weft audit key` of that home prints it");
    }
    if (mkdtemp(folder) == NULL) {
        return task_fail_errno(t, ERR_IO, "cannot make a folder for the copy");
    }
    str place = arena_format(t->mem, "%s/catalog.db", folder);
    bool ok =
        review_take_copy(t, path, str_of(folder)) && metadb_open(t, place, METADB_CATALOG, &db);
    if (ok) {
        arena_defer(t->mem, review_close_copy, db);
        ok = metadb_migrate(t, db, embedded_migrations, embedded_migrations_len)
          && home_state_id(t, db, &home) && review_trusts(t, head, key, home)
          && chain_verify(t, db, head, watcher, out);
        arena_close(t->mem, db);
    }
    (void)unlink(place.ptr);
    (void)unlink(arena_format(t->mem, "%s-wal", place.ptr).ptr);
    (void)unlink(arena_format(t->mem, "%s-shm", place.ptr).ptr);
    (void)rmdir(folder);
    return ok;
}

static bool review_head_text(struct task *t, const struct tree *document, const char *key,
                             bool is_required, str *out)
{
    const struct tree *value = tree_find(document, str_of(key));

    *out = STR_NONE;
    if (value == NULL) {
        return !is_required || task_fail(t, ERR_INVALID, "the head lacks %s", key);
    }
    *out = value->text;
    return value->kind == TREE_SCALAR
        || task_fail(t, ERR_INVALID, "%s of the head is not a text", key);
}

bool review_read_head(struct task *t, const struct tree *document, struct chain_head *out)
{
    str sequence, time, bytes;

    *out = (struct chain_head){0};
    if (document->kind != TREE_MAP) {
        return task_fail(t, ERR_INVALID, "the head is no JSON object");
    }
    if (!review_head_text(t, document, "sequence", true, &sequence)
        || !review_head_text(t, document, "hash", true, &out->hash)
        || !review_head_text(t, document, "time", false, &time)
        || !review_head_text(t, document, "mesh", false, &out->mesh)
        || !review_head_text(t, document, "home", false, &out->home)
        || !review_head_text(t, document, "key", false, &out->key)
        || !review_head_text(t, document, "signature", out->key.len > 0, &out->signature)) {
        return false;
    }
    if (!str_to_u64(sequence, &out->sequence)) {
        return task_fail(t, ERR_INVALID, "the sequence of the head is no number: %.*s",
                         STR_ARG(sequence));
    }
    if (out->hash.len != CRYPTO_SHA256_HEX || !crypto_from_hex(t->mem, out->hash, &bytes)) {
        return task_fail(t, ERR_INVALID, "the hash of the head is not %d hex digits",
                         (int)CRYPTO_SHA256_HEX);
    }
    out->hash = arena_lower(t->mem, out->hash);
    return time.len == 0 || clock_parse(time, &out->time_us)
        || task_fail(t, ERR_INVALID, "the time of the head is none: %.*s", STR_ARG(time));
}

void review_write_head(const struct chain_head *head, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "mesh", head->mesh);
    json_out_str(o, "home", head->home);
    json_out_uint(o, "sequence", head->sequence);
    json_out_str(o, "hash", head->hash);
    json_out_time(o, "time", head->time_us);
    json_out_str(o, "key", head->key);
    json_out_str(o, "signature", head->signature);
    json_out_end(o, '}');
}

void review_write_verdict(const struct chain_verdict *verdict, const char *key, struct json_out *o)
{
    bool is_whole = verdict->fault == CHAIN_WHOLE;

    json_out_begin(o, key, '{');
    json_out_bool(o, "whole", is_whole);
    json_out_uint(o, "rows", verdict->rows);
    json_out_str(o, "head", verdict->head);
    if (is_whole) {
        json_out_uint(o, "queries", verdict->queries);
        json_out_uint(o, "queries_at_work", verdict->unfinished);
        json_out_uint(o, "queries_without_end", verdict->lost);
    } else {
        json_out_str(o, "fault", str_of(chain_fault_name(verdict->fault)));
        json_out_uint(o, "broken_at", verdict->broken_at);
        json_out_str(o, "reason", verdict->reason);
    }
    json_out_end(o, '}');
}
