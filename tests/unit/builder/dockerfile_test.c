/* The grammar: each row is a Dockerfile, and the instructions it becomes, one a line. */
#include "dockerfile.h"

#include <base/mem.h>
#include <base/str.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void dump_text(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            str_add(out, "\\n");
        else if (*text == '\r')
            str_add(out, "\\r");
        else
            str_add_char(out, *text);
    }
}

/* "COPY --from=x [a] [b]", "ENV k=[v]", "RUN json [a]", "ONBUILD [RUN a] { RUN [a] }" */
static void dump(struct str *out, const struct instruction *in)
{
    str_add(out, instruction_name(in->kind));
    for (size_t i = 0; i < in->flag_count; i++)
        str_addf(out, " --%s=%s", in->flags[i].name, in->flags[i].value);
    str_add(out, in->json ? " json" : "");
    str_add(out, in->none ? " none" : "");
    for (size_t i = 0; i < in->arg_count; i++) {
        str_add(out, " [");
        dump_text(out, in->args[i].text);
        str_add(out, "]");
    }
    for (size_t i = 0; i < in->pair_count; i++) {
        str_addf(out, " %s%s", in->pairs[i].key.text, in->pairs[i].legacy ? " " : "");
        if (in->pairs[i].value.text)
            str_addf(out, "=[%s]", in->pairs[i].value.text);
    }
    if (in->stage_name.text)
        str_addf(out, " AS %s", in->stage_name.text);
    for (size_t i = 0; i < in->heredoc_count; i++) {
        const struct heredoc *doc = &in->heredocs[i];
        str_addf(out, " %u<<%s%s%s(", doc->fd, doc->chomp ? "-" : "", doc->name,
                 doc->expand ? "" : "'");
        dump_text(out, doc->content);
        str_add(out, ")");
    }
    if (in->inner) {
        str_add(out, " { ");
        dump(out, in->inner);
        str_add(out, " }");
    }
}

struct row {
    const char *text;
    const char *want; /* lines of dump; NULL: an error */
};

static int check(const char *text, const char *want)
{
    autodockerfile *file = NULL;
    autoerror err = ERROR_INIT;
    autostr got = STR_INIT;
    if (dockerfile_parse(text, strlen(text), "Dockerfile", &file, &err)) {
        if (want)
            print_error("%s\n  fails: %s\n", text, err.message);
        return want != NULL;
    }
    for (size_t i = 0; i < file->count; i++) {
        str_add(&got, i ? "\n" : "");
        dump(&got, &file->items[i]);
    }
    if (want && strcmp(want, str_text(&got)) == 0)
        return 0;
    print_error("%s\n  gives: %s\n  not:   %s\n", text, str_text(&got), want ? want : "an error");
    return 1;
}

static void check_all(const struct row *rows, size_t n)
{
    int wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += check(rows[i].text, rows[i].want);
    assert_int_equal(wrong, 0);
}

/* The rows of one instruction each stand behind "FROM a". */
static void check_lines(const struct row *rows, size_t n)
{
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        autofree char *text = mem_printf("FROM a\n%s", rows[i].text);
        autofree char *want = rows[i].want ? mem_printf("FROM [a]\n%s", rows[i].want) : NULL;
        wrong += check(text, want);
    }
    assert_int_equal(wrong, 0);
}

