#include "model/model_inside.h"

#include <stdlib.h>
#include <string.h>

enum walk_state { WALK_NEW, WALK_OPEN, WALK_DONE };

/* A product whose inputs are looked at, up to the next. */
struct step {
    struct model_product *product;
    size_t next;
};

/* Depth first. The path is a list, not the stack of the program: it may be as long as the mesh is large. */
struct walk {
    struct model_builder *b;
    struct map state; /* folder -> enum walk_state as a pointer */
    struct {
        VEC_OF(struct step)
    } path;
    struct {
        VEC_OF(struct model_product *)
    } done; /* each behind those that it reads */
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
    struct arena *mem = w->b->scratch;
    size_t len = w->path.len - start, first = 0;
    for (size_t i = 1; i < len; i++)
        if (by_address(&w->path.at[start + i].product, &w->path.at[start + first].product) < 0)
            first = i;
    struct str_list names = {0};
    for (size_t i = 0; i <= len; i++)
        vec_push(mem, &names, w->path.at[start + (first + i) % len].product->address);
    const struct model_input *input = input_from(w->path.at[start + first].product,
                                                 w->path.at[start + (first + 1) % len].product);
    CHECK(input != NULL);
    struct finding *f = model_error(w->b, input->place, "products read each other in a circle");
    f->found = str_list_join(mem, &names, STR(" -> "));
    f->hint = STR("take one of these input ports away, or split a product");
}

static void enter(struct walk *w, struct model_product *product)
{
    vec_push(w->b->scratch, &w->path, ((struct step){.product = product}));
    map_put(&w->state, product->folder, (void *)(intptr_t)WALK_OPEN);
}

static void look_at(struct walk *w, const struct model_product *producer)
{
    switch ((enum walk_state)(intptr_t)map_find(&w->state, producer->folder)) {
    case WALK_NEW:
        enter(w, map_find(&w->b->products, producer->folder));
        break;
    case WALK_OPEN:
        for (size_t i = 0; i < w->path.len; i++)
            if (w->path.at[i].product == producer)
                report_cycle(w, i);
        break;
    case WALK_DONE:
        break;
    }
}

static void walk_from(struct walk *w, struct model_product *first)
{
    enter(w, first);
    while (w->path.len) {
        struct step *step = &w->path.at[w->path.len - 1];
        if (step->next < step->product->inputs.len) {
            const struct model_product *producer = step->product->inputs.at[step->next++].producer;
            if (producer)
                look_at(w, producer);
        } else {
            vec_push(w->b->scratch, &w->done, step->product);
            map_put(&w->state, step->product->folder, (void *)(intptr_t)WALK_DONE);
            w->path.len--;
        }
    }
}

void model_order(struct model_builder *b)
{
    size_t len = b->model->products.len;
    struct model_product **all = b->model->products.at;
    if (!len)
        return;
    qsort(all, len, sizeof *all, by_address);
    struct walk walk = {.b = b};
    map_init(&walk.state, b->scratch);
    for (size_t i = 0; i < len; i++)
        if ((intptr_t)map_find(&walk.state, all[i]->folder) == WALK_NEW)
            walk_from(&walk, all[i]);
    CHECK(walk.done.len == len);
    memcpy(all, walk.done.at, len * sizeof *all);
}
