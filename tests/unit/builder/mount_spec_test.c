#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "mount_spec.h"

#include <string.h>

static const char *lookup(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "A") ? NULL : "value";
}

static const struct expand how = {.lookup = lookup, .escape = '\\'};

static void a_mount_is_a_read_only_bind_unless_it_says_otherwise(void **state)
{
    (void)state;
    struct mount_spec m;
    assert_int_equal(mount_spec_parse("target=/x", &how, &m, NULL), 0);
    assert_int_equal(m.type, MOUNT_BIND);
    assert_true(m.read_only);
    assert_string_equal(m.target, "/x");
    mount_spec_release(&m);
    assert_int_equal(mount_spec_parse("type=bind,dst=/x,rw", &how, &m, NULL), 0);
    assert_false(m.read_only);
    mount_spec_release(&m);
}

static void values_are_expanded_and_quoted_fields_may_hold_commas(void **state)
{
    (void)state;
    struct mount_spec m;
    assert_int_equal(
        mount_spec_parse("TYPE=Cache,id=${A}-1,\"target=/a,b\",sharing=LOCKED,mode=0750,uid=7",
                         &how, &m, NULL),
        0);
    assert_int_equal(m.type, MOUNT_CACHE);
    assert_string_equal(m.id, "value-1");
    assert_string_equal(m.target, "/a,b");
    assert_int_equal(m.sharing, MOUNT_LOCKED);
    assert_int_equal(m.mode, 0750);
    assert_int_equal(m.uid, 7);
    assert_false(m.has_gid);
    assert_false(m.read_only);
    mount_spec_release(&m);
}

static void sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {{"64m", INT64_C(64) << 20}, {"1.5g", INT64_C(3) << 29}, {"2KiB", 2048}, {"7", 7}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        struct mount_spec m;
        snprintf(text, sizeof text, "type=tmpfs,target=/t,size=%s", rows[i].text);
        assert_int_equal(mount_spec_parse(text, &how, &m, NULL), 0);
        assert_int_equal(m.size, rows[i].bytes);
        mount_spec_release(&m);
    }
}

static void what_a_type_does_not_take_is_refused(void **state)
{
    static const char *const wrong[] = {"type=tmpfs,target=/t,size=many",
                                        "type=cache,target=/t,size=1m",
                                        "type=bind,mode=0700",
                                        "type=secret",
                                        "type=secret,id=a,src=b",
                                        "type=cache,required",
                                        "type=ssh,src=/x",
                                        "type=secret,id=a,from=b",
                                        "type=cache,uid=-1",
                                        "type=cache,mode=0x7",
                                        "type=cach,target=/t",
                                        "target=\"/x"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct mount_spec m;
        autoerror err = ERROR_INIT;
        assert_int_equal(mount_spec_parse(wrong[i], &how, &m, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mount_is_a_read_only_bind_unless_it_says_otherwise),
        cmocka_unit_test(values_are_expanded_and_quoted_fields_may_hold_commas),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(what_a_type_does_not_take_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
