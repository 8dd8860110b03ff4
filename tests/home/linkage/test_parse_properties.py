"""Whatever is given to parser and checker, the answer is rules and problems, and the rules survive being stored."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setaria.home.linkage.check import check
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.graph import findings
from setaria.home.linkage.parse import parse, parse_value
from setaria.home.linkage.parse_conditions import READERS as CONDITIONS
from setaria.home.linkage.parse_steps import READERS as STEPS
from setaria.home.linkage.parse_triggers import READERS as TRIGGERS
from setaria.home.linkage.render import sentence
from setaria.home.linkage.stored import dump, load

WORDS = [
    *("on", "off", "living_light", "living_light/light.on", "living_light/light.brightness", "light.living_light"),
    *("helper/guest_mode.on", "member/li_wei.home", "living", "07:30:00", "00:05", "sunset", "enter", "home", "all"),
    *("light.turn_on", "property.set", "thing.act", "notify.notify", "{{ is_state('living_light', 'on') }}", "{{ x"),
    *("scene.evening", "input_boolean.turn_on", "counter.set_value", "timer.start", "sun.sun", "below_horizon", "/5"),
    *("living_vacuum/vacuum.start-sweep", "/", "@", ".", "a/b/c", "unavailable"),
]
KEYS = [
    *(*CONDITIONS, *TRIGGERS, *STEPS, "trigger", "platform", "condition", "conditions", "actions", "triggers", "id"),
    *(
        "entity_id",
        "to",
        "from",
        "not_to",
        "for",
        "above",
        "below",
        "at",
        "weekday",
        "event_type",
        "event_data",
        "data",
    ),
    *("target", "area_id", "label_id", "value", "sequence", "then", "else", "default", "count", "for_each", "while"),
    *("until", "or", "and", "not", "timeout", "mode", "max", "missed", "rate", "runs", "within", "cooldown", "alias"),
    *("variables", "blueprint", "input", "use_blueprint", "path", "linkages", "arguments", "message", "minutes"),
    *("value_template", "state", "match", "zone", "offset", "after", "before", "brightness", "enabled", "attribute"),
]
scalars = (
    st.sampled_from(WORDS)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*TRIGGERS, *CONDITIONS])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    max_leaves=24,
)


def typed(name: str, kinds: list[str]) -> st.SearchStrategy[Any]:
    """A mapping of the right kind with arbitrary keys beside."""
    return st.builds(
        lambda kind, rest: {**rest, name: kind}, st.sampled_from(kinds), st.dictionaries(st.sampled_from(KEYS), values)
    )


linkages = st.fixed_dictionaries(
    {
        "triggers": st.lists(typed("trigger", [*TRIGGERS]) | values, max_size=3),
        "conditions": st.lists(typed("condition", [*CONDITIONS, "and", "or", "not"]) | values, max_size=3),
        "actions": st.lists(st.dictionaries(st.sampled_from([*STEPS]), values, max_size=2) | values, max_size=4),
    }
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values | linkages)
def test_any_value_gives_rules_and_problems(value: object, sample_catalogue: FixedCatalogue) -> None:
    parsed, problems = parse_value(value)
    assert parsed or problems
    rules = []
    for each in parsed:
        assert load(dump(each.rule)) == each.rule
        checked = check(each, sample_catalogue)
        assert load(dump(checked.rule)) == checked.rule
        assert sentence(checked.rule, "en")
        rules.append(checked.rule)
    findings(rules, sample_catalogue)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200) | st.text("&*ab:-[]{}!?|>'\" \n#<", max_size=60))
def test_any_text_gives_rules_and_problems(text: str) -> None:
    parsed, problems = parse(text)
    assert parsed or problems
