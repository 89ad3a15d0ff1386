/* Rules as people read them. */
#include "buf/buf.h"
#include "contract/contract.h"
#include "limits/limits.h"

static str operator_text(struct arena *mem, const struct contract_rule *rule)
{
    static const char *const texts[] = {
        [RULE_IS] = "must be",
        [RULE_IS_NOT] = "must not be",
        [RULE_GREATER] = "must be greater than",
        [RULE_GREATER_OR_EQUAL] = "must be at least",
        [RULE_LESS] = "must be less than",
        [RULE_LESS_OR_EQUAL] = "must be at most",
        [RULE_BETWEEN] = "must be between",
        [RULE_NOT_BETWEEN] = "must not be between",
    };
    const char *unit = rule->is_percent ? " percent" : "";
    if (rule->operator== RULE_BETWEEN || rule->operator== RULE_NOT_BETWEEN)
        return arena_format(mem, "%s " STR_FMT " and " STR_FMT "%s (both exclusive)",
                            texts[rule->operator], STR_ARG(rule->low), STR_ARG(rule->high), unit);
    return arena_format(mem, "%s " STR_FMT "%s", texts[rule->operator], STR_ARG(rule->low), unit);
}

static str count_text(struct arena *mem, str count, const char *noun, const char *nouns)
{
    return arena_format(mem, STR_FMT " %s", STR_ARG(count), str_eq(count, STR("1")) ? noun : nouns);
}

static str option_text(struct arena *mem, const struct contract_rule *rule, str subject)
{
    str low = rule->low;
    str text = STR_NONE; /* NOLINT(clang-analyzer-deadcode.DeadStores): gcc asks for it */
    switch (rule->option) {
    case RULE_MIN_LENGTH:
    case RULE_MAX_LENGTH:
        text = arena_format(mem, "must have at %s " STR_FMT,
                            rule->option == RULE_MIN_LENGTH ? "least" : "most",
                            STR_ARG(count_text(mem, low, "character", "characters")));
        break;
    case RULE_PATTERN:
        text = arena_format(mem, "must match " STR_FMT, STR_ARG(rule->pattern));
        break;
    case RULE_FORMAT:
        text = arena_format(mem, "must have the format " STR_FMT, STR_ARG(rule->format));
        break;
    case RULE_MINIMUM:
        text = arena_format(mem, "must be at least " STR_FMT, STR_ARG(low));
        break;
    case RULE_MAXIMUM:
        text = arena_format(mem, "must be at most " STR_FMT, STR_ARG(low));
        break;
    case RULE_EXCLUSIVE_MINIMUM:
        text = arena_format(mem, "must be greater than " STR_FMT, STR_ARG(low));
        break;
    case RULE_EXCLUSIVE_MAXIMUM:
        text = arena_format(mem, "must be less than " STR_FMT, STR_ARG(low));
        break;
    case RULE_MULTIPLE_OF:
        text = arena_format(mem, "must be a multiple of " STR_FMT, STR_ARG(low));
        break;
    case RULE_MIN_PROPERTIES:
    case RULE_MAX_PROPERTIES:
        text = arena_format(mem, "must have at %s " STR_FMT,
                            rule->option == RULE_MIN_PROPERTIES ? "least" : "most",
                            STR_ARG(count_text(mem, low, "property", "properties")));
        break;
    case RULE_HAS_PROPERTIES:
        text = arena_format(mem, "must have " STR_FMT, STR_ARG(low));
        break;
    case RULE_MIN_ITEMS:
    case RULE_MAX_ITEMS:
        text = arena_format(mem, "must have at %s " STR_FMT,
                            rule->option == RULE_MIN_ITEMS ? "least" : "most",
                            STR_ARG(count_text(mem, low, "element", "elements")));
        break;
    case RULE_UNIQUE_ITEMS:
        text = STR("must hold no element twice");
        break;
    }
    return arena_format(mem, STR_FMT " " STR_FMT, STR_ARG(subject), STR_ARG(text));
}

str contract_rule_text(struct arena *mem, const struct contract_rule *rule)
{
    str columns = str_list_join(mem, &rule->columns, STR(", "));
    switch (rule->kind) {
    case RULE_REQUIRED:
        return arena_format(mem, STR_FMT " must not be null", STR_ARG(columns));
    case RULE_UNIQUE:
        return arena_format(mem, STR_FMT " must be unique", STR_ARG(columns));
    case RULE_PRIMARY_KEY:
        return arena_format(mem, "primary key (" STR_FMT ") must be unique and not null",
                            STR_ARG(columns));
    case RULE_OPTION:
        return option_text(mem, rule, columns);
    case RULE_RELATIONSHIP:
        return arena_format(mem, STR_FMT " must be in " STR_FMT, STR_ARG(columns),
                            STR_ARG(rule->relation.text));
    case RULE_TEXT:
        return rule->description.len ? rule->description : STR("text");
    case RULE_CUSTOM:
        return arena_format(mem, "rule of %s",
                            tree_find_text(rule->source, STR("engine")).len
                                ? arena_c_string(mem, tree_find_text(rule->source, STR("engine")))
                                : "another engine");
    default:
        return arena_format(mem, STR_FMT "%s" STR_FMT " " STR_FMT,
                            STR_ARG(contract_rule_kind(rule)), columns.len ? " of " : "",
                            STR_ARG(columns), STR_ARG(operator_text(mem, rule)));
    }
}

str contract_rule_meaning(struct arena *mem, const struct contract_rule *rule)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    buf_add(b, contract_rule_text(mem, rule));
    buf_format(b, " (" STR_FMT " %d): ", STR_ARG(rule->type), (int)rule->effect);
    if (rule->source)
        tree_json(rule->source, b);
    return buf_str(b);
}

str contract_rule_schedule(struct arena *mem, const struct contract_rule *rule)
{
    return rule->schedule.len && rule->scheduler.len ? arena_format(
               mem, STR_FMT ": " STR_FMT, STR_ARG(rule->scheduler), STR_ARG(rule->schedule))
                                                     : rule->schedule;
}
