/* Whatever a registry sends as JSON: parsed or refused, and what was parsed can be written. */
#include <base/json.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autoerror err = ERROR_INIT;
    autojson *json = NULL;
    if (json_parse(bytes, n, "input", &json, &err)) {
        if (err.kind != ERROR_INPUT || !err.message || !err.line)
            abort();
        return 0;
    }
    autofree char *text = json_text(json);
    autofree char *pretty = json_pretty(json);
    autojson *again = NULL;
    if (json_parse(text, strlen(text), "again", &again, NULL) || !json_equal(json, again))
        abort();
    autostrv strings = STRV_INIT;
    if (json_get_strings(json, "a", "input", &strings, &err) && strings.count)
        abort();
    return 0;
}
