#!/usr/bin/env python3
"""A registry in memory that misbehaves as it is told, for tests of clients.

    fault_registry.py [--auth none|basic|token] [--user U --password P] [--identity-token T]
                      [--anonymous-pull] [--open-storage] [--expires-in S] [--tls CERT KEY]
                      [--referrers] [--page N] [--no-delete]

It listens on two free ports of 127.0.0.1, which are two origins of the same registry, and prints one
line, "listening on 127.0.0.1:P1 and 127.0.0.1:P2". It ends with SIGTERM, or when its standard input
(unless that is a terminal or /dev/null) is closed. Nothing but Python's standard library is needed.

Without rules it is a plain registry: blobs (HEAD, GET with Range, POST, PATCH, PUT, mount),
manifests, tags, and with --auth token its own token server at /token. What clients may not do it
answers as the distribution specification says. With --referrers it has
the referrers API, without it clients need the fallback tag; --page N gives tags N a page; --no-delete
answers 405 to DELETE of a manifest, as GHCR does. With --open-storage the second origin asks nobody
who they are, as the storage behind a registry doesn't.

Rules come as a JSON array by POST to /_fault/rules (added after those there); DELETE there forgets
all rules and the log. GET /_fault/requests gives the log, an array of {"origin": 1 or 2, "method",
"path", "authorization", "range", "accept_encoding", "content_length", "content_range", "status"}. GET /_fault/state gives {"blobs":
[digest…], "manifests": {"repository:tag or digest": digest}}.

A rule: {"method": "GET", "path": REGEX, "times": N, "skip": N, "origin": 1 or 2, "large": N, …what to
do…}; the first that matches method and path (re.search in path and query; both default to any; large:
the request's body has N bytes or more; part: true: it asks for a Range with an end), and has times left (default: for ever) after letting the first `skip` pass, is applied. What to do, any of:

    "status": 503            answer that, without doing anything; with it
      "headers": {…}           further headers ("WWW-Authenticate" may be a list)
      "body": "text"           the body (none: empty)
      "huge": N                N blanks as the body
    "endless": 200           answer that with a body that has no end
    "close": "before"        close the connection without an answer, doing nothing
    "close": "after"         do all, then close without an answer
    "read": N                of the request's body read N bytes only (else all), then do the above
      "keep": true             of a PATCH or PUT those stay in the upload, as most registries do
    "then": 404              do all, then answer that
    "find": true             a blob is mounted from wherever it is, without being told from where
    "lose": true             every open upload is forgotten
    "chunk_cap": N           416 to a chunk (a request with Content-Range) of more bytes, as GHCR does
    "add_headers": {…}       more headers of the answer that is given
    "cut": N                 close after N bytes of the answer's body, under its true headers
    "stall": S               wait S seconds before the answer; with "cut", at the cut
    "pause_at": N            after N bytes of the answer's body wait "pause" seconds, then go on
    "corrupt": true          the last byte of the body is another
    "truncate": N            only N bytes, and a header that says so
    "append": N              N bytes more
    "content_type": "…"      another Content-Type
    "digest": "…"            another Docker-Content-Digest ("" for none)
    "no_range": true         Range is ignored
    "location": "URL"        another Location (of an upload)
    "redirect": "URL"        307 (or "status") to there
    "expire": true           every token given until now is void
    "gather": N              hold the answer until N requests wait like this one, 20 seconds at most

In strings {1} and {2} are the two origins' "http://127.0.0.1:PORT", and {path} the request's path
and query."""

