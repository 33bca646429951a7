/* An event's payload of any bytes: the version that comes of it, if any, is safe in a shell and a
 * tag. The first byte chooses the event; a line that follows is the ref. */
#include "images/trigger.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static const char *lookup(void *context, const char *name)
{
    const char *const *event_and_ref = context;
    if (strcmp(name, "GITHUB_EVENT_NAME") == 0)
        return event_and_ref[0];
    return strcmp(name, "GITHUB_REF") == 0 ? event_and_ref[1] : NULL;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    static const char *const events[] = {"push", "release", "repository_dispatch",
                                         "workflow_dispatch"};
    if (n == 0)
        return 0;
    const unsigned char *line = bytes + 1, *end = memchr(line, '\n', n - 1);
    const unsigned char *payload = end ? end + 1 : bytes + n;
    autofree char *ref = mem_strndup((const char *)line, (size_t)((end ? end : payload) - line));
    const char *event_and_ref[] = {events[bytes[0] % COUNT_OF(events)], ref};
    autotrigger trigger = {0};
    autoerror err = ERROR_INIT;
    if (trigger_read(lookup, event_and_ref, payload, (size_t)(bytes + n - payload), &trigger,
                     &err)) {
        if (err.kind != ERROR_INPUT)
            abort();
        return 0;
    }
    if (trigger.version && !trigger_version_valid(trigger.version))
        abort();
    return 0;
}
