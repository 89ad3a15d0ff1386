/* Golden tests: text in, text out. A file holds cases:
 *
 *   == title
 *   -- file PATH
 *   what the file holds
 *   -- expected
 *   what comes out
 *
 * The name of the folder that the file lies in says which compiler is meant. */
#ifndef WEFT_GOLDEN_H
#define WEFT_GOLDEN_H

#include "buf/buf.h"
#include "vec/vec.h"

struct golden_file {
    str path, text;
};

struct golden_case {
    str title;
    struct {
        VEC_OF(struct golden_file)
    } files;
    str expected;
};

struct golden_compiler {
    const char *folder;
    void (*run)(struct arena *mem, const struct golden_case *input, struct buf *out);
    struct golden_compiler *next;
};

void golden_register(struct golden_compiler *compiler);

/* GOLDEN(contract) { … } defines what is done with the cases of the folder `contract`. */
#define GOLDEN(name)                                                                               \
    static void golden_run_##name(struct arena *mem, const struct golden_case *input,              \
                                  struct buf *out);                                                \
    static struct golden_compiler golden_compiler_##name = {#name, golden_run_##name, NULL};       \
    __attribute__((constructor)) static void golden_add_##name(void)                               \
    {                                                                                              \
        golden_register(&golden_compiler_##name);                                                  \
    }                                                                                              \
    static void golden_run_##name(struct arena *mem, const struct golden_case *input,              \
                                  struct buf *out)

#endif
