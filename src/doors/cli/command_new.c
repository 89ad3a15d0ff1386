/* Files from a template: policies, empty or ready ones of the library. */
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "embed/embed.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

struct new_policy {
    str name, from, domain;
    str folder; /* of the mesh */
    str owner;
};

static bool new_is_id(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = c >= 'a' && c <= 'z';

        if (!is_letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '_'))) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_BYTES_MAX;
}

/* Library folders are `policies/<from>/<part>.policy.yaml`. */
static bool new_find_file(size_t i, str from, str *part_out)
{
    str head, rest, set, name;
    str path = str_of(embedded_library[i].path);

    return str_cut(path, '/', &head, &rest) && str_eq(head, STR("policies"))
        && str_cut(rest, '/', &set, &name) && str_eq(set, from)
        && str_cut(name, '.', part_out, &rest);
}

static bool new_demand_set(struct task *t, str from)
{
    struct str_list names = {0};
    str head, rest, set, name;

    for (size_t i = 0; i < embedded_library_len; i++) {
        if (str_cut(str_of(embedded_library[i].path), '/', &head, &rest)
            && str_cut(rest, '/', &set, &name) && !str_eq(set, STR("empty"))) {
            str_list_add(t->mem, &names, set);
        }
    }
    if (str_list_has(&names, from)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "the library has no policies %.*s", STR_ARG(from));
    return task_hint(t, "there are: %.*s", STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

/* The first of a list of principals, without its kind. */
static bool new_find_owner(struct task *t, struct new_policy *new, str path, const char *key)
{
    str whole = arena_format(t->mem, "%.*s/%.*s", STR_ARG(new->folder), STR_ARG(path)), text, kind;
    const struct tree *list;
    struct tree *document;

    if (!cli_read_file(t, whole, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, t->mem, text, whole, YAML_MODE_YAML, &document)) {
        return false;
    }
    list = tree_find(document, str_of(key));
    new->owner = STR("who-answers-for-it");
    if (list != NULL && list->kind == TREE_LIST && list->len > 0
        && list->at[0]->kind == TREE_SCALAR) {
        (void)str_cut(list->at[0]->text, ':', &kind, &new->owner);
    }
    return true;
}

static bool new_find_mesh(struct task *t, struct cli *cli, struct new_policy *new)
{
    str path;

    if (!cli_find_folder(t, cli, &new->folder)) {
        return false;
    }
    if (new->folder.len == 0) {
        task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
        return task_hint(t, "go to the folder of the mesh, or say --folder DIR");
    }
    if (new->domain.len == 0) {
        return new_find_owner(t, new, STR("mesh.yaml"), "guild");
    }
    path = arena_format(t->mem, "domains/%.*s/domain.yaml", STR_ARG(new->domain));
    if (!str_is_name(new->domain)
        || access(arena_format(t->mem, "%.*s/%.*s", STR_ARG(new->folder), STR_ARG(path)).ptr, F_OK)
               != 0) {
        task_fail(t, ERR_NOT_FOUND, "the mesh has no domain %.*s", STR_ARG(new->domain));
        return task_hint(t, "a domain is a folder: domains/NAME/domain.yaml");
    }
    return new_find_owner(t, new, path, "owners");
}

static str new_path(struct task *t, const struct new_policy *new, str part)
{
    str folder = new->domain.len > 0
                   ? arena_format(t->mem, "domains/%.*s/policies", STR_ARG(new->domain))
                   : STR("policies");

    return new->from.len > 0
             ? arena_format(t->mem, "%.*s/%.*s-%.*s.policy.yaml", STR_ARG(folder),
                            STR_ARG(new->name), STR_ARG(part))
             : arena_format(t->mem, "%.*s/%.*s.policy.yaml", STR_ARG(folder), STR_ARG(new->name));
}

/* The template with the names in their places. */
static str new_text(struct task *t, const struct new_policy *new, str text)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    str name = STR("{{name}}"), owner = STR("{{owner}}");

    while (text.len > 0) {
        if (str_starts(text, name)) {
            buf_add(b, new->name);
            text = str_from(text, name.len);
        } else if (str_starts(text, owner)) {
            buf_add(b, new->owner);
            text = str_from(text, owner.len);
        } else {
            buf_add_byte(b, text.ptr[0]);
            text = str_from(text, 1);
        }
    }
    return buf_str(b);
}

static bool new_write(struct task *t, const struct cli *cli, const struct new_policy *new, str set)
{
    struct cli_files files = {0};
    str part;

    for (size_t i = 0; i < embedded_library_len; i++) {
        const struct embedded_file *file = &embedded_library[i];

        if (new_find_file(i, set, &part)) {
            vec_push(t->mem, &files,
                     ((struct cli_file){
                         .path = new_path(t, new, part),
                         .text = new_text(t, new, (str){(const char *)file->bytes, file->len}),
                         .mode = 0666}));
        }
    }
    if (!cli_write_files(t, new->folder, &files)) {
        return false;
    }
    for (size_t i = 0; i < files.len; i++) {
        cli_note(cli, "wrote %.*s", STR_ARG(files.at[i].path));
    }
    return true;
}

bool command_new_policy(struct task *t, struct cli *cli)
{
    struct new_policy new = {.from = cli->value[OPTION_from], .domain = cli->value[OPTION_domain]};
    str set;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    new.name = cli->arguments.at[0];
    set = cli->has[OPTION_from] ? new.from : STR("empty");
    if (!new_is_id(new.name)) {
        task_fail(t, ERR_USAGE, "%.*s is no name of a policy", STR_ARG(new.name));
        return task_hint(t, "small letters, digits, - and _, beginning with a letter");
    }
    if ((cli->has[OPTION_from] && !new_demand_set(t, new.from)) || !new_find_mesh(t, cli, &new)
        || !new_write(t, cli, &new, set)) {
        return false;
    }
    cli_note(cli, cli->has[OPTION_from]
                      ? "next: read them, change what is different here, then weft check"
                      : "next: choose its effect, then weft check");
    return true;
}
