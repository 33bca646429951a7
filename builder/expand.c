#include "expand.h"

#include "expand_pattern.h"

#include <base/mem.h>

#include <ctype.h>
#include <string.h>

/* How deep ${a:-${b:-…}} may nest. */
#define EXPAND_DEPTH_MAX 64

/* A reader over one word. */
struct reader {
    const struct expand *how;
    const char *word;
    const char *at;
    const char *fault; /* where the innermost fault begins */
    bool raw_escapes;
    unsigned depth;
};

/* What is being built: the text, and where asked for the words it splits into. */
struct result {
    struct str text;
    struct strv *words; /* NULL: not wanted */
    struct str word;    /* the one in progress */
};

static int read_until(struct reader *r, char stop, struct result *result, struct error *err);

static bool is_blank(char c)
{
    return c && strchr(" \t\n\v\f\r", c) != NULL;
}

static void result_release(struct result *result)
{
    str_release(&result->text);
    str_release(&result->word);
}
#define autoresult __attribute__((cleanup(result_release))) struct result

static void end_word(struct result *result)
{
    if (result->words && result->word.len)
        strv_add_take(result->words, str_take(&result->word));
}

/* Text whose blanks do not part words: quoted or escaped. */
static void add_whole(struct result *result, const char *bytes, size_t n)
{
    str_add_bytes(&result->text, bytes, n);
    if (result->words)
        str_add_bytes(&result->word, bytes, n);
}

/* Text whose blanks do. */
static void add_split(struct result *result, const char *bytes, size_t n)
{
    str_add_bytes(&result->text, bytes, n);
    for (size_t i = 0; result->words && i < n; i++) {
        if (is_blank(bytes[i]))
            end_word(result);
        else
            str_add_char(&result->word, bytes[i]);
    }
}

static int fault(struct reader *r, const char *at, struct error *err, const char *message)
{
    if (!r->fault)
        r->fault = at;
    return error_set(err, ERROR_INPUT, "%s", message);
}

static const char *lookup(struct reader *r, const char *name)
{
    return r->how->lookup ? r->how->lookup(r->how->context, name) : NULL;
}

static void note_unset(struct reader *r, const char *name)
{
    if (r->how->unset && !strv_contains(r->how->unset, name))
        strv_add(r->how->unset, name);
}

/* Length of the letter at s, of one byte or of UTF-8; 0 where it is none. Beyond ASCII all counts
 * as a letter but the blocks of punctuation and symbols. */
static size_t letter_width(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80)
        return isalpha(u[0]) || u[0] == '_' ? 1 : 0;
    size_t width = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    unsigned code = u[0] & (0xffu >> (width + 1));
    for (size_t i = 1; i < width; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (u[i] & 0x3f);
    }
    static const unsigned symbols[][2] = {
        {0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},     {0xd7, 0xd7},
        {0xf7, 0xf7},     {0x2000, 0x2070}, {0x2190, 0x2bff}, {0x3000, 0x3004}, {0x3008, 0x3030},
        {0xe000, 0xf8ff}, {0xfe00, 0xfe6f}, {0xff00, 0xff20}, {0xfff0, 0xffff}, {0x1f000, 0x1faff},
    };
    for (size_t i = 0; i < COUNT_OF(symbols); i++) {
        if (code >= symbols[i][0] && code <= symbols[i][1])
            return 0;
    }
    return width;
}

/* A variable's name; "" where none begins here. The caller frees it. */
static char *read_name(struct reader *r)
{
    const char *start = r->at;
    if (isdigit((unsigned char)*r->at)) {
        while (isdigit((unsigned char)*r->at))
            r->at++;
    } else if (*r->at && strchr("@*#?-$!", *r->at)) {
        r->at++;
    } else {
        size_t width;
        while ((width = isdigit((unsigned char)*r->at) ? 1 : letter_width(r->at)) > 0)
            r->at += width;
    }
    return mem_strndup(start, (size_t)(r->at - start));
}

/* The text up to stop, which is passed over, as one string; the caller frees it. what: for the
 * message where it never comes. */
static char *read_operand(struct reader *r, char stop, bool raw_escapes, const char *open,
                          const char *missing, struct error *err)
{
    if (r->depth >= EXPAND_DEPTH_MAX) {
        fault(r, open, err, "variables are nested too deeply");
        return NULL;
    }
    bool before = r->raw_escapes;
    r->raw_escapes = raw_escapes;
    r->depth++;
    autoresult operand = {0};
    int failed = read_until(r, stop, &operand, err);
    r->depth--;
    r->raw_escapes = before;
    if (failed > 0)
        fault(r, open, err, missing);
    return failed ? NULL : str_take(&operand.text);
}

