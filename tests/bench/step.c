/* What one step costs: run a program N times in a sandbox over a root directory, and print the
 * least and the median of microseconds, the program's own time included.
 *
 *     step ROOT [-n N] PROGRAM [ARGUMENT…] */
#include <rootfs/sandbox.h>

#include <base/mem.h>

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(void *context, enum sandbox_stream stream, const char *bytes, size_t n)
{
    (void)context;
    fwrite(bytes, 1, n, stream == SANDBOX_STDOUT ? stdout : stderr);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run_once(const char *root, char **argv, double *seconds)
{
    autoerror err = ERROR_INIT;
    autoclose int fd =
        (int)syscall(SYS_open_tree, AT_FDCWD, root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct sandbox_spec spec = {.root_fd = fd,
                                .argv = (const char *const *)argv,
                                .ca_bundle_fd = -1,
                                .cancel_fd = -1,
                                .output = show};
    struct sandbox_result result;
    if (fd < 0 || sandbox_run(&spec, &result, &err)) {
        if (fd < 0)
            perror(root);
        else
            error_print(&err, stderr, 0);
        return -1;
    }
    *seconds = result.seconds;
    int code = result.exit_code;
    sandbox_result_release(&result);
    return code;
}

int main(int argc, char **argv)
{
    int first = 2;
    size_t n = 1;
    if (argc > 4 && strcmp(argv[2], "-n") == 0) {
        n = strtoul(argv[3], NULL, 10);
        first = 4;
    }
    if (argc <= first || n == 0 || n > 100000) {
        fprintf(stderr, "usage: step ROOT [-n N] PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    autofree double *times = mem_zalloc(n, sizeof *times);
    int code = 0;
    for (size_t i = 0; i < n && code >= 0; i++)
        code = run_once(argv[1], argv + first, &times[i]);
    qsort(times, n, sizeof *times, compare);
    if (n > 1)
        printf("least %.0f us, median %.0f us\n", times[0] * 1e6, times[n / 2] * 1e6);
    return code < 0 ? 1 : code;
}
