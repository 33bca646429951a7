#include "directory.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>

int directory_open(const char *path, const struct platform *platform, int *fd, struct image *out,
                   struct error *err)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_HOST, "dir:%s", path);
    struct platform host;
    platform_host(&host);
    *out = (struct image){
        .platform = platform ? *platform : host,
        .layers = mem_zalloc(1, sizeof *out->layers),
        .layer_count = 1,
    };
    out->config = json_pack("{s:s, s:s, s:{}}", "os", out->platform.os, "architecture",
                            out->platform.arch, "config");
    if (!out->config)
        mem_give_up();
    out->layers[0].media_type = "";
    return 0;
}
