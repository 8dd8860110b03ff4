"""A parsed, compiled expression or template, ready to be evaluated any number of times."""

from __future__ import annotations

from typing import Final

from setaria.expression.compile import Run, compiled
from setaria.expression.compute import UNDEFINED, Fault, is_true
from setaria.expression.environment import Environment, Value
from setaria.expression.parse import parse
from setaria.expression.tree import Expression, dynamic_reads, names, reads
from setaria.facts.refused import Refused

# What evaluation may meet beside a Fault: arithmetic, a key that cannot be one, zones, encodings, too deep a value.
_FAULTS: Final = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError)


def evaluated(run: Run, world: Environment) -> Value:
    try:
        value = run(world)
    except Fault as fault:
        raise Refused("expression_failed", why=fault.why, about=fault.about) from None
    except ZeroDivisionError:
        raise Refused("expression_failed", why="division_by_zero", about="") from None
    except _FAULTS as fault:
        raise Refused("expression_failed", why="cannot_compute", about=type(fault).__name__) from fault
    return None if value is UNDEFINED else value


class Program:
    """An expression. `evaluate`: None when undefined; raises Refused `expression_failed` (why, about)."""

    __slots__ = ("_run", "dynamic_reads", "names", "reads", "tree")

    def __init__(self, tree: Expression) -> None:
        self.tree = tree
        self.reads = reads(tree)
        self.dynamic_reads = dynamic_reads(tree)
        self.names = names(tree)
        self._run = compiled(tree)

    @classmethod
    def parse(cls, source: str) -> Program:
        return cls(parse(source))

    def evaluate(self, world: Environment) -> Value:
        return evaluated(self._run, world)

    def test(self, world: Environment) -> bool:
        """Whether it holds as a condition: see `compute.is_true`."""
        return is_true(self.evaluate(world))
