#include "cli.h"

#include "cli_text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One walk over the command line. It is done twice: first to check (values is NULL), then to store,
 * so that a wrong command line changes nothing. */
struct walk {
    const struct cli_command *command;
    int argc, next;
    char **argv;
    void *values;
    struct strv *operands;
    size_t operand_count;
};

static int usage_error(const struct cli_command *command, struct error *err, const char *message)
{
    autostr name = STR_INIT;
    cli_add_name(&name, command);
    error_set(err, ERROR_USAGE, "%s", message);
    return error_hint(err, "see “%s --help”", str_text(&name));
}

static const struct cli_option *find_long(const struct cli_command *command, const char *name,
                                          size_t n)
{
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *option = &command->options[i];
        if (!strncmp(option->name, name, n) && !option->name[n])
            return option;
    }
    return NULL;
}

static const struct cli_option *find_short(const struct cli_command *command, char c)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].short_name == c && c)
            return &command->options[i];
    return NULL;
}

static int unknown_long(const struct cli_command *command, const char *name, struct error *err)
{
    autofree const char **names = mem_zalloc(command->option_count, sizeof *names);
    for (size_t i = 0; i < command->option_count; i++)
        names[i] = command->options[i].name;
    const char *near = cli_nearest(name, names, command->option_count);
    autofree char *message = mem_printf("unknown option --%s", name);
    if (!near)
        return usage_error(command, err, message);
    error_set(err, ERROR_USAGE, "%s", message);
    return error_hint(err, "did you mean --%s?", near);
}

/* One of the words of "a|b|c". */
static bool among(const char *words, const char *word)
{
    size_t n = strcspn(word, "|");
    for (const char *p = words; p && !word[n]; p = strchr(p, '|')) {
        p += *p == '|';
        if (!strncmp(p, word, n) && (p[n] == '|' || !p[n]))
            return true;
    }
    return false;
}

static void store_string(char **place, const char *text)
{
    free(*place);
    *place = mem_strdup(text);
}

static int set_switch(struct walk *w, const struct cli_option *option, const char *text,
                      struct error *err)
{
    bool on = !text || !strcmp(text, "true");
    if (text && !on && strcmp(text, "false") != 0) {
        autofree char *message =
            mem_printf("option --%s takes true or false, not “%s”", option->name, text);
        return usage_error(w->command, err, message);
    }
    if (w->values)
        *(bool *)((char *)w->values + option->offset) = on;
    return 0;
}

static int set_value(struct walk *w, const struct cli_option *option, const char *text,
                     struct error *err)
{
    bool alone = option->type == CLI_WORD && !*text;
    if (option->values && !alone && !among(option->values, text)) {
        autofree char *message =
            mem_printf("option --%s takes one of %s, not “%s”", option->name, option->values, text);
        return usage_error(w->command, err, message);
    }
    long long number = option->type == CLI_NUMBER ? str_number(text, LLONG_MAX) : 0;
    if (number < 0) {
        autofree char *message =
            mem_printf("option --%s takes a number, not “%s”", option->name, text);
        return usage_error(w->command, err, message);
    }
    if (!w->values)
        return 0;
    void *place = (char *)w->values + option->offset;
    if (option->type == CLI_STRING || option->type == CLI_WORD)
        store_string(place, text);
    else if (option->type == CLI_STRINGS)
        strv_add(place, text);
    else
        *(long long *)place = number;
    return 0;
}

/* Give an option its value: the text that stood with it, or the next argument. */
static int take_value(struct walk *w, const struct cli_option *option, const char *text,
                      struct error *err)
{
    if (option->type == CLI_SWITCH)
        return set_switch(w, option, text, err);
    if (text || option->type == CLI_WORD)
        return set_value(w, option, text ? text : "", err);
    if (w->next < w->argc)
        return set_value(w, option, w->argv[w->next++], err);
    autofree char *message =
        mem_printf("option --%s needs a value (%s)", option->name, cli_value_text(option));
    return usage_error(w->command, err, message);
}

