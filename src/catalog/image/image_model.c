/* The compiled model, and the parts of memory that models share: an apply reads what changed, and takes over the rest. */
#include "buf/buf.h"
#include "document/document.h"
#include "image/image_inside.h"
#include "limits/limits.h"

/* What is no longer used is freed with the last thing that its part holds. When more is held in vain than is used, all is read again. */
enum { PART_WASTE_LEAST = 1000 };

static struct model_part *part_new(void)
{
    struct arena *mem = arena_new();
    struct model_part *part = ARENA_NEW(mem, struct model_part);
    part->pins = 1;
    part->mem = mem;
    return part;
}

static void part_unpin(struct model_part *part)
{
    if (atomic_fetch_sub(&part->pins, 1) == 1)
        arena_free(part->mem);
}

struct image_model *image_model_pin(struct image_model *model)
{
    if (model != NULL)
        atomic_fetch_add(&model->pins, 1);
    return model;
}

void image_model_unpin(struct image_model *model)
{
    if (model == NULL || atomic_fetch_sub(&model->pins, 1) != 1)
        return;
    for (size_t i = 0; i < model->parts.len; i++)
        part_unpin(model->parts.at[i]);
    arena_free(model->mem);
}

/* Things that follow one another are mostly of one part. */
static void use_part(struct image_model *model, struct model_part *part)
{
    size_t i = 0;
    while (i < model->parts.len && model->parts.at[i] != part)
        i++;
    if (i == model->parts.len) {
        atomic_fetch_add(&part->pins, 1);
        vec_push(model->mem, &model->parts, part);
    }
    struct model_part *first = model->parts.at[0];
    model->parts.at[0] = part;
    model->parts.at[i] = first;
    model->used++;
}

static void use_parts(struct image_model *model)
{
    for (size_t i = 0; i < model->files->len; i++)
        use_part(model, model->files->at[i].part);
    for (size_t i = 0; i < model->model->domains.len; i++)
        use_part(model, model->model->domains.at[i]->part);
    for (size_t i = 0; i < model->model->products.len; i++)
        use_part(model, model->model->products.at[i]->part);
}

static bool holds_too_much(const struct image_model *model)
{
    uint64_t made = 0;
    for (size_t i = 0; i < model->parts.len; i++)
        made += model->parts.at[i]->made;
    return made > 2 * model->used + PART_WASTE_LEAST;
}

static uint64_t count_made(const struct image_model *model, const struct model_part *part)
{
    uint64_t made = 0;
    for (size_t i = 0; i < model->files->len; i++)
        made += model->files->at[i].part == part;
    for (size_t i = 0; i < model->model->domains.len; i++)
        made += model->model->domains.at[i]->part == part;
    for (size_t i = 0; i < model->model->products.len; i++)
        made += model->model->products.at[i]->part == part;
    return made;
}

static bool cannot_be_read(struct task *t, struct report *report)
{
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    report_sort(report);
    report_text(report, text);
    task_fail(t, ERR_CORRUPT, "the mesh that was applied can no longer be read");
    return task_detail(t, STR_FMT, STR_ARG(buf_str(text)));
}

static bool compile(struct task *t, struct metadb *db, const struct model_before *before,
                    struct model_part *part, struct image_model *model)
{
    static const struct bundle nothing = {0};
    struct bundle *files = ARENA_NEW(model->mem, struct bundle);
    struct report report;
    report_init(&report, t->mem);
    if (!document_load_over(t, model->mem, part->mem, part, db,
                            before != NULL ? before->files : &nothing, files)
        || !document_parse(t, part->mem, files, &report))
        return false;
    model->files = files;
    model->model = model_compile_over(model->mem, part->mem, part, before, files, &report);
    return report.errors == 0 || cannot_be_read(t, &report);
}

static bool compile_over(struct task *t, struct metadb *db, const struct image_model *before,
                         struct image_model **out)
{
    struct arena *mem = arena_new();
    struct image_model *model = ARENA_NEW(mem, struct image_model);
    struct model_part *part = part_new();
    model->pins = 1;
    model->mem = mem;
    bool ok =
        compile(t, db, before != NULL ? &(struct model_before){before->files, before->model} : NULL,
                part, model);
    if (ok) {
        part->made = count_made(model, part);
        use_parts(model);
        *out = model;
    } else {
        image_model_unpin(model);
    }
    part_unpin(part);
    return ok;
}

bool image_model_compile(struct task *t, struct metadb *db, const struct image_model *before,
                         uint64_t policy_version, struct image_model **out)
{
    if (!compile_over(t, db, before, out))
        return false;
    if (holds_too_much(*out)) {
        image_model_unpin(*out);
        if (!compile_over(t, db, NULL, out))
            return false;
    }
    (*out)->model->policies.version = policy_version;
    return true;
}
