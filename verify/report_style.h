/* The look of our HTML pages: one style sheet, light and dark, for wide and narrow screens. */
#ifndef VERIFY_REPORT_STYLE_H
#define VERIFY_REPORT_STYLE_H

#include <base/str.h>

#include <stdint.h>

/* Everything up to and with <body><main>; and what closes it. title is plain text. */
void report_page_begin(struct str *out, const char *title);
void report_page_end(struct str *out);
/* "12.3 MB", decimal as in the summary of a build. */
void report_add_size(struct str *out, int64_t bytes);
/* text in an element (or none, NULL), with the class (or none, NULL), quoted. */
void report_add_element(struct str *out, const char *element, const char *class_name,
                        const char *text);

#endif
