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
    struct pointer_map numbers; /* product -> its place by name, and one more */
    enum walk_state *states;    /* by these */
    struct {
        VEC_OF(struct step)
    } path;
    struct {
        VEC_OF(struct model_product *)
    } done; /* each behind those that it reads */
};

static int by_address(const void *left, const void *right)
{
    return model_compare_names(*(struct model_product *const *)left,
                               *(struct model_product *const *)right);
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

static enum walk_state *state_of(const struct walk *w, const struct model_product *product)
{
    return &w->states[(uintptr_t)pointer_map_find(&w->numbers, product) - 1];
}

static void enter(struct walk *w, struct model_product *product)
{
    vec_push(w->b->scratch, &w->path, ((struct step){.product = product}));
    *state_of(w, product) = WALK_OPEN;
}

static void look_at(struct walk *w, const struct model_product *producer)
{
    size_t number = (uintptr_t)pointer_map_find(&w->numbers, producer);
    switch (w->states[number - 1]) {
    case WALK_NEW:
        enter(w, w->b->model->by_name.at[number - 1]);
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
            *state_of(w, step->product) = WALK_DONE;
            w->path.len--;
        }
    }
}

/* Files come in this order mostly, so that there is nothing to sort. */
void model_sort_by_name(struct model_product **all, size_t len)
{
    size_t i = 1;
    while (i < len && by_address(&all[i - 1], &all[i]) <= 0)
        i++;
    if (i < len)
        qsort(all, len, sizeof *all, by_address);
}

void model_order(struct model_builder *b)
{
    struct model *model = b->model;
    size_t len = model->products.len;
    if (!len)
        return;
    model_sort_by_name(model->products.at, len);
    vec_reserve(b->own, &model->by_name, len);
    model->by_name.len = len;
    memcpy(model->by_name.at, model->products.at, len * sizeof *model->by_name.at);
    struct walk walk = {.b = b, .states = ARENA_ARRAY(b->scratch, enum walk_state, len)};
    pointer_map_init(&walk.numbers, b->scratch, len);
    for (size_t i = 0; i < len; i++)
        pointer_map_put(&walk.numbers, model->by_name.at[i], (void *)(uintptr_t)(i + 1));
    vec_reserve(b->scratch, &walk.done, len);
    for (size_t i = 0; i < len; i++)
        if (walk.states[i] == WALK_NEW)
            walk_from(&walk, model->by_name.at[i]);
    CHECK(walk.done.len == len);
    memcpy(model->products.at, walk.done.at, len * sizeof *model->products.at);
}
