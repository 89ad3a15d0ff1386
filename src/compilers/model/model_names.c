#include "model/model_inside.h"

#include "contract/contract_change.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "shape/shape.h"
#include "shape/shape_names.h"

/* Databases and schemas of the engine, and those of weft itself. */
static const char *const taken = "memory main system temp mesh self information_schema pg_catalog";

static str suggestion(struct arena *mem, str name)
{
    char *out = arena_alloc(mem, name.len + 3);
    size_t len = 0;
    bool is_gap = false;
    for (size_t i = 0; i < name.len && len < NAME_BYTES_MAX; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && len)) {
            if (is_gap && len)
                out[len++] = '_';
            is_gap = false;
            out[len++] = c;
        } else {
            is_gap = true;
        }
    }
    return (str){out, len};
}

void model_check_name(struct model_builder *b, struct place place, const char *what, str name)
{
    str mesh = b->model->mesh.name;
    if (!name.len)
        return; /* missing, which was said */
    struct finding *f = NULL;
    if (!str_is_name(name) || name.len > NAME_BYTES_MAX) {
        f = model_error(b, place, "%s cannot be named " STR_FMT, what, STR_ARG(name));
        f->allowed = arena_format(b->mem, "a-z, 0-9 and _, a letter first, at most %d bytes",
                                  NAME_BYTES_MAX);
        str better = suggestion(b->mem, name);
        if (str_is_name(better))
            f->hint = arena_format(b->mem, "write " STR_FMT ", and the other form as its title",
                                   STR_ARG(better));
        return;
    }
    if (shape_is_reserved(name)) {
        f = model_error(b, place, "%s cannot be named " STR_FMT ": SQL reserves the word", what,
                        STR_ARG(name));
        f->hint = arena_format(b->mem, "write " STR_FMT "s, and keep " STR_FMT " as its title",
                               STR_ARG(name), STR_ARG(name));
    } else if (shape_has_word(taken, name)) {
        f = model_error(b, place, "%s cannot be named " STR_FMT ": the name is taken", what,
                        STR_ARG(name));
        f->hint = arena_format(b->mem, "none of: %s", taken);
    } else if (str_eq(name, mesh)) {
        f = model_error(b, place, "%s cannot be named as the mesh is", what);
        f->found = name;
    }
}

const struct model_domain *model_find_domain(const struct model *model, str name)
{
    return map_find(&model->domain_names, name);
}

const struct model_product *model_find_product(const struct model *model, str address)
{
    return map_find(&model->addresses, address);
}

const struct contract_table *model_find_table(const struct model_product *product, str table,
                                              const struct contract **contract_out)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        for (size_t j = 0; contract && j < contract->tables.len; j++)
            if (str_eq_nocase(contract->tables.at[j].name, table)) {
                if (contract_out)
                    *contract_out = contract;
                return &contract->tables.at[j];
            }
    }
    return NULL;
}

str model_major_schema(struct arena *mem, const struct model_product *product, uint64_t major)
{
    return arena_format(mem, STR_FMT ".\"" STR_FMT "@%llu\"", STR_ARG(product->domain->name),
                        STR_ARG(product->name), (unsigned long long)major);
}

str model_table_address(struct arena *mem, str product, str table)
{
    uint64_t major = contract_table_major(table);
    if (!major)
        return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(product), STR_ARG(table));
    return arena_format(mem, STR_FMT "@%llu." STR_FMT, STR_ARG(product), (unsigned long long)major,
                        STR_ARG(contract_table_plain(table)));
}

str model_table_file(struct arena *mem, str folder, str table)
{
    uint64_t major = contract_table_major(table);
    if (!major)
        return arena_format(mem, STR_FMT "/" STR_FMT ".sql", STR_ARG(folder), STR_ARG(table));
    return arena_format(mem, STR_FMT "/v%llu/" STR_FMT ".sql", STR_ARG(folder),
                        (unsigned long long)major, STR_ARG(contract_table_plain(table)));
}

uint64_t model_first_major(const struct model_product *product, str contract_id)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        if (contract && str_eq(contract->id, contract_id)
            && contract_major(contract->version) < first)
            first = contract_major(contract->version);
    }
    return first;
}

bool model_names_actor(const struct str_list *list, str user, const struct str_list *groups)
{
    for (size_t i = 0; i < list->len; i++) {
        str kind, name;
        if (!str_cut(list->at[i], ':', &kind, &name))
            continue;
        if (str_eq(kind, STR("user")) && user.len && str_eq(name, user))
            return true;
        if (str_eq(kind, STR("group")) && groups && str_list_has(groups, name))
            return true;
    }
    return false;
}

const struct contract *model_next_major(const struct model_product *product,
                                        const struct contract *contract)
{
    uint64_t major = contract_major(contract->version);
    const struct contract *next = NULL;

    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *other = product->outputs.at[i].contract;
        struct contract_life life;

        if (other == NULL || !str_eq(other->id, contract->id)
            || contract_major(other->version) <= major)
            continue;
        contract_life(other, INT64_MIN, &life);
        if (life.stage == CONTRACT_ACTIVE
            && (next == NULL || contract_major(other->version) < contract_major(next->version)))
            next = other;
    }
    return next;
}

str model_ending_json(struct arena *mem, const struct model_product *product,
                      const struct contract *contract, const struct contract_life *life)
{
    const struct contract *next = model_next_major(product, contract);
    struct json_out o = {.b = buf_new(mem, DOCUMENT_BYTES_MAX)};
    str successor = life->successor;

    if (successor.len == 0 && next != NULL)
        successor = model_major_schema(mem, product, contract_major(next->version));
    json_out_begin(&o, "", '{');
    json_out_str(&o, "contract", contract->id);
    json_out_str(&o, "version", contract->version);
    json_out_maybe(&o, "sunset", life->sunset);
    json_out_maybe(&o, "successor", successor);
    json_out_end(&o, '}');
    return buf_str(o.b);
}
