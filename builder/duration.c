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

/* Digits, a fraction, a unit: added to *total. */
static bool read_part(const char **text, int64_t *total)
{
    const char *p = *text, *start = p;
    int64_t whole = 0;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *p - '0', &whole))
            return false;
    size_t digits = (size_t)(p - start);
    double fraction = 0, scale = 1;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++, digits++)
            fraction += (*p - '0') * (scale /= 10);
    const struct unit *unit = digits ? read_unit(&p) : NULL;
    *text = p;
    return unit && !__builtin_mul_overflow(whole, unit->nanoseconds, &whole) &&
           !__builtin_add_overflow(*total, whole, total) &&
           !__builtin_add_overflow(*total, (int64_t)(fraction * (double)unit->nanoseconds), total);
}

bool duration_parse(const char *text, int64_t *nanoseconds)
{
    bool negative = *text == '-';
    int64_t total = 0;
    text += *text == '-' || *text == '+';
    if (!*text)
        return false;
    bool zero = !strcmp(text, "0"); /* the one number that needs no unit */
    while (*text && !zero)
        if (!read_part(&text, &total))
            return false;
    *nanoseconds = negative ? -total : total;
    return true;
}

/* "1.5" of 1500 thousandths: digits is how many the unit's fraction has. */
static void add_fraction(struct str *out, int64_t whole, int64_t part, int digits)
{
    str_addf(out, "%lld", (long long)whole);
    if (!part)
        return;
    for (; part % 10 == 0; part /= 10)
        digits--;
    str_addf(out, ".%0*lld", digits, (long long)part);
}

char *duration_text(int64_t nanoseconds)
{
    static const int64_t second = 1000000000;
    int64_t seconds = nanoseconds / second, below = nanoseconds % second;
    autostr out = STR_INIT;
    if (!seconds && below) {
        if (below < 1000)
            str_addf(&out, "%lldns", (long long)below);
        else if (below < 1000000)
            add_fraction(&out, below / 1000, below % 1000, 3), str_add(&out, "\xc2\xb5s");
        else
            add_fraction(&out, below / 1000000, below % 1000000, 6), str_add(&out, "ms");
        return str_take(&out);
    }
    if (seconds >= 3600)
        str_addf(&out, "%lldh", (long long)(seconds / 3600));
    if (seconds >= 60)
        str_addf(&out, "%lldm", (long long)(seconds / 60 % 60));
    add_fraction(&out, seconds % 60, below, 9);
    str_add(&out, "s");
    return str_take(&out);
}
