"""Errors a user can act on.

A page shows `message` and `hint`; the command line prints both and exits with 2. Anything that is
not a `FundusError` is a defect of ours and is left to propagate.
"""

from typing import Any


class FundusError(Exception):
    """Something the user supplied cannot be used as it is."""

    def __init__(self, message: str, *, hint: str) -> None:
        """Stores what happened and what to do about it.

        Args:
            message: What is wrong, with the offending value and the expected one.
            hint: The next step, as an imperative sentence.
        """
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets an error of a worker reach the process that waits for it, with all it says."""
        return _revived, (type(self), self.args), self.__dict__


def _revived(kind: type[FundusError], args: tuple[Any, ...]) -> FundusError:
    """Returns an error before its attributes are set; kinds differ in what they are made of."""
    return kind.__new__(kind, *args)


class DataError(FundusError):
    """A folder, table or archive cannot be read as a set of fundus photographs."""


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