import argparse
import base64
import hashlib
import json
import re
import secrets
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class State:
    """All that is stored; one lock for all of it."""

    def __init__(self, options):
        self.lock = threading.RLock()
        self.options = options
        self.blobs = {}  # digest -> bytes
        self.owners = {}  # digest -> set of repositories
        self.manifests = {}  # (repository, digest) -> (type, bytes)
        self.tags = {}  # (repository, tag) -> digest
        self.uploads = {}  # id -> bytearray
        self.tokens = {}  # value -> (expiry, scopes)
        self.rules = []
        self.log = []
        self.bases = ["", ""]
        self.gathered = threading.Condition(self.lock)
        self.waiting = 0

    def rule(self, origin, method, target, length, part):
        with self.lock:
            for rule in self.rules:
                if rule.get("origin", origin) != origin or rule.get("method", method) != method:
                    continue
                if not re.search(rule.get("path", ""), target) or length < rule.get("large", 0):
                    continue
                if rule.get("part") and not part:
                    continue
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                    continue
                if rule.get("times", 1) <= 0:
                    continue
                if "times" in rule:
                    rule["times"] -= 1
                return rule
        return {}

    def gather(self, wanted):
        with self.gathered:
            self.waiting += 1
            self.gathered.notify_all()
            return self.gathered.wait_for(lambda: self.waiting >= wanted, 20)

    def fill(self, value, target):
        if isinstance(value, list):
            return [self.fill(v, target) for v in value]
        text = str(value)
        for key, what in (("{1}", self.bases[0]), ("{2}", self.bases[1]), ("{path}", target)):
            text = text.replace(key, what)
        return text


class Answer:
    def __init__(self, status, body=b"", headers=None):
        self.status, self.body, self.headers = status, body, dict(headers or {})


def error(status, code, message, headers=None):
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


def digest_of(data, like="sha256:"):
    name = "sha512" if like.startswith("sha512:") else "sha256"
    return f"{name}:{hashlib.new(name, data).hexdigest()}"


