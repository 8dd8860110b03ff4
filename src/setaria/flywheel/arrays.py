"""Short names for the arrays that everything here is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Kinds = NDArray[np.int16]
Bytes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]
