#include "token/token.h"

#include "actor/actor.h"
#include "clock/clock.h"
#include "crypto/crypto.h"
#include "user/user.h"

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_FINDER_DIGITS = 12 };

#define TOKEN_PREFIX "weft_"
#define TOKEN_SELECT                                                                               \
    "SELECT k.id, u.name, k.label, k.created_by, k.created_us, k.expires_us, k.revoked_us, "       \
    "k.sha256 "                                                                                    \
    "FROM token k JOIN user u ON u.id = k.user_id "

struct new_token {
    str user, label;
    int64_t expires_us;
    str sha256;
    uint64_t id;
};

static bool insert(struct task *t, struct metadb *db, void *state)
{
    struct new_token *token = state;
    struct user *user;
    if (!user_find(t, db, token->user, &user))
        return false;
    if (user == NULL)
        return task_fail(t, ERR_NOT_FOUND, "there is no user " STR_FMT, STR_ARG(token->user));
    if (!metadb_run(t, db,
                    "INSERT INTO token (user_id, sha256, finder, label, created_by, created_us, "
                    "expires_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "issssii", user->id, token->sha256,
                    str_sub(token->sha256, 0, TOKEN_FINDER_DIGITS), token->label,
                    t->actor != NULL ? t->actor->name : STR_NONE, clock_now_us(),
                    token->expires_us))
        return false;
    token->id = metadb_last_id(db);
    return true;
}

bool token_create(struct task *t, struct metadb *db, str user, str label, int64_t expires_us,
                  str *text_out, uint64_t *id_out)
{
    char random[TOKEN_RANDOM_BYTES];
    clock_random(random, sizeof random);
    str secret = crypto_base64url(t->mem, (str){random, sizeof random});
    str text = arena_format(t->mem, TOKEN_PREFIX STR_FMT, STR_ARG(secret));
    struct crypto_digest digest = crypto_sha256(text);
    struct new_token token = {user, label, expires_us, crypto_digest_hex(t->mem, &digest), 0};
    if (!metadb_write(t, db, insert, &token))
        return false;
    *text_out = text;
    *id_out = token.id;
    return true;
}

static struct token read_token(struct arena *mem, struct metadb_statement *st)
{
    return (struct token){.id = metadb_uint(st, 0),
                          .user = metadb_str(mem, st, 1),
                          .label = metadb_str(mem, st, 2),
                          .created_by = metadb_str(mem, st, 3),
                          .created_us = metadb_int(st, 4),
                          .expires_us = metadb_int(st, 5),
                          .revoked_us = metadb_int(st, 6)};
}

bool token_find(struct task *t, struct metadb *db, str text, int64_t now_us, struct token **out)
{
    *out = NULL;
    struct crypto_digest digest = crypto_sha256(text);
    str sha256 = crypto_digest_hex(t->mem, &digest);
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      TOKEN_SELECT
                      "WHERE k.finder = ? AND k.revoked_us IS NULL AND k.expires_us > ? "
                      "AND (u.is_of_mesh OR u.is_local)",
                      "si", str_sub(sha256, 0, TOKEN_FINDER_DIGITS), now_us))
        return false;
    while (metadb_next(t, st)) {
        if (!crypto_equal(metadb_str(t->mem, st, 7), sha256))
            continue;
        *out = ARENA_NEW(t->mem, struct token);
        **out = read_token(t->mem, st);
    }
    return metadb_end(t, st);
}

bool token_list(struct task *t, struct metadb *db, str user, struct token_list *out)
{
    *out = (struct token_list){0};
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, TOKEN_SELECT "WHERE ?1 = '' OR u.name = ?1 ORDER BY k.id DESC",
                      "s", user))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out, read_token(t->mem, st));
    return metadb_end(t, st);
}

struct revocation {
    uint64_t id;
    str user;
};

static bool revoke(struct task *t, struct metadb *db, void *state)
{
    const struct revocation *revocation = state;
    if (!metadb_run(
            t, db,
            "UPDATE token SET revoked_us = coalesce(revoked_us, ?) WHERE id = ? AND (?3 = '' "
            "OR user_id = (SELECT id FROM user WHERE name = ?3))",
            "iis", clock_now_us(), revocation->id, revocation->user))
        return false;
    return metadb_changes(db) > 0
        || task_fail(t, ERR_NOT_FOUND, "there is no token %llu",
                     (unsigned long long)revocation->id);
}

bool token_revoke(struct task *t, struct metadb *db, uint64_t id, str user)
{
    return metadb_write(t, db, revoke, &(struct revocation){id, user});
}