static void lines_are_joined_and_comments_dropped(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"FROM a", "FROM [a]"},
        {"from a\n", "FROM [a]"},
        {"\n\n  FROM a  \n\n", "FROM [a]"},
        {"\xef\xbb\xbf"
         "FROM a\n",
         "FROM [a]"},
        {"FROM a\r\nRUN b \\\r\n c\r\n", "FROM [a]\nRUN [b  c]"},
        {"FROM a\nRUN b \\\n  c\n", "FROM [a]\nRUN [b   c]"},
        {"FROM a\nRUN b\\\nc\n", "FROM [a]\nRUN [bc]"},
        {"FROM a\nRUN b \\   \n c\n", "FROM [a]\nRUN [b  c]"},
        {"FROM a\nRUN b \\\t\n c\n", "FROM [a]\nRUN [b  c]"},
        {"FROM a\nRUN b && \\\n# why\n  c && \\\n   # more\n\n  d\n",
         "FROM [a]\nRUN [b &&   c &&   d]"},
        {"FROM a\nRUN b \\\n\n\n c\n", "FROM [a]\nRUN [b  c]"},
        {"FROM a\nRUN b # not a comment\n", "FROM [a]\nRUN [b # not a comment]"},
        {"FROM a\nRUN b \\\n# last", "FROM [a]\nRUN [b]"},
        {"FROM a\nRUN b \\", "FROM [a]\nRUN [b]"},
        {"FROM a\nRUN b \\\\\n", "FROM [a]\nRUN [b \\\\]"},
        {"FROM a\nRUN b \\\\\\\n", "FROM [a]\nRUN [b \\\\\\]"},
        {"\\\nFROM a\n", "FROM [a]"},
        {"\\\n  FROM a\n", "FROM [a]"},
        {"FROM a\n\\\n\\\n", "FROM [a]"},
        {"FROM \\\n a \\\n AS \\\n b\n", "FROM [a] AS b"},
        {"# a comment\n#\n\nFROM a\n  # indented\n", "FROM [a]"},
        {"FROM\ta\n", "FROM [a]"},
        {"FROM a\n#RUN b\\\nRUN c\n", "FROM [a]\nRUN [c]"}, /* a comment does not go on */
        {"", NULL},
        {"\n# nothing\n", NULL},
        {"\\\n", NULL},
    };
    check_all(rows, COUNT_OF(rows));
}

static void directives_stand_first_and_once(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"# escape=`\nFROM a\nRUN b `\n c\\\nRUN d\n", "FROM [a]\nRUN [b  c\\]\nRUN [d]"},
        {"#escape = ` \nFROM a\nRUN b `\n c\n", "FROM [a]\nRUN [b  c]"},
        {"# ESCAPE=`\nFROM a\nRUN b `\n c\n", "FROM [a]\nRUN [b  c]"},
        {"# escape=\\\nFROM a\nRUN b \\\n c\n", "FROM [a]\nRUN [b  c]"},
        {"# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN b `\n c\n", "FROM [a]\nRUN [b  c]"},
        {"#!/usr/bin/env thing\n# escape=`\nFROM a\nRUN b `\n", "FROM [a]\nRUN [b `]"},
        {"# a comment\n# escape=`\nFROM a\nRUN b `\nRUN c\n", "FROM [a]\nRUN [b `]\nRUN [c]"},
        {"\n# escape=`\nFROM a\nRUN b `\nRUN c\n", "FROM [a]\nRUN [b `]\nRUN [c]"},
        {"# other=x\n# escape=`\nFROM a\nRUN b `\nRUN c\n", "FROM [a]\nRUN [b `]\nRUN [c]"},
        {"FROM a\n# escape=`\nRUN b \\\n c\n", "FROM [a]\nRUN [b  c]"},
        {"# escape=x\nFROM a\n", NULL},
        {"# escape=``\nFROM a\n", NULL},
        {"# escape=\\\n# escape=`\nFROM a\n", NULL},
        {"# syntax=a\n# syntax=b\nFROM a\n", NULL},
        {"# check=a\n# Check=b\nFROM a\n", NULL},
        {"# escape=\nFROM a\nRUN b \\\n c\n", "FROM [a]\nRUN [b  c]"},
    };
    check_all(rows, COUNT_OF(rows));
}

