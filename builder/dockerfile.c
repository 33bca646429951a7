#include "dockerfile.h"

#include "dockerfile_flags.h"
#include "dockerfile_heredoc.h"
#include "dockerfile_line.h"

#include <base/cli.h>
#include <base/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int parse_instruction(struct cursor *c, struct instruction *in, bool nested,
                             struct error *err);

static int refuse(const struct cursor *c, size_t offset, struct error *err, const char *message)
{
    error_set(err, ERROR_INPUT, "%s", message);
    return cursor_error_at(c, offset, err);
}

static int require_args(const struct cursor *c, const struct instruction *in, size_t least,
                        struct error *err)
{
    if (in->arg_count >= least)
        return 0;
    const char *name = instruction_name(in->kind);
    if (least == 1)
        error_set(err, ERROR_INPUT, "%s needs an argument", name);
    else
        error_set(err, ERROR_INPUT, "%s needs at least a source and a destination", name);
    return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, in->at, err);
}

static int parse_rest(struct cursor *c, struct instruction *in, struct error *err)
{
    cursor_take_rest(c, in);
    return require_args(c, in, 1, err);
}

static int parse_words(struct cursor *c, struct instruction *in, struct error *err)
{
    cursor_take_words(c, in);
    return require_args(c, in, 1, err);
}

static int compare_words(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    return strcmp(x->text, y->text);
}

/* EXPOSE's are taken in the order of their text, which the history shows. */
static int parse_expose(struct cursor *c, struct instruction *in, struct error *err)
{
    if (parse_words(c, in, err))
        return -1;
    qsort(in->args, in->arg_count, sizeof *in->args, compare_words);
    return 0;
}

/* VOLUME: a JSON array or words. */
static int parse_list(struct cursor *c, struct instruction *in, struct error *err)
{
    int rc = cursor_take_json(c, in, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        cursor_take_words(c, in);
    for (size_t i = 0; i < in->arg_count; i++) {
        char *trimmed = mem_strdup(str_trim(in->args[i].text));
        free(in->args[i].text);
        in->args[i].text = trimmed;
        if (!*trimmed) {
            error_set(err, ERROR_INPUT, "a VOLUME can't be empty");
            return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, in->args[i].at,
                                  err);
        }
    }
    return require_args(c, in, 1, err);
}

static int parse_copy(struct cursor *c, struct instruction *in, struct error *err)
{
    int rc = cursor_take_json(c, in, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        cursor_take_words(c, in);
    if (require_args(c, in, 2, err))
        return -1;
    const struct word *destination = &in->args[in->arg_count - 1];
    struct heredoc doc;
    if (in->json || !heredoc_parse_word(destination->text, &doc))
        return 0;
    free(doc.name);
    error_set(err, ERROR_INPUT, "the destination can't be a heredoc");
    return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, destination->at, err);
}

/* RUN, CMD, ENTRYPOINT: a JSON array or a command line. CMD [] and ENTRYPOINT [] say "none". */
static int parse_command(struct cursor *c, struct instruction *in, struct error *err)
{
    int rc = cursor_take_json(c, in, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        cursor_take_rest(c, in);
    if (in->json && in->kind == INSTRUCTION_RUN)
        return require_args(c, in, 1, err);
    if (!in->json && !in->arg_count) /* an empty command line, for the shell */
        MEM_PUSH(in->args, in->arg_count, in->arg_cap) = (struct word){mem_strdup(""), in->at};
    return 0;
}

static int parse_shell(struct cursor *c, struct instruction *in, struct error *err)
{
    int rc = cursor_take_json(c, in, err);
    if (rc < 0)
        return -1;
    if (rc > 0 && cursor_skip_blanks(c)) {
        error_set(err, ERROR_INPUT, "SHELL takes the JSON form alone");
        error_hint(err, "write it as SHELL [\"/bin/bash\", \"-c\"]");
        return cursor_error_at(c, c->at, err);
    }
    return require_args(c, in, 1, err);
}

static int parse_healthcheck(struct cursor *c, struct instruction *in, struct error *err)
{
    struct word type;
    size_t start = c->at;
    if (!cursor_word(c, &type))
        return require_args(c, in, 1, err);
    autofree char *text = type.text;
    if (strcasecmp(text, "NONE") == 0) {
        in->none = true;
        if (cursor_skip_blanks(c) || in->flag_count)
            return refuse(c, c->at, err, "HEALTHCHECK NONE takes neither flags nor arguments");
        return 0;
    }
    if (strcasecmp(text, "CMD") != 0) {
        error_set(err, ERROR_INPUT, "HEALTHCHECK needs CMD or NONE, not \"%s\"", text);
        return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, type.at, err);
    }
    int rc = cursor_take_json(c, in, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        cursor_take_rest(c, in);
    if (!in->arg_count)
        return refuse(c, start, err, "HEALTHCHECK CMD needs a command");
    return 0;
}

static bool is_stage_name(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
            return false;
    }
    return true;
}

