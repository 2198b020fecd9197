"""Calls an API on behalf of a user, with an access token from Evergrant.

    EVERGRANT_URL=http://127.0.0.1:8780 EVERGRANT_API_KEY=egk_... python3 call_api.py GRANT URL
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ["EVERGRANT_URL"].rstrip("/")
KEY = os.environ["EVERGRANT_API_KEY"]


class Refused(Exception):
    """Evergrant has no token: `problem` says why, whether it passes, and who can help."""

    def __init__(self, problem):
        super().__init__(problem["detail"])
        self.problem = problem


def evergrant(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(SERVER + path, data, headers)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)) from None


def call(url, token):
    headers = {"Authorization": f"{token['token_type']} {token['access_token']}"}
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode()


def call_for(grant, url):
    path = f"/v1/grants/{urllib.parse.quote(grant)}"
    token = evergrant(f"{path}/token")
    try:
        return call(url, token)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        # The API does not take the token, whatever its dates say: Evergrant finds out, and gives another one.
        seen = {"generation": token["generation"], "status": 401}
        return call(url, evergrant(f"{path}/rejections", seen))


try:
    print(call_for(sys.argv[1], sys.argv[2]))
except Refused as refused:
    link = refused.problem.get("reauthorize_url")
    sys.exit(f"{refused}\nThe user opens {link}" if link else str(refused))
