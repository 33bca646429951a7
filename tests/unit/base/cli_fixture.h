/* A program with two commands and an option of every kind, for the tests of base/cli. */
#ifndef TEST_CLI_FIXTURE_H
#define TEST_CLI_FIXTURE_H

#include "cli.h"
#include "mem.h"
#include "str.h"

struct fixture_values {
    bool push, quiet;
    char *file, *progress;
    struct strv tags;
    long long jobs;
};

#define AT(member) offsetof(struct fixture_values, member)

static const struct cli_option fixture_options[] = {
    {"file", 'f', CLI_STRING, AT(file), "FILE", NULL, "Read this Dockerfile"},
    {"tag", 't', CLI_STRINGS, AT(tags), "REF", NULL, "Name the image; may be given again"},
    {"push", 0, CLI_SWITCH, AT(push), NULL, NULL, "Push what was built"},
    {"quiet", 'q', CLI_SWITCH, AT(quiet), NULL, NULL, "Print the digest alone"},
    {"jobs", 'j', CLI_NUMBER, AT(jobs), "N", NULL,
     "Run so many things at once; as many as there are processors where this is not given"},
    {"progress", 0, CLI_STRING, AT(progress), "MODE", "auto|plain|tty|json",
     "How to show what is going on: isn't [it] a \\ choice?"},
};

static const struct cli_command fixture_main = {
    .program = "imgtest",
    .operands = "[NAME | -f Dockerfile CONTEXT]",
    .summary = "Build an image without a daemon",
    .description = "The first paragraph is long enough that it has to be filled into more than one "
                   "line, however wide the terminal is.\n\n.Second paragraphs begin with a dot - "
                   "or a backslash, \\ here.",
    .examples = "imgtest -t a:b .\tBuild the directory here\nimgtest --push web",
    .options = fixture_options,
    .option_count = COUNT_OF(fixture_options),
    .operands_max = 2,
};

static const struct cli_command fixture_push = {
    .program = "imgtest",
    .name = "push",
    .operands = "SOURCE TARGET…",
    .summary = "Push an image",
    .description = "It goes to every target.",
    .options = fixture_options + 3,
    .option_count = 1,
    .operands_min = 2,
    .operands_max = SIZE_MAX,
};

static const struct cli_command fixture_doctor = {
    .program = "imgtest",
    .name = "doctor",
    .summary = "Say what this host allows",
};

static const struct cli_command *const fixture_commands[] = {&fixture_main, &fixture_push,
                                                             &fixture_doctor};

#endif