static int parse_from(struct cursor *c, struct instruction *in, struct error *err)
{
    struct word as = {0};
    if (!cursor_skip_blanks(c)) {
        error_set(err, ERROR_INPUT, "FROM needs an image");
        error_hint(err, "write FROM IMAGE or FROM IMAGE AS NAME; FROM scratch is empty");
        return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, in->at, err);
    }
    struct word image;
    cursor_word(c, &image);
    MEM_PUSH(in->args, in->arg_count, in->arg_cap) = image;
    size_t second = cursor_skip_blanks(c) ? c->at : 0;
    if (!cursor_word(c, &as))
        return 0;
    autofree char *keyword = as.text;
    if (strcasecmp(keyword, "as") != 0 || !cursor_skip_blanks(c)) {
        error_set(err, ERROR_INPUT, "FROM takes one image, and AS NAME after it");
        error_hint(err, "write FROM IMAGE AS NAME");
        return cursor_error_at(c, second, err);
    }
    size_t third = c->at;
    cursor_word(c, &in->stage_name);
    if (!is_stage_name(in->stage_name.text)) {
        error_set(err, ERROR_INPUT, "\"%s\" can't be a stage's name", in->stage_name.text);
        error_hint(err, "it begins with a letter; letters, digits, - _ and . follow");
        return cursor_error_at(c, third, err);
    }
    if (cursor_skip_blanks(c))
        return refuse(c, c->at, err, "nothing may follow the stage's name");
    return 0;
}

static void add_pair(struct cursor *c, struct instruction *in, const struct span *span)
{
    const char *equals = strchr(span->text, '=');
    size_t key = equals ? (size_t)(equals - span->text) : strlen(span->text);
    struct pair pair = {
        .key = {mem_strndup(span->text, key), cursor_position(c, span->from)},
        .value = {.at = cursor_position(c, span->from + key + (equals ? 1 : 0))},
    };
    if (equals)
        pair.value.text = mem_strdup(equals + 1);
    MEM_PUSH(in->pairs, in->pair_count, in->pair_cap) = pair;
}

/* "ENV key the rest of the line" */
static int parse_legacy_pair(struct cursor *c, struct instruction *in, struct error *err)
{
    struct pair pair = {.legacy = true};
    cursor_word(c, &pair.key);
    bool value = cursor_skip_blanks(c);
    pair.value.at = cursor_position(c, c->at);
    pair.value.text = mem_strdup(cursor_text(c));
    MEM_PUSH(in->pairs, in->pair_count, in->pair_cap) = pair;
    c->at += strlen(cursor_text(c));
    if (value)
        return 0;
    const char *name = instruction_name(in->kind);
    error_set(err, ERROR_INPUT, "%s %s has no value", name, pair.key.text);
    error_hint(err, "write %s %s=VALUE", name, pair.key.text);
    return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, pair.key.at, err);
}

static int parse_pairs(struct cursor *c, struct instruction *in, struct error *err)
{
    size_t start = c->at;
    struct span span;
    while (cursor_span(c, &span)) {
        autofree char *text = span.text;
        bool equals = strchr(text, '=') != NULL;
        if (!equals && in->kind != INSTRUCTION_ARG) {
            if (!in->pair_count) {
                c->at = start;
                cursor_skip_blanks(c);
                return parse_legacy_pair(c, in, err);
            }
            error_set(err, ERROR_INPUT, "\"%s\" is not KEY=VALUE", text);
            error_hint(err, "quote a value that holds blanks: %s KEY=\"two words\"",
                       instruction_name(in->kind));
            return cursor_error_at(c, span.from, err);
        }
        if (*text == '=')
            return refuse(c, span.from, err, "a name is missing before =");
        add_pair(c, in, &span);
    }
    if (in->pair_count)
        return 0;
    return require_args(c, in, 1, err);
}

/* What is wrong already in the form of a trigger. All else is found when an image is built that has
 * it in its base: it may be for another version. */
static bool is_malformed(const struct instruction *inner, const char *rest)
{
    switch ((int)inner->kind) {
    case INSTRUCTION_FROM:
    case INSTRUCTION_ONBUILD:
    case INSTRUCTION_MAINTAINER:
        return true;
    case INSTRUCTION_ENV:
    case INSTRUCTION_LABEL:
        return *rest != '\0';
    default:
        return *rest == '[';
    }
}

