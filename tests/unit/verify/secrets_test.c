#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secrets.h"

#include <base/mem.h>
#include <base/str.h>

#include <string.h>

#define LINE "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w\n"
/* Made up, in parts so that no scanner of sources finds them. */
#define TOKEN                                                                                      \
    "gh"                                                                                           \
    "p_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2"

static void secrets_are_told_from_what_looks_like_them(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text, *found;
    } cases[] = {
        {"/x", "-----BEGIN PRIVATE KEY-----\n" LINE, "a private key"},
        {"/x", "a\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n" LINE,
         "a private key"},
        {"/x", "-----BEGIN CERTIFICATE-----\n" LINE, NULL},
        {"/x", "MARK = '-----BEGIN PRIVATE KEY-----'\n" LINE, NULL},
        {"/x", "-----BEGIN PRIVATE KEY-----\n...\n", NULL},
        {"/x", "-----BEGIN PRIVATE KEY-----", NULL},
        {"/v/site-packages/x/tests/key.pem", "-----BEGIN PRIVATE KEY-----\n" LINE, NULL},
        {"/x", "token=" TOKEN, "a GitHub token"},
        {"/x", "xx" TOKEN, NULL},
        {"/x",
         "gh"
         "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         NULL},
        {"/root/.netrc", "machine a login b password c", "a password"},
        {"/root/.netrc", "machine a", NULL},
        {"/srv/.git-credentials", "https://a:b@c", "Git's credentials"},
        {NULL,
         "KEY="
         "AKI"
         "AABCDEFGH12345678",
         "an AWS access key"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (!str_eq(secrets_find(cases[i].path, cases[i].text, strlen(cases[i].text)),
                    cases[i].found))
            fail_msg("%s", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_told_from_what_looks_like_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
