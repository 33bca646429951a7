/* Words and their variables: each row is a word, and what becomes of it. */
#include "expand.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *lookup(void *context, const char *name)
{
    static const char *const vars[][2] = {
        {"home", "/home/ann"},
        {"empty", ""},
        {"two", "one  two"},
        {"edges", "  in "},
        {"path", "/opt/tool/bin/tool.tar.gz"},
        {"stars", "a*b?c"},
        {"brackets", "x(y)[z].{w}|^$+"},
        {"lines", "first\nsecond"},
        {"glob", "*.gz"},
        {"höhe", "12"},
        {"euro", "1€2€3"},
        {"quoted", "say \"hi\""},
        {"dollar", "$home"},
        {"slash", "\\/"},
        {"_u1", "under"},
    };
    (void)context;
    for (size_t i = 0; i < COUNT_OF(vars); i++) {
        if (strcmp(vars[i][0], name) == 0)
            return vars[i][1];
    }
    return NULL;
}

struct row {
    const char *word;
    const char *want; /* NULL: an error */
};

static int check(struct expand how, const struct row *row)
{
    how.lookup = lookup;
    char *out = NULL;
    struct error err = ERROR_INIT;
    size_t at = SIZE_MAX;
    int failed = expand_word(&how, row->word, &out, &at, &err);
    int wrong = 0;
    if (!row->want && (!failed || at > strlen(row->word) || err.kind != ERROR_INPUT)) {
        print_error("%s: gives %s, not an error with its place\n", row->word, out ? out : "?");
        wrong = 1;
    } else if (row->want && failed) {
        print_error("%s: %s\n", row->word, err.message);
        wrong = 1;
    } else if (row->want && strcmp(out, row->want) != 0) {
        print_error("%s: gives %s, not %s\n", row->word, out, row->want);
        wrong = 1;
    }
    free(out);
    error_release(&err);
    return wrong;
}

static void check_all(struct expand how, const struct row *rows, size_t n)
{
    int wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += check(how, &rows[i]);
    assert_int_equal(wrong, 0);
}

static const struct expand plain = {.escape = '\\'};

