#include "crypto/crypto.h"

#include <openssl/evp.h>

str crypto_public_key(struct arena *mem, str seed)
{
    CHECK(seed.len == CRYPTO_SEED_BYTES);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 (const unsigned char *)seed.ptr, seed.len);
    unsigned char *bytes = arena_alloc(mem, CRYPTO_PUBLIC_KEY_BYTES);
    size_t len = CRYPTO_PUBLIC_KEY_BYTES;
    CHECK(key != NULL && EVP_PKEY_get_raw_public_key(key, bytes, &len) == 1
          && len == CRYPTO_PUBLIC_KEY_BYTES);
    EVP_PKEY_free(key);
    return (str){(const char *)bytes, len};
}

str crypto_sign(struct arena *mem, str seed, str bytes)
{
    CHECK(seed.len == CRYPTO_SEED_BYTES);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 (const unsigned char *)seed.ptr, seed.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *signature = arena_alloc(mem, CRYPTO_SIGNATURE_BYTES);
    size_t len = CRYPTO_SIGNATURE_BYTES;
    CHECK(key != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1
          && EVP_DigestSign(ctx, signature, &len, (const unsigned char *)bytes.ptr, bytes.len) == 1
          && len == CRYPTO_SIGNATURE_BYTES);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return (str){(const char *)signature, len};
}

bool crypto_is_signed(str public_key, str bytes, str signature)
{
    if (public_key.len != CRYPTO_PUBLIC_KEY_BYTES || signature.len != CRYPTO_SIGNATURE_BYTES)
        return false;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, NULL, (const unsigned char *)public_key.ptr, public_key.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx != NULL);
    bool is_signed = key != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1
                  && EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                                      (const unsigned char *)bytes.ptr, bytes.len)
                         == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return is_signed;
}
