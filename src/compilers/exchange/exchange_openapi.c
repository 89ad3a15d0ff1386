/* The rows of a contract as components of OpenAPI 3.1, whose schemas are JSON Schema 2020-12. A contract promises rows and no calls: the
 * document has no paths, and is named by those that have some. */
#include "exchange/exchange_inside.h"
#include "yaml_out/yaml_out.h"

/* Keys of components are [A-Za-z0-9._-]. */
static str component_name(struct arena *mem, str name)
{
    char *text = arena_c_string(mem, name);
    for (size_t i = 0; i < name.len; i++) {
        char c = text[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                     || c == '.' || c == '_' || c == '-';
        text[i] = is_plain ? c : '_';
    }
    return (str){text, name.len};
}

void exchange_openapi(struct exchanger *x)
{
    struct tree *root = exchange_map(x->mem), *info = exchange_map(x->mem);
    struct tree *components = exchange_map(x->mem), *schemas = exchange_map(x->mem);
    const struct contract *contract = x->contract;
    exchange_put_text(x->mem, root, "openapi", STR("3.1.0"));
    exchange_put_text(x->mem, info, "title", contract->name);
    exchange_put_text(x->mem, info, "version",
                      contract->version.len ? contract->version : STR("0.0.0"));
    exchange_put_text(x->mem, info, "description", contract->description);
    exchange_put(x->mem, root, "info", info);
    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *table = &contract->tables.at[i];
        if (x->only && x->only != table)
            continue;
        str name = component_name(x->mem, table->name);
        if (tree_get(schemas, name)) {
            exchange_note(x, table->source,
                          "another table has the component name " STR_FMT ": it is left out",
                          STR_ARG(name));
            continue;
        }
        exchange_put(x->mem, schemas, name.ptr, exchange_row_schema(x, table));
    }
    exchange_put(x->mem, components, "schemas", schemas);
    exchange_put(x->mem, root, "components", components);
    yaml_out(x->out, root, NULL);
}
