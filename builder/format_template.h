/* Text with places for members of a JSON value, in the notation of Go's templates that people know
 * from `docker inspect --format`: {{.a.b}}, {{index .labels "key"}} (further keys and numbers go
 * deeper), {{json .a}}. Nothing else of them: no pipes, conditions or loops. */
#ifndef BUILDER_FORMAT_TEMPLATE_H
#define BUILDER_FORMAT_TEMPLATE_H

#include <base/json.h>
#include <base/str.h>

/* Append the text of format over value: a string as it is, a number or boolean as JSON has it,
 * anything else as JSON, what is not there as nothing. Members are found without regard to case
 * where none has the very name. ERROR_USAGE where format is none of the above. */
int format_print(const char *format, const json_t *value, struct str *out, struct error *err);

#endif
