#include "crypto/crypto.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { READ_BYTES = 1 << 17 };

struct crypto_hash {
    EVP_MD_CTX *ctx;
};

static void hash_close(void *handle)
{
    struct crypto_hash *hash = handle;
    EVP_MD_CTX_free(hash->ctx);
    hash->ctx = NULL;
}

struct crypto_hash *crypto_hash_new(struct arena *mem)
{
    struct crypto_hash *hash = ARENA_NEW(mem, struct crypto_hash);
    hash->ctx = EVP_MD_CTX_new();
    CHECK(hash->ctx != NULL && EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) == 1);
    arena_defer(mem, hash_close, hash);
    return hash;
}

void crypto_hash_add(struct crypto_hash *hash, str bytes)
{
    CHECK(EVP_DigestUpdate(hash->ctx, bytes.ptr, bytes.len) == 1);
}

struct crypto_digest crypto_hash_end(struct crypto_hash *hash)
{
    struct crypto_digest digest;
    unsigned len = 0;
    CHECK(EVP_DigestFinal_ex(hash->ctx, digest.bytes, &len) == 1 && len == sizeof(digest.bytes));
    return digest;
}

struct crypto_digest crypto_sha256(str bytes)
{
    struct crypto_digest digest;
    unsigned len = 0;
    CHECK(EVP_Digest(bytes.len > 0 ? bytes.ptr : "", bytes.len, digest.bytes, &len, EVP_sha256(),
                     NULL)
          == 1);
    CHECK(len == sizeof(digest.bytes));
    return digest;
}

struct crypto_digest crypto_hmac_sha256(str key, str bytes)
{
    struct crypto_digest digest;
    unsigned len = 0;
    CHECK(key.len <= INT32_MAX);
    /* HMAC takes a NULL key for "as before". */
    CHECK(HMAC(EVP_sha256(), key.len > 0 ? key.ptr : "", (int)key.len,
               (const unsigned char *)(bytes.len > 0 ? bytes.ptr : ""), bytes.len, digest.bytes,
               &len)
          != NULL);
    CHECK(len == sizeof(digest.bytes));
    return digest;
}

bool crypto_sha256_fd(struct task *t, int fd, struct crypto_digest *out, uint64_t *bytes_out)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    char *room = arena_alloc(t->mem, READ_BYTES);
    uint64_t sum = 0;
    ssize_t n = 1;
    bool ok = true;
    while (ok && n > 0) {
        ok = task_go_on(t);
        if (!ok)
            break;
        n = pread(fd, room, READ_BYTES, (off_t)sum);
        if (n < 0 && errno == EINTR) {
            n = 1;
            continue;
        }
        if (n < 0) {
            ok = task_fail_errno(t, ERR_IO, "cannot read a file to hash it");
            break;
        }
        crypto_hash_add(hash, (str){room, (size_t)n});
        sum += (uint64_t)n;
    }
    if (ok) {
        *out = crypto_hash_end(hash);
        if (bytes_out != NULL)
            *bytes_out = sum;
    }
    arena_rewind(t->mem, mark);
    return ok;
}

str crypto_hex(struct arena *mem, str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_array(mem, bytes.len + 1, 2);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        text[2 * i] = digits[c >> 4];
        text[2 * i + 1] = digits[c & 15];
    }
    return (str){text, bytes.len * 2};
}

str crypto_digest_hex(struct arena *mem, const struct crypto_digest *digest)
{
    return crypto_hex(mem, (str){(const char *)digest->bytes, sizeof(digest->bytes)});
}

bool crypto_from_hex(struct arena *mem, str hex, str *out)
{
    if (hex.len % 2 != 0)
        return false;
    char *bytes = arena_alloc(mem, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = str_hex_digit(hex.ptr[i]);
        int low = str_hex_digit(hex.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (char)(high * 16 + low);
    }
    *out = (str){bytes, hex.len / 2};
    return true;
}

enum { KEY_CHECK_DIGITS = 16 };

static str key_check(struct arena *mem, str key)
{
    struct crypto_digest digest = crypto_sha256(key);
    return str_sub(crypto_digest_hex(mem, &digest), 0, KEY_CHECK_DIGITS);
}

str crypto_key_text(struct arena *mem, str key)
{
    return arena_format(mem, "%.*s %.*s\n", STR_ARG(crypto_hex(mem, key)),
                        STR_ARG(key_check(mem, key)));
}

bool crypto_key_read(struct arena *mem, str text, size_t bytes, str *out)
{
    str digits, check;
    bool has_check = str_cut(str_trim(text), ' ', &digits, &check);

    return crypto_from_hex(mem, digits, out) && out->len == bytes
        && (!has_check || str_eq_nocase(check, key_check(mem, *out)));
}

str crypto_base64url(struct arena *mem, str bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = arena_array(mem, bytes.len / 3 + 2, 4);
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t word = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        if (left > 1)
            word |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
        if (left > 2)
            word |= (unsigned char)bytes.ptr[i + 2];
        text[len++] = letters[word >> 18];
        text[len++] = letters[word >> 12 & 63];
        if (left > 1)
            text[len++] = letters[word >> 6 & 63];
        if (left > 2)
            text[len++] = letters[word & 63];
    }
    return (str){text, len};
}

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool crypto_from_base64url(struct arena *mem, str text, str *out)
{
    if (text.len % 4 == 1)
        return false;
    char *bytes = arena_alloc(mem, text.len / 4 * 3 + 4);
    size_t len = 0;
    uint32_t word = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = letter_value(text.ptr[i]);
        if (value < 0)
            return false;
        word = (word << 6 | (uint32_t)value) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[len++] = (char)(word >> bits & 0xff);
        }
    }
    /* Left-over bits must be zero, so that each value has one text. */
    if ((word & ((1u << bits) - 1)) != 0)
        return false;
    *out = (str){bytes, len};
    return true;
}

bool crypto_equal(str a, str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
