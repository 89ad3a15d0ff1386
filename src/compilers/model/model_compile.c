#include "model/model_inside.h"

#include "limits/limits.h"
#include "shape/shape.h"

static void read_files(struct model_builder *b,
                       void (*read)(struct model_builder *, const struct bundle_file *,
                                    const struct model_path *))
{
    for (size_t i = 0; i < b->entries.len; i++)
        if (b->entries.at[i].file)
            read(b, b->entries.at[i].file, &b->entries.at[i].path);
}

static void mesh(struct model_builder *b, const struct bundle_file *file,
                 const struct model_path *path);
static void domains(struct model_builder *b, const struct bundle_file *file,
                    const struct model_path *path);
static void products(struct model_builder *b);
static void other_files(struct model_builder *b, const struct bundle_file *file,
                        const struct model_path *path);

static void index_addresses(struct model *model)
{
    map_init_for(&model->addresses, model->mem, model->products.len);
    for (size_t i = 0; i < model->products.len; i++)
        map_put(&model->addresses, model->products.at[i]->address, model->products.at[i]);
}

void model_keep_products(struct model *model,
                         bool (*is_kept)(void *ctx, const struct model_product *product), void *ctx)
{
    size_t kept = 0, kept_by_name = 0;
    for (size_t i = 0; i < model->products.len; i++)
        if (is_kept(ctx, model->products.at[i]))
            model->products.at[kept++] = model->products.at[i];
    for (size_t i = 0; i < model->by_name.len; i++)
        if (is_kept(ctx, model->by_name.at[i]))
            model->by_name.at[kept_by_name++] = model->by_name.at[i];
    model->products.len = kept;
    model->by_name.len = kept_by_name;
    index_addresses(model);
}

struct model *model_compile(struct arena *mem, const struct bundle *bundle, struct report *report)
{
    return model_compile_over(mem, mem, NULL, NULL, bundle, report);
}

struct model *model_compile_over(struct arena *mem, struct arena *parts, struct model_part *part,
                                 const struct model_before *before, const struct bundle *bundle,
                                 struct report *report)
{
    struct model *model = ARENA_NEW(mem, struct model);
    model->mem = mem;
    struct model_builder b = {.mem = parts,
                              .part = part,
                              .own = mem,
                              .scratch = report->mem,
                              .report = report,
                              .bundle = bundle,
                              .model = model};
    size_t notes = report->len;
    map_init(&model->domain_names, mem);
    map_init(&b.products, b.scratch);
    map_init(&b.contracts, b.scratch);
    map_init(&b.policies, b.scratch);
    model_share(&b, before);
    /* No name may be the mesh's own, so that is read first. */
    read_files(&b, mesh);
    read_files(&b, domains);
    if (!model->mesh.place.file.len) {
        struct finding *f =
            model_error(&b, model_file_place(STR("mesh.yaml")), "the folder has no mesh.yaml");
        f->hint = STR("weft init makes one");
    }
    products(&b);
    read_files(&b, other_files);
    model_check_ids(&b);
    model_link(&b);
    model_keep_notes(&b, notes);
    model_check_relations(&b);
    notes = report->len;
    model_check_rules(&b);
    model_keep_notes(&b, notes);
    model_order(&b);
    index_addresses(b.model);
    if (b.is_partial && !report->errors)
        model_error(&b, model_file_place(STR("mesh.yaml")),
                    "a file of the bundle could not be read");
    return model;
}

struct model_path model_path_of(str path)
{
    struct model_path out = {.folder = STR("."), .name = path};
    str rest = path;
    while (rest.len) {
        if (out.len == 6)
            return (struct model_path){0}; /* nothing of ours lies that deep */
        str_cut(rest, '/', &out.parts[out.len++], &rest);
    }
    str folder, name;
    if (str_cut_last(path, '/', &folder, &name)) {
        out.folder = folder;
        out.name = name;
    }
    return out;
}

