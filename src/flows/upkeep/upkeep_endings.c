/* Last days of contracts that pass: nobody applies anything then, and followers hear of it all the same. */
#include "clock/clock.h"
#include "contract/contract_life.h"
#include "image/images.h"
#include "log/log.h"
#include "outbox/outbox.h"
#include "upkeep/upkeep.h"

struct upkeep_ended {
    str product, payload;
};

struct upkeep_ended_list {
    VEC_OF(struct upkeep_ended)
    size_t told;
};

/* Those whose last day is over, and when the next one will be. */
static void upkeep_find_ended(struct task *t, const struct image *image, int64_t now_us,
                              struct upkeep_ended_list *out, int64_t *next_us)
{
    *next_us = INT64_MAX;
    for (size_t i = 0; i < image->products.len; i++) {
        const struct model_product *product = image->products.at[i].definition;

        for (size_t j = 0; j < product->outputs.len; j++) {
            const struct contract *contract = product->outputs.at[j].contract;
            struct contract_life said;

            contract_life(contract, INT64_MIN, &said);
            if (said.stage != CONTRACT_DEPRECATED || said.sunset_us == 0) {
                continue;
            }
            if (now_us < said.sunset_us) {
                *next_us = said.sunset_us < *next_us ? said.sunset_us : *next_us;
                continue;
            }
            vec_push(t->mem, out,
                     ((struct upkeep_ended){image->products.at[i].address,
                                            model_ending_json(t->mem, product, contract, &said)}));
        }
    }
}

static bool upkeep_write_ended(struct task *t, struct metadb *db, void *state)
{
    struct upkeep_ended_list *list = state;
    str type = str_of(contract_stage_name(CONTRACT_RETIRED));

    list->told = 0;
    for (size_t i = 0; i < list->len; i++) {
        bool is_told;

        if (!outbox_has(t, db, type, list->at[i].product, list->at[i].payload, &is_told)) {
            return false;
        }
        if (is_told) {
            continue; /* before the server was started again */
        }
        if (!outbox_add(t, db, type, list->at[i].product, list->at[i].payload, NULL)) {
            return false;
        }
        list->told++;
    }
    return true;
}

bool upkeep_tell_endings(struct task *t, struct services *s, struct upkeep_endings *state)
{
    const struct image *image = image_pin(t, s->images);
    struct upkeep_ended_list ended = {0};
    int64_t now_us = clock_now_us(), next_us;

    if (state->is_known && image->mesh_version == state->mesh_version && now_us < state->next_us) {
        return true;
    }
    upkeep_find_ended(t, image, now_us, &ended, &next_us);
    if (ended.len > 0 && !metadb_write(t, s->db, upkeep_write_ended, &ended)) {
        return false;
    }
    if (ended.told > 0) {
        log_event(LOG_INFO, "upkeep", t, "%zu contracts came to their last day", ended.told);
    }
    *state = (struct upkeep_endings){
        .is_known = true, .mesh_version = image->mesh_version, .next_us = next_us};
    return true;
}
