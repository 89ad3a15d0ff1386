/* What a release says of the product that it was made of. */
#include "buf/buf.h"
#include "crypto/crypto.h"
#include "limits/limits.h"
#include "release/release.h"

str release_contracts(struct arena *mem, const struct model_product *definition)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    buf_add(b, STR("{"));
    for (size_t i = 0; i < definition->outputs.len; i++) {
        buf_add(b, i ? STR(",") : STR_NONE);
        buf_add_json(b, definition->outputs.at[i].contract->id);
        buf_add(b, STR(":"));
        buf_add_json(b, definition->outputs.at[i].contract->version);
    }
    buf_add(b, STR("}"));
    return buf_str(b);
}

/* Bytes of the product's files as they mean something: texts of SELECTs, documents as JSON. */
str release_digest(struct arena *mem, const struct model_product *definition)
{
    struct crypto_hash *hash = crypto_hash_new(mem);
    struct crypto_digest digest;
    struct buf *text = buf_new(mem, BUNDLE_BYTES_MAX);

    for (size_t i = 0; i < definition->sqls.len; i++) {
        const struct model_sql *sql = &definition->sqls.at[i];
        buf_format(text, "%s %.*s %zu\n%.*s\n", sql->is_internal ? "internal" : "output",
                   STR_ARG(sql->table), sql->text.len, STR_ARG(sql->text));
    }
    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        buf_format(text, "input %.*s ", STR_ARG(input->name));
        tree_json(input->contract->source, text);
    }
    for (size_t i = 0; i < definition->outputs.len; i++) {
        const struct model_output *output = &definition->outputs.at[i];
        buf_format(text, "output %.*s ", STR_ARG(output->name));
        tree_json(output->contract->source, text);
    }
    crypto_hash_add(hash, buf_str(text));
    digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}