static int parse_onbuild(struct cursor *c, struct instruction *in, struct error *err)
{
    if (!cursor_skip_blanks(c))
        return require_args(c, in, 1, err);
    size_t start = c->at;
    const char *text = cursor_text(c);
    MEM_PUSH(in->args, in->arg_count, in->arg_cap) =
        (struct word){mem_strdup(text), cursor_position(c, start)};
    in->inner = mem_zalloc(1, sizeof *in->inner);
    in->inner->kind = INSTRUCTION_KINDS;
    autoerror inner = ERROR_INIT;
    if (!parse_instruction(c, in->inner, true, &inner))
        return 0;
    const char *rest = text + strcspn(text, " \t");
    if (is_malformed(in->inner, rest + strspn(rest, " \t")))
        return error_move(err, &inner);
    error_ignore(&inner, "whoever builds on the image will see it");
    instruction_release(in->inner);
    free(in->inner);
    in->inner = NULL;
    c->at = start + strlen(text);
    return 0;
}

static int (*const parsers[INSTRUCTION_KINDS])(struct cursor *, struct instruction *,
                                               struct error *) = {
    [INSTRUCTION_ADD] = parse_copy,
    [INSTRUCTION_ARG] = parse_pairs,
    [INSTRUCTION_CMD] = parse_command,
    [INSTRUCTION_COPY] = parse_copy,
    [INSTRUCTION_ENTRYPOINT] = parse_command,
    [INSTRUCTION_ENV] = parse_pairs,
    [INSTRUCTION_EXPOSE] = parse_expose,
    [INSTRUCTION_FROM] = parse_from,
    [INSTRUCTION_HEALTHCHECK] = parse_healthcheck,
    [INSTRUCTION_LABEL] = parse_pairs,
    [INSTRUCTION_MAINTAINER] = parse_rest,
    [INSTRUCTION_ONBUILD] = parse_onbuild,
    [INSTRUCTION_RUN] = parse_command,
    [INSTRUCTION_SHELL] = parse_shell,
    [INSTRUCTION_STOPSIGNAL] = parse_rest,
    [INSTRUCTION_USER] = parse_rest,
    [INSTRUCTION_VOLUME] = parse_list,
    [INSTRUCTION_WORKDIR] = parse_rest,
};

