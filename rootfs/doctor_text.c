#include "doctor.h"

#include <base/mem.h>
#include <base/progress.h>

#include <inttypes.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* "name   yes", or "name   no: why" and, below, what would change it. */
static void line(struct str *out, const char *name, bool good, const char *more, const char *fix)
{
    str_addf(out, "  %-14s %s%s%s\n", name, good ? "yes" : "no", *more ? ": " : "", more);
    if (!good && *fix)
        str_addf(out, "  %-14s fix: %s\n", "", fix);
}

static void modes(const json_t *found, struct str *out)
{
    size_t i;
    json_t *mode;
    str_addf(out, "Modes (--isolation); auto takes %s\n",
             text(json_object_get(found, "auto"), "description"));
    json_array_foreach (json_object_get(found, "modes"), i, mode)
        line(out, text(mode, "name"), flag(mode, "allowed"), text(mode, "why"), text(mode, "fix"));
}

static void store(const json_t *s, struct str *out)
{
    char room[16];
    str_addf(out, "\nStore\n  %s on %s, %s free%s\n", text(s, "path"), text(s, "file_system"),
             progress_size(room, json_integer_value(json_object_get(s, "free_bytes"))),
             flag(s, "little_room") ? ", which is little: an image takes several times its size"
                                    : "");
    if (*text(s, "cost"))
        str_addf(out, "  %s\n", text(s, "cost"));
    if (*text(s, "better"))
        str_addf(out, "  fix: --root %s does better\n", text(s, "better"));
}

static void emulation(const json_t *list, struct str *out)
{
    size_t i;
    json_t *e;
    str_add(out, "\nOther architectures' programs\n");
    json_array_foreach (list, i, e) {
        bool good = flag(e, "available"), shared = str_eq(text(e, "how"), "host");
        autofree char *how = good ? mem_printf("%s%s%s%s", text(e, "program"),
                                               shared ? ", by the host's registration (" : "",
                                               shared ? text(e, "why") : "", shared ? ")" : "")
                                  : mem_strdup(text(e, "why"));
        line(out, text(e, "arch"), good, how, text(e, "fix"));
    }
}

static void limits(const json_t *list, struct str *out)
{
    size_t i;
    json_t *l;
    str_add(out, "\nLimits of steps and checks\n");
    json_array_foreach (list, i, l) {
        const char *why = text(l, "why"), *behind = strstr(why, ": ");
        line(out, text(l, "option"), flag(l, "available"), behind ? behind + 2 : why, "");
    }
}

static void host(const json_t *h, struct str *out)
{
    size_t i;
    json_t *feature;
    str_addf(out, "\nKernel %s\n", text(h, "kernel"));
    json_array_foreach (json_object_get(h, "features"), i, feature)
        str_addf(out, "  %-4s %s: Linux %s and later\n", flag(feature, "available") ? "yes" : "no",
                 text(feature, "feature"), text(feature, "needs"));
    if (json_integer_value(json_object_get(h, "seccomp")) == 2)
        str_add(out, "  a seccomp filter lies over this process, as in most containers\n");
    if (json_integer_value(json_object_get(h, "no_new_privs")) == 1)
        str_add(out,
                "  no_new_privs is set: set-id programs as newuidmap and sudo have no effect\n");
}

void doctor_text(const json_t *found, struct str *out)
{
    modes(found, out);
    store(json_object_get(found, "store"), out);
    emulation(json_object_get(found, "emulation"), out);
    limits(json_object_get(found, "limits"), out);
    host(json_object_get(found, "host"), out);
}
