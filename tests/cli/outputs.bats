#!/usr/bin/env bats
# --output in all its forms, --load, --iidfile and --metadata-file.
load helpers
load build

setup() {
    common_setup
    require_root
}

# A small image with an owner, a link and two layers of its own, kept in the store.
image() {
    mkdir -p context
    cat >context/Dockerfile <<'END'
FROM base
RUN mkdir /made && echo one > /made/a && ln /made/a /made/b && chown 12:34 /made/a && chmod 4750 /made/a
RUN ln -s a /made/c && rm /bin/vi
END
}

# out OPTION…: build it with these; everything that the store has stays.
out() {
    "$IMGBUILD" --progress plain --build-context "base=oci-layout://$(tiny_layout):latest" \
        -f context/Dockerfile "$@" context
}

@test "type=local writes the merged files, owned by the caller, and keeps what else is there" {
    image
    mkdir -p dest/made
    echo mine >dest/mine
    echo old >dest/made/a
    run_ok out -o dest
    assert_equal "$(cat dest/made/a)" one
    assert_equal "$(stat -c '%a %u:%g %h' dest/made/a)" '4750 0:0 2'
    assert_equal "$(readlink dest/made/c)" a
    assert_equal "$(cat dest/mine)" mine
    [ ! -e dest/bin/vi ] || fail 'a deleted file is there'
    [ -x dest/bin/busybox ]

    run_ok out -o type=local,dest=dest,mode=delete
    [ ! -e dest/mine ] || fail 'mode=delete left a file'
    assert_equal "$(cat dest/made/b)" one
}

@test "type=tar holds owners and links, and - writes it to standard output alone" {
    image
    run_ok out -o type=tar,dest=files.tar
    tar -tv --numeric-owner -f files.tar >list
    grep -qE '^-rwsr-x--- 12/34 .* made/a$' list
    grep -qE '^hrwsr-x--- 12/34 .* made/b link to made/a$' list
    run_exit 1 grep -q 'bin/vi' list
    out -o - >stdout.tar 2>notes
    cmp stdout.tar files.tar
    grep -q sha256: notes
    out -o type=oci,dest=- >stdout.oci 2>notes
    tar -xOf stdout.oci oci-layout | grep -q imageLayoutVersion
}

@test "platform-split gives each platform a folder" {
    printf 'FROM scratch\nCOPY f /f\n' >Dockerfile
    echo x >f
    run_ok "$IMGBUILD" -f Dockerfile --platform linux/amd64,linux/arm64 -o all \
        -o type=tar,dest=all.tar .
    assert_equal "$(cat all/linux_amd64/f all/linux_arm64/f)" $'x\nx'
    run_ok tar -tf all.tar
    assert_output_contains linux_arm64/f
    echo y >all/linux_amd64/other
    run_ok "$IMGBUILD" -f Dockerfile --platform linux/amd64 \
        -o type=local,dest=all,platform-split=true,mode=delete .
    assert_equal "$(ls all all/linux_amd64)" $'all:\nlinux_amd64\n\nall/linux_amd64:\nf'
    run_exit 2 "$IMGBUILD" -f Dockerfile --platform linux/amd64,linux/arm64 \
        -o type=local,dest=all,platform-split=false .
}

