#!/usr/bin/env bats
# imgverify diff: what differs between two images, as text, JSON and a page.

load helpers
load verify

setup() {
    common_setup
    require_root
    require_program jq
    TINY=$(tiny_layout)
}

# after DOCKERFILE-LINES…: build them on the tiny base into ./after.
after() {
    {
        echo 'FROM base'
        cat
    } >Dockerfile
    "$IMGBUILD" -q --root store --build-context base=oci-layout://"$TINY" \
        -o type=oci,dest=after,tar=false -f Dockerfile .
}

@test "an image is equal to itself" {
    run_exit 0 "$IMGVERIFY" diff --root store --exit-code "oci:$TINY" "oci:$TINY"
    [[ $output == *"no difference in config, packages or files"* ]]
}

@test "config, packages and files that came, went and changed" {
    after <<'D'
ENV ADDED=1
LABEL version=2
WORKDIR /srv
RUN echo new >/srv/new && chmod 4755 /srv/new && echo changed >/etc/passwd && ln -s new /srv/link \
    && mkdir -p /var/lib/dpkg /x/my_tool-1.0.dist-info \
    && printf 'Package: hello\nStatus: install ok installed\nVersion: 2.10-3\n' >/var/lib/dpkg/status \
    && rm -rf /bin/ls
D
    run_exit 1 "$IMGVERIFY" diff --root store --exit-code -o json -o html=diff.html "oci:$TINY" oci:after
    printf '%s' "$output" >diff.json
    jq -e '.config | map({(.name): [.change, .after]}) | add
           | .["Env ADDED"] == ["added", "1"] and .["Labels version"] == ["added", "2"]
             and .["WorkingDir"][1] == "/srv"' diff.json
    jq -e '.packages == [{name: "deb hello", change: "added", before: null, after: "2.10-3"},
                         {name: "python my_tool", change: "added", before: null, after: "1.0"}]' diff.json
    jq -e '.files | map({(.name): .}) | add
           | .["srv/new"].after == "-rwsr-xr-x 0:0 4 bytes"
             and .["srv/link"].after == "lrwxrwxrwx 0:0 -> new"
             and .["etc/passwd"].change == "changed"
             and .["bin/ls"].change == "removed"' diff.json
    jq -e '.equal == false and .after.layers > .before.layers' diff.json
    grep -q 'deb hello' diff.html
    run_exit 0 "$IMGVERIFY" diff --root store "oci:$TINY" oci:after
    [[ $output == *"~ etc/passwd: -rw-r--r-- 0:0 "* ]]
    [[ $output == *"+ Env ADDED: 1"* ]]
}

@test "the same size with other content differs; another layer with the same content does not" {
    after <<'D'
RUN cp -p /etc/passwd /etc/p2 && mv /etc/p2 /etc/passwd && tr a-z A-Z </etc/group >/g && cat /g >/etc/group && rm /g
D
    run_exit 0 "$IMGVERIFY" diff --root store -o json "oci:$TINY" oci:after
    printf '%s' "$output" >diff.json
    jq -e '.files | map(.name) == ["etc/group"]' diff.json
}

@test "its JSON fits the schema" {
    after <<'D'
RUN echo new >/new
D
    run_exit 0 "$IMGVERIFY" diff --root store -o json=diff.json "oci:$TINY" oci:after
    python3 - "$SOURCE_ROOT/docs/diff.schema.json" <<'P' || skip "needs python3 with jsonschema"
import json, sys
try:
    import jsonschema
except ImportError:
    sys.exit(1)
jsonschema.validate(json.load(open("diff.json")), json.load(open(sys.argv[1])))
P
}

@test "wrong command lines" {
    run_exit 2 "$IMGVERIFY" diff "oci:$TINY"
    run_exit 2 "$IMGVERIFY" diff -o xml "oci:$TINY" "oci:$TINY"
    run_exit 3 "$IMGVERIFY" diff --root store "oci:$TINY" oci:nowhere
}
