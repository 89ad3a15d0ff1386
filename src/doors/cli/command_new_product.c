/* Domains, products and contracts, from a template or from what they read. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "infer/infer.h"
#include "limits/limits.h"
#include "probe/probe.h"
#include "yaml/yaml.h"

struct new_files {
    str folder; /* of the mesh */
    struct cli_files files;
};

static bool new_folder(struct task *t, struct cli *cli, struct new_files *files)
{
    if (!cli_find_folder(t, cli, &files->folder)) {
        return false;
    }
    if (files->folder.len == 0) {
        task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
        return task_hint(t,
                         "go to the folder of the mesh, or say --folder DIR; weft init begins one");
    }
    return true;
}

static bool new_has(struct task *t, const struct new_files *files, str path)
{
    return access(arena_format(t->mem, "%.*s/%.*s", STR_ARG(files->folder), STR_ARG(path)).ptr,
                  F_OK)
        == 0;
}

static void new_add(struct task *t, struct new_files *files, str path, str text)
{
    vec_push(t->mem, &files->files, ((struct cli_file){path, text, 0666}));
}

static bool new_write_all(struct task *t, const struct cli *cli, const struct new_files *files)
{
    if (!cli_write_files(t, files->folder, &files->files)) {
        return false;
    }
    for (size_t i = 0; i < files->files.len; i++) {
        cli_note(cli, "wrote %.*s", STR_ARG(files->files.at[i].path));
    }
    return true;
}

static bool new_demand_name(struct task *t, str name, const char *what)
{
    struct str_list taken = {0};

    if (str_is_name(name) && name.len <= NAME_BYTES_MAX
        && str_eq(infer_name(t->mem, name, &taken), name)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "%.*s is no name of a %s", STR_ARG(name), what);
    return task_hint(t, "small letters, digits and _, beginning with a letter, and no word of SQL");
}

/* ---- domains */

/* The first administrator of the mesh: somebody has to own a new domain. */
static bool new_owner(struct task *t, const struct new_files *files, str *out)
{
    str path = arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(files->folder)), text;
    struct tree *document;

    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, t->mem, text, path, YAML_MODE_YAML, &document)) {
        return false;
    }
    const struct tree *admins = tree_find(document, STR("admins"));
    *out = admins != NULL && admins->kind == TREE_LIST && admins->len > 0 ? admins->at[0]->text
                                                                          : STR("user:root");
    return true;
}

static bool new_add_domain(struct task *t, struct new_files *files, str name)
{
    str owner;

    if (!new_owner(t, files, &owner)) {
        return false;
    }
    new_add(
        t, files, arena_format(t->mem, "domains/%.*s/domain.yaml", STR_ARG(name)),
        arena_format(
            t->mem,
            "apiVersion: weft/v1\n"
            "kind: Domain\n"
            "name: %.*s\n"
            "description: What this domain is responsible for.\n"
            "# source: as operations give it; aggregate: made of others; consumer: for one use\n"
            "alignment: source\n"
            "# who answers for its products; users and groups are those of mesh.yaml\n"
            "owners: [\"%.*s\"]\n",
            STR_ARG(name), STR_ARG(owner)));
    return true;
}

bool command_new_domain(struct task *t, struct cli *cli)
{
    struct new_files files = {0};

    if (!cli_demand_arguments(t, cli, 1, 1) || !new_demand_name(t, cli->arguments.at[0], "domain")
        || !new_folder(t, cli, &files) || !new_add_domain(t, &files, cli->arguments.at[0])
        || !new_write_all(t, cli, &files)) {
        return false;
    }
    cli_note(cli, "next: name its owners, then weft new product %.*s.NAME",
             STR_ARG(cli->arguments.at[0]));
    return true;
}

/* ---- what mesh.yaml has to list */

/* A new entry at the front of a list that is written on one line, as `roots: [data/]`. Gives false where it is written otherwise: then
 * the user is told what to add. */
