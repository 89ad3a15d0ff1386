#include "document/document.h"

#include "crypto/crypto.h"
#include "yaml/yaml.h"

bool document_load(struct task *t, struct arena *mem, struct metadb *db, struct bundle *out)
{
    return document_load_over(t, mem, mem, NULL, db, &(struct bundle){0}, out);
}

static bool load_text(struct task *t, struct arena *parts, struct metadb *db,
                      struct bundle_file *file)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT text FROM content WHERE sha256 = ?", "s", file->sha256))
        return false;
    if (metadb_next(t, st))
        file->text = metadb_str(parts, st, 0);
    return metadb_end(t, st);
}

/* The file of this path and content among those before, which are in the order of their paths, as all that are asked for. */
static const struct bundle_file *find_same(const struct bundle *before, size_t *next, str path,
                                           str sha256)
{
    while (*next < before->len && str_compare(before->at[*next].path, path) < 0)
        (*next)++;
    const struct bundle_file *file = *next < before->len ? &before->at[*next] : NULL;
    return file && str_eq(file->path, path) && str_eq(file->sha256, sha256) ? file : NULL;
}

/* Where there are none before, texts come with their files; else few are read, each by itself. */
bool document_load_over(struct task *t, struct arena *mem, struct arena *parts,
                        struct model_part *part, struct metadb *db, const struct bundle *before,
                        struct bundle *out)
{
    struct metadb_statement *st;
    size_t next = 0;
    struct {
        VEC_OF(size_t)
    } fresh = {0};
    *out = (struct bundle){0};
    if (before->len)
        vec_reserve(mem, out, before->len + 1);
    if (!metadb_query(t, db, &st,
                      before->len ? "SELECT path, sha256 FROM document ORDER BY path"
                                  : "SELECT path, sha256, text FROM document JOIN content USING "
                                    "(sha256) ORDER BY path",
                      ""))
        return false;
    while (metadb_next(t, st)) {
        str path = metadb_str(t->mem, st, 0), sha256 = metadb_str(t->mem, st, 1);
        const struct bundle_file *same = find_same(before, &next, path, sha256);
        if (same) {
            vec_push(mem, out, *same);
            continue;
        }
        vec_push(t->mem, &fresh, out->len);
        vec_push(mem, out,
                 ((struct bundle_file){.path = arena_str(parts, path),
                                       .sha256 = arena_str(parts, sha256),
                                       .text = before->len ? STR_NONE : metadb_str(parts, st, 2),
                                       .part = part}));
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; before->len && i < fresh.len; i++)
        if (!load_text(t, parts, db, &out->at[fresh.at[i]]))
            return false;
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

/* The text that a file no longer has, unless another file or a plan has it. */
static bool forget_content(struct task *t, struct metadb *db, str text)
{
    struct crypto_digest digest = crypto_sha256(text);
    return metadb_run(t, db,
                      "DELETE FROM content WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM "
                      "document WHERE sha256 = ?1) AND NOT EXISTS (SELECT 1 FROM plan_document "
                      "WHERE sha256 = ?1)",
                      "s", crypto_digest_hex(t->mem, &digest));
}

static bool replace_file(struct task *t, struct metadb *db, const struct bundle_pair *pair)
{
    str sha256;
    if (!pair->after)
        return metadb_run(t, db, "DELETE FROM document WHERE path = ?", "s", pair->path)
            && forget_content(t, db, pair->before->text);
    return document_keep_content(t, db, pair->after->text, &sha256)
        && metadb_run(t, db,
                      "INSERT INTO document VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET "
                      "sha256 = excluded.sha256",
                      "ss", pair->path, sha256)
        && (!pair->before || forget_content(t, db, pair->before->text));
}

bool document_replace(struct task *t, struct metadb *db, const struct bundle *before,
                      const struct bundle *after)
{
    CHECK(metadb_is_writer(db));
    struct bundle_pair pair;
    size_t at[2] = {0};
    while (bundle_next_pair(before, after, at, &pair))
        if (!replace_file(t, db, &pair))
            return false;
    return true;
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
