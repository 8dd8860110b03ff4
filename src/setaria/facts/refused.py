"""The one form in which anything says no."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """A refusal: a stable code and what its sentence needs to be written.

    The sentence itself, and what to do next, stand in the catalogue of words under `refused.<code>`, in zh-CN and en;
    `details` are its parameters and must be JSON values. A refusal changes nothing. It can be raised, and it can be
    returned as the outcome of a command that a thing declined.
    """

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.code}({shown})" if shown else self.code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and (self.code, self.details) == (other.code, other.details)

    def __hash__(self) -> int:
        return hash(self.code)
