/* Nodes of an image in a frozen block. */
#include "contract/contract_freeze.h"
#include "image/image_kept.h"
#include "model/model_freeze.h"

static FREEZE_TYPE(label_frozen, struct policy_label, 48, FREEZE_UNMET,
                   FROZEN_TEXT(policy_label, text), FROZEN_TEXT(policy_label, origin),
                   FROZEN_REF(policy_label, owners, model_owners_frozen));

static FREEZE_TYPE(fact_frozen, struct image_fact, 80, FREEZE_UNMET, FROZEN_TEXT(image_fact, low),
                   FROZEN_TEXT(image_fact, high), FROZEN_TEXTS(image_fact, values));

static FREEZE_TYPE(file_frozen, struct image_file, 112, FREEZE_UNMET,
                   FROZEN_TEXT(image_file, sha256), FROZEN_TEXT(image_file, deletions),
                   FROZEN_LIST(image_file, columns, freeze_number),
                   FROZEN_LIST(image_file, facts, fact_frozen));

static FREEZE_TYPE(column_frozen, struct image_column, 72, FREEZE_UNMET,
                   FROZEN_TEXT(image_column, name), FROZEN_TEXT(image_column, type),
                   FROZEN_REF(image_column, contract, contract_column_frozen),
                   FROZEN_LIST(image_column, more, label_frozen));

/* Rows of a quarantine are no release, and stand in no node. */
static FREEZE_TYPE(table_frozen, struct image_table, 120, FREEZE_UNMET,
                   FROZEN_REF(image_table, product, image_product_frozen),
                   FROZEN_TEXT(image_table, name),
                   FROZEN_REF(image_table, contract, contract_frozen),
                   FROZEN_REF(image_table, definition, contract_table_frozen),
                   FROZEN_LIST(image_table, columns, column_frozen),
                   FROZEN_LIST(image_table, files, file_frozen),
                   FROZEN_NOTHING(image_table, quarantine));

FREEZE_TYPE(image_product_frozen, struct image_product, 88, FREEZE_NEAR,
            FROZEN_TEXT(image_product, address),
            FROZEN_REF(image_product, definition, model_product_frozen),
            FROZEN_TEXT(image_product, digest), FROZEN_LIST(image_product, tables, table_frozen));

const struct freeze_type image_node_frozen = {.size = sizeof(struct image_node)};
