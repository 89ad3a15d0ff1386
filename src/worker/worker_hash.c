/* The plain calls suffice here, and bring two objects of the library where its newer face brings all of it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "worker_hash.h"

#include <openssl/sha.h>
#include <string.h>

struct worker_hash {
    bool has_key;
    SHA256_CTX inner, outer; /* after the first block, which is all that the key decides */
};

static void begin(SHA256_CTX *ctx, const unsigned char *key, unsigned char pad)
{
    unsigned char block[SHA256_CBLOCK];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(ctx);
    SHA256_Update(ctx, block, sizeof block);
}

void worker_hash_key(struct worker_engine *e, str key)
{
    struct worker_hash *hash = e->hash;
    unsigned char block[SHA256_CBLOCK] = {0};
    if (!hash)
        return;
    hash->has_key = key.len > 0;
    if (key.len > sizeof block)
        SHA256((const unsigned char *)key.ptr, key.len, block);
    else if (key.len)
        memcpy(block, key.ptr, key.len);
    begin(&hash->inner, block, 0x36);
    begin(&hash->outer, block, 0x5c);
    explicit_bzero(block, sizeof block);
}

static void hash_one(const struct worker_hash *hash, str text, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX ctx = hash->inner;
    SHA256_Update(&ctx, text.ptr, text.len);
    SHA256_Final(digest, &ctx);
    ctx = hash->outer;
    SHA256_Update(&ctx, digest, sizeof digest);
    SHA256_Final(digest, &ctx);
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
}

static void hash_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct worker_hash *hash = duckdb_scalar_function_get_extra_info(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    uint64_t *validity = duckdb_vector_get_validity(texts);
    duckdb_string_t *values = duckdb_vector_get_data(texts);
    idx_t len = duckdb_data_chunk_get_size(input);
    char hex[2 * SHA256_DIGEST_LENGTH];
    if (!hash->has_key) {
        duckdb_scalar_function_set_error(info, "there is no key to hash with");
        return;
    }
    for (idx_t i = 0; i < len; i++) {
        if (validity && !duckdb_validity_row_is_valid(validity, i)) {
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), i);
            continue;
        }
        hash_one(hash, (str){duckdb_string_t_data(&values[i]), duckdb_string_t_length(values[i])},
                 hex);
        duckdb_vector_assign_string_element_len(output, i, hex, sizeof hex);
    }
}

bool worker_hash_open(struct task *t, struct worker_engine *e)
{
    if (e->options->kind != WORKER_CLEARING && e->options->kind != WORKER_CHECK)
        return true;
    e->hash = ARENA_NEW(e->mem, struct worker_hash);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_scalar_function_set_name(function, "weft_keyed_hash");
    duckdb_scalar_function_add_parameter(function, text);
    duckdb_scalar_function_set_return_type(function, text);
    duckdb_scalar_function_set_extra_info(function, e->hash, NULL);
    duckdb_scalar_function_set_function(function, hash_chunk);
    bool ok = duckdb_register_scalar_function(e->con, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_scalar_function(&function);
    return ok || task_fail(t, ERR_ENGINE, "the engine takes no function of ours");
}
