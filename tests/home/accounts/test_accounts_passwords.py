"""What a password must be, and that its hash is where it belongs."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.home.accounts import codes, passwords
from setaria.home.accounts.passwords import NOBODY, Passwords, readable


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key"))


@pytest.mark.parametrize("password", ["", "1234567", "é́" * 3, "x" * 257, "e\u0301" * 7, "\ud800" * 8])
def test_what_is_no_password(password: str) -> None:
    with pytest.raises(Refused, match="password_unusable"):
        readable(password)


@pytest.mark.parametrize(
    "password", ["12345678", "x" * 256, "一句只有我们知道的话", "        ", "e\u0301" * 8, "\0" * 8]
)
def test_what_is_one(password: str) -> None:
    assert readable(password) == unicodedata.normalize("NFC", password)


async def test_it_is_argon2id_as_owasp_wants_it_and_lies_sealed(store: SecretStore, tmp_path: Path) -> None:
    kept = Passwords(store)
    name = await kept.keep("correct horse")
    hashed = store.get(f"password/{name}")
    assert hashed is not None
    assert hashed.startswith(b"$argon2id$v=19$m=19456,t=2,p=1$")
    assert b"argon2" not in (tmp_path / "secrets").read_bytes()
    assert await kept.is_right(name, "correct horse")
    assert not await kept.is_right(name, "correct horsf")
    again = await kept.keep("correct horse")
    assert store.get(f"password/{again}") != hashed, "each has its own salt"
    kept.forget_all_but({again})
    assert store.names() == [f"password/{again}"]
    kept.close()


async def test_however_it_was_typed_it_is_the_same(store: SecretStore) -> None:
    kept = Passwords(store)
    name = await kept.keep("caf\u00e9 au lait")
    assert await kept.is_right(name, "cafe\u0301 au lait")
    kept.close()


async def test_nobody_is_as_slow_as_somebody(store: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Passwords(store)
    name = await kept.keep("correct horse")
    hashed = store.get(f"password/{name}")
    assert hashed is not None
    assert NOBODY.rpartition("$")[0].rpartition("$")[0] == hashed.decode().rpartition("$")[0].rpartition("$")[0]
    seen: list[str] = []
    verify = passwords._verify

    def seeing(known: str, plain: str) -> bool:
        seen.append(known)
        return verify(known, plain)

    monkeypatch.setattr(passwords, "_verify", seeing)
    assert not await kept.is_right("", "correct horse")
    assert not await kept.is_right("gone", "correct horse")
    assert not await kept.is_right(name, "short")
    assert not await kept.is_right(name, "x" * 10_000)
    assert seen == [NOBODY] * 4
    kept.close()


async def test_only_so_many_wait(store: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Passwords(store)
    monkeypatch.setattr(passwords, "MOST_WAITING", 3)
    asked = await asyncio.gather(*(kept.is_right("", "correct horse") for _ in range(5)), return_exceptions=True)
    assert asked[:3] == [False] * 3
    assert [each for each in asked if isinstance(each, Refused)] == [Refused("sign_in_busy")] * 2
    assert await kept.is_right("", "correct horse") is False, "and then there is room again"
    kept.close()


@given(st.text(max_size=100))
def test_any_text_can_be_asked_to_be_a_code(typed: str) -> None:
    read = codes.read_code(typed)
    assert read == "" or set(read) <= {*codes.ALPHABET, "-"}
    assert codes.read_code(read) == read


@given(st.sampled_from([codes.SETUP_LETTERS, codes.INVITATION_LETTERS]), st.booleans(), st.booleans())
def test_a_code_is_read_however_it_is_typed(letters: int, small: bool, spaced: bool) -> None:
    code = codes.make_code(letters)
    typed = code.lower() if small else code
    assert codes.read_code(typed.replace("-", " " if spaced else "")) == code


def test_digests_differ_by_purpose_and_by_home(store: SecretStore, tmp_path: Path) -> None:
    ours = codes.Digests(store)
    assert ours.of("session", "a") == codes.Digests(store).of("session", "a")
    assert ours.of("session", "a") != ours.of("token", "a")
    other = SecretStore(tmp_path / "others", KeyFile(tmp_path / "others_key"))
    assert codes.Digests(other).of("session", "a") != ours.of("session", "a")
