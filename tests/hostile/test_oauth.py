"""``faceviz serve --auth oauth`` against a provider of this machine: who is let in, and who is not."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from tests.hostile.test_server import started, websocket

pytestmark = pytest.mark.slow
SECRET, CODE = "a-secret-of-the-server", "a-code-of-ada"


class Provider(http.server.ThreadingHTTPServer):
    """Gives Ada's token for her code, to whoever knows the secret."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Provider)
        self.secret, self.asked = SECRET, []
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # noqa: N802
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(form)
        good = form.get("client_secret") == [self.server.secret] and form.get("code") == [CODE]
        self._answer(
            {"access_token": "of-ada"} if good else {"error": "invalid_client"}, 200 if good else 401
        )

    def do_GET(self) -> None:  # noqa: N802
        good = self.headers["Authorization"] == "Bearer of-ada"
        self._answer({"email": "ada@lab.org"}, 200 if good else 401)

    def _answer(self, content: dict[str, str], code: int) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def provider():
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def address(provider, tmp_path_factory):
    """The page of a server that asks the provider who comes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "PROVIDER": "generic", "KEY": "faceviz", "SECRET": SECRET, "AUTHORIZE_URL": f"{provider.address}/authorize",
            "TOKEN_URL": f"{provider.address}/token", "USER_URL": f"{provider.address}/user",
        }.items():  # fmt: skip
            patch.setenv(f"PANEL_OAUTH_{name}", value)
        with started(tmp_path_factory.mktemp("temporary"), "--auth", "oauth") as (_, found):
            yield found


class Browser:
    """Keeps cookies; follows a redirection within the server, and tells where one leads that goes elsewhere."""

    def __init__(self, address: str) -> None:
        self._site = address.rpartition("/")[0]
        self._opener = urllib.request.build_opener(
            _NoRedirection, urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def get(self, where: str) -> tuple[int, str]:
        """The status, and the page or the address of another server."""
        where = urljoin(self._site, where)
        for _ in range(5):
            try:
                with self._opener.open(where) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                if error.code != 302:
                    return error.code, error.read().decode()
                where = urljoin(where, error.headers["Location"])
                if not where.startswith(self._site):
                    return 302, where
        raise AssertionError("it is sent round in a circle")

    def is_in(self) -> bool:
        code, found = self.get("/landmarks")
        return code == 200 and '"token":"' in found


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def test_who_comes_is_sent_to_the_provider_and_let_in_when_it_vouches(provider, address):
    browser = Browser(address)
    code, there = browser.get(address)
    asked = parse_qs(urlsplit(there).query)
    assert code == 302 and there.startswith(f"{provider.address}/authorize?")
    assert asked["client_id"] == ["faceviz"] and asked["response_type"] == ["code"]
    assert asked["redirect_uri"][0].startswith(address.rpartition("/")[0]) and SECRET not in there
    browser.get(f"/login?code={CODE}&state={asked['state'][0]}")
    assert provider.asked[-1]["client_secret"] == [SECRET]
    assert browser.is_in()


@pytest.mark.parametrize("state", ["", "&state=", "&state=Zm9yZ2Vk", "&state=e30%3D"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_code_with_a_forged_or_missing_state_lets_nobody_in(provider, address, state, begun):
    browser = Browser(address)
    if begun:
        browser.get(address)
    asked = len(provider.asked)
    assert browser.get(f"/login?code={CODE}{state}")[0] in (400, 401, 403)
    assert len(provider.asked) == asked, "the code was redeemed"
    assert not browser.is_in()


def test_a_state_of_somebody_else_lets_nobody_in(address):
    other = parse_qs(urlsplit(Browser(address).get(address)[1]).query)["state"][0]
    browser = Browser(address)
    browser.get(address)
    assert browser.get(f"/login?code={CODE}&state={other}")[0] == 401
    assert not browser.is_in()


def test_with_a_secret_that_the_provider_does_not_know_nobody_is_let_in(provider, address, monkeypatch):
    monkeypatch.setattr(provider, "secret", "another")
    browser = Browser(address)
    state = parse_qs(urlsplit(browser.get(address)[1]).query)["state"][0]
    code, page = browser.get(f"/login?code={CODE}&state={state}")
    assert code == 401 and SECRET not in page and "Traceback" not in page
    assert not browser.is_in()


def test_what_an_error_says_is_never_markup_and_its_page_loads_nothing(address):
    said = "%3Cscript%3Ealert(1)%3C/script%3E"
    code, page = Browser(address).get(f"/login?error={said}&error_description={said}")
    assert code == 401 and "<script>" not in page and "could not be let in" in page
    assert "http" not in page


def test_without_a_login_the_websocket_is_closed(address):
    from bokeh.util.token import generate_jwt_token, generate_session_id

    assert '"token":"' not in Browser(address).get(address)[1]
    forged = generate_jwt_token(generate_session_id())
    assert websocket(address, address.rpartition("/")[0], forged) != 101
