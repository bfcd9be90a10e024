"""A study of other data than its file's: the reader's own."""

from fundus_core.errors import StudyError
from fundus_core.io.typed_paths import followed
from fundus_core.io.workspace import Workspace
from fundus_core.studies.document import ColumnRole, DataPart, StudyDocument
from fundus_core.workflows.data.datasets import dataset_summary, stored_dataset


def on_other_data(
    workspace: Workspace, study: StudyDocument, dataset_id: str, target: str
) -> StudyDocument:
    """Returns a study with all of its data sets replaced by one that was opened before.

    Args:
        workspace: Where the data set is remembered.
        study: What is asked.
        dataset_id: Of the data set.
        target: What to predict there.

    Raises:
        StudyError: If no target is named.
        DataError: If the data set is unknown.
        TargetError: If it has no such target.
    """
    if not target:
        raise StudyError(
            "A study of other data needs to know what to predict there.",
            hint="Name a column by --target.",
        )
    summary = dataset_summary(workspace, dataset_id)
    stored_dataset(workspace, dataset_id).target(target)
    source, columns = summary.source, summary.source.columns
    named: dict[ColumnRole, str | None] = {
        "path": columns.path,
        "patient": columns.patient,
        "eye": columns.eye,
        "split": columns.split,
    }
    part = DataPart(
        name=summary.name,
        source=str(followed(source.path)),
        table=None if source.table is None else str(followed(source.table)),
        columns={key: value for key, value in named.items() if value is not None},
        target=target,
    )
    return study.model_copy(update={"data": [part]})
