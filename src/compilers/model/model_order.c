#include "model/model_inside.h"

#include <stdlib.h>
#include <string.h>

enum walk_state { WALK_NEW, WALK_OPEN, WALK_DONE };

struct walk {
    struct model_builder *b;
    struct map state; /* address -> enum walk_state as a pointer */
    struct {
        VEC_OF(const struct model_product *)
    } path;
};

static int by_address(const void *left, const void *right)
{
    const struct model_product *a = *(struct model_product *const *)left;
    const struct model_product *b = *(struct model_product *const *)right;
    int order = str_compare(a->domain->name, b->domain->name);
    return order ? order : str_compare(a->name, b->name);
}

static const struct model_input *input_from(const struct model_product *product,
                                            const struct model_product *producer)
{
    for (size_t i = 0; i < product->inputs.len; i++)
        if (product->inputs.at[i].producer == producer)
            return &product->inputs.at[i];
    return NULL;
}

/* The path from `start` of the walk back to itself, told from its first product by name. */
static void report_cycle(struct walk *w, size_t start)
{
    struct arena *mem = w->b->mem;
    size_t len = w->path.len - start, first = 0;
    for (size_t i = 1; i < len; i++)
        if (by_address(&w->path.at[start + i], &w->path.at[start + first]) < 0)
            first = i;
    struct str_list names = {0};
    for (size_t i = 0; i <= len; i++)
        vec_push(mem, &names, model_address(mem, w->path.at[start + (first + i) % len]));
    const struct model_input *input =
        input_from(w->path.at[start + first], w->path.at[start + (first + 1) % len]);
    CHECK(input != NULL);
    struct finding *f = model_error(w->b, input->place, "products read each other in a circle");
    f->found = str_list_join(mem, &names, STR(" -> "));
    f->hint = STR("take one of these input ports away, or split a product");
}

static void walk_product(struct walk *w, const struct model_product *product)
{
    size_t depth = w->path.len;
    vec_push(w->b->mem, &w->path, product);
    map_put(&w->state, product->folder, (void *)(intptr_t)WALK_OPEN);
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *producer = product->inputs.at[i].producer;
        if (!producer)
            continue;
        enum walk_state state = (enum walk_state)(intptr_t)map_find(&w->state, producer->folder);
        if (state == WALK_NEW)
            walk_product(w, producer);
        for (size_t j = 0; state == WALK_OPEN && j < w->path.len; j++)
            if (w->path.at[j] == producer)
                report_cycle(w, j);
    }
    map_put(&w->state, product->folder, (void *)(intptr_t)WALK_DONE);
    w->path.len = depth;
}

static bool is_ready(const struct map *placed, const struct model_product *product)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *producer = product->inputs.at[i].producer;
        if (producer && producer != product && !map_find(placed, producer->folder))
            return false;
    }
    return true;
}

void model_order(struct model_builder *b)
{
    size_t len = b->model->products.len;
    struct model_product **all = b->model->products.at;
    if (!len)
        return;
    qsort(all, len, sizeof *all, by_address);
    struct walk walk = {.b = b};
    map_init(&walk.state, b->mem);
    for (size_t i = 0; i < len; i++)
        if ((intptr_t)map_find(&walk.state, all[i]->folder) == WALK_NEW)
            walk_product(&walk, all[i]);

    struct map placed;
    map_init(&placed, b->mem);
    struct model_product **ordered = ARENA_ARRAY(b->mem, struct model_product *, len);
    size_t count = 0;
    for (bool is_moving = true; is_moving && count < len;) {
        is_moving = false;
        for (size_t i = 0; i < len; i++) {
            if (map_find(&placed, all[i]->folder) || !is_ready(&placed, all[i]))
                continue;
            ordered[count++] = all[i];
            map_put(&placed, all[i]->folder, all[i]);
            is_moving = true;
            break;
        }
    }
    for (size_t i = 0; i < len; i++) /* those in circles, so that none is lost */
        if (!map_find(&placed, all[i]->folder))
            ordered[count++] = all[i];
    memcpy(all, ordered, len * sizeof *all);
}
