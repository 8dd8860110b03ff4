"""The one small, bounded evaluator: linkage conditions, MQTT value templates, imported simple Jinja."""

from __future__ import annotations

from setaria.expression.environment import Environment, Fixed
from setaria.expression.parse import parse
from setaria.expression.program import Program
from setaria.expression.template import Template
from setaria.expression.tree import Body, Expression, dynamic_reads, names, reads, relocate
from setaria.expression.write import write

__all__ = [
    "Body",
    "Environment",
    "Expression",
    "Fixed",
    "Program",
    "Template",
    "dynamic_reads",
    "names",
    "parse",
    "reads",
    "relocate",
    "write",
]
