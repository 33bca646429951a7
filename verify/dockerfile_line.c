#include "dockerfile_line.h"

#include <base/str.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Add n bytes with each run of blanks as one, and none in front. */
static void add_folded(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool blank = isspace((unsigned char)text[i]);
        if (blank && out->len && out->data[out->len - 1] != ' ')
            str_add_char(out, ' ');
        else if (!blank)
            str_add_char(out, text[i]);
    }
}

/* The instruction that begins at text, folded, without its keyword's case; returns what follows it
 * and counts its lines. */
static const char *read_instruction(const char *text, struct str *out, unsigned *lines)
{
    bool more = true;
    while (more && *text) {
        size_t n = strcspn(text, "\n"), end = n;
        const char *line = text + strspn(text, " \t");
        while (end && isspace((unsigned char)text[end - 1]))
            end--;
        bool comment = *line == '#';
        more = comment ? out->len > 0 : end && text[end - 1] == '\\';
        if (!comment)
            add_folded(out, text, more ? end - 1 : end);
        text += n + (text[n] == '\n');
        ++*lines;
    }
    return text;
}

/* Whether an instruction of the file is the one of the history. */
static bool fits(const char *ours, const char *theirs)
{
    size_t keyword = strcspn(ours, " "), n = strcspn(ours, "$");
    if (strncasecmp(ours, theirs, keyword) != 0 || theirs[keyword] != ours[keyword])
        return false;
    if (n <= keyword + 1 && ours[n])
        return false; /* nothing to tell it by */
    return !strncmp(ours + keyword, theirs + keyword, n - keyword) &&
           (ours[n] == '$' || !theirs[n]);
}

unsigned dockerfile_line_find(const char *text, const char *instruction)
{
    autostr wanted = STR_INIT;
    unsigned line = 1, found = 0;
    add_folded(&wanted, instruction, strlen(instruction));
    while (wanted.len && *text) {
        autostr one = STR_INIT;
        unsigned lines = 0;
        text = read_instruction(text, &one, &lines);
        if (one.len && fits(one.data, wanted.data))
            found = line;
        line += lines;
    }
    return found;
}
