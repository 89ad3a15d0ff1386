#include "model/model.h"

static void add_labels(struct arena *mem, struct policy_labels *out, str classification,
                       const struct str_list *tags)
{
    if (classification.len)
        vec_push(mem, out, ((struct policy_label){.text = classification}));
    for (size_t i = 0; i < tags->len; i++)
        vec_push(mem, out, ((struct policy_label){.is_tag = true, .text = tags->at[i]}));
}

void model_policy_column(struct arena *mem, const struct contract_column *column, uint32_t id,
                         str type, struct policy_column *out)
{
    struct policy_field *fields = ARENA_ARRAY(mem, struct policy_field, column->fields.len + 1);
    *out = (struct policy_column){.id = id,
                                  .name = column->name,
                                  .type = type,
                                  .fields = fields,
                                  .field_count = column->fields.len};
    add_labels(mem, &out->labels, column->classification, &column->tags);
    for (size_t i = 0; i < column->fields.len; i++) {
        const struct contract_field *field = &column->fields.at[i];
        fields[i].path = field->path;
        fields[i].type = field->type;
        add_labels(mem, &fields[i].labels, field->classification, &field->tags);
    }
}