static bool new_insert(struct task *t, str text, const char *key, str entry, str *out)
{
    str mark = arena_format(t->mem, "%s:", key);
    size_t at = str_find(text, mark);
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    if (at == text.len) {
        return false;
    }
    size_t open = at + mark.len;
    while (open < text.len && text.ptr[open] == ' ') {
        open++;
    }
    if (open == text.len || text.ptr[open] != '[') {
        return false;
    }
    str rest = str_from(text, open + 1);
    buf_add(b, str_sub(text, 0, open + 1));
    buf_format(b, "\"%.*s\"%s", STR_ARG(entry),
               rest.len > 0 && str_trim(rest).ptr[0] == ']' ? "" : ", ");
    buf_add(b, rest);
    *out = buf_str(b);
    return !b->full;
}

static bool new_lists(struct task *t, const struct new_files *files, const char *key, str entry,
                      str *text_out, bool *out)
{
    str path = arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(files->folder));
    struct tree *document;

    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, text_out)
        || !yaml_read(t, t->mem, *text_out, path, YAML_MODE_YAML, &document)) {
        return false;
    }
    const struct tree *list = tree_find(tree_find(document, STR("sources")), str_of(key));
    *out = false;
    for (size_t i = 0; list != NULL && list->kind == TREE_LIST && i < list->len; i++) {
        str one = list->at[i]->text;
        str folder = str_ends(one, STR("/")) ? str_sub(one, 0, one.len - 1) : one;

        folder = str_starts(folder, STR("./")) ? str_from(folder, 2) : folder;
        bool is_below =
            str_starts(entry, folder)
            && (entry.len == folder.len || folder.len == 0 || entry.ptr[folder.len] == '/');
        *out = *out
            || (str_eq(str_of(key), STR("hosts")) ? str_eq(one, entry)
                                                  : is_below || str_eq(folder, STR(".")));
    }
    return true;
}

/* An administrator lists roots and hosts; who writes new files beside mesh.yaml mostly is one, and apply asks who it is. */
static bool new_open_fence(struct task *t, const struct cli *cli, const struct new_files *files,
                           const struct probe *p)
{
    const char *key = p->host_entry.len > 0 ? "hosts" : "roots";
    str entry = p->host_entry, text, changed, folder, base, path;
    struct tree *document;
    bool is_listed = false;

    if (entry.len == 0) {
        entry = str_cut_last(p->path, '/', &folder, &base) && folder.len > 0 ? folder : STR(".");
    }
    path = arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(files->folder));
    if (!new_lists(t, files, key, entry, &text, &is_listed) || is_listed) {
        return t->err.code == ERR_NONE && is_listed;
    }
    bool is_done = new_insert(t, text, key, entry, &changed);
    if (!is_done) {
        const struct tree *sources = NULL;
        if (!yaml_read(t, t->mem, text, path, YAML_MODE_YAML, &document)) {
            return false;
        }
        sources = tree_get(document, STR("sources"));
        /* A map of its own goes to the end where there is none yet. */
        if (sources == NULL) {
            changed = arena_format(t->mem, "%.*s%ssources: {%s: [\"%.*s\"]}\n", STR_ARG(text),
                                   str_ends(text, STR("\n")) ? "" : "\n", key, STR_ARG(entry));
            is_done = true;
        }
    }
    /* What was made is read again before it takes the place of what stood there. */
    is_done = is_done && yaml_read(t, t->mem, changed, path, YAML_MODE_YAML, &document);
    if (!is_done) {
        task_clear_error(t);
        cli_note(cli, "to do: list %.*s under sources.%s of mesh.yaml", STR_ARG(entry), key);
        return true;
    }
    if (!cli_write_over(t, path, changed)) {
        return false;
    }
    cli_note(cli, "listed %.*s under sources.%s of mesh.yaml", STR_ARG(entry), key);
    return true;
}

/* ---- products */

