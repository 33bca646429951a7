#!/usr/bin/env bats
# What imgverify reports to people and to CI, read by what reads such reports.

load helpers
load verify

setup() {
    common_setup
    require_root
    TINY=oci:$(tiny_layout)
    cat >checks.yaml <<'Y'
checks:
- {name: runs, command: 'true'}
- {name: 'fails <b> & "c" # d', command: 'echo "a <b> & ]]>"; echo oops >&2; exit 3'}
- {name: is missing, file: /etc/nothing}
Y
}

@test "JUnit, TAP, SARIF, annotations, a summary and a page come from one run" {
    export GITHUB_STEP_SUMMARY=$PWD/summary.md
    echo before >summary.md
    run_exit 1 "$IMGVERIFY" -q -c checks.yaml -o junit=r.xml -o tap=r.tap -o sarif=r.sarif \
        -o github=r.gh -o html=r.html "$TINY"
    python3 - <<'P'
import json, xml.etree.ElementTree as tree
from html.parser import HTMLParser
suite = tree.parse('r.xml').getroot().find('testsuite')
assert [suite.get(k) for k in ('tests', 'failures', 'errors', 'skipped')] == ['3', '2', '0', '0']
assert float(suite.get('time')) > 0
cases = suite.findall('testcase')
assert cases[1].get('name') == 'fails <b> & "c" # d', cases[1].get('name')
assert cases[1].find('system-out').text == 'a <b> & ]]>\n'
assert cases[0].find('failure') is None and cases[2].find('failure') is not None
run = json.load(open('r.sarif'))['runs'][0]
assert [r['ruleId'] for r in run['results']] == ['fails <b> & "c" # d', 'is missing']
assert run['results'][1]['locations'][0]['physicalLocation']['region']['startLine'] == 4
class Page(HTMLParser):
    stack, void = [], {'meta'}
    def handle_starttag(self, tag, attributes):
        assert tag not in ('script', 'link', 'img', 'iframe'), tag
        if tag not in self.void: self.stack.append(tag)
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag
page = Page(convert_charrefs=True)
page.feed(open('r.html', encoding='utf-8').read())
assert not page.stack, page.stack
P
    # prove reads it as any test's output.
    printf '#!/bin/sh\ncat r.tap\n' >tap.sh
    run prove --exec sh tap.sh
    [[ $output == *"Failed 2/3 subtests"* ]]
    grep -q '^::error file=checks.yaml,line=4,title=imgverify%3A is missing::/etc/nothing is not there%0A' r.gh
    [ "$(head -n 1 summary.md)" = before ]
    grep -qF '| ❌ | is missing |' summary.md
}

@test "the page shows sizes by layer, wasted bytes and packages" {
    run_exit 1 "$IMGVERIFY" -q -c checks.yaml -o html=r.html "$TINY"
    grep -q 'class="map"' r.html
    grep -q '<h2>Wasted bytes</h2>' r.html
    grep -q 'layer 1: /bin' r.html
}

@test "an unknown report is refused with those that there are" {
    run_exit 2 "$IMGVERIFY" -c checks.yaml -o xml "$TINY"
    assert_stderr_contains "there is no such report"
    assert_stderr_contains "terminal, json, junit, tap, sarif, github, markdown, html"
}
