"""The rules that hold the parts together: who may import whom, and what is written nowhere."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = ROOT / "app.py"
MODULES = sorted(ROOT.glob("fundus_core/**/*.py"))
PAGES = sorted(page for page in ROOT.glob("pages/**/*.py") if page.name != "__init__.py")
DASHBOARD = [*([APP] if APP.exists() else []), *PAGES]
PRODUCT = [*MODULES, *DASHBOARD, *sorted(ROOT.glob("scripts/*.py"))]
UNPICKLES = ROOT / "fundus_core" / "backbones" / "pickled.py"
"""The one file that may, in a process of its own and for files that the user says he trusts."""

OPENS_CONNECTIONS = {
    ROOT / "fundus_core" / "io" / f"download{part}.py" for part in ("", "_answers")
}
"""The only files that may, for `fundus backbones fetch`."""

TRIES_A_PORT = ROOT / "fundus_core" / "cli" / "ports.py"
"""The one file that may, before the dashboard is started; it listens to nobody."""

EXPANDS_HOMES = ROOT / "fundus_core" / "io" / "typed_paths.py"
"""The one file that may: of a user whom nobody knows, Python says so by an error for no reader."""

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

SAVES_TENSORS = ROOT / "fundus_core" / "io" / "tensors.py"
"""The one file that may let safetensors write a file: that would be for its owner only."""

HANDED_OVER = ROOT / "fundus_core" / "workflows" / "single" / "one_photograph.py"
"""The one file that reads photographs of no data set, which have no id."""

OPENS_ANY_PICTURE = {ROOT / "fundus_core" / "phantom" / "demo.py"}
"""The one file that may, of what it has drawn itself: PIL's own opening starts other programs."""

READ_WHOLE = {
    "this machine's": {"backbones/costs", "compute"},
    "the program's": {"caution_codes", "ui/glossary", "backbones/costs"},
    "the administrator's": {"ui/secret_files"},
    "the workspace's, which nobody else writes": {
        "jobs/files", "jobs/runner", "jobs/store", "phantom/demo", "ui/components/study_picker",
        "ui/report_caches", "workflows/data/pseudonym_key", "workflows/models/precomputed",
        "workflows/reports/bundle",
    },
    "of a kind and size that were looked at before": {
        "backbones/flair_text", "imports/hugging_face", "io/files", "io/picture_files",
        "workflows/reports/bundle_staging",
    },
}  # fmt: skip
"""Whose files a module reads whole; `io/bounded.py` reads those that somebody names: never a pipe,
a device, or more than was agreed."""

LAYERS = (  # from the top down
    {"ui"},
    {"jobs", "cli", "notebook", "notebook_arguments", "__main__"},
    {"workflows", "studies"},
    {"plots", "caution_codes", "checks", "spelling", "report", "tables", "exports"},
    {
        "adapters",
        "imports",
        "probe_fits",
        "probes",
        "ridge_preview",
        "finetune",
        "pretraining",
        "segmentation",
        "projections",
        "splits",
        "similarity",
        "agreement",
        "look_alikes",
        "shortcuts",
        "zero_shot",
        "explain",
        "stats",
        "embedding",
        "scale",
    },
    {"backbones", "io", "phantom", "preprocessing", "geometry", "compute"},
    {"domain"},
    {"errors"},
)

LONGEST_PAGE, LONGEST_APP = 90, 75

SLOW_TO_IMPORT = {
    "matplotlib",
    "numba",
    "open_clip",
    "openTSNE",
    "openvino",
    "pacmap",
    "pytorch_grad_cam",
    "scipy.stats",
    "sklearn",
    "statsmodels",
    "timm",
    "torch",
    "torchvision",
    "transformers",
    "umap",
}
NETWORKS = {"aiohttp", "ftplib", "http", "httpx", "httpx2", "requests", "socket", "urllib3"}
OPENS_PICTURES = {"Image.open", "PIL.Image.open", "cv2.imread", "cv2.imdecode", "plt.imread"}
DOWNLOADS = {
    "hf_hub_download",
    "load_state_dict_from_url",
    "snapshot_download",
    "urlopen",
    "urlretrieve",
}
RUNS_CODE_WHEN_READ = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def _id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True, slots=True)
class Written:
    """What a file says, as far as a rule asks."""

    imports: frozenset[str]
    """Every absolute name it imports, also those imported inside functions."""

    relative: tuple[int, ...]
    """Lines of imports that begin with a dot."""

    attributes: frozenset[str]
    """`a.b.c` of every attribute."""

    keywords: frozenset[tuple[str, object]]
    """Arguments by name of every call, with their value where it is a constant."""

    calls: tuple[tuple[str, frozenset[str | None]], ...]
    """Every call of an attribute: what is called, and the names of its arguments."""


