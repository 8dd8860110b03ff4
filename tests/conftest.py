"""What tests share (fake radios, engines of the log) is imported as `tests.…`, however pytest is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.append(str(Path(__file__).parents[1]))

# The same examples each time: a failure is the change's, not the day's. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("seeded", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))
