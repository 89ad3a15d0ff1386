/* A contract, or products, of what others have written. */
#include <sys/stat.h>

#include "buf/buf.h"
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "exchange/exchange.h"
#include "limits/limits.h"

enum import_source { IMPORT_JSON_SCHEMA, IMPORT_AVRO, IMPORT_SQL, IMPORT_DBT, IMPORT_SOURCES };

static const char *const import_names[IMPORT_SOURCES] = {"json-schema", "avro", "sql", "dbt"};

static bool import_choose(struct task *t, const struct cli *cli, enum import_source *out)
{
    for (int i = 0; i < IMPORT_SOURCES; i++) {
        if (str_eq(cli->value[OPTION_from], str_of(import_names[i]))) {
            *out = (enum import_source)i;
            return true;
        }
    }
    task_fail(t, ERR_USAGE,
              cli->has[OPTION_from] ? "weft imports nothing from %.*s" : "say what the file is%.*s",
              STR_ARG(cli->value[OPTION_from]));
    return task_hint(t, "say --from with one of: json-schema, avro, sql, dbt");
}

/* `data/orders.schema.json` is `orders`. */
static str import_stem(str path)
{
    str head, name;

    if (!str_cut_last(path, '/', &head, &name)) {
        name = path;
    }
    (void)str_cut(name, '.', &head, &name);
    return head;
}

static bool import_contract(struct task *t, struct cli *cli, enum import_source source,
                            struct exchange_import *import)
{
    struct tree *document, *contract;
    str text, path = cli->arguments.at[0];

    if (source == IMPORT_SQL) {
        if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)) {
            return false;
        }
        contract = exchange_import_sql(t->mem, import, text);
    } else {
        bool is_yaml = str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml"));

        if (!cli_contract_tree(t, path, !is_yaml, DOCUMENT_BYTES_MAX, &document)) {
            return false;
        }
        contract = source == IMPORT_AVRO ? exchange_import_avro(t->mem, import, document)
                                         : exchange_import_json_schema(t->mem, import, document);
    }
    return contract == NULL || cli_contract_put(t, cli, contract, NULL);
}

static const char *import_path(struct task *t, str folder, str path)
{
    return arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), STR_ARG(path)).ptr;
}

/* The domain may be there: its owners are known better there. Anything else that is there stops all. */
static bool import_may_write(struct task *t, str folder, struct exchange_files *files)
{
    struct stat facts;

    for (size_t i = 0; i < files->len; i++) {
        struct exchange_file *file = &files->at[i];

        if (stat(import_path(t, folder, file->path), &facts) != 0) {
            continue;
        }
        if (!str_eq(file->path, STR("domain.yaml"))) {
            task_fail(t, ERR_CONFLICT, "%s is there already", import_path(t, folder, file->path));
            return task_hint(t, "nothing was written: remove it, or name another folder");
        }
        file->path = STR_NONE;
    }
    return true;
}

static bool import_files(struct task *t, const struct cli *cli, str folder,
                         struct exchange_files *files)
{
    struct cli_files set = {0};

    if (!import_may_write(t, folder, files)) {
        return false;
    }
    for (size_t i = 0; i < files->len; i++) {
        if (files->at[i].path.len > 0) {
            vec_push(t->mem, &set,
                     ((struct cli_file){.path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder),
                                                             STR_ARG(files->at[i].path)),
                                        .text = files->at[i].text,
                                        .mode = 0666}));
        }
    }
    if (!cli_write_files(t, STR("."), &set)) {
        return false;
    }
    cli_note(cli, "%zu files were written to %.*s", set.len, STR_ARG(folder));
    return true;
}

static bool import_dbt(struct task *t, struct cli *cli, struct exchange_import *import)
{
    struct exchange_files files = {0};
    struct tree *manifest;
    str text, folder = cli->value[OPTION_out], head;

    if (!cli_contract_no_format(t, cli, "files of a mesh")) {
        return false;
    }
    if (!cli->has[OPTION_out] || folder.len == 0) {
        task_fail(t, ERR_USAGE, "a project becomes many files: name the folder of a domain");
        return task_hint(t, "say --out domains/NAME");
    }
    while (str_ends(folder, STR("/"))) {
        folder = str_sub(folder, 0, folder.len - 1);
    }
    if (!str_cut_last(folder, '/', &head, &import->id)) {
        import->id = folder;
    }
    if (!str_is_name(import->id)) {
        task_fail(t, ERR_USAGE, "a domain cannot be named %.*s", STR_ARG(import->id));
        return task_hint(t, "the folder is the domain: a-z, 0-9 and _, a letter first");
    }
    if (!cli_read_file(t, import->file, HTTP_ANSWER_BYTES_MAX, &text)
        || !cli_read_json(t, t->mem, text, &manifest)) {
        return false;
    }
    return !exchange_import_dbt(t->mem, import, manifest, &files)
        || import_files(t, cli, folder, &files);
}

bool command_contract_import(struct task *t, struct cli *cli)
{
    enum import_source source = IMPORT_SOURCES;
    struct report report;
    struct exchange_import import = {.report = &report};

    cli_listen(t);
    report_init(&report, t->mem);
    if (!cli_demand_arguments(t, cli, 1, 1) || !import_choose(t, cli, &source)) {
        return false;
    }
    import.file = cli->arguments.at[0];
    import.id = import_stem(import.file);
    if (source == IMPORT_DBT ? !import_dbt(t, cli, &import)
                             : !import_contract(t, cli, source, &import)) {
        return false;
    }
    cli_contract_tell(t, cli, &report);
    cli->exit_code = report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
