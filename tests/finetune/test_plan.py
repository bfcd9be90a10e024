"""The picture of a strategy: which blocks move when, of every strategy, before any training."""

import numpy as np
import pytest

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.errors import TrainingError
from fundus_core.finetune.plan import StrategyPlan, strategy_plan
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions

BLOCKS = {
    "timm:test_resnet": ("stem", "layer1", "layer2", "layer3", "layer4"),
    "timm:test_vit": ("stem", *(f"blocks.{n}" for n in range(6))),
}


def planned(backbone: str, code: str, **options: object) -> StrategyPlan:
    return strategy_plan(backbone_spec(backbone), code, 6, StrategyOptions(**options))


@pytest.mark.parametrize("backbone", BLOCKS)
@pytest.mark.parametrize("code", STRATEGIES)
def test_strategy_plan__has_a_row_per_block_and_the_head_always_moves(
    code: str, backbone: str
) -> None:
    plan = planned(backbone, code, block=BLOCKS[backbone][1])

    assert plan.blocks == (*BLOCKS[backbone], "head")
    assert plan.rates.shape == (len(plan.blocks), 6)
    if code == "auto-rgn":
        assert np.isnan(plan.rates).all()
    else:
        assert (plan.rates[-1] == 1).all()
        assert ((plan.rates >= 0) & (plan.rates <= 1)).all()


def test_strategy_plan__from_a_block_on_the_blocks_before_it_rest() -> None:
    plan = planned("timm:test_resnet", "ft-from", block="layer3")

    assert plan.rates[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_strategy_plan__adapters_are_some_of_the_tensors_of_every_block() -> None:
    plan = planned("timm:test_vit", "lora")

    # A block has 12 tensors of its own and 2 for each of its four matrices.
    assert plan.rates[1:6, 0] == pytest.approx(8 / 20)


def test_strategy_plan__an_unknown_block_is_refused() -> None:
    with pytest.raises(TrainingError, match="no block ''"):
        planned("timm:test_resnet", "ft-from")
