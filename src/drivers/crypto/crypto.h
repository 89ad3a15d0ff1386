/* Hashes, keyed hashes, signatures, comparison in constant time and the texts of bytes; by OpenSSL. */
#ifndef WEFT_CRYPTO_H
#define WEFT_CRYPTO_H

#include "task/task.h"

enum { CRYPTO_SHA256_BYTES = 32, CRYPTO_SHA256_HEX = 64 };

struct crypto_digest {
    unsigned char bytes[CRYPTO_SHA256_BYTES];
};

struct crypto_hash; /* a SHA-256 in the making */

/* A failure of the library stops the program: SHA-256 and HMAC have no failure of their own. */
struct crypto_digest crypto_sha256(str bytes);
struct crypto_digest crypto_hmac_sha256(str key, str bytes);
/* Freed with the arena. */
struct crypto_hash *crypto_hash_new(struct arena *mem);
void crypto_hash_add(struct crypto_hash *hash, str bytes);
/* May be called once; the hash is used up. */
struct crypto_digest crypto_hash_end(struct crypto_hash *hash);
/* From offset 0 to the end, whatever the position of `fd`, which stays; `bytes_out` may be NULL.
 * ERR_IO, or the task's end. */
MUST_CHECK bool crypto_sha256_fd(struct task *t, int fd, struct crypto_digest *out,
                                 uint64_t *bytes_out);

enum { CRYPTO_CHECK_BYTES = 16, CRYPTO_CHECK_KEY_BYTES = 28 };

struct crypto_check; /* a checksum in the making */

/* GMAC over AES-128 with a key that stands beside what is checked: it finds what any accident changed, five times as fast as SHA-256,
 * and is no proof of who wrote it. The key is random and of one use. Freed with the arena. */
struct crypto_check *crypto_check_new(struct arena *mem, str key);
void crypto_check_add(struct crypto_check *check, str bytes);
/* May be called once. */
void crypto_check_end(struct crypto_check *check, unsigned char out[CRYPTO_CHECK_BYTES]);

enum { CRYPTO_SEED_BYTES = 32, CRYPTO_PUBLIC_KEY_BYTES = 32, CRYPTO_SIGNATURE_BYTES = 64 };

/* Ed25519. The seed is the private key: 32 random bytes. */
str crypto_public_key(struct arena *mem, str seed);
str crypto_sign(struct arena *mem, str seed, str bytes);
/* False too for a key or a signature of another length. */
bool crypto_is_signed(str public_key, str bytes, str signature);

/* 64 lower case digits in the arena. */
str crypto_digest_hex(struct arena *mem, const struct crypto_digest *digest);
str crypto_hex(struct arena *mem, str bytes);
/* False unless `hex` is an even number of digits, of either case. */
bool crypto_from_hex(struct arena *mem, str hex, str *out);
/* A key as the line of a file: its digits, and the first of what it hashes to, by which a bit that flipped shows. */
str crypto_key_text(struct arena *mem, str key);
/* False for what is no key of so many bytes, or has other such digits. One without them is read too: so it was written once. */
bool crypto_key_read(struct arena *mem, str text, size_t bytes, str *out);
/* RFC 4648 section 5, without padding. */
str crypto_base64url(struct arena *mem, str bytes);
bool crypto_from_base64url(struct arena *mem, str text, str *out);
/* Takes as long whatever the bytes are; lengths may differ (and are no secret). */
bool crypto_equal(str a, str b);

#endif
