"""Clusters: how nodes are divided, and what is said where there is none."""

import importlib.util

import pytest

from fundus_core.errors import ClusterError
from fundus_core.scale.cluster import Slots, connected, require_ray, slots_of


def test_slots_of__a_gpu_each_with_its_share_of_the_cores() -> None:
    nodes = [{"CPU": 32.0, "GPU": 4.0}, {"CPU": 6.0, "GPU": 1.0}]

    slots = slots_of(nodes, decoders=16)

    assert slots == Slots(count=5, gpus=1, cpus=6)  # a core more would not fit on the second node


def test_slots_of__nodes_without_gpu_are_left_out_where_others_have_one() -> None:
    slots = slots_of([{"CPU": 64.0}, {"CPU": 8.0, "GPU": 2.0}], decoders=2)

    assert slots == Slots(count=2, gpus=1, cpus=2)


def test_slots_of__a_node_without_cores_offers_nothing() -> None:
    assert slots_of([{"memory": 1e9}, {"CPU": 3.0}], decoders=2).count == 3

    with pytest.raises(ClusterError, match="1 nodes offer neither a GPU nor a core"):
        slots_of([{"memory": 1e9}], decoders=2)


def test_require_ray__its_absence_is_met_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ClusterError, match="not installed") as caught:
        require_ray()

    assert "pip install 'ray[data]'" in caught.value.hint


def test_connected__an_address_that_is_none() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra `scale` is not installed")

    with (
        pytest.raises(ClusterError, match="No Ray cluster answers at 'nonsense'") as caught,
        connected("nonsense"),
    ):
        pass

    assert "ray start --head" in caught.value.hint
