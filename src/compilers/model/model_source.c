#include "model/model_inside.h"

#include "shape/shape.h"
#include "source/source.h"

/* Where operational data may be read from: administrators say it in mesh.yaml, domains cannot go beyond. What holds a
 * ${NAME} is judged when it is resolved, by the same lists. */

static const char *const readable = "local postgres postgresql";

static struct place server_place(struct model_builder *b, const struct contract *contract,
                                 const struct contract_server *server, const char *key)
{
    const struct tree *node = tree_find(server->source, str_of(key));
    return tree_place(b->mem, contract->file, node ? node : server->source);
}

/* `./a//b/` gives `a/b`; false when a part leads upwards. */
static bool plain_path(struct arena *mem, str path, str *out)
{
    char *text = arena_alloc(mem, path.len + 1);
    size_t len = 0;
    str rest = path, part;
    if (str_starts(path, STR("/")))
        text[len++] = '/';
    while (rest.len) {
        str_cut(rest, '/', &part, &rest);
        if (!part.len || str_eq(part, STR(".")))
            continue;
        /* `.*` matches `..` in a shell, so that such a part is no better. */
        bool has_wildcard = str_has(part, '*') || str_has(part, '?') || str_has(part, '[');
        if (str_eq(part, STR("..")) || (part.ptr[0] == '.' && has_wildcard))
            return false;
        if (len && text[len - 1] != '/')
            text[len++] = '/';
        for (size_t i = 0; i < part.len; i++)
            text[len++] = part.ptr[i];
    }
    *out = (str){text, len};
    return true;
}

static bool is_under(struct model_builder *b, str path)
{
    for (size_t i = 0; i < b->model->mesh.source_roots.len; i++) {
        str root;
        if (!plain_path(b->mem, b->model->mesh.source_roots.at[i], &root))
            continue;
        bool is_whole = !root.len || str_eq(root, STR("/")) || path.len == root.len
                     || (path.len > root.len && path.ptr[root.len] == '/');
        bool same_kind = str_starts(path, STR("/")) == str_starts(root, STR("/"));
        if (same_kind && is_whole && str_starts(path, root))
            return true;
    }
    return false;
}

static void check_local(struct model_builder *b, const struct contract *contract,
                        const struct contract_server *server)
{
    struct place place = server_place(b, contract, server, "path");
    str path;
    if (!server->location.len) {
        if (tree_find(server->source, STR("path"))) /* else it is missing, which was said */
            model_error(b, place, "the path is empty");
        return;
    }
    if (str_find(server->location, STR("${")) < server->location.len) {
        struct finding *f = model_error(b, place, "a path holds no secrets");
        f->found = server->location;
        f->hint = STR("write the path itself");
        return;
    }
    bool is_plain = plain_path(b->mem, server->location, &path);
    if (is_plain && is_under(b, path))
        return;
    struct finding *f = is_plain
                          ? model_error(b, place, "the path is outside of the roots of the mesh")
                          : model_error(b, place, "the path leads upwards");
    f->found = server->location;
    f->allowed = b->model->mesh.source_roots.len
                   ? str_list_join(b->mem, &b->model->mesh.source_roots, STR(", "))
                   : STR("none: mesh.yaml lists no sources.roots");
    f->hint = STR(
        "paths start at the folder of mesh.yaml; an administrator lists roots in sources.roots");
}

static bool names_host(str entry, str host, str listen_port)
{
    str name, number;
    bool has_port = str_cut_last(entry, ':', &name, &number)
                 && (!str_has(name, ':') || str_ends(name, STR("]")));
    if (!has_port) {
        name = entry;
        number = STR("5432");
    }
    if (name.len > 2 && name.ptr[0] == '[' && str_ends(name, STR("]")))
        name = str_sub(name, 1, name.len - 2);
    return str_eq_nocase(name, host) && str_eq(number, listen_port);
}

static void check_postgres(struct model_builder *b, const struct contract *contract,
                           const struct contract_server *server)
{
    str listen_port = server->listen_port.len ? server->listen_port : STR("5432");
    str secret = STR("${");
    if (!server->host.len || str_find(server->host, secret) < server->host.len
        || str_find(listen_port, secret) < listen_port.len)
        return;
    for (size_t i = 0; i < b->model->mesh.source_hosts.len; i++)
        if (names_host(b->model->mesh.source_hosts.at[i], server->host, listen_port))
            return;
    struct finding *f = model_error(b, server_place(b, contract, server, "host"),
                                    "the host is none of those that the mesh lists");
    f->found =
        arena_format(b->mem, STR_FMT ":" STR_FMT, STR_ARG(server->host), STR_ARG(listen_port));
    f->allowed = b->model->mesh.source_hosts.len
                   ? str_list_join(b->mem, &b->model->mesh.source_hosts, STR(", "))
                   : STR("none: mesh.yaml lists no sources.hosts");
    f->hint = STR("an administrator lists it in sources.hosts of mesh.yaml");
}

void model_check_sources(struct model_builder *b, const struct contract *contract)
{
    bool has_readable = false;
    if (!b->has_mesh)
        return;
    for (size_t i = 0; i < contract->servers.len; i++) {
        const struct contract_server *server = &contract->servers.at[i];
        has_readable = has_readable || shape_has_word(readable, server->type);
        struct source_server files;
        if (str_eq(server->type, STR("local"))) {
            check_local(b, contract, server);
            (void)source_choose_files(b->mem, server, &files, b->report);
        } else if (shape_has_word(readable, server->type))
            check_postgres(b, contract, server);
    }
    for (size_t i = 0; i < contract->servers.len; i++) {
        const struct contract_server *server = &contract->servers.at[i];
        if (!server->type.len || shape_has_word(readable, server->type))
            continue;
        struct place place = server_place(b, contract, server, "type");
        struct finding *f =
            has_readable
                ? model_warning(b, place, "this version of weft does not read such a server")
                : model_error(b, place, "this version of weft does not read such a server");
        f->found = server->type;
        f->allowed = shape_words_text(b->mem, readable);
    }
}
