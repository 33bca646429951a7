#include "utf8.h"

#include "mem.h"

/* RFC 3629 section 4: by the first byte, what the second may be and how many there are. */
static const struct {
    unsigned char first_low, first_high, second_low, second_high, length;
} forms[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
             {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
             {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

size_t utf8_length(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t form = 0;
    while (form < COUNT_OF(forms) && n &&
           (p[0] < forms[form].first_low || p[0] > forms[form].first_high))
        form++;
    if (!n || form == COUNT_OF(forms) || forms[form].length > n)
        return 0;
    size_t length = forms[form].length;
    if (length > 1 && (p[1] < forms[form].second_low || p[1] > forms[form].second_high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return length;
}
