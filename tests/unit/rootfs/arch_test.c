/* rootfs/arch: which architecture a program is for, by its first bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "arch.h"
#include "limits.h"

#include <base/io.h>
#include <base/mem.h>

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void names_this_machines_own_programs(void **state)
{
    (void)state;
    unsigned char bytes[ARCH_HEADER];
    struct utsname host;
    autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(io_read(fd, bytes, sizeof bytes), sizeof bytes);
    const struct arch *arch = arch_of_program(bytes, sizeof bytes);
    assert_non_null(arch);
    assert_int_equal(uname(&host), 0);
    assert_string_equal(arch->qemu, host.machine);
}

/* The heads are those of the System V ABI's supplements for each processor. */
static void knows_class_byte_order_and_machine(void **state)
{
    (void)state;
    static const struct {
        const char *name, *head;
    } programs[] = {
        {"arm64", "\x7f"
                  "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\xb7\0"},
        {"arm", "\x7f"
                "ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\x28\0"},
        {"s390x", "\x7f"
                  "ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\3\0\x16"},
        {"ppc64le", "\x7f"
                    "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x15\0"},
        {"ppc64", "\x7f"
                  "ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\x15"},
        {"riscv64", "\x7f"
                    "ELF\2\1\1\3\0\0\0\0\0\0\0\0\3\0\xf3\0"},
        {"386", "\x7f"
                "ELF\1\1\1\3\0\0\0\0\0\0\0\0\2\0\3\0"},
    };
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        const struct arch *arch = arch_of_program(programs[i].head, ARCH_HEADER);
        assert_non_null(arch);
        assert_string_equal(arch->name, programs[i].name);
        assert_ptr_equal(arch, arch_find(programs[i].name));
    }
}

static void takes_nothing_else_for_a_program(void **state)
{
    (void)state;
    static const char script[] = "#!/bin/sh\nexit 0\n#####";
    /* a relocatable object, an unknown machine, and a head cut short */
    static const char object[] = "\x7f"
                                 "ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\x3e\0";
    static const char unknown[] = "\x7f"
                                  "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xff\xff";
    assert_null(arch_of_program(script, ARCH_HEADER));
    assert_null(arch_of_program(object, ARCH_HEADER));
    assert_null(arch_of_program(unknown, ARCH_HEADER));
    assert_null(arch_of_program(object, ARCH_HEADER - 1));
    assert_null(arch_find("vax"));
}

static void reads_limits_as_people_write_them(void **state)
{
    (void)state;
    struct limits l;
    assert_int_equal(limits_parse("512m", "1.5", "100", &l, NULL), 0);
    assert_int_equal(l.memory, 512 << 20);
    assert_int_equal(l.cpus, 1500);
    assert_int_equal(l.pids, 100);
    assert_int_equal(limits_parse(NULL, "0.25", NULL, &l, NULL), 0);
    assert_int_equal(l.cpus, 250);
    assert_true(limits_are_set(&l));
    assert_int_equal(limits_parse(NULL, NULL, NULL, &l, NULL), 0);
    assert_false(limits_are_set(&l));
    static const char *const wrong[][3] = {
        {"12x", NULL, NULL}, {"-5m", NULL, NULL}, {"", NULL, NULL},     {"1k", NULL, NULL},
        {NULL, "", NULL},    {NULL, "two", NULL}, {NULL, "1.5x", NULL}, {NULL, "0", NULL},
        {NULL, "1e3", NULL}, {NULL, NULL, "0"},   {NULL, NULL, "-1"},   {NULL, NULL, "many"}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        autoerror err = ERROR_INIT;
        assert_int_equal(limits_parse(wrong[i][0], wrong[i][1], wrong[i][2], &l, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_this_machines_own_programs),
        cmocka_unit_test(knows_class_byte_order_and_machine),
        cmocka_unit_test(takes_nothing_else_for_a_program),
        cmocka_unit_test(reads_limits_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
