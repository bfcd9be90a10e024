"""What a data set holds: figures, classes, splits, and what was left out."""

import pandas as pd
import streamlit as st

from fundus_core.checks import left_out_said
from fundus_core.domain.dataset import NO_ROWS, FundusDataset
from fundus_core.plots.dataset import class_bars, class_counts
from fundus_core.tables import safe_csv
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.ui.glossary import help_for


def figures(dataset: FundusDataset) -> None:
    """Draws the numbers of photographs, patients, eyes and rejected rows."""
    eyes = dataset.table["eye"].value_counts()
    splits = dataset.table["split"].value_counts()
    with st.container(horizontal=True, gap="xsmall"):
        st.metric("Photographs", f"{len(dataset):,}", border=True, help=help_for("photograph"))
        known = dataset.n_patients
        n_patients = "unknown" if known is None else f"{known:,}"
        st.metric("Patients", n_patients, border=True, help=help_for("patient"))
        st.metric("Eyes named", _listed(eyes) or "none", border=True, help=help_for("eye"))
        st.metric("Splits", _listed(splits) or "none", border=True, help=help_for("split"))
        st.metric(
            "Rejected", f"{len(dataset.rejected):,}", border=True, help=help_for("rejected row")
        )


def classes(dataset: FundusDataset) -> None:
    """Draws the photographs per class for one target, as bars and as a table."""
    if dataset.columns_left_out:
        columns = ", ".join(text.escaped(name) for name in dataset.columns_left_out)
        st.caption(f"Left out while names are hidden, as they may tell patients apart: {columns}.")
    if not dataset.targets:
        st.info(
            "No label column was found: embeddings and maps work, probes need one. Name it with "
            "the form below, or put the photographs into one sub-folder per class."
        )
        return
    names = [target.name for target in dataset.targets]
    chosen = st.selectbox("Target", names, key="overview.target", help=help_for("target"))
    target = dataset.target(chosen)
    drawn = class_bars(dataset, target)
    st.plotly_chart(
        drawn,
        key="overview.classes",
        alt=f"Photographs per class of {target.name}. {_in_words(class_counts(dataset, target))}.",
        config={"displayModeBar": False},
    )
    with st.expander("The same as a table"):
        counts = class_counts(dataset, target)
        st.dataframe(counts, alt=f"Photographs per class of {target.name}")
        said = f"Photographs of {dataset.name} per class of {target.name}."
        found = downloads.of_dataset()
        downloads.table(
            counts.reset_index(), name="classes", caption=said, methods="", cautions=found
        )
        downloads.figure(drawn, name="class-bars", caption=said, methods="", cautions=found)
    st.caption(f"{target.task}: {', '.join(text.escaped(name) for name in target.classes)}")


def rejected(dataset: FundusDataset) -> None:
    """Draws the rows that were left out, by reason and one by one; nothing where there are none."""
    if not dataset.rejected:
        return
    rows = pd.DataFrame(
        [(row.reason, row.path, row.detail) for row in dataset.rejected],
        columns=["reason", "path", "detail"],
    )
    number = int((~rows["reason"].isin(NO_ROWS)).sum())
    said = [f"{number:,} of {len(dataset) + number:,} rows were rejected"] if number else []
    said += [f"{left_out} left out"] if (left_out := left_out_said(dataset)) else []
    st.subheader("; ".join(said))
    counts = rows["reason"].value_counts()
    st.markdown(" · ".join(f"{text.code(reason)} {count:,}" for reason, count in counts.items()))
    st.dataframe(rows, hide_index=True, height=240, alt="Rejected rows with reasons")
    st.download_button(
        "Download this list",
        safe_csv(rows).encode(),
        f"{dataset.name}-rejected.csv",
        "text/csv",
        key="overview.rejected",
        icon=":material/download:",
        on_click="ignore",
    )


def _in_words(counts: pd.DataFrame) -> str:
    """Returns how many photographs each class has, over all splits."""
    return "; ".join(f"{name} {total:,}" for name, total in counts.sum(axis=1).items())


def _listed(counts: "pd.Series[int]") -> str:
    return " · ".join(f"{name} {count:,}" for name, count in counts.items())
