#include "curl_api.h"

#include <base/mem.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"
#define OLDEST 0x075700 /* 7.87: CURLOPT_QUICK_EXIT, the youngest option that is used */

#define ENTRY(name)                                                                                \
    {                                                                                              \
        "curl_" #name, offsetof(struct curl_api, name)                                             \
    }

static const struct {
    const char *symbol;
    size_t at;
} entries[] = {
    ENTRY(easy_init),
    ENTRY(easy_cleanup),
    ENTRY(easy_reset),
    ENTRY(easy_setopt),
    ENTRY(easy_getinfo),
    ENTRY(easy_pause),
    ENTRY(easy_strerror),
    ENTRY(easy_escape),
    ENTRY(free),
    ENTRY(multi_init),
    ENTRY(multi_cleanup),
    ENTRY(multi_setopt),
    ENTRY(multi_add_handle),
    ENTRY(multi_remove_handle),
    ENTRY(multi_perform),
    ENTRY(multi_poll),
    ENTRY(multi_info_read),
    ENTRY(multi_strerror),
    ENTRY(slist_append),
    ENTRY(slist_free_all),
    ENTRY(url),
    ENTRY(url_cleanup),
    ENTRY(url_get),
    ENTRY(url_set),
    ENTRY(version_info),
};

/* A library is loaded once for the whole process, so this is too; written under `once` alone. */
static struct curl_api api;
static const char *problem;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        problem = "it is not installed, or what it needs is not";
        return;
    }
    void *global_init = dlsym(library, "curl_global_init");
    CURLcode (*init)(long flags);
    memcpy(&init, &global_init, sizeof init);
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        void *symbol = dlsym(library, entries[i].symbol);
        if (!symbol) {
            problem = "it is too old";
            return;
        }
        memcpy((char *)&api + entries[i].at, &symbol, sizeof symbol);
    }
    if (api.version_info(CURLVERSION_NOW)->version_num < OLDEST)
        problem = "it is too old";
    else if (!global_init || init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        problem = "it cannot be initialised";
}

int curl_api_get(const struct curl_api **out, struct error *err)
{
    pthread_once(&once, load);
    if (problem) {
        error_set(err, ERROR_HOST, "registries are spoken to through " LIBRARY ": %s", problem);
        return error_hint(err, "install it: apt-get install libcurl4");
    }
    *out = &api;
    return 0;
}
