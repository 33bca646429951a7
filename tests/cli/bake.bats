#!/usr/bin/env bats
# imgbuild bake: what docker-bake.json comes to, and its targets built.
load helpers
load build

setup() {
    common_setup
}

bake() {
    "$IMGBUILD" bake --progress plain "$@"
}

# printed JQ OPTION…: of --print.
printed() {
    local filter=$1
    shift
    bake --print "$@" | jq -c "$filter"
}

# The plan that docker buildx bake --print gives for the same file, but for "group" and order.
example() {
    cat >docker-bake.json <<'END'
{
  "registry": "example.org/o",
  "variable": {
    "TAG": {"default": "latest", "description": "of the images"},
    "BIG": {"default": false},
    "CACHE": {"default": ""},
    "OSES": {"type": "list(string)", "default": ["a", "b"]},
    "CHECKED": {"default": "ok", "validation": {"condition": "${CHECKED != \"\"}", "error_message": "CHECKED is empty"}}
  },
  "function": {"name": {"params": ["n"], "result": "${registry}/${n}:${TAG}"}},
  "group": {"default": {"targets": ["app", "tools"]}, "tools": {"targets": ["one"], "description": "all tools"}},
  "target": {
    "_common": {"args": {"A": "common", "B": 2, "NONE": null}, "labels": {"l": "1"}, "cache-from": ["type=registry,ref=c1"], "tags": ["t:0"]},
    "app": {
      "inherits": ["_common"],
      "args": {"A": "app-${TAG}", "SIZE": "${BIG ? \"big\" : \"small\"}"},
      "tags": ["${name(\"app\")}", "${upper(\"x\")}$${literal}"],
      "cache-from": [{"type": "local", "src": "c2"}, "${CACHE}"],
      "output": ["out"],
      "platforms": ["linux/amd64", "linux/arm64"],
      "contexts": {"helper": "target:helper"}
    },
    "helper": {"dockerfile-inline": "FROM scratch"},
    "one": {
      "name": "one-${os}-${replace(item.v, \".\", \"-\")}",
      "matrix": {"os": "${OSES}", "item": [{"v": "1.0"}, {"v": "2.0"}]},
      "args": {"V": "${item.v}"}
    }
  }
}
END
}

@test "--print shows targets whole: inherited, joined, worked out" {
    example
    assert_equal "$(printed .target.app.args)" '{"A":"app-latest","B":"2","SIZE":"small"}'
    assert_equal "$(printed .target.app.tags)" '["example.org/o/app:latest","X${literal}"]'
    assert_equal "$(printed '.target.app["cache-from"]')" \
        '[{"ref":"c1","type":"registry"},{"src":"c2","type":"local"}]'
    assert_equal "$(printed .target.app.output)" '[{"dest":"out","type":"local"}]'
    assert_equal "$(printed '[.target.app.context, .target.app.dockerfile, .target.app.inherits]')" '[".","Dockerfile",null]'
    assert_equal "$(printed '.target | keys')" '["app","helper","one-a-1-0","one-a-2-0","one-b-1-0","one-b-2-0"]'
    assert_equal "$(printed .group.default.targets)" '["app","tools"]'
    assert_equal "$(printed '.target.helper')" '{"context":".","dockerfile-inline":"FROM scratch"}'
    assert_equal "$(printed '.target | keys' 'one-?-2-0')" '["one-a-2-0","one-b-2-0"]'
}

@test "variables come from --var, then the environment, then their default, in their type" {
    example
    assert_equal "$(TAG=e BIG=true printed '[.target.app.args.A, .target.app.args.SIZE]')" '["app-e","big"]'
    assert_equal "$(TAG=e printed .target.app.args.A --var TAG=v)" '"app-v"'
    assert_equal "$(OSES=x,y,z printed '.group.one.targets | length' one)" 6
    BIG=perhaps run_exit 3 bake --print
    assert_stderr_contains 'variable BIG: “perhaps” is no bool'
    CHECKED='' run_exit 3 bake --print
    assert_stderr_contains 'CHECKED is empty'
}

@test "--set overrides by pattern, adds with +, and takes no key that is none" {
    example
    assert_equal "$(printed '[.target[].args.X]' --set '*.args.X=1' | tr -d '" ')" '[1,1,1,1,1,1]'
    assert_equal "$(printed .target.app.tags --set app.tags=a --set app.tags=b)" '["a","b"]'
    assert_equal "$(printed '.target.app.tags | length' --set app.tags+=c)" 3
    assert_equal "$(printed .target.app.platforms --set app.platform=linux/s390x)" '["linux/s390x"]'
    assert_equal "$(X=env printed .target.app.args.X --set app.args.X)" '"env"'
    assert_equal "$(printed '.target["one-a-1-0"].output' --push)" '[{"type":"registry"}]'
    assert_equal "$(printed .target.app.output --push)" '[{"dest":"out","type":"local"}]'
    run_exit 2 bake --print --set app.inherits=x
    run_exit 2 bake --print --set nothing.tags=x
    run_exit 2 bake --print --set app.no-cache=perhaps
    run_exit 2 bake --print --set app
}

