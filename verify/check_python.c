#include "check_python.h"

#include <base/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The programs below print what they found, so that a check that passed shows it too. sys.path
 * holds the directory they are run in; a module that is there, and not installed, must not count.
 */
#define PYTHON_START "import sys\nif '' in sys.path: sys.path.remove('')\n"

static const char venv_program[] = PYTHON_START
    "import os\n"
    "venv = os.path.realpath(sys.argv[1])\n"
    "print('sys.prefix is', sys.prefix)\n"
    "if os.path.realpath(sys.prefix) != venv:\n"
    "    sys.exit(f'sys.prefix is not {venv}, so that another Python is run')\n"
    "if sys.prefix == sys.base_prefix:\n"
    "    sys.exit(f'{venv} is no virtual environment')\n"
    "if os.path.realpath(os.environ.get('VIRTUAL_ENV', '')) != venv:\n"
    "    sys.exit('activate sets VIRTUAL_ENV to ' + repr(os.environ.get('VIRTUAL_ENV')))\n";

static const char script_program[] =
    "path=$(command -v \"$2\") || { echo \"$2 is not on PATH ($PATH)\" >&2; exit 1; }\n"
    "echo \"$path\"\n"
    "case $path in /*) ;; *) echo \"$2 is not a file\" >&2; exit 1 ;; esac\n"
    "here=$(cd \"${path%/*}\" && pwd -P) && venv=$(cd \"$1/bin\" && pwd -P) || exit 1\n"
    "[ \"$here\" = \"$venv\" ] || { echo \"$path is not inside $venv\" >&2; exit 1; }\n";

static const char import_program[] =
    PYTHON_START "import importlib\n"
                 "module, _, attributes = sys.argv[1].partition(':')\n"
                 "found = importlib.import_module(module)\n"
                 "for name in filter(None, attributes.split('.')):\n"
                 "    found = getattr(found, name)\n"
                 "print(f'{sys.argv[1]} is {found!r}'[:500])\n";

static const char entry_point_program[] =
    PYTHON_START "from importlib.metadata import distributions\n"
                 "name = sys.argv[1]\n"
                 "found = {e.value: e for d in distributions() for e in d.entry_points\n"
                 "         if e.group == 'console_scripts' and e.name == name}\n"
                 "if not found:\n"
                 "    sys.exit(f'no installed package declares the console script {name}')\n"
                 "for value, entry_point in found.items():\n"
                 "    target = entry_point.load()\n"
                 "    print(f'{name} = {value}: {target!r}'[:500])\n"
                 "    if not callable(target):\n"
                 "        sys.exit(f'{value} is not callable')\n";

static const char distribution_program[] =
    PYTHON_START "from importlib.metadata import PackageNotFoundError, version\n"
                 "try:\n"
                 "    print(sys.argv[1], version(sys.argv[1]))\n"
                 "except PackageNotFoundError:\n"
                 "    sys.exit(f'{sys.argv[1]} is not installed')\n";

static const char editable_program[] =
    PYTHON_START "import json, os\n"
                 "from importlib.metadata import PackageNotFoundError, distribution\n"
                 "from urllib.parse import unquote, urlparse\n"
                 "try:\n"
                 "    d = distribution(sys.argv[1])\n"
                 "except PackageNotFoundError:\n"
                 "    sys.exit(f'{sys.argv[1]} is not installed')\n"
                 "name = f\"{d.metadata['Name']} {d.version}\"\n"
                 "url = json.loads(d.read_text('direct_url.json') or '{}')\n"
                 "if not url.get('dir_info', {}).get('editable'):\n"
                 "    sys.exit(f'{name} is installed, but not editable')\n"
                 "source = unquote(urlparse(url['url']).path)\n"
                 "print(f'{name}, editable, from {source}')\n"
                 "if not os.path.isdir(source):\n"
                 "    sys.exit(f'{source} is not there')\n";

static const char uv_program[] = "command -v uv && exec uv --version";

/* What each kind of check is called and runs: a program of Python, or of the shell. */
static const struct {
    const char *name; /* %s: the subject */
    const char *program;
    const char *prints; /* a pattern (%s: the same); exit 0 alone may be anybody's */
    bool shell;
    bool wants_venv; /* as an argument before the subject */
} table[] = {
    [PYTHON_VENV] = {"venv activates", venv_program, "^sys\\.prefix is /", false, true},
    [PYTHON_SCRIPT] = {"script %s is on PATH", script_program, "/%s$", true, true},
    [PYTHON_IMPORT] = {"import %s", import_program, "^%s is ", false, false},
    [PYTHON_ENTRY_POINT] = {"entry point %s is callable", entry_point_program, "^%s = ", false,
                            false},
    [PYTHON_DISTRIBUTION] = {"dev dependency %s", distribution_program, "^%s [0-9]", false, false},
    [PYTHON_EDITABLE] = {"%s is installed editable", editable_program, ", editable, from /", false,
                         false},
    [PYTHON_UV] = {"uv runs", uv_program, "^uv [0-9]", true, false},
};

/* text with its %s replaced. */
static char *fill(const char *text, const char *subject)
{
    const char *place = strstr(text, "%s");
    if (!place)
        return mem_strdup(text);
    return mem_printf("%.*s%s%s", (int)(place - text), text, subject, place + 2);
}

/* The pattern, with the subject taken as it is written. */
static struct pattern *wanted_output(const char *pattern, const char *subject)
{
    autostr literal = STR_INIT;
    for (; subject && *subject; subject++)
        str_addf(&literal, ispunct((unsigned char)*subject) && *subject != '_' ? "\\%c" : "%c",
                 *subject);
    autofree char *text = fill(pattern, str_text(&literal));
    struct pattern *out;
    autoerror problem = ERROR_INIT;
    if (pattern_new(text, &out, &problem))
        abort(); /* a subject within its limit makes none of these wrong */
    return out;
}

struct check *python_check_add(struct checks *checks, enum python_check what, const char *venv,
                               const char *subject, const char *file, unsigned line)
{
    autofree char *name = fill(table[what].name, subject);
    struct check *check = checks_add(checks, CHECK_COMMAND, name, file, line);
    struct strv *argv = &check->run.program.argv;
    strv_add(argv, table[what].shell ? "/bin/sh" : "python");
    strv_add(argv, "-c");
    strv_add(argv, table[what].program);
    if (table[what].shell)
        strv_add(argv, "sh"); /* $0 */
    if (table[what].wants_venv)
        strv_add(argv, venv);
    if (subject)
        strv_add(argv, subject);
    check->run.venv = mem_strdup(venv);
    patterns_add(&check->run.stdout_has, wanted_output(table[what].prints, subject));
    return check;
}

/* One dotted name; *text is moved behind it. */
static bool dotted_name(const char **text)
{
    for (;;) {
        const unsigned char *p = (const unsigned char *)*text;
        if (!isalpha(*p) && *p != '_' && *p < 0x80)
            return false;
        while (isalnum(*p) || *p == '_' || *p >= 0x80)
            p++;
        *text = (const char *)p;
        if (*p != '.')
            return true;
        ++*text;
    }
}

bool python_import_valid(const char *text)
{
    if (!dotted_name(&text))
        return false;
    if (*text != ':')
        return !*text;
    text++;
    return dotted_name(&text) && !*text;
}