static void quotes_and_escapes_are_taken_off(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", ""},
        {"word", "word"},
        {"two words  kept", "two words  kept"},
        {"  edges kept ", "  edges kept "},
        {"'single'", "single"},
        {"\"double\"", "double"},
        {"a'b'c\"d\"e", "abcde"},
        {"''", ""},
        {"\"\"", ""},
        {"'a\"b'", "a\"b"},
        {"\"a'b\"", "a'b"},
        {"'open", NULL},
        {"\"open", NULL},
        {"a'b", NULL},
        {"a\\'b", "a'b"},
        {"a\\\"b", "a\"b"},
        {"a\\b", "ab"},
        {"a\\\\b", "a\\b"},
        {"a\\ b", "a b"},
        {"end\\", "end"},
        {"end\\\\", "end\\"},
        {"\"a\\b\"", "a\\b"},
        {"\"a\\\\b\"", "a\\b"},
        {"\"a\\\"b\"", "a\"b"},
        {"\"a\\$home\"", "a$home"},
        {"\"open\\\"", NULL},
        {"\"open\\", NULL},
        {"'a\\'", "a\\"},
        {"'a\\\\b'", "a\\\\b"},
        {"'a\\'b'", NULL},
        {"grüße 'ü'", "grüße ü"},
        {"a<b<<c<< d", "a<b<<c<< d"},
        {"<", "<"},
        {"tab\\tstop", "tabtstop"},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void plain_variables_give_their_value(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"$home", "/home/ann"},
        {"$home/x", "/home/ann/x"},
        {"${home}x", "/home/annx"},
        {"a$home.b", "a/home/ann.b"},
        {"$home$home", "/home/ann/home/ann"},
        {"$homex", ""},
        {"$_u1-", "under-"},
        {"[$none]", "[]"},
        {"[${none}]", "[]"},
        {"[$empty]", "[]"},
        {"'$home'", "$home"},
        {"\"$home\"", "/home/ann"},
        {"\"'$home'\"", "'/home/ann'"},
        {"\\$home", "$home"},
        {"\\\\$home", "\\/home/ann"},
        {"\\${home}", "${home}"},
        {"'${home'", "${home"},
        {"$", "$"},
        {"a$", "a$"},
        {"$.", "$."},
        {"$ x", "$ x"},
        {"$/", "$/"},
        {"$höhe", "12"},
        {"${höhe}m", "12m"},
        {"$home…", "/home/ann…"},
        {"$two", "one  two"},
        {"$quoted", "say \"hi\""},
        {"$dollar", "$home"}, /* values are not expanded again */
        {"$1", ""},
        {"x$12y", "xy"},
        {"${12}", ""},
        {"$$", ""},
        {"$@a", "a"},
        {"$?a$#b$*c$!d$-e", "abcde"},
        {"${?}", ""},
        {"${@:-all}", "all"},
        {"${1:-one}", "one"},
        {"${#:-many}", "many"},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void bad_substitutions_are_errors(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"${", NULL},
        {"${}", NULL},
        {"${}x", NULL},
        {"${home", NULL},
        {"${{home}}", NULL},
        {"${:home}", NULL},
        {"${:-x}", NULL},
        {"${.}", NULL},
        {"${home.x}", NULL},
        {"${home!}", NULL},
        {"${home=x}", NULL},
        {"${home:=x}", NULL},
        {"${home:}", NULL},
        {"${home:", NULL},
        {"${home:x}", NULL},
        {"${home:1:2}", NULL},
        {"${home:-x", NULL},
        {"${home:-${none}", NULL},
        {"${home:-'}", NULL},
        {"${home:#x}", NULL},
        {"${home:%x}", NULL},
        {"${home^^}", NULL},
        {"${home@Q}", NULL},
        {"${#home}", NULL},
        {"${home/x}", NULL},
        {"${home//x}", NULL},
        {"${home/", NULL},
        {"${home/a/b", NULL},
        {"${home?", NULL},
        {"\"${home\"", NULL},
        {"${none:-${also:-${third?gone}}}", NULL},
        {"${path#\\a}", NULL},
        {"${path#a\\", NULL},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void defaults_and_alternatives(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"${none:-x}", "x"},
        {"${none-x}", "x"},
        {"${empty:-x}", "x"},
        {"${empty-x}", ""},
        {"${home:-x}", "/home/ann"},
        {"${home-x}", "/home/ann"},
        {"${none:-}", ""},
        {"${none-}", ""},
        {"${none:+x}", ""},
        {"${none+x}", ""},
        {"${empty:+x}", ""},
        {"${empty+x}", "x"},
        {"${home:+x}", "x"},
        {"${home+x}", "x"},
        {"${home:+}", ""},
        {"${home:?gone}", "/home/ann"},
        {"${home?}", "/home/ann"},
        {"${empty?gone}", ""},
        {"${empty:?gone}", NULL},
        {"${empty:?}", NULL},
        {"${none?gone}", NULL},
        {"${none?}", NULL},
        {"${none:?}", NULL},
        {"${none:-$home}", "/home/ann"},
        {"${none:-${also:-deep}}", "deep"},
        {"${none:-${home:+set}}", "set"},
        {"${none:-a b}", "a b"},
        {"${none:-'a b'}", "a b"},
        {"${none:-'}'}", "}"},
        {"${none:-\"}\"}", "}"},
        {"${none:-\\}}", "}"},
        {"${none:-a{b}", "a{b"},
        {"${none:-a}}", "a}"},
        {"${none:-\\$home}", "$home"},
        {"${none:-:}", ":"},
        {"${none:--}", "-"},
        {"${none:-/}", "/"},
        {"\"${none:-'x'}\"", "x"},
        {"${none:-x}${home:+y}", "xy"},
        {"x${none:+-$none}", "x"},
        {"x${home:+-$home}", "x-/home/ann"},
        {"tool-$none${none:+-}${empty}.tar", "tool-.tar"},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void prefixes_and_suffixes_are_cut(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"${path#/opt}", "/tool/bin/tool.tar.gz"},
        {"${path#*/}", "opt/tool/bin/tool.tar.gz"},
        {"${path##*/}", "tool.tar.gz"},
        {"${path%.*}", "/opt/tool/bin/tool.tar"},
        {"${path%%.*}", "/opt/tool/bin/tool"},
        {"${path%/*}", "/opt/tool/bin"},
        {"${path%%/*}", ""},
        {"${path#nothing}", "/opt/tool/bin/tool.tar.gz"},
        {"${path%nothing}", "/opt/tool/bin/tool.tar.gz"},
        {"${path#}", "/opt/tool/bin/tool.tar.gz"},
        {"${path##}", "/opt/tool/bin/tool.tar.gz"},
        {"${path%}", "/opt/tool/bin/tool.tar.gz"},
        {"${path#*}", "/opt/tool/bin/tool.tar.gz"},
        {"${path##*}", ""},
        {"${path%*}", "/opt/tool/bin/tool.tar.gz"},
        {"${path%%*}", ""},
        {"${path%.??}", "/opt/tool/bin/tool.tar"},
        {"${path%.?}", "/opt/tool/bin/tool.tar.gz"},
        {"${path#/??"
         "?/}",
         "tool/bin/tool.tar.gz"},
        {"${path%$glob}", "/opt/tool/bin/tool.tar"},
        {"${path%%*$glob}", ""},
        {"${path#*t*l}", "/bin/tool.tar.gz"},
        {"${path##*t*l}", ".tar.gz"},
        {"${stars#a\\*}", "b?c"},
        {"${stars%\\?c}", "a*b"},
        {"${stars#a\\?}", "a*b?c"},
        {"${brackets#x(y)[z].{w\\}|^$+}", ""},
        {"${brackets#x.y}", "x(y)[z].{w}|^$+"},
        {"${euro#1?}", "2€3"},
        {"${euro%?3}", "1€2"},
        {"${euro##*€}", "3"},
        {"${euro%%€*}", "1"},
        {"${lines#*s}", "t\nsecond"},
        {"${lines##*s}", "t\nsecond"}, /* nor does * cross a newline */
        {"${lines%?second}", "first\nsecond"},
        {"${none#x}", ""},
        {"${empty%x}", ""},
        {"${empty##*}", ""},
        {"${home#'/home'}", "/ann"},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void matches_are_replaced(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"${home/n/N}", "/home/aNn"},
        {"${home//n/N}", "/home/aNN"},
        {"${home/n/}", "/home/an"},
        {"${home//n/}", "/home/a"},
        {"${home/x/y}", "/home/ann"},
        {"${path/t*l/X}", "/opX.tar.gz"},
        {"${path//o?/X}", "/Xt/tXl/bin/tXl.tar.gz"},
        {"${path//\\//:}", ":opt:tool:bin:tool.tar.gz"},
        {"${path//$slash/:}", ":opt:tool:bin:tool.tar.gz"},
        {"${stars/\\*/-}", "a-b?c"},
        {"${stars/\\?/-}", "a*b-c"},
        {"${home/$empty/>}", ">/home/ann"},
        {"${euro//€/,}", "1,2,3"},
        {"${euro//$empty/.}", ".1.€.2.€.3."},
        {"${euro//?/x}", "xxxxx"},
        {"${lines//?/.}", ".....\n......"},
        {"${none/a/b}", ""},
        {"${empty/a/b}", ""},
        {"${home/home/$home}", "//home/ann/ann"},
        {"${home/home/${none:-away}}", "/away/ann"},
        {"${home//a/\\/}", "/home/\\/nn"},
        {"${home/a/}/}", "/home/nn/}"},
    };
    check_all(plain, rows, COUNT_OF(rows));
}

