#include "copy_mode.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ALL = 07777, EXECUTE = 0111 };

/* One "WHO OP PERMISSIONS"; WHO holds for the ones that follow it without a comma. */
struct clause {
    mode_t who; /* bits that may change; 0: all */
    char op;
};

static mode_t who_bits(char c)
{
    switch (c) {
    case 'a':
        return 06777;
    case 'u':
        return S_ISUID | 0700;
    case 'g':
        return S_ISGID | 0070;
    case 'o':
        return 0007;
    default:
        return 0;
    }
}

static mode_t permission_bits(char c, mode_t who)
{
    bool special = !who || (who & ~(mode_t)0007);
    switch (c) {
    case 'r':
        return 0444;
    case 'w':
        return 0222;
    case 'x':
        return 0111;
    case 's':
        return special ? S_ISUID | S_ISGID : 0;
    case 't':
        return special ? S_ISVTX : 0;
    default:
        return 0;
    }
}

/* The bits of one class, copied to all three. */
static mode_t copied_bits(char c, mode_t mode)
{
    mode_t bits = (c == 'u' ? mode >> 6 : c == 'g' ? mode >> 3 : mode) & 07;
    return bits << 6 | bits << 3 | bits;
}

static void change(mode_t *mode, const struct clause *clause, mode_t bits, bool sticky)
{
    mode_t who = clause->who ? clause->who : 06777;
    mode_t reach = who | (sticky ? S_ISVTX : 0);
    if (clause->op == '=')
        *mode = (*mode & ~reach) | (bits & reach);
    else if (clause->op == '+')
        *mode |= bits & reach;
    else
        *mode &= ~(bits & reach);
}

/* The permissions after an operator. *text is moved behind them. */
static void take_permissions(const char **text, const struct clause *clause, mode_t old,
                             mode_t *mode)
{
    mode_t bits = 0;
    bool sticky = false;
    for (; **text && strchr("rwxXstugo", **text); (*text)++) {
        char c = **text;
        if (c == 'X')
            bits |= clause->op == '-' || S_ISDIR(old) || (old & EXECUTE) ? EXECUTE : 0;
        else if (strchr("ugo", c))
            bits |= copied_bits(c, *mode);
        else
            bits |= permission_bits(c, clause->who);
        sticky |= c == 't' && (!clause->who || (clause->who & ~(mode_t)0007));
    }
    change(mode, clause, bits, sticky);
}

/* False: the text is no symbolic mode. */
static bool apply(const char *text, mode_t old, mode_t *out)
{
    mode_t mode = old & ALL;
    do {
        struct clause clause = {0};
        for (; who_bits(*text); text++)
            clause.who |= who_bits(*text);
        if (!*text || !strchr("+-=", *text))
            return false;
        while (*text && strchr("+-=", *text)) {
            clause.op = *text++;
            take_permissions(&text, &clause, old, &mode);
        }
        if (*text && *text != ',')
            return false;
    } while (*text++ == ',');
    *out = mode;
    return true;
}

int copy_mode_parse(const char *text, struct copy_mode *out, struct error *err)
{
    char *end;
    mode_t unused;
    unsigned long bits = strtoul(text, &end, 8);
    if (text[0] >= '0' && text[0] <= '9') {
        if (*end || bits > ALL) {
            error_set(err, ERROR_INPUT, "--chmod=%s is no mode", text);
            return error_hint(err, "it is octal, from 0 to 7777, or symbolic, as u=rwX,go=rX");
        }
        *out = (struct copy_mode){.octal = true, .bits = (mode_t)bits};
        return 0;
    }
    if (!apply(text, S_IFREG, &unused)) {
        error_set(err, ERROR_INPUT, "--chmod=%s is no mode", text);
        return error_hint(err, "it is octal, from 0 to 7777, or symbolic, as u=rwX,go=rX");
    }
    *out = (struct copy_mode){.text = mem_strdup(text)};
    return 0;
}

void copy_mode_release(struct copy_mode *mode)
{
    free(mode->text);
    *mode = (struct copy_mode){.octal = false};
}

mode_t copy_mode_apply(const struct copy_mode *mode, mode_t old)
{
    mode_t bits = mode->bits;
    if (!mode->octal)
        apply(mode->text, old, &bits);
    return (old & S_IFMT) | bits;
}

mode_t copy_mode_made(const struct copy_mode *mode)
{
    return mode && mode->octal ? mode->bits & 0777 : 0755;
}