/* ${name?word} where name is not set (or null). */
static int refuse(struct reader *r, const char *open, const char *name, const char *word, bool set,
                  struct error *err)
{
    autofree char *message = NULL;
    if (*word)
        message = mem_printf("%s: %s", name, word);
    else
        message = mem_printf("%s: is not allowed to be %s", name, set ? "empty" : "unset");
    fault(r, open, err, message);
    return error_hint(err, "set it with ARG or ENV before, or with --build-arg %s=…", name);
}

/* A sign behind a variable's name: "-", ":-", "#" … */
struct operator_sign {
    const char *at;
    char op;
    bool null_too; /* a colon: a null value counts as none */
};

static bool is_pattern(char op)
{
    return op == '#' || op == '%';
}

static int read_sign(struct reader *r, const char *open, struct operator_sign *sign,
                     struct error *err)
{
    *sign = (struct operator_sign){.at = r->at, .null_too = *r->at == ':'};
    sign->op = *(r->at += sign->null_too);
    bool pattern = is_pattern(sign->op);
    if (!sign->op)
        return fault(r, open, err, "missing '}'");
    if (strchr("-+?#%", sign->op) && !(sign->null_too && pattern)) {
        r->at++;
        return 0;
    }
    int shown = (int)(r->at - sign->at) + (pattern || !sign->null_too || sign->op != '}');
    autofree char *message =
        mem_printf("unsupported modifier (%.*s) in substitution", shown, sign->at);
    fault(r, sign->at, err, message);
    return error_hint(err, "known are :- - :+ + :? ? # ## %% %%%% / and //");
}

/* ${name#pattern} and its kin. */
static int cut(struct reader *r, const struct operator_sign *sign, const char *value,
               const char *word, struct str *out, struct error *err)
{
    bool longest = *word == sign->op;
    int (*how)(const char *, const char *, bool, struct str *, struct error *) =
        sign->op == '#' ? expand_cut_prefix : expand_cut_suffix;
    if (!how(value, word + longest, longest, out, err))
        return 0;
    r->fault = r->fault ? r->fault : sign->at;
    return -1;
}

/* The part of ${name…} from its sign on, with * # ## % %% - + ? and their : forms. */
static int read_operator(struct reader *r, const char *open, const char *name, struct str *out,
                         struct error *err)
{
    struct operator_sign sign;
    if (read_sign(r, open, &sign, err))
        return -1;
    autofree char *word = read_operand(r, '}', is_pattern(sign.op), open, "missing '}'", err);
    if (!word)
        return -1;
    const char *value = lookup(r, name);
    if (!value && r->how->keep_unset) {
        str_addf(out, "${%s%.*s%s}", name, sign.null_too ? 2 : 1, sign.at, word);
        return 0;
    }
    bool missing = !value || (sign.null_too && !*value);
    if (sign.op == '?' && missing)
        return refuse(r, open, name, word, value != NULL, err);
    if (is_pattern(sign.op)) {
        if (!value)
            note_unset(r, name);
        return cut(r, &sign, value ? value : "", word, out, err);
    }
    if (sign.op == '+')
        value = "";
    str_add(out, missing == (sign.op != '+') ? word : value);
    return 0;
}

/* ${name/pattern/replacement} from its first slash on. */
static int read_replacement(struct reader *r, const char *open, const char *name, struct str *out,
                            struct error *err)
{
    const char *sign = r->at++;
    bool all = *r->at == '/';
    r->at += all;
    autofree char *pattern = read_operand(r, '/', true, open, "missing '/' in ${}", err);
    if (!pattern)
        return -1;
    autofree char *replacement = read_operand(r, '}', true, open, "missing '}'", err);
    if (!replacement)
        return -1;
    const char *value = lookup(r, name);
    if (!value && r->how->keep_unset) {
        str_addf(out, "${%s%s%s/%s}", name, all ? "//" : "/", pattern, replacement);
        return 0;
    }
    if (!value)
        note_unset(r, name);
    if (!expand_replace(value ? value : "", pattern, replacement, all, EXPAND_MAX, out, err))
        return 0;
    r->fault = r->fault ? r->fault : sign;
    return -1;
}

