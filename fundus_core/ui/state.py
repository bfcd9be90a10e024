"""What the session remembers between pages; the only module that names a session key of pages.

What matters is also in the address (data set, backbones, runs, class, threshold, photograph,
filters, selection), so that a view can be bookmarked and sent to a colleague. Of the selection the
address holds a short key, under which the workspace keeps it. The session is the truth and widgets
are views of it: a widget's own value is gone once the widget is not drawn.
"""

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.ui import messages, outside, text, wiring
from fundus_core.ui.components import damage_notice
from fundus_core.ui.session import ADDRESS, FIXED_BEFOREHAND, OF_ONE_DATASET, Session
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.data.selections import keep_selection, kept_selection
from fundus_core.workflows.models.run_record import Run

KEY = "fundus.session"


def current() -> Session:
    """Returns this tab's session, in step with the address; call it at the start of a page."""
    session: Session = st.session_state.setdefault(KEY, Session())
    address = _read_address()
    if address != session.address:
        _adopt(session, address)
    _write_address(session)
    return session


def is_new() -> bool:
    """Says whether this tab was just opened, at no view in particular."""
    return KEY not in st.session_state and not _read_address()


def choose(**changes: Any) -> None:
    """Changes fields of the session, and the address with them.

    Choosing another data set forgets what belongs to the one before.
    """
    session = current()
    if session.dataset_id and changes.get("dataset_id", session.dataset_id) != session.dataset_id:
        _forget_dataset(session)
    for name, value in changes.items():
        if not hasattr(session, name):
            raise AttributeError(f"The session has no {name!r}.")
        setattr(session, name, tuple(value) if isinstance(value, list) else value)
    if "selection" in changes:
        _keep_selection(session, changes.get("selection_origin", ""))
    _write_address(session)


def select(image_ids: Sequence[str], origin: str = "") -> None:
    """Makes photographs the selection of all pages; none of them lets go of it.

    Args:
        image_ids: Each once.
        origin: Where they came from, in a few words.
    """
    choose(selection=tuple(image_ids), selection_origin=origin)


def bound(
    name: str, options: Sequence[Any] | None = None, *, key: str = "", aside: Collection[Any] = ()
) -> dict[str, Any]:
    """Returns the arguments that make a widget show and change a field of the session.

    Use it as `st.selectbox("Map", options, **state.bound("method", options))`.

    Args:
        name: Field of `Session`.
        options: What the widget offers; the field falls back to the first (for a tuple: to those
            offered) when it holds something else.
        key: The widget's key; by default `choice.NAME`. Needed when two widgets share a field.
        aside: Entries of a tuple that the widget does not offer and that stay chosen all the same,
            for other pages.
    """
    key = key or f"choice.{name}"
    held = getattr(current(), name)
    value = _offered(held, options if options is None else [*options, *aside])
    if value != held:
        choose(**{name: value})
    shown = _offered(value, options)
    st.session_state[key] = list(shown) if isinstance(shown, tuple) else shown
    return {"key": key, "on_change": outside.callback(_take), "args": (name, key, aside)}


def filtered(column: str, chosen: Sequence[str]) -> dict[str, Any]:
    """Returns the arguments that make a widget show and change the filter of one column.

    Args:
        column: Of the data set's table.
        chosen: Its values that are chosen and on offer.
    """
    key = f"images.filter.{column}"
    st.session_state[key] = list(chosen)
    return {"key": key, "on_change": outside.callback(_take_filter), "args": (column, key)}


def preset(key: str, value: Any) -> None:
    """Gives a widget its first value, where none was entered yet; call it before drawing it."""
    st.session_state.setdefault(key, value)


def remembered(key: str, default: Any) -> Any:
    """Returns what a widget that is drawn further down said last; else the default."""
    return st.session_state.get(key, default)


