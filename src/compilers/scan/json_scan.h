/* JSON as it comes in pieces, held against everything that the engine would take without a word and change, or refuse without a place:
 * keys that stand twice, numbers that lose digits, bytes that are no UTF-8. Records of a document come out one a line. Pure. */
#ifndef WEFT_JSON_SCAN_H
#define WEFT_JSON_SCAN_H

#include "buf/buf.h"

enum json_scan_kind {
    JSON_SCAN_LINES,    /* one object a line */
    JSON_SCAN_DOCUMENT, /* one document: an array of objects, or one object */
};

struct json_scan;

/* Lives in `mem`. `records` is a JSON pointer to the array or object that is meant, empty for the whole document; NULL is given where it
 * is no pointer. Records go to `out`, which the caller empties after each feed; with NULL they go nowhere. */
struct json_scan *json_scan_new(struct arena *mem, enum json_scan_kind kind, str records,
                                struct buf *out);
/* False after the first error. */
bool json_scan_feed(struct json_scan *scan, str bytes);
/* False when the text ends too early, or has no such records. */
bool json_scan_end(struct json_scan *scan);
/* "line 3, column 14: a key stands twice": never a value. */
str json_scan_message(struct arena *mem, const struct json_scan *scan);

#endif
