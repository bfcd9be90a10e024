"""The table of what backbones cost: complete, and written by its script."""

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.costs import COSTS_FILE, backbone_costs
from scripts.backbone_costs import DOCUMENT, document


def test_costs__every_backbone_was_measured_and_no_other() -> None:
    assert list(backbone_costs()) == list(BACKBONES)


def test_costs__are_those_of_networks() -> None:
    costs = backbone_costs()

    assert 23 < costs["resnet50"].parameters_m < 26
    assert 85 < costs["vit_base"].parameters_m < 87
    assert all(cost.peak_mb > 4 * cost.parameters_m for cost in costs.values())


def test_document__is_what_the_figures_give() -> None:
    import json

    costs = json.loads(COSTS_FILE.read_text(encoding="utf-8"))

    assert DOCUMENT.read_text(encoding="utf-8") == document(costs)
