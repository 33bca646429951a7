/* An image.yaml of any bytes: what is read makes a plan whose every tag can be pushed, or an error
 * that says where. */
#include "images/definition.h"
#include "images/plan.h"
#include "images/plan_json.h"

#include <registry/reference.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check_plan(const struct build_plan *plan)
{
    autostrv tags = STRV_INIT;
    plan_all_tags(plan, &tags);
    for (size_t i = 0; i < tags.count; i++)
        if (!reference_tag_valid(tags.items[i]))
            abort();
    autojson *json = plan_to_json(plan);
    if (json_array_size(json_object_get(json, "tags")) != tags.count)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autodefinition d = {0};
    autoerror err = ERROR_INIT;
    if (definition_parse(bytes, n, "fuzz", "images/fuzz", &d, &err) < 0) {
        if (err.kind != ERROR_INPUT || !err.file)
            abort();
        return 0;
    }
    char owner[] = "Lab", sha[] = "0123abc", version[] = "1.0+x";
    for (int kind = TRIGGER_LOCAL; kind <= TRIGGER_OTHER; kind++) {
        const struct trigger trigger = {
            .kind = (enum trigger_kind)kind, .owner = owner, .sha = sha, .version = version};
        autoplan plan = {0};
        if (plan_make(&d, &trigger, NULL, &plan, NULL) == 0)
            check_plan(&plan);
    }
    return 0;
}