@cache
def _written(path: Path) -> Written:
    imports, keywords, attributes = set[str](), set[tuple[str, object]](), set[str]()
    relative, calls = list[int](), list[tuple[str, frozenset[str | None]]]()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module}.{alias.name}" for alias in node.names}
            relative += [node.lineno] * bool(node.level)
        elif isinstance(node, ast.Attribute):
            attributes.add(ast.unparse(node))
        elif isinstance(node, ast.keyword) and node.arg:
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            keywords.add((node.arg, value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = frozenset(word.arg for word in node.keywords)
            calls.append((ast.unparse(node.func), words))
    return Written(
        frozenset(imports),
        tuple(relative),
        frozenset(attributes),
        frozenset(keywords),
        tuple(calls),
    )


def _wrong(paths: Iterable[Path], rule: Callable[[Path], object]) -> dict[str, object]:
    """Returns what a rule finds wrong, by file."""
    return {_id(path): found for path in paths if (found := rule(path))}


def _layer(module: str) -> int | None:
    """Returns how far down a module of ours lies; None for what is in no layer."""
    name = module.removeprefix("fundus_core").removeprefix(".").partition(".")[0]
    return next((depth for depth, names in enumerate(LAYERS) if name in names), None)


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "fundus_core"


def _last(path: Path) -> set[str]:
    """Returns the last name of every attribute."""
    return {name.rpartition(".")[2] for name in _written(path).attributes}


def _calls_without(path: Path, called: Callable[[str], bool], word: str) -> list[str]:
    """Returns calls of a function that are not told what they must be told."""
    return [name for name, words in _written(path).calls if called(name) and word not in words]


def test_every_module_has_a_layer() -> None:
    modules = [_module(path) for path in MODULES]

    assert not [name for name in modules if name != "fundus_core" and _layer(name) is None]


def test_imports_point_down() -> None:
    def upward(path: Path) -> set[str]:
        own = _layer(_module(path))
        layers = {name: _layer(name) for name in _written(path).imports if _is_ours(name)}
        if own is None:
            return set()
        return {name for name, layer in layers.items() if layer is not None and layer < own}

    assert not _wrong(MODULES, upward)


def test_imports_are_absolute() -> None:
    assert not _wrong(PRODUCT, lambda path: _written(path).relative)


def test_only_the_ui_layer_knows_streamlit() -> None:
    below = [path for path in MODULES if _layer(_module(path)) != 0]

    assert below
    assert not _wrong(
        below,
        lambda path: "streamlit" in {name.split(".")[0] for name in _written(path).imports},
    )


def test_only_state_names_session_keys_and_only_wiring_caches() -> None:
    def misused(path: Path) -> set[str]:
        allowed = {
            "fundus_core/ui/state.py": {"session_state"},
            "fundus_core/ui/outside.py": {"session_state"},  # which state itself needs
            "fundus_core/ui/wiring.py": {"cache_data", "cache_resource"},
        }
        if path.match("fundus_core/ui/*_caches.py"):
            allowed[_id(path)] = {"cache_data", "cache_resource"}
        used = _last(path) & {"session_state", "cache_data", "cache_resource"}
        return used - allowed.get(_id(path), set())

    assert not _wrong([*MODULES, *DASHBOARD], misused)


def test_no_html_of_ours_reaches_the_browser_unescaped() -> None:
    def unescaped(path: Path) -> set[str]:
        names = {name for name, _ in _written(path).keywords}
        return names & {"unsafe_allow_html", "unsafe_allow_javascript"}

    assert not _wrong([*MODULES, *DASHBOARD], unescaped)


def test_nothing_is_read_that_could_run_code() -> None:
    def could_run(path: Path) -> set[object]:
        used = _written(path).imports | _written(path).attributes
        used -= {"pickle", "pickle.UnpicklingError"}  # torch.load refuses by raising this error
        told = {("weights_only", False), ("allow_pickle", True)}
        readers = {name.split(".")[0] for name in used} & RUNS_CODE_WHEN_READ
        return readers | (_written(path).keywords & told)

    assert not _wrong([path for path in PRODUCT if path != UNPICKLES], could_run)


def test_pictures_are_opened_by_the_readers_of_io() -> None:
    others = [path for path in [*MODULES, *DASHBOARD] if path not in OPENS_ANY_PICTURE]

    assert not _wrong(others, lambda path: OPENS_PICTURES & _written(path).attributes)


def test_files_that_somebody_names_are_read_within_bounds() -> None:
    def reads_whole(path: Path) -> set[str]:
        return _last(path) & {"read_text", "read_bytes"}

    found = [_id(path) for path in [*MODULES, *DASHBOARD] if reads_whole(path)]

    known = set().union(*READ_WHOLE.values())
    assert {name.removeprefix("fundus_core/").removesuffix(".py") for name in found} == known


def test_photographs_are_read_by_whose_they_are() -> None:
    """Else another photograph that has taken a file's place would be taken for the first."""

    def nobodys(path: Path) -> set[str]:
        calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
        return {
            ast.unparse(one)
            for one in calls
            if ast.unparse(one.func) == "read_image"
            and "image_id" not in {given.arg for given in one.keywords}
        }

    readers = [path for path in MODULES if path != HANDED_OVER]
    assert not _wrong(readers, nobodys)


def test_what_unpickles_does_it_in_a_process_of_its_own() -> None:
    functions = [node for node in _tree(UNPICKLES).body if isinstance(node, ast.FunctionDef)]
    unpickling = [
        function.name for function in functions if "weights_only=False" in ast.unparse(function)
    ]
    users = [
        path for path in PRODUCT if "fundus_core.backbones.pickled.main" in _written(path).imports
    ]

    assert unpickling == ["main"]  # which only the code of the child process calls
    assert not users


def test_only_downloads_open_connections() -> None:
    def opens(path: Path) -> set[object]:
        imports = _written(path).imports
        last = {name.rpartition(".")[2] for name in imports} | _last(path)
        networks = {name.partition(".")[0] for name in imports} & NETWORKS
        return networks | (last & DOWNLOADS) | (_written(path).keywords & {("pretrained", True)})

    allowed = {*OPENS_CONNECTIONS, TRIES_A_PORT}
    others = [path for path in [*MODULES, *DASHBOARD] if path not in allowed]

    assert opens(TRIES_A_PORT) == {"socket"}
    assert not _wrong(others, opens)


def test_a_port_is_tried_without_a_connection() -> None:
    used = _last(TRIES_A_PORT)

    assert "bind" in used
    assert not used & {"accept", "connect", "connect_ex", "listen", "recv", "send", "sendto"}


def test_home_folders_are_named_in_one_place() -> None:
    assert "expanduser" in _last(EXPANDS_HOMES)
    assert not _wrong(
        [path for path in PRODUCT if path != EXPANDS_HOMES],
        lambda path: _last(path) & {"expanduser"},
    )


def test_libraries_that_can_download_are_told_not_to() -> None:
    def called(name: str) -> bool:
        return name.endswith(".from_pretrained")

    assert not _wrong(MODULES, lambda path: _calls_without(path, called, "local_files_only"))


def test_torch_load_is_told_to_read_weights_only() -> None:
    def called(name: str) -> bool:
        return name == "torch.load"

    assert not _wrong(PRODUCT, lambda path: _calls_without(path, called, "weights_only"))


def test_files_of_tensors_are_written_in_one_place() -> None:
    def writes(path: Path) -> set[str]:
        used = _written(path).imports | _written(path).attributes
        return {name for name in used if name.rpartition(".")[2] in {"save_file", "save_model"}}

    assert writes(SAVES_TENSORS)
    assert not _wrong([path for path in PRODUCT if path != SAVES_TENSORS], writes)


def test_every_page_is_in_the_navigation() -> None:
    if not APP.exists():
        pytest.skip("there is no app.py yet")
    router = APP.read_text(encoding="utf-8")

    forgotten = [_id(page) for page in PAGES if f'"{_id(page)}"' not in router]
    missing = [
        page for page in re.findall(r'"(pages/[^"]+)"', router) if not (ROOT / page).exists()
    ]

    assert not forgotten
    assert not missing


def test_no_page_lies_directly_in_the_pages_folder() -> None:
    assert not list(ROOT.glob("pages/*.py")), "see the comment on PAGES in app.py"


@pytest.mark.parametrize("path", DASHBOARD, ids=_id)
def test_pages_choose_and_draw_and_do_no_more(path: Path) -> None:
    longest = LONGEST_APP if path == APP else LONGEST_PAGE

    assert len(path.read_text(encoding="utf-8").splitlines()) <= longest
    # A class would be another one at each rerun of the page.
    assert not [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]


def _imported_in_a_new_process(names: set[str]) -> set[str]:
    """Returns all modules that are loaded once the given ones are imported."""
    code = (
        f"import importlib, sys\nfor name in {sorted(names)}:\n    importlib.import_module(name)\n"
    )
    code += "sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def _modules_behind(paths: list[Path]) -> set[str]:
    """Returns the modules of ours that the given files import when they are run."""
    known = {_module(path) for path in MODULES}
    names = {name for path in paths for name in _written(path).imports if _is_ours(name)}
    return {name for name in names if name in known} | {
        name.rpartition(".")[0] for name in names if name.rpartition(".")[0] in known
    }


def test_the_dashboard_opens_without_the_slow_imports() -> None:
    ui = {_module(path) for path in MODULES if _layer(_module(path)) == 0}

    loaded = _imported_in_a_new_process(ui | _modules_behind(DASHBOARD))

    assert not loaded & SLOW_TO_IMPORT


def test_a_job_is_watched_over_by_a_small_process() -> None:
    loaded = _imported_in_a_new_process({"fundus_core.jobs.runner"})

    assert not loaded & (SLOW_TO_IMPORT | {"numpy", "pandas"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=_id)
def test_documents_name_no_missing_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = r"(?:fundus_core|pages|tests|docs|scripts|benchmarks|\.streamlit|\.ci)"

    linked = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    named = re.findall(rf"`({folders}/[\w./-]*)`", text)
    missing = [name for name in linked if not (path.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]

    assert not missing