class Closed(Exception):
    """The connection is to be dropped."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    # One request, from its first line to its answer.

    def handle_one(self):
        state, target = self.server.state, self.path
        url = urllib.parse.urlsplit(target)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        if url.path.startswith("/_fault/"):
            self.send(self.control(url.path), {})
            return
        entry = {
            "origin": self.server.origin,
            "method": self.command,
            "path": target,
            "authorization": self.headers.get("Authorization"),
            "range": self.headers.get("Range"),
            "accept_encoding": self.headers.get("Accept-Encoding"),
            "content_length": self.headers.get("Content-Length"),
            "content_range": self.headers.get("Content-Range"),
            "status": None,
        }
        with state.lock:
            state.log.append(entry)
        rule = state.rule(self.server.origin, self.command, target,
                          int(self.headers.get("Content-Length") or 0),
                          re.search(r"-\d", self.headers.get("Range") or ""))
        try:
            answer = self.answer(url.path, rule)
        except Closed:
            self.drop()
            return
        entry["status"] = answer.status
        self.send(answer, rule)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def answer(self, path, rule):
        state = self.server.state
        if rule.get("expire"):
            with state.lock:
                state.tokens.clear()
        if rule.get("lose"):
            with state.lock:
                state.uploads.clear()
        self.rule = rule
        if "read" in rule:
            part = self.rfile.read(rule["read"])
            self.close_connection = True
            self.body = b""
            if rule.get("keep") and path.rpartition("/")[2] in state.uploads:
                state.uploads[path.rpartition("/")[2]] += part
        else:
            self.body = self.read_body()
        if rule.get("close") == "before":
            raise Closed
        if "redirect" in rule:
            return Answer(rule.get("status", 307),
                          headers={"Location": state.fill(rule["redirect"], self.path)})
        if "status" in rule:
            return self.told(rule)
        if path == "/token":
            return self.token()
        if "gather" in rule and not state.gather(rule["gather"]):
            return error(500, "UNKNOWN", "the others did not come")
        answer = self.authorise(path) or self.registry(path)
        if rule.get("close") == "after":
            raise Closed
        if "then" in rule:
            return error(rule["then"], "BLOB_UPLOAD_UNKNOWN", "told to say so")
        return self.bent(answer, rule)

    def told(self, rule):
        state = self.server.state
        body = b" " * rule["huge"] if "huge" in rule else \
            state.fill(rule.get("body", ""), self.path).encode()
        headers = {k: state.fill(v, self.path) for k, v in rule.get("headers", {}).items()}
        return Answer(rule["status"], body, headers)

    def bent(self, answer, rule):
        if rule.get("corrupt") and answer.body:
            answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])
        if "truncate" in rule:
            answer.body = answer.body[:rule["truncate"]]
        if "append" in rule:
            answer.body += b"x" * rule["append"]
        if "content_type" in rule:
            answer.headers["Content-Type"] = rule["content_type"]
        if "digest" in rule:
            answer.headers.pop("Docker-Content-Digest", None)
            if rule["digest"]:
                answer.headers["Docker-Content-Digest"] = rule["digest"]
        for name, value in rule.get("add_headers", {}).items():
            answer.headers[name] = self.server.state.fill(value, self.path)
        if "location" in rule and "Location" in answer.headers:
            answer.headers["Location"] = \
                self.server.state.fill(rule["location"], answer.headers["Location"])
        return answer

    def send(self, answer, rule):
        if "stall" in rule and "cut" not in rule:
            time.sleep(rule["stall"])
        if "endless" in rule:
            self.send_endless(answer, rule["endless"])
            return
        body = answer.body
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                for one in value if isinstance(value, list) else [value]:
                    self.send_header(name, one)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD" or answer.status == 204:
                return
            if "cut" in rule:
                self.wfile.write(body[:rule["cut"]])
                self.wfile.flush()
                time.sleep(rule.get("stall", 0))
                self.drop()
                return
            if "pause_at" in rule:
                self.wfile.write(body[:rule["pause_at"]])
                self.wfile.flush()
                time.sleep(rule["pause"])
                body = body[rule["pause_at"]:]
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send_endless(self, answer, status):
        self.close_connection = True
        try:
            self.send_response(status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while True:
                self.wfile.write(b" " * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def drop(self):
        self.close_connection = True
        try:
            self.connection.shutdown(2)
        except OSError:
            pass

    def read_body(self):
        n = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(n)
        if len(data) < n:
            raise Closed
        return data

    # Control.

    def control(self, path):
        state = self.server.state
        with state.lock:
            if path == "/_fault/rules" and self.command == "POST":
                state.rules += json.loads(self.read_body())
                return Answer(204)
            if path == "/_fault/rules" and self.command == "DELETE":
                state.rules, state.log = [], []
                return Answer(204)
            if path == "/_fault/requests":
                return Answer(200, json.dumps(state.log).encode())
            if path == "/_fault/state":
                names = {f"{r}:{t}": d for (r, t), d in state.tags.items()}
                names.update({f"{r}:{d}": d for r, d in state.manifests})
                return Answer(200, json.dumps({"blobs": list(state.blobs),
                                               "manifests": names}).encode())
        return Answer(404)

    # Who may do what.

    def basic_user(self):
        header = self.headers.get("Authorization") or ""
        if not header.startswith("Basic "):
            return None
        user, _, password = base64.b64decode(header[6:]).decode().partition(":")
        return user, password

    def authorise(self, path):
        options = self.server.state.options
        if options.open_storage and self.server.origin == 2:
            return None
        if options.auth == "basic":
            if self.basic_user() == (options.user, options.password):
                return None
            return error(401, "UNAUTHORIZED", "authentication required",
                         {"WWW-Authenticate": 'Basic realm="fault"'})
        if options.auth == "token":
            return self.check_token(path)
        return None

    def wanted_scopes(self, path):
        match = re.match(r"/v2/(.+)/(blobs|manifests|tags|referrers)/", path)
        if not match:
            return []
        action = "pull" if self.command in ("GET", "HEAD") else \
            "delete" if self.command == "DELETE" and match[2] == "manifests" else "pull,push"
        scopes = [f"repository:{match[1]}:{action}"]
        if "mount" in self.query and "from" in self.query:
            scopes.append(f"repository:{self.query['from'][0]}:pull")
        return scopes

    def check_token(self, path):
        state = self.server.state
        header = self.headers.get("Authorization") or ""
        wanted = self.wanted_scopes(path)
        with state.lock:
            expiry, granted = state.tokens.get(header.removeprefix("Bearer "), (0, []))
        if expiry > time.time() and all(covers(granted, scope) for scope in wanted):
            return None
        challenge = f'Bearer realm="{state.bases[0]}/token",service="fault"'
        if wanted:
            challenge += f',scope="{" ".join(wanted)}"'
        return error(401, "UNAUTHORIZED", "authentication required",
                     {"WWW-Authenticate": challenge})

    def token(self):
        state, options = self.server.state, self.server.state.options
        query = self.query
        known = False
        if self.command == "POST":
            query = urllib.parse.parse_qs(self.body.decode())
            if not options.identity_token:
                return Answer(404)
            if query.get("refresh_token") != [options.identity_token]:
                return error(401, "UNAUTHORIZED", "refresh token is not known")
            known = True
        elif self.basic_user():
            user, password = self.basic_user()
            known = (user, password) == (options.user, options.password) or \
                password == options.identity_token
            if not known:
                return error(401, "UNAUTHORIZED", "incorrect username or password")
        scopes = [s for text in query.get("scope", []) for s in text.split()]
        granted = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [a for a in actions.split(",")
                       if known or (a == "pull" and options.anonymous_pull)]
            granted.append((kind, name, set(allowed)))
        value = secrets.token_urlsafe(24)
        with state.lock:
            state.tokens[value] = (time.time() + options.expires_in, granted)
        key = "access_token" if self.command == "POST" else "token"
        return Answer(200, json.dumps({key: value, "expires_in": options.expires_in}).encode(),
                      {"Content-Type": "application/json"})

    # The registry itself.

    def registry(self, path):
        if path in ("/v2/", "/v2"):
            return Answer(200, b"{}", {"Content-Type": "application/json"})
        match = re.fullmatch(r"/v2/(.+?)/(blobs/uploads|blobs|manifests|tags|referrers)/(.*)", path)
        if not match:
            return error(404, "NAME_UNKNOWN", "no such path")
        repository, kind, rest = match.groups()
        if repository != repository.lower():
            return error(400, "NAME_INVALID", "invalid repository name")
        with self.server.state.lock:
            if kind == "blobs":
                return self.blob(repository, rest)
            if kind == "blobs/uploads":
                return self.upload(repository, rest)
            if kind == "manifests":
                return self.manifest(repository, rest)
            if kind == "referrers":
                return self.referrers(repository, rest)
            return self.tag_list(repository)

    def tag_list(self, repository):
        state = self.server.state
        if not any(r == repository for r, _ in state.manifests):
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        last = self.query.get("last", [""])[0]
        names = sorted(t for r, t in state.tags if r == repository and t > last)
        page = state.options.page or len(names)
        headers = {"Content-Type": "application/json"}
        if len(names) > page:
            headers["Link"] = f'</v2/{repository}/tags/list?n={page}&last={names[page - 1]}>; rel="next"'
        body = json.dumps({"name": repository, "tags": names[:page]}).encode()
        return Answer(200, body, headers)

    def referrers(self, repository, subject):
        state = self.server.state
        if not state.options.referrers:
            return error(404, "NAME_UNKNOWN", "no such path")
        items = []
        for (where, digest), (kind, data) in state.manifests.items():
            parsed = json.loads(data)
            if where == repository and parsed.get("subject", {}).get("digest") == subject:
                items.append({"mediaType": kind, "digest": digest, "size": len(data),
                              "artifactType": parsed.get("artifactType", ""),
                              "annotations": parsed.get("annotations", {})})
        kind = "application/vnd.oci.image.index.v1+json"
        body = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": items}).encode()
        return Answer(200, body, {"Content-Type": kind})

    def blob(self, repository, digest):
        state = self.server.state
        data = state.blobs.get(digest)
        if data is None or repository not in state.owners[digest]:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest,
                   "Accept-Ranges": "bytes"}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if match and not self.rule.get("no_range"):
            start = int(match[1])
            if start >= len(data):
                return error(416, "RANGE_INVALID", "invalid content range")
            end = min(int(match[2]) if match[2] else len(data), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            return Answer(206, data[start:end + 1], headers)
        return Answer(200, data, headers)

    def store(self, repository, digest, data):
        state = self.server.state
        if digest_of(data, digest) != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        state.blobs[digest] = data
        state.owners.setdefault(digest, set()).add(repository)
        return Answer(201, headers={"Location": f"/v2/{repository}/blobs/{digest}",
                                    "Docker-Content-Digest": digest})

    def upload(self, repository, rest):
        state = self.server.state
        if self.command == "POST":
            mount, origin = self.query.get("mount", [""])[0], self.query.get("from", [""])[0]
            if mount in state.blobs and (origin in state.owners[mount] or self.rule.get("find")):
                state.owners[mount].add(repository)
                return Answer(201, headers={"Location": f"/v2/{repository}/blobs/{mount}"})
            name = secrets.token_hex(8)
            state.uploads[name] = bytearray()
            return Answer(202, headers={"Location": f"/v2/{repository}/blobs/uploads/{name}",
                                        "Range": "0-0"})
        if rest not in state.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        place = f"/v2/{repository}/blobs/uploads/{rest}"
        there = len(state.uploads[rest])
        if self.command == "GET":
            return Answer(204, headers={"Location": place, "Range": f"0-{max(there - 1, 0)}"})
        if self.command == "DELETE":
            del state.uploads[rest]
            return Answer(204)
        chunk = re.fullmatch(r"(\d+)-(\d+)", self.headers.get("Content-Range") or "")
        if chunk and (int(chunk[1]) != there or
                      len(self.body) > self.rule.get("chunk_cap", len(self.body))):
            return error(416, "RANGE_INVALID", "invalid content range")
        data = state.uploads[rest] + self.body
        if self.command == "PATCH":
            state.uploads[rest] = data
            return Answer(202, headers={"Location": place, "Range": f"0-{len(data) - 1}"})
        del state.uploads[rest]
        return self.store(repository, self.query.get("digest", [""])[0], bytes(data))

    def manifest(self, repository, name):
        state = self.server.state
        if self.command == "PUT":
            return self.put_manifest(repository, name)
        digest = name if ":" in name else state.tags.get((repository, name))
        if self.command == "DELETE":
            return self.delete_manifest(repository, name, digest)
        found = state.manifests.get((repository, digest))
        if not found:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return Answer(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest})

    def delete_manifest(self, repository, name, digest):
        state = self.server.state
        if state.options.no_delete:
            return error(405, "UNSUPPORTED", "the operation is unsupported")
        if (repository, digest) not in state.manifests:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if ":" not in name:
            del state.tags[repository, name]
            return Answer(202)
        del state.manifests[repository, digest]
        state.tags = {k: d for k, d in state.tags.items() if k[0] != repository or d != digest}
        return Answer(202)

    def put_manifest(self, repository, name):
        state = self.server.state
        data = self.body
        digest = digest_of(data, name)
        if ":" in name and name != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match")
        parsed = json.loads(data)
        for item in [parsed.get("config")] + (parsed.get("layers") or []):
            if item and repository not in state.owners.get(item["digest"], ()):
                return error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        state.manifests[repository, digest] = (self.headers.get("Content-Type"), data)
        if ":" not in name:
            state.tags[repository, name] = digest
        headers = {"Location": f"/v2/{repository}/manifests/{digest}",
                   "Docker-Content-Digest": digest}
        if state.options.referrers and parsed.get("subject"):
            headers["OCI-Subject"] = parsed["subject"]["digest"]
        return Answer(201, headers=headers)


def covers(granted, scope):
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return any((k, n) == (kind, name) and set(actions.split(",")) <= a for k, n, a in granted)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state, origin):
        super().__init__(("127.0.0.1", 0), Handler)
        self.state, self.origin = state, origin
        scheme = "http"
        if state.options.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*state.options.tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        state.bases[origin - 1] = f"{scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # clients that go away are what tests are about


def wait_for_end():
    """Until standard input ends, where it is a pipe; else for ever."""
    import os
    import stat
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
        return
    threading.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--auth", choices=["none", "basic", "token"], default="none")
    parser.add_argument("--user", default="tester")
    parser.add_argument("--password", default="pass:word")
    parser.add_argument("--identity-token", default="")
    parser.add_argument("--anonymous-pull", action="store_true")
    parser.add_argument("--open-storage", action="store_true")
    parser.add_argument("--expires-in", type=int, default=300)
    parser.add_argument("--referrers", action="store_true")
    parser.add_argument("--page", type=int, default=0)
    parser.add_argument("--no-delete", action="store_true")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    state = State(parser.parse_args())
    servers = [Server(state, 1), Server(state, 2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print("listening on " + " and ".join(f"127.0.0.1:{s.server_port}" for s in servers), flush=True)
    try:
        wait_for_end()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