/* The kind called name, or -1 with a hint at the nearest. */
static int find_kind(const char *name, struct error *err)
{
    const char *names[INSTRUCTION_KINDS];
    for (int i = 0; i < INSTRUCTION_KINDS; i++) {
        names[i] = instruction_name((enum instruction_kind)i);
        if (strcasecmp(name, names[i]) == 0)
            return i;
    }
    autofree char *upper = mem_strdup(name);
    for (char *p = upper; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    error_set(err, ERROR_INPUT, "unknown instruction \"%s\"", name);
    const char *near = cli_nearest(upper, names, COUNT_OF(names));
    if (near)
        return error_hint(err, "did you mean %s?", near);
    return error_hint(err, "a line that goes on needs a \\ at the end of the one before");
}

/* One instruction at the cursor, to the line's end; heredoc bodies come later. nested: in ONBUILD.
 */
static int parse_instruction(struct cursor *c, struct instruction *in, bool nested,
                             struct error *err)
{
    cursor_skip_blanks(c);
    size_t start = c->at;
    in->at = cursor_position(c, start);
    in->first = c->line->first;
    in->last = c->line->last;
    in->text = mem_strdup(cursor_text(c));
    struct word name;
    if (!cursor_word(c, &name))
        return refuse(c, start, err, "an instruction is missing");
    autofree char *text = name.text;
    int kind = find_kind(text, err);
    if (kind < 0)
        return cursor_error_at(c, start, err);
    in->kind = (enum instruction_kind)kind;
    if (nested && (in->kind == INSTRUCTION_FROM || in->kind == INSTRUCTION_ONBUILD ||
                   in->kind == INSTRUCTION_MAINTAINER)) {
        error_set(err, ERROR_INPUT, "ONBUILD can't hold %s", instruction_name(in->kind));
        return cursor_error_at(c, start, err);
    }
    if (flags_take(c, in, err))
        return -1;
    cursor_skip_blanks(c);
    return parsers[kind](c, in, err);
}

/* Read the heredoc bodies after the line, where the instruction may have some. */
static int take_heredocs(struct lexer *lexer, const struct lexer_line *line, struct instruction *in,
                         struct error *err)
{
    struct instruction *holder = in->inner ? in->inner : in;
    if (holder->json || (holder->kind != INSTRUCTION_RUN && holder->kind != INSTRUCTION_COPY &&
                         holder->kind != INSTRUCTION_ADD))
        return 0;
    autostr raw = STR_INIT;
    if (heredocs_read(lexer, line, holder, in->inner ? &raw : NULL, err))
        return -1;
    if (raw.len) {
        char *whole = mem_printf("%s%s", in->args[0].text, str_text(&raw));
        free(in->args[0].text);
        in->args[0].text = whole;
    }
    if (holder->heredoc_count)
        in->last = holder->last = lexer->line - 1;
    return 0;
}

/* Only ARG may stand before the first FROM. */
static int check_order(const struct dockerfile *file, const struct instruction *in,
                       struct error *err)
{
    for (size_t i = 0; i < file->count; i++) {
        if (file->items[i].kind == INSTRUCTION_FROM)
            return 0;
    }
    if (in->kind == INSTRUCTION_FROM || in->kind == INSTRUCTION_ARG)
        return 0;
    error_set(err, ERROR_INPUT, "%s stands before the first FROM", instruction_name(in->kind));
    error_hint(err, "a Dockerfile begins with FROM; only ARG may come before it");
    return dockerfile_error_at(file, in->at, err);
}

static int parse_lines(struct dockerfile *file, struct lexer *lexer, struct lexer_line *line,
                       bool trigger, struct error *err)
{
    while (lexer_next(lexer, line)) {
        struct instruction in = {.check = take(&line->check)};
        struct cursor c = {.lexer = lexer, .line = line};
        if (parse_instruction(&c, &in, trigger, err) || take_heredocs(lexer, line, &in, err) ||
            (!trigger && check_order(file, &in, err))) {
            instruction_release(&in);
            return -1;
        }
        MEM_PUSH(file->items, file->count, file->cap) = in;
    }
    return 0;
}

static int check_whole(const struct dockerfile *file, bool trigger, struct error *err)
{
    if (trigger && file->count != 1)
        error_set(err, ERROR_INPUT, "an ONBUILD entry holds %zu instructions, not one",
                  file->count);
    else if (!file->count)
        error_set(err, ERROR_INPUT, "the file holds no instruction");
    else if (!trigger && file->items[file->count - 1].kind == INSTRUCTION_ARG && file->count &&
             check_order(file, &(struct instruction){.kind = INSTRUCTION_RUN}, NULL))
        error_set(err, ERROR_INPUT, "the file holds no FROM");
    else
        return 0;
    if (!trigger)
        error_hint(err, "a Dockerfile begins with FROM");
    return error_at(err, file->name, 0, 0, NULL);
}

static int parse(const char *bytes, size_t n, const char *name, bool trigger,
                 struct dockerfile **out, struct error *err)
{
    if (n > LEXER_MAX) {
        struct lexer refused;
        return lexer_init(&refused, bytes, n, name, err);
    }
    autodockerfile *file = mem_zalloc(1, sizeof *file);
    file->name = mem_strdup(name);
    file->bytes = mem_alloc(n + 1);
    if (n)
        memcpy(file->bytes, bytes, n);
    file->bytes[n] = '\0';
    file->n = n;
    struct lexer lexer;
    struct lexer_line line = {0};
    int failed = lexer_init(&lexer, file->bytes, n, file->name, err);
    if (!failed)
        failed = parse_lines(file, &lexer, &line, trigger, err);
    file->escape = lexer.escape;
    file->syntax = take(&lexer.syntax);
    file->check = take(&lexer.check);
    lexer_line_release(&line);
    lexer_release(&lexer);
    if (failed || check_whole(file, trigger, err))
        return -1;
    *out = take(&file);
    return 0;
}

int dockerfile_parse(const char *bytes, size_t n, const char *name, struct dockerfile **out,
                     struct error *err)
{
    return parse(bytes, n, name, false, out, err);
}

int dockerfile_parse_trigger(const char *text, const char *name, struct dockerfile **out,
                             struct error *err)
{
    return parse(text, strlen(text), name, true, out, err);
}

void dockerfile_free(struct dockerfile *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->count; i++)
        instruction_release(&file->items[i]);
    free(file->items);
    free(file->syntax);
    free(file->check);
    free(file->bytes);
    free(file->name);
    free(file);
}

void dockerfile_free_at(struct dockerfile **file)
{
    dockerfile_free(*file);
}

int dockerfile_error_at(const struct dockerfile *file, struct position at, struct error *err)
{
    return lexer_error_at(file->bytes, file->n, file->name, at, err);
}

int dockerfile_error_in(const struct dockerfile *file, struct position at, size_t offset,
                        struct error *err)
{
    const char *p = file->bytes;
    for (unsigned line = 1; line < at.line && p; line++) {
        p = strchr(p, '\n');
        p = p ? p + 1 : p;
    }
    if (p && at.column + offset <= strcspn(p, "\r\n"))
        at.column += (unsigned)offset;
    return dockerfile_error_at(file, at, err);
}