@test "compression, media types and annotations change the form and not the files" {
    image
    run_ok out -o type=oci,dest=plain,tar=false \
        -o type=oci,dest=zstd,tar=false,compression=zstd,compression-level=5 \
        -o type=oci,dest=forced,tar=false,compression=zstd,force-compression=true \
        -o type=oci,dest=raw,tar=false,compression=uncompressed,force-compression=true \
        -o type=oci,dest=docker,tar=false,oci-mediatypes=false \
        -o 'type=oci,dest=noted,tar=false,annotation.a.b=c,annotation-manifest[linux/amd64].d=e'
    types() { "$IMGBUILD" inspect "oci:$PWD/$1" | jq -r '[.layers[].mediaType | sub(".*tar"; "tar")] | join(" ")'; }
    # What the first output with a compression wants is how the layers are made at once.
    assert_equal "$(types zstd)" 'tar+gzip tar+zstd tar+zstd'
    assert_equal "$(types plain)" 'tar+gzip tar+zstd tar+zstd'
    assert_equal "$(types forced)" 'tar+zstd tar+zstd tar+zstd'
    assert_equal "$(types raw)" 'tar tar tar'
    assert_equal "$("$IMGBUILD" inspect "oci:$PWD/docker" | jq -r .mediaType)" \
        application/vnd.docker.distribution.manifest.v2+json
    local digest
    digest=$(jq -r '.manifests[0].digest' noted/index.json)
    assert_equal "$(jq -cS .annotations "noted/blobs/${digest/://}")" '{"a.b":"c","d":"e"}'
    local form
    for form in plain zstd forced raw docker noted; do
        run_ok "$IMGBUILD" inspect --config "oci:$PWD/$form"
        jq -cS .rootfs <<<"$output" >>roots
    done
    assert_equal "$(sort -u roots | wc -l)" 1
    run_exit 2 out -o type=oci,dest=x.tar,annotation-index.a=b
    run_exit 2 out -o type=oci,dest=x.tar,oci-mediatypes=false,annotation.a=b
    [ ! -e x.tar ]
}

@test "images are pushed by name and by digest, several at once, and named in the store" {
    start_registry
    image
    run_ok out -t "$REGISTRY/t:1" --metadata-file meta.json --iidfile iid \
        -o "type=image,\"name=$REGISTRY/a:1,$REGISTRY/b:2\",push=true,compression=zstd,annotation.k=v" \
        -o "type=image,name=$REGISTRY/d,push-by-digest=true,name-canonical=true,push=true" \
        -o type=registry -o type=docker,dest=load.tar
    local digest
    digest=$(jq -r '."containerimage.digest"' meta.json)
    assert_equal "$(cat iid)" "$digest"
    assert_equal "$(registry_manifest a 1 | sha256sum | cut -d' ' -f1)" "${digest#sha256:}"
    assert_equal "$(registry_manifest a 1 | jq -r '.annotations.k')" v
    assert_equal "$(registry_manifest b 2 | jq -r '.layers[1].mediaType' | sed 's/.*tar//')" +zstd
    assert_equal "$(registry_manifest t 1 | jq -r '.annotations')" null
    assert_equal "$(registry_tags d)" ''
    assert_equal "$(jq -r '."image.name"' meta.json)" "$REGISTRY/t:1,$REGISTRY/a:1,$REGISTRY/b:2"
    run_ok "$IMGBUILD" inspect "oci:$STORE/oci:$REGISTRY/b:2"
    assert_equal "$(jq -r .digest <<<"$output")" "$digest"
    run_ok tar -xOf load.tar manifest.json
    assert_equal "$(jq -r '.[0].RepoTags[]' <<<"$output")" "$REGISTRY/t:1"
    run_exit 2 out -o "type=image,name=$REGISTRY/d:1,push-by-digest=true,push=true"
}

@test "--load hands the archive to docker, and says what to do where there is none" {
    image
    mkdir bin
    cat >bin/docker <<'END'
#!/bin/sh
[ "$1" = load ] && cat >"$LOADED" && echo loaded
END
    chmod +x bin/docker
    LOADED=$PWD/loaded.tar PATH=$PWD/bin:$PATH run_ok out -t app:1 --load
    run_ok tar -xOf loaded.tar manifest.json
    assert_equal "$(jq -r '.[0].RepoTags[]' <<<"$output")" docker.io/library/app:1
    printf '#!/bin/sh\nexit 1\n' >bin/docker
    PATH=$PWD/bin:$PATH run_exit 7 out -o type=docker
    assert_stderr_contains 'docker load failed'
    rm bin/docker
    run_exit 7 env PATH="$PWD/bin" "$IMGBUILD" \
        --build-context "base=oci-layout://$TEST_CACHE/tiny.oci:latest" --load -f context/Dockerfile context
    assert_stderr_contains 'type=docker,dest=FILE'
}

@test "what an output can't do is refused before the build" {
    image
    local spec
    for spec in type=local type=tar,dest=no/where.tar type=oci,dest=x,mode=copy type=local,dest=x,name=a \
        type=oci,dest=x,compression=estargz type=oci,dest=x,compression=zip type=nothing,dest=x \
        type=image,push-by-digest=true type=oci,dest=x,no-key=1 type=local,dest=- type=oci,tar=maybe,dest=x \
        'type=oci,"dest=x' type=image,registry.insecure=true name=x; do
        run out -o "$spec"
        [ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "$spec gave $status"
    done
    run_exit 2 out -o - -o type=oci,dest=-
    SOURCE_DATE_EPOCH=1 run_exit 2 out -o type=oci,dest=x,rewrite-timestamp=false
    assert_stderr_contains 'rewrite-timestamp=false is not supported with SOURCE_DATE_EPOCH'
    run_exit 2 out --reproducible -o type=oci,dest=x,rewrite-timestamp=false
    assert_stderr_contains 'rewrite-timestamp=false is not supported with --reproducible'
    run_exit 2 out --provenance=true
    run_exit 2 out --attest type=sbom
    run_exit 2 out --builder x
    run_exit 2 out --cgroup-parent x
    run_ok out -q --provenance=false --sbom false --attest type=provenance,disabled=true
    assert_output_contains sha256:
}