def keep(name: str, made: Any) -> None:
    """Keeps what the press of a button made, until another press or another data set.

    A button says that it was pressed only once: whatever is drawn under it alone is gone as soon as
    the reader touches anything else.

    Args:
        name: Tells apart what one tab keeps.
        made: The result; None to let go of it.
    """
    current().made[name] = made


def kept(name: str) -> Any:
    """Returns what was kept under a name, or None."""
    return current().made.get(name)


def selected_points(key: str) -> dict[str, Any]:
    """Returns what was just selected on a chart: `points`, `box` and `lasso`."""
    state = st.session_state.get(key)
    return dict(state["selection"]) if state else {"points": [], "box": [], "lasso": []}


def open_awaited() -> None:
    """Opens the data set that a job was reading, once it is there, and draws the page anew."""
    awaited = current().awaited_dataset
    if awaited and any(summary.id == awaited for summary in wiring.datasets()):
        choose(dataset_id=awaited, awaited_dataset="")
        st.rerun()  # the menu in the sidebar was drawn before


def require_dataset() -> DatasetSummary:
    """Returns the open data set, or ends the page by saying where to open one.

    A new tab opens the data set that was opened last in this workspace.
    """
    session = current()
    known = {summary.id: summary for summary in wiring.datasets()}
    if not session.dataset_id and known:
        choose(dataset_id=next(iter(known)))
    if session.dataset_id not in known:
        _ask_for_dataset(session.dataset_id)
        st.stop()
    return known[session.dataset_id]


def require_runs(minimum: int = 1) -> tuple[Run, ...]:
    """Returns the runs of the open data set, newest first; or ends the page: how to get some."""
    dataset = require_dataset()
    runs = wiring.runs(dataset.id)
    damage_notice.notice("runs")
    if len(runs) < minimum:
        _ask_for_runs(dataset, minimum, len(runs))
        st.stop()
    _drop_unknown_runs({run.id for run in runs})
    return runs


def _ask_for_dataset(unknown: str) -> None:
    """Says where to open a data set, and which one of the address is not there."""
    damage_notice.notice("datasets")
    if unknown:
        st.warning(
            f"The address names the data set {text.code(unknown)}, which was not opened in this "
            "workspace."
        )
    st.info("Open a data set first, on the **Overview** page: the demo photographs take one click.")
    messages.next_step("pages/data/overview.py", "Open a data set", ":material/folder_open:")


def _ask_for_runs(dataset: DatasetSummary, minimum: int, have: int) -> None:
    """Says how many evaluated models are missing and where to make them."""
    st.info(
        f"This page needs at least {text.count(minimum, 'evaluated model')}; "
        f"{text.code(dataset.name)} has {text.count(have, 'evaluated model')}. Fit a probe first, "
        "on the **Linear probe** page."
    )
    messages.next_step(
        "pages/model/linear_probe.py", "Fit a linear probe", ":material/linear_scale:"
    )


def _drop_unknown_runs(known: set[str]) -> None:
    """Says which runs of the address are not there, and goes on without them."""
    unknown = [run_id for run_id in current().run_ids if run_id not in known]
    if unknown:
        names = ", ".join(text.code(run_id) for run_id in unknown)
        st.warning(f"The address names {names}, which is no run of this data set; it is left out.")
        choose(run_ids=tuple(run_id for run_id in current().run_ids if run_id in known))


def _take(name: str, key: str, aside: Collection[Any]) -> None:
    """Copies a widget's new value into the session, behind it what the widget does not offer."""
    value = st.session_state[key]
    if aside:
        value = [*value, *(entry for entry in getattr(current(), name) if entry in aside)]
    choose(**{name: value})


def _take_filter(column: str, key: str) -> None:
    """Copies the values of a filter into the session; those of other columns stay."""
    others = [one for one in current().filters if not one.startswith(f"{column}=")]
    choose(filters=(*others, *(f"{column}={value}" for value in st.session_state[key])))


