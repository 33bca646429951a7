#include "csv.h"

#include <string.h>

static int take_quoted(const char **p, struct str *field, struct error *err)
{
    for ((*p)++; **p; (*p)++) {
        if (**p == '"' && (*p)[1] != '"')
            break;
        *p += **p == '"';
        str_add_char(field, **p);
    }
    if (!**p)
        return error_set(err, ERROR_INPUT, "a quote has no end");
    (*p)++;
    if (**p && **p != ',')
        return error_set(err, ERROR_INPUT, "a comma is missing after a quoted field");
    return 0;
}

int csv_fields(const char *line, struct strv *out, struct error *err)
{
    const char *p = line;
    do {
        autostr field = STR_INIT;
        if (*p == '"') {
            if (take_quoted(&p, &field, err))
                return -1;
        } else {
            size_t n = strcspn(p, ",");
            str_add_bytes(&field, p, n);
            p += n;
            if (field.len && strchr(field.data, '"'))
                return error_set(err, ERROR_INPUT, "a quote stands within a field");
        }
        strv_add(out, str_text(&field));
    } while (*p++ == ',');
    return 0;
}