bool model_stem(str name, const char *ending, str *stem_out)
{
    str end = str_of(ending);
    if (name.len <= end.len || !str_ends(name, end))
        return false;
    *stem_out = str_sub(name, 0, name.len - end.len);
    return true;
}

/* product.odps.yaml, .yml or .json; crm.odcs.yaml likewise. */
static bool is_document(str name, const char *kind, str *stem_out)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    str inner;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (model_stem(name, endings[i], &inner) && model_stem(inner, kind, stem_out))
            return true;
    return false;
}

static void mesh(struct model_builder *b, const struct bundle_file *file,
                 const struct model_path *path)
{
    if (path->len == 1 && str_eq(path->name, STR("mesh.yaml")))
        model_read_mesh(b, file);
    if (path->len == 1 && str_eq(path->name, STR("mesh.yml")))
        model_warning(b, model_file_place(file->path), "this file is not read")->hint =
            STR("name it mesh.yaml");
}

static void domains(struct model_builder *b, const struct bundle_file *file,
                    const struct model_path *path)
{
    if (path->len != 3 || !str_eq(path->parts[0], STR("domains"))
        || !str_eq(path->name, STR("domain.yaml")))
        return;
    struct model_domain *shared = map_find(&b->shared_domains, path->folder);
    if (shared)
        model_add_domain(b, shared);
    else
        model_read_domain(b, file, path->folder);
}

static bool is_product_file(const struct model_path *path)
{
    str stem;
    return path->len == 4 && str_eq(path->parts[0], STR("domains"))
        && !str_eq(path->parts[2], STR("policies")) && is_document(path->name, ".odps", &stem)
        && str_eq(stem, STR("product"));
}

static void add_shared(struct model_builder *b, struct model_product *shared)
{
    vec_push(b->own, &b->model->products, shared);
    for (size_t i = 0; i < shared->contracts.len; i++)
        vec_push(b->own, &b->model->contracts, shared->contracts.at[i]);
}

static void product(struct model_builder *b, const struct bundle_file *file,
                    const struct model_path *path)
{
    if (!is_product_file(path))
        return;
    const struct model_domain *domain = model_find_domain(b->model, path->parts[1]);
    if (map_find(&b->products, path->folder)) {
        model_error(b, model_file_place(file->path),
                    "the product is described twice in its folder");
        return;
    }
    if (!domain || !file->document) {
        b->is_partial = b->is_partial || !file->document;
        str_list_add(b->scratch, &b->folders, path->folder);
    }
    if (domain && file->document)
        model_read_product(b, file, domain, path->folder, path->parts[2]);
}

static void products(struct model_builder *b)
{
    vec_reserve(b->own, &b->model->products, b->entries.len);
    vec_reserve(b->own, &b->model->contracts, b->entries.len);
    for (size_t i = 0; i < b->entries.len; i++) {
        const struct model_entry *entry = &b->entries.at[i];
        if (entry->shared)
            add_shared(b, entry->shared);
        else
            product(b, entry->file, &entry->path);
    }
    b->shared_contracts = b->model->contracts.len;
}

/* Files that mean nothing to weft and that nobody will mistake for something that does. */
static bool is_harmless(str name)
{
    static const char *const endings[] = {".md", ".txt", ".csv", ".gitkeep"};
    str stem;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (model_stem(name, endings[i], &stem))
            return true;
    return str_starts(name, STR(".")) || str_eq(name, STR("LICENSE"))
        || str_eq(name, STR("README"));
}

