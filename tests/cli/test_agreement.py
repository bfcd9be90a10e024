"""`fundus agreement`: what people and machines read."""

from pathlib import Path

from tests.cli.conftest import Fundus


def embed_two(fundus: Fundus, data: Path) -> list[str]:
    """Embeds with random weights of two seeds and returns both fingerprints."""
    common = ("--backbone", "resnet18", "--weights", "scratch", "--image-size", 32, "--json")
    return [
        fundus("embed", data, *common, "--weights-seed", seed).json["fingerprint"]
        for seed in (0, 1)
    ]


def test_agreement__two_backbones_are_compared_with_intervals(fundus: Fundus, data: Path) -> None:
    keys = embed_two(fundus, data)

    report = fundus("agreement", data, "--k", 3, "--json").json
    told = fundus("agreement", data, "--k", 3).stdout

    pair = report["pairs"][0]
    assert {pair["a"], pair["b"]} == set(keys)
    assert pair["cka"]["low"] < pair["cka"]["value"] < pair["cka"]["high"]
    assert pair["cka"]["method"] == "jackknife of patients"
    assert (report["n_images"], report["n_dataset"], report["n_patients"]) == (24, 24, 12)
    assert len(pair["images"]) == 24
    assert pair["images"][0]["shared"] <= pair["images"][-1]["shared"]
    assert f"CKA (debiased) {pair['cka']['value']:.3f} (95 % CI" in told
    assert "by chance 0.130" in told
    assert "24 of 24 photographs have all embeddings; patients: 12" in told


def test_agreement__one_backbone_is_not_enough(fundus: Fundus, data: Path) -> None:
    key, _ = embed_two(fundus, data)

    outcome = fundus("agreement", data, "--embedding", key[:10])

    assert outcome.exit_code == 2
    assert "1 set of embeddings is named" in outcome.stderr
    assert "Traceback" not in outcome.stderr
