"""What tests share (fake radios, engines of the log) is imported as `tests.…`, however pytest is started."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
