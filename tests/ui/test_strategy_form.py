"""The menu of strategies: which settings it shows, and what it hands to the command line."""

from streamlit.testing.v1 import AppTest

RESNETS = ("timm:test_resnet", "timm:resnet18")
VIT = "timm:test_vit"


def form(*backbones: str, strategy: str) -> AppTest:
    """The menu for some backbones, with a strategy chosen; the arguments are printed."""

    def app(backbones: tuple[str, ...]) -> None:
        import streamlit as st

        from fundus_core.ui.components.strategy_form import pick_strategy, strategy_picture

        picked = pick_strategy(backbones, key="form")
        st.text(" ".join(picked.arguments))
        strategy_picture(picked, backbones, 3, key="form")

    page = AppTest.from_function(app, args=(backbones,), default_timeout=60).run()
    return page.selectbox(key="form.strategy").set_value(strategy).run()


def told(page: AppTest) -> str:
    assert not page.exception
    return page.text[0].value


def test_from_a_block_on_offers_the_blocks_of_the_backbone() -> None:
    page = form("timm:test_resnet", strategy="ft-from")

    offered = page.selectbox(key="form.block").options
    page.selectbox(key="form.block").set_value("layer3").run()

    assert offered == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert told(page) == "--strategy ft-from --block layer3"


def test_surgical_offers_the_blocks_that_all_backbones_have() -> None:
    alike, unlike = form(*RESNETS, strategy="surgical"), form(RESNETS[0], VIT, strategy="surgical")

    assert alike.selectbox(key="form.block").options[1:] == ["layer1", "layer2", "layer3", "layer4"]
    assert unlike.selectbox(key="form.block").options == ["stem"]


def test_lora_hands_over_rank_and_alpha_where_they_are_others() -> None:
    page = form(VIT, strategy="lora")
    assert told(page) == "--strategy lora"

    page.number_input(key="form.lora_rank").set_value(4).run()
    page.number_input(key="form.lora_alpha").set_value(32.0).run()

    assert told(page) == "--strategy lora --lora-rank 4 --lora-alpha 32.0"


def test_the_picture_of_lora_is_drawn() -> None:
    page = form(VIT, strategy="lora")

    page.toggle(key="form.picture").set_value(True).run()

    assert not page.exception
    assert len(page.get("plotly_chart")) == 1


def test_a_head_that_is_no_probe_is_not_offered_for_lp_ft() -> None:
    heads = form(VIT, strategy="lp-ft").selectbox(key="form.head").options
    all_heads = form(VIT, strategy="ft").selectbox(key="form.head").options

    assert heads == ["One linear layer"]
    assert [head for head in all_heads if "DeiT" in head]
