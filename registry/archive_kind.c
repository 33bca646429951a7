#include "archive_kind.h"

#include "tar_file.h"

int archive_kind(const char *path, enum reference_transport *out, struct error *err)
{
    struct tar_file *tar;
    if (tar_file_open(path, &tar, err)) {
        error_hint(err, "a file that is no image cannot be read as one");
        return -1;
    }
    bool oci = tar_file_size(tar, "oci-layout") >= 0 && tar_file_size(tar, "index.json") >= 0;
    bool docker = tar_file_size(tar, "manifest.json") >= 0;
    tar_file_close(tar);
    if (!oci && !docker)
        return error_set(err, ERROR_INPUT,
                         "%s is no image: it has neither an oci-layout nor a manifest.json", path);
    *out = oci ? REFERENCE_OCI_ARCHIVE : REFERENCE_DOCKER_ARCHIVE;
    return 0;
}
