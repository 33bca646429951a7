/* libcurl, loaded when the first registry is spoken to: linking it costs every start of the
 * programs three milliseconds, whether it is used or not. Nothing here calls a curl_ function by
 * its own name. Private. */
#ifndef REGISTRY_CURL_API_H
#define REGISTRY_CURL_API_H

#include <base/error.h>

#include <curl/curl.h>

/* The functions used, each under libcurl's name without "curl_". */
struct curl_api {
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *easy);
    void (*easy_reset)(CURL *easy);
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    CURLcode (*easy_pause)(CURL *easy, int what);
    const char *(*easy_strerror)(CURLcode code);
    char *(*easy_escape)(CURL *easy, const char *text, int length);
    void (*free)(void *p);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *extra, unsigned count, int timeout_ms,
                            int *ready);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
    const char *(*multi_strerror)(CURLMcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    CURLU *(*url)(void);
    void (*url_cleanup)(CURLU *url);
    CURLUcode (*url_get)(CURLU *url, CURLUPart part, char **out, unsigned flags);
    CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
    curl_version_info_data *(*version_info)(CURLversion age);
};

/* Loads and initialises libcurl at the first call, from any thread. *out stays valid for ever.
 * ERROR_HOST where it is not installed. */
int curl_api_get(const struct curl_api **out, struct error *err);

#endif
