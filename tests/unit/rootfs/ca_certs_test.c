/* The host's CA bundle: which file, and which variables. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <rootfs/ca_certs.h>

#include <base/mem.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_named_bundle_comes_before_the_variables(void **state)
{
    (void)state;
    char path[] = "/tmp/ca_certs_test.XXXXXX";
    autoclose int file = mkstemp(path);
    struct stat made, opened;
    assert_int_equal(setenv("SSL_CERT_FILE", "/nowhere/at/all.pem", 1), 0);
    autoclose int fd = ca_certs_open(path, NULL);
    assert_true(fd >= 0);
    assert_int_equal(fstat(file, &made), 0);
    assert_int_equal(fstat(fd, &opened), 0);
    assert_int_equal(made.st_ino, opened.st_ino);
    assert_int_equal(unlink(path), 0);
}

static void an_absent_bundle_is_an_error_of_the_host(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    assert_int_equal(setenv("SSL_CERT_FILE", "/nowhere/at/all.pem", 1), 0);
    assert_int_equal(ca_certs_open(NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_HOST);
    assert_non_null(strstr(err.message, "/nowhere/at/all.pem"));
    assert_int_equal(ca_certs_open("/tmp", &err), -1);
}

static void variables_that_are_set_are_kept(void **state)
{
    (void)state;
    autostrv env = STRV_INIT;
    strv_add(&env, "PIP_CERT=/own.pem");
    ca_certs_environment(&env);
    assert_string_equal(env_get(&env, "PIP_CERT"), "/own.pem");
    assert_string_equal(env_get(&env, "SSL_CERT_FILE"), CA_CERTS_PATH);
    assert_string_equal(env_get(&env, "NODE_EXTRA_CA_CERTS"), CA_CERTS_PATH);
    assert_string_equal(env_get(&env, "UV_SYSTEM_CERTS"), "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_named_bundle_comes_before_the_variables),
        cmocka_unit_test(an_absent_bundle_is_an_error_of_the_host),
        cmocka_unit_test(variables_that_are_set_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
