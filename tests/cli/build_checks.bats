#!/usr/bin/env bats
# BuildKit's build checks: as warnings of a build, and alone. Words and lines were compared with
# BuildKit's (buildctl … --opt requestid=frontend.lint).
load helpers
load build

dockerfile() {
    mkdir -p context
    cat >context/Dockerfile
}

# found: "RULE detail line" of each, from --check.
found() {
    "$IMGBUILD" --check "$@" context 2>/dev/null | paste -d' ' - - - - |
        sed 's/^WARNING: \([A-Za-z]*\) - [^ ]* \(.*\) context\/Dockerfile:\([0-9]*\) *$/\3 \1 \2/'
}

@test "every rule that needs the file alone is told with BuildKit's words and its line" {
    dockerfile <<'EOF'
ARG tag=latest
ARG BAD
from scratch As Base
MAINTAINER me
ENV a b
ENV API_KEY=x PUBLIC_KEY=y
WORKDIR foo
RUN echo \

  hi
LABEL x=$undefined y=$a z=${PAHT} l=${undef:-x}
COPY ignored /
EXPOSE 80/TCP 127.0.0.1:80:80
CMD echo
CMD ["x"]
FROM $BAD as base
FROM --platform=linux/amd64 scratch AS scratch
FROM --platform=$TARGETPLATFORM scratch
FROM a:$tagg
EOF
    echo ignored >context/.dockerignore
    run found
    diff <(printf '%s\n' "${lines[@]}") - <<'EOF'
3 StageNameCasing Stage name 'Base' should be lowercase
3 FromAsCasing 'As' and 'from' keywords' casing do not match
3 ConsistentInstructionCasing Command 'from' should match the case of the command majority (uppercase)
4 MaintainerDeprecated Maintainer instruction is deprecated in favor of using label
5 LegacyKeyValueFormat "ENV key=value" should be used instead of legacy "ENV key value" format
6 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive data (ENV "API_KEY")
7 WorkdirRelativePath Relative workdir "foo" can have unexpected results if the base image changes
10 NoEmptyContinuation Empty continuation line
11 UndefinedVar Usage of undefined variable '$undefined'
11 UndefinedVar Usage of undefined variable '$PAHT' (did you mean $PATH?)
11 UndefinedVar Usage of undefined variable '$undef'
12 CopyIgnoredFile Attempting to Copy file "ignored" that is excluded by .dockerignore
13 ExposeProtoCasing Defined protocol '80/TCP' in EXPOSE instruction should be lowercase
13 ExposeInvalidFormat EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'
14 JSONArgsRecommended JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
14 MultipleInstructionsDisallowed Multiple CMD instructions should not be used in the same stage because only the last one will be used
16 FromAsCasing 'as' and 'FROM' keywords' casing do not match
16 DuplicateStageName Duplicate stage name "base", stage names should be unique
16 InvalidDefaultArgInFrom Default value for ARG $BAD results in empty or invalid base image name
17 ReservedStageName Stage name should not use the same name as reserved stage "scratch"
17 FromPlatformFlagConstDisallowed FROM --platform flag should not use constant value "linux/amd64"
18 RedundantTargetPlatform Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior
19 UndefinedArgInFrom FROM argument 'tagg' is not declared (did you mean tag?)
19 InvalidDefaultArgInFrom Default value for ARG a:$tagg results in empty or invalid base image name
EOF
}

@test "rules are skipped for the file, for one instruction, and experimental ones asked for" {
    dockerfile <<'EOF'
# check=skip=MaintainerDeprecated,StageNameCasing;experimental=all
# other words
FROM scratch AS Base
MAINTAINER me
# check=skip=SecretsUsedInArgOrEnv
ENV API_KEY=x
ENV API_KEY=x
EOF
    run found
    [ "$output" = $'3 InvalidDefinitionDescription Comment for FROM should follow the format: `# base <description>`\n7 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive data (ENV "API_KEY")' ]
    dockerfile <<<$'# check=skip=all\nfrom scratch As Base\nENV a b'
    run_exit 0 "$IMGBUILD" --check context
    [ -z "$output" ]
    dockerfile <<<$'# check=error=true\nFROM scratch\nENV a b'
    run_exit 0 "$IMGBUILD" --check --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all context
    [ -z "$output" ]
    dockerfile <<<$'# check=what\nFROM scratch'
    run_exit 3 "$IMGBUILD" --check context
    assert_stderr_contains 'invalid check option "what"'
}

@test "--check exits with 1 where there is anything, and builds nothing" {
    dockerfile <<<$'FROM scratch\nENV a b'
    run_exit 1 "$IMGBUILD" --check -o type=oci,dest=image.tar context
    [ ! -e image.tar ]
    assert_stderr_contains 'the checks found 1 warning'
    run_exit 1 "$IMGBUILD" --check --check-format github context
    [ "$output" = '::warning file=context/Dockerfile,line=2,title=LegacyKeyValueFormat::"ENV key=value" should be used instead of legacy "ENV key value" format' ]
    run_exit 1 "$IMGBUILD" --check --check-format sarif context
    jq -e '.version == "2.1.0" and (.runs[0].tool.driver.rules | length) == 22 and
        .runs[0].results[0].ruleId == "LegacyKeyValueFormat" and
        .runs[0].results[0].locations[0].physicalLocation.region.startLine == 2' <<<"$output"
}

@test "a build warns, and fails where the file makes errors of warnings" {
    dockerfile <<<$'FROM scratch\nENV a b'
    run_ok "$IMGBUILD" -o type=oci,dest=image.tar context
    assert_stderr_contains 'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)'
    dockerfile <<<$'# check=error=true\nFROM scratch\nENV a b'
    run_exit 3 "$IMGBUILD" -o type=oci,dest=other.tar context
    assert_stderr_contains 'lint violation found for rules: LegacyKeyValueFormat'
    [ ! -e other.tar ]
}
