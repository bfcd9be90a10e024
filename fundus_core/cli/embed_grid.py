"""The command that embeds with several backbones at several sizes."""

from itertools import product
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.domain.bounds import SIDE
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed_grid import Cell, require_all
from fundus_core.workflows.embeddings.embed_grid import embed_grid as run_grid

Backbones = Annotated[
    list[str],
    typer.Option("--backbone", help="ID, or ID@POOLING; once for each that is wanted."),
]
Sizes = Annotated[
    list[int] | None,
    options.number(SIDE, "--image-size", help="Side of the input in pixels; once for each size."),
]


def embed_grid(
    source: DataSource,
    backbone: Backbones,
    image_size: Sizes = None,
    weights: options.Weights = None,
    precision: options.EmbedPrecisionOption = "auto",
    weights_seed: options.WeightsSeed = 0,
    crop: options.Crop = True,
    clahe: options.Clahe = False,
    ben_graham: options.BenGraham = False,
    decoder: options.Decoder = "fast",
    fit: options.FitOption = None,
    workers: options.DecodingWorkers = 2,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Embeds with several backbones at several sizes, one after the other."""
    shared: dict[str, Any] = {
        "weights": weights,
        "precision": precision,
        "weights_seed": weights_seed,
        "crop": crop,
        "clahe": clahe,
        "ben_graham": ben_graham,
        "decoder": decoder,
        "fit": fit,
    }
    sizes: list[int | None] = list(image_size) if image_size else [None]
    choices = [_choice(one, size, shared) for one, size in product(backbone, sizes)]
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    cells = run_grid(place, dataset, choices, progress=progress(), workers=workers)
    if as_json:
        print_json({"n_images": len(dataset), "cells": list(cells)})
    else:
        for cell in cells:
            _print_cell(cell, len(dataset))
    require_all(cells)


def _choice(named: str, size: int | None, shared: dict[str, Any]) -> BackboneChoice:
    """Returns what `ID@POOLING` and the options name."""
    backbone, _, pooling = named.partition("@")
    return options.backbone_choice(backbone, image_size=size, pooling=pooling or None, **shared)


def _print_cell(cell: Cell, n_images: int) -> None:
    if cell.failure:
        print_line(f"{cell.label}: failed. {cell.failure}")
        return
    skipped = f", {cell.n_skipped} could not be read" if cell.n_skipped else ""
    print_line(f"{cell.label}: {cell.n_embedded} of {n_images} photographs{skipped}")
