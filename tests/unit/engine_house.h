/* A home with an engine whose workers are fakes, and a sink that remembers: for tests of
 * drivers/engine. */
#ifndef WEFT_ENGINE_HOUSE_H
#define WEFT_ENGINE_HOUSE_H

#include "engine/engine.h"
#include "test.h"

/* A home with an engine whose workers are fakes (fake_worker.c). */
struct house {
    struct task *t;
    struct config *config;
    char folder[64];
    str home;
    struct engine *engine;
};

/* A sink that remembers. */
struct heard {
    struct buf *bytes;
    size_t begins, ends, aborts, progress;
    size_t fail_after; /* bytes; 0: never */
    str first_column;
};

/* Both end with the test. NULL: it could not be made, which is reported. */
struct house *house_make(void);
bool house_open(struct house *house);
bool house_set(struct house *house, const char *name, const char *value);
/* How a worker begins from now on (fake_worker.c); empty: well. */
void house_begin_like(const struct house *house, const char *how);
bool house_lend(struct task *t, struct house *house, enum worker_kind kind, const char *owner,
                struct worker **out);
/* Waits until so many workers are there. */
bool house_wait(struct house *house, uint32_t workers);

struct row_sink house_sink(struct task *t, struct heard *heard);
bool house_run(struct task *t, struct worker *w, const char *text, struct heard *heard);
/* The answer to a text, which must be one. */
str house_ask(struct task *t, struct worker *w, const char *text);
bool house_has(str text, const char *part);

#define HOUSE(house)                                                                               \
    struct house *house = house_make();                                                            \
    REQUIRE(house != NULL)
#define OPEN_HOUSE(house)                                                                          \
    HOUSE(house);                                                                                  \
    REQUIRE(house_open(house))

#endif