static void stray(struct model_builder *b, const struct bundle_file *file,
                  const struct model_path *path, const char *allowed)
{
    if (is_harmless(path->name))
        return;
    struct finding *f =
        model_warning(b, model_file_place(file->path), "weft does not read this file");
    f->allowed = str_of(allowed);
    static const char *const right[] = {"product.odps.yaml", "domain.yaml"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (str_distance(path->name, str_of(right[i]), 3) <= 3)
            f->hint = arena_format(b->mem, "did you mean %s?", right[i]);
    if (str_ends(path->name, STR(".contract.yaml")))
        f->hint = STR("a contract is NAME.odcs.yaml");
}

/* Complains once for each folder. */
static void no_product(struct model_builder *b, const struct bundle_file *file, str folder)
{
    if (str_list_has(&b->folders, folder))
        return;
    str_list_add(b->scratch, &b->folders, folder);
    struct finding *f =
        model_error(b, model_file_place(file->path),
                    "the folder " STR_FMT " has no product.odps.yaml", STR_ARG(folder));
    f->hint = STR("write a product.odps.yaml with kind: DataProduct");
}

static void add_contract(struct model_builder *b, const struct bundle_file *file, str folder)
{
    if (!file->document) {
        b->is_partial = true;
        return;
    }
    struct contract *contract = contract_read(b->mem, file->path, file->document, b->report);
    if (!contract) {
        b->is_partial = true;
        return;
    }
    struct model_product *product = model_at_folder(b, folder);
    if (product)
        vec_push(b->mem, &product->contracts, contract);
    vec_push(b->own, &b->model->contracts, contract);
}

static void add_sql(struct model_builder *b, const struct bundle_file *file, str folder, str table,
                    bool is_internal)
{
    struct model_product *product = model_at_folder(b, folder);
    if (!product) {
        no_product(b, file, folder);
        return;
    }
    if (is_internal)
        model_check_name(b, model_file_place(file->path), "the internal table", table);
    struct place place = model_file_place(file->path);
    if (file->text.len > SQL_BYTES_MAX) {
        struct finding *f = report_add(b->report, FINDING_ERROR, ERR_LIMIT, place,
                                       "the SELECT is longer than %d bytes", SQL_BYTES_MAX);
        f->found = arena_format(b->mem, "%zu bytes", file->text.len);
    } else if (!str_trim(file->text).len) {
        model_error(b, place, "the file is empty")->allowed = STR("one SELECT");
    }
    vec_push(
        b->mem, &product->sqls,
        ((struct model_sql){
            .table = table, .is_internal = is_internal, .path = file->path, .text = file->text}));
}

static void add_tests(struct model_builder *b, const struct bundle_file *file, str folder)
{
    const struct model_product *product = model_at_folder(b, folder);
    if (!product)
        no_product(b, file, folder);
    else if (file->document)
        model_cases_read(b->mem, file->path, product, file->document, b->report,
                         &b->model->product_cases);
    else
        b->is_partial = true;
}

/* `v2`: tables of a major that is not the first. */
static bool is_major_folder(str name)
{
    uint64_t major;
    return str_starts(name, STR("v")) && name.len > 1 && name.ptr[1] >= '1' && name.ptr[1] <= '9'
        && str_to_u64(str_from(name, 1), &major);
}

/* `domains/sales/orders` of any file below it. */
static str product_folder(str file, const struct model_path *path)
{
    return str_sub(file, 0, path->parts[0].len + path->parts[1].len + path->parts[2].len + 2);
}

static void product_part(struct model_builder *b, const struct bundle_file *file,
                         const struct model_path *path)
{
    static const char *const allowed = "product.odps.yaml, NAME.odcs.yaml, TABLE.sql, "
                                       "vMAJOR/TABLE.sql, internal/NAME.sql, tests/NAME.yaml";
    str stem, folder = product_folder(file->path, path);
    if (path->len == 4 && is_document(path->name, ".odcs", &stem)) {
        if (!model_at_folder(b, folder))
            no_product(b, file, folder);
        add_contract(b, file, folder);
    } else if (path->len == 4 && model_stem(path->name, ".sql", &stem)) {
        add_sql(b, file, folder, stem, false);
    } else if (path->len == 5 && str_eq(path->parts[3], STR("internal"))
               && model_stem(path->name, ".sql", &stem)) {
        add_sql(b, file, folder, stem, true);
    } else if (path->len == 5 && is_major_folder(path->parts[3])
               && model_stem(path->name, ".sql", &stem)) {
        add_sql(b, file, folder,
                arena_format(b->mem, STR_FMT "@" STR_FMT, STR_ARG(stem),
                             STR_ARG(str_from(path->parts[3], 1))),
                false);
    } else if (path->len == 5 && str_eq(path->parts[3], STR("tests"))
               && (model_stem(path->name, ".yaml", &stem)
                   || model_stem(path->name, ".yml", &stem))) {
        add_tests(b, file, folder);
    } else if (!is_product_file(path)) {
        stray(b, file, path, allowed);
    }
}

/* NAME.policytest.yaml in policies/tests/ and domains/DOMAIN/tests/. */
static bool read_policy_test(struct model_builder *b, const struct bundle_file *file,
                             const struct model_path *path)
{
    str stem, domain = STR_NONE;
    if (!is_document(path->name, ".policytest", &stem))
        return false;
    if (path->len == 4 && str_eq(path->parts[0], STR("domains"))
        && str_eq(path->parts[2], STR("tests")))
        domain = path->parts[1];
    else if (path->len != 3 || !str_eq(path->parts[0], STR("policies"))
             || !str_eq(path->parts[1], STR("tests")))
        return false;
    if (file->document)
        policy_cases_read(b->own, file->path, domain, file->document, b->report, &b->model->cases);
    else
        b->is_partial = true;
    return true;
}

static void other_files(struct model_builder *b, const struct bundle_file *file,
                        const struct model_path *path)
{
    str stem;
    bool is_policy = is_document(path->name, ".policy", &stem);
    if (path->len == 1 && str_eq(path->name, STR("glossary.yaml"))) {
        model_warning(b, model_file_place(file->path),
                      "the glossary is kept, but not used by this version of weft");
    } else if (str_eq(path->parts[0], STR("policies"))) {
        if (path->len == 2 && is_policy)
            model_read_policy(b, file, STR_NONE);
        else if (!read_policy_test(b, file, path))
            stray(b, file, path, "NAME.policy.yaml, tests/NAME.policytest.yaml");
    } else if (str_eq(path->parts[0], STR("domains")) && path->len > 2) {
        const struct model_domain *domain = model_find_domain(b->model, path->parts[1]);
        if (!domain) {
            str folder = arena_format(b->mem, "domains/" STR_FMT, STR_ARG(path->parts[1]));
            if (str_list_has(&b->folders, folder))
                return;
            str_list_add(b->scratch, &b->folders, folder);
            b->is_partial = true;
            struct finding *f =
                model_error(b, model_file_place(file->path),
                            "the folder " STR_FMT " has no domain.yaml", STR_ARG(folder));
            f->hint = STR("write a domain.yaml with kind: Domain");
        } else if (path->len == 4 && str_eq(path->parts[2], STR("policies"))) {
            if (is_policy)
                model_read_policy(b, file, domain->name);
            else
                stray(b, file, path, "NAME.policy.yaml");
        } else if (read_policy_test(b, file, path)) {
            return;
        } else if (path->len == 3) {
            if (!str_eq(path->name, STR("domain.yaml")))
                stray(b, file, path,
                      "domain.yaml, policies/NAME.policy.yaml, tests/NAME.policytest.yaml, "
                      "PRODUCT/…");
        } else {
            product_part(b, file, path);
        }
    }
}

struct finding *model_error(struct model_builder *b, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(b->scratch, format, args);
    va_end(args);
    return report_add(b->report, FINDING_ERROR, ERR_INVALID, place, STR_FMT, STR_ARG(message));
}

struct finding *model_warning(struct model_builder *b, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(b->scratch, format, args);
    va_end(args);
    return report_add(b->report, FINDING_WARNING, ERR_INVALID, place, STR_FMT, STR_ARG(message));
}

struct place model_file_place(str file)
{
    return (struct place){.file = file};
}
