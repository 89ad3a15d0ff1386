#include "contract/contract_custom.h"

#include "shape/shape.h"

struct custom_property {
    const char *name;
    unsigned places;
    const char *words; /* what it may say; NULL: it is read elsewhere */
    bool is_secret;    /* a reference to a secret, never its value */
    bool is_common;    /* a word that others use in other places */
    bool is_columns;   /* a column, or a list of them: which ones there are is the table's to say */
};

static const struct custom_property ours[] = {
    {"materialization", CUSTOM_PRODUCT | CUSTOM_CONTRACT | CUSTOM_TABLE, "table", false, false,
     false},
    {"incremental", CUSTOM_TABLE, NULL, false, false, false},
    {"schedule", CUSTOM_PRODUCT, NULL, false, false, false},
    {"visibility", CUSTOM_PRODUCT, "public restricted", false, false, false},
    {"onFailure", CUSTOM_RULE | CUSTOM_COLUMN, "reject warn quarantine", false, false, false},
    {"quarantineMost", CUSTOM_TABLE, NULL, false, false, false},
    {"clusterBy", CUSTOM_TABLE, "", false, false, true},
    {"declassify", CUSTOM_COLUMN, NULL, false, false, false},
    {"onBadLine", CUSTOM_SERVER, "reject skip", false, false, false},
    {"int96", CUSTOM_SERVER, "microseconds", false, false, false},
    {"sunset", CUSTOM_CONTRACT, NULL, false, false, false},
    {"successor", CUSTOM_CONTRACT, NULL, false, false, false},
    {"versions", CUSTOM_INPUT, NULL, false, true, false},
    {"columns", CUSTOM_INPUT, NULL, false, true, false},
    {"password", CUSTOM_SERVER, "", true, true, false},
};

static const struct custom_property *find_ours(str name)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (str_eq(name, str_of(ours[i].name)))
            return &ours[i];
    return NULL;
}

static str places_text(struct arena *mem, unsigned places)
{
    static const struct {
        unsigned place;
        const char *text;
    } texts[] = {
        {CUSTOM_PRODUCT, "a product"},   {CUSTOM_CONTRACT, "a contract"},
        {CUSTOM_TABLE, "a table"},       {CUSTOM_COLUMN, "a property"},
        {CUSTOM_RULE, "a quality rule"}, {CUSTOM_SERVER, "a server"},
        {CUSTOM_INPUT, "an input port"},
    };
    struct str_list list = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (places & texts[i].place)
            vec_push(mem, &list, str_of(texts[i].text));
    return str_list_join(mem, &list, STR(", "));
}

static bool is_column_list(const struct tree *value)
{
    if (value->kind != TREE_LIST)
        return value->kind == TREE_SCALAR && !tree_is_null(value);
    for (size_t i = 0; i < value->len; i++)
        if (value->at[i]->kind != TREE_SCALAR || tree_is_null(value->at[i]))
            return false;
    return value->len > 0;
}

/* A table says of itself that it is added to: nobody else can say how. */
static bool is_increment(const struct custom_property *own, const struct tree *value)
{
    return str_eq(str_of(own->name), STR("materialization")) && value->kind == TREE_SCALAR
        && str_eq(value->text, STR("incremental"));
}

/* What a property says by itself holds for every row of a release: no rule of it warns. */
static const char *words_of(const struct custom_property *own, enum custom_place place)
{
    return place == CUSTOM_COLUMN && own->places & CUSTOM_RULE ? "reject quarantine" : own->words;
}

static void check_value(struct arena *mem, str file, const struct custom_property *own,
                        const struct tree *item, enum custom_place place, struct report *report)
{
    const struct tree *value = tree_get(item, STR("value"));
    if (!value || !own->words)
        return; /* a finding of the shape; or read where it belongs */
    if (is_increment(own, value)) {
        if (place == CUSTOM_TABLE)
            return;
        struct finding *f =
            shape_error(mem, file, report, value, "a table says by itself that it is incremental");
        f->found = shape_found(mem, value);
        f->allowed = STR("table");
        f->hint = STR("in the contract, among the customProperties of the table");
        return;
    }
    if (own->is_secret) {
        if (value->kind == TREE_SCALAR && shape_is_secret(value->text))
            return;
        /* What stands here may be a password: it is not repeated. */
        struct finding *f =
            shape_error(mem, file, report, value, "%s must name a secret, not hold it", own->name);
        f->allowed = STR("${NAME}");
        f->hint = STR("put the value into WEFT_SECRET_<DOMAIN>_<NAME>");
    } else if (own->is_columns) {
        if (is_column_list(value))
            return;
        struct finding *f = shape_error(mem, file, report, value, "%s cannot be this", own->name);
        f->found = shape_found(mem, value);
        f->allowed = STR("the name of a column, or a list of such names");
    } else if (value->kind != TREE_SCALAR || !shape_has_word(words_of(own, place), value->text)) {
        struct finding *f = shape_error(mem, file, report, value, "%s cannot be this", own->name);
        f->found = shape_found(mem, value);
        f->allowed = shape_words_text(mem, words_of(own, place));
        f->hint = value->kind == TREE_SCALAR ? shape_nearest(mem, words_of(own, place), value->text)
                                             : STR_NONE;
    }
}

static void check_spelling(struct arena *mem, str file, const struct tree *name,
                           struct report *report)
{
    if (name->text.len < 8)
        return; /* short names are near to too many others */
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        str right = str_of(ours[i].name);
        if (right.len < 8 || str_distance(name->text, right, 2) > 2)
            continue;
        struct finding *f = report_add(
            report, FINDING_WARNING, ERR_INVALID, tree_place(mem, file, name),
            "the custom property " STR_FMT " means nothing to weft", STR_ARG(name->text));
        f->hint = arena_format(mem, "did you mean %s?", ours[i].name);
    }
}

static void check_item(struct arena *mem, str file, const struct tree *list, size_t at,
                       enum custom_place place, struct report *report)
{
    const struct tree *item = list->at[at];
    const struct tree *name = tree_find(item, STR("property"));
    if (!name || name->kind != TREE_SCALAR)
        return;
    const struct custom_property *own = find_ours(name->text);
    if (!own) {
        check_spelling(mem, file, name, report);
        return;
    }
    if (!(own->places & place)) {
        if (own->is_common)
            return;
        struct finding *f =
            report_add(report, FINDING_WARNING, ERR_INVALID, tree_place(mem, file, name),
                       "%s means nothing here", own->name);
        f->allowed = places_text(mem, own->places);
        return;
    }
    for (size_t i = 0; i < at; i++)
        if (str_eq(tree_find_text(list->at[i], STR("property")), name->text)) {
            shape_error(mem, file, report, name, "%s stands here twice", own->name);
            return;
        }
    check_value(mem, file, own, item, place, report);
}

void contract_check_custom(struct arena *mem, str file, const struct tree *custom_properties,
                           enum custom_place place, struct report *report)
{
    if (!custom_properties || custom_properties->kind != TREE_LIST)
        return;
    for (size_t i = 0; i < custom_properties->len; i++)
        check_item(mem, file, custom_properties, i, place, report);
}

const struct tree *contract_custom(const struct tree *custom_properties, str property)
{
    if (!custom_properties || custom_properties->kind != TREE_LIST)
        return NULL;
    for (size_t i = 0; i < custom_properties->len; i++)
        if (str_eq(tree_find_text(custom_properties->at[i], STR("property")), property))
            return tree_find(custom_properties->at[i], STR("value"));
    return NULL;
}
