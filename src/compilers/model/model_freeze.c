#include "model/model_freeze.h"

#include "contract/contract_freeze.h"
#include "model/model.h"
#include "tree/tree_freeze.h"

static const struct freeze_type cron_frozen = {.size = sizeof(struct cron)};

/* Whoever maps the block says of which part it is. */
FREEZE_TYPE(model_file_frozen, struct bundle_file, 64, FREEZE_UNMET, FROZEN_TEXT(bundle_file, path),
            FROZEN_TEXT(bundle_file, text), FROZEN_REF(bundle_file, document, tree_frozen),
            FROZEN_TEXT(bundle_file, sha256), FROZEN_NOTHING(bundle_file, part));

FREEZE_TYPE(model_owners_frozen, struct str_list, 24, FREEZE_FAR, {FREEZE_LIST, 0, &freeze_text});

FREEZE_TYPE(model_domain_frozen, struct model_domain, 176, FREEZE_FAR,
            FROZEN_TEXT(model_domain, name), FROZEN_TEXT(model_domain, title),
            FROZEN_TEXT(model_domain, description), FROZEN_TEXT(model_domain, alignment),
            FROZEN_PART(model_domain, owners, model_owners_frozen),
            FROZEN_TEXTS(model_domain, members), FROZEN_TEXT(model_domain, folder),
            FROZEN_PART(model_domain, place, place_frozen), FROZEN_NOTHING(model_domain, part));

static FREEZE_TYPE(pin_frozen, struct model_pin, 72, FREEZE_UNMET, FROZEN_TEXT(model_pin, table),
                   FROZEN_TEXT(model_pin, column), FROZEN_PART(model_pin, place, place_frozen));

static FREEZE_TYPE(input_frozen, struct model_input, 240, FREEZE_UNMET,
                   FROZEN_TEXT(model_input, name), FROZEN_TEXT(model_input, version),
                   FROZEN_TEXT(model_input, contract_id),
                   FROZEN_REF(model_input, contract, contract_frozen),
                   FROZEN_REF(model_input, producer, model_product_frozen),
                   FROZEN_TEXT(model_input, versions),
                   FROZEN_PART(model_input, range_place, place_frozen),
                   FROZEN_LIST(model_input, pins, pin_frozen),
                   FROZEN_PART(model_input, place, place_frozen));

static FREEZE_TYPE(output_frozen, struct model_output, 96, FREEZE_UNMET,
                   FROZEN_TEXT(model_output, name), FROZEN_TEXT(model_output, version),
                   FROZEN_TEXT(model_output, contract_id),
                   FROZEN_REF(model_output, contract, contract_frozen),
                   FROZEN_PART(model_output, place, place_frozen));

static FREEZE_TYPE(sql_frozen, struct model_sql, 56, FREEZE_UNMET, FROZEN_TEXT(model_sql, table),
                   FROZEN_TEXT(model_sql, path), FROZEN_TEXT(model_sql, text));

FREEZE_TYPE(model_product_frozen, struct model_product, 464, FREEZE_FAR,
            FROZEN_REF(model_product, domain, model_domain_frozen),
            FROZEN_TEXT(model_product, address), FROZEN_PART(model_product, id_place, place_frozen),
            FROZEN_TEXT(model_product, name), FROZEN_TEXT(model_product, id),
            FROZEN_TEXT(model_product, title), FROZEN_TEXT(model_product, status),
            FROZEN_TEXT(model_product, version), FROZEN_TEXT(model_product, description),
            FROZEN_TEXT(model_product, folder), FROZEN_TEXT(model_product, file),
            FROZEN_TEXT(model_product, visibility), FROZEN_TEXT(model_product, schedule.text),
            FROZEN_LIST(model_product, schedule.times, cron_frozen),
            FROZEN_PART(model_product, schedule.place, place_frozen),
            FROZEN_TEXTS(model_product, tags), FROZEN_LIST(model_product, inputs, input_frozen),
            FROZEN_LIST(model_product, outputs, output_frozen),
            FROZEN_LIST(model_product, sqls, sql_frozen),
            FROZEN_REFS(model_product, contracts, contract_frozen),
            FROZEN_PART(model_product, place, place_frozen), FROZEN_NOTHING(model_product, part));

static FREEZE_TYPE(case_table_frozen, struct model_case_table, 80, FREEZE_UNMET,
                   FROZEN_TEXT(model_case_table, schema), FROZEN_TEXT(model_case_table, table),
                   FROZEN_REF(model_case_table, rows, tree_frozen),
                   FROZEN_PART(model_case_table, place, place_frozen));

FREEZE_TYPE(model_case_frozen, struct model_case, 152, FREEZE_UNMET, FROZEN_TEXT(model_case, name),
            FROZEN_TEXT(model_case, file), FROZEN_PART(model_case, place, place_frozen),
            FROZEN_REF(model_case, product, model_product_frozen), FROZEN_TEXT(model_case, now),
            FROZEN_LIST(model_case, given, case_table_frozen),
            FROZEN_LIST(model_case, expect, case_table_frozen));

FREEZE_TYPE(model_note_frozen, struct finding, 128, FREEZE_UNMET,
            FROZEN_PART(finding, place, place_frozen), FROZEN_TEXT(finding, message),
            FROZEN_TEXT(finding, found), FROZEN_TEXT(finding, allowed), FROZEN_TEXT(finding, hint),
            FROZEN_TEXT(finding, excerpt));