static void the_values_of_directives_are_kept(void **state)
{
    (void)state;
    static const char text[] = "# syntax=docker/dockerfile:1.7-labs\n"
                               "# check=skip=A,B;error=true\n"
                               "# escape=`\n"
                               "FROM a\n"
                               "# check=skip=C\n"
                               "# and why\n"
                               "RUN b\n"
                               "# check=skip=D\n"
                               "#\n"
                               "RUN c\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    assert_string_equal(file->syntax, "docker/dockerfile:1.7-labs");
    assert_string_equal(file->check, "skip=A,B;error=true");
    assert_int_equal(file->escape, '`');
    assert_null(file->items[0].check);
    assert_string_equal(file->items[1].check, "skip=C");
    assert_null(file->items[2].check);
}

static void from_names_image_and_stage(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"FROM a AS b\n", "FROM [a] AS b"},
        {"FROM a as B-1_x.y\n", "FROM [a] AS B-1_x.y"},
        {"FROM --platform=linux/arm64 a\n", "FROM --platform=linux/arm64 [a]"},
        {"FROM --platform=$BUILDPLATFORM a AS b\n", "FROM --platform=$BUILDPLATFORM [a] AS b"},
        {"ARG T=1\nARG U V=2\nFROM a:${T}\n", "ARG T=[1]\nARG U V=[2]\nFROM [a:${T}]"},
        {"FROM r.io:5000/n@sha256:0a\n", "FROM [r.io:5000/n@sha256:0a]"},
        {"FROM scratch\nFROM b\n", "FROM [scratch]\nFROM [b]"},
        {"FROM\n", NULL},
        {"FROM a b\n", NULL},
        {"FROM a AS\n", NULL},
        {"FROM a AS 1b\n", NULL},
        {"FROM a AS -b\n", NULL},
        {"FROM a AS b/c\n", NULL},
        {"FROM a AS b c\n", NULL},
        {"FROM a IS b\n", NULL},
        {"FROM --platform a\n", NULL},
        {"FROM --from=b a\n", NULL},
        {"RUN a\n", NULL},
        {"ENV a=b\nFROM c\n", NULL},
        {"ARG a\nRUN b\nFROM c\n", NULL},
        {"ARG a\n", NULL},
    };
    check_all(rows, COUNT_OF(rows));
}

