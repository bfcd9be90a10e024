"""How a threshold comes about: moved by hand, or chosen by a rule on other photographs."""

import math
from collections.abc import Mapping

import streamlit as st

from fundus_core.stats.threshold_rules import RULES, RuleChoice
from fundus_core.ui import operating_caches, outside, state, text
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.operating import OperatingResult, Source
from fundus_core.workflows.evaluation.operating_words import rule_text, threshold_number

USUAL_PREVALENCE = 5.0
"""Percent; what the field of prevalence starts with."""

_AS_IN_THE_ADDRESS = 1e-5
"""The address keeps six digits of a threshold."""

_LABELS = {
    "youden": "Youden: highest sensitivity + specificity",
    "specificity": "Specificity of at least …",
    "sensitivity": "Sensitivity of at least …",
    "cost": "Lowest cost: a miss costs … false alarms",
}

_WAYS: dict[Source, str] = {
    "other folds": "By the rule, across folds",
    "inside": "By the rule, where it was trained",
}
"""Where a rule can choose without flattering; what the way is called."""


def pick_rule() -> tuple[RuleChoice, float]:
    """Draws the menu of rules, the number of the rule, and the prevalence.

    Returns:
        The rule with its number, and the prevalence in (0, 1).
    """
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    name: str = left.selectbox(
        "Rule that seeks a threshold",
        list(RULES),
        format_func=lambda one: _LABELS.get(one, one),
        help=help_for("rule"),
        key="operating.rule",
        persist_state="session",
    )
    prevalence = right.number_input(
        "Prevalence where it will be used, %",
        min_value=0.01,
        max_value=99.99,
        value=USUAL_PREVALENCE,
        step=0.5,
        format="%.2f",
        key="operating.prevalence",
        persist_state="session",
        help="How many percent have the disease where the model will be used: what a call is worth "
        "depends on it, and these photographs do not tell it.",
    )
    share = float(prevalence or USUAL_PREVALENCE) / 100
    rule = RULES[name]
    number = None
    if rule.usual is not None:
        number = middle.number_input(
            rule.asks_for.capitalize(),
            min_value=rule.lowest,
            max_value=rule.highest,
            value=rule.usual,
            step=0.01 if rule.highest == 1 else 1.0,
            key=f"operating.number.{name}",
            persist_state="session",
        )
    return RuleChoice(name, number, share if rule.needs_prevalence else None), share


def pick_point(
    run_id: str, class_name: str, aggregate: str | None, choice: RuleChoice
) -> OperatingResult:
    """Draws the two ways to a threshold, and returns what the model does at the chosen one.

    Args:
        run_id: The model.
        class_name: The class that counts as positive.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
        choice: The rule.
    """
    ruled = operating_caches.by_rule(run_id, class_name, aggregate, choice)
    if ruled.source in _WAYS:
        way = st.segmented_control(
            "Threshold",
            ["slider", "rule"],
            format_func={"slider": "By the slider", "rule": _WAYS[ruled.source]}.__getitem__,
            default="slider",
            required=True,
            wrap=True,
            key="operating.way",
            persist_state="session",
            help="By the rule: chosen on photographs that it does not judge. By the slider: see "
            "what each threshold does; what looks best on these photographs looks worse on others.",
        )
        if way == "rule":
            return ruled
    sought = operating_caches.sought(run_id, class_name, aggregate, choice)
    usual = operating_caches.sought(run_id, class_name, aggregate, RuleChoice())
    threshold = _slider(sought, choice)
    found_by = _found_by(threshold, {choice: sought, RuleChoice(): usual})
    return operating_caches.at(run_id, class_name, aggregate, threshold, found_by)


def _slider(sought: float, choice: RuleChoice) -> float:
    """Draws the slider, and the button that moves it to what the rule seeks."""
    threshold: float = st.slider(
        "Threshold: called positive from this score on",
        0.0,
        1.0,
        step=0.001,
        format="%g",
        **state.bound("threshold"),
    )
    st.button(
        f"Seek it here: {threshold_number(sought)}",
        icon=":material/my_location:",
        on_click=outside.callback(state.choose),
        kwargs={"threshold": sought},
        disabled=not 0 <= sought <= 1,
        help=f"By the rule - {text.escaped(rule_text(choice))} - on what it is judged on.",
    )
    return threshold


def _found_by(threshold: float, sought: Mapping[RuleChoice, float]) -> RuleChoice | None:
    """Returns the first of some rules that finds this threshold, if one does."""
    same = (
        rule
        for rule, found in sought.items()
        if math.isclose(threshold, found, rel_tol=_AS_IN_THE_ADDRESS)
    )
    return next(same, None)
