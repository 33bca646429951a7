/* Runs a fuzzer over the files of its corpus, once each, where libFuzzer is not linked. */
#include <base/error.h>
#include <base/io.h>
#include <base/mem.h>
#include <base/str.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

enum { INPUT_MAX = 16 << 20 };

static int replay(const char *path)
{
    autoerror err = ERROR_INIT;
    autoclosedir DIR *dir = opendir(path);
    if (!dir)
        return error_errno(&err, ERROR_MISSING, "open %s", path), error_print(&err, stdout, 0), -1;
    unsigned count = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        autostr text = STR_INIT;
        if (io_read_file(dirfd(dir), e->d_name, INPUT_MAX, &text, &err)) {
            error_print(&err, stdout, 0);
            return -1;
        }
        /* An exact copy, so that a sanitizer sees a read past the end. */
        autofree unsigned char *copy = mem_dup(str_text(&text), text.len);
        LLVMFuzzerTestOneInput(copy, text.len);
        printf("ok %u - %s\n", ++count, e->d_name);
        fflush(stdout);
    }
    return count ? 0 : -1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-' && replay(argv[i]))
            return 1;
    return 0;
}
