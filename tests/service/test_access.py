"""Who may ask: this machine by its own name, or whoever bears the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.service import Service, create_app, serve
from spinesynth.service.access import TOKEN_VARIABLE, bears_token, is_loopback, read_token
from tests.service.client import Client
from tests.service.stand_in import refuse_weights

TOKEN = "0123456789abcdef0123456789abcdef"
JOB = f"/v1/jobs/{'0' * 32}"


def _client(folder: Path, *, token: str | None = None, host: str = "127.0.0.1") -> Client:
    """Return a client of a service whose worker is never started."""
    return Client(create_app(Service(folder / "jobs", refuse_weights, token=token)), host=host)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN]
)
@pytest.mark.parametrize("path", [JOB, "/metrics", "/openapi.json", "/nonsense"])
def test_without_the_token_nothing_is_told(tmp_path: Path, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = _client(tmp_path, token=TOKEN).get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "E-SERVE-001")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_token_opens_every_route_from_any_name(tmp_path: Path) -> None:
    client = _client(tmp_path, token=TOKEN, host="scans.example")
    answer = client.get(JOB, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json()["code"] == "E-SERVE-002"  # past the guard: there is no such job
    assert client.get("/v2/health/live").status_code == 200  # open, for whoever watches it


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("scans.example", {}),
        ("192.0.2.7", {}),
        ("127.0.0.1", {"Origin": "https://page.example"}),
        ("127.0.0.1", {"Origin": "null"}),
    ],
    ids=["name that leads here", "other address", "page", "page without a name"],
)
def test_web_pages_cannot_ask_where_there_is_no_token(
    tmp_path: Path, host: str, headers: dict[str, str]
) -> None:
    answer = _client(tmp_path, host=host).get(JOB, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "E-SERVE-013")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_may_ask_by_its_own_names(tmp_path: Path, host: str) -> None:
    assert _client(tmp_path, host=host).get("/v2/health/live").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "scanner.example"])
def test_other_addresses_are_not_bound_without_a_token(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-SERVE-016.*set --token-file or SPINESYNTH_TOKEN"):
        serve(refuse_weights, host=host, folder=tmp_path / "jobs")
    assert not (tmp_path / "jobs").exists()


def test_whole_loopback_is_this_machine() -> None:
    assert all(is_loopback(name) for name in ("127.0.0.1", "127.8.9.1", "::1", "LocalHost"))
    assert not any(is_loopback(name) for name in ("", "128.0.0.1", "localhost.example"))


def test_token_is_read_from_a_file_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, {TOKEN_VARIABLE: "x" * 40}) == TOKEN
    assert read_token(None, {TOKEN_VARIABLE: "x" * 40}) == "x" * 40
    assert read_token(None, {}) is None


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 21, "with a blank in the middle of it", "é" * 30]
)
def test_token_that_is_easily_guessed_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"E-SERVE-017.*token"):
        read_token(file, {})


def test_missing_file_of_a_token_is_no_missing_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-SERVE-017.*cannot be read"):
        read_token(tmp_path / "none", {TOKEN_VARIABLE: TOKEN})


def test_token_is_compared_whole() -> None:
    assert bears_token(f"bearer {TOKEN}", TOKEN)
    assert not bears_token(f"Bearer {TOKEN[:-1]}", TOKEN)
    assert not bears_token(f"Bearer {TOKEN} {TOKEN}", TOKEN)