@test "later files are laid over earlier ones; a matrix of targets and platforms for the CI" {
    example
    cat >docker-bake.override.json <<'END'
{"target": {"app": {"args": {"C": "over"}, "platforms": ["linux/amd64"]}}, "variable": {"TAG": {"default": "over"}}}
END
    assert_equal "$(printed '[.target.app.args.A, .target.app.args.C]')" '["app-over","over"]'
    assert_equal "$(bake --print=matrix app helper)" \
        '{"include":[{"target":"helper"},{"target":"app","platform":"linux/amd64","pair":"linux-amd64"}]}'
    assert_equal "$(printed .target.app.args.C -f docker-bake.json)" null
    assert_equal "$(bake --print -f - <docker-bake.override.json app | jq -r .target.app.args.C)" over
    run_ok bake --list=targets
    assert_output_contains $'tools\tall tools (one)'
    run_ok bake --list=variables
    assert_output_contains $'TAG\t\tover\t'
}

@test "what can't be is said: HCL, compose, loops, unknown names, keys, functions" {
    run_exit 3 bake
    assert_stderr_contains 'there is no docker-bake.json here'
    touch docker-bake.hcl
    run_exit 3 bake
    assert_stderr_contains 'docker-bake.hcl is not read: only JSON is'
    run_exit 3 bake -f docker-bake.hcl
    refused() { # JSON TEXT
        printf '%s' "$1" >docker-bake.json
        run_exit 3 bake --print "${3:-default}"
        assert_stderr_contains "$2"
    }
    refused '{"services": {}}' 'compose file'
    refused '{"target": {"default": {"contxt": "."}}}' 'did you mean context?'
    refused '{"target": {"default": {"inherits": ["default"]}}}' 'inherits from itself'
    refused '{"target": {"default": {"contexts": {"x": "target:default"}}}}' 'takes its own result'
    refused '{"target": {"default": {"tags": ["${nope(1)}"]}}}' 'there is no function nope'
    refused '{"target": {"default": {"tags": ["${nope}"]}}}' 'there is no variable nope'
    refused '{"target": {"default": {"tags": ["${1 +}"]}}}' 'an expression is missing'
    refused '{"target": {"default": {"tags": ["%{if true}x%{endif}"]}}}' 'template directives'
    refused '{"a": "${b}", "b": "${a}", "target": {"default": {"tags": ["${a}"]}}}' 'needs itself'
    refused '{"function": {"f": {"params": ["x"], "result": "${f(x)}"}}, "target": {"default": {"tags": ["${f(1)}"]}}}' 'without end'
    refused '{"target": {"defalt": {}}}' 'did you mean defalt?'
    refused '{"target": {"m": {"matrix": {"a": ["1"]}}}}' 'needs a “name”' m
}

@test "targets are built in one run, one from another's result, and told in one metadata file" {
    require_root
    mkdir -p lib app
    echo lib >lib/file
    printf 'FROM scratch\nARG NAME\nCOPY file /$NAME\n' >lib/Dockerfile
    printf 'FROM base\nCOPY --from=lib / /lib/\nRUN cat /lib/thing > /copied\n' >app/Dockerfile
    cat >docker-bake.json <<'END'
{
  "variable": {"BASE": {}},
  "group": {"default": {"targets": ["app", "inline"]}},
  "target": {
    "lib": {"context": "lib", "args": {"NAME": "thing"}},
    "app": {"context": "app", "contexts": {"lib": "target:lib", "base": "oci-layout://${BASE}:latest"}, "tags": ["app:1"], "output": ["type=oci,dest=app.oci,tar=false"]},
    "inline": {"context": "lib", "dockerfile-inline": "FROM scratch\nCOPY file /inline\n", "output": ["inline.out"]}
  }
}
END
    BASE=$(tiny_layout) run_ok bake --metadata-file meta.json
    assert_equal "$(cat inline.out/inline)" lib
    assert_equal "$(jq -c keys meta.json)" '["app","inline","lib"]'
    assert_equal "$("$IMGBUILD" inspect "oci:$PWD/app.oci" | jq -r .digest)" \
        "$(jq -r '.app["containerimage.digest"]' meta.json)"
    assert_equal "$(jq -r '.app["image.name"]' meta.json)" docker.io/library/app:1
    BASE=$(tiny_layout) run_ok bake app --set app.output=app.out
    assert_equal "$(cat app.out/copied)" lib
    printf 'FROM scratch\nCOPY nothing /\n' >lib/Dockerfile
    BASE=$(tiny_layout) run_exit 3 bake app
    assert_stderr_contains 'target lib'
}