static void the_backtick_can_be_the_escape(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"`$home", "$home"},   {"c:\\new", "c:\\new"},
        {"\"a`\"b\"", "a\"b"}, {"\"a\\b\"", "a\\b"},
        {"``", "`"},           {"\\$home", "\\/home/ann"},
    };
    check_all((struct expand){.escape = '`'}, rows, COUNT_OF(rows));
}

static void a_heredoc_keeps_its_quotes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"echo \"$home\" '$home'\n", "echo \"/home/ann\" '/home/ann'\n"},
        {"it's ${none:-fine}\n", "it's fine\n"},
        {"\\$home \\\\ \\n\n", "$home \\ n\n"},
        {"${none:-'}", "'"},
        {"${home", NULL},
    };
    check_all((struct expand){.escape = '\\', .keep_quotes = true}, rows, COUNT_OF(rows));
}

static void what_is_not_set_can_stay_as_written(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"$none $home", "$none /home/ann"}, {"${none}", "${none}"},
        {"${none:-x}", "${none:-x}"},       {"${none+x}", "${none+x}"},
        {"${none##*/}", "${none##*/}"},     {"${none//a/b}", "${none//a/b}"},
        {"${none:?x}", "${none:?x}"},
    };
    check_all((struct expand){.escape = '\\', .keep_unset = true}, rows, COUNT_OF(rows));
}

static void raw_quotes_and_escapes_stay(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a 'b c' \"d\"", "a 'b c' \"d\""},
        {"a\\ b", "a\\ b"},
        {"\"a\\\"b\"", "\"a\\\"b\""},
        {"'", NULL},
    };
    check_all((struct expand){.escape = '\\', .raw_quotes = true, .raw_escapes = true}, rows,
              COUNT_OF(rows));
}

