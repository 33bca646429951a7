/* builder/annotations: which manifest an annotation belongs to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "annotations.h"

#include <base/mem.h>

static char *at(const struct strv *all, enum annotation_place place, const char *platform)
{
    struct platform p;
    if (platform)
        assert_int_equal(platform_parse(platform, &p, NULL), 0);
    autojson *json = annotations_for(all, place, platform ? &p : NULL);
    return json ? json_text(json) : mem_strdup("none");
}

static void expect(const struct strv *all, enum annotation_place place, const char *platform,
                   const char *wanted)
{
    autofree char *found = at(all, place, platform);
    assert_string_equal(found, wanted);
}

static void go_where_they_are_told_to(void **state)
{
    (void)state;
    autostrv all = STRV_INIT;
    strv_add(&all, "plain=1");
    strv_add(&all, "index:a=2");
    strv_add(&all, "manifest:b=3");
    strv_add(&all, "manifest[linux/arm64]:c=4");
    strv_add(&all, "index,manifest-descriptor:d=5=6");
    strv_add(&all, "org.example:name=7"); /* a name with a colon is no place */
    assert_int_equal(annotations_check(&all, true, NULL), 0);
    expect(&all, ANNOTATION_INDEX, NULL,
           "{\"plain\":\"1\",\"a\":\"2\",\"d\":\"5=6\",\"org.example:name\":\"7\"}");
    expect(&all, ANNOTATION_MANIFEST, "linux/amd64",
           "{\"plain\":\"1\",\"b\":\"3\",\"org.example:name\":\"7\"}");
    expect(&all, ANNOTATION_MANIFEST, "linux/arm64",
           "{\"plain\":\"1\",\"b\":\"3\",\"c\":\"4\",\"org.example:name\":\"7\"}");
    expect(&all, ANNOTATION_DESCRIPTOR, "linux/amd64", "{\"d\":\"5=6\"}");
    struct strv none = STRV_INIT;
    expect(&none, ANNOTATION_INDEX, NULL, "none");
}

static void are_refused_where_there_is_no_such_place(void **state)
{
    (void)state;
    static const char *const wrong[] = {"index-descriptor:a=1", "manifest[nonsense/]:a=1",
                                        "index[linux/amd64]:a=1", "manifest,other:a=1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        autostrv one = STRV_INIT;
        autoerror err = ERROR_INIT;
        strv_add(&one, wrong[i]);
        assert_int_equal(annotations_check(&one, true, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    autostrv index = STRV_INIT;
    strv_add(&index, "index:a=1");
    assert_int_equal(annotations_check(&index, false, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_where_they_are_told_to),
        cmocka_unit_test(are_refused_where_there_is_no_such_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