def _offered(value: Any, options: Sequence[Any] | None) -> Any:
    """Returns the value if it is offered, else what comes nearest to it."""
    if options is None:
        return value
    if isinstance(value, tuple):
        return tuple(entry for entry in value if entry in options)
    return value if value in options else next(iter(options), value)


def _forget_dataset(session: Session) -> None:
    """Empties what belonged to the data set before."""
    fresh = Session()
    for name in OF_ONE_DATASET:
        setattr(session, name, getattr(fresh, name))
    session.selection_count += 1


def _forget_all_but(session: Session, address: Collection[str]) -> None:
    """Empties what an address does not name."""
    fresh = Session()
    for name, held_in in ADDRESS.items():
        if name not in address:
            setattr(session, held_in, getattr(fresh, held_in))
    if not session.selection_key and "selection" in session.address:
        session.selection, session.selection_origin = (), ""
        session.selection_count += 1


def _keep_selection(session: Session, origin: str) -> None:
    """Stores a new selection, so that the address can name it; without one it still holds."""
    session.selection_count += 1
    session.selection_origin = origin if session.selection else ""
    session.lost_selection = ""
    session.only = session.only if session.selection else ""
    try:
        session.selection_key = keep_selection(
            wiring.workspace(), session.dataset_id, session.selection, origin=origin
        )
    except FundusError:  # a full disk, or a workspace to be looked at only
        session.selection_key = ""


def _find_selection(session: Session, key: str) -> None:
    """Takes over the selection that an address names, or notes that it is not there."""
    found = kept_selection(wiring.workspace(), session.dataset_id, key)
    session.selection = found.image_ids if found else ()
    session.selection_key = key if found else ""
    session.selection_origin = found.origin if found else ""
    session.lost_selection = "" if found else key
    session.selection_count += 1


def _read_address() -> dict[str, tuple[str, ...]]:
    """Returns our part of the address: name -> values, those without a value left out."""
    given = [name for name in st.query_params if name in ADDRESS]  # to ask for each takes long
    values = {name: tuple(dict.fromkeys(st.query_params.get_all(name))) for name in given}
    return {name: entries for name, entries in values.items() if any(entries)}


def _adopt(session: Session, address: dict[str, tuple[str, ...]]) -> None:
    """Takes over what a new address says; a page change clears it, which says nothing."""
    views = session.views
    if address.get("dataset", (session.dataset_id,))[0] != session.dataset_id:
        _forget_dataset(session)
    elif session.address and address:
        _forget_all_but(session, address)  # back or forward: to a view without the others
    for name, entries in address.items():
        held = getattr(session, ADDRESS[name])
        if name == "threshold":
            session.threshold = _share(entries[0])
        elif name == "selection":
            if entries[0] != held:
                _find_selection(session, entries[0])
        else:
            setattr(session, ADDRESS[name], entries if isinstance(held, tuple) else entries[0])
    session.view_count += session.views != views


def _share(entry: str) -> float:
    """Returns the threshold that an address holds; what a tab starts with for anything else."""
    try:
        number = float(entry)
    except ValueError:
        return FIXED_BEFOREHAND
    return number if 0 <= number <= 1 else FIXED_BEFOREHAND


def _write_address(session: Session) -> None:
    """Makes the address say what the session holds."""
    wanted = {}
    for name, held_in in ADDRESS.items():
        held = getattr(session, held_in)
        entries = held if isinstance(held, tuple) else () if held in {None, ""} else (held,)
        if entries and held != getattr(Session(), held_in):
            wanted[name] = tuple(
                map(str, entries)
            )  # of a float, all digits that tell it from others
    if wanted != _read_address():
        others = [name for name in st.query_params if name not in ADDRESS]
        said = {name: tuple(st.query_params.get_all(name)) for name in others} | wanted
        st.query_params.from_dict(said)  # at once: else each name is a step of the arrows
    session.address = wanted
