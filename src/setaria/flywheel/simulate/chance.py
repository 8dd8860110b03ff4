"""Random numbers for kernels: one stream a household, so that nothing depends on how households are cut into shards.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). A stream is an array
of one word, its state. Streams start at hashed places of one cycle of 2^64 numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from setaria.flywheel.compiled import compiled

Stream = NDArray[np.uint64]

# All words are uint64: a signed constant beside them would make floats.
GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
SECOND: Final = np.uint64(0x94D049BB133111EB)
BY_30, BY_27, BY_31, BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
STEP: Final = 2.0**-53


@compiled
def following(stream: Stream) -> np.uint64:
    stream[0] += GAMMA
    word = stream[0]
    word = (word ^ (word >> BY_30)) * FIRST
    word = (word ^ (word >> BY_27)) * SECOND
    mixed: np.uint64 = word ^ (word >> BY_31)
    return mixed


@compiled
def begin(stream: Stream, seed: np.uint64, household: int) -> None:
    stream[0] = seed
    stream[0] = following(stream) ^ (np.uint64(household) * GAMMA)
    stream[0] = following(stream)


@compiled
def uniform(stream: Stream) -> float:
    """Inside (0, 1): neither end is ever given."""
    return (float(following(stream) >> BY_11) + 0.5) * STEP


@compiled
def exponential(stream: Stream) -> float:
    waited: float = -np.log(uniform(stream))
    return waited


@compiled
def normal(stream: Stream) -> float:
    """Box and Muller (1958), the second number left out."""
    drawn: float = np.sqrt(2.0 * exponential(stream)) * np.cos(2.0 * np.pi * uniform(stream))
    return drawn


@compiled
def poisson(stream: Stream, mean: float) -> int:
    """As many arrivals as fit into `mean`: exact for any mean, in time that grows with it."""
    count, reached = 0, exponential(stream)
    while reached < mean:
        count += 1
        reached += exponential(stream)
    return count


@compiled
def frailty(stream: Stream, variance: float) -> float:
    """Gamma with mean 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", TOMS 26(3), 2000)."""
    if variance <= 0.0:
        return 1.0
    shape, boost = 1.0 / variance, 1.0
    if shape < 1.0:
        boost = uniform(stream) ** variance
        shape += 1.0
    shifted = shape - 1.0 / 3.0
    slope = 1.0 / np.sqrt(9.0 * shifted)
    while True:
        x = normal(stream)
        v = (1.0 + slope * x) ** 3
        if v > 0.0 and np.log(uniform(stream)) < 0.5 * x * x + shifted * (1.0 - v + np.log(v)):
            factor: float = shifted * v * boost * variance
            return factor
