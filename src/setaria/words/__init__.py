"""Every sentence a person reads, by key and language. `ROOM.LANGUAGE.json` files beside this one hold them, flat.

A sentence has plain parameters, `{name}`, and nothing else. In which room a key stands does not matter to who asks.
"""

from __future__ import annotations

from setaria.words.catalogue import DEFAULT, languages, pick, refusal, say

__all__ = ["DEFAULT", "languages", "pick", "refusal", "say"]
