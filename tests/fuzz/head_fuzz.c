/* A head of the audit that somebody brings: one that can be held against the chain, or a refusal; and what goes with it, keys and signatures
 * as texts. */
#include <stdint.h>

#include "buf/buf.h"
#include "crypto/crypto.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "review/review.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    str text = {(const char *)data, len}, bytes;
    struct chain_head head;
    struct tree *document;

    if (yaml_read(t, t->mem, text, STR("head.json"), YAML_MODE_JSON, &document)) {
        if (review_read_head(t, document, &head)) {
            struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX * 8)};

            CHECK(head.hash.len == CRYPTO_SHA256_HEX && crypto_from_hex(t->mem, head.hash, &bytes));
            CHECK(bytes.len == CRYPTO_SHA256_BYTES);
            review_write_head(&head, &o);
            CHECK(o.b->len > 0);
        } else {
            CHECK(t->err.message.len > 0);
        }
    }
    task_free(t);
    return 0;
}
