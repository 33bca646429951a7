#include "bake_expression.h"

#include "bake_functions.h"

#include <base/mem.h>
#include <base/str.h>

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

struct parser {
    const char *p;
    const struct bake_names *names;
    unsigned depth;
    bool skip; /* the branch not taken: read, not evaluated */
    struct error *err;
};

static json_t *fail(struct parser *x, const char *what)
{
    error_set(x->err, ERROR_INPUT, "%s at “%.20s”", what, x->p);
    return NULL;
}

char *bake_text(const json_t *value, struct error *err)
{
    if (json_is_string(value))
        return mem_strdup(json_string_value(value));
    if (json_is_boolean(value))
        return mem_strdup(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        return mem_printf("%lld", (long long)json_integer_value(value));
    if (json_is_real(value))
        return mem_printf("%.15g", json_real_value(value));
    error_set(err, ERROR_INPUT, "%s is no text",
              json_is_null(value)    ? "null"
              : json_is_array(value) ? "a list"
                                     : "an object");
    return NULL;
}

static void blanks(struct parser *x)
{
    while (isspace((unsigned char)*x->p))
        x->p++;
}

static bool accept(struct parser *x, const char *token)
{
    blanks(x);
    if (!str_starts(x->p, token))
        return false;
    x->p += strlen(token);
    return true;
}

static json_t *conditional(struct parser *x);

/* One level deeper; guards the stack against nesting. */
static json_t *expression(struct parser *x)
{
    if (x->depth >= DEPTH_MAX)
        return fail(x, "an expression is nested too deep");
    x->depth++;
    json_t *value = conditional(x);
    x->depth--;
    return value;
}

/* "${…}", behind its opening. */
static json_t *interpolation(struct parser *x)
{
    if (*x->p == '~')
        return fail(x, "the strip marker ~ is not supported");
    json_t *value = expression(x);
    if (!value || accept(x, "}"))
        return value;
    json_decref(value);
    return fail(x, "a } is missing");
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* A template being read. */
struct reading {
    struct str text;
    json_t *only; /* the value, where it is one interpolation and nothing else */
    const char *start;
    bool quoted; /* ends at a quote, and has escapes */
};

static bool at_end(const struct parser *x, const struct reading *r)
{
    return !*x->p || (r->quoted && *x->p == '"');
}

/* "${…}". */
static bool read_interpolation(struct parser *x, struct reading *r)
{
    bool first = x->p == r->start;
    x->p += 2;
    autojson *value = interpolation(x);
    if (!value)
        return false;
    if (first && at_end(x, r)) {
        r->only = json_incref(value);
        return true;
    }
    autofree char *piece = x->skip ? mem_strdup("") : bake_text(value, x->err);
    if (piece)
        str_add(&r->text, piece);
    return piece;
}

static bool read_piece(struct parser *x, struct reading *r)
{
    if (str_starts(x->p, "$${") || str_starts(x->p, "%%{")) {
        str_add_bytes(&r->text, x->p + 1, 2);
        x->p += 3;
    } else if (str_starts(x->p, "%{")) {
        fail(x, "template directives are not supported");
        return false;
    } else if (str_starts(x->p, "${")) {
        return read_interpolation(x, r);
    } else if (r->quoted && *x->p == '\\' && x->p[1]) {
        str_add_char(&r->text, unescape(x->p[1]));
        x->p += 2;
    } else {
        str_add_char(&r->text, *x->p++);
    }
    return true;
}

/* Text and interpolations up to the quote that ends it (quoted), or to the end. */
static json_t *template(struct parser *x, bool quoted)
{
    struct reading r = {.start = x->p, .quoted = quoted};
    bool good = true;
    while (good && !at_end(x, &r))
        good = read_piece(x, &r);
    if (good && quoted && *x->p++ != '"') {
        x->p--;
        fail(x, "a quote has no end");
        good = false;
    }
    autofree char *text = str_take(&r.text);
    if (good && !r.only)
        return json_from_text(text);
    if (good)
        return r.only;
    json_decref(r.only);
    return NULL;
}

static size_t identifier(const char *p)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*p) && *p != '_')
        return 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-')
        n++;
    return n;
}

/* Values up to the closing token; a comma may stand behind the last. */
static json_t *list(struct parser *x, const char *end)
{
    json_t *out = json_array();
    while (!accept(x, end)) {
        bool comma = !json_array_size(out) || accept(x, ",");
        if (comma && accept(x, end))
            return out;
        json_t *value = comma ? expression(x) : fail(x, "a comma is missing");
        if (!value) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, value);
    }
    return out;
}

