#include "mode.h"

#include "mode_private.h"
#include "notify.h"
#include "user_namespace.h"

#include <base/log.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

static const char *const names[MODE_NAMES] = {
    [MODE_AUTO] = "auto",     [MODE_ROOT] = "root",     [MODE_USERNS] = "userns",
    [MODE_SINGLE] = "single", [MODE_CHROOT] = "chroot", [MODE_TAKEOVER] = "takeover",
    [MODE_NONE] = "none"};

void mode_release(struct mode *mode)
{
    free(mode->missing);
    *mode = MODE_NOTHING;
}

void mode_finding_release(struct mode_finding *f)
{
    free(f->why);
    free(f->fix);
    *f = (struct mode_finding){.why = NULL};
}

const char *mode_text(enum mode_name name)
{
    return names[name];
}

char *mode_describe(const struct mode *mode)
{
    static const char *const ids[] = {[MODE_IDS_REAL] = "real ids",
                                      [MODE_IDS_MAPPED] = "mapped ids",
                                      [MODE_IDS_FAKED] = "faked ids"};
    static const char *const views[] = {[MODE_VIEW_MOUNTS] = "mounts",
                                        [MODE_VIEW_CHROOT] = "chroot",
                                        [MODE_VIEW_TAKEOVER] = "the container's own root"};
    if (mode->view == MODE_VIEW_NONE)
        return mem_strdup("none (no step can run)");
    return mem_printf("%s (%s, %s)", names[mode->name], ids[mode->ids], views[mode->view]);
}

int mode_parse(const char *text, enum mode_name *out, struct error *err)
{
    if (!text)
        text = names[MODE_AUTO];
    for (size_t i = 0; i < MODE_NONE; i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *out = (enum mode_name)i;
        return 0;
    }
    return error_set(err, ERROR_USAGE, "--isolation takes %s, not “%s”", MODE_CHOICES, text);
}

/* The pair that a name stands for on a host that allows it. */
static struct mode pair(enum mode_name name, enum mode_view view)
{
    struct mode mode = {.name = name, .view = view};
    mode.ids = name == MODE_USERNS                          ? MODE_IDS_MAPPED
               : name == MODE_SINGLE || name == MODE_CHROOT ? MODE_IDS_FAKED
                                                            : MODE_IDS_REAL;
    mode.records_owners = name == MODE_SINGLE || name == MODE_NONE;
    mode.in_user_namespace = !user_namespace_is_first();
    return mode;
}

static int refuse(enum mode_name name, const struct mode_finding *f, struct error *err)
{
    error_set(err, ERROR_HOST, "--isolation %s: %s", names[name], f->why);
    if (f->fix)
        return error_hint(err, "%s", f->fix);
    return error_hint(err, "imgbuild doctor says which modes this host allows");
}

/* A chroot does without a notifier, but for what only that can hand in. */
static void settle_for_real_ids(struct mode *mode)
{
    char *why, *fix;
    if (notify_probe(&why, &fix))
        return;
    mode->ids = MODE_IDS_REAL;
    log_warning("steps have no /proc, no /dev/pts and no /dev/stdout: %s", why);
    free(why);
    free(fix);
}

/* Try a mode and enter it: 1, or 0 where the host refuses. */
static int take_mode(enum mode_name name, struct mode_finding *f, struct mode *out,
                     struct error *err)
{
    autoclose int fd = -1;
    mode_try(name, f, &fd);
    if (!f->allowed)
        return 0;
    if (fd >= 0 && user_namespace_enter(fd, f->view == MODE_VIEW_MOUNTS, err))
        return -1;
    *out = pair(name, f->view);
    out->entered = fd >= 0;
    if (name == MODE_CHROOT)
        settle_for_real_ids(out);
    return 1;
}

/* Why each refuses, in the order they were tried. */
static void add_reason(struct str *reasons, enum mode_name name, const struct mode_finding *f)
{
    str_addf(reasons, "%s%s: %s", reasons->len ? "; " : "", names[name], f->why);
}

static int enter_first(struct mode *out, struct error *err)
{
    static const enum mode_name order[] = {MODE_ROOT, MODE_USERNS, MODE_SINGLE, MODE_CHROOT};
    autostr reasons = STR_INIT;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        autofinding f = {.why = NULL};
        int taken = take_mode(order[i], &f, out, err);
        if (taken)
            return taken < 0 ? -1 : 0;
        add_reason(&reasons, order[i], &f);
    }
    *out = pair(MODE_NONE, MODE_VIEW_NONE);
    out->missing = str_take(&reasons);
    return 0;
}

int mode_enter(enum mode_name wanted, struct mode *out, struct error *err)
{
    if (wanted == MODE_AUTO)
        return enter_first(out, err);
    autofinding f = {.why = NULL};
    int taken = take_mode(wanted, &f, out, err);
    if (taken)
        return taken < 0 ? -1 : 0;
    return refuse(wanted, &f, err);
}