static void commands_have_two_forms(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"RUN a  b", "RUN [a  b]"},
        {"RUN [\"a\", \"b c\"]", "RUN json [a] [b c]"},
        {"RUN   [ \"a\",\"b\" ]  ", "RUN json [a] [b]"},
        {"CMD [ \"/bin/bash\", \\\n  \"-c\", \\\n  \"/app/start.sh\" ]",
         "CMD json [/bin/bash] [-c] [/app/start.sh]"},
        {"CMD [\"/bin/bash\", \"-c\", \"${START_SCRIPT}\"]",
         "CMD json [/bin/bash] [-c] [${START_SCRIPT}]"},
        {"CMD [\"a\\\"b\", \"c\\\\\", \"\\u00e4\", \"\\t\"]", "CMD json [a\"b] [c\\] [ä] [\t]"},
        {"CMD []", "CMD json"},
        {"ENTRYPOINT []", "ENTRYPOINT json"},
        {"ENTRYPOINT [\"\"]", "ENTRYPOINT json []"},
        {"ENTRYPOINT exec top -b", "ENTRYPOINT [exec top -b]"},
        /* What is no JSON is a command line. */
        {"CMD ['a', 'b']", "CMD [['a', 'b']]"},
        {"CMD [\"a\", \"b\"", "CMD [[\"a\", \"b\"]"},
        {"CMD [\"a\" \"b\"]", "CMD [[\"a\" \"b\"]]"},
        {"CMD [\"a\",]", "CMD [[\"a\",]]"},
        {"CMD [a]", "CMD [[a]]"},
        {"CMD [\"a\"] b", "CMD [[\"a\"] b]"},
        {"RUN [ -f /x ] && y", "RUN [[ -f /x ] && y]"},
        {"RUN [[ -f /x ]] && y", "RUN [[[ -f /x ]] && y]"},
        {"CMD \"a b\"", "CMD [\"a b\"]"},
        {"SHELL [\"/bin/bash\", \"-c\"]", "SHELL json [/bin/bash] [-c]"},
        {"RUN ! grep x y && { a; b; } | c $(d) *.e", "RUN [! grep x y && { a; b; } | c $(d) *.e]"},
        {"RUN", "RUN []"},
        {"RUN []", NULL},
        {"CMD", "CMD []"},
        {"ENTRYPOINT  ", "ENTRYPOINT []"},
        {"CMD [1]", NULL},
        {"CMD [\"a\", null]", NULL},
        {"RUN [[\"a\"]]", NULL},
        {"SHELL /bin/bash -c", NULL},
        {"SHELL []", NULL},
        {"SHELL", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void pairs_keep_quotes_and_variables(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"ENV a=b", "ENV a=[b]"},
        {"ENV a=b c=d", "ENV a=[b] c=[d]"},
        {"ENV a=b \\\n    c=d \\\n# e\n    f=g", "ENV a=[b] c=[d] f=[g]"},
        {"ENV a=\"b c\" d='e f' g=h\\ i", "ENV a=[\"b c\"] d=['e f'] g=[h\\ i]"},
        {"ENV a=\"b\\\"c d\" e=f", "ENV a=[\"b\\\"c d\"] e=[f]"},
        {"ENV a='b\\' c=d", "ENV a=['b\\'] c=[d]"},
        {"ENV a=", "ENV a=[]"},
        {"ENV a=\"\"", "ENV a=[\"\"]"},
        {"ENV a=b=c", "ENV a=[b=c]"},
        {"ENV PATH=\"/x:${PATH}\"", "ENV PATH=[\"/x:${PATH}\"]"},
        {"ENV a b", "ENV a =[b]"},
        {"ENV a   b  c = d", "ENV a =[b  c = d]"},
        {"ENV a \"b c\"", "ENV a =[\"b c\"]"},
        {"ENV a b=c", "ENV a =[b=c]"},
        {"LABEL a=b \"c d\"=e f.g=\"h\"", "LABEL a=[b] \"c d\"=[e] f.g=[\"h\"]"},
        {"LABEL a b c", "LABEL a =[b c]"},
        {"LABEL \"a\"=\"b \\\n c\"", "LABEL \"a\"=[\"b  c\"]"},
        {"ARG a", "ARG a"},
        {"ARG a=b c d=", "ARG a=[b] c d=[]"},
        {"ARG a=\"b c\"", "ARG a=[\"b c\"]"},
        {"ARG a=${b:-c d}", "ARG a=[${b:-c] d}"}, /* blanks part words, whatever is around */
        {"ENV", NULL},
        {"ENV a", NULL},
        {"ENV a=b c", NULL},
        {"ENV =b", NULL},
        {"ENV a=b =c", NULL},
        {"LABEL", NULL},
        {"LABEL a", NULL},
        {"LABEL a=b c", NULL},
        {"ARG", NULL},
        {"ARG =a", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void copies_have_flags_sources_and_a_destination(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"COPY a b", "COPY [a] [b]"},
        {"COPY a b c/ d/", "COPY [a] [b] [c/] [d/]"},
        {"COPY [\"a b\", \"c\"]", "COPY json [a b] [c]"},
        {"COPY [a] b", "COPY [[a]] [b]"}, /* no JSON, but a pattern */
        {"COPY \"a b\" c", "COPY [\"a] [b\"] [c]"},
        {"COPY --from=x --chown=u:g a b", "COPY --from=x --chown=u:g [a] [b]"},
        {"COPY --chown=client:client --from=build /a /b",
         "COPY --chown=client:client --from=build [/a] [/b]"},
        {"COPY --chown=\"u:g\" --chmod='0755' a b", "COPY --chown=u:g --chmod=0755 [a] [b]"},
        {"COPY --link a b", "COPY --link=true [a] [b]"},
        {"COPY --link=false --parents=TRUE a b", "COPY --link=false --parents=true [a] [b]"},
        {"COPY --exclude=*.o --exclude=x\\ y a b", "COPY --exclude=*.o --exclude=x y [a] [b]"},
        {"COPY -- --a b", "COPY [--a] [b]"},
        {"COPY --chown= a b", "COPY --chown= [a] [b]"},
        {"COPY --chown=${U}:${G} a b", "COPY --chown=${U}:${G} [a] [b]"},
        {"COPY \\\n  --from=x \\\n  a \\\n  b", "COPY --from=x [a] [b]"},
        {"ADD https://e.org/x /y", "ADD [https://e.org/x] [/y]"},
        {"ADD --checksum=sha256:0 --keep-git-dir --unpack=true --chmod=u+x a b",
         "ADD --checksum=sha256:0 --keep-git-dir=true --unpack=true --chmod=u+x [a] [b]"},
        {"COPY a", NULL},
        {"COPY", NULL},
        {"COPY --from=x a", NULL},
        {"COPY [\"a\"]", NULL},
        {"COPY [\"a\", 1]", NULL},
        {"COPY --form=x a b", NULL},
        {"COPY --from=x --from=y a b", NULL},
        {"COPY --from a b", NULL},
        {"COPY --link= a b", NULL},
        {"COPY --link=maybe a b", NULL},
        {"COPY --chown=\"u a b", NULL},
        {"COPY --checksum=x a b", NULL},
        {"ADD --from=x a b", NULL},
        {"ADD --parents a b", NULL},
        {"COPY a <<EOF\nEOF", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void run_has_flags(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"RUN --mount=type=cache,target=/c --mount=type=bind,from=x,target=/y a b",
         "RUN --mount=type=cache,target=/c --mount=type=bind,from=x,target=/y [a b]"},
        {"RUN --network=none --security=insecure [\"a\"]",
         "RUN --network=none --security=insecure json [a]"},
        {"RUN --device=vendor.com/gpu=all --device=x a",
         "RUN --device=vendor.com/gpu=all --device=x [a]"},
        {"RUN -- --a", "RUN [--a]"},
        {"RUN a --network=x", "RUN [a --network=x]"},
        {"RUN --network=some a", NULL},
        {"RUN --network=none --network=host a", NULL},
        {"RUN --security=none a", NULL},
        {"RUN --mount a", NULL},
        {"RUN --mount=type=cache,target=/c", "RUN --mount=type=cache,target=/c []"},
        {"RUN --cap-add=x a", NULL},
        {"CMD --help", NULL},
        {"ENTRYPOINT --x", NULL},
        {"ENV --a=b c=d", NULL},
        {"USER --a b", NULL},
        {"WORKDIR --a /b", NULL},
        {"ARG --a b", NULL},
        {"STOPSIGNAL --a 9", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void the_other_instructions(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"WORKDIR /a b", "WORKDIR [/a b]"},
        {"WORKDIR ${HOME}/x", "WORKDIR [${HOME}/x]"},
        {"USER ${USERNAME}", "USER [${USERNAME}]"},
        {"USER u:g", "USER [u:g]"},
        {"VOLUME /a /b", "VOLUME [/a] [/b]"},
        {"VOLUME [ \"/config\" ]", "VOLUME json [/config]"},
        {"VOLUME [\"/a\",\"/b\"]", "VOLUME json [/a] [/b]"},
        {"EXPOSE 80 443/tcp 5000-5010/udp", "EXPOSE [443/tcp] [5000-5010/udp] [80]"},
        {"STOPSIGNAL SIGTERM", "STOPSIGNAL [SIGTERM]"},
        {"MAINTAINER A B <a@b.c>", "MAINTAINER [A B <a@b.c>]"},
        {"HEALTHCHECK NONE", "HEALTHCHECK none"},
        {"HEALTHCHECK none", "HEALTHCHECK none"},
        {"HEALTHCHECK CMD curl x || exit 1", "HEALTHCHECK [curl x || exit 1]"},
        {"HEALTHCHECK CMD [\"a\", \"b\"]", "HEALTHCHECK json [a] [b]"},
        {"HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=0.5s "
         "--retries=4 cmd a",
         "HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=0.5s "
         "--retries=4 [a]"},
        {"ONBUILD RUN a b", "ONBUILD [RUN a b] { RUN [a b] }"},
        {"ONBUILD COPY --from=x a \\\n b",
         "ONBUILD [COPY --from=x a  b] { COPY --from=x [a] [b] }"},
        {"onbuild cmd [\"a\"]", "ONBUILD [cmd [\"a\"]] { CMD json [a] }"},
        {"WORKDIR", NULL},
        {"USER", NULL},
        {"VOLUME", NULL},
        {"VOLUME []", NULL},
        {"VOLUME [\"\"]", NULL},
        {"VOLUME [\" \"]", NULL},
        {"EXPOSE", NULL},
        {"STOPSIGNAL", NULL},
        {"MAINTAINER", NULL},
        {"HEALTHCHECK", NULL},
        {"HEALTHCHECK a", NULL},
        {"HEALTHCHECK NONE a", NULL},
        {"HEALTHCHECK --interval=1s NONE", NULL},
        {"HEALTHCHECK CMD", NULL},
        {"HEALTHCHECK --interval=5 CMD a", NULL},
        {"HEALTHCHECK --interval=-1s CMD a", NULL},
        {"HEALTHCHECK --interval=1us CMD a", NULL},
        {"HEALTHCHECK --retries=x CMD a", NULL},
        {"HEALTHCHECK --retries=-1 CMD a", NULL},
        {"ONBUILD", NULL},
        {"ONBUILD FROM a", NULL},
        {"ONBUILD ONBUILD RUN a", NULL},
        {"ONBUILD MAINTAINER a", NULL},
        {"ONBUILD RUM a", "ONBUILD [RUM a]"},
        {"ONBUILD COPY a", "ONBUILD [COPY a]"},
        {"RUM a", NULL},
        {"RUN_a", NULL},
        {"&& b", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void heredocs_follow_their_line(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"RUN <<EOF\na\n  b\nEOF\nRUN c", "RUN [<<EOF] 0<<EOF(a\\n  b\\n)\nRUN [c]"},
        {"RUN <<EOF\nEOF", "RUN [<<EOF] 0<<EOF()"},
        {"RUN <<EOF\r\na\r\nEOF\r\n", "RUN [<<EOF] 0<<EOF(a\\r\\n)"},
        {"RUN <<'EOF'\n$a\nEOF", "RUN [<<'EOF'] 0<<EOF'($a\\n)"},
        {"RUN <<\"E F\"\na\nE F", "RUN [<<\"E F\"] 0<<E F'(a\\n)"},
        {"RUN <<E\"O\"F\na\nEOF", "RUN [<<E\"O\"F] 0<<EOF'(a\\n)"},
        {"RUN <<-EOF\n\ta\n\t\tb\n\n\tEOF", "RUN [<<-EOF] 0<<-EOF(a\\nb\\n\\n)"},
        {"RUN <<EOF\n\tEOF\nEOF", "RUN [<<EOF] 0<<EOF(\tEOF\\n)"},
        {"RUN <<EOF\nEOF \n EOF\nEOFX\nEOF", "RUN [<<EOF] 0<<EOF(EOF \\n EOF\\nEOFX\\n)"},
        {"RUN python3 - 3<<EOF <<X >out\na\nEOF\nb\nX\nRUN c",
         "RUN [python3 - 3<<EOF <<X >out] 3<<EOF(a\\n) 0<<X(b\\n)\nRUN [c]"},
        {"RUN <<EOF cat && \\\n b\na\nEOF", "RUN [<<EOF cat &&  b] 0<<EOF(a\\n)"},
        {"RUN << EOF cat\na\nEOF", "RUN [<< EOF cat] 0<<EOF(a\\n)"},
        {"RUN <<EOF\n# no comment\n\\\nRUN x\nEOF",
         "RUN [<<EOF] 0<<EOF(# no comment\\n\\\\nRUN x\\n)"},
        {"RUN <<EOF\n#!/usr/bin/python3\nEOF", "RUN [<<EOF] 0<<EOF(#!/usr/bin/python3\\n)"},
        {"COPY <<a.txt <<'b.txt' /d/\n1\na.txt\n2\nb.txt",
         "COPY [<<a.txt] [<<'b.txt'] [/d/] 0<<a.txt(1\\n) 0<<b.txt'(2\\n)"},
        {"ADD --chmod=755 x <<-y /d\n\tz\ny", "ADD --chmod=755 [x] [<<-y] [/d] 0<<-y(z\\n)"},
        {"ONBUILD RUN <<-EOF\n\ta\n\tEOF\nRUN b",
         "ONBUILD [RUN <<-EOF\\n\ta\\nEOF] { RUN [<<-EOF] 0<<-EOF(a\\n) }\nRUN [b]"},
        /* Where << means something else. */
        {"RUN cat <<<EOF", "RUN [cat <<<EOF]"},
        {"RUN echo '<<EOF'", "RUN [echo '<<EOF']"},
        {"RUN echo \\<<EOF", "RUN [echo \\<<EOF]"},
        {"RUN echo $((1<<2))", "RUN [echo $((1<<2))]"},
        {"RUN a<<EOF", "RUN [a<<EOF]"},
        {"RUN [\"a\", \"<<EOF\"]", "RUN json [a] [<<EOF]"},
        {"CMD <<EOF", "CMD [<<EOF]"},
        {"RUN <<", "RUN [<<]"},
        {"RUN <<EOF\na", NULL},
        {"RUN <<A <<B\nB\nA\n", NULL},
        {"COPY <<EOF /x\n EOF\n", NULL},
    };
    check_lines(rows, COUNT_OF(rows));
}

static void a_heredoc_source_leads_to_its_body(void **state)
{
    (void)state;
    static const char text[] = "FROM a\nCOPY x <<'b' /c\nbody\nb\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    const struct instruction *in = &file->items[1];
    assert_null(instruction_heredoc(in, "x"));
    assert_string_equal(instruction_heredoc(in, "<<'b'")->content, "body\n");
    assert_int_equal(in->first, 2);
    assert_int_equal(in->last, 4);
    assert_int_equal(in->heredocs[0].line, 3);
    assert_int_equal(in->heredocs[0].at.column, 8);
}

static void everything_knows_its_place(void **state)
{
    (void)state;
    static const char text[] = "# why\n"
                               "FROM a AS b\n"
                               "\n"
                               "  COPY --from=x \\\n"
                               "   c \\\n"
                               "# between\n"
                               "\td/\n"
                               "ENV k=\"v w\" \\\n"
                               "  l=m\n"
                               "CMD [ \"one\", \\\n"
                               " \"tw\\\"o\", \"three\" ]\n"
                               "ONBUILD  RUN e\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    const struct instruction *in = file->items;
    const struct {
        struct position got;
        unsigned line, column;
    } rows[] = {
        {in[0].at, 2, 1},
        {in[0].args[0].at, 2, 6},
        {in[0].stage_name.at, 2, 11},
        {in[1].at, 4, 3},
        {in[1].flags[0].at, 4, 8},
        {in[1].args[0].at, 5, 4},
        {in[1].args[1].at, 7, 2},
        {in[2].pairs[0].key.at, 8, 5},
        {in[2].pairs[0].value.at, 8, 7},
        {in[2].pairs[1].key.at, 9, 3},
        {in[2].pairs[1].value.at, 9, 5},
        {in[3].args[0].at, 10, 7},
        {in[3].args[1].at, 11, 2},
        {in[3].args[2].at, 11, 11},
        {in[4].at, 12, 1},
        {in[4].inner->at, 12, 10},
        {in[4].inner->args[0].at, 12, 14},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].got.line, rows[i].line);
        assert_int_equal(rows[i].got.column, rows[i].column);
    }
    assert_int_equal(in[1].first, 4);
    assert_int_equal(in[1].last, 7);
    assert_string_equal(in[1].text, "COPY --from=x    c \td/");
    assert_string_equal(in[4].inner->text, "RUN e");
}

static void an_entry_of_an_image_s_onbuild_list_is_one_instruction(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"RUN a", "RUN [a]"},
        {"COPY . /x", "COPY [.] [/x]"},
        {"RUN <<EOF\na\nEOF", "RUN [<<EOF] 0<<EOF(a\\n)"},
        {"ARG a", "ARG a"},
        {"FROM a", NULL},
        {"ONBUILD RUN a", NULL},
        {"MAINTAINER a", NULL},
        {"", NULL},
        {"RUN a\nRUN b", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autodockerfile *file = NULL;
        autoerror err = ERROR_INIT;
        autostr got = STR_INIT;
        int failed = dockerfile_parse_trigger(rows[i].text, "ONBUILD of x", &file, &err);
        assert_int_equal(failed, rows[i].want ? 0 : -1);
        if (failed) {
            assert_string_equal(err.file, "ONBUILD of x");
            continue;
        }
        dump(&got, &file->items[0]);
        assert_string_equal(str_text(&got), rows[i].want);
    }
}

