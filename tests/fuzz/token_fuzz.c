/* Credentials of a request: of all texts in an `Authorization` header the token alone is one. Input: the header; `%` stands for the token,
 * which is another in each process. And the texts of bytes that come with credentials: what is read is what was written. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "crypto/crypto.h"
#include "embed/embed.h"
#include "http_server/http_fields.h"
#include "token/token.h"
#include "user/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char folder[] = "/tmp/weft-token-fuzz-XXXXXX";
static struct task *catalog_task;
static struct metadb *catalog;
static str token;

static void remove_catalog(void)
{
    metadb_close(catalog);
    DIR *names = opendir(folder);
    for (struct dirent *entry; names != NULL && (entry = readdir(names)) != NULL;)
        (void)unlinkat(dirfd(names), entry->d_name, 0);
    if (names != NULL)
        closedir(names);
    (void)rmdir(folder);
    task_free(catalog_task);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint64_t id;

    (void)argc;
    (void)argv;
    catalog_task = task_new();
    struct task *t = catalog_task;
    CHECK(mkdtemp(folder) != NULL);
    CHECK(metadb_open(t, arena_format(t->mem, "%s/catalog.db", folder), METADB_CATALOG, &catalog)
          && metadb_migrate(t, catalog, embedded_migrations, embedded_migrations_len)
          && user_add(t, catalog, STR("ana"))
          && token_create(t, catalog, STR("ana"), STR("fuzz"), INT64_MAX, &token, &id));
    atexit(remove_catalog);
    return 0;
}

static void check_texts(struct arena *mem, str text)
{
    str bytes;

    if (crypto_from_hex(mem, text, &bytes))
        CHECK(str_eq_nocase(crypto_hex(mem, bytes), text));
    if (crypto_from_base64url(mem, text, &bytes))
        CHECK(str_eq(crypto_base64url(mem, bytes), text));
    CHECK(crypto_from_base64url(mem, crypto_base64url(mem, text), &bytes) && str_eq(bytes, text));
    CHECK(crypto_equal(text, text));
    /* A signature of another key is none; of another length neither. */
    if (text.len > CRYPTO_PUBLIC_KEY_BYTES)
        (void)crypto_is_signed(str_sub(text, 0, CRYPTO_PUBLIC_KEY_BYTES), STR("head"),
                               str_from(text, CRYPTO_PUBLIC_KEY_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct buf *header = buf_new(t->mem, (len + 1) * (token.len + 1));
    struct token *found;
    str given;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == '%')
            buf_add(header, token);
        else
            buf_add_byte(header, (char)data[i]);
    }
    if (http_bearer(buf_str(header), &given)) {
        CHECK(given.len <= header->len);
        CHECK(token_find(t, catalog, given, 0, &found));
        CHECK((found != NULL) == str_eq(given, token));
        CHECK(found == NULL || str_eq(found->user, STR("ana")));
        check_texts(t->mem, given);
    } else {
        CHECK(header->len > 0 && given.len == 0);
    }
    task_free(t);
    return 0;
}