static int walk_long(struct walk *w, const char *text, struct error *err)
{
    size_t n = strcspn(text, "=");
    const struct cli_option *option = find_long(w->command, text, n);
    if (option)
        return take_value(w, option, text[n] ? text + n + 1 : NULL, err);
    autofree char *name = mem_strndup(text, n);
    return unknown_long(w->command, name, err);
}

/* A bundle of switches, the last of which may be an option with its value. */
static int walk_short(struct walk *w, const char *text, struct error *err)
{
    for (; *text; text++) {
        const struct cli_option *option = find_short(w->command, *text);
        if (!option) {
            autofree char *message = mem_printf("unknown option -%c", *text);
            return usage_error(w->command, err, message);
        }
        if (option->type != CLI_SWITCH && option->type != CLI_WORD) {
            text++;
            return take_value(w, option, *text ? text + (*text == '=') : NULL, err);
        }
        if (text[1] == '=')
            return take_value(w, option, text + 2, err);
        if (take_value(w, option, NULL, err))
            return -1;
    }
    return 0;
}

static void walk_operand(struct walk *w, const char *text)
{
    w->operand_count++;
    if (w->operands)
        strv_add(w->operands, text);
}

static int walk_all(struct walk *w, struct error *err)
{
    bool ended = false;
    for (w->next = 1; w->next < w->argc;) {
        const char *text = w->argv[w->next++];
        int failed = 0;
        if (ended || text[0] != '-' || !text[1])
            walk_operand(w, text);
        else if (!strcmp(text, "--"))
            ended = true;
        else if (text[1] == '-')
            failed = walk_long(w, text + 2, err);
        else
            failed = walk_short(w, text + 1, err);
        if (failed)
            return -1;
    }
    return 0;
}

static int check_count(const struct walk *w, struct error *err)
{
    const struct cli_command *command = w->command;
    size_t n = w->operand_count;
    if (n >= command->operands_min && n <= command->operands_max)
        return 0;
    autostr name = STR_INIT;
    cli_add_name(&name, command);
    autostr usage = STR_INIT;
    cli_add_operands(&usage, command);
    bool few = n < command->operands_min;
    size_t limit = few ? command->operands_min : command->operands_max;
    error_set(err, ERROR_USAGE, "%s: %s operands: %zu given, %s %zu wanted", str_text(&name),
              few ? "too few" : "too many", n, few ? "at least" : "at most", limit);
    return error_hint(err, "usage: %s%s", str_text(&name), str_text(&usage));
}

int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
              struct strv *operands, struct error *err)
{
    struct walk check = {.command = command, .argc = argc, .argv = argv};
    if (walk_all(&check, err) || check_count(&check, err))
        return -1;
    struct walk store = {
        .command = command, .argc = argc, .argv = argv, .values = values, .operands = operands};
    return walk_all(&store, err);
}

void cli_release(const struct cli_command *command, void *values)
{
    for (size_t i = 0; i < command->option_count; i++) {
        void *place = (char *)values + command->options[i].offset;
        if (command->options[i].type == CLI_STRING || command->options[i].type == CLI_WORD) {
            free(*(char **)place);
            *(char **)place = NULL;
        } else if (command->options[i].type == CLI_STRINGS) {
            strv_release(place);
        }
    }
}

bool cli_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return true;
    return false;
}

/* Edit distance with neighbours swapped counted as one (optimal string alignment). */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    enum { WORD_MAX = 40 };
    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && rows[(i - 2) % 3][j - 2] + 1 < best)
                best = rows[(i - 2) % 3][j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *cli_nearest(const char *word, const char *const *words, size_t n)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    size_t limit = length <= 3 ? 1 : length <= 6 ? 2 : 3;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, length, words[i], strlen(words[i]));
        if (d <= limit && d < strlen(words[i])) {
            nearest = words[i];
            limit = d ? d - 1 : 0;
            if (!d)
                break;
        }
    }
    return nearest;
}