static str new_product_text(struct task *t, str domain, str product, bool has_source)
{
    return arena_format(t->mem,
                        "apiVersion: v1.0.0\n"
                        "kind: DataProduct\n"
                        "id: %.*s-%.*s-product\n"
                        "name: %.*s\n"
                        "version: 1.0.0\n"
                        "status: active\n"
                        "description:\n"
                        "  purpose: What this product is for.\n"
                        "inputPorts:\n"
                        "  - {name: source, version: 1.0.0, contractId: %.*s-%.*s-source}\n"
                        "outputPorts:\n"
                        "  - {name: %.*s, version: 1.0.0, contractId: %.*s-%.*s}\n%s",
                        STR_ARG(domain), STR_ARG(product), STR_ARG(product), STR_ARG(domain),
                        STR_ARG(product), STR_ARG(product), STR_ARG(domain), STR_ARG(product),
                        has_source ? ""
                                   : "# the table is passed through; a file rows.sql beside this "
                                     "one would make it by a SELECT\n");
}

static const char *const new_template_columns =
    "schema:\n"
    "  - name: rows\n"
    "    description: What one row is.\n"
    "    properties:\n"
    "      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true, required: "
    "true}\n"
    "      - {name: label, logicalType: string}\n";

static str new_template(struct task *t, str id, str name, str server)
{
    return arena_format(t->mem,
                        "apiVersion: v3.1.0\n"
                        "kind: DataContract\n"
                        "id: %.*s\n"
                        "name: %.*s\n"
                        "version: 1.0.0\n"
                        "status: active\n"
                        "%.*s%s",
                        STR_ARG(id), STR_ARG(name), STR_ARG(server), new_template_columns);
}

static str new_template_server(struct task *t, str name)
{
    return arena_format(t->mem,
                        "servers:\n"
                        "  # a file below a root that mesh.yaml lists under sources.roots\n"
                        "  - {server: files, type: local, path: data/%.*s.csv, format: csv}\n",
                        STR_ARG(name));
}

struct new_product {
    str domain, product, folder;
    struct probe probe;
};

/* Empty where it would be too long. */
static str new_inferred(struct task *t, const struct probe *p, str id, str title, bool is_source)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct yaml_out_notes notes;
    const struct tree *contract = cli_contract_infer(t, p, id, title, is_source, &notes);

    yaml_out(b, contract, &notes);
    return b->full ? STR_NONE : buf_str(b);
}

static void new_add_product(struct task *t, struct new_files *files, const struct new_product *n,
                            bool has_source)
{
    str id = arena_format(t->mem, "%.*s-%.*s", STR_ARG(n->domain), STR_ARG(n->product));
    str source_id = arena_format(t->mem, "%.*s-source", STR_ARG(id));
    str title = arena_format(t->mem, "Source of %.*s", STR_ARG(n->product));
    str promise, source;

    if (has_source) {
        source = new_inferred(t, &n->probe, source_id, title, true);
        promise = new_inferred(t, &n->probe, id, n->product, false);
    } else {
        source = new_template(t, source_id, title, new_template_server(t, n->product));
        promise = new_template(t, id, n->product, STR_NONE);
    }
    new_add(t, files, arena_format(t->mem, "%.*s/product.odps.yaml", STR_ARG(n->folder)),
            new_product_text(t, n->domain, n->product, has_source));
    new_add(t, files, arena_format(t->mem, "%.*s/source.odcs.yaml", STR_ARG(n->folder)), source);
    new_add(t, files,
            arena_format(t->mem, "%.*s/%.*s.odcs.yaml", STR_ARG(n->folder), STR_ARG(n->product)),
            promise);
}

