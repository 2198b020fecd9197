"""PyPI `authlib`, unmodified, as an independent client. See ../README.md for input and report.

The report holds facts about tokens, never a token.
"""

import json
import os
import sys

# The library refuses plain HTTP unless it is told that it is being tested; everything here is on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from browser import authorize

ROTATIONS = 3


class Refused(Exception):
    """A protected endpoint said no: what the scenario reports of it."""

    def __init__(self, status, error):
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error


class Party:
    def __init__(self, given):
        self.given = given
        self.server = requests.get(f"{given['issuer'].rstrip('/')}/.well-known/openid-configuration", timeout=30).json()
        if self.server["issuer"] != given["issuer"]:
            raise RuntimeError("the metadata names another issuer")
        self.keys = KeySet.import_key_set(requests.get(self.server["jwks_uri"], timeout=30).json())
        self.last_status = None

    def session(self):
        session = OAuth2Session(
            client_id=self.given["client_id"],
            client_secret=self.given.get("client_secret"),
            token_endpoint_auth_method=self.given["token_endpoint_auth_method"],
            revocation_endpoint_auth_method=self.given["token_endpoint_auth_method"],
            scope=self.given["scope"],
            redirect_uri=self.given["redirect_uri"],
            code_challenge_method="S256",
        )
        session.hooks["response"].append(self.remember_status)
        return session

    def remember_status(self, response, **_):
        self.last_status = response.status_code

    def connect(self):
        """Code + PKCE; returns the tokens and what a second redemption needs."""
        verifier, nonce = generate_token(48), generate_token()
        url, state = self.session().create_authorization_url(
            self.server["authorization_endpoint"],
            code_verifier=verifier,
            nonce=nonce,
            prompt="consent",
        )
        secrets = {"callback": authorize(url, self.given["account"], self.given["redirect_uri"]), "state": state, "verifier": verifier}
        tokens = self.redeem(secrets)
        claims = jwt.decode(tokens["id_token"], self.keys, algorithms=["RS256", "ES256", "EdDSA"]).claims
        expected = {"iss": self.given["issuer"], "aud": self.given["client_id"], "nonce": nonce}
        if any(claims[name] != value for name, value in expected.items()):
            raise RuntimeError(f"the ID token is not for this request: {claims}")
        return tokens, claims["sub"], secrets

    def redeem(self, secrets):
        return self.session().fetch_token(
            self.server["token_endpoint"],
            authorization_response=secrets["callback"],
            state=secrets["state"],
            code_verifier=secrets["verifier"],
        )

    def refresh(self, refresh_token):
        return self.session().refresh_token(self.server["token_endpoint"], refresh_token=refresh_token)

    def revoke(self, refresh_token):
        response = self.session().revoke_token(
            self.server["revocation_endpoint"], token=refresh_token, token_type_hint="refresh_token"
        )
        if response.status_code != 200:
            raise Refused(response.status_code, response.json().get("error"))

    def userinfo(self, access_token, subject):
        session = self.session()
        session.token = {"access_token": access_token, "token_type": "Bearer"}
        response = session.get(self.server["userinfo_endpoint"])
        if response.status_code != 200:
            challenge = requests.utils.parse_dict_header(response.headers["www-authenticate"].partition(" ")[2])
            raise Refused(response.status_code, challenge.get("error"))
        if response.json()["sub"] != subject:
            raise RuntimeError("userinfo names another subject")

    def outcome(self, operation, *arguments):
        """`ok`, or the error as the library itself reports it, and the status it came with."""
        try:
            operation(*arguments)
        except Refused as refusal:
            return {"ok": False, "status": refusal.status, "error": refusal.error}
        except AuthlibBaseError as error:
            return {"ok": False, "status": self.last_status, "error": error.error}
        return {"ok": True}


def keep_and_replay(party, report):
    first, subject, _ = party.connect()
    report["connect"] = facts(first, subject)
    report["refreshes"] = []
    current = first
    for _ in range(ROTATIONS):
        following = dict(party.refresh(current["refresh_token"]))
        rotated = following.get("refresh_token", current["refresh_token"]) != current["refresh_token"]
        report["refreshes"].append({**facts(following, None), "rotated": rotated})
        current = {**following, "refresh_token": following.get("refresh_token", current["refresh_token"])}
    report["userinfo"] = party.outcome(party.userinfo, current["access_token"], subject)
    report["replay"] = party.outcome(party.refresh, first["refresh_token"])
    report["successor_after_replay"] = party.outcome(party.refresh, current["refresh_token"])
    report["userinfo_after_replay"] = party.outcome(party.userinfo, current["access_token"], subject)


def revoke_and_refresh(party, report):
    tokens, _, _ = party.connect()
    report["revoke"] = party.outcome(party.revoke, tokens["refresh_token"])
    report["revoke_again"] = party.outcome(party.revoke, tokens["refresh_token"])
    report["refresh_after_revoke"] = party.outcome(party.refresh, tokens["refresh_token"])


def redeem_twice(party, report):
    tokens, _, secrets = party.connect()
    report["code_again"] = party.outcome(party.redeem, secrets)
    report["refresh_after_code_again"] = party.outcome(party.refresh, tokens["refresh_token"])


def facts(tokens, subject):
    return {
        "token_type": tokens["token_type"],
        "expires_in": tokens["expires_in"],
        "scope": tokens.get("scope"),
        "has_refresh_token": "refresh_token" in tokens,
        "subject": subject,
    }


def main():
    party = Party(json.load(sys.stdin))
    report = {"library": "authlib"}
    keep_and_replay(party, report)
    revoke_and_refresh(party, report)
    redeem_twice(party, report)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
