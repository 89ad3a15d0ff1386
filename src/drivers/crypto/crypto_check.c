#include "crypto/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { KEY_BYTES = 16, IV_BYTES = 12 };

_Static_assert(KEY_BYTES + IV_BYTES == CRYPTO_CHECK_KEY_BYTES, "the key is both");

struct crypto_check {
    EVP_MAC *kind;
    EVP_MAC_CTX *ctx;
};

static void check_close(void *handle)
{
    struct crypto_check *check = handle;
    EVP_MAC_CTX_free(check->ctx);
    EVP_MAC_free(check->kind);
    *check = (struct crypto_check){0};
}

struct crypto_check *crypto_check_new(struct arena *mem, str key)
{
    struct crypto_check *check = ARENA_NEW(mem, struct crypto_check);
    char cipher[] = "AES-128-GCM";
    CHECK(key.len == CRYPTO_CHECK_KEY_BYTES);
    unsigned char *bytes = (unsigned char *)arena_str(mem, key).ptr;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, bytes + KEY_BYTES, IV_BYTES),
        OSSL_PARAM_construct_end()};
    check->kind = EVP_MAC_fetch(NULL, "GMAC", NULL);
    CHECK(check->kind != NULL);
    check->ctx = EVP_MAC_CTX_new(check->kind);
    arena_defer(mem, check_close, check);
    CHECK(check->ctx != NULL && EVP_MAC_init(check->ctx, bytes, KEY_BYTES, params) == 1);
    return check;
}

void crypto_check_add(struct crypto_check *check, str bytes)
{
    CHECK(EVP_MAC_update(check->ctx, (const unsigned char *)bytes.ptr, bytes.len) == 1);
}

void crypto_check_end(struct crypto_check *check, unsigned char out[CRYPTO_CHECK_BYTES])
{
    size_t len = 0;
    CHECK(EVP_MAC_final(check->ctx, out, &len, CRYPTO_CHECK_BYTES) == 1
          && len == CRYPTO_CHECK_BYTES);
}
