#include "duration.h"

#include <base/mem.h>
#include <base/str.h>

#include <ctype.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t nanoseconds;
};

/* The unit at *text, which is moved behind it; NULL where there is none. */
static const struct unit *read_unit(const char **text)
{
    static const struct unit units[] = {
        {"ns", 1},           {"us", 1000},      {"\xc2\xb5s", 1000}, /* micro sign */
        {"\xce\xbcs", 1000},                                         /* Greek mu */
        {"ms", 1000000},     {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000},
    };
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t n = strlen(units[i].name);
        /* "m" is not the unit of "5ms", nor of "5mm". */
        if (strncmp(*text, units[i].name, n) == 0 &&
            (!(*text)[n] || isdigit((unsigned char)(*text)[n]) || (*text)[n] == '.')) {
            *text += n;
            return &units[i];
        }
    }
    return NULL;
}

bool duration_parse(const char *text, int64_t *nanoseconds)
{
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    if (strcmp(text, "0") == 0) {
        *nanoseconds = 0;
        return true;
    }
    int64_t total = 0;
    if (!*text)
        return false;
    while (*text) {
        const char *start = text;
        int64_t whole = 0;
        for (; isdigit((unsigned char)*text); text++) {
            if (__builtin_mul_overflow(whole, 10, &whole) ||
                __builtin_add_overflow(whole, *text - '0', &whole))
                return false;
        }
        bool digits = text > start;
        double fraction = 0, scale = 1;
        if (*text == '.') {
            for (text++; isdigit((unsigned char)*text); text++) {
                fraction += (*text - '0') * (scale /= 10);
                digits = true;
            }
        }
        const struct unit *unit = digits ? read_unit(&text) : NULL;
        if (!unit || __builtin_mul_overflow(whole, unit->nanoseconds, &whole) ||
            __builtin_add_overflow(total, whole, &total) ||
            __builtin_add_overflow(total, (int64_t)(fraction * (double)unit->nanoseconds), &total))
            return false;
    }
    *nanoseconds = negative ? -total : total;
    return true;
}
