#!/usr/bin/env python3
"""A token server for Debian's docker-registry: the distribution project's token specification.

    token_server.py --key KEY.pem --cert CERT.pem [--user U --password P] [--anonymous-pull]

It listens on a free port of 127.0.0.1 and prints "listening on 127.0.0.1:PORT". The registry's
configuration names it: auth: {token: {realm: http://127.0.0.1:PORT/token, service: registry,
issuer: tester, rootcertbundle: CERT.pem}}. Tokens are signed by openssl, which must be installed.
It ends with SIGTERM, or when its standard input, where that is a pipe, is closed."""

import argparse
import base64
import json
import os
import secrets
import stat
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def user(self):
        header = self.headers.get("Authorization") or ""
        if not header.startswith("Basic "):
            return ""
        user, _, password = base64.b64decode(header[6:]).decode().partition(":")
        options = self.server.options
        return user if (user, password) == (options.user, options.password) else None

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user = self.user()
        if user is None:
            self.answer(401, {"details": "incorrect username or password"})
            return
        access = []
        for scope in [s for text in query.get("scope", []) for s in text.split()]:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [a for a in actions.split(",")
                       if user or (a == "pull" and self.server.options.anonymous_pull)]
            access.append({"type": kind, "name": name, "actions": allowed})
        token = self.server.sign(user, query.get("service", [""])[0], access)
        self.answer(200, {"token": token, "expires_in": 300})


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.options = options
        der = subprocess.run(["openssl", "x509", "-in", options.cert, "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.x5c = [base64.b64encode(der).decode()]

    def sign(self, user, service, access):
        now = int(time.time())
        claims = {"iss": "tester", "sub": user, "aud": service, "exp": now + 300, "nbf": now - 10,
                  "iat": now, "jti": secrets.token_hex(8), "access": access}
        header = {"typ": "JWT", "alg": "RS256", "x5c": self.x5c}
        text = encode(json.dumps(header).encode()) + "." + encode(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.options.key],
                                   input=text.encode(), check=True, capture_output=True).stdout
        return text + "." + encode(signature)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--key", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--user", default="tester")
    parser.add_argument("--password", default="pass:word")
    parser.add_argument("--anonymous-pull", action="store_true")
    server = Server(parser.parse_args())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
        return
    threading.Event().wait()


if __name__ == "__main__":
    main()
