#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { INSTRUCTION_MAX = 100 };

bool report_is_failure(const struct check_result *r)
{
    return r->verdict == VERDICT_FAILED || r->verdict == VERDICT_NONE;
}

char *report_detail(const struct check_result *r)
{
    autostr text = STR_INIT;
    output_clean(str_text(&r->detail), r->detail.len, &text);
    if (!text.len && r->verdict == VERDICT_NONE)
        str_add(&text, "was not decided");
    return str_take(&text);
}

char *report_blame(const struct check_blame *b)
{
    autostr text = STR_INIT;
    size_t n = strcspn(b->instruction, "\n");
    bool cut = n > INSTRUCTION_MAX;
    output_clean(b->path, strlen(b->path), &text);
    str_addf(&text, ": %s layer %zu%s", b->deleted ? "deleted by" : "from", b->layer,
             n ? ", " : "");
    output_clean(b->instruction, cut ? INSTRUCTION_MAX : n, &text);
    str_add(&text, cut ? "…" : "");
    if (b->line)
        str_addf(&text, " (line %u of the Dockerfile)", b->line);
    return str_take(&text);
}

char *report_blames(const struct check_result *r)
{
    autostr text = STR_INIT;
    for (size_t i = 0; i < r->blame_count; i++) {
        autofree char *blame = report_blame(&r->blames[i]);
        str_addf(&text, "%s%s", i ? "\n" : "", blame);
    }
    return str_take(&text);
}

char *report_tail(const struct check_output *o, size_t lines, bool *cut)
{
    autostr text = STR_INIT;
    output_clean(str_text(&o->both), o->both.len, &text);
    while (text.len && strchr(" \t\n", text.data[text.len - 1]))
        text.data[--text.len] = '\0';
    const char *first = str_text(&text), *start = first + text.len;
    while (start > first && lines-- > 0) {
        start--;
        while (start > first && start[-1] != '\n')
            start--;
    }
    *cut = start > first;
    return mem_strdup(start);
}

char *report_more(const struct check_result *r, size_t lines)
{
    bool cut;
    autofree char *blames = report_blames(r), *tail = report_tail(&r->output, lines, &cut);
    return mem_printf("%s%s%s", blames, *blames && *tail ? "\n" : "", tail);
}

void report_add_xml(struct str *out, const char *text)
{
    static const char *const names[] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < COUNT_OF(names) && names[c])
            str_add(out, names[c]);
        else
            str_add_char(out, *text);
    }
}
