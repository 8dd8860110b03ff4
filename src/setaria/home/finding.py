"""Things on the air that are not the home's yet, and the secrets that were given for them beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.home.ports import Found, Radio, Unreachable

MOST_FOUND = 1_000


def secret_name(radio: str, address: str) -> str:
    return f"{radio}/{address}/token"


class Finding:
    """Keeps what was found, bounded; tries a known secret on what needs one."""

    def __init__(self, radios: Mapping[str, Radio], secrets: SecretStore, news: Callable[[Found], None]) -> None:
        self._radios = radios
        self._secrets = secrets
        self._news = news
        self._found: dict[tuple[str, str], Found] = {}
        self._trying: set[tuple[str, str]] = set()

    def all(self) -> list[Found]:
        """Without secrets."""
        return [msgspec.structs.replace(each, secret=b"") for each in self._found.values()]

    def get(self, radio: str, address: str) -> Found | None:
        return self._found.get((radio, address))

    def given(self, radio: str, address: str) -> bool:
        """Whether a secret is known, right or wrong."""
        return self._secrets.get(secret_name(radio, address)) is not None

    def trying(self, radio: str, address: str) -> bool:
        return (radio, address) in self._trying

    def forget(self, radio: str, address: str) -> None:
        self._found.pop((radio, address), None)

    def sighted(self, found: Found) -> None:
        """From a radio. A secret that the thing itself gave is stored; one given beforehand is tried."""
        key = (found.radio, found.address)
        if key not in self._found and len(self._found) >= MOST_FOUND:
            return
        if found.secret:
            self._secrets.put(secret_name(*key), found.secret)
            found = msgspec.structs.replace(found, secret=b"")
        before = self._found.get(key)
        if before is not None and before.model and not found.model:
            found = msgspec.structs.replace(found, model=before.model)
        self._found[key] = found
        if found.needs == "token" and self._secrets.get(secret_name(*key)) is not None:
            self._try(found)
        else:
            self._news(found)

    def give_secrets(self, radio: str, secrets: Mapping[str, bytes]) -> None:
        """A person has brought tokens, by address: keep all, or none, and try those of things in sight."""
        self._secrets.put_many({secret_name(radio, address): secret for address, secret in secrets.items()})
        for address in secrets:
            found = self._found.get((radio, address))
            if found is not None:
                self._try(found)

    def _try(self, found: Found) -> None:
        key = (found.radio, found.address)
        secret = self._secrets.get(secret_name(*key))
        radio = self._radios.get(found.radio)
        if radio is None or secret is None or key in self._trying:
            return

        def learnt(told: str | Refused | Unreachable) -> None:
            self._trying.discard(key)
            if key not in self._found:
                return
            if isinstance(told, str):
                better = msgspec.structs.replace(found, model=told, needs="")
            else:
                better = msgspec.structs.replace(found, needs="token")
            self._found[key] = better
            self._news(better)

        try:
            radio.identify(found.address, found.location, secret, learnt)
        except Refused:
            self._news(found)
        else:
            self._trying.add(key)