static json_t *call(struct parser *x, const char *name)
{
    autojson *arguments = list(x, ")");
    json_t *out = NULL;
    if (!arguments)
        return NULL;
    if (x->skip)
        return json_null();
    int done =
        x->names->call ? x->names->call(x->names->context, name, arguments, &out, x->err) : 0;
    if (!done)
        done = bake_function(name, arguments, &out, x->err);
    if (done > 0)
        return out;
    if (!done) {
        autofree char *known = bake_function_names();
        error_set(x->err, ERROR_INPUT, "there is no function %s", name);
        error_hint(x->err, "there are %s", known);
    } else {
        error_wrap(x->err, "%s()", name);
    }
    return NULL;
}

static json_t *named(struct parser *x, size_t n)
{
    autofree char *name = mem_strndup(x->p, n);
    x->p += n;
    if (!strcmp(name, "true") || !strcmp(name, "false"))
        return json_boolean(name[0] == 't');
    if (!strcmp(name, "null"))
        return json_null();
    if (*x->p == '(') {
        x->p++;
        return call(x, name);
    }
    if (!strcmp(name, "for"))
        return fail(x, "for expressions are not supported");
    return x->skip ? json_null() : x->names->variable(x->names->context, name, x->err);
}

static json_t *number(struct parser *x)
{
    char *end;
    double value = strtod(x->p, &end);
    bool whole = !memchr(x->p, '.', (size_t)(end - x->p)) &&
                 !memchr(x->p, 'e', (size_t)(end - x->p)) && fabs(value) < 1e15;
    x->p = end;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *primary(struct parser *x)
{
    blanks(x);
    size_t n = identifier(x->p);
    if (n)
        return named(x, n);
    if (isdigit((unsigned char)*x->p))
        return number(x);
    if (accept(x, "\""))
        return template(x, true);
    if (accept(x, "["))
        return list(x, "]");
    if (!accept(x, "("))
        return fail(x, "an expression is missing");
    json_t *value = expression(x);
    if (!value || accept(x, ")"))
        return value;
    json_decref(value);
    return fail(x, "a ) is missing");
}

/* container[key] of an object or a list. */
static json_t *member(struct parser *x, const json_t *container, const json_t *key)
{
    json_t *found = NULL;
    if (x->skip)
        return json_null();
    if (json_is_object(container) && json_is_string(key))
        found = json_object_get(container, json_string_value(key));
    else if (json_is_array(container) && json_is_integer(key) && json_integer_value(key) >= 0)
        found = json_array_get(container, (size_t)json_integer_value(key));
    if (found)
        return json_incref(found);
    autofree char *name = json_is_string(key) ? mem_strdup(json_string_value(key)) : json_text(key);
    error_set(x->err, ERROR_INPUT, "there is no “%s” in that value", name);
    return NULL;
}

static json_t *postfix(struct parser *x)
{
    json_t *value = primary(x);
    while (value) {
        autojson *container = NULL;
        autojson *key = NULL;
        if (*x->p == '.' && identifier(x->p + 1)) {
            size_t n = identifier(x->p + 1);
            key = json_stringn(x->p + 1, n);
            x->p += n + 1;
        } else if (*x->p == '[' || (*x->p == '.' && x->p[1] == '*')) {
            if (x->p[1] == '*') {
                json_decref(value);
                return fail(x, "splat expressions are not supported");
            }
            x->p++;
            key = expression(x);
            if (key && !accept(x, "]")) {
                json_decref(take(&key));
                fail(x, "a ] is missing");
            }
        } else {
            return value;
        }
        container = value;
        value = key ? member(x, container, key) : NULL;
    }
    return NULL;
}

static bool truth(struct parser *x, const json_t *value, bool *out)
{
    const char *text = json_string_value(value);
    if (x->skip || json_is_boolean(value) ||
        (text && (!strcmp(text, "true") || !strcmp(text, "false")))) {
        *out = json_is_true(value) || (text && *text == 't');
        return true;
    }
    fail(x, "neither true nor false");
    return false;
}

static bool to_number(struct parser *x, const json_t *value, double *out)
{
    char *end = NULL;
    const char *text = json_string_value(value);
    *out = text ? strtod(text, &end) : json_number_value(value);
    if (x->skip || json_is_number(value) || (text && *text && !*end))
        return true;
    fail(x, "no number");
    return false;
}

static json_t *from_number(double value)
{
    if (fabs(value) >= 1e15 || value - (double)(json_int_t)value > 0 ||
        value - (double)(json_int_t)value < 0)
        return json_real(value);
    return json_integer((json_int_t)value);
}

static json_t *unary(struct parser *x)
{
    bool no, minus;
    blanks(x);
    no = *x->p == '!' && x->p[1] != '=';
    minus = *x->p == '-';
    if (!no && !minus)
        return postfix(x);
    x->p++;
    if (x->depth >= DEPTH_MAX)
        return fail(x, "an expression is nested too deep");
    x->depth++;
    autojson *value = unary(x);
    x->depth--;
    bool yes;
    double n;
    if (!value || (no ? !truth(x, value, &yes) : !to_number(x, value, &n)))
        return NULL;
    return no ? json_boolean(!yes) : from_number(-n);
}

/* Binary operators, by how strongly they bind. */
enum { OR, AND, EQUAL, ORDER, SUM, PRODUCT, LEVELS };
static const char *const operators[LEVELS][5] = {
    [OR] = {"||"},          [AND] = {"&&"},
    [EQUAL] = {"==", "!="}, [ORDER] = {"<=", ">=", "<", ">"},
    [SUM] = {"+", "-"},     [PRODUCT] = {"*", "/", "%"}};

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return !(json_number_value(a) < json_number_value(b)) &&
               !(json_number_value(a) > json_number_value(b));
    return json_equal(a, b);
}

