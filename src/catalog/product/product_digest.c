#include "buf/buf.h"
#include "crypto/crypto.h"
#include "limits/limits.h"
#include "product/product.h"

str product_digest(struct arena *mem, const struct model_product *product)
{
    struct crypto_hash *hash = crypto_hash_new(mem);
    struct crypto_digest digest;
    struct buf *text = buf_new(mem, BUNDLE_BYTES_MAX);
    for (size_t i = 0; i < product->sqls.len; i++) {
        const struct model_sql *sql = &product->sqls.at[i];
        buf_format(text, "%s " STR_FMT " %zu\n" STR_FMT "\n",
                   sql->is_internal ? "internal" : "output", STR_ARG(sql->table), sql->text.len,
                   STR_ARG(sql->text));
    }
    crypto_hash_add(hash, buf_str(text));
    digest = crypto_hash_end(hash);
    return crypto_digest_hex(mem, &digest);
}