static void words_part_at_blanks(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *want; /* words joined by '|'; NULL: an error */
    } rows[] = {
        {"", ""},
        {"   ", ""},
        {"a", "a"},
        {"a b\tc", "a|b|c"},
        {"  a   b  ", "a|b"},
        {"$two", "one|two"},
        {"\"$two\"", "one  two"},
        {"x${two}y", "xone|twoy"},
        {"x$edges", "x|in"},
        {"x${edges}y", "x|in|y"},
        {"\"x$edges\" y", "x  in |y"},
        {"'a b' c", "a b|c"},
        {"a\\ b c", "a b|c"},
        {"'' b", "b"}, /* an empty word is none */
        {"$none b", "b"},
        {"a${none:-b c}d", "ab|cd"},
        {"a\"${none:-b c}\"d", "ab cd"},
        {"<< EOF x", "<< EOF|x"},
        {"a 'b", NULL},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct expand how = {.escape = '\\', .lookup = lookup};
        autostrv words = STRV_INIT;
        strv_add(&words, "before");
        autoerror err = ERROR_INIT;
        int failed = expand_words(&how, rows[i].word, &words, NULL, &err);
        autofree char *got = strv_join(&words, "|");
        autofree char *want = mem_printf("before%s%s", rows[i].want && *rows[i].want ? "|" : "",
                                         rows[i].want ? rows[i].want : "");
        if (failed != (rows[i].want ? 0 : -1) || strcmp(got, want) != 0) {
            print_error("%s: gives %s, not %s\n", rows[i].word, got, want);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void names_that_are_not_set_are_told(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"$home", ""},
        {"$none", "none"},
        {"${none}${none}$also", "none,also"},
        {"${none:-x}${empty}", ""},
        {"${none:-$also}", "also"},
        {"${none#x}", "none"},
        {"${none/x/y}", "none"},
        {"'$none'\\$none", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autostrv unset = STRV_INIT;
        struct expand how = {.escape = '\\', .lookup = lookup, .unset = &unset};
        autofree char *out = NULL;
        assert_int_equal(expand_word(&how, rows[i].word, &out, NULL, NULL), 0);
        autofree char *got = strv_join(&unset, ",");
        assert_string_equal(got, rows[i].want);
    }
}

static void an_error_tells_its_place_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        size_t at;
        const char *message;
        const char *hint; /* part of it */
    } rows[] = {
        {"ab'c", 2, "the single quote has no end", NULL},
        {"ab\"c$home", 2, "the double quote has no end", NULL},
        {"x${home", 1, "missing '}'", NULL},
        {"x${home:-${none}", 1, "missing '}'", NULL},
        {"xy${}", 2, "bad substitution", "name"},
        {"x${home:=y}", 7, "unsupported modifier (:=) in substitution", ":- - :+"},
        {"x${home^}", 7, "unsupported modifier (^) in substitution", ":- - :+"},
        {"x${home/a}", 1, "missing '/' in ${}", NULL},
        {"a/${none:?pick a version}", 2, "none: pick a version", "--build-arg none="},
        {"${none?}", 0, "none: is not allowed to be unset", "ARG"},
        {"${empty:?}", 0, "empty: is not allowed to be empty", "ARG"},
        {"${home#\\a}", 6, "invalid escape '\\a' in the pattern \"\\a\"", "backslash"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct expand how = {.escape = '\\', .lookup = lookup};
        char *out = (char *)"untouched";
        size_t at = SIZE_MAX;
        autoerror err = ERROR_INIT;
        assert_int_equal(expand_word(&how, rows[i].word, &out, &at, &err), -1);
        assert_string_equal(out, "untouched");
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(at, rows[i].at);
        if (rows[i].hint)
            assert_non_null(strstr(err.hint, rows[i].hint));
    }
}

static const char *lookup_large(void *context, const char *name)
{
    return strcmp(name, "large") == 0 ? context : NULL;
}

static void what_grows_without_end_is_refused(void **state)
{
    (void)state;
    size_t n = (size_t)4 << 20;
    autofree char *large = mem_alloc(n + 1);
    memset(large, 'a', n);
    large[n] = '\0';
    struct expand how = {.escape = '\\', .lookup = lookup_large, .context = large};
    static const char *const words[] = {"$large$large$large$large$large", "${large//a/aaaaaaaa}"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        autofree char *out = NULL;
        autoerror err = ERROR_INIT;
        assert_int_equal(expand_word(&how, words[i], &out, NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    autostr deep = STR_INIT;
    for (int i = 0; i < 100000; i++)
        str_add(&deep, "${x:-");
    autofree char *out = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(expand_word(&how, str_text(&deep), &out, NULL, &err), -1);
    assert_string_equal(err.message, "variables are nested too deeply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_and_escapes_are_taken_off),
        cmocka_unit_test(plain_variables_give_their_value),
        cmocka_unit_test(bad_substitutions_are_errors),
        cmocka_unit_test(defaults_and_alternatives),
        cmocka_unit_test(prefixes_and_suffixes_are_cut),
        cmocka_unit_test(matches_are_replaced),
        cmocka_unit_test(the_backtick_can_be_the_escape),
        cmocka_unit_test(a_heredoc_keeps_its_quotes),
        cmocka_unit_test(what_is_not_set_can_stay_as_written),
        cmocka_unit_test(raw_quotes_and_escapes_stay),
        cmocka_unit_test(words_part_at_blanks),
        cmocka_unit_test(names_that_are_not_set_are_told),
        cmocka_unit_test(an_error_tells_its_place_and_what_to_do),
        cmocka_unit_test(what_grows_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
