#include "report_style.h"

#include "report_text.h"

static const char STYLE[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;"
    "--card:#f6f8fa;--good:#1a7f37;--bad:#cf222e;--skip:#9a6700}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;"
    "--line:#3d444d;--card:#151b23;--good:#3fb950;--bad:#f85149;--skip:#d29922}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}\n"
    "main{max-width:75rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.4rem;overflow-wrap:anywhere;margin:.5rem 0}h2{font-size:1.1rem;"
    "margin:1.6rem 0 .5rem}\n"
    "code,pre,.mono{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "pre{margin:.4rem 0;padding:.6rem;background:var(--bg);border:1px solid var(--line);"
    "border-radius:6px;max-height:24rem;overflow:auto;white-space:pre-wrap}\n"
    ".dim{color:var(--dim)}.passed{color:var(--good)}.failed{color:var(--bad)}"
    ".skipped{color:var(--skip)}\n"
    ".totals{display:flex;flex-wrap:wrap;gap:.5rem;margin:.8rem 0}\n"
    ".totals span{padding:.2rem .7rem;border:1px solid var(--line);border-radius:1rem;"
    "background:var(--card)}\n"
    "table{width:100%;border-collapse:collapse}td,th{text-align:left;padding:.35rem .5rem;"
    "border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--dim);"
    "font-weight:600}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}td.w{overflow-wrap:anywhere}\n"
    ".scroll{overflow-x:auto}\n"
    "details{margin:.3rem 0;padding:.3rem .6rem;background:var(--card);border:1px solid "
    "var(--line);border-radius:6px}summary{cursor:pointer;overflow-wrap:anywhere}\n"
    ".map{position:relative;width:100%;aspect-ratio:16/9;min-height:22rem;border:1px solid "
    "var(--line);border-radius:6px;overflow:hidden}\n"
    ".map div{position:absolute;overflow:hidden;border:1px solid var(--bg);font-size:11px;"
    "line-height:1.25;padding:1px 3px;color:#111}\n"
    "@media(max-width:40rem){main{padding:.6rem}.map{aspect-ratio:3/4}td,th{padding:.3rem}"
    ".wide{display:none}}\n";

void report_page_begin(struct str *out, const char *title)
{
    str_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    report_add_element(out, "title", NULL, title);
    str_addf(out, "\n<style>\n%s</style>\n</head>\n<body><main>\n", STYLE);
}

void report_page_end(struct str *out)
{
    str_add(out, "</main></body>\n</html>\n");
}

void report_add_size(struct str *out, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    str_addf(out, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void report_add_element(struct str *out, const char *element, const char *class_name,
                        const char *text)
{
    str_addf(out, "<%s", element);
    if (class_name)
        str_addf(out, " class=\"%s\"", class_name);
    str_add_char(out, '>');
    report_add_xml(out, text);
    str_addf(out, "</%s>", element);
}