static str new_upper(struct task *t, str name)
{
    char *text = arena_c_string(t->mem, name);

    for (size_t i = 0; i < name.len; i++) {
        text[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    }
    return (str){text, name.len};
}

static void new_tell(struct task *t, const struct cli *cli, const struct new_product *n,
                     bool has_source)
{
    if (!has_source) {
        cli_note(cli, "next: say in source.odcs.yaml where its data is, then weft check");
        return;
    }
    if (n->probe.secret.len > 0) {
        cli_note(cli,
                 "to do: give the password to the server, as WEFT_SECRET_%.*s_%.*s or as "
                 "%.*s=... in .weft/secrets/%.*s (mode 0600)",
                 STR_ARG(new_upper(t, n->domain)), STR_ARG(n->probe.secret),
                 STR_ARG(n->probe.secret), STR_ARG(n->domain));
    }
    cli_note(cli, "look at the suggestions in its contracts: labels and keys act only where they "
                  "are declared");
    cli_note(cli, "next: weft apply --yes && weft run %.*s.%.*s", STR_ARG(n->domain),
             STR_ARG(n->product));
    cli_note(cli,
             "nobody but its owners reads it until a policy grants it: weft new policy NAME "
             "--domain %.*s",
             STR_ARG(n->domain));
}

bool command_new_product(struct task *t, struct cli *cli)
{
    struct new_files files = {0};
    struct new_product n = {0};
    bool has_source = cli->has[OPTION_from];

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    if (!str_cut(cli->arguments.at[0], '.', &n.domain, &n.product)) {
        task_fail(t, ERR_USAGE, "a product is named DOMAIN.NAME");
        return task_hint(t, "as weft new product sales.orders");
    }
    if (!new_demand_name(t, n.domain, "domain") || !new_demand_name(t, n.product, "product")
        || !new_folder(t, cli, &files)
        || (has_source && !cli_probe(t, cli, cli->value[OPTION_from], &n.probe))) {
        return false;
    }
    n.folder = arena_format(t->mem, "domains/%.*s/%.*s", STR_ARG(n.domain), STR_ARG(n.product));
    if (!new_has(t, &files, arena_format(t->mem, "domains/%.*s/domain.yaml", STR_ARG(n.domain)))
        && !new_add_domain(t, &files, n.domain)) {
        return false;
    }
    new_add_product(t, &files, &n, has_source);
    if (!new_write_all(t, cli, &files)
        || (has_source && !new_open_fence(t, cli, &files, &n.probe))) {
        return false;
    }
    new_tell(t, cli, &n, has_source);
    return true;
}

bool command_new_contract(struct task *t, struct cli *cli)
{
    struct new_files files = {0};
    str domain, rest, product, name, text;
    struct probe p = {0};

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    if (!str_cut(cli->arguments.at[0], '.', &domain, &rest)
        || !str_cut(rest, '.', &product, &name)) {
        task_fail(t, ERR_USAGE, "a contract is named DOMAIN.PRODUCT.NAME");
        return task_hint(t, "as weft new contract sales.orders.returns");
    }
    if (!new_demand_name(t, domain, "domain") || !new_demand_name(t, product, "product")
        || !new_demand_name(t, name, "contract") || !new_folder(t, cli, &files)) {
        return false;
    }
    str id =
        arena_format(t->mem, "%.*s-%.*s-%.*s", STR_ARG(domain), STR_ARG(product), STR_ARG(name));
    if (cli->has[OPTION_from]) {
        if (!cli_probe(t, cli, cli->value[OPTION_from], &p)) {
            return false;
        }
        text = new_inferred(t, &p, id, name, true);
    } else {
        text = new_template(t, id, name, STR_NONE);
    }
    new_add(t, &files,
            arena_format(t->mem, "domains/%.*s/%.*s/%.*s.odcs.yaml", STR_ARG(domain),
                         STR_ARG(product), STR_ARG(name)),
            text);
    if (!new_write_all(t, cli, &files)
        || (cli->has[OPTION_from] && !new_open_fence(t, cli, &files, &p))) {
        return false;
    }
    cli_note(cli, "next: name %.*s in a port of product.odps.yaml, then weft check", STR_ARG(id));
    return true;
}