/* From a '$' on; appends what it stands for. */
static int read_dollar(struct reader *r, struct str *out, struct error *err)
{
    const char *open = r->at++;
    bool braces = *r->at == '{';
    r->at += braces;
    if (braces && !*r->at)
        return fault(r, open, err, "missing '}'");
    autofree char *name = read_name(r);
    if (braces && !*name) {
        fault(r, open, err, "bad substitution");
        return error_hint(err, "a variable's name belongs between ${ and }");
    }
    if (braces && *r->at == '/')
        return read_replacement(r, open, name, out, err);
    if (braces && *r->at != '}')
        return read_operator(r, open, name, out, err);
    r->at += braces;
    if (!*name) {
        str_add(out, "$");
        return 0;
    }
    const char *value = lookup(r, name);
    if (!value)
        note_unset(r, name);
    if (!value && r->how->keep_unset)
        str_add_bytes(out, open, (size_t)(r->at - open));
    else
        str_add(out, value ? value : "");
    return 0;
}

static int read_single_quotes(struct reader *r, struct str *out, struct error *err)
{
    const char *open = r->at++;
    const char *close = strchr(r->at, '\'');
    if (!close)
        return fault(r, open, err, "the single quote has no end");
    bool raw = r->how->raw_quotes;
    str_add_bytes(out, open + !raw, (size_t)(close - open) - !raw + raw);
    r->at = close + 1;
    return 0;
}

static int read_double_quotes(struct reader *r, struct str *out, struct error *err)
{
    const char *open = r->at++;
    if (r->how->raw_quotes)
        str_add_char(out, '"');
    while (*r->at != '"') {
        if (!*r->at)
            return fault(r, open, err, "the double quote has no end");
        if (*r->at == '$') {
            if (read_dollar(r, out, err))
                return -1;
            continue;
        }
        char c = *r->at++;
        if (c == r->how->escape) {
            if (r->raw_escapes)
                str_add_char(out, c);
            if (!*r->at)
                continue;
            /* Only these can be escaped here; before others the escape is a character. */
            if (*r->at == '"' || *r->at == '$' || *r->at == c)
                c = *r->at++;
        }
        str_add_char(out, c);
    }
    r->at++;
    if (r->how->raw_quotes)
        str_add_char(out, '"');
    return 0;
}

/* "<<" and the blanks after it stay together with the word behind, as a heredoc's do. */
static void read_less(struct reader *r, struct result *result)
{
    size_t n = 1;
    if (r->at[1] == '<')
        n = 2 + strspn(r->at + 2, " \t\r");
    add_whole(result, r->at, n);
    r->at += n;
}

static void read_plain(struct reader *r, struct result *result)
{
    char c = *r->at++;
    if (c != r->how->escape) {
        add_split(result, &c, 1);
        return;
    }
    if (r->raw_escapes)
        add_whole(result, &c, 1);
    if (*r->at)
        add_whole(result, r->at++, 1);
}

/* Read until stop, which is passed over (0: until the end). 1: the end came first; -1: an error. */
static int read_until(struct reader *r, char stop, struct result *result, struct error *err)
{
    bool quotes = !r->how->keep_quotes;
    while (*r->at && (!stop || *r->at != stop)) {
        char c = *r->at;
        autostr part = STR_INIT;
        int failed = 0;
        if (c == '$')
            failed = read_dollar(r, &part, err);
        else if (c == '\'' && quotes)
            failed = read_single_quotes(r, &part, err);
        else if (c == '"' && quotes)
            failed = read_double_quotes(r, &part, err);
        else if (c == '<')
            read_less(r, result);
        else
            read_plain(r, result);
        if (failed)
            return -1;
        if (c == '$')
            add_split(result, str_text(&part), part.len);
        else
            add_whole(result, str_text(&part), part.len);
        if (result->text.len > EXPAND_MAX)
            return fault(r, r->word, err, "the word becomes too long");
    }
    if (!stop)
        return 0;
    if (!*r->at)
        return 1;
    r->at++;
    return 0;
}

static int expand(const struct expand *how, const char *word, struct result *result, size_t *at,
                  struct error *err)
{
    struct reader r = {.how = how, .word = word, .at = word, .raw_escapes = how->raw_escapes};
    int failed = read_until(&r, 0, result, err);
    if (failed && at)
        *at = (size_t)((r.fault ? r.fault : word) - word);
    return failed;
}

int expand_word(const struct expand *how, const char *word, char **out, size_t *at,
                struct error *err)
{
    autoresult result = {0};
    if (expand(how, word, &result, at, err))
        return -1;
    *out = str_take(&result.text);
    return 0;
}

int expand_words(const struct expand *how, const char *word, struct strv *out, size_t *at,
                 struct error *err)
{
    autostrv words = STRV_INIT;
    autoresult result = {.words = &words};
    if (expand(how, word, &result, at, err))
        return -1;
    end_word(&result);
    strv_add_all(out, &words);
    return 0;
}
