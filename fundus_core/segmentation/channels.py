"""What is marked in a photograph: channels, and the mask files that hold their truth."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import DataError

MOST_CHANNELS = 15
"""Channels of one network: their bits and that of the field fit into 16."""

_MOST_DIGITS = 9
_NAME = re.compile(r"[^\W_][\w -]{0,59}")
"""Of a channel: it begins names of models, and names folders."""

_WHITE = 255
"""A mask that reaches this value was drawn in white on black, its edges perhaps smoothed."""

_LARGEST_STRETCH = 1.02
"""How far the proportions of mask and photograph may differ."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing to mark."""

    name: str

    bits: int = 0
    """Pixels of a mask file that have any of these bits are in the channel, so that a value may
    stand for two at once: with artery 1 and vein 2, a crossing is 3. With 0, all marked pixels
    are: those that are not zero; of a mask in black and white, those nearer to white."""

    def of(self, mask: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Returns which pixels of a mask, of any shape, are in the channel.

        Examples:
            >>> Channel("artery", 1).of(np.array([0, 1, 2, 3], np.uint16)).tolist()
            [False, True, False, True]
        """
        if self.bits:
            return np.asarray((mask & np.uint16(self.bits)) > 0)
        in_white = int(mask.max(initial=0)) == _WHITE
        return np.asarray(mask > (_WHITE // 2 if in_white else 0))


VESSEL = Channel("vessel")
ARTERY, VEIN = Channel("artery", 1), Channel("vein", 2)
DISC, CUP = Channel("disc", 16), Channel("cup", 32)
"""As the masks of phantoms and of `data/lesions` have it; the cup is part of the disc."""


def parse_channels(text: str) -> tuple[Channel, ...]:
    """Returns the channels that a command line names.

    Args:
        text: `NAME` for all marked pixels, or `NAME=BITS` for those with any of the bits; several
            joined by commas.

    Raises:
        DataError: If a name is missing or given twice, or bits are no number from 1 to 65535.

    Examples:
        >>> parse_channels("artery=1, vein=2")
        (Channel(name='artery', bits=1), Channel(name='vein', bits=2))
    """
    channels = tuple(_channel(part) for part in text.split(",") if part.strip())
    names = [channel.name for channel in channels]
    if not names or len(set(names)) < len(names) or len(names) > MOST_CHANNELS:
        raise DataError(
            f"{text!r} names {len(names)} channels, {len(set(names))} of them different; 1 to "
            f"{MOST_CHANNELS} different ones are needed.",
            hint="Write e.g. vessel, or artery=1,vein=2 (--channels).",
        )
    return channels


def _channel(part: str) -> Channel:
    name, is_given, bits = (piece.strip() for piece in part.partition("="))
    number = int(bits) if bits.isdecimal() and len(bits) < _MOST_DIGITS else 0
    if not _NAME.fullmatch(name) or (is_given and not 0 < number < 1 << 16):
        raise DataError(
            f"{part.strip()!r} is no channel: NAME or NAME=BITS was expected, a name of up to 60 "
            "letters, digits, blanks, _ and - that begins with a letter or digit, and bits from 1 "
            "to 65535.",
            hint="Write e.g. vessel, or artery=1,vein=2 (--channels).",
        )
    return Channel(name, number)


def channels_text(channels: Sequence[Channel]) -> str:
    """Returns channels as `parse_channels` reads them."""
    return ",".join(f"{one.name}={one.bits}" if one.bits else one.name for one in channels)


def require_same_view(mask: tuple[int, ...], photograph: tuple[int, ...], *, name: str) -> None:
    """Refuses a mask of other proportions than its photograph: one of them is cropped.

    Args:
        mask: Its height and width.
        photograph: Its height and width, at any scale.
        name: Of the mask, for the message.

    Raises:
        DataError: If they differ by more than rounding.
    """
    down, across = photograph[0] / mask[0], photograph[1] / mask[1]
    if max(down, across) / min(down, across) > _LARGEST_STRETCH:
        raise DataError(
            f"The mask {name} is {mask[1]} × {mask[0]} pixels, its photograph {photograph[1]} × "
            f"{photograph[0]}: they do not show the same.",
            hint="Give each photograph the mask that was drawn on it, not cropped.",
        )


def at_photographs_size(
    mask: NDArray[np.uint16], shape: tuple[int, int], *, name: str
) -> NDArray[np.uint16]:
    """Returns a mask at a photograph's size: each pixel takes the nearest.

    Args:
        mask: Shape (h, w).
        shape: (H, W) of the photograph.
        name: Of the mask, for the message.

    Raises:
        DataError: If the two do not show the same.
    """
    require_same_view(mask.shape, shape, name=name)
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    return mask if mask.shape == shape else mask[np.ix_(rows, columns)]