static json_t *arithmetic(struct parser *x, char op, double a, double b)
{
    switch (op) {
    case '+':
        return from_number(a + b);
    case '-':
        return from_number(a - b);
    case '*':
        return from_number(a * b);
    default:
        break;
    }
    if (!(fabs(b) > 0))
        return fail(x, "a division by zero");
    if (op == '/')
        return from_number(a / b);
    if (fabs(a) >= 1e15 || fabs(b) < 1 || fabs(b) >= 1e15)
        return fail(x, "% wants whole numbers");
    return json_integer((json_int_t)a % (json_int_t)b);
}

static json_t *order(const char *op, double a, double b)
{
    bool less = op[0] == '<';
    if (op[1] == '=')
        return json_boolean(less ? a <= b : a >= b);
    return json_boolean(less ? a < b : a > b);
}

static json_t *apply(struct parser *x, int level, const char *op, const json_t *a, const json_t *b)
{
    bool p, q;
    double m, n;
    if (x->skip)
        return json_null();
    if (level == EQUAL)
        return json_boolean(equal(a, b) == (op[0] == '='));
    if (level == OR || level == AND)
        return truth(x, a, &p) && truth(x, b, &q) ? json_boolean(level == OR ? p || q : p && q)
                                                  : NULL;
    if (!to_number(x, a, &m) || !to_number(x, b, &n))
        return NULL;
    return level == ORDER ? order(op, m, n) : arithmetic(x, op[0], m, n);
}

static json_t *binary(struct parser *x, int level)
{
    json_t *left = level == LEVELS ? unary(x) : binary(x, level + 1);
    while (left && level < LEVELS) {
        const char *op = NULL;
        for (size_t i = 0; operators[level][i] && !op; i++)
            if (accept(x, operators[level][i]))
                op = operators[level][i];
        if (!op)
            return left;
        autojson *a = left;
        autojson *b = binary(x, level + 1);
        left = b ? apply(x, level, op, a, b) : NULL;
    }
    return left;
}

static json_t *conditional(struct parser *x)
{
    json_t *condition = binary(x, OR);
    if (!condition || !accept(x, "?"))
        return condition;
    bool yes = false, skip = x->skip;
    bool known = truth(x, condition, &yes);
    json_decref(condition);
    if (!known)
        return NULL;
    x->skip = skip || !yes;
    autojson *first = expression(x);
    x->skip = skip || yes;
    autojson *second = NULL;
    if (first && accept(x, ":"))
        second = expression(x);
    else if (first)
        fail(x, "a : is missing");
    x->skip = skip;
    return first && second ? json_incref(yes ? first : second) : NULL;
}

json_t *bake_template(const char *text, const struct bake_names *names, struct error *err)
{
    autoerror local = ERROR_INIT;
    struct parser x = {.p = text, .names = names, .err = &local};
    json_t *value = template(&x, false);
    if (!value)
        error_move(err, &local);
    return value;
}

static json_t *evaluate_object(const json_t *value, const struct bake_names *names,
                               struct error *err)
{
    json_t *out = json_object();
    const char *key;
    json_t *inner;
    json_object_foreach ((json_t *)(uintptr_t)value, key, inner) {
        autojson *name = bake_template(key, names, err);
        autofree char *text = name ? bake_text(name, err) : NULL;
        json_t *made = text ? bake_evaluate(inner, names, err) : NULL;
        if (!made) {
            error_wrap(err, "%s", key);
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, text, made);
    }
    return out;
}

json_t *bake_evaluate(const json_t *value, const struct bake_names *names, struct error *err)
{
    if (json_is_string(value))
        return bake_template(json_string_value(value), names, err);
    if (json_is_object(value))
        return evaluate_object(value, names, err);
    if (!json_is_array(value))
        return json_deep_copy(value);
    json_t *out = json_array();
    size_t i;
    json_t *inner;
    json_array_foreach (value, i, inner) {
        json_t *made = bake_evaluate(inner, names, err);
        if (!made) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, made);
    }
    return out;
}
