/* JSON that our own worker wrote, to trees: fast, large, without positions. Documents of users go
 * through drivers/yaml. */
#ifndef WEFT_JSON_H
#define WEFT_JSON_H

#include "task/task.h"
#include "tree/tree.h"

struct json_limits {
    size_t bytes;
    uint32_t depth; /* at most JSON_DEPTH_MAX */
    uint32_t nodes;
};

enum { JSON_DEPTH_MAX = 1000 };

/* One JSON value, into `mem`. Strings are `quoted`; numbers keep their text. ERR_LIMIT past a
 * limit, ERR_PROTOCOL when it is not JSON. Nothing recurses deeper than limits->depth. */
MUST_CHECK bool json_read(struct task *t, struct arena *mem, str bytes,
                          const struct json_limits *limits, struct tree **out);

#endif
