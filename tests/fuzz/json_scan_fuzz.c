/* JSON of sources: whatever the bytes are and wherever they are cut, an answer, and the same one. */
#include "scan/json_scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Takes the text in pieces of `step` bytes; gives what came out, or the message. */
static str scan(struct arena *mem, enum json_scan_kind kind, str records, str bytes, size_t step)
{
    struct buf *out = buf_new(mem, 1 << 24);
    struct json_scan *s = json_scan_new(mem, kind, records, out);
    if (s == NULL)
        abort();
    for (size_t at = 0; at < bytes.len; at += step)
        if (!json_scan_feed(s, str_sub(bytes, at, step)))
            return json_scan_message(mem, s);
    if (!json_scan_end(s))
        return json_scan_message(mem, s);
    return buf_str(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    str bytes = {(const char *)data, len};
    for (int kind = JSON_SCAN_LINES; kind <= JSON_SCAN_DOCUMENT; kind++) {
        str records = kind == JSON_SCAN_DOCUMENT && len > 0 && data[0] % 2 ? STR("/a/0") : STR_NONE;
        str whole = scan(mem, (enum json_scan_kind)kind, records, bytes, len + 1);
        if (!str_eq(whole, scan(mem, (enum json_scan_kind)kind, records, bytes, 1))
            || (!str_is_utf8(whole) && !str_has(whole, '\0')))
            abort();
        /* Records of a document are lines that pass by themselves. */
        if (kind == JSON_SCAN_DOCUMENT && str_starts(whole, STR("{")))
            if (!str_eq(scan(mem, JSON_SCAN_DOCUMENT, STR_NONE,
                             str_sub(whole, 0, str_find(whole, STR("\n"))), 7),
                        str_sub(whole, 0, str_find(whole, STR("\n")) + 1)))
                abort();
    }
    arena_free(mem);
    return 0;
}
