/* What a mesh has in common with the one before it: products and domains of which no file differs are taken over, not read again. */
#include <string.h>

#include "model/model_inside.h"

int bundle_compare(const void *a, const void *b)
{
    return str_compare(((const struct bundle_file *)a)->path,
                       ((const struct bundle_file *)b)->path);
}

size_t bundle_first(const struct bundle *bundle, size_t from, str path)
{
    size_t low = from, high = bundle->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(bundle->at[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct bundle_file *bundle_find(const struct bundle *bundle, str path)
{
    size_t at = bundle_first(bundle, 0, path);
    return at < bundle->len && str_eq(bundle->at[at].path, path) ? &bundle->at[at] : NULL;
}

static bool is_same_text(str a, str b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

/* Bundles that were made of one another have most texts in common, not only what these say. */
static void skip_same(const struct bundle *before, const struct bundle *after, size_t at_io[2])
{
    while (at_io[0] < before->len && at_io[1] < after->len
           && is_same_text(before->at[at_io[0]].path, after->at[at_io[1]].path)
           && is_same_text(before->at[at_io[0]].text, after->at[at_io[1]].text)) {
        at_io[0]++;
        at_io[1]++;
    }
}

bool bundle_next_pair(const struct bundle *before, const struct bundle *after, size_t at_io[2],
                      struct bundle_pair *out)
{
    skip_same(before, after, at_io);
    while (at_io[0] < before->len || at_io[1] < after->len) {
        int order = at_io[0] == before->len ? 1
                  : at_io[1] == after->len
                      ? -1
                      : bundle_compare(&before->at[at_io[0]], &after->at[at_io[1]]);
        *out = (struct bundle_pair){.before = order <= 0 ? &before->at[at_io[0]] : NULL,
                                    .after = order >= 0 ? &after->at[at_io[1]] : NULL};
        out->path = order <= 0 ? before->at[at_io[0]].path : after->at[at_io[1]].path;
        at_io[0] += order <= 0;
        at_io[1] += order >= 0;
        if (order != 0 || !str_eq(out->before->text, out->after->text))
            return true;
        skip_same(before, after, at_io);
    }
    return false;
}

int model_compare_names(const struct model_product *a, const struct model_product *b)
{
    int order = str_compare(a->domain->name, b->domain->name);
    return order ? order : str_compare(a->name, b->name);
}

bool model_next_pair(const struct model *before, const struct model *after, size_t at_io[2],
                     struct model_pair *out)
{
    size_t i = at_io[0], j = at_io[1];
    while (i < before->by_name.len && j < after->by_name.len
           && before->by_name.at[i] == after->by_name.at[j]) {
        i++;
        j++;
    }
    *out = (struct model_pair){.before = i < before->by_name.len ? before->by_name.at[i] : NULL,
                               .after = j < after->by_name.len ? after->by_name.at[j] : NULL};
    if (!out->before && !out->after)
        return false;
    int order = !out->before ? 1 : !out->after ? -1 : model_compare_names(out->before, out->after);
    out->before = order <= 0 ? out->before : NULL;
    out->after = order >= 0 ? out->after : NULL;
    at_io[0] = i + (order <= 0);
    at_io[1] = j + (order >= 0);
    return true;
}

/* `domains/sales/orders` of a file of a product, `domains/sales` of one of its domain's own, else empty. */
static str folder_of_change(str path)
{
    str top, domain, product, rest, file;
    if (!str_cut(path, '/', &top, &rest) || !str_eq(top, STR("domains"))
        || !str_cut(rest, '/', &domain, &rest))
        return STR_NONE;
    size_t len = top.len + 1 + domain.len;
    return str_sub(path, 0, str_cut(rest, '/', &product, &file) ? len + 1 + product.len : len);
}

/* Folders of which a file came, went or changed; false where the mesh itself did. */
static bool find_changed(struct model_builder *b, const struct bundle *before, struct map *out)
{
    struct bundle_pair pair;
    size_t at[2] = {0};
    while (bundle_next_pair(before, b->bundle, at, &pair)) {
        if (str_eq(pair.path, STR("mesh.yaml")))
            return false;
        map_put(out, folder_of_change(pair.path), b);
    }
    return true;
}

/* What it reads is the same too, at whatever distance. A model lists producers before their readers. */
static bool is_as_before(const struct model_builder *b, const struct map *changed,
                         const struct model_product *product)
{
    if (map_find(changed, product->folder) || map_find(changed, product->domain->folder))
        return false;
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_product *producer = product->inputs.at[i].producer;
        if (!product->inputs.at[i].contract || (producer && !model_is_shared(b, producer)))
            return false;
    }
    return true;
}

/* A model may be known by its products alone. */
static void order_before(struct model_builder *b)
{
    const struct model *before = b->before;
    if (before->by_name.len == before->products.len) {
        memcpy(&b->before_by_name, &before->by_name, sizeof b->before_by_name);
        return;
    }
    vec_reserve(b->scratch, &b->before_by_name, before->products.len);
    for (size_t i = 0; i < before->products.len; i++)
        vec_push(b->scratch, &b->before_by_name, before->products.at[i]);
    model_sort_by_name(b->before_by_name.at, b->before_by_name.len);
}

static void share_domains(struct model_builder *b, const struct map *changed)
{
    for (size_t i = 0; i < b->before->domains.len; i++) {
        struct model_domain *domain = b->before->domains.at[i];
        if (!map_find(changed, domain->folder))
            map_put(&b->shared_domains, domain->folder, domain);
    }
}

static void share_products(struct model_builder *b, const struct map *changed)
{
    const struct model *before = b->before;
    pointer_map_init(&b->shared, b->scratch, before->products.len);
    for (size_t i = 0; i < before->products.len; i++) {
        struct model_product *product = before->products.at[i];
        if (is_as_before(b, changed, product))
            pointer_map_put(&b->shared, product, product);
    }
    for (size_t i = 0; i < before->product_cases.len; i++) {
        const struct model_case *one = &before->product_cases.at[i];
        if (model_is_shared(b, one->product))
            vec_push(b->own, &b->model->product_cases, *one);
    }
    /* What was said of them then is said again. */
    for (size_t i = 0; i < before->notes.len; i++) {
        const struct finding *note = &before->notes.at[i];
        if (model_at_folder(b, folder_of_change(note->place.file)))
            vec_push(b->report->mem, b->report, *note);
    }
}

static bool is_in_folder(str path, str folder)
{
    return path.len > folder.len && path.ptr[folder.len] == '/' && str_starts(path, folder);
}

/* Of a folder of a shared product no file is looked at. Such products come by their names as their folders among the files. */
static void find_entries(struct model_builder *b)
{
    size_t next = 0, len = b->before_by_name.len;
    const struct bundle *bundle = b->bundle;
    for (size_t i = 0; i < bundle->len;) {
        while (next < len && !model_is_shared(b, b->before_by_name.at[next]))
            next++;
        struct model_product *shared = next < len ? b->before_by_name.at[next] : NULL;
        if (shared && is_in_folder(bundle->at[i].path, shared->folder)) {
            vec_push(b->scratch, &b->entries, ((struct model_entry){.shared = shared}));
            for (next++; i < bundle->len && is_in_folder(bundle->at[i].path, shared->folder);)
                i++;
            continue;
        }
        struct model_path path = model_path_of(bundle->at[i].path);
        if (path.len)
            vec_push(b->scratch, &b->entries,
                     ((struct model_entry){.file = &bundle->at[i], .path = path}));
        i++;
    }
    while (next < len && !model_is_shared(b, b->before_by_name.at[next]))
        next++;
    CHECK(next == len);
}

void model_share(struct model_builder *b, const struct model_before *before)
{
    struct map changed;
    map_init(&changed, b->scratch);
    map_init(&b->shared_domains, b->scratch);
    if (before && before->model && find_changed(b, before->files, &changed)) {
        b->before = before->model;
        order_before(b);
        share_domains(b, &changed);
        share_products(b, &changed);
    }
    find_entries(b);
}

bool model_is_shared(const struct model_builder *b, const struct model_product *product)
{
    return pointer_map_find(&b->shared, product) != NULL;
}

struct model_product *model_at_folder(const struct model_builder *b, str folder)
{
    struct model_product *fresh = map_find(&b->products, folder);
    size_t low = 0, high = b->before_by_name.len;
    while (!fresh && low < high) {
        size_t middle = low + (high - low) / 2;
        struct model_product *product = b->before_by_name.at[middle];
        int order = str_compare(product->folder, folder);
        if (order == 0)
            return model_is_shared(b, product) ? product : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return fresh;
}

static struct finding copy_of(struct arena *mem, const struct finding *finding)
{
    struct finding copy = *finding;
    str *const texts[] = {&copy.message, &copy.found,      &copy.allowed,   &copy.hint,
                          &copy.excerpt, &copy.place.file, &copy.place.path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(mem, *texts[i]);
    return copy;
}

void model_keep_notes(struct model_builder *b, size_t from)
{
    for (size_t i = from; i < b->report->len; i++) {
        const struct finding *finding = &b->report->at[i];
        if (finding->level != FINDING_ERROR
            && model_at_folder(b, folder_of_change(finding->place.file)))
            vec_push(b->own, &b->model->notes, copy_of(b->own, finding));
    }
}
