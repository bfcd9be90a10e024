"""What the methods page says besides what it reads from the menus' own dicts and the notes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper whose experiments this program is to make repeatable."""

    title: str
    authors: str
    address: str
    """Its page."""

    so_far: str
    """Which of its parts can be run today."""

    missing: str
    """Which cannot, or differ."""


PAPERS: tuple[Paper, ...] = (
    Paper(
        "Exploring the Transferability of a Foundation Model for Fundus Images: Application to "
        "Hypertensive Retinopathy",
        "Silva-Rodríguez et al. (2023), CGI-HRDC",
        "https://arxiv.org/abs/2401.15526",
        "The linear probe (LP), fine-tuning (FT) and LP followed by FT of FLAIR's vision tower or "
        "of a ResNet-50 that starts from ImageNet, for any target, as one study with the "
        "challenge's score; Tip-Adapter and CLIP-Adapter; zero-shot by FLAIR's text tower, with "
        "descriptions of our own.",
        "FLAIR's weights and the challenge's photographs, to be fetched. The probe here chooses "
        "its regularisation by inner folds; their public code fixes it.",
    ),
    Paper(
        "Comparison of Fine-tuning Strategies for Transfer Learning in Medical Image "
        "Classification",
        "Davila, Colan & Hasegawa (2024), Image and Vision Computing 146, 105012",
        "https://arxiv.org/abs/2406.10050",
        "Its eight strategies (FT, LP, G-LF, G-FL, LP-FT, L1-SP, L2-SP, Auto-RGN) on ResNet-50, "
        "DenseNet-121 and VGG-19 that start from ImageNet, or on any other backbone, as one study.",
        "Its data sets are not of the eye; learning rate, epochs and the weights of the penalties "
        "are ours.",
    ),
    Paper(
        "A Disease-Specific Foundation Model Using Over 100K Fundus Images: Release and Validation "
        "for Abnormality and Multi-Disease Classification on Downstream Tasks",
        "Jang et al. (2024)",
        "https://arxiv.org/abs/2408.08790",
        "Pre-training on normal against abnormal, linear probes and fine-tuning of random and "
        "pre-trained weights at any input size and on fractions of the patients, 5-fold "
        "cross-validation, DeLong's test, multi-label targets, tests on another data set, as one "
        "study; t-SNE, Grad-CAM; vessel segmentation by its decoder from every start.",
        "Its weights: those made here learned from drawn photographs.",
    ),
    Paper(
        "Are Natural Domain Foundation Models Useful for Medical Image Classification?",
        "Huix et al. (2024), WACV",
        "https://arxiv.org/abs/2310.19522",
        "SAM, SEEM, DINOv2, OpenCLIP, BLIP, DeiT, DINO and ResNet-152 with the embeddings the "
        "paper reads, frozen or unfrozen, with a linear head or an appended DeiT, as one study; "
        "from any block on, or cut after any block.",
        "Their weights, to be fetched; normalisation by the data set.",
    ),
)

LICENCES = """\
- **This program**: Apache-2.0. Research software, not a medical device.
- **Weights** are not part of it. Each backbone's licence stands in the table of backbones; weights
  that allow no commercial use are marked as such.
- **Demo photographs** are drawn by this program. They are synthetic, of no patient.
- **Your photographs** stay on this machine: nothing is sent anywhere, and no figures on use are
  collected. The only connection the program makes by itself is the download of weights that you ask
  for.
- **Papers and data sets** keep their own terms. Cite the papers whose methods you use, and read the
  licence of a data set before you publish figures or photographs from it.
"""
"""What may be used, and on what terms."""
