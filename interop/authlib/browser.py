"""A resource owner without a browser: follows redirects with cookies, submits the login and consent forms it
meets, and stops at the redirect URI without opening it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

MAX_STEPS = 20


class Form(HTMLParser):
    """The form of a page as it stands, hidden fields included."""

    def __init__(self, page):
        super().__init__()
        self.found = False
        self.action = ""
        self.fields = {}
        self.buttons = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and not self.found:
            self.found = True
            self.action = attributes.get("action") or ""
        elif tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value") or ""
        elif tag == "button" and attributes.get("name"):
            self.buttons.append((attributes["name"], attributes.get("value") or ""))

    def submission(self, account):
        """With a button pressed: the account's own, else the first."""
        fields = dict(self.fields)
        if "account" in fields:
            fields["account"] = account
        fields.update([button for button in self.buttons if button[1] == account][:1] or self.buttons[:1])
        return fields


def authorize(start, account, redirect_uri):
    """Signs `account` in from the authorization request `start`; returns the redirect URI with its parameters."""
    session = requests.Session()
    method, url, data = "GET", start, None
    for _ in range(MAX_STEPS):
        response = session.request(method, url, data=data, allow_redirects=False, timeout=30)
        if response.is_redirect:
            method, url, data = "GET", urljoin(url, response.headers["location"]), None
        else:
            method, url, data = submission(response, url, account)
        if url.startswith(redirect_uri):
            return url
    raise RuntimeError(f"the login did not end within {MAX_STEPS} steps")


def submission(response, url, account):
    form = Form(response.text)
    if not form.found:
        place = url.split("?")[0]
        raise RuntimeError(f"no form at {place}: status {response.status_code}: {response.text[:300]}")
    return "POST", urljoin(url, form.action), form.submission(account)
