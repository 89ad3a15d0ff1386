/* Roles of a contract, and who approves access in them. */
#include "contract/contract.h"

#include "shape/shape.h"

const struct contract_role *contract_find_role(const struct contract *contract, str role)
{
    for (size_t i = 0; contract && i < contract->roles.len; i++)
        if (str_eq(contract->roles.at[i].role, role))
            return &contract->roles.at[i];
    return NULL;
}

static bool is_plain_name(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' && c != '@')
            return false;
    }
    return text.len > 0;
}

static bool is_nobody(str text)
{
    return str_eq_nocase(text, STR("na")) || str_eq_nocase(text, STR("n/a"))
        || str_eq_nocase(text, STR("none")) || str_eq(text, STR("-"));
}

void contract_role_approvers(struct arena *mem, str text, struct str_list *out,
                             struct str_list *strange_out)
{
    str rest = text, part;
    *out = (struct str_list){0};
    *strange_out = (struct str_list){0};
    while (rest.len > 0) {
        (void)str_cut(rest, ',', &part, &rest);
        part = str_trim(part);
        if (part.len == 0 || is_nobody(part))
            continue;
        if (shape_is_principal(part))
            str_list_add(mem, out, part);
        else if (is_plain_name(part))
            str_list_add(mem, out, arena_format(mem, "user:" STR_FMT, STR_ARG(part)));
        else
            str_list_add(mem, strange_out, part);
    }
}
