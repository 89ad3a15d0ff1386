#include "backup/backup.h"
#include "clock/clock.h"
#include "http_inside.h"

bool api_backup(struct task *t, struct api *api)
{
    struct backup b = {.services = api->services};
    struct json_out o = api_json(t);

    if (!api_keys(t, api, "folder reuse") || !api_text(t, api, "folder", true, &b.folder)
        || !api_text(t, api, "reuse", false, &b.reuse) || !backup_make(t, &b)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "folder", b.folder);
    json_out_str(&o, "taken", clock_text(t->mem, b.taken_us));
    json_out_uint(&o, "files", b.files);
    json_out_uint(&o, "reused", b.reused);
    json_out_uint(&o, "bytes", b.bytes);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}
