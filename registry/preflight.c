#include "preflight.h"

#include "session.h"

#include <base/log.h>
#include <base/mem.h>

#include <stdlib.h>

/* Uploads that nobody gives up run out by themselves, after a day or a week. */
static void give_up(struct session *s, const struct http_exchange *opened)
{
    autourl place = {0};
    autoexchange *x = NULL;
    autoerror ignored = ERROR_INIT;
    struct session_request request = {.method = "DELETE", .url = &place};
    if (session_location(opened, &place, &ignored) || session_send(s, &request, &x, &ignored))
        error_ignore(&ignored, "an upload that is left open runs out");
}

static int ask(struct session *s, struct error *err)
{
    autofree char *path = mem_printf("%s/blobs/uploads/", session_repository(s));
    struct session_request request = {.method = "POST", .path = path};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    if (http_status(x) != 202)
        return session_refused(s, x, "upload", err);
    give_up(s, x);
    return 0;
}

int push_preflight(const struct reference *ref, const struct transport_options *options,
                   struct error *err)
{
    static const struct transport_options none = {0};
    struct session *s;
    if (ref->transport != REFERENCE_REGISTRY)
        return 0;
    if (session_new_push(ref, options ? options : &none, SESSION_PUSH, &s, err))
        return -1;
    int failed = ask(s, err);
    session_free(s);
    if (!failed)
        return 0;
    autofree char *name = reference_name(ref);
    return error_wrap(err, "may we push to %s?", name);
}
