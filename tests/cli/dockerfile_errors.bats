#!/usr/bin/env bats
# A mistake in the Dockerfile: one clear error with its place, exit code 3, nothing built, nothing
# left behind, and a store that the next build uses as it is.
load helpers

# build_fails CODE [OPTION…]: build the Dockerfile on stdin, wanting this exit code.
build_fails() {
    local code=$1
    shift
    mkdir -p context
    cat >context/Dockerfile
    run_exit "$code" "$IMGBUILD" --output type=oci,dest=image.tar "$@" \
        -f context/Dockerfile context
    [ ! -e image.tar ] || fail 'an image was written'
    assert_equal "$output" ''
    # One error, not one per layer of the program.
    assert_equal "$(grep -c '^error:' <<<"$stderr")" 1
}

@test "an unknown instruction is shown with its line, a mark and the nearest name" {
    build_fails 3 <<'END'
FROM scratch
COPYY a b
END
    assert_stderr_contains 'Dockerfile:2: unknown instruction "COPYY"
    | COPYY a b
    | ^
hint: did you mean COPY?'
}

@test "the place of an error counts comments and continued lines" {
    build_fails 3 <<'END'
# one
FROM scratch

COPY --chown=1:1 \
# between
     --form=x \
     a b
END
    assert_stderr_contains 'Dockerfile:6: COPY has no flag --form
    |      --form=x \
    |      ^
hint: did you mean --from?'
}

@test "a flag that another instruction has is refused" {
    build_fails 3 <<<$'FROM scratch\nCOPY --checksum=sha256:0 a b'
    assert_stderr_contains 'COPY has no flag --checksum'
    assert_stderr_contains 'hint: COPY knows --chmod, --chown'
}

@test "an unset variable in FROM is named, with the nearest that is declared" {
    build_fails 3 <<<$'ARG VERSION=3.11\nFROM python:${VERSON}-slim'
    assert_stderr_contains 'Dockerfile:2: unset variable "VERSON" in FROM
    | FROM python:${VERSON}-slim
    |             ^
hint: did you mean VERSION?'
}

@test "an argument without a default in FROM says how to give it" {
    build_fails 3 <<<$'ARG BASE\nFROM $BASE'
    assert_stderr_contains 'unset variable "BASE" in FROM'
    assert_stderr_contains '--build-arg BASE='
}

@test "an argument that comes after the first FROM is none for the next FROM" {
    build_fails 3 <<<$'FROM scratch\nARG V=1\nFROM a:$V'
    assert_stderr_contains 'Dockerfile:3: unset variable "V" in FROM'
}

@test "a required variable that isn't set stops the build with its message" {
    build_fails 3 <<<$'FROM scratch\nENV A=${B:?pick a B}x'
    assert_stderr_contains 'Dockerfile:2:'
}

@test "bad quoting and bad substitutions are found where they are" {
    build_fails 3 <<<$'FROM scratch\nENV A=b \\\n    C=${D'
    assert_stderr_contains "Dockerfile:3: missing '}'
    |     C=\${D
    |       ^"
    build_fails 3 <<<$'FROM scratch\nUSER "me'
    assert_stderr_contains 'Dockerfile:2: the double quote has no end'
}

@test "an instruction before FROM, no FROM and an empty file are told apart" {
    build_fails 3 <<<$'ENV A=b\nFROM scratch'
    assert_stderr_contains 'Dockerfile:1: ENV stands before the first FROM'
    build_fails 3 <<<'ARG A=b'
    assert_stderr_contains 'the file holds no FROM'
    build_fails 3 <<<'# nothing here'
    assert_stderr_contains 'the file holds no instruction'
    build_fails 3 </dev/null
    assert_stderr_contains 'the file holds no instruction'
}

@test "missing and superfluous arguments" {
    build_fails 3 <<<$'FROM scratch\nCOPY a'
    assert_stderr_contains 'Dockerfile:2: COPY needs at least a source and a destination'
    build_fails 3 <<<$'FROM scratch AS a b'
    assert_stderr_contains "nothing may follow the stage's name"
    build_fails 3 <<<$'FROM scratch\nENV A=b c'
    assert_stderr_contains '"c" is not KEY=VALUE'
    build_fails 3 <<<$'FROM scratch\nSHELL /bin/sh -c'
    assert_stderr_contains 'SHELL takes the JSON form alone'
}

@test "stages that need each other, themselves, or stages that aren't there" {
    build_fails 3 <<<$'FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nCOPY --from=a x y'
    assert_stderr_contains 'Dockerfile:4: stage 1 (b) needs stage 0 (a), which needs it in turn'
    build_fails 3 <<<$'FROM scratch AS a\nCOPY --from=a x y'
    assert_stderr_contains 'Dockerfile:2: the stage takes from itself'
    build_fails 3 <<<$'FROM scratch\nCOPY --from=7 x y'
    assert_stderr_contains 'Dockerfile:2: there is no stage 7'
    build_fails 3 <<<$'ARG S=a\nFROM scratch\nCOPY --from=$S x y'
    assert_stderr_contains "Dockerfile:3: variables don't work in --from"
}

@test "an unknown target is an error of the command line, with the nearest stage" {
    build_fails 2 --target=biuld <<<$'FROM scratch AS build\nFROM scratch AS final'
    assert_stderr_contains '--target biuld'
    assert_stderr_contains 'hint: did you mean build?'
}

@test "a heredoc without end is marked where it begins" {
    build_fails 3 <<<$'FROM scratch\nRUN <<END\necho'
    assert_stderr_contains 'Dockerfile:2: the heredoc "END" has no end
    | RUN <<END
    |     ^'
}

@test "a file that is no text is refused at the byte that says so" {
    mkdir -p context
    printf 'FROM scratch\nR\0UN x\n' >context/Dockerfile
    run_exit 3 "$IMGBUILD" -f context/Dockerfile context
    assert_stderr_contains 'Dockerfile:2: the file holds a NUL byte'
}

@test "a Dockerfile that isn't there is named" {
    mkdir -p context
    run_exit 3 "$IMGBUILD" -f context/Dockerfil context
    assert_stderr_contains 'context/Dockerfil'
}

@test "what is not supported yet is refused and says so" {
    build_fails 3 <<<$'FROM scratch\nRUN --device=a/b=c true'
    assert_stderr_contains 'Dockerfile:2:'
    assert_stderr_contains '--device'
}

@test "a bad ignore file is an error with its line" {
    mkdir -p context
    printf '*.o\n!\n' >context/.dockerignore
    build_fails 3 <<<$'FROM scratch\nCOPY . /'
    assert_stderr_contains '.dockerignore:2: an exception without a pattern
    | !
    | ^'
}

@test "the build after a mistake works" {
    build_fails 3 <<<$'FROM scratch\nCOPY --from=7 Dockerfile /'
    printf 'FROM scratch\nCOPY Dockerfile /\n' >context/Dockerfile
    run_ok "$IMGBUILD" --output type=oci,dest=image.tar -f context/Dockerfile context
    [ -s image.tar ]
}
