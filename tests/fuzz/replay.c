/* Runs a fuzzer over the files of its corpus, once each, where libFuzzer is not linked. With
 * -max_total_time=N it then runs it for N seconds over inputs made of them, always the same ones in
 * the same order; the one at work is in the file fuzz_input of the current directory, so that it is
 * there after a crash. */
#include <base/error.h>
#include <base/io.h>
#include <base/mem.h>
#include <base/str.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

enum { INPUT_MAX = 16 << 20, MADE_MAX = 4096 };

struct seeds {
    struct str items[256];
    size_t count;
};

/* xorshift64*: below n, which is not 0. */
static size_t pick(uint64_t *state, size_t n)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (size_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

/* What a Dockerfile, a word or a pattern turns on. */
static char sign(uint64_t *state)
{
    static const char signs[] = "\n\r\t \\`#$={}[]<>-:\"',/*?!0aE\xef\xbb";
    return pick(state, 4) ? signs[pick(state, sizeof signs)] : (char)pick(state, 256);
}

/* Put a stretch of a seed at `at` in bytes, over what is there. Returns the new length. */
static size_t put_stretch(char *bytes, size_t n, size_t at, const struct str *seed, uint64_t *state)
{
    if (!seed->len)
        return n;
    size_t from = pick(state, seed->len), most = seed->len - from;
    size_t length = pick(state, most) + 1;
    length = length < MADE_MAX - at ? length : MADE_MAX - at;
    memcpy(bytes + at, str_text(seed) + from, length);
    return at + length > n ? at + length : n;
}

/* One change of bytes, which hold n of at most MADE_MAX. Returns the new length. */
static size_t change(char *bytes, size_t n, const struct seeds *seeds, uint64_t *state)
{
    size_t at = pick(state, n + 1), length;
    switch (pick(state, 5)) {
    case 0: /* another byte */
        if (at < n)
            bytes[at] = sign(state);
        return n;
    case 1: /* one more */
        if (n == MADE_MAX)
            return n;
        memmove(bytes + at + 1, bytes + at, n - at);
        bytes[at] = sign(state);
        return n + 1;
    case 2: /* some fewer */
        length = pick(state, 16) + 1;
        length = length < n - at ? length : n - at;
        memmove(bytes + at, bytes + at + length, n - at - length);
        return n - length;
    case 3: /* cut off */
        return pick(state, 8) ? n : at;
    default:
        return at < MADE_MAX
                   ? put_stretch(bytes, n, at, &seeds->items[pick(state, seeds->count)], state)
                   : n;
    }
}

/* Where the input at work is kept: shared with a file, so that it outlives the process. */
static char *map_input(void)
{
    autoclose int fd = open("fuzz_input", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, MADE_MAX))
        return NULL;
    char *map = mmap(NULL, MADE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static int mutate(const struct seeds *seeds, long seconds)
{
    char *kept = map_input();
    if (!kept)
        return -1;
    uint64_t state = 1;
    unsigned long runs = 0;
    char bytes[MADE_MAX];
    for (time_t end = time(NULL) + seconds; time(NULL) < end; runs++) {
        size_t n = put_stretch(bytes, 0, 0, &seeds->items[pick(&state, seeds->count)], &state);
        for (size_t changes = pick(&state, 12) + 1; changes; changes--)
            n = change(bytes, n, seeds, &state);
        memset(kept, 0, MADE_MAX);
        memcpy(kept, bytes, n);
        autofree unsigned char *copy = mem_dup(bytes, n);
        LLVMFuzzerTestOneInput(copy, n);
    }
    munmap(kept, MADE_MAX);
    unlink("fuzz_input");
    printf("ok - %lu made inputs\n", runs);
    return 0;
}

static int replay(const char *path, struct seeds *seeds)
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
        if (seeds->count < COUNT_OF(seeds->items))
            str_add_bytes(&seeds->items[seeds->count++], str_text(&text), text.len);
        printf("ok %u - %s\n", ++count, e->d_name);
        fflush(stdout);
    }
    return count ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct seeds seeds;
    static const char option[] = "-max_total_time=";
    long seconds = 0;
    int result = 0;
    for (int i = 1; i < argc && !result; i++) {
        if (!strncmp(argv[i], option, sizeof option - 1))
            seconds = strtol(argv[i] + sizeof option - 1, NULL, 10);
        else if (argv[i][0] != '-')
            result = replay(argv[i], &seeds);
    }
    if (!result && seconds > 0 && seeds.count)
        result = mutate(&seeds, seconds);
    for (size_t i = 0; i < seeds.count; i++)
        str_release(&seeds.items[i]);
    return result ? 1 : 0;
}
