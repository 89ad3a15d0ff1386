#include "width/width.h"

struct width_range {
    uint32_t from, to;
    size_t columns;
};

static const struct width_range ranges[] = {
#define WIDTH(from, to, columns) {from, to, columns},
#include "width/width_ranges.def"
#undef WIDTH
};

static size_t width_of_character(uint32_t code)
{
    size_t low = 0, high = sizeof(ranges) / sizeof(ranges[0]);

    if (code < 0x300) {
        return 1;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (code > ranges[middle].to) {
            low = middle + 1;
        } else if (code < ranges[middle].from) {
            high = middle;
        } else {
            return ranges[middle].columns;
        }
    }
    return 1;
}

uint32_t width_character(str text, size_t at)
{
    size_t len = str_utf8_at(text, at);
    unsigned char first = (unsigned char)text.ptr[at];
    uint32_t code = len <= 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)text.ptr[at + i] & 0x3f);
    }
    return code;
}

size_t width_at(str text, size_t at, size_t *columns_out)
{
    size_t len = str_utf8_at(text, at);

    *columns_out = len > 1 ? width_of_character(width_character(text, at)) : 1;
    return len > 0 ? len : 1;
}

size_t width_of(str text)
{
    size_t all = 0, columns;

    for (size_t at = 0; at < text.len;) {
        at += width_at(text, at, &columns);
        all += columns;
    }
    return all;
}

size_t width_head(str text, size_t columns)
{
    size_t taken = 0, at = 0, more;

    while (at < text.len) {
        size_t len = width_at(text, at, &more);

        if (taken + more > columns) {
            break;
        }
        taken += more;
        at += len;
    }
    return at;
}
