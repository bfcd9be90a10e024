"""Errors a user can act on.

A page shows `message` and `hint`; the command line prints both and exits with 2. Anything that is
not a `FundusError` is a defect of ours and is left to propagate.
"""

import re
from typing import Any

_LONGEST_MESSAGE, _LONGEST_HINT = 1_000, 500
"""Characters: what a user gave is repeated, however long it is."""

_LONGEST_WORD = 160
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 40},}}")


class FundusError(Exception):
    """Something the user supplied cannot be used as it is."""

    def __init__(self, message: str, *, hint: str) -> None:
        """Stores what happened and what to do about it.

        Args:
            message: What is wrong, with the offending value and the expected one.
            hint: The next step, as an imperative sentence.
        """
        self.message = shortened(message, _LONGEST_MESSAGE)
        self.hint = shortened(hint, _LONGEST_HINT)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets an error of a worker reach the process that waits for it, with all it says."""
        return _revived, (type(self), self.args), self.__dict__


def shortened(text: str, most: int) -> str:
    """Returns a text that can be read: of one that is too long, the ends of its long words.

    Where these are still too long together, the middle is left out.

    Args:
        text: Any.
        most: Characters that stay; how many are left out is said besides.

    Examples:
        >>> shortened("a" * 10, 4)
        'aa [... 6 characters ...] aa'
    """
    if len(text) <= most:
        return text
    by_words = _LONG_WORD.sub(lambda word: _ends(word[0], _LONGEST_WORD), text)
    return by_words if len(by_words) <= most else _ends(by_words, most)


def _ends(text: str, most: int) -> str:
    half = most // 2
    return f"{text[:half]} [... {len(text) - 2 * half:,} characters ...] {text[-half:]}"


def _revived(kind: type[FundusError], args: tuple[Any, ...]) -> FundusError:
    """Returns an error before its attributes are set; kinds differ in what they are made of."""
    return kind.__new__(kind, *args)


class ParameterError(FundusError, ValueError):
    """A number or a name is not one of those taken; for callers in Python, a `ValueError` too."""


class DataError(FundusError):
    """A folder, table or archive cannot be read as a set of fundus photographs."""


class EmptyTableError(DataError):
    """A table has no row below its header, or no header either."""


class ImageError(FundusError):
    """One photograph cannot be decoded as it is."""

    def __init__(self, reason: str, message: str, *, hint: str) -> None:
        """Stores a reason code beside the sentence.

        Args:
            reason: One of `fundus_core.domain.dataset.RejectReason`, for counting.
            message: What is wrong with this file.
            hint: The next step.
        """
        super().__init__(message, hint=hint)
        self.reason = reason


class TargetError(FundusError):
    """The chosen target column cannot be learned or evaluated."""


class WeightsError(FundusError):
    """A backbone's weights are absent, or are not those of its architecture."""


class BackboneError(FundusError):
    """The chosen backbone is unknown, or does not do what was asked of it."""


class MemoryLimitError(FundusError):
    """Even one image does not fit into the device's memory."""


class StoreError(FundusError):
    """A result could not be written to, or found in, the workspace."""


class SingleClassError(FundusError):
    """A ROC curve was asked of labels that contain one class only."""


class ScoresError(FundusError):
    """A model's scores do not fit the labels they are compared on."""


class NoVarianceError(FundusError):
    """A test has no variance to divide the difference by."""


class DifferentImagesError(FundusError):
    """Two models were evaluated on different images."""


class FoldError(FundusError):
    """The images cannot be split into folds that each hold both classes."""


class TrainingError(FundusError):
    """A network cannot be trained as asked, or its loss is no longer a number."""


class StudyError(FundusError):
    """A study file cannot be read, or asks for what cannot be run."""


class SaliencyError(FundusError):
    """A saliency map would be constant, not finite or of the wrong shape."""


class JobError(FundusError):
    """A job is unknown, or cannot be started or cancelled as it is."""


class ClusterError(FundusError):
    """A cluster is not at hand, or one of its nodes cannot do its part."""
