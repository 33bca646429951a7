/* Every fallible call of a copy and of a pull fails once, and the process dies at each once: what
 * was there stays, nothing half-made is seen, and the next run needs no repair. Real in builds with
 * IMGBUILD_FAULTS. */
#include "image_fixture.h"

enum { CALLS_MAX = 400 };

struct job {
    const struct fixture *f;
    const char *kind; /* of the copy's target; NULL: a pull into the layout "keep" */
};

static int run_job(const struct job *job, int keep, struct error *err)
{
    autoreference from = fixture_ref(job->f, "oci", "l");
    if (job->kind) {
        autoreference to = fixture_ref(job->f, job->kind, "out:name:v1");
        return copy(&from, &to, NULL, false, NULL, err);
    }
    struct memory_sink sink;
    memory_init(&sink);
    struct pull_options options = {.keep_layout_fd = keep, .keep_name = "kept"};
    autoimage image = {0};
    return image_pull(&from, &options, &sink.sink, &image, err);
}

/* In a process of its own, with the n-th call failing or fatal: its exit code, or -1. A failure
 * must have a message, and must not leave descriptors open. */
static int run_faulty(const struct job *job, const char *variable, int n)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        char value[32];
        autoerror err = ERROR_INIT;
        snprintf(value, sizeof value, "%d:ENOSPC", n);
        int keep = job->kind ? -1 : open_layout(job->f, "keep");
        size_t before = count_descriptors();
        setenv(variable, value, 1);
        int failed = run_job(job, keep, &err);
        unsetenv(variable);
        bool leaked = count_descriptors() != before;
        bool mute = failed && (!err.message || err.kind == ERROR_NONE);
        error_release(&err);
        _exit(leaked || mute ? 3 : failed ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool visible(const struct job *job)
{
    autoerror err = ERROR_INIT;
    if (job->kind) {
        autofree char *path = fixture_path(job->f, "out");
        return access(path, F_OK) == 0;
    }
    autoclose int keep = open_layout(job->f, "keep");
    struct descriptor d;
    bool found = !layout_find(keep, "kept", &d, &err);
    if (found)
        descriptor_release(&d);
    error_release(&err);
    return found;
}

static void assert_whole(const struct job *job)
{
    autoerror err = ERROR_INIT;
    autoreference ref =
        job->kind ? fixture_ref(job->f, job->kind, "out") : fixture_ref(job->f, "oci", "keep:kept");
    struct memory_sink sink;
    memory_init(&sink);
    struct pull_options options = {.keep_layout_fd = -1};
    autoimage image = {0};
    assert_done(image_pull(&ref, &options, &sink.sink, &image, &err), &err);
    assert_int_equal(sink.count, 3);
}

static void clear(const struct job *job)
{
    autofree char *path = fixture_path(job->f, job->kind ? "out" : "keep");
    assert_int_equal(path_remove_tree(AT_FDCWD, path, NULL), 0);
    if (!job->kind)
        close(open_layout(job->f, "keep"));
}

static void loop(const struct fixture *f, const char *variable)
{
    static const char *const kinds[] = {"oci", "oci-archive", "docker-archive", NULL};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct job job = {f, kinds[i]};
        int n = 1, code = 1;
        if (!job.kind)
            close(open_layout(f, "keep"));
        for (; code && n < CALLS_MAX; n++) {
            code = run_faulty(&job, variable, n);
            assert_int_not_equal(code, 3);
            if (visible(&job))
                assert_whole(&job);
            else
                assert_int_not_equal(code, 0);
            clear(&job);
        }
        if (n < 5 || n >= CALLS_MAX)
            fail_msg("%s: %d calls", job.kind ? job.kind : "pull", n);
    }
}

static void a_failure_anywhere_leaves_nothing_half_made(void **state)
{
    struct fixture *f = *state;
    make_layout(f, "l", 3, true);
    loop(f, "IMGBUILD_FAULT");
    assert_int_equal(count_entries(f->dir), 2); /* the source and the emptied layout */
}

static void death_anywhere_leaves_nothing_half_made(void **state)
{
    struct fixture *f = *state;
    make_layout(f, "l", 3, true);
    loop(f, "IMGBUILD_KILL");
}

int main(void)
{
#ifndef IMGBUILD_FAULTS
    puts("1..0 # SKIP built without IMGBUILD_FAULTS");
    (void)a_failure_anywhere_leaves_nothing_half_made;
    (void)death_anywhere_leaves_nothing_half_made;
    return 0;
#else
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failure_anywhere_leaves_nothing_half_made, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(death_anywhere_leaves_nothing_half_made, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
