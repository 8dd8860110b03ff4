from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts import secrets
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore

NAME = "thing/living_light/token"


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "key")


@pytest.fixture
def store(tmp_path: Path, key: KeyFile) -> SecretStore:
    return SecretStore(tmp_path / "secrets", key)


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


def test_the_key_file_is_for_its_owner_alone(key: KeyFile) -> None:
    old = os.umask(0)
    try:
        made = key.make()
    finally:
        os.umask(old)
    assert len(made) == 32
    assert key.path.stat().st_mode & 0o777 == 0o600
    assert key.read() == made == key.make(), "a key is never replaced"
    assert list(key.path.parent.iterdir()) == [key.path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_key_file_that_others_may_use_is_refused(key: KeyFile, mode: int) -> None:
    key.make()
    key.path.chmod(mode)
    with pytest.raises(Refused) as refusal:
        key.read()
    assert refusal.value == Refused("key_file_open", path=str(key.path), mode=f"{mode:04o}")


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_key_of_another_length_is_refused(key: KeyFile, content: bytes) -> None:
    key.path.write_bytes(content)
    key.path.chmod(0o600)
    with pytest.raises(Refused) as refusal:
        key.read()
    assert code_of(refusal) == "key_file_damaged"


def test_a_link_is_no_key_file(key: KeyFile, tmp_path: Path) -> None:
    KeyFile(tmp_path / "elsewhere").make()
    key.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused) as refusal:
        key.read()
    assert code_of(refusal) == "key_file_damaged"


def test_a_missing_key_is_not_made_anew_over_secrets(store: SecretStore, key: KeyFile, tmp_path: Path) -> None:
    store.put(NAME, b"token")
    key.path.unlink()
    with pytest.raises(Refused) as refusal:
        SecretStore(tmp_path / "secrets", key)
    assert code_of(refusal) == "key_file_missing"
    assert not key.path.exists()


def test_values_come_back_after_a_restart(store: SecretStore, key: KeyFile, tmp_path: Path) -> None:
    store.put(NAME, b"\x00" * 16)
    store.put("session", b"two")
    store.put("session", b"three")
    store.drop("nobody")
    again = SecretStore(tmp_path / "secrets", key)
    assert again.names() == ["session", NAME]
    assert again.get(NAME) == b"\x00" * 16
    assert again.get("session") == b"three"
    assert again.get("nobody") is None
    again.drop(NAME)
    assert store.get(NAME) is None, "another process may change the file"
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600


def test_two_stores_lose_nothing_of_each_other(store: SecretStore, key: KeyFile, tmp_path: Path) -> None:
    other = SecretStore(tmp_path / "secrets", key)
    for number in range(10):
        (store if number % 2 else other).put(f"name/{number}", b"x")
    assert len(store.names()) == len(other.names()) == 10


def test_values_are_not_in_the_file_nor_shown(
    store: SecretStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    value = b"0123456789abcdef-a-token"
    store.put(NAME, value)
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert value not in everything
    assert value.decode() not in f"{store!r} {store} {vars(store)} {caplog.text}"


def test_a_value_cannot_be_passed_off_as_another(store: SecretStore, key: KeyFile, tmp_path: Path) -> None:
    store.put("a", b"one")
    store.put("b", b"two")
    path = tmp_path / "secrets"
    found = msgspec.msgpack.decode(path.read_bytes())
    found["entries"]["a"], found["entries"]["b"] = found["entries"]["b"], found["entries"]["a"]
    path.write_bytes(msgspec.msgpack.encode(found))
    with pytest.raises(Refused) as refusal:
        SecretStore(path, key).get("a")
    assert refusal.value == Refused("secret_damaged", name="a")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_goes_unseen(place: int, bit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    key = KeyFile(folder / "key")
    path = folder / "secrets"
    SecretStore(path, key).put("a", b"value")
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    code, found = "", None
    try:
        found = SecretStore(path, key).get("a")
    except Refused as refused:
        code = refused.code
    if code:
        assert code in {"secret_damaged", "secrets_damaged", "secrets_newer"}
    else:
        assert found is None or (found == b"value" and place % len(content) < 32), "only the name or version changed"


def test_another_key_opens_nothing(store: SecretStore, tmp_path: Path) -> None:
    store.put(NAME, b"token")
    other = KeyFile(tmp_path / "other")
    other.make()
    with pytest.raises(Refused) as refusal:
        SecretStore(tmp_path / "secrets", other).get(NAME)
    assert code_of(refusal) == "secret_damaged"


def test_a_save_that_is_cut_off_leaves_the_old_file(
    store: SecretStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(NAME, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused) as refusal:
        store.put(NAME, b"new")
    assert code_of(refusal) == "secrets_unwritable"
    assert store.get(NAME) == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"key", "secrets", "secrets.lock"}


def test_limits(store: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "MOST_ENTRIES", 2)
    for name, value, code in (("", b"", "secret_name_unfit"), ("n" * 201, b"", "secret_name_unfit")):
        with pytest.raises(Refused) as refusal:
            store.put(name, value)
        assert code_of(refusal) == code
    with pytest.raises(Refused) as refusal:
        store.put("a", bytes(64 * 1024 + 1))
    assert code_of(refusal) == "secret_too_large"
    store.put("a", bytes(64 * 1024))
    store.put("b", b"")
    store.put("b", b"again")
    with pytest.raises(Refused) as refusal:
        store.put("c", b"")
    assert code_of(refusal) == "secrets_full"


def test_a_newer_file_is_refused(tmp_path: Path, key: KeyFile) -> None:
    key.make()
    (tmp_path / "secrets").write_bytes(msgspec.msgpack.encode({"version": 2, "entries": {}}))
    with pytest.raises(Refused) as refusal:
        SecretStore(tmp_path / "secrets", key)
    assert code_of(refusal) == "secrets_newer"


def test_many_are_kept_with_one_write_or_none(
    store: SecretStore, key: KeyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    store.put_many({f"miio/{number}/token": bytes([number]) for number in range(100)})
    assert len(synced) == 2, "the file and its folder"
    store.put_many({})
    assert len(synced) == 2
    again = SecretStore(tmp_path / "secrets", key)
    assert [again.get(f"miio/{number}/token") for number in range(100)] == [bytes([number]) for number in range(100)]
    for bad in ({"a": b"1", "": b"2"}, {"a": b"1", "b": b"x" * (secrets.LARGEST_VALUE + 1)}):
        with pytest.raises(Refused):
            store.put_many(bad)
    monkeypatch.setattr(secrets, "MOST_ENTRIES", 101)
    with pytest.raises(Refused) as refusal:
        store.put_many({"a": b"1", "b": b"2"})
    assert code_of(refusal) == "secrets_full"
    assert (store.get("a"), len(store.names())) == (None, 100)
    store.put_many({"a": b"1", "miio/0/token": b"new"})
    assert (store.get("a"), store.get("miio/0/token")) == (b"1", b"new")
