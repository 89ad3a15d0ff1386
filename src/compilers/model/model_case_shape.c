#include "model/model_inside.h"

#include "shape/shape.h"

/* What a file of unit tests of a product may hold. */

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

static const struct shape one_case = {
    .title = "a case",
    .keys = {(const struct shape_key[]){
        {.name = "name", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "now", .type = SHAPE_TEXT},
        {.name = "given", .type = SHAPE_MAP},
        {.name = "expect", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED},
        {.name = "ordered", .type = SHAPE_BOOL},
        END}},
    .slips = (const struct shape_slip[]){{"input", "did you mean given?"},
                                         {"inputs", "did you mean given?"},
                                         {"rows", "did you mean given?"},
                                         {"expected", "did you mean expect?"},
                                         {"at", "did you mean now?"},
                                         {0}},
};

const struct shape shape_product_test = {
    .title = "a test of a product",
    .keys = {(const struct shape_key[]){
        {.name = "apiVersion", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "weft/v1"},
        {.name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "ProductTest"},
        {.name = "description", .type = SHAPE_TEXT},
        {.name = "cases",
         .type = SHAPE_MAP,
         .flags = SHAPE_REQUIRED | SHAPE_LIST | SHAPE_NOT_EMPTY,
         .shape = &one_case},
        END}},
    .slips = (const struct shape_slip[]){{"tests", "did you mean cases?"}, {0}},
};
