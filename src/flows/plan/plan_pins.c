/* What input ports say of a change, by the columns that they name and the versions that they take. */
#include "plan_inside.h"

/* A port as it would be: a team that changes its own port with the contract is not met by it. */
static const struct model_input *plan_port_now(const struct plan_meeting *meeting,
                                               const struct model_product *consumer, str name)
{
    const struct model_product *now = model_find_product(meeting->now, consumer->address);

    for (size_t i = 0; now != NULL && i < now->inputs.len; i++) {
        if (str_eq(now->inputs.at[i].name, name)
            && str_eq(now->inputs.at[i].contract_id, meeting->contract->id)) {
            return &now->inputs.at[i];
        }
    }
    return NULL;
}

/* `orders.amount` of a change of amount, also of what is below it, or of the table. */
static bool plan_pin_is_met(const struct contract_change *change, const struct model_pin *pin,
                            str table)
{
    str path = change->column;

    if (change->table.len > 0
        && !str_eq_nocase(contract_table_plain(change->table), contract_table_plain(table))) {
        return false;
    }
    return path.len == 0
        || (path.len >= pin->column.len
            && str_eq_nocase(str_sub(path, 0, pin->column.len), pin->column)
            && (path.len == pin->column.len || path.ptr[pin->column.len] == '.'
                || path.ptr[pin->column.len] == '['));
}

static str plan_pin_table(const struct plan_meeting *meeting, const struct model_pin *pin)
{
    return pin->table.len > 0                 ? pin->table
         : meeting->contract->tables.len == 1 ? meeting->contract->tables.at[0].name
                                              : STR_NONE;
}

bool plan_find_pins(struct task *t, const struct plan_meeting *meeting,
                    const struct contract_change *change, const struct model_product *consumer,
                    str input, struct plan_consumer *out)
{
    const struct model_input *port = plan_port_now(meeting, consumer, input);

    if (port == NULL) {
        return false;
    }
    if (port->contract != NULL && !model_input_takes(port, port->contract)
        && (meeting->contract_now == NULL || port->contract == meeting->contract_now)) {
        out->leaves = port->versions;
    }
    for (size_t i = 0; contract_change_class(change->kind) == CHANGE_BREAKING && i < port->pins.len;
         i++) {
        const struct model_pin *pin = &port->pins.at[i];
        str table = plan_pin_table(meeting, pin);

        if (plan_pin_is_met(change, pin, table)) {
            (void)str_list_add(t->mem, &out->names,
                               arena_format(t->mem, "%.*s.%.*s",
                                            STR_ARG(contract_table_plain(table)),
                                            STR_ARG(pin->column)));
        }
    }
    return out->leaves.len > 0 || out->names.len > 0;
}

void plan_find_left(struct task *t, const struct plan_meeting *meeting,
                    struct plan_contract_change *change)
{
    struct plan_evidence *out = &change->evidence;

    for (size_t i = 0; i < meeting->image->products.len; i++) {
        const struct image_product *consumer = &meeting->image->products.at[i];

        for (size_t j = 0; j < consumer->definition->inputs.len; j++) {
            const struct model_input *input = &consumer->definition->inputs.at[j];
            struct plan_consumer row = {.product = consumer->address,
                                        .input = input->name,
                                        .has_release = consumer->release.number > 0};

            if (input->contract != meeting->contract
                || !plan_find_pins(t, meeting, &change->change, consumer->definition, input->name,
                                   &row)) {
                continue;
            }
            if (gate_may_discover(t, meeting->image, consumer)) {
                vec_push(t->mem, &out->consumers, row);
            } else {
                out->consumers_hidden++;
            }
            out->is_there = true;
        }
    }
}

void plan_find_declared(struct task *t, const struct plan_meeting *meeting,
                        const struct model *before, struct plan_contract_change *change)
{
    for (size_t i = 0; i < before->products.len; i++) {
        const struct model_product *consumer = before->products.at[i];

        for (size_t j = 0; j < consumer->inputs.len; j++) {
            const struct model_input *input = &consumer->inputs.at[j];
            struct plan_consumer row = {.product = consumer->address, .input = input->name};

            if (input->contract == meeting->contract) {
                (void)plan_find_pins(t, meeting, &change->change, consumer, input->name, &row);
                vec_push(t->mem, &change->evidence.consumers, row);
            }
        }
    }
}

static bool plan_is_hidden(struct task *t, const struct image *image, str file)
{
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];
        str folder = product->definition->folder;

        if (file.len > folder.len && str_starts(file, folder) && file.ptr[folder.len] == '/') {
            return !gate_may_discover(t, image, product);
        }
    }
    return false;
}

void plan_hide_findings(struct task *t, const struct image *image, struct plan *p)
{
    size_t kept = 0, hidden = 0;

    if (p->domain.len == 0 && !p->of_policies) {
        return; /* the files are the author's */
    }
    for (size_t i = 0; i < p->findings.len; i++) {
        if (plan_is_of_domain(p->findings.at[i].place.file, p->domain)
            || !plan_is_hidden(t, image, p->findings.at[i].place.file)) {
            p->findings.at[kept++] = p->findings.at[i];
        } else {
            hidden += p->findings.at[i].level == FINDING_ERROR;
        }
    }
    p->findings.len = kept;
    if (hidden > 0) {
        /* Among the errors that are counted already. */
        size_t errors = p->findings.errors;

        report_add(&p->findings, FINDING_ERROR, ERR_INVALID, (struct place){0},
                   "%zu error%s in files of products that you may not discover: what changes does "
                   "not fit what they read",
                   hidden, hidden > 1 ? "s" : "")
            ->hint = STR("keep what they read as it is, beside the new one as another major");
        p->findings.errors = errors;
    }
}