static void a_copy_of_an_instruction_is_whole(void **state)
{
    (void)state;
    static const char text[] = "FROM a AS b\n"
                               "# check=skip=X\n"
                               "ONBUILD COPY --link <<E x /y\nz\nE\n"
                               "ENV a=b c=d\n"
                               "HEALTHCHECK NONE\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    for (size_t i = 0; i < file->count; i++) {
        struct instruction copy;
        instruction_copy(&copy, &file->items[i]);
        autostr a = STR_INIT, b = STR_INIT;
        dump(&a, &file->items[i]);
        dump(&b, &copy);
        assert_string_equal(str_text(&a), str_text(&b));
        assert_string_equal(copy.text, file->items[i].text);
        assert_int_equal(copy.last, file->items[i].last);
        instruction_release(&copy);
    }
}

static void bytes_that_are_no_dockerfile_are_refused(void **state)
{
    (void)state;
    autodockerfile *file = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(dockerfile_parse("FROM a\nRU\0N", 11, "f", &file, &err), -1);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 3);
    size_t n = LEXER_MAX + 1;
    autofree char *large = mem_alloc(n);
    memset(large, 'a', n);
    assert_int_equal(dockerfile_parse(large, n, "f", &file, &err), -1);
    assert_null(file);
    assert_int_equal(dockerfile_parse(NULL, 0, "f", &file, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_joined_and_comments_dropped),
        cmocka_unit_test(directives_stand_first_and_once),
        cmocka_unit_test(the_values_of_directives_are_kept),
        cmocka_unit_test(from_names_image_and_stage),
        cmocka_unit_test(commands_have_two_forms),
        cmocka_unit_test(pairs_keep_quotes_and_variables),
        cmocka_unit_test(copies_have_flags_sources_and_a_destination),
        cmocka_unit_test(run_has_flags),
        cmocka_unit_test(the_other_instructions),
        cmocka_unit_test(heredocs_follow_their_line),
        cmocka_unit_test(a_heredoc_source_leads_to_its_body),
        cmocka_unit_test(everything_knows_its_place),
        cmocka_unit_test(an_entry_of_an_image_s_onbuild_list_is_one_instruction),
        cmocka_unit_test(a_copy_of_an_instruction_is_whole),
        cmocka_unit_test(bytes_that_are_no_dockerfile_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
