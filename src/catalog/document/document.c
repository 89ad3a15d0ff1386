#include "document/document.h"

#include "crypto/crypto.h"
#include "map/map.h"
#include "yaml/yaml.h"

bool document_load(struct task *t, struct arena *mem, struct metadb *db, struct bundle *out)
{
    *out = (struct bundle){0};
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st,
                      "SELECT path, text FROM document JOIN content USING (sha256) ORDER BY path",
                      ""))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(mem, out,
                     ((struct bundle_file){.path = metadb_str(mem, st, 0),
                                           .text = metadb_str(mem, st, 1)}));
    }
    metadb_done(t, st);
    return true;
}

bool document_keep_content(struct task *t, struct metadb *db, str text, str *sha256_out)
{
    CHECK(metadb_is_writer(db));
    struct crypto_digest digest = crypto_sha256(text);
    *sha256_out = crypto_digest_hex(t->mem, &digest);
    return metadb_run(t, db, "INSERT INTO content VALUES (?, ?) ON CONFLICT DO NOTHING", "ss",
                      *sha256_out, text);
}

/* What the files hold today: path to SHA-256. */
static bool read_digests(struct task *t, struct metadb *db, struct map *out)
{
    struct metadb_statement *st;
    bool has_row = true;
    map_init(out, t->mem);
    if (!metadb_query(t, db, &st, "SELECT path, sha256 FROM document", ""))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row) {
            str *sha256 = ARENA_NEW(t->mem, str);
            *sha256 = metadb_str(t->mem, st, 1);
            map_put(out, metadb_str(t->mem, st, 0), sha256);
        }
    }
    metadb_done(t, st);
    return true;
}

static bool replace_file(struct task *t, struct metadb *db, const struct bundle_file *file,
                         str *before)
{
    struct crypto_digest digest = crypto_sha256(file->text);
    str sha256 = crypto_digest_hex(t->mem, &digest);
    bool is_same = before && str_eq(*before, sha256);
    if (before)
        *before = STR_NONE; /* it stays */
    return is_same
        || (document_keep_content(t, db, file->text, &sha256)
            && metadb_run(t, db,
                          "INSERT INTO document VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET "
                          "sha256 = excluded.sha256",
                          "ss", file->path, sha256));
}

bool document_replace(struct task *t, struct metadb *db, const struct bundle *bundle)
{
    CHECK(metadb_is_writer(db));
    struct map before;
    if (!read_digests(t, db, &before))
        return false;
    for (size_t i = 0; i < bundle->len; i++)
        if (!replace_file(t, db, &bundle->at[i], map_find(&before, bundle->at[i].path)))
            return false;
    for (size_t i = 0; i < before.len; i++)
        if (((const str *)before.entries[i].value)->len
            && !metadb_run(t, db, "DELETE FROM document WHERE path = ?", "s",
                           before.entries[i].key))
            return false;
    return document_sweep(t, db);
}

bool document_sweep(struct task *t, struct metadb *db)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db,
                      "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM document d WHERE "
                      "d.sha256 = content.sha256) AND NOT EXISTS (SELECT 1 FROM plan_document p "
                      "WHERE p.sha256 = content.sha256)",
                      "");
}

static bool is_read(str path)
{
    return str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml"))
        || str_ends(path, STR(".json"));
}

bool document_parse(struct task *t, struct arena *mem, struct bundle *bundle, struct report *report)
{
    for (size_t i = 0; i < bundle->len; i++) {
        struct bundle_file *file = &bundle->at[i];
        if (file->document || !is_read(file->path))
            continue;
        if (!task_go_on(t))
            return false;
        enum yaml_mode mode = str_ends(file->path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML;
        struct tree *tree;
        if (yaml_read(t, mem, file->text, file->path, mode, &tree)) {
            file->document = tree;
            continue;
        }
        if (t->err.code != ERR_INVALID && t->err.code != ERR_LIMIT)
            return false;
        struct finding *finding = report_error(report, &t->err);
        if (finding->place.file.len == 0)
            finding->place.file = file->path;
        task_clear_error(t);
    }
    return true;
}

static void hash_text(struct crypto_hash *hash, str text)
{
    unsigned char len[8];
    for (size_t i = 0; i < sizeof len; i++)
        len[i] = (unsigned char)((uint64_t)text.len >> (8 * i));
    crypto_hash_add(hash, (str){(const char *)len, sizeof len});
    crypto_hash_add(hash, text);
}

str document_digest(struct arena *mem, const struct bundle *bundle)
{
    struct crypto_hash *hash = crypto_hash_new(mem);
    for (size_t i = 0; i < bundle->len; i++) {
        CHECK(i == 0 || str_compare(bundle->at[i - 1].path, bundle->at[i].path) < 0);
        hash_text(hash, bundle->at[i].path);
        hash_text(hash, bundle->at[i].text);
    }
    struct crypto_digest digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}

bool document_next_pair(const struct bundle *before, const struct bundle *after, size_t at_io[2],
                        struct document_pair *out)
{
    while (at_io[0] < before->len || at_io[1] < after->len) {
        int order = at_io[0] == before->len ? 1
                  : at_io[1] == after->len
                      ? -1
                      : str_compare(before->at[at_io[0]].path, after->at[at_io[1]].path);
        *out = (struct document_pair){.before = order <= 0 ? &before->at[at_io[0]] : NULL,
                                      .after = order >= 0 ? &after->at[at_io[1]] : NULL};
        out->path = out->before != NULL ? out->before->path : out->after->path;
        at_io[0] += order <= 0;
        at_io[1] += order >= 0;
        if (order != 0 || !str_eq(out->before->text, out->after->text))
            return true;
    }
    return false;
}
